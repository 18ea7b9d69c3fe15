// Reading, writing and controlling the stream below.

#include "module/transport.h"

#include <string.h>

#include "py/mperrno.h"
#include "py/objarray.h"
#include "py/objtype.h"
#include "py/stream.h"

// Longest piece of data, in bytes, that a stream written in Python is handed in one call: each is a copy on the heap, which
// may be small. It may take or give less in any case.
#define PIECE_MAX 1024

static bool is_python_object(mp_obj_t stream) {
    return mp_obj_is_instance_type(mp_obj_get_type(stream));
}

void ssl_transport_check(mp_obj_t stream) {
    mp_get_stream_raise(stream, MP_STREAM_OP_READ | MP_STREAM_OP_WRITE | MP_STREAM_OP_IOCTL);
}

// A bytearray of the collected heap, never the engine's memory: the stream may keep it.
static mp_obj_t new_buffer_object(const void *data, size_t size) {
    byte *copy = m_new(byte, size);
    if (data != NULL) {
        memcpy(copy, data, size);
    }
    return mp_obj_new_bytearray_by_ref(size, copy);
}

// Calls stream.readinto(buffer) or stream.write(buffer), with the conventions of io.IOBase: None is "would block", a
// negative number an error. IOBase itself would pass an object that lives on the C stack.
static mp_uint_t call_method(mp_obj_t stream, qstr method, mp_obj_t buffer, int *errcode) {
    mp_obj_t dest[3];
    mp_load_method(stream, method, dest);
    dest[2] = buffer;
    mp_obj_t result = mp_call_method_n_kw(1, 0, dest);
    if (result == mp_const_none) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    mp_int_t count = mp_obj_get_int(result);
    if (count < 0) {
        *errcode = (int)-count;
        return MP_STREAM_ERROR;
    }
    return (mp_uint_t)count;
}

mp_uint_t ssl_transport_read(mp_obj_t stream, void *buf, size_t size, int *errcode) {
    if (!is_python_object(stream)) {
        return mp_get_stream(stream)->read(stream, buf, size, errcode);
    }
    size = MIN(size, PIECE_MAX);
    mp_obj_t buffer = new_buffer_object(NULL, size);
    const void *data = ((mp_obj_array_t *)MP_OBJ_TO_PTR(buffer))->items;
    mp_uint_t count = call_method(stream, MP_QSTR_readinto, buffer, errcode);
    if (count != MP_STREAM_ERROR && count <= size) {
        memcpy(buf, data, count);
    }
    return count;
}

mp_uint_t ssl_transport_write(mp_obj_t stream, const void *buf, size_t size, int *errcode) {
    if (!is_python_object(stream)) {
        return mp_get_stream(stream)->write(stream, buf, size, errcode);
    }
    return call_method(stream, MP_QSTR_write, new_buffer_object(buf, MIN(size, PIECE_MAX)), errcode);
}

mp_uint_t ssl_transport_ioctl(mp_obj_t stream, mp_uint_t request, uintptr_t arg, int *errcode) {
    const mp_stream_p_t *protocol = mp_get_stream(stream);
    if (is_python_object(stream)) {
        // The protocol of a class that extends a native stream is the native one's, and expects the native object. The
        // one of io.IOBase expects the Python object.
        mp_obj_t base = ((mp_obj_instance_t *)MP_OBJ_TO_PTR(stream))->subobj[0];
        if (mp_obj_get_type(base)->name != MP_QSTR_IOBase) {
            stream = base;
        }
    }
    return protocol->ioctl(stream, request, arg, errcode);
}
