// The standard variant of MicroPython's unix port, with this module in place of the built-in one.

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

#include "variants/mpconfigvariant_common.h"

// Otherwise Ctrl-C jumps out of the signal handler, and so out of the middle of the TLS library, which would keep its
// locks and half-written state for ever. With 0 the exception waits for the next bytecode or interrupted system call.
#undef MICROPY_ASYNC_KBD_INTR
#define MICROPY_ASYNC_KBD_INTR (0)

// The built-in module brings these along (it is off in mpconfigvariant.mk); they stay, on Mbed TLS's primitives.
#define MICROPY_SSL_MBEDTLS     (1)
#define MICROPY_PY_HASHLIB_MD5  (1)
#define MICROPY_PY_HASHLIB_SHA1 (1)
#define MICROPY_PY_CRYPTOLIB    (1)

// MicroPython's test runner knows a coverage build by this builtin, and leaves out tests of ioctl() without it.
#if MICROPY_PY_SSL_IOCTL
#define MICROPY_PORT_EXTRA_BUILTINS {MP_ROM_QSTR(MP_QSTR_extra_coverage), MP_ROM_NONE},
#endif
