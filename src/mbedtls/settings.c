// From the settings of a context to the library's configuration of one connection.
//
// Each connection has a configuration of its own, some 400 bytes on a 64-bit machine: a context can change at any time
// between two calls of a handshake, and nothing that the handshake still needs goes away.

#include "internal.h"

#include <string.h>

#if COMPAT_COOKIES
#include "mbedtls/ssl_cookie.h"
#endif

static int library_verify_mode(const tls_context_t *context) {
    switch (context->verify_mode) {
        case TLS_VERIFY_MODE_NONE:
            // Pins are compared in verify_certificate(), and a certificate that is missing is found in check_peer().
            return tls_rules_have_pins(&context->rules) ? MBEDTLS_SSL_VERIFY_OPTIONAL : MBEDTLS_SSL_VERIFY_NONE;
        case TLS_VERIFY_MODE_OPTIONAL:
            return MBEDTLS_SSL_VERIFY_OPTIONAL;
        case TLS_VERIFY_MODE_REQUIRED:
            break;
    }
    return context_is_server(context) ? COMPAT_SERVER_REQUIRED : MBEDTLS_SSL_VERIFY_REQUIRED;
}

// Client: the longest fragment that the extension can name and is not longer than the context's records. Mbed TLS 3.6
// does not expect the answer of a server that chooses TLS 1.3, and fails, so it is sent only where TLS 1.2 is all that
// is offered. The newer record_size_limit (RFC 8449) says what the library was compiled with.
static void ask_for_max_record(mbedtls_ssl_config *config, const tls_context_t *context, int maximum_version) {
#if COMPAT_MAX_FRAGMENT_LENGTH
    if (context_is_server(context) || context->max_record >= TLS_RECORD_MAX || maximum_version != TLS_VERSION_1_2) {
        return;
    }
    for (unsigned char code = MBEDTLS_SSL_MAX_FRAG_LEN_4096; code > MBEDTLS_SSL_MAX_FRAG_LEN_NONE; code--) {
        if ((size_t)256 << code <= context->max_record && mbedtls_ssl_conf_max_frag_len(config, code) == 0) {
            return;
        }
    }
#else
    (void)config;
    (void)context;
    (void)maximum_version;
#endif
}

static bool apply_versions(mbedtls_ssl_config *config, const tls_context_t *context, tls_error_t *error) {
    int minimum = context->minimum_version;
    int maximum = context->maximum_version;
    if (!narrow_versions(context->suites, &minimum, &maximum)) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG,
            "no cipher suite is enabled that the enabled TLS versions and the kind of keys can use");
        return false;
    }
    mbedtls_ssl_conf_min_tls_version(config, (mbedtls_ssl_protocol_version)minimum);
    mbedtls_ssl_conf_max_tls_version(config, (mbedtls_ssl_protocol_version)maximum);
    ask_for_max_record(config, context, maximum);
    return true;
}

// Holds on to the context's certificates for as long as the connection lives. A result of the library.
static int apply_identities(tls_connection_t *connection) {
    for (int i = 0; i < IDENTITY_KINDS; i++) {
        identity_t *identity = connection->context->identities[i];
        if (identity == NULL) {
            continue;
        }
        int ret = mbedtls_ssl_conf_own_cert(&connection->config, &identity->chain, &identity->key);
        if (ret != 0) {
            return ret;
        }
        compat_retain(&identity->references);
        connection->identities[i] = identity;
    }
    return 0;
}

#if COMPAT_COOKIES

static int write_cookie(void *arg, unsigned char **p, unsigned char *end, const unsigned char *id, size_t id_len) {
    tls_connection_t *connection = arg;
    return mbedtls_ssl_cookie_write(&connection->context->cookies, p, end, id, id_len);
}

// What was good stays so if hooks.sni chooses another context, whose cookies are not these.
static int check_cookie(void *arg, const unsigned char *cookie, size_t len, const unsigned char *id, size_t id_len) {
    tls_connection_t *connection = arg;
    if (!connection->cookie_good) {
        mbedtls_ssl_cookie_ctx *cookies = &connection->context->cookies;
        connection->cookie_good = mbedtls_ssl_cookie_check(cookies, cookie, len, id, id_len) == 0;
    }
    return connection->cookie_good ? 0 : MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
}

#endif

void apply_cookies(tls_connection_t *connection, mbedtls_ssl_config *config) {
#if COMPAT_COOKIES
    const tls_context_t *context = connection->context;
    if (context_is_server(context) && context_is_datagram(context)) {
        mbedtls_ssl_conf_dtls_cookies(config, write_cookie, check_cookie, connection);
    }
#else
    (void)connection;
    (void)config;
#endif
}

// Mbed TLS 3.6 offers RSA-PSS first to servers of TLS 1.2, too, and then refuses it there (in 3.6.6:
// ssl_parse_signature_algorithm()). Servers take the client's first choice that they can, so PKCS#1 v1.5 has to come
// before it. In TLS 1.3, where handshakes are not signed with that (RFC 8446 section 4.2.3), the order changes nothing.
static void apply_signature_algorithms(mbedtls_ssl_config *config) {
#if COMPAT_TLS_1_2 && COMPAT_TLS_1_3
    static const uint16_t algorithms[] = {
        MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
        MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
        MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512,
        MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
        MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
        MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
        MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
        MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
        MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
        MBEDTLS_TLS1_3_SIG_NONE,
    };
    mbedtls_ssl_conf_sig_algs(config, algorithms);
#else
    (void)config;
#endif
}

// What is not in the library's configuration. false: out of memory.
static bool take_settings(tls_connection_t *connection) {
    const tls_context_t *context = connection->context;
    connection->verify_mode = context->verify_mode;
    connection->max_record = context->max_record;
    connection->uses_psk = context_uses_psk(context);
    memcpy(connection->trust, context->trust, sizeof(connection->trust));
    return tls_rules_copy(&context->rules, &connection->rules)
        && tls_rules_extend_trust(&connection->rules, connection->trust);
}

bool apply_settings(tls_connection_t *connection, tls_error_t *error) {
    mbedtls_ssl_config *config = &connection->config;
    tls_context_t *context = connection->context;
    mbedtls_ssl_config_init(config);
    if (!take_settings(connection)) {
        describe_no_memory(error);
        return false;
    }
    unsigned failed_before = count_failed_allocations();
    int ret = mbedtls_ssl_config_defaults(config,
        context_is_server(context) ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
        context_is_datagram(context) ? MBEDTLS_SSL_TRANSPORT_DATAGRAM : MBEDTLS_SSL_TRANSPORT_STREAM,
        MBEDTLS_SSL_PRESET_DEFAULT);
    if (ret != 0) {
        describe_error(ret, failed_before, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, NULL, error);
        return false;
    }
    if (!apply_versions(config, context, error)) {
        return false;
    }
    compat_retain(&context->suites->references);
    connection->suites = context->suites;
    mbedtls_ssl_conf_ciphersuites(config, connection->suites->ids);
    mbedtls_ssl_conf_rng(config, compat_random, NULL);
    apply_signature_algorithms(config);
    mbedtls_ssl_conf_authmode(config, library_verify_mode(context));
    mbedtls_ssl_conf_ca_chain(config, context->anchors, NULL); // for revocation lists see verify_certificate()
    apply_bundles(connection);
    compat_set_key_exchange_modes(config, context_uses_psk(context));
    apply_cookies(connection, config);
    apply_groups(connection);

    // A pre-shared key stands in place of certificates, never beside them.
    ret = context_uses_psk(context) ? psk_apply(connection) : apply_identities(connection);
    if (ret == 0) {
        ret = apply_alpn(connection);
    }
    if (ret == 0) {
        ret = apply_sessions(connection);
    }
    if (ret != 0) {
        describe_error(ret, failed_before, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, NULL, error);
        return false;
    }
    return true;
}

void drop_settings(tls_connection_t *connection) {
    mbedtls_ssl_config_free(&connection->config);
    for (int i = 0; i < IDENTITY_KINDS; i++) {
        identity_release(connection->identities[i]);
        connection->identities[i] = NULL;
    }
    suites_release(connection->suites);
    groups_release(connection->groups);
    alpn_release(connection->alpn);
    connection->suites = NULL;
    connection->groups = NULL;
    connection->alpn = NULL;
    tls_rules_free(&connection->rules);
}
