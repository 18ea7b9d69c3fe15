// The descriptor that the system's poll() waits on for a connection.
//
// select.poll(), and asyncio with it, hands objects with a descriptor to the system and asks all others once a
// millisecond. The descriptor of the stream below will not do: it hides what is decrypted already and what is left to
// be sent. So a connection has one of its own, which stands for that of the stream, or, as long as there is something
// to do that the stream does not tell, for one that is always ready.
//
// The price is an attempt in vain now and then: whoever waits to write, too, is woken when there is something to read,
// and during a handshake that waits for the peer. Those who are woken in vain again and again wait a millisecond.

#ifndef MICROPYTHON_SSL_DESCRIPTOR_H
#define MICROPYTHON_SSL_DESCRIPTOR_H

#include "module/compat.h"
#include "py/mperrno.h"
#include "py/stream.h"

#ifndef MICROPY_PY_SELECT_POSIX_OPTIMISATIONS
#define MICROPY_PY_SELECT_POSIX_OPTIMISATIONS (0)
#endif

struct _mp_obj_ssl_socket_t;

#if MICROPY_PY_SELECT_POSIX_OPTIMISATIONS

typedef struct {
    int fd; // if is_open
    bool is_open;
    bool is_ready;     // it stands for the one that is always ready
    bool writer_waits; // the latest write came up short, and nobody has tried to read since
    uint8_t in_vain;   // attempts in a row that it has called for and that moved nothing
} ssl_descriptor_t;

// For MP_STREAM_GET_FILENO: the descriptor, which is closed with the connection. MP_STREAM_ERROR and *errcode: the
// stream below has none, or it is for datagrams, which have timers, or the process has no more.
mp_uint_t ssl_descriptor_get(struct _mp_obj_ssl_socket_t *self, int *errcode);

// A read or a write has ended. `blocked`: it moved nothing; `is_short`: there is more to write.
void ssl_descriptor_note(struct _mp_obj_ssl_socket_t *self, bool writing, bool blocked, bool is_short);

// What there is to do may have changed otherwise.
void ssl_descriptor_refresh(struct _mp_obj_ssl_socket_t *self);

void ssl_descriptor_close(struct _mp_obj_ssl_socket_t *self);

#else

static inline mp_uint_t ssl_descriptor_get(struct _mp_obj_ssl_socket_t *self, int *errcode) {
    (void)self;
    *errcode = MP_EINVAL;
    return MP_STREAM_ERROR;
}

static inline void ssl_descriptor_refresh(struct _mp_obj_ssl_socket_t *self) {
    (void)self;
}

static inline void ssl_descriptor_note(struct _mp_obj_ssl_socket_t *self, bool writing, bool blocked, bool is_short) {
    (void)self;
    (void)writing;
    (void)blocked;
    (void)is_short;
}

static inline void ssl_descriptor_close(struct _mp_obj_ssl_socket_t *self) {
    (void)self;
}

#endif

#endif // MICROPYTHON_SSL_DESCRIPTOR_H
