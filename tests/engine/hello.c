#include "hello.h"

// Bytes that are left to parse.
typedef struct reader {
    const uint8_t *data;
    size_t len;
} reader_t;

static const uint8_t *take(reader_t *reader, size_t len) {
    assert_true(len <= reader->len);
    const uint8_t *data = reader->data;
    reader->data += len;
    reader->len -= len;
    return data;
}

static size_t take_number(reader_t *reader, size_t octets) {
    size_t number = 0;
    const uint8_t *data = take(reader, octets);
    for (size_t i = 0; i < octets; i++) {
        number = number << 8 | data[i];
    }
    return number;
}

// A vector whose length stands in front of it in so many octets.
static reader_t take_vector(reader_t *reader, size_t length_octets) {
    size_t len = take_number(reader, length_octets);
    return (reader_t) {take(reader, len), len};
}

hello_t sent_hello(const endpoint_t *client) {
    const wire_queue_t *sent = &client->wire.sent;
    reader_t reader = {sent->data + sent->head, sent->tail - sent->head};
    if (client->wire.datagram) {
        take(&reader, sizeof(uint32_t));
    }
    assert_int_equal(take_number(&reader, 1), 22); // handshake
    take(&reader, client->wire.datagram ? 10 : 2); // version; with DTLS epoch and sequence number too
    reader_t message = take_vector(&reader, 2);
    assert_int_equal(take_number(&message, 1), 1); // ClientHello
    take(&message, client->wire.datagram ? 11 : 3);
    take(&message, 2 + 32);   // version, random
    take_vector(&message, 1); // session id
    if (client->wire.datagram) {
        take_vector(&message, 1); // cookie
    }
    reader_t suites = take_vector(&message, 2);
    take_vector(&message, 1); // compression methods
    reader_t extensions = take_vector(&message, 2);
    return (hello_t) {suites.data, suites.len, extensions.data, extensions.len};
}

bool hello_offers_suite(const hello_t *hello, uint16_t suite) {
    reader_t suites = {hello->suites, hello->suites_len};
    while (suites.len > 0) {
        if (take_number(&suites, 2) == suite) {
            return true;
        }
    }
    return false;
}

const uint8_t *hello_extension(const hello_t *hello, uint16_t type, size_t *len) {
    reader_t extensions = {hello->extensions, hello->extensions_len};
    while (extensions.len > 0) {
        size_t this_type = take_number(&extensions, 2);
        reader_t content = take_vector(&extensions, 2);
        if (this_type == type) {
            *len = content.len;
            return content.data;
        }
    }
    return NULL;
}

bool hello_offers_tls13(const hello_t *hello) {
    reader_t extension;
    extension.data = hello_extension(hello, EXTENSION_SUPPORTED_VERSIONS, &extension.len);
    if (extension.data == NULL) {
        return false;
    }
    reader_t versions = take_vector(&extension, 1);
    while (versions.len > 0) {
        if (take_number(&versions, 2) == TLS_VERSION_1_3) {
            return true;
        }
    }
    return false;
}

bool hello_has_server_name(const hello_t *hello, const char *name) {
    reader_t extension;
    extension.data = hello_extension(hello, EXTENSION_SERVER_NAME, &extension.len);
    if (extension.data == NULL || name == NULL) {
        return extension.data == NULL && name == NULL;
    }
    reader_t list = take_vector(&extension, 2);
    assert_int_equal(take_number(&list, 1), 0); // host_name
    reader_t sent = take_vector(&list, 2);
    return sent.len == strlen(name) && memcmp(sent.data, name, sent.len) == 0;
}
