// PEM (RFC 7468) of certificates.

#ifndef MICROPYTHON_SSL_PEM_H
#define MICROPYTHON_SSL_PEM_H

#include "module/compat.h"

#define SSL_PEM_HEADER "-----BEGIN CERTIFICATE-----"
#define SSL_PEM_FOOTER "-----END CERTIFICATE-----"

static inline bool ssl_pem_is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// A str.
mp_obj_t ssl_pem_from_der(const uint8_t *der, size_t len);

// Appends what stands between header and footer, decoded. false: it is not base64 (RFC 4648 section 4, with spaces and
// line ends anywhere).
bool ssl_pem_decode(vstr_t *der, const char *text, size_t len);

#endif // MICROPYTHON_SSL_PEM_H
