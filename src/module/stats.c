// What a connection has moved: counted where it passes, before TLS and behind it.
//
// Records are told by their headers (RFC 8446 section 5.1, RFC 6347 section 4.1), so that the numbers are those of a
// capture, whatever the library makes of them.

#include "module/stats.h"

#include <string.h>

#include "module/socket.h"

#if MICROPY_PY_SSL_STATS

#define DATAGRAM_HEADER_SIZE 13

static size_t length_at(const uint8_t *p) {
    return (size_t)p[0] << 8 | p[1];
}

static void count_datagram(ssl_flow_t *flow, const uint8_t *data, size_t size) {
    while (size >= DATAGRAM_HEADER_SIZE) {
        size_t record = DATAGRAM_HEADER_SIZE + length_at(data + DATAGRAM_HEADER_SIZE - 2);
        if (record > size) {
            return;
        }
        flow->records++;
        data += record;
        size -= record;
    }
}

static void count_stream(ssl_flow_t *flow, const uint8_t *data, size_t size) {
    while (size > 0) {
        bool in_header = flow->header_len < sizeof(flow->header);
        size_t part = MIN(size, in_header ? sizeof(flow->header) - flow->header_len : flow->left);
        if (in_header) {
            memcpy(flow->header + flow->header_len, data, part);
            flow->header_len = (uint8_t)(flow->header_len + part);
            flow->left = (uint32_t)length_at(flow->header + sizeof(flow->header) - 2);
        } else {
            flow->left -= (uint32_t)part;
        }
        if (flow->header_len == sizeof(flow->header) && flow->left == 0) {
            flow->records++;
            flow->header_len = 0;
        }
        data += part;
        size -= part;
    }
}

void ssl_flow_count(ssl_flow_t *flow, const uint8_t *data, size_t size, bool datagram) {
    flow->bytes += size;
    (datagram ? count_datagram : count_stream)(flow, data, size);
}

static void store(mp_obj_t dict, qstr name, mp_obj_t value) {
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(name), value);
}

//| class SSLSocket:
//| def stats(self) -> dict[str, int | bool | None]:
//|     """Return numbers of this connection, also after `close()`.
//|
//|     - `bytes_received`, `bytes_sent`, `records_received`, `records_sent`: what went through the stream below.
//|     - `handshake_ms`: milliseconds from the handshake's first call to its end, or `None`; `resumed`: whether by a
//|       session.
//|     - `heap_held`, `heap_peak`: bytes of the heap that it takes now, and the most that it ever took.
//|     """
static mp_obj_t ssl_socket_stats(mp_obj_t self_in) {
    const mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(self_in);
    const ssl_stats_t *stats = &self->stats;
    mp_obj_t handshake = stats->complete ? mp_obj_new_int_from_uint(stats->handshake_ms) : mp_const_none;
    tls_memory_use_t memory = {.held = 0, .peak = stats->heap_peak};
    if (self->connection != NULL) {
        memory = tls_connection_memory_use(self->connection);
    }
    mp_obj_t dict = mp_obj_new_dict(8);
    store(dict, MP_QSTR_bytes_received, mp_obj_new_int_from_ull(stats->received.bytes));
    store(dict, MP_QSTR_bytes_sent, mp_obj_new_int_from_ull(stats->sent.bytes));
    store(dict, MP_QSTR_records_received, mp_obj_new_int_from_uint(stats->received.records));
    store(dict, MP_QSTR_records_sent, mp_obj_new_int_from_uint(stats->sent.records));
    store(dict, MP_QSTR_handshake_ms, handshake);
    store(dict, MP_QSTR_resumed, mp_obj_new_bool(stats->resumed));
    store(dict, MP_QSTR_heap_held, mp_obj_new_int_from_uint(memory.held));
    store(dict, MP_QSTR_heap_peak, mp_obj_new_int_from_uint(memory.peak));
    return dict;
}
MP_DEFINE_CONST_FUN_OBJ_1(ssl_socket_stats_obj, ssl_socket_stats);

#endif
