// Every switch of the module, with its default. Override one in mpconfigboard.h, mpconfigport.h or with -D.

#ifndef MICROPYTHON_SSL_CONFIG_H
#define MICROPYTHON_SSL_CONFIG_H

// A configuration in configurations/ may bring defaults of its own.
#ifdef MICROPY_PY_SSL_CONFIGURATION
#include MICROPY_PY_SSL_CONFIGURATION
#endif

// Highest TLS version that a new context allows: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3. A program can always lower or,
// if the library has it, raise it again with SSLContext.maximum_version. 0x0303 gives the protocol of the built-in
// module of MicroPython 1.25.
#ifndef MICROPY_PY_SSL_MAX_TLS_VERSION
#define MICROPY_PY_SSL_MAX_TLS_VERSION (0x0304)
#endif

// Whether the engine's memory comes from MicroPython's heap (needs MICROPY_TRACKED_ALLOC) and not from the C library's.
// A board has no other heap; a PC has, and it is faster.
#ifndef MICROPY_PY_SSL_GC_HEAP
#ifdef __unix__
#define MICROPY_PY_SSL_GC_HEAP (0)
#else
#define MICROPY_PY_SSL_GC_HEAP (1)
#endif
#endif

// SSLContext.max_record at first: the longest record, in bytes of data (RFC 8446 section 5.1 allows at most 16384).
#ifndef MICROPY_PY_SSL_MAX_RECORD
#define MICROPY_PY_SSL_MAX_RECORD (16384)
#endif

// Whether SSLSocket has the method ioctl(request, arg), which MicroPython's coverage tests call. Off: it is part of the
// stream protocol in C only.
#ifndef MICROPY_PY_SSL_IOCTL
#define MICROPY_PY_SSL_IOCTL (0)
#endif

// How long close() waits for a stream that is full to take what was written before and close_notify, in milliseconds.
#ifndef MICROPY_PY_SSL_CLOSE_TIMEOUT_MS
#define MICROPY_PY_SSL_CLOSE_TIMEOUT_MS (3000)
#endif

// How long a DTLS handshake is tried, in milliseconds, when the program waits for it (do_handshake, wrap_socket).
#ifndef MICROPY_PY_SSL_DTLS_HANDSHAKE_TIMEOUT_MS
#define MICROPY_PY_SSL_DTLS_HANDSHAKE_TIMEOUT_MS (12000)
#endif

// Mbed TLS engine: whether load_cert_chain() checks that the private key belongs to the certificate, which costs one
// operation with that key. Off, as in the built-in module: the peer will find out. OpenSSL always checks.
#ifndef MICROPY_PY_SSL_CHECK_KEY_PAIR
#define MICROPY_PY_SSL_CHECK_KEY_PAIR (1)
#endif

// Whether exceptions carry `detail`, the sentence for people. Off: less flash.
#ifndef MICROPY_PY_SSL_ERROR_DETAIL
#define MICROPY_PY_SSL_ERROR_DETAIL (1)
#endif

// File with the default trust anchors in PEM, used where verification is asked for and none were given; "" for none.
// A hosted interpreter looks into the environment variable SSL_CERT_FILE first.
#ifndef MICROPY_PY_SSL_DEFAULT_CA_FILE
#ifdef __unix__
#define MICROPY_PY_SSL_DEFAULT_CA_FILE "/etc/ssl/certs/ca-certificates.crt"
#else
#define MICROPY_PY_SSL_DEFAULT_CA_FILE ""
#endif
#endif

#endif // MICROPYTHON_SSL_CONFIG_H
