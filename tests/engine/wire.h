// A transport in memory with every fault that a real one has: short, blocked, aborted, ended, corrupted, lost.

#ifndef TESTS_ENGINE_WIRE_H
#define TESTS_ENGINE_WIRE_H

#include "engine/engine.h"

#define WIRE_NEVER SIZE_MAX

// A queue of bytes; in datagram mode each datagram is preceded by its length.
typedef struct wire_queue {
    uint8_t *data;
    size_t head;
    size_t tail;
    size_t capacity;
} wire_queue_t;

typedef struct wire_end wire_end_t;

// One end of a wire: what the hooks of one connection call. Calls of recv and send are counted together, from 0.
struct wire_end {
    // Faults; a test may set them at any time.
    size_t chunk;          // a call moves at most so many bytes
    uint32_t block_random; // seed; every second call on average would block, if not 0
    uint32_t abort_random; // seed; every fourth call on average aborts, if not 0
    size_t block_at;       // the call with this number would block
    size_t abort_at;       // the call with this number aborts
    bool recv_blocked;     // every recv would block
    bool send_blocked;     // every send would block
    size_t room;           // would block with so many bytes unread at the peer
    size_t eof_at;         // the transport ends after so many bytes received
    size_t corrupt_at;     // a bit of the byte with this number is flipped as it is sent
    uint64_t lost;         // bit n: the n-th datagram sent is lost; bit 63: so are all after it

    // What happened.
    size_t calls;
    size_t blocked; // calls that would block because of a fault, or aborted
    size_t bytes_received;
    size_t bytes_sent;
    size_t datagrams_sent;
    wire_queue_t sent; // every byte or datagram as it was sent, lost ones too

    wire_end_t *peer;
    wire_queue_t inbox;
    bool ended; // nothing more will come
    bool datagram;
};

// Connects two ends without faults.
void wire_connect(wire_end_t *one, wire_end_t *other, bool datagram);
void wire_free(wire_end_t *end);

// The hooks.
tls_status_t wire_recv(wire_end_t *end, uint8_t *buf, size_t size, size_t *count);
tls_status_t wire_send(wire_end_t *end, const uint8_t *buf, size_t size, size_t *count);

// The peer reads the end of the transport after what is on its way.
void wire_close(wire_end_t *end);

// Puts bytes on the way to this end as if the peer had sent them.
void wire_inject(wire_end_t *end, const void *data, size_t len);

// Takes away what is on its way to this end.
void wire_discard(wire_end_t *end);

// How many bytes are on their way to this end.
size_t wire_waiting(const wire_end_t *end);

#endif // TESTS_ENGINE_WIRE_H
