// What makes a run repeatable: random numbers and time of the libraries. And records in clear, so that what is inside
// them can be altered.

#ifndef TESTS_FUZZ_RANDOM_H
#define TESTS_FUZZ_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Who draws random numbers. Each has its own, so that an end does the same whether or not its peer is there.
typedef enum stream {
    STREAM_SHARED,
    STREAM_CLIENT,
    STREAM_SERVER,
    STREAM_COUNT,
} stream_t;

// All streams begin anew, with other numbers for another seed.
void random_start(uint32_t seed);
void random_choose(stream_t stream);
void random_fill(uint8_t *out, size_t len);

// Seconds and milliseconds that the clock of the endpoints shows.
int64_t clock_seconds(void);
int64_t clock_milliseconds(void);

// library_mbedtls.c and library_openssl.c: the library draws its random numbers here.
void library_start(void);

// Whether records are from now on sent in clear, in their usual form, and taken whatever their tag says. Suites in CBC
// mode are encrypted all the same.
void library_set_clear(bool clear);

#endif // TESTS_FUZZ_RANDOM_H
