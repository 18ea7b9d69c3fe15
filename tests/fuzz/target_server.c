// A server against a hostile client.

#include "play.h"

const target_t this_target = TARGET_SERVER;
