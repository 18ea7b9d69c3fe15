// Changes inputs in ways that make sense: steps of scripts, and records of transcripts.

#include "play.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t len, size_t max);

typedef struct span {
    size_t start;
    size_t len;
} span_t;

#define SPANS_MAX 64

static span_t pick(const span_t *spans, size_t count, uint32_t *random) {
    return spans[random_below(random, (uint32_t)count)];
}

static size_t replace(uint8_t *data, size_t len, size_t max, span_t old, const uint8_t *with, size_t with_len) {
    if (len - old.len + with_len > max) {
        return len;
    }
    memmove(data + old.start + with_len, data + old.start + old.len, len - old.start - old.len);
    if (with_len > 0) {
        memmove(data + old.start, with, with_len);
    }
    return len - old.len + with_len;
}

// ---------------------------------------------------------------------------------------------------------------------
// Scripts

static size_t find_steps(const uint8_t *data, size_t len, span_t *spans) {
    const uint8_t *p = data;
    size_t rest = len;
    size_t count = 0;
    script_step_t step;
    for (const uint8_t *start = p; count < SPANS_MAX && script_next(&p, &rest, &step); start = p) {
        spans[count++] = (span_t) {(size_t)(start - data), (size_t)(p - start)};
    }
    return count;
}

// Records of a handshake are few, and their first bytes mean more than the others.
static size_t make_step(uint8_t *step, uint32_t *random) {
    step[0] = (uint8_t)random_below(random, STEP_COUNT);
    step[0] |= random_below(random, 4) > 0 ? STEP_TO_TARGET : 0;
    step[1] = (uint8_t)random_below(random, 12);
    uint32_t position = random_below(random, random_below(random, 2) ? 64 : 2000);
    step[2] = (uint8_t)(position >> 8);
    step[3] = (uint8_t)position;
    step[4] = (uint8_t)(random_below(random, 2) ? random_below(random, 256) : random_below(random, 26));
    if ((step[0] & ~STEP_TO_TARGET) < STEP_INSERT) {
        return STEP_SIZE;
    }
    size_t len = step[4] & STEP_BYTES_MAX;
    for (size_t i = 0; i < len; i++) {
        step[STEP_SIZE + i] = (uint8_t)random_below(random, 256);
    }
    if ((step[0] & ~STEP_TO_TARGET) == STEP_RECORD) {
        step[3] = (uint8_t)(20 + random_below(random, 5)); // a type that there is
    }
    return STEP_SIZE + len;
}

static size_t mutate_script(uint8_t *data, size_t len, size_t max, uint32_t *random) {
    span_t spans[SPANS_MAX];
    size_t count = find_steps(data, len, spans);
    uint8_t step[STEP_SIZE + STEP_BYTES_MAX];
    span_t span = {len, 0};
    uint32_t way = random_below(random, 4);
    if (count > 0 && way > 0) {
        span = pick(spans, count, random);
    }
    switch (way) {
        case 2: // another value
            if (span.len >= STEP_SIZE) {
                data[span.start + 1 + random_below(random, STEP_SIZE - 1)] ^= (uint8_t)(1 << random_below(random, 8));
                return len;
            }
            break;
        case 3: // one less
            return replace(data, len, max, span, NULL, 0);
        default: // one more, or another one
            break;
    }
    size_t size = make_step(step, random);
    return replace(data, len, max, span, step, size);
}

// ---------------------------------------------------------------------------------------------------------------------
// Transcripts

static size_t find_records(const uint8_t *data, size_t len, bool datagram, span_t *spans) {
    size_t header = datagram ? 2 : 5;
    size_t count = 0;
    size_t at = 0;
    while (count < SPANS_MAX && len - at >= header) {
        size_t size = header + (size_t)(data[at + header - 2] << 8 | data[at + header - 1]);
        size = size < len - at ? size : len - at;
        spans[count++] = (span_t) {at, size};
        at += size;
    }
    return count;
}

static void set_length(uint8_t *data, span_t record, size_t header, size_t content) {
    data[record.start + header - 2] = (uint8_t)(content >> 8);
    data[record.start + header - 1] = (uint8_t)content;
}

static size_t mutate_transcript(uint8_t *data, size_t len, size_t max, bool datagram, uint32_t *random) {
    span_t spans[SPANS_MAX];
    size_t count = find_records(data, len, datagram, spans);
    if (count == 0) {
        return LLVMFuzzerMutate(data, len, max);
    }
    size_t header = datagram ? 2 : 5;
    span_t one = pick(spans, count, random);
    span_t other = pick(spans, count, random);
    if (one.len <= header) {
        return replace(data, len, max, one, NULL, 0);
    }
    size_t content = one.len - header;
    size_t at = random_below(random, (uint32_t)content);
    uint8_t *p = data + one.start + header;
    static uint8_t copy[1 << 16];
    memcpy(copy, data + other.start, other.len < sizeof(copy) ? other.len : sizeof(copy));
    switch (random_below(random, 10)) {
        case 0: // drop
            return replace(data, len, max, one, NULL, 0);
        case 1: // repeat somewhere else
            return replace(data, len, max, (span_t) {one.start, 0}, copy, other.len);
        case 2: // truncate, or cut
            set_length(data, one, header, random_below(random, 2) ? at : content);
            return replace(data, len, max, (span_t) {one.start + header + at, content - at}, NULL, 0);
        case 3: { // split
            memcpy(copy, data + one.start, header);
            size_t result = replace(data, len, max, (span_t) {one.start + header + at, 0}, copy, header);
            if (result != len) {
                set_length(data, one, header, at);
                set_length(data, (span_t) {one.start + header + at, 0}, header, content - at);
            }
            return result;
        }
        case 4: // join with the one behind
            if (one.start + one.len + header <= len) {
                span_t next = {one.start + one.len, header};
                size_t next_len = (size_t)(data[next.start + header - 2] << 8 | data[next.start + header - 1]);
                set_length(data, one, header, content + next_len);
                return replace(data, len, max, next, NULL, 0);
            }
            return len;
        case 5: // another type
            data[one.start + (datagram ? 2 : 0)] = (uint8_t)(20 + random_below(random, 5));
            return len;
        case 6: // the first bytes of what is in it
            p[random_below(random, (uint32_t)(content < 48 ? content : 48))] = (uint8_t)random_below(random, 256);
            return len;
        case 7:
            p[at] ^= (uint8_t)(1 << random_below(random, 8));
            return len;
        default: { // whatever libFuzzer makes of its content, with the right length
            size_t room = max - len + content < sizeof(copy) ? max - len + content : sizeof(copy);
            memcpy(copy, p, content);
            size_t size = LLVMFuzzerMutate(copy, content, room);
            size = size < 0xffff ? size : 0xffff;
            set_length(data, one, header, size);
            return replace(data, len, max, (span_t) {one.start + header, content}, copy, size);
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------

size_t mutate_input(uint8_t *data, size_t len, size_t max, unsigned seed) {
    uint32_t random = seed;
    if (len < HEADER_SIZE || max < HEADER_SIZE) {
        memset(data, 0, max < HEADER_SIZE ? max : HEADER_SIZE);
        return max < HEADER_SIZE ? max : HEADER_SIZE;
    }
    if (random_below(&random, 5) == 0) {
        size_t at = random_below(&random, HEADER_SIZE);
        data[at] ^= (uint8_t)(random_below(&random, 2) ? 1 << random_below(&random, 8) : random_below(&random, 256));
        // Mostly there is enough memory.
        uint32_t allocation = random_below(&random, 3) > 0 ? 0 : random_below(&random, at % 2 ? 300 : 4000);
        data[HEADER_MEMORY] = (uint8_t)(allocation >> 8);
        data[HEADER_MEMORY + 1] = (uint8_t)allocation;
        return len;
    }
    uint8_t *body = data + HEADER_SIZE;
    size_t body_len = len - HEADER_SIZE;
    size_t body_max = max - HEADER_SIZE;
    if (random_below(&random, 8) == 0) {
        return HEADER_SIZE + LLVMFuzzerMutate(body, body_len, body_max);
    }
    body_len = data[HEADER_FLAGS] & FLAG_TRANSCRIPT
        ? mutate_transcript(body, body_len, body_max, this_target == TARGET_DATAGRAM, &random)
        : mutate_script(body, body_len, body_max, &random);
    return HEADER_SIZE + body_len;
}
