// The trust anchors of the machine.

#ifndef MICROPYTHON_SSL_DEFAULT_ROOTS_H
#define MICROPYTHON_SSL_DEFAULT_ROOTS_H

#include "module/context.h"

// Loads them into the context; loads nothing where the port has none. Raises if they exist but cannot be used.
void ssl_load_default_roots(mp_obj_ssl_context_t *context);

#endif // MICROPYTHON_SSL_DEFAULT_ROOTS_H
