#include "wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef uint32_t datagram_size_t;

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static void queue_put(wire_queue_t *queue, const void *data, size_t len) {
    if (queue->tail + len > queue->capacity) {
        queue->capacity = 2 * (queue->tail + len);
        queue->data = realloc(queue->data, queue->capacity);
        assert(queue->data != NULL);
    }
    memcpy(queue->data + queue->tail, data, len);
    queue->tail += len;
}

static void queue_take(wire_queue_t *queue, void *data, size_t len) {
    assert(len <= queue->tail - queue->head);
    memcpy(data, queue->data + queue->head, len);
    queue->head += len;
    if (queue->head == queue->tail) {
        queue->head = queue->tail = 0;
    }
}

static void queue_put_datagram(wire_queue_t *queue, const void *data, size_t len) {
    datagram_size_t size = (datagram_size_t)len;
    queue_put(queue, &size, sizeof(size));
    queue_put(queue, data, len);
}

// What of the datagram does not fit is lost, as with recv(2).
static size_t queue_take_datagram(wire_queue_t *queue, void *data, size_t size) {
    datagram_size_t len;
    queue_take(queue, &len, sizeof(len));
    uint8_t *datagram = malloc(len);
    assert(datagram != NULL);
    queue_take(queue, datagram, len);
    size_t count = smaller(len, size);
    memcpy(data, datagram, count);
    free(datagram);
    return count;
}

static void init(wire_end_t *end, wire_end_t *peer, bool datagram) {
    *end = (wire_end_t) {
        .chunk = WIRE_NEVER,
        .block_at = WIRE_NEVER,
        .abort_at = WIRE_NEVER,
        .room = WIRE_NEVER,
        .eof_at = WIRE_NEVER,
        .corrupt_at = WIRE_NEVER,
        .peer = peer,
        .datagram = datagram,
    };
}

void wire_connect(wire_end_t *one, wire_end_t *other, bool datagram) {
    init(one, other, datagram);
    init(other, one, datagram);
}

void wire_free(wire_end_t *end) {
    free(end->inbox.data);
    free(end->sent.data);
    end->inbox = end->sent = (wire_queue_t) {0};
}

// Whether one in so many random choices was made (xorshift32). A fault at every n-th call would not do: a caller with a
// rhythm of its own could meet it at the same place for ever.
static bool happens(uint32_t *state, uint32_t one_in) {
    if (*state == 0) {
        return false;
    }
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return (*state >> 16) % one_in == 0;
}

// The faults that recv and send have in common. TLS_OK: none.
static tls_status_t fault(wire_end_t *end, bool blocked, tls_status_t would_block) {
    size_t call = end->calls++;
    tls_status_t status = TLS_OK;
    if (call == end->abort_at || happens(&end->abort_random, 4)) {
        status = TLS_ABORTED;
    } else if (blocked || call == end->block_at || happens(&end->block_random, 2)) {
        status = would_block;
    }
    end->blocked += status != TLS_OK;
    return status;
}

tls_status_t wire_recv(wire_end_t *end, uint8_t *buf, size_t size, size_t *count) {
    *count = 0;
    tls_status_t status = fault(end, end->recv_blocked, TLS_WANT_READ);
    if (status != TLS_OK) {
        return status;
    }
    if (end->bytes_received >= end->eof_at) {
        return TLS_EOF;
    }
    if (wire_waiting(end) == 0) {
        return end->ended ? TLS_EOF : TLS_WANT_READ;
    }
    if (end->datagram) {
        *count = queue_take_datagram(&end->inbox, buf, size);
    } else {
        size_t there = smaller(wire_waiting(end), end->eof_at - end->bytes_received);
        *count = smaller(there, smaller(size, end->chunk));
        queue_take(&end->inbox, buf, *count);
    }
    end->bytes_received += *count;
    return TLS_OK;
}

static bool is_lost(const wire_end_t *end) {
    size_t number = end->datagrams_sent < 63 ? end->datagrams_sent : 63;
    return end->lost >> number & 1;
}

tls_status_t wire_send(wire_end_t *end, const uint8_t *buf, size_t size, size_t *count) {
    *count = 0;
    tls_status_t status = fault(end, end->send_blocked, TLS_WANT_WRITE);
    if (status != TLS_OK) {
        return status;
    }
    if (end->datagram) {
        *count = size;
        queue_put_datagram(&end->sent, buf, size);
        if (!is_lost(end)) {
            queue_put_datagram(&end->peer->inbox, buf, size);
        }
        end->datagrams_sent++;
    } else {
        if (wire_waiting(end->peer) >= end->room) {
            return TLS_WANT_WRITE;
        }
        *count = smaller(end->room - wire_waiting(end->peer), smaller(size, end->chunk));
        queue_put(&end->sent, buf, *count);
        queue_put(&end->peer->inbox, buf, *count);
        if (end->corrupt_at >= end->bytes_sent && end->corrupt_at < end->bytes_sent + *count) {
            end->peer->inbox.data[end->peer->inbox.tail - *count + end->corrupt_at - end->bytes_sent] ^= 1;
        }
    }
    end->bytes_sent += *count;
    return TLS_OK;
}

void wire_close(wire_end_t *end) {
    end->peer->ended = true;
}

void wire_inject(wire_end_t *end, const void *data, size_t len) {
    if (end->datagram) {
        queue_put_datagram(&end->inbox, data, len);
    } else {
        queue_put(&end->inbox, data, len);
    }
}

void wire_discard(wire_end_t *end) {
    end->inbox.head = end->inbox.tail = 0;
}

size_t wire_waiting(const wire_end_t *end) {
    return end->inbox.tail - end->inbox.head;
}
