// What a client says in its first message, read from the bytes on the wire (RFC 8446 section 4.1.2).

#ifndef TESTS_ENGINE_HELLO_H
#define TESTS_ENGINE_HELLO_H

#include "peers.h"

typedef struct hello {
    const uint8_t *suites;
    size_t suites_len; // in bytes
    const uint8_t *extensions;
    size_t extensions_len;
} hello_t;

#define EXTENSION_SERVER_NAME        0
#define EXTENSION_SUPPORTED_VERSIONS 43

// The ClientHello that a client sent first; it points into endpoint->wire.sent.
hello_t sent_hello(const endpoint_t *client);

bool hello_offers_suite(const hello_t *hello, uint16_t suite);

// NULL if the extension is not there.
const uint8_t *hello_extension(const hello_t *hello, uint16_t type, size_t *len);

// Whether TLS 1.3 is offered.
bool hello_offers_tls13(const hello_t *hello);

// Whether the server name is sent and is this one; NULL: whether none is sent.
bool hello_has_server_name(const hello_t *hello, const char *name);

#endif // TESTS_ENGINE_HELLO_H
