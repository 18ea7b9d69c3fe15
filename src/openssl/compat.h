// Every test of OpenSSL's version and configuration.

#ifndef MICROPYTHON_SSL_OPENSSL_COMPAT_H
#define MICROPYTHON_SSL_OPENSSL_COMPAT_H

#include "ssl_config.h"

#include <openssl/opensslv.h>
#include <openssl/ssl.h>

#if defined(LIBRESSL_VERSION_NUMBER) || defined(OPENSSL_IS_BORINGSSL) || OPENSSL_VERSION_NUMBER < 0x30000000L
#error "the OpenSSL engine needs OpenSSL 3.0 or later"
#endif

#ifdef OPENSSL_NO_TLS1_3
#define TLS_HAS_TLS_1_3 0
#else
#define TLS_HAS_TLS_1_3 1
#endif

#if defined(OPENSSL_NO_DTLS1_2) || !MICROPY_PY_SSL_DTLS
#define TLS_HAS_DTLS 0
#else
#define TLS_HAS_DTLS 1
#endif

#ifdef OPENSSL_NO_PSK
#define TLS_HAS_PSK 0
#else
#define TLS_HAS_PSK 1
#endif

// When memory runs out where a DTLS handshake changes its keys, OpenSSL 3.2 and later leave a record layer behind that
// SSL_free() frees twice (dtls1_clear_sent_buffer(), seen in 3.5.7).
#define TLS_DTLS_FREES_TWICE (OPENSSL_VERSION_NUMBER >= 0x30200000L)

#endif // MICROPYTHON_SSL_OPENSSL_COMPAT_H
