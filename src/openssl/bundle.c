// Trust anchors: the library asks for one that could have issued a certificate, or for those that have a name. The ones
// in CA bundles are parsed for one verification and freed with it.

#include "openssl/internal.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#if MICROPY_PY_SSL_BUNDLE

static tls_connection_t *connection_of(X509_STORE_CTX *store_ctx) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(store_ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    return SSL_get_app_data(ssl);
}

// The next certificate of the bundles with this subject; NULL: there is no other, or no memory.
static X509 *next_certificate(tls_connection_t *connection, tls_bundle_search_t *search, const X509_NAME *subject) {
    tls_bundle_certificate_t found;
    tls_bundle_result_t result;
    while ((result = tls_bundle_search_next(search, &found)) != TLS_BUNDLE_END) {
        connection->bundle_damaged |= result == TLS_BUNDLE_DAMAGED;
        if (result == TLS_BUNDLE_NO_MEMORY) {
            return NULL;
        }
        if (result != TLS_BUNDLE_FOUND) {
            continue;
        }
        const uint8_t *der = found.der;
        X509 *certificate = d2i_X509(NULL, &der, (long)found.len);
        tls_bundle_release(&found);
        if (certificate != NULL && X509_NAME_cmp(X509_get_subject_name(certificate), subject) == 0) {
            return certificate;
        }
        X509_free(certificate);
    }
    return NULL;
}

static bool start_search(const tls_connection_t *connection, const X509_NAME *subject, tls_bundle_search_t *search) {
    tls_bytes_t der;
    return connection->context->bundles != NULL
        && X509_NAME_get0_der((X509_NAME *)(uintptr_t)subject, &der.data, &der.len)
        && tls_bundle_search_start(search, connection->context->bundles, der);
}

// Adds the certificates of the bundles with this name to those that were loaded.
static tls_certificates_t *add_from_bundles(X509_STORE_CTX *store_ctx, const X509_NAME *name,
    tls_certificates_t *certificates) {
    tls_connection_t *connection = connection_of(store_ctx);
    tls_bundle_search_t search;
    if (!start_search(connection, name, &search)) {
        return certificates;
    }
    if (certificates == NULL) {
        certificates = sk_X509_new_null();
    }
    X509 *certificate;
    while (certificates != NULL && (certificate = next_certificate(connection, &search, name)) != NULL) {
        if (!sk_X509_push(certificates, certificate)) {
            X509_free(certificate);
            break;
        }
    }
    return certificates;
}

#else

static tls_certificates_t *add_from_bundles(X509_STORE_CTX *store_ctx, const X509_NAME *name,
    tls_certificates_t *certificates) {
    (void)store_ctx;
    (void)name;
    return certificates;
}

#endif

// As X509_STORE_CTX_get1_certs(): all trust anchors of that name.
static tls_certificates_t *lookup_certificates(X509_STORE_CTX *store_ctx, const X509_NAME *name) {
    return add_from_bundles(store_ctx, name, X509_STORE_CTX_get1_certs(store_ctx, name));
}

static bool is_in_date(X509_STORE_CTX *store_ctx, const X509 *certificate) {
    return X509_cmp_timeframe(X509_STORE_CTX_get0_param(store_ctx), X509_get0_notBefore(certificate),
               X509_get0_notAfter(certificate))
        == 0;
}

static bool has_signed(X509 *issuer, X509 *child) {
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    ERR_set_mark();
    bool signed_it = key != NULL && X509_verify(child, key) > 0;
    ERR_pop_to_mark();
    return signed_it;
}

// As X509_STORE_CTX_get1_issuer(): 1 and a certificate that may have issued `child`. Of several with one name, the
// library's takes one that is in date; this one looks whose key has signed first.
static int get_issuer(X509 **issuer, X509_STORE_CTX *store_ctx, X509 *child) {
    tls_certificates_t *candidates = lookup_certificates(store_ctx, X509_get_issuer_name(child));
    X509_STORE_CTX_check_issued_fn may_have_issued = X509_STORE_CTX_get_check_issued(store_ctx);
    bool several = sk_X509_num(candidates) > 1;
    X509 *best = NULL;
    int best_rank = -1;
    for (int i = 0; i < sk_X509_num(candidates); i++) {
        X509 *candidate = sk_X509_value(candidates, i);
        if (!may_have_issued(store_ctx, child, candidate)) {
            continue;
        }
        int rank = several ? 2 * has_signed(candidate, child) + is_in_date(store_ctx, candidate) : 0;
        if (rank > best_rank) {
            best = candidate;
            best_rank = rank;
        }
    }
    if (best != NULL) {
        X509_up_ref(best);
    }
    sk_X509_pop_free(candidates, X509_free);
    *issuer = best;
    return best != NULL;
}

void tls_bundles_install(X509_STORE *store) {
    X509_STORE_set_get_issuer(store, get_issuer);
    X509_STORE_set_lookup_certs(store, lookup_certificates);
}
