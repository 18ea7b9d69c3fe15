#include "relay.h"

#include <assert.h>

#define HEADER_SIZE          5
#define DATAGRAM_HEADER_SIZE 13
#define TYPE_HANDSHAKE       22

bool script_next(const uint8_t **data, size_t *len, script_step_t *step) {
    if (*len < STEP_SIZE) {
        return false;
    }
    const uint8_t *p = *data;
    *step = (script_step_t) {
        .kind = (step_kind_t)((p[0] & ~STEP_TO_TARGET) % STEP_COUNT),
        .to_target = p[0] & STEP_TO_TARGET,
        .number = p[1],
        .position = (uint16_t)(p[2] << 8 | p[3]),
        .value = p[4],
        .bytes = p + STEP_SIZE,
    };
    *data += STEP_SIZE;
    *len -= STEP_SIZE;
    if (step->kind >= STEP_INSERT) {
        step->len = step->value & STEP_BYTES_MAX;
        step->len = step->len < *len ? step->len : *len;
        *data += step->len;
        *len -= step->len;
    }
    return true;
}

void relay_start(relay_t *relay, pair_t *pair, bool target_is_server) {
    memset(relay, 0, sizeof(*relay));
    relay->datagram = pair->datagram;
    wire_connect(&relay->to_server.in, &relay->to_client.in, pair->datagram);
    pair->client.wire.peer = &relay->to_server.in;
    pair->server.wire.peer = &relay->to_client.in;
    relay->to_server.out = &pair->server.wire;
    relay->to_client.out = &pair->client.wire;
    relay->to_server.to_target = target_is_server;
    relay->to_client.to_target = !target_is_server;
}

void relay_script(relay_t *relay, const uint8_t *script, size_t len) {
    while (relay->step_count < STEPS_MAX && script_next(&script, &len, &relay->steps[relay->step_count])) {
        relay->step_count++;
    }
}

static void free_lane(lane_t *lane) {
    wire_free(&lane->in);
    free(lane->passed.data);
    free(lane->held.data);
    free(lane->joined.data);
    for (size_t i = 0; i < KEPT_MAX; i++) {
        free(lane->kept[i].data);
    }
}

void relay_free(relay_t *relay) {
    free_lane(&relay->to_client);
    free_lane(&relay->to_server);
}

// ---------------------------------------------------------------------------------------------------------------------
// Records

static unit_t copy_unit(const unit_t *unit) {
    unit_t copy = {.data = malloc(UNIT_MAX), .len = unit->len};
    assert(copy.data != NULL);
    memcpy(copy.data, unit->data, unit->len);
    return copy;
}

static size_t header_size(const relay_t *relay) {
    return relay->datagram ? DATAGRAM_HEADER_SIZE : HEADER_SIZE;
}

// Sets the length in the header to that of what follows. In a datagram that is then one record.
static void mend_length(const relay_t *relay, unit_t *unit) {
    size_t header = header_size(relay);
    if (unit->len >= header) {
        unit->data[header - 2] = (uint8_t)((unit->len - header) >> 8);
        unit->data[header - 1] = (uint8_t)(unit->len - header);
    }
}

// And that of a handshake message which fills the record.
static void mend_lengths(const relay_t *relay, unit_t *unit) {
    size_t header = header_size(relay);
    size_t message = relay->datagram ? 12 : 4;
    mend_length(relay, unit);
    if (unit->len < header + message || unit->data[0] != TYPE_HANDSHAKE) {
        return;
    }
    size_t len = unit->len - header - message;
    for (size_t at = 1; at < message; at += 8) { // that of the message, that of the fragment
        unit->data[header + at] = 0;
        unit->data[header + at + 1] = (uint8_t)(len >> 8);
        unit->data[header + at + 2] = (uint8_t)len;
    }
}

static void queue_bytes(wire_queue_t *queue, const uint8_t *data, size_t len) {
    queue->data = realloc(queue->data, queue->tail + len + 1);
    assert(queue->data != NULL);
    memcpy(queue->data + queue->tail, data, len);
    queue->tail += len;
}

static void pass_bytes(const relay_t *relay, lane_t *lane, const uint8_t *data, size_t len) {
    if (len == 0 || lane->out->ended) {
        return;
    }
    wire_inject(lane->out, data, len);
    if (lane->record) {
        if (relay->datagram) {
            queue_bytes(&lane->passed, (const uint8_t[]) {(uint8_t)(len >> 8), (uint8_t)len}, 2);
        }
        queue_bytes(&lane->passed, data, len);
    }
}

static void pass_unit(const relay_t *relay, lane_t *lane, const unit_t *unit) {
    pass_bytes(relay, lane, unit->data, unit->len);
}

// As two records, or two datagrams, of the same kind.
static void pass_halves(const relay_t *relay, lane_t *lane, const unit_t *unit, size_t position) {
    size_t header = header_size(relay);
    if (unit->len <= header) {
        pass_unit(relay, lane, unit);
        return;
    }
    size_t first = header + position % (unit->len - header);
    unit_t half = copy_unit(unit);
    half.len = first;
    mend_length(relay, &half);
    pass_unit(relay, lane, &half);
    half.len = header + unit->len - first;
    memcpy(half.data + header, unit->data + first, unit->len - first);
    mend_length(relay, &half);
    pass_unit(relay, lane, &half);
    free(half.data);
}

static void release(const relay_t *relay, lane_t *lane, unit_t *unit) {
    if (unit->data != NULL) {
        pass_unit(relay, lane, unit);
        free(unit->data);
        *unit = (unit_t) {.data = NULL};
    }
}

static void insert(unit_t *unit, size_t at, const uint8_t *bytes, size_t len) {
    len = len < UNIT_MAX - unit->len ? len : UNIT_MAX - unit->len;
    memmove(unit->data + at + len, unit->data + at, unit->len - at);
    memcpy(unit->data + at, bytes, len);
    unit->len += len;
}

// ---------------------------------------------------------------------------------------------------------------------
// Steps

typedef struct fate {
    bool dropped;
    bool held;
    bool joined;
    bool split;
    size_t split_at;
    unsigned repeats;
    bool end;
} fate_t;

static void take_step(relay_t *relay, lane_t *lane, unit_t *unit, const script_step_t *step, fate_t *fate) {
    size_t header = header_size(relay);
    size_t content = unit->len > header ? unit->len - header : 0;
    size_t at = content == 0 ? unit->len : header + step->position % content; // in the content, if there is one
    size_t part;
    switch (step->kind) {
        case STEP_DROP:
            fate->dropped = true;
            break;
        case STEP_REPEAT:
            fate->repeats = step->value & 63;
            break;
        case STEP_HOLD:
            fate->held = true;
            break;
        case STEP_FLIP:
            unit->data[step->position % unit->len] ^= step->value;
            break;
        case STEP_LENGTH:
            if (unit->len >= header) {
                unit->data[header - 2] = (uint8_t)(step->position >> 8);
                unit->data[header - 1] = (uint8_t)step->position;
            }
            break;
        case STEP_TRUNCATE:
            unit->len = at;
            mend_lengths(relay, unit);
            break;
        case STEP_CUT:
            unit->len = at;
            break;
        case STEP_SPLIT:
            fate->split = true;
            fate->split_at = step->position;
            break;
        case STEP_JOIN:
            fate->joined = true;
            break;
        case STEP_TYPE:
            unit->data[0] = step->value;
            break;
        case STEP_MESSAGE:
            if (content > 0) {
                unit->data[header + step->position % (content < 48 ? content : 48)] = step->value;
            }
            break;
        case STEP_DELETE:
            part = step->value & 63;
            part = part < unit->len - at ? part : unit->len - at;
            memmove(unit->data + at, unit->data + at + part, unit->len - at - part);
            unit->len -= part;
            mend_lengths(relay, unit);
            break;
        case STEP_REPLAY:
            pass_unit(relay, lane, &lane->kept[step->position % KEPT_MAX]);
            break;
        case STEP_END:
            fate->end = true;
            break;
        case STEP_WAIT:
            advance_clock(step->value * 64u);
            break;
        case STEP_INSERT:
            pass_bytes(relay, lane, step->bytes, step->len);
            break;
        case STEP_RECORD: {
            unit_t record = copy_unit(unit);
            record.data[0] = (uint8_t)step->position;
            record.len = header;
            insert(&record, header, step->bytes, step->len);
            mend_length(relay, &record);
            pass_unit(relay, lane, &record);
            free(record.data);
            break;
        }
        case STEP_OVERWRITE:
            part = step->len < unit->len - at ? step->len : unit->len - at;
            memcpy(unit->data + at, step->bytes, part);
            break;
        case STEP_INTO:
            insert(unit, at, step->bytes, step->len);
            mend_lengths(relay, unit);
            break;
        case STEP_COUNT:
            break;
    }
}

static void pass_on(relay_t *relay, lane_t *lane, unit_t *unit, const fate_t *fate) {
    if (fate->dropped) {
        return;
    }
    if (fate->held && lane->held.data == NULL) {
        lane->held = copy_unit(unit);
        return;
    }
    if (fate->joined && lane->joined.data == NULL) {
        lane->joined = copy_unit(unit);
        return;
    }
    if (lane->joined.data != NULL) {
        size_t header = relay->datagram ? 0 : header_size(relay); // of datagrams both records stay what they are
        if (unit->len >= header) {
            insert(unit, header, lane->joined.data + header, lane->joined.len - header);
            free(lane->joined.data);
            lane->joined.data = NULL;
        }
        if (!relay->datagram) {
            mend_length(relay, unit);
        }
    }
    if (fate->split) {
        pass_halves(relay, lane, unit, fate->split_at);
    } else {
        pass_unit(relay, lane, unit);
    }
    for (unsigned i = 0; i < fate->repeats; i++) {
        pass_unit(relay, lane, unit);
    }
    release(relay, lane, &lane->held);
}

static void process(relay_t *relay, lane_t *lane, unit_t *unit) {
    if (lane->units < KEPT_MAX) {
        lane->kept[lane->units] = copy_unit(unit);
    }
    fate_t fate = {.dropped = false};
    for (size_t i = 0; i < relay->step_count; i++) {
        const script_step_t *step = &relay->steps[i];
        if (step->number == lane->units && step->to_target == lane->to_target && unit->len > 0) {
            take_step(relay, lane, unit, step, &fate);
        }
    }
    lane->units++;
    pass_on(relay, lane, unit, &fate);
    if (fate.end) {
        lane->out->ended = true;
    }
}

// The next record or datagram. false: there is no whole one. What ends in the middle of one is one.
static bool take_unit(const relay_t *relay, lane_t *lane, unit_t *unit) {
    wire_queue_t *queue = &lane->in.inbox;
    size_t there = queue->tail - queue->head;
    if (there == 0) {
        return false;
    }
    const uint8_t *p = queue->data + queue->head;
    size_t skip = 0;
    if (relay->datagram) {
        uint32_t len; // see wire.c
        memcpy(&len, p, sizeof(len));
        skip = sizeof(len);
        unit->len = len;
    } else {
        unit->len = there < HEADER_SIZE ? SIZE_MAX : HEADER_SIZE + (size_t)(p[3] << 8 | p[4]);
        if (unit->len > there) {
            if (!lane->in.ended) {
                return false;
            }
            unit->len = there;
        }
    }
    assert(unit->len <= UNIT_MAX);
    memcpy(unit->data, p + skip, unit->len);
    queue->head += skip + unit->len;
    if (queue->head == queue->tail) {
        queue->head = queue->tail = 0;
    }
    return true;
}

static bool move(relay_t *relay, lane_t *lane) {
    unit_t unit = {.data = malloc(UNIT_MAX)};
    assert(unit.data != NULL);
    bool moved = false;
    while (take_unit(relay, lane, &unit)) {
        process(relay, lane, &unit);
        moved = true;
    }
    free(unit.data);
    if (lane->in.ended && !lane->out->ended) {
        release(relay, lane, &lane->joined);
        release(relay, lane, &lane->held);
        lane->out->ended = true;
        moved = true;
    }
    return moved;
}

bool relay_move(relay_t *relay) {
    bool moved = move(relay, &relay->to_client);
    return move(relay, &relay->to_server) || moved;
}
