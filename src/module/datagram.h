// Connections over datagrams: when a handshake sends again what may be lost, and when it gives up.
//
// The clock runs whether or not anything arrives. A call that may wait comes back when it is time; one that may not is
// made again because poll() says so.

#ifndef MICROPYTHON_SSL_DATAGRAM_H
#define MICROPYTHON_SSL_DATAGRAM_H

#include "module/call.h"

#if MICROPY_PY_SSL_DTLS

static inline bool ssl_is_datagram(const mp_obj_ssl_socket_t *self) {
    return self->context->protocol & TLS_PROTOCOL_DATAGRAM;
}

// Whether a read or write that does the handshake may wait for datagrams: the stream is known to block.
bool ssl_datagram_may_wait(const mp_obj_ssl_socket_t *self);

// ssl_call_receive() for datagrams: waits first, if the call may, and drops empty ones.
tls_status_t ssl_datagram_receive(ssl_call_t *call, uint8_t *buf, size_t size, size_t *count);

// A datagram has been sent. With the first one the handshake's time begins: a server may wait for its client for ever.
void ssl_datagram_sent(mp_obj_ssl_socket_t *self);

// Over datagrams nobody tells that the peer is not there: fills host->error. TLS_ERROR.
tls_status_t ssl_datagram_give_up(tls_host_t *host);

// Whether the call into the engine that ended with *status must be made again, since it is time to send again. *status
// becomes an error once the handshake has taken too long.
bool ssl_datagram_again(ssl_call_t *call, tls_status_t *status);

// Whether a call would do something though nothing has arrived.
bool ssl_datagram_is_due(mp_obj_ssl_socket_t *self);

#else

#define ssl_is_datagram(self)            ((void)(self), false)
#define ssl_datagram_may_wait(self)      (false)
#define ssl_datagram_receive             ssl_call_receive
#define ssl_datagram_sent(self)          ((void)(self))
#define ssl_datagram_give_up(host)       ((void)(host), TLS_ERROR)
#define ssl_datagram_again(call, status) (false)
#define ssl_datagram_is_due(self)        (false)

#endif

#endif // MICROPYTHON_SSL_DATAGRAM_H
