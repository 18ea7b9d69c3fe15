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

void tls_keylog_install(tls_context_t *context) {
    SSL_CTX_set_keylog_callback(context->ssl_ctx, tell_line);
}

#else

void tls_keylog_install(tls_context_t *context) {
    (void)context;
}

#endif
