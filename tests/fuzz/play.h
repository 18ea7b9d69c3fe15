// A handshake and a conversation of two real endpoints, of which an input says how they go wrong.
//
// An input has a header, and then
// - a script for the relay between the two (relay.h), or
// - all that one end, the target, gets to read, while nobody is at the other: bytes, or datagrams with their length in
//   front (2 octets).

#ifndef TESTS_FUZZ_PLAY_H
#define TESTS_FUZZ_PLAY_H

#include "relay.h"
#include "scenarios.h"

typedef enum header {
    HEADER_SCENARIO,
    HEADER_FLAGS,         // FLAG_*
    HEADER_CLIENT_FAULTS, // of its transport, FAULT_*
    HEADER_SERVER_FAULTS,
    HEADER_HOOKS,        // what they answer, ANSWER_*
    HEADER_CONVERSATION, // TALK_*
    HEADER_MEMORY,       // 2 octets: the number of the allocation that fails, and all after it; 0: none
    HEADER_SIZE = HEADER_MEMORY + 2,
} header_t;

#define FLAG_TRANSCRIPT 1  // no script: what the target reads
#define FLAG_CLEAR      2  // records are not encrypted
#define FLAG_SERVER     4  // datagrams: the target is the server
#define FLAG_AGAIN      8  // the next connection, of which all is well, has to work
#define FLAG_IMPLIED    16 // no explicit handshake: reading and writing does it
#define FLAG_FRESH      32 // new contexts

#define FAULT_CHUNK 15 // the exponent of how many bytes a call moves at most; 0: any number
#define FAULT_BLOCK 16
#define FAULT_ABORT 32

#define ANSWER_REJECT  1 // verify: no, at the depth in bit 2
#define ANSWER_ABORT   2 // ... TLS_ABORTED
#define ANSWER_DEPTH   4
#define ANSWER_NO_KEY  8   // psk, or names: no
#define ANSWER_KEYLOG  16  // keylog aborts, once
#define ANSWER_EARLY   32  // the clock says that no certificate is valid yet
#define ANSWER_NO_TIME 64  // there is no clock
#define ANSWER_NOBODY  128 // no hooks for certificates

#define TALK_CLIENT 7 // how much it says, see talk_sizes
#define TALK_SERVER (7 << 3)
#define TALK_CLOSE  64  // the client closes without waiting for the server
#define TALK_QUIET  128 // the server closes without waiting for the client

// Which end the target is.
typedef enum target {
    TARGET_CLIENT,
    TARGET_SERVER,
    TARGET_DATAGRAM,
} target_t;

extern const target_t this_target; // target_*.c

// mutate.c
size_t mutate_input(uint8_t *data, size_t len, size_t max, unsigned seed);

#endif // TESTS_FUZZ_PLAY_H
