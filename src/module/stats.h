// What a connection has moved: counted where it passes, before TLS and behind it.

#ifndef MICROPYTHON_SSL_STATS_H
#define MICROPYTHON_SSL_STATS_H

#include "module/compat.h"
#include "ssl_config.h"

#if MICROPY_PY_SSL_STATS

// One direction.
typedef struct {
    uint64_t bytes;
    uint32_t records; // whole ones
    uint32_t left;    // bytes of the record that is on its way
    uint8_t header[5];
    uint8_t header_len;
} ssl_flow_t;

typedef struct {
    ssl_flow_t received;
    ssl_flow_t sent;
    uint32_t start;        // ticks when the handshake began
    uint32_t handshake_ms; // once it is complete
    uint32_t heap_peak;    // once the connection is closed
    bool started;
    bool complete;
    bool resumed;
} ssl_stats_t;

// Bytes passed, or one datagram did.
void ssl_flow_count(ssl_flow_t *flow, const uint8_t *data, size_t size, bool datagram);

MP_DECLARE_CONST_FUN_OBJ_1(ssl_socket_stats_obj);

#endif

#endif // MICROPYTHON_SSL_STATS_H
