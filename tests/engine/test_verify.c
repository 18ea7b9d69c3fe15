// Is exactly the right peer let in, and is it said why another one is not?

#include "engine/verify_detail.h"
#include "hello.h"

// Runs a handshake in which the client is expected to refuse the server.
static void refuse(pair_t *pair, const setup_t *setup, uint32_t bits) {
    pair_open(pair, setup);
    assert_false(pair_handshake(pair));
    assert_failed(&pair->client, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
    require(&pair->client, pair->client.error.verify == bits, "expected the bits %#x", (unsigned)bits);
    require(&pair->client, pair->client.error.detail[0] != '\0', "expected a sentence");
    assert_false(tls_connection_is_established(pair->client.connection));
}

// ---------------------------------------------------------------------------------------------------------------------
// Names

typedef struct name_case {
    const char *certificate;
    const char *asked;
    bool matches;
    const char *sni; // what is sent; NULL: none
} name_case_t;

static const name_case_t name_cases[] = {
    {"ec", "server.test", true, "server.test"},
    {"ec", "localhost", true, "localhost"},
    {"ec", "SERVER.Test", true, "SERVER.Test"},
    {"ec", "server.test.", true, "server.test"},
    {"ec", "www.server.test", false, "www.server.test"},
    {"ec", "server", false, "server"},
    {"ec", "test", false, "test"},
    {"ec", "server.test.example", false, "server.test.example"},

    {"ec", "a.wild.test", true, "a.wild.test"},
    {"ec", "A.WILD.TEST", true, "A.WILD.TEST"},
    {"ec", "a.wild.test.", true, "a.wild.test"},
    {"ec", "wild.test", false, "wild.test"},
    {"ec", "a.b.wild.test", false, "a.b.wild.test"},
    {"ec", "awild.test", false, "awild.test"},

    {"ec", "127.0.0.1", true, NULL},
    {"ec", "127.0.0.2", false, NULL},
    {"ec", "::1", true, NULL},
    {"ec", "[::1]", true, NULL},
    {"ec", "0:0:0:0:0:0:0:1", true, NULL},
    {"ec", "::2", false, NULL},
    {"ec", "::ffff:127.0.0.1", false, NULL},
    {"ip-only", "127.0.0.1", true, NULL},
    {"ip-only", "server.test", false, "server.test"},
    {"wrong-name", "127.0.0.1", false, NULL},

    // The common name counts if there is no subjectAltName at all: small devices and old tools still make such ones.
    {"cn-only", "cnonly.test", true, "cnonly.test"},
    {"cn-only", "server.test", false, "server.test"},
    {"san-other", "server.test", false, "server.test"},
    {"san-other", "other.test", true, "other.test"},
    {"wrong-name", "server.test", false, "server.test"},
    {"wrong-name", "wrong.test", true, "wrong.test"},
};

static void check_name(int version, const name_case_t *name) {
    setup_t setup = verified_setup();
    set_version(&setup, version);
    setup.server.certificate = name->certificate;
    setup.client.hostname = name->asked;
    pair_t pair;
    if (name->matches) {
        pair_open(&pair, &setup);
        require(&pair.client, pair_handshake(&pair), "%s should match %s", name->asked, name->certificate);
    } else {
        refuse(&pair, &setup, TLS_VERIFY_HOSTNAME);
        assert_detail(&pair.client, name->asked);
        assert_string_equal(tls_error_reason(&pair.client.error), "hostname_mismatch");
        assert_got_alert(&pair.server, pair.client.error.alert);
    }
    hello_t hello = sent_hello(&pair.client);
    require(&pair.client, hello_has_server_name(&hello, name->sni), "asked for %s", name->asked);
    pair_close(&pair);
}

TEST(names_and_addresses) {
    for (size_t i = 0; i < COUNT(name_cases); i++) {
        check_name(all_versions[i % COUNT(all_versions)], &name_cases[i]);
    }
}

TEST(a_mismatch_tells_all_names) {
    setup_t setup = verified_setup();
    setup.client.hostname = "other.example";
    pair_t pair;
    refuse(&pair, &setup, TLS_VERIFY_HOSTNAME);
    assert_detail(&pair.client, "other.example");
    assert_detail(&pair.client, "server.test");
    assert_detail(&pair.client, "*.wild.test");
    assert_detail(&pair.client, "127.0.0.1");
    pair_close(&pair);
}

TEST(a_name_that_is_not_checked_is_still_sent) {
    setup_t setup = verified_setup();
    setup.client.hostname = "other.example";
    setup.client.skip_hostname_check = true;
    pair_t pair;
    pair_connect(&pair, &setup);
    hello_t hello = sent_hello(&pair.client);
    assert_true(hello_has_server_name(&hello, "other.example"));
    assert_int_equal(tls_connection_verify_result(pair.client.connection), 0);
    pair_close(&pair);
}

TEST(without_a_name_none_is_checked_nor_sent) {
    setup_t setup = verified_setup();
    setup.client.hostname = NULL;
    pair_t pair;
    pair_connect(&pair, &setup);
    hello_t hello = sent_hello(&pair.client);
    assert_true(hello_has_server_name(&hello, NULL));
    pair_close(&pair);
}

TEST(names_that_cannot_be) {
    static const char *const names[] = {"", ".", "a..b", "with space.test", "nul\x01.test", "\xc3\xa4.test"};
    char too_long[300];
    memset(too_long, 'a', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    tls_error_t error;
    tls_context_t *context = tls_context_new(0, &error);
    for (size_t i = 0; i <= COUNT(names); i++) {
        tls_connection_options_t options = {.server_hostname = i < COUNT(names) ? names[i] : too_long};
        memset(&error, 0xa5, sizeof(error));
        assert_null(tls_connection_new(context, &options, &error));
        assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
    }
    tls_context_release(context);
}

// ---------------------------------------------------------------------------------------------------------------------
// Dates

typedef struct date_case {
    const char *certificate;
    int64_t now;
    uint32_t bits;
    const char *detail[2];
} date_case_t;

static const date_case_t date_cases[] = {
    {"expired", TIME_2026_06_01, TLS_VERIFY_EXPIRED, {"expired on 2021-12-31", "2026-06-01"}},
    {"not-yet", TIME_2026_06_01, TLS_VERIFY_NOT_YET_VALID, {"2048-01-01", "2026-06-01"}},
    {"ec", TIME_2000_01_01, TLS_VERIFY_NOT_YET_VALID, {"2000-01-01: it was never set", "from 2"}},
    {"ec", 0, TLS_VERIFY_NOT_YET_VALID, {"1970-01-01: it was never set", "from 2"}},
    {"ec", -1, TLS_VERIFY_NOT_YET_VALID, {"no clock", "from 2"}},
    // The clock that counts is the hook's.
    {"expired", TIME_2021_06_01, 0, {NULL, NULL}},
    {"not-yet", TIME_2048_06_01, 0, {NULL, NULL}},
    {"ec", TIME_2021_06_01, TLS_VERIFY_NOT_YET_VALID, {"2024-01-01", "2021-06-01"}},
};

static void check_date(int version, const date_case_t *date) {
    setup_t setup = verified_setup();
    set_version(&setup, version);
    setup.server.certificate = date->certificate;
    pair_t pair;
    pair_open(&pair, &setup);
    pair.client.now = date->now;
    bool connected = pair_handshake(&pair);
    if (date->bits == 0) {
        require(&pair.client, connected, "%s should be valid", date->certificate);
    } else {
        assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
        require(&pair.client, pair.client.error.verify == date->bits, "expected the bits %#x", (unsigned)date->bits);
        assert_string_equal(tls_error_reason(&pair.client.error), tls_verify_reason(date->bits));
        assert_detail(&pair.client, date->detail[0]);
        assert_detail(&pair.client, date->detail[1]);
    }
    pair_close(&pair);
}

TEST(dates) {
    for (size_t i = 0; i < COUNT(date_cases); i++) {
        check_date(all_versions[i % COUNT(all_versions)], &date_cases[i]);
    }
}

// The last second of a certificate and the first one after it.
TEST(dates_to_the_second) {
    setup_t setup = verified_setup();
    setup.server.certificate = "expired";
    pair_t pair;
    pair_open(&pair, &setup);
    int64_t end = tls_unix_time(2021, 12, 31, 23, 59, 59);
    for (int after = 0; after < 2; after++) {
        pair_reopen(&pair);
        pair.client.now = end + after;
        assert_int_equal(pair_handshake(&pair), after == 0);
    }
    pair_close(&pair);
}

// Firmware with a date: nothing is now before it, unless the caller says so.
TEST(dates_by_a_clock_that_is_behind_the_firmware) {
    static const date_case_t cases[] = {
        {"ec", TIME_2000_01_01, 0, {NULL, NULL}},
        {"ec", 0, 0, {NULL, NULL}},
        {"ec", -1, 0, {NULL, NULL}},
        {"expired", TIME_2000_01_01, TLS_VERIFY_EXPIRED,
            {"expired on 2021-12-31", "the clock was not set, taken was the firmware's date 2026-06-01"}},
        {"not-yet", -1, TLS_VERIFY_NOT_YET_VALID,
            {"not valid before 2048-01-01", "the clock was not set, taken was the firmware's date 2026-06-01"}},
        {"expired", TIME_2021_06_01, TLS_VERIFY_EXPIRED, {"the clock was not set", "2026-06-01"}},
        // A clock that is not behind counts.
        {"expired", TIME_2026_06_01 + 86400, TLS_VERIFY_EXPIRED, {"this device's clock says", "2026-06-02"}},
        {"not-yet", TIME_2048_06_01, 0, {NULL, NULL}},
    };
    earliest_time = TIME_2026_06_01;
    for (size_t i = 0; i < COUNT(cases) * 2; i++) {
        check_date(all_versions[i / COUNT(cases)], &cases[i % COUNT(cases)]);
    }
    setup_t setup = verified_setup();
    setup.server.certificate = "expired";
    pair_t pair;
    pair_open(&pair, &setup);
    tls_context_set_verify_time(pair.client.context, TIME_2021_06_01);
    pair_reopen(&pair);
    assert_true(pair_handshake(&pair));
    pair_close(&pair);
    earliest_time = 0;
}

// ---------------------------------------------------------------------------------------------------------------------
// Trust

TEST(chains_that_do_not_lead_to_an_anchor) {
    static const struct {
        const char *certificate;
        const char *anchors;
        uint32_t bits;
        const char *detail;
    } cases[] = {
        {"other-ca", "root", TLS_VERIFY_UNTRUSTED, "Test other-root"},
        {"ec", "other-root", TLS_VERIFY_UNTRUSTED, "Test root"},
        {"ec", NULL, TLS_VERIFY_UNTRUSTED, "no trust anchors"},
        {"self-signed", "root", TLS_VERIFY_UNTRUSTED, "self-signed"},
        {"rsa-only", "root", TLS_VERIFY_UNTRUSTED, "Test root-rsa"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        setup_t setup = verified_setup();
        setup.server.certificate = cases[i].certificate;
        setup.client.anchors = cases[i].anchors;
        pair_t pair;
        refuse(&pair, &setup, cases[i].bits);
        assert_string_equal(tls_error_reason(&pair.client.error), "untrusted");
        assert_detail(&pair.client, cases[i].detail);
        assert_sent_alert(&pair.client, 48);
        assert_got_alert(&pair.server, 48);
        pair_close(&pair);
    }
}

TEST(chains_that_lead_to_an_anchor) {
    static const struct {
        const char *certificate;
        const char *anchors;
    } cases[] = {
        {"rsa-only", "root-rsa"}, {"rsa-only", "roots"}, {"ec", "roots"},
        {"self-signed", "self-signed"}, // trusting a certificate itself
        {"ec", "inter"},                // an issuer that is not a root
    };
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            setup_t setup = verified_setup();
            set_version(&setup, all_versions[v]);
            setup.server.certificate = cases[i].certificate;
            setup.client.anchors = cases[i].anchors;
            pair_t pair;
            pair_open(&pair, &setup);
            require(&pair.client, pair_handshake(&pair), "%s should be trusted by %s", cases[i].certificate,
                cases[i].anchors);
            assert_int_equal(tls_connection_verify_result(pair.client.connection), 0);
            pair_close(&pair);
        }
    }
}

TEST(an_expired_root_is_not_trusted) {
    setup_t setup = verified_setup();
    setup.server.certificate = "expired-root";
    setup.client.anchors = "root-expired";
    pair_t pair;
    pair_open(&pair, &setup);
    assert_false(pair_handshake(&pair));
    assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
    assert_true(pair.client.error.verify & (TLS_VERIFY_EXPIRED | TLS_VERIFY_UNTRUSTED));
    pair_close(&pair);
}

TEST(certificates_that_may_not_do_what_they_do) {
    static const struct {
        const char *certificate;
        uint32_t bits; // some of them
    } cases[] = {
        {"not-a-ca", TLS_VERIFY_USAGE | TLS_VERIFY_UNTRUSTED},
        {"weak", TLS_VERIFY_WEAK},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        setup_t setup = verified_setup();
        set_version(&setup, TLS_VERSION_1_2);
        setup.server.certificate = cases[i].certificate;
        pair_t pair;
        tls_error_t error;
        if (!pair_try_open(&pair, &setup, &error)) {
            // An engine may refuse to serve with a certificate that nobody should accept.
            assert_string_equal(cases[i].certificate, "weak");
            assert_true(error.kind == TLS_ERROR_CERTIFICATE || error.kind == TLS_ERROR_KEY);
        } else {
            assert_false(pair_handshake(&pair));
            assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
            require(&pair.client, pair.client.error.verify & cases[i].bits, "%s", cases[i].certificate);
        }
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Modes

TEST(optional_tells_what_is_wrong_and_goes_on) {
    static const struct {
        const char *certificate;
        const char *anchors;
        const char *hostname;
        uint32_t bits;
    } cases[] = {
        {"ec", "root", "server.test", 0},
        {"ec", "root", "other.example", TLS_VERIFY_HOSTNAME},
        {"expired", "root", "server.test", TLS_VERIFY_EXPIRED},
        {"expired", "root", "other.example", TLS_VERIFY_EXPIRED | TLS_VERIFY_HOSTNAME},
        {"other-ca", "root", "server.test", TLS_VERIFY_UNTRUSTED},
        {"self-signed", "root", "other.example", TLS_VERIFY_UNTRUSTED | TLS_VERIFY_HOSTNAME},
        {"ec", NULL, "server.test", TLS_VERIFY_UNTRUSTED},
    };
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            setup_t setup = verified_setup();
            set_version(&setup, all_versions[v]);
            setup.client.verify = TLS_VERIFY_MODE_OPTIONAL;
            setup.server.certificate = cases[i].certificate;
            setup.client.anchors = cases[i].anchors;
            setup.client.hostname = cases[i].hostname;
            pair_t pair;
            pair_connect(&pair, &setup);
            uint32_t bits = tls_connection_verify_result(pair.client.connection);
            require(&pair.client, bits == cases[i].bits, "%s: found %#x instead of %#x", cases[i].certificate,
                (unsigned)bits, (unsigned)cases[i].bits);
            pair_chat(&pair);
            pair_close(&pair);
        }
    }
}

TEST(none_checks_nothing_and_asks_nobody) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        setup.client.verify = TLS_VERIFY_MODE_NONE;
        setup.client.hostname = "other.example";
        setup.server.certificate = "expired";
        pair_t pair;
        pair_open(&pair, &setup);
        pair.client.verify_answer = TLS_ERROR;
        assert_true(pair_handshake(&pair));
        assert_int_equal(pair.client.verify_calls, 0);
        assert_int_equal(tls_connection_verify_result(pair.client.connection), 0);
        const uint8_t *der;
        size_t len;
        assert_true(tls_connection_peer_certificate(pair.client.connection, 0, &der, &len));
        pair_close(&pair);
    }
}

TEST(the_mode_is_read_back) {
    tls_error_t error;
    tls_context_t *context = tls_context_new(0, &error);
    for (int mode = TLS_VERIFY_MODE_NONE; mode <= TLS_VERIFY_MODE_REQUIRED; mode++) {
        tls_context_set_verify_mode(context, (tls_verify_mode_t)mode);
        assert_int_equal(tls_context_get_verify_mode(context), mode);
    }
    tls_context_release(context);
}

// ---------------------------------------------------------------------------------------------------------------------
// The verify hook

static void assert_asked_about(const endpoint_t *endpoint, unsigned call, unsigned depth, const char *name) {
    blob_t certificate = load(name, ".der");
    assert_true(call < endpoint->verify_calls);
    assert_int_equal(endpoint->verify_depth[call], depth);
    assert_true(endpoint->verify_hash[call] == hash_bytes(certificate.data, certificate.len));
}

TEST(the_hook_sees_the_chain_from_the_anchor_to_the_leaf) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_int_equal(pair.client.verify_calls, 3);
        assert_asked_about(&pair.client, 0, 2, "root");
        assert_asked_about(&pair.client, 1, 1, "inter");
        assert_asked_about(&pair.client, 2, 0, "ec");
        assert_int_equal(pair.server.verify_calls, 0);
        pair_close(&pair);
    }
}

TEST(no_hook_no_question) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    pair.client.no_verify_hook = true;
    assert_true(pair_handshake(&pair));
    pair_close(&pair);
}

TEST(the_hook_rejects_at_any_depth) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        pair_open(&pair, &setup);
        for (unsigned depth = 0; depth < 3; depth++) {
            pair_reopen(&pair);
            pair.client.verify_answer = TLS_ERROR;
            pair.client.verify_answer_depth = depth;
            assert_false(pair_handshake(&pair));
            assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_GENERIC);
            assert_true(pair.client.error.verify & TLS_VERIFY_CALLBACK);
            assert_string_equal(tls_error_reason(&pair.client.error), "rejected_by_callback");
            assert_true(pair.client.error.detail[0] != '\0');
            assert_int_equal(pair.client.error.alert_from_peer, false);
            assert_got_alert(&pair.server, pair.client.error.alert);
        }
        pair_close(&pair);
    }
}

TEST(the_hook_cannot_make_a_bad_chain_good) {
    setup_t setup = verified_setup();
    setup.server.certificate = "other-ca";
    pair_t pair;
    refuse(&pair, &setup, TLS_VERIFY_UNTRUSTED);
    pair_close(&pair);
}

// The caller raises what happened in the hook; whoever calls again sees a connection that failed.
TEST(the_hook_aborts) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        pair_open(&pair, &setup);
        pair.client.verify_answer = TLS_ABORTED;
        while (endpoint_handshake(&pair.client) == TLS_WANT_READ) {
            endpoint_handshake(&pair.server);
        }
        assert_status(&pair.client, TLS_ABORTED);
        assert_false(tls_connection_is_established(pair.client.connection));
        pair.client.verify_answer = TLS_OK; // too late
        assert_int_equal(endpoint_handshake(&pair.client), TLS_ERROR);
        assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_GENERIC);
        assert_true(pair.client.error.verify & TLS_VERIFY_CALLBACK);
        wire_close(&pair.client.wire);
        assert_int_equal(endpoint_handshake(&pair.server), TLS_ERROR);
        assert_int_equal(pair.server.error.kind, TLS_ERROR_PEER_ALERT);
        pair_close(&pair);
    }
}

TEST(the_hook_is_asked_under_optional_too_and_its_no_counts) {
    setup_t setup = verified_setup();
    setup.client.verify = TLS_VERIFY_MODE_OPTIONAL;
    pair_t pair;
    pair_connect(&pair, &setup);
    assert_int_equal(pair.client.verify_calls, 3);
    pair_reopen(&pair);
    pair.client.verify_answer = TLS_ERROR;
    assert_false(pair_handshake(&pair));
    assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_GENERIC);
    assert_int_equal(pair.client.error.verify, TLS_VERIFY_CALLBACK);
    pair_close(&pair);
}

// ---------------------------------------------------------------------------------------------------------------------
// Certificates of clients

static setup_t mutual_setup(int version, const char *client, tls_verify_mode_t mode) {
    setup_t setup = verified_setup();
    set_version(&setup, version);
    setup.client.certificate = client;
    setup.server.anchors = "root";
    setup.server.verify = mode;
    return setup;
}

// With TLS 1.3 a client is done before the server has seen its certificate: it hears with its first read.
static void finish_client(pair_t *pair) {
    if (pair->client.status == TLS_OK) {
        pump(pair, endpoint_read_some, endpoint_flush);
    }
}

TEST(servers_check_clients_who_are_not_asked_for_a_host_name) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = mutual_setup(all_versions[v], "client-ec", TLS_VERIFY_MODE_REQUIRED);
        pair_t pair;
        pair_connect(&pair, &setup);
        assert_int_equal(pair.server.verify_calls, 3);
        assert_asked_about(&pair.server, 0, 2, "root");
        assert_asked_about(&pair.server, 2, 0, "client-ec");
        pair_chat(&pair);
        pair_close(&pair);
    }
}

TEST(servers_refuse_bad_clients) {
    static const struct {
        const char *certificate;
        uint32_t bits;
        int alert;
    } cases[] = {
        {"client-expired", TLS_VERIFY_EXPIRED, 45},
        {"client-other", TLS_VERIFY_UNTRUSTED, 48},
        {"ec", TLS_VERIFY_USAGE, 43}, // it is for servers
    };
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            setup_t setup = mutual_setup(all_versions[v], cases[i].certificate, TLS_VERIFY_MODE_REQUIRED);
            pair_t pair;
            pair_open(&pair, &setup);
            assert_false(pair_handshake(&pair));
            tls_error_t error = pair.server.error;
            assert_failed(&pair.server, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
            assert_int_equal(error.verify, cases[i].bits);
            assert_non_null(strstr(error.detail, "client"));
            assert_sent_alert(&pair.server, cases[i].alert);
            finish_client(&pair);
            assert_got_alert(&pair.client, cases[i].alert);
            pair_close(&pair);
        }
    }
}

TEST(servers_refuse_clients_without_certificate) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = mutual_setup(all_versions[v], NULL, TLS_VERIFY_MODE_REQUIRED);
        pair_t pair;
        pair_open(&pair, &setup);
        assert_false(pair_handshake(&pair));
        assert_failed(&pair.server, TLS_ERROR_PROTOCOL, TLS_CODE_NO_CLIENT_CERTIFICATE);
        assert_int_equal(pair.server.error.verify, TLS_VERIFY_MISSING);
        assert_string_equal(tls_error_reason(&pair.server.error), "no_client_certificate");
        int alert = all_versions[v] == TLS_VERSION_1_2 ? 40 : 116; // handshake_failure, certificate_required
        assert_sent_alert(&pair.server, alert);
        finish_client(&pair);
        assert_got_alert(&pair.client, alert);
        pair_close(&pair);
    }
}

TEST(servers_may_ask_without_insisting) {
    static const struct {
        const char *certificate;
        uint32_t bits;
    } cases[] = {
        {NULL, TLS_VERIFY_MISSING},
        {"client-ec", 0},
        {"client-expired", TLS_VERIFY_EXPIRED},
        {"client-other", TLS_VERIFY_UNTRUSTED},
    };
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            setup_t setup = mutual_setup(all_versions[v], cases[i].certificate, TLS_VERIFY_MODE_OPTIONAL);
            pair_t pair;
            pair_connect(&pair, &setup);
            assert_int_equal(tls_connection_verify_result(pair.server.connection), cases[i].bits);
            pair_chat(&pair);
            pair_close(&pair);
        }
    }
}

TEST(servers_that_do_not_ask_get_no_certificate) {
    setup_t setup = mutual_setup(TLS_VERSION_1_3, "client-ec", TLS_VERIFY_MODE_NONE);
    pair_t pair;
    pair_connect(&pair, &setup);
    const uint8_t *der;
    size_t len;
    assert_false(tls_connection_peer_certificate(pair.server.connection, 0, &der, &len));
    assert_int_equal(tls_connection_verify_result(pair.server.connection), 0);
    pair_close(&pair);
}

// ---------------------------------------------------------------------------------------------------------------------
// Who was found good

static void check_verified(const setup_t *setup, bool client_verified, bool server_verified) {
    pair_t pair;
    pair_open(&pair, setup);
    assert_false(tls_connection_peer_verified(pair.client.connection));
    assert_false(tls_connection_peer_verified(pair.server.connection));
    assert_true(pair_handshake(&pair));
    assert_int_equal(tls_connection_peer_verified(pair.client.connection), client_verified);
    assert_int_equal(tls_connection_peer_verified(pair.server.connection), server_verified);
    pair_close(&pair);
}

TEST(only_who_was_checked_and_good_is_verified) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        check_verified(&setup, true, false);
        setup.client.verify = TLS_VERIFY_MODE_OPTIONAL;
        check_verified(&setup, true, false);
        setup.server.certificate = "expired";
        check_verified(&setup, false, false);
        setup.client.verify = TLS_VERIFY_MODE_NONE;
        setup.server.certificate = "ec";
        check_verified(&setup, false, false);

        setup = mutual_setup(all_versions[v], "client-ec", TLS_VERIFY_MODE_REQUIRED);
        check_verified(&setup, true, true);
        setup = mutual_setup(all_versions[v], "client-other", TLS_VERIFY_MODE_OPTIONAL);
        check_verified(&setup, true, false);
        setup = mutual_setup(all_versions[v], NULL, TLS_VERIFY_MODE_OPTIONAL);
        check_verified(&setup, true, false);

        // A key that is shared is no certificate.
        setup = psk_setup();
        set_version(&setup, all_versions[v]);
        setup.client.verify = TLS_VERIFY_MODE_REQUIRED;
        check_verified(&setup, false, false);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_addresses),
        cmocka_unit_test(a_mismatch_tells_all_names),
        cmocka_unit_test(a_name_that_is_not_checked_is_still_sent),
        cmocka_unit_test(without_a_name_none_is_checked_nor_sent),
        cmocka_unit_test(names_that_cannot_be),
        cmocka_unit_test(dates),
        cmocka_unit_test(dates_to_the_second),
        cmocka_unit_test(dates_by_a_clock_that_is_behind_the_firmware),
        cmocka_unit_test(chains_that_do_not_lead_to_an_anchor),
        cmocka_unit_test(chains_that_lead_to_an_anchor),
        cmocka_unit_test(an_expired_root_is_not_trusted),
        cmocka_unit_test(certificates_that_may_not_do_what_they_do),
        cmocka_unit_test(optional_tells_what_is_wrong_and_goes_on),
        cmocka_unit_test(none_checks_nothing_and_asks_nobody),
        cmocka_unit_test(the_mode_is_read_back),
        cmocka_unit_test(the_hook_sees_the_chain_from_the_anchor_to_the_leaf),
        cmocka_unit_test(no_hook_no_question),
        cmocka_unit_test(the_hook_rejects_at_any_depth),
        cmocka_unit_test(the_hook_cannot_make_a_bad_chain_good),
        cmocka_unit_test(the_hook_aborts),
        cmocka_unit_test(the_hook_is_asked_under_optional_too_and_its_no_counts),
        cmocka_unit_test(servers_check_clients_who_are_not_asked_for_a_host_name),
        cmocka_unit_test(servers_refuse_bad_clients),
        cmocka_unit_test(servers_refuse_clients_without_certificate),
        cmocka_unit_test(servers_may_ask_without_insisting),
        cmocka_unit_test(servers_that_do_not_ask_get_no_certificate),
        cmocka_unit_test(only_who_was_checked_and_good_is_verified),
    };
    return RUN_TESTS("verify");
}
