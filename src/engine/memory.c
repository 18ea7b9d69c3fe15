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

// ---------------------------------------------------------------------------------------------------------------------
// Whose memory it is

#if MICROPY_PY_SSL_STATS

// Threads with a heap of MicroPython's take turns, and only in hooks.
#if MICROPY_PY_SSL_GC_HEAP
static tls_memory_use_t *charged;
#define size_of_block        tls_heap_size
#define size_of_buffer_block tls_heap_buffer_size
#else
#include <malloc.h>
static __thread tls_memory_use_t *charged;
#define size_of_block        malloc_usable_size
#define size_of_buffer_block malloc_usable_size
#endif

tls_memory_use_t *tls_memory_charge(tls_memory_use_t *use) {
    tls_memory_use_t *before = charged;
    charged = use;
    return before;
}

static void count_taken(size_t size) {
    if (charged != NULL) {
        charged->held += size;
        charged->peak = charged->held > charged->peak ? charged->held : charged->peak;
    }
}

static void count_given_back(size_t size) {
    if (charged != NULL) {
        charged->held -= size < charged->held ? size : charged->held;
    }
}

static size_t size_of(void *block) {
    return charged != NULL && block != NULL ? size_of_block(block) : 0;
}

static size_t size_of_buffer(void *buffer) {
    return charged != NULL && buffer != NULL ? size_of_buffer_block(buffer) : 0;
}

#else

static void count_taken(size_t size) {
    (void)size;
}

static void count_given_back(size_t size) {
    (void)size;
}

static size_t size_of(void *block) {
    (void)block;
    return 0;
}

#define size_of_buffer size_of

#endif

// ---------------------------------------------------------------------------------------------------------------------
// Allocating and freeing

// What a request asks: a new block, zeroed, or another size for an old one.
typedef void *(*allocate_t)(void *old, size_t size);

#if MICROPY_PY_SSL_GC_HEAP

static void *allocate_zeroed(void *old, size_t size) {
    (void)old;
    return tls_heap_calloc(size);
}

static void *allocate_buffer(void *old, size_t size) {
    (void)old;
    return tls_heap_take(size);
}

#else

static void *allocate_zeroed(void *old, size_t size) {
    (void)old;
    return calloc(1, size);
}

#define allocate_buffer allocate_zeroed

#endif

static void *allocate_or_reclaim(allocate_t allocate, void *old, size_t size) {
    if (!told_to_fail()) {
        void *result = allocate(old, size);
        if (result != NULL) {
            return result;
        }
        if (reclaim_hook != NULL) {
            reclaim_hook(size);
            result = allocate(old, size);
            if (result != NULL) {
                return result;
            }
        }
    }
    __atomic_store_n(&failed_size, size, __ATOMIC_RELAXED);
    return NULL;
}

// Garbage that is collected on the way is nobody's.
static void *allocate_for_nobody(allocate_t allocate, void *old, size_t size) {
    tls_memory_use_t *use = tls_memory_charge(NULL);
    void *result = allocate_or_reclaim(allocate, old, size);
    (void)tls_memory_charge(use);
    return result;
}

void *tls_calloc(size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size) {
        __atomic_store_n(&failed_size, SIZE_MAX, __ATOMIC_RELAXED);
        return NULL;
    }
    // A request for nothing gets a block of its own, so that NULL always means failure.
    size_t bytes = count * size;
    void *block = allocate_for_nobody(allocate_zeroed, NULL, bytes == 0 ? 1 : bytes);
    count_taken(size_of(block));
    return block;
}

void *tls_block_take(size_t size) {
    void *buffer = allocate_for_nobody(allocate_buffer, NULL, size);
    count_taken(size_of_buffer(buffer));
    return buffer;
}

#if MICROPY_PY_SSL_GC_HEAP

void tls_free(void *block) {
    count_given_back(size_of(block));
    tls_heap_free(block);
}

void tls_block_put_back(void *buffer) {
    count_given_back(size_of_buffer(buffer));
    tls_heap_put_back(buffer);
}

void tls_memory_tidy(void) {
    tls_memory_use_t *use = tls_memory_charge(NULL);
    tls_heap_collect();
    (void)tls_memory_charge(use);
}

#else

void *tls_realloc(void *block, size_t size) {
    size_t before = size_of(block);
    void *result = allocate_for_nobody(realloc, block, size == 0 ? 1 : size);
    if (result != NULL) {
        count_given_back(before);
        count_taken(size_of(result));
    }
    return result;
}

void tls_free(void *block) {
    count_given_back(size_of(block));
    free(block);
}

void tls_block_put_back(void *buffer) {
    count_given_back(size_of_buffer(buffer));
    free(buffer);
}

void tls_memory_tidy(void) {
}

#endif

void *tls_calloc_apart(size_t size) {
    tls_memory_use_t *use = tls_memory_charge(NULL);
    void *block = tls_calloc(1, size);
    (void)tls_memory_charge(use);
    return block;
}

void tls_free_apart(void *block) {
    tls_memory_use_t *use = tls_memory_charge(NULL);
    tls_free(block);
    (void)tls_memory_charge(use);
}

void tls_memory_set_reclaim(void (*reclaim)(size_t size)) {
    reclaim_hook = reclaim;
}

size_t tls_memory_failed_size(void) {
    return __atomic_load_n(&failed_size, __ATOMIC_RELAXED);
}

void tls_memory_fail_after(long countdown) {
    fail_countdown = countdown;
}
