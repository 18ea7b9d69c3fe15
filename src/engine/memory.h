// The allocator of the engines and, as far as it can be told to, of the TLS library behind them.

#ifndef MICROPYTHON_SSL_MEMORY_H
#define MICROPYTHON_SSL_MEMORY_H

#include "engine/engine.h"

#include <stdbool.h>
#include <stddef.h>

// Zeroed memory for count * size bytes, or NULL. A request that fails is tried once more after the reclaim hook.
void *tls_calloc(size_t count, size_t size);

// As malloc(3) and realloc(3), not zeroed, for libraries that insist on it; not with MICROPY_PY_SSL_GC_HEAP.
void *tls_malloc(size_t size);
void *tls_realloc(void *block, size_t size);

// How many bytes a block has, at least what was asked for; not with MICROPY_PY_SSL_GC_HEAP.
size_t tls_block_size(void *block);

// Frees what those above returned; NULL is allowed.
void tls_free(void *block);

// Wipes a block before it is freed, NULL is not allowed; not with MICROPY_PY_SSL_GC_HEAP.
void tls_wipe_and_free(void *block);

// Buffers that come and go with each record. One that was put back is there for the next request, unless the heap has
// found another use for its memory by then.
//
// tls_block_take() returns zeroed memory, or NULL as tls_calloc() does. Its first TLS_BLOCK_HEADER bytes belong to the
// allocator, and memory of the engine has to point to the very first of them. Whoever puts a buffer back has zeroed the
// others.
#define TLS_BLOCK_HEADER (2 * sizeof(void *))
void *tls_block_take(size_t size);
void tls_block_put_back(void *buffer);

// Called with the size of a failed request; frees what it can (by collecting garbage). NULL: no hook.
void tls_memory_set_reclaim(void (*reclaim)(size_t size));

// Before memory that stays is allocated: garbage below it would become holes. Only with MICROPY_PY_SSL_GC_HEAP.
void tls_memory_tidy(void);

// Size in bytes of the latest request that failed for good, for error messages.
size_t tls_memory_failed_size(void);

// Memory of a connection is told by who was at work when it was taken: between tls_memory_charge(use) and the next
// tls_memory_charge(), what is allocated on this thread is added to `use` and what is freed is taken off, in bytes that
// the heap has really given. NULL: nobody's. Returns what was charged before.
#if MICROPY_PY_SSL_STATS
tls_memory_use_t *tls_memory_charge(tls_memory_use_t *use);
#else
static inline tls_memory_use_t *tls_memory_charge(tls_memory_use_t *use) {
    return use;
}
#endif

// The same two for what outlives the connection that is at work: it is nobody's.
void *tls_calloc_apart(size_t size);
void tls_free_apart(void *block);

// A hook's status. Hooks may make and free anything, also other connections: that is nobody's, too.
#define TLS_CALL_HOOK(host, hook, ...) \
    ({ \
        tls_memory_use_t *use_ = tls_memory_charge(NULL); \
        tls_status_t status_ = (host)->hook(host, __VA_ARGS__); \
        (void)tls_memory_charge(use_); \
        status_; \
    })

// Test seam: the allocation that is `countdown` requests away fails, and so do all after it; negative: none fails.
void tls_memory_fail_after(long countdown);

// With MICROPY_PY_SSL_GC_HEAP the image brings its own heap (src/module/heap.c): zeroed memory or NULL, and its return;
// NULL is allowed.
void *tls_heap_calloc(size_t size);
void tls_heap_free(void *block);
size_t tls_heap_size(const void *block); // what the block takes, its administration included
void *tls_heap_take(size_t size);        // a buffer, see above
void tls_heap_put_back(void *buffer);
size_t tls_heap_buffer_size(const void *buffer);
void tls_heap_collect(void); // garbage

#endif // MICROPYTHON_SSL_MEMORY_H
