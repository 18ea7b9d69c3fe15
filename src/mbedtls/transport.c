// What the library calls during a call of ours: the transport, and the timers of DTLS.

#include "internal.h"

#include <limits.h>

int receive(tls_connection_t *connection, unsigned char *buf, size_t size) {
    if (connection->transport_aborted) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    size_t max = size < INT_MAX ? size : INT_MAX;
    size_t count = sni_take(connection, buf, max);
    if (count > 0) {
        return (int)count;
    }
    tls_host_t *host = connection->host;
    switch (TLS_CALL_HOOK(host, recv, buf, max, &count)) {
        case TLS_OK:
            if (count == 0 || count > max) {
                return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
            }
            return sni_keep(connection, buf, count) ? (int)count : MBEDTLS_ERR_SSL_ALLOC_FAILED;
        case TLS_WANT_READ:
            connection->recv_blocked = true;
            return MBEDTLS_ERR_SSL_WANT_READ;
        case TLS_EOF:
            connection->transport_ended = true;
            return 0;
        default:
            // To the library this looks like a transport that has nothing yet, so that it can go on later.
            connection->transport_aborted = true;
            return MBEDTLS_ERR_SSL_WANT_READ;
    }
}

int transport_recv(void *arg, unsigned char *buf, size_t size) {
    return buffers_receive(arg, buf, size);
}

// Never returns 0: the library would take it for success (mbedtls_ssl_flush_output() in Mbed TLS 3.6).
int transport_send(void *arg, const unsigned char *buf, size_t size) {
    tls_connection_t *connection = arg;
    if (connection->transport_aborted || connection->holding_output) {
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    }
    size_t count = 0;
    size_t max = size < INT_MAX ? size : INT_MAX;
    tls_host_t *host = connection->host;
    switch (TLS_CALL_HOOK(host, send, buf, max, &count)) {
        case TLS_OK:
            return count > 0 && count <= max ? (int)count : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
        case TLS_WANT_WRITE:
            connection->send_blocked = true;
            return MBEDTLS_ERR_SSL_WANT_WRITE;
        default:
            connection->transport_aborted = true;
            return MBEDTLS_ERR_SSL_WANT_WRITE;
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Timers: see mbedtls_ssl_set_timer_t and mbedtls_ssl_get_timer_t.

void transport_set_timer(void *arg, uint32_t intermediate, uint32_t final) {
    tls_connection_t *connection = arg;
    connection->timer_intermediate = intermediate;
    connection->timer_final = final;
    if (final != 0) {
        connection->timer_start = connection->host->ticks_ms(connection->host);
    }
}

int transport_get_timer(void *arg) {
    tls_connection_t *connection = arg;
    if (connection->timer_final == 0) {
        return -1;
    }
    uint32_t elapsed = connection->host->ticks_ms(connection->host) - connection->timer_start;
    if (elapsed >= connection->timer_final) {
        return 2;
    }
    return elapsed >= connection->timer_intermediate ? 1 : 0;
}

int32_t tls_connection_timeout_ms(tls_connection_t *connection, tls_host_t *host) {
    tls_error_clear(&host->error);
    if (connection->timer_final == 0 || connection->established || connection->failure.kind != TLS_ERROR_NONE) {
        return -1;
    }
    uint32_t elapsed = host->ticks_ms(host) - connection->timer_start;
    if (elapsed >= connection->timer_final) {
        return 0;
    }
    uint32_t left = connection->timer_final - elapsed;
    return left < INT32_MAX ? (int32_t)left : INT32_MAX;
}
