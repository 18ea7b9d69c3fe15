// CA bundles among the arguments.

#include "module/bundle.h"

#if MICROPY_PY_SSL_BUNDLE

#include <string.h>

#include "engine/lock.h"
#include "module/errors.h"
#include "py/builtin.h"
#include "py/runtime.h"
#include "py/stream.h"

static size_t seek(mp_obj_t file, mp_off_t offset, int whence) {
    int errcode = 0;
    mp_off_t place = mp_stream_seek(file, offset, whence, &errcode);
    if (place == (mp_off_t)-1) {
        mp_raise_OSError(errcode);
    }
    return (size_t)place;
}

// How much there was.
static size_t read_at(mp_obj_t file, size_t offset, uint8_t *buf, size_t size) {
    seek(file, (mp_off_t)offset, MP_SEEK_SET);
    int errcode;
    mp_uint_t len = mp_stream_rw(file, buf, size, &errcode, MP_STREAM_RW_READ);
    if (errcode != 0) {
        mp_raise_OSError(errcode);
    }
    return len;
}

static bool try_read(mp_obj_t file, size_t offset, uint8_t *buf, size_t size) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        // Ctrl-C in a block device or file system in Python is none of the file's errors: it is raised afterwards.
        if (!mp_obj_exception_match(MP_OBJ_FROM_PTR(nlr.ret_val), MP_OBJ_FROM_PTR(&mp_type_Exception))) {
            mp_sched_exception(MP_OBJ_FROM_PTR(nlr.ret_val));
        }
        return false;
    }
    bool all = read_at(file, offset, buf, size) == size;
    nlr_pop();
    return all;
}

// For the engine, in the middle of a handshake: what is raised says that the bundle cannot be read. Threads take turns,
// for a file has one place where it is read. A handshake from inside of a file system in Python would move that, too,
// and gets nothing.
static bool read_file(void *arg, size_t offset, uint8_t *buf, size_t size) {
    static tls_lock_t lock;
    static void *reader;
    void *self = &MP_STATE_THREAD(nlr_top); // an address that each thread has one of
    if (__atomic_load_n(&reader, __ATOMIC_RELAXED) == self) {
        return false;
    }
    tls_lock(&lock);
    __atomic_store_n(&reader, self, __ATOMIC_RELAXED);
    bool all = try_read(MP_OBJ_FROM_PTR(arg), offset, buf, size);
    __atomic_store_n(&reader, NULL, __ATOMIC_RELAXED);
    tls_unlock(&lock);
    return all;
}

// `keeper` is the object without which the source is gone.
static void add_bundle(mp_obj_ssl_context_t *self, const tls_bundle_source_t *source, mp_obj_t keeper) {
    if (self->bundles == MP_OBJ_NULL) {
        self->bundles = mp_obj_new_list(0, NULL);
    }
    mp_obj_list_append(self->bundles, keeper);
    tls_error_t error;
    bool ok = tls_context_add_bundle(ssl_context_change(self), source, &error);
    ssl_context_end_change(self);
    if (!ok) {
        ssl_raise(&error);
    }
}

bool ssl_load_bundle_data(mp_obj_ssl_context_t *self, mp_obj_t data) {
    mp_buffer_info_t info;
    if (!mp_get_buffer(data, &info, MP_BUFFER_READ) || !tls_bundle_is_one(info.buf, info.len)) {
        return false;
    }
    mp_buffer_info_t writable;
    if (mp_get_buffer(data, &writable, MP_BUFFER_WRITE)) {
        data = mp_obj_new_bytes(info.buf, info.len);
        mp_get_buffer_raise(data, &info, MP_BUFFER_READ);
    }
    add_bundle(self, &(tls_bundle_source_t) {.data = info.buf, .len = info.len}, data);
    return true;
}

// Whether it is a bundle; then it must not be closed.
static bool use_file(mp_obj_ssl_context_t *self, mp_obj_t file) {
    uint8_t magic[TLS_BUNDLE_MAGIC_SIZE];
    size_t len = read_at(file, 0, magic, sizeof(magic));
    if (!tls_bundle_is_one(magic, len)) {
        return false;
    }
    if (!ssl_load_bundle_data(self, file)) {
        tls_bundle_source_t source
            = {.len = seek(file, 0, MP_SEEK_END), .read = read_file, .arg = MP_OBJ_TO_PTR(file)};
        add_bundle(self, &source, file);
    }
    return true;
}

bool ssl_load_bundle_file(mp_obj_ssl_context_t *self, mp_obj_t path) {
    mp_obj_t file = ssl_open_file(path);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        mp_stream_close(file);
        ssl_raise_about_file(nlr.ret_val, path);
    }
    bool used = use_file(self, file);
    nlr_pop();
    if (!used) {
        mp_stream_close(file);
    }
    return used;
}

#endif
