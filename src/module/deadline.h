// How long one method of a connection may wait in all.

#ifndef MICROPYTHON_SSL_DEADLINE_H
#define MICROPYTHON_SSL_DEADLINE_H

#include "module/compat.h"
#include "py/mphal.h"

typedef struct {
    uint32_t start; // ticks
    uint32_t limit; // milliseconds from there, or SSL_NO_LIMIT
} ssl_deadline_t;

#define SSL_NO_LIMIT UINT32_MAX

// From now on.
static inline ssl_deadline_t ssl_deadline_start(uint32_t limit) {
    return (ssl_deadline_t) {.start = (uint32_t)mp_hal_ticks_ms(), .limit = limit};
}

// Milliseconds that are left, or SSL_NO_LIMIT.
static inline uint32_t ssl_deadline_left(const ssl_deadline_t *deadline) {
    if (deadline->limit == SSL_NO_LIMIT) {
        return SSL_NO_LIMIT;
    }
    uint32_t elapsed = (uint32_t)mp_hal_ticks_ms() - deadline->start;
    return elapsed < deadline->limit ? deadline->limit - elapsed : 0;
}

#endif // MICROPYTHON_SSL_DEADLINE_H
