// A lock for a few instructions, for what connections of a context share.

#ifndef MICROPYTHON_SSL_LOCK_H
#define MICROPYTHON_SSL_LOCK_H

#include "ssl_config.h"

typedef unsigned char tls_lock_t; // 0: free

// Where memory is MicroPython's heap, one thread at a time is here.
#if MICROPY_PY_SSL_GC_HEAP

static inline void tls_lock(tls_lock_t *lock) {
    (void)lock;
}

static inline void tls_unlock(tls_lock_t *lock) {
    (void)lock;
}

#else

#include <sched.h>

static inline void tls_lock(tls_lock_t *lock) {
    while (__atomic_test_and_set(lock, __ATOMIC_ACQUIRE)) {
        sched_yield();
    }
}

static inline void tls_unlock(tls_lock_t *lock) {
    __atomic_clear(lock, __ATOMIC_RELEASE);
}

#endif

#endif // MICROPYTHON_SSL_LOCK_H
