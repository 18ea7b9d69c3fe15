// What both ends of a connection know and nobody else.

#ifndef MICROPYTHON_SSL_BINDING_H
#define MICROPYTHON_SSL_BINDING_H

#include "module/compat.h"

MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_socket_get_channel_binding_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(ssl_socket_export_keying_material_obj);

#endif // MICROPYTHON_SSL_BINDING_H
