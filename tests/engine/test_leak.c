// Would a leak be noticed? This program leaks a connection and its contexts on purpose; tests/engine/run expects that
// the leak detector fails it.

#include "peers.h"

TEST(leak) {
    setup_t setup = verified_setup();
    pair_t pair;
    pair_connect(&pair, &setup);
    memset(&pair, 0, sizeof(pair));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(leak)};
    return RUN_TESTS("leak");
}
