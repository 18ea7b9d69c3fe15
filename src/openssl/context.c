// Contexts: configuration that connections share.

#include "openssl/internal.h"

#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

static const SSL_METHOD *method_for(unsigned protocol) {
    switch (protocol) {
        case 0:
            return TLS_client_method();
        case TLS_PROTOCOL_SERVER:
            return TLS_server_method();
#if TLS_HAS_DTLS
        case TLS_PROTOCOL_DATAGRAM:
            return DTLS_client_method();
        case TLS_PROTOCOL_DATAGRAM | TLS_PROTOCOL_SERVER:
            return DTLS_server_method();
#endif
        default:
            return NULL;
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// DTLS cookies (RFC 6347 section 4.2.1)

static bool make_cookie(SSL *ssl, unsigned char cookie[EVP_MAX_MD_SIZE], unsigned *len) {
    const tls_connection_t *connection = SSL_get_app_data(ssl);
    const uint8_t *secret = connection->context->cookie_secret;
    unsigned char *result = HMAC(EVP_sha256(), secret, TLS_COOKIE_SECRET_SIZE, connection->cookie_id,
        connection->cookie_id_len, cookie, len);
    return result != NULL;
}

static int generate_cookie(SSL *ssl, unsigned char *cookie, unsigned *len) {
    unsigned char whole[EVP_MAX_MD_SIZE];
    if (!make_cookie(ssl, whole, len)) {
        return 0;
    }
    memcpy(cookie, whole, *len); // DTLS1_COOKIE_LENGTH is 255
    return 1;
}

static int verify_cookie(SSL *ssl, const unsigned char *cookie, unsigned len) {
#if MICROPY_PY_SSL_SNI_CALLBACK
    const tls_connection_t *connection = SSL_get_app_data(ssl);
    if (connection->reread) {
        return 1; // it was good, and made by the context of before
    }
#endif
    unsigned char expected[EVP_MAX_MD_SIZE];
    unsigned expected_len;
    return make_cookie(ssl, expected, &expected_len) && len == expected_len
        && CRYPTO_memcmp(cookie, expected, len) == 0;
}

// ---------------------------------------------------------------------------------------------------------------------

// Alerts that the library sends are told to nobody else.
static void note_alert(const SSL *ssl, int where, int value) {
    if ((where & SSL_CB_ALERT) && (where & SSL_CB_WRITE) && value >> 8 == SSL3_AL_FATAL) {
        tls_connection_t *connection = SSL_get_app_data(ssl);
        connection->alert_sent = value & 0xFF;
    }
}

// Which version the peer's hello names; the library keeps it on servers only.
static void note_hello(int sent, int version, int type, const void *buf, size_t len, SSL *ssl, void *unused) {
    (void)version;
    (void)unused;
    const uint8_t *message = buf;
    size_t header = SSL_is_dtls(ssl) ? DTLS1_HM_HEADER_LENGTH : SSL3_HM_HEADER_LENGTH;
    if (!sent && type == SSL3_RT_HANDSHAKE && len >= header + 2
        && (message[0] == SSL3_MT_CLIENT_HELLO || message[0] == SSL3_MT_SERVER_HELLO)) {
        tls_connection_t *connection = SSL_get_app_data(ssl);
        connection->hello_version = message[header] << 8 | message[header + 1];
    }
}

// Without this the library does not take part in TLS 1.3 as a server that has no certificate yet, and a client would
// be told about versions (alert protocol_version) when it is the certificate that is missing.
static int allow_tls13_without_certificate(SSL *ssl, void *unused) {
    (void)ssl;
    (void)unused;
    return 1;
}

static void set_options(SSL_CTX *ctx) {
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_QUERY_MTU);
    SSL_CTX_clear_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // A chain is sent as it was given, not completed from the trust anchors.
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_dh_auto(ctx, 1);
    SSL_CTX_set_info_callback(ctx, note_alert);
    SSL_CTX_set_msg_callback(ctx, note_hello);
    SSL_CTX_set_cert_verify_callback(ctx, tls_verify_chain, NULL);
    tls_bundles_install(SSL_CTX_get_cert_store(ctx));
}

static bool set_server_options(tls_context_t *context) {
    SSL_CTX *ctx = context->ssl_ctx;
    SSL_CTX_set_cert_cb(ctx, allow_tls13_without_certificate, NULL);
    SSL_CTX_set_tlsext_servername_callback(ctx, tls_psk_check_identity);
#if MICROPY_PY_SSL_SNI_CALLBACK
    SSL_CTX_set_client_hello_cb(ctx, tls_sni_choose, NULL);
#endif
    tls_alpn_install_server(context);
    if (context->protocol & TLS_PROTOCOL_DATAGRAM) {
        SSL_CTX_set_options(ctx, SSL_OP_COOKIE_EXCHANGE);
        SSL_CTX_set_cookie_generate_cb(ctx, generate_cookie);
        SSL_CTX_set_cookie_verify_cb(ctx, verify_cookie);
        if (RAND_bytes(context->cookie_secret, TLS_COOKIE_SECRET_SIZE) != 1) {
            return false;
        }
    }
    return true;
}

static int highest_version(unsigned protocol) {
    if ((protocol & TLS_PROTOCOL_DATAGRAM) || !TLS_HAS_TLS_1_3) {
        return TLS_VERSION_1_2;
    }
    return MICROPY_PY_SSL_MAX_TLS_VERSION < TLS_VERSION_1_3 ? TLS_VERSION_1_2 : TLS_VERSION_1_3;
}

// The system's configuration (openssl.cnf, MinProtocol and MaxProtocol) can narrow the range further.
static void set_default_versions(tls_context_t *context) {
    context->minimum = TLS_VERSION_1_2;
    context->maximum = highest_version(context->protocol);
    if (context->protocol & TLS_PROTOCOL_DATAGRAM) {
        return;
    }
    int minimum = (int)SSL_CTX_get_min_proto_version(context->ssl_ctx);
    int maximum = (int)SSL_CTX_get_max_proto_version(context->ssl_ctx);
    if (maximum == TLS_VERSION_1_2) {
        context->maximum = TLS_VERSION_1_2;
    }
    if (minimum == TLS_VERSION_1_3 && context->maximum == TLS_VERSION_1_3) {
        context->minimum = TLS_VERSION_1_3;
    }
}

static bool set_up(tls_context_t *context, tls_error_t *error) {
    context->ssl_ctx = SSL_CTX_new(method_for(context->protocol));
    if (context->ssl_ctx == NULL) {
        return false;
    }
    set_options(context->ssl_ctx);
    tls_session_install(context);
    set_default_versions(context);
    return (!(context->protocol & TLS_PROTOCOL_SERVER) || set_server_options(context))
        && tls_ciphers_read_defaults(context) && tls_ciphers_update(context, error) && !tls_memory_was_refused();
}

tls_context_t *tls_context_new(unsigned protocol, tls_error_t *error) {
    tls_error_clear(error);
    if (method_for(protocol) == NULL) {
        tls_error_set(error, TLS_ERROR_UNSUPPORTED, TLS_CODE_FEATURE_UNAVAILABLE, "protocol is not in this OpenSSL");
        return NULL;
    }
    tls_errors_clear();
    tls_memory_watch();
    tls_context_t *context = tls_zalloc(sizeof(*context));
    if (context == NULL) {
        tls_error_no_memory(error);
        return NULL;
    }
    context->references = 1;
    context->protocol = protocol;
    context->max_record = MICROPY_PY_SSL_MAX_RECORD;
    context->mtu = TLS_MTU_DEFAULT;
    context->num_tickets = TLS_DEFAULT_TICKETS;
    if (protocol & TLS_PROTOCOL_SERVER) {
        context->ticket_keys = tls_ticket_keys_new(NULL, 0);
        if (context->ticket_keys == NULL) {
            tls_error_no_memory(error);
            tls_context_release(context);
            return NULL;
        }
    }
    if (!set_up(context, error)) {
        tls_error_from_library(error, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, NULL);
        tls_context_release(context);
        context = NULL;
    }
    tls_errors_clear();
    return context;
}

tls_context_t *tls_context_retain(tls_context_t *context) {
    __atomic_add_fetch(&context->references, 1, __ATOMIC_RELAXED);
    return context;
}

void tls_context_release(tls_context_t *context) {
    if (context == NULL || __atomic_sub_fetch(&context->references, 1, __ATOMIC_ACQ_REL) > 0) {
        return;
    }
    bool outer = tls_freeing_begin();
    SSL_CTX_free(context->ssl_ctx);
    tls_freeing_end(outer);
    tls_ticket_keys_free(context->ticket_keys);
    tls_session_cache_resize(&context->sessions, 0);
    tls_free(context->defaults.list);
    tls_free(context->chosen.list);
    tls_free(context->enabled.list);
    tls_free(context->alpn);
    tls_rules_free(&context->rules);
    tls_bundles_free(context->bundles);
    tls_psk_free(&context->own_psk);
    OPENSSL_cleanse(context->cookie_secret, sizeof(context->cookie_secret));
    tls_free(context);
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

static bool is_version(int version) {
    return version == TLS_VERSION_1_2 || version == TLS_VERSION_1_3;
}

bool tls_context_set_versions(tls_context_t *context, int minimum, int maximum, tls_error_t *error) {
    tls_error_clear(error);
    if (!is_version(minimum) || !is_version(maximum) || minimum > maximum) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG,
            "versions are TLS 1.2 and TLS 1.3, and the minimum is not above the maximum");
        return false;
    }
    if (context->protocol & TLS_PROTOCOL_DATAGRAM) {
        return true;
    }
    if (maximum == TLS_VERSION_1_3 && !TLS_HAS_TLS_1_3) {
        tls_error_set(error, TLS_ERROR_UNSUPPORTED, TLS_CODE_FEATURE_UNAVAILABLE, "OpenSSL was built without TLS 1.3");
        return false;
    }
    context->minimum = minimum;
    context->maximum = maximum;
    return true;
}

int tls_context_get_minimum_version(const tls_context_t *context) {
    return context->minimum;
}

int tls_context_get_maximum_version(const tls_context_t *context) {
    return context->maximum;
}

// What a client asks for; a server follows.
static uint8_t max_fragment_length(const tls_context_t *context, size_t size) {
    if ((context->protocol & TLS_PROTOCOL_SERVER) || size >= TLS_RECORD_MAX) {
        return TLSEXT_max_fragment_length_DISABLED;
    }
    if (size >= 4096) {
        return TLSEXT_max_fragment_length_4096;
    }
    if (size >= 2048) {
        return TLSEXT_max_fragment_length_2048;
    }
    return size >= 1024 ? TLSEXT_max_fragment_length_1024 : TLSEXT_max_fragment_length_512;
}

static void apply_max_record(tls_context_t *context, size_t size) {
    // Both take every value of this range.
    (void)SSL_CTX_set_tlsext_max_fragment_length(context->ssl_ctx, max_fragment_length(context, size));
    (void)SSL_CTX_set_max_send_fragment(context->ssl_ctx, (long)size);
    context->max_record = size;
}

bool tls_context_set_max_record(tls_context_t *context, size_t size, tls_error_t *error) {
    tls_error_clear(error);
    if (size < TLS_RECORD_MIN || size > TLS_RECORD_MAX) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA, "max_record must be %d to %d",
            TLS_RECORD_MIN, TLS_RECORD_MAX);
        return false;
    }
    apply_max_record(context, size);
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
