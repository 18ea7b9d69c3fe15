// The methods that read and write, with the semantics of MicroPython's streams (py/stream.c) and two promises more.
//
// When a read that has collected some bytes ends with a timeout or an exception, the bytes are kept for the next read.
// The methods of py/stream.c would drop them, and after a timeout the connection could not be used any more. And a
// timeout bounds each method as a whole, however many pieces the data comes and goes in. Nor is anything lost when
// there is no memory for what has been read.

#include "module/stream_methods.h"

#include <string.h>

#include "module/socket.h"
#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/stream.h"

#define LINE_CHUNK    128
#define FIRST_LINE    32 // if something is unread
#define FIRST_CHUNK   256
#define LARGEST_CHUNK 4096

// ---------------------------------------------------------------------------------------------------------------------
// Room for what a read returns: a bytes object, which is had before anything is read. When there is no memory for a
// larger one the bytes are not lost, since all that it takes to keep them is there.

static mp_obj_str_t *new_room(size_t size) {
    mp_obj_str_t *room = mp_obj_malloc(mp_obj_str_t, &mp_type_bytes);
    room->data = m_new(byte, size + 1);
    room->len = size;
    return room;
}

static byte *room_data(const mp_obj_str_t *room) {
    return (byte *)(uintptr_t)room->data;
}

static bool grow_room(mp_obj_str_t *room, size_t size) {
    byte *data = m_renew_maybe(byte, room_data(room), room->len + 1, size + 1, true);
    if (data == NULL) {
        return false;
    }
    room->data = data;
    room->len = size;
    return true;
}

// The object with its first `len` bytes. Never fails.
static mp_obj_t finish_room(mp_obj_str_t *room, size_t len) {
    if (len == 0) {
        return mp_const_empty_bytes;
    }
    (void)m_renew_maybe(byte, room_data(room), room->len + 1, len + 1, false); // smaller, where it is
    room_data(room)[len] = '\0';
    room->len = len;
    room->hash = qstr_compute_hash(room->data, len);
    return MP_OBJ_FROM_PTR(room);
}

// Keeps the bytes that a read cannot deliver. If some are unread still, these came from there too.
static void keep_room(mp_obj_ssl_socket_t *self, mp_obj_str_t *room, size_t len) {
    if (self->unread != MP_OBJ_NULL && self->unread_offset >= len) {
        self->unread_offset -= len;
    } else if (len > 0) {
        self->unread_offset = 0;
        self->unread = finish_room(room, len);
    }
    ssl_descriptor_refresh(self);
}

// Makes the room twice as large. If there is no memory, the bytes that are in it are kept.
static void double_room(mp_obj_ssl_socket_t *self, mp_obj_str_t *room, size_t most) {
    size_t size = room->len + MIN(room->len, most);
    if (!grow_room(room, size)) {
        keep_room(self, room, room->len);
        m_malloc_fail(size);
    }
}

// Likewise from a buffer of the program's, into which they may be read again or not. false: there is no memory.
static bool keep_copy(mp_obj_ssl_socket_t *self, const byte *data, size_t len) {
    if (len == 0) {
        return true;
    }
    mp_obj_str_t *copy = m_new_obj_maybe(mp_obj_str_t);
    byte *bytes = copy == NULL ? NULL : m_new_maybe(byte, len + 1);
    if (bytes == NULL) {
        return false;
    }
    memcpy(bytes, data, len);
    *copy = (mp_obj_str_t) {.base = {&mp_type_bytes}, .len = len, .data = bytes};
    keep_room(self, copy, len);
    return true;
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading

// MP_OBJ_NULL: it did not fail, or would block.
static mp_obj_t exception_of(const ssl_transfer_t *result) {
    if (result->exception != MP_OBJ_NULL || result->errcode == 0 || mp_is_nonblocking_error(result->errcode)) {
        return result->exception;
    }
    return mp_obj_new_exception_arg1(&mp_type_OSError, MP_OBJ_NEW_SMALL_INT(result->errcode));
}

static bool has_failed(const ssl_transfer_t *result) {
    return result->errcode != 0 || result->exception != MP_OBJ_NULL;
}

// Reads until `size` bytes are there, the stream ends, or, with `once`, something is there. *done says how many. What
// would block is not asked once more, which would take a system call. Returns what went wrong.
static ssl_transfer_t read_up_to(mp_obj_ssl_socket_t *self, byte *buf, size_t size, bool once, size_t *done) {
    ssl_deadline_t deadline = ssl_socket_start(self);
    ssl_transfer_t result = {0};
    *done = 0;
    while (*done < size) {
        result = ssl_socket_receive(self, buf + *done, size - *done, &deadline);
        if (has_failed(&result) || result.count == 0) {
            break;
        }
        *done += result.count;
        if (once || ssl_socket_would_block(self)) {
            break;
        }
    }
    return result;
}

// Ends a read that has `len` bytes in its room.
static mp_obj_t end_read(mp_obj_ssl_socket_t *self, const ssl_transfer_t *result, mp_obj_str_t *room, size_t len) {
    mp_obj_t exception = exception_of(result);
    if (exception != MP_OBJ_NULL) {
        keep_room(self, room, len);
        nlr_raise(exception);
    }
    return has_failed(result) && len == 0 ? mp_const_none : finish_room(room, len);
}

static mp_obj_t read_all(mp_obj_ssl_socket_t *self) {
    mp_obj_str_t *room = new_room(FIRST_CHUNK);
    size_t len = 0;
    ssl_deadline_t deadline = ssl_socket_start(self);
    for (;;) {
        if (len == room->len) {
            double_room(self, room, LARGEST_CHUNK);
        }
        ssl_transfer_t result = ssl_socket_receive(self, room_data(room) + len, room->len - len, &deadline);
        if (has_failed(&result) || result.count == 0) {
            return end_read(self, &result, room, len);
        }
        len += result.count;
    }
}

static mp_obj_t read_bytes(mp_obj_ssl_socket_t *self, size_t size, bool once) {
    mp_obj_str_t *room = new_room(size);
    size_t len;
    ssl_transfer_t result = read_up_to(self, room_data(room), size, once, &len);
    return end_read(self, &result, room, len);
}

//| class SSLSocket:
//|     """A connection, made by `SSLContext.wrap_socket()`, `SSLContext.wrap_bio()` or `wrap_socket()`. It is a stream.
//|     Where a method would have to wait and may not, reads and writes return `None`, others raise `OSError(EAGAIN)`; a
//|     timeout is `OSError(ETIMEDOUT)`. After both the same call goes on where it stopped. After `close()`:
//|     `OSError(EBADF)`.
//|     """

// A negative size other than -1 becomes huge and so a MemoryError, as in py/stream.c.
//| def read(self, size: int = -1, /) -> bytes | None:
//|     """Read *size* bytes, waiting for all of them; -1: up to the end. `b""`: the end. `None`: nothing there, it
//|     would have to wait.
//|     """
static mp_obj_t ssl_stream_read(size_t n_args, const mp_obj_t *args) {
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_int_t size = n_args < 2 ? -1 : mp_obj_get_int(args[1]);
    return size == -1 ? read_all(self) : read_bytes(self, (size_t)size, false);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_read_obj, 1, 2, ssl_stream_read);

//| def recv(self, size: int = -1, /) -> bytes | None:
//|     """Read what is there, at most *size* bytes of one record; -1: up to the end, as `read()`. `b""`: the end.
//|     `None`: nothing there, it would have to wait.
//|     """
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
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(args[0]);
    size_t done;
    ssl_transfer_t result = read_up_to(self, info.buf, size, once, &done);
    mp_obj_t exception = exception_of(&result);
    if (exception != MP_OBJ_NULL && keep_copy(self, info.buf, done)) {
        nlr_raise(exception);
    }
    self->late_error = exception; // nothing was kept: these are delivered, and the next read raises it
    ssl_descriptor_refresh(self);
    return has_failed(&result) && done == 0 ? mp_const_none : MP_OBJ_NEW_SMALL_INT((mp_int_t)done);
}

//| def readinto(self, buffer: bytearray | memoryview, size: int = -1, /) -> int | None:
//|     """Fill the buffer, or *size* bytes of it, and return how many were read. 0: the end. `None`: nothing there, it
//|     would have to wait.
//|     """
static mp_obj_t ssl_stream_readinto(size_t n_args, const mp_obj_t *args) {
    return read_into(n_args, args, false);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_readinto_obj, 2, 3, ssl_stream_readinto);

//| def recv_into(self, buffer: bytearray | memoryview, size: int = -1, /) -> int | None:
//|     """Read what is there, at most one record, into the buffer, or *size* bytes of it, and return how many. 0: the
//|     end. `None`: nothing there, it would have to wait.
//|     """
static mp_obj_t ssl_stream_recv_into(size_t n_args, const mp_obj_t *args) {
    return read_into(n_args, args, true);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_recv_into_obj, 2, 3, ssl_stream_recv_into);

// The first `size` bytes in the room. What stands behind them stays where poll() and the next read find it.
static mp_obj_t end_line(mp_obj_ssl_socket_t *self, mp_obj_str_t *room, size_t len, size_t size) {
    if (size == len) {
        return finish_room(room, len);
    }
    if (self->unread != MP_OBJ_NULL) {
        keep_room(self, room, len - size); // it came from there
        return finish_room(room, size);
    }
    keep_room(self, room, len); // all of it, until there is memory for the line
    mp_obj_t line = mp_obj_new_bytes(room_data(room), size);
    self->unread_offset = size;
    return line;
}

//| def readline(self, size: int = -1, /) -> bytes | None:
//|     """Read up to the end of a line and with it, at most *size* bytes; -1: however many. `b""`: the end. `None`:
//|     nothing there, it would have to wait.
//|     """
static mp_obj_t ssl_stream_readline(size_t n_args, const mp_obj_t *args) {
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_int_t limit = n_args < 2 ? -1 : mp_obj_get_int(args[1]);
    mp_obj_str_t *room = new_room(self->unread == MP_OBJ_NULL ? LINE_CHUNK : FIRST_LINE);
    size_t len = 0;
    ssl_deadline_t deadline = ssl_socket_start(self);
    ssl_transfer_t result = {0};
    while (limit < 0 || len < (size_t)limit) {
        if (len == room->len) {
            double_room(self, room, LARGEST_CHUNK);
        }
        byte *news = room_data(room) + len;
        size_t space = MIN(room->len, limit < 0 ? SIZE_MAX : (size_t)limit) - len;
        result = ssl_socket_receive(self, news, space, &deadline);
        if (has_failed(&result) || result.count == 0) {
            break;
        }
        len += result.count;
        const byte *newline = memchr(news, '\n', result.count);
        if (newline != NULL) {
            return end_line(self, room, len, (size_t)(newline + 1 - room_data(room)));
        }
    }
    return end_read(self, &result, room, len);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_readline_obj, 1, 2, ssl_stream_readline);

// Until all is written, or the stream would block.
static mp_obj_t write_all(mp_obj_ssl_socket_t *self, const byte *buf, size_t size) {
    ssl_deadline_t deadline = ssl_socket_start(self);
    size_t done = 0;
    while (done < size) {
        ssl_transfer_t result = ssl_socket_transmit(self, buf + done, size - done, &deadline);
        if (has_failed(&result)) {
            mp_obj_t exception = exception_of(&result);
            if (exception != MP_OBJ_NULL) {
                nlr_raise(exception);
            }
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
