// Reading, writing and controlling the stream below.

#include "module/transport.h"

#include <string.h>

#include "module/deadline.h"
#include "py/mperrno.h"
#include "py/objarray.h"
#include "py/objtype.h"
#include "py/stream.h"

#ifdef __unix__
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#endif

bool ssl_transport_is_python(mp_obj_t stream) {
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

// For the header of a record: what is read into next is made when the record's own buffer is there, and does not stand
// in its way.
#define HEADER_ROOM 16

mp_uint_t ssl_transport_read(mp_obj_t stream, void *buf, size_t size, ssl_transport_room_t *room, int *errcode) {
    if (!ssl_transport_is_python(stream)) {
        return mp_get_stream(stream)->read(stream, buf, size, errcode);
    }
    size = MIN(size, room->max);
    if (room->size < size) {
        room->size = size <= HEADER_ROOM ? HEADER_ROOM : room->max == SIZE_MAX ? size
                                                                               : room->max;
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
    if (!ssl_transport_is_python(stream)) {
        return mp_get_stream(stream)->write(stream, buf, size, errcode);
    }
    mp_obj_array_t *copy = new_bytearray(MIN(size, max));
    memcpy(copy->items, buf, copy->len);
    return call_method(stream, MP_QSTR_write, copy, errcode);
}

mp_uint_t ssl_transport_ioctl(mp_obj_t stream, mp_uint_t request, uintptr_t arg, int *errcode) {
    const mp_stream_p_t *protocol = mp_get_stream(stream);
    if (ssl_transport_is_python(stream)) {
        // The protocol of a class that extends a native stream is the native one's, and expects the native object. The
        // one of io.IOBase expects the Python object.
        mp_obj_t base = ((mp_obj_instance_t *)MP_OBJ_TO_PTR(stream))->subobj[0];
        if (mp_obj_get_type(base)->name != MP_QSTR_IOBase) {
            stream = base;
        }
    }
    return protocol->ioctl(stream, request, arg, errcode);
}

#ifdef __unix__

int ssl_transport_descriptor(mp_obj_t stream) {
    int errcode;
    mp_uint_t fd = MP_STREAM_ERROR;
    // A bare io.IOBase is native, but asks for methods that it does not have.
    if (!ssl_transport_is_python(stream) && mp_obj_get_type(stream)->name != MP_QSTR_IOBase) {
        fd = ssl_transport_ioctl(stream, MP_STREAM_GET_FILENO, 0, &errcode);
    }
    return fd == MP_STREAM_ERROR ? -1 : (int)fd;
}

bool ssl_transport_is_blocking(mp_obj_t stream) {
    int fd = ssl_transport_descriptor(stream);
    int flags = fd == -1 ? -1 : fcntl(fd, F_GETFL);
    return flags != -1 && !(flags & O_NONBLOCK);
}

// Where the system can wake us, nobody needs to look every millisecond. A Ctrl-C wakes us too.
static void wait_for_event(mp_obj_t stream, uintptr_t event, uint32_t ms) {
    int fd = ssl_transport_descriptor(stream);
    if (fd == -1) {
        mp_event_wait_ms(1);
        return;
    }
    struct pollfd entry = {.fd = fd, .events = event == MP_STREAM_POLL_RD ? POLLIN : POLLOUT};
    MP_THREAD_GIL_EXIT();
    poll(&entry, 1, (int)MIN(ms, (uint32_t)INT_MAX));
    MP_THREAD_GIL_ENTER();
    mp_handle_pending(true);
}

void ssl_transport_send_at_once(mp_obj_t stream) {
    int fd = ssl_transport_descriptor(stream);
    int on = 1;
    if (fd != -1) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); // fails if it is another kind of socket
    }
}

// MicroPython's sockets do not tell.
uint16_t ssl_transport_peer_port(mp_obj_t stream) {
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
        struct sockaddr_storage room;
    } address;
    socklen_t len = sizeof(address);
    int fd = ssl_transport_descriptor(stream);
    if (fd == -1 || getpeername(fd, &address.any, &len) != 0) {
        return 0;
    }
    switch (address.any.sa_family) {
        case AF_INET:
            return ntohs(address.ipv4.sin_port);
        case AF_INET6:
            return ntohs(address.ipv6.sin6_port);
        default:
            return 0;
    }
}

#else

bool ssl_transport_is_blocking(mp_obj_t stream) {
    (void)stream;
    return false;
}

static void wait_for_event(mp_obj_t stream, uintptr_t event, uint32_t ms) {
    (void)stream;
    (void)event;
    (void)ms;
    mp_event_wait_ms(1);
}

void ssl_transport_send_at_once(mp_obj_t stream) {
    (void)stream;
}

uint16_t ssl_transport_peer_port(mp_obj_t stream) {
    (void)stream;
    return 0;
}

#endif

bool ssl_transport_wait(mp_obj_t stream, uintptr_t event, uint32_t ms) {
    ssl_deadline_t deadline = ssl_deadline_start(ms);
    for (;;) {
        int errcode;
        if (ssl_transport_ioctl(stream, MP_STREAM_POLL, event, &errcode) != 0) {
            return true;
        }
        uint32_t left = ssl_deadline_left(&deadline);
        if (left == 0) {
            return false;
        }
        wait_for_event(stream, event, left);
    }
}
