// Record buffers that follow the data.
//
// Mbed TLS keeps two buffers for the longest record, 33 KB with the standard's limits, for the whole life of a
// connection. Here an established TLS connection has an input buffer only while a record is being read, and an output
// buffer only while one is being written, and neither is larger than its record. For that, record headers (RFC 8446
// section 5.1) are read here, before the library is asked to read the record. In the handshake the input buffer is
// small at first and grows with the records that come. Datagrams have the library's own buffers.

#include "internal.h"

#include <string.h>

#if COMPAT_ELASTIC_BUFFERS

#define ALERT_SIZE 2

// Room for most records of a handshake but those with certificates.
#define FIRST_INPUT_SIZE (COMPAT_RECORD_OVERHEAD + 512)

// What a client says that does not depend on its settings: the rest of a hello, the exchange of keys, a signature. The
// longest are made with RSA keys of 8192 bits, or have a share of a finite field's key exchange in the hello.
#ifndef CLIENT_MESSAGE_SIZE // tests leave less room, so that what was not counted shows
#ifdef PSA_WANT_ALG_FFDH
#define CLIENT_MESSAGE_SIZE 2048
#else
#define CLIENT_MESSAGE_SIZE 1152
#endif
#endif

#define FULL_OUTPUT_SIZE (COMPAT_RECORD_OVERHEAD + MBEDTLS_SSL_OUT_CONTENT_LEN)

// Until the handshake is over the library replaces its buffers too, and frees them as it knows them.
static bool resize_input(tls_connection_t *connection, size_t size) {
    buffers_t *buffers = &connection->buffers;
    return compat_resize_input(&connection->ssl, &buffers->input, size, buffers->elastic);
}

static bool resize_output(tls_connection_t *connection, size_t size) {
    buffers_t *buffers = &connection->buffers;
    return compat_resize_output(&connection->ssl, &buffers->output, size, buffers->elastic);
}

// With the lengths that precede it in a message (RFC 8446 section 4.4.2).
static size_t certificate_size(const mbedtls_x509_crt *crt) {
    return 3 + crt->raw.len + 2;
}

static size_t chain_size(const identity_t *identity) {
    size_t size = 0;
    for (const mbedtls_x509_crt *crt = identity == NULL ? NULL : &identity->chain; crt != NULL; crt = crt->next) {
        size += certificate_size(crt);
    }
    return size;
}

// Of all chains that this side can show; 0: it has none.
static size_t chains_size(const tls_connection_t *connection) {
    size_t size = 0;
    for (int i = 0; i < IDENTITY_KINDS; i++) {
        size += chain_size(connection->identities[i]);
    }
    return size;
}

static size_t alpn_size(const tls_connection_t *connection) {
#if COMPAT_ALPN
    return connection->alpn == NULL ? 0 : connection->alpn->len;
#else
    (void)connection;
    return 0;
#endif
}

// The longest message of a client is its hello, with the server's name, cipher suites and a ticket, or its
// certificates. Only a server has more to say than can be told here, and whoever is sent a cookie to repeat or looks
// for a pre-shared key.
static size_t handshake_output(const tls_connection_t *connection) {
    const tls_context_t *context = connection->context;
    if (context_is_server(context) || context_uses_psk(context)) {
        return FULL_OUTPUT_SIZE;
    }
    size_t ticket = 0;
    if (connection->session != NULL) {
        (void)tls_session_payload(connection->session, &ticket);
    }
    size_t size = COMPAT_RECORD_OVERHEAD + CLIENT_MESSAGE_SIZE + connection->peer_name_len
        + connection->suites->count * 2 + alpn_size(connection) + ticket + chains_size(connection);
    return size < FULL_OUTPUT_SIZE ? size : FULL_OUTPUT_SIZE;
}

// The library asks for its whole buffers, which a heap that is large enough for all else may not have. It does not
// touch what it was given before it reads or writes.
int buffers_setup(tls_connection_t *connection) {
    buffers_t *buffers = &connection->buffers;
    mbedtls_ssl_context *ssl = &connection->ssl;
    buffers->growing = !context_is_datagram(connection->context);
    size_t output = handshake_output(connection);
    if (buffers->growing) {
        shorten_next_buffers(FIRST_INPUT_SIZE, output);
    }
    int ret = mbedtls_ssl_setup(ssl, &connection->config);
    bool shortened = end_shortening() && buffers->growing;
    if (ret != 0) {
        return ret;
    }
    buffers->max_input = compat_input_size(ssl);
    if (shortened) {
        compat_set_buffer_sizes(ssl, FIRST_INPUT_SIZE, output);
    } else if (buffers->growing && !resize_input(connection, FIRST_INPUT_SIZE)) {
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    return 0;
}

// While the library reads, the output buffer has room for an alert only: what is allocated meanwhile stays, and a hole
// as large as a whole record between these pieces is what a small heap cannot do without.
static size_t step_output(tls_connection_t *connection) {
    buffers_t *buffers = &connection->buffers;
    mbedtls_ssl_context *ssl = &connection->ssl;
    if (compat_step_only_reads(ssl)) {
        return COMPAT_RECORD_OVERHEAD + ALERT_SIZE;
    }
    if (compat_writes_client_hello(ssl)) {
        if (buffers->said_hello) {
            return FULL_OUTPUT_SIZE; // with the server's cookie (RFC 8446 section 4.1.4)
        }
        buffers->said_hello = true;
    }
    if (compat_step_signs(ssl) && chains_size(connection) > 0) {
        return FULL_OUTPUT_SIZE;
    }
    return handshake_output(connection);
}

bool buffers_prepare_step(tls_connection_t *connection) {
    buffers_t *buffers = &connection->buffers;
    mbedtls_ssl_context *ssl = &connection->ssl;
    bool chain_comes = compat_is_at_certificate(ssl) && !connection->certificate_due;
    if (chain_comes || compat_is_at_wrap_up(ssl)) {
        tls_memory_tidy();
    }
    size_t size = buffers->wanted_input;
    buffers->wanted_input = 0;
    if (size != 0 && !resize_input(connection, size)) {
        return false;
    }
    if (!buffers->growing || compat_output_left(ssl) > 0) {
        return true;
    }
    size = step_output(connection);
    return compat_output_size(ssl) == size || resize_output(connection, size);
}

void buffers_start(tls_connection_t *connection) {
    buffers_t *buffers = &connection->buffers;
    buffers->elastic = buffers->growing;
    buffers->growing = false;
}

// Reads the header of the next record, as far as that was not done before. Positive, or what receive() said.
static int receive_header(tls_connection_t *connection) {
    buffers_t *buffers = &connection->buffers;
    while (buffers->header_len < RECORD_HEADER_SIZE) {
        int ret = receive(connection, buffers->header + buffers->header_len, RECORD_HEADER_SIZE - buffers->header_len);
        if (ret <= 0) {
            return ret;
        }
        buffers->header_len = (uint8_t)(buffers->header_len + ret);
    }
    return 1;
}

// The same outside of the library.
static tls_status_t read_header(tls_connection_t *connection) {
    connection->recv_blocked = false;
    int ret = receive_header(connection);
    if (ret > 0) {
        return TLS_OK;
    }
    if (ret == 0) {
        return TLS_EOF;
    }
    if (connection->transport_aborted) {
        return TLS_ABORTED;
    }
    return connection->recv_blocked ? TLS_WANT_READ : fail_connection(connection, ret, false);
}

static size_t record_size(const buffers_t *buffers) {
    return RECORD_HEADER_SIZE + ((size_t)buffers->header[3] << 8 | buffers->header[4]);
}

// How large the input buffer must be for the record whose header is here. What is longer than the library's own buffer
// is for it to refuse.
static size_t input_size(const tls_connection_t *connection) {
    const buffers_t *buffers = &connection->buffers;
    size_t size = compat_record_offset(&connection->ssl, &buffers->input) + record_size(buffers);
    return size < buffers->max_input ? size : buffers->max_input;
}

tls_status_t buffers_for_reading(tls_connection_t *connection) {
    buffers_t *buffers = &connection->buffers;
    mbedtls_ssl_context *ssl = &connection->ssl;
    if (!buffers->elastic) {
        return TLS_OK;
    }
    if (mbedtls_ssl_check_pending(ssl) == 0 && compat_is_between_records(ssl)) {
        tls_status_t status = read_header(connection);
        if (status != TLS_OK) {
            return status;
        }
        size_t size = input_size(connection);
        if (compat_input_size(ssl) < size && !resize_input(connection, size)) {
            return fail_connection(connection, MBEDTLS_ERR_SSL_ALLOC_FAILED, false);
        }
    }
    // The library may have to answer with an alert.
    if (!buffers_for_writing(connection, ALERT_SIZE)) {
        return fail_connection(connection, MBEDTLS_ERR_SSL_ALLOC_FAILED, false);
    }
    return TLS_OK;
}

bool buffers_for_writing(tls_connection_t *connection, size_t payload) {
    buffers_t *buffers = &connection->buffers;
    mbedtls_ssl_context *ssl = &connection->ssl;
    size_t size = payload + COMPAT_RECORD_OVERHEAD;
    if (!buffers->elastic || compat_output_left(ssl) > 0 || compat_output_size(ssl) >= size) {
        return true;
    }
    return resize_output(connection, size);
}

void buffers_release(tls_connection_t *connection) {
    buffers_t *buffers = &connection->buffers;
    mbedtls_ssl_context *ssl = &connection->ssl;
    bool failed = connection->failure.kind != TLS_ERROR_NONE;
    if (!buffers->elastic && !failed) {
        return;
    }
    if (compat_input_size(ssl) > 0 && (failed || compat_input_idle(ssl))) {
        (void)resize_input(connection, 0);
    }
    if (compat_output_size(ssl) > 0 && compat_output_left(ssl) == 0) {
        (void)resize_output(connection, 0);
    }
}

void buffers_free(tls_connection_t *connection) {
    if (connection->buffers.elastic) {
        (void)resize_input(connection, 0);
        (void)resize_output(connection, 0);
    }
}

// Whether these bytes can begin a record: its type and major version.
static bool is_record_header(const uint8_t *header) {
    return header[0] >= MBEDTLS_SSL_MSG_CHANGE_CIPHER_SPEC && header[0] <= MBEDTLS_SSL_MSG_APPLICATION_DATA
        && header[1] == 3;
}

// The library reads a record: first its header, which is read ahead, then the rest.
int buffers_receive(tls_connection_t *connection, unsigned char *buf, size_t size) {
    buffers_t *buffers = &connection->buffers;
    if (!buffers->elastic && !buffers->growing) {
        return receive(connection, buf, size);
    }
    if (buffers->elastic && buffers->header_len < RECORD_HEADER_SIZE) {
        // It goes on to another record. Back to buffers_for_reading().
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    int header = receive_header(connection);
    if (header <= 0) {
        return header;
    }
    if (buffers->growing && buffers->taken == 0 && input_size(connection) > compat_input_size(&connection->ssl)
        && is_record_header(buffers->header)) {
        // Back to buffers_prepare_step().
        buffers->wanted_input = input_size(connection);
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    if (buffers->taken < RECORD_HEADER_SIZE) {
        size_t left = RECORD_HEADER_SIZE - buffers->taken;
        size = size < left ? size : left;
        memcpy(buf, buffers->header + buffers->taken, size);
    } else {
        int ret = receive(connection, buf, size);
        if (ret <= 0) {
            return ret;
        }
        size = (size_t)ret;
    }
    buffers->taken = (uint32_t)(buffers->taken + size);
    if (buffers->taken >= record_size(buffers)) {
        buffers->taken = 0;
        buffers->header_len = 0;
    }
    return (int)size;
}

#else

int buffers_setup(tls_connection_t *connection) {
    return mbedtls_ssl_setup(&connection->ssl, &connection->config);
}

bool buffers_prepare_step(tls_connection_t *connection) {
    (void)connection;
    return true;
}

void buffers_start(tls_connection_t *connection) {
    (void)connection;
}

tls_status_t buffers_for_reading(tls_connection_t *connection) {
    (void)connection;
    return TLS_OK;
}

bool buffers_for_writing(tls_connection_t *connection, size_t payload) {
    (void)connection;
    (void)payload;
    return true;
}

void buffers_release(tls_connection_t *connection) {
    (void)connection;
}

void buffers_free(tls_connection_t *connection) {
    (void)connection;
}

int buffers_receive(tls_connection_t *connection, unsigned char *buf, size_t size) {
    return receive(connection, buf, size);
}

#endif
