// CA bundles among the arguments: in memory, or in a file that stays open.

#ifndef MICROPYTHON_SSL_MODULE_BUNDLE_H
#define MICROPYTHON_SSL_MODULE_BUNDLE_H

#include "module/args.h"
#include "module/context.h"
#include "ssl_config.h"

#if MICROPY_PY_SSL_BUNDLE

// Adds the bundle that the file at `path` is; the file stays open for as long as the context lives, unless it lies in
// memory (ROMFS). false: it is no bundle. Raises what open() and reading raise, and the errors of damaged bundles.
bool ssl_load_bundle_file(mp_obj_ssl_context_t *context, mp_obj_t path);

// The same for data. What Python code could change is copied; nothing else is.
bool ssl_load_bundle_data(mp_obj_ssl_context_t *context, mp_obj_t data);

#else

static inline bool ssl_load_bundle_file(mp_obj_ssl_context_t *context, mp_obj_t path) {
    (void)context;
    (void)path;
    return false;
}

static inline bool ssl_load_bundle_data(mp_obj_ssl_context_t *context, mp_obj_t data) {
    (void)context;
    (void)data;
    return false;
}

#endif

#endif // MICROPYTHON_SSL_MODULE_BUNDLE_H
