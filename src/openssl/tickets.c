// Tickets of a server: their keys, and what they are bound to.

#include "openssl/internal.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

// ---------------------------------------------------------------------------------------------------------------------
// Keys. The library seals with AES-CBC and HMAC-SHA256 (RFC 5077 section 4), as it does in nginx.

typedef struct parts {
    const EVP_CIPHER *cipher;
    uint8_t *aes;
    uint8_t *hmac;
    size_t hmac_len;
} parts_t;

static parts_t parts_of(tls_ticket_key_t *key) {
    if (key->size == TLS_TICKET_KEY_SHORT) {
        return (parts_t) {EVP_aes_128_cbc(), key->bytes + TLS_TICKET_SHORT_AES, key->bytes + TLS_TICKET_SHORT_HMAC, 16};
    }
    return (parts_t) {EVP_aes_256_cbc(), key->bytes + TLS_TICKET_LONG_AES, key->bytes + TLS_TICKET_LONG_HMAC, 32};
}

static bool set_mac(EVP_MAC_CTX *mac, const parts_t *parts) {
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, parts->hmac, parts->hmac_len),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params);
}

static bool seal(tls_ticket_key_t *key, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac) {
    parts_t parts = parts_of(key);
    memcpy(name, key->bytes, TLS_TICKET_NAME_SIZE);
    return RAND_bytes(iv, EVP_CIPHER_get_iv_length(parts.cipher)) == 1
        && EVP_EncryptInit_ex(cipher, parts.cipher, NULL, parts.aes, iv) && set_mac(mac, &parts);
}

static bool open_sealed(tls_ticket_key_t *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac) {
    parts_t parts = parts_of(key);
    return EVP_DecryptInit_ex(cipher, parts.cipher, NULL, parts.aes, iv) && set_mac(mac, &parts);
}

// Which key it is that a ticket names; false: none of ours.
static bool find_key(tls_connection_t *connection, const unsigned char *name, size_t *number, tls_ticket_key_t *key) {
    int64_t now = connection_now(connection);
    for (*number = 0; tls_ticket_keys_get(connection->context->ticket_keys, now, *number, key); ++*number) {
        if (memcmp(key->bytes, name, TLS_TICKET_NAME_SIZE) == 0) {
            return true;
        }
    }
    tls_session_count(&connection->context->sessions, misses);
    return false;
}

// The library's callback. 1: done, 2: done, and the client should get a new ticket, 0: no such key, -1: failed.
static int use_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
    int sealing) {
    tls_connection_t *connection = SSL_get_app_data(ssl);
    tls_ticket_key_t key = {.size = 0};
    size_t number = 0;
    int result;
    if (sealing) {
        int64_t now = connection_now(connection);
        bool ok = tls_ticket_keys_get(connection->context->ticket_keys, now, 0, &key)
            && seal(&key, name, iv, cipher, mac);
        result = ok ? 1 : -1;
    } else if (find_key(connection, name, &number, &key)) {
        // In TLS 1.3 a ticket is used once, so there is always a new one.
        bool renew = number > 0 || SSL_version(ssl) == TLS1_3_VERSION;
        result = open_sealed(&key, iv, cipher, mac) ? 1 + renew : -1;
    } else {
        result = 0;
    }
    OPENSSL_cleanse(&key, sizeof(key));
    return result;
}

void tls_tickets_install(tls_context_t *context) {
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context->ssl_ctx, use_key);
}

#if MICROPY_PY_SSL_TICKET_KEYS

bool tls_context_set_ticket_keys(tls_context_t *context, const tls_bytes_t *keys, size_t count, tls_error_t *error) {
    tls_error_clear(error);
    if (!(context->protocol & TLS_PROTOCOL_SERVER)) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG, "this is for a server");
        return false;
    }
    if (!tls_ticket_keys_check(keys, count, error)) {
        return false;
    }
    tls_ticket_keys_t *made = tls_ticket_keys_new(keys, count);
    if (made == NULL) {
        tls_error_no_memory(error);
        return false;
    }
    tls_ticket_keys_free(context->ticket_keys);
    context->ticket_keys = made;
    return true;
}

#endif

// ---------------------------------------------------------------------------------------------------------------------
// What tickets are bound to: the library puts the session id context into them and compares it.

void tls_context_forget_tickets(tls_context_t *context) {
    context->generation++;
}

// The server's certificate if it has exactly one.
static X509 *only_certificate(SSL *ssl) {
    if (!SSL_set_current_cert(ssl, SSL_CERT_SET_FIRST)) {
        return NULL;
    }
    X509 *certificate = SSL_get_certificate(ssl);
    bool more = SSL_set_current_cert(ssl, SSL_CERT_SET_NEXT);
    SSL_set_current_cert(ssl, SSL_CERT_SET_FIRST);
    return more ? NULL : certificate;
}

// nginx's context for its HTTP servers that ask for no client certificates: the SHA-1 of "HTTP" and of the SHA-1 of its
// certificate (ngx_ssl_session_id_context()). A server of ours that asks for none either has nothing to bind its
// tickets to, so where it shares keys it does the same. false: it has to bind them, or cannot.
static bool is_like_nginx(tls_connection_t *connection, unsigned char digest[EVP_MAX_MD_SIZE], unsigned *len) {
    const tls_context_t *context = connection->context;
    if (!context->ticket_keys->given || connection->verify_mode != TLS_VERIFY_MODE_NONE || connection->datagram
        || tls_rules_have_pins(&connection->rules) || context->generation != 0) {
        return false;
    }
    X509 *certificate = only_certificate(connection->ssl);
    unsigned char both[4 + EVP_MAX_MD_SIZE] = "HTTP";
    return certificate != NULL && X509_digest(certificate, EVP_sha1(), both + 4, len)
        && EVP_Digest(both, 4 + *len, digest, len, EVP_sha1(), NULL);
}

bool tls_tickets_bind(tls_connection_t *connection, const tls_session_terms_t *terms) {
    const tls_context_t *context = connection->context;
    unsigned char like_nginx[EVP_MAX_MD_SIZE];
    unsigned len;
    if (!tls_session_binding(terms, context->generation, connection->binding)) {
        return false;
    }
    if (is_like_nginx(connection, like_nginx, &len)) {
        return SSL_set_session_id_context(connection->ssl, like_nginx, len);
    }
    return SSL_set_session_id_context(connection->ssl, connection->binding, sizeof(connection->binding));
}
