// Do the parts that both engines share (src/engine) do what their headers say?

#include "engine/hostname.h"
#include "engine/memory.h"
#include "engine/verify_detail.h"
#include "peers.h"

#include <stdio.h>

// ---------------------------------------------------------------------------------------------------------------------
// hostname.h

TEST(addresses) {
    static const struct {
        const char *text;
        size_t len;
        uint8_t octets[16];
    } cases[] = {
        {"127.0.0.1", 4, {127, 0, 0, 1}},
        {"0.0.0.0", 4, {0}},
        {"255.255.255.255", 4, {255, 255, 255, 255}},
        {"::", 16, {0}},
        {"::1", 16, {[15] = 1}},
        {"1::", 16, {[1] = 1}},
        {"[::1]", 16, {[15] = 1}},
        {"2001:db8::8:800:200C:417a", 16,
            {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 8, 8, 0, 0x20, 0x0c, 0x41, 0x7a}},
        {"1:2:3:4:5:6:7:8", 16, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
        {"1:2:3:4:5:6:7::", 16, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7}},
        {"::2:3:4:5:6:7:8", 16, {0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
        {"::ffff:192.0.2.33", 16, {[10] = 0xff, 0xff, 192, 0, 2, 33}},
        {"64:ff9b::192.0.2.33", 16, {0, 0x64, 0xff, 0x9b, [12] = 192, 0, 2, 33}},
        {"1:2:3:4:5:6:1.2.3.4", 16, {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 1, 2, 3, 4}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t octets[16];
        memset(octets, 0xa5, sizeof(octets));
        if (tls_parse_ip(cases[i].text, octets) != cases[i].len) {
            fail_msg("%s", cases[i].text);
        }
        assert_memory_equal(octets, cases[i].octets, cases[i].len);
    }
}

TEST(texts_that_are_no_addresses) {
    static const char *const texts[] = {
        "",
        ".",
        ":",
        ":::",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.4.",
        ".1.2.3.4",
        "256.1.1.1",
        "1.2.3.400",
        "01.2.3.4",
        "1.2.3.04",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1..2.3",
        "1.2.3.-4",
        "0x7f.0.0.1",
        "server.test",
        "1.2.3.a",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1::",
        "1::2::3",
        "12345::",
        "g::",
        ":1",
        "1:",
        "1:2:3:4:5:6:7:",
        ":2:3:4:5:6:7:8",
        "[::1",
        "::1]",
        "[]",
        "[1.2.3.4]",
        "[::1]x",
        "::1.2.3",
        "::1.2.3.4:5",
        "1:2:3:4:5:6:7:1.2.3.4",
        "fe80::1%eth0",
        "::/64",
        "1:2:3:4:5:6:7:8:",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        // In memory of its own size, so that reading on is found.
        char *text = strdup(texts[i]);
        uint8_t octets[16];
        if (tls_parse_ip(text, octets) != 0) {
            fail_msg("%s is taken for an address", text);
        }
        free(text);
    }
}

TEST(host_names) {
    static const struct {
        const char *name;
        const char *normalized; // NULL: refused
    } cases[] = {
        {"a", "a"},
        {"server.test", "server.test"},
        {"server.test.", "server.test"},
        {"A.b", "A.b"},
        {"xn--mller-kva.test", "xn--mller-kva.test"},
        {"a_b.test", "a_b.test"},
        {"-", "-"},
        {"", NULL},
        {".", NULL},
        {"..", NULL},
        {"a..b", NULL},
        {".a", NULL},
        {"a..", NULL},
        {"a b", NULL},
        {"a\tb", NULL},
        {"\x7f", NULL},
        {"m\xc3\xbcller.test", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[254];
        assert_int_equal(tls_normalize_hostname(cases[i].name, out), cases[i].normalized != NULL);
        if (cases[i].normalized != NULL) {
            assert_string_equal(out, cases[i].normalized);
        }
    }
}

TEST(long_host_names) {
    char name[300];
    char out[254];
    for (size_t len = 1; len < sizeof(name) - 1; len++) {
        // Labels of 63 octets.
        for (size_t i = 0; i < len; i++) {
            name[i] = i % 64 == 63 ? '.' : 'a';
        }
        name[len] = '\0';
        size_t without_dot = len % 64 == 0 ? len - 1 : len;
        bool expected = without_dot <= 253;
        assert_int_equal(tls_normalize_hostname(name, out), expected);
        if (expected) {
            assert_int_equal(strlen(out), without_dot);
        }
    }
    memset(name, 'a', 64);
    strcpy(name + 64, ".test");
    assert_false(tls_normalize_hostname(name, out));
    assert_true(tls_normalize_hostname(name + 1, out));
}

// ---------------------------------------------------------------------------------------------------------------------
// Errors

TEST(every_code_has_a_name) {
    static const int codes[] = {
        TLS_CODE_GENERIC,
        TLS_CODE_CERT_VERIFY_FAILED,
        TLS_CODE_CERT_BAD_INPUT,
        TLS_CODE_KEY_BAD_INPUT,
        TLS_CODE_BAD_CONFIG,
        TLS_CODE_ILLEGAL_PARAMETER,
        TLS_CODE_TIMEOUT,
        TLS_CODE_INTERNAL,
        TLS_CODE_UNKNOWN_IDENTITY,
        TLS_CODE_HANDSHAKE_FAILURE,
        TLS_CODE_BAD_PROTOCOL_VERSION,
        TLS_CODE_FEATURE_UNAVAILABLE,
        TLS_CODE_BAD_INPUT_DATA,
        TLS_CODE_INVALID_MAC,
        TLS_CODE_INVALID_RECORD,
        TLS_CODE_CONN_EOF,
        TLS_CODE_DECODE_ERROR,
        TLS_CODE_NO_CLIENT_CERTIFICATE,
        TLS_CODE_UNSUPPORTED_EXTENSION,
        TLS_CODE_NO_APPLICATION_PROTOCOL,
        TLS_CODE_UNEXPECTED_MESSAGE,
        TLS_CODE_FATAL_ALERT,
        TLS_CODE_UNRECOGNIZED_NAME,
        TLS_CODE_BAD_CERTIFICATE,
        TLS_CODE_ALLOC_FAILED,
    };
    for (size_t i = 0; i < COUNT(codes); i++) {
        assert_non_null(tls_error_name(codes[i]));
        assert_int_equal(strncmp(tls_error_name(codes[i]), "MBEDTLS_ERR_", 12), 0);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(tls_error_name(codes[i]), tls_error_name(codes[j]));
        }
    }
    assert_null(tls_error_name(0));
    assert_null(tls_error_name(-2));
    assert_null(tls_error_name(1));
    // These are what programs compare with.
    assert_string_equal(tls_error_name(-30592), "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE");
    assert_string_equal(tls_error_name(-29312), "MBEDTLS_ERR_SSL_CONN_EOF");
    assert_string_equal(tls_error_name(-29184), "MBEDTLS_ERR_SSL_INVALID_RECORD");
    assert_string_equal(tls_error_name(-9984), "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED");
}

TEST(every_kind_has_a_reason) {
    for (int kind = TLS_ERROR_NONE; kind <= TLS_ERROR_INTERNAL; kind++) {
        tls_error_t error;
        tls_error_clear(&error);
        tls_error_set(&error, (tls_error_kind_t)kind, TLS_CODE_INTERNAL, NULL);
        assert_non_null(tls_error_reason(&error));
        assert_true(tls_error_reason(&error)[0] != '\0');
    }
}

TEST(every_verify_bit_has_a_reason) {
    for (uint32_t bit = TLS_VERIFY_EXPIRED; bit <= TLS_VERIFY_PIN; bit <<= 1) {
        assert_non_null(tls_verify_reason(bit));
        tls_error_t error = {.kind = TLS_ERROR_VERIFICATION, .verify = bit};
        assert_string_equal(tls_error_reason(&error), tls_verify_reason(bit));
        for (uint32_t other = TLS_VERIFY_EXPIRED; other < bit; other <<= 1) {
            assert_string_not_equal(tls_verify_reason(bit), tls_verify_reason(other));
        }
    }
    assert_null(tls_verify_reason(0));
    assert_null(tls_verify_reason(TLS_VERIFY_EXPIRED | TLS_VERIFY_HOSTNAME));
    assert_null(tls_verify_reason(TLS_VERIFY_PIN << 1));
}

TEST(the_worst_verify_bit_is_the_reason) {
    tls_error_t error = {.kind = TLS_ERROR_VERIFICATION};
    error.verify = TLS_VERIFY_EXPIRED | TLS_VERIFY_HOSTNAME;
    assert_string_equal(tls_error_reason(&error), "expired");
    error.verify |= TLS_VERIFY_UNTRUSTED;
    assert_string_equal(tls_error_reason(&error), "untrusted");
    error.verify |= TLS_VERIFY_CALLBACK;
    assert_string_equal(tls_error_reason(&error), "rejected_by_callback");
    error.verify = 0;
    assert_string_equal(tls_error_reason(&error), "bad_certificate");
}

TEST(alerts_have_their_names) {
    static const struct {
        int alert;
        const char *name;
    } cases[] = {
        {0, "close_notify"},
        {10, "unexpected_message"},
        {20, "bad_record_mac"},
        {22, "record_overflow"},
        {40, "handshake_failure"},
        {42, "bad_certificate"},
        {43, "unsupported_certificate"},
        {44, "certificate_revoked"},
        {45, "certificate_expired"},
        {46, "certificate_unknown"},
        {47, "illegal_parameter"},
        {48, "unknown_ca"},
        {49, "access_denied"},
        {50, "decode_error"},
        {51, "decrypt_error"},
        {70, "protocol_version"},
        {71, "insufficient_security"},
        {80, "internal_error"},
        {86, "inappropriate_fallback"},
        {90, "user_canceled"},
        {109, "missing_extension"},
        {110, "unsupported_extension"},
        {112, "unrecognized_name"},
        {113, "bad_certificate_status_response"},
        {115, "unknown_psk_identity"},
        {116, "certificate_required"},
        {120, "no_application_protocol"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(tls_alert_name(cases[i].alert), cases[i].name);
    }
    assert_null(tls_alert_name(-1));
    assert_null(tls_alert_name(1));
    assert_null(tls_alert_name(255));
    assert_null(tls_alert_name(256));
}

TEST(the_first_error_wins) {
    tls_error_t error;
    memset(&error, 0xa5, sizeof(error));
    tls_error_clear(&error);
    assert_int_equal(error.kind, TLS_ERROR_NONE);
    assert_int_equal(error.alert, -1);
    assert_string_equal(error.detail, "");
    tls_error_set(&error, TLS_ERROR_KEY, TLS_CODE_KEY_BAD_INPUT, "%s number %d", "key", 7);
    tls_error_set(&error, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, "something else");
    assert_int_equal(error.kind, TLS_ERROR_KEY);
    assert_int_equal(error.code, TLS_CODE_KEY_BAD_INPUT);
    assert_string_equal(error.detail, "key number 7");
}

TEST(a_long_detail_is_cut_off) {
    char words[2 * TLS_DETAIL_SIZE];
    memset(words, 'w', sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    tls_error_t error;
    tls_error_clear(&error);
    tls_error_set(&error, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, "%s", words);
    assert_int_equal(strlen(error.detail), TLS_DETAIL_SIZE - 1);
    tls_error_clear(&error);
    tls_detail_hostname(&error, words, words);
    assert_in_range(strlen(error.detail), 150, TLS_DETAIL_SIZE - 1);
    assert_non_null(strstr(error.detail, "asked for www"));
}

// ---------------------------------------------------------------------------------------------------------------------
// verify_detail.h

TEST(dates_and_seconds) {
    static const struct {
        int date[3];
        int64_t days;
    } cases[] = {
        {{1970, 1, 1}, 0},
        {{1969, 12, 31}, -1},
        {{2000, 2, 28}, 11015},
        {{2000, 2, 29}, 11016},
        {{2000, 3, 1}, 11017},
        {{2026, 6, 1}, 20605},
        {{2100, 2, 28}, 47540},
        {{2100, 3, 1}, 47541},
        {{1600, 1, 1}, -135140},
        {{9999, 12, 31}, 2932896},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const int *date = cases[i].date;
        int64_t seconds = cases[i].days * 86400;
        assert_true(tls_unix_time(date[0], date[1], date[2], 0, 0, 0) == seconds);
        assert_true(tls_unix_time(date[0], date[1], date[2], 23, 59, 59) == seconds + 86399);
        // And back, as people see it.
        char text[40];
        snprintf(text, sizeof(text), "expired on %04d-%02d-%02d;", date[0], date[1], date[2]);
        tls_error_t error;
        tls_error_clear(&error);
        tls_detail_expired(&error, true, 0, seconds + 86399, 0, false);
        assert_non_null(strstr(error.detail, text));
    }
}

TEST(the_first_sentence_stays) {
    tls_error_t error;
    tls_error_clear(&error);
    tls_detail_expired(&error, true, 0, 0, TIME_2026_06_01, false);
    char first[TLS_DETAIL_SIZE];
    strcpy(first, error.detail);
    tls_detail_expired(&error, false, 1, 0, 0, false);
    tls_detail_not_yet_valid(&error, false, 1, 0, 0, false);
    tls_detail_pin(&error, false, NULL);
    tls_detail_hostname(&error, "a", "b");
    tls_detail_untrusted(&error, false, "x", false, 1, false);
    tls_detail_verify_bits(&error, false, TLS_VERIFY_WEAK);
    tls_detail_peer_alert(&error, false, 40);
    tls_detail_versions(&error, 0, 0x0301, TLS_VERSION_1_2, TLS_VERSION_1_3);
    tls_detail_protocol(&error, false);
    assert_string_equal(error.detail, first);
    assert_string_equal(first, "server's certificate expired on 1970-01-01; this device's clock says 2026-06-01");
}

TEST(versions_of_both_sides) {
    const unsigned server = TLS_PROTOCOL_SERVER;
    const unsigned datagrams = TLS_PROTOCOL_DATAGRAM;
    static const int v12 = TLS_VERSION_1_2;
    static const int v13 = TLS_VERSION_1_3;
    const struct {
        unsigned protocol;
        int hello;
        int minimum;
        int maximum;
        const char *detail;
    } cases[] = {
        {server, 0x0303, v13, v13, "client offers at most TLS 1.2; this server wants at least TLS 1.3"},
        {server, 0x0301, v12, v13, "client offers at most TLS 1.0; this server wants at least TLS 1.2"},
        {server, 0x0300, v12, v12, "client offers at most SSL 3.0; this server wants at least TLS 1.2"},
        {server, 0x0303, v12, v12, "client wants at least TLS 1.3; this server offers at most TLS 1.2"},
        {server, 0, v12, v13, "no TLS version in common; this server takes TLS 1.2 to TLS 1.3"},
        {server | datagrams, 0xfeff, v12, v12, "client offers at most DTLS 1.0; this server wants at least DTLS 1.2"},
        {0, 0x0302, v12, v13, "server offers at most TLS 1.1; this client wants at least TLS 1.2"},
        {0, 0x0303, v13, v13, "server offers at most TLS 1.2; this client wants at least TLS 1.3"},
        // A hello that fits, or one from the future, but the list of versions in it has none of ours.
        {server, 0x0303, v12, v13, "no TLS version in common; this server takes TLS 1.2 to TLS 1.3"},
        {server, 0x0304, v13, v13, "no TLS version in common; this server takes TLS 1.3 only"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        tls_error_t error;
        tls_error_clear(&error);
        tls_detail_versions(&error, cases[i].protocol, cases[i].hello, cases[i].minimum, cases[i].maximum);
        assert_string_equal(error.detail, cases[i].detail);
    }
    tls_error_t error;
    tls_error_clear(&error);
    error.alert = 70;
    error.alert_from_peer = true;
    tls_detail_peer_alert(&error, true, 70);
    tls_detail_versions(&error, 0, 0, v12, v13);
    assert_string_equal(error.detail,
        "server sent alert protocol_version: no TLS version in common; this client takes TLS 1.2 to TLS 1.3");
}

// ---------------------------------------------------------------------------------------------------------------------
// memory.h

TEST(memory) {
    uint8_t *block = tls_calloc(3, 5);
    assert_non_null(block);
    for (size_t i = 0; i < 15; i++) {
        assert_int_equal(block[i], 0);
    }
    block = tls_realloc(block, 1000);
    assert_non_null(block);
    assert_int_equal(block[14], 0);
    tls_free(block);
    tls_free(NULL);
    block = tls_calloc(0, 7);
    assert_non_null(block);
    tls_free(block);
    block = tls_realloc(NULL, 10);
    assert_non_null(block);
    tls_free(block);
    block = tls_block_take(TLS_BLOCK_HEADER + 1000);
    assert_non_null(block);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(block[TLS_BLOCK_HEADER + i], 0);
    }
    tls_block_put_back(block);
}

TEST(memory_that_cannot_be_had) {
    assert_null(tls_calloc(SIZE_MAX / 2, 3));
    assert_int_equal(tls_memory_failed_size(), SIZE_MAX);

    tls_memory_fail_after(2);
    void *blocks[] = {tls_calloc(1, 1), tls_calloc(1, 1)};
    assert_non_null(blocks[0]);
    assert_non_null(blocks[1]);
    assert_null(tls_calloc(7, 6));
    assert_int_equal(tls_memory_failed_size(), 42);
    assert_null(tls_realloc(blocks[0], 100));
    assert_int_equal(tls_memory_failed_size(), 100);
    assert_null(tls_block_take(1000));
    assert_int_equal(tls_memory_failed_size(), 1000);
    tls_memory_fail_after(-1);
    tls_free(blocks[0]);
    tls_free(blocks[1]);
    void *block = tls_calloc(1, 1);
    assert_non_null(block);
    tls_free(block);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(texts_that_are_no_addresses),
        cmocka_unit_test(host_names),
        cmocka_unit_test(long_host_names),
        cmocka_unit_test(every_code_has_a_name),
        cmocka_unit_test(every_kind_has_a_reason),
        cmocka_unit_test(every_verify_bit_has_a_reason),
        cmocka_unit_test(the_worst_verify_bit_is_the_reason),
        cmocka_unit_test(alerts_have_their_names),
        cmocka_unit_test(the_first_error_wins),
        cmocka_unit_test(a_long_detail_is_cut_off),
        cmocka_unit_test(dates_and_seconds),
        cmocka_unit_test(the_first_sentence_stays),
        cmocka_unit_test(versions_of_both_sides),
        cmocka_unit_test(memory),
        cmocka_unit_test(memory_that_cannot_be_had),
    };
    return RUN_TESTS("helpers");
}
