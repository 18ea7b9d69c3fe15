// The methods of SSLSocket that read and write.

#ifndef MICROPYTHON_SSL_STREAM_METHODS_H
#define MICROPYTHON_SSL_STREAM_METHODS_H

#include "module/compat.h"

MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_read_obj);
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_readinto_obj);
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_readline_obj);
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_recv_obj);
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_recv_into_obj);
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_stream_write_obj);

#endif // MICROPYTHON_SSL_STREAM_METHODS_H
