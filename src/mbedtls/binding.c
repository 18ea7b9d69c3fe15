// Keying material and channel bindings: see engine/binding.h.

#include "engine/binding.h"

#include "internal.h"

#include "mbedtls/md.h"

#include <string.h>

#if MICROPY_PY_SSL_CHANNEL_BINDING

static const mbedtls_ssl_ciphersuite_t *suite_of(const tls_connection_t *connection) {
    return mbedtls_ssl_ciphersuite_from_id(mbedtls_ssl_get_ciphersuite_id_from_ssl(&connection->ssl));
}

bool tls_binding_is_safe(const tls_connection_t *connection) {
    const mbedtls_ssl_ciphersuite_t *suite = suite_of(connection);
    return suite != NULL && (compat_suite_is_tls_1_3(suite) || compat_suite_is_ecdhe(suite));
}

#if !COMPAT_EXPORTER || !COMPAT_TLS_UNIQUE
static bool refuse(tls_error_t *error, const char *detail) {
    tls_error_set(error, TLS_ERROR_UNSUPPORTED, TLS_CODE_FEATURE_UNAVAILABLE, "%s", detail);
    return false;
}
#endif

bool tls_binding_export(tls_connection_t *connection, const char *label, size_t label_len, const uint8_t *context,
    size_t context_len, uint8_t *out, size_t len, tls_error_t *error) {
#if COMPAT_EXPORTER
    unsigned failed_before = count_failed_allocations();
    int ret = compat_export(&connection->ssl, out, len, label, label_len, context, context_len);
    if (ret != 0) {
        describe_error(ret, failed_before, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, NULL, error);
    }
    return ret == 0;
#else
    (void)connection;
    (void)label;
    (void)label_len;
    (void)context;
    (void)context_len;
    (void)out;
    (void)len;
    return refuse(error, "this build exports no keying material");
#endif
}

bool tls_binding_finished(const tls_connection_t *connection, uint8_t out[TLS_BINDING_MAX], size_t *len,
    tls_error_t *error) {
#if COMPAT_TLS_UNIQUE
    (void)error;
    const unsigned char *data
        = compat_finished(&connection->ssl, context_is_server(connection->context) == connection->resumed, len);
    memcpy(out, data, *len);
    return true;
#else
    (void)connection;
    (void)out;
    (void)len;
    return refuse(error, "this build does not keep the Finished messages");
#endif
}

// Which of two was shown can be told by the suite, in TLS 1.2. NULL: not known.
static const mbedtls_x509_crt *own_certificate(const tls_connection_t *connection) {
    const identity_t *ec = connection->identities[IDENTITY_EC];
    const identity_t *rsa = connection->identities[IDENTITY_RSA];
    const mbedtls_ssl_ciphersuite_t *suite = suite_of(connection);
    const identity_t *shown = ec != NULL ? ec : rsa;
    if (ec != NULL && rsa != NULL) {
        if (connection->resumed || suite == NULL || compat_suite_is_tls_1_3(suite)) {
            return NULL;
        }
        shown = compat_suite_uses_rsa(suite) ? rsa : ec;
    }
    return shown == NULL ? NULL : &shown->chain;
}

bool tls_binding_end_point(const tls_connection_t *connection, uint8_t out[TLS_BINDING_MAX], size_t *len,
    tls_error_t *error) {
    const mbedtls_x509_crt *crt = context_is_server(connection->context) ? own_certificate(connection)
                                                                         : compat_peer_chain(&connection->ssl);
    if (crt == NULL || crt->raw.p == NULL) {
        return true;
    }
    mbedtls_md_type_t hash = compat_signature_hash(crt);
    if (hash == MBEDTLS_MD_MD5 || hash == MBEDTLS_MD_SHA1) {
        hash = MBEDTLS_MD_SHA256;
    }
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(hash);
    if (info == NULL || mbedtls_md_get_size(info) > TLS_BINDING_MAX) {
        return true;
    }
    unsigned failed_before = count_failed_allocations();
    int ret = mbedtls_md(info, crt->raw.p, crt->raw.len, out);
    if (ret != 0) {
        describe_error(ret, failed_before, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, NULL, error);
        return false;
    }
    *len = mbedtls_md_get_size(info);
    return true;
}

#endif
