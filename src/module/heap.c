// Memory for the engine from the heap of Python's objects.

#include "engine/memory.h"

#include <string.h>

#include "py/gc.h"
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

// In front of each block MicroPython keeps two pointers (m_tracked_node_t in py/malloc.c).
size_t tls_heap_size(const void *block) {
    return gc_nbytes((const void *const *)block - 2);
}

// Buffers are not tracked: a connection points to them while it uses them. The one given back last is garbage, but is
// used again if a request comes before the collector does: on a large heap the search for free memory would cost a fair
// part of what a cipher does. A finaliser tells that it is gone.

#if MICROPY_ENABLE_FINALISER

// For what is smaller, the search is short.
#define LEAST_SPARE 512

typedef struct buffer {
    mp_obj_base_t base;
    size_t size;
} buffer_t;

_Static_assert(sizeof(buffer_t) <= TLS_BLOCK_HEADER, "the header of a buffer");

static buffer_t *spare; // not where the collector looks for pointers

static mp_obj_t buffer_del(mp_obj_t self) {
    if (MP_OBJ_TO_PTR(self) == spare) {
        spare = NULL;
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(buffer_del_obj, buffer_del);

static const mp_rom_map_elem_t buffer_locals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&buffer_del_obj)},
};
static MP_DEFINE_CONST_DICT(buffer_locals, buffer_locals_table);

static MP_DEFINE_CONST_OBJ_TYPE(buffer_type, MP_QSTR_object, MP_TYPE_FLAG_NONE, locals_dict, &buffer_locals);

void *tls_heap_take(size_t size) {
    buffer_t *buffer = spare;
    if (buffer != NULL && size > buffer->size / 2) {
        spare = NULL;
        if (size <= buffer->size) {
            return buffer;
        }
        gc_free(buffer);
    }
    buffer = gc_alloc(size, GC_ALLOC_FLAG_HAS_FINALISER);
    if (buffer != NULL) {
        memset(buffer, 0, MICROPY_GC_CONSERVATIVE_CLEAR ? 0 : size);
        buffer->base.type = &buffer_type;
        buffer->size = size;
    }
    return buffer;
}

size_t tls_heap_buffer_size(const void *buffer) {
    return gc_nbytes(buffer);
}

// When the collector is at work, perhaps for the last time before a soft reset, nothing may be put aside.
void tls_heap_put_back(void *block) {
    buffer_t *buffer = block;
    if (buffer->size < LEAST_SPARE || (spare != NULL && buffer->size <= spare->size) || gc_is_locked()) {
        gc_free(buffer);
        return;
    }
    gc_free(spare);
    spare = buffer;
}

#else

void *tls_heap_take(size_t size) {
    return m_tracked_calloc(1, size);
}

void tls_heap_put_back(void *buffer) {
    m_tracked_free(buffer);
}

size_t tls_heap_buffer_size(const void *buffer) {
    return tls_heap_size(buffer);
}

#endif

void tls_heap_collect(void) {
    if (!gc_is_locked()) {
        gc_collect();
    }
}

#endif
