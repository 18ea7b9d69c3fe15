// Pre-shared keys: attributes, callbacks, and the hooks by which the engine asks for keys.

#include "module/psk.h"

#include <string.h>

#include "module/args.h"
#include "module/call.h"
#include "module/errors.h"
#include "py/objstr.h"

// ---------------------------------------------------------------------------------------------------------------------
// Attributes

static void raise_unless(bool ok, const tls_error_t *error) {
    if (!ok) {
        ssl_raise(error);
    }
}

// Raises if it is longer than `max`, or empty.
static ssl_data_t part_from_obj(mp_obj_t obj, size_t max) {
    ssl_data_t part = ssl_data_from_text(obj);
    if (part.len == 0 || part.len > max) {
        mp_raise_ValueError(MP_ERROR_TEXT("bad length of pre-shared key or identity"));
    }
    return part;
}

static ssl_data_t part_or_none(mp_obj_t obj, size_t max) {
    if (obj == mp_const_none) {
        return (ssl_data_t) {.data = NULL};
    }
    return part_from_obj(obj, max);
}

void ssl_psk_set_client_key(mp_obj_ssl_context_t *self, mp_obj_t identity_obj, mp_obj_t key_obj) {
    ssl_context_require_role(self, 0);
    ssl_data_t identity = part_or_none(identity_obj, TLS_PSK_IDENTITY_MAX);
    ssl_data_t key = part_or_none(key_obj, TLS_PSK_MAX);
    if ((identity.data == NULL) == (key.data == NULL)) {
        tls_error_t error;
        tls_error_clear(&error);
        tls_context_t *engine = ssl_context_change(self);
        bool ok = tls_context_set_psk(engine, identity.data, identity.len, key.data, key.len, &error);
        ssl_context_end_change(self);
        raise_unless(ok, &error);
    }
    self->psk_identity = identity_obj;
    self->psk_key = key_obj;
}

#if MICROPY_PY_SSL_PSK_CALLBACKS
#define CALLBACK_OF(self) ((self)->psk_callback)
#else
#define CALLBACK_OF(self) ((void)(self), mp_const_none)
#endif

void ssl_psk_set_server_keys(mp_obj_ssl_context_t *self, mp_obj_t keys) {
    ssl_context_require_role(self, TLS_PROTOCOL_SERVER);
    if (keys != mp_const_none && !mp_obj_is_dict_or_ordereddict(keys)) {
        mp_raise_TypeError(MP_ERROR_TEXT("server_psk_keys must be a dict or None"));
    }
    tls_error_t error;
    tls_error_clear(&error);
    bool enable = keys != mp_const_none || CALLBACK_OF(self) != mp_const_none;
    bool ok = tls_context_set_psk_server(ssl_context_change(self), enable, &error);
    ssl_context_end_change(self);
    raise_unless(ok, &error);
    self->server_psk_keys = keys;
}

void ssl_psk_check_complete(const mp_obj_ssl_context_t *self) {
    if ((self->psk_identity == mp_const_none) != (self->psk_key == mp_const_none)) {
        mp_raise_ValueError(MP_ERROR_TEXT("psk_identity and psk_key need each other"));
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Callbacks

#if MICROPY_PY_SSL_PSK_CALLBACKS

static void check_callback(const mp_obj_ssl_context_t *self, unsigned role, mp_obj_t callback) {
    ssl_context_require_role(self, role);
    if (callback != mp_const_none && !mp_obj_is_callable(callback)) {
        mp_raise_TypeError(MP_ERROR_TEXT("callback must be callable or None"));
    }
}

//| class SSLContext:
//| def set_psk_client_callback(
//|     self, callback: Callable[[str | bytes | None], tuple[str | bytes | None, bytes | None]] | None, /) -> None:
//|     """Client: ask for the pre-shared key when a connection needs it, unless `psk_key` is set.
//|
//|     *callback*: `callback(hint)` returns identity and key; either of them `None` or empty: there is none. *hint* is
//|     what the server said, in TLS 1.2 only, or `None`. `None` in place of a callback switches it off.
//|     """
static mp_obj_t ssl_context_set_psk_client_callback(mp_obj_t self_in, mp_obj_t callback) {
    mp_obj_ssl_context_t *self = MP_OBJ_TO_PTR(self_in);
    check_callback(self, 0, callback);
    tls_error_t error;
    tls_error_clear(&error);
    bool ok = tls_context_set_psk_client(ssl_context_change(self), callback != mp_const_none, &error);
    ssl_context_end_change(self);
    raise_unless(ok, &error);
    self->psk_callback = callback;
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(ssl_context_set_psk_client_callback_obj, ssl_context_set_psk_client_callback);

static const char *hint_from_obj(mp_obj_t obj) {
    if (obj == mp_const_none) {
        return NULL;
    }
    size_t len;
    const char *hint = ssl_chars_from_obj(obj, &len);
    if (len > TLS_PSK_IDENTITY_MAX || strlen(hint) != len) {
        mp_raise_ValueError(MP_ERROR_TEXT("bad identity_hint"));
    }
    return hint;
}

//| def set_psk_server_callback(self, callback: Callable[[str | bytes], bytes | None] | None,
//|     identity_hint: str | bytes | None = None) -> None:
//|     """Server: ask for the pre-shared key of a client, unless `server_psk_keys` has it.
//|
//|     - *callback*: `callback(identity)` returns the key; `None` or `b""`: the client is refused. `None` switches it
//|       off.
//|     - *identity_hint*: told to clients in TLS 1.2, at most 256 bytes. With Mbed TLS: `OSError(-28800)`.
//|     """
static mp_obj_t ssl_context_set_psk_server_callback(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum {
        ARG_callback,
        ARG_identity_hint,
    };
    static const mp_arg_t allowed_args[] = {
        {MP_QSTR_callback, MP_ARG_OBJ | MP_ARG_REQUIRED, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_identity_hint, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    mp_obj_ssl_context_t *self = MP_OBJ_TO_PTR(pos_args[0]);
    mp_obj_t callback = args[ARG_callback].u_obj;
    check_callback(self, TLS_PROTOCOL_SERVER, callback);
    const char *hint = hint_from_obj(args[ARG_identity_hint].u_obj);
    bool enable = callback != mp_const_none || self->server_psk_keys != mp_const_none;
    tls_error_t error;
    tls_error_clear(&error);
    tls_context_t *engine = ssl_context_change(self);
    bool ok = tls_context_set_psk_hint(engine, hint, &error) && tls_context_set_psk_server(engine, enable, &error);
    ssl_context_end_change(self);
    raise_unless(ok, &error);
    self->psk_callback = callback;
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_KW(ssl_context_set_psk_server_callback_obj, 1, ssl_context_set_psk_server_callback);

// What the client's callback returned: an identity and a key. TLS_ERROR: it has none.
static tls_status_t take_own_key(mp_obj_t result, uint8_t *identity, size_t *identity_len, uint8_t *key,
    size_t *key_len) {
    mp_obj_t *items;
    mp_obj_get_array_fixed_n(result, 2, &items);
    if (!mp_obj_is_true(items[0]) || !mp_obj_is_true(items[1])) {
        return TLS_ERROR;
    }
    ssl_data_t first = part_from_obj(items[0], TLS_PSK_IDENTITY_MAX);
    ssl_data_t second = part_from_obj(items[1], TLS_PSK_MAX);
    memcpy(identity, first.data, first.len);
    *identity_len = first.len;
    memcpy(key, second.data, second.len);
    *key_len = second.len;
    return TLS_OK;
}

static tls_status_t hook_psk_client(tls_host_t *host, const char *hint, uint8_t *identity, size_t *identity_len,
    uint8_t *key, size_t *key_len) {
    ssl_call_t *call = ssl_call_of(host);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        call->exception = MP_OBJ_FROM_PTR(nlr.ret_val);
        return TLS_ABORTED;
    }
    mp_obj_t hint_obj = hint == NULL || hint[0] == '\0' ? mp_const_none : ssl_text_to_obj(hint, strlen(hint));
    mp_obj_t result = mp_call_function_1(call->socket->context->psk_callback, hint_obj);
    tls_status_t status = take_own_key(result, identity, identity_len, key, key_len);
    nlr_pop();
    return status;
}

#endif

// ---------------------------------------------------------------------------------------------------------------------
// A server looks for a client's key

// Keys of the dict are bytes or str. Comparing the two kinds makes MicroPython print a warning, so that is not left to
// a lookup.
static mp_obj_t find_in_dict(mp_obj_t keys, const uint8_t *identity, size_t identity_len) {
    mp_map_t *map = mp_obj_dict_get_map(keys);
    for (size_t i = 0; i < map->alloc; i++) {
        if (!mp_map_slot_is_filled(map, i) || !mp_obj_is_str_or_bytes(map->table[i].key)) {
            continue;
        }
        size_t len;
        const char *key = mp_obj_str_get_data(map->table[i].key, &len);
        if (len == identity_len && memcmp(key, identity, len) == 0) {
            return map->table[i].value;
        }
    }
    return MP_OBJ_NULL;
}

// MP_OBJ_NULL: there is none.
static mp_obj_t find_key(const mp_obj_ssl_context_t *context, const uint8_t *identity, size_t identity_len) {
    mp_obj_t key = MP_OBJ_NULL;
    if (context->server_psk_keys != mp_const_none) {
        key = find_in_dict(context->server_psk_keys, identity, identity_len);
    }
    mp_obj_t callback = CALLBACK_OF(context);
    if (key == MP_OBJ_NULL && callback != mp_const_none) {
        key = mp_call_function_1(callback, ssl_text_to_obj((const char *)identity, identity_len));
        key = mp_obj_is_true(key) ? key : MP_OBJ_NULL;
    }
    return key;
}

static tls_status_t hook_psk(tls_host_t *host, const uint8_t *identity, size_t identity_len, uint8_t *key,
    size_t *key_len) {
    ssl_call_t *call = ssl_call_of(host);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        call->exception = MP_OBJ_FROM_PTR(nlr.ret_val);
        return TLS_ABORTED;
    }
    tls_status_t status = TLS_ERROR;
    mp_obj_t value = find_key(call->socket->context, identity, identity_len);
    if (value != MP_OBJ_NULL) {
        mp_buffer_info_t info;
        mp_get_buffer_raise(value, &info, MP_BUFFER_READ);
        if (info.len == 0 || info.len > TLS_PSK_MAX) {
            mp_raise_ValueError(MP_ERROR_TEXT("bad length of pre-shared key"));
        }
        memcpy(key, info.buf, info.len);
        *key_len = info.len;
        status = TLS_OK;
    }
    nlr_pop();
    return status;
}

void ssl_psk_set_hooks(const mp_obj_ssl_context_t *self, tls_host_t *host) {
    mp_obj_t callback = CALLBACK_OF(self);
    host->psk = self->server_psk_keys == mp_const_none && callback == mp_const_none ? NULL : hook_psk;
#if MICROPY_PY_SSL_PSK_CALLBACKS
    host->psk_client = callback == mp_const_none ? NULL : hook_psk_client;
#endif
}
