// Pre-shared keys.

#include "internal.h"

#include <string.h>

void psk_free(psk_t *psk) {
    if (psk->bytes != NULL) {
        mbedtls_platform_zeroize(psk->bytes, psk->identity_len + psk->key_len);
        tls_free(psk->bytes);
        psk->bytes = NULL;
    }
}

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
        psk_free(&psk);
        return false;
    }
    psk_free(&old);
    return true;
}

bool tls_context_set_psk_hint(tls_context_t *context, const char *hint, tls_error_t *error) {
    tls_error_clear(error);
    if (!check_psk_role(context, true, error)) {
        return false;
    }
    if (hint != NULL) {
        tls_error_set(error, TLS_ERROR_UNSUPPORTED, TLS_CODE_FEATURE_UNAVAILABLE,
            "Mbed TLS cannot send a hint about the identity of a pre-shared key");
    }
    return hint == NULL;
}

// Client and server: whether a hook is to find the keys.
static bool set_hook(tls_context_t *context, bool server, bool enable, tls_error_t *error) {
    tls_error_clear(error);
    if (!check_psk_role(context, server, error)) {
        return false;
    }
    bool before = context->psk_hook;
    context->psk_hook = enable;
    if (!rebuild_suites(context, error)) {
        context->psk_hook = before;
        return false;
    }
    return true;
}

bool tls_context_set_psk_client(tls_context_t *context, bool enable, tls_error_t *error) {
    return set_hook(context, false, enable, error);
}

bool tls_context_set_psk_server(tls_context_t *context, bool enable, tls_error_t *error) {
    if (!set_hook(context, true, enable, error)) {
        return false;
    }
    tls_context_forget_tickets(context);
    return true;
}

// ---------------------------------------------------------------------------------------------------------------------
// Of a connection

#if COMPAT_PSK && COMPAT_SERVER

// The library's callback on a server.
static int find_key(void *arg, mbedtls_ssl_context *ssl, const unsigned char *identity, size_t identity_len) {
    (void)arg; // of the configuration, not of the connection
    tls_connection_t *connection = mbedtls_ssl_get_user_data_p(ssl);
    tls_host_t *host = connection->host;
    uint8_t key[TLS_PSK_MAX];
    size_t key_len = 0;
    tls_status_t status = TLS_ERROR;
    if (host->psk != NULL && !connection->hook_aborted) {
        status = TLS_CALL_HOOK(host, psk, identity, identity_len, key, &key_len);
    }
    int ret = MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY;
    if (status == TLS_OK && key_len > 0 && key_len <= COMPAT_PSK_MAX) {
        ret = mbedtls_ssl_set_hs_psk(ssl, key, key_len);
    }
    connection->hook_aborted |= status == TLS_ABORTED;
    connection->psk_unknown = ret != 0;
    mbedtls_platform_zeroize(key, sizeof(key));
    return ret;
}

#endif

int psk_apply(tls_connection_t *connection) {
#if COMPAT_PSK
    const psk_t *psk = &connection->context->psk;
    if (psk->bytes != NULL) {
        return mbedtls_ssl_conf_psk(&connection->config, psk->bytes + psk->identity_len, psk->key_len, psk->bytes,
            psk->identity_len);
    }
    connection->psk_due = !context_is_server(connection->context);
#if COMPAT_SERVER
    if (!connection->psk_due) {
        mbedtls_ssl_conf_psk_cb(&connection->config, find_key, NULL);
    }
#endif
#else
    (void)connection;
#endif
    return 0;
}

int psk_ask(tls_connection_t *connection) {
#if COMPAT_PSK_CLIENT_HOOK
    if (!connection->psk_due) {
        return 0;
    }
    connection->psk_due = false;
    tls_host_t *host = connection->host;
    uint8_t identity[TLS_PSK_IDENTITY_MAX];
    uint8_t key[TLS_PSK_MAX];
    size_t identity_len = 0;
    size_t key_len = 0;
    tls_status_t status = TLS_ERROR;
    if (host->psk_client != NULL) {
        status = TLS_CALL_HOOK(host, psk_client, NULL, identity, &identity_len, key, &key_len);
    }
    connection->hook_aborted |= status == TLS_ABORTED;
    int ret = MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY;
    if (status == TLS_OK && identity_len > 0 && key_len > 0 && key_len <= COMPAT_PSK_MAX) {
        ret = mbedtls_ssl_conf_psk(&connection->config, key, key_len, identity, identity_len);
    }
    mbedtls_platform_zeroize(key, sizeof(key));
    return ret;
#else
    (void)connection;
    return 0;
#endif
}
