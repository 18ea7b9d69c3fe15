// Are certificates and keys taken in every format, and refused, with the right blame, when they are not usable?

#include "peers.h"

static tls_context_t *new_context(unsigned protocol) {
    tls_error_t error;
    tls_context_t *context = tls_context_new(protocol, &error);
    assert_non_null(context);
    return context;
}

static bool add(tls_context_t *context, blob_t chain, blob_t key, const char *password, tls_error_t *error) {
    memset(error, 0xa5, sizeof(*error));
    return tls_context_add_certificate(context, chain.data, chain.len, key.data, key.len, password, error);
}

static bool check_key(blob_t key, const char *password, tls_error_t *error) {
    memset(error, 0xa5, sizeof(*error));
    return tls_check_private_key(key.data, key.len, password, error);
}

static bool add_anchors(tls_context_t *context, blob_t anchors, bool lenient, tls_error_t *error) {
    memset(error, 0xa5, sizeof(*error));
    return tls_context_add_trust_anchors(context, anchors.data, anchors.len, lenient, error);
}

#define assert_refused(error, expected_kind, expected_code) \
    do { \
        assert_int_equal((error).kind, expected_kind); \
        assert_int_equal((error).code, expected_code); \
    } while (0)

#define assert_bad_certificate(error) assert_refused(error, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT)
#define assert_bad_key(error)         assert_refused(error, TLS_ERROR_KEY, TLS_CODE_KEY_BAD_INPUT)

// Bytes of the test's own, in memory of exactly their size.
static blob_t copy(const void *data, size_t len) {
    blob_t blob = {malloc(len == 0 ? 1 : len), len};
    memcpy(blob.data, data, len);
    return blob;
}

static blob_t join(const char *before, blob_t middle, const char *after) {
    blob_t joined = {malloc(strlen(before) + middle.len + strlen(after) + 1), 0};
    memcpy(joined.data, before, strlen(before));
    joined.len = strlen(before);
    memcpy(joined.data + joined.len, middle.data, middle.len);
    joined.len += middle.len;
    memcpy(joined.data + joined.len, after, strlen(after));
    joined.len += strlen(after);
    return joined;
}

// ---------------------------------------------------------------------------------------------------------------------
// Formats

static const struct format {
    const char *suffix;
    const char *password;
} ec_formats[] = {
    {".key", NULL},
    {".sec1.pem", NULL},
    {".sec1.der", NULL},
    {".pkcs8.pem", NULL},
    {".pkcs8.der", NULL},
    {".encrypted.pem", "secret"},
    {".encrypted.der", "secret"},
    {".pkcs8.pem", "not needed"},
    {".sec1.der", "not needed"},
    {"-all.pem", NULL},
},
  rsa_formats[] = {
      {".key", NULL},
      {".pkcs1.pem", NULL},
      {".pkcs1.der", NULL},
      {".pkcs8.pem", NULL},
      {".pkcs8.der", NULL},
      {".encrypted.pem", "secret"},
      {".encrypted.der", "secret"},
      {".pkcs8.pem", "not needed"},
      {".pkcs1.der", "not needed"},
      {"-all.pem", NULL},
};

static void check_formats(const char *name, const struct format *formats, size_t count) {
    static const char *const chains[] = {"-chain.pem", "-chain.der", ".pem", ".der", "-all.pem"};
    tls_context_t *context = new_context(TLS_PROTOCOL_SERVER);
    tls_error_t error;
    for (size_t i = 0; i < count; i++) {
        blob_t key = load(name, formats[i].suffix);
        if (!check_key(key, formats[i].password, &error)) {
            fail_msg("%s%s: %s (%s)", name, formats[i].suffix, error.detail, error.text);
        }
        const char *chain = chains[i % COUNT(chains)];
        if (!add(context, load(name, chain), key, formats[i].password, &error)) {
            fail_msg("%s%s with %s%s: %s (%s)", name, formats[i].suffix, name, chain, error.detail, error.text);
        }
    }
    tls_context_release(context);
}

TEST(keys_and_chains_in_every_format) {
    check_formats("ec", ec_formats, COUNT(ec_formats));
    check_formats("rsa", rsa_formats, COUNT(rsa_formats));
}

// What was loaded as DER is sent whole.
TEST(a_der_chain_is_a_chain) {
    setup_t setup = verified_setup();
    setup.server.certificate = NULL;
    pair_t pair;
    pair_open(&pair, &setup);
    tls_error_t error;
    assert_true(add(pair.server.context, load("ec", "-chain.der"), load("ec", ".sec1.der"), NULL, &error));
    pair_reopen(&pair);
    assert_true(pair_handshake(&pair));
    const uint8_t *der;
    size_t len;
    assert_true(tls_connection_peer_certificate(pair.client.connection, 1, &der, &len));
    pair_close(&pair);
}

TEST(text_around_pem_is_skipped) {
    tls_context_t *context = new_context(TLS_PROTOCOL_SERVER);
    tls_error_t error;
    blob_t chain = join("subject=CN = server.test\n\xff\xfe\n", load("ec", "-chain.pem"), "\nand so on");
    blob_t key = join("Bag Attributes\n  friendlyName: x\n", load("ec", ".key"), "\n# end\n");
    assert_true(add(context, chain, key, NULL, &error));
    blob_t anchors = join("# Comment\n\n", load("roots", ".pem"), "garbage");
    assert_true(add_anchors(context, anchors, false, &error));
    assert_int_equal(tls_context_count_trust_anchors(context), 2);
    free(chain.data);
    free(key.data);
    free(anchors.data);
    tls_context_release(context);
}

TEST(pem_with_the_line_ends_of_windows) {
    blob_t original = load("ec", "-all.pem");
    blob_t windows = {malloc(2 * original.len), 0};
    for (size_t i = 0; i < original.len; i++) {
        if (original.data[i] == '\n') {
            windows.data[windows.len++] = '\r';
        }
        windows.data[windows.len++] = original.data[i];
    }
    windows.data = realloc(windows.data, windows.len);
    tls_context_t *context = new_context(TLS_PROTOCOL_SERVER);
    tls_error_t error;
    assert_true(add(context, windows, windows, NULL, &error));
    free(windows.data);
    tls_context_release(context);
}

// ---------------------------------------------------------------------------------------------------------------------
// Data that is not usable

static const char *const garbage[] = {
    "",
    "x",
    "\n\n\n",
    "hello, this is not a certificate",
    "-----BEGIN CERTIFICATE-----",
    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
    "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
    "-----BEGIN PRIVATE KEY-----\nMAAA\n-----END PRIVATE KEY-----\n",
    "-----BEGIN EC PRIVATE KEY-----\nMAAA\n-----END EC PRIVATE KEY-----\n",
    "-----BEGIN RSA PRIVATE KEY-----\nMAAA\n",
    "0",
    "0\x80",
    "0\x82\xff\xff",
    "0\x84\xff\xff\xff\xff",
};

TEST(garbage_is_refused) {
    tls_context_t *context = new_context(TLS_PROTOCOL_SERVER);
    tls_error_t error;
    for (size_t i = 0; i < COUNT(garbage); i++) {
        blob_t bad = copy(garbage[i], strlen(garbage[i]));
        assert_false(check_key(bad, NULL, &error));
        assert_bad_key(error);
        assert_false(check_key(bad, "secret", &error));
        assert_bad_key(error);
        assert_false(add(context, bad, load("ec", ".key"), NULL, &error));
        assert_bad_certificate(error);
        assert_false(add(context, load("ec", ".pem"), bad, NULL, &error));
        assert_bad_key(error);
        // The key is looked at first.
        assert_false(add(context, bad, bad, NULL, &error));
        assert_bad_key(error);
        for (int lenient = 0; lenient < 2; lenient++) {
            assert_false(add_anchors(context, bad, lenient, &error));
            assert_bad_certificate(error);
        }
        free(bad.data);
    }
    assert_int_equal(tls_context_count_trust_anchors(context), 0);
    tls_context_release(context);
}

TEST(a_key_is_no_certificate_and_the_other_way_round) {
    tls_context_t *context = new_context(TLS_PROTOCOL_SERVER);
    tls_error_t error;
    assert_false(add(context, load("ec", ".key"), load("ec", ".key"), NULL, &error));
    assert_bad_certificate(error);
    assert_false(add(context, load("ec", ".sec1.der"), load("ec", ".sec1.der"), NULL, &error));
    assert_bad_certificate(error);
    assert_false(add(context, load("ec", ".pem"), load("ec", ".pem"), NULL, &error));
    assert_bad_key(error);
    assert_false(add(context, load("ec", ".der"), load("ec", ".der"), NULL, &error));
    assert_bad_key(error);
    assert_false(add_anchors(context, load("ec", ".key"), false, &error));
    assert_bad_certificate(error);
    tls_context_release(context);
}

TEST(cut_off_keys) {
    static const struct {
        const char *name;
        const char *suffix;
        const char *password;
    } cases[] = {
        {"ec", ".sec1.der", NULL},
        {"ec", ".pkcs8.der", NULL},
        {"rsa", ".pkcs1.der", NULL},
        {"rsa", ".pkcs8.der", NULL},
        {"ec", ".encrypted.der", "secret"},
    };
    tls_error_t error;
    for (size_t i = 0; i < COUNT(cases); i++) {
        blob_t key = load(cases[i].name, cases[i].suffix);
        for (size_t len = 0; len < key.len; len += test_stride(1 + key.len / 40)) {
            blob_t part = copy(key.data, len);
            if (check_key(part, cases[i].password, &error)) {
                fail_msg("%s%s: %zu of %zu bytes are taken for a key", cases[i].name, cases[i].suffix, len, key.len);
            }
            assert_bad_key(error);
            free(part.data);
        }
    }
}

TEST(cut_off_certificates) {
    tls_context_t *context = new_context(TLS_PROTOCOL_SERVER);
    tls_error_t error;
    size_t leaf = load("ec", ".der").len;
    blob_t chain = load("ec", "-chain.der");
    for (size_t len = 0; len < chain.len; len += test_stride(3)) {
        blob_t part = copy(chain.data, len);
        bool whole = len == leaf;
        assert_int_equal(add(context, part, load("ec", ".key"), NULL, &error), whole);
        assert_int_equal(add_anchors(context, part, false, &error), whole);
        if (!whole) {
            assert_bad_certificate(error);
        }
        free(part.data);
    }
    tls_context_release(context);
}

TEST(cut_off_pem) {
    tls_context_t *context = new_context(TLS_PROTOCOL_SERVER);
    tls_error_t error;
    blob_t chain = load("ec", "-chain.pem");
    // All of the first certificate and part of the second: whoever cut it off wanted both.
    size_t end = load("ec", ".pem").len + 100;
    for (size_t len = end; len < chain.len - 1; len += 50) {
        blob_t part = copy(chain.data, len);
        assert_false(add(context, part, load("ec", ".key"), NULL, &error));
        assert_bad_certificate(error);
        assert_false(add_anchors(context, part, false, &error));
        assert_bad_certificate(error);
        free(part.data);
    }
    tls_context_release(context);
}

TEST(garbage_after_der) {
    tls_context_t *context = new_context(TLS_PROTOCOL_SERVER);
    tls_error_t error;
    blob_t chain = join("", load("ec", "-chain.der"), "x");
    assert_false(add(context, chain, load("ec", ".key"), NULL, &error));
    assert_bad_certificate(error);
    assert_false(add_anchors(context, chain, false, &error));
    assert_bad_certificate(error);
    free(chain.data);
    tls_context_release(context);
}

TEST(keys_that_belong_to_another_certificate) {
    static const struct {
        const char *chain;
        const char *key;
    } cases[] = {{"ec", "client-ec"}, {"rsa", "client-rsa"}, {"ec", "rsa"}, {"rsa", "ec"}, {"p384", "ec"}};
    tls_context_t *context = new_context(TLS_PROTOCOL_SERVER);
    tls_error_t error;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_false(add(context, load(cases[i].chain, "-chain.pem"), load(cases[i].key, ".key"), NULL, &error));
        assert_bad_key(error);
        assert_non_null(strstr(error.detail, "certificate"));
    }
    tls_context_release(context);
}

TEST(passwords) {
    static const char *const suffixes[] = {".encrypted.pem", ".encrypted.der"};
    static const char *const wrong[] = {NULL, "", "Secret", "secret ", "secre"};
    static const char *const names[] = {"ec", "rsa"};
    tls_error_t error;
    for (size_t name = 0; name < COUNT(names); name++) {
        for (size_t suffix = 0; suffix < COUNT(suffixes); suffix++) {
            for (size_t i = 0; i < COUNT(wrong); i++) {
                assert_false(check_key(load(names[name], suffixes[suffix]), wrong[i], &error));
                assert_bad_key(error);
                if (strstr(error.detail, "password") == NULL) {
                    fail_msg("%s%s: %s", names[name], suffixes[suffix], error.detail);
                }
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Setters that fail

TEST(a_failed_setter_leaves_what_was_there) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    tls_error_t error;
    blob_t bad = copy("bad", 3);
    assert_false(add(pair.server.context, load("rsa", ".pem"), load("ec", ".key"), NULL, &error));
    assert_false(add(pair.server.context, bad, load("ec", ".key"), NULL, &error));
    assert_false(add(pair.server.context, load("wrong-name", ".pem"), bad, NULL, &error));
    assert_false(add_anchors(pair.client.context, bad, true, &error));
    free(bad.data);
    assert_int_equal(tls_context_count_trust_anchors(pair.client.context), 1);
    pair_reopen(&pair);
    assert_true(pair_handshake(&pair));
    pair_close(&pair);
}

// ---------------------------------------------------------------------------------------------------------------------
// Trust anchors

TEST(anchors_are_counted) {
    static const struct {
        const char *name;
        const char *suffix;
        size_t count;
    } cases[] = {
        {"root", ".pem", 1},
        {"root-rsa", ".der", 2},
        {"other-root", ".pem", 3},
        {"ec", "-chain.der", 5},
    };
    tls_context_t *context = new_context(0);
    tls_error_t error;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(add_anchors(context, load(cases[i].name, cases[i].suffix), false, &error));
        assert_int_equal(tls_context_count_trust_anchors(context), cases[i].count);
    }
    tls_context_release(context);
}

TEST(all_anchors_or_none) {
    tls_context_t *context = new_context(0);
    tls_error_t error;
    blob_t bundle = join("", load("root", ".pem"),
        "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n");
    assert_false(add_anchors(context, bundle, false, &error));
    assert_bad_certificate(error);
    assert_int_equal(tls_context_count_trust_anchors(context), 0);
    assert_true(add_anchors(context, bundle, true, &error));
    assert_int_equal(tls_context_count_trust_anchors(context), 1);
    free(bundle.data);
    tls_context_release(context);
}

// The damaged one stands first, so that those after it must be found.
TEST(a_lenient_bundle_goes_on_after_a_bad_certificate) {
    setup_t setup = verified_setup();
    setup.client.anchors = NULL;
    pair_t pair;
    pair_open(&pair, &setup);
    tls_error_t error;
    blob_t bundle = join("-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n# root\n",
        load("root", ".pem"), "");
    assert_true(add_anchors(pair.client.context, bundle, true, &error));
    free(bundle.data);
    pair_reopen(&pair);
    assert_true(pair_handshake(&pair));
    pair_close(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_chains_in_every_format),
        cmocka_unit_test(a_der_chain_is_a_chain),
        cmocka_unit_test(text_around_pem_is_skipped),
        cmocka_unit_test(pem_with_the_line_ends_of_windows),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(a_key_is_no_certificate_and_the_other_way_round),
        cmocka_unit_test(cut_off_keys),
        cmocka_unit_test(cut_off_certificates),
        cmocka_unit_test(cut_off_pem),
        cmocka_unit_test(garbage_after_der),
        cmocka_unit_test(keys_that_belong_to_another_certificate),
        cmocka_unit_test(passwords),
        cmocka_unit_test(a_failed_setter_leaves_what_was_there),
        cmocka_unit_test(anchors_are_counted),
        cmocka_unit_test(all_anchors_or_none),
        cmocka_unit_test(a_lenient_bundle_goes_on_after_a_bad_certificate),
    };
    return RUN_TESTS("credentials");
}
