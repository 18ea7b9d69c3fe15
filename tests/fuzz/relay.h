// Between two endpoints: takes what each sends, record by record (or datagram by datagram), does to it what a script
// says, and passes it on.

#ifndef TESTS_FUZZ_RELAY_H
#define TESTS_FUZZ_RELAY_H

#include "peers.h"

// A script is a list of steps: the step's number, with STEP_TO_TARGET if it changes what the target gets to read; which
// record on the way there, from 0; where in it (2 octets); a value; and for steps from STEP_INSERT on, as many bytes as
// the value says. "Its lengths" are that of the record and that of a handshake message in it.
typedef enum step_kind {
    STEP_DROP,
    STEP_REPEAT,    // value & 63 times more
    STEP_HOLD,      // until the next one has gone
    STEP_FLIP,      // value: which bits of the byte
    STEP_LENGTH,    // the record says another length
    STEP_TRUNCATE,  // its lengths say so
    STEP_CUT,       // its lengths do not
    STEP_SPLIT,     // into two records; into two datagrams
    STEP_JOIN,      // with the next one, which is to be of the same type
    STEP_TYPE,      // the record's is the value
    STEP_MESSAGE,   // one of the first bytes of the content is the value
    STEP_DELETE,    // value & 63 bytes; its lengths say so
    STEP_REPLAY,    // an earlier one before this one
    STEP_END,       // of the transport, after this one
    STEP_WAIT,      // value * 64 ms
    STEP_INSERT,    // bytes before this one
    STEP_RECORD,    // a record with these bytes before this one; the type is in place of the position
    STEP_OVERWRITE, // in its content
    STEP_INTO,      // its content; its lengths say so
    STEP_COUNT,
} step_kind_t;

#define STEP_SIZE      5 // without the bytes
#define STEP_TO_TARGET 0x80
#define STEP_BYTES_MAX 63

typedef struct script_step {
    step_kind_t kind;
    bool to_target;
    uint8_t number;
    uint16_t position;
    uint8_t value;
    const uint8_t *bytes;
    size_t len; // of the bytes
} script_step_t;

// Takes the next step of a script. false: that was all.
bool script_next(const uint8_t **data, size_t *len, script_step_t *step);

#define STEPS_MAX 32
#define KEPT_MAX  12 // records of each direction that can be replayed
#define UNIT_MAX  (5 + 16384 + 2048)

typedef struct unit {
    uint8_t *data;
    size_t len;
} unit_t;

typedef struct lane {
    wire_end_t in; // where one end sends to
    wire_end_t *out;
    bool to_target;
    unsigned units; // so far
    unit_t held;    // goes after the next one
    unit_t joined;  // waits to be joined with the next one
    unit_t kept[KEPT_MAX];
    wire_queue_t passed; // all that went on, datagrams with their length (2 octets); only if `record`
    bool record;
} lane_t;

typedef struct relay {
    script_step_t steps[STEPS_MAX];
    size_t step_count;
    bool datagram;
    lane_t to_client;
    lane_t to_server;
} relay_t;

// Comes between the two ends of a pair that was just opened.
void relay_start(relay_t *relay, pair_t *pair, bool target_is_server);
void relay_script(relay_t *relay, const uint8_t *script, size_t len);
void relay_free(relay_t *relay);

// Passes on what has come. Whether there was anything.
bool relay_move(relay_t *relay);

#endif // TESTS_FUZZ_RELAY_H
