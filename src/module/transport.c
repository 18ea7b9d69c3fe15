// Reading, writing and controlling the stream below.

#include "module/transport.h"

#include <string.h>

#include "py/mperrno.h"
#include "py/objarray.h"
#include "py/objtype.h"
#include "py/stream.h"

static bool is_python_object(mp_obj_t stream) {
    return mp_obj_is_instance_type(mp_obj_get_type(stream));
}

void ssl_transport_check(mp_obj_t stream) {
    mp_get_stream_raise(stream, MP_STREAM_OP_READ | MP_STREAM_OP_WRITE | MP_STREAM_OP_IOCTL);
}

// Calls stream.readinto(buffer) or stream.write(buffer), with the conventions of io.IOBase: None is "would block", a
// negative number an error. IOBase itself would pass an object that lives on the C stack. A stream that claims more
// than the buffer's length is not believed.
static mp_uint_t call_method(mp_obj_t stream, qstr method, mp_obj_array_t *buffer, int *errcode) {
    size_t size = buffer->len;
    mp_obj_t dest[3];
    mp_load_method(stream, method, dest);
    dest[2] = MP_OBJ_FROM_PTR(buffer);
    mp_obj_t result = mp_call_method_n_kw(1, 0, dest);
    if (result == mp_const_none) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    mp_int_t count = mp_obj_get_int(result);
    if (count < 0 || (size_t)count > size) {
        *errcode = count < 0 ? (int)-count : MP_EIO;
        return MP_STREAM_ERROR;
    }
    return (mp_uint_t)count;
}

// Bytearrays for a stream are of the collected heap, never of the engine's memory: the stream may keep them, or let
// them grow, which moves their content.
static mp_obj_array_t *new_bytearray(size_t size) {
    return MP_OBJ_TO_PTR(mp_obj_new_bytearray_by_ref(size, m_new(byte, size)));
}

mp_uint_t ssl_transport_read(mp_obj_t stream, void *buf, size_t size, ssl_transport_room_t *room, int *errcode) {
    if (!is_python_object(stream)) {
        return mp_get_stream(stream)->read(stream, buf, size, errcode);
    }
    size = MIN(size, room->max);
    if (room->size < size) {
        room->size = room->max == SIZE_MAX ? size : room->max;
        room->array = new_bytearray(room->size);
        room->items = room->array->items;
    }
    mp_obj_array_t *array = room->array;
    array->len = size;
    mp_uint_t count = call_method(stream, MP_QSTR_readinto, array, errcode);
    if (count != MP_STREAM_ERROR) {
        memcpy(buf, array->items, count);
    }
    if (array->items != room->items) {
        room->size = 0;
    }
    return count;
}

mp_uint_t ssl_transport_write(mp_obj_t stream, const void *buf, size_t size, size_t max, int *errcode) {
    if (!is_python_object(stream)) {
        return mp_get_stream(stream)->write(stream, buf, size, errcode);
    }
    mp_obj_array_t *copy = new_bytearray(MIN(size, max));
    memcpy(copy->items, buf, copy->len);
    return call_method(stream, MP_QSTR_write, copy, errcode);
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
