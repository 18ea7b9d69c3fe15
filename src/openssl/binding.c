// Keying material and channel bindings: see engine/binding.h.

#include "engine/binding.h"

#include "openssl/internal.h"

#include <openssl/evp.h>

#if MICROPY_PY_SSL_CHANNEL_BINDING

bool tls_binding_is_safe(const tls_connection_t *connection) {
    switch (SSL_CIPHER_get_kx_nid(SSL_get_current_cipher(connection->ssl))) {
        case NID_kx_any: // TLS 1.3
        case NID_kx_ecdhe:
        case NID_kx_ecdhe_psk:
            return true;
        default:
            return false;
    }
}

// Fills *error for what the library refused.
static bool settle(bool ok, tls_error_t *error) {
    if (!ok) {
        tls_error_from_library(error, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, NULL);
    }
    tls_errors_clear();
    return ok;
}

bool tls_binding_export(tls_connection_t *connection, const char *label, size_t label_len, const uint8_t *context,
    size_t context_len, uint8_t *out, size_t len, tls_error_t *error) {
    tls_errors_clear();
    tls_memory_watch();
    int result = SSL_export_keying_material(connection->ssl, out, len, label, label_len, context, context_len,
        context != NULL);
    return settle(result == 1, error);
}

bool tls_binding_finished(const tls_connection_t *connection, uint8_t out[TLS_BINDING_MAX], size_t *len,
    tls_error_t *error) {
    (void)error;
    bool own = connection->server == connection->resumed;
    *len = (own ? SSL_get_finished : SSL_get_peer_finished)(connection->ssl, out, TLS_BINDING_MAX);
    *len = *len > TLS_BINDING_MAX ? 0 : *len;
    return true;
}

// A resumed handshake showed none. If there is only one, it is that.
static X509 *own_certificate(const tls_connection_t *connection) {
    SSL *ssl = connection->ssl;
    if (connection->resumed && SSL_set_current_cert(ssl, SSL_CERT_SET_FIRST) == 1) {
        X509 *only = SSL_get_certificate(ssl);
        return SSL_set_current_cert(ssl, SSL_CERT_SET_NEXT) == 1 ? NULL : only;
    }
    return SSL_get_certificate(ssl);
}

bool tls_binding_end_point(const tls_connection_t *connection, uint8_t out[TLS_BINDING_MAX], size_t *len,
    tls_error_t *error) {
    X509 *certificate
        = connection->server ? own_certificate(connection) : SSL_get0_peer_certificate(connection->ssl);
    int hash = NID_undef;
    if (certificate == NULL || !X509_get_signature_info(certificate, &hash, NULL, NULL, NULL) || hash == NID_undef) {
        tls_errors_clear();
        return true;
    }
    const EVP_MD *md = hash == NID_md5 || hash == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(hash);
    if (md == NULL || EVP_MD_get_size(md) > TLS_BINDING_MAX) {
        return true;
    }
    tls_memory_watch();
    unsigned size = 0;
    // Without memory it takes any hash for SHA-1 (3.0.19), and succeeds.
    bool ok = X509_digest(certificate, md, out, &size) == 1 && !tls_memory_was_refused();
    *len = ok ? size : 0;
    return settle(ok, error);
}

#endif
