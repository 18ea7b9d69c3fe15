// Does a context keep the sessions it should, find them again for those who may have them, and no others?

#include "engine/memory.h"
#include "engine/session_cache.h"
#include "peers.h"

// ---------------------------------------------------------------------------------------------------------------------
// The cache alone

static const uint8_t rules[TLS_DIGEST_SIZE] = {1, 2, 3};
static const uint8_t other_rules[TLS_DIGEST_SIZE] = {4};

static tls_session_t *client_session(const char *name, int64_t now) {
    tls_session_facts_t facts = {.terms.hostname = name, .time = now, .proof_time = now, .timeout = 100};
    return tls_session_new(&facts, 10);
}

static tls_session_t *server_session(uint8_t id, int64_t now) {
    tls_session_facts_t facts = {.time = now, .proof_time = now, .timeout = 100, .id_len = 1, .id = {id}};
    memcpy(facts.terms.trust, rules, sizeof(rules));
    return tls_session_new(&facts, 10);
}

static bool takes(tls_session_cache_t *cache, const char *name, uint16_t port, int64_t now) {
    tls_session_terms_t terms = {.hostname = name};
    uint32_t number;
    tls_session_t *session = tls_session_cache_take(cache, &terms, port, now, &number);
    tls_session_release(session);
    return session != NULL;
}

static bool finds(tls_session_cache_t *cache, uint8_t id, const uint8_t *under, int64_t now) {
    uint32_t number;
    tls_session_t *session = tls_session_cache_find(cache, &id, 1, under, now, &number);
    tls_session_release(session);
    return session != NULL;
}

static tls_session_stats_t stats_of(tls_session_cache_t *cache) {
    tls_session_stats_t stats;
    tls_session_cache_read_stats(cache, &stats);
    return stats;
}

TEST(names_and_ports) {
    tls_session_cache_t cache = {.size = 0};
    assert_int_equal(tls_session_cache_put(&cache, client_session("a", 0), 1, false), 0);
    assert_false(takes(&cache, "a", 1, 0));
    assert_int_equal(stats_of(&cache).misses, 0); // where nothing is kept nothing is missed
    tls_session_cache_resize(&cache, 3);
    assert_int_not_equal(tls_session_cache_put(&cache, client_session("a", 0), 1, false), 0);
    tls_session_cache_put(&cache, client_session("a", 0), 2, false);
    assert_true(takes(&cache, "a", 1, 0));
    assert_true(takes(&cache, "a", 2, 0));
    assert_false(takes(&cache, "a", 3, 0));
    assert_false(takes(&cache, "b", 1, 0));
    assert_false(takes(&cache, NULL, 1, 0));
    tls_session_cache_put(&cache, client_session("a", 5), 1, false); // in place of the older one
    assert_int_equal(stats_of(&cache).number, 2);
    assert_int_equal(stats_of(&cache).cache_full, 0);
    tls_session_cache_put(&cache, NULL, 1, false);
    tls_session_cache_resize(&cache, 0);
    assert_int_equal(stats_of(&cache).number, 0);
}

TEST(least_recently_used) {
    tls_session_cache_t cache = {.size = 2};
    tls_session_cache_put(&cache, client_session("a", 0), 0, false);
    tls_session_cache_put(&cache, client_session("b", 0), 0, false);
    assert_true(takes(&cache, "a", 0, 0));
    tls_session_cache_put(&cache, client_session("c", 0), 0, false);
    assert_false(takes(&cache, "b", 0, 0));
    assert_true(takes(&cache, "a", 0, 0));
    assert_true(takes(&cache, "c", 0, 0));
    assert_int_equal(stats_of(&cache).cache_full, 1);
    tls_session_cache_resize(&cache, 1);
    assert_false(takes(&cache, "a", 0, 0));
    assert_true(takes(&cache, "c", 0, 0));
    tls_session_cache_resize(&cache, 0);
}

TEST(single_use) {
    tls_session_cache_t cache = {.size = 2};
    tls_session_cache_put(&cache, client_session("a", 0), 0, true);
    assert_true(takes(&cache, "a", 0, 0));
    assert_false(takes(&cache, "a", 0, 0));
    assert_int_equal(stats_of(&cache).number, 0);
    assert_int_equal(stats_of(&cache).misses, 1);
}

TEST(too_old) {
    tls_session_cache_t cache = {.size = 2};
    tls_session_cache_put(&cache, client_session("a", 1000), 0, false);
    assert_true(takes(&cache, "a", 0, 1099));
    assert_false(takes(&cache, "a", 0, 1100));
    assert_int_equal(stats_of(&cache).timeouts, 1);
    assert_int_equal(stats_of(&cache).number, 0);
    tls_session_cache_put(&cache, server_session(1, 1000), 0, false);
    assert_true(finds(&cache, 1, rules, 1099));
    assert_false(finds(&cache, 1, rules, 1100));
    assert_int_equal(stats_of(&cache).timeouts, 2);
}

TEST(identifiers_and_rules) {
    tls_session_cache_t cache = {.size = 2};
    tls_session_cache_put(&cache, server_session(1, 0), 0, false);
    tls_session_cache_put(&cache, server_session(2, 0), 0, false);
    assert_true(finds(&cache, 1, rules, 0));
    assert_false(finds(&cache, 1, other_rules, 0));
    assert_true(finds(&cache, 1, rules, 0));
    assert_false(finds(&cache, 3, rules, 0));
    tls_session_cache_put(&cache, server_session(3, 0), 0, false);
    assert_false(finds(&cache, 2, rules, 0));
    tls_session_cache_resize(&cache, 0);
}

TEST(removal) {
    tls_session_cache_t cache = {.size = 3};
    uint32_t numbers[3];
    for (uint8_t i = 0; i < 3; i++) {
        numbers[i] = tls_session_cache_put(&cache, server_session(i, 0), 0, false);
    }
    tls_session_cache_remove(&cache, 0);
    tls_session_cache_remove(&cache, numbers[1]);
    tls_session_cache_remove(&cache, numbers[1]);
    assert_int_equal(stats_of(&cache).number, 2);
    assert_false(finds(&cache, 1, rules, 0));
    assert_true(finds(&cache, 0, rules, 0));
    uint32_t number;
    tls_session_release(tls_session_cache_find(&cache, (const uint8_t[]) {2}, 1, rules, 0, &number));
    assert_int_equal(number, numbers[2]);
    tls_session_cache_resize(&cache, 0);
    // Numbers go round, and none of them is 0.
    cache.last_number = UINT32_MAX - 1;
    cache.size = 1;
    for (int i = 0; i < 4; i++) {
        assert_int_not_equal(tls_session_cache_put(&cache, server_session(1, 0), 0, false), 0);
    }
    tls_session_cache_resize(&cache, 0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Contexts

static void open_keeping(pair_t *pair, int version) {
    setup_t setup = verified_setup();
    set_version(&setup, version);
    pair_open(pair, &setup);
    tls_context_set_session_cache_size(pair->client.context, 4);
    assert_int_equal(tls_context_get_session_cache_size(pair->client.context), 4);
}

static bool reconnects(pair_t *pair) {
    pair_reopen(pair);
    require(&pair->client, pair_handshake(pair), "the handshake failed");
    pair_chat(pair);
    return tls_connection_session_reused(pair->client.connection);
}

static tls_session_stats_t context_stats(const endpoint_t *endpoint) {
    tls_session_stats_t stats;
    tls_context_session_stats(endpoint->context, &stats);
    return stats;
}

TEST(client_resumes_by_itself) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        pair_t pair;
        open_keeping(&pair, all_versions[v]);
        assert_false(reconnects(&pair));
        for (int i = 0; i < 3; i++) {
            assert_true(reconnects(&pair));
        }
        tls_session_stats_t stats = context_stats(&pair.client);
        assert_int_equal(stats.number, 1);
        assert_int_equal(stats.connect, 4);
        assert_int_equal(stats.connect_good, 4);
        assert_int_equal(stats.hits, 3);
        assert_int_equal(stats.misses, 1);
        stats = context_stats(&pair.server);
        assert_int_equal(stats.accept, 4);
        assert_int_equal(stats.accept_good, 4);
        assert_int_equal(stats.hits, 3);
        pair.client.now += 7200;
        pair_close(&pair);
    }
}

TEST(client_forgets_what_is_old) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        pair_t pair;
        open_keeping(&pair, all_versions[v]);
        assert_false(reconnects(&pair));
        pair_reopen(&pair);
        pair.client.now += 7200;
        assert_true(pair_handshake(&pair));
        assert_false(tls_connection_session_reused(pair.client.connection));
        assert_int_equal(context_stats(&pair.client).timeouts, 1);
        pair_close(&pair);
    }
}

// Whether a connection fails in its handshake or later, its session is not offered again.
TEST(failed_connections) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        pair_t pair;
        open_keeping(&pair, all_versions[v]);
        assert_false(reconnects(&pair));
        static const uint8_t nonsense[5 + 32] = {23, 3, 3, 0, 32};
        wire_inject(&pair.client.wire, nonsense, sizeof(nonsense));
        assert_int_equal(endpoint_read_some(&pair.client), TLS_ERROR);
        assert_int_equal(context_stats(&pair.client).number, 0);

        assert_false(reconnects(&pair));
        pair_reopen(&pair);
        assert_int_equal(endpoint_handshake(&pair.client), TLS_WANT_READ);
        wire_inject(&pair.client.wire, nonsense, sizeof(nonsense));
        assert_int_equal(endpoint_handshake(&pair.client), TLS_ERROR);
        assert_int_equal(context_stats(&pair.client).number, 0);
        tls_session_stats_t stats = context_stats(&pair.client);
        assert_int_equal(stats.connect, 3);
        assert_int_equal(stats.connect_good, 2);
        pair_close(&pair);
    }
}

// A session that cannot be kept is no reason to fail.
TEST(memory_runs_out) {
    pair_t pair;
    open_keeping(&pair, TLS_VERSION_1_3);
    bool kept = false;
    for (long number = 0; !kept; number++) {
        pair_reopen(&pair);
        assert_true(pair_handshake(&pair));
        size_t count;
        assert_int_equal(endpoint_write(&pair.server, "hello", 5, &count), TLS_OK);
        tls_memory_fail_after(number);
        tls_status_t status = endpoint_read_some(&pair.client);
        tls_memory_fail_after(-1);
        assert_true(status == TLS_OK || pair.client.error.kind == TLS_ERROR_NO_MEMORY);
        kept = context_stats(&pair.client).number > 0;
        require(&pair.client, kept || number < 1000, "nothing is ever kept");
    }
    pair_close(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_ports),
        cmocka_unit_test(least_recently_used),
        cmocka_unit_test(single_use),
        cmocka_unit_test(too_old),
        cmocka_unit_test(identifiers_and_rules),
        cmocka_unit_test(removal),
        cmocka_unit_test(client_resumes_by_itself),
        cmocka_unit_test(client_forgets_what_is_old),
        cmocka_unit_test(failed_connections),
        cmocka_unit_test(memory_runs_out),
    };
    return RUN_TESTS("session_cache");
}
