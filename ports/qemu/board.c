// The clock of the emulated boards, and the module `board`, which sets it.

#include "py/mphal.h"
#include "py/obj.h"
#include "py/runtime.h"
#include "shared/timeutils/timeutils.h"

#if defined(QEMU_SOC_MPS2)

// CMSDK APB timer 0: counts down at 25 MHz and wraps around.
typedef struct timer {
    volatile uint32_t CTRL;
    volatile uint32_t VALUE;
    volatile uint32_t RELOAD;
} board_timer_t;

#define TIMER        ((board_timer_t *)0x40000000)
#define TIMER_ENABLE (1u)
#define TICKS_IN_US  (25u)

// Ticks since the first call. Between two calls at most 171 seconds may pass.
static uint64_t read_ticks(void) {
    static uint64_t ticks;
    static uint32_t last;
    if (!(TIMER->CTRL & TIMER_ENABLE)) {
        TIMER->RELOAD = UINT32_MAX;
        TIMER->VALUE = UINT32_MAX;
        TIMER->CTRL = TIMER_ENABLE;
        last = UINT32_MAX;
    }
    uint32_t now = TIMER->VALUE;
    ticks += last - now;
    last = now;
    return ticks;
}

#elif defined(QEMU_SOC_VIRT)

// CLINT: counts up at 10 MHz.
#define TIMER_LOW   (*(volatile uint32_t *)0x0200bff8)
#define TIMER_HIGH  (*(volatile uint32_t *)0x0200bffc)
#define TICKS_IN_US (10u)

static uint64_t read_ticks(void) {
    uint32_t high;
    uint32_t low;
    do {
        high = TIMER_HIGH;
        low = TIMER_LOW;
    } while (high != TIMER_HIGH);
    return (uint64_t)high << 32 | low;
}

#else
#error "this board has no clock here"
#endif

// When it started, since the year 2000: as boards without a battery do, it wakes up then. It has no other value at
// first, since .data must not hold anything that is aligned to 8 bytes: see layout.ld.
static uint64_t start_ns;

static uint64_t elapsed_us(void) {
    return read_ticks() / TICKS_IN_US;
}

mp_uint_t mp_hal_ticks_ms(void) {
    return (mp_uint_t)(elapsed_us() / 1000u);
}

mp_uint_t mp_hal_ticks_us(void) {
    return (mp_uint_t)elapsed_us();
}

mp_uint_t mp_hal_ticks_cpu(void) {
    return (mp_uint_t)read_ticks();
}

uint64_t mp_hal_time_ns(void) {
    return TIMEUTILS_SECONDS_1970_TO_2000 * 1000000000u + start_ns + elapsed_us() * 1000u;
}

void mp_hal_delay_us(mp_uint_t us) {
    uint64_t end = elapsed_us() + us;
    while (elapsed_us() < end) {
        mp_event_handle_nowait();
    }
}

void mp_hal_delay_ms(mp_uint_t ms) {
    mp_hal_delay_us(ms * 1000u);
}

//| def set_time(seconds: int) -> None:
//|     """Sets the clock to `seconds` since 1970-01-01 UTC."""
static mp_obj_t board_set_time(mp_obj_t seconds) {
    uint64_t since_2000 = (uint64_t)mp_obj_get_int_truncated(seconds) - TIMEUTILS_SECONDS_1970_TO_2000;
    start_ns = since_2000 * 1000000000u - elapsed_us() * 1000u;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(board_set_time_obj, board_set_time);

static const mp_rom_map_elem_t board_globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_board)},
    {MP_ROM_QSTR(MP_QSTR_set_time), MP_ROM_PTR(&board_set_time_obj)},
};
static MP_DEFINE_CONST_DICT(board_globals, board_globals_table);

const mp_obj_module_t board_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&board_globals,
};

MP_REGISTER_MODULE(MP_QSTR_board, board_module);
