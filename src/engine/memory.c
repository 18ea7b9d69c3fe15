// The allocator, on the C library's heap or on the image's own.

#include "engine/memory.h"

#include "ssl_config.h"

#include <stdint.h>
#include <stdlib.h>

static void (*reclaim_hook)(size_t size);
static size_t failed_size;
static long fail_countdown = -1;

// Decided per request, so that the retry after the reclaim hook fails too.
static bool told_to_fail(void) {
    if (fail_countdown < 0) {
        return false;
    }
    if (fail_countdown == 0) {
        return true;
    }
    fail_countdown--;
    return false;
}

#if MICROPY_PY_SSL_GC_HEAP

static void *allocate(void *block, size_t size, bool zeroed) {
    (void)block; // see tls_realloc()
    (void)zeroed;
    return tls_heap_calloc(size);
}

#else

static void *allocate(void *block, size_t size, bool zeroed) {
    if (block != NULL) {
        return realloc(block, size);
    }
    return zeroed ? calloc(1, size) : malloc(size);
}

#endif

static void *allocate_or_reclaim(void *block, size_t size, bool zeroed) {
    if (!told_to_fail()) {
        void *result = allocate(block, size, zeroed);
        if (result != NULL) {
            return result;
        }
        if (reclaim_hook != NULL) {
            reclaim_hook(size);
            result = allocate(block, size, zeroed);
            if (result != NULL) {
                return result;
            }
        }
    }
    __atomic_store_n(&failed_size, size, __ATOMIC_RELAXED);
    return NULL;
}

void *tls_calloc(size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        __atomic_store_n(&failed_size, SIZE_MAX, __ATOMIC_RELAXED);
        return NULL;
    }
    // A request for nothing gets a block of its own, so that NULL always means failure.
    size_t bytes = count * size;
    return allocate_or_reclaim(NULL, bytes == 0 ? 1 : bytes, true);
}

#if MICROPY_PY_SSL_GC_HEAP

void tls_free(void *block) {
    tls_heap_free(block);
}

#else

void *tls_realloc(void *block, size_t size) {
    return allocate_or_reclaim(block, size == 0 ? 1 : size, false);
}

void tls_free(void *block) {
    free(block);
}

#endif

void tls_memory_set_reclaim(void (*reclaim)(size_t size)) {
    reclaim_hook = reclaim;
}

size_t tls_memory_failed_size(void) {
    return __atomic_load_n(&failed_size, __ATOMIC_RELAXED);
}

void tls_memory_fail_after(long countdown) {
    fail_countdown = countdown;
}
