// Verification of the peer's certificate chain.
//
// The library checks; its callback for errors lets it go on after each, so that all that is wrong with a chain is
// collected as TLS_VERIFY_* bits, and the bits decide.

#include "openssl/internal.h"

#include "engine/hostname.h"
#include "engine/name_constraints.h"
#include "engine/verify_detail.h"

#include <openssl/asn1.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NAMES_SIZE 128

static uint32_t bit_of(int verify_error) {
    switch (verify_error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return TLS_VERIFY_EXPIRED;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return TLS_VERIFY_NOT_YET_VALID;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return TLS_VERIFY_HOSTNAME;
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
        case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_CERT_CHAIN_TOO_LONG:
        case X509_V_ERR_CERT_UNTRUSTED:
        case X509_V_ERR_CERT_REJECTED:
        case X509_V_ERR_SUBJECT_ISSUER_MISMATCH:
        case X509_V_ERR_AKID_SKID_MISMATCH:
        case X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH:
            return TLS_VERIFY_UNTRUSTED;
        case X509_V_ERR_CERT_REVOKED:
            return TLS_VERIFY_REVOKED;
        case X509_V_ERR_UNABLE_TO_GET_CRL:
        case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
        case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
        case X509_V_ERR_CRL_SIGNATURE_FAILURE:
        case X509_V_ERR_CRL_NOT_YET_VALID:
        case X509_V_ERR_CRL_HAS_EXPIRED:
        case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
        case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
        case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
        case X509_V_ERR_DIFFERENT_CRL_SCOPE:
        case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
        case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
            return TLS_VERIFY_CRL;
        case X509_V_ERR_INVALID_CA:
        case X509_V_ERR_INVALID_NON_CA:
        case X509_V_ERR_INVALID_PURPOSE:
        case X509_V_ERR_PATH_LENGTH_EXCEEDED:
        case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
        case X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE:
        case X509_V_ERR_PERMITTED_VIOLATION:
        case X509_V_ERR_EXCLUDED_VIOLATION:
            return TLS_VERIFY_USAGE;
        case X509_V_ERR_EE_KEY_TOO_SMALL:
        case X509_V_ERR_CA_KEY_TOO_SMALL:
        case X509_V_ERR_CA_MD_TOO_WEAK:
            return TLS_VERIFY_WEAK;
        default:
            return TLS_VERIFY_OTHER;
    }
}

// Of the bits that are set, the one that the alert and the sentence are about, in the order of tls_error_reason(), with
// a library error that ssl_x509err2alert() turns into the fitting alert.
static const struct {
    uint32_t bit;
    int verify_error;
} by_importance[] = {
    {TLS_VERIFY_CALLBACK, X509_V_ERR_CERT_REJECTED},
    {TLS_VERIFY_PIN, X509_V_ERR_CERT_REJECTED},
    {TLS_VERIFY_REVOKED, X509_V_ERR_CERT_REVOKED},
    {TLS_VERIFY_UNTRUSTED, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY},
    {TLS_VERIFY_EXPIRED, X509_V_ERR_CERT_HAS_EXPIRED},
    {TLS_VERIFY_NOT_YET_VALID, X509_V_ERR_CERT_NOT_YET_VALID},
    {TLS_VERIFY_HOSTNAME, X509_V_ERR_HOSTNAME_MISMATCH},
    {TLS_VERIFY_USAGE, X509_V_ERR_INVALID_PURPOSE},
    {TLS_VERIFY_WEAK, X509_V_ERR_EE_KEY_TOO_SMALL},
    {TLS_VERIFY_CRL, X509_V_ERR_UNABLE_TO_GET_CRL},
    {TLS_VERIFY_OTHER, X509_V_ERR_CERT_REJECTED},
};

// Returns the library error for the alert; *bit is the bit it stands for.
static int most_important(uint32_t bits, uint32_t *bit) {
    size_t count = sizeof(by_importance) / sizeof(by_importance[0]);
    for (size_t i = 0; i < count; i++) {
        if (bits & by_importance[i].bit) {
            *bit = by_importance[i].bit;
            return by_importance[i].verify_error;
        }
    }
    *bit = TLS_VERIFY_OTHER;
    return X509_V_ERR_CERT_REJECTED;
}

// ---------------------------------------------------------------------------------------------------------------------
// Collecting

struct tls_findings {
    int64_t now;
    uint32_t bits;
    int untrusted_error;    // the first library error behind TLS_VERIFY_UNTRUSTED
    int other_error;        // the first one that has no bit of its own
    unsigned expired_depth; // of the first certificate with such a date
    unsigned not_yet_valid_depth;
    unsigned links; // how many certificates up from the peer's own are signed by the next one, which may do so
};

static tls_connection_t *connection_of(X509_STORE_CTX *store_ctx) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(store_ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    return SSL_get_app_data(ssl);
}

static int64_t unix_time(const ASN1_TIME *time) {
    struct tm tm;
    if (time == NULL || !ASN1_TIME_to_tm(time, &tm)) {
        return 0;
    }
    return tls_unix_time(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

// A certificate is good to the end of its last second (RFC 5280 section 4.1.2.5); the library refuses it in that one.
static bool is_last_second(X509_STORE_CTX *store_ctx, int64_t now) {
    X509 *certificate = X509_STORE_CTX_get_current_cert(store_ctx);
    return certificate != NULL && unix_time(X509_get0_notAfter(certificate)) == now;
}

// What is found about revocation of a trust anchor, which nobody but the caller can revoke.
static bool is_about_anchor(X509_STORE_CTX *store_ctx, uint32_t bit) {
    return (bit == TLS_VERIFY_CRL || bit == TLS_VERIFY_REVOKED)
        && X509_STORE_CTX_get_error_depth(store_ctx) >= X509_STORE_CTX_get_num_untrusted(store_ctx);
}

// Notes where the chain is broken: a pinned key further up says nothing about the peer.
static void note_broken_link(tls_findings_t *findings, int verify_error, unsigned depth) {
    switch (verify_error) {
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
        case X509_V_ERR_CA_MD_TOO_WEAK:
            break;
        case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
        case X509_V_ERR_INVALID_CA:
        case X509_V_ERR_INVALID_NON_CA:
        case X509_V_ERR_PATH_LENGTH_EXCEEDED:
        case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
        case X509_V_ERR_CA_KEY_TOO_SMALL:
        case X509_V_ERR_EE_KEY_TOO_SMALL:
            depth = depth > 0 ? depth - 1 : 0; // it should not have issued the one below
            break;
        default:
            return;
    }
    findings->links = depth < findings->links ? depth : findings->links;
}

static int note_error(int ok, X509_STORE_CTX *store_ctx) {
    tls_findings_t *findings = connection_of(store_ctx)->findings;
    int verify_error = X509_STORE_CTX_get_error(store_ctx);
    uint32_t bit = bit_of(verify_error);
    if (ok || (bit == TLS_VERIFY_EXPIRED && is_last_second(store_ctx, findings->now))
        || is_about_anchor(store_ctx, bit)) {
        return 1;
    }
    bool first = !(findings->bits & bit);
    unsigned depth = (unsigned)X509_STORE_CTX_get_error_depth(store_ctx);
    findings->bits |= bit;
    note_broken_link(findings, verify_error, depth);
    if (!first) {
        return 1;
    }
    if (bit == TLS_VERIFY_UNTRUSTED) {
        findings->untrusted_error = verify_error;
    } else if (bit == TLS_VERIFY_EXPIRED) {
        findings->expired_depth = depth;
    } else if (bit == TLS_VERIFY_NOT_YET_VALID) {
        findings->not_yet_valid_depth = depth;
    } else if (bit == TLS_VERIFY_OTHER) {
        findings->other_error = verify_error;
    }
    return 1;
}

// Whether a common name has two or four octets a character: the library would convert it, Mbed TLS does not.
static bool has_wide_common_name(X509 *leaf) {
    const X509_NAME *subject = X509_get_subject_name(leaf);
    int index = -1;
    while ((index = X509_NAME_get_index_by_NID(subject, NID_commonName, index)) >= 0) {
        int type = ASN1_STRING_type(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
        if (type == V_ASN1_BMPSTRING || type == V_ASN1_UNIVERSALSTRING) {
            return true;
        }
    }
    return false;
}

// A common name stands for the host only where there is no subjectAltName at all (RFC 6125 section 6.4.4; the library
// alone would use it beside an extension that has no DNS name).
static void set_name_rules(X509_VERIFY_PARAM *param, X509 *leaf) {
    unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    if (X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) >= 0 || has_wide_common_name(leaf)) {
        flags |= X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    }
    X509_VERIFY_PARAM_set_hostflags(param, flags);
}

// ---------------------------------------------------------------------------------------------------------------------
// What the library lets pass and Mbed TLS does not, or RFC 5280 does not. All of it is in docs/trust-verdicts.md.

#define INTERMEDIATES_MAX 8   // as in Mbed TLS
#define STRENGTH          128 // bits, of hashes and curves: SHA-256 and P-256

static void note(tls_findings_t *findings, int verify_error, unsigned depth) {
    findings->bits |= bit_of(verify_error);
    note_broken_link(findings, verify_error, depth);
}

static bool is_weak_curve(X509 *certificate) {
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    return key != NULL && EVP_PKEY_base_id(key) == EVP_PKEY_EC && EVP_PKEY_security_bits(key) < STRENGTH;
}

static bool is_weak_hash(X509 *certificate) {
    int bits;
    return X509_get_signature_info(certificate, NULL, NULL, &bits, NULL) && bits < STRENGTH;
}

// The library takes some purposes of old for SSL_SERVER; each authority on the way has to be for this purpose as well.
static bool is_for_purpose(X509 *certificate, bool of_server) {
    return X509_get_extended_key_usage(certificate) & (of_server ? XKU_SSL_SERVER : XKU_SSL_CLIENT);
}

// RFC 8446 section 4.4.2.2, RFC 5246 section 7.4.2: the key signs the handshake, or in TLS 1.2 decrypts a secret.
static bool may_take_part(X509 *leaf, const tls_connection_t *connection) {
    const SSL_CIPHER *suite = connection->server ? NULL : SSL_get_pending_cipher(connection->ssl);
    bool decrypts = suite != NULL && SSL_CIPHER_get_kx_nid(suite) == NID_kx_rsa;
    return X509_get_key_usage(leaf) & (decrypts ? KU_KEY_ENCIPHERMENT : KU_DIGITAL_SIGNATURE);
}

// RFC 5280 sections 4.1.2.1 and 4.1.2.8: nobody may issue certificates with unique identifiers, and Mbed TLS reads
// none.
static bool is_of_known_form(X509 *certificate) {
    long version = X509_get_version(certificate);
    const ASN1_BIT_STRING *issuer_id = NULL;
    const ASN1_BIT_STRING *subject_id = NULL;
    X509_get0_uids(certificate, &issuer_id, &subject_id);
    return issuer_id == NULL && subject_id == NULL
        && (version == X509_VERSION_3 || (version < X509_VERSION_3 && X509_get_ext_count(certificate) == 0));
}

// An anchor need not say that it may issue certificates if it is too old for that.
static bool may_issue(X509 *issuer) {
    return X509_get_version(issuer) < X509_VERSION_3 || X509_check_ca(issuer) == 1;
}

static void judge_certificate(X509 *certificate, unsigned depth, bool top, bool of_server, tls_findings_t *findings) {
    if (!is_of_known_form(certificate)) {
        note(findings, X509_V_ERR_UNSPECIFIED, depth);
    }
    if (is_weak_curve(certificate)) {
        note(findings, X509_V_ERR_CA_KEY_TOO_SMALL, depth);
    }
    if ((depth == 0 || !top) && is_weak_hash(certificate)) {
        note(findings, X509_V_ERR_CA_MD_TOO_WEAK, depth);
    }
    if (!is_for_purpose(certificate, of_server)) {
        note(findings, X509_V_ERR_INVALID_PURPOSE, depth);
    }
    if (depth > 0 && !may_issue(certificate)) {
        note(findings, X509_V_ERR_INVALID_CA, depth);
    }
    if (depth > 0 && X509_NAME_entry_count(X509_get_subject_name(certificate)) == 0) {
        note(findings, X509_V_ERR_UNSPECIFIED, depth); // RFC 5280 section 4.1.2.6
    }
}

#if MICROPY_PY_SSL_NAME_CONSTRAINTS

// The library does not see that "*.a.example" stands for "b.a.example", too.
static bool are_names_allowed(X509 *leaf, X509 *issuer) {
    int index = X509_get_ext_by_NID(issuer, NID_name_constraints, -1);
    unsigned char *der = NULL;
    int len = index >= 0 ? i2d_X509(leaf, &der) : 0;
    if (len <= 0) {
        return true; // out of memory is noticed elsewhere
    }
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(issuer, index));
    tls_bytes_t constraints = {.data = ASN1_STRING_get0_data(value), .len = (size_t)ASN1_STRING_length(value)};
    tls_certificate_t certificate;
    bool allowed = tls_certificate_read(&certificate, der, (size_t)len)
        && tls_names_are_allowed(&certificate, true, constraints, TLS_DOUBT_ALLOWS);
    OPENSSL_free(der);
    return allowed;
}

#else

static bool are_names_allowed(X509 *leaf, X509 *issuer) {
    (void)leaf;
    (void)issuer;
    return true;
}

#endif

static void judge_chain(X509_STORE_CTX *store_ctx, tls_findings_t *findings) {
    const tls_connection_t *connection = connection_of(store_ctx);
    tls_certificates_t *chain = X509_STORE_CTX_get0_chain(store_ctx);
    X509 *leaf = X509_STORE_CTX_get0_cert(store_ctx);
    int count = sk_X509_num(chain);
    if (!may_take_part(leaf, connection)) {
        note(findings, X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE, 0);
    }
    for (int depth = 0; depth < count; depth++) {
        X509 *certificate = sk_X509_value(chain, depth);
        judge_certificate(certificate, (unsigned)depth, depth == count - 1, !connection->server, findings);
        if (depth > 0 && !are_names_allowed(leaf, certificate)) {
            note(findings, X509_V_ERR_EXCLUDED_VIOLATION, (unsigned)depth);
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------

// false: the library could not even try.
static bool collect(X509_STORE_CTX *store_ctx, tls_findings_t *findings) {
    int64_t now = findings->now;
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(store_ctx);
    set_name_rules(param, X509_STORE_CTX_get0_cert(store_ctx));
    X509_VERIFY_PARAM_set_depth(param, INTERMEDIATES_MAX);
    // Any policy will do, but there must be one where an authority demands it (RFC 5280 section 6.1.1 (c)).
    if (!X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_POLICY_CHECK)
        || !X509_VERIFY_PARAM_add0_policy(param, OBJ_nid2obj(NID_any_policy))) {
        return false;
    }
    // Without a clock every certificate counts as not valid yet.
    X509_VERIFY_PARAM_set_time(param, now < 0 ? 0 : (time_t)now);
    X509_STORE_CTX_set_verify_cb(store_ctx, note_error);
    tls_connection_t *connection = connection_of(store_ctx);
    connection->findings = findings;
    int result = X509_verify_cert(store_ctx);
    connection->findings = NULL;
    judge_chain(store_ctx, findings);
    if (now < 0) {
        findings->bits |= TLS_VERIFY_NOT_YET_VALID;
    }
    if (result <= 0 && findings->bits == 0) {
        findings->bits = TLS_VERIFY_OTHER;
    }
    // Where memory runs out inside, the library may well blame the certificate.
    return result >= 0 && !tls_memory_was_refused();
}

// ---------------------------------------------------------------------------------------------------------------------
// Pins

// The SubjectPublicKeyInfo, to be freed with OPENSSL_free(); NULL: out of memory.
static unsigned char *public_key(X509 *certificate, size_t *len) {
    unsigned char *spki = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
    *len = size > 0 ? (size_t)size : 0;
    return size > 0 ? spki : NULL;
}

static bool is_pinned(const tls_rules_t *rules, X509 *certificate) {
    size_t len;
    unsigned char *spki = public_key(certificate, &len);
    bool pinned = spki != NULL && tls_rules_pin(rules, spki, len);
    OPENSSL_free(spki);
    return pinned;
}

// Whether a pinned key is found on the way up, as far as the signatures are right.
static bool has_pinned_key(const tls_rules_t *rules, X509_STORE_CTX *store_ctx, unsigned links) {
    tls_certificates_t *chain = X509_STORE_CTX_get0_chain(store_ctx);
    for (unsigned depth = 0; depth < (unsigned)sk_X509_num(chain) && depth <= links; depth++) {
        if (is_pinned(rules, sk_X509_value(chain, (int)depth))) {
            return true;
        }
    }
    return false;
}

static void explain_pin(X509_STORE_CTX *store_ctx, bool server, tls_error_t *error) {
    uint8_t digest[TLS_PIN_SIZE];
    size_t len;
    unsigned char *spki = public_key(X509_STORE_CTX_get0_cert(store_ctx), &len);
    tls_detail_pin(error, server, spki != NULL && tls_sha256(spki, len, digest) ? digest : NULL);
    OPENSSL_free(spki);
}

// ---------------------------------------------------------------------------------------------------------------------
// Explaining

static X509 *chain_at(X509_STORE_CTX *store_ctx, unsigned depth) {
    tls_certificates_t *chain = X509_STORE_CTX_get0_chain(store_ctx);
    return depth < (unsigned)sk_X509_num(chain) ? sk_X509_value(chain, (int)depth) : NULL;
}

// Appends a name that comes from the peer; what is not printable ASCII becomes '?'.
static void append_name(char names[NAMES_SIZE], const unsigned char *name, int len) {
    size_t used = strlen(names);
    if (used > 0) {
        used += (size_t)snprintf(names + used, NAMES_SIZE - used, ", ");
    }
    for (int i = 0; i < len && used + 1 < NAMES_SIZE; i++) {
        bool printable = name[i] >= ' ' && name[i] <= '~';
        names[used++] = (char)(printable ? name[i] : '?');
        names[used] = '\0';
    }
}

static void append_address(char names[NAMES_SIZE], const unsigned char *octets, int len) {
    char text[TLS_IP_TEXT_SIZE];
    tls_format_ip(octets, len > 0 ? (size_t)len : 0, text);
    append_name(names, (const unsigned char *)text, (int)strlen(text));
}

static void common_name(const X509_NAME *subject, char names[NAMES_SIZE]) {
    int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (index >= 0) {
        const ASN1_STRING *string = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index));
        append_name(names, ASN1_STRING_get0_data(string), ASN1_STRING_length(string));
    }
}

static void names_of(X509 *leaf, char names[NAMES_SIZE]) {
    names[0] = '\0';
    GENERAL_NAMES *list = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
        int type;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(list, i), &type);
        if (type == GEN_DNS) {
            append_name(names, ASN1_STRING_get0_data(value), ASN1_STRING_length(value));
        } else if (type == GEN_IPADD) {
            append_address(names, ASN1_STRING_get0_data(value), ASN1_STRING_length(value));
        }
    }
    GENERAL_NAMES_free(list);
    if (X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) < 0) {
        common_name(X509_get_subject_name(leaf), names);
    }
}

static void explain_untrusted(const tls_connection_t *connection, X509_STORE_CTX *store_ctx,
    const tls_findings_t *findings, tls_error_t *error) {
    if (findings->untrusted_error == X509_V_ERR_CERT_SIGNATURE_FAILURE) {
        snprintf(error->detail, sizeof(error->detail), "a signature in the %s's certificate chain is wrong",
            connection->server ? "client" : "server");
        return;
    }
    int last = sk_X509_num(X509_STORE_CTX_get0_chain(store_ctx)) - 1;
    X509 *top = last >= 0 ? chain_at(store_ctx, (unsigned)last) : NULL;
    char issuer[NAMES_SIZE] = "";
    if (top != NULL) {
        common_name(X509_get_issuer_name(top), issuer);
    }
    tls_detail_untrusted(error, !connection->server, issuer,
        findings->untrusted_error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
        tls_context_count_trust_anchors(connection->context), connection->bundle_damaged);
}

static void explain(const tls_connection_t *connection, X509_STORE_CTX *store_ctx, const tls_findings_t *findings,
    uint32_t bit) {
    tls_error_t *error = &connection->host->error;
    bool server = !connection->server; // what the peer is
    bool chosen = tls_rules_have_time(&connection->rules);
    X509 *cert;
    char names[NAMES_SIZE];
    switch (bit) {
        case TLS_VERIFY_UNTRUSTED:
            explain_untrusted(connection, store_ctx, findings, error);
            break;
        case TLS_VERIFY_EXPIRED:
            cert = chain_at(store_ctx, findings->expired_depth);
            tls_detail_expired(error, server, findings->expired_depth,
                unix_time(cert != NULL ? X509_get0_notAfter(cert) : NULL), findings->now, chosen);
            break;
        case TLS_VERIFY_NOT_YET_VALID:
            cert = chain_at(store_ctx, findings->not_yet_valid_depth);
            tls_detail_not_yet_valid(error, server, findings->not_yet_valid_depth,
                unix_time(cert != NULL ? X509_get0_notBefore(cert) : NULL), findings->now, chosen);
            break;
        case TLS_VERIFY_HOSTNAME:
            names_of(X509_STORE_CTX_get0_cert(store_ctx), names);
            tls_detail_hostname(error, names, connection->asked_name != NULL ? connection->asked_name : "");
            break;
        case TLS_VERIFY_PIN:
            explain_pin(store_ctx, server, error);
            break;
        default:
            tls_detail_verify_bits(error, server, bit);
            break;
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Deciding

// Shows the chain to hooks.verify; false: it was rejected.
static bool ask_hook(tls_connection_t *connection, X509_STORE_CTX *store_ctx) {
    tls_host_t *host = connection->host;
    tls_certificates_t *chain = X509_STORE_CTX_get0_chain(store_ctx);
    for (int depth = sk_X509_num(chain) - 1; host->verify != NULL && depth >= 0; depth--) {
        unsigned char *der = NULL;
        int len = i2d_X509(sk_X509_value(chain, depth), &der);
        if (len < 0) {
            return false;
        }
        tls_status_t status = TLS_CALL_HOOK(host, verify, der, (size_t)len, (unsigned)depth);
        OPENSSL_free(der);
        if (status != TLS_OK) {
            connection->verify_bits |= TLS_VERIFY_CALLBACK;
            connection->aborted_by_caller = status == TLS_ABORTED;
            return false;
        }
    }
    return true;
}

// Fills the host's error and leaves the library error that makes libssl send the fitting alert.
static int refuse(tls_connection_t *connection, X509_STORE_CTX *store_ctx, const tls_findings_t *findings) {
    tls_error_t *error = &connection->host->error;
    uint32_t bit;
    int verify_error = most_important(connection->verify_bits, &bit);
    if (bit == TLS_VERIFY_UNTRUSTED && findings->untrusted_error != 0) {
        verify_error = findings->untrusted_error;
    } else if (bit == TLS_VERIFY_OTHER && findings->other_error != 0) {
        verify_error = findings->other_error;
    }
    tls_error_set(error, TLS_ERROR_VERIFICATION,
        bit == TLS_VERIFY_CALLBACK ? TLS_CODE_GENERIC : TLS_CODE_CERT_VERIFY_FAILED, NULL);
    error->verify = connection->verify_bits;
    error->library_code = verify_error;
    snprintf(error->text, sizeof(error->text), "%s", X509_verify_cert_error_string(verify_error));
    explain(connection, store_ctx, findings, bit);
    X509_STORE_CTX_set_error(store_ctx, verify_error);
    return 0;
}

// A pre-shared key was asked for; whoever answers with a certificate instead may be anybody.
static int refuse_certificate(tls_connection_t *connection, X509_STORE_CTX *store_ctx) {
    tls_error_set(&connection->host->error, TLS_ERROR_PROTOCOL, TLS_CODE_HANDSHAKE_FAILURE,
        "server did not take our pre-shared key and offered a certificate instead");
    X509_STORE_CTX_set_error(store_ctx, X509_V_ERR_APPLICATION_VERIFICATION); // alert handshake_failure
    return 0;
}

int tls_verify_chain(X509_STORE_CTX *store_ctx, void *unused) {
    (void)unused;
    tls_connection_t *connection = connection_of(store_ctx);
    if (connection->psk) {
        return refuse_certificate(connection, store_ctx);
    }
    bool has_pins = tls_rules_have_pins(&connection->rules);
    if (connection->verify_mode == TLS_VERIFY_MODE_NONE && !has_pins) {
        return 1;
    }
    tls_host_t *host = connection->host;
    int64_t now = host->now != NULL ? host->now(host) : -1;
    tls_findings_t findings = {.now = tls_rules_time(&connection->rules, now), .links = UINT_MAX};
    if (!collect(store_ctx, &findings)) {
        // An alert that does not blame the certificate.
        X509_STORE_CTX_set_error(store_ctx, X509_V_ERR_OUT_OF_MEM);
        return 0;
    }
    bool pinned = !has_pins || has_pinned_key(&connection->rules, store_ctx, findings.links);
    if (tls_memory_was_refused()) {
        X509_STORE_CTX_set_error(store_ctx, X509_V_ERR_OUT_OF_MEM);
        return 0;
    }
    bool checks = connection->verify_mode != TLS_VERIFY_MODE_NONE;
    connection->chain_checked = true;
    connection->verify_bits = (checks ? findings.bits : 0) | (pinned ? 0 : TLS_VERIFY_PIN);
    connection->hook_asked = checks && host->verify != NULL;
    bool rejected = checks && !ask_hook(connection, store_ctx);
    if (rejected && !(connection->verify_bits & TLS_VERIFY_CALLBACK)) {
        X509_STORE_CTX_set_error(store_ctx, X509_V_ERR_OUT_OF_MEM);
        return 0;
    }
    if (rejected || !pinned
        || (connection->verify_bits != 0 && connection->verify_mode == TLS_VERIFY_MODE_REQUIRED)) {
        return refuse(connection, store_ctx, &findings);
    }
    // The library carries this number in its sessions: a server learns from a ticket what it found before.
    X509_STORE_CTX_set_error(store_ctx, (int)connection->verify_bits);
    return 1;
}
