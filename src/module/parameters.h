// What a connection's two sides agree on in the handshake, beside versions and cipher suites.

#ifndef MICROPYTHON_SSL_PARAMETERS_H
#define MICROPYTHON_SSL_PARAMETERS_H

#include "module/compat.h"
#include "ssl_config.h"

#if MICROPY_PY_SSL_ALPN
MP_DECLARE_CONST_FUN_OBJ_2(ssl_context_set_alpn_protocols_obj);
MP_DECLARE_CONST_FUN_OBJ_1(ssl_socket_selected_alpn_protocol_obj);
#endif

#if MICROPY_PY_SSL_GROUPS
MP_DECLARE_CONST_FUN_OBJ_2(ssl_context_set_groups_obj);
MP_DECLARE_CONST_FUN_OBJ_2(ssl_context_set_ecdh_curve_obj);
#endif

#endif // MICROPYTHON_SSL_PARAMETERS_H
