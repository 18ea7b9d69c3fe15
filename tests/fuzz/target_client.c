// A client against a hostile server.

#include "play.h"

const target_t this_target = TARGET_CLIENT;
