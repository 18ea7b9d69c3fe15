// What a context demands of certificates beyond trust anchors, names and the device's clock. The same for both engines:
// their contexts have one of these each, and a connection has a copy of how it was when the connection was made.

#ifndef MICROPYTHON_SSL_RULES_H
#define MICROPYTHON_SSL_RULES_H

#include "engine/engine.h"

typedef struct tls_rules {
#if MICROPY_PY_SSL_CRL
    unsigned flags; // TLS_VERIFY_FLAG_*
#endif
#if MICROPY_PY_SSL_PINS
    size_t pin_count;
    uint8_t *pins; // pin_count digests, one behind the other; NULL: none
    bool has_time; // `time` stands for the device's clock
    int64_t time;
#endif
} tls_rules_t;

// The rules of a context, for tls_context_set_pins() and so on: each engine implements it.
tls_rules_t *tls_context_rules(tls_context_t *context);

// What this build of the engine can do of TLS_VERIFY_FLAG_*: each engine implements it.
unsigned tls_verify_flags_known(void);

// Copies rules into ones that are all zero. false: out of memory.
TLS_MUST_USE bool tls_rules_copy(const tls_rules_t *rules, tls_rules_t *copy);
void tls_rules_free(tls_rules_t *rules);

// Mixes them into the digest of the trust anchors: a session is resumed under the same rules only. Rules that demand
// nothing leave it as it is. false: out of memory.
TLS_MUST_USE bool tls_rules_extend_trust(const tls_rules_t *rules, uint8_t trust[TLS_PIN_SIZE]);

static inline unsigned tls_rules_flags(const tls_rules_t *rules) {
#if MICROPY_PY_SSL_CRL
    return rules->flags;
#else
    (void)rules;
    return 0;
#endif
}

// What the clock says, or the earliest time that can be now if it is behind that or, negative, absent.
static inline int64_t tls_time_of_clock(int64_t now) {
    bool behind = MICROPY_PY_SSL_EARLIEST_TIME > 0 && now < MICROPY_PY_SSL_EARLIEST_TIME;
    return behind ? MICROPY_PY_SSL_EARLIEST_TIME : now;
}

#if MICROPY_PY_SSL_PINS

static inline bool tls_rules_have_pins(const tls_rules_t *rules) {
    return rules->pin_count > 0;
}

// Whether a public key is pinned; `spki` is its SubjectPublicKeyInfo in DER. false, too, if there is no memory to tell.
bool tls_rules_pin(const tls_rules_t *rules, const uint8_t *spki, size_t len);

// The time by which dates are judged; `now` is the clock's.
static inline int64_t tls_rules_time(const tls_rules_t *rules, int64_t now) {
    return rules->has_time ? rules->time : tls_time_of_clock(now);
}

static inline bool tls_rules_have_time(const tls_rules_t *rules) {
    return rules->has_time;
}

#else

// Constants, so that the code for pins is not in the image either.
static inline bool tls_rules_have_pins(const tls_rules_t *rules) {
    (void)rules;
    return false;
}

static inline bool tls_rules_pin(const tls_rules_t *rules, const uint8_t *spki, size_t len) {
    (void)rules;
    (void)spki;
    (void)len;
    return false;
}

static inline int64_t tls_rules_time(const tls_rules_t *rules, int64_t now) {
    (void)rules;
    return tls_time_of_clock(now);
}

static inline bool tls_rules_have_time(const tls_rules_t *rules) {
    (void)rules;
    return false;
}

#endif

#endif // MICROPYTHON_SSL_RULES_H
