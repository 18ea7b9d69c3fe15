// Are the enabled cipher suites those that were asked for, under every name they have?

#include "hello.h"

#define SUITE(name) tls_cipher_suite(name, strlen(name))

#define SUITES_MAX 200

static tls_context_t *new_context(unsigned protocol) {
    tls_error_t error;
    tls_context_t *context = tls_context_new(protocol, &error);
    assert_non_null(context);
    return context;
}

static size_t get_ciphers(const tls_context_t *context, uint16_t suites[SUITES_MAX]) {
    size_t count = tls_context_get_ciphers(context, suites, SUITES_MAX);
    assert_in_range(count, 1, SUITES_MAX);
    return count;
}

TEST(known_names_have_their_numbers) {
    static const struct {
        const char *builtin;
        const char *iana;
        uint16_t suite;
    } cases[] = {
        {"TLS1-3-AES-128-GCM-SHA256", "TLS_AES_128_GCM_SHA256", 0x1301},
        {"TLS1-3-AES-256-GCM-SHA384", "TLS_AES_256_GCM_SHA384", 0x1302},
        {"TLS1-3-CHACHA20-POLY1305-SHA256", "TLS_CHACHA20_POLY1305_SHA256", 0x1303},
        {"TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xc02b},
        {"TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xc02f},
        {"TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030},
        {"TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca9},
        {"TLS-ECDHE-RSA-WITH-AES-256-CBC-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", 0xc028},
        {"TLS-RSA-WITH-AES-256-CBC-SHA256", "TLS_RSA_WITH_AES_256_CBC_SHA256", 0x003d},
        {"TLS-ECDHE-ECDSA-WITH-AES-128-CCM", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", 0xc0ac},
        {"TLS-PSK-WITH-AES-128-GCM-SHA256", "TLS_PSK_WITH_AES_128_GCM_SHA256", 0x00a8},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char name[TLS_CIPHER_NAME_SIZE];
        assert_int_equal(SUITE(cases[i].builtin), cases[i].suite);
        assert_int_equal(SUITE(cases[i].iana), cases[i].suite);
        assert_ptr_equal(tls_cipher_name(cases[i].suite, name), name);
        assert_string_equal(name, cases[i].builtin);
    }
}

TEST(every_enabled_suite_has_a_name_that_leads_back) {
    for (unsigned protocol = 0; protocol < 4; protocol++) {
        tls_context_t *context = new_context(protocol);
        uint16_t suites[SUITES_MAX];
        size_t count = get_ciphers(context, suites);
        for (size_t i = 0; i < count; i++) {
            char name[TLS_CIPHER_NAME_SIZE];
            assert_non_null(tls_cipher_name(suites[i], name));
            assert_true(strncmp(name, "TLS-", 4) == 0 || strncmp(name, "TLS1-3-", 7) == 0);
            assert_int_equal(SUITE(name), suites[i]);
            for (size_t j = 0; j < i; j++) {
                assert_int_not_equal(suites[i], suites[j]);
            }
        }
        tls_context_release(context);
    }
}

static bool is_weak(uint16_t suite) {
    char name[TLS_CIPHER_NAME_SIZE];
    assert_non_null(tls_cipher_name(suite, name));
    return strstr(name, "-CBC-") != NULL || strncmp(name, "TLS-RSA-WITH-", strlen("TLS-RSA-WITH-")) == 0;
}

// RFC 9325: a server has neither of its own accord, a client may need them.
TEST(servers_have_no_cbc_and_no_static_rsa) {
    for (int protocol = 0; protocol < 4; protocol++) {
        tls_context_t *context = new_context(protocol);
        uint16_t suites[SUITES_MAX];
        size_t count = get_ciphers(context, suites);
        size_t weak = 0;
        for (size_t i = 0; i < count; i++) {
            weak += is_weak(suites[i]);
        }
        assert_true(count > 5);
        assert_int_equal(weak > 0, !(protocol & TLS_PROTOCOL_SERVER));
        tls_context_release(context);
    }
}

// Unless the program asks for them.
TEST(servers_refuse_weak_suites) {
    static const char *const weak[] = {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_128_GCM_SHA256"};
    for (size_t i = 0; i < COUNT(weak); i++) {
        setup_t setup = verified_setup();
        setup.server.certificate = "rsa";
        setup.client.ciphers[0] = SUITE(weak[i]);
        pair_t pair;
        pair_open(&pair, &setup);
        assert_false(pair_handshake(&pair));
        assert_string_equal(tls_error_reason(&pair.server.error), "handshake_failure");
        pair_close(&pair);
    }
}

TEST(unknown_names_and_numbers) {
    static const char *const names[] = {
        "",
        "TLS",
        "BAR",
        "TLS-",
        "TLS_",
        "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA25",
        "tls_aes_128_gcm_sha256x",
        "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA2566",
        "ECDHE-RSA-AES128-GCM-SHA256 ",
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(SUITE(names[i]), 0);
    }
    char name[TLS_CIPHER_NAME_SIZE];
    assert_null(tls_cipher_name(0x0000, name));
    assert_null(tls_cipher_name(0xffff, name));
    // Only `len` bytes count.
    assert_int_equal(tls_cipher_suite("TLS_AES_128_GCM_SHA256 and more", 22), 0x1301);
}

TEST(what_is_set_is_what_is_enabled) {
    static const uint16_t wanted[] = {0xc02b, 0x1302, 0xc02f, 0x1301};
    tls_context_t *context = new_context(0);
    tls_error_t error;
    assert_true(tls_context_set_ciphers(context, wanted, COUNT(wanted), &error));
    uint16_t suites[SUITES_MAX];
    assert_int_equal(get_ciphers(context, suites), COUNT(wanted));
    // Suites of one version keep their order; which version comes first is the engine's choice.
    uint16_t old[2];
    uint16_t new[2];
    size_t olds = 0;
    size_t news = 0;
    for (size_t i = 0; i < COUNT(wanted); i++) {
        if (suites[i] >> 8 == 0x13) {
            assert_true(news < 2);
            new[news++] = suites[i];
        } else {
            assert_true(olds < 2);
            old[olds++] = suites[i];
        }
    }
    assert_int_equal(old[0], 0xc02b);
    assert_int_equal(old[1], 0xc02f);
    assert_int_equal(new[0], 0x1302);
    assert_int_equal(new[1], 0x1301);
    tls_context_release(context);
}

TEST(no_more_is_copied_than_there_is_room_for) {
    tls_context_t *context = new_context(0);
    uint16_t suites[SUITES_MAX];
    size_t count = get_ciphers(context, suites);
    uint16_t few[3] = {0xaaaa, 0xaaaa, 0xaaaa};
    assert_int_equal(tls_context_get_ciphers(context, few, 2), count);
    assert_int_equal(few[0], suites[0]);
    assert_int_equal(few[1], suites[1]);
    assert_int_equal(few[2], 0xaaaa);
    tls_context_release(context);
}

TEST(bad_lists_change_nothing) {
    static const uint16_t bad[][3] = {{0xffff, 0x1301, 0xc02b}, {0x1301, 0xc02b, 0x0000}};
    tls_context_t *context = new_context(0);
    tls_error_t error;
    uint16_t before[SUITES_MAX];
    size_t count = get_ciphers(context, before);
    for (size_t i = 0; i <= COUNT(bad); i++) {
        memset(&error, 0xa5, sizeof(error));
        assert_false(i < COUNT(bad) ? tls_context_set_ciphers(context, bad[i], 3, &error)
                                    : tls_context_set_ciphers(context, bad[0], 0, &error));
        assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
        assert_int_equal(error.code, TLS_CODE_BAD_CONFIG);
        uint16_t after[SUITES_MAX];
        assert_int_equal(get_ciphers(context, after), count);
        assert_memory_equal(after, before, count * sizeof(before[0]));
    }
    tls_context_release(context);
}

TEST(the_suite_that_is_set_is_used) {
    static const struct {
        const char *suite;
        const char *certificate;
    } cases[] = {
        {"TLS_AES_256_GCM_SHA384", "ec"},
        {"TLS_CHACHA20_POLY1305_SHA256", "ec"},
        {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ec"},
        {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ec"},
        {"TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "ec"},
        {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "rsa"},
        {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "rsa"},
        {"TLS_RSA_WITH_AES_128_GCM_SHA256", "rsa"},
        {"TLS_RSA_WITH_AES_256_CBC_SHA", "rsa"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        setup_t setup = verified_setup();
        setup.server.certificate = cases[i].certificate;
        setup.client.ciphers[0] = setup.server.ciphers[0] = SUITE(cases[i].suite);
        pair_t pair;
        pair_open(&pair, &setup);
        require(&pair.server, pair_handshake(&pair), "%s", cases[i].suite);
        assert_int_equal(endpoint_suite(&pair.client), SUITE(cases[i].suite));
        assert_int_equal(endpoint_suite(&pair.server), SUITE(cases[i].suite));
        pair_transfer(&pair, 40000, 40000);
        pair_close(&pair);
    }
}

// Suites of one version only: the other version is not offered, and not accepted.
TEST(a_version_without_suites_is_off) {
    static const struct {
        uint16_t suite;
        bool tls13;
    } cases[] = {{0x1301, true}, {0xc02b, false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        setup_t setup = verified_setup();
        setup.client.ciphers[0] = cases[i].suite;
        pair_t pair;
        pair_connect(&pair, &setup);
        hello_t hello = sent_hello(&pair.client);
        assert_int_equal(hello_offers_tls13(&hello), cases[i].tls13);
        assert_true(hello_offers_suite(&hello, cases[i].suite));
        assert_false(hello_offers_suite(&hello, cases[1 - i].suite));
        assert_string_equal(tls_connection_version(pair.client.connection), cases[i].tls13 ? "TLSv1.3" : "TLSv1.2");
        pair_close(&pair);

        setup = verified_setup();
        setup.server.ciphers[0] = cases[i].suite;
        pair_connect(&pair, &setup);
        assert_string_equal(tls_connection_version(pair.server.connection), cases[i].tls13 ? "TLSv1.3" : "TLSv1.2");
        pair_close(&pair);

        setup.client.minimum = setup.client.maximum = cases[i].tls13 ? TLS_VERSION_1_2 : TLS_VERSION_1_3;
        pair_open(&pair, &setup);
        assert_false(pair_handshake(&pair));
        assert_int_equal(pair.server.error.kind, TLS_ERROR_PROTOCOL);
        pair_close(&pair);
    }
}

TEST(suites_and_versions_that_exclude_each_other) {
    static const uint16_t suites[] = {0xc02b, 0x1301};
    tls_connection_options_t options = {.server_hostname = "server.test"};
    for (size_t i = 0; i < COUNT(suites); i++) {
        tls_context_t *context = new_context(0);
        tls_error_t error;
        int other_version = suites[i] == 0x1301 ? TLS_VERSION_1_2 : TLS_VERSION_1_3;
        assert_true(tls_context_set_versions(context, other_version, other_version, &error));
        assert_true(tls_context_set_ciphers(context, &suites[i], 1, &error));
        assert_null(tls_connection_new(context, &options, &error));
        assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
        assert_int_equal(error.code, TLS_CODE_BAD_CONFIG);
        assert_true(error.detail[0] != '\0');
        tls_context_release(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_names_have_their_numbers),
        cmocka_unit_test(every_enabled_suite_has_a_name_that_leads_back),
        cmocka_unit_test(servers_have_no_cbc_and_no_static_rsa),
        cmocka_unit_test(servers_refuse_weak_suites),
        cmocka_unit_test(unknown_names_and_numbers),
        cmocka_unit_test(what_is_set_is_what_is_enabled),
        cmocka_unit_test(no_more_is_copied_than_there_is_room_for),
        cmocka_unit_test(bad_lists_change_nothing),
        cmocka_unit_test(the_suite_that_is_set_is_used),
        cmocka_unit_test(a_version_without_suites_is_off),
        cmocka_unit_test(suites_and_versions_that_exclude_each_other),
    };
    return RUN_TESTS("ciphers");
}
