// Functions of the module that spare programs some lines.

#ifndef MICROPYTHON_SSL_FUNCTIONS_H
#define MICROPYTHON_SSL_FUNCTIONS_H

#include "module/compat.h"
#include "ssl_config.h"

#if MICROPY_PY_SSL_DEFAULT_CONTEXT
MP_DECLARE_CONST_FUN_OBJ_KW(ssl_create_default_context_obj);
extern const mp_obj_type_t ssl_purpose_type;
#endif

#if MICROPY_PY_SSL_CPYTHON
MP_DECLARE_CONST_FUN_OBJ_1(ssl_der_cert_to_pem_cert_obj);
MP_DECLARE_CONST_FUN_OBJ_1(ssl_pem_cert_to_der_cert_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(ssl_get_server_certificate_obj);
MP_DECLARE_CONST_FUN_OBJ_0(ssl_get_default_verify_paths_obj);
#endif

#endif // MICROPYTHON_SSL_FUNCTIONS_H
