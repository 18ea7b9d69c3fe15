// Trust anchors in CA bundles: the library asks for those that could have issued a certificate, or have a name. They
// are parsed for one verification and freed with it.

#include "openssl/internal.h"

#if MICROPY_PY_SSL_BUNDLE

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

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

static bool is_in_date(X509_STORE_CTX *store_ctx, const X509 *certificate) {
    return X509_cmp_timeframe(X509_STORE_CTX_get0_param(store_ctx), X509_get0_notBefore(certificate),
               X509_get0_notAfter(certificate))
        == 0;
}

// As X509_STORE_CTX_get1_issuer(): 1 and a certificate that may have issued `child`, in date if there is such a one.
static int get_issuer(X509 **issuer, X509_STORE_CTX *store_ctx, X509 *child) {
    int result = X509_STORE_CTX_get1_issuer(issuer, store_ctx, child);
    tls_connection_t *connection = connection_of(store_ctx);
    const X509_NAME *name = X509_get_issuer_name(child);
    tls_bundle_search_t search;
    if (result != 0 || !start_search(connection, name, &search)) {
        return result;
    }
    X509 *best = NULL;
    X509 *candidate;
    while ((candidate = next_certificate(connection, &search, name)) != NULL) {
        bool fits = X509_check_issued(candidate, child) == X509_V_OK;
        if (fits && (best == NULL || is_in_date(store_ctx, candidate))) {
            X509_free(best);
            best = candidate;
        } else {
            X509_free(candidate);
        }
    }
    *issuer = best;
    return best != NULL;
}

// As X509_STORE_CTX_get1_certs(): all trust anchors of that name.
static STACK_OF(X509) * lookup_certificates(X509_STORE_CTX *store_ctx, const X509_NAME *name) {
    tls_certificates_t *certificates = X509_STORE_CTX_get1_certs(store_ctx, name);
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

void tls_bundles_install(X509_STORE *store) {
    X509_STORE_set_get_issuer(store, get_issuer);
    X509_STORE_set_lookup_certs(store, lookup_certificates);
}

#else

void tls_bundles_install(X509_STORE *store) {
    (void)store;
}

#endif
