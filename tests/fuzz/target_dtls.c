// Both ends of DTLS.

#include "play.h"

const target_t this_target = TARGET_DATAGRAM;
