// The stream that a connection runs over: a native one, such as a socket, or an object of a class written in Python.

#ifndef MICROPYTHON_SSL_TRANSPORT_H
#define MICROPYTHON_SSL_TRANSPORT_H

#include "module/compat.h"

// OSError unless `stream` can be read, written and controlled.
void ssl_transport_check(mp_obj_t stream);

// As the functions of mp_stream_p_t (py/stream.h); all three may raise. Streams written in Python get buffers that they
// may keep, and may answer anything: a count larger than `size` is passed on for the caller to refuse.
mp_uint_t ssl_transport_read(mp_obj_t stream, void *buf, size_t size, int *errcode);
mp_uint_t ssl_transport_write(mp_obj_t stream, const void *buf, size_t size, int *errcode);
mp_uint_t ssl_transport_ioctl(mp_obj_t stream, mp_uint_t request, uintptr_t arg, int *errcode);

#endif // MICROPYTHON_SSL_TRANSPORT_H
