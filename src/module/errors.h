// The exceptions that Python programs see.

#ifndef MICROPYTHON_SSL_ERRORS_H
#define MICROPYTHON_SSL_ERRORS_H

#include "module/compat.h"
#include "engine/engine.h"

// The exception for an engine's error: OSError(code, name), or for a certificate that did not verify a type that is
// both OSError and ValueError, or ValueError for unusable certificate and key data; each with the attributes `reason`,
// `alert`, `alert_by` and `detail`. Never raises: when there is no memory for the attributes, they are None.
mp_obj_t ssl_exception_new(const tls_error_t *error);

// Raises it.
SSL_NORETURN void ssl_raise(const tls_error_t *error);

// ValueError(words) with the error's `detail`, if it is about an argument; else as above.
SSL_NORETURN void ssl_raise_value_error(const char *words, const tls_error_t *error);

// OSError(errno) whose `detail` is `detail`.
mp_obj_t ssl_exception_from_errno(int errcode, const char *detail);
SSL_NORETURN void ssl_raise_errno(int errcode, const char *detail);

#endif // MICROPYTHON_SSL_ERRORS_H
