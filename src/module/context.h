// SSLContext.

#ifndef MICROPYTHON_SSL_CONTEXT_H
#define MICROPYTHON_SSL_CONTEXT_H

#include "module/compat.h"
#include "engine/engine.h"

typedef struct {
    mp_obj_base_t base;
    tls_context_t *engine; // NULL after __del__
    mp_obj_t verify_callback;
    mp_obj_t psk_identity;
    mp_obj_t psk_key;
    mp_obj_t server_psk_keys;
    mp_obj_t ticket_keys;
#if MICROPY_PY_SSL_PSK_CALLBACKS
    mp_obj_t psk_callback; // of a client or a server, or None
#endif
#if MICROPY_PY_SSL_SNI_CALLBACK
    mp_obj_t sni_callback;
#endif
    mp_obj_t keylog_filename;
    mp_obj_t bundles;       // a list of what keeps the CA bundles in reach; MP_OBJ_NULL: none
    uint8_t protocol;       // TLS_PROTOCOL_* bits
    bool default_roots_due; // load_default_certs() was called, and no connection made since then
    bool check_hostname;
    unsigned calls;          // engine calls that are running on its connections; see ssl_context_change()
    bool interrupt_was_held; // before the change that is going on
} mp_obj_ssl_context_t;

extern const mp_obj_type_t ssl_context_type; // ssl.SSLContext
extern const mp_obj_type_t tls_context_type; // tls.SSLContext, a subtype whose clients start at CERT_REQUIRED

// Before anything of the engine's: raises if it cannot be started.
void ssl_init_engine(void);

// The parts that ssl.wrap_socket() is made of. They take Python arguments and raise what the methods raise.
mp_obj_t ssl_context_new(const mp_obj_type_t *type, unsigned protocol);
void ssl_context_set_verify_mode(mp_obj_ssl_context_t *self, mp_obj_t mode);
void ssl_context_load_cert_chain(mp_obj_ssl_context_t *self, mp_obj_t certfile, mp_obj_t keyfile, mp_obj_t password);
void ssl_context_load_cadata(mp_obj_ssl_context_t *self, mp_obj_t cadata);
void ssl_context_load_anchors(mp_obj_ssl_context_t *self, mp_obj_t cafile, mp_obj_t capath, mp_obj_t cadata);

// Around whatever uses the engine's context for a connection. The first waits for a change to end, the second allows
// it.
void ssl_context_use(mp_obj_ssl_context_t *self);
void ssl_context_release(mp_obj_ssl_context_t *self);

// Around one function that changes the engine's context, which must not happen while a connection of it is inside the
// library. Nothing in between may raise. The first raises OSError(EBUSY) then, or where told so answers NULL.
tls_context_t *ssl_context_change(mp_obj_ssl_context_t *self);
tls_context_t *ssl_context_try_change(mp_obj_ssl_context_t *self);
void ssl_context_end_change(mp_obj_ssl_context_t *self);

// The engine's context, for reading; raises where there is none any more.
tls_context_t *ssl_context_engine(const mp_obj_ssl_context_t *self);

// ValueError unless the context is for this role: 0 or TLS_PROTOCOL_SERVER.
void ssl_context_require_role(const mp_obj_ssl_context_t *self, unsigned role);

// To be called before a connection is made: says what is missing, loads what is due by default.
void ssl_context_prepare(mp_obj_ssl_context_t *self);

#endif // MICROPYTHON_SSL_CONTEXT_H
