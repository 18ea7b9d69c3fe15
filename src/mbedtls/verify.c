// Verification of the peer's certificates: what the library found, the device's own clock, IP addresses, the hook.

#include "internal.h"

#include "engine/hostname.h"
#include "engine/name_constraints.h"
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

static bool is_name_for(const mbedtls_x509_buf *name, const char *host) {
    return tls_hostname_matches((tls_bytes_t) {.data = name->p, .len = name->len}, host);
}

// The library takes a URI for a name, and "*.example" for all that there is below.
static bool is_for_host(const mbedtls_x509_crt *crt, const char *host) {
    if (!has_subject_alt_names(crt)) {
        for (const mbedtls_x509_name *name = &crt->subject; name != NULL; name = name->next) {
            if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) == 0 && is_name_for(&name->val, host)) {
                return true;
            }
        }
        return false;
    }
    for (const mbedtls_x509_sequence *name = &crt->subject_alt_names; name != NULL; name = name->next) {
        if (name_kind(name) == MBEDTLS_X509_SAN_DNS_NAME && is_name_for(&name->buf, host)) {
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

bool is_anchor(const tls_context_t *context, const mbedtls_x509_crt *crt) {
    for (const mbedtls_x509_crt *anchor = context->anchors; anchor != NULL; anchor = anchor->next) {
        if (anchor->raw.len == crt->raw.len && memcmp(anchor->raw.p, crt->raw.p, crt->raw.len) == 0) {
            return true;
        }
    }
    return is_in_bundle(context, crt);
}

// ---------------------------------------------------------------------------------------------------------------------
// Revocation lists. The library would check them, too, but it does not mind if there is no list, looks at the whole
// chain, takes old lists for as good as new ones, judges dates by its own clock, if it has one, and has none of it
// where trust anchors come from a CA bundle.

#if COMPAT_CRL

static bool is_by_issuer_of(const mbedtls_x509_crl *crl, const mbedtls_x509_crt *crt) {
    return crl->version != 0 && crl->issuer_raw.len == crt->issuer_raw.len
        && memcmp(crl->issuer_raw.p, crt->issuer_raw.p, crt->issuer_raw.len) == 0;
}

// The list that counts: the newest of the issuer's that are in date. NULL: there is none; *problem says why.
static const mbedtls_x509_crl *find_list(const tls_context_t *context, const mbedtls_x509_crt *crt, int64_t now,
    uint32_t *problem) {
    const mbedtls_x509_crl *newest = NULL;
    *problem = MBEDTLS_X509_BADCRL_NOT_TRUSTED;
    for (const mbedtls_x509_crl *crl = context->crls; crl != NULL; crl = crl->next) {
        if (!is_by_issuer_of(crl, crt)) {
            continue;
        }
        bool has_end = crl->next_update.year != 0;
        if (now < 0 || now < unix_time(&crl->this_update)) {
            *problem = MBEDTLS_X509_BADCRL_FUTURE;
        } else if (has_end && now >= unix_time(&crl->next_update)) {
            *problem = MBEDTLS_X509_BADCRL_EXPIRED;
        } else if (newest == NULL || unix_time(&crl->this_update) > unix_time(&newest->this_update)) {
            newest = crl;
        }
    }
    return newest;
}

// Whether the issuer has signed the list (RFC 5280 section 6.3.3). MBEDTLS_X509_BADCRL_*, 0: it has.
static uint32_t judge_signature(const tls_connection_t *connection, const mbedtls_x509_crl *list,
    const mbedtls_x509_crt *issuer) {
    const mbedtls_x509_crt_profile *profile = compat_certificate_profile(&connection->config);
    mbedtls_md_type_t type = compat_crl_digest(list);
    if (issuer == NULL || mbedtls_x509_crt_check_key_usage(issuer, MBEDTLS_X509_KU_CRL_SIGN) != 0) {
        return MBEDTLS_X509_BADCRL_NOT_TRUSTED;
    }
    if ((MBEDTLS_X509_ID_FLAG(type) & profile->allowed_mds) == 0) {
        return MBEDTLS_X509_BADCRL_BAD_MD;
    }
    uint8_t digest[MBEDTLS_MD_MAX_SIZE];
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(type);
    bool good = info != NULL && mbedtls_md(info, list->tbs.p, list->tbs.len, digest) == 0
        && compat_crl_verify(list, issuer, digest, mbedtls_md_get_size(info)) == 0;
    return good ? 0 : MBEDTLS_X509_BADCRL_NOT_TRUSTED;
}

static uint32_t judge_by_lists(const tls_connection_t *connection, const mbedtls_x509_crt *crt, int64_t now) {
    uint32_t problem;
    const mbedtls_x509_crl *list = find_list(connection->context, crt, now, &problem);
    if (list == NULL) {
        return problem;
    }
    problem = judge_signature(connection, list, connection->issuer);
    return mbedtls_x509_crt_is_revoked(crt, list) ? problem | MBEDTLS_X509_BADCERT_REVOKED : problem;
}

// Nobody but the caller can revoke the anchor at which the chain ends.
static uint32_t judge_revocation(const tls_connection_t *connection, const mbedtls_x509_crt *crt, int depth, bool top,
    int64_t now) {
    unsigned asked = tls_rules_flags(&connection->rules) & TLS_VERIFY_FLAG_CRL_CHAIN;
    if (asked == 0 || (depth > 0 && asked != TLS_VERIFY_FLAG_CRL_CHAIN)
        || (top && is_anchor(connection->context, crt))) {
        return 0;
    }
    return judge_by_lists(connection, crt, now);
}

#else

static uint32_t judge_revocation(const tls_connection_t *connection, const mbedtls_x509_crt *crt, int depth, bool top,
    int64_t now) {
    (void)connection;
    (void)crt;
    (void)depth;
    (void)top;
    (void)now;
    return 0;
}

#endif

// ---------------------------------------------------------------------------------------------------------------------
// Pins

// What makes a signature by the next certificate worthless, so that a pinned key there says nothing about this one.
#define FLAGS_LINK \
    (MBEDTLS_X509_BADCERT_NOT_TRUSTED | MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK \
        | MBEDTLS_X509_BADCERT_BAD_KEY)

static void judge_pin(tls_connection_t *connection, const mbedtls_x509_crt *crt, int depth, uint32_t flags) {
    if (!tls_rules_have_pins(&connection->rules)) {
        return;
    }
    bool linked = connection->pinned && (flags & FLAGS_LINK) == 0;
    connection->pinned
        = linked || (crt->pk_raw.p != NULL && tls_rules_pin(&connection->rules, crt->pk_raw.p, crt->pk_raw.len));
    connection->pin_missing = depth == 0 && !connection->pinned;
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
        tls_context_count_trust_anchors(connection->context), connection->bundle_damaged);
}

static void describe_names(const tls_connection_t *connection, const mbedtls_x509_crt *crt, tls_error_t *error) {
    char names[TLS_DETAIL_SIZE];
    text_t text = {.buf = names, .size = sizeof(names)};
    list_names(crt, &text);
    tls_detail_hostname(error, names, connection->peer_name);
}

static void describe_key(const mbedtls_x509_crt *crt, bool peer_is_server, tls_error_t *error) {
    uint8_t digest[TLS_PIN_SIZE];
    bool known = crt->pk_raw.p != NULL && tls_sha256(crt->pk_raw.p, crt->pk_raw.len, digest);
    tls_detail_pin(error, peer_is_server, known ? digest : NULL);
}

static void describe_bit(const tls_connection_t *connection, const mbedtls_x509_crt *crt, unsigned depth, uint32_t bit,
    int64_t now) {
    if (!MICROPY_PY_SSL_ERROR_DETAIL) {
        return;
    }
    tls_error_t *error = &connection->host->error;
    bool peer_is_server = !context_is_server(connection->context);
    bool chosen = tls_rules_have_time(&connection->rules);
    switch (bit) {
        case TLS_VERIFY_UNTRUSTED:
            describe_untrusted(connection, crt, error);
            return;
        case TLS_VERIFY_EXPIRED:
            tls_detail_expired(error, peer_is_server, depth, unix_time(&crt->valid_to), now, chosen);
            return;
        case TLS_VERIFY_NOT_YET_VALID:
            tls_detail_not_yet_valid(error, peer_is_server, depth, unix_time(&crt->valid_from), now, chosen);
            return;
        case TLS_VERIFY_HOSTNAME:
            describe_names(connection, crt, error);
            return;
        case TLS_VERIFY_PIN:
            describe_key(crt, peer_is_server, error);
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

// Whether the issuer's key is the one that a certificate says (RFC 5280 section 4.2.1.1). The library does not look at
// it; to others it is a condition. The issuer's serial number is none here: of two certificates that an authority has
// for one key the library takes the first.
static uint32_t judge_identifier(const mbedtls_x509_crt *crt, const mbedtls_x509_crt *issuer) {
    const mbedtls_x509_buf *said = &crt->authority_key_id.keyIdentifier;
    if (issuer == NULL || said->len == 0 || issuer->subject_key_id.len == 0) {
        return 0;
    }
    bool same = said->len == issuer->subject_key_id.len && memcmp(said->p, issuer->subject_key_id.p, said->len) == 0;
    return same ? 0 : MBEDTLS_X509_BADCERT_NOT_TRUSTED;
}

// What the certificate is for. The library does not ask what its issuers' are for, and takes "any" for an answer.
static uint32_t judge_purpose(const tls_connection_t *connection, const mbedtls_x509_crt *crt, int depth) {
    bool of_client = context_is_server(connection->context);
    unsigned old = of_client ? MBEDTLS_X509_NS_CERT_TYPE_SSL_CLIENT : MBEDTLS_X509_NS_CERT_TYPE_SSL_SERVER;
    if (depth == 0 && mbedtls_x509_crt_has_ext_type(crt, MBEDTLS_X509_EXT_NS_CERT_TYPE)
        && !(compat_ns_cert_type(crt) & old)) {
        return MBEDTLS_X509_BADCERT_NS_CERT_TYPE;
    }
    if (!mbedtls_x509_crt_has_ext_type(crt, MBEDTLS_X509_EXT_EXTENDED_KEY_USAGE)) {
        return 0;
    }
    for (const mbedtls_x509_sequence *purpose = &crt->ext_key_usage; purpose != NULL; purpose = purpose->next) {
        if (of_client ? MBEDTLS_OID_CMP(MBEDTLS_OID_CLIENT_AUTH, &purpose->buf) == 0
                      : MBEDTLS_OID_CMP(MBEDTLS_OID_SERVER_AUTH, &purpose->buf) == 0) {
            return 0;
        }
    }
    return MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
}

#if MICROPY_PY_SSL_NAME_CONSTRAINTS

static bool issued_itself(const tls_certificate_t *certificate) {
    return certificate->issuer.len == certificate->subject.len
        && memcmp(certificate->issuer.data, certificate->subject.data, certificate->issuer.len) == 0;
}

// RFC 5280 section 6.1.3 (b), (c), and 6.1.4 (g). More authorities with constraints than are remembered: none below is
// known to be allowed.
static uint32_t judge_names(tls_connection_t *connection, const mbedtls_x509_crt *crt, int depth, bool top) {
    size_t *count = &connection->constrained_count;
    *count = top ? 0 : *count;
    tls_certificate_t certificate;
    if (crt->raw.p == NULL || !tls_certificate_read(&certificate, crt->raw.p, crt->raw.len)) {
        return MBEDTLS_X509_BADCERT_OTHER;
    }
    bool allowed = *count <= CONSTRAINED_MAX;
    for (size_t i = 0; allowed && i < *count && (depth == 0 || !issued_itself(&certificate)); i++) {
        tls_certificate_t issuer;
        const mbedtls_x509_buf *der = &connection->constrained[i]->raw;
        allowed = tls_certificate_read(&issuer, der->p, der->len)
            && tls_names_are_allowed(&certificate, depth == 0, issuer.name_constraints, TLS_DOUBT_REFUSES);
    }
    if (depth > 0 && certificate.name_constraints.data != NULL) {
        if (*count < CONSTRAINED_MAX) {
            connection->constrained[*count] = crt;
        }
        ++*count;
    }
    return allowed ? 0 : MBEDTLS_X509_BADCERT_KEY_USAGE;
}

#else

static uint32_t judge_names(tls_connection_t *connection, const mbedtls_x509_crt *crt, int depth, bool top) {
    (void)connection;
    (void)crt;
    (void)depth;
    (void)top;
    return 0;
}

#endif

// Corrects what the library found wrong with the name in the peer's own certificate.
static uint32_t judge_host(const tls_connection_t *connection, const mbedtls_x509_crt *crt, uint32_t flags) {
    if (connection->skip_hostname_check) {
        return flags & ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
    }
    if (context_is_server(connection->context) || connection->peer_name_len == 0) {
        return flags;
    }
    bool fits = connection->ip_len > 0 ? is_for_address(crt, connection->ip, connection->ip_len)
                                       : is_for_host(crt, connection->peer_name);
    return fits ? flags : flags | MBEDTLS_X509_BADCERT_CN_MISMATCH;
}

// What the library found, corrected by what it does not know.
static uint32_t judge(tls_connection_t *connection, const mbedtls_x509_crt *crt, int depth, bool top, uint32_t flags,
    int64_t now) {
    if (connection->leaf_trusted) {
        if (depth > 0) {
            return 0; // who issued it does not matter
        }
        flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_BAD_KEY;
        top = true;
    }
    flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
    flags |= judge_dates(crt, now);
    flags |= judge_identifier(crt, connection->issuer);
    flags |= judge_purpose(connection, crt, depth) | judge_names(connection, crt, depth, top);
    flags |= judge_revocation(connection, crt, depth, top, now);
    if (depth == 0 && top && is_anchor(connection->context, crt)) {
        // It is trusted, whoever issued it.
        flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_NOT_TRUSTED;
    }
    return depth == 0 ? judge_host(connection, crt, flags) : flags;
}

// Asks the hook. A result of the library.
static int ask_hook(tls_connection_t *connection, const mbedtls_x509_crt *crt, int depth, int64_t now) {
    tls_host_t *host = connection->host;
    if (host->verify == NULL) {
        return 0;
    }
    connection->hook_asked = true;
    // A certificate that the library could not read (an unknown kind of signature) has no bytes.
    const uint8_t *der = crt->raw.p != NULL ? crt->raw.p : (const uint8_t *)"";
    tls_status_t status = TLS_CALL_HOOK(host, verify, der, crt->raw.len, (unsigned)depth);
    if (status == TLS_OK) {
        return 0;
    }
    connection->hook_aborted |= status == TLS_ABORTED;
    connection->refused = true;
    describe_certificate(connection, crt, (unsigned)depth, TLS_VERIFY_CALLBACK, now);
    return VERIFY_REFUSED;
}

int verify_certificate(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags) {
    tls_connection_t *connection = arg;
    tls_host_t *host = connection->host;
    int64_t now = tls_rules_time(&connection->rules, host->now(host));
    bool checks = connection->verify_mode != TLS_VERIFY_MODE_NONE;

    bool top = !connection->below_top; // the certificates come from the top of the chain down
    connection->below_top = depth > 0;
    connection->leaf_checked = depth == 0;
    judge_pin(connection, crt, depth, *flags);
    *flags = checks ? judge(connection, crt, depth, top, *flags, now) : 0;
    connection->verify_flags |= *flags;
    connection->issuer = depth > 0 ? crt : NULL;
    connection->chain_begun = connection->chain_begun && depth > 0;
    if (*flags != 0 && connection->verify_mode == TLS_VERIFY_MODE_REQUIRED) {
        describe_certificate(connection, crt, (unsigned)depth, verify_bits(*flags), now);
    }
    int ret = checks ? ask_hook(connection, crt, depth, now) : 0;
    if (ret == 0 && connection->pin_missing) {
        describe_certificate(connection, crt, 0, TLS_VERIFY_PIN, now);
        ret = VERIFY_REFUSED;
    }
    return ret;
}
