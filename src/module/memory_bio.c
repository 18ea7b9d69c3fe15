// MemoryBIO: a queue of bytes that a program fills and empties by itself, in the place of a socket. The stream that two
// of them make is as any other to the connection.

#include "module/memory_bio.h"

#if MICROPY_PY_SSL_MEMORY_BIO

#include <string.h>

#include "module/errors.h"
#include "py/mperrno.h"
#include "py/stream.h"

#define FIRST_SIZE 256

typedef struct {
    mp_obj_base_t base;
    byte *data; // NULL: nothing is allocated
    size_t start;
    size_t end;
    size_t size;
    bool eof_written;
} mp_obj_ssl_memory_bio_t;

static size_t bio_pending(const mp_obj_ssl_memory_bio_t *self) {
    return self->end - self->start;
}

// Room for `more` bytes behind the last one. MemoryError changes nothing.
static void bio_reserve(mp_obj_ssl_memory_bio_t *self, size_t more) {
    size_t pending = bio_pending(self);
    if (self->size - self->end >= more) {
        return;
    }
    if (self->start > 0) {
        memmove(self->data, self->data + self->start, pending);
        self->start = 0;
        self->end = pending;
    }
    if (self->size - pending < more) {
        size_t size = MAX(MAX(self->size * 2, pending + more), FIRST_SIZE);
        self->data = m_renew(byte, self->data, self->size, size);
        self->size = size;
    }
}

static void bio_put(mp_obj_ssl_memory_bio_t *self, const void *data, size_t size) {
    bio_reserve(self, size);
    memcpy(self->data + self->end, data, size);
    self->end += size;
}

static size_t bio_take(mp_obj_ssl_memory_bio_t *self, void *out, size_t size) {
    size_t count = MIN(size, bio_pending(self));
    memcpy(out, self->data + self->start, count);
    self->start += count;
    if (self->start == self->end) {
        // What it needed for a handshake is not kept for as long as it lives.
        m_del(byte, self->data, self->size);
        self->data = NULL;
        self->start = self->end = self->size = 0;
    }
    return count;
}

// ---------------------------------------------------------------------------------------------------------------------
// MemoryBIO

//| class MemoryBIO:
//|     """A queue of bytes in the place of a socket, for `SSLContext.wrap_bio()`."""
//| def __init__(self) -> None:
//|     """It is empty at first."""
static mp_obj_t memory_bio_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)args;
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    mp_obj_ssl_memory_bio_t *self = mp_obj_malloc(mp_obj_ssl_memory_bio_t, type);
    self->data = NULL;
    self->start = self->end = self->size = 0;
    self->eof_written = false;
    return MP_OBJ_FROM_PTR(self);
}

//| def read(self, size: int = -1, /) -> bytes:
//|     """Take at most *size* bytes out; -1: all. `b""`: there are none."""
static mp_obj_t memory_bio_read(size_t n_args, const mp_obj_t *args) {
    mp_obj_ssl_memory_bio_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_int_t size = n_args < 2 ? -1 : mp_obj_get_int(args[1]);
    size_t pending = bio_pending(self);
    vstr_t bytes;
    vstr_init_len(&bytes, size < 0 ? pending : MIN((size_t)size, pending));
    bio_take(self, bytes.buf, bytes.len);
    return mp_obj_new_bytes_from_vstr(&bytes);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(memory_bio_read_obj, 1, 2, memory_bio_read);

//| def write(self, data: bytes, /) -> int:
//|     """Put data in, all of it, and return how many bytes that were. After `write_eof()`: `OSError(EPIPE)`."""
static mp_obj_t memory_bio_write(mp_obj_t self_in, mp_obj_t data) {
    mp_obj_ssl_memory_bio_t *self = MP_OBJ_TO_PTR(self_in);
    mp_buffer_info_t info;
    mp_get_buffer_raise(data, &info, MP_BUFFER_READ);
    if (self->eof_written) {
        ssl_raise_errno(MP_EPIPE, "cannot write() after write_eof()");
    }
    bio_put(self, info.buf, info.len);
    return mp_obj_new_int_from_uint(info.len);
}
static MP_DEFINE_CONST_FUN_OBJ_2(memory_bio_write_obj, memory_bio_write);

//| def write_eof(self) -> None:
//|     """Let a connection that reads it find the end behind what is there."""
static mp_obj_t memory_bio_write_eof(mp_obj_t self_in) {
    mp_obj_ssl_memory_bio_t *self = MP_OBJ_TO_PTR(self_in);
    self->eof_written = true;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(memory_bio_write_eof_obj, memory_bio_write_eof);

//| @property
//| def pending(self) -> int:
//|     """How many bytes can be read."""
//| @property
//| def eof(self) -> bool:
//|     """Whether `write_eof()` was called and all has been read."""
static void memory_bio_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    const mp_obj_ssl_memory_bio_t *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    switch (attr) {
        case MP_QSTR_pending:
            dest[0] = mp_obj_new_int_from_uint(bio_pending(self));
            break;
        case MP_QSTR_eof:
            dest[0] = mp_obj_new_bool(self->eof_written && bio_pending(self) == 0);
            break;
        default:
            dest[1] = MP_OBJ_SENTINEL; // go on in the table below
            break;
    }
}

static const mp_rom_map_elem_t memory_bio_locals_dict_table[] = {
    {MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&memory_bio_read_obj)},
    {MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&memory_bio_write_obj)},
    {MP_ROM_QSTR(MP_QSTR_write_eof), MP_ROM_PTR(&memory_bio_write_eof_obj)},
};
static MP_DEFINE_CONST_DICT(memory_bio_locals_dict, memory_bio_locals_dict_table);

MP_DEFINE_CONST_OBJ_TYPE(ssl_memory_bio_type, MP_QSTR_MemoryBIO, MP_TYPE_FLAG_NONE, make_new, memory_bio_make_new, attr,
    memory_bio_attr, locals_dict, &memory_bio_locals_dict);

// ---------------------------------------------------------------------------------------------------------------------
// The stream. Programs get hold of it when they unwrap() a connection, so it has the methods of streams.

typedef struct {
    mp_obj_base_t base;
    mp_obj_ssl_memory_bio_t *incoming;
    mp_obj_ssl_memory_bio_t *outgoing;
} mp_obj_ssl_bio_stream_t;

static mp_uint_t bio_stream_read(mp_obj_t self_in, void *buf, mp_uint_t size, int *errcode) {
    mp_obj_ssl_memory_bio_t *incoming = ((mp_obj_ssl_bio_stream_t *)MP_OBJ_TO_PTR(self_in))->incoming;
    if (bio_pending(incoming) == 0 && !incoming->eof_written) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    return bio_take(incoming, buf, size);
}

static mp_uint_t bio_stream_write(mp_obj_t self_in, const void *buf, mp_uint_t size, int *errcode) {
    mp_obj_ssl_memory_bio_t *outgoing = ((mp_obj_ssl_bio_stream_t *)MP_OBJ_TO_PTR(self_in))->outgoing;
    if (outgoing->eof_written) {
        *errcode = MP_EPIPE;
        return MP_STREAM_ERROR;
    }
    bio_put(outgoing, buf, size);
    return size;
}

static mp_uint_t bio_stream_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    const mp_obj_ssl_bio_stream_t *self = MP_OBJ_TO_PTR(self_in);
    switch (request) {
        case MP_STREAM_CLOSE:
            return 0; // the queues belong to the program
        case MP_STREAM_POLL: {
            bool readable = bio_pending(self->incoming) > 0 || self->incoming->eof_written;
            return arg & ((readable ? MP_STREAM_POLL_RD : 0) | MP_STREAM_POLL_WR);
        }
        default:
            *errcode = MP_EINVAL;
            return MP_STREAM_ERROR;
    }
}

static const mp_stream_p_t bio_stream_p = {
    .read = bio_stream_read,
    .write = bio_stream_write,
    .ioctl = bio_stream_ioctl,
};

static const mp_rom_map_elem_t bio_stream_locals_dict_table[] = {
    {MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&mp_stream_read_obj)},
    {MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&mp_stream_write_obj)},
    {MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&mp_stream_close_obj)},
};
static MP_DEFINE_CONST_DICT(bio_stream_locals_dict, bio_stream_locals_dict_table);

static MP_DEFINE_CONST_OBJ_TYPE(bio_stream_type, MP_QSTR_MemoryBIO, MP_TYPE_FLAG_NONE, protocol, &bio_stream_p,
    locals_dict, &bio_stream_locals_dict);

static mp_obj_ssl_memory_bio_t *bio_from_obj(mp_obj_t obj) {
    if (!mp_obj_is_type(obj, &ssl_memory_bio_type)) {
        mp_raise_TypeError(MP_ERROR_TEXT("MemoryBIO wanted"));
    }
    return MP_OBJ_TO_PTR(obj);
}

mp_obj_t ssl_bio_stream_new(mp_obj_t incoming, mp_obj_t outgoing) {
    mp_obj_ssl_memory_bio_t *in = bio_from_obj(incoming);
    mp_obj_ssl_memory_bio_t *out = bio_from_obj(outgoing);
    mp_obj_ssl_bio_stream_t *self = mp_obj_malloc(mp_obj_ssl_bio_stream_t, &bio_stream_type);
    self->incoming = in;
    self->outgoing = out;
    return MP_OBJ_FROM_PTR(self);
}

#endif
