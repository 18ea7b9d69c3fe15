// Servers with several names.
//
// A context has more to say than its certificates, and the library can exchange only these and a few settings in the
// middle of a handshake (SSL_set_SSL_CTX()). So a connection whose hook chooses another context begins anew with it,
// and reads the client's hello once more: see change_context() in connection.c. This callback comes before the library
// has made anything of the hello, its version or its tickets.

#include "openssl/internal.h"

#include "engine/sni.h"

#if MICROPY_PY_SSL_SNI_CALLBACK

// The one name in the extension, which the library hands over as it came (RFC 6066 section 3). *name is NULL if there
// is no extension. false: it is malformed.
static bool find_name(SSL *ssl, const uint8_t **name, size_t *len) {
    enum { HEADER = 5 }; // length of the list, type, length of the name
    const unsigned char *data;
    size_t size;
    *name = NULL;
    *len = 0;
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size)) {
        return true;
    }
    if (size <= HEADER || (size_t)(data[0] << 8 | data[1]) != size - 2 || data[2] != TLSEXT_NAMETYPE_host_name
        || (size_t)(data[3] << 8 | data[4]) != size - HEADER) {
        return false;
    }
    *name = data + HEADER;
    *len = size - HEADER;
    return true;
}

static int refuse(tls_connection_t *connection, int *alert, int number) {
    *alert = number;
    tls_transport_forget(connection);
    return SSL_CLIENT_HELLO_ERROR;
}

int tls_sni_choose(SSL *ssl, int *alert, void *unused) {
    (void)unused;
    tls_connection_t *connection = SSL_get_app_data(ssl);
    if (connection->sni_failed) {
        return refuse(connection, alert, SSL_AD_INTERNAL_ERROR);
    }
    if (!connection->sni_due) {
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    connection->sni_due = false;
    const uint8_t *name;
    size_t len;
    if (!find_name(ssl, &name, &len)) {
        return refuse(connection, alert, SSL_AD_DECODE_ERROR);
    }
    tls_context_t *context = connection->context;
    tls_status_t status = tls_sni_ask(connection->host, name, len, &context, alert);
    if (status != TLS_OK) {
        connection->aborted_by_caller = status == TLS_ABORTED;
        return refuse(connection, alert, *alert);
    }
    if (context == connection->context) {
        tls_transport_forget(connection);
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    connection->next = tls_context_retain(context);
    return SSL_CLIENT_HELLO_RETRY;
}

#endif
