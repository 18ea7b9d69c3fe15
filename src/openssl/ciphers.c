// Cipher suites: their names, their order, and which are enabled.

#include "openssl/internal.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

// IANA numbers of the TLS 1.2 suites in Mbed TLS's order of preference, so that both engines behave alike.
//
// clang-format off
static const uint16_t preference[] = {
    // ECDHE and DHE, ChaCha20-Poly1305
    0xCCA8, 0xCCA9, 0xCCAA,
    // ECDHE and DHE, AES-256
    0xC02C, 0xC030, 0x009F, 0xC0AD, 0xC09F, 0xC024, 0xC028, 0x006B, 0xC00A, 0xC014, 0x0039, 0xC0AF, 0xC0A3,
    // ECDHE and DHE, CAMELLIA-256
    0xC073, 0xC077, 0x00C4, 0x0088,
    // ECDHE and DHE, ARIA-256
    0xC05D, 0xC061, 0xC053,
    // ECDHE and DHE, AES-128
    0xC02B, 0xC02F, 0x009E, 0xC0AC, 0xC09E, 0xC023, 0xC027, 0x0067, 0xC009, 0xC013, 0x0033, 0xC0AE, 0xC0A2,
    // ECDHE and DHE, CAMELLIA-128
    0xC072, 0xC076, 0x00BE, 0x0045,
    // ECDHE and DHE, ARIA-128
    0xC05C, 0xC060, 0xC052,
    // ECDHE-PSK and DHE-PSK
    0xCCAC, 0xCCAD, 0x00AB, 0xC0A7, 0xC038, 0x00B3, 0xC036, 0x0091, 0xC09B, 0xC097, 0xC0AB, 0xC06D, 0x00AA, 0xC0A6,
    0xC037, 0x00B2, 0xC035, 0x0090, 0xC096, 0xC09A, 0xC0AA, 0xC06C,
    // RSA
    0x009D, 0xC09D, 0x003D, 0x0035, 0xC0A1, 0x00C0, 0x0084, 0xC051, 0x009C, 0xC09C, 0x003C, 0x002F, 0xC0A0, 0x00BA,
    0x0041, 0xC050,
    // PSK
    0xCCAB, 0x00A9, 0xC0A5, 0x00AF, 0x008D, 0xC095, 0xC0A9, 0xC06B, 0x00A8, 0xC0A4, 0x00AE, 0x008C, 0xC094, 0xC0A8,
    0xC06A,
};
// clang-format on

#define PREFERENCE_COUNT (sizeof(preference) / sizeof(preference[0]))

// The macro inside is more than clang-format can read in a declaration.
typedef STACK_OF(SSL_CIPHER) tls_cipher_stack_t;

// Every suite that can be asked for. SSL_CIPHER objects live as long as the library.
static const SSL_CIPHER *known[TLS_SUITES_MAX];
static size_t known_count;

// ---------------------------------------------------------------------------------------------------------------------
// The suites of the library

bool tls_cipher_is_tls13(uint16_t suite) {
    return suite >> 8 == 0x13; // RFC 8446 appendix B.4
}

static size_t rank(uint16_t suite) {
    for (size_t i = 0; i < PREFERENCE_COUNT; i++) {
        if (preference[i] == suite) {
            return i + 1;
        }
    }
    return tls_cipher_is_tls13(suite) ? 0 : PREFERENCE_COUNT + 1;
}

// Inserts behind all that rank the same, so that the library's order decides there (and for TLS 1.3).
static void insert_by_rank(const SSL_CIPHER *cipher) {
    size_t cipher_rank = rank(SSL_CIPHER_get_protocol_id(cipher));
    size_t i = known_count++;
    while (i > 0 && rank(SSL_CIPHER_get_protocol_id(known[i - 1])) > cipher_rank) {
        known[i] = known[i - 1];
        i--;
    }
    known[i] = cipher;
}

bool tls_ciphers_init(void) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    if (ctx == NULL) {
        return false;
    }
    // Nobody gets a connection without encryption or authentication by asking for a cipher suite; there is no way to
    // give the password of SRP, and RSA-PSK asks for a certificate beside the pre-shared key.
    bool ok = SSL_CTX_set_cipher_list(ctx, "ALL:!eNULL:!aNULL:!SRP:!kRSAPSK");
#if TLS_HAS_TLS_1_3
    static const char tls13[] = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:"
                                "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256";
    ok = ok && SSL_CTX_set_ciphersuites(ctx, tls13);
#endif
    tls_cipher_stack_t *ciphers = SSL_CTX_get_ciphers(ctx);
    known_count = 0;
    for (int i = 0; ok && i < sk_SSL_CIPHER_num(ciphers) && known_count < TLS_SUITES_MAX; i++) {
        insert_by_rank(sk_SSL_CIPHER_value(ciphers, i));
    }
    SSL_CTX_free(ctx);
    return ok;
}

const SSL_CIPHER *tls_cipher_find(uint16_t suite) {
    for (size_t i = 0; i < known_count; i++) {
        if (SSL_CIPHER_get_protocol_id(known[i]) == suite) {
            return known[i];
        }
    }
    return NULL;
}

// ---------------------------------------------------------------------------------------------------------------------
// Names

const char *tls_cipher_name(uint16_t suite, char name[TLS_CIPHER_NAME_SIZE]) {
    const SSL_CIPHER *cipher = tls_cipher_find(suite);
    if (cipher == NULL) {
        return NULL;
    }
    const char *standard = SSL_CIPHER_standard_name(cipher);
    const char *prefix = tls_cipher_is_tls13(suite) ? "TLS1-3-" : "TLS-";
    size_t skip = strlen("TLS_");
    // IANA really turned these two around ("TLS_PSK_DHE_WITH_AES_128_CCM_8"); Mbed TLS did not.
    if (strncmp(standard, "TLS_PSK_DHE_", strlen("TLS_PSK_DHE_")) == 0) {
        prefix = "TLS-DHE-PSK-";
        skip = strlen("TLS_PSK_DHE_");
    }
    int len = snprintf(name, TLS_CIPHER_NAME_SIZE, "%s%s", prefix, standard + skip);
    if (len >= TLS_CIPHER_NAME_SIZE) {
        return NULL;
    }
    for (char *p = name; *p != '\0'; p++) {
        if (*p == '_') {
            *p = '-';
        }
    }
    return name;
}

static bool is_separator(char c) {
    return c == '_' || c == '-';
}

// Equal but for '_' and '-'.
static bool same_name(const char *name, size_t len, const char *other) {
    if (strlen(other) != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (name[i] != other[i] && !(is_separator(name[i]) && is_separator(other[i]))) {
            return false;
        }
    }
    return true;
}

uint16_t tls_cipher_suite(const char *name, size_t len) {
    for (size_t i = 0; i < known_count; i++) {
        uint16_t suite = SSL_CIPHER_get_protocol_id(known[i]);
        char built_in[TLS_CIPHER_NAME_SIZE];
        if (same_name(name, len, SSL_CIPHER_standard_name(known[i]))
            || (tls_cipher_name(suite, built_in) != NULL && same_name(name, len, built_in))) {
            return suite;
        }
    }
    return 0;
}

// ---------------------------------------------------------------------------------------------------------------------
// What a context has enabled

static bool suites_copy(tls_suites_t *suites, const uint16_t *list, size_t count) {
    uint16_t *copy = tls_zalloc(count * sizeof(*copy));
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, list, count * sizeof(*copy));
    tls_free(suites->list);
    suites->list = copy;
    suites->count = count;
    return true;
}

static bool is_in_stack(tls_cipher_stack_t *ciphers, const SSL_CIPHER *cipher) {
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
        if (sk_SSL_CIPHER_value(ciphers, i) == cipher) {
            return true;
        }
    }
    return false;
}

bool tls_ciphers_read_defaults(tls_context_t *context) {
    tls_cipher_stack_t *ciphers = SSL_CTX_get_ciphers(context->ssl_ctx);
    uint16_t list[TLS_SUITES_MAX];
    size_t count = 0;
    // Those of TLS 1.3 in the library's order, the others in that of `known`.
    for (int i = 0; i < sk_SSL_CIPHER_num(ciphers) && count < TLS_SUITES_MAX; i++) {
        uint16_t suite = SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(ciphers, i));
        if (tls_cipher_is_tls13(suite)) {
            list[count++] = suite;
        }
    }
    for (size_t i = 0; i < known_count && count < TLS_SUITES_MAX; i++) {
        uint16_t suite = SSL_CIPHER_get_protocol_id(known[i]);
        if (!tls_cipher_is_tls13(suite) && is_in_stack(ciphers, known[i])) {
            list[count++] = suite;
        }
    }
    return suites_copy(&context->defaults, list, count);
}

static bool is_sha256(const SSL_CIPHER *cipher) {
    const EVP_MD *digest = SSL_CIPHER_get_handshake_digest(cipher);
    return digest != NULL && EVP_MD_get_type(digest) == NID_sha256;
}

// Whether a suite can be used with the context's protocol and its way of authentication.
static bool fits(const tls_context_t *context, uint16_t suite) {
    const SSL_CIPHER *cipher = tls_cipher_find(suite);
    if (cipher == NULL) {
        return false;
    }
    bool psk = tls_uses_psk(context);
    if (tls_cipher_is_tls13(suite)) {
        // The hash of an external pre-shared key is SHA-256 unless agreed otherwise (RFC 8446 section 4.2.11).
        return !(context->protocol & TLS_PROTOCOL_DATAGRAM) && (!psk || is_sha256(cipher));
    }
    return (SSL_CIPHER_get_auth_nid(cipher) == NID_auth_psk) == psk;
}

static bool contains(const uint16_t *list, size_t count, uint16_t suite) {
    for (size_t i = 0; i < count; i++) {
        if (list[i] == suite) {
            return true;
        }
    }
    return false;
}

// What a server takes unless the build or a program says more: authenticated encryption, and no session key in the
// hands of whoever gets to know the key of the certificate (RFC 9325 sections 4.1 and 4.2).
static bool is_good_for_servers(uint16_t suite) {
    const SSL_CIPHER *cipher = tls_cipher_find(suite);
    return SSL_CIPHER_is_aead(cipher) && SSL_CIPHER_get_kx_nid(cipher) != NID_kx_rsa;
}

static size_t select_suites(const tls_context_t *context, uint16_t list[TLS_SUITES_MAX]) {
    bool chosen = context->chosen.count > 0;
    const tls_suites_t *from = chosen ? &context->chosen : &context->defaults;
    bool any = MICROPY_PY_SSL_OLD_SUITES || chosen || !(context->protocol & TLS_PROTOCOL_SERVER);
    size_t count = 0;
    for (size_t i = 0; i < from->count && count < TLS_SUITES_MAX; i++) {
        uint16_t suite = from->list[i];
        if (fits(context, suite) && (any || is_good_for_servers(suite)) && !contains(list, count, suite)) {
            list[count++] = suite;
        }
    }
    return count;
}

// The names of the suites of TLS 1.3 or of the others, separated by colons, in memory of their own; NULL: none left.
static char *join_names(const uint16_t *list, size_t count, bool tls13) {
    size_t size = count * TLS_CIPHER_NAME_SIZE + 1; // the library's own names are shorter than IANA's
    char *names = tls_zalloc(size);
    size_t used = 0;
    for (size_t i = 0; names != NULL && i < count; i++) {
        if (tls_cipher_is_tls13(list[i]) == tls13) {
            const SSL_CIPHER *cipher = tls_cipher_find(list[i]);
            const char *name = tls13 ? SSL_CIPHER_standard_name(cipher) : SSL_CIPHER_get_name(cipher);
            used += (size_t)snprintf(names + used, size - used, "%s%s", used > 0 ? ":" : "", name);
        }
    }
    return names;
}

// Tells the library. A version whose list is empty keeps its old one; it will not be offered.
static bool apply(tls_context_t *context, const uint16_t *list, size_t count) {
    char *tls13 = join_names(list, count, true);
    char *others = join_names(list, count, false);
    bool ok = tls13 != NULL && others != NULL
        && (others[0] == '\0' || SSL_CTX_set_cipher_list(context->ssl_ctx, others));
#if TLS_HAS_TLS_1_3
    ok = ok && (tls13[0] == '\0' || SSL_CTX_set_ciphersuites(context->ssl_ctx, tls13));
#endif
    tls_free(tls13);
    tls_free(others);
    return ok;
}

bool tls_ciphers_update(tls_context_t *context, tls_error_t *error) {
    uint16_t list[TLS_SUITES_MAX];
    size_t count = select_suites(context, list);
    tls_suites_t enabled = {0};
    if (!suites_copy(&enabled, list, count)) {
        tls_error_no_memory(error);
        return false;
    }
    if (!apply(context, list, count)) {
        tls_error_from_library(error, TLS_ERROR_INTERNAL, TLS_CODE_BAD_CONFIG, NULL);
        tls_free(enabled.list);
        context->enabled_applied = apply(context, context->enabled.list, context->enabled.count);
        return false;
    }
    tls_free(context->enabled.list);
    context->enabled = enabled;
    context->enabled_applied = true;
    return true;
}

bool tls_ciphers_narrow_versions(const tls_context_t *context, SSL *ssl) {
    bool has_tls13 = false;
    bool has_others = false;
    for (size_t i = 0; i < context->enabled.count; i++) {
        *(tls_cipher_is_tls13(context->enabled.list[i]) ? &has_tls13 : &has_others) = true;
    }
    if (context->protocol & TLS_PROTOCOL_DATAGRAM) {
        return has_others && SSL_set_min_proto_version(ssl, DTLS1_2_VERSION)
            && SSL_set_max_proto_version(ssl, DTLS1_2_VERSION);
    }
    int minimum = has_others ? context->minimum : TLS1_3_VERSION;
    int maximum = has_tls13 ? context->maximum : TLS1_2_VERSION;
    return minimum <= maximum && SSL_set_min_proto_version(ssl, minimum) && SSL_set_max_proto_version(ssl, maximum);
}

bool tls_context_set_ciphers(tls_context_t *context, const uint16_t *suites, size_t count, tls_error_t *error) {
    tls_error_clear(error);
    tls_errors_clear();
    tls_memory_watch();
    if (count == 0) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG, "no cipher suite was given");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (tls_cipher_find(suites[i]) == NULL) {
            tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG, "cipher suite 0x%04X is not available",
                (unsigned)suites[i]);
            return false;
        }
    }
    tls_suites_t before = context->chosen;
    context->chosen = (tls_suites_t) {0};
    if (!suites_copy(&context->chosen, suites, count)) {
        tls_error_no_memory(error);
        context->chosen = before;
        return false;
    }
    if (!tls_ciphers_update(context, error)) {
        tls_free(context->chosen.list);
        context->chosen = before;
        return false;
    }
    tls_free(before.list);
    return true;
}

size_t tls_context_get_ciphers(const tls_context_t *context, uint16_t *suites, size_t max) {
    size_t count = context->enabled.count < max ? context->enabled.count : max;
    if (count > 0) {
        memcpy(suites, context->enabled.list, count * sizeof(*suites));
    }
    return context->enabled.count;
}
