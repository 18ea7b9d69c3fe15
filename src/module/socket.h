// SSLSocket: a TLS connection over a stream.

#ifndef MICROPYTHON_SSL_SOCKET_H
#define MICROPYTHON_SSL_SOCKET_H

#include "module/context.h"
#include "module/deadline.h"
#include "module/descriptor.h"
#include "module/stats.h"

typedef struct _mp_obj_ssl_socket_t {
    mp_obj_base_t base;
    mp_obj_ssl_context_t *context;
    mp_obj_t stream;              // what it runs over; MP_OBJ_NULL once closed
    tls_connection_t *connection; // NULL once closed
    mp_obj_t server_hostname;
    mp_obj_t unread; // bytes that a read did not deliver: it failed, or ended with a line; or MP_OBJ_NULL
    size_t unread_offset;
    mp_obj_t late_error;      // for the next read, since one that filled a buffer could not keep what it had read
    mp_obj_t send_error;      // OSError of a stream that can no longer be written, but still be read; or MP_OBJ_NULL
    uint32_t handshake_start; // ticks
    size_t congestion;        // bytes to write until the stream is believed to take whole records again
    uint32_t full_since;      // ticks, or 0: the stream took something the last time
    int failed;               // TLS_CODE_* of the error that ended the connection, 0 if none
    uint8_t busy;             // a call is inside the engine
    uint8_t read_want;        // poll direction that a read waits for (MP_STREAM_POLL_*), 0: its own
    uint8_t write_want;       // the same for a write
    uint32_t timeout_ms;      // how long a method may wait, as ssl_deadline_t has it
    bool asks;                // the stream is asked before it is read or written, because it may wait for longer
    bool read_shut;           // shutdown() was called for reading
    bool write_shut;          // ... for writing, or unwrap()
    bool server_side;
    bool suppress_ragged_eofs;
    uint8_t blocking;       // ssl_blocking_t: what setblocking() or settimeout() of this object said
    bool handshake_running; // DTLS: since the first datagram was sent, at handshake_start
    bool read_blocked;      // the latest read found less than a record
    bool stream_is_empty;   // the stream gave less than it was asked for the last time, which was all it had
    bool ended;             // a read has told the end of the stream
    bool truncated;         // … which came without close_notify
    bool close_requested;   // close() was called from inside a call of its own
#if MICROPY_PY_SELECT_POSIX_OPTIMISATIONS
    ssl_descriptor_t descriptor;
#endif
#if MICROPY_PY_SSL_SNI_CALLBACK
    bool choosing; // sni_callback is at work, and may set `context`
#endif
#if MICROPY_PY_SSL_STATS
    ssl_stats_t stats;
#endif
} mp_obj_ssl_socket_t;

// A stream cannot be asked whether it blocks.
typedef enum {
    SSL_BLOCKING_UNKNOWN,
    SSL_BLOCKING,
    SSL_NON_BLOCKING,
} ssl_blocking_t;

extern const mp_obj_type_t ssl_socket_type;

typedef struct {
    bool server_side;
    bool do_handshake;
    bool suppress_ragged_eofs;
    bool non_blocking; // as if setblocking(False) had been called
    mp_obj_t server_hostname;
    mp_obj_t client_id;
    mp_obj_t session;
} ssl_wrap_options_t;

// Wraps `stream`; it stays open, and the caller's, when this raises.
mp_obj_t ssl_socket_new(mp_obj_ssl_context_t *context, mp_obj_t stream, const ssl_wrap_options_t *options);

// What became of an attempt to move data. At most one of the three fields is set; none of them: end of the stream.
typedef struct {
    size_t count;
    int errcode;        // MP_EAGAIN: would block; other: the transport's error
    mp_obj_t exception; // MP_OBJ_NULL or what is to be raised
} ssl_transfer_t;

// How long a method that begins now may wait.
static inline ssl_deadline_t ssl_socket_start(const mp_obj_ssl_socket_t *self) {
    return ssl_deadline_start(self->timeout_ms);
}

// Move at most `size` bytes (> 0) without raising, so that the caller can first save what it has.
ssl_transfer_t ssl_socket_receive(mp_obj_ssl_socket_t *self, void *buf, size_t size, const ssl_deadline_t *deadline);
ssl_transfer_t ssl_socket_transmit(mp_obj_ssl_socket_t *self, const void *buf, size_t size,
    const ssl_deadline_t *deadline);

// Whether a read would give data or tell the end without the stream below having anything new.
bool ssl_socket_is_readable_at_once(const mp_obj_ssl_socket_t *self);

// Whether a read that does not wait would only find out that there is nothing, as far as is known: false may be wrong.
bool ssl_socket_would_block(const mp_obj_ssl_socket_t *self);

// Completes the handshake, waiting as long as the timeout allows (without one, the transport's own bounds each wait); a
// socket that setblocking() or settimeout() have made non-blocking does not wait: OSError(EAGAIN). Raises.
void ssl_socket_do_handshake(mp_obj_ssl_socket_t *self);

// For methods that are not about data: raises what an attempt came to. Whether it is done; if not, it is to be tried
// again, unless the socket is non-blocking: OSError(EAGAIN).
bool ssl_socket_settle(const mp_obj_ssl_socket_t *self, mp_obj_t exception, int errcode, bool done);

// Raises the failure that ended the connection, if one did.
void ssl_socket_raise_failure(mp_obj_ssl_socket_t *self);

// The same, and OSError for a connection that is closed or whose handshake is not complete.
void ssl_socket_require_established(mp_obj_ssl_socket_t *self);

// Leaves the waiting to the stream.
void ssl_socket_tell_timeout(mp_obj_t stream, uint32_t ms);

// Lets go of the engine's connection and of the stream, which stays open.
void ssl_socket_discard(mp_obj_ssl_socket_t *self);

#endif // MICROPYTHON_SSL_SOCKET_H
