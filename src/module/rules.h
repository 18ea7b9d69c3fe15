// The attributes of SSLContext that say what is demanded of certificates beyond trust anchors and names.

#ifndef MICROPYTHON_SSL_RULES_OBJECT_H
#define MICROPYTHON_SSL_RULES_OBJECT_H

#include "module/context.h"

// The value of such an attribute; MP_OBJ_NULL if it is another one.
mp_obj_t ssl_rules_load(mp_obj_ssl_context_t *context, qstr attr);

// false: it is another attribute. Raises for values that cannot be.
bool ssl_rules_store(mp_obj_ssl_context_t *context, qstr attr, mp_obj_t value);

#endif // MICROPYTHON_SSL_RULES_OBJECT_H
