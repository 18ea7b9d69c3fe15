// SSLContext.sni_callback: a server with several names.

#ifndef MICROPYTHON_SSL_SNI_CALLBACK_H
#define MICROPYTHON_SSL_SNI_CALLBACK_H

#include "module/socket.h"

#if MICROPY_PY_SSL_SNI_CALLBACK

void ssl_sni_set_callback(mp_obj_ssl_context_t *self, mp_obj_t callback);

// The hook for a call on one of the context's connections.
void ssl_sni_set_hook(const mp_obj_ssl_context_t *self, tls_host_t *host);

// SSLSocket.context = …: RuntimeError but for what the callback does.
void ssl_sni_set_context(mp_obj_ssl_socket_t *self, mp_obj_t context);

#endif

#endif // MICROPYTHON_SSL_SNI_CALLBACK_H
