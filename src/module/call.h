// One call into the engine: the only way in, and the only place where Python code can run underneath it.
//
//     ssl_call_t call;
//     ssl_call_begin(&call, self);                      // raises if the connection is closed or in use
//     status = tls_connection_…(self->connection, &call.host, …);
//     ssl_call_end(&call, status);                      // never raises
//     … call.exception, call.errcode …

#ifndef MICROPYTHON_SSL_CALL_H
#define MICROPYTHON_SSL_CALL_H

#include "module/deadline.h"
#include "module/socket.h"
#include "module/transport.h"

typedef struct {
    tls_host_t host; // must be first: hooks get from it to the call
    mp_obj_ssl_socket_t *socket;
    mp_obj_t exception; // raised by a stream or callback, or made for TLS_ERROR; MP_OBJ_NULL if none
    int errcode;        // error of the transport, 0 if none
    ssl_transport_room_t room;
    ssl_deadline_t deadline; // for waits of ours; without one the stream below waits as it likes
    bool interrupt_was_held; // when it began, inside of another call's hook
    bool closing;            // what the peer has said does not matter any more
    bool may_wait;           // DTLS: hooks may wait for datagrams, as long as there is nothing to send again
    bool timer_expired;      // … which there is now
} ssl_call_t;

// In a hook.
static inline ssl_call_t *ssl_call_of(tls_host_t *host) {
    return (ssl_call_t *)host;
}

// OSError(EBADF) if closed; OSError(EBUSY) if another call is inside, from another thread or from inside a hook.
void ssl_call_begin(ssl_call_t *call, mp_obj_ssl_socket_t *self);

// As above but tells by its result instead of raising: 0 or an errno.
int ssl_call_try_begin(ssl_call_t *call, mp_obj_ssl_socket_t *self);

// The hooks that the socket's context wants, again after the socket got another context.
void ssl_call_set_hooks(ssl_call_t *call);

// The exception for an errno of ssl_call_try_begin().
mp_obj_t ssl_call_refusal(int errcode);

// The time that the call's deadline gave is over: TLS_ABORTED, or `blocked` if it gave none.
tls_status_t ssl_call_time_is_over(ssl_call_t *call, tls_status_t blocked);

// One attempt of hooks.recv to read the stream, which waits as long as the deadline says if there is one.
tls_status_t ssl_call_receive(ssl_call_t *call, uint8_t *buf, size_t size, size_t *count);

// With `send_error` set: lets the call end with it. TLS_ABORTED.
tls_status_t ssl_call_raise_send_error(ssl_call_t *call);

// Settles the socket's state after the engine has returned `status`, fills `exception` for TLS_ERROR, and carries out a
// close() that was asked for meanwhile.
void ssl_call_end(ssl_call_t *call, tls_status_t status);

// Where Ctrl-C jumps out of whatever the program is at, it waits while `hold`. Whether it was to wait before.
bool ssl_hold_interrupt(bool hold);

#endif // MICROPYTHON_SSL_CALL_H
