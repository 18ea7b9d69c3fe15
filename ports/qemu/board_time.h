// Included by extmod/modtime.c: time() and localtime() of the emulated boards.

#include "py/mphal.h"
#include "shared/timeutils/timeutils.h"

static mp_uint_t board_seconds_since_epoch(void) {
    return (mp_uint_t)timeutils_seconds_since_epoch_from_nanoseconds_since_1970(mp_hal_time_ns());
}

static mp_obj_t mp_time_time_get(void) {
    return mp_obj_new_int_from_uint(board_seconds_since_epoch());
}

static mp_obj_t mp_time_localtime_get(void) {
    timeutils_struct_time_t tm;
    timeutils_seconds_since_epoch_to_struct_time(board_seconds_since_epoch(), &tm);
    mp_obj_t tuple[8] = {
        mp_obj_new_int(tm.tm_year),
        mp_obj_new_int(tm.tm_mon),
        mp_obj_new_int(tm.tm_mday),
        mp_obj_new_int(tm.tm_hour),
        mp_obj_new_int(tm.tm_min),
        mp_obj_new_int(tm.tm_sec),
        mp_obj_new_int(tm.tm_wday),
        mp_obj_new_int(tm.tm_yday),
    };
    return mp_obj_new_tuple(8, tuple);
}
