// Pre-shared keys.

#ifndef MICROPYTHON_SSL_PSK_H
#define MICROPYTHON_SSL_PSK_H

#include "module/context.h"

// The attributes of a context. The two halves of a client's are set one after the other; the engine learns of them when
// both are there, or neither.
void ssl_psk_set_client_key(mp_obj_ssl_context_t *self, mp_obj_t identity, mp_obj_t key);
void ssl_psk_set_server_keys(mp_obj_ssl_context_t *self, mp_obj_t keys);

// Raises ValueError if one half is missing.
void ssl_psk_check_complete(const mp_obj_ssl_context_t *self);

// The hooks for a call on one of the context's connections.
void ssl_psk_set_hooks(const mp_obj_ssl_context_t *self, tls_host_t *host);

#if MICROPY_PY_SSL_PSK_CALLBACKS
MP_DECLARE_CONST_FUN_OBJ_2(ssl_context_set_psk_client_callback_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(ssl_context_set_psk_server_callback_obj);
#endif

#endif // MICROPYTHON_SSL_PSK_H
