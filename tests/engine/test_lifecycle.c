// Can contexts and connections be freed, kept, shared and changed at any time?

#include "differences.h"
#include "engine/memory.h"
#include "peers.h"

// ---------------------------------------------------------------------------------------------------------------------
// Freeing

TEST(null_is_freed) {
    tls_context_release(NULL);
    tls_connection_free(NULL);
}

// Between these two no allocation succeeds; the latter says whether any was tried.
#define MARKER 54321

static void forbid_allocation(void) {
    tls_memory_fail_after(0);
    assert_null(tls_calloc(1, MARKER));
}

static bool allow_allocation(void) {
    tls_memory_fail_after(-1);
    return tls_memory_failed_size() != MARKER;
}

// Frees without memory, and without anybody to answer a hook: the host of the last call is gone from the stack.
static void free_quietly(endpoint_t *endpoint) {
    size_t calls = endpoint->wire.calls;
    forbid_allocation();
    tls_connection_free(endpoint->connection);
    assert_false(allow_allocation());
    endpoint->connection = NULL;
    assert_int_equal(endpoint->wire.calls, calls);
}

// After each number of steps of the handshake, as short as the transport makes them.
TEST(freed_in_every_state_of_the_handshake) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        pair_open(&pair, &setup);
        bool complete = false;
        for (int steps = 0; !complete; steps++) {
            pair_reopen(&pair);
            pair.client.wire.chunk = pair.server.wire.chunk = 100;
            pair.client.wire.block_random = pair.server.wire.block_random = test_seed();
            for (int i = 0; i < steps; i++) {
                endpoint_handshake(&pair.client);
                endpoint_handshake(&pair.server);
            }
            complete = pair.client.status == TLS_OK && pair.server.status == TLS_OK && steps > 0;
            free_quietly(&pair.client);
            free_quietly(&pair.server);
            assert_true(steps < 500);
        }
        pair_close(&pair);
    }
}

static void leave_as_it_is(pair_t *pair) {
    (void)pair;
}

static void leave_input(pair_t *pair) {
    size_t count;
    uint8_t byte;
    assert_int_equal(endpoint_write(&pair->client, "left behind", 11, &count), TLS_OK);
    assert_int_equal(endpoint_read(&pair->server, &byte, 1, &count), TLS_OK);
    assert_int_equal(tls_connection_input_pending(pair->server.connection), 10);
}

static void leave_output(pair_t *pair) {
    size_t count;
    pair->client.wire.send_blocked = true;
    assert_int_equal(endpoint_write(&pair->client, "left behind", 11, &count), TLS_OK);
    assert_true(tls_connection_output_pending(pair->client.connection));
}

static void leave_closed(pair_t *pair) {
    assert_int_equal(endpoint_close_notify(&pair->client), TLS_OK);
    assert_int_equal(endpoint_read_some(&pair->server), TLS_CLOSED);
}

static void leave_close_blocked(pair_t *pair) {
    pair->client.wire.send_blocked = true;
    assert_int_equal(endpoint_close_notify(&pair->client), TLS_WANT_WRITE);
}

static void leave_ended(pair_t *pair) {
    wire_close(&pair->client.wire);
    assert_int_equal(endpoint_read_some(&pair->server), TLS_EOF);
}

static void leave_failed(pair_t *pair) {
    wire_inject(&pair->server.wire, "this is no record at all", 24);
    assert_int_equal(endpoint_read_some(&pair->server), TLS_ERROR);
}

static void leave_aborted(pair_t *pair) {
    pair->client.wire.abort_at = pair->client.wire.calls;
    assert_int_equal(endpoint_read_some(&pair->client), TLS_ABORTED);
}

TEST(freed_in_every_state_afterwards) {
    static void (*const states[])(pair_t * pair) = {
        leave_as_it_is,
        leave_input,
        leave_output,
        leave_closed,
        leave_close_blocked,
        leave_ended,
        leave_failed,
        leave_aborted,
    };
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        for (size_t i = 0; i < COUNT(states); i++) {
            setup_t setup = verified_setup();
            set_version(&setup, all_versions[v]);
            pair_t pair;
            pair_connect(&pair, &setup);
            states[i](&pair);
            free_quietly(&pair.client);
            free_quietly(&pair.server);
            pair_close(&pair);
        }
    }
}

TEST(a_context_is_freed_quietly) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_connect(&pair, &setup);
    free_quietly(&pair.client);
    free_quietly(&pair.server);
    forbid_allocation();
    tls_context_release(pair.client.context);
    tls_context_release(pair.server.context);
    assert_false(allow_allocation());
    pair.client.context = pair.server.context = NULL;
    pair_close(&pair);
}

// ---------------------------------------------------------------------------------------------------------------------
// References

TEST(connections_outlive_their_contexts) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        setup.client.certificate = "client-rsa";
        setup.server.anchors = "root";
        setup.server.verify = TLS_VERIFY_MODE_REQUIRED;
        pair_t pair;
        pair_open(&pair, &setup);
        tls_context_release(pair.client.context);
        tls_context_release(pair.server.context);
        pair.client.context = pair.server.context = NULL;
        assert_true(pair_handshake(&pair));
        pair_chat(&pair);
        pair_close(&pair);
    }
}

TEST(a_retained_context_lives) {
    tls_error_t error;
    tls_context_t *context = tls_context_new(0, &error);
    assert_ptr_equal(tls_context_retain(context), context);
    tls_context_release(context);
    tls_context_set_verify_mode(context, TLS_VERIFY_MODE_REQUIRED);
    assert_int_equal(tls_context_get_verify_mode(context), TLS_VERIFY_MODE_REQUIRED);
    tls_context_release(context);
}

// ---------------------------------------------------------------------------------------------------------------------
// Sharing

// Another connection of the same contexts.
static void open_beside(pair_t *pair, const pair_t *first) {
    *pair = *first;
    pair->client.connection = pair->server.connection = NULL;
    pair->client.wire = pair->server.wire = (wire_end_t) {0};
    tls_context_retain(pair->client.context);
    tls_context_retain(pair->server.context);
    pair_reopen(pair);
}

TEST(connections_of_one_context_do_not_mix) {
    setup_t setup = verified_setup();
    pair_t pairs[4];
    pair_open(&pairs[0], &setup);
    for (size_t i = 1; i < COUNT(pairs); i++) {
        open_beside(&pairs[i], &pairs[0]);
    }
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < COUNT(pairs); i++) {
            endpoint_handshake(&pairs[i].client);
        }
        for (size_t i = 0; i < COUNT(pairs); i++) {
            endpoint_handshake(&pairs[COUNT(pairs) - 1 - i].server);
        }
    }
    for (size_t i = 0; i < COUNT(pairs); i++) {
        assert_status(&pairs[i].client, TLS_OK);
        assert_status(&pairs[i].server, TLS_OK);
        pair_transfer(&pairs[i], 1000 * i, 500);
    }
    wire_inject(&pairs[1].server.wire, "this is no record at all", 24);
    assert_int_equal(endpoint_read_some(&pairs[1].server), TLS_ERROR);
    for (size_t i = 0; i < COUNT(pairs); i++) {
        if (i != 1) {
            pair_chat(&pairs[i]);
        }
        pair_close(&pairs[i]);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Hooks that use other connections

static const setup_t *inner_setup;
static size_t inner_runs;

static void use_another_connection(void) {
    pair_t pair;
    inner_runs++;
    pair_open(&pair, inner_setup);
    if (pair_handshake(&pair)) {
        pair_chat(&pair);
    }
    pair_close(&pair);
}

static void check_hooks(const setup_t *setup, const setup_t *inner) {
    inner_setup = inner;
    inner_runs = 0;
    pair_t pair;
    pair_open(&pair, setup);
    pair.client.in_hook = pair.server.in_hook = use_another_connection;
    require(&pair.client, pair_handshake(&pair), "disturbed");
    size_t count;
    assert_int_equal(endpoint_write(&pair.client, "hello", 5, &count), TLS_OK);
    assert_int_equal(endpoint_read_some(&pair.server), TLS_OK);
    assert_int_equal(endpoint_read_some(&pair.server), TLS_WANT_READ);
    assert_int_equal(endpoint_close_notify(&pair.client), TLS_OK);
    assert_int_equal(endpoint_read_some(&pair.server), TLS_CLOSED);
    assert_true(inner_runs > 10);
    pair_close(&pair);
}

TEST(hooks_use_other_connections) {
    const setup_t good = verified_setup();
    setup_t bad = verified_setup();
    bad.client.hostname = "other.example";
    setup_t keys = psk_setup();
    check_hooks(&good, &good);
    check_hooks(&good, &bad);
    check_hooks(&good, &keys);
    check_hooks(&keys, &bad);
}

// ---------------------------------------------------------------------------------------------------------------------
// Changing

static void change_everything(tls_context_t *context, bool is_server) {
    static const uint16_t suites[] = {0x1302, 0xc030, 0xc037}; // one for each kind of connection
    tls_error_t error;
    blob_t anchors = load("other-root", ".pem");
    blob_t chain = load("wrong-name", "-chain.pem");
    blob_t key = load("wrong-name", ".key");
    assert_true(tls_context_add_trust_anchors(context, anchors.data, anchors.len, false, &error));
    assert_true(tls_context_add_certificate(context, chain.data, chain.len, key.data, key.len, NULL, &error));
    assert_true(tls_context_set_ciphers(context, suites, COUNT(suites), &error));
    assert_true(tls_context_set_versions(context, TLS_VERSION_1_2, TLS_VERSION_1_2, &error));
    tls_context_set_verify_mode(context, TLS_VERIFY_MODE_NONE);
    if (is_server) {
        assert_true(tls_context_set_psk_server(context, true, &error));
    } else {
        assert_true(tls_context_set_psk(context, (const uint8_t *)"id", 2, (const uint8_t *)"key", 3, &error));
    }
}

// A connection is what its context was when it was made, and a change does not disturb those that are on their way.
TEST(a_context_is_changed_during_handshakes) {
    for (int steps = 0; steps < 6; steps++) {
        setup_t setup = verified_setup();
        pair_t pair;
        pair_open(&pair, &setup);
        for (int i = 0; i < steps; i++) {
            endpoint_handshake(i % 2 == 0 ? &pair.client : &pair.server);
        }
        change_everything(pair.client.context, false);
        change_everything(pair.server.context, true);
        require(&pair.client, pair_handshake(&pair), "changed after %d steps", steps);
        assert_string_equal(tls_connection_version(pair.client.connection), "TLSv1.3");
        assert_int_equal(pair.client.verify_calls, 3);
        pair_chat(&pair);
        pair_close(&pair);
    }
}

TEST(a_new_connection_sees_what_was_changed) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_connect(&pair, &setup);
    change_everything(pair.client.context, false);
    change_everything(pair.server.context, true);
    pair_reopen(&pair);
    assert_false(pair_handshake(&pair));
    assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_UNKNOWN_IDENTITY);
    pair_close(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_is_freed),
        cmocka_unit_test(freed_in_every_state_of_the_handshake),
        cmocka_unit_test(freed_in_every_state_afterwards),
        cmocka_unit_test(a_context_is_freed_quietly),
        cmocka_unit_test(connections_outlive_their_contexts),
        cmocka_unit_test(a_retained_context_lives),
        cmocka_unit_test(connections_of_one_context_do_not_mix),
        cmocka_unit_test(hooks_use_other_connections),
        cmocka_unit_test(a_context_is_changed_during_handshakes),
        cmocka_unit_test(a_new_connection_sees_what_was_changed),
    };
    return RUN_TESTS("lifecycle");
}
