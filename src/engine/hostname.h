// What kind of name the server's name is, decided once for both engines.

#ifndef MICROPYTHON_SSL_HOSTNAME_H
#define MICROPYTHON_SSL_HOSTNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

// Octets of an IP address literal: 4 for "192.0.2.1", 16 for "2001:db8::1" (also in brackets); 0 if `name` is neither.
size_t tls_parse_ip(const char *name, uint8_t address[16]);

#define TLS_IP_TEXT_SIZE 40

// Writes an address of 4 or 16 octets as text (RFC 5952); "" for any other number of octets. Returns `text`.
const char *tls_format_ip(const uint8_t *address, size_t len, char text[TLS_IP_TEXT_SIZE]);

// Copies a host name without its trailing dot (RFC 6066 section 3) into `out`. false: empty, longer than 253 octets
// (RFC 1035 section 2.3.4), a label longer than 63, or an octet outside of printable ASCII.
bool tls_normalize_hostname(const char *name, char out[254]);

// Whether two texts are the same but for the case of ASCII letters.
bool tls_same_letters(tls_bytes_t a, tls_bytes_t b);

// Whether a DNS name of a certificate is for this host (RFC 9525 section 6.3), which may end with the dot of the root.
// "*." at the beginning of the name stands for one label of letters, digits and hyphens if two or more labels follow,
// as OpenSSL has it.
bool tls_hostname_matches(tls_bytes_t name, const char *host);

#endif // MICROPYTHON_SSL_HOSTNAME_H
