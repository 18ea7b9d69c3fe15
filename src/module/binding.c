// What both ends of a connection know and nobody else: channel bindings and exported keying material.

#include "module/binding.h"

#include <string.h>

#include "module/args.h"
#include "module/call.h"
#include "module/errors.h"
#include "module/socket.h"

#if MICROPY_PY_SSL_CHANNEL_BINDING

// Ends a call. Raises what it came to, ValueError(words) if it is about an argument, unless it succeeded.
static void settle(ssl_call_t *call, bool ok, const char *words, const tls_error_t *error) {
    ssl_call_end(call, TLS_OK);
    if (call->exception != MP_OBJ_NULL) {
        nlr_raise(call->exception);
    }
    if (!ok) {
        ssl_raise_value_error(words, error);
    }
}

static tls_binding_t binding_from_obj(mp_obj_t obj) {
    static const char *const names[] = {
        [TLS_BINDING_UNIQUE] = "tls-unique",
        [TLS_BINDING_SERVER_END_POINT] = "tls-server-end-point",
        [TLS_BINDING_EXPORTER] = "tls-exporter",
    };
    size_t len;
    const char *name = ssl_chars_from_obj(obj, &len);
    for (size_t i = 0; i < MP_ARRAY_SIZE(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            return (tls_binding_t)i;
        }
    }
    mp_raise_ValueError(MP_ERROR_TEXT("unknown channel binding"));
}

//| class SSLSocket:
//| def get_channel_binding(self, cb_type: str = "tls-unique", /) -> bytes | None:
//|     """Return a name for the connection that both ends know. `None`: before the handshake, and where this kind is
//|     not defined.
//|
//|     *cb_type*: `"tls-unique"` (not in TLS 1.3), `"tls-server-end-point"` or `"tls-exporter"`; others: `ValueError`.
//|     """
static mp_obj_t ssl_socket_get_channel_binding(size_t n_args, const mp_obj_t *args) {
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(args[0]);
    tls_binding_t binding = n_args < 2 ? TLS_BINDING_UNIQUE : binding_from_obj(args[1]);
    if (self->connection == NULL) {
        return mp_const_none;
    }
    uint8_t data[TLS_BINDING_MAX];
    size_t len;
    tls_error_t error;
    ssl_call_t call;
    ssl_call_begin(&call, self);
    bool ok = tls_connection_channel_binding(self->connection, binding, data, &len, &error);
    settle(&call, ok, "unknown channel binding", &error);
    return len == 0 ? mp_const_none : mp_obj_new_bytes(data, len);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(ssl_socket_get_channel_binding_obj, 1, 2, ssl_socket_get_channel_binding);

//| def export_keying_material(self, label: str | bytes, length: int, context: bytes | None = None) -> bytes:
//|     """Return bytes that the peer can make, too, and nobody else (RFC 5705). Before the handshake:
//|     `OSError(ENOTCONN)`.
//|
//|     - *label*: what for, 1 to 249 bytes. Labels that TLS uses itself: `ValueError`.
//|     - *length*: how many bytes, 1 to 8160.
//|     - *context*: mixed into it, at most 512 bytes. In TLS 1.2 `None` and `b""` are different.
//|     """
static mp_obj_t ssl_socket_export_keying_material(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum {
        ARG_label,
        ARG_length,
        ARG_context,
    };
    static const mp_arg_t allowed_args[] = {
        {MP_QSTR_label, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_length, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_context, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(pos_args[0]);
    ssl_data_t label = ssl_data_from_text(args[ARG_label].u_obj);
    ssl_data_t context = {.data = NULL};
    if (args[ARG_context].u_obj != mp_const_none) {
        context = ssl_data_from_text(args[ARG_context].u_obj);
        context.data = context.len == 0 ? (const uint8_t *)"" : context.data; // NULL would be none
    }
    mp_int_t length = mp_obj_get_int(args[ARG_length].u_obj);
    if (length < 1 || length > TLS_EXPORT_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("length must be 1 to 8160"));
    }
    ssl_socket_require_established(self);
    vstr_t vstr;
    vstr_init_len(&vstr, (size_t)length);
    tls_error_t error;
    ssl_call_t call;
    ssl_call_begin(&call, self);
    bool ok = tls_connection_export(self->connection, (const char *)label.data, label.len, context.data, context.len,
        (uint8_t *)vstr.buf, vstr.len, &error);
    settle(&call, ok, "invalid label or context", &error);
    return mp_obj_new_bytes_from_vstr(&vstr);
}
MP_DEFINE_CONST_FUN_OBJ_KW(ssl_socket_export_keying_material_obj, 1, ssl_socket_export_keying_material);

#endif
