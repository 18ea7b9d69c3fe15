// MicroPython's configuration of the qemu port, with what TLS programs expect of a board.

#include "mpconfigport.h"

#undef MICROPY_PY_TIME
#define MICROPY_PY_TIME                         (1)
#define MICROPY_PY_TIME_GMTIME_LOCALTIME_MKTIME (1)
#define MICROPY_PY_TIME_TIME_TIME_NS            (1)
#define MICROPY_PY_TIME_INCLUDEFILE             "board_time.h"

#undef MICROPY_PY_SELECT
#define MICROPY_PY_SELECT (1)

#undef MICROPY_PY_ASYNCIO
#define MICROPY_PY_ASYNCIO (1)

#define MICROPY_TRACKED_ALLOC (1)

#if QEMU_TLS_builtin
#define MICROPY_PY_SSL      (1)
#define MICROPY_SSL_MBEDTLS (1)
#endif
