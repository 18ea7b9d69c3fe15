// Contexts: the settings from which connections are made.

#include "internal.h"

#include "ssl_config.h"

#include <string.h>

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

static void free_psk(psk_t *psk) {
    if (psk->bytes != NULL) {
        mbedtls_platform_zeroize(psk->bytes, psk->identity_len + psk->key_len);
        tls_free(psk->bytes);
        psk->bytes = NULL;
    }
}

static void context_free(tls_context_t *context) {
    for (int i = 0; i < IDENTITY_KINDS; i++) {
        identity_release(context->identities[i]);
    }
    mbedtls_x509_crt_free(context->anchors);
    mbedtls_free(context->anchors);
    suites_release(context->suites);
    tls_free(context->chosen_suites);
    free_psk(&context->psk);
    tls_context_forget_tickets(context);
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
    context->num_tickets = TLS_DEFAULT_TICKETS;
    bool datagram = context_is_datagram(context);
    int highest = HIGHEST_VERSION < MICROPY_PY_SSL_MAX_TLS_VERSION ? HIGHEST_VERSION : MICROPY_PY_SSL_MAX_TLS_VERSION;
    highest = highest < LOWEST_VERSION ? LOWEST_VERSION : highest;
    context->minimum_version = datagram ? TLS_VERSION_1_2 : LOWEST_VERSION;
    context->max_record = MICROPY_PY_SSL_MAX_RECORD;
    context->maximum_version = datagram ? TLS_VERSION_1_2 : highest;
    if (!start_cookies(context, error) || !rebuild_suites(context, error)) {
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
    tls_context_forget_tickets(context);
}

tls_verify_mode_t tls_context_get_verify_mode(const tls_context_t *context) {
    return context->verify_mode;
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

// ---------------------------------------------------------------------------------------------------------------------
// Pre-shared keys

// Checks that the context can have a pre-shared key for this role.
static bool check_psk_role(const tls_context_t *context, bool server, tls_error_t *error) {
    if (!COMPAT_PSK) {
        tls_error_set(error, TLS_ERROR_UNSUPPORTED, TLS_CODE_FEATURE_UNAVAILABLE, "this build has no pre-shared keys");
        return false;
    }
    if (context_is_server(context) != server) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG, "this is for a %s", server ? "server" : "client");
        return false;
    }
    return true;
}

// A block with the identity and then the key; NULL with *error filled.
static uint8_t *copy_psk(const uint8_t *identity, size_t identity_len, const uint8_t *key, size_t key_len,
    tls_error_t *error) {
    if (identity == NULL || identity_len == 0 || identity_len > TLS_PSK_IDENTITY_MAX) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA,
            "the identity of a pre-shared key has 1 to %d bytes", TLS_PSK_IDENTITY_MAX);
        return NULL;
    }
    if (key == NULL || key_len == 0 || key_len > COMPAT_PSK_MAX) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA, "a pre-shared key has 1 to %d bytes",
            COMPAT_PSK_MAX);
        return NULL;
    }
    uint8_t *psk = tls_calloc(1, identity_len + key_len);
    if (psk == NULL) {
        describe_no_memory(error);
        return NULL;
    }
    memcpy(psk, identity, identity_len);
    memcpy(psk + identity_len, key, key_len);
    return psk;
}

bool tls_context_set_psk(tls_context_t *context, const uint8_t *identity, size_t identity_len, const uint8_t *key,
    size_t key_len, tls_error_t *error) {
    tls_error_clear(error);
    if (!check_psk_role(context, false, error)) {
        return false;
    }
    psk_t old = context->psk;
    psk_t psk = {.identity_len = identity_len, .key_len = key_len};
    if (identity == NULL && key == NULL) {
        memset(&psk, 0, sizeof(psk));
    } else {
        psk.bytes = copy_psk(identity, identity_len, key, key_len, error);
        if (psk.bytes == NULL) {
            return false;
        }
    }
    context->psk = psk;
    if (!rebuild_suites(context, error)) {
        context->psk = old;
        free_psk(&psk);
        return false;
    }
    free_psk(&old);
    return true;
}

bool tls_context_set_psk_server(tls_context_t *context, bool enable, tls_error_t *error) {
    tls_error_clear(error);
    if (!check_psk_role(context, true, error)) {
        return false;
    }
    bool before = context->psk_server;
    context->psk_server = enable;
    if (!rebuild_suites(context, error)) {
        context->psk_server = before;
        return false;
    }
    tls_context_forget_tickets(context);
    return true;
}
