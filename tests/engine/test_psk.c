// Do pre-shared keys let in exactly those who know them, and never anyone by certificate instead?

#include "hello.h"

// Every kind of connection that can use them.
static const struct kind {
    int version;
    bool datagram;
} kinds[] = {{TLS_VERSION_1_2, false}, {TLS_VERSION_1_3, false}, {TLS_VERSION_1_2, true}};

static setup_t kind_setup(size_t kind) {
    setup_t setup = psk_setup();
    set_version(&setup, kinds[kind].version);
    setup.datagram = kinds[kind].datagram;
    return setup;
}

// Runs a handshake that must fail at both ends.
static void open_and_fail(pair_t *pair, const setup_t *setup) {
    pair_open(pair, setup);
    assert_false(pair_handshake(pair));
    require(&pair->client, pair->client.status != TLS_OK && pair->server.status != TLS_OK, "one end is content");
    assert_status(&pair->server, TLS_ERROR);
}

TEST(a_shared_key_connects) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_true(pair.server.psk_calls > 0);
        assert_int_equal(pair.client.psk_calls, 0);
        assert_string_equal(tls_connection_version(pair.client.connection),
            version_name(kinds[kind].version, kinds[kind].datagram));
        const uint8_t *der;
        size_t len;
        assert_false(tls_connection_peer_certificate(pair.client.connection, 0, &der, &len));
        if (!setup.datagram) {
            pair_chat(&pair);
        }
        pair_close(&pair);
    }
}

TEST(keys_and_identities_of_every_length) {
    static const size_t key_lengths[] = {1, 16, 32, 33, 48, TLS_PSK_MAX};
    static const size_t identity_lengths[] = {1, 2, 100, TLS_PSK_IDENTITY_MAX};
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        for (size_t i = 0; i < COUNT(key_lengths); i++) {
            char key[TLS_PSK_MAX + 1] = "";
            char identity[TLS_PSK_IDENTITY_MAX + 1] = "";
            memset(key, 'k', key_lengths[i]);
            memset(identity, 'i', identity_lengths[i % COUNT(identity_lengths)]);
            setup_t setup = kind_setup(kind);
            setup.client.psk_key = setup.server.psk_key = key;
            setup.client.psk_identity = setup.server.psk_identity = identity;
            pair_t pair;
            pair_open(&pair, &setup);
            require(&pair.client, pair_handshake(&pair), "%zu bytes of key", key_lengths[i]);
            pair_close(&pair);
        }
    }
}

TEST(bytes_of_any_value) {
    static const uint8_t identity[] = {0, 255, 'a', 0, '\n'};
    static const uint8_t key[] = {0, 0, 1, 128, 255, 0, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0};
    tls_error_t error;
    tls_context_t *context = tls_context_new(0, &error);
    bool taken = tls_context_set_psk(context, identity, sizeof(identity), key, sizeof(key), &error);
    assert_true(taken || error.kind == TLS_ERROR_ARGUMENT || error.kind == TLS_ERROR_UNSUPPORTED);
    tls_context_release(context);
}

TEST(an_unknown_identity_is_refused) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        setup.client.psk_identity = "stranger";
        pair_t pair;
        open_and_fail(&pair, &setup);
        assert_true(pair.server.psk_calls > 0);
        assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_UNKNOWN_IDENTITY);
        assert_string_equal(tls_error_reason(&pair.server.error), "unknown_psk_identity");
        assert_sent_alert(&pair.server, 115);
        assert_got_alert(&pair.client, 115);
        pair_close(&pair);
    }
}

TEST(a_wrong_key_is_refused) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        setup.client.psk_key = "0123456789abcdeF";
        pair_t pair;
        pair_open(&pair, &setup);
        assert_false(pair_handshake(&pair));
        if (setup.datagram) {
            // A datagram that does not decrypt is dropped (RFC 6347 section 4.1.2.7), so the client waits.
            assert_true(pair.client.status != TLS_OK && pair.server.status != TLS_OK);
        } else {
            assert_status(&pair.server, TLS_ERROR);
            require(&pair.server, pair.server.error.kind == TLS_ERROR_PROTOCOL, "expected TLS_ERROR_PROTOCOL");
            assert_got_alert(&pair.client, pair.server.error.alert);
        }
        pair_close(&pair);
    }
}

TEST(a_server_without_hook_knows_nobody) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        pair_t pair;
        pair_open(&pair, &setup);
        pair.server.no_psk_hook = true;
        assert_false(pair_handshake(&pair));
        assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_UNKNOWN_IDENTITY);
        pair_close(&pair);
    }
}

TEST(the_hook_aborts) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        pair_t pair;
        pair_open(&pair, &setup);
        pair.server.psk_answer = TLS_ABORTED;
        for (int i = 0; i < 10 && pair.server.psk_calls == 0; i++) {
            endpoint_handshake(&pair.client);
            endpoint_handshake(&pair.server);
        }
        assert_status(&pair.server, TLS_ABORTED);
        pair.server.psk_answer = TLS_OK; // too late
        endpoint_handshake(&pair.server);
        assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_UNKNOWN_IDENTITY);
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The client's hook

static setup_t hook_setup(size_t kind) {
    setup_t setup = kind_setup(kind);
    setup.client.psk_from_hook = true;
    return setup;
}

TEST(the_clients_hook_gives_the_key) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = hook_setup(kind);
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_int_equal(pair.client.psk_calls, 1);
        assert_string_equal(pair.client.psk_hint, "");
        if (!setup.datagram) {
            pair_chat(&pair);
        }
        pair_close(&pair);
    }
}

TEST(the_clients_hook_gives_the_longest_key) {
    char key[TLS_PSK_MAX + 1] = "";
    char identity[TLS_PSK_IDENTITY_MAX + 1] = "";
    memset(key, 'k', TLS_PSK_MAX);
    memset(identity, 'i', TLS_PSK_IDENTITY_MAX);
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = hook_setup(kind);
        setup.client.psk_key = setup.server.psk_key = key;
        setup.client.psk_identity = setup.server.psk_identity = identity;
        pair_t pair;
        pair_connect(&pair, &setup);
        pair_close(&pair);
    }
}

TEST(a_key_of_the_context_comes_before_the_hook) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        pair_t pair;
        pair_open(&pair, &setup);
        tls_error_t error;
        assert_true(tls_context_set_psk_client(pair.client.context, true, &error));
        pair_reopen(&pair);
        assert_true(pair_handshake(&pair));
        assert_int_equal(pair.client.psk_calls, 0);
        pair_close(&pair);
    }
}

static void check_no_key(pair_t *pair) {
    assert_false(pair_handshake(pair));
    assert_failed(&pair->client, TLS_ERROR_PROTOCOL, TLS_CODE_UNKNOWN_IDENTITY);
    assert_true(pair->server.status != TLS_OK);
    pair_close(pair);
}

TEST(the_clients_hook_has_no_key) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = hook_setup(kind);
        pair_t pair;
        pair_open(&pair, &setup);
        pair.client.psk_answer = TLS_ERROR;
        check_no_key(&pair);
        pair_open(&pair, &setup);
        pair.client.no_psk_hook = true;
        check_no_key(&pair);
    }
}

TEST(the_clients_hook_aborts) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = hook_setup(kind);
        pair_t pair;
        pair_open(&pair, &setup);
        pair.client.psk_answer = TLS_ABORTED;
        for (int i = 0; i < 10 && pair.client.psk_calls == 0; i++) {
            endpoint_handshake(&pair.client);
            endpoint_handshake(&pair.server);
        }
        assert_status(&pair.client, TLS_ABORTED);
        pair.client.psk_answer = TLS_OK; // too late
        endpoint_handshake(&pair.client);
        assert_failed(&pair.client, TLS_ERROR_PROTOCOL, TLS_CODE_UNKNOWN_IDENTITY);
        assert_int_equal(pair.client.psk_calls, 1);
        pair_close(&pair);
    }
}

// What a server says about identities: OpenSSL only, in TLS 1.2 only.
TEST(the_hint) {
    tls_error_t error;
    tls_context_t *server = tls_context_new(TLS_PROTOCOL_SERVER, &error);
    bool possible = tls_context_set_psk_hint(server, "by name", &error);
    assert_true(possible || error.kind == TLS_ERROR_UNSUPPORTED);
    assert_true(tls_context_set_psk_hint(server, NULL, &error));
    char hint[TLS_PSK_IDENTITY_MAX + 2] = "";
    memset(hint, 'h', TLS_PSK_IDENTITY_MAX + 1);
    assert_false(tls_context_set_psk_hint(server, hint, &error));
    tls_context_release(server);
    for (size_t kind = 0; possible && kind < COUNT(kinds); kind++) {
        setup_t setup = hook_setup(kind);
        setup.server.psk_hint = "by name";
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_string_equal(pair.client.psk_hint, kinds[kind].version == TLS_VERSION_1_2 ? "by name" : "");
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// No way around

TEST(a_server_with_keys_does_not_fall_back_to_its_certificate) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = verified_setup();
        set_version(&setup, kinds[kind].version);
        setup.datagram = kinds[kind].datagram;
        setup.server.psk_identity = "gateway-7";
        setup.server.psk_key = "0123456789abcdef";
        pair_t pair;
        open_and_fail(&pair, &setup);
        assert_int_equal(pair.server.error.kind, TLS_ERROR_PROTOCOL);
        assert_int_equal(pair.server.psk_calls, 0);
        pair_close(&pair);
    }
}

TEST(a_client_with_a_key_does_not_fall_back_to_certificates) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        setup.server.psk_identity = setup.server.psk_key = NULL;
        setup.server.certificate = "ec";
        setup.client.anchors = "root";
        setup.client.hostname = "server.test";
        pair_t pair;
        pair_open(&pair, &setup);
        assert_false(pair_handshake(&pair));
        require(&pair.client, pair.client.status != TLS_OK, "the client took a certificate for its key");
        assert_true(pair.server.status != TLS_OK || kinds[kind].version == TLS_VERSION_1_3);
        pair_close(&pair);
    }
}

TEST(a_client_with_a_key_offers_nothing_else) {
    setup_t setup = psk_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    endpoint_handshake(&pair.client);
    hello_t hello = sent_hello(&pair.client);
    static const char *const others[] = {
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
    };
    for (size_t i = 0; i < COUNT(others); i++) {
        uint16_t suite = tls_cipher_suite(others[i], strlen(others[i]));
        assert_true(suite == 0 || !hello_offers_suite(&hello, suite));
    }
    const char *psk_suite = "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256";
    assert_true(hello_offers_suite(&hello, tls_cipher_suite(psk_suite, strlen(psk_suite))));
    pair_close(&pair);
}

TEST(keys_are_switched_off_again) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        setup.client.psk_identity = setup.server.psk_identity = "gateway-7";
        setup.client.psk_key = setup.server.psk_key = "0123456789abcdef";
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_int_equal(pair.client.verify_calls, 0);
        tls_error_t error;
        assert_true(tls_context_set_psk(pair.client.context, NULL, 0, NULL, 0, &error));
        assert_true(tls_context_set_psk_server(pair.server.context, false, &error));
        pair_reopen(&pair);
        assert_true(pair_handshake(&pair));
        assert_int_equal(pair.server.psk_calls, 0);
        assert_int_equal(pair.client.verify_calls, 3);
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Setters

TEST(keys_that_cannot_be) {
    static const uint8_t bytes[TLS_PSK_MAX + TLS_PSK_IDENTITY_MAX];
    static const struct {
        size_t identity_len;
        size_t key_len;
    } cases[] = {{0, 16}, {5, 0}, {0, 0}, {5, TLS_PSK_MAX + 1}, {TLS_PSK_IDENTITY_MAX + 1, 16}};
    setup_t setup = psk_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    for (size_t i = 0; i < COUNT(cases); i++) {
        tls_error_t error;
        memset(&error, 0xa5, sizeof(error));
        assert_false(tls_context_set_psk(pair.client.context, bytes, cases[i].identity_len, bytes, cases[i].key_len,
            &error));
        assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
    }
    // The key set before is still there.
    assert_true(pair_handshake(&pair));
    pair_close(&pair);
}

TEST(keys_for_the_other_role) {
    tls_error_t error;
    tls_context_t *client = tls_context_new(0, &error);
    tls_context_t *server = tls_context_new(TLS_PROTOCOL_SERVER, &error);
    assert_false(tls_context_set_psk(server, (const uint8_t *)"id", 2, (const uint8_t *)"key", 3, &error));
    assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
    assert_false(tls_context_set_psk_server(client, true, &error));
    assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
    assert_false(tls_context_set_psk_client(server, true, &error));
    assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
    assert_false(tls_context_set_psk_hint(client, "hint", &error));
    assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
    tls_context_release(client);
    tls_context_release(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shared_key_connects),
        cmocka_unit_test(keys_and_identities_of_every_length),
        cmocka_unit_test(bytes_of_any_value),
        cmocka_unit_test(an_unknown_identity_is_refused),
        cmocka_unit_test(a_wrong_key_is_refused),
        cmocka_unit_test(a_server_without_hook_knows_nobody),
        cmocka_unit_test(the_hook_aborts),
        cmocka_unit_test(the_clients_hook_gives_the_key),
        cmocka_unit_test(the_clients_hook_gives_the_longest_key),
        cmocka_unit_test(a_key_of_the_context_comes_before_the_hook),
        cmocka_unit_test(the_clients_hook_has_no_key),
        cmocka_unit_test(the_clients_hook_aborts),
        cmocka_unit_test(the_hint),
        cmocka_unit_test(a_server_with_keys_does_not_fall_back_to_its_certificate),
        cmocka_unit_test(a_client_with_a_key_does_not_fall_back_to_certificates),
        cmocka_unit_test(a_client_with_a_key_offers_nothing_else),
        cmocka_unit_test(keys_are_switched_off_again),
        cmocka_unit_test(keys_that_cannot_be),
        cmocka_unit_test(keys_for_the_other_role),
    };
    return RUN_TESTS("psk");
}
