// Reading certificates (X.509, RFC 5280) for people: what is in them, not whether it is true. Both engines share it, so
// that both say the same.
//
// All of it takes any bytes at all, allocates nothing, and hands out parts of what it was given.

#ifndef MICROPYTHON_SSL_CERTIFICATE_H
#define MICROPYTHON_SSL_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

// An element of DER: its tag and its content.
typedef struct tls_element {
    uint8_t tag;
    tls_bytes_t content;
} tls_element_t;

#define TLS_TAG_BIT_STRING 0x03
#define TLS_TAG_UTF8       0x0C
#define TLS_TAG_SEQUENCE   0x30
#define TLS_TAG_OTHER_NAME 0xA0 // GeneralName, RFC 5280 section 4.2.1.6
#define TLS_TAG_EMAIL      0x81
#define TLS_TAG_DNS        0x82
#define TLS_TAG_X400       0xA3
#define TLS_TAG_DIRECTORY  0xA4
#define TLS_TAG_EDI        0xA5
#define TLS_TAG_URI        0x86
#define TLS_TAG_IP         0x87
#define TLS_TAG_REGISTERED 0x88

// Takes the next element from `rest`. false: nothing is left (rest->len is 0), or what is left is no element.
bool tls_element_next(tls_bytes_t *rest, tls_element_t *element);

typedef struct tls_certificate {
    unsigned version;   // 1 for the first
    tls_bytes_t serial; // content of the INTEGER
    tls_bytes_t issuer; // of the SEQUENCE of RDNs
    tls_bytes_t subject;
    tls_element_t not_before;
    tls_element_t not_after;
    // Extensions; no data: absent, given twice, or not to be read
    tls_bytes_t alt_names;        // subjectAltName: a list of GeneralName
    tls_bytes_t crl_points;       // cRLDistributionPoints: a list of DistributionPoint
    tls_bytes_t authority_access; // authorityInfoAccess: a list of AccessDescription
    tls_bytes_t name_constraints; // content of the extension, read or not; no data: absent
    bool is_ca;                   // may issue certificates
} tls_certificate_t;

// false: this is no certificate.
bool tls_certificate_read(tls_certificate_t *certificate, const uint8_t *der, size_t len);

// The attributes of a name, one by one.
typedef struct tls_attribute {
    bool first;       // it begins a relative distinguished name, others belong to the same
    tls_bytes_t type; // content of the OBJECT IDENTIFIER
    tls_element_t value;
} tls_attribute_t;

typedef struct tls_name {
    tls_bytes_t rest;
    tls_bytes_t rdn; // what is left of the one that was begun
} tls_name_t;

// To begin with, `rest` is issuer, subject, or the content of the SEQUENCE in a TLS_TAG_DIRECTORY. false: that was all.
bool tls_name_next(tls_name_t *name, tls_attribute_t *attribute);

// What is in a TLS_TAG_OTHER_NAME. false: its kind has no name here, or it is not of the type that this kind has.
bool tls_other_name(tls_bytes_t content, const char **kind, tls_element_t *value);

// The URIs of an extension, one by one.
typedef enum tls_uri_kind {
    TLS_URI_OCSP,
    TLS_URI_CA_ISSUERS,
    TLS_URI_CRL,
} tls_uri_kind_t;

typedef struct tls_uris {
    tls_uri_kind_t kind;
    tls_bytes_t rest;  // of the extension
    tls_bytes_t names; // of the entry that was begun
} tls_uris_t;

tls_uris_t tls_certificate_uris(const tls_certificate_t *certificate, tls_uri_kind_t kind);
bool tls_uris_next(tls_uris_t *uris, tls_bytes_t *uri);

// Writes text as UTF-8 and returns how many bytes that is; with `out` NULL it only counts. SIZE_MAX: it is no text.
// What claims to be UTF-8 and is not is taken for Latin-1.
size_t tls_text_to_utf8(uint8_t tag, tls_bytes_t text, char *out);

// "commonName", or for what has no name here "1.2.840"; "<invalid>" for what is none.
#define TLS_OID_TEXT_SIZE 256
const char *tls_oid_text(tls_bytes_t oid, char text[TLS_OID_TEXT_SIZE]);

// "Jan  5 09:34:43 2018 GMT"; "Bad time value" for what is none.
#define TLS_DATE_TEXT_SIZE 64
const char *tls_date_text(const tls_element_t *time, char text[TLS_DATE_TEXT_SIZE]);

// Writes the hexadecimal digits of an INTEGER's content, "-" before a negative one; returns how many characters, which
// are no more than 2 * serial.len + 3.
size_t tls_serial_text(tls_bytes_t serial, char *out);

#endif // MICROPYTHON_SSL_CERTIFICATE_H
