// Ending TLS, or one direction of it, and not the stream below.

#ifndef MICROPYTHON_SSL_UNWRAP_H
#define MICROPYTHON_SSL_UNWRAP_H

#include "module/compat.h"

MP_DECLARE_CONST_FUN_OBJ_1(ssl_socket_unwrap_obj);
MP_DECLARE_CONST_FUN_OBJ_2(ssl_socket_shutdown_obj);

#endif // MICROPYTHON_SSL_UNWRAP_H
