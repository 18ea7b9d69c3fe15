// Memory for the engine from the heap of Python's objects.

#include "engine/memory.h"
#include "py/runtime.h"
#include "ssl_config.h"

#if MICROPY_PY_SSL_GC_HEAP

#if !MICROPY_TRACKED_ALLOC
#error "MICROPY_PY_SSL_GC_HEAP needs MICROPY_TRACKED_ALLOC=1"
#endif

// Tracked: the collector keeps these blocks although nothing but the engine points to them, until they are freed or a
// soft reset ends it all.
void *tls_heap_calloc(size_t size) {
    return m_tracked_calloc(1, size);
}

void tls_heap_free(void *block) {
    m_tracked_free(block);
}

#endif
