// What an SSLContext says and takes about the sessions of its connections.

#include "module/context_sessions.h"

#include "module/call.h"
#include "module/errors.h"

//| class SSLContext:

#if MICROPY_PY_SSL_SESSION_CACHE

mp_obj_t ssl_context_get_session_cache_size(const mp_obj_ssl_context_t *self) {
    return MP_OBJ_NEW_SMALL_INT(tls_context_get_session_cache_size(ssl_context_engine(self)));
}

void ssl_context_set_session_cache_size(mp_obj_ssl_context_t *self, mp_obj_t size_obj) {
    mp_int_t size = mp_obj_get_int(size_obj);
    if (size < 0 || size > UINT16_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid session_cache_size"));
    }
    tls_context_set_session_cache_size(ssl_context_change(self), (size_t)size);
    ssl_context_end_change(self);
}

static void store_count(mp_obj_t dict, qstr key, uint32_t count) {
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(key), mp_obj_new_int_from_uint(count));
}

//| def session_stats(self) -> dict[str, int]:
//|     """Return numbers of handshakes and sessions so far.
//|
//|     - `connect`, `connect_good`: a client's handshakes, begun and completed; `accept`, `accept_good`: a server's.
//|     - `hits`: sessions resumed. `misses`: a client had none to offer, or a server did not know it.
//|     - `number`: sessions kept now. `timeouts`, `cache_full`: those that went for their age, or to make room.
//|     """
static mp_obj_t ssl_context_session_stats(mp_obj_t self_in) {
    tls_session_stats_t stats;
    bool interrupt_was_held = ssl_hold_interrupt(true);
    tls_context_session_stats(ssl_context_engine(MP_OBJ_TO_PTR(self_in)), &stats);
    ssl_hold_interrupt(interrupt_was_held);
    mp_obj_t dict = mp_obj_new_dict(9);
    store_count(dict, MP_QSTR_number, stats.number);
    store_count(dict, MP_QSTR_connect, stats.connect);
    store_count(dict, MP_QSTR_connect_good, stats.connect_good);
    store_count(dict, MP_QSTR_accept, stats.accept);
    store_count(dict, MP_QSTR_accept_good, stats.accept_good);
    store_count(dict, MP_QSTR_hits, stats.hits);
    store_count(dict, MP_QSTR_misses, stats.misses);
    store_count(dict, MP_QSTR_timeouts, stats.timeouts);
    store_count(dict, MP_QSTR_cache_full, stats.cache_full);
    return dict;
}
MP_DEFINE_CONST_FUN_OBJ_1(ssl_context_session_stats_obj, ssl_context_session_stats);

#endif

#if MICROPY_PY_SSL_TICKET_KEYS

// Checks what only the caller can have meant; the engine checks the rest.
static size_t keys_from_obj(mp_obj_t obj, tls_bytes_t keys[TLS_TICKET_KEYS_MAX]) {
    size_t count;
    mp_obj_t *items;
    mp_obj_get_array(obj, &count, &items);
    if (count == 0 || count > TLS_TICKET_KEYS_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("ticket_keys must be None or 1 to 16 keys"));
    }
    for (size_t i = 0; i < count; i++) {
        mp_buffer_info_t info;
        mp_get_buffer_raise(items[i], &info, MP_BUFFER_READ);
        keys[i] = (tls_bytes_t) {.data = info.buf, .len = info.len};
    }
    return count;
}

void ssl_context_set_ticket_keys(mp_obj_ssl_context_t *self, mp_obj_t obj) {
    tls_bytes_t keys[TLS_TICKET_KEYS_MAX];
    tls_error_t error;
    tls_error_clear(&error);
    ssl_context_require_role(self, TLS_PROTOCOL_SERVER);
    size_t count = obj == mp_const_none ? 0 : keys_from_obj(obj, keys);
    bool ok = tls_context_set_ticket_keys(ssl_context_change(self), keys, count, &error);
    ssl_context_end_change(self);
    if (!ok && error.kind == TLS_ERROR_ARGUMENT) {
        mp_raise_ValueError(MP_ERROR_TEXT("a ticket key has 48 or 80 bytes"));
    }
    if (!ok) {
        ssl_raise(&error);
    }
    self->ticket_keys = obj;
}

#endif
