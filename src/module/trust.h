// Trust anchors of SSLContext beyond single files: whole folders, and what has been loaded.

#ifndef MICROPYTHON_SSL_TRUST_H
#define MICROPYTHON_SSL_TRUST_H

#include "module/context.h"
#include "ssl_config.h"

#if MICROPY_PY_SSL_CPYTHON

// Calls the function with the path of each file in a folder whose name is that of a certificate or a revocation list.
void ssl_each_in_capath(mp_obj_t capath, void (*use)(mp_obj_t path, void *arg), void *arg);

// Adds the trust anchors and revocation lists in the files of a folder. Raises if there are none at all.
void ssl_load_capath(mp_obj_ssl_context_t *context, mp_obj_t capath);

MP_DECLARE_CONST_FUN_OBJ_KW(ssl_context_get_ca_certs_obj);
MP_DECLARE_CONST_FUN_OBJ_1(ssl_context_cert_store_stats_obj);

#endif

#endif // MICROPYTHON_SSL_TRUST_H
