// What src/engine/binding.c needs of an engine. The connection is established, the arguments have been checked.

#ifndef MICROPYTHON_SSL_ENGINE_BINDING_H
#define MICROPYTHON_SSL_ENGINE_BINDING_H

#include "engine/engine.h"

// Whether nobody can have seen to it that two connections have the same master secret: TLS 1.3, or ECDHE.
bool tls_binding_is_safe(const tls_connection_t *connection);

// As tls_connection_export().
TLS_MUST_USE bool tls_binding_export(tls_connection_t *connection, const char *label, size_t label_len,
    const uint8_t *context, size_t context_len, uint8_t *out, size_t len, tls_error_t *error);

// What the first Finished message of the handshake held: the client's, or the server's if a session was resumed (RFC
// 5929 section 3.1). Not in TLS 1.3.
TLS_MUST_USE bool tls_binding_finished(const tls_connection_t *connection, uint8_t out[TLS_BINDING_MAX], size_t *len,
    tls_error_t *error);

// The hash of the server's certificate, with the hash of its signature, SHA-256 in place of MD5 and SHA-1 (RFC 5929
// section 4.1). *len 0: no certificate, or it is signed without one.
TLS_MUST_USE bool tls_binding_end_point(const tls_connection_t *connection, uint8_t out[TLS_BINDING_MAX], size_t *len,
    tls_error_t *error);

#endif // MICROPYTHON_SSL_ENGINE_BINDING_H
