// The clock for the built-in module.

#include "mbedtls/platform_time.h"
#include "mbedtls/platform_util.h"
#include "py/mphal.h"
#include "shared/timeutils/timeutils.h"

time_t board_time_seconds(time_t *result) {
    time_t now = (time_t)(mp_hal_time_ns() / 1000000000u);
    if (result != NULL) {
        *result = now;
    }
    return now;
}

mbedtls_ms_time_t mbedtls_ms_time(void) {
    return (mbedtls_ms_time_t)mp_hal_ticks_ms();
}

struct tm *mbedtls_platform_gmtime_r(const mbedtls_time_t *seconds, struct tm *out) {
    timeutils_struct_time_t tm;
    timeutils_seconds_since_epoch_to_struct_time((mp_uint_t)(*seconds - (time_t)TIMEUTILS_SECONDS_1970_TO_2000), &tm);
    out->tm_year = tm.tm_year - 1900;
    out->tm_mon = tm.tm_mon - 1;
    out->tm_mday = tm.tm_mday;
    out->tm_hour = tm.tm_hour;
    out->tm_min = tm.tm_min;
    out->tm_sec = tm.tm_sec;
    return out;
}
