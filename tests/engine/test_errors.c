// When a connection fails, do both ends say what happened, the same on every engine, and stay failed?

#include "differences.h"
#include "peers.h"

#define SUITE(name) tls_cipher_suite(name, strlen(name))

// Whatever is called after a failure says again what the failure was, and no more is sent.
static void assert_stays_failed(endpoint_t *endpoint) {
    tls_error_t first = endpoint->error;
    size_t sent = endpoint->wire.bytes_sent;
    char buf[10] = "more";
    size_t count;
    for (int call = 0; call < 6; call++) {
        switch (call % 3) {
            case 0:
                endpoint_handshake(endpoint);
                break;
            case 1:
                endpoint_read(endpoint, buf, sizeof(buf), &count);
                break;
            case 2:
                endpoint_write(endpoint, buf, 4, &count);
                break;
        }
        assert_failed(endpoint, first.kind, first.code);
        assert_int_equal(endpoint->error.alert, first.alert);
        assert_int_equal(endpoint->error.alert_from_peer, first.alert_from_peer);
        assert_int_equal(endpoint->error.verify, first.verify);
        assert_string_equal(endpoint->error.detail, first.detail);
    }
    assert_int_equal(endpoint_close_notify(endpoint), TLS_OK);
    assert_int_equal(endpoint->wire.bytes_sent, sent);
}

// ---------------------------------------------------------------------------------------------------------------------
// Nothing in common

static void check_nothing_in_common(const setup_t *setup, int code, int alert, const char *reason) {
    pair_t pair;
    pair_open(&pair, setup);
    assert_false(pair_handshake(&pair));
    assert_failed(&pair.server, TLS_ERROR_PROTOCOL, code);
    assert_sent_alert(&pair.server, alert);
    assert_string_equal(tls_error_reason(&pair.server.error), reason);
    assert_got_alert(&pair.client, alert);
    assert_string_equal(tls_error_reason(&pair.client.error), "peer_alert");
    assert_detail(&pair.client, tls_alert_name(alert));
    assert_stays_failed(&pair.server);
    assert_stays_failed(&pair.client);
    pair_close(&pair);
}

TEST(no_common_cipher_suite) {
    static const struct {
        int version;
        const char *client;
        const char *server;
    } cases[] = {
        {TLS_VERSION_1_2, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
        {TLS_VERSION_1_3, "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        setup_t setup = verified_setup();
        set_version(&setup, cases[i].version);
        setup.client.ciphers[0] = SUITE(cases[i].client);
        setup.server.ciphers[0] = SUITE(cases[i].server);
        check_nothing_in_common(&setup, TLS_CODE_HANDSHAKE_FAILURE, 40, "handshake_failure");
    }
}

TEST(no_suite_for_the_certificate) {
    setup_t setup = verified_setup();
    set_version(&setup, TLS_VERSION_1_2);
    setup.client.ciphers[0] = SUITE("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    check_nothing_in_common(&setup, TLS_CODE_HANDSHAKE_FAILURE, 40, "handshake_failure");
}

TEST(no_common_version) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        setup.server.minimum = setup.server.maximum = all_versions[1 - v];
        if (all_versions[v] == TLS_VERSION_1_3 && differs(DIFFERS_VERSION_UNSEEN)) {
            check_nothing_in_common(&setup, TLS_CODE_HANDSHAKE_FAILURE, 40, "handshake_failure");
        } else {
            check_nothing_in_common(&setup, TLS_CODE_BAD_PROTOCOL_VERSION, 70, "protocol_version");
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Alerts of the peer

TEST(fatal_alerts_in_the_handshake) {
    static const int alerts[] = {10, 20, 22, 40, 42, 43, 45, 46, 47, 48, 49, 50, 51, 70, 71, 80, 112, 116, 120};
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    for (size_t i = 0; i < COUNT(alerts); i++) {
        pair_reopen(&pair);
        endpoint_handshake(&pair.client);
        const uint8_t alert[] = {21, 3, 3, 0, 2, 2, (uint8_t)alerts[i]};
        wire_inject(&pair.client.wire, alert, sizeof(alert));
        size_t sent = pair.client.wire.bytes_sent;
        assert_int_equal(endpoint_handshake(&pair.client), TLS_ERROR);
        assert_got_alert(&pair.client, alerts[i]);
        assert_detail(&pair.client, tls_alert_name(alerts[i]));
        assert_int_equal(pair.client.wire.bytes_sent, sent); // an alert is not answered
        assert_stays_failed(&pair.client);
    }
    pair_close(&pair);
}

TEST(an_alert_without_a_name) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    endpoint_handshake(&pair.client);
    wire_inject(&pair.client.wire, "\x15\x03\x03\x00\x02\x02\xc8", 7);
    endpoint_handshake(&pair.client);
    assert_got_alert(&pair.client, 200);
    assert_detail(&pair.client, "200");
    pair_close(&pair);
}

// ---------------------------------------------------------------------------------------------------------------------
// Alerts of ours

static void open_refused(pair_t *pair, int version) {
    setup_t setup = verified_setup();
    set_version(&setup, version);
    setup.client.hostname = "other.example";
    pair_open(pair, &setup);
}

// What the transport does meanwhile does not change what is found in the end.
TEST(the_first_error_wins_over_the_transport) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        pair_t pair;
        open_refused(&pair, all_versions[v]);
        assert_false(pair_handshake(&pair));
        size_t calls = pair.client.wire.calls;
        for (size_t call = 0; call < calls; call++) {
            for (int abort = 0; abort < 2; abort++) {
                pair_reopen(&pair);
                *(abort ? &pair.client.wire.abort_at : &pair.client.wire.block_at) = call;
                assert_false(pair_handshake(&pair));
                assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
                assert_int_equal(pair.client.error.verify, TLS_VERIFY_HOSTNAME);
                assert_detail(&pair.client, "other.example");
                // The last call is the alert's. That it cannot be sent is nobody's trouble.
                bool is_alert = call == calls - 1;
                assert_int_equal(pair.client.aborts, abort && !is_alert);
                assert_true(pair.server.error.kind == TLS_ERROR_PEER_ALERT || is_alert);
            }
        }
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Bytes that are no TLS

static void assert_protocol_error(endpoint_t *endpoint) {
    assert_status(endpoint, TLS_ERROR);
    require(endpoint, endpoint->error.kind == TLS_ERROR_PROTOCOL, "expected TLS_ERROR_PROTOCOL");
    require(endpoint, endpoint->error.code != TLS_CODE_INTERNAL && endpoint->error.code != TLS_CODE_GENERIC,
        "expected a code that says something");
    assert_stays_failed(endpoint);
}

TEST(other_protocols) {
    static const char *const messages[] = {
        "GET / HTTP/1.1\r\nHost: server.test\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
        "220 server.test ESMTP\r\n",
        "\r\n\r\n\r\n\r\n\r\n",
    };
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    for (size_t i = 0; i < 2 * COUNT(messages); i++) {
        pair_reopen(&pair);
        endpoint_t *end = i % 2 == 0 ? &pair.client : &pair.server;
        const char *message = messages[i / 2];
        wire_inject(&end->wire, message, strlen(message));
        end->wire.ended = true;
        endpoint_handshake(end);
        assert_protocol_error(end);
    }
    pair_close(&pair);
}

TEST(what_other_protocols_get_is_a_bad_record) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    endpoint_handshake(&pair.client);
    wire_inject(&pair.client.wire, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", 32);
    endpoint_handshake(&pair.client);
    assert_failed(&pair.client, TLS_ERROR_PROTOCOL, TLS_CODE_INVALID_RECORD);
    assert_string_equal(tls_error_reason(&pair.client.error), "bad_record");
    pair_close(&pair);
}

TEST(random_bytes) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    uint32_t random = test_seed();
    for (int round = 0; round < 50; round++) {
        pair_reopen(&pair);
        endpoint_t *end = round % 2 == 0 ? &pair.client : &pair.server;
        endpoint_handshake(end);
        uint8_t bytes[300];
        for (size_t i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (uint8_t)random_below(&random, 256);
        }
        wire_discard(&end->wire);
        wire_inject(&end->wire, bytes, sizeof(bytes));
        end->wire.ended = true;
        endpoint_handshake(end);
        assert_status(end, TLS_ERROR);
        require(end, end->error.kind == TLS_ERROR_PROTOCOL || end->error.kind == TLS_ERROR_EOF, "unexpected kind");
        assert_stays_failed(end);
    }
    pair_close(&pair);
}

// Whether a byte that was sent is the version of a record. In records that are not encrypted nothing protects it, and
// with TLS 1.3 it has no meaning any more (RFC 8446 section 5.1).
static bool is_record_version(const endpoint_t *endpoint, size_t position) {
    const wire_queue_t *sent = &endpoint->wire.sent;
    size_t record = 0;
    while (record + 5 <= sent->tail) {
        size_t next = record + 5 + (sent->data[record + 3] << 8 | sent->data[record + 4]);
        if (position < next) {
            return position == record + 1 || position == record + 2;
        }
        record = next;
    }
    return false;
}

static void check_wrong_bits(pair_t *pair, endpoint_t *sender, size_t bytes, size_t first) {
    for (size_t i = first; i < bytes; i += test_stride(37)) {
        pair_reopen(pair);
        sender->wire.corrupt_at = i;
        if (pair_handshake(pair)) {
            // What a TLS 1.3 server says after its Finished, a client that is done has not read yet.
            endpoint_read_some(&pair->client);
            // Signatures differ in length, so this handshake may have ended before that byte.
            bool sent = sender->wire.bytes_sent > i;
            require(sender, pair->client.status == TLS_ERROR || is_record_version(sender, i) || !sent,
                "byte %zu was wrong and nobody noticed", i);
        }
    }
}

TEST(a_wrong_bit_anywhere_in_the_handshake) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        pair_connect(&pair, &setup);
        size_t client_bytes = pair.client.wire.bytes_sent;
        size_t server_bytes = pair.server.wire.bytes_sent;
        for (size_t first = 0; first < 7; first++) { // the header and the start of the first record too
            check_wrong_bits(&pair, &pair.client, first == 0 ? client_bytes : 7, first);
            check_wrong_bits(&pair, &pair.server, first == 0 ? server_bytes : 7, first);
        }
        pair_close(&pair);
    }
}

TEST(a_wrong_bit_in_the_data) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        pair_connect(&pair, &setup);
        pair_chat(&pair);
        size_t count;
        pair.client.wire.corrupt_at = pair.client.wire.bytes_sent + 10;
        assert_int_equal(endpoint_write(&pair.client, "genuine", 7, &count), TLS_OK);
        endpoint_read_some(&pair.server);
        assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_INVALID_MAC);
        assert_sent_alert(&pair.server, 20);
        assert_string_equal(tls_error_reason(&pair.server.error), "bad_record_mac");
        assert_stays_failed(&pair.server);
        endpoint_read_some(&pair.client);
        assert_got_alert(&pair.client, 20);
        assert_stays_failed(&pair.client);
        pair_close(&pair);
    }
}

TEST(a_record_that_is_too_long) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_connect(&pair, &setup);
    pair_chat(&pair);
    wire_inject(&pair.server.wire, "\x17\x03\x03\xff\xff", 5);
    endpoint_read_some(&pair.server);
    assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_INVALID_RECORD);
    assert_sent_alert(&pair.server, 22);
    assert_stays_failed(&pair.server);
    pair_close(&pair);
}

// ---------------------------------------------------------------------------------------------------------------------
// The transport ends

// Ends the transport of one end after more and more bytes, until all of its handshake has come.
static void check_eof(pair_t *pair, endpoint_t *endpoint) {
    for (size_t i = 0;; i += test_stride(i < 6 ? 1 : 13)) {
        pair_reopen(pair);
        endpoint->wire.eof_at = i;
        pair_handshake(pair);
        if (endpoint->status == TLS_OK) {
            assert_true(i > 100);
            return;
        }
        assert_failed(endpoint, TLS_ERROR_EOF, TLS_CODE_CONN_EOF);
        assert_string_equal(tls_error_reason(&endpoint->error), "connection_eof");
        if (i % 5 == 0) {
            assert_stays_failed(endpoint);
        }
    }
}

TEST(eof_anywhere_in_the_handshake) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        pair_open(&pair, &setup);
        check_eof(&pair, &pair.client);
        check_eof(&pair, &pair.server);
        pair_close(&pair);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_common_cipher_suite),
        cmocka_unit_test(no_suite_for_the_certificate),
        cmocka_unit_test(no_common_version),
        cmocka_unit_test(fatal_alerts_in_the_handshake),
        cmocka_unit_test(an_alert_without_a_name),
        cmocka_unit_test(the_first_error_wins_over_the_transport),
        cmocka_unit_test(other_protocols),
        cmocka_unit_test(what_other_protocols_get_is_a_bad_record),
        cmocka_unit_test(random_bytes),
        cmocka_unit_test(a_wrong_bit_anywhere_in_the_handshake),
        cmocka_unit_test(a_wrong_bit_in_the_data),
        cmocka_unit_test(a_record_that_is_too_long),
        cmocka_unit_test(eof_anywhere_in_the_handshake),
    };
    return RUN_TESTS("errors");
}
