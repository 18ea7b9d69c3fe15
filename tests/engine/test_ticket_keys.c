// Do the keys of a server's tickets change in time, and do servers that were given the same ones take each other's
// tickets, as long as they ask the same of their clients?

#include "engine/memory.h"
#include "engine/ticket_keys.h"
#include "peers.h"

static const uint8_t bytes[3 * TLS_TICKET_KEY_LONG] = "some key bytes that are the same everywhere";
static const tls_bytes_t old_key = {bytes, TLS_TICKET_KEY_SHORT};
static const tls_bytes_t new_key = {bytes + TLS_TICKET_KEY_LONG, TLS_TICKET_KEY_LONG};

static tls_ticket_key_t key_at(tls_ticket_keys_t *keys, int64_t now, size_t number) {
    tls_ticket_key_t key;
    assert_true(tls_ticket_keys_get(keys, now, number, &key));
    return key;
}

static bool is_same(const tls_ticket_key_t *a, const tls_ticket_key_t *b) {
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static bool has_only(tls_ticket_keys_t *keys, int64_t now, size_t count) {
    tls_ticket_key_t key;
    return tls_ticket_keys_get(keys, now, count - 1, &key) && !tls_ticket_keys_get(keys, now, count, &key);
}

TEST(own_keys_change) {
    tls_ticket_keys_t *keys = tls_ticket_keys_new(NULL, 0);
    tls_ticket_key_t first = key_at(keys, 1000, 0);
    assert_int_equal(first.size, TLS_TICKET_KEY_LONG);
    assert_true(has_only(keys, 1000 + TLS_TICKET_PERIOD - 1, 1));
    tls_ticket_key_t second = key_at(keys, 1000 + TLS_TICKET_PERIOD, 0);
    assert_false(is_same(&first, &second));
    tls_ticket_key_t before = key_at(keys, 1000 + TLS_TICKET_PERIOD, 1);
    assert_true(is_same(&first, &before));
    before = key_at(keys, 1000 + 2 * TLS_TICKET_PERIOD, 1);
    assert_true(is_same(&second, &before));
    // After a long time none of them is good.
    tls_ticket_key_t third = key_at(keys, 1000 + 4 * TLS_TICKET_PERIOD, 0);
    assert_true(has_only(keys, 1000 + 4 * TLS_TICKET_PERIOD, 1));
    assert_false(is_same(&second, &third));
    tls_ticket_keys_free(keys);
    tls_ticket_keys_free(NULL);
}

// Without a clock they stay; one that is set later or goes back makes them count from there.
TEST(odd_clocks) {
    tls_ticket_keys_t *keys = tls_ticket_keys_new(NULL, 0);
    tls_ticket_key_t first = key_at(keys, -1, 0);
    tls_ticket_key_t again = key_at(keys, -1, 0);
    assert_true(is_same(&first, &again));
    again = key_at(keys, 1000000, 0);
    assert_true(is_same(&first, &again));
    again = key_at(keys, 500000, 0);
    assert_true(is_same(&first, &again));
    again = key_at(keys, -1, 0);
    assert_true(is_same(&first, &again));
    again = key_at(keys, 500000 + TLS_TICKET_PERIOD, 1);
    assert_true(is_same(&first, &again));
    tls_ticket_keys_free(keys);
}

TEST(given_keys_stay) {
    const tls_bytes_t given[] = {new_key, old_key};
    tls_ticket_keys_t *keys = tls_ticket_keys_new(given, COUNT(given));
    for (int64_t now = -1; now < 1000000; now += 300000) {
        for (size_t i = 0; i < COUNT(given); i++) {
            tls_ticket_key_t key = key_at(keys, now, i);
            assert_int_equal(key.size, given[i].len);
            assert_memory_equal(key.bytes, given[i].data, given[i].len);
        }
        assert_true(has_only(keys, now, 2));
    }
    tls_ticket_keys_free(keys);
}

// ---------------------------------------------------------------------------------------------------------------------
// Servers

static const struct kind {
    int version;
    bool datagram;
} kinds[] = {{TLS_VERSION_1_2, false}, {TLS_VERSION_1_3, false}, {TLS_VERSION_1_2, true}};

static void open_kind(pair_t *pair, size_t kind) {
    setup_t setup = verified_setup();
    set_version(&setup, kinds[kind].version);
    setup.datagram = kinds[kind].datagram;
    pair_open(pair, &setup);
}

static void give(pair_t *pair, const tls_bytes_t *first, const tls_bytes_t *second) {
    tls_bytes_t keys[2] = {*first};
    tls_error_t error;
    if (second != NULL) {
        keys[1] = *second;
    }
    assert_true(tls_context_set_ticket_keys(pair->server.context, keys, second == NULL ? 1 : 2, &error));
}

// A session of this pair's server.
static tls_session_t *visit(pair_t *pair) {
    tls_error_t error;
    pair_reopen(pair);
    assert_true(pair_handshake(pair));
    pair_chat(pair);
    tls_session_t *session = tls_connection_session(pair->client.connection, &error);
    assert_non_null(session);
    return session;
}

// Whether the server resumes it so many seconds later, by the server's clock.
static bool resumes(pair_t *pair, tls_session_t *session, int64_t seconds) {
    pair->client.session = session;
    pair_reopen(pair);
    pair->server.now += seconds;
    require(&pair->client, pair_handshake(pair), "the handshake failed");
    pair_chat(pair);
    bool reused = tls_connection_session_reused(pair->client.connection);
    assert_int_equal(tls_connection_session_reused(pair->server.connection), reused);
    pair->client.session = NULL;
    return reused;
}

TEST(tickets_end_with_their_keys) {
    for (size_t k = 0; k < COUNT(kinds); k++) {
        pair_t pair;
        open_kind(&pair, k);
        tls_session_t *session = visit(&pair);
        assert_true(resumes(&pair, session, 0));
        // In TLS 1.3 Mbed TLS compares ages, and the client's clock stands still.
        if (kinds[k].version == TLS_VERSION_1_2) {
            assert_true(resumes(&pair, session, TLS_TICKET_LIFETIME - 1));
        }
        assert_false(resumes(&pair, session, 2 * TLS_TICKET_LIFETIME));
        tls_session_release(session);
        pair_close(&pair);
    }
}

TEST(shared) {
    for (size_t k = 0; k < COUNT(kinds); k++) {
        pair_t one;
        pair_t other;
        open_kind(&one, k);
        open_kind(&other, k);
        tls_session_t *session = visit(&one);
        assert_false(resumes(&other, session, 0));
        tls_session_release(session);
        give(&one, &old_key, NULL);
        give(&other, &old_key, NULL);
        session = visit(&one);
        assert_true(resumes(&other, session, 0));
        // The new key comes, the old one stays for a while, then it goes.
        give(&other, &new_key, &old_key);
        assert_true(resumes(&other, session, 0));
        give(&other, &new_key, NULL);
        assert_false(resumes(&other, session, 0));
        tls_session_release(session);
        pair_close(&one);
        pair_close(&other);
    }
}

static void nothing(tls_context_t *context) {
    (void)context;
}

static void ask(tls_context_t *context) {
    tls_context_set_verify_mode(context, TLS_VERIFY_MODE_OPTIONAL);
}

static void trust(tls_context_t *context) {
    tls_error_t error;
    blob_t anchors = load("root", ".pem");
    assert_true(tls_context_add_trust_anchors(context, anchors.data, anchors.len, false, &error));
}

static void trust_and_ask(tls_context_t *context) {
    trust(context);
    ask(context);
}

// What is asked of clients is the same at both servers, or they are no fleet.
TEST(rules) {
    static void (*const changes[])(tls_context_t * context) = {nothing, ask, trust_and_ask, tls_context_forget_tickets};
    for (size_t i = 0; i < COUNT(changes) * COUNT(changes); i++) {
        void (*first)(tls_context_t *) = changes[i / COUNT(changes)];
        void (*second)(tls_context_t *) = changes[i % COUNT(changes)];
        pair_t one;
        pair_t other;
        open_kind(&one, 0);
        open_kind(&other, 0);
        give(&one, &new_key, NULL);
        give(&other, &new_key, NULL);
        first(one.server.context);
        second(other.server.context);
        tls_session_t *session = visit(&one);
        require(&other.client, resumes(&other, session, 0) == (first == second), "changes %zu", i);
        tls_session_release(session);
        pair_close(&one);
        pair_close(&other);
    }
}

TEST(bad_keys) {
    pair_t pair;
    tls_error_t error;
    open_kind(&pair, 0);
    give(&pair, &old_key, NULL);
    tls_session_t *session = visit(&pair);
    for (size_t len = 0; len < 100; len++) {
        const tls_bytes_t keys[] = {old_key, {bytes, len}};
        bool ok = tls_context_set_ticket_keys(pair.server.context, keys, COUNT(keys), &error);
        assert_int_equal(ok, len == TLS_TICKET_KEY_SHORT || len == TLS_TICKET_KEY_LONG);
        assert_int_equal(error.kind, ok ? TLS_ERROR_NONE : TLS_ERROR_ARGUMENT);
    }
    tls_bytes_t many[TLS_TICKET_KEYS_MAX + 1];
    for (size_t i = 0; i < COUNT(many); i++) {
        many[i] = old_key;
    }
    assert_false(tls_context_set_ticket_keys(pair.server.context, many, COUNT(many), &error));
    assert_false(tls_context_set_ticket_keys(pair.client.context, many, 1, &error));
    assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
    tls_memory_fail_after(0);
    assert_false(tls_context_set_ticket_keys(pair.server.context, &new_key, 1, &error));
    tls_memory_fail_after(-1);
    assert_int_equal(error.kind, TLS_ERROR_NO_MEMORY);
    // Nothing of this changed anything.
    assert_true(resumes(&pair, session, 0));
    assert_true(tls_context_set_ticket_keys(pair.server.context, NULL, 0, &error));
    assert_false(resumes(&pair, session, 0));
    tls_session_release(session);
    pair_close(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_keys_change),
        cmocka_unit_test(odd_clocks),
        cmocka_unit_test(given_keys_stay),
        cmocka_unit_test(tickets_end_with_their_keys),
        cmocka_unit_test(shared),
        cmocka_unit_test(rules),
        cmocka_unit_test(bad_keys),
    };
    return RUN_TESTS("ticket_keys");
}
