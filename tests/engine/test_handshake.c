// Does the handshake complete, whatever the certificates, the version and the transport, and is it described right?

#include "peers.h"
#include "ssl_config.h"

// ---------------------------------------------------------------------------------------------------------------------
// What is negotiated

static void assert_peer_chain(endpoint_t *endpoint, const char *leaf, const char *issuer) {
    const char *const names[] = {leaf, issuer};
    for (unsigned depth = 0; depth < COUNT(names); depth++) {
        blob_t expected = load(names[depth], ".der");
        const uint8_t *der;
        size_t len;
        require(endpoint, tls_connection_peer_certificate(endpoint->connection, depth, &der, &len),
            "no certificate at depth %u", depth);
        assert_int_equal(len, expected.len);
        assert_memory_equal(der, expected.data, len);
    }
    const uint8_t *der;
    size_t len;
    assert_false(tls_connection_peer_certificate(endpoint->connection, COUNT(names), &der, &len));
}

static void assert_describes_nothing(const endpoint_t *endpoint) {
    const uint8_t *der;
    size_t len;
    int bits;
    assert_false(tls_connection_is_established(endpoint->connection));
    assert_null(tls_connection_version(endpoint->connection));
    assert_int_equal(tls_connection_cipher(endpoint->connection, &bits), 0);
    assert_false(tls_connection_peer_certificate(endpoint->connection, 0, &der, &len));
    assert_int_equal(tls_connection_verify_result(endpoint->connection), 0);
    assert_int_equal(tls_connection_input_pending(endpoint->connection), 0);
    assert_false(tls_connection_input_buffered(endpoint->connection));
    assert_false(tls_connection_output_pending(endpoint->connection));
}

static void assert_describes(const endpoint_t *endpoint, const char *version) {
    assert_true(tls_connection_is_established(endpoint->connection));
    assert_string_equal(tls_connection_version(endpoint->connection), version);
    int bits = 0;
    uint16_t suite = tls_connection_cipher(endpoint->connection, &bits);
    char name[TLS_CIPHER_NAME_SIZE];
    require(endpoint, tls_cipher_name(suite, name) != NULL, "suite %#x has no name", suite);
    require(endpoint, bits == 128 || bits == 256, "%s with %d bits", name, bits);
    require(endpoint, (strstr(name, "256-GCM") != NULL || strstr(name, "CHACHA20") != NULL) <= (bits == 256),
        "%s with %d bits", name, bits);
    assert_int_equal(tls_connection_verify_result(endpoint->connection), 0);
}

// `client`: the certificate of the client, or NULL.
static void check_certificates(int version, const char *server, const char *client) {
    setup_t setup = verified_setup();
    set_version(&setup, version);
    setup.server.certificate = server;
    if (client != NULL) {
        setup.client.certificate = client;
        setup.server.anchors = "root";
        setup.server.verify = TLS_VERIFY_MODE_REQUIRED;
    }
    pair_t pair;
    pair_open(&pair, &setup);
    assert_describes_nothing(&pair.client);
    assert_describes_nothing(&pair.server);
    pair_handshake(&pair);
    assert_status(&pair.client, TLS_OK);
    assert_status(&pair.server, TLS_OK);
    assert_describes(&pair.client, version_name(version, false));
    assert_describes(&pair.server, version_name(version, false));
    assert_int_equal(endpoint_suite(&pair.client), endpoint_suite(&pair.server));
    assert_peer_chain(&pair.client, server, "inter");
    const uint8_t *der;
    size_t len;
    if (client != NULL) {
        assert_peer_chain(&pair.server, client, "inter");
    } else {
        assert_false(tls_connection_peer_certificate(pair.server.connection, 0, &der, &len));
    }
    pair_chat(&pair);
    pair_close(&pair);
}

TEST(every_version_and_type_of_key) {
    const char *const servers[] = {"ec", "rsa", "p384"};
    const char *const clients[] = {NULL, "client-ec", "client-rsa"};
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        for (size_t s = 0; s < COUNT(servers); s++) {
            for (size_t c = 0; c < COUNT(clients); c++) {
                check_certificates(all_versions[v], servers[s], clients[c]);
            }
        }
    }
}

TEST(highest_common_version) {
    static const struct {
        int client_maximum;
        int server_maximum;
        const char *version;
    } cases[] = {
        {TLS_VERSION_1_3, TLS_VERSION_1_3, "TLSv1.3"},
        {TLS_VERSION_1_2, TLS_VERSION_1_3, "TLSv1.2"},
        {TLS_VERSION_1_3, TLS_VERSION_1_2, "TLSv1.2"},
        {TLS_VERSION_1_2, TLS_VERSION_1_2, "TLSv1.2"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        setup_t setup = verified_setup();
        setup.client.minimum = setup.server.minimum = TLS_VERSION_1_2;
        setup.client.maximum = cases[i].client_maximum;
        setup.server.maximum = cases[i].server_maximum;
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_string_equal(tls_connection_version(pair.client.connection), cases[i].version);
        assert_string_equal(tls_connection_version(pair.server.connection), cases[i].version);
        pair_close(&pair);
    }
}

TEST(a_new_context_is_as_documented) {
    tls_error_t error;
    for (unsigned protocol = 0; protocol < 4; protocol++) {
        tls_context_t *context = tls_context_new(protocol, &error);
        assert_non_null(context);
        int maximum = protocol & TLS_PROTOCOL_DATAGRAM ? TLS_VERSION_1_2 : MICROPY_PY_SSL_MAX_TLS_VERSION;
        assert_int_equal(tls_context_get_minimum_version(context), TLS_VERSION_1_2);
        assert_int_equal(tls_context_get_maximum_version(context), maximum);
        assert_int_equal(tls_context_get_verify_mode(context), TLS_VERIFY_MODE_NONE);
        assert_int_equal(tls_context_count_trust_anchors(context), 0);
        assert_true(tls_context_get_ciphers(context, NULL, 0) > 0);
        tls_context_release(context);
    }
}

TEST(versions_are_set_whole_or_not_at_all) {
    tls_error_t error;
    tls_context_t *context = tls_context_new(0, &error);
    assert_true(tls_context_set_versions(context, TLS_VERSION_1_3, TLS_VERSION_1_3, &error));
    static const int wrong[][2] = {
        {TLS_VERSION_1_3, TLS_VERSION_1_2},
        {0x0300, TLS_VERSION_1_3},
        {TLS_VERSION_1_2, 0x0305},
        {0, 0},
        {-1, TLS_VERSION_1_2},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        memset(&error, 0xa5, sizeof(error));
        assert_false(tls_context_set_versions(context, wrong[i][0], wrong[i][1], &error));
        assert_true(error.kind == TLS_ERROR_ARGUMENT || error.kind == TLS_ERROR_UNSUPPORTED);
        assert_non_null(tls_error_name(error.code));
        assert_int_equal(tls_context_get_minimum_version(context), TLS_VERSION_1_3);
        assert_int_equal(tls_context_get_maximum_version(context), TLS_VERSION_1_3);
    }
    tls_context_release(context);
}

TEST(engine_says_what_it_is) {
    assert_true(tls_engine_init());
    assert_true(tls_engine_init());
    assert_true(strncmp(tls_engine_version(), "OpenSSL 3.", 10) == 0
        || strncmp(tls_engine_version(), "Mbed TLS 3.", 11) == 0);
    assert_true(tls_engine_has(TLS_FEATURE_TLS_1_2));
    assert_true(tls_engine_has(TLS_FEATURE_TLS_1_3));
    assert_true(tls_engine_has(TLS_FEATURE_DTLS));
    assert_true(tls_engine_has(TLS_FEATURE_PSK));
    assert_true(tls_engine_has(TLS_FEATURE_CLIENT));
    assert_true(tls_engine_has(TLS_FEATURE_SERVER));
    assert_true(tls_engine_has(TLS_FEATURE_ECDH));
    assert_true(tls_engine_has(TLS_FEATURE_SNI));
    assert_true(tls_engine_has(TLS_FEATURE_PEM));
    assert_true(tls_engine_has(TLS_FEATURE_PEER_CERTIFICATE));
}

// ---------------------------------------------------------------------------------------------------------------------
// Which certificate a server with several uses

TEST(certificates_of_two_types_stand_side_by_side) {
    static const struct {
        const char *suite;
        const char *leaf;
    } cases[] = {
        {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ec"},
        {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "rsa"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        setup_t setup = verified_setup();
        set_version(&setup, TLS_VERSION_1_2);
        setup.server.certificate = "ec";
        setup.server.second_certificate = "rsa";
        setup.client.ciphers[0] = tls_cipher_suite(cases[i].suite, strlen(cases[i].suite));
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_peer_chain(&pair.client, cases[i].leaf, "inter");
        pair_close(&pair);
    }
}

TEST(a_certificate_of_the_same_type_replaces_the_first) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        setup.server.certificate = "wrong-name";
        setup.server.second_certificate = "ec";
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_peer_chain(&pair.client, "ec", "inter");
        pair_close(&pair);
    }
}

TEST(a_server_without_certificate_refuses) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        setup.server.certificate = NULL;
        pair_t pair;
        pair_open(&pair, &setup);
        assert_false(pair_handshake(&pair));
        assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_HANDSHAKE_FAILURE);
        assert_detail(&pair.server, "no certificate");
        assert_sent_alert(&pair.server, 40);
        assert_got_alert(&pair.client, 40);
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Transports

typedef void (*fault_t)(wire_end_t *end);

static void one_byte_at_a_time(wire_end_t *end) {
    end->chunk = 1;
}

static void seven_bytes_at_a_time(wire_end_t *end) {
    end->chunk = 7;
}

static void calls_block(wire_end_t *end) {
    end->block_random = test_seed();
}

static void calls_abort(wire_end_t *end) {
    end->abort_random = test_seed();
}

static void everything_at_once(wire_end_t *end) {
    end->chunk = 3;
    end->block_random = end->abort_random = test_seed();
}

static void little_room(wire_end_t *end) {
    end->room = 64;
}

TEST(hard_transports) {
    static const fault_t faults[] = {
        one_byte_at_a_time,
        seven_bytes_at_a_time,
        calls_block,
        calls_abort,
        everything_at_once,
        little_room,
    };
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        setup.client.certificate = "client-ec";
        setup.server.anchors = "root";
        setup.server.verify = TLS_VERIFY_MODE_REQUIRED;
        setup.server.tickets = -1; // a client that has finished does not make room for them: see test_sessions.c
        pair_t pair;
        pair_open(&pair, &setup);
        for (size_t i = 0; i < COUNT(faults); i++) {
            pair_reopen(&pair);
            faults[i](&pair.client.wire);
            faults[i](&pair.server.wire);
            require(&pair.client, pair_handshake(&pair), "client fails with fault %zu", i);
            pair_chat(&pair);
        }
        pair_close(&pair);
    }
}

// Blocks or aborts one call of the transport after the other, at both ends; the handshake must complete all the same.
static void check_every_call(tls_status_t answer) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
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
                pair_chat(&pair);
            }
        }
        pair_close(&pair);
    }
}

TEST(would_block_at_every_call) {
    check_every_call(TLS_WANT_READ);
}

TEST(abort_at_every_call) {
    check_every_call(TLS_ABORTED);
}

// ---------------------------------------------------------------------------------------------------------------------
// Handshakes that nobody asked for

TEST(reads_and_writes_do_the_handshake) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        pair_open(&pair, &setup);
        pair_transfer(&pair, 100, 0);
        assert_true(tls_connection_is_established(pair.client.connection));
        assert_true(tls_connection_is_established(pair.server.connection));
        pair_reopen(&pair);
        pair_transfer(&pair, 0, 100);
        pair_close(&pair);
    }
}

TEST(nothing_is_written_before_the_handshake_is_complete) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    size_t count;
    assert_int_equal(endpoint_write(&pair.client, "early", 5, &count), TLS_WANT_READ);
    assert_int_equal(count, 0);
    assert_true(pair.client.wire.bytes_sent > 0);
    assert_int_equal(endpoint_write(&pair.server, "early", 5, &count), TLS_WANT_READ);
    assert_int_equal(count, 0);
    assert_true(pair_handshake(&pair));
    uint8_t buf[10];
    assert_int_equal(endpoint_read(&pair.server, buf, sizeof(buf), &count), TLS_WANT_READ);
    assert_int_equal(endpoint_read(&pair.client, buf, sizeof(buf), &count), TLS_WANT_READ);
    pair_close(&pair);
}

TEST(flush_and_close_notify_do_not_start_a_handshake) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    assert_int_equal(endpoint_flush(&pair.client), TLS_OK);
    assert_int_equal(endpoint_close_notify(&pair.client), TLS_OK);
    assert_int_equal(endpoint_flush(&pair.server), TLS_OK);
    assert_int_equal(pair.client.wire.calls, 0);
    assert_int_equal(pair.server.wire.calls, 0);
    pair_close(&pair);
}

TEST(a_second_handshake_has_nothing_to_do) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_connect(&pair, &setup);
    size_t calls = pair.client.wire.calls;
    assert_int_equal(endpoint_handshake(&pair.client), TLS_OK);
    assert_int_equal(pair.client.wire.calls, calls);
    pair_close(&pair);
}

TEST(a_read_of_nothing_does_nothing) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    size_t count;
    assert_int_equal(endpoint_read(&pair.client, NULL, 0, &count), TLS_OK);
    assert_int_equal(endpoint_write(&pair.client, NULL, 0, &count), TLS_OK);
    assert_int_equal(pair.client.wire.calls, 0);
    pair_close(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engine_says_what_it_is),
        cmocka_unit_test(a_new_context_is_as_documented),
        cmocka_unit_test(versions_are_set_whole_or_not_at_all),
        cmocka_unit_test(every_version_and_type_of_key),
        cmocka_unit_test(highest_common_version),
        cmocka_unit_test(certificates_of_two_types_stand_side_by_side),
        cmocka_unit_test(a_certificate_of_the_same_type_replaces_the_first),
        cmocka_unit_test(a_server_without_certificate_refuses),
        cmocka_unit_test(hard_transports),
        cmocka_unit_test(would_block_at_every_call),
        cmocka_unit_test(abort_at_every_call),
        cmocka_unit_test(reads_and_writes_do_the_handshake),
        cmocka_unit_test(nothing_is_written_before_the_handshake_is_complete),
        cmocka_unit_test(flush_and_close_notify_do_not_start_a_handshake),
        cmocka_unit_test(a_second_handshake_has_nothing_to_do),
        cmocka_unit_test(a_read_of_nothing_does_nothing),
    };
    return RUN_TESTS("handshake");
}
