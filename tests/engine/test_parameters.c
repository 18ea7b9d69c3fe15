// Do both sides agree on protocols (ALPN) and groups as they were told to, and refuse each other where they cannot?

#include "hello.h"

#define EXTENSION_SUPPORTED_GROUPS 10
#define EXTENSION_ALPN             16

#define NO_APPLICATION_PROTOCOL 120

// ---------------------------------------------------------------------------------------------------------------------
// ALPN

static void assert_protocol(const endpoint_t *endpoint, const char *expected) {
    size_t len = SIZE_MAX;
    const char *name = tls_connection_alpn(endpoint->connection, &len);
    if (expected == NULL) {
        require(endpoint, name == NULL && len == 0, "expected no protocol");
    } else {
        require(endpoint, name != NULL && len == strlen(expected) && memcmp(name, expected, len) == 0, "expected %s",
            expected);
    }
}

static const struct kind {
    int version;
    bool datagram;
} kinds[] = {{TLS_VERSION_1_2, false}, {TLS_VERSION_1_3, false}, {TLS_VERSION_1_2, true}};

static setup_t kind_setup(size_t kind) {
    setup_t setup = verified_setup();
    set_version(&setup, kinds[kind].version);
    setup.datagram = kinds[kind].datagram;
    return setup;
}

TEST(the_server_chooses_the_protocol) {
    static const struct {
        const char *client[4];
        const char *server[4];
        const char *expected;
    } cases[] = {
        {{"h2", "http/1.1"}, {"http/1.1", "h2"}, "http/1.1"},
        {{"h2", "http/1.1"}, {"mqtt", "http/1.1"}, "http/1.1"},
        {{"a"}, {"a", "ab"}, "a"},
        {{"abc", "ab"}, {"ab"}, "ab"},
        {{"h2"}, {NULL}, NULL},
        {{NULL}, {"h2"}, NULL},
        {{NULL}, {NULL}, NULL},
    };
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            setup_t setup = kind_setup(kind);
            memcpy(setup.client.alpn, cases[i].client, sizeof(setup.client.alpn));
            memcpy(setup.server.alpn, cases[i].server, sizeof(setup.server.alpn));
            pair_t pair;
            pair_open(&pair, &setup);
            assert_protocol(&pair.client, NULL);
            assert_protocol(&pair.server, NULL);
            require(&pair.client, pair_handshake(&pair), "case %zu", i);
            assert_protocol(&pair.client, cases[i].expected);
            assert_protocol(&pair.server, cases[i].expected);
            pair_close(&pair);
        }
    }
}

TEST(no_protocol_in_common) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        setup.client.alpn[0] = "h2";
        setup.server.alpn[0] = "h3";
        pair_t pair;
        pair_open(&pair, &setup);
        assert_false(pair_handshake(&pair));
        assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_NO_APPLICATION_PROTOCOL);
        assert_sent_alert(&pair.server, NO_APPLICATION_PROTOCOL);
        assert_got_alert(&pair.client, NO_APPLICATION_PROTOCOL);
        assert_string_equal(tls_error_reason(&pair.server.error), "no_application_protocol");
        assert_detail(&pair.server, "ALPN");
        assert_protocol(&pair.server, NULL);
        pair_close(&pair);
    }
}

static bool offers_extension(endpoint_t *client, uint16_t type) {
    endpoint_handshake(client);
    hello_t hello = sent_hello(client);
    size_t len;
    return hello_extension(&hello, type, &len) != NULL;
}

TEST(protocols_are_switched_off_again) {
    setup_t setup = verified_setup();
    setup.client.alpn[0] = "h2";
    setup.server.alpn[0] = "h3";
    pair_t pair;
    pair_open(&pair, &setup);
    assert_true(offers_extension(&pair.client, EXTENSION_ALPN));
    tls_error_t error;
    assert_true(tls_context_set_alpn(pair.client.context, NULL, 0, &error));
    pair_reopen(&pair);
    assert_false(offers_extension(&pair.client, EXTENSION_ALPN));
    pair_reopen(&pair);
    assert_true(pair_handshake(&pair));
    pair_close(&pair);
}

// A connection keeps the list with which it was made.
TEST(protocols_change_for_later_connections) {
    static const char *const other[] = {"other"};
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        setup.client.alpn[0] = setup.server.alpn[0] = "one";
        pair_t pair;
        pair_open(&pair, &setup);
        tls_error_t error;
        assert_true(tls_context_set_alpn(pair.client.context, other, 1, &error));
        assert_true(tls_context_set_alpn(pair.server.context, other, 1, &error));
        assert_true(pair_handshake(&pair));
        assert_protocol(&pair.client, "one");
        assert_protocol(&pair.server, "one");
        pair_reopen(&pair);
        assert_true(pair_handshake(&pair));
        assert_protocol(&pair.client, "other");
        assert_protocol(&pair.server, "other");
        pair_close(&pair);
    }
}

TEST(the_longest_name) {
    static char longest[256];
    memset(longest, 'x', 255);
    setup_t setup = verified_setup();
    setup.client.alpn[0] = setup.server.alpn[0] = longest;
    pair_t pair;
    pair_connect(&pair, &setup);
    assert_protocol(&pair.server, longest);
    pair_close(&pair);
}

TEST(names_of_protocols_that_cannot_be) {
    static char too_long[257];
    memset(too_long, 'x', 256);
    static char longest[256];
    memset(longest, 'x', 255);
    static const char *many[256];
    for (size_t i = 0; i < COUNT(many); i++) {
        many[i] = longest;
    }
    const char *bad[] = {"h2", NULL, "h2"};
    setup_t setup = verified_setup();
    setup.client.alpn[0] = setup.server.alpn[0] = "h2";
    pair_t pair;
    pair_open(&pair, &setup);
    tls_error_t error;
    bad[1] = "";
    assert_false(tls_context_set_alpn(pair.client.context, bad, COUNT(bad), &error));
    assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
    bad[1] = too_long;
    assert_false(tls_context_set_alpn(pair.client.context, bad, COUNT(bad), &error));
    assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
    assert_true(tls_context_set_alpn(pair.client.context, many, COUNT(many) - 1, &error));
    assert_true(tls_context_set_alpn(pair.client.context, (const char *const[]) {"h2"}, 1, &error));
    assert_false(tls_context_set_alpn(pair.client.context, many, COUNT(many), &error));
    assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
    // The one set before is still there.
    pair_reopen(&pair);
    assert_true(pair_handshake(&pair));
    assert_protocol(&pair.client, "h2");
    pair_close(&pair);
}

// ---------------------------------------------------------------------------------------------------------------------
// Groups

// What the client offers, by IANA numbers up to the first 0.
static void assert_offers_groups(endpoint_t *client, const uint16_t *expected) {
    endpoint_handshake(client);
    hello_t hello = sent_hello(client);
    size_t len;
    const uint8_t *data = hello_extension(&hello, EXTENSION_SUPPORTED_GROUPS, &len);
    assert_non_null(data);
    size_t count = (len - 2) / 2;
    for (size_t i = 0; i < count; i++) {
        uint16_t group = (uint16_t)(data[2 + 2 * i] << 8 | data[3 + 2 * i]);
        require(client, expected[i] == group, "group %zu is %#x", i, group);
    }
    assert_int_equal(expected[count], 0);
}

TEST(a_client_offers_the_groups_in_their_order) {
    static const struct {
        const char *names[4];
        uint16_t groups[4];
    } cases[] = {
        {{"X25519"}, {29}},
        {{"x25519", "P-256"}, {29, 23}},
        {{"prime256v1"}, {23}},
        {{"secp256r1", "secp384r1"}, {23, 24}},
        {{"P-384", "P-256", "X25519"}, {24, 23, 29}},
    };
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            setup_t setup = verified_setup();
            set_version(&setup, all_versions[v]);
            memcpy(setup.client.groups, cases[i].names, sizeof(setup.client.groups));
            pair_t pair;
            pair_open(&pair, &setup);
            assert_offers_groups(&pair.client, cases[i].groups);
            pair_close(&pair);
        }
    }
}

TEST(one_group_in_common_is_enough) {
    static const struct {
        const char *client[4];
        const char *server[4];
    } cases[] = {
        {{"X25519", "P-256"}, {"P-256"}}, // TLS 1.3 asks the client again (HelloRetryRequest)
        {{"P-256"}, {"P-384", "P-256"}},
        {{"P-384"}, {NULL}},
        {{NULL}, {"P-384"}},
    };
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            setup_t setup = kind_setup(kind);
            setup.client.anchors = "root";
            setup.server.certificate = "rsa";
            memcpy(setup.client.groups, cases[i].client, sizeof(setup.client.groups));
            memcpy(setup.server.groups, cases[i].server, sizeof(setup.server.groups));
            pair_t pair;
            pair_open(&pair, &setup);
            require(&pair.client, pair_handshake(&pair), "kind %zu, case %zu", kind, i);
            pair_close(&pair);
        }
    }
}

TEST(no_group_in_common) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        setup.server.certificate = "rsa";
        setup.client.ciphers[0] = 0xc02f; // ECDHE-RSA: no other key exchange helps
        setup.client.ciphers[1] = 0x1301;
        set_version(&setup, all_versions[v]);
        setup.client.groups[0] = "X25519";
        setup.server.groups[0] = "P-384";
        pair_t pair;
        pair_open(&pair, &setup);
        assert_false(pair_handshake(&pair));
        assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_HANDSHAKE_FAILURE);
        assert_sent_alert(&pair.server, 40);
        assert_got_alert(&pair.client, 40);
        pair_close(&pair);
    }
}

TEST(groups_that_cannot_be) {
    static const char *const bad[] = {"", "P-257", "x25519:P-256", "-P-256", "*P-256", "?P-256", "P-256 ", "p-256",
        "\xff", "a name that is longer than the name of any group that there has ever been, and then some"};
    setup_t setup = verified_setup();
    setup.client.groups[0] = "P-384";
    setup.client.groups[1] = "P-256";
    pair_t pair;
    pair_open(&pair, &setup);
    for (size_t i = 0; i < COUNT(bad); i++) {
        const char *const names[] = {"X25519", bad[i]};
        tls_error_t error;
        assert_false(tls_context_set_groups(pair.client.context, names, COUNT(names), &error));
        assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
        assert_int_equal(error.code, TLS_CODE_BAD_CONFIG);
    }
    tls_error_t error;
    assert_false(tls_context_set_groups(pair.client.context, NULL, 0, &error));
    assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
    // Those set before are still there.
    pair_reopen(&pair);
    assert_offers_groups(&pair.client, (const uint16_t[]) {24, 23, 0});
    pair_close(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_server_chooses_the_protocol),
        cmocka_unit_test(no_protocol_in_common),
        cmocka_unit_test(protocols_are_switched_off_again),
        cmocka_unit_test(protocols_change_for_later_connections),
        cmocka_unit_test(the_longest_name),
        cmocka_unit_test(names_of_protocols_that_cannot_be),
        cmocka_unit_test(a_client_offers_the_groups_in_their_order),
        cmocka_unit_test(one_group_in_common_is_enough),
        cmocka_unit_test(no_group_in_common),
        cmocka_unit_test(groups_that_cannot_be),
    };
    return RUN_TESTS("parameters");
}
