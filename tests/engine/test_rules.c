// Rules beyond trust anchors and names: are revoked certificates refused, is a pinned key demanded in every verify mode
// and found by right signatures only, are dates judged as of the time that was chosen, and does no session get around
// any of it?

#include "engine/memory.h"
#include "engine/session.h"
#include "engine/verify_detail.h"
#include "peers.h"

#include <stdio.h>

static void load_anchors(endpoint_t *endpoint, const char *name) {
    tls_error_t error;
    blob_t data = load(name, ".pem");
    assert_true(tls_context_add_trust_anchors(endpoint->context, data.data, data.len, false, &error));
}

static void set_flags(endpoint_t *endpoint, unsigned flags) {
    tls_error_t error;
    assert_true(tls_context_set_verify_flags(endpoint->context, flags, &error));
    assert_int_equal(tls_context_get_verify_flags(endpoint->context), flags);
}

// ---------------------------------------------------------------------------------------------------------------------
// Public keys of the test certificates, found without the engine: the SubjectPublicKeyInfo of P-256 keys has a fixed
// length and begins with a fixed header.

#define SPKI_SIZE 91

static void digest_of(const char *certificate, uint8_t digest[TLS_PIN_SIZE]) {
    static const uint8_t header[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01};
    blob_t der = load(certificate, ".der");
    for (size_t i = 0; i + SPKI_SIZE <= der.len; i++) {
        if (memcmp(der.data + i, header, sizeof(header)) == 0) {
            assert_true(tls_sha256(der.data + i, SPKI_SIZE, digest));
            return;
        }
    }
    fail_msg("%s has no P-256 key", certificate);
}

static void set_pins(endpoint_t *endpoint, const char *first, const char *second) {
    uint8_t digests[2][TLS_PIN_SIZE] = {{0}};
    size_t count = 0;
    if (first != NULL) {
        digest_of(first, digests[count++]);
    }
    if (second != NULL) {
        digest_of(second, digests[count++]);
    }
    tls_error_t error;
    assert_true(tls_context_set_pins(endpoint->context, digests[0], count, &error));
    size_t there;
    const uint8_t *pins = tls_context_get_pins(endpoint->context, &there);
    assert_int_equal(there, count);
    assert_true(count == 0 || memcmp(pins, digests, count * TLS_PIN_SIZE) == 0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Revocation

typedef struct crl_case {
    const char *certificate;
    const char *lists; // a file, or NULL
    unsigned flags;
    uint32_t bits; // 0: it is let in
} crl_case_t;

static const crl_case_t crl_cases[] = {
    // Nobody asked.
    {"revoked", NULL, 0, 0},
    {"revoked", "crls", 0, 0},
    {"revoked", "crls", TLS_VERIFY_FLAG_TRUSTED_FIRST | TLS_VERIFY_FLAG_PARTIAL_CHAIN, 0},
    // The peer's own certificate
    {"ec", "inter-crl", TLS_VERIFY_FLAG_CRL_LEAF, 0},
    {"revoked", "inter-crl", TLS_VERIFY_FLAG_CRL_LEAF, TLS_VERIFY_REVOKED},
    {"ec", NULL, TLS_VERIFY_FLAG_CRL_LEAF, TLS_VERIFY_CRL},
    {"ec", "root-crl", TLS_VERIFY_FLAG_CRL_LEAF, TLS_VERIFY_CRL},
    {"ec", "inter-crl-old", TLS_VERIFY_FLAG_CRL_LEAF, TLS_VERIFY_CRL},
    {"ec", "inter-crl-forged", TLS_VERIFY_FLAG_CRL_LEAF, TLS_VERIFY_CRL},
    // The others
    {"revoked", "crls", TLS_VERIFY_FLAG_CRL_CHAIN, TLS_VERIFY_REVOKED},
    {"ec", "crls", TLS_VERIFY_FLAG_CRL_CHAIN, 0},
    {"ec", "inter-crl", TLS_VERIFY_FLAG_CRL_CHAIN, TLS_VERIFY_CRL},
    {"ec", "root-crl", TLS_VERIFY_FLAG_CRL_CHAIN, TLS_VERIFY_CRL},
    {"revoked-issuer", "root-crl", TLS_VERIFY_FLAG_CRL_CHAIN, TLS_VERIFY_REVOKED | TLS_VERIFY_CRL},
};

static void check_crl(const crl_case_t *example, int version) {
    setup_t setup = verified_setup();
    set_version(&setup, version);
    setup.server.certificate = example->certificate;
    pair_t pair;
    pair_open(&pair, &setup);
    if (example->lists != NULL) {
        load_anchors(&pair.client, example->lists);
    }
    set_flags(&pair.client, example->flags);
    pair_reopen(&pair);
    bool connected = pair_handshake(&pair);
    if (example->bits == 0) {
        require(&pair.client, connected, "%s with %s", example->certificate, example->lists);
    } else {
        assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
        require(&pair.client, pair.client.error.verify == example->bits, "%s with %s: %#x", example->certificate,
            example->lists, (unsigned)pair.client.error.verify);
        bool revoked = example->bits & TLS_VERIFY_REVOKED;
        assert_string_equal(tls_error_reason(&pair.client.error), revoked ? "revoked" : "bad_crl");
        assert_detail(&pair.client, revoked ? "revoked" : "revocation list");
        assert_got_alert(&pair.server, pair.client.error.alert);
    }
    pair_close(&pair);
}

TEST(revocation) {
    for (size_t i = 0; i < COUNT(crl_cases); i++) {
        check_crl(&crl_cases[i], all_versions[i % COUNT(all_versions)]);
    }
}

TEST(one_list_in_date_is_enough) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    load_anchors(&pair.client, "inter-crl-old");
    load_anchors(&pair.client, "inter-crl");
    load_anchors(&pair.client, "inter-crl");
    assert_int_equal(tls_context_count_trust_anchors(pair.client.context), 1);
    assert_true(tls_context_count_crls(pair.client.context) >= 2);
    set_flags(&pair.client, TLS_VERIFY_FLAG_CRL_LEAF);
    pair_reopen(&pair);
    assert_true(pair_handshake(&pair));
    pair_close(&pair);
}

// Revocation lists have dates, too.
TEST(a_list_by_a_clock_that_is_behind_the_firmware) {
    static const struct {
        const char *list;
        int64_t earliest;
        uint32_t bits;
    } cases[] = {
        {"inter-crl", TIME_2026_06_01, 0},
        {"inter-crl-old", TIME_2026_06_01, TLS_VERIFY_CRL},
        {"inter-crl", TIME_2021_06_01, TLS_VERIFY_CRL | TLS_VERIFY_NOT_YET_VALID},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        setup_t setup = verified_setup();
        pair_t pair;
        pair_open(&pair, &setup);
        load_anchors(&pair.client, cases[i].list);
        set_flags(&pair.client, TLS_VERIFY_FLAG_CRL_LEAF);
        pair_reopen(&pair);
        pair.client.now = TIME_2000_01_01;
        earliest_time = cases[i].earliest;
        assert_int_equal(pair_handshake(&pair), cases[i].bits == 0);
        assert_int_equal(pair.client.error.verify, cases[i].bits);
        pair_close(&pair);
    }
    earliest_time = 0;
}

// A certificate may be taken off the list again, in whatever order the lists are loaded.
TEST(the_newest_list_counts) {
    static const char *const orders[][2] = {{"inter-crl-before", "inter-crl"}, {"inter-crl", "inter-crl-before"}};
    static const struct {
        const char *certificate;
        uint32_t bits[2]; // with the first list, and with both
    } cases[] = {
        {"ec", {TLS_VERIFY_REVOKED, 0}},
        {"revoked", {0, TLS_VERIFY_REVOKED}},
    };
    for (size_t i = 0; i < COUNT(orders) * COUNT(cases); i++) {
        const char *const *order = orders[i / 2];
        setup_t setup = verified_setup();
        setup.server.certificate = cases[i % 2].certificate;
        pair_t pair;
        pair_open(&pair, &setup);
        set_flags(&pair.client, TLS_VERIFY_FLAG_CRL_LEAF);
        for (size_t loaded = 0; loaded < 2; loaded++) {
            load_anchors(&pair.client, order[loaded]);
            uint32_t bits = cases[i % 2].bits[loaded == 1 || i / 2 == 1];
            pair_reopen(&pair);
            require(&pair.client, pair_handshake(&pair) == (bits == 0), "%s after %s", setup.server.certificate,
                order[loaded]);
            assert_int_equal(bits == 0 ? 0 : pair.client.error.verify, bits);
        }
        pair_close(&pair);
    }
}

// Trust anchors are the caller's: nobody can revoke them, and no list is asked for.
TEST(anchors_are_not_looked_up) {
    static const char *const anchors[] = {"self-signed", "inter"};
    static const unsigned flags[] = {TLS_VERIFY_FLAG_CRL_LEAF, TLS_VERIFY_FLAG_CRL_CHAIN};
    for (size_t i = 0; i < COUNT(anchors); i++) {
        setup_t setup = verified_setup();
        setup.client.anchors = anchors[i];
        setup.server.certificate = i == 0 ? anchors[i] : "ec";
        pair_t pair;
        pair_open(&pair, &setup);
        if (i == 1) {
            load_anchors(&pair.client, "inter-crl");
        }
        for (size_t f = 0; f < COUNT(flags); f++) {
            set_flags(&pair.client, flags[f]);
            pair_reopen(&pair);
            require(&pair.client, pair_handshake(&pair), "%s", anchors[i]);
        }
        pair_close(&pair);
    }
}

// ... unless the chain goes on from one to another.
TEST(an_anchor_below_an_anchor_is_looked_up) {
    setup_t setup = verified_setup();
    setup.client.anchors = "inter";
    pair_t pair;
    pair_open(&pair, &setup);
    load_anchors(&pair.client, "ec");
    set_flags(&pair.client, TLS_VERIFY_FLAG_CRL_LEAF);
    pair_reopen(&pair);
    assert_false(pair_handshake(&pair));
    assert_int_equal(pair.client.error.verify, TLS_VERIFY_CRL);
    load_anchors(&pair.client, "inter-crl-before");
    pair_reopen(&pair);
    assert_false(pair_handshake(&pair));
    assert_int_equal(pair.client.error.verify, TLS_VERIFY_REVOKED);
    load_anchors(&pair.client, "inter-crl");
    pair_reopen(&pair);
    assert_true(pair_handshake(&pair));
    pair_close(&pair);
}

TEST(servers_refuse_revoked_clients) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        setup.client.certificate = "client-ec";
        setup.server.anchors = "root";
        setup.server.verify = TLS_VERIFY_MODE_REQUIRED;
        pair_t pair;
        pair_open(&pair, &setup);
        set_flags(&pair.server, TLS_VERIFY_FLAG_CRL_LEAF);
        pair_reopen(&pair);
        assert_false(pair_handshake(&pair));
        assert_failed(&pair.server, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
        assert_int_equal(pair.server.error.verify, TLS_VERIFY_CRL);
        load_anchors(&pair.server, "inter-crl");
        pair_reopen(&pair);
        assert_true(pair_handshake(&pair));
        pair_close(&pair);
    }
}

// The hook's clock, and the chosen time, count for lists too.
TEST(dates_of_lists) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    load_anchors(&pair.client, "inter-crl");
    set_flags(&pair.client, TLS_VERIFY_FLAG_CRL_LEAF);
    int64_t end = tls_unix_time(2049, 12, 31, 23, 59, 59);
    pair_reopen(&pair);
    pair.client.now = end - 1;
    assert_true(pair_handshake(&pair));
    pair_reopen(&pair);
    pair.client.now = end; // the certificate is good for one second more
    assert_false(pair_handshake(&pair));
    assert_int_equal(pair.client.error.verify, TLS_VERIFY_CRL);
    pair_reopen(&pair);
    pair.client.now = TIME_2021_06_01; // earlier than the certificate, too
    assert_false(pair_handshake(&pair));
    assert_int_equal(pair.client.error.verify, TLS_VERIFY_CRL | TLS_VERIFY_NOT_YET_VALID);
    tls_context_set_verify_time(pair.client.context, end - 1);
    pair_reopen(&pair);
    pair.client.now = -1;
    assert_true(pair_handshake(&pair));
    pair_close(&pair);
}

TEST(flags_that_cannot_be) {
    static const unsigned wrong[] = {1, 2, 8, 16, 0x40, 0x80000000, 0xffffffff};
    tls_error_t error;
    tls_context_t *context = tls_context_new(0, &error);
    assert_int_equal(tls_context_get_verify_flags(context), 0);
    assert_true(tls_context_set_verify_flags(context, TLS_VERIFY_FLAG_CRL_CHAIN, &error));
    for (size_t i = 0; i < COUNT(wrong); i++) {
        memset(&error, 0xa5, sizeof(error));
        assert_false(tls_context_set_verify_flags(context, wrong[i], &error));
        assert_int_equal(error.kind, TLS_ERROR_ARGUMENT);
        assert_int_equal(tls_context_get_verify_flags(context), TLS_VERIFY_FLAG_CRL_CHAIN);
    }
    if (!tls_context_set_verify_flags(context, TLS_VERIFY_FLAG_STRICT, &error)) {
        assert_int_equal(error.kind, TLS_ERROR_UNSUPPORTED);
    }
    tls_context_release(context);
}

TEST(lists_that_cannot_be_read) {
    blob_t list = load("inter-crl", ".pem");
    blob_t anchor = load("root", ".pem");
    char text[8192];
    tls_error_t error;
    tls_context_t *context = tls_context_new(0, &error);
    // Cut off, with and without its end; damaged; behind a certificate that is good
    size_t half = list.len / 2;
    memcpy(text, anchor.data, anchor.len);
    memcpy(text + anchor.len, list.data, list.len);
    text[anchor.len + half] ^= 1;
    text[anchor.len + half + 1] = '*';
    const uint8_t *data = (const uint8_t *)text;
    assert_false(tls_context_add_trust_anchors(context, data + anchor.len, list.len, false, &error));
    assert_int_equal(error.kind, TLS_ERROR_CERTIFICATE);
    assert_false(tls_context_add_trust_anchors(context, data, anchor.len + list.len, false, &error));
    assert_int_equal(error.kind, TLS_ERROR_CERTIFICATE);
    assert_true(error.detail[0] != '\0');
    assert_int_equal(tls_context_count_trust_anchors(context), 0);
    assert_int_equal(tls_context_count_crls(context), 0);
    assert_true(tls_context_add_trust_anchors(context, data, anchor.len + list.len, true, &error));
    assert_int_equal(tls_context_count_trust_anchors(context), 1);
    assert_int_equal(tls_context_count_crls(context), 0);
    tls_context_release(context);
}

// ---------------------------------------------------------------------------------------------------------------------
// Trust anchors as a list

TEST(anchors_are_listed_once) {
    tls_error_t error;
    tls_context_t *context = tls_context_new(0, &error);
    static const char *const names[] = {"root", "roots", "root-rsa", "roots"};
    uint8_t der[4096];
    assert_int_equal(tls_context_copy_trust_anchor(context, 0, der, sizeof(der)), 0);
    for (size_t i = 0; i < COUNT(names); i++) {
        blob_t pem = load(names[i], ".pem");
        assert_true(tls_context_add_trust_anchors(context, pem.data, pem.len, false, &error));
    }
    assert_int_equal(tls_context_count_trust_anchors(context), 2);
    blob_t root = load("root", ".der");
    blob_t other = load("root-rsa", ".der");
    unsigned found = 0;
    for (size_t number = 0; number < 2; number++) {
        size_t len = tls_context_copy_trust_anchor(context, number, NULL, 0);
        assert_true(len > 0 && len <= sizeof(der));
        assert_int_equal(tls_context_copy_trust_anchor(context, number, der, len), len);
        found |= len == root.len && memcmp(der, root.data, len) == 0 ? 1 : 0;
        found |= len == other.len && memcmp(der, other.data, len) == 0 ? 2 : 0;
    }
    assert_int_equal(found, 3);
    assert_int_equal(tls_context_copy_trust_anchor(context, 2, der, sizeof(der)), 0);
    tls_context_release(context);
}

// ---------------------------------------------------------------------------------------------------------------------
// Pins

typedef struct pin_case {
    tls_verify_mode_t mode;
    const char *certificate;
    const char *anchors;
    const char *pins[2];
    uint32_t bits; // 0: it is let in
} pin_case_t;

#define NONE     TLS_VERIFY_MODE_NONE
#define OPTIONAL TLS_VERIFY_MODE_OPTIONAL
#define REQUIRED TLS_VERIFY_MODE_REQUIRED

static const pin_case_t pin_cases[] = {
    {REQUIRED, "ec", "root", {"ec", NULL}, 0},
    {REQUIRED, "ec", "root", {"inter", NULL}, 0},
    {REQUIRED, "ec", "root", {"root", NULL}, 0},
    {REQUIRED, "ec", "root", {"other-ca", "ec"}, 0},
    {REQUIRED, "ec", "root", {"ec", "other-ca"}, 0},
    {REQUIRED, "ec", "root", {"other-ca", "other-root"}, TLS_VERIFY_PIN},
    {REQUIRED, "wrong-name", "root", {"ec", NULL}, TLS_VERIFY_PIN | TLS_VERIFY_HOSTNAME},
    {REQUIRED, "expired", "root", {"expired", NULL}, TLS_VERIFY_EXPIRED},
    {NONE, "ec", NULL, {"ec", NULL}, 0},
    {NONE, "ec", NULL, {"inter", NULL}, 0},
    {NONE, "ec", "root", {"root", NULL}, 0},
    {NONE, "ec", NULL, {"root", NULL}, TLS_VERIFY_PIN}, // not sent, not known
    {NONE, "ec", NULL, {"other-ca", NULL}, TLS_VERIFY_PIN},
    {NONE, "self-signed", NULL, {"self-signed", NULL}, 0},
    {NONE, "expired", NULL, {"inter", NULL}, 0},
    {NONE, "not-a-ca", "root", {"not-a-ca", NULL}, 0},
    {NONE, "not-a-ca", "root", {"ec", NULL}, TLS_VERIFY_PIN}, // its issuer, which is no authority
    {NONE, "not-a-ca", "root", {"inter", NULL}, TLS_VERIFY_PIN},
    {OPTIONAL, "self-signed", "root", {"self-signed", NULL}, 0},
    {OPTIONAL, "ec", "root", {"inter", NULL}, 0},
    {OPTIONAL, "ec", "other-root", {"inter", NULL}, 0},
    {OPTIONAL, "ec", "root", {"other-ca", NULL}, TLS_VERIFY_PIN},
    {OPTIONAL, "expired", "root", {"other-ca", NULL}, TLS_VERIFY_PIN | TLS_VERIFY_EXPIRED},
};

static void check_pin(const pin_case_t *example, int version) {
    setup_t setup = verified_setup();
    set_version(&setup, version);
    setup.client.verify = example->mode;
    setup.client.anchors = example->anchors;
    setup.server.certificate = example->certificate;
    pair_t pair;
    pair_open(&pair, &setup);
    set_pins(&pair.client, example->pins[0], example->pins[1]);
    pair_reopen(&pair);
    bool connected = pair_handshake(&pair);
    if (example->bits == 0) {
        require(&pair.client, connected, "%s has %s", example->certificate, example->pins[0]);
        pair_chat(&pair);
        assert_int_equal(pair.client.verify_calls > 0, example->mode != NONE);
    } else {
        assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
        require(&pair.client, pair.client.error.verify == example->bits, "%s, pinned %s: %#x", example->certificate,
            example->pins[0], (unsigned)pair.client.error.verify);
        assert_got_alert(&pair.server, pair.client.error.alert);
        assert_false(tls_connection_is_established(pair.client.connection));
        assert_int_equal(endpoint_handshake(&pair.client), TLS_ERROR);
    }
    if (example->bits & TLS_VERIFY_PIN) {
        assert_string_equal(tls_error_reason(&pair.client.error), "pin_mismatch");
        char words[32];
        uint8_t own[TLS_PIN_SIZE];
        digest_of(example->certificate, own);
        snprintf(words, sizeof(words), "the key %02x%02x%02x", own[0], own[1], own[2]);
        assert_detail(&pair.client, words);
    }
    pair_close(&pair);
}

TEST(pins) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        for (size_t i = 0; i < COUNT(pin_cases); i++) {
            check_pin(&pin_cases[i], all_versions[v]);
        }
    }
}

// Whoever knows a pinned certificate, and everybody does, can send it along with one of their own.
TEST(a_pinned_certificate_that_was_only_sent_along_is_none) {
    static const char *const attackers[] = {"self-signed", "other-ca"};
    blob_t pinned = load("inter", ".pem");
    for (size_t i = 0; i < COUNT(attackers) * COUNT(all_versions) * 2; i++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[i % 2]);
        setup.client.verify = i < 4 ? TLS_VERIFY_MODE_NONE : TLS_VERIFY_MODE_OPTIONAL;
        setup.server.certificate = NULL;
        pair_t pair;
        pair_open(&pair, &setup);
        blob_t own = load(attackers[i / 2 % 2], ".pem");
        blob_t key = load(attackers[i / 2 % 2], ".key");
        uint8_t *chain = malloc(own.len + pinned.len);
        memcpy(chain, own.data, own.len);
        memcpy(chain + own.len, pinned.data, pinned.len);
        tls_error_t error;
        assert_true(tls_context_add_certificate(pair.server.context, chain, own.len + pinned.len, key.data, key.len,
            NULL, &error));
        free(chain);
        set_pins(&pair.client, "inter", NULL);
        pair_reopen(&pair);
        assert_false(pair_handshake(&pair));
        assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED);
        assert_true(pair.client.error.verify & TLS_VERIFY_PIN);
        pair_close(&pair);
    }
}

// A server with pins knows its clients by their keys, whoever signed them.
TEST(servers_pin_clients) {
    static const struct {
        const char *certificate;
        tls_error_kind_t kind;
        uint32_t bits;
    } cases[] = {
        {"client-ec", TLS_ERROR_NONE, 0},
        {"client-other", TLS_ERROR_VERIFICATION, TLS_VERIFY_PIN},
        {NULL, TLS_ERROR_PROTOCOL, TLS_VERIFY_MISSING},
    };
    for (size_t i = 0; i < COUNT(cases) * COUNT(all_versions); i++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[i % 2]);
        setup.client.certificate = cases[i / 2].certificate;
        pair_t pair;
        pair_open(&pair, &setup);
        set_pins(&pair.server, "client-ec", NULL);
        pair_reopen(&pair);
        assert_int_equal(pair_handshake(&pair), cases[i / 2].kind == TLS_ERROR_NONE);
        if (cases[i / 2].kind != TLS_ERROR_NONE) {
            assert_status(&pair.server, TLS_ERROR);
            assert_int_equal(pair.server.error.kind, cases[i / 2].kind);
            assert_int_equal(pair.server.error.verify, cases[i / 2].bits);
        } else {
            assert_int_equal(tls_connection_verify_result(pair.server.connection), 0);
        }
        pair_close(&pair);
    }
}

TEST(the_hook_sees_certificates_before_pins_decide) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    set_pins(&pair.client, "other-ca", NULL);
    pair_reopen(&pair);
    assert_false(pair_handshake(&pair));
    assert_int_equal(pair.client.verify_calls, 3);
    pair_reopen(&pair);
    pair.client.verify_answer = TLS_ERROR;
    assert_false(pair_handshake(&pair));
    assert_failed(&pair.client, TLS_ERROR_VERIFICATION, TLS_CODE_GENERIC);
    assert_string_equal(tls_error_reason(&pair.client.error), "rejected_by_callback");
    pair_close(&pair);
}

TEST(pins_do_not_concern_pre_shared_keys) {
    setup_t setup = psk_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    set_pins(&pair.client, "ec", NULL);
    set_pins(&pair.server, "ec", NULL);
    pair_reopen(&pair);
    assert_true(pair_handshake(&pair));
    pair_close(&pair);
}

// A connection keeps the rules that held when it was made.
TEST(a_change_is_for_later_connections) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_open(&pair, &setup);
    set_pins(&pair.client, "other-ca", NULL);
    tls_context_set_verify_time(pair.client.context, 0);
    set_flags(&pair.client, TLS_VERIFY_FLAG_CRL_CHAIN);
    assert_true(pair_handshake(&pair));
    pair_reopen(&pair);
    set_pins(&pair.client, NULL, NULL);
    assert_false(pair_handshake(&pair));
    assert_true(pair.client.error.verify & TLS_VERIFY_PIN);
    pair_close(&pair);
}

// ---------------------------------------------------------------------------------------------------------------------
// Time

TEST(dates_as_of_then) {
    static const struct {
        const char *certificate;
        int64_t time;
        uint32_t bits;
        const char *detail;
    } cases[] = {
        {"expired", TIME_2021_06_01, 0, NULL},
        {"not-yet", TIME_2048_06_01, 0, NULL},
        {"ec", TIME_2021_06_01, TLS_VERIFY_NOT_YET_VALID, "verify_time is 2021-06-01"},
        {"ec", 0, TLS_VERIFY_NOT_YET_VALID, "verify_time is 1970-01-01"},
        {"expired", TIME_2026_06_01, TLS_VERIFY_EXPIRED, "verify_time is 2026-06-01"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[i % 2]);
        setup.server.certificate = cases[i].certificate;
        pair_t pair;
        pair_open(&pair, &setup);
        assert_true(tls_context_get_verify_time(pair.client.context) < 0);
        tls_context_set_verify_time(pair.client.context, cases[i].time);
        assert_true(tls_context_get_verify_time(pair.client.context) == cases[i].time);
        pair_reopen(&pair);
        pair.client.now = TIME_2000_01_01; // a clock that was never set
        require(&pair.client, pair_handshake(&pair) == (cases[i].bits == 0), "%s", cases[i].certificate);
        if (cases[i].bits != 0) {
            assert_int_equal(pair.client.error.verify, cases[i].bits);
            assert_detail(&pair.client, cases[i].detail);
        }
        tls_context_set_verify_time(pair.client.context, -1);
        pair_reopen(&pair);
        pair.client.now = TIME_2000_01_01;
        assert_false(pair_handshake(&pair));
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Sessions

typedef void (*change_t)(endpoint_t *endpoint);

static void change_pins(endpoint_t *endpoint) {
    set_pins(endpoint, "ec", NULL);
}

static void change_time(endpoint_t *endpoint) {
    tls_context_set_verify_time(endpoint->context, TIME_2026_06_01);
}

static void change_flags(endpoint_t *endpoint) {
    set_flags(endpoint, TLS_VERIFY_FLAG_CRL_LEAF);
}

static void add_lists(endpoint_t *endpoint) {
    load_anchors(endpoint, "inter-crl");
}

static void change_nothing(endpoint_t *endpoint) {
    set_flags(endpoint, TLS_VERIFY_FLAG_TRUSTED_FIRST); // that is so in any case
}

static bool resumes(pair_t *pair, tls_session_t *session) {
    pair->client.session = session;
    pair_reopen(pair);
    require(&pair->client, pair_handshake(pair), "the handshake failed");
    return tls_connection_session_reused(pair->client.connection);
}

TEST(no_session_gets_around_a_rule) {
    static const struct {
        change_t change;
        bool resumed;
    } cases[] = {
        {change_pins, false},
        {change_time, false},
        {add_lists, false},
        {change_nothing, true},
    };
    for (size_t i = 0; i < COUNT(cases) * COUNT(all_versions); i++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[i % 2]);
        pair_t pair;
        pair_connect(&pair, &setup);
        pair_chat(&pair);
        tls_error_t error;
        tls_session_t *session = tls_connection_session(pair.client.connection, &error);
        assert_non_null(session);
        assert_true(resumes(&pair, session));
        cases[i / 2].change(&pair.client);
        assert_int_equal(resumes(&pair, session), cases[i / 2].resumed);
        tls_session_release(session);
        pair_close(&pair);
    }
}

TEST(a_session_under_rules_is_resumed_under_the_same_rules) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        pair_t pair;
        pair_open(&pair, &setup);
        add_lists(&pair.client);
        change_flags(&pair.client);
        change_pins(&pair.client);
        change_time(&pair.client);
        pair_reopen(&pair);
        assert_true(pair_handshake(&pair));
        pair_chat(&pair);
        tls_error_t error;
        tls_session_t *session = tls_connection_session(pair.client.connection, &error);
        assert_non_null(session);
        assert_true(resumes(&pair, session));
        set_pins(&pair.client, "inter", NULL);
        assert_false(resumes(&pair, session));
        set_pins(&pair.client, "ec", NULL);
        assert_true(resumes(&pair, session));
        set_pins(&pair.client, "other-ca", NULL);
        pair_reopen(&pair);
        assert_false(pair_handshake(&pair));
        assert_true(pair.client.error.verify & TLS_VERIFY_PIN);
        tls_session_release(session);
        pair_close(&pair);
    }
}

// A server's ticket is worth nothing under pins that came later.
TEST(no_ticket_gets_around_the_pins_of_a_server) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        setup.client.certificate = "client-ec";
        pair_t pair;
        pair_connect(&pair, &setup);
        pair_chat(&pair);
        tls_error_t error;
        tls_session_t *session = tls_connection_session(pair.client.connection, &error);
        assert_non_null(session);
        assert_true(resumes(&pair, session));
        set_pins(&pair.server, "client-ec", NULL);
        assert_false(resumes(&pair, session));
        pair_chat(&pair);
        tls_session_release(session);
        session = tls_connection_session(pair.client.connection, &error);
        if (session != NULL) {
            bool resumed = resumes(&pair, session); // with Mbed TLS not in TLS 1.3
            assert_true(resumed || all_versions[v] == TLS_VERSION_1_3);
            const uint8_t *der;
            size_t len;
            assert_true(tls_connection_peer_certificate(pair.server.connection, 0, &der, &len));
            set_pins(&pair.server, "ec", NULL);
            pair_reopen(&pair);
            assert_false(pair_handshake(&pair));
            assert_true(pair.server.error.verify & TLS_VERIFY_PIN);
            tls_session_release(session);
        }
        pair_close(&pair);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Memory

// With every allocation failing in turn: a rule that was demanded holds, or there is no connection.
TEST(out_of_memory) {
    setup_t setup = verified_setup();
    set_version(&setup, TLS_VERSION_1_2);
    for (long countdown = 0;; countdown += (long)test_stride(7) + 1) {
        pair_t pair;
        tls_error_t error = {.kind = TLS_ERROR_NONE};
        pair_open(&pair, &setup);
        blob_t lists = load("crls", ".pem");
        uint8_t pin[TLS_PIN_SIZE];
        digest_of("other-ca", pin);
        tls_memory_fail_after(countdown);
        bool ok = tls_context_add_trust_anchors(pair.client.context, lists.data, lists.len, false, &error)
            && tls_context_set_pins(pair.client.context, pin, 1, &error)
            && tls_context_set_verify_flags(pair.client.context, TLS_VERIFY_FLAG_CRL_CHAIN, &error)
            && pair_try_reopen(&pair, &error);
        if (ok) {
            assert_false(pair_handshake(&pair));
        }
        tls_memory_fail_after(-1);
        if (!ok) {
            assert_int_equal(error.kind, TLS_ERROR_NO_MEMORY);
        }
        bool done = ok && pair.client.error.kind == TLS_ERROR_VERIFICATION;
        if (done) {
            assert_int_equal(pair.client.error.verify, TLS_VERIFY_PIN);
        }
        pair_close(&pair);
        if (done) {
            break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(revocation),
        cmocka_unit_test(one_list_in_date_is_enough),
        cmocka_unit_test(a_list_by_a_clock_that_is_behind_the_firmware),
        cmocka_unit_test(the_newest_list_counts),
        cmocka_unit_test(anchors_are_not_looked_up),
        cmocka_unit_test(an_anchor_below_an_anchor_is_looked_up),
        cmocka_unit_test(servers_refuse_revoked_clients),
        cmocka_unit_test(dates_of_lists),
        cmocka_unit_test(flags_that_cannot_be),
        cmocka_unit_test(lists_that_cannot_be_read),
        cmocka_unit_test(anchors_are_listed_once),
        cmocka_unit_test(pins),
        cmocka_unit_test(a_pinned_certificate_that_was_only_sent_along_is_none),
        cmocka_unit_test(servers_pin_clients),
        cmocka_unit_test(the_hook_sees_certificates_before_pins_decide),
        cmocka_unit_test(pins_do_not_concern_pre_shared_keys),
        cmocka_unit_test(a_change_is_for_later_connections),
        cmocka_unit_test(dates_as_of_then),
        cmocka_unit_test(no_session_gets_around_a_rule),
        cmocka_unit_test(a_session_under_rules_is_resumed_under_the_same_rules),
        cmocka_unit_test(no_ticket_gets_around_the_pins_of_a_server),
        cmocka_unit_test(out_of_memory),
    };
    return RUN_TESTS("rules");
}
