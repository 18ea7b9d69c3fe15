// The BIO between the library and the hooks.
//
// Reading asks hooks.recv. While the handshake lasts, the library asks for a record's header and body apart, so a small
// buffer reads ahead for it; afterwards the library's own record buffer reads ahead, and every read is one recv.
//
// Writing takes everything at once: the library never sees a transport that would block, so its rule that a blocked
// SSL_write() must be repeated with the same buffer never applies. What cannot go out yet waits in a buffer. In the
// handshake everything is collected until the library turns to reading, so that a flight is one send.

#include "openssl/internal.h"

#include <string.h>

// Enough for the flights of most handshakes; what is larger takes another read.
#define READ_AHEAD_SIZE 4096

// More than the largest flight. Only a peer that asks for answers without reading them gets there.
#define OUTPUT_MAX ((size_t)256 * 1024)

#define DATAGRAM_HEADER_SIZE 2

static BIO_METHOD *method;

// ---------------------------------------------------------------------------------------------------------------------
// Buffers

static void buffer_free(tls_buffer_t *buffer) {
    tls_free(buffer->data);
    memset(buffer, 0, sizeof(*buffer));
}

static bool buffer_reserve(tls_buffer_t *buffer, size_t more) {
    if (buffer->size - buffer->end >= more) {
        return true;
    }
    size_t len = tls_buffer_len(buffer);
    if (buffer->start > 0) {
        memmove(buffer->data, buffer->data + buffer->start, len);
        buffer->start = 0;
        buffer->end = len;
    }
    if (buffer->size - len >= more) {
        return true;
    }
    size_t size = buffer->size * 2 > len + more ? buffer->size * 2 : len + more;
    uint8_t *data = tls_resize(buffer->data, size);
    if (data == NULL) {
        return false;
    }
    buffer->data = data;
    buffer->size = size;
    return true;
}

static void buffer_append(tls_buffer_t *buffer, const uint8_t *data, size_t len) {
    memcpy(buffer->data + buffer->end, data, len);
    buffer->end += len;
}

static size_t buffer_take(tls_buffer_t *buffer, uint8_t *out, size_t size) {
    size_t len = tls_buffer_len(buffer);
    if (len > size) {
        len = size;
    }
    memcpy(out, buffer->data + buffer->start, len);
    buffer->start += len;
    return len;
}

void tls_transport_trim(tls_connection_t *connection) {
    if (tls_buffer_len(&connection->input) == 0) {
        buffer_free(&connection->input);
    }
    if (tls_buffer_len(&connection->output) == 0) {
        buffer_free(&connection->output);
    }
}

void tls_transport_discard(tls_connection_t *connection) {
    buffer_free(&connection->input);
    buffer_free(&connection->output);
#if MICROPY_PY_SSL_SNI_CALLBACK
    buffer_free(&connection->hello);
#endif
}

#if MICROPY_PY_SSL_SNI_CALLBACK

void tls_transport_reread(tls_connection_t *connection) {
    buffer_free(&connection->input); // it is the end of what was kept
    connection->input = connection->hello;
    memset(&connection->hello, 0, sizeof(connection->hello));
}

void tls_transport_forget(tls_connection_t *connection) {
    buffer_free(&connection->hello);
}

// A hello over datagrams is one of them. false: out of memory.
static bool keep_hello(tls_connection_t *connection, const uint8_t *data, size_t len) {
    tls_buffer_t *hello = &connection->hello;
    if (!connection->sni_due) {
        return true;
    }
    if (connection->datagram) {
        hello->end = 0;
    }
    if (!buffer_reserve(hello, len)) {
        return false;
    }
    buffer_append(hello, data, len);
    return true;
}

#else

#define keep_hello(connection, data, len) (true)

#endif

// ---------------------------------------------------------------------------------------------------------------------
// Sending

static tls_status_t call_send(tls_connection_t *connection, const uint8_t *data, size_t size, size_t *count) {
    *count = 0;
    tls_status_t status = TLS_CALL_HOOK(connection->host, send, data, size, count);
    if (status == TLS_OK && *count == 0) {
        return TLS_WANT_WRITE;
    }
    if (status != TLS_OK) {
        *count = 0;
    } else if (*count > size) {
        *count = size;
    }
    return status;
}

// Sends from data until all is gone or the transport stops; *sent says how much went out.
static tls_status_t send_bytes(tls_connection_t *connection, const uint8_t *data, size_t size, size_t *sent) {
    tls_status_t status = TLS_OK;
    *sent = 0;
    while (*sent < size && status == TLS_OK) {
        size_t count;
        status = call_send(connection, data + *sent, size - *sent, &count);
        *sent += count;
    }
    return status;
}

// A datagram goes out whole or not at all; what the transport cuts off is lost, as it is on any network.
static tls_status_t send_datagram(tls_connection_t *connection, const uint8_t *data, size_t size, size_t *sent) {
    tls_status_t status = call_send(connection, data, size, sent);
    if (status == TLS_OK) {
        *sent = size;
    }
    return status;
}

static size_t first_datagram(const tls_buffer_t *output) {
    const uint8_t *header = output->data + output->start;
    return (size_t)header[0] << 8 | header[1];
}

tls_status_t tls_transport_flush(tls_connection_t *connection) {
    tls_buffer_t *output = &connection->output;
    while (tls_buffer_len(output) > 0) {
        size_t header = connection->datagram ? DATAGRAM_HEADER_SIZE : 0;
        size_t size = connection->datagram ? first_datagram(output) : tls_buffer_len(output);
        size_t sent;
        tls_status_t status = (connection->datagram ? send_datagram : send_bytes)(
            connection, output->data + output->start + header, size, &sent);
        output->start += sent > 0 ? header + sent : 0;
        if (status != TLS_OK) {
            return status;
        }
    }
    tls_transport_trim(connection);
    return TLS_OK;
}

static bool keep_output(tls_connection_t *connection, const uint8_t *data, size_t len) {
    tls_buffer_t *output = &connection->output;
    if (!connection->datagram) {
        if (!buffer_reserve(output, len)) {
            return false;
        }
        buffer_append(output, data, len);
        return true;
    }
    uint8_t header[DATAGRAM_HEADER_SIZE] = {(uint8_t)(len >> 8), (uint8_t)len};
    if (!buffer_reserve(output, sizeof(header) + len)) {
        return false;
    }
    buffer_append(output, header, sizeof(header));
    buffer_append(output, data, len);
    return true;
}

static int stop_library(BIO *bio, tls_connection_t *connection, tls_status_t status, int retry_flag) {
    connection->stop = status;
    BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
    return -1;
}

static int bio_write(BIO *bio, const char *text, int size) {
    tls_connection_t *connection = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (connection->host == NULL || size <= 0) {
        return -1;
    }
    const uint8_t *data = (const uint8_t *)text;
    size_t left = (size_t)size;
    if (connection->sending && tls_buffer_len(&connection->output) == 0) {
        size_t sent;
        tls_status_t status = (connection->datagram ? send_datagram : send_bytes)(connection, data, left, &sent);
        if (status != TLS_OK) {
            connection->stop = status;
        }
        data += sent;
        left -= sent;
    } else if (tls_buffer_len(&connection->output) > OUTPUT_MAX) {
        tls_status_t status = tls_transport_flush(connection);
        if (status != TLS_OK) {
            return stop_library(bio, connection, status, BIO_FLAGS_WRITE);
        }
    }
    return left == 0 || keep_output(connection, data, left) ? size : -1;
}

// ---------------------------------------------------------------------------------------------------------------------
// Receiving

// TLS_ERROR: out of memory.
static tls_status_t call_recv(tls_connection_t *connection, uint8_t *buf, size_t size, size_t *count) {
    *count = 0;
    tls_status_t status = TLS_CALL_HOOK(connection->host, recv, buf, size, count);
    if (status == TLS_OK && *count == 0) {
        status = TLS_WANT_READ;
    }
    if (*count > size) {
        *count = size;
    }
    connection->starved = status != TLS_OK;
    return status == TLS_OK && !keep_hello(connection, buf, *count) ? TLS_ERROR : status;
}

// Fills the empty read-ahead buffer.
static tls_status_t read_ahead(tls_connection_t *connection) {
    tls_buffer_t *input = &connection->input;
    input->start = 0;
    input->end = 0;
    size_t count;
    tls_status_t status = call_recv(connection, input->data, input->size, &count);
    input->end = status == TLS_OK ? count : 0;
    return status;
}

static tls_status_t receive(tls_connection_t *connection, uint8_t *buf, size_t size, size_t *count) {
    bool ahead = !connection->datagram && !connection->established && size < READ_AHEAD_SIZE;
    if (!ahead || !buffer_reserve(&connection->input, READ_AHEAD_SIZE)) {
        return call_recv(connection, buf, size, count);
    }
    tls_status_t status = read_ahead(connection);
    if (status == TLS_OK) {
        *count = buffer_take(&connection->input, buf, size);
    }
    return status;
}

static int bio_read(BIO *bio, char *buf, int size) {
    tls_connection_t *connection = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (connection->host == NULL || size <= 0) {
        return -1;
    }
    if (tls_buffer_len(&connection->input) > 0) {
        return (int)buffer_take(&connection->input, (uint8_t *)buf, (size_t)size);
    }
    // The library may ask again in the same call (a DTLS timer that runs out); whoever aborted is not asked again.
    if (connection->stop == TLS_ABORTED) {
        return stop_library(bio, connection, TLS_ABORTED, BIO_FLAGS_READ);
    }
    // The library is not told of the end: it would send an alert and refuse to write from then on, although the
    // other direction may be open still.
    if (connection->transport_eof) {
        return stop_library(bio, connection, TLS_EOF, BIO_FLAGS_READ);
    }
    // The peer cannot answer what it has not got. After the handshake (an answer to a renegotiation, a key update) that
    // must not keep us from reading: the peer may not read before it has written.
    tls_status_t flushed = tls_transport_flush(connection);
    if (flushed == TLS_ABORTED || (flushed != TLS_OK && !connection->established)) {
        return stop_library(bio, connection, flushed, BIO_FLAGS_READ);
    }
    size_t count = 0;
    tls_status_t status = receive(connection, (uint8_t *)buf, (size_t)size, &count);
    if (status == TLS_OK || status == TLS_ERROR) {
        return status == TLS_OK ? (int)count : -1;
    }
    connection->transport_eof = status == TLS_EOF;
    return stop_library(bio, connection, status, BIO_FLAGS_READ);
}

// ---------------------------------------------------------------------------------------------------------------------

static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
    (void)number;
    (void)pointer;
    const tls_connection_t *connection = BIO_get_data(bio);
    switch (command) {
        case BIO_CTRL_FLUSH: // see the top of this file for when output goes out
        case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
            return 1;
        case BIO_CTRL_PENDING:
            return (long)tls_buffer_len(&connection->input);
        case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
            return 48; // IPv6 and UDP
        default:
            return 0;
    }
}

bool tls_transport_init(void) {
    if (method == NULL) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tls_host_t");
    }
    return method != NULL && BIO_meth_set_read(method, bio_read) && BIO_meth_set_write(method, bio_write)
        && BIO_meth_set_ctrl(method, bio_ctrl);
}

BIO *tls_transport_new(tls_connection_t *connection) {
    BIO *bio = BIO_new(method);
    if (bio != NULL) {
        BIO_set_data(bio, connection);
        BIO_set_init(bio, 1);
    }
    return bio;
}
