// Verification of the peer's certificates: what the library found, the device's own clock, IP addresses, the hook.

#include "internal.h"

#include "engine/hostname.h"
#include "engine/verify_detail.h"

#include <stdio.h>
#include <string.h>

uint32_t verify_bits(uint32_t flags) {
    static const struct {
        uint32_t flags;
        uint32_t bit;
    } map[] = {
        {MBEDTLS_X509_BADCERT_EXPIRED, TLS_VERIFY_EXPIRED},
        {MBEDTLS_X509_BADCERT_FUTURE, TLS_VERIFY_NOT_YET_VALID},
        {MBEDTLS_X509_BADCERT_CN_MISMATCH, TLS_VERIFY_HOSTNAME},
        {MBEDTLS_X509_BADCERT_NOT_TRUSTED, TLS_VERIFY_UNTRUSTED},
        {MBEDTLS_X509_BADCERT_REVOKED, TLS_VERIFY_REVOKED},
        {MBEDTLS_X509_BADCRL_NOT_TRUSTED | MBEDTLS_X509_BADCRL_EXPIRED | MBEDTLS_X509_BADCRL_FUTURE
                | MBEDTLS_X509_BADCRL_BAD_MD | MBEDTLS_X509_BADCRL_BAD_PK | MBEDTLS_X509_BADCRL_BAD_KEY,
            TLS_VERIFY_CRL},
        {MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE | MBEDTLS_X509_BADCERT_NS_CERT_TYPE,
            TLS_VERIFY_USAGE},
        {MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY, TLS_VERIFY_WEAK},
        {MBEDTLS_X509_BADCERT_MISSING, TLS_VERIFY_MISSING},
        {MBEDTLS_X509_BADCERT_OTHER, TLS_VERIFY_OTHER},
    };
    uint32_t known = MBEDTLS_X509_BADCERT_SKIP_VERIFY;
    uint32_t bits = 0;
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        known |= map[i].flags;
        if (flags & map[i].flags) {
            bits |= map[i].bit;
        }
    }
    return flags & ~known ? bits | TLS_VERIFY_OTHER : bits;
}

#define FLAGS_USAGE (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE)
#define FLAGS_KEY   (MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY)

// The order is that of mbedtls_ssl_verify_certificate() in Mbed TLS 3.6.
int verify_alert(uint32_t flags) {
    if (flags & MBEDTLS_X509_BADCERT_OTHER) {
        return MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED;
    }
    if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) {
        return MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
    }
    if (flags & (FLAGS_USAGE | FLAGS_KEY)) {
        return MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT;
    }
    if (flags & MBEDTLS_X509_BADCERT_EXPIRED) {
        return MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED;
    }
    if (flags & MBEDTLS_X509_BADCERT_REVOKED) {
        return MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED;
    }
    if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) {
        return MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA;
    }
    return MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN;
}

uint32_t verify_flags(const tls_connection_t *connection) {
    uint32_t flags = mbedtls_ssl_get_verify_result(&connection->ssl);
    // All ones: there is no session, or verification ended early.
    return flags == UINT32_MAX ? connection->verify_flags : flags;
}

// ---------------------------------------------------------------------------------------------------------------------
// Names and addresses

static bool has_subject_alt_names(const mbedtls_x509_crt *crt) {
    return mbedtls_x509_crt_has_ext_type(crt, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME) != 0;
}

static unsigned name_kind(const mbedtls_x509_sequence *name) {
    return (unsigned)name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK;
}

// RFC 9525 section 6.5: an address must be in the subjectAltName extension, octet for octet.
static bool is_for_address(const mbedtls_x509_crt *crt, const uint8_t *ip, size_t len) {
    if (!has_subject_alt_names(crt)) {
        return false;
    }
    for (const mbedtls_x509_sequence *name = &crt->subject_alt_names; name != NULL; name = name->next) {
        if (name_kind(name) == MBEDTLS_X509_SAN_IP_ADDRESS && name->buf.len == len
            && memcmp(name->buf.p, ip, len) == 0) {
            return true;
        }
    }
    return false;
}

typedef struct text {
    char *buf;
    size_t size;
    size_t len;
} text_t;

static void add_character(text_t *text, char c) {
    if (text->len + 1 < text->size) {
        // Names come from strangers, and may end on a terminal.
        text->buf[text->len++] = (char)(c < ' ' || c > '~' ? '?' : c);
        text->buf[text->len] = '\0';
    }
}

// Appends to a list of names what fits of one.
static void add_name(text_t *text, const unsigned char *name, size_t len) {
    if (text->len > 0) {
        add_character(text, ',');
        add_character(text, ' ');
    }
    for (size_t i = 0; i < len; i++) {
        add_character(text, (char)name[i]);
    }
}

static void add_address(text_t *text, const uint8_t *ip, size_t len) {
    char address[TLS_IP_TEXT_SIZE];
    tls_format_ip(ip, len, address);
    add_name(text, (const unsigned char *)address, strlen(address));
}

// "a.example, b.example": what the certificate is for.
static void list_names(const mbedtls_x509_crt *crt, text_t *text) {
    text->buf[0] = '\0';
    if (!has_subject_alt_names(crt)) {
        for (const mbedtls_x509_name *name = &crt->subject; name != NULL; name = name->next) {
            if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) == 0) {
                add_name(text, name->val.p, name->val.len);
            }
        }
        return;
    }
    for (const mbedtls_x509_sequence *name = &crt->subject_alt_names; name != NULL; name = name->next) {
        if (name_kind(name) == MBEDTLS_X509_SAN_DNS_NAME) {
            add_name(text, name->buf.p, name->buf.len);
        } else if (name_kind(name) == MBEDTLS_X509_SAN_IP_ADDRESS) {
            add_address(text, name->buf.p, name->buf.len);
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Dates: judged by the device's clock as the caller sees it. The library's own may be another, or absent.

static int64_t unix_time(const mbedtls_x509_time *time) {
    return tls_unix_time(time->year, time->mon, time->day, time->hour, time->min, time->sec);
}

static uint32_t judge_dates(const mbedtls_x509_crt *crt, int64_t now) {
    if (now < 0) {
        return MBEDTLS_X509_BADCERT_FUTURE;
    }
    uint32_t flags = 0;
    if (now > unix_time(&crt->valid_to)) {
        flags |= MBEDTLS_X509_BADCERT_EXPIRED;
    }
    if (now < unix_time(&crt->valid_from)) {
        flags |= MBEDTLS_X509_BADCERT_FUTURE;
    }
    return flags;
}

// ---------------------------------------------------------------------------------------------------------------------
// Sentences for the error

static void describe_untrusted(const tls_connection_t *connection, const mbedtls_x509_crt *crt, tls_error_t *error) {
    char issuer[128];
    if (mbedtls_x509_dn_gets(issuer, sizeof(issuer), &crt->issuer) < 0) {
        issuer[0] = '\0';
    }
    bool self_signed = crt->issuer_raw.len > 0 && crt->issuer_raw.len == crt->subject_raw.len
        && memcmp(crt->issuer_raw.p, crt->subject_raw.p, crt->issuer_raw.len) == 0;
    tls_detail_untrusted(error, !context_is_server(connection->context), issuer, self_signed,
        connection->context->anchor_count);
}

static void describe_names(const tls_connection_t *connection, const mbedtls_x509_crt *crt, tls_error_t *error) {
    char names[TLS_DETAIL_SIZE];
    text_t text = {.buf = names, .size = sizeof(names)};
    list_names(crt, &text);
    tls_detail_hostname(error, names, connection->peer_name);
}

static void describe_bit(const tls_connection_t *connection, const mbedtls_x509_crt *crt, unsigned depth, uint32_t bit,
    int64_t now) {
    if (!MICROPY_PY_SSL_ERROR_DETAIL) {
        return;
    }
    tls_error_t *error = &connection->host->error;
    bool peer_is_server = !context_is_server(connection->context);
    switch (bit) {
        case TLS_VERIFY_UNTRUSTED:
            describe_untrusted(connection, crt, error);
            return;
        case TLS_VERIFY_EXPIRED:
            tls_detail_expired(error, peer_is_server, depth, unix_time(&crt->valid_to), now);
            return;
        case TLS_VERIFY_NOT_YET_VALID:
            tls_detail_not_yet_valid(error, peer_is_server, depth, unix_time(&crt->valid_from), now);
            return;
        case TLS_VERIFY_HOSTNAME:
            describe_names(connection, crt, error);
            return;
        default:
            tls_detail_verify_bits(error, peer_is_server, bit);
            return;
    }
}

// Says in the error what is wrong with a certificate, unless something more important was said already.
static void describe_certificate(tls_connection_t *connection, const mbedtls_x509_crt *crt, unsigned depth,
    uint32_t bits, int64_t now) {
    uint32_t bit = tls_verify_foremost(bits);
    if (bit == connection->verify_bit || tls_verify_foremost(bit | connection->verify_bit) != bit) {
        return;
    }
    connection->verify_bit = bit;
    connection->host->error.detail[0] = '\0';
    describe_bit(connection, crt, depth, bit, now);
}

// ---------------------------------------------------------------------------------------------------------------------

// Corrects what the library found wrong with the peer's own certificate.
static uint32_t judge_name(const tls_connection_t *connection, const mbedtls_x509_crt *crt, uint32_t flags) {
    if (connection->skip_hostname_check) {
        return flags & ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
    }
    if (connection->ip_len > 0 && !is_for_address(crt, connection->ip, connection->ip_len)) {
        return flags | MBEDTLS_X509_BADCERT_CN_MISMATCH;
    }
    return flags;
}

int verify_certificate(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags) {
    tls_connection_t *connection = arg;
    tls_host_t *host = connection->host;
    int64_t now = host->now(host);

    *flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
    *flags |= judge_dates(crt, now);
    if (depth == 0) {
        *flags = judge_name(connection, crt, *flags);
        connection->leaf_checked = true;
    }
    connection->verify_flags |= *flags;
    if (*flags != 0 && connection->verify_mode == TLS_VERIFY_MODE_REQUIRED) {
        describe_certificate(connection, crt, (unsigned)depth, verify_bits(*flags), now);
    }

    if (host->verify == NULL) {
        return 0;
    }
    connection->hook_asked = true;
    // A certificate that the library could not read (an unknown kind of signature) has no bytes.
    const uint8_t *der = crt->raw.p != NULL ? crt->raw.p : (const uint8_t *)"";
    tls_status_t status = host->verify(host, der, crt->raw.len, (unsigned)depth);
    if (status == TLS_OK) {
        return 0;
    }
    connection->hook_aborted |= status == TLS_ABORTED;
    connection->refused = true;
    describe_certificate(connection, crt, (unsigned)depth, TLS_VERIFY_CALLBACK, now);
    return VERIFY_REFUSED;
}
