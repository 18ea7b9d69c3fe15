// Does every byte arrive once and in order, whatever the transport does, and is the end told right?

#include "peers.h"

#define MB         (1024 * 1024)
#define RECORD_MAX 16384

static void connect_version(pair_t *pair, int version) {
    setup_t setup = verified_setup();
    set_version(&setup, version);
    pair_connect(pair, &setup);
}

// Runs a test of a connected pair with every version.
static void with_every_version(void (*check)(pair_t *pair)) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        pair_t pair;
        connect_version(&pair, all_versions[v]);
        check(&pair);
        pair_close(&pair);
    }
}

static size_t write_message(endpoint_t *endpoint, const char *message) {
    size_t count;
    endpoint_write(endpoint, message, strlen(message), &count);
    return count;
}

// Reads until nothing more comes and compares.
static void assert_reads(endpoint_t *endpoint, const char *expected) {
    char buf[200];
    size_t len = 0;
    size_t count;
    while (endpoint_read(endpoint, buf + len, sizeof(buf) - len, &count) == TLS_OK) {
        len += count;
    }
    require(endpoint, len == strlen(expected) && memcmp(buf, expected, len) == 0, "read \"%.*s\"", (int)len, buf);
}

// ---------------------------------------------------------------------------------------------------------------------
// Transfer

TEST(megabytes_both_ways) {
    static const struct {
        size_t client_bytes;
        size_t server_bytes;
        size_t chunk;
        size_t room;
        bool block;
        bool abort;
    } cases[] = {
        {3 * MB, 0, WIRE_NEVER, WIRE_NEVER, false, false},
        {0, 3 * MB, WIRE_NEVER, WIRE_NEVER, false, false},
        {MB, MB, WIRE_NEVER, 5000, false, false},
        {MB, MB, 1460, 100000, true, false},
        {MB, MB, WIRE_NEVER, WIRE_NEVER, false, true},
        {100000, 100000, 13, 500, true, true},
        {20000, 20000, 1, WIRE_NEVER, true, false},
        {20000, 20000, 1, 1, false, true},
    };
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        pair_t pair;
        connect_version(&pair, all_versions[v]);
        for (size_t i = 0; i < COUNT(cases); i++) {
            wire_end_t *const ends[] = {&pair.client.wire, &pair.server.wire};
            for (size_t end = 0; end < 2; end++) {
                ends[end]->chunk = cases[i].chunk;
                ends[end]->room = cases[i].room;
                ends[end]->block_random = cases[i].block ? test_seed() : 0;
                ends[end]->abort_random = cases[i].abort ? test_seed() + 1 : 0;
            }
            pair_transfer(&pair, cases[i].client_bytes / test_stride(1), cases[i].server_bytes / test_stride(1));
        }
        pair_close(&pair);
    }
}

// Everything that two programs do with a connection, with one call of the transport aborted.
static void check_whole_life(pair_t *pair) {
    assert_true(pair_handshake(pair));
    pair_transfer(pair, 20000, 20000);
    pump(pair, endpoint_close_notify, endpoint_read_some);
    assert_status(&pair->client, TLS_OK);
    assert_status(&pair->server, TLS_CLOSED);
    pump(pair, endpoint_read_some, endpoint_close_notify);
    assert_status(&pair->client, TLS_CLOSED);
    assert_status(&pair->server, TLS_OK);
}

TEST(abort_at_every_call) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        pair_t pair;
        connect_version(&pair, all_versions[v]);
        pair_reopen(&pair);
        check_whole_life(&pair);
        size_t calls[] = {pair.client.wire.calls, pair.server.wire.calls};
        for (size_t end = 0; end < 2; end++) {
            // The handshake alone is in handshake.c; here every fifth of its calls is enough, and the rest are many.
            for (size_t call = 0; call < calls[end]; call += test_stride(5)) {
                pair_reopen(&pair);
                (end == 0 ? &pair.client : &pair.server)->wire.abort_at = call;
                check_whole_life(&pair);
            }
        }
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Writing

static void check_blocked_write(pair_t *pair) {
    endpoint_t *server = &pair->server;
    server->wire.send_blocked = true;
    size_t count;
    assert_int_equal(endpoint_write(server, "first,", 6, &count), TLS_OK);
    assert_int_equal(count, 6);
    assert_true(tls_connection_output_pending(server->connection));
    // As long as the first is not sent nothing is taken, however long, short or elsewhere the next buffer is.
    static const char *const others[] = {"x", "a much longer message", "first,"};
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_int_equal(endpoint_write(server, others[i], strlen(others[i]), &count), TLS_WANT_WRITE);
        assert_int_equal(count, 0);
        assert_int_equal(endpoint_flush(server), TLS_WANT_WRITE);
    }
    server->wire.send_blocked = false;
    assert_int_equal(endpoint_write(server, "second", 6, &count), TLS_OK);
    assert_int_equal(count, 6);
    assert_false(tls_connection_output_pending(server->connection));
    assert_reads(&pair->client, "first,second");
}

TEST(a_write_that_blocks_takes_the_bytes_once) {
    with_every_version(check_blocked_write);
}

static void check_partly_sent(pair_t *pair) {
    static const uint8_t bytes[RECORD_MAX];
    endpoint_t *client = &pair->client;
    client->wire.room = 1000;
    size_t count;
    assert_int_equal(endpoint_write(client, bytes, sizeof(bytes), &count), TLS_OK);
    assert_true(count > 0);
    assert_true(tls_connection_output_pending(client->connection));
    assert_int_equal(wire_waiting(&pair->server.wire), 1000);
    size_t taken = count;
    assert_int_equal(endpoint_write(client, bytes, 1, &count), TLS_WANT_WRITE);

    size_t received = 0;
    for (int i = 0; i < 1000 && received < taken; i++) {
        uint8_t buf[RECORD_MAX];
        endpoint_read(&pair->server, buf, sizeof(buf), &count);
        received += count;
        endpoint_flush(client);
    }
    assert_int_equal(received, taken);
    assert_false(tls_connection_output_pending(client->connection));
    pair_chat(pair);
}

TEST(flush_sends_the_rest_of_a_record) {
    with_every_version(check_partly_sent);
}

static void check_aborted_write(pair_t *pair) {
    endpoint_t *client = &pair->client;
    client->wire.abort_at = client->wire.calls;
    size_t count = write_message(client, "once,");
    assert_status(client, TLS_ABORTED);
    // The bytes are either all taken or not at all, and the caller knows which.
    if (count == 0) {
        count = write_message(client, "once,");
        assert_status(client, TLS_OK);
    }
    assert_int_equal(count, 5);
    assert_int_equal(write_message(client, "twice"), 5);
    assert_reads(&pair->server, "once,twice");
}

TEST(a_write_that_aborts_takes_the_bytes_once) {
    with_every_version(check_aborted_write);
}

static void check_record_limit(pair_t *pair) {
    static uint8_t bytes[5 * RECORD_MAX];
    size_t count;
    assert_int_equal(endpoint_write(&pair->client, bytes, sizeof(bytes), &count), TLS_OK);
    assert_in_range(count, 1, RECORD_MAX);
    size_t taken = count;
    assert_int_equal(endpoint_read(&pair->server, bytes, sizeof(bytes), &count), TLS_OK);
    assert_int_equal(count, taken);
}

TEST(a_call_writes_and_reads_one_record_at_most) {
    with_every_version(check_record_limit);
}

// The longest record on the way from an end, from so many of the bytes it sent on; with what encryption adds.
static size_t longest_record(const wire_end_t *wire, size_t start) {
    const uint8_t *sent = wire->sent.data;
    size_t longest = 0;
    for (size_t i = start; i < wire->bytes_sent;) {
        size_t len = (size_t)sent[i + 3] << 8 | sent[i + 4];
        longest = len > longest ? len : longest;
        i += 5 + len;
    }
    return longest;
}

#define ENCRYPTION_MAX 64

static size_t send_much(endpoint_t *from, endpoint_t *to) {
    static uint8_t bytes[20000];
    size_t start = from->wire.bytes_sent;
    for (size_t sent = 0; sent < sizeof(bytes);) {
        size_t count;
        assert_int_equal(endpoint_write(from, bytes + sent, sizeof(bytes) - sent, &count), TLS_OK);
        sent += count;
        for (size_t received = 0; received < count;) {
            size_t part;
            assert_int_equal(endpoint_read(to, bytes, sizeof(bytes), &part), TLS_OK);
            received += part;
        }
    }
    return longest_record(&from->wire, start);
}

TEST(max_record_is_kept_and_asked_for) {
    static const size_t sizes[] = {512, 1000, 1024, 3000, 4096, 10000};
    static const size_t asked[] = {512, 512, 1024, 2048, 4096, 4096};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        setup_t setup = verified_setup();
        set_version(&setup, TLS_VERSION_1_2);
        setup.client.max_record = sizes[i];
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_in_range(send_much(&pair.client, &pair.server), 1, sizes[i] + ENCRYPTION_MAX);
        assert_in_range(send_much(&pair.server, &pair.client), asked[i], asked[i] + ENCRYPTION_MAX);
        pair_close(&pair);
    }
}

static void check_server_record(int version) {
    setup_t setup = verified_setup();
    set_version(&setup, version);
    setup.server.max_record = 700;
    pair_t pair;
    pair_connect(&pair, &setup);
    assert_in_range(send_much(&pair.server, &pair.client), 700, 700 + ENCRYPTION_MAX);
    assert_in_range(send_much(&pair.client, &pair.server), 4000, TLS_RECORD_MAX + ENCRYPTION_MAX);
    pair_close(&pair);
}

TEST(max_record_of_a_server_is_its_own) {
    for (size_t i = 0; i < COUNT(all_versions); i++) {
        check_server_record(all_versions[i]);
    }
}

TEST(max_record_has_limits) {
    tls_error_t error;
    tls_context_t *context = tls_context_new(0, &error);
    assert_int_equal(tls_context_get_max_record(context), TLS_RECORD_MAX);
    static const size_t wrong[] = {0, 511, 16385, SIZE_MAX};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_false(tls_context_set_max_record(context, wrong[i], &error));
        assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
        assert_int_equal(tls_context_get_max_record(context), TLS_RECORD_MAX);
    }
    assert_true(tls_context_set_max_record(context, 512, &error));
    assert_int_equal(tls_context_get_max_record(context), 512);
    tls_context_release(context);
}

static void check_nothing(pair_t *pair) {
    size_t calls = pair->client.wire.calls;
    size_t count;
    assert_int_equal(endpoint_write(&pair->client, "", 0, &count), TLS_OK);
    assert_int_equal(endpoint_read(&pair->client, &count, 0, &count), TLS_OK);
    assert_int_equal(pair->client.wire.calls, calls);
    assert_int_equal(endpoint_read_some(&pair->server), TLS_WANT_READ);
}

TEST(no_bytes_are_no_record) {
    with_every_version(check_nothing);
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading

static void check_input_pending(pair_t *pair) {
    static uint8_t bytes[1000];
    size_t count;
    endpoint_t *client = &pair->client;
    assert_int_equal(endpoint_write(&pair->server, bytes, sizeof(bytes), &count), TLS_OK);
    assert_int_equal(tls_connection_input_pending(client->connection), 0);
    assert_int_equal(endpoint_read(client, bytes, 10, &count), TLS_OK);
    assert_int_equal(count, 10);
    assert_int_equal(tls_connection_input_pending(client->connection), 990);
    size_t calls = client->wire.calls;
    client->wire.recv_blocked = true;
    assert_int_equal(endpoint_read(client, bytes, 100, &count), TLS_OK);
    assert_int_equal(count, 100);
    assert_int_equal(tls_connection_input_pending(client->connection), 890);
    assert_int_equal(endpoint_read(client, bytes, 1000, &count), TLS_OK);
    assert_int_equal(count, 890);
    assert_int_equal(tls_connection_input_pending(client->connection), 0);
    assert_int_equal(client->wire.calls, calls);
    assert_int_equal(endpoint_read_some(client), TLS_WANT_READ);
}

TEST(decrypted_bytes_are_read_without_the_transport) {
    with_every_version(check_input_pending);
}

// A poll must not wait for the transport while the engine holds a record that it has not looked at.
static void check_input_buffered(pair_t *pair) {
    for (int i = 0; i < 5; i++) {
        assert_int_equal(write_message(&pair->server, "record"), 6);
    }
    endpoint_t *client = &pair->client;
    for (int left = 4; left >= 0; left--) {
        assert_int_equal(endpoint_read_some(client), TLS_OK);
        assert_int_equal(tls_connection_input_pending(client->connection), 0);
        bool in_engine = tls_connection_input_buffered(client->connection);
        bool on_the_way = wire_waiting(&client->wire) > 0;
        require(client, (in_engine || on_the_way) == (left > 0), "%d records left, %d in the engine, %d on the way",
            left, in_engine, on_the_way);
    }
    assert_int_equal(endpoint_read_some(client), TLS_WANT_READ);
}

TEST(bytes_read_ahead_are_announced) {
    with_every_version(check_input_buffered);
}

static void check_incomplete_record(pair_t *pair) {
    endpoint_t *client = &pair->client;
    client->wire.room = 10;
    assert_int_equal(write_message(client, "slow"), 4);
    assert_int_equal(endpoint_read_some(&pair->server), TLS_WANT_READ);
    assert_int_equal(tls_connection_input_pending(pair->server.connection), 0);
    client->wire.room = WIRE_NEVER;
    assert_int_equal(endpoint_flush(client), TLS_OK);
    assert_reads(&pair->server, "slow");
}

TEST(an_incomplete_record_is_waited_for) {
    with_every_version(check_incomplete_record);
}

// The peer may not read before it has written, so waiting for it to read could take for ever.
static void check_reading_with_output(pair_t *pair) {
    endpoint_t *client = &pair->client;
    assert_int_equal(write_message(&pair->server, "answer"), 6);
    client->wire.send_blocked = true;
    assert_int_equal(write_message(client, "question"), 8);
    assert_reads(client, "answer");
    assert_status(client, TLS_WANT_READ);
    assert_true(tls_connection_output_pending(client->connection));

    // A read sends what is pending if it can; whoever aborts then is not asked to receive.
    assert_int_equal(write_message(&pair->server, "more"), 4);
    client->wire.send_blocked = false;
    client->wire.abort_at = client->wire.calls;
    assert_int_equal(endpoint_read_some(client), TLS_ABORTED);
    assert_reads(client, "more");
    assert_reads(&pair->server, "question");
}

TEST(pending_output_does_not_stop_reading) {
    with_every_version(check_reading_with_output);
}

// ---------------------------------------------------------------------------------------------------------------------
// The end

static void check_close_notify(pair_t *pair) {
    assert_int_equal(write_message(&pair->client, "bye"), 3);
    assert_int_equal(endpoint_close_notify(&pair->client), TLS_OK);
    size_t sent = pair->client.wire.bytes_sent;
    assert_int_equal(endpoint_close_notify(&pair->client), TLS_OK);
    assert_int_equal(endpoint_flush(&pair->client), TLS_OK);
    assert_int_equal(pair->client.wire.bytes_sent, sent);
    wire_close(&pair->client.wire);

    assert_reads(&pair->server, "bye");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(endpoint_read_some(&pair->server), TLS_CLOSED);
    }
}

TEST(close_notify_is_the_end_and_stays_so) {
    with_every_version(check_close_notify);
}

static void check_half_close(pair_t *pair) {
    assert_int_equal(endpoint_close_notify(&pair->client), TLS_OK);
    assert_int_equal(endpoint_read_some(&pair->server), TLS_CLOSED);
    assert_int_equal(write_message(&pair->server, "one more thing"), 14);
    assert_reads(&pair->client, "one more thing");
    assert_status(&pair->client, TLS_WANT_READ);
    assert_int_equal(endpoint_close_notify(&pair->server), TLS_OK);
    assert_int_equal(endpoint_read_some(&pair->client), TLS_CLOSED);
}

TEST(the_other_direction_stays_open) {
    with_every_version(check_half_close);
}

static void check_write_after_close(pair_t *pair) {
    assert_int_equal(endpoint_close_notify(&pair->client), TLS_OK);
    size_t sent = pair->client.wire.bytes_sent;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(write_message(&pair->client, "too late"), 0);
        assert_status(&pair->client, TLS_ERROR);
        assert_int_equal(pair->client.error.kind, TLS_ERROR_ARGUMENT);
    }
    assert_int_equal(pair->client.wire.bytes_sent, sent);
    // The mistake of a caller does not break what works.
    assert_int_equal(write_message(&pair->server, "still here"), 10);
    assert_reads(&pair->client, "still here");
}

TEST(no_write_after_close_notify) {
    with_every_version(check_write_after_close);
}

static void check_blocked_close(pair_t *pair) {
    endpoint_t *client = &pair->client;
    client->wire.send_blocked = true;
    assert_int_equal(write_message(client, "last"), 4);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(endpoint_close_notify(client), TLS_WANT_WRITE);
        assert_true(tls_connection_output_pending(client->connection));
    }
    client->wire.send_blocked = false;
    assert_int_equal(endpoint_close_notify(client), TLS_OK);
    size_t sent = client->wire.bytes_sent;
    assert_int_equal(endpoint_close_notify(client), TLS_OK);
    assert_int_equal(client->wire.bytes_sent, sent);
    assert_reads(&pair->server, "last");
    assert_status(&pair->server, TLS_CLOSED);
}

TEST(a_blocked_close_notify_is_sent_later_and_once) {
    with_every_version(check_blocked_close);
}

static void check_flush_finishes_close(pair_t *pair) {
    endpoint_t *client = &pair->client;
    client->wire.room = 10;
    assert_int_equal(endpoint_close_notify(client), TLS_WANT_WRITE);
    client->wire.room = WIRE_NEVER;
    assert_int_equal(endpoint_flush(client), TLS_OK);
    assert_int_equal(endpoint_read_some(&pair->server), TLS_CLOSED);
}

TEST(flush_finishes_a_blocked_close_notify) {
    with_every_version(check_flush_finishes_close);
}

static void check_truncation(pair_t *pair) {
    assert_int_equal(write_message(&pair->client, "all there was"), 13);
    wire_close(&pair->client.wire);
    assert_reads(&pair->server, "all there was");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(endpoint_read_some(&pair->server), TLS_EOF);
    }
}

TEST(the_transport_ending_is_not_the_end_of_data) {
    with_every_version(check_truncation);
}

static void check_eof_in_record(pair_t *pair) {
    size_t received = pair->server.wire.bytes_received;
    assert_int_equal(write_message(&pair->client, "whole"), 5);
    assert_reads(&pair->server, "whole");
    size_t record = pair->server.wire.bytes_received - received;
    assert_int_equal(write_message(&pair->client, "whole"), 5);
    pair->server.wire.eof_at = pair->server.wire.bytes_received + record / 2;
    assert_int_equal(endpoint_read_some(&pair->server), TLS_EOF);
    assert_int_equal(endpoint_read_some(&pair->server), TLS_EOF);
}

TEST(the_transport_ending_in_a_record_delivers_none_of_it) {
    with_every_version(check_eof_in_record);
}

// A server that only ever writes still has to cope with what a client that went away left behind.
static void check_write_after_eof(pair_t *pair) {
    wire_close(&pair->client.wire);
    assert_int_equal(endpoint_read_some(&pair->server), TLS_EOF);
    assert_int_equal(write_message(&pair->server, "anyone?"), 7);
    assert_reads(&pair->client, "anyone?");
    assert_int_equal(endpoint_close_notify(&pair->server), TLS_OK);
    assert_int_equal(endpoint_read_some(&pair->client), TLS_CLOSED);
}

TEST(the_incoming_end_does_not_stop_the_outgoing) {
    with_every_version(check_write_after_eof);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(megabytes_both_ways),
        cmocka_unit_test(abort_at_every_call),
        cmocka_unit_test(a_write_that_blocks_takes_the_bytes_once),
        cmocka_unit_test(flush_sends_the_rest_of_a_record),
        cmocka_unit_test(a_write_that_aborts_takes_the_bytes_once),
        cmocka_unit_test(a_call_writes_and_reads_one_record_at_most),
        cmocka_unit_test(max_record_is_kept_and_asked_for),
        cmocka_unit_test(max_record_of_a_server_is_its_own),
        cmocka_unit_test(max_record_has_limits),
        cmocka_unit_test(no_bytes_are_no_record),
        cmocka_unit_test(decrypted_bytes_are_read_without_the_transport),
        cmocka_unit_test(bytes_read_ahead_are_announced),
        cmocka_unit_test(an_incomplete_record_is_waited_for),
        cmocka_unit_test(pending_output_does_not_stop_reading),
        cmocka_unit_test(close_notify_is_the_end_and_stays_so),
        cmocka_unit_test(the_other_direction_stays_open),
        cmocka_unit_test(no_write_after_close_notify),
        cmocka_unit_test(a_blocked_close_notify_is_sent_later_and_once),
        cmocka_unit_test(flush_finishes_a_blocked_close_notify),
        cmocka_unit_test(the_transport_ending_is_not_the_end_of_data),
        cmocka_unit_test(the_transport_ending_in_a_record_delivers_none_of_it),
        cmocka_unit_test(the_incoming_end_does_not_stop_the_outgoing),
    };
    return RUN_TESTS("stream");
}
