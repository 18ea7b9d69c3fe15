// MemoryBIO, and the stream that two of them make.

#ifndef MICROPYTHON_SSL_MEMORY_BIO_H
#define MICROPYTHON_SSL_MEMORY_BIO_H

#include "module/compat.h"
#include "ssl_config.h"

#if MICROPY_PY_SSL_MEMORY_BIO

extern const mp_obj_type_t ssl_memory_bio_type;

// A stream that reads from `incoming` and writes to `outgoing`, and never waits. TypeError unless both are MemoryBIO.
mp_obj_t ssl_bio_stream_new(mp_obj_t incoming, mp_obj_t outgoing);

#endif

#endif // MICROPYTHON_SSL_MEMORY_BIO_H
