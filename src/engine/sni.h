// Servers with several names: what both engines do when a client has said which one it wants.

#ifndef MICROPYTHON_SSL_SNI_H
#define MICROPYTHON_SSL_SNI_H

#include "engine/engine.h"

#if MICROPY_PY_SSL_SNI_CALLBACK

// Asks hooks.sni about the name in a client's hello (RFC 6066 section 3), `data` NULL: there is none. What is not a
// host name is refused without asking. TLS_OK: the handshake goes on with *context. Else it ends with *alert, which is
// for the caller to send, and the host's error says so.
TLS_MUST_USE tls_status_t tls_sni_ask(tls_host_t *host, const uint8_t *data, size_t len, tls_context_t **context,
    int *alert);

#endif

#endif // MICROPYTHON_SSL_SNI_H
