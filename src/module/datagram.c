// When a handshake over datagrams sends again what may be lost, and when it gives up.

#include "module/datagram.h"

#if MICROPY_PY_SSL_DTLS

#include "module/transport.h"
#include "py/mphal.h"
#include "py/stream.h"

// In one call; whoever sends empty datagrams without end must not keep it from returning.
#define EMPTY_MAX 100

static uint32_t ticks_ms(tls_host_t *host) {
    (void)host;
    return (uint32_t)mp_hal_ticks_ms();
}

// Milliseconds until the handshake has something to do though nothing arrives; -1: it has nothing to wait for.
static int32_t time_left(const mp_obj_ssl_socket_t *self) {
    if (!self->handshake_running || tls_connection_is_established(self->connection)) {
        return -1;
    }
    tls_host_t host = {.ticks_ms = ticks_ms};
    int32_t timer = tls_connection_timeout_ms(self->connection, &host);
    uint32_t elapsed = ticks_ms(NULL) - self->handshake_start;
    int32_t total = MICROPY_PY_SSL_DTLS_HANDSHAKE_TIMEOUT_MS;
    total = elapsed < (uint32_t)total ? total - (int32_t)elapsed : 0;
    return timer < 0 || timer > total ? total : timer;
}

bool ssl_datagram_may_wait(const mp_obj_ssl_socket_t *self) {
    if (!ssl_is_datagram(self) || self->connection == NULL || tls_connection_is_established(self->connection)) {
        return false;
    }
    return self->blocking == SSL_BLOCKING
        || (self->blocking == SSL_BLOCKING_UNKNOWN && ssl_transport_is_blocking(self->stream));
}

// true: there is a datagram, or waiting is the stream's business. The library may come here several times in one call.
static bool wait_for_datagram(ssl_call_t *call) {
    int32_t left = call->may_wait ? time_left(call->socket) : -1;
    if (left < 0 || call->timer_expired) {
        return left < 0;
    }
    uint32_t limit = MIN((uint32_t)left, ssl_deadline_left(&call->deadline));
    call->timer_expired = !ssl_transport_wait(call->socket->stream, MP_STREAM_POLL_RD, limit);
    return !call->timer_expired; // if there is an error, the read will tell
}

tls_status_t ssl_datagram_receive(ssl_call_t *call, uint8_t *buf, size_t size, size_t *count) {
    for (int i = 0; i < EMPTY_MAX; i++) {
        if (!wait_for_datagram(call)) {
            bool is_over = ssl_deadline_left(&call->deadline) == 0;
            return is_over ? ssl_call_time_is_over(call, TLS_WANT_READ) : TLS_WANT_READ;
        }
        tls_status_t status = ssl_call_receive(call, buf, size, count);
        // Datagrams have no end: an empty one is dropped like any other that is no record (RFC 6347 section 4.1.2.7).
        if (status != TLS_EOF) {
            return status;
        }
    }
    return TLS_WANT_READ;
}

void ssl_datagram_sent(mp_obj_ssl_socket_t *self) {
    if (ssl_is_datagram(self) && !self->handshake_running) {
        self->handshake_running = true;
        self->handshake_start = ticks_ms(NULL);
    }
}

tls_status_t ssl_datagram_give_up(tls_host_t *host) {
    tls_error_set(&host->error, TLS_ERROR_PROTOCOL, TLS_CODE_TIMEOUT, "the peer did not answer in the handshake");
    return TLS_ERROR;
}

bool ssl_datagram_again(ssl_call_t *call, tls_status_t *status) {
    bool expired = call->timer_expired;
    call->timer_expired = false;
    if ((*status != TLS_WANT_READ && *status != TLS_WANT_WRITE) || !ssl_is_datagram(call->socket)
        || !call->socket->handshake_running || tls_connection_is_established(call->socket->connection)) {
        return false;
    }
    if (ticks_ms(NULL) - call->socket->handshake_start >= MICROPY_PY_SSL_DTLS_HANDSHAKE_TIMEOUT_MS) {
        *status = ssl_datagram_give_up(&call->host);
        return false;
    }
    return expired && *status == TLS_WANT_READ;
}

bool ssl_datagram_is_due(mp_obj_ssl_socket_t *self) {
    return ssl_is_datagram(self) && time_left(self) == 0 && !tls_connection_output_pending(self->connection);
}

#endif
