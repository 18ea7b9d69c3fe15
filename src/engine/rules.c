// Verification flags, pins and the time of verification, as contexts keep them.

#include "engine/rules.h"

#include "engine/memory.h"
#include "engine/session.h"

#include <string.h>

// ---------------------------------------------------------------------------------------------------------------------
// Verification flags

#if MICROPY_PY_SSL_CRL

#define ALL_FLAGS \
    (TLS_VERIFY_FLAG_CRL_CHAIN | TLS_VERIFY_FLAG_STRICT | TLS_VERIFY_FLAG_TRUSTED_FIRST | TLS_VERIFY_FLAG_PARTIAL_CHAIN)

bool tls_context_set_verify_flags(tls_context_t *context, unsigned flags, tls_error_t *error) {
    tls_error_clear(error);
    unsigned crl = flags & TLS_VERIFY_FLAG_CRL_CHAIN;
    if ((flags & ~ALL_FLAGS) || (crl != 0 && !(crl & TLS_VERIFY_FLAG_CRL_LEAF))) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG, "no such verification flags: 0x%x", flags);
        return false;
    }
    if (flags & ~tls_verify_flags_known()) {
        tls_error_set(error, TLS_ERROR_UNSUPPORTED, TLS_CODE_FEATURE_UNAVAILABLE,
            "this build does not know all of the verification flags 0x%x", flags);
        return false;
    }
    tls_context_rules(context)->flags = flags;
    tls_context_forget_tickets(context);
    return true;
}

unsigned tls_context_get_verify_flags(const tls_context_t *context) {
    return tls_context_rules((tls_context_t *)(uintptr_t)context)->flags;
}

#endif

// ---------------------------------------------------------------------------------------------------------------------
// Pins and time

#if MICROPY_PY_SSL_PINS

bool tls_context_set_pins(tls_context_t *context, const uint8_t *digests, size_t count, tls_error_t *error) {
    tls_error_clear(error);
    uint8_t *pins = NULL;
    if (count > 0) {
        pins = tls_calloc(count, TLS_PIN_SIZE);
        if (pins == NULL) {
            tls_error_set(error, TLS_ERROR_NO_MEMORY, TLS_CODE_ALLOC_FAILED, NULL);
            error->size = tls_memory_failed_size();
            return false;
        }
        memcpy(pins, digests, count * TLS_PIN_SIZE);
    }
    tls_rules_t *rules = tls_context_rules(context);
    tls_free(rules->pins);
    rules->pins = pins;
    rules->pin_count = count;
    tls_context_forget_tickets(context);
    return true;
}

const uint8_t *tls_context_get_pins(const tls_context_t *context, size_t *count) {
    const tls_rules_t *rules = tls_context_rules((tls_context_t *)(uintptr_t)context);
    *count = rules->pin_count;
    return rules->pins;
}

void tls_context_set_verify_time(tls_context_t *context, int64_t time) {
    tls_rules_t *rules = tls_context_rules(context);
    rules->has_time = time >= 0;
    rules->time = time;
    tls_context_forget_tickets(context);
}

int64_t tls_context_get_verify_time(const tls_context_t *context) {
    const tls_rules_t *rules = tls_context_rules((tls_context_t *)(uintptr_t)context);
    return rules->has_time ? rules->time : -1;
}

bool tls_rules_pin(const tls_rules_t *rules, const uint8_t *spki, size_t len) {
    uint8_t digest[TLS_DIGEST_SIZE];
    if (!tls_sha256(spki, len, digest)) {
        return false;
    }
    for (size_t i = 0; i < rules->pin_count; i++) {
        if (memcmp(rules->pins + i * TLS_PIN_SIZE, digest, TLS_PIN_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

#endif

// ---------------------------------------------------------------------------------------------------------------------
// Of connections

bool tls_rules_copy(const tls_rules_t *rules, tls_rules_t *copy) {
    *copy = *rules;
#if MICROPY_PY_SSL_PINS
    copy->pins = NULL;
    copy->pin_count = 0;
    if (rules->pin_count > 0) {
        copy->pins = tls_calloc(rules->pin_count, TLS_PIN_SIZE);
        if (copy->pins == NULL) {
            return false;
        }
        memcpy(copy->pins, rules->pins, rules->pin_count * TLS_PIN_SIZE);
        copy->pin_count = rules->pin_count;
    }
#endif
    return true;
}

void tls_rules_free(tls_rules_t *rules) {
#if MICROPY_PY_SSL_PINS
    tls_free(rules->pins);
    rules->pins = NULL;
    rules->pin_count = 0;
#else
    (void)rules;
#endif
}

bool tls_rules_extend_trust(const tls_rules_t *rules, uint8_t trust[TLS_PIN_SIZE]) {
    unsigned flags = tls_rules_flags(rules) & (TLS_VERIFY_FLAG_CRL_CHAIN | TLS_VERIFY_FLAG_STRICT);
    if (flags != 0 && !tls_trust_extend(trust, (const uint8_t *)&flags, sizeof(flags))) {
        return false;
    }
#if MICROPY_PY_SSL_PINS
    if (rules->has_time && !tls_trust_extend(trust, (const uint8_t *)&rules->time, sizeof(rules->time))) {
        return false;
    }
    return rules->pin_count == 0 || tls_trust_extend(trust, rules->pins, rules->pin_count * TLS_PIN_SIZE);
#else
    return true;
#endif
}
