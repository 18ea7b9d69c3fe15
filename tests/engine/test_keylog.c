// Is the key log hook told the secrets of a handshake, in the format that other programs read, and does a connection go
// on when the hook cannot take them?

#include "peers.h"

#define HELLO_RANDOM_AT 11 // RFC 8446 sections 5.1 and 4.1.2: headers of record and message, version

static const struct kind {
    int version;
    bool datagram;
    const char *labels[4]; // what every library tells, in some order
} kinds[] = {
    {TLS_VERSION_1_2, false, {"CLIENT_RANDOM"}},
    {TLS_VERSION_1_3, false,
        {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0",
            "SERVER_TRAFFIC_SECRET_0"}},
    {TLS_VERSION_1_2, true, {"CLIENT_RANDOM"}},
};

static void open_kind(pair_t *pair, size_t kind) {
    setup_t setup = verified_setup();
    set_version(&setup, kinds[kind].version);
    setup.datagram = kinds[kind].datagram;
    pair_open(pair, &setup);
    pair->client.keylog = pair->server.keylog = true;
}

// The line that begins with a label; NULL: there is none.
static const char *find_line(const endpoint_t *endpoint, const char *label) {
    size_t len = strlen(label);
    for (unsigned i = 0; i < endpoint->keylog_calls; i++) {
        const char *line = endpoint->keylog_lines[i];
        if (strncmp(line, label, len) == 0 && line[len] == ' ') {
            return line + len + 1;
        }
    }
    return NULL;
}

static void write_hex(char *text, const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = "0123456789abcdef"[data[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[data[i] & 15];
    }
}

TEST(both_ends_tell_the_same) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        pair_t pair;
        open_kind(&pair, kind);
        assert_true(pair_handshake(&pair));
        size_t secret = kinds[kind].version == TLS_VERSION_1_2 ? 96 : 64;
        for (size_t i = 0; i < COUNT(kinds[kind].labels) && kinds[kind].labels[i] != NULL; i++) {
            const char *line = find_line(&pair.client, kinds[kind].labels[i]);
            const char *other = find_line(&pair.server, kinds[kind].labels[i]);
            require(&pair.client, line != NULL && other != NULL, "no %s", kinds[kind].labels[i]);
            assert_string_equal(line, other);
            if (!pair.datagram) {
                char random[64];
                write_hex(random, pair.client.wire.sent.data + HELLO_RANDOM_AT, 32);
                assert_memory_equal(line, random, sizeof(random));
            }
            assert_int_equal(line[64], ' ');
            assert_int_equal(strspn(line + 65, "0123456789abcdef"), strlen(line + 65));
            assert_true(strlen(line + 65) == secret || strlen(line + 65) == 96);
        }
        unsigned before = pair.client.keylog_calls;
        pair_chat(&pair);
        assert_int_equal(pair.client.keylog_calls, before);
        pair_close(&pair);
    }
}

TEST(a_hook_that_aborts) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        pair_t pair;
        open_kind(&pair, kind);
        pair.client.keylog_answer = pair.server.keylog_answer = TLS_ABORTED;
        assert_true(pair_handshake(&pair));
        assert_int_equal(pair.client.aborts, 1);
        assert_int_equal(pair.server.aborts, 1);
        pair_chat(&pair);
        pair_close(&pair);
    }
}

// No data comes with an abort: the read that did the handshake ends before it.
TEST(a_hook_that_aborts_in_a_read) {
    for (size_t kind = 0; kind < 2; kind++) {
        pair_t pair;
        open_kind(&pair, kind);
        pair.client.keylog_answer = TLS_ABORTED;
        pump(&pair, endpoint_read_some, endpoint_handshake);
        assert_status(&pair.server, TLS_OK);
        assert_int_equal(pair.client.aborts, 1);
        pair_chat(&pair);
        pair_close(&pair);
    }
}

TEST(hard_transports) {
    for (size_t kind = 0; kind < 2; kind++) {
        pair_t pair;
        open_kind(&pair, kind);
        pair.client.wire.chunk = 3;
        pair.client.wire.block_random = pair.server.wire.abort_random = test_seed();
        pair.client.keylog_answer = pair.server.keylog_answer = TLS_ABORTED;
        assert_true(pair_handshake(&pair));
        pair_chat(&pair);
        pair_close(&pair);
    }
}

// A client that refuses its server says so, and what the hook had to say as well.
TEST(a_handshake_that_fails) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        setup.server.certificate = "wrong-name";
        pair_t pair;
        pair_open(&pair, &setup);
        pair.client.keylog = true;
        pair.client.keylog_answer = TLS_ABORTED;
        assert_false(pair_handshake(&pair));
        assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
        pair_close(&pair);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_tell_the_same),
        cmocka_unit_test(a_hook_that_aborts),
        cmocka_unit_test(a_hook_that_aborts_in_a_read),
        cmocka_unit_test(hard_transports),
        cmocka_unit_test(a_handshake_that_fails),
    };
    return RUN_TESTS("keylog");
}
