// Do both ends of a connection make the same keying material and channel bindings, and nobody else, and are there none
// where they would bind nothing?

#include "engine/memory.h"
#include "engine/session.h"
#include "peers.h"

#define SIZE 40

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

// ---------------------------------------------------------------------------------------------------------------------
// Keying material

static void export(endpoint_t *endpoint, const char *label, const char *context, size_t context_len, uint8_t *out,
    size_t len) {
    bool ok = tls_connection_export(endpoint->connection, label, strlen(label), (const uint8_t *)context, context_len,
        out, len, &endpoint->error);
    require(endpoint, ok, "no keying material for %s", label);
}

// The same at both ends.
static void export_both(pair_t *pair, const char *label, const char *context, size_t context_len, uint8_t out[SIZE]) {
    uint8_t other[SIZE];
    export(&pair->client, label, context, context_len, out, SIZE);
    export(&pair->server, label, context, context_len, other, SIZE);
    assert_memory_equal(out, other, SIZE);
}

TEST(both_ends_export_the_same) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        pair_t pair;
        pair_connect(&pair, &setup);
        uint8_t first[SIZE], label[SIZE], context[SIZE], empty[SIZE], again[SIZE];
        export_both(&pair, "EXPERIMENTAL one", NULL, 0, first);
        export_both(&pair, "EXPERIMENTAL two", NULL, 0, label);
        export_both(&pair, "EXPERIMENTAL one", "context", 7, context);
        export_both(&pair, "EXPERIMENTAL one", "", 0, empty);
        assert_memory_not_equal(first, label, SIZE);
        assert_memory_not_equal(first, context, SIZE);
        // RFC 5705 section 4 tells no context from an empty one, RFC 8446 section 7.5 does not.
        assert_int_equal(memcmp(first, empty, SIZE) == 0, kinds[kind].version == TLS_VERSION_1_3);
        pair_chat(&pair);
        export_both(&pair, "EXPERIMENTAL one", NULL, 0, again);
        assert_memory_equal(first, again, SIZE);
        pair_reopen(&pair);
        assert_true(pair_handshake(&pair));
        export_both(&pair, "EXPERIMENTAL one", NULL, 0, again);
        assert_memory_not_equal(first, again, SIZE);
        pair_close(&pair);
    }
}

TEST(the_longest_export) {
    static char label[TLS_EXPORT_LABEL_MAX + 1], context[TLS_EXPORT_CONTEXT_MAX];
    static uint8_t one[TLS_EXPORT_MAX], other[TLS_EXPORT_MAX];
    memset(label, 'x', TLS_EXPORT_LABEL_MAX);
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        pair_t pair;
        pair_connect(&pair, &setup);
        export(&pair.client, label, context, sizeof(context), one, sizeof(one));
        export(&pair.server, label, context, sizeof(context), other, sizeof(other));
        assert_memory_equal(one, other, sizeof(one));
        pair_close(&pair);
    }
}

static void assert_refuses(endpoint_t *endpoint, const char *label, size_t label_len, size_t context_len, size_t len) {
    static uint8_t out[TLS_EXPORT_MAX + 1];
    static const uint8_t context[TLS_EXPORT_CONTEXT_MAX + 1];
    bool ok = tls_connection_export(endpoint->connection, label, label_len, context, context_len, out, len,
        &endpoint->error);
    require(endpoint, !ok && endpoint->error.kind == TLS_ERROR_ARGUMENT, "it was not refused: %s", label);
}

TEST(exports_that_cannot_be) {
    static const char *const reserved[]
        = {"client finished", "server finished", "master secret", "extended master secret", "key expansion"};
    char label[TLS_EXPORT_LABEL_MAX + 2] = "";
    memset(label, 'x', TLS_EXPORT_LABEL_MAX + 1);
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        pair_t pair;
        pair_open(&pair, &setup);
        assert_refuses(&pair.client, "label", 5, 0, 20);
        assert_detail(&pair.client, "not complete");
        assert_true(pair_handshake(&pair));
        for (size_t i = 0; i < COUNT(reserved); i++) {
            assert_refuses(&pair.client, reserved[i], strlen(reserved[i]), 0, 20);
        }
        assert_refuses(&pair.client, label, sizeof(label) - 1, 0, 20);
        assert_refuses(&pair.client, "", 0, 0, 20);
        assert_refuses(&pair.server, "label", 5, 0, 0);
        assert_refuses(&pair.server, "label", 5, 0, TLS_EXPORT_MAX + 1);
        assert_refuses(&pair.server, "label", 5, TLS_EXPORT_CONTEXT_MAX + 1, 20);
        pair_chat(&pair);
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Channel bindings

// How many bytes, the same at both ends; 0: none.
static size_t binding_of(pair_t *pair, tls_binding_t binding, uint8_t out[TLS_BINDING_MAX]) {
    endpoint_t *const ends[] = {&pair->client, &pair->server};
    uint8_t data[2][TLS_BINDING_MAX] = {{0}, {0}};
    size_t len[2];
    for (size_t i = 0; i < 2; i++) {
        bool ok = tls_connection_channel_binding(ends[i]->connection, binding, data[i], &len[i], &ends[i]->error);
        require(ends[i], ok, "binding %d", binding);
    }
    require(&pair->server, len[0] == len[1] && memcmp(data[0], data[1], len[0]) == 0, "binding %d differs", binding);
    memcpy(out, data[0], len[0]);
    return len[0];
}

static void assert_bound_to_ec(const uint8_t binding[TLS_BINDING_MAX]) {
    blob_t certificate = load("ec", ".der");
    uint8_t digest[TLS_DIGEST_SIZE];
    assert_true(tls_sha256(certificate.data, certificate.len, digest));
    assert_memory_equal(binding, digest, TLS_DIGEST_SIZE);
}

TEST(both_ends_have_the_same_bindings) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        bool tls13 = kinds[kind].version == TLS_VERSION_1_3;
        pair_t pair;
        uint8_t unique[TLS_BINDING_MAX], end_point[TLS_BINDING_MAX], exporter[TLS_BINDING_MAX];
        pair_open(&pair, &setup);
        for (int binding = TLS_BINDING_UNIQUE; binding <= TLS_BINDING_EXPORTER; binding++) {
            assert_int_equal(binding_of(&pair, (tls_binding_t)binding, unique), 0);
        }
        assert_true(pair_handshake(&pair));
        assert_int_equal(binding_of(&pair, TLS_BINDING_UNIQUE, unique), tls13 ? 0 : 12);
        assert_int_equal(binding_of(&pair, TLS_BINDING_EXPORTER, exporter), 32);
        assert_int_equal(binding_of(&pair, TLS_BINDING_SERVER_END_POINT, end_point), 32);
        assert_bound_to_ec(end_point);
        uint8_t exported[SIZE];
        export_both(&pair, "EXPORTER-Channel-Binding", "", 0, exported);
        // The length goes into it in TLS 1.3.
        assert_int_equal(memcmp(exporter, exported, 32) == 0, !tls13);
        pair_close(&pair);
    }
}

// In a resumed handshake it is the server's Finished that comes first.
TEST(bindings_of_resumed_connections) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        pair_t pair;
        uint8_t before[2][TLS_BINDING_MAX], after[2][TLS_BINDING_MAX];
        pair_connect(&pair, &setup);
        pair_chat(&pair);
        size_t len = binding_of(&pair, TLS_BINDING_UNIQUE, before[0]);
        binding_of(&pair, TLS_BINDING_EXPORTER, before[1]);
        tls_error_t error;
        tls_session_t *session = pair.client.session = tls_connection_session(pair.client.connection, &error);
        pair_reopen(&pair);
        assert_true(pair_handshake(&pair));
        assert_true(tls_connection_session_reused(pair.client.connection));
        assert_int_equal(binding_of(&pair, TLS_BINDING_UNIQUE, after[0]), len);
        assert_int_equal(binding_of(&pair, TLS_BINDING_EXPORTER, after[1]), 32);
        if (len > 0) {
            assert_memory_not_equal(before[0], after[0], len);
        }
        assert_memory_not_equal(before[1], after[1], 32);
        // The server has one certificate only; a client of Mbed TLS does not keep it in TLS 1.3.
        size_t end_point_len;
        assert_true(tls_connection_channel_binding(pair.server.connection, TLS_BINDING_SERVER_END_POINT, after[0],
            &end_point_len, &error));
        assert_int_equal(end_point_len, 32);
        assert_bound_to_ec(after[0]);
        tls_session_release(session);
        pair_close(&pair);
    }
}

// Whoever knows the server's key could have seen to it that another connection has the same master secret.
TEST(without_ecdhe_there_is_no_binding) {
    setup_t setup = verified_setup();
    set_version(&setup, TLS_VERSION_1_2);
    setup.server.certificate = "rsa";
    setup.client.ciphers[0] = setup.server.ciphers[0] = 0x009c; // TLS_RSA_WITH_AES_128_GCM_SHA256
    pair_t pair;
    uint8_t data[TLS_BINDING_MAX];
    pair_connect(&pair, &setup);
    assert_int_equal(binding_of(&pair, TLS_BINDING_UNIQUE, data), 0);
    assert_int_equal(binding_of(&pair, TLS_BINDING_EXPORTER, data), 0);
    assert_int_equal(binding_of(&pair, TLS_BINDING_SERVER_END_POINT, data), 32);
    pair_close(&pair);
}

// Without certificates there is none to bind to.
TEST(pre_shared_keys) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = psk_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        uint8_t data[TLS_BINDING_MAX];
        pair_connect(&pair, &setup);
        assert_int_equal(binding_of(&pair, TLS_BINDING_SERVER_END_POINT, data), 0);
        assert_int_equal(binding_of(&pair, TLS_BINDING_EXPORTER, data), 32);
        pair_close(&pair);
    }
}

// Which of a server's two certificates was shown, where the library tells.
TEST(two_certificates) {
    static const struct {
        uint16_t suite;
        const char *certificate;
    } cases[] = {{0xc02b, "ec"}, {0xc02f, "rsa"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        setup_t setup = verified_setup();
        set_version(&setup, TLS_VERSION_1_2);
        setup.server.second_certificate = "rsa";
        setup.client.ciphers[0] = cases[i].suite;
        pair_t pair;
        uint8_t data[TLS_BINDING_MAX], digest[TLS_DIGEST_SIZE];
        pair_connect(&pair, &setup);
        assert_int_equal(binding_of(&pair, TLS_BINDING_SERVER_END_POINT, data), 32);
        blob_t certificate = load(cases[i].certificate, ".der");
        assert_true(tls_sha256(certificate.data, certificate.len, digest));
        assert_memory_equal(data, digest, TLS_DIGEST_SIZE);
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------

TEST(no_memory) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = kind_setup(kind);
        pair_t pair;
        uint8_t expected[SIZE], out[SIZE], binding[TLS_BINDING_MAX];
        pair_connect(&pair, &setup);
        export_both(&pair, "label", "context", 7, expected);
        binding_of(&pair, TLS_BINDING_SERVER_END_POINT, binding);
        bool exported = false;
        bool bound = false;
        for (long number = 0; !exported || !bound; number++) {
            tls_error_t error;
            size_t len;
            assert_true(number < 1000);
            tls_memory_fail_after(number);
            exported = tls_connection_export(pair.client.connection, "label", 5, (const uint8_t *)"context", 7, out,
                SIZE, &error);
            tls_memory_fail_after(-1);
            assert_true(exported || error.kind == TLS_ERROR_NO_MEMORY);
            tls_memory_fail_after(number);
            bound = tls_connection_channel_binding(pair.client.connection, TLS_BINDING_SERVER_END_POINT, binding, &len,
                &error);
            tls_memory_fail_after(-1);
            assert_true(bound ? len == 32 : error.kind == TLS_ERROR_NO_MEMORY);
        }
        assert_memory_equal(out, expected, SIZE);
        pair_chat(&pair);
        pair_close(&pair);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_export_the_same),
        cmocka_unit_test(the_longest_export),
        cmocka_unit_test(exports_that_cannot_be),
        cmocka_unit_test(both_ends_have_the_same_bindings),
        cmocka_unit_test(bindings_of_resumed_connections),
        cmocka_unit_test(without_ecdhe_there_is_no_binding),
        cmocka_unit_test(pre_shared_keys),
        cmocka_unit_test(two_certificates),
        cmocka_unit_test(no_memory),
    };
    return RUN_TESTS("binding");
}
