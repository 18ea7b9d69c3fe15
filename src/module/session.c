// SSLSession.

#include "module/session.h"

#include "module/context.h"
#include "module/errors.h"
#include "py/mperrno.h"

typedef struct {
    mp_obj_base_t base;
    tls_session_t *engine; // NULL after __del__
} mp_obj_ssl_session_t;

static mp_obj_ssl_session_t *new_object(void) {
    mp_obj_ssl_session_t *self = mp_obj_malloc_with_finaliser(mp_obj_ssl_session_t, &ssl_session_type);
    self->engine = NULL;
    return self;
}

static mp_obj_t ssl_session___del__(mp_obj_t self_in) {
    mp_obj_ssl_session_t *self = MP_OBJ_TO_PTR(self_in);
    tls_session_release(self->engine);
    self->engine = NULL;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(ssl_session___del___obj, ssl_session___del__);

// Only an explicit __del__() leaves an object without.
static tls_session_t *engine_of(mp_obj_t self_in) {
    const mp_obj_ssl_session_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->engine == NULL) {
        ssl_raise_errno(MP_EBADF, "the session has been deleted");
    }
    return self->engine;
}

tls_session_t *ssl_session_from_obj(mp_obj_t obj) {
    if (obj == mp_const_none) {
        return NULL;
    }
    if (!mp_obj_is_type(obj, &ssl_session_type)) {
        mp_raise_TypeError(MP_ERROR_TEXT("session must be an SSLSession or None"));
    }
    return engine_of(obj);
}

mp_obj_t ssl_session_of_connection(tls_connection_t *connection) {
    tls_error_t error;
    mp_obj_ssl_session_t *self = new_object(); // first, so that nothing is lost when it cannot be had
    self->engine = tls_connection_session(connection, &error);
    if (self->engine == NULL && error.kind != TLS_ERROR_NONE) {
        ssl_raise(&error);
    }
    return self->engine == NULL ? mp_const_none : MP_OBJ_FROM_PTR(self);
}

static SSL_NORETURN void raise_no_memory(void) {
    ssl_raise_errno(MP_ENOMEM, "no memory for the session");
}

//| class SSLSession:
//|     """A session that a client can resume, from `SSLSocket.session` or `deserialize()`. It does not change."""
//| def serialize(self) -> bytes:
//|     """Return it as bytes, to be kept. They hold the session's secret: keep them like a private key."""
static mp_obj_t ssl_session_serialize(mp_obj_t self_in) {
    const tls_session_t *engine = engine_of(self_in);
    size_t len = tls_session_serialize(engine, NULL, 0);
    vstr_t bytes;
    vstr_init_len(&bytes, len);
    if (len == 0 || tls_session_serialize(engine, (uint8_t *)bytes.buf, len) == 0) {
        raise_no_memory();
    }
    return mp_obj_new_bytes_from_vstr(&bytes);
}
static MP_DEFINE_CONST_FUN_OBJ_1(ssl_session_serialize_obj, ssl_session_serialize);

//| @staticmethod
//| def deserialize(data: bytes, /) -> SSLSession:
//|     """Return the session that `serialize()` made these bytes of. Damaged, or from another engine or version of it:
//|     `ValueError`.
//|     """
static mp_obj_t ssl_session_deserialize(mp_obj_t data) {
    mp_buffer_info_t info;
    mp_get_buffer_raise(data, &info, MP_BUFFER_READ);
    ssl_init_engine();
    tls_error_t error;
    mp_obj_ssl_session_t *self = new_object();
    self->engine = tls_session_deserialize(info.buf, info.len, &error);
    if (self->engine == NULL) {
        if (error.kind == TLS_ERROR_ARGUMENT) {
            mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%s"), error.detail);
        }
        ssl_raise(&error);
    }
    return MP_OBJ_FROM_PTR(self);
}
static MP_DEFINE_CONST_FUN_OBJ_1(ssl_session_deserialize_fun_obj, ssl_session_deserialize);
static const mp_rom_obj_static_class_method_t ssl_session_deserialize_obj
    = {{&mp_type_staticmethod}, MP_ROM_PTR(&ssl_session_deserialize_fun_obj)};

static mp_obj_t id_of(const tls_session_t *engine) {
    size_t len;
    const uint8_t *id = tls_session_id(engine, &len);
    return mp_obj_new_bytes(id, len);
}

static mp_obj_t load_attr(const tls_session_t *engine, qstr attr) {
    switch (attr) {
        case MP_QSTR_id:
            return id_of(engine);
        case MP_QSTR_time:
            return mp_obj_new_int_from_ll(tls_session_time(engine));
        case MP_QSTR_timeout:
            return mp_obj_new_int_from_uint(tls_session_timeout(engine));
        case MP_QSTR_ticket_lifetime_hint:
            return mp_obj_new_int_from_uint(tls_session_lifetime_hint(engine));
        case MP_QSTR_has_ticket:
            return mp_obj_new_bool(tls_session_has_ticket(engine));
        default:
            return MP_OBJ_NULL;
    }
}

//| @property
//| def id(self) -> bytes:
//|     """Its name; `b""`: it has none."""
//| @property
//| def time(self) -> int:
//|     """When it was made, in seconds since 1970-01-01, by the device's clock."""
//| @property
//| def timeout(self) -> int:
//|     """For how many seconds it is offered: as the server said, at most seven days; two hours if it said nothing."""
//| @property
//| def ticket_lifetime_hint(self) -> int:
//|     """What the server said, in seconds. 0: nothing."""
//| @property
//| def has_ticket(self) -> bool:
//|     """Whether the server gave a ticket. `False`: it keeps the session itself, in TLS 1.2."""
static void ssl_session_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    const mp_obj_ssl_session_t *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    if (self->engine != NULL) {
        dest[0] = load_attr(self->engine, attr);
    }
    if (dest[0] == MP_OBJ_NULL) {
        dest[1] = MP_OBJ_SENTINEL; // go on in the table below
    }
}

static const mp_rom_map_elem_t ssl_session_locals_dict_table[] = {
    {MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&ssl_session___del___obj)},
    {MP_ROM_QSTR(MP_QSTR_serialize), MP_ROM_PTR(&ssl_session_serialize_obj)},
    {MP_ROM_QSTR(MP_QSTR_deserialize), MP_ROM_PTR(&ssl_session_deserialize_obj)},
};
static MP_DEFINE_CONST_DICT(ssl_session_locals_dict, ssl_session_locals_dict_table);

MP_DEFINE_CONST_OBJ_TYPE(ssl_session_type, MP_QSTR_SSLSession, MP_TYPE_FLAG_NONE, attr, ssl_session_attr, locals_dict,
    &ssl_session_locals_dict);
