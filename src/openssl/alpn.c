// ALPN: the protocol above TLS (RFC 7301).

#include "openssl/internal.h"

#include "engine/alpn.h"

#include <string.h>

// In the form of the extension: a length octet before each name.
static void write_names(const char *const *names, size_t count, uint8_t *list) {
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(names[i]);
        *list++ = (uint8_t)len;
        memcpy(list, names[i], len);
        list += len;
    }
}

bool tls_context_set_alpn(tls_context_t *context, const char *const *names, size_t count, tls_error_t *error) {
    tls_error_clear(error);
    size_t len;
    if (!tls_alpn_measure(names, count, &len, error)) {
        return false;
    }
    uint8_t *list = NULL;
    if (count > 0) {
        list = tls_zalloc(len);
        if (list == NULL) {
            tls_error_no_memory(error);
            return false;
        }
        write_names(names, count, list);
    }
    tls_free(context->alpn);
    context->alpn = list;
    context->alpn_len = len;
    return true;
}

// Server: a client offers these protocols. The first of ours that is among them; none: section 3.2 wants the alert.
static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *offered,
    unsigned offered_len, void *unused) {
    (void)unused;
    const tls_connection_t *connection = SSL_get_app_data(ssl);
    if (connection->alpn == NULL) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    int result = SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, connection->alpn,
        (unsigned)connection->alpn_len, offered, offered_len);
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void tls_alpn_install_server(tls_context_t *context) {
    SSL_CTX_set_alpn_select_cb(context->ssl_ctx, select_protocol, NULL);
}

bool tls_alpn_set_up(tls_connection_t *connection) {
    const tls_context_t *context = connection->context;
    if (context->alpn == NULL) {
        return true;
    }
    if (!connection->server) {
        return SSL_set_alpn_protos(connection->ssl, context->alpn, (unsigned)context->alpn_len) == 0;
    }
    connection->alpn = tls_zalloc(context->alpn_len);
    if (connection->alpn == NULL) {
        return false;
    }
    memcpy(connection->alpn, context->alpn, context->alpn_len);
    connection->alpn_len = context->alpn_len;
    return true;
}

const char *tls_connection_alpn(const tls_connection_t *connection, size_t *len) {
    const unsigned char *name = NULL;
    unsigned name_len = 0;
    if (connection->established) {
        SSL_get0_alpn_selected(connection->ssl, &name, &name_len);
    }
    *len = name_len;
    return (const char *)name;
}
