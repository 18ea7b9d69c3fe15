// SSLContext.verify_flags, pins and verify_time.

#include "module/rules.h"

#include <string.h>

#include "module/errors.h"
#include "ssl_config.h"

// ---------------------------------------------------------------------------------------------------------------------
// Verification flags

#if MICROPY_PY_SSL_CRL

static void set_verify_flags(mp_obj_ssl_context_t *self, mp_obj_t value) {
    mp_int_t flags = mp_obj_get_int(value);
    tls_error_t error;
    tls_error_clear(&error);
    bool ok = flags >= 0 && flags <= INT32_MAX;
    if (ok) {
        ok = tls_context_set_verify_flags(ssl_context_change(self), (unsigned)flags, &error);
        ssl_context_end_change(self);
    }
    if (error.kind == TLS_ERROR_UNSUPPORTED) {
        ssl_raise(&error);
    }
    if (!ok) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid verify_flags"));
    }
}

#endif

// ---------------------------------------------------------------------------------------------------------------------
// Pins

#if MICROPY_PY_SSL_PINS

static void add_pin(vstr_t *pins, mp_obj_t obj) {
    mp_buffer_info_t info;
    if (mp_obj_is_str(obj)) {
        mp_raise_TypeError(MP_ERROR_TEXT("pins are bytes")); // text of the right length is no digest
    }
    mp_get_buffer_raise(obj, &info, MP_BUFFER_READ);
    if (info.len != TLS_PIN_SIZE) {
        mp_raise_ValueError(MP_ERROR_TEXT("pins have 32 bytes"));
    }
    vstr_add_strn(pins, info.buf, info.len);
}

// An empty set could be meant either way.
static void collect_pins(vstr_t *pins, mp_obj_t value) {
    mp_obj_t iterator = mp_getiter(value, NULL);
    mp_obj_t item;
    while ((item = mp_iternext(iterator)) != MP_OBJ_STOP_ITERATION) {
        add_pin(pins, item);
    }
    if (pins->len == 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("no pins; None switches them off"));
    }
}

static void set_pins(mp_obj_ssl_context_t *self, mp_obj_t value) {
    vstr_t pins;
    vstr_init(&pins, TLS_PIN_SIZE);
    if (value != mp_const_none) {
        collect_pins(&pins, value);
    }
    tls_error_t error;
    tls_context_t *engine = ssl_context_change(self);
    bool ok = tls_context_set_pins(engine, (const uint8_t *)pins.buf, pins.len / TLS_PIN_SIZE, &error);
    ssl_context_end_change(self);
    if (!ok) {
        ssl_raise(&error);
    }
}

// Something that cannot be changed: a pin that is added to a copy would count for nothing.
static mp_obj_t to_set(mp_obj_t list) {
#if MICROPY_PY_BUILTINS_FROZENSET
    return mp_call_function_1(MP_OBJ_FROM_PTR(&mp_type_frozenset), list);
#else
    return mp_call_function_1(MP_OBJ_FROM_PTR(&mp_type_tuple), list);
#endif
}

static mp_obj_t get_pins(mp_obj_ssl_context_t *self) {
    size_t count;
    tls_context_get_pins(self->engine, &count);
    if (count == 0) {
        return mp_const_none;
    }
    vstr_t copy;
    vstr_init_len(&copy, count * TLS_PIN_SIZE);
    ssl_context_use(self); // another thread may be about to change them
    const uint8_t *pins = tls_context_get_pins(self->engine, &count);
    count = MIN(count, copy.len / TLS_PIN_SIZE);
    if (count > 0) {
        memcpy(copy.buf, pins, count * TLS_PIN_SIZE);
    }
    ssl_context_release(self);
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (size_t i = 0; i < count; i++) {
        mp_obj_list_append(list, mp_obj_new_bytes((const byte *)copy.buf + i * TLS_PIN_SIZE, TLS_PIN_SIZE));
    }
    return to_set(list);
}

// ---------------------------------------------------------------------------------------------------------------------
// Time

#define TIME_MAX (INT64_C(1) << 40) // year 36812

// In two halves: where small integers have 31 bits, seconds since 1970 do not fit.
static int64_t whole_seconds(mp_obj_t value) {
    mp_int_t high = mp_obj_get_int(mp_binary_op(MP_BINARY_OP_RSHIFT, value, MP_OBJ_NEW_SMALL_INT(24)));
    mp_int_t low = mp_obj_get_int(mp_binary_op(MP_BINARY_OP_AND, value, MP_OBJ_NEW_SMALL_INT(0xFFFFFF)));
    return high < 0 || high >= TIME_MAX >> 24 ? -1 : (int64_t)high << 24 | low;
}

static int64_t seconds_from_obj(mp_obj_t value) {
    int64_t seconds = -1;
#if MICROPY_PY_BUILTINS_FLOAT
    if (mp_obj_is_float(value)) {
        mp_float_t number = mp_obj_get_float(value);
        if (number >= 0 && number < (mp_float_t)TIME_MAX) { // not so for NaN
            seconds = (int64_t)number;
        }
    } else
#endif
    {
        seconds = whole_seconds(value);
    }
    if (seconds < 0 || seconds >= TIME_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid verify_time"));
    }
    return seconds;
}

static void set_verify_time(mp_obj_ssl_context_t *self, mp_obj_t value) {
    int64_t seconds = value == mp_const_none ? -1 : seconds_from_obj(value);
    tls_context_set_verify_time(ssl_context_change(self), seconds);
    ssl_context_end_change(self);
}

static mp_obj_t get_verify_time(const mp_obj_ssl_context_t *self) {
    int64_t seconds = tls_context_get_verify_time(self->engine);
    return seconds < 0 ? mp_const_none : mp_obj_new_int_from_ll(seconds);
}

#endif

// ---------------------------------------------------------------------------------------------------------------------

//| class SSLContext:
//| verify_flags: int
//| """`VERIFY_DEFAULT`, or what is demanded beside a valid chain. For new connections."""
//| pins: frozenset[bytes] | set[bytes] | None
//| """SHA-256 digests of public keys (SubjectPublicKeyInfo), 32 bytes each: the peer's certificate or one above it must
//| have one, in every `verify_mode`. Any iterable can be set, but an empty one: `ValueError`. `None`: no pins.
//| """
//| verify_time: int | None
//| """Seconds since 1970-01-01 at which certificates must be valid. `None`: now, by the device's clock."""
mp_obj_t ssl_rules_load(mp_obj_ssl_context_t *self, qstr attr) {
    (void)self;
    switch (attr) {
#if MICROPY_PY_SSL_CRL
        case MP_QSTR_verify_flags:
            return mp_obj_new_int_from_uint(tls_context_get_verify_flags(self->engine));
#endif
#if MICROPY_PY_SSL_PINS
        case MP_QSTR_pins:
            return get_pins(self);
        case MP_QSTR_verify_time:
            return get_verify_time(self);
#endif
        default:
            return MP_OBJ_NULL;
    }
}

bool ssl_rules_store(mp_obj_ssl_context_t *self, qstr attr, mp_obj_t value) {
    (void)self;
    (void)value;
    switch (attr) {
#if MICROPY_PY_SSL_CRL
        case MP_QSTR_verify_flags:
            set_verify_flags(self, value);
            return true;
#endif
#if MICROPY_PY_SSL_PINS
        case MP_QSTR_pins:
            set_pins(self, value);
            return true;
        case MP_QSTR_verify_time:
            set_verify_time(self, value);
            return true;
#endif
        default:
            return false;
    }
}
