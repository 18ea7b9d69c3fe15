// The key log: hooks.keylog is told what the library would write into one.

#include "openssl/internal.h"

#include <string.h>

#if MICROPY_PY_SSL_KEYLOG

static void tell_line(const SSL *ssl, const char *line) {
    tls_connection_t *connection = SSL_get_app_data(ssl);
    tls_host_t *host = connection->host;
    if (host != NULL && host->keylog != NULL && !connection->keylog_aborted) {
        connection->keylog_aborted = TLS_CALL_HOOK(host, keylog, line, strlen(line)) == TLS_ABORTED;
    }
}

void tls_keylog_begin(tls_connection_t *connection) {
    SSL_CTX *ssl_ctx = SSL_get_SSL_CTX(connection->ssl);
    // Other connections may be at work. For them it does not matter which of the two they see.
    if (connection->host->keylog != NULL && SSL_CTX_get_keylog_callback(ssl_ctx) == NULL) {
        SSL_CTX_set_keylog_callback(ssl_ctx, tell_line);
    }
}

#else

void tls_keylog_begin(tls_connection_t *connection) {
    (void)connection;
}

#endif
