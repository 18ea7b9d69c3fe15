// Finding the trust anchors of the machine.

#include "module/default_roots.h"

#include <string.h>
#ifdef __unix__
#include <stdlib.h>
#endif

#include "module/args.h"
#include "module/errors.h"
#include "py/mperrno.h"
#include "ssl_config.h"

// The variable that OpenSSL's own tools obey.
static const char *default_file(void) {
#ifdef __unix__
    const char *chosen = getenv("SSL_CERT_FILE");
    if (chosen != NULL && chosen[0] != '\0') {
        return chosen;
    }
#endif
    return MICROPY_PY_SSL_DEFAULT_CA_FILE;
}

// The content of the file; empty if there is no such file.
static ssl_data_t read_file_if_there(const char *path) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        mp_obj_t exception = MP_OBJ_FROM_PTR(nlr.ret_val);
        if (mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(mp_obj_get_type(exception)), &mp_type_OSError)
            && mp_obj_exception_get_value(exception) == MP_OBJ_NEW_SMALL_INT(MP_ENOENT)) {
            return (ssl_data_t) {.data = NULL, .len = 0};
        }
        nlr_jump(nlr.ret_val);
    }
    ssl_data_t data = ssl_data_from_file(mp_obj_new_str_from_cstr(path));
    nlr_pop();
    return data;
}

void ssl_load_default_roots(mp_obj_ssl_context_t *context) {
    const char *path = default_file();
    if (path[0] == '\0') {
        return;
    }
    ssl_data_t roots = read_file_if_there(path);
    if (roots.len == 0) {
        return;
    }
    tls_error_t error;
    tls_error_clear(&error);
    // Lenient: a distribution's bundle may hold a root that this engine cannot read.
    tls_context_t *engine = ssl_context_try_change(context);
    bool loaded = true; // not while other threads connect with this context: without trust anchors, since that was so
    if (engine != NULL) {
        loaded = tls_context_add_trust_anchors(engine, roots.data, roots.len, true, &error);
        ssl_context_end_change(context);
    }
    m_del(uint8_t, (uint8_t *)roots.data, roots.len + 1);
    if (!loaded) {
        ssl_raise(&error);
    }
}
