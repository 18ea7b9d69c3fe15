// Does the reader of certificates say what is in them, and does it stay within them whatever they are?

#include "engine/certificate.h"
#include "peers.h"

#include <string.h>

// What tests/lib/der.py makes of: serial -256; subject C=JP, CN=(BMPString)+1.2.3.4=b; until 2050; seven kinds of
// alternative names; OCSP, CA issuers, two points for revocation lists; an authority. No one could verify it.
static const uint8_t odd[] = {
    0x30, 0x82, 0x01, 0x9f, 0x30, 0x82, 0x01, 0x84, 0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x02, 0xff, 0x00, 0x30,
    0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x30, 0x11, 0x31, 0x0f, 0x30, 0x0d, 0x06,
    0x03, 0x55, 0x04, 0x03, 0x0c, 0x06, 0x69, 0x73, 0x73, 0x75, 0x65, 0x72, 0x30, 0x20, 0x17, 0x0d, 0x32, 0x34,
    0x30, 0x31, 0x30, 0x31, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x5a, 0x18, 0x0f, 0x32, 0x30, 0x35, 0x30, 0x30,
    0x31, 0x30, 0x31, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x5a, 0x30, 0x26, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03,
    0x55, 0x04, 0x06, 0x13, 0x02, 0x4a, 0x50, 0x31, 0x17, 0x30, 0x0b, 0x06, 0x03, 0x55, 0x04, 0x03, 0x1e, 0x04,
    0x4e, 0x16, 0x75, 0x4c, 0x30, 0x08, 0x06, 0x03, 0x2a, 0x03, 0x04, 0x0c, 0x01, 0x62, 0x30, 0x59, 0x30, 0x13,
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
    0x07, 0x03, 0x42, 0x00, 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63,
    0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2,
    0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b,
    0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5, 0xa3, 0x81, 0xb4,
    0x30, 0x81, 0xb1, 0x30, 0x4b, 0x06, 0x03, 0x55, 0x1d, 0x11, 0x04, 0x44, 0x30, 0x42, 0x82, 0x09, 0x61, 0x2e,
    0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x81, 0x03, 0x61, 0x40, 0x62, 0x86, 0x03, 0x75, 0x3a, 0x78, 0x87,
    0x04, 0x00, 0x00, 0x00, 0x00, 0xa4, 0x0e, 0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03,
    0x0c, 0x01, 0x64, 0x88, 0x02, 0x2a, 0x03, 0xa0, 0x11, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08,
    0x05, 0xa0, 0x05, 0x0c, 0x03, 0x78, 0x40, 0x79, 0x30, 0x30, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07,
    0x01, 0x01, 0x04, 0x24, 0x30, 0x22, 0x30, 0x0f, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01,
    0x86, 0x03, 0x6f, 0x3a, 0x31, 0x30, 0x0f, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02, 0x86,
    0x03, 0x63, 0x3a, 0x31, 0x30, 0x1f, 0x06, 0x03, 0x55, 0x1d, 0x1f, 0x04, 0x18, 0x30, 0x16, 0x30, 0x09, 0xa0,
    0x07, 0xa0, 0x05, 0x86, 0x03, 0x6c, 0x3a, 0x31, 0x30, 0x09, 0xa0, 0x07, 0xa0, 0x05, 0x86, 0x03, 0x6c, 0x3a,
    0x32, 0x30, 0x0f, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x05, 0x30, 0x03, 0x01, 0x01, 0xff,
    0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x03, 0x09, 0x00, 0x30, 0x06, 0x02,
    0x01, 0x01, 0x02, 0x01, 0x01};

static tls_certificate_t read(const uint8_t *der, size_t len) {
    tls_certificate_t certificate;
    assert_true(tls_certificate_read(&certificate, der, len));
    return certificate;
}

static void assert_bytes(tls_bytes_t bytes, const char *expected) {
    assert_int_equal(bytes.len, strlen(expected));
    assert_memory_equal(bytes.data, expected, bytes.len);
}

// ---------------------------------------------------------------------------------------------------------------------
// What is in them

TEST(fields) {
    char text[TLS_DATE_TEXT_SIZE];
    char serial[2 * 2 + 3];
    tls_certificate_t certificate = read(odd, sizeof(odd));
    assert_int_equal(certificate.version, 3);
    assert_true(certificate.is_ca);
    assert_int_equal(tls_serial_text(certificate.serial, serial), 5);
    assert_memory_equal(serial, "-0100", 5);
    assert_string_equal(tls_date_text(&certificate.not_before, text), "Jan  1 00:00:00 2024 GMT");
    assert_string_equal(tls_date_text(&certificate.not_after, text), "Jan  1 00:00:00 2050 GMT");
}

TEST(names) {
    static const struct {
        bool first;
        const char *type;
        const char *value;
    } expected[] = {
        {true, "countryName", "JP"},
        {true, "commonName", "\xe4\xb8\x96\xe7\x95\x8c"},
        {false, "1.2.3.4", "b"},
    };
    tls_certificate_t certificate = read(odd, sizeof(odd));
    tls_name_t name = {.rest = certificate.subject};
    tls_attribute_t attribute;
    for (size_t i = 0; i < COUNT(expected); i++) {
        char type[TLS_OID_TEXT_SIZE];
        char value[20];
        assert_true(tls_name_next(&name, &attribute));
        assert_int_equal(attribute.first, expected[i].first);
        assert_string_equal(tls_oid_text(attribute.type, type), expected[i].type);
        size_t len = tls_text_to_utf8(attribute.value.tag, attribute.value.content, value);
        assert_bytes((tls_bytes_t) {.data = (const uint8_t *)value, .len = len}, expected[i].value);
    }
    assert_false(tls_name_next(&name, &attribute));
    assert_false(tls_name_next(&name, &attribute));
}

TEST(alternative_names) {
    static const uint8_t tags[] = {
        TLS_TAG_DNS,
        TLS_TAG_EMAIL,
        TLS_TAG_URI,
        TLS_TAG_IP,
        TLS_TAG_DIRECTORY,
        TLS_TAG_REGISTERED,
        TLS_TAG_OTHER_NAME,
    };
    tls_certificate_t certificate = read(odd, sizeof(odd));
    tls_element_t element;
    for (size_t i = 0; i < COUNT(tags); i++) {
        assert_true(tls_element_next(&certificate.alt_names, &element));
        assert_int_equal(element.tag, tags[i]);
    }
    const char *kind;
    tls_element_t value;
    assert_true(tls_other_name(element.content, &kind, &value));
    assert_string_equal(kind, "XmppAddr");
    assert_bytes(value.content, "x@y");
    assert_false(tls_element_next(&certificate.alt_names, &element));
    assert_int_equal(certificate.alt_names.len, 0);
}

static void check_uris(tls_uri_kind_t kind, const char *first, const char *second) {
    tls_certificate_t certificate = read(odd, sizeof(odd));
    tls_uris_t uris = tls_certificate_uris(&certificate, kind);
    tls_bytes_t uri;
    assert_true(tls_uris_next(&uris, &uri));
    assert_bytes(uri, first);
    if (second != NULL) {
        assert_true(tls_uris_next(&uris, &uri));
        assert_bytes(uri, second);
    }
    assert_false(tls_uris_next(&uris, &uri));
}

TEST(uris) {
    check_uris(TLS_URI_OCSP, "o:1", NULL);
    check_uris(TLS_URI_CA_ISSUERS, "c:1", NULL);
    check_uris(TLS_URI_CRL, "l:1", "l:2");
}

TEST(authorities) {
    static const struct {
        const char *name;
        bool is_ca;
    } cases[] = {{"root", true}, {"inter", true}, {"root-rsa", true}, {"ec", false}, {"client-ec", false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        blob_t der = load(cases[i].name, ".der");
        if (read(der.data, der.len).is_ca != cases[i].is_ca) {
            fail_msg("%s", cases[i].name);
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Values

static void check_text(uint8_t tag, const char *content, size_t len, const char *expected) {
    char out[40];
    tls_bytes_t text = {.data = (const uint8_t *)content, .len = len};
    size_t size = tls_text_to_utf8(tag, text, NULL);
    if (expected == NULL) {
        assert_int_equal(size, SIZE_MAX);
        return;
    }
    assert_int_equal(tls_text_to_utf8(tag, text, out), size);
    assert_bytes((tls_bytes_t) {.data = (const uint8_t *)out, .len = size}, expected);
}

#define TEXT(tag, content, expected) check_text(tag, content, sizeof(content) - 1, expected)

TEST(texts) {
    TEXT(TLS_TAG_UTF8, "", "");
    TEXT(TLS_TAG_UTF8, "gr\xc3\xbc\xc3\x9f\xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f\xf0\x9f\x98\x80");
    // Not UTF-8: overlong, a surrogate, cut off, beyond the last
    TEXT(TLS_TAG_UTF8, "\xc0\x80", "\xc3\x80\xc2\x80");
    TEXT(TLS_TAG_UTF8, "\xed\xa0\x80", "\xc3\xad\xc2\xa0\xc2\x80");
    TEXT(TLS_TAG_UTF8, "a\xc3", "a\xc3\x83");
    TEXT(TLS_TAG_UTF8, "\xf4\x90\x80\x80", "\xc3\xb4\xc2\x90\xc2\x80\xc2\x80");
    TEXT(0x14, "\xfc", "\xc3\xbc");
    TEXT(0x1E, "\x4e\x16", "\xe4\xb8\x96");
    TEXT(0x1E, "\xd8\x00", "\xef\xbf\xbd");
    TEXT(0x1E, "a", NULL);
    TEXT(0x1C, "\x00\x01\xf6\x00", "\xf0\x9f\x98\x80");
    TEXT(0x1C, "\x00\x11\x00\x00", "\xef\xbf\xbd");
    TEXT(0x1C, "abc", NULL);
    TEXT(0x05, "", NULL);
}

static void check_oid(const char *content, size_t len, const char *expected) {
    char text[TLS_OID_TEXT_SIZE];
    assert_string_equal(tls_oid_text((tls_bytes_t) {.data = (const uint8_t *)content, .len = len}, text), expected);
}

#define OID(content, expected) check_oid(content, sizeof(content) - 1, expected)

TEST(identifiers) {
    OID("\x55\x04\x03", "commonName");
    OID("\x00", "0.0");
    OID("\x4f", "1.39");
    OID("\x50", "2.0");
    OID("\x88\x37\x01", "2.999.1");
    OID("\x2a\x90\x80\x80\x80\x00", "1.2.4294967296");
    // 2.25 and 2 ** 128 - 1
    OID("\x69\x83\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        "2.25.340282366920938463463374607431768211455");
    OID("", "<invalid>");
    OID("\x2a\x80", "<invalid>");
    OID("\xff\xff\xff\xff\xff\xff\x7f", "<invalid>");
    // More than there is room for
    char content[300];
    memset(content, 0x7f, sizeof(content));
    check_oid(content, sizeof(content), "<invalid>");
    // A number of more than 160 bits
    memset(content, 0xff, 30);
    content[0] = 0x2a;
    check_oid(content, 31, "<invalid>");
}

static void check_date(uint8_t tag, const char *content, const char *expected) {
    char text[TLS_DATE_TEXT_SIZE];
    tls_element_t date = {.tag = tag, .content = {.data = (const uint8_t *)content, .len = strlen(content)}};
    assert_string_equal(tls_date_text(&date, text), expected);
}

TEST(dates) {
    static const char bad[] = "Bad time value";
    check_date(0x17, "491231235959Z", "Dec 31 23:59:59 2049 GMT");
    check_date(0x17, "500101000000Z", "Jan  1 00:00:00 1950 GMT");
    check_date(0x17, "2402290000Z", "Feb 29 00:00:00 2024 GMT");
    check_date(0x17, "230229000000Z", bad);
    check_date(0x17, "240101240000Z", bad);
    check_date(0x17, "240101000000", bad);
    check_date(0x17, "240101000000+0100", bad);
    check_date(0x17, "2401010000001Z", bad);
    check_date(0x17, "Z", bad);
    check_date(0x17, "", bad);
    check_date(0x18, "99991231235959Z", "Dec 31 23:59:59 9999 GMT");
    check_date(0x18, "21000229000000Z", bad);
    check_date(0x18, "20240101000000.25Z", "Jan  1 00:00:00.25 2024 GMT");
    check_date(0x18, "20240101000000.000000000000000000000000000000000000000000000000000000000000000000000Z",
        "Jan  1 00:00:00.0000000000000000000 2024 GMT");
    check_date(0x18, "2024\xff\xff"
                     "01000000Z",
        bad);
    check_date(0x0C, "20240101000000Z", bad);
}

static void check_serial(const char *content, size_t len, const char *expected) {
    char text[40];
    size_t size = tls_serial_text((tls_bytes_t) {.data = (const uint8_t *)content, .len = len}, text);
    assert_true(size <= 2 * len + 3);
    assert_bytes((tls_bytes_t) {.data = (const uint8_t *)text, .len = size}, expected);
}

#define SERIAL(content, expected) check_serial(content, sizeof(content) - 1, expected)

TEST(serial_numbers) {
    SERIAL("", "00");
    SERIAL("\x00", "00");
    SERIAL("\x00\x80", "80");
    SERIAL("\x01\x00", "0100");
    SERIAL("\xff", "-01");
    SERIAL("\x80", "-80");
    SERIAL("\xff\x00", "-0100");
    SERIAL("\x80\x00\x01", "-7FFFFF");
}

// ---------------------------------------------------------------------------------------------------------------------
// Damage

static size_t walk_text(uint8_t tag, tls_bytes_t content) {
    size_t len = tls_text_to_utf8(tag, content, NULL);
    if (len == SIZE_MAX) {
        return 0;
    }
    char *text = malloc(len + 1);
    assert_non_null(text);
    assert_int_equal(tls_text_to_utf8(tag, content, text), len);
    free(text);
    return 1;
}

static size_t walk_name(tls_bytes_t rest) {
    tls_name_t name = {.rest = rest};
    tls_attribute_t attribute;
    char type[TLS_OID_TEXT_SIZE];
    size_t found = 0;
    while (tls_name_next(&name, &attribute)) {
        assert_true(strlen(tls_oid_text(attribute.type, type)) < sizeof(type));
        found += walk_text(attribute.value.tag, attribute.value.content);
    }
    return found;
}

static size_t walk_alt_names(tls_bytes_t rest) {
    tls_element_t name;
    tls_element_t inner;
    const char *kind;
    char oid[TLS_OID_TEXT_SIZE];
    size_t found = 0;
    while (tls_element_next(&rest, &name)) {
        tls_bytes_t content = name.content;
        found += walk_text(TLS_TAG_UTF8, content);
        tls_oid_text(content, oid);
        if (tls_other_name(content, &kind, &inner)) {
            found += walk_text(inner.tag, inner.content);
        }
        if (tls_element_next(&content, &inner)) {
            found += walk_name(inner.content);
        }
    }
    return found;
}

// Everything that there is to ask; returns how many texts there were.
static size_t walk(const uint8_t *der, size_t len) {
    tls_certificate_t certificate;
    if (!tls_certificate_read(&certificate, der, len)) {
        return 0;
    }
    char date[TLS_DATE_TEXT_SIZE];
    tls_date_text(&certificate.not_before, date);
    tls_date_text(&certificate.not_after, date);
    char *serial = malloc(2 * certificate.serial.len + 3);
    assert_non_null(serial);
    assert_true(tls_serial_text(certificate.serial, serial) <= 2 * certificate.serial.len + 3);
    free(serial);
    size_t found = walk_name(certificate.issuer) + walk_name(certificate.subject);
    found += walk_alt_names(certificate.alt_names);
    for (int kind = TLS_URI_OCSP; kind <= TLS_URI_CRL; kind++) {
        tls_uris_t uris = tls_certificate_uris(&certificate, (tls_uri_kind_t)kind);
        tls_bytes_t uri;
        while (tls_uris_next(&uris, &uri)) {
            found += walk_text(TLS_TAG_UTF8, uri);
        }
    }
    return found;
}

// In memory of exactly that size, so that a byte read beyond it is found.
static size_t walk_copy(const uint8_t *der, size_t len) {
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, der, len);
    size_t found = walk(copy, len);
    free(copy);
    return found;
}

TEST(cut_off) {
    blob_t real = load("ec", ".der");
    assert_int_equal(walk_copy(odd, sizeof(odd)), 17);
    assert_true(walk_copy(real.data, real.len) > 4);
    for (size_t len = 0; len < sizeof(odd); len++) {
        assert_int_equal(walk_copy(odd, len), 0);
    }
    for (size_t len = 0; len < real.len; len++) {
        assert_int_equal(walk_copy(real.data, len), 0);
    }
}

// Each byte with each value: lengths, tags and contents.
TEST(one_byte_changed) {
    uint8_t *copy = malloc(sizeof(odd));
    assert_non_null(copy);
    memcpy(copy, odd, sizeof(odd));
    for (size_t i = 0; i < sizeof(odd); i++) {
        for (unsigned change = 1; change < 256; change++) {
            copy[i] = odd[i] ^ (uint8_t)change;
            walk(copy, sizeof(odd));
        }
        copy[i] = odd[i];
    }
    free(copy);
}

// Several bytes, and what is left of it cut off where it may.
TEST(many_bytes_changed) {
    uint32_t seed = 1;
    for (size_t round = 0; round < 20000; round++) {
        uint8_t changed[sizeof(odd)];
        memcpy(changed, odd, sizeof(odd));
        for (size_t k = 0; k < 1 + round % 8; k++) {
            seed = seed * 1103515245u + 12345u;
            changed[(seed >> 16) % sizeof(odd)] = (uint8_t)(seed >> 8);
        }
        walk_copy(changed, round % 2 == 0 ? sizeof(odd) : (seed >> 12) % sizeof(odd));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(names),
        cmocka_unit_test(alternative_names),
        cmocka_unit_test(uris),
        cmocka_unit_test(authorities),
        cmocka_unit_test(texts),
        cmocka_unit_test(identifiers),
        cmocka_unit_test(dates),
        cmocka_unit_test(serial_numbers),
        cmocka_unit_test(cut_off),
        cmocka_unit_test(one_byte_changed),
        cmocka_unit_test(many_bytes_changed),
    };
    return RUN_TESTS("certificate");
}
