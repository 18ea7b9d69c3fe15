// Mbed TLS as MicroPython's own ports configure it, for the comparison.

#include <time.h>

extern time_t board_time_seconds(time_t *result);
#define MBEDTLS_PLATFORM_TIME_MACRO  board_time_seconds
#define MBEDTLS_PLATFORM_MS_TIME_ALT board_time_milliseconds
#define MBEDTLS_PLATFORM_GMTIME_R_ALT

#define MICROPY_MBEDTLS_CONFIG_BARE_METAL (1)
#include "extmod/mbedtls/mbedtls_config_common.h"
