// What an SSLContext says and takes about the sessions of its connections.

#ifndef MICROPYTHON_SSL_CONTEXT_SESSIONS_H
#define MICROPYTHON_SSL_CONTEXT_SESSIONS_H

#include "module/context.h"

// The attributes session_cache_size and ticket_keys. The last two raise for values that cannot be.
mp_obj_t ssl_context_get_session_cache_size(const mp_obj_ssl_context_t *self);
void ssl_context_set_session_cache_size(mp_obj_ssl_context_t *self, mp_obj_t size);
void ssl_context_set_ticket_keys(mp_obj_ssl_context_t *self, mp_obj_t keys);

// The method session_stats().
extern const mp_obj_fun_builtin_fixed_t ssl_context_session_stats_obj;

#endif // MICROPYTHON_SSL_CONTEXT_SESSIONS_H
