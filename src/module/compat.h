// Where MicroPython's C API moved between 1.24 and today, and what differs between ports. Nothing else tests versions.

#ifndef MICROPYTHON_SSL_COMPAT_H
#define MICROPYTHON_SSL_COMPAT_H

#include "py/runtime.h"

// Renamed after 1.25.
#ifdef MP_NORETURN
#define SSL_NORETURN MP_NORETURN
#else
#define SSL_NORETURN NORETURN
#endif

// MicroPython's own nlr_push() returns twice, and its header does not say so. A compiler that does not know may keep
// what stands before the call and is wanted after the jump in a place on the stack that it gives to something else in
// between: with sanitizers GCC 12 did, and exceptions of streams got lost.
#if !MICROPY_NLR_SETJMP && defined(__GNUC__)
__attribute__((returns_twice)) unsigned int(nlr_push)(nlr_buf_t *);
#endif

// Threads that run Python code side by side exist only without a global lock; elsewhere a plain load and store will do,
// which spares small cores without atomic instructions a library call.
#if MICROPY_PY_THREAD && !MICROPY_PY_THREAD_GIL
#define SSL_ATOMIC_EXCHANGE(place, value) __atomic_exchange_n(place, value, __ATOMIC_ACQ_REL)
#define SSL_ATOMIC_ADD(place, value)      __atomic_add_fetch(place, value, __ATOMIC_ACQ_REL)
#define SSL_ATOMIC_LOAD(place)            __atomic_load_n(place, __ATOMIC_ACQUIRE)
#include <sched.h>
#define SSL_YIELD() sched_yield()
#else
#define SSL_ATOMIC_EXCHANGE(place, value) ssl_exchange(place, value)
#define SSL_ATOMIC_ADD(place, value)      (*(place) += (value))
#define SSL_ATOMIC_LOAD(place)            (*(place))
#define SSL_YIELD()
static inline uint8_t ssl_exchange(uint8_t *place, uint8_t value) {
    uint8_t old = *place;
    *place = value;
    return old;
}
#endif

#endif // MICROPYTHON_SSL_COMPAT_H
