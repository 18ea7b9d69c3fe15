// Servers with several names.
//
// What hooks.sni chooses must be there before the library looks at anything in the hello but the name: in TLS 1.3 it
// has resumed a session and chosen among protocols when it asks for a certificate, and in both versions its versions
// are given. So a hello is read twice if there is such a hook. The first time it is read under settings that allow all
// that the library knows, up to the library's own question for a certificate; then the hook is asked; then the
// connection begins anew and gets the same bytes, under the settings of its context or of the other one.

#include "internal.h"

#include "engine/sni.h"

#include <string.h>

#if COMPAT_SNI_HOOK

// What the library is told when the hello is there.
#define HELLO_IS_READ MBEDTLS_ERR_ERROR_GENERIC_ERROR

static int stop_reading(mbedtls_ssl_context *ssl) {
    (void)ssl;
    return HELLO_IS_READ;
}

void sni_free(tls_connection_t *connection) {
    hello_t *hello = connection->hello;
    if (hello != NULL) {
        mbedtls_ssl_config_free(&hello->config);
        tls_free(hello->bytes);
        tls_free(hello);
        connection->hello = NULL;
    }
}

int sni_begin(tls_connection_t *connection) {
    const tls_context_t *context = connection->context;
    if (connection->started || !context_is_server(context) || connection->host->sni == NULL) {
        return 0;
    }
    hello_t *hello = tls_calloc(1, sizeof(*hello));
    if (hello == NULL) {
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    connection->hello = hello;
    mbedtls_ssl_config_init(&hello->config);
    int ret = mbedtls_ssl_config_defaults(&hello->config, MBEDTLS_SSL_IS_SERVER,
        context_is_datagram(context) ? MBEDTLS_SSL_TRANSPORT_DATAGRAM : MBEDTLS_SSL_TRANSPORT_STREAM,
        MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(&hello->config, compat_random, NULL);
    mbedtls_ssl_conf_cert_cb(&hello->config, stop_reading);
    apply_cookies(connection, &hello->config);
    compat_use_config(&connection->ssl, &hello->config);
    return ret;
}

size_t sni_take(tls_connection_t *connection, unsigned char *buf, size_t size) {
    hello_t *hello = connection->hello;
    if (hello == NULL || !hello->again) {
        return 0;
    }
    size_t left = hello->len - hello->at;
    size_t count = size < left ? size : left;
    memcpy(buf, hello->bytes + hello->at, count);
    hello->at += count;
    if (count == left) {
        sni_free(connection);
    }
    return count;
}

// Of datagrams, the latest: a hello is one of them.
bool sni_keep(tls_connection_t *connection, const unsigned char *buf, size_t len) {
    if (!sni_is_due(connection)) {
        return true;
    }
    hello_t *hello = connection->hello;
    size_t before = context_is_datagram(connection->context) ? 0 : hello->len;
    if (before + len > hello->size) {
        uint8_t *bytes = tls_calloc(1, before + len);
        if (bytes == NULL) {
            return false;
        }
        if (before > 0) {
            memcpy(bytes, hello->bytes, before);
        }
        tls_free(hello->bytes);
        hello->bytes = bytes;
        hello->size = before + len;
    }
    memcpy(hello->bytes + before, buf, len);
    hello->len = before + len;
    return true;
}

// Puts another context in the place of the connection's. A result of the library.
static int change_context(tls_connection_t *connection, tls_context_t *context) {
    drop_settings(connection);
    tls_context_retain(context);
    tls_context_release(connection->context);
    connection->context = context;
    connection->started = false;
    tls_error_t error;
    tls_error_clear(&error);
    if (apply_settings(connection, &error)) {
        return 0;
    }
    if (error.kind == TLS_ERROR_NO_MEMORY) {
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    tls_error_set(&connection->host->error, TLS_ERROR_INTERNAL, TLS_CODE_BAD_CONFIG, "%s", error.detail);
    return MBEDTLS_ERR_SSL_BAD_CONFIG;
}

static int begin_anew(tls_connection_t *connection) {
    mbedtls_ssl_free(&connection->ssl);
    mbedtls_ssl_init(&connection->ssl);
    memset(&connection->buffers, 0, sizeof(connection->buffers));
    connection->timer_final = 0;
    connection->hello->again = true;
    int ret = start_library(connection);
    if (ret == 0 && !connection->started) {
        ret = offer_session(connection);
    }
    return ret;
}

static int ask(tls_connection_t *connection) {
    tls_host_t *host = connection->host;
    tls_context_t *context = connection->context;
    int alert = 0;
    size_t len;
    const unsigned char *name = mbedtls_ssl_get_hs_sni(&connection->ssl, &len);
    tls_status_t status = tls_sni_ask(host, name, len, &context, &alert);
    if (status != TLS_OK) {
        connection->hook_aborted = status == TLS_ABORTED;
        connection->refusal = (uint8_t)alert;
        return host->error.code == TLS_CODE_UNRECOGNIZED_NAME ? MBEDTLS_ERR_SSL_UNRECOGNIZED_NAME
                                                              : MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE;
    }
    int ret = context == connection->context ? 0 : change_context(connection, context);
    if (ret != 0) {
        connection->refusal = MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR;
        return ret;
    }
    return begin_anew(connection);
}

// In TLS 1.3 a client that can only be known by a pre-shared key, of which these settings have none, lacks an
// extension. Nothing else does, and there is no more to be read then.
static bool is_read(const tls_connection_t *connection, int ret) {
    return ret == HELLO_IS_READ
        || (ret == MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER
            && compat_noted_alert(&connection->ssl) == MBEDTLS_SSL_ALERT_MSG_MISSING_EXTENSION);
}

int sni_settle(tls_connection_t *connection, int ret) {
    if (!is_read(connection, ret)) {
        return ret;
    }
#if COMPAT_COOKIES
    if (context_is_datagram(connection->context) && !connection->cookie_good) {
        compat_answer_hello(&connection->ssl);
        return 0;
    }
#endif
    ret = ask(connection);
    if (ret != 0 && compat_output_left(&connection->ssl) == 0) {
        // The library has not told the client, though over datagrams its counter of records has moved with the hello.
        (void)fail_connection(connection, ret, false);
    }
    return ret;
}

#endif
