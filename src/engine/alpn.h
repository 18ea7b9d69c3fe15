// Protocol names of ALPN: what both engines check.

#ifndef MICROPYTHON_SSL_ALPN_H
#define MICROPYTHON_SSL_ALPN_H

#include "engine/engine.h"

// How many bytes the names are in the extension (RFC 7301 section 3.1), each with a length octet in front of it. false:
// a name or the whole is too short or too long, *error is filled.
TLS_MUST_USE bool tls_alpn_measure(const char *const *names, size_t count, size_t *len, tls_error_t *error);

#endif // MICROPYTHON_SSL_ALPN_H
