// Are trust anchors found in CA bundles, in memory and in files, and is what is damaged in one never trusted?

#include "peers.h"

#include "engine/bundle.h"
#include "engine/memory.h"
#include "engine/session.h"

#include <stdio.h>

// ---------------------------------------------------------------------------------------------------------------------
// Bundles for tests

#define NAMES_MAX 8

// Of the certificates of these names, in memory of exactly its size; the caller frees it.
static blob_t make_bundle(const char *const *names) {
    tls_bytes_t certificates[NAMES_MAX];
    size_t count = 0;
    for (; names[count] != NULL; count++) {
        blob_t der = load(names[count], ".der");
        certificates[count] = (tls_bytes_t) {.data = der.data, .len = der.len};
    }
    size_t len;
    uint8_t *made = tls_bundle_make(certificates, count, TIME_2026_06_01, &len);
    assert_non_null(made);
    blob_t bundle = {.data = malloc(len), .len = len};
    memcpy(bundle.data, made, len);
    tls_free(made);
    return bundle;
}

static const char *const usual[] = {"other-root", "root", "root-rsa", "root-expired", "client-ec", NULL};

static tls_bundle_source_t in_memory(blob_t bundle) {
    return (tls_bundle_source_t) {.data = bundle.data, .len = bundle.len};
}

static size_t reads;
static size_t bytes_read;
static size_t reads_left; // before they fail

static bool read_file(void *arg, size_t offset, uint8_t *buf, size_t size) {
    const blob_t *bundle = arg;
    assert_true(offset <= bundle->len && size <= bundle->len - offset);
    if (reads_left == 0) {
        return false;
    }
    reads_left--;
    reads++;
    bytes_read += size;
    memcpy(buf, bundle->data + offset, size);
    return true;
}

static tls_bundle_source_t in_file(blob_t *bundle) {
    reads = 0;
    bytes_read = 0;
    reads_left = SIZE_MAX;
    return (tls_bundle_source_t) {.len = bundle->len, .read = read_file, .arg = bundle};
}

// A pair whose client has no trust anchors yet.
static void open_without_anchors(pair_t *pair, const char *certificate, int version) {
    setup_t setup = verified_setup();
    setup.client.anchors = NULL;
    setup.server.certificate = certificate;
    set_version(&setup, version);
    pair_open(pair, &setup);
}

// To the context of the client, and makes new connections.
static void add(pair_t *pair, const tls_bundle_source_t *source) {
    tls_error_t error;
    assert_true(tls_context_add_bundle(pair->client.context, source, &error));
    pair_reopen(pair);
}

static bool is_refused(tls_bundle_source_t source, tls_error_t *error) {
    tls_context_t *context = tls_context_new(0, error);
    assert_non_null(context);
    bool refused = !tls_context_add_bundle(context, &source, error);
    assert_int_equal(tls_context_count_trust_anchors(context) == 0, refused);
    tls_context_release(context);
    if (refused) {
        assert_int_equal(error->kind, TLS_ERROR_CERTIFICATE);
        assert_int_equal(error->code, TLS_CODE_CERT_BAD_INPUT);
    }
    return refused;
}

// ---------------------------------------------------------------------------------------------------------------------
// Finding

// The server sends a certificate without those of its issuers.
static void send_leaf_only(pair_t *pair, const char *certificate) {
    blob_t leaf = load(certificate, ".pem");
    blob_t key = load(certificate, ".key");
    tls_error_t error;
    tls_context_t *context = pair->server.context;
    assert_true(tls_context_add_certificate(context, leaf.data, leaf.len, key.data, key.len, NULL, &error));
    pair_reopen(pair);
}

static void connect_with_chain(const char *const *names, const char *certificate, bool chain, bool file, bool good) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        blob_t bundle = make_bundle(names);
        tls_bundle_source_t source = file ? in_file(&bundle) : in_memory(bundle);
        pair_t pair;
        open_without_anchors(&pair, certificate, all_versions[v]);
        add(&pair, &source);
        if (!chain) {
            send_leaf_only(&pair, certificate);
        }
        assert_int_equal(pair_handshake(&pair), good);
        if (good) {
            pair_chat(&pair);
            assert_int_equal(tls_connection_verify_result(pair.client.connection), 0);
        } else {
            assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
            assert_int_equal(pair.client.error.verify & TLS_VERIFY_UNTRUSTED, TLS_VERIFY_UNTRUSTED);
        }
        pair_close(&pair);
        free(bundle.data);
    }
}

static void connect_by_bundle(const char *const *names, const char *certificate, bool file, bool good) {
    connect_with_chain(names, certificate, true, file, good);
}

static void connect_with_leaf(const char *const *names, const char *certificate, bool file, bool good) {
    connect_with_chain(names, certificate, false, file, good);
}

TEST(an_anchor_is_found) {
    connect_by_bundle(usual, "ec", false, true);
    connect_by_bundle(usual, "rsa", false, true);
    connect_by_bundle(usual, "ec", true, true);
    connect_by_bundle((const char *[]) {"root", NULL}, "ec", false, true);
}

TEST(a_stranger_is_not) {
    connect_by_bundle((const char *[]) {"other-root", "root-expired", NULL}, "ec", false, false);
    connect_by_bundle((const char *[]) {"other-root", NULL}, "ec", true, false);
    connect_by_bundle(usual, "self-signed", false, false);
}

// Two authorities with one name: the one whose key has signed counts, wherever it is in the bundle.
TEST(anchors_with_the_same_subject) {
    connect_with_leaf((const char *[]) {"forged-inter", "inter", NULL}, "ec", false, true);
    connect_with_leaf((const char *[]) {"forged-inter", "inter", NULL}, "ec", true, true);
    connect_with_leaf((const char *[]) {"forged-inter", NULL}, "ec", false, false);
}

TEST(a_leaf_that_is_an_anchor) {
    connect_by_bundle((const char *[]) {"root-expired", "self-signed", NULL}, "self-signed", false, true);
    connect_with_leaf((const char *[]) {"root-expired", "ec", NULL}, "ec", true, true);
    connect_by_bundle((const char *[]) {"root-expired", "ec", NULL}, "ec", false, true);
}

// What was loaded one by one counts beside a bundle, and further bundles do.
TEST(anchors_of_several_sources) {
    for (int order = 0; order < 2; order++) {
        blob_t first = make_bundle((const char *[]) {"other-root", NULL});
        blob_t second = make_bundle((const char *[]) {"root-rsa", "expired-root", NULL});
        tls_bundle_source_t sources[] = {in_memory(first), in_memory(second)};
        blob_t root = load("root", ".pem");
        tls_error_t error;
        pair_t pair;
        open_without_anchors(&pair, "ec", TLS_VERSION_1_2);
        add(&pair, &sources[order]);
        assert_true(
            tls_context_add_trust_anchors(pair.client.context, root.data, root.len, false, &error));
        add(&pair, &sources[!order]);
        add(&pair, &sources[0]); // twice is once
        assert_int_equal(tls_context_count_trust_anchors(pair.client.context), 4);
        assert_true(pair_handshake(&pair));
        pair_close(&pair);
        free(first.data);
        free(second.data);
    }
}

TEST(dates_and_names_are_judged) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        blob_t bundle = make_bundle(usual);
        tls_bundle_source_t source = in_memory(bundle);
        static const struct {
            const char *certificate;
            uint32_t verify;
        } cases[] = {{"expired", TLS_VERIFY_EXPIRED}, {"not-yet", TLS_VERIFY_NOT_YET_VALID},
            {"wrong-name", TLS_VERIFY_HOSTNAME}, {"expired-root", TLS_VERIFY_EXPIRED}};
        for (size_t i = 0; i < COUNT(cases); i++) {
            pair_t pair;
            open_without_anchors(&pair, cases[i].certificate, all_versions[v]);
            add(&pair, &source);
            assert_false(pair_handshake(&pair));
            require(&pair.client, pair.client.error.verify == cases[i].verify, "%s", cases[i].certificate);
            pair_close(&pair);
        }
        free(bundle.data);
    }
}

TEST(revocation_lists_are_asked) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        static const struct {
            const char *certificate;
            const char *lists;
            uint32_t verify;
        } cases[] = {{"ec", "inter-crl", 0}, {"revoked", "inter-crl", TLS_VERIFY_REVOKED},
            {"ec", "inter-crl-forged", TLS_VERIFY_CRL}, {"ec", "root-crl", TLS_VERIFY_CRL}};
        for (size_t i = 0; i < COUNT(cases); i++) {
            blob_t bundle = make_bundle(usual);
            tls_bundle_source_t source = in_memory(bundle);
            blob_t lists = load(cases[i].lists, ".pem");
            tls_error_t error;
            pair_t pair;
            open_without_anchors(&pair, cases[i].certificate, all_versions[v]);
            add(&pair, &source);
            assert_true(
                tls_context_add_trust_anchors(pair.client.context, lists.data, lists.len, false, &error));
            assert_true(tls_context_set_verify_flags(pair.client.context, TLS_VERIFY_FLAG_CRL_LEAF, &error));
            pair_reopen(&pair);
            assert_int_equal(pair_handshake(&pair), cases[i].verify == 0);
            require(&pair.client, pair.client.error.verify == cases[i].verify, "%s", cases[i].lists);
            pair_close(&pair);
            free(bundle.data);
        }
    }
}

// A verification reads what it needs: some of the index and one certificate.
TEST(little_is_read) {
    blob_t bundle = make_bundle(usual);
    tls_bundle_source_t source = in_file(&bundle);
    pair_t pair;
    open_without_anchors(&pair, "ec", TLS_VERSION_1_3);
    add(&pair, &source);
    bytes_read = 0;
    assert_true(pair_handshake(&pair));
    assert_in_range(bytes_read, load("root", ".der").len, load("root", ".der").len + 40 * TLS_BUNDLE_ENTRY_SIZE);
    pair_close(&pair);
    free(bundle.data);
}

TEST(sessions_are_bound_to_bundles) {
    blob_t first = make_bundle(usual);
    blob_t second = make_bundle((const char *[]) {"other-root", NULL});
    tls_bundle_source_t source = in_memory(first);
    tls_bundle_source_t more = in_memory(second);
    pair_t pair;
    open_without_anchors(&pair, "ec", TLS_VERSION_1_2);
    add(&pair, &source);
    assert_true(pair_handshake(&pair));
    tls_error_t error;
    pair.client.session = tls_connection_session(pair.client.connection, &error);
    assert_non_null(pair.client.session);
    pair_reopen(&pair);
    assert_true(pair_handshake(&pair));
    assert_true(tls_connection_session_reused(pair.client.connection));
    add(&pair, &more);
    pair_reopen(&pair);
    assert_true(pair_handshake(&pair));
    assert_false(tls_connection_session_reused(pair.client.connection));
    tls_session_release(pair.client.session);
    pair_close(&pair);
    free(first.data);
    free(second.data);
}

TEST(anchors_are_copied_out) {
    blob_t bundle = make_bundle(usual);
    tls_bundle_source_t source = in_memory(bundle);
    tls_error_t error;
    tls_context_t *context = tls_context_new(0, &error);
    assert_true(tls_context_add_bundle(context, &source, &error));
    uint8_t der[4096];
    unsigned found = 0;
    for (size_t number = 0; number < 5; number++) {
        size_t len = tls_context_copy_trust_anchor(context, number, der, sizeof(der));
        for (size_t i = 0; usual[i] != NULL; i++) {
            blob_t expected = load(usual[i], ".der");
            found |= len == expected.len && memcmp(der, expected.data, len) == 0 ? 1u << i : 0;
        }
    }
    assert_int_equal(found, 0x1F);
    assert_int_equal(tls_context_copy_trust_anchor(context, 5, der, sizeof(der)), 0);
    bundle.data[bundle.len - 1] ^= 1;
    assert_true(tls_context_copy_trust_anchor(context, 4, der, sizeof(der)) == SIZE_MAX);
    tls_context_release(context);
    free(bundle.data);
}

// ---------------------------------------------------------------------------------------------------------------------
// Damage

TEST(truncated) {
    blob_t bundle = make_bundle(usual);
    for (size_t len = 0; len < bundle.len; len++) {
        blob_t part = {.data = malloc(len + 1), .len = len};
        memcpy(part.data, bundle.data, len);
        tls_error_t error;
        part.data = realloc(part.data, len == 0 ? 1 : len);
        assert_true(is_refused(in_memory(part), &error));
        assert_true(is_refused(in_file(&part), &error));
        free(part.data);
    }
    free(bundle.data);
}

// A changed byte in header or index: nothing is loaded. In a certificate: that one is not trusted, and it is said.
TEST(every_byte_is_protected) {
    blob_t bundle = make_bundle((const char *[]) {"root", "other-root", NULL});
    size_t index_end = TLS_BUNDLE_HEADER_SIZE + 2 * TLS_BUNDLE_ENTRY_SIZE;
    for (size_t i = 0; i < index_end; i++) {
        tls_error_t error;
        bundle.data[i] ^= 0x10;
        assert_true(is_refused(in_memory(bundle), &error));
        bundle.data[i] ^= 0x10;
    }
    unsigned changed = 0;
    unsigned refused = 0;
    for (size_t i = index_end; i < bundle.len; i += test_stride(97) + 1) {
        changed++;
        bundle.data[i] ^= 0x10;
        tls_bundle_source_t source = in_memory(bundle);
        pair_t pair;
        open_without_anchors(&pair, "ec", TLS_VERSION_1_3);
        add(&pair, &source);
        if (!pair_handshake(&pair)) {
            refused++;
            assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
            assert_detail(&pair.client, "in the CA bundle is damaged");
        }
        pair_close(&pair);
        bundle.data[i] ^= 0x10;
    }
    // One of two certificates is asked for.
    assert_in_range(refused, changed / 4, changed - changed / 4);
    free(bundle.data);
}

// Whoever writes a bundle with a good digest may put any numbers into it: nothing is read beyond its end.
TEST(offsets_of_a_malicious_index) {
    static const uint32_t offsets[] = {0, 59, 0x7FFFFFFF, 0xFFFFFFFF, 100000};
    for (size_t i = 0; i < COUNT(offsets); i++) {
        blob_t bundle = make_bundle((const char *[]) {"root", "other-root", NULL});
        for (size_t entry = 0; entry < 2; entry++) {
            uint8_t *place = bundle.data + TLS_BUNDLE_HEADER_SIZE + entry * TLS_BUNDLE_ENTRY_SIZE + 4;
            for (int k = 0; k < 4; k++) {
                place[k] = (uint8_t)(offsets[i] >> (24 - 8 * k));
            }
        }
        assert_true(tls_sha256(bundle.data + 40, 20 + 2 * TLS_BUNDLE_ENTRY_SIZE, bundle.data + 8));
        tls_bundle_source_t source = in_memory(bundle);
        pair_t pair;
        open_without_anchors(&pair, "ec", TLS_VERSION_1_2);
        add(&pair, &source);
        assert_false(pair_handshake(&pair));
        assert_int_equal(pair.client.error.verify, TLS_VERIFY_UNTRUSTED);
        pair_close(&pair);
        free(bundle.data);
    }
}

TEST(other_formats) {
    blob_t bundle = make_bundle(usual);
    tls_error_t error;
    bundle.data[43] = 2;
    assert_true(is_refused(in_memory(bundle), &error));
    assert_non_null(strstr(error.detail, "format 2"));
    blob_t pem = load("root", ".pem");
    assert_true(is_refused(in_memory(pem), &error));
    blob_t empty = make_bundle((const char *[]) {NULL});
    assert_true(is_refused(in_memory(empty), &error));
    free(empty.data);
    free(bundle.data);
}

// A file that cannot be read any more: the connection is refused, later ones work.
TEST(reads_that_fail) {
    for (size_t failing = 0; failing < 12; failing++) {
        blob_t bundle = make_bundle(usual);
        tls_bundle_source_t source = in_file(&bundle);
        pair_t pair;
        open_without_anchors(&pair, "ec", TLS_VERSION_1_3);
        add(&pair, &source);
        reads_left = failing;
        bool good = pair_handshake(&pair);
        assert_true(good == (reads_left > 0) || failing > 6);
        reads_left = SIZE_MAX;
        pair_reopen(&pair);
        assert_true(pair_handshake(&pair));
        pair_close(&pair);
        free(bundle.data);
    }
}

TEST(out_of_memory) {
    for (long countdown = 0;; countdown += (long)test_stride(30) + 1) {
        blob_t bundle = make_bundle(usual);
        tls_bundle_source_t source = in_file(&bundle);
        tls_error_t error = {.kind = TLS_ERROR_NONE};
        pair_t pair;
        open_without_anchors(&pair, "ec", TLS_VERSION_1_2);
        tls_memory_fail_after(countdown);
        bool added = tls_context_add_bundle(pair.client.context, &source, &error);
        bool good = added && pair_try_reopen(&pair, &error) && pair_handshake(&pair);
        tls_memory_fail_after(-1);
        if (error.kind != TLS_ERROR_NONE) {
            assert_int_equal(error.kind, TLS_ERROR_NO_MEMORY);
        } else if (!good) {
            require(&pair.client,
                pair.client.error.kind == TLS_ERROR_NO_MEMORY || pair.server.error.kind == TLS_ERROR_NO_MEMORY,
                "an end is out of memory");
        }
        pair_close(&pair);
        free(bundle.data);
        if (good) {
            break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_anchor_is_found),
        cmocka_unit_test(a_stranger_is_not),
        cmocka_unit_test(anchors_with_the_same_subject),
        cmocka_unit_test(a_leaf_that_is_an_anchor),
        cmocka_unit_test(anchors_of_several_sources),
        cmocka_unit_test(dates_and_names_are_judged),
        cmocka_unit_test(revocation_lists_are_asked),
        cmocka_unit_test(little_is_read),
        cmocka_unit_test(sessions_are_bound_to_bundles),
        cmocka_unit_test(anchors_are_copied_out),
        cmocka_unit_test(truncated),
        cmocka_unit_test(every_byte_is_protected),
        cmocka_unit_test(offsets_of_a_malicious_index),
        cmocka_unit_test(other_formats),
        cmocka_unit_test(reads_that_fail),
        cmocka_unit_test(out_of_memory),
    };
    return RUN_TESTS("bundle");
}
