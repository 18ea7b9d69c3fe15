// SSLSession: what a client keeps of a connection in order to resume it.

#ifndef MICROPYTHON_SSL_SESSION_OBJECT_H
#define MICROPYTHON_SSL_SESSION_OBJECT_H

#include "module/compat.h"
#include "engine/engine.h"

extern const mp_obj_type_t ssl_session_type;

// The argument `session`: NULL for None; TypeError for anything but a session. The object keeps it alive.
tls_session_t *ssl_session_from_obj(mp_obj_t obj);

// The connection's newest session, or None. Raises when there is no memory.
mp_obj_t ssl_session_of_connection(tls_connection_t *connection);

#endif // MICROPYTHON_SSL_SESSION_OBJECT_H
