// SSLSocket: a TLS connection over a stream.

#ifndef MICROPYTHON_SSL_SOCKET_H
#define MICROPYTHON_SSL_SOCKET_H

#include "module/context.h"

typedef struct {
    mp_obj_base_t base;
    mp_obj_ssl_context_t *context;
    mp_obj_t stream;              // what it runs over; MP_OBJ_NULL once closed
    tls_connection_t *connection; // NULL once closed
    mp_obj_t server_hostname;
    mp_obj_t unread; // bytes that a read which then failed could not deliver, or MP_OBJ_NULL
    size_t unread_offset;
    mp_obj_t send_error; // the OSError of a stream that can no longer be written, but still be read; or MP_OBJ_NULL
    size_t congestion;   // bytes to write until the stream is believed to take whole records again
    int failed;          // TLS_CODE_* of the error that ended the connection, 0 if none
    uint8_t busy;        // a call is inside the engine
    uint8_t read_want;   // poll direction that a read waits for (MP_STREAM_POLL_*), 0: its own
    uint8_t write_want;  // the same for a write
    bool server_side;
    bool suppress_ragged_eofs;
    uint8_t blocking;     // ssl_blocking_t: what setblocking() or settimeout() of this object said
    bool read_blocked;    // the latest read found less than a record
    bool ended;           // a read has told the end of the stream
    bool truncated;       // … which came without close_notify
    bool close_requested; // close() was called from inside a call of its own
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

// Move at most `size` bytes (> 0) without raising, so that the caller can first save what it has.
ssl_transfer_t ssl_socket_receive(mp_obj_ssl_socket_t *self, void *buf, size_t size);
ssl_transfer_t ssl_socket_transmit(mp_obj_ssl_socket_t *self, const void *buf, size_t size);

// Completes the handshake, waiting as long as it takes (the transport's own timeout bounds each wait). Raises.
void ssl_socket_do_handshake(mp_obj_ssl_socket_t *self);

#endif // MICROPYTHON_SSL_SOCKET_H
