// The hosted interpreters' Mbed TLS with the cryptography of a board's: see configurations/default.h.

#ifndef MICROPYTHON_SSL_TESTS_PSA_CONFIG_H
#define MICROPYTHON_SSL_TESTS_PSA_CONFIG_H

#include "../../ports/unix/mbedtls_config.h"

#define MBEDTLS_USE_PSA_CRYPTO
#define MBEDTLS_PSA_P256M_DRIVER_ENABLED

#endif // MICROPYTHON_SSL_TESTS_PSA_CONFIG_H
