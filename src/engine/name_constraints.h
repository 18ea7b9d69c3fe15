// Name constraints (RFC 5280 section 4.2.1.10): an authority may be limited to names of some domains, networks,
// mailboxes or subjects. OpenSSL checks them, but for wildcards; Mbed TLS does not know them.

#ifndef MICROPYTHON_SSL_NAME_CONSTRAINTS_H
#define MICROPYTHON_SSL_NAME_CONSTRAINTS_H

#include "engine/certificate.h"

// What counts where a constraint cannot be compared with a name: odd kinds of names, damaged constraints.
typedef enum tls_doubt {
    TLS_DOUBT_REFUSES, // RFC 5280: process the constraint or reject the certificate
    TLS_DOUBT_ALLOWS,  // the library has compared them already
} tls_doubt_t;

// Whether all names of a certificate keep to the constraints of an issuer above it. `constraints` is the content of the
// issuer's extension, `leaf` says whether the certificate is the peer's own: its common name may stand for a host.
bool tls_names_are_allowed(const tls_certificate_t *certificate, bool leaf, tls_bytes_t constraints,
    tls_doubt_t doubt);

#endif // MICROPYTHON_SSL_NAME_CONSTRAINTS_H
