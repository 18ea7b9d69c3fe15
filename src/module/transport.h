// The stream that a connection runs over: a native one, such as a socket, or an object of a class written in Python.

#ifndef MICROPYTHON_SSL_TRANSPORT_H
#define MICROPYTHON_SSL_TRANSPORT_H

#include "module/compat.h"

// OSError unless `stream` can be read, written and controlled.
void ssl_transport_check(mp_obj_t stream);

// Whether it is of a class written in Python.
bool ssl_transport_is_python(mp_obj_t stream);

// The most that a stream written in Python is handed in one call, in bytes: it is copied on the heap, which may be
// small.
#define SSL_TRANSPORT_PIECE 1024

// The bytearray that Python streams read into, the same for all reads of a call: a handshake has many, and a small heap
// full of their buffers would be in pieces when it is over.
typedef struct {
    struct _mp_obj_array_t *array;
    const void *items; // of the array as it was made
    size_t size;       // bytes that it can hold
    size_t max;        // that a read asks for: SSL_TRANSPORT_PIECE, or SIZE_MAX for datagrams
} ssl_transport_room_t;

// As the functions of mp_stream_p_t (py/stream.h); all three may raise. Streams written in Python get buffers that they
// may keep, though what they have read may be overwritten by their next read. `max`: what a write hands to such a
// stream at most.
mp_uint_t ssl_transport_read(mp_obj_t stream, void *buf, size_t size, ssl_transport_room_t *room, int *errcode);
mp_uint_t ssl_transport_write(mp_obj_t stream, const void *buf, size_t size, size_t max, int *errcode);
mp_uint_t ssl_transport_ioctl(mp_obj_t stream, mp_uint_t request, uintptr_t arg, int *errcode);

// The file descriptor of a native stream; -1: it has none.
int ssl_transport_descriptor(mp_obj_t stream);
// Whether reads of the stream wait for data. false also for streams that cannot tell: all but those with a file
// descriptor, on unix.
bool ssl_transport_is_blocking(mp_obj_t stream);
// Waits until the stream is ready for `event` (MP_STREAM_POLL_*), for at most `ms` milliseconds. false: the time is
// over. Streams that cannot tell count as ready, and so do those with an error. May raise.
bool ssl_transport_wait(mp_obj_t stream, uintptr_t event, uint32_t ms);
// Lets TCP send everything at once (TCP_NODELAY): what an application writes first comes right behind the last flight
// of a handshake, or behind session tickets, and would wait until the peer has acknowledged these, on Linux 40 ms.
// nginx does so, too. Nothing happens for streams without a descriptor.
void ssl_transport_send_at_once(mp_obj_t stream);
// The port that the stream is connected to; 0: it cannot be known.
uint16_t ssl_transport_peer_port(mp_obj_t stream);

#endif // MICROPYTHON_SSL_TRANSPORT_H
