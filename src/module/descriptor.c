// The descriptor that the system's poll() waits on for a connection.

#include "module/descriptor.h"

#if MICROPY_PY_SELECT_POSIX_OPTIMISATIONS

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "module/datagram.h"
#include "module/socket.h"
#include "module/transport.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/mpthread.h"
#include "py/stream.h"

// One end of a connection with itself whose other end has sent a byte: readable and writable for ever.
static int always_ready(void) {
    static int fd = -1;
    static int both[2];
    if (fd == -1 && socketpair(AF_UNIX, SOCK_STREAM, 0, both) == 0) {
        if (write(both[1], "", 1) == 1) {
            fd = both[0];
        }
    }
    return fd;
}

// Whether a reader, a writer, or whoever looks after what is left to be sent has to try, whatever the stream tells.
static bool has_to_try(const mp_obj_ssl_socket_t *self) {
    if (self->connection == NULL || self->failed != 0 || ssl_socket_is_readable_at_once(self)) {
        return true;
    }
    // A writer that waits takes care of output that is left over, as soon as the stream is writable.
    return self->read_want == MP_STREAM_POLL_WR
        || (tls_connection_output_pending(self->connection) && !self->descriptor.writer_waits);
}

static void stand_for(ssl_descriptor_t *descriptor, mp_obj_t stream, bool ready) {
    dup2(ready ? always_ready() : ssl_transport_descriptor(stream), descriptor->fd);
    descriptor->is_ready = ready;
    descriptor->in_vain = 0;
}

static void update(mp_obj_ssl_socket_t *self) {
    ssl_descriptor_t *descriptor = &self->descriptor;
    if (!descriptor->is_open) {
        return;
    }
    bool ready = has_to_try(self);
    if (ready != descriptor->is_ready) {
        stand_for(descriptor, self->stream, ready);
    }
}

static bool take(mp_obj_ssl_socket_t *self) {
    return SSL_ATOMIC_EXCHANGE(&self->busy, 1) == 0;
}

static void give_back(mp_obj_ssl_socket_t *self) {
    SSL_ATOMIC_EXCHANGE(&self->busy, 0);
}

void ssl_descriptor_refresh(mp_obj_ssl_socket_t *self) {
    if (self->descriptor.is_open && take(self)) {
        update(self);
        give_back(self);
    }
}

// -1 or a descriptor of its own.
static int open_descriptor(mp_obj_ssl_socket_t *self) {
    if (self->connection == NULL || ssl_is_datagram(self) || mp_obj_is_type(self->stream, &ssl_socket_type)) {
        return -1;
    }
    int fd = ssl_transport_descriptor(self->stream);
    return fd == -1 || always_ready() == -1 ? -1 : dup(fd);
}

mp_uint_t ssl_descriptor_get(mp_obj_ssl_socket_t *self, int *errcode) {
    ssl_descriptor_t *descriptor = &self->descriptor;
    if (take(self)) { // else whoever is inside will bring it up to date
        if (!descriptor->is_open) {
            descriptor->fd = open_descriptor(self);
            descriptor->is_open = descriptor->fd != -1;
            descriptor->is_ready = false;
        }
        descriptor->writer_waits = false; // it may be another one that waits now
        update(self);
        give_back(self);
    }
    if (!descriptor->is_open) {
        *errcode = MP_EINVAL;
        return MP_STREAM_ERROR;
    }
    return (mp_uint_t)descriptor->fd;
}

// Lets a millisecond pass, or less if the stream becomes ready. Of several connections that come here one after another
// the first waits for all.
static void wait_a_moment(const mp_obj_ssl_socket_t *self, bool for_output) {
    static const mp_obj_ssl_socket_t *waiter; // only compared
    static mp_uint_t end;
    if (waiter != self && mp_hal_ticks_ms() == end) {
        return;
    }
    struct pollfd entry = {.fd = ssl_transport_descriptor(self->stream), .events = for_output ? POLLOUT : POLLIN};
    MP_THREAD_GIL_EXIT();
    poll(&entry, 1, 1);
    MP_THREAD_GIL_ENTER();
    waiter = self;
    end = mp_hal_ticks_ms();
}

void ssl_descriptor_note(mp_obj_ssl_socket_t *self, bool writing, bool blocked, bool is_short) {
    ssl_descriptor_t *descriptor = &self->descriptor;
    if (!descriptor->is_open || !take(self)) {
        return;
    }
    bool called = descriptor->is_ready || (writing && self->write_want == MP_STREAM_POLL_RD);
    descriptor->in_vain = blocked && called ? MIN(descriptor->in_vain + 1, 2) : 0;
    bool waits = descriptor->in_vain == 2;
    descriptor->writer_waits = writing && (blocked || is_short);
    update(self);
    give_back(self);
    if (waits) {
        wait_a_moment(self, writing && self->write_want == 0);
    }
}

void ssl_descriptor_close(mp_obj_ssl_socket_t *self) {
    if (self->descriptor.is_open) {
        close(self->descriptor.fd);
        self->descriptor.is_open = false;
    }
}

#endif
