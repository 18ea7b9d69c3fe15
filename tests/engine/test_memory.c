// When memory runs out at any moment, is it said, is nothing leaked, and does the next connection work? And does each
// connection know how much it holds?
//
// Leaks are found when the program ends.

#include "engine/memory.h"
#include "peers.h"

static tls_status_t write_some(endpoint_t *endpoint) {
    size_t count;
    return endpoint_write(endpoint, "some bytes", 10, &count);
}

// Runs one step at each end. Whether both could take it.
static bool take(pair_t *pair, step_t client_step, tls_status_t client_expected, step_t server_step,
    tls_status_t server_expected) {
    pump(pair, client_step, server_step);
    return pair->client.status == client_expected && pair->server.status == server_expected;
}

// Everything that two programs do with a connection. false: something failed, and an endpoint says what.
static bool talk(pair_t *pair) {
    return pair_handshake(pair) && take(pair, write_some, TLS_OK, endpoint_read_some, TLS_OK)
        && take(pair, endpoint_read_some, TLS_OK, write_some, TLS_OK)
        && take(pair, endpoint_close_notify, TLS_OK, endpoint_read_some, TLS_CLOSED)
        && take(pair, endpoint_read_some, TLS_CLOSED, endpoint_close_notify, TLS_OK);
}

// The same, contexts included. false: something failed, and *error or an endpoint says what.
static bool live(pair_t *pair, const setup_t *setup, tls_error_t *error) {
    tls_error_clear(error);
    return pair_try_open(pair, setup, error) && talk(pair);
}

static bool is_no_memory(const tls_error_t *error) {
    return error->kind == TLS_ERROR_NO_MEMORY && error->code == TLS_CODE_ALLOC_FAILED && error->size > 0;
}

// What the other end makes of it: an alert, the end of the transport, or half a flight that makes no sense.
static bool is_no_memory_or_its_consequence(const endpoint_t *endpoint) {
    return endpoint->status != TLS_ERROR || is_no_memory(&endpoint->error)
        || endpoint->error.kind == TLS_ERROR_PEER_ALERT || endpoint->error.kind == TLS_ERROR_EOF
        || endpoint->error.kind == TLS_ERROR_PROTOCOL;
}

// Between these two the allocation with this number fails, and all after it; the latter says whether one did.
#define MARKER 54321

static void start_failing(long number) {
    tls_memory_fail_after(0);
    assert_null(tls_calloc(1, MARKER));
    tls_memory_fail_after(number);
}

static bool stop_failing(void) {
    tls_memory_fail_after(-1);
    return tls_memory_failed_size() != MARKER;
}

static void assert_says_so(const tls_error_t *error, long number) {
    if (!is_no_memory(error)) {
        fail_msg("allocation %ld: %s, %s", number, tls_error_reason(error), error->detail);
    }
}

static void assert_one_end_says_so(const pair_t *pair, long number) {
    const endpoint_t *const ends[] = {&pair->client, &pair->server};
    require(ends[0], is_no_memory(&ends[0]->error) || is_no_memory(&ends[1]->error),
        "allocation %ld: neither end says that it has no memory; server: %s, %s", number,
        status_name(ends[1]->status), tls_error_reason(&ends[1]->error));
    for (size_t i = 0; i < 2; i++) {
        require(ends[i], is_no_memory_or_its_consequence(ends[i]), "allocation %ld", number);
    }
}

// false: there are not so many allocations.
static bool check_failure(const setup_t *setup, long number) {
    pair_t pair;
    tls_error_t error;
    start_failing(number);
    bool worked = live(&pair, setup, &error);
    bool failed_one = stop_failing();
    if (error.kind != TLS_ERROR_NONE) {
        assert_says_so(&error, number);
    } else if (!worked) {
        assert_one_end_says_so(&pair, number);
    }
    assert_true(worked || failed_one);
    pair_close(&pair);
    return failed_one;
}

static void check_every_allocation(const setup_t *setup) {
    // What the library keeps for the process is there from now on.
    tls_error_t error;
    pair_t pair;
    assert_true(live(&pair, setup, &error));
    pair_close(&pair);

    long number = 0;
    while (check_failure(setup, number)) {
        // Setting up allocates a few hundred blocks, each in its own way; a handshake thousands, most of them numbers.
        number += (long)test_stride(number < 300 ? 1 : 151);
    }
    print_message("%ld allocations\n", number);

    assert_true(live(&pair, setup, &error));
    pair_close(&pair);
}

TEST(tls12) {
    setup_t setup = verified_setup();
    set_version(&setup, TLS_VERSION_1_2);
    check_every_allocation(&setup);
}

TEST(tls13) {
    setup_t setup = verified_setup();
    set_version(&setup, TLS_VERSION_1_3);
    check_every_allocation(&setup);
}

TEST(mutual_rsa) {
    setup_t setup = verified_setup();
    setup.server.certificate = "rsa";
    setup.server.anchors = "root";
    setup.server.verify = TLS_VERIFY_MODE_REQUIRED;
    setup.client.certificate = "client-rsa";
    setup.client.alpn[0] = setup.server.alpn[0] = "http/1.1";
    setup.client.groups[0] = setup.server.groups[0] = "P-256";
    check_every_allocation(&setup);
}

TEST(psk) {
    setup_t setup = psk_setup();
    check_every_allocation(&setup);
    setup.client.psk_from_hook = true;
    check_every_allocation(&setup);
}

TEST(dtls) {
    setup_t setup = verified_setup();
    setup.datagram = true;
    check_every_allocation(&setup);
}

TEST(another_context) {
    static const side_t other = {
        .certificate = "ec",
        .anchors = "root",
        .verify = TLS_VERIFY_MODE_REQUIRED,
        .alpn = {"h2"},
    };
    setup_t setup = verified_setup();
    setup.client.certificate = "client-ec";
    setup.client.alpn[0] = "h2";
    setup.other = &other;
    check_every_allocation(&setup);
    setup.datagram = true;
    check_every_allocation(&setup);
}

// ---------------------------------------------------------------------------------------------------------------------
// What lives on

// A server keeps its context, whatever becomes of one connection.
static void check_contexts_live_on(const setup_t *setup) {
    pair_t pair;
    pair_open(&pair, setup);
    assert_true(talk(&pair));
    bool failed_one = true;
    for (long number = 0; failed_one; number += (long)test_stride(number < 50 ? 1 : 401)) {
        tls_error_t error;
        start_failing(number);
        bool opened = pair_try_reopen(&pair, &error);
        bool worked = opened && talk(&pair);
        failed_one = stop_failing();
        if (!opened) {
            assert_says_so(&error, number);
        } else if (!worked) {
            assert_one_end_says_so(&pair, number);
        }
        assert_true(worked || failed_one);
        pair_reopen(&pair);
        require(&pair.client, talk(&pair), "after the failure of allocation %ld", number);
    }
    pair_close(&pair);
}

TEST(contexts_live_on) {
    setup_t setup = verified_setup();
    setup.client.certificate = "client-ec";
    setup.server.anchors = "root";
    setup.server.verify = TLS_VERIFY_MODE_REQUIRED;
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        set_version(&setup, all_versions[v]);
        check_contexts_live_on(&setup);
    }
}

static bool set_anchors(pair_t *pair, tls_error_t *error) {
    blob_t anchors = load("roots", ".pem");
    return tls_context_add_trust_anchors(pair->client.context, anchors.data, anchors.len, false, error);
}

static bool set_der_anchors(pair_t *pair, tls_error_t *error) {
    blob_t anchors = load("roots", ".der");
    return tls_context_add_trust_anchors(pair->client.context, anchors.data, anchors.len, true, error);
}

static bool set_certificate(pair_t *pair, tls_error_t *error) {
    blob_t chain = load("wrong-name", "-chain.pem");
    blob_t key = load("wrong-name", ".key");
    return tls_context_add_certificate(pair->server.context, chain.data, chain.len, key.data, key.len, NULL, error);
}

static bool set_rsa_certificate(pair_t *pair, tls_error_t *error) {
    blob_t chain = load("rsa", "-chain.der");
    blob_t key = load("rsa", ".encrypted.der");
    return tls_context_add_certificate(pair->server.context, chain.data, chain.len, key.data, key.len, "secret", error);
}

static bool set_suites(pair_t *pair, tls_error_t *error) {
    static const uint16_t suites[] = {0x1303, 0xc02c};
    return tls_context_set_ciphers(pair->client.context, suites, COUNT(suites), error);
}

static bool set_psk(pair_t *pair, tls_error_t *error) {
    return tls_context_set_psk(pair->client.context, (const uint8_t *)"id", 2, (const uint8_t *)"key", 3, error);
}

static bool set_psk_server(pair_t *pair, tls_error_t *error) {
    return tls_context_set_psk_server(pair->server.context, true, error);
}

static bool set_psk_client(pair_t *pair, tls_error_t *error) {
    return tls_context_set_psk_client(pair->client.context, true, error);
}

static bool set_alpn(pair_t *pair, tls_error_t *error) {
    static const char *const names[] = {"one", "another"};
    return tls_context_set_alpn(pair->client.context, names, COUNT(names), error);
}

static bool set_groups(pair_t *pair, tls_error_t *error) {
    static const char *const names[] = {"P-384", "P-256"};
    return tls_context_set_groups(pair->client.context, names, COUNT(names), error);
}

static bool check_key(pair_t *pair, tls_error_t *error) {
    (void)pair;
    blob_t key = load("rsa", ".pkcs1.pem");
    return tls_check_private_key(key.data, key.len, NULL, error);
}

typedef struct settings {
    uint16_t suites[100];
    size_t suite_count;
    size_t anchors;
} settings_t;

static settings_t settings_of(const pair_t *pair) {
    settings_t settings = {.anchors = tls_context_count_trust_anchors(pair->client.context)};
    settings.suite_count = tls_context_get_ciphers(pair->client.context, settings.suites, COUNT(settings.suites));
    return settings;
}

// Every setter works or changes nothing.
TEST(setters) {
    static bool (*const setters[])(pair_t * pair, tls_error_t * error) = {
        set_anchors,
        set_der_anchors,
        set_certificate,
        set_rsa_certificate,
        set_suites,
        set_psk,
        set_psk_server,
        set_psk_client,
        set_alpn,
        set_groups,
        check_key,
    };
    for (size_t i = 0; i < COUNT(setters); i++) {
        setup_t setup = verified_setup();
        pair_t pair;
        pair_open(&pair, &setup);
        settings_t before = settings_of(&pair);
        bool worked = false;
        for (long number = 0; !worked; number += (long)test_stride(number < 100 ? 1 : 13)) {
            tls_error_t error;
            start_failing(number);
            worked = setters[i](&pair, &error);
            bool failed_one = stop_failing();
            if (!worked) {
                assert_true(failed_one);
                assert_says_so(&error, number);
                settings_t after = settings_of(&pair);
                assert_memory_equal(&after, &before, sizeof(before));
            }
            if (!worked && number % 10 == 0) {
                pair_reopen(&pair);
                require(&pair.client, pair_handshake(&pair), "setter %zu, allocation %ld", i, number);
                assert_int_equal(pair.client.verify_calls, 3);
            }
        }
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// What a connection says that it holds is what its end gives back

static void assert_gives_back_what_it_holds(endpoint_t *endpoint) {
    const size_t plenty = SIZE_MAX / 2;
    tls_memory_use_t rest = {.held = plenty};
    size_t held = tls_connection_memory_use(endpoint->connection).held;
    tls_memory_charge(&rest);
    tls_connection_free(endpoint->connection);
    tls_memory_charge(NULL);
    endpoint->connection = NULL;
    assert_int_equal(held, plenty - rest.held);
}

static tls_memory_use_t use_of(const endpoint_t *endpoint) {
    tls_memory_use_t use = tls_connection_memory_use(endpoint->connection);
    assert_in_range(use.held, 1, use.peak);
    return use;
}

// The client's next message reaches the server, which has memory for so many requests.
static void take_hello(pair_t *pair, long number) {
    endpoint_handshake(&pair->client);
    tls_memory_fail_after(number);
    endpoint_handshake(&pair->server);
    tls_memory_fail_after(-1);
}

// A server starts over when its hook for names has been asked. There may be no memory for that either, not even for the
// buffer of an alert.
static void check_choice(const setup_t *setup) {
    pair_t pair;
    pair_connect(&pair, setup); // what the library keeps for the process is there from now on
    size_t failures = 0;
    for (long number = 0; number < 500; number++) {
        pair_reopen(&pair);
        take_hello(&pair, number);
        if (pair.datagram && pair.server.status == TLS_WANT_READ) {
            take_hello(&pair, number); // with the cookie
        }
        if (pair.server.status == TLS_ERROR) {
            assert_failed(&pair.server, TLS_ERROR_NO_MEMORY, TLS_CODE_ALLOC_FAILED);
            failures += pair.server.sni_calls > 0;
        }
    }
    assert_true(failures > 0);
    pair_close(&pair);
}

TEST(while_a_server_chooses_its_context) {
    setup_t setup = verified_setup();
    side_t other = setup.server;
    setup.other = &other;
    check_choice(&setup);
    setup.datagram = true;
    check_choice(&setup);
}

// A program that makes and forgets things in its callbacks.
static void *taken_in_hooks[3];

static void take_in_hook(void) {
    static unsigned turn;
    void **block = &taken_in_hooks[turn++ % COUNT(taken_in_hooks)];
    tls_free(*block);
    *block = tls_calloc(1, 500 + turn);
}

// For the next connection to resume; made from bytes, since sessions may share the peer's certificates with the
// connection that they come from, which could not give those back.
static void keep_session(endpoint_t *client) {
    uint8_t bytes[8192];
    tls_error_t error;
    tls_session_t *session = tls_connection_session(client->connection, &error);
    if (session != NULL) {
        size_t len = tls_session_serialize(session, bytes, sizeof(bytes));
        assert_in_range(len, 1, sizeof(bytes));
        tls_session_release(session);
        session = tls_session_deserialize(bytes, len, &error);
        assert_non_null(session);
    }
    tls_session_release(client->session);
    client->session = session;
}

static void check_use(const setup_t *setup) {
    pair_t pair;
    pair_connect(&pair, setup); // what the library keeps for the process is there from now on
    for (size_t round = 0; round < 3; round++) {
        pair_reopen(&pair);
        pair.client.in_hook = pair.server.in_hook = take_in_hook;
        endpoint_t *const ends[] = {&pair.client, &pair.server};
        size_t made[2];
        size_t idle[2];
        for (size_t i = 0; i < 2; i++) {
            made[i] = use_of(ends[i]).held;
        }
        assert_true(pair_handshake(&pair));
        pair_chat(&pair);
        for (size_t i = 0; i < 2; i++) {
            idle[i] = use_of(ends[i]).held;
            require(ends[i], use_of(ends[i]).peak > made[i], "a handshake without memory");
            require(ends[i], idle[i] < use_of(ends[i]).peak, "what the handshake took is still there");
        }
        if (!setup->datagram) {
            pair_transfer(&pair, 100000, 100000);
            pair_chat(&pair);
        }
        keep_session(&pair.client);
        for (size_t i = 0; i < 2; i++) {
            size_t held = use_of(ends[i]).held;
            require(ends[i], held < idle[i] + 2000, "holds %zu, and held %zu before", held, idle[i]);
            assert_gives_back_what_it_holds(ends[i]);
        }
    }
    tls_session_release(pair.client.session);
    pair_close(&pair);
    for (size_t i = 0; i < COUNT(taken_in_hooks); i++) {
        tls_free(taken_in_hooks[i]);
        taken_in_hooks[i] = NULL;
    }
}

TEST(use) {
    setup_t setup = verified_setup();
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        set_version(&setup, all_versions[v]);
        check_use(&setup);
    }
    setup.client.certificate = "client-ec"; // RSA keys keep numbers for the next signature, with Mbed TLS
    setup.server.anchors = "root";
    setup.server.verify = TLS_VERIFY_MODE_REQUIRED;
    check_use(&setup);
    setup = psk_setup();
    setup.client.psk_from_hook = true;
    check_use(&setup);
}

TEST(use_of_datagrams) {
    setup_t setup = verified_setup();
    setup.datagram = true;
    check_use(&setup);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls12),
        cmocka_unit_test(tls13),
        cmocka_unit_test(mutual_rsa),
        cmocka_unit_test(psk),
        cmocka_unit_test(dtls),
        cmocka_unit_test(another_context),
        cmocka_unit_test(contexts_live_on),
        cmocka_unit_test(setters),
        cmocka_unit_test(while_a_server_chooses_its_context),
        cmocka_unit_test(use),
        cmocka_unit_test(use_of_datagrams),
    };
    return RUN_TESTS("memory");
}
