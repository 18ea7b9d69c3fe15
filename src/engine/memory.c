// The allocator, on the C library's heap or on the image's own.

#include "engine/memory.h"

#include "ssl_config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if !MICROPY_PY_SSL_GC_HEAP
#include <malloc.h>
#endif

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

// What a request asks: a new block, zeroed or not, or another size for an old one.
typedef void *(*allocate_t)(void *old, size_t size);

#if MICROPY_PY_SSL_GC_HEAP

// Garbage that is collected on the way is nobody's.
static void *allocate_zeroed(void *old, size_t size) {
    (void)old;
    tls_memory_use_t *use = tls_memory_charge(NULL);
    void *result = tls_heap_calloc(size);
    (void)tls_memory_charge(use);
    return result;
}

static void *allocate_buffer(void *old, size_t size) {
    (void)old;
    tls_memory_use_t *use = tls_memory_charge(NULL);
    void *result = tls_heap_take(size);
    (void)tls_memory_charge(use);
    return result;
}

#else

static void *allocate_zeroed(void *old, size_t size) {
    (void)old;
    return calloc(1, size);
}

#define allocate_buffer allocate_zeroed

static void *allocate_raw(void *old, size_t size) {
    (void)old;
    return malloc(size);
}

#endif

static void *allocate_or_reclaim(allocate_t allocate, void *old, size_t size) {
    if (!told_to_fail()) {
        void *result = allocate(old, size);
        if (result != NULL) {
            return result;
        }
        if (reclaim_hook != NULL) {
            tls_memory_use_t *use = tls_memory_charge(NULL);
            reclaim_hook(size);
            (void)tls_memory_charge(use);
            result = allocate(old, size);
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
    void *block = allocate_or_reclaim(allocate_zeroed, NULL, bytes == 0 ? 1 : bytes);
    count_taken(size_of(block));
    return block;
}

void *tls_block_take(size_t size) {
    void *buffer = allocate_or_reclaim(allocate_buffer, NULL, size);
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

size_t tls_block_size(void *block) {
    return malloc_usable_size(block);
}

void *tls_malloc(size_t size) {
    void *block = allocate_or_reclaim(allocate_raw, NULL, size == 0 ? 1 : size);
    count_taken(size_of(block));
    return block;
}

void *tls_realloc(void *block, size_t size) {
    size_t before = size_of(block);
    void *result = allocate_or_reclaim(realloc, block, size == 0 ? 1 : size);
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

void tls_wipe_and_free(void *block) {
    size_t size = malloc_usable_size(block);
    count_given_back(size);
    explicit_bzero(block, size);
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
