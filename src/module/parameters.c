// ALPN and groups: what a connection's two sides agree on in the handshake, beside versions and cipher suites.

#include "module/parameters.h"

#include <string.h>

#include "module/args.h"
#include "module/context.h"
#include "module/errors.h"
#include "module/socket.h"

#if MICROPY_PY_SSL_ALPN || MICROPY_PY_SSL_GROUPS

typedef bool (*set_names_t)(tls_context_t *context, const char *const *names, size_t count, tls_error_t *error);

static const char *name_from_obj(mp_obj_t obj) {
    size_t len;
    const char *name = ssl_chars_from_obj(obj, &len);
    if (strlen(name) != len) {
        mp_raise_ValueError(MP_ERROR_TEXT("NUL in name"));
    }
    return name;
}

// Gives the engine a list of names. What it does not like about them is a ValueError with these words.
static void set_names(mp_obj_t self_in, set_names_t set, size_t count, const mp_obj_t *items, const char *words) {
    const char **names = m_new(const char *, count);
    for (size_t i = 0; i < count; i++) {
        names[i] = name_from_obj(items[i]);
    }
    mp_obj_ssl_context_t *self = MP_OBJ_TO_PTR(self_in);
    tls_error_t error;
    tls_error_clear(&error);
    bool ok = set(ssl_context_change(self), names, count, &error);
    ssl_context_end_change(self);
    m_del(const char *, names, count);
    if (!ok) {
        ssl_raise_value_error(words, &error);
    }
}

#endif

// ---------------------------------------------------------------------------------------------------------------------

#if MICROPY_PY_SSL_ALPN

//| class SSLContext:
//| def set_alpn_protocols(self, protocols: list[str | bytes] | tuple[str | bytes, ...], /) -> None:
//|     """Set what a client offers by ALPN, and what a server chooses from.
//|
//|     *protocols*: names such as `"http/1.1"`, most preferred first. `[]`: none. A client that has none of its
//|     server's is refused: `OSError(-30080)`.
//|     """
static mp_obj_t ssl_context_set_alpn_protocols(mp_obj_t self_in, mp_obj_t protocols) {
    size_t count;
    mp_obj_t *items;
    mp_obj_get_array(protocols, &count, &items);
    set_names(self_in, tls_context_set_alpn, count, items, "invalid protocols");
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(ssl_context_set_alpn_protocols_obj, ssl_context_set_alpn_protocols);

//| class SSLSocket:
//| def selected_alpn_protocol(self) -> str | bytes | None:
//|     """Return the protocol that ALPN agreed on, as `bytes` if it is not UTF-8. `None`: none."""
static mp_obj_t ssl_socket_selected_alpn_protocol(mp_obj_t self_in) {
    const mp_obj_ssl_socket_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->connection == NULL) {
        return mp_const_none;
    }
    size_t len;
    const char *name = tls_connection_alpn(self->connection, &len);
    return name == NULL ? mp_const_none : ssl_text_to_obj(name, len);
}
MP_DEFINE_CONST_FUN_OBJ_1(ssl_socket_selected_alpn_protocol_obj, ssl_socket_selected_alpn_protocol);

#endif

// ---------------------------------------------------------------------------------------------------------------------

#if MICROPY_PY_SSL_GROUPS

//| class SSLContext:
//| def set_groups(self, groups: list[str] | tuple[str, ...], /) -> None:
//|     """Set the groups of the key exchange; no others are used. In TLS 1.2 they are the curves of ECDSA certificates,
//|     too.
//|
//|     *groups*: `"X25519"`, `"prime256v1"` and so on, most preferred first. An unknown name and an empty list:
//|     `ValueError`.
//|     """
static mp_obj_t ssl_context_set_groups(mp_obj_t self_in, mp_obj_t groups) {
    size_t count;
    mp_obj_t *items;
    mp_obj_get_array(groups, &count, &items);
    set_names(self_in, tls_context_set_groups, count, items, "invalid groups");
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(ssl_context_set_groups_obj, ssl_context_set_groups);

//| def set_ecdh_curve(self, name: str, /) -> None:
//|     """Set the only group of the key exchange, as `set_groups([name])`."""
static mp_obj_t ssl_context_set_ecdh_curve(mp_obj_t self_in, mp_obj_t name) {
    set_names(self_in, tls_context_set_groups, 1, &name, "invalid curve");
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(ssl_context_set_ecdh_curve_obj, ssl_context_set_ecdh_curve);

#endif
