// Just enough of a hosted interpreter for tests/common.

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

#include "variants/mpconfigvariant_common.h"

// A part of machine that extmod.cmake does not list.
#undef MICROPY_PY_MACHINE
#define MICROPY_PY_MACHINE (0)
