// Fixed pieces of work, whose cost in our own code tests/cost counts under callgrind: it collects in the functions that
// begin with cost_.

#include "peers.h"

#define RECORD  16000 // what any version takes in one record
#define RECORDS 64

__attribute__((noinline)) static void cost_bulk(pair_t *pair) {
    static uint8_t sent[RECORD];
    static uint8_t received[RECORD];
    for (unsigned i = 0; i < RECORDS; i++) {
        memset(sent, (int)i + 1, sizeof(sent));
        size_t count;
        assert_int_equal(endpoint_write(&pair->server, sent, RECORD, &count), TLS_OK);
        assert_int_equal(count, RECORD);
        for (size_t done = 0; done < RECORD; done += count) {
            assert_int_equal(endpoint_read(&pair->client, received + done, RECORD - done, &count), TLS_OK);
        }
        assert_memory_equal(received, sent, RECORD);
    }
}

TEST(bulk) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_connect(&pair, &setup);
    pair_chat(&pair);
    cost_bulk(&pair);
    pair_close(&pair);
}

// From the making of both connections to their end.
__attribute__((noinline)) static void cost_resumed(pair_t *pair) {
    pair_reopen(pair);
    assert_true(pair_handshake(pair));
    pair_chat(pair);
    tls_connection_free(pair->client.connection);
    tls_connection_free(pair->server.connection);
    pair->client.connection = NULL;
    pair->server.connection = NULL;
}

TEST(resumed) {
    setup_t setup = verified_setup();
    set_version(&setup, TLS_VERSION_1_3);
    pair_t pair;
    pair_connect(&pair, &setup);
    pair_chat(&pair);
    tls_error_t error;
    pair.client.session = tls_connection_session(pair.client.connection, &error);
    assert_non_null(pair.client.session);
    cost_resumed(&pair);
    pair_reopen(&pair);
    assert_true(pair_handshake(&pair));
    assert_true(tls_connection_session_reused(pair.client.connection));
    tls_session_release(pair.client.session);
    pair_close(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bulk),
        cmocka_unit_test(resumed),
    };
    return RUN_TESTS("cost");
}
