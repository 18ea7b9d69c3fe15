// The handshakes that are tampered with.

#ifndef TESTS_FUZZ_SCENARIOS_H
#define TESTS_FUZZ_SCENARIOS_H

#include "peers.h"

typedef struct scenario {
    const char *name;
    setup_t setup;
    void (*configure)(pair_t *pair); // what a setup has no words for; or NULL
    bool resumes;                    // the client has a session of an earlier connection
    bool fresh;                      // contexts that remember: each run has new ones
    bool stranger;                   // the client must not connect
    bool keylog;
} scenario_t;

// Inputs in tests/fuzz/corpus begin with the numbers of these.
extern const scenario_t stream_scenarios[];
extern const size_t stream_scenario_count;
extern const scenario_t datagram_scenarios[];
extern const size_t datagram_scenario_count;

#endif // TESTS_FUZZ_SCENARIOS_H
