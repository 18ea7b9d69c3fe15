// What every configuration for a microcontroller has: no operating system, memory from MicroPython, entropy from the
// port.

#ifndef MICROPYTHON_SSL_CONFIGURATION_BARE_METAL_H
#define MICROPYTHON_SSL_CONFIGURATION_BARE_METAL_H

#include <stdio.h>

#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY           // the module hands over its allocator
#define MBEDTLS_PLATFORM_NO_STD_FUNCTIONS // ... and the C library has none
#define MBEDTLS_PLATFORM_SNPRINTF_MACRO   snprintf
#define MBEDTLS_NO_PLATFORM_ENTROPY       // there is no /dev/urandom
#define MBEDTLS_ENTROPY_HARDWARE_ALT      // the port has mbedtls_hardware_poll(), or the image does not link
#define MBEDTLS_ENTROPY_C
#define MBEDTLS_CTR_DRBG_C
#define MBEDTLS_CTR_DRBG_USE_128_BIT_KEY
#define MBEDTLS_HAVE_ASM
#define MBEDTLS_DEPRECATED_REMOVED

// All cryptography goes through the library's PSA interface: there the fast P-256 (p256-m) can be had, and TLS 1.3 needs
// it in any case.
#define MBEDTLS_PSA_CRYPTO_C
#define MBEDTLS_USE_PSA_CRYPTO
#define MBEDTLS_PSA_KEY_STORE_DYNAMIC
#define MBEDTLS_PSA_ASSUME_EXCLUSIVE_BUFFERS

#endif // MICROPYTHON_SSL_CONFIGURATION_BARE_METAL_H
