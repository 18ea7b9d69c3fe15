// Read before the engine's sources: what firmware is built with is a variable here (peers.c), for tests to set.

#include <stdint.h>

extern int64_t earliest_time;
#define MICROPY_PY_SSL_EARLIEST_TIME earliest_time
