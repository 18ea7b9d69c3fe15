// Where the engines differ and may. Everything else is the same on both.
//
// A test asks differs() and demands the one or the other behaviour, so that a difference that goes away fails it too.

#ifndef TESTS_ENGINE_DIFFERENCES_H
#define TESTS_ENGINE_DIFFERENCES_H

#include <stdbool.h>

typedef enum difference {
    DIFFERS_VERSION_UNSEEN,
    DIFFERS_COUNT,
} difference_t;

// Whether the engine under test is one to which the difference applies.
bool differs(difference_t difference);

#endif // TESTS_ENGINE_DIFFERENCES_H
