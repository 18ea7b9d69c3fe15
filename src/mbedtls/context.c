// Contexts: the settings from which connections are made.

#include "internal.h"

#include "ssl_config.h"

#define LOWEST_VERSION  (COMPAT_TLS_1_2 ? TLS_VERSION_1_2 : TLS_VERSION_1_3)
#define HIGHEST_VERSION (COMPAT_TLS_1_3 ? TLS_VERSION_1_3 : TLS_VERSION_1_2)

static bool protocol_available(unsigned protocol) {
    if (protocol & TLS_PROTOCOL_SERVER && !COMPAT_SERVER) {
        return false;
    }
    if (!(protocol & TLS_PROTOCOL_SERVER) && !COMPAT_CLIENT) {
        return false;
    }
    return COMPAT_DTLS || !(protocol & TLS_PROTOCOL_DATAGRAM);
}

static void context_free(tls_context_t *context) {
    for (int i = 0; i < IDENTITY_KINDS; i++) {
        identity_release(context->identities[i]);
    }
    mbedtls_x509_crt_free(context->anchors);
    mbedtls_free(context->anchors);
    tls_bundles_free(context->bundles);
#if COMPAT_CRL
    mbedtls_x509_crl_free(context->crls);
    mbedtls_free(context->crls);
#endif
    tls_rules_free(&context->rules);
    suites_release(context->suites);
    groups_release(context->groups);
    alpn_release(context->alpn);
    tls_free(context->chosen_suites);
    tls_ticket_keys_free(context->ticket_keys);
    tls_session_cache_resize(&context->sessions, 0);
    psk_free(&context->psk);
#if COMPAT_COOKIES
    mbedtls_ssl_cookie_free(&context->cookies);
#endif
    tls_free(context);
    library_release();
}

// One key for all connections of a context: a client that comes back with its cookie may meet another connection.
static bool start_cookies(tls_context_t *context, tls_error_t *error) {
#if COMPAT_COOKIES
    mbedtls_ssl_cookie_init(&context->cookies);
    if (context->protocol == (TLS_PROTOCOL_SERVER | TLS_PROTOCOL_DATAGRAM)) {
        unsigned failed_before = count_failed_allocations();
        int ret = mbedtls_ssl_cookie_setup(&context->cookies, compat_random, NULL);
        if (ret != 0) {
            describe_error(ret, failed_before, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, NULL, error);
            return false;
        }
    }
#else
    (void)context;
    (void)error;
#endif
    return true;
}

static bool start_sessions(tls_context_t *context, tls_error_t *error) {
    context->num_tickets = TLS_DEFAULT_TICKETS;
    if (!context_is_server(context)) {
        return true;
    }
    tls_session_cache_resize(&context->sessions, MICROPY_PY_SSL_SERVER_SESSIONS);
    context->ticket_keys = COMPAT_TICKETS ? tls_ticket_keys_new(NULL, 0) : NULL;
    if (COMPAT_TICKETS && context->ticket_keys == NULL) {
        describe_no_memory(error);
        return false;
    }
    return true;
}

tls_context_t *tls_context_new(unsigned protocol, tls_error_t *error) {
    tls_error_clear(error);
    if (!protocol_available(protocol)) {
        tls_error_set(error, TLS_ERROR_UNSUPPORTED, TLS_CODE_FEATURE_UNAVAILABLE,
            "this build has no %s %s", protocol & TLS_PROTOCOL_DATAGRAM ? "DTLS" : "TLS",
            protocol & TLS_PROTOCOL_SERVER ? "server" : "client");
        return NULL;
    }
    unsigned failed_before = count_failed_allocations();
    if (!library_retain()) {
        describe_error(MBEDTLS_ERR_ERROR_GENERIC_ERROR, failed_before, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL,
            "the TLS library could not be started: it has no source of entropy", error);
        return NULL;
    }
    tls_context_t *context = tls_calloc(1, sizeof(*context));
    if (context == NULL) {
        describe_no_memory(error);
        library_release();
        return NULL;
    }
    context->references = 1;
    context->protocol = protocol;
    context->verify_mode = TLS_VERIFY_MODE_NONE;
    bool datagram = context_is_datagram(context);
    int highest = HIGHEST_VERSION < MICROPY_PY_SSL_MAX_TLS_VERSION ? HIGHEST_VERSION : MICROPY_PY_SSL_MAX_TLS_VERSION;
    highest = highest < LOWEST_VERSION ? LOWEST_VERSION : highest;
    context->minimum_version = datagram ? TLS_VERSION_1_2 : LOWEST_VERSION;
    context->max_record = MICROPY_PY_SSL_MAX_RECORD;
    context->mtu = TLS_MTU_DEFAULT;
    context->maximum_version = datagram ? TLS_VERSION_1_2 : highest;
    if (!start_sessions(context, error) || !start_cookies(context, error) || !rebuild_suites(context, error)) {
        context_free(context);
        return NULL;
    }
    return context;
}

tls_context_t *tls_context_retain(tls_context_t *context) {
    compat_retain(&context->references);
    return context;
}

void tls_context_release(tls_context_t *context) {
    if (context != NULL && compat_release(&context->references)) {
        context_free(context);
    }
}

void tls_context_set_verify_mode(tls_context_t *context, tls_verify_mode_t mode) {
    context->verify_mode = mode;
}

tls_verify_mode_t tls_context_get_verify_mode(const tls_context_t *context) {
    return context->verify_mode;
}

tls_rules_t *tls_context_rules(tls_context_t *context) {
    return &context->rules;
}

tls_bundle_t **tls_context_bundles(tls_context_t *context) {
    return &context->bundles;
}

uint8_t *tls_context_trust(tls_context_t *context) {
    return context->trust;
}

unsigned tls_verify_flags_known(void) {
    return (COMPAT_CRL ? TLS_VERIFY_FLAG_CRL_CHAIN : 0) | TLS_VERIFY_FLAG_TRUSTED_FIRST | TLS_VERIFY_FLAG_PARTIAL_CHAIN;
}

// ---------------------------------------------------------------------------------------------------------------------
// Versions

static bool is_known_version(int version) {
    return version == TLS_VERSION_1_2 || version == TLS_VERSION_1_3;
}

bool tls_context_set_versions(tls_context_t *context, int minimum, int maximum, tls_error_t *error) {
    tls_error_clear(error);
    if (!is_known_version(minimum) || !is_known_version(maximum) || minimum > maximum) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG, "no such range of TLS versions: 0x%04x to 0x%04x",
            (unsigned)minimum, (unsigned)maximum);
        return false;
    }
    if (context_is_datagram(context)) {
        return true;
    }
    if (minimum < LOWEST_VERSION || maximum > HIGHEST_VERSION) {
        tls_error_set(error, TLS_ERROR_UNSUPPORTED, TLS_CODE_FEATURE_UNAVAILABLE, "this build has no TLS 1.%d",
            COMPAT_TLS_1_3 ? 2 : 3);
        return false;
    }
    context->minimum_version = minimum;
    context->maximum_version = maximum;
    return true;
}

int tls_context_get_minimum_version(const tls_context_t *context) {
    return context->minimum_version;
}

int tls_context_get_maximum_version(const tls_context_t *context) {
    return context->maximum_version;
}

bool tls_context_set_max_record(tls_context_t *context, size_t size, tls_error_t *error) {
    tls_error_clear(error);
    if (size < TLS_RECORD_MIN || size > TLS_RECORD_MAX) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA, "max_record must be %d to %d",
            TLS_RECORD_MIN, TLS_RECORD_MAX);
        return false;
    }
    context->max_record = size;
    return true;
}

size_t tls_context_get_max_record(const tls_context_t *context) {
    return context->max_record;
}

bool tls_context_set_mtu(tls_context_t *context, size_t size, tls_error_t *error) {
    tls_error_clear(error);
    if (size < TLS_MTU_MIN || size > TLS_MTU_MAX) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA, "mtu must be %d to %d", TLS_MTU_MIN,
            TLS_MTU_MAX);
        return false;
    }
    context->mtu = (uint16_t)size;
    return true;
}

size_t tls_context_get_mtu(const tls_context_t *context) {
    return context->mtu;
}
