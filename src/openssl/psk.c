// Pre-shared keys.
//
// TLS 1.3 has them as sessions (RFC 8446 section 4.2.11), TLS 1.2 as keys with an identity that the library treats as a
// C string: an identity with a zero octet works in TLS 1.3 only.

#include "openssl/internal.h"

#include <string.h>

void tls_wipe(uint8_t *bytes, size_t len) {
    if (bytes != NULL) {
        OPENSSL_cleanse(bytes, len);
        tls_free(bytes);
    }
}

static uint8_t *copy_bytes(const uint8_t *bytes, size_t len) {
    uint8_t *copy = tls_zalloc(len);
    if (copy != NULL) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

void tls_psk_free(tls_psk_t *psk) {
    tls_wipe(psk->identity, psk->identity_len);
    tls_wipe(psk->key, psk->key_len);
    *psk = (tls_psk_t) {0};
}

static bool copy_psk(tls_psk_t *psk, const uint8_t *identity, size_t identity_len, const uint8_t *key, size_t key_len) {
    *psk = (tls_psk_t) {.identity_len = identity_len, .key_len = key_len};
    psk->identity = copy_bytes(identity, identity_len);
    psk->key = copy_bytes(key, key_len);
    if (psk->identity == NULL || psk->key == NULL) {
        tls_psk_free(psk);
        return false;
    }
    return true;
}

#if TLS_HAS_PSK

static tls_connection_t *connection_of(SSL *ssl) {
    return SSL_get_app_data(ssl);
}

// The client's key: that of the context, or the one that the hook gave for this connection.
static const tls_psk_t *own_psk(const tls_connection_t *connection) {
    const tls_psk_t *psk = &connection->context->own_psk;
    return psk->key != NULL ? psk : &connection->found_psk;
}

// Asks hooks.psk_client and keeps what it gives. false: nothing, or no memory.
static bool ask_client_hook(tls_connection_t *connection, const char *hint) {
    tls_host_t *host = connection->host;
    uint8_t identity[TLS_PSK_IDENTITY_MAX];
    uint8_t key[TLS_PSK_MAX];
    size_t identity_len = 0;
    size_t key_len = 0;
    tls_status_t status = TLS_ERROR;
    if (host->psk_client != NULL) {
        status = TLS_CALL_HOOK(host, psk_client, hint, identity, &identity_len, key, &key_len);
    }
    tls_psk_free(&connection->found_psk);
    bool ok = status == TLS_OK && identity_len > 0 && key_len > 0;
    connection->aborted_by_caller = connection->aborted_by_caller || status == TLS_ABORTED;
    connection->identity_unknown = !ok;
    ok = ok && copy_psk(&connection->found_psk, identity, identity_len, key, key_len);
    OPENSSL_cleanse(key, sizeof(key));
    return ok;
}

// Whether TLS 1.3 may come of the handshake, where the key is needed before the server has said anything.
static bool may_be_tls13(const tls_connection_t *connection) {
    return !connection->datagram && SSL_get_max_proto_version(connection->ssl) == TLS_VERSION_1_3;
}

bool tls_psk_ask_early(tls_connection_t *connection) {
    bool due = connection->psk && !connection->server && own_psk(connection)->key == NULL && may_be_tls13(connection);
    return !due || ask_client_hook(connection, NULL);
}

static unsigned client_key(SSL *ssl, const char *hint, char *identity, unsigned max_identity_len, unsigned char *key,
    unsigned max_key_len) {
    tls_connection_t *connection = connection_of(ssl);
    if (connection->context->own_psk.key == NULL && !ask_client_hook(connection, hint)) {
        return 0;
    }
    const tls_psk_t *psk = own_psk(connection);
    if (psk->identity_len > max_identity_len || psk->key_len > max_key_len
        || memchr(psk->identity, '\0', psk->identity_len) != NULL) {
        return 0;
    }
    memcpy(identity, psk->identity, psk->identity_len);
    identity[psk->identity_len] = '\0'; // the library has room for it beyond max_identity_len
    memcpy(key, psk->key, psk->key_len);
    return (unsigned)psk->key_len;
}

// Asks hooks.psk; 0: there is no key for the identity.
static size_t ask_hook(tls_connection_t *connection, const uint8_t *identity, size_t len, uint8_t key[TLS_PSK_MAX]) {
    tls_host_t *host = connection->host;
    size_t key_len = 0;
    tls_status_t status = TLS_ERROR;
    if (connection->psk && host->psk != NULL && len > 0 && len <= TLS_PSK_IDENTITY_MAX) {
        status = TLS_CALL_HOOK(host, psk, identity, len, key, &key_len);
    }
    if (status == TLS_OK && key_len > 0 && key_len <= TLS_PSK_MAX) {
        connection->identity_unknown = false;
        return key_len;
    }
    connection->aborted_by_caller = connection->aborted_by_caller || status == TLS_ABORTED;
    connection->identity_unknown = true;
    return 0;
}

static unsigned server_key(SSL *ssl, const char *identity, unsigned char *out, unsigned max_len) {
    // In TLS 1.3 the library comes here too when server_session() found nothing.
    if (identity == NULL || SSL_version(ssl) == TLS1_3_VERSION) {
        return 0;
    }
    uint8_t key[TLS_PSK_MAX];
    size_t len = ask_hook(connection_of(ssl), (const uint8_t *)identity, strlen(identity), key);
    if (len > max_len) {
        len = 0;
    }
    memcpy(out, key, len);
    OPENSSL_cleanse(key, sizeof(key));
    return (unsigned)len;
}

#if TLS_HAS_TLS_1_3

static SSL_SESSION *session_for(SSL *ssl, const uint8_t *key, size_t len) {
    static const unsigned char aes_128_gcm_sha256[] = {0x13, 0x01};
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, aes_128_gcm_sha256);
    SSL_SESSION *session = SSL_SESSION_new();
    if (session == NULL || cipher == NULL || !SSL_SESSION_set1_master_key(session, key, len)
        || !SSL_SESSION_set_cipher(session, cipher) || !SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION)) {
        SSL_SESSION_free(session);
        return NULL;
    }
    return session;
}

static int client_session(SSL *ssl, const EVP_MD *digest, const unsigned char **identity, size_t *identity_len,
    SSL_SESSION **session) {
    (void)digest; // only suites with SHA-256 were offered
    const tls_psk_t *psk = own_psk(connection_of(ssl));
    *session = NULL;
    if (psk->key == NULL) {
        return 1;
    }
    *session = session_for(ssl, psk->key, psk->key_len);
    *identity = psk->identity;
    *identity_len = psk->identity_len;
    return *session != NULL;
}

static int server_session(SSL *ssl, const unsigned char *identity, size_t len, SSL_SESSION **session) {
    uint8_t key[TLS_PSK_MAX];
    *session = NULL;
    size_t key_len = ask_hook(connection_of(ssl), identity, len, key);
    if (key_len == 0) {
        return 1; // not an error: the client may have offered others
    }
    *session = session_for(ssl, key, key_len);
    OPENSSL_cleanse(key, sizeof(key));
    return *session != NULL;
}

#endif

void tls_psk_install_client(tls_context_t *context, bool enable) {
    SSL_CTX_set_psk_client_callback(context->ssl_ctx, enable ? client_key : NULL);
#if TLS_HAS_TLS_1_3
    SSL_CTX_set_psk_use_session_callback(context->ssl_ctx, enable ? client_session : NULL);
#endif
}

void tls_psk_install_server(tls_context_t *context, bool enable) {
    SSL_CTX_set_psk_server_callback(context->ssl_ctx, enable ? server_key : NULL);
#if TLS_HAS_TLS_1_3
    SSL_CTX_set_psk_find_session_callback(context->ssl_ctx, enable ? server_session : NULL);
#endif
}

#else

bool tls_psk_ask_early(tls_connection_t *connection) {
    (void)connection;
    return true;
}

void tls_psk_install_client(tls_context_t *context, bool enable) {
    (void)context;
    (void)enable;
}

void tls_psk_install_server(tls_context_t *context, bool enable) {
    (void)context;
    (void)enable;
}

#endif

// In TLS 1.3 the library would go on to certificates when no identity is known, and end in handshake_failure. This is
// the one callback after the identities were looked at that can choose an alert: the library calls it for every
// ClientHello, with a server name or without.
int tls_psk_check_identity(SSL *ssl, int *alert, void *unused) {
    (void)unused;
    const tls_connection_t *connection = SSL_get_app_data(ssl);
    if (!connection->identity_unknown) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    *alert = SSL_AD_UNKNOWN_PSK_IDENTITY;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// ---------------------------------------------------------------------------------------------------------------------
// Configuration

static bool check_supported(const tls_context_t *context, bool server, tls_error_t *error) {
    tls_error_clear(error);
    tls_errors_clear();
    tls_memory_watch();
    if (!TLS_HAS_PSK) {
        tls_error_set(error, TLS_ERROR_UNSUPPORTED, TLS_CODE_FEATURE_UNAVAILABLE, "OpenSSL was built without PSK");
        return false;
    }
    if (server != !!(context->protocol & TLS_PROTOCOL_SERVER)) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA, "this context is for the other side");
        return false;
    }
    return true;
}

// Swaps in the new key; on failure everything is as before and the new key is freed.
static bool swap_key(tls_context_t *context, tls_psk_t *psk, tls_error_t *error) {
    tls_psk_t old = context->own_psk;
    context->own_psk = *psk;
    if (!tls_ciphers_update(context, error)) {
        context->own_psk = old;
        tls_psk_free(psk);
        return false;
    }
    tls_psk_install_client(context, tls_uses_psk(context));
    tls_psk_free(&old);
    return true;
}

bool tls_context_set_psk(tls_context_t *context, const uint8_t *identity, size_t identity_len, const uint8_t *key,
    size_t key_len, tls_error_t *error) {
    if (!check_supported(context, false, error)) {
        return false;
    }
    tls_psk_t psk = {0};
    if (identity == NULL && key == NULL) {
        return swap_key(context, &psk, error);
    }
    if (identity == NULL || key == NULL || identity_len == 0 || identity_len > TLS_PSK_IDENTITY_MAX || key_len == 0
        || key_len > TLS_PSK_MAX) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA,
            "a pre-shared key has 1 to %d bytes, its identity 1 to %d", TLS_PSK_MAX, TLS_PSK_IDENTITY_MAX);
        return false;
    }
    if (!copy_psk(&psk, identity, identity_len, key, key_len)) {
        tls_error_no_memory(error);
        return false;
    }
    return swap_key(context, &psk, error);
}

bool tls_context_set_psk_hint(tls_context_t *context, const char *hint, tls_error_t *error) {
    if (!check_supported(context, true, error)) {
        return false;
    }
#if TLS_HAS_PSK
    if (hint != NULL && strlen(hint) > TLS_PSK_IDENTITY_MAX) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA, "the hint has at most %d bytes",
            TLS_PSK_IDENTITY_MAX);
        return false;
    }
    if (!SSL_CTX_use_psk_identity_hint(context->ssl_ctx, hint)) {
        tls_error_no_memory(error);
        return false;
    }
#else
    (void)hint;
#endif
    return true;
}

// Client and server: whether a hook is to find the keys.
static bool set_hook(tls_context_t *context, bool server, bool enable, tls_error_t *error) {
    if (!check_supported(context, server, error)) {
        return false;
    }
    bool before = context->psk_hook;
    context->psk_hook = enable;
    if (!tls_ciphers_update(context, error)) {
        context->psk_hook = before;
        return false;
    }
    return true;
}

bool tls_context_set_psk_client(tls_context_t *context, bool enable, tls_error_t *error) {
    if (!set_hook(context, false, enable, error)) {
        return false;
    }
    tls_psk_install_client(context, tls_uses_psk(context));
    return true;
}

bool tls_context_set_psk_server(tls_context_t *context, bool enable, tls_error_t *error) {
    if (!set_hook(context, true, enable, error)) {
        return false;
    }
    tls_psk_install_server(context, enable);
    tls_context_forget_tickets(context);
    return true;
}
