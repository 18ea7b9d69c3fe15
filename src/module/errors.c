// Exceptions: OSError and ValueError as programs know them, carrying what people need to know beside `args`.

#include "module/errors.h"

#include <string.h>

#include "py/objexcept.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/mperrno.h"
#include "ssl_config.h"

// What an exception carries beside its visible arguments. It travels as the last element of the exception's tuple of
// arguments, which is the one place where MicroPython's exceptions keep anything; `args` does not show it.
typedef struct {
    mp_obj_base_t base;
    mp_obj_t reason;
    mp_obj_t alert;
    mp_obj_t alert_by;
    mp_obj_t detail;
    mp_obj_t text; // what str() shows instead of `args`, or None
} error_info_t;

static MP_DEFINE_CONST_OBJ_TYPE(error_info_type, MP_QSTR_object, MP_TYPE_FLAG_NONE);

// NULL for an exception of our types that was not made here: type(e)("…") is legal Python.
static const error_info_t *find_info(const mp_obj_exception_t *self) {
    if (self->args == NULL || self->args->len == 0) {
        return NULL;
    }
    mp_obj_t last = self->args->items[self->args->len - 1];
    return mp_obj_is_exact_type(last, &error_info_type) ? MP_OBJ_TO_PTR(last) : NULL;
}

static size_t count_visible_args(const mp_obj_exception_t *self) {
    if (self->args == NULL) {
        return 0;
    }
    return self->args->len - (find_info(self) != NULL ? 1 : 0);
}

static void print_args(const mp_print_t *print, const mp_obj_exception_t *self, mp_print_kind_t kind) {
    size_t len = count_visible_args(self);
    if (len == 1 && kind != PRINT_REPR) {
        mp_obj_print_helper(print, self->args->items[0], PRINT_STR);
        return;
    }
    mp_print_str(print, "(");
    for (size_t i = 0; i < len; i++) {
        if (i > 0) {
            mp_print_str(print, ", ");
        }
        mp_obj_print_helper(print, self->args->items[i], PRINT_REPR);
    }
    mp_print_str(print, len == 1 ? ",)" : ")");
}

static const mp_obj_type_t os_error_type;

// An errno with its name, as MicroPython's own OSError prints it.
static bool print_errno(const mp_print_t *print, const mp_obj_exception_t *self) {
#if MICROPY_PY_ERRNO
    bool is_number = self->base.type == &os_error_type && count_visible_args(self) == 1;
    if (is_number && mp_obj_is_small_int(self->args->items[0])) {
        qstr name = mp_errno_to_str(self->args->items[0]);
        if (name != MP_QSTRnull) {
            mp_printf(print, "[Errno " INT_FMT "] %q", MP_OBJ_SMALL_INT_VALUE(self->args->items[0]), name);
            return true;
        }
    }
#else
    (void)print;
    (void)self;
#endif
    return false;
}

static void error_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    const mp_obj_exception_t *self = MP_OBJ_TO_PTR(self_in);
    const error_info_t *info = find_info(self);
    mp_print_kind_t base_kind = kind & ~PRINT_EXC_SUBCLASS;
    if (base_kind != PRINT_STR && !(kind & PRINT_EXC_SUBCLASS)) {
        mp_print_str(print, qstr_str(self->base.type->name));
    }
    if (base_kind == PRINT_EXC) {
        mp_print_str(print, ": ");
    }
    if (base_kind == PRINT_STR && info != NULL && info->text != mp_const_none) {
        mp_obj_print_helper(print, info->text, PRINT_STR);
        return;
    }
    if (base_kind == PRINT_REPR || !print_errno(print, self)) {
        print_args(print, self, base_kind);
    }
    if (base_kind == PRINT_EXC && info != NULL && info->detail != mp_const_none) {
        mp_print_str(print, ": ");
        mp_obj_print_helper(print, info->detail, PRINT_STR);
    }
}

static void error_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    const mp_obj_exception_t *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        mp_obj_exception_attr(self_in, attr, dest);
        return;
    }
    const error_info_t *info = find_info(self);
    switch (attr) {
        case MP_QSTR_args:
            dest[0] = mp_obj_new_tuple(count_visible_args(self), self->args == NULL ? NULL : self->args->items);
            break;
        case MP_QSTR_reason:
            dest[0] = info == NULL ? mp_const_none : info->reason;
            break;
        case MP_QSTR_alert:
            dest[0] = info == NULL ? mp_const_none : info->alert;
            break;
        case MP_QSTR_alert_by:
            dest[0] = info == NULL ? mp_const_none : info->alert_by;
            break;
        case MP_QSTR_detail:
            dest[0] = info == NULL ? mp_const_none : info->detail;
            break;
        default:
            mp_obj_exception_attr(self_in, attr, dest);
            break;
    }
}

// The first two carry the names of their parents, so that tracebacks and reprs read as those of the built-in module.
static MP_DEFINE_CONST_OBJ_TYPE(os_error_type, MP_QSTR_OSError, MP_TYPE_FLAG_NONE, make_new, mp_obj_exception_make_new,
    print, error_print, attr, error_attr, parent, &mp_type_OSError);

static MP_DEFINE_CONST_OBJ_TYPE(value_error_type, MP_QSTR_ValueError, MP_TYPE_FLAG_NONE, make_new,
    mp_obj_exception_make_new, print, error_print, attr, error_attr, parent, &mp_type_ValueError);

// OSError as documented, ValueError as the built-in module raises; CPython's type of this name is both as well.
static const mp_rom_obj_tuple_t verification_error_parents = {
    {&mp_type_tuple}, 2, {MP_ROM_PTR(&mp_type_OSError), MP_ROM_PTR(&mp_type_ValueError)}};

static MP_DEFINE_CONST_OBJ_TYPE(verification_error_type, MP_QSTR_SSLCertVerificationError, MP_TYPE_FLAG_NONE, make_new,
    mp_obj_exception_make_new, print, error_print, attr, error_attr, parent, &verification_error_parents);

static mp_obj_t str_or_none(const char *text) {
    return text == NULL || text[0] == '\0' ? mp_const_none : mp_obj_new_str_from_cstr(text);
}

static mp_obj_t alert_to_obj(int alert) {
    if (alert < 0) {
        return mp_const_none;
    }
    const char *name = tls_alert_name(alert);
    return name == NULL ? MP_OBJ_NEW_SMALL_INT(alert) : mp_obj_new_str_from_cstr(name);
}

static mp_obj_t alert_sender_to_obj(const tls_error_t *error) {
    if (error->alert < 0) {
        return mp_const_none;
    }
    return error->alert_from_peer ? MP_OBJ_NEW_QSTR(MP_QSTR_peer) : MP_OBJ_NEW_QSTR(MP_QSTR_local);
}

static mp_obj_t detail_to_obj(const tls_error_t *error) {
#if MICROPY_PY_SSL_ERROR_DETAIL
    if (error->detail[0] != '\0') {
        return mp_obj_new_str_from_cstr(error->detail);
    }
    // The library's own words are better than none.
    return str_or_none(error->text);
#else
    (void)error;
    return mp_const_none;
#endif
}

static mp_obj_t info_new(const tls_error_t *error) {
    error_info_t *info = mp_obj_malloc(error_info_t, &error_info_type);
    info->reason = mp_obj_new_str_from_cstr(tls_error_reason(error));
    info->alert = alert_to_obj(error->alert);
    info->alert_by = alert_sender_to_obj(error);
    info->detail = detail_to_obj(error);
    info->text = error->kind == TLS_ERROR_VERIFICATION ? str_or_none(error->text) : mp_const_none;
    return MP_OBJ_FROM_PTR(info);
}

// The info object, or MP_OBJ_NULL when there is no memory for it.
static mp_obj_t info_new_maybe(const tls_error_t *error) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        return MP_OBJ_NULL;
    }
    mp_obj_t info = info_new(error);
    nlr_pop();
    return info;
}

static mp_obj_t name_to_obj(const char *name) {
    // Allocates nothing but the object: the text is in ROM.
    mp_obj_str_t *str = m_new_obj_maybe(mp_obj_str_t);
    if (str == NULL) {
        return mp_const_none;
    }
    str->base.type = &mp_type_str;
    str->len = strlen(name);
    str->data = (const byte *)name;
    str->hash = qstr_compute_hash(str->data, str->len);
    return MP_OBJ_FROM_PTR(str);
}

static mp_obj_t exception_new(const mp_obj_type_t *type, size_t n_args, mp_obj_t args[3], const tls_error_t *error) {
    mp_obj_t info = info_new_maybe(error);
    if (info != MP_OBJ_NULL) {
        args[n_args++] = info;
    }
    return mp_obj_exception_make_new(type, n_args, 0, args);
}

mp_obj_t ssl_exception_new(const tls_error_t *error) {
    mp_obj_t args[3];
    if (error->kind == TLS_ERROR_CERTIFICATE || error->kind == TLS_ERROR_KEY) {
        // The built-in module's words.
        args[0] = name_to_obj(error->kind == TLS_ERROR_KEY ? "invalid key" : "invalid cert");
        return exception_new(&value_error_type, 1, args, error);
    }
    if (error->kind == TLS_ERROR_NO_MEMORY) {
        args[0] = MP_OBJ_NEW_SMALL_INT(MP_ENOMEM);
        return exception_new(&os_error_type, 1, args, error);
    }
    const mp_obj_type_t *type = error->kind == TLS_ERROR_VERIFICATION ? &verification_error_type : &os_error_type;
    const char *name = tls_error_name(error->code);
    args[0] = MP_OBJ_NEW_SMALL_INT(error->code);
    args[1] = name_to_obj(name == NULL ? "MBEDTLS_ERR_SSL_INTERNAL_ERROR" : name);
    return exception_new(type, 2, args, error);
}

void ssl_raise_value_error(const char *words, const tls_error_t *error) {
    if (error->kind != TLS_ERROR_ARGUMENT) {
        ssl_raise(error);
    }
    mp_obj_t args[3] = {name_to_obj(words)};
    nlr_raise(exception_new(&value_error_type, 1, args, error));
}

void ssl_raise(const tls_error_t *error) {
    nlr_raise(ssl_exception_new(error));
}

mp_obj_t ssl_exception_from_errno(int errcode, const char *detail) {
    tls_error_t error;
    tls_error_clear(&error);
    tls_error_set(&error, TLS_ERROR_ARGUMENT, errcode, "%s", detail);
    mp_obj_t args[3] = {MP_OBJ_NEW_SMALL_INT(errcode)};
    return exception_new(&os_error_type, 1, args, &error);
}

void ssl_raise_errno(int errcode, const char *detail) {
    nlr_raise(ssl_exception_from_errno(errcode, detail));
}
