#include "random.h"

#include <sys/time.h>
#include <time.h>

static uint64_t states[STREAM_COUNT];
static stream_t chosen;

void random_start(uint32_t seed) {
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        states[i] = UINT64_C(0x9e3779b97f4a7c15) * (STREAM_COUNT * (uint64_t)seed + i + 1);
    }
    chosen = STREAM_SHARED;
}

void random_choose(stream_t stream) {
    chosen = stream;
}

// xorshift64*
void random_fill(uint8_t *out, size_t len) {
    uint64_t state = states[chosen];
    for (size_t i = 0; i < len; i++) {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        out[i] = (uint8_t)(state * UINT64_C(0x2545f4914f6cdd1d) >> 56);
    }
    states[chosen] = state;
}

// gettimeofday() is that of tests/engine/peers.c.
int64_t clock_seconds(void) {
    struct timeval now;
    gettimeofday(&now, NULL);
    return now.tv_sec;
}

int64_t clock_milliseconds(void) {
    struct timeval now;
    gettimeofday(&now, NULL);
    return (int64_t)now.tv_sec * 1000 + now.tv_usec / 1000;
}

// As the program's own function it is found before the C library's.
time_t time(time_t *out) {
    time_t now = (time_t)clock_seconds();
    if (out != NULL) {
        *out = now;
    }
    return now;
}
