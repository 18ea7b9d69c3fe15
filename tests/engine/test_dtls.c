// Does DTLS get through a network that loses, repeats and damages datagrams, and does it keep their boundaries?

#include "hello.h"

static setup_t datagram_setup(void) {
    setup_t setup = verified_setup();
    setup.datagram = true;
    return setup;
}

static void assert_writes(endpoint_t *endpoint, const char *message) {
    size_t count;
    assert_int_equal(endpoint_write(endpoint, message, strlen(message), &count), TLS_OK);
    assert_int_equal(count, strlen(message));
}

// One read delivers exactly this datagram.
static void assert_reads(endpoint_t *endpoint, const char *expected) {
    char buf[200];
    size_t count;
    endpoint_read(endpoint, buf, sizeof(buf), &count);
    assert_status(endpoint, TLS_OK);
    assert_int_equal(count, strlen(expected));
    assert_memory_equal(buf, expected, count);
}

static void assert_talks(pair_t *pair) {
    assert_writes(&pair->client, "hello");
    assert_reads(&pair->server, "hello");
    assert_writes(&pair->server, "world");
    assert_reads(&pair->client, "world");
    assert_int_equal(endpoint_read_some(&pair->server), TLS_WANT_READ);
    assert_int_equal(endpoint_read_some(&pair->client), TLS_WANT_READ);
}

// The datagram with this number among those that an endpoint sent.
static blob_t sent_datagram(const endpoint_t *endpoint, size_t number) {
    uint8_t *next = endpoint->wire.sent.data + endpoint->wire.sent.head;
    assert_true(number < endpoint->wire.datagrams_sent);
    for (;; number--) {
        uint32_t len;
        memcpy(&len, next, sizeof(len));
        next += sizeof(len);
        if (number == 0) {
            return (blob_t) {next, len};
        }
        next += len;
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Handshake

TEST(every_type_of_key) {
    static const struct {
        const char *server;
        const char *client;
    } cases[] = {{"ec", NULL}, {"rsa", NULL}, {"p384", NULL}, {"ec", "client-ec"}, {"rsa", "client-rsa"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        setup_t setup = datagram_setup();
        setup.server.certificate = cases[i].server;
        if (cases[i].client != NULL) {
            setup.client.certificate = cases[i].client;
            setup.server.anchors = "root";
            setup.server.verify = TLS_VERIFY_MODE_REQUIRED;
        }
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_string_equal(tls_connection_version(pair.client.connection), "DTLSv1.2");
        assert_string_equal(tls_connection_version(pair.server.connection), "DTLSv1.2");
        assert_talks(&pair);
        pair_close(&pair);
    }
}

TEST(versions_are_clamped) {
    tls_error_t error;
    tls_context_t *context = tls_context_new(TLS_PROTOCOL_DATAGRAM, &error);
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        assert_true(tls_context_set_versions(context, TLS_VERSION_1_2, all_versions[v], &error));
        assert_int_equal(tls_context_get_minimum_version(context), TLS_VERSION_1_2);
        assert_int_equal(tls_context_get_maximum_version(context), TLS_VERSION_1_2);
    }
    tls_context_release(context);
}

TEST(a_server_refuses_as_over_tls) {
    setup_t setup = datagram_setup();
    setup.client.hostname = "other.example";
    pair_t pair;
    pair_open(&pair, &setup);
    assert_false(pair_handshake(&pair));
    assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
    assert_int_equal(pair.client.error.verify, TLS_VERIFY_HOSTNAME);
    assert_got_alert(&pair.server, pair.client.error.alert);
    pair_close(&pair);
}

// Blocks or aborts one call of the transport after the other, at both ends.
static void check_every_call(tls_status_t answer) {
    setup_t setup = datagram_setup();
    pair_t pair;
    pair_connect(&pair, &setup);
    size_t calls[] = {pair.client.wire.calls, pair.server.wire.calls};
    for (size_t end = 0; end < 2; end++) {
        for (size_t call = 0; call < calls[end]; call += test_stride(1)) {
            pair_reopen(&pair);
            wire_end_t *wire = end == 0 ? &pair.client.wire : &pair.server.wire;
            *(answer == TLS_ABORTED ? &wire->abort_at : &wire->block_at) = call;
            require(&pair.client, pair_handshake(&pair), "fails after call %zu of end %zu", call, end);
            assert_int_equal(wire->blocked, 1);
            assert_talks(&pair);
        }
    }
    pair_close(&pair);
}

TEST(would_block_at_every_call) {
    check_every_call(TLS_WANT_READ);
}

TEST(abort_at_every_call) {
    check_every_call(TLS_ABORTED);
}

// ---------------------------------------------------------------------------------------------------------------------
// Loss

TEST(any_one_datagram_may_be_lost) {
    setup_t setup = datagram_setup();
    pair_t pair;
    pair_connect(&pair, &setup);
    size_t sent[] = {pair.client.wire.datagrams_sent, pair.server.wire.datagrams_sent};
    for (size_t end = 0; end < 2; end++) {
        for (size_t datagram = 0; datagram < sent[end]; datagram++) {
            pair_reopen(&pair);
            wire_end_t *wire = end == 0 ? &pair.client.wire : &pair.server.wire;
            wire->lost = UINT64_C(1) << datagram;
            require(&pair.client, pair_handshake(&pair), "datagram %zu of end %zu was lost", datagram, end);
            assert_true(wire->datagrams_sent > datagram);
            assert_talks(&pair);
        }
    }
    pair_close(&pair);
}

TEST(a_third_of_all_datagrams_may_be_lost) {
    setup_t setup = datagram_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    uint32_t random = test_seed();
    for (int round = 0; round < 20; round++) {
        pair_reopen(&pair);
        for (int datagram = 0; datagram < 12; datagram++) {
            pair.client.wire.lost |= (uint64_t)(random_below(&random, 3) == 0) << datagram;
            pair.server.wire.lost |= (uint64_t)(random_below(&random, 3) == 0) << datagram;
        }
        require(&pair.client, pair_handshake(&pair), "lost %#x of the client's, %#x of the server's",
            (unsigned)pair.client.wire.lost, (unsigned)pair.server.wire.lost);
        pair.client.wire.lost = pair.server.wire.lost = 0;
        assert_talks(&pair);
    }
    pair_close(&pair);
}

TEST(a_peer_who_never_answers) {
    setup_t setup = datagram_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    pair.client.wire.lost = UINT64_MAX;
    assert_false(pair_handshake(&pair));
    assert_failed(&pair.client, TLS_ERROR_PROTOCOL, TLS_CODE_TIMEOUT);
    assert_string_equal(tls_error_reason(&pair.client.error), "timeout");
    assert_true(pair.client.wire.datagrams_sent > 3);
    pair_close(&pair);
}

TEST(timers) {
    setup_t setup = datagram_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    assert_int_equal(endpoint_timeout_ms(&pair.client), -1);
    assert_int_equal(endpoint_timeout_ms(&pair.server), -1);

    assert_int_equal(endpoint_handshake(&pair.client), TLS_WANT_READ);
    int32_t wait = endpoint_timeout_ms(&pair.client);
    assert_in_range(wait, 100, 60000);
    size_t sent = pair.client.wire.datagrams_sent;
    const uint32_t early = 50; // OpenSSL rounds what is less than 15 ms
    advance_clock((uint32_t)wait - early);
    assert_int_equal(endpoint_handshake(&pair.client), TLS_WANT_READ);
    assert_int_equal(pair.client.wire.datagrams_sent, sent);
    assert_int_equal(endpoint_timeout_ms(&pair.client), early);
    advance_clock(early);
    assert_int_equal(endpoint_timeout_ms(&pair.client), 0);
    assert_int_equal(endpoint_handshake(&pair.client), TLS_WANT_READ);
    assert_int_equal(pair.client.wire.datagrams_sent, 2 * sent);
    assert_true(endpoint_timeout_ms(&pair.client) > wait); // it waits longer every time

    assert_true(pair_handshake(&pair));
    assert_int_equal(endpoint_timeout_ms(&pair.client), -1);
    assert_int_equal(endpoint_timeout_ms(&pair.server), -1);
    pair_close(&pair);

    setup.datagram = false;
    pair_open(&pair, &setup);
    assert_int_equal(endpoint_handshake(&pair.client), TLS_WANT_READ);
    assert_int_equal(endpoint_timeout_ms(&pair.client), -1);
    pair_close(&pair);
}

static void let_time_pass(void) {
    advance_clock(70000);
}

// A timer that runs out during a call makes a library start over; whoever aborted is not asked again for all that.
TEST(a_timer_runs_out_while_a_hook_aborts) {
    setup_t setup = datagram_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    for (size_t call = 0; call < 4; call++) {
        pair_reopen(&pair);
        pair.client.in_hook = let_time_pass;
        pair.client.wire.abort_at = call;
        for (int i = 0; i < 3 && pair.client.aborts == 0; i++) {
            endpoint_handshake(&pair.client);
        }
        assert_status(&pair.client, TLS_ABORTED);
        pair.client.in_hook = NULL;
        assert_true(pair_handshake(&pair));
        assert_talks(&pair);
    }
    pair_close(&pair);
}

// ---------------------------------------------------------------------------------------------------------------------
// Cookies

#define HELLO_VERIFY_REQUEST 3
#define SERVER_HELLO         2

static int message_type(blob_t datagram) {
    return datagram.len > 13 && datagram.data[0] == 22 ? datagram.data[13] : -1;
}

// A client begins and gets the cookie; its second ClientHello is what it returns.
static blob_t hello_with_cookie(pair_t *pair) {
    endpoint_handshake(&pair->client);
    assert_int_equal(endpoint_handshake(&pair->server), TLS_WANT_READ);
    assert_int_equal(pair->server.wire.datagrams_sent, 1);
    blob_t answer = sent_datagram(&pair->server, 0);
    assert_int_equal(message_type(answer), HELLO_VERIFY_REQUEST);
    assert_true(answer.len <= sent_datagram(&pair->client, 0).len); // no help for those who forge addresses
    endpoint_handshake(&pair->client);
    assert_int_equal(pair->client.wire.datagrams_sent, 2);
    return sent_datagram(&pair->client, 1);
}

TEST(clients_have_to_show_that_they_receive) {
    static const char *const ids[] = {NULL, "192.0.2.7:40000"};
    for (size_t i = 0; i < COUNT(ids); i++) {
        setup_t setup = datagram_setup();
        setup.server.client_id = ids[i];
        pair_t pair;
        pair_open(&pair, &setup);
        hello_with_cookie(&pair);
        assert_true(pair_handshake(&pair));
        assert_talks(&pair);
        pair_close(&pair);
    }
}

// Whether another connection of the context, which has sent no cookie itself, takes the one in this hello.
static bool accepts_cookie(const pair_t *pair, blob_t hello, const char *client_id) {
    pair_t other = *pair;
    other.client.connection = other.server.connection = NULL;
    other.client.wire = other.server.wire = (wire_end_t) {0};
    other.server.side.client_id = client_id;
    tls_context_retain(other.client.context);
    tls_context_retain(other.server.context);
    pair_reopen(&other);
    wire_inject(&other.server.wire, hello.data, hello.len);
    endpoint_handshake(&other.server);
    assert_true(other.server.wire.datagrams_sent > 0);
    bool accepts = message_type(sent_datagram(&other.server, 0)) == SERVER_HELLO;
    pair_close(&other);
    return accepts;
}

TEST(cookies_are_good_for_one_client) {
    setup_t setup = datagram_setup();
    setup.server.client_id = "192.0.2.7:40000";
    pair_t pair;
    pair_open(&pair, &setup);
    blob_t hello = hello_with_cookie(&pair);
    assert_true(accepts_cookie(&pair, hello, "192.0.2.7:40000"));
    assert_false(accepts_cookie(&pair, hello, "192.0.2.8:40000"));
    assert_false(accepts_cookie(&pair, hello, "192.0.2.7:40000 "));
    assert_false(accepts_cookie(&pair, hello, NULL));
    pair_close(&pair);
}

// ---------------------------------------------------------------------------------------------------------------------
// Data

static void connect_datagrams(pair_t *pair) {
    setup_t setup = datagram_setup();
    pair_connect(pair, &setup);
}

TEST(datagrams_keep_their_boundaries) {
    pair_t pair;
    connect_datagrams(&pair);
    size_t sent = pair.client.wire.datagrams_sent;
    assert_writes(&pair.client, "one");
    assert_writes(&pair.client, "and two");
    assert_writes(&pair.client, "and three");
    assert_int_equal(pair.client.wire.datagrams_sent, sent + 3);
    assert_reads(&pair.server, "one");
    assert_reads(&pair.server, "and two");
    assert_reads(&pair.server, "and three");
    assert_int_equal(endpoint_read_some(&pair.server), TLS_WANT_READ);
    pair_close(&pair);
}

TEST(a_datagram_is_read_in_pieces) {
    pair_t pair;
    connect_datagrams(&pair);
    char buf[10];
    size_t count;
    assert_writes(&pair.client, "0123456789abcdef");
    assert_writes(&pair.client, "next");
    assert_int_equal(endpoint_read(&pair.server, buf, sizeof(buf), &count), TLS_OK);
    assert_int_equal(count, 10);
    assert_int_equal(tls_connection_input_pending(pair.server.connection), 6);
    assert_reads(&pair.server, "abcdef");
    assert_reads(&pair.server, "next");
    pair_close(&pair);
}

TEST(data_that_fits_no_datagram_is_refused) {
    static const uint8_t bytes[20000];
    pair_t pair;
    connect_datagrams(&pair);
    size_t count;
    size_t sent = pair.client.wire.datagrams_sent;
    assert_int_equal(endpoint_write(&pair.client, bytes, sizeof(bytes), &count), TLS_ERROR);
    assert_int_equal(pair.client.error.kind, TLS_ERROR_ARGUMENT);
    assert_int_equal(count, 0);
    assert_int_equal(pair.client.wire.datagrams_sent, sent);
    assert_int_equal(endpoint_write(&pair.client, bytes, 1200, &count), TLS_OK);
    assert_int_equal(count, 1200);
    assert_int_equal(pair.client.wire.datagrams_sent, sent + 1);
    pair_close(&pair);
}

TEST(a_write_that_blocks_is_sent_later_and_once) {
    pair_t pair;
    connect_datagrams(&pair);
    pair.client.wire.send_blocked = true;
    assert_writes(&pair.client, "first");
    assert_true(tls_connection_output_pending(pair.client.connection));
    size_t count;
    assert_int_equal(endpoint_write(&pair.client, "second", 6, &count), TLS_WANT_WRITE);
    pair.client.wire.send_blocked = false;
    assert_writes(&pair.client, "second");
    assert_reads(&pair.server, "first");
    assert_reads(&pair.server, "second");
    assert_int_equal(endpoint_read_some(&pair.server), TLS_WANT_READ);
    pair_close(&pair);
}

// Data that fits is taken, what is one byte longer is not.
static void check_largest(endpoint_t *endpoint, size_t mtu) {
    static const uint8_t bytes[TLS_MTU_MAX];
    const uint32_t overhead_max = 13 + 48; // record header; no suite that is enabled adds more
    size_t count;
    size_t size = mtu;
    while (endpoint_write(endpoint, bytes, size, &count) == TLS_ERROR) {
        assert_int_equal(endpoint->error.kind, TLS_ERROR_ARGUMENT);
        size--;
        require(endpoint, size + overhead_max >= mtu, "not even %zu bytes fit a datagram of %zu", size, mtu);
    }
    assert_int_equal(count, size);
    assert_true(size < mtu);
}

static void check_datagrams(const endpoint_t *endpoint, size_t mtu) {
    size_t longest = 0;
    for (size_t i = 0; i < endpoint->wire.datagrams_sent; i++) {
        size_t len = sent_datagram(endpoint, i).len;
        longest = len > longest ? len : longest;
    }
    require(endpoint, longest <= mtu, "a datagram of %zu bytes is longer than %zu", longest, mtu);
    require(endpoint, longest > mtu * 9 / 10, "no datagram is longer than %zu bytes of %zu", longest, mtu);
}

// Chains of certificates are longer than all of these but the last.
TEST(datagrams_fit_the_mtu) {
    static const size_t mtus[] = {TLS_MTU_MIN, 508, 1000, TLS_MTU_DEFAULT, 9000, TLS_MTU_MAX};
    for (size_t i = 0; i < COUNT(mtus); i++) {
        setup_t setup = datagram_setup();
        setup.server.certificate = "rsa";
        setup.client.certificate = "client-rsa";
        setup.server.anchors = "root";
        setup.server.verify = TLS_VERIFY_MODE_REQUIRED;
        setup.client.mtu = setup.server.mtu = mtus[i];
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_talks(&pair);
        check_largest(&pair.client, setup.client.mtu);
        check_largest(&pair.server, setup.server.mtu);
        check_datagrams(&pair.client, setup.client.mtu);
        check_datagrams(&pair.server, setup.server.mtu);
        pair_close(&pair);
    }
}

TEST(mtu_of_a_context) {
    static const size_t bad[] = {0, TLS_MTU_MIN - 1, TLS_MTU_MAX + 1, 65536 + TLS_MTU_DEFAULT, SIZE_MAX};
    tls_error_t error;
    tls_context_t *context = tls_context_new(TLS_PROTOCOL_DATAGRAM, &error);
    assert_int_equal(tls_context_get_mtu(context), TLS_MTU_DEFAULT);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(tls_context_set_mtu(context, bad[i], &error));
        assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
        assert_int_equal(tls_context_get_mtu(context), TLS_MTU_DEFAULT);
    }
    assert_true(tls_context_set_mtu(context, TLS_MTU_MAX, &error));
    assert_int_equal(tls_context_get_mtu(context), TLS_MTU_MAX);
    tls_context_release(context);
}

// max_fragment_length (RFC 6066 section 4): what the client asks for binds the server's data, too.
TEST(a_server_obeys_its_client) {
    static const uint8_t bytes[600];
    setup_t setup = datagram_setup();
    setup.client.max_record = 512;
    pair_t pair;
    pair_connect(&pair, &setup);
    size_t count;
    assert_int_equal(endpoint_write(&pair.server, bytes, 513, &count), TLS_ERROR);
    assert_int_equal(pair.server.error.kind, TLS_ERROR_ARGUMENT);
    assert_int_equal(endpoint_write(&pair.server, bytes, 512, &count), TLS_OK);
    assert_int_equal(endpoint_write(&pair.client, bytes, 512, &count), TLS_OK);
    pair_close(&pair);
}

// RFC 6347 section 4.2.4: the last flight of a handshake is sent again when the peer repeats the one before.
TEST(the_last_flight_is_sent_again) {
    setup_t setup = datagram_setup();
    pair_t pair;
    pair_connect(&pair, &setup);
    size_t sent = pair.server.wire.datagrams_sent;
    size_t last = pair.client.wire.datagrams_sent;
    pair_reopen(&pair);
    // The server's last datagram is lost, and with it the knowledge that it has finished.
    pair.server.wire.lost = UINT64_C(1) << (sent - 1);
    while (!tls_connection_is_established(pair.server.connection)) {
        endpoint_handshake(&pair.client);
        endpoint_handshake(&pair.server);
    }
    assert_int_equal(pair.server.wire.datagrams_sent, sent);
    assert_int_equal(endpoint_read_some(&pair.client), TLS_WANT_READ);
    assert_false(tls_connection_is_established(pair.client.connection));
    assert_int_equal(pair.client.wire.datagrams_sent, last);
    assert_int_equal(endpoint_timeout_ms(&pair.server), -1);
    advance_clock((uint32_t)endpoint_timeout_ms(&pair.client));
    assert_int_equal(endpoint_read_some(&pair.client), TLS_WANT_READ);
    assert_true(pair.client.wire.datagrams_sent > last);
    // The server only reads.
    assert_int_equal(endpoint_read_some(&pair.server), TLS_WANT_READ);
    assert_true(pair.server.wire.datagrams_sent > sent);
    assert_int_equal(endpoint_read_some(&pair.client), TLS_WANT_READ);
    assert_true(tls_connection_is_established(pair.client.connection));
    assert_talks(&pair);
    pair_close(&pair);
}

TEST(lost_data_is_lost) {
    pair_t pair;
    connect_datagrams(&pair);
    pair.client.wire.lost = UINT64_C(1) << pair.client.wire.datagrams_sent;
    assert_writes(&pair.client, "lost");
    assert_writes(&pair.client, "found");
    assert_reads(&pair.server, "found");
    assert_int_equal(endpoint_read_some(&pair.server), TLS_WANT_READ);
    pair_close(&pair);
}

TEST(a_repeated_datagram_is_delivered_once) {
    pair_t pair;
    connect_datagrams(&pair);
    assert_writes(&pair.client, "once");
    blob_t datagram = sent_datagram(&pair.client, pair.client.wire.datagrams_sent - 1);
    wire_inject(&pair.server.wire, datagram.data, datagram.len);
    assert_reads(&pair.server, "once");
    assert_int_equal(endpoint_read_some(&pair.server), TLS_WANT_READ);
    pair_close(&pair);
}

TEST(datagrams_may_overtake_each_other) {
    pair_t pair;
    connect_datagrams(&pair);
    assert_writes(&pair.client, "first");
    assert_writes(&pair.client, "second");
    wire_discard(&pair.server.wire);
    for (size_t back = 1; back <= 2; back++) {
        blob_t datagram = sent_datagram(&pair.client, pair.client.wire.datagrams_sent - back);
        wire_inject(&pair.server.wire, datagram.data, datagram.len);
    }
    assert_reads(&pair.server, "second");
    assert_reads(&pair.server, "first");
    pair_close(&pair);
}

// RFC 6347 section 4.1.2.7: what is not valid is dropped without a word.
TEST(bad_datagrams_are_dropped) {
    pair_t pair;
    connect_datagrams(&pair);
    assert_writes(&pair.client, "genuine");
    blob_t genuine = sent_datagram(&pair.client, pair.client.wire.datagrams_sent - 1);
    blob_t forged = {malloc(genuine.len), genuine.len};
    wire_discard(&pair.server.wire);
    for (size_t i = 0; i < genuine.len; i += 3) {
        memcpy(forged.data, genuine.data, genuine.len);
        forged.data[i] ^= 0x40;
        wire_inject(&pair.server.wire, forged.data, forged.len);
    }
    free(forged.data);
    wire_inject(&pair.server.wire, "garbage", 7);
    wire_inject(&pair.server.wire, "x", 1);
    wire_inject(&pair.server.wire, genuine.data, genuine.len / 2);
    wire_inject(&pair.server.wire, genuine.data, genuine.len);
    assert_reads(&pair.server, "genuine");
    assert_int_equal(endpoint_read_some(&pair.server), TLS_WANT_READ);
    assert_talks(&pair);
    pair_close(&pair);
}

// The same before the handshake: what anybody can send to a server in its client's name does not end anything. Nor does
// most of it end a client; what looks like a record does with OpenSSL.
TEST(rubbish_before_the_handshake_is_dropped) {
    static const size_t harmless_to_clients = 4;
    static const uint8_t rubbish[][40] = {
        {0},
        "GET / HTTP/1.0",
        {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 1},                          // longer than the datagram
        {22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8},        // another epoch
        {23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 'd', 'a', 't', 'a', '!'},       // data
        {20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1},                             // ChangeCipherSpec
        {22, 0x03, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, // not of DTLS
    };
    setup_t setup = datagram_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    for (size_t i = 0; i < COUNT(rubbish); i++) {
        pair_reopen(&pair);
        for (int times = 0; times < 3; times++) {
            wire_inject(&pair.server.wire, rubbish[i], sizeof(rubbish[i]));
            if (i < harmless_to_clients) {
                wire_inject(&pair.client.wire, rubbish[i], sizeof(rubbish[i]));
            }
        }
        endpoint_handshake(&pair.server);
        require(&pair.server, pair.server.status == TLS_WANT_READ, "rubbish %zu ends it", i);
        endpoint_handshake(&pair.client);
        require(&pair.client, pair.client.status == TLS_WANT_READ, "rubbish %zu ends it", i);
        wire_inject(&pair.server.wire, rubbish[i], sizeof(rubbish[i]));
        require(&pair.server, pair_handshake(&pair), "rubbish %zu got in the way", i);
        assert_talks(&pair);
    }
    pair_close(&pair);
}

TEST(close_notify) {
    pair_t pair;
    connect_datagrams(&pair);
    assert_int_equal(endpoint_close_notify(&pair.client), TLS_OK);
    assert_int_equal(endpoint_read_some(&pair.server), TLS_CLOSED);
    assert_int_equal(endpoint_read_some(&pair.server), TLS_CLOSED);
    pair_close(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_of_key),
        cmocka_unit_test(versions_are_clamped),
        cmocka_unit_test(a_server_refuses_as_over_tls),
        cmocka_unit_test(would_block_at_every_call),
        cmocka_unit_test(abort_at_every_call),
        cmocka_unit_test(any_one_datagram_may_be_lost),
        cmocka_unit_test(a_third_of_all_datagrams_may_be_lost),
        cmocka_unit_test(a_peer_who_never_answers),
        cmocka_unit_test(timers),
        cmocka_unit_test(a_timer_runs_out_while_a_hook_aborts),
        cmocka_unit_test(clients_have_to_show_that_they_receive),
        cmocka_unit_test(cookies_are_good_for_one_client),
        cmocka_unit_test(datagrams_keep_their_boundaries),
        cmocka_unit_test(a_datagram_is_read_in_pieces),
        cmocka_unit_test(data_that_fits_no_datagram_is_refused),
        cmocka_unit_test(a_write_that_blocks_is_sent_later_and_once),
        cmocka_unit_test(datagrams_fit_the_mtu),
        cmocka_unit_test(mtu_of_a_context),
        cmocka_unit_test(a_server_obeys_its_client),
        cmocka_unit_test(the_last_flight_is_sent_again),
        cmocka_unit_test(lost_data_is_lost),
        cmocka_unit_test(a_repeated_datagram_is_delivered_once),
        cmocka_unit_test(datagrams_may_overtake_each_other),
        cmocka_unit_test(bad_datagrams_are_dropped),
        cmocka_unit_test(rubbish_before_the_handshake_is_dropped),
        cmocka_unit_test(close_notify),
    };
    return RUN_TESTS("dtls");
}
