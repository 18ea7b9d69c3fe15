// Is a server asked, once and before anything else, which of its contexts a client is for, and does all of the
// handshake then go by that one?

#define _GNU_SOURCE // memmem
#include "hello.h"

#define HANDSHAKE_FAILURE 40
#define INTERNAL_ERROR    80
#define UNRECOGNIZED_NAME 112

static const struct kind {
    int version;
    bool datagram;
} kinds[] = {{TLS_VERSION_1_2, false}, {TLS_VERSION_1_3, false}, {TLS_VERSION_1_2, true}};

// A client of wrong.test, and a server whose first context has a certificate for server.test only.
static setup_t named_setup(size_t kind) {
    setup_t setup = verified_setup();
    set_version(&setup, kinds[kind].version);
    setup.datagram = kinds[kind].datagram;
    setup.client.hostname = "wrong.test";
    return setup;
}

// The context for wrong.test.
static side_t other_side(size_t kind) {
    return (side_t) {.certificate = "wrong-name", .minimum = kinds[kind].version, .maximum = kinds[kind].version};
}

static void assert_protocol(const endpoint_t *endpoint, const char *expected) {
    size_t len;
    const char *name = tls_connection_alpn(endpoint->connection, &len);
    require(endpoint, name != NULL && len == strlen(expected) && memcmp(name, expected, len) == 0, "expected %s",
        expected);
}

static void assert_asked_once(const endpoint_t *server, const char *name) {
    require(server, server->sni_calls == 1, "asked %u times", server->sni_calls);
    assert_string_equal(server->sni_name, name);
}

// ---------------------------------------------------------------------------------------------------------------------
// The question

TEST(the_name_that_was_asked_for) {
    static const struct {
        const char *hostname;
        const char *expected;
    } cases[] = {{"server.test", "server.test"}, {"Server.TEST.", "Server.TEST"}, {"a.wild.test", "a.wild.test"},
        {"127.0.0.1", ""}, {NULL, ""}};
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            setup_t setup = named_setup(kind);
            setup.client.hostname = cases[i].hostname;
            setup.client.skip_hostname_check = cases[i].hostname == NULL;
            pair_t pair;
            pair_open(&pair, &setup);
            pair.server.sni = true;
            require(&pair.client, pair_handshake(&pair), "kind %zu, case %zu", kind, i);
            assert_asked_once(&pair.server, cases[i].expected);
            pair_chat(&pair);
            pair_close(&pair);
        }
    }
}

// The hello of a client, with other bytes in the place of its name.
static void send_hello(pair_t *pair, const char *name, const char *bytes) {
    endpoint_handshake(&pair->client);
    wire_queue_t *inbox = &pair->server.wire.inbox;
    uint8_t *place = memmem(inbox->data, inbox->tail, name, strlen(name));
    assert_non_null(place);
    memcpy(place, bytes, strlen(name));
}

TEST(what_is_not_a_name) {
    static const char *const bad[] = {"server\0test", "server\ntest", "server test", ".erver.test", "se..er.test",
        "\xc3\xa9rver.test"};
    for (size_t kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < COUNT(bad); i++) {
            setup_t setup = named_setup(kind);
            setup.client.hostname = "server.test";
            pair_t pair;
            pair_open(&pair, &setup);
            pair.server.sni = true;
            send_hello(&pair, "server.test", bad[i]);
            endpoint_handshake(&pair.server);
            assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_UNRECOGNIZED_NAME);
            assert_sent_alert(&pair.server, UNRECOGNIZED_NAME);
            assert_int_equal(pair.server.sni_calls, 0);
            endpoint_handshake(&pair.client);
            assert_got_alert(&pair.client, UNRECOGNIZED_NAME);
            pair_close(&pair);
        }
    }
}

// What is no hello is nobody's.
TEST(what_is_not_a_hello) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: server.test\r\n\r\n";
    setup_t setup = named_setup(0);
    pair_t pair;
    pair_open(&pair, &setup);
    pair.server.sni = true;
    wire_inject(&pair.server.wire, request, sizeof(request) - 1);
    endpoint_handshake(&pair.server);
    assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_INVALID_RECORD);
    assert_int_equal(pair.server.sni_calls, 0);
    pair_close(&pair);
}

// The extension's own lengths are wrong.
TEST(a_broken_extension) {
    for (size_t kind = 0; kind < 2; kind++) {
        setup_t setup = named_setup(kind);
        pair_t pair;
        pair_open(&pair, &setup);
        pair.server.sni = true;
        endpoint_handshake(&pair.client);
        wire_queue_t *inbox = &pair.server.wire.inbox;
        uint8_t *name = memmem(inbox->data, inbox->tail, "wrong.test", 10);
        assert_non_null(name);
        name[-1] = 200; // longer than the extension
        endpoint_handshake(&pair.server);
        assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_DECODE_ERROR);
        assert_int_equal(pair.server.sni_calls, 0);
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The answer

TEST(another_certificate) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = named_setup(kind);
        pair_t pair;
        pair_open(&pair, &setup);
        pair.server.sni = true;
        assert_false(pair_handshake(&pair)); // its own is for another name
        assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
        pair_close(&pair);

        side_t other = other_side(kind);
        setup.other = &other;
        pair_open(&pair, &setup);
        require(&pair.client, pair_handshake(&pair), "kind %zu", kind);
        assert_asked_once(&pair.server, "wrong.test");
        pair_chat(&pair);
        pair_close(&pair);
    }
}

// The engine holds what it has chosen, and nothing of before.
TEST(contexts_may_go) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = named_setup(kind);
        side_t other = other_side(kind);
        setup.other = &other;
        pair_t pair;
        pair_connect(&pair, &setup);
        tls_context_release(pair.server.context);
        tls_context_release(pair.server.other);
        pair.server.context = pair.server.other = NULL;
        pair_chat(&pair);
        pair_close(&pair);
    }
}

TEST(another_version) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        for (int both = 0; both < 2; both++) {
            setup_t setup = verified_setup();
            setup.server.minimum = setup.server.maximum = all_versions[1 - v];
            side_t other = {.certificate = "ec", .minimum = all_versions[v], .maximum = all_versions[v]};
            setup.other = &other;
            if (!both) { // the client has nothing in common with the first one
                setup.client.minimum = setup.client.maximum = all_versions[v];
            }
            pair_t pair;
            pair_connect(&pair, &setup);
            assert_string_equal(tls_connection_version(pair.server.connection), version_name(all_versions[v], false));
            assert_asked_once(&pair.server, "server.test");
            pair_close(&pair);
        }
    }
}

TEST(other_protocols_above) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = named_setup(kind);
        side_t other = other_side(kind);
        other.alpn[0] = "h2";
        setup.server.alpn[0] = "mqtt"; // which would refuse the client
        setup.client.alpn[0] = "http/1.1";
        setup.client.alpn[1] = "h2";
        setup.other = &other;
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_protocol(&pair.client, "h2");
        assert_protocol(&pair.server, "h2");
        pair_close(&pair);
    }
}

TEST(no_protocol_in_common_with_the_other) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = named_setup(kind);
        side_t other = other_side(kind);
        other.alpn[0] = "mqtt";
        setup.client.alpn[0] = "h2";
        setup.server.alpn[0] = "h2";
        setup.other = &other;
        pair_t pair;
        pair_open(&pair, &setup);
        assert_false(pair_handshake(&pair));
        assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_NO_APPLICATION_PROTOCOL);
        assert_got_alert(&pair.client, 120);
        pair_close(&pair);
    }
}

TEST(other_suites_and_groups) {
    static const uint16_t suites[][2] = {{0xc02b, 0xc02c}, {0x1301, 0x1302}, {0xc02b, 0xc02c}};
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = named_setup(kind);
        side_t other = other_side(kind);
        setup.server.ciphers[0] = suites[kind][0];
        other.ciphers[0] = suites[kind][1];
        setup.server.groups[0] = "P-521"; // which would ask the client again, or refuse it
        other.groups[0] = "P-256";
        setup.client.groups[0] = "P-256";
        setup.other = &other;
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_int_equal(endpoint_suite(&pair.server), suites[kind][1]);
        pair_close(&pair);
    }
}

TEST(client_certificates_for_the_other_only) {
    static const char *const certificates[] = {NULL, "client-other", "client-ec"};
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        for (size_t i = 0; i < COUNT(certificates); i++) {
            setup_t setup = named_setup(kind);
            setup.client.certificate = certificates[i];
            side_t other = other_side(kind);
            other.anchors = "root";
            other.verify = TLS_VERIFY_MODE_REQUIRED;
            setup.other = &other;
            pair_t pair;
            pair_open(&pair, &setup);
            pair_handshake(&pair);
            if (i == 2) {
                assert_status(&pair.server, TLS_OK);
                assert_true(tls_connection_peer_verified(pair.server.connection));
                assert_true(pair.server.verify_calls > 0);
            } else {
                assert_status(&pair.server, TLS_ERROR);
                assert_true(pair.server.error.verify != 0);
            }
            pair_close(&pair);
        }
    }
}

TEST(client_certificates_for_the_first_only) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = named_setup(kind);
        side_t other = other_side(kind);
        setup.server.anchors = "root";
        setup.server.verify = TLS_VERIFY_MODE_REQUIRED;
        setup.other = &other;
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_false(tls_connection_peer_verified(pair.server.connection));
        assert_int_equal(pair.server.verify_calls, 0);
        pair_close(&pair);
    }
}

// From certificates to pre-shared keys and back: with a name, since only then is there a choice.
TEST(pre_shared_keys) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = psk_setup();
        set_version(&setup, kinds[kind].version);
        setup.datagram = kinds[kind].datagram;
        setup.client.hostname = "server.test";
        side_t other = setup.server;
        setup.server = (side_t) {.certificate = "ec"};
        setup.other = &other;
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_asked_once(&pair.server, "server.test");
        assert_int_equal(pair.server.psk_calls, 1);
        pair_chat(&pair);
        pair_close(&pair);

        setup.server = other;
        setup.client = verified_setup().client;
        other = (side_t) {.certificate = "ec"};
        pair_connect(&pair, &setup);
        assert_asked_once(&pair.server, "server.test");
        assert_int_equal(pair.server.psk_calls, 0);
        pair_close(&pair);
    }
}

TEST(the_other_has_no_certificate) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = named_setup(kind);
        side_t other = other_side(kind);
        other.certificate = NULL;
        setup.other = &other;
        pair_t pair;
        pair_open(&pair, &setup);
        assert_false(pair_handshake(&pair));
        assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_HANDSHAKE_FAILURE);
        assert_got_alert(&pair.client, HANDSHAKE_FAILURE);
        pair_close(&pair);
    }
}

// TLS 1.3 only, and no suite of it.
TEST(the_other_can_serve_nobody) {
    setup_t setup = verified_setup();
    side_t other = {.certificate = "ec", .minimum = TLS_VERSION_1_3, .maximum = TLS_VERSION_1_3, .ciphers = {0xc02b}};
    setup.other = &other;
    pair_t pair;
    pair_open(&pair, &setup);
    assert_false(pair_handshake(&pair));
    assert_failed(&pair.server, TLS_ERROR_INTERNAL, TLS_CODE_BAD_CONFIG);
    assert_detail(&pair.server, "suite");
    assert_sent_alert(&pair.server, INTERNAL_ERROR);
    assert_got_alert(&pair.client, INTERNAL_ERROR);
    endpoint_handshake(&pair.server);
    assert_failed(&pair.server, TLS_ERROR_INTERNAL, TLS_CODE_BAD_CONFIG);
    pair_close(&pair);
}

// A hello that asks for a group that it has no share of comes twice in TLS 1.3 (HelloRetryRequest).
TEST(a_second_hello) {
    setup_t setup = named_setup(1);
    side_t other = other_side(1);
    setup.client.groups[0] = "X25519";
    setup.client.groups[1] = "P-256";
    other.groups[0] = "P-256";
    setup.other = &other;
    pair_t pair;
    pair_connect(&pair, &setup);
    assert_asked_once(&pair.server, "wrong.test");
    pair_chat(&pair);
    pair_close(&pair);
}

// ---------------------------------------------------------------------------------------------------------------------
// Refusals

TEST(refused_with_an_alert) {
    static const int alerts[] = {UNRECOGNIZED_NAME, HANDSHAKE_FAILURE, 49, 71, INTERNAL_ERROR, 90, 120};
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        for (size_t i = 0; i < COUNT(alerts); i++) {
            setup_t setup = named_setup(kind);
            pair_t pair;
            pair_open(&pair, &setup);
            pair.server.sni = true;
            pair.server.sni_answer = TLS_ERROR;
            pair.server.sni_alert = alerts[i];
            assert_false(pair_handshake(&pair));
            int code = alerts[i] == UNRECOGNIZED_NAME ? TLS_CODE_UNRECOGNIZED_NAME : TLS_CODE_HANDSHAKE_FAILURE;
            assert_failed(&pair.server, TLS_ERROR_PROTOCOL, code);
            assert_sent_alert(&pair.server, alerts[i]);
            assert_detail(&pair.server, "wrong.test");
            assert_got_alert(&pair.client, alerts[i]);
            endpoint_handshake(&pair.server);
            assert_failed(&pair.server, TLS_ERROR_PROTOCOL, code);
            assert_sent_alert(&pair.server, alerts[i]);
            assert_asked_once(&pair.server, "wrong.test");
            pair_close(&pair);
        }
    }
}

// Whoever aborts knows why; the client learns that there was something.
TEST(aborted) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        for (int alert = 0; alert <= INTERNAL_ERROR; alert += INTERNAL_ERROR) {
            setup_t setup = named_setup(kind);
            pair_t pair;
            pair_open(&pair, &setup);
            pair.server.sni = true;
            pair.server.sni_answer = TLS_ABORTED;
            pair.server.sni_alert = alert;
            assert_false(pair_handshake(&pair));
            assert_int_equal(pair.server.aborts, 1);
            int sent = alert == 0 ? HANDSHAKE_FAILURE : alert;
            assert_got_alert(&pair.client, sent);
            endpoint_handshake(&pair.server);
            assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_HANDSHAKE_FAILURE);
            assert_sent_alert(&pair.server, sent);
            assert_int_equal(pair.server.sni_calls, 1);
            pair_close(&pair);
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Sessions

// A new handshake of the same client, which the server's hook sends to the other context or leaves where it is. Whether
// the session of before was resumed. 1 of 3: the handshake failed.
typedef enum outcome { FULL,
    RESUMED,
    FAILED } outcome_t;

static outcome_t connect_again(pair_t *pair, tls_context_t *other) {
    pair_reopen(pair);
    pair->server.sni = true;
    pair->server.other = other;
    pump(pair, endpoint_handshake, endpoint_handshake);
    bool ok = pair->client.status == TLS_OK && pair->server.status == TLS_OK;
    if (ok) {
        pair_chat(pair); // with it the tickets come
        assert_int_equal(tls_connection_session_reused(pair->client.connection),
            tls_connection_session_reused(pair->server.connection));
    }
    bool resumed = ok && tls_connection_session_reused(pair->server.connection);
    return !ok ? FAILED : resumed ? RESUMED
                                  : FULL;
}

static void keep_session(pair_t *pair) {
    tls_error_t error;
    tls_session_release(pair->client.session);
    pair->client.session = tls_connection_session(pair->client.connection, &error);
    assert_non_null(pair->client.session);
}

static void check_sessions(pair_t *pair, outcome_t with_other) {
    tls_context_t *other = pair->server.other;
    assert_int_equal(connect_again(pair, NULL), FULL);
    keep_session(pair);
    assert_int_equal(connect_again(pair, NULL), RESUMED);
    keep_session(pair);
    assert_int_equal(connect_again(pair, other), with_other);
    if (with_other == FULL) {
        keep_session(pair);
        assert_int_equal(connect_again(pair, other), RESUMED);
    }
    pair->server.other = other;
    tls_session_release(pair->client.session);
    pair->client.session = NULL;
}

static void share_ticket_keys(pair_t *pair) {
    uint8_t key[TLS_TICKET_KEY_LONG];
    memset(key, 'k', sizeof(key));
    tls_bytes_t keys[] = {{key, sizeof(key)}};
    tls_error_t error;
    assert_true(tls_context_set_ticket_keys(pair->server.context, keys, 1, &error));
    assert_true(tls_context_set_ticket_keys(pair->server.other, keys, 1, &error));
}

// The other context wants to see a certificate, and no ticket stands for it: the client without one is refused, also
// if both contexts seal their tickets under the same key.
TEST(a_ticket_of_one_is_worth_nothing_to_the_other) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        for (int shared = 0; shared < 2; shared++) {
            setup_t setup = verified_setup();
            set_version(&setup, all_versions[v]);
            side_t other = setup.server;
            other.anchors = "root";
            other.verify = TLS_VERIFY_MODE_REQUIRED;
            setup.other = &other;
            pair_t pair;
            pair_open(&pair, &setup);
            if (shared) {
                share_ticket_keys(&pair);
            }
            check_sessions(&pair, FAILED);
            pair_close(&pair);
        }
    }
}

// Their own keys tell the contexts apart.
TEST(each_has_tickets_of_its_own) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        side_t other = setup.server;
        setup.other = &other;
        pair_t pair;
        pair_open(&pair, &setup);
        check_sessions(&pair, FULL);
        pair_close(&pair);
    }
}

TEST(handshakes_are_counted_where_they_end) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = named_setup(kind);
        side_t other = other_side(kind);
        setup.other = &other;
        pair_t pair;
        pair_connect(&pair, &setup);
        tls_session_stats_t stats;
        tls_context_session_stats(pair.server.other, &stats);
        assert_int_equal(stats.accept, 1);
        assert_int_equal(stats.accept_good, 1);
        tls_context_session_stats(pair.server.context, &stats);
        assert_int_equal(stats.accept, 1);
        assert_int_equal(stats.accept_good, 0);
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Transports

// Blocks or aborts one call of the transport after the other, at the server.
static void check_every_call(tls_status_t answer) {
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        setup_t setup = named_setup(kind);
        side_t other = other_side(kind);
        setup.other = &other;
        pair_t pair;
        pair_connect(&pair, &setup);
        size_t calls = pair.server.wire.calls;
        for (size_t call = 0; call < calls; call++) {
            pair_reopen(&pair);
            *(answer == TLS_ABORTED ? &pair.server.wire.abort_at : &pair.server.wire.block_at) = call;
            require(&pair.client, pair_handshake(&pair), "kind %zu fails after call %zu", kind, call);
            assert_asked_once(&pair.server, "wrong.test");
            pair_chat(&pair);
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

TEST(hello_in_pieces) {
    for (size_t kind = 0; kind < 2; kind++) {
        for (size_t chunk = 1; chunk < 8; chunk += 3) {
            setup_t setup = named_setup(kind);
            side_t other = other_side(kind);
            setup.other = &other;
            pair_t pair;
            pair_open(&pair, &setup);
            pair.server.wire.chunk = pair.client.wire.chunk = chunk;
            pair.server.wire.block_random = pair.client.wire.abort_random = test_seed();
            require(&pair.client, pair_handshake(&pair), "kind %zu, pieces of %zu", kind, chunk);
            assert_asked_once(&pair.server, "wrong.test");
            pair_chat(&pair);
            pair_close(&pair);
        }
    }
}

TEST(any_one_datagram_may_be_lost) {
    setup_t setup = named_setup(2);
    side_t other = other_side(2);
    setup.other = &other;
    pair_t pair;
    pair_connect(&pair, &setup);
    size_t sent[] = {pair.client.wire.datagrams_sent, pair.server.wire.datagrams_sent};
    for (size_t end = 0; end < 2; end++) {
        for (size_t datagram = 0; datagram < sent[end]; datagram++) {
            pair_reopen(&pair);
            (end == 0 ? &pair.client : &pair.server)->wire.lost = UINT64_C(1) << datagram;
            require(&pair.client, pair_handshake(&pair), "datagram %zu of end %zu was lost", datagram, end);
            assert_asked_once(&pair.server, "wrong.test");
        }
    }
    pair_close(&pair);
}

// Nobody is asked before the client has proved its address (RFC 6347 section 4.2.1), and the first context's protocols
// are no reason to refuse it before.
TEST(no_question_before_the_cookie) {
    setup_t setup = named_setup(2);
    side_t other = other_side(2);
    setup.server.alpn[0] = "mqtt";
    other.alpn[0] = "h2";
    setup.client.alpn[0] = "h2";
    setup.other = &other;
    pair_t pair;
    pair_open(&pair, &setup);
    endpoint_handshake(&pair.client);
    endpoint_handshake(&pair.server);
    assert_int_equal(pair.server.sni_calls, 0);
    assert_int_equal(pair.server.wire.datagrams_sent, 1); // the cookie
    require(&pair.client, pair_handshake(&pair), "not with the cookie");
    assert_asked_once(&pair.server, "wrong.test");
    assert_protocol(&pair.server, "h2");
    pair_close(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_that_was_asked_for),
        cmocka_unit_test(what_is_not_a_name),
        cmocka_unit_test(what_is_not_a_hello),
        cmocka_unit_test(a_broken_extension),
        cmocka_unit_test(another_certificate),
        cmocka_unit_test(contexts_may_go),
        cmocka_unit_test(another_version),
        cmocka_unit_test(other_protocols_above),
        cmocka_unit_test(no_protocol_in_common_with_the_other),
        cmocka_unit_test(other_suites_and_groups),
        cmocka_unit_test(client_certificates_for_the_other_only),
        cmocka_unit_test(client_certificates_for_the_first_only),
        cmocka_unit_test(pre_shared_keys),
        cmocka_unit_test(the_other_has_no_certificate),
        cmocka_unit_test(the_other_can_serve_nobody),
        cmocka_unit_test(a_second_hello),
        cmocka_unit_test(refused_with_an_alert),
        cmocka_unit_test(aborted),
        cmocka_unit_test(a_ticket_of_one_is_worth_nothing_to_the_other),
        cmocka_unit_test(each_has_tickets_of_its_own),
        cmocka_unit_test(handshakes_are_counted_where_they_end),
        cmocka_unit_test(would_block_at_every_call),
        cmocka_unit_test(abort_at_every_call),
        cmocka_unit_test(hello_in_pieces),
        cmocka_unit_test(any_one_datagram_may_be_lost),
        cmocka_unit_test(no_question_before_the_cookie),
    };
    return RUN_TESTS("sni");
}
