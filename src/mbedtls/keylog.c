// The key log: the library tells its secrets as bytes, hooks.keylog wants lines.

#include "internal.h"

#include "ssl_config.h"

#if MICROPY_PY_SSL_KEYLOG

#define RANDOM_SIZE 32
#define SECRET_MAX  48
#define LABEL_MAX   31 // CLIENT_HANDSHAKE_TRAFFIC_SECRET

// NULL: nothing that a key log has, or that this side has use for.
static const char *label_of(mbedtls_ssl_key_export_type type) {
    switch (type) {
        case MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET:
            return "CLIENT_RANDOM";
#if COMPAT_TLS_1_3
        case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_HANDSHAKE_TRAFFIC_SECRET:
            return "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
        case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_HANDSHAKE_TRAFFIC_SECRET:
            return "SERVER_HANDSHAKE_TRAFFIC_SECRET";
        case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET:
            return "CLIENT_TRAFFIC_SECRET_0";
        case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET:
            return "SERVER_TRAFFIC_SECRET_0";
#endif
        default:
            return NULL;
    }
}

static char *append_hex(char *p, const unsigned char *data, size_t len) {
    *p++ = ' ';
    for (size_t i = 0; i < len; i++) {
        *p++ = "0123456789abcdef"[data[i] >> 4];
        *p++ = "0123456789abcdef"[data[i] & 15];
    }
    return p;
}

static void tell_secret(void *arg, mbedtls_ssl_key_export_type type, const unsigned char *secret, size_t secret_len,
    const unsigned char client_random[RANDOM_SIZE], const unsigned char server_random[RANDOM_SIZE],
    mbedtls_tls_prf_types prf) {
    (void)server_random;
    (void)prf;
    tls_connection_t *connection = arg;
    tls_host_t *host = connection->host;
    const char *label = label_of(type);
    if (host == NULL || host->keylog == NULL || connection->keylog_aborted || label == NULL
        || secret_len > SECRET_MAX) {
        return;
    }
    char line[LABEL_MAX + 1 + 2 * RANDOM_SIZE + 1 + 2 * SECRET_MAX];
    char *end = line;
    while (*label != '\0') {
        *end++ = *label++;
    }
    end = append_hex(append_hex(end, client_random, RANDOM_SIZE), secret, secret_len);
    connection->keylog_aborted = TLS_CALL_HOOK(host, keylog, line, (size_t)(end - line)) == TLS_ABORTED;
    mbedtls_platform_zeroize(line, sizeof(line));
}

void keylog_install(tls_connection_t *connection) {
    mbedtls_ssl_set_export_keys_cb(&connection->ssl, tell_secret, connection);
}

#else

void keylog_install(tls_connection_t *connection) {
    (void)connection;
}

#endif
