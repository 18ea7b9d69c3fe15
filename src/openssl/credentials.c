// Certificates and private keys: parsing, and putting them into a context.

#include "openssl/internal.h"

#include "engine/pem.h"

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <limits.h>
#include <string.h>

static bool is_pem(const uint8_t *data, size_t len) {
    return tls_find_text(data, len, "-----BEGIN") != NULL;
}

// ---------------------------------------------------------------------------------------------------------------------
// Certificates

static bool push_certificate(tls_certificates_t *certificates, X509 *certificate) {
    // Decodes the extensions now. The library would do it at the first use, from whichever connection comes first, and
    // would keep the certificate marked as invalid for good if memory ran out in that moment.
    X509_check_purpose(certificate, -1, 0);
    if (tls_memory_was_refused() || !sk_X509_push(certificates, certificate)) {
        X509_free(certificate);
        return false;
    }
    return true;
}

static bool parse_pem_certificates(tls_certificates_t *certificates, const uint8_t *data, size_t len, bool lenient) {
    BIO *bio = BIO_new_mem_buf(data, (int)len);
    if (bio == NULL) {
        return false;
    }
    bool ok = true;
    while (ok) {
        size_t before = BIO_ctrl_pending(bio);
        X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (certificate != NULL) {
            ok = push_certificate(certificates, certificate);
            continue;
        }
        unsigned long code = ERR_peek_last_error();
        if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE) {
            tls_errors_clear();
            break;
        }
        ok = lenient && !tls_memory_was_refused() && BIO_ctrl_pending(bio) < before;
    }
    BIO_free(bio);
    return ok;
}

// Where the next certificate begins; NULL if there is no telling.
static const uint8_t *skip_der(const uint8_t *data, size_t len) {
    const uint8_t *content = data;
    long content_len;
    int tag;
    int class;
    int form = ASN1_get_object(&content, &content_len, &tag, &class, (long)len);
    // Bit 7: the header or the length is wrong; bit 0: no length was given, which DER does not allow.
    return (form & 0x81) == 0 ? content + content_len : NULL;
}

static bool parse_der_certificates(tls_certificates_t *certificates, const uint8_t *data, size_t len, bool lenient) {
    const uint8_t *end = data + len;
    while (data < end) {
        const uint8_t *p = data;
        X509 *certificate = d2i_X509(NULL, &p, (long)(end - data));
        if (certificate != NULL) {
            if (!push_certificate(certificates, certificate)) {
                return false;
            }
            data = p;
            continue;
        }
        data = lenient && !tls_memory_was_refused() ? skip_der(data, (size_t)(end - data)) : NULL;
        if (data == NULL) {
            return false;
        }
    }
    return true;
}

static void certificates_free(tls_certificates_t *certificates) {
    sk_X509_pop_free(certificates, X509_free);
}

// As tls_parse_certificates(), but there need not be any.
static tls_certificates_t *read_certificates(const uint8_t *data, size_t len, bool lenient, tls_error_t *error) {
    tls_certificates_t *certificates = sk_X509_new_null();
    bool ok = certificates != NULL && len <= INT_MAX;
    if (ok && is_pem(data, len)) {
        ok = parse_pem_certificates(certificates, data, len, lenient);
    } else if (ok) {
        ok = parse_der_certificates(certificates, data, len, lenient);
    }
    if (!ok) {
        tls_error_from_library(error, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT,
            "certificate data is neither PEM nor DER, or is damaged");
        certificates_free(certificates);
        return NULL;
    }
    return certificates;
}

tls_certificates_t *tls_parse_certificates(const uint8_t *data, size_t len, bool lenient, tls_error_t *error) {
    tls_certificates_t *certificates = read_certificates(data, len, lenient, error);
    if (certificates != NULL && sk_X509_num(certificates) == 0) {
        tls_error_from_library(error, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT, "there is no certificate in it");
        certificates_free(certificates);
        return NULL;
    }
    return certificates;
}

// ---------------------------------------------------------------------------------------------------------------------
// Private keys

// Never prompts: without a callback of its own the library would ask on the terminal.
static int give_password(char *buf, int size, int writing, void *password) {
    (void)writing;
    size_t len = password != NULL ? strlen(password) : 0;
    if (len == 0 || len > (size_t)size) {
        return -1;
    }
    memcpy(buf, password, len); // NOLINT(bugprone-not-null-terminated-result): the length is what counts
    return (int)len;
}

static EVP_PKEY *parse_encrypted_key(const uint8_t *key, size_t len, const char *password) {
    const uint8_t *p = key;
    X509_SIG *encrypted = d2i_X509_SIG(NULL, &p, (long)len);
    PKCS8_PRIV_KEY_INFO *info = NULL;
    if (encrypted != NULL && p == key + len && password != NULL && strlen(password) <= INT_MAX) {
        info = PKCS8_decrypt(encrypted, password, (int)strlen(password));
    }
    EVP_PKEY *result = info != NULL ? EVP_PKCS82PKEY(info) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    X509_SIG_free(encrypted);
    return result;
}

static EVP_PKEY *parse_der_key(const uint8_t *key, size_t len, const char *password) {
    const uint8_t *p = key;
    EVP_PKEY *result = d2i_AutoPrivateKey(NULL, &p, (long)len); // PKCS#1, SEC1, PKCS#8
    if (result != NULL && p == key + len) {
        return result;
    }
    EVP_PKEY_free(result);
    return parse_encrypted_key(key, len, password);
}

static EVP_PKEY *parse_pem_key(const uint8_t *key, size_t len, const char *password) {
    char *mutable_password = (char *)(uintptr_t)password; // the library's callbacks take no pointer to const
    BIO *bio = BIO_new_mem_buf(key, (int)len);
    EVP_PKEY *result = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, give_password, mutable_password) : NULL;
    BIO_free(bio);
    return result;
}

// The certificate's file, usually.
static bool is_something_else(const uint8_t *key, size_t len) {
    if (is_pem(key, len)) {
        return tls_find_text(key, len, "PRIVATE KEY-----") == NULL;
    }
    const uint8_t *p = key;
    X509 *certificate = len <= LONG_MAX ? d2i_X509(NULL, &p, (long)len) : NULL;
    X509_free(certificate);
    return certificate != NULL;
}

static EVP_PKEY *parse_private_key(const uint8_t *key, size_t len, const char *password, tls_error_t *error) {
    EVP_PKEY *result = NULL;
    if (len <= INT_MAX) {
        bool wiped = tls_memory_wipe_freed(true);
        result = (is_pem(key, len) ? parse_pem_key : parse_der_key)(key, len, password);
        (void)tls_memory_wipe_freed(wiped);
    }
    if (result == NULL) {
        const char *detail = password != NULL
            ? "private key is neither PEM nor DER, or is damaged, or has another password"
            : "private key is neither PEM nor DER, or is damaged, or needs a password";
        if (is_something_else(key, len)) {
            detail = "there is no private key in it";
        }
        tls_error_from_library(error, TLS_ERROR_KEY, TLS_CODE_KEY_BAD_INPUT, detail);
    }
    // What was tried in vain on the way.
    tls_errors_clear();
    return result;
}

bool tls_check_private_key(const uint8_t *key, size_t key_len, const char *password, tls_error_t *error) {
    tls_error_clear(error);
    tls_errors_clear();
    tls_memory_watch();
    EVP_PKEY *result = parse_private_key(key, key_len, password, error);
    EVP_PKEY_free(result);
    return result != NULL;
}

// ---------------------------------------------------------------------------------------------------------------------
// Into the context

static bool key_fits(X509 *leaf, EVP_PKEY *key, tls_error_t *error) {
    EVP_PKEY *public_key = X509_get0_pubkey(leaf);
    if (public_key == NULL) {
        tls_error_from_library(error, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT,
            "certificate has a public key of an unknown kind");
        return false;
    }
    if (EVP_PKEY_eq(public_key, key) != 1) {
        tls_error_from_library(error, TLS_ERROR_KEY, TLS_CODE_KEY_BAD_INPUT,
            "private key does not belong to the certificate");
        return false;
    }
    return true;
}

// The security level refuses keys and signatures below its strength (SSL_CTX_set_security_level(3)).
static void explain_refusal(tls_error_t *error) {
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_EE_KEY_TOO_SMALL) {
        tls_error_from_library(error, TLS_ERROR_KEY, TLS_CODE_KEY_BAD_INPUT,
            "private key is too small for OpenSSL's security level");
    } else {
        tls_error_from_library(error, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT,
            "OpenSSL's security level or configuration does not allow this certificate");
    }
}

// certificates: leaf first; what remains in the stack are its issuers.
static bool use_certificate(tls_context_t *context, tls_certificates_t *certificates, EVP_PKEY *key,
    tls_error_t *error) {
    X509 *leaf = sk_X509_shift(certificates);
    bool ok = key_fits(leaf, key, error);
    if (ok && !SSL_CTX_use_cert_and_key(context->ssl_ctx, leaf, key, certificates, 1)) {
        explain_refusal(error);
        ok = false;
    }
    X509_free(leaf);
    return ok;
}

bool tls_context_add_certificate(tls_context_t *context, const uint8_t *chain, size_t chain_len, const uint8_t *key,
    size_t key_len, const char *password, tls_error_t *error) {
    tls_error_clear(error);
    tls_errors_clear();
    tls_memory_watch();
    EVP_PKEY *private_key = parse_private_key(key, key_len, password, error);
    if (private_key == NULL) {
        return false;
    }
    tls_certificates_t *certificates = tls_parse_certificates(chain, chain_len, false, error);
    bool ok = certificates != NULL && use_certificate(context, certificates, private_key, error);
    certificates_free(certificates);
    EVP_PKEY_free(private_key);
    context->has_certificate = context->has_certificate || ok;
    return ok;
}

// ---------------------------------------------------------------------------------------------------------------------
// Trust anchors and revocation lists

// Adds the lists in the data, PEM, to the store, and counts them. false: one cannot be read, or there is no memory.
static bool add_crls(X509_STORE *store, const uint8_t *data, size_t len, bool lenient, size_t *count) {
    BIO *bio = is_pem(data, len) ? BIO_new_mem_buf(data, (int)len) : NULL;
    bool ok = true;
    *count = 0;
    while (ok && bio != NULL) {
        size_t before = BIO_ctrl_pending(bio);
        X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
        if (crl != NULL) {
            ok = X509_STORE_add_crl(store, crl);
            ++*count;
            X509_CRL_free(crl);
            continue;
        }
        unsigned long code = ERR_peek_last_error();
        if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE) {
            tls_errors_clear();
            break;
        }
        ok = lenient && !tls_memory_was_refused() && BIO_ctrl_pending(bio) < before;
    }
    BIO_free(bio);
    return ok && !tls_memory_was_refused();
}

static bool add_certificates(X509_STORE *store, tls_certificates_t *certificates) {
    for (int i = 0; i < sk_X509_num(certificates); i++) {
        if (!X509_STORE_add_cert(store, sk_X509_value(certificates, i))) {
            return false;
        }
    }
    return true;
}

static bool add_from_store(X509_STORE *store, X509_STORE *from) {
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(from);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509_OBJECT *object = sk_X509_OBJECT_value(objects, i);
        X509 *certificate = X509_OBJECT_get0_X509(object);
        X509_CRL *crl = X509_OBJECT_get0_X509_CRL(object);
        if ((certificate != NULL && !X509_STORE_add_cert(store, certificate))
            || (crl != NULL && !X509_STORE_add_crl(store, crl))) {
            return false;
        }
    }
    return true;
}

static size_t count_certificates(X509_STORE *store) {
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    size_t count = 0;
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        count += X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i)) != NULL;
    }
    return count;
}

static size_t count_objects(X509_STORE *store) {
    return (size_t)sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
}

// The context's store with what is in the data; NULL with *error filled. A store of its own, since what has gone into a
// store does not come out again if the rest fails.
static X509_STORE *extended_store(tls_context_t *context, const uint8_t *data, size_t len, bool lenient,
    tls_error_t *error) {
    tls_certificates_t *certificates = read_certificates(data, len, lenient, error);
    X509_STORE *store = certificates != NULL ? X509_STORE_new() : NULL;
    const char *problem = NULL;
    if (store != NULL) {
        tls_bundles_install(store);
    }
    bool ok = store != NULL && add_from_store(store, SSL_CTX_get_cert_store(context->ssl_ctx));
    size_t crls = 0;
    if (ok && MICROPY_PY_SSL_CRL && !add_crls(store, data, len, lenient, &crls)) {
        ok = false;
        problem = "a revocation list is damaged";
    }
    if (ok && sk_X509_num(certificates) == 0 && crls == 0) {
        ok = false;
        problem = "there is no certificate in it";
    }
    if (!ok || !add_certificates(store, certificates)) {
        tls_error_from_library(error, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT, problem);
        X509_STORE_free(store);
        store = NULL;
    }
    certificates_free(certificates);
    return store;
}

bool tls_context_add_trust_anchors(tls_context_t *context, const uint8_t *data, size_t len, bool lenient,
    tls_error_t *error) {
    tls_error_clear(error);
    tls_errors_clear();
    tls_memory_watch();
    X509_STORE *store = extended_store(context, data, len, lenient, error);
    if (store == NULL) {
        return false;
    }
    if (!tls_trust_extend(context->trust, data, len)) {
        tls_error_from_library(error, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, NULL);
        X509_STORE_free(store);
        return false;
    }
    context->anchors = count_certificates(store);
    context->crls = count_objects(store) - context->anchors;
    SSL_CTX_set_cert_store(context->ssl_ctx, store);
    return true;
}

size_t tls_context_count_trust_anchors(const tls_context_t *context) {
    return context->anchors + tls_bundles_count(context->bundles);
}

size_t tls_context_count_crls(const tls_context_t *context) {
    return context->crls;
}

size_t tls_context_copy_trust_anchor(const tls_context_t *context, size_t number, uint8_t *buf, size_t size) {
    if (number >= context->anchors) {
        return tls_bundles_copy(context->bundles, number - context->anchors, buf, size);
    }
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context->ssl_ctx));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (certificate == NULL || number-- > 0) {
            continue;
        }
        int len = i2d_X509(certificate, NULL);
        if (len > 0 && (size_t)len <= size) {
            len = i2d_X509(certificate, &buf);
        }
        tls_errors_clear();
        return len > 0 ? (size_t)len : 0;
    }
    return 0;
}

unsigned tls_verify_flags_known(void) {
    return TLS_VERIFY_FLAG_CRL_CHAIN | TLS_VERIFY_FLAG_STRICT | TLS_VERIFY_FLAG_TRUSTED_FIRST
        | TLS_VERIFY_FLAG_PARTIAL_CHAIN;
}
