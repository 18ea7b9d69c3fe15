// The allocator of the engines and, as far as it can be told to, of the TLS library behind them.

#ifndef MICROPYTHON_SSL_MEMORY_H
#define MICROPYTHON_SSL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

// Zeroed memory for count * size bytes, or NULL. A request that fails is tried once more after the reclaim hook.
void *tls_calloc(size_t count, size_t size);

// As realloc(3); the new part is not zeroed. For libraries that insist on it; not with MICROPY_PY_SSL_GC_HEAP.
void *tls_realloc(void *block, size_t size);

// Frees what the two above returned; NULL is allowed.
void tls_free(void *block);

// Called with the size of a failed request; frees what it can (by collecting garbage). NULL: no hook.
void tls_memory_set_reclaim(void (*reclaim)(size_t size));

// Size in bytes of the latest request that failed for good, for error messages.
size_t tls_memory_failed_size(void);

// Test seam: the allocation that is `countdown` requests away fails, and so do all after it; negative: none fails.
void tls_memory_fail_after(long countdown);

// With MICROPY_PY_SSL_GC_HEAP the image brings its own heap (src/module/heap.c): zeroed memory or NULL, and its return;
// NULL is allowed.
void *tls_heap_calloc(size_t size);
void tls_heap_free(void *block);

#endif // MICROPYTHON_SSL_MEMORY_H
