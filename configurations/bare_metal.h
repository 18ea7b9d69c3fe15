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

#endif // MICROPYTHON_SSL_CONFIGURATION_BARE_METAL_H
