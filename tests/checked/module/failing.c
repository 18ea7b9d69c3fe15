// The module `failing`: allocations of the checked interpreters can be made to fail.
//
//     failing.start(failing.C, 7, 1)   # the eighth request to the C library's heap from now on fails
//     failing.start(failing.GC, 7)     # the eighth to the heap of Python's objects, and all that follow
//     failing.stop()                   # no more; returns how many requests there were until the first stop()
//     failing.blocks()                 # how many blocks of the C library's heap are in use
//
// The linker sends the requests of all that is in the image here first (micropython.mk). What a shared library asks
// for itself goes past us, but OpenSSL asks src/openssl/init.c.

#include "py/runtime.h"
#include "py/smallint.h"

enum {
    HEAP_C,
    HEAP_GC,
    HEAP_COUNT,
};

// Of the requests since start() those from number `first` on fail, `left` of them.
typedef struct plan {
    bool active;
    unsigned heap;
    size_t requests;
    size_t first;
    size_t left;
} plan_t;

static plan_t plan;
static size_t blocks;

// Threads may ask at the same time, but not while a plan is active.
static bool refuse(unsigned heap) {
    if (!plan.active || heap != plan.heap || plan.requests++ < plan.first || plan.left == 0) {
        return false;
    }
    plan.left--;
    return true;
}

static void *counted(void *block) {
    if (block != NULL) {
        __atomic_add_fetch(&blocks, 1, __ATOMIC_RELAXED);
    }
    return block;
}

// ---------------------------------------------------------------------------------------------------------------------
// In place of the allocators

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__real_gc_alloc(size_t size, unsigned int flags);
void *__real_gc_realloc(void *block, size_t size, bool allow_move);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);
void *__wrap_gc_alloc(size_t size, unsigned int flags);
void *__wrap_gc_realloc(void *block, size_t size, bool allow_move);

void *__wrap_malloc(size_t size) {
    return refuse(HEAP_C) ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size) {
    return refuse(HEAP_C) ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size) {
    if (refuse(HEAP_C)) {
        return NULL;
    }
    void *result = __real_realloc(block, size);
    return block == NULL ? counted(result) : result;
}

void __wrap_free(void *block) {
    if (block != NULL) {
        __atomic_sub_fetch(&blocks, 1, __ATOMIC_RELAXED);
    }
    __real_free(block);
}

void *__wrap_gc_alloc(size_t size, unsigned int flags) {
    return refuse(HEAP_GC) ? NULL : __real_gc_alloc(size, flags);
}

void *__wrap_gc_realloc(void *block, size_t size, bool allow_move) {
    return size != 0 && refuse(HEAP_GC) ? NULL : __real_gc_realloc(block, size, allow_move);
}

// ---------------------------------------------------------------------------------------------------------------------
// What programs see; nothing here allocates

static mp_obj_t failing_start(size_t n_args, const mp_obj_t *args) {
    mp_int_t heap = mp_obj_get_int(args[0]);
    mp_int_t first = mp_obj_get_int(args[1]);
    mp_int_t count = n_args > 2 ? mp_obj_get_int(args[2]) : MP_SMALL_INT_MAX;
    if (heap < 0 || heap >= HEAP_COUNT || first < 0 || count < 0) {
        mp_raise_ValueError(NULL);
    }
    plan = (plan_t) {.active = true, .heap = (unsigned)heap, .first = (size_t)first, .left = (size_t)count};
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(failing_start_obj, 2, 3, failing_start);

static mp_obj_t failing_stop(void) {
    plan.active = false;
    return MP_OBJ_NEW_SMALL_INT((mp_int_t)plan.requests);
}
static MP_DEFINE_CONST_FUN_OBJ_0(failing_stop_obj, failing_stop);

static mp_obj_t failing_blocks(void) {
    return MP_OBJ_NEW_SMALL_INT((mp_int_t)__atomic_load_n(&blocks, __ATOMIC_RELAXED));
}
static MP_DEFINE_CONST_FUN_OBJ_0(failing_blocks_obj, failing_blocks);

static const mp_rom_map_elem_t failing_globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_failing)},
    {MP_ROM_QSTR(MP_QSTR_C), MP_ROM_INT(HEAP_C)},
    {MP_ROM_QSTR(MP_QSTR_GC), MP_ROM_INT(HEAP_GC)},
    {MP_ROM_QSTR(MP_QSTR_start), MP_ROM_PTR(&failing_start_obj)},
    {MP_ROM_QSTR(MP_QSTR_stop), MP_ROM_PTR(&failing_stop_obj)},
    {MP_ROM_QSTR(MP_QSTR_blocks), MP_ROM_PTR(&failing_blocks_obj)},
};
static MP_DEFINE_CONST_DICT(failing_globals, failing_globals_table);

const mp_obj_module_t failing_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&failing_globals,
};

MP_REGISTER_MODULE(MP_QSTR_failing, failing_module);
