// The methods that read and write, with the semantics of MicroPython's streams (py/stream.c) and two promises more.
//
// When a read that has collected some bytes ends with a timeout or an exception, the bytes are kept for the next read.
// The methods of py/stream.c would drop them, and after a timeout the connection could not be used any more. And a
// timeout bounds each method as a whole, however many pieces the data comes and goes in.

#include "module/stream_methods.h"

#include <string.h>

#include "module/socket.h"
#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/stream.h"

#define FIRST_CHUNK   256
#define LARGEST_CHUNK 4096

// Keeps bytes that could not be delivered. Nothing else is unread then: errors come only after all of it was taken.
static void keep(mp_obj_ssl_socket_t *self, const void *data, size_t len) {
    if (len > 0) {
        self->unread = mp_obj_new_bytes(data, len);
        self->unread_offset = 0;
    }
}

// Ends a read that stopped with an error after `len` bytes. Returns only for "would block".
static void raise_unless_blocked(mp_obj_ssl_socket_t *self, const ssl_transfer_t *result, const void *data,
    size_t len) {
    if (result->exception != MP_OBJ_NULL) {
        keep(self, data, len);
        nlr_raise(result->exception);
    }
    if (!mp_is_nonblocking_error(result->errcode)) {
        keep(self, data, len);
        mp_raise_OSError(result->errcode);
    }
}

static bool has_failed(const ssl_transfer_t *result) {
    return result->errcode != 0 || result->exception != MP_OBJ_NULL;
}

// Reads until `size` bytes are there, the stream ends, or, with `once`, something is there. Returns how many, or -1 if
// it would block and nothing is there.
static mp_int_t read_up_to(mp_obj_ssl_socket_t *self, byte *buf, size_t size, bool once) {
    ssl_deadline_t deadline = ssl_socket_start(self);
    size_t done = 0;
    while (done < size) {
        ssl_transfer_t result = ssl_socket_receive(self, buf + done, size - done, &deadline);
        if (has_failed(&result)) {
            raise_unless_blocked(self, &result, buf, done);
            return done > 0 ? (mp_int_t)done : -1;
        }
        if (result.count == 0) {
            break;
        }
        done += result.count;
        if (once) {
            break;
        }
    }
    return (mp_int_t)done;
}

static mp_obj_t read_all(mp_obj_ssl_socket_t *self) {
    vstr_t vstr;
    vstr_init(&vstr, FIRST_CHUNK);
    size_t chunk = FIRST_CHUNK;
    ssl_deadline_t deadline = ssl_socket_start(self);
    for (;;) {
        char *p = vstr_add_len(&vstr, chunk);
        ssl_transfer_t result = ssl_socket_receive(self, p, chunk, &deadline);
        vstr_cut_tail_bytes(&vstr, chunk - result.count);
        if (has_failed(&result)) {
            raise_unless_blocked(self, &result, vstr.buf, vstr.len);
            if (vstr.len == 0) {
                return mp_const_none;
            }
            break;
        }
        if (result.count == 0) {
            break;
        }
        chunk = MIN(vstr.len, LARGEST_CHUNK);
    }
    return mp_obj_new_bytes_from_vstr(&vstr);
}

static mp_obj_t read_bytes(mp_obj_ssl_socket_t *self, size_t size, bool once) {
    vstr_t vstr;
    vstr_init_len(&vstr, size);
    mp_int_t count = read_up_to(self, (byte *)vstr.buf, size, once);
    if (count < 0) {
        vstr_clear(&vstr);
        return mp_const_none;
    }
    vstr.len = (size_t)count;
    return mp_obj_new_bytes_from_vstr(&vstr);
}

//| class SSLSocket:
//|     """A TLS connection: a stream."""

// A negative size other than -1 becomes huge and so a MemoryError, as in py/stream.c.
//| def read(self, size: int = -1, /) -> bytes | None:
//|     """Read size bytes, or all up to the end; None: would block."""
static mp_obj_t ssl_stream_read(size_t n_args, const mp_obj_t *args) {
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_int_t size = n_args < 2 ? -1 : mp_obj_get_int(args[1]);
    return size == -1 ? read_all(self) : read_bytes(self, (size_t)size, false);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_read_obj, 1, 2, ssl_stream_read);

//| def recv(self, size: int = -1, /) -> bytes | None:
//|     """Read what is there, at most one record; None: would block."""
static mp_obj_t ssl_stream_recv(size_t n_args, const mp_obj_t *args) {
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_int_t size = n_args < 2 ? -1 : mp_obj_get_int(args[1]);
    return size == -1 ? read_all(self) : read_bytes(self, (size_t)size, true);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_recv_obj, 1, 2, ssl_stream_recv);

static mp_obj_t read_into(size_t n_args, const mp_obj_t *args, bool once) {
    mp_buffer_info_t info;
    mp_get_buffer_raise(args[1], &info, MP_BUFFER_WRITE);
    size_t size = info.len;
    if (n_args > 2) {
        mp_int_t limit = mp_obj_get_int(args[2]);
        size = limit < 0 ? size : MIN(size, (size_t)limit);
    }
    mp_int_t count = read_up_to(MP_OBJ_TO_PTR(args[0]), info.buf, size, once);
    return count < 0 ? mp_const_none : MP_OBJ_NEW_SMALL_INT(count);
}

//| def readinto(self, buffer: bytearray | memoryview, size: int = -1, /) -> int | None:
//|     """Fill the buffer, return how many bytes; None: would block."""
static mp_obj_t ssl_stream_readinto(size_t n_args, const mp_obj_t *args) {
    return read_into(n_args, args, false);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_readinto_obj, 2, 3, ssl_stream_readinto);

//| def recv_into(self, buffer: bytearray | memoryview, size: int = -1, /) -> int | None:
//|     """Read what is there into the buffer, at most one record; None: would block."""
static mp_obj_t ssl_stream_recv_into(size_t n_args, const mp_obj_t *args) {
    return read_into(n_args, args, true);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_recv_into_obj, 2, 3, ssl_stream_recv_into);

// Byte by byte: whatever stands behind the newline must stay where poll and the next read find it.
//| def readline(self, size: int = -1, /) -> bytes | None:
//|     """Read up to the end of a line; None: would block."""
static mp_obj_t ssl_stream_readline(size_t n_args, const mp_obj_t *args) {
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_int_t limit = n_args < 2 ? -1 : mp_obj_get_int(args[1]);
    vstr_t vstr;
    vstr_init(&vstr, 32);
    ssl_deadline_t deadline = ssl_socket_start(self);
    while (limit < 0 || vstr.len < (size_t)limit) {
        char c;
        ssl_transfer_t result = ssl_socket_receive(self, &c, 1, &deadline);
        if (has_failed(&result)) {
            raise_unless_blocked(self, &result, vstr.buf, vstr.len);
            if (vstr.len == 0) {
                return mp_const_none;
            }
            break;
        }
        if (result.count == 0) {
            break;
        }
        vstr_add_byte(&vstr, (byte)c);
        if (c == '\n') {
            break;
        }
    }
    return mp_obj_new_bytes_from_vstr(&vstr);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_readline_obj, 1, 2, ssl_stream_readline);

// Until all is written, or the stream would block.
static mp_obj_t write_all(mp_obj_ssl_socket_t *self, const byte *buf, size_t size) {
    ssl_deadline_t deadline = ssl_socket_start(self);
    size_t done = 0;
    while (done < size) {
        ssl_transfer_t result = ssl_socket_transmit(self, buf + done, size - done, &deadline);
        if (has_failed(&result)) {
            raise_unless_blocked(self, &result, NULL, 0);
            return done > 0 ? mp_obj_new_int_from_uint(done) : mp_const_none;
        }
        done += result.count;
    }
    return mp_obj_new_int_from_uint(done);
}

// The arguments behind the buffer: a length, or an offset and a length.
static mp_obj_t ssl_stream_write(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t info;
    mp_get_buffer_raise(args[1], &info, MP_BUFFER_READ);
    size_t offset = n_args > 3 ? MIN((size_t)mp_obj_get_int_truncated(args[2]), info.len) : 0;
    size_t size = info.len - offset;
    if (n_args > 2) {
        size = MIN(size, (size_t)mp_obj_get_int_truncated(args[n_args - 1]));
    }
    return write_all(MP_OBJ_TO_PTR(args[0]), (const byte *)info.buf + offset, size);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_write_obj, 2, 4, ssl_stream_write);
