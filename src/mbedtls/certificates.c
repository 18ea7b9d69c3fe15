// Certificates and private keys that the caller gives.

#include "internal.h"

#include "engine/pem.h"
#include "ssl_config.h"

#include <string.h>

static const char pem_begin[] = "-----BEGIN ";
static const char pem_begin_certificate[] = "-----BEGIN CERTIFICATE-----";
static const char pem_end_certificate[] = "-----END CERTIFICATE-----";
#if COMPAT_CRL
static const char pem_begin_crl[] = "-----BEGIN X509 CRL-----";
static const char pem_end_crl[] = "-----END X509 CRL-----";
#endif

static bool is_pem(const uint8_t *data, size_t len) {
    return tls_find_text(data, len, pem_begin) != NULL;
}

// A copy that is ended by 0, as the library wants its PEM.
static uint8_t *copy_with_terminator(const uint8_t *data, size_t len) {
    uint8_t *copy = tls_calloc(1, len + 1);
    if (copy != NULL) {
        memcpy(copy, data, len);
    }
    return copy;
}

// Where the library cannot read PEM, its own errors would speak of DER.
#define NO_PEM         "this build reads certificates and keys in DER, not in PEM"
#define UNREADABLE_PEM MBEDTLS_ERR_PEM_FEATURE_UNAVAILABLE

static void free_chain(mbedtls_x509_crt *chain) {
    mbedtls_x509_crt_free(chain);
    mbedtls_free(chain);
}

// ---------------------------------------------------------------------------------------------------------------------
// Certificates: one at a time, so that the copies stay small and it is known which one is bad.

typedef struct certificate_reader {
    const uint8_t *next;
    size_t left;
    bool pem;
    unsigned number; // of the certificate read last, from 1
} certificate_reader_t;

// Length of the DER element at the start of the data with its header; 0 if it is none or it is cut off.
static size_t der_length(const uint8_t *data, size_t left) {
    if (left < 2 || data[0] != (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)) {
        return 0;
    }
    size_t header = 2;
    size_t len = data[1];
    if (len >= 0x80) {
        size_t octets = len & 0x7F;
        if (octets == 0 || octets > 3 || left < header + octets) {
            return 0;
        }
        len = 0;
        for (; octets > 0; octets--) {
            len = len << 8 | data[header++];
        }
    }
    return len <= left - header ? header + len : 0;
}

// Finds the next block of PEM between these two lines. false: there is none; *damaged: there is half of one.
static bool next_block(certificate_reader_t *reader, const char *first, const char *last, const uint8_t **start,
    size_t *len, bool *damaged) {
    const uint8_t *begin = tls_find_text(reader->next, reader->left, first);
    if (begin == NULL) {
        return false;
    }
    size_t left = reader->left - (size_t)(begin - reader->next);
    const uint8_t *end = tls_find_text(begin, left, last);
    if (end == NULL) {
        *damaged = true;
        return false;
    }
    *start = begin;
    *len = (size_t)(end - begin) + strlen(last);
    reader->left = left;
    return true;
}

// Finds the next certificate. false: there is none; *damaged says whether there is something else.
static bool next_certificate(certificate_reader_t *reader, const uint8_t **start, size_t *len, bool *damaged) {
    *damaged = false;
    if (reader->pem) {
        if (!next_block(reader, pem_begin_certificate, pem_end_certificate, start, len, damaged)) {
            return false;
        }
    } else {
        if (reader->left == 0) {
            return false;
        }
        *start = reader->next;
        *len = der_length(reader->next, reader->left);
        if (*len == 0) {
            *damaged = true;
            return false;
        }
    }
    reader->next = *start + *len;
    reader->left -= *len;
    reader->number++;
    return true;
}

#if MICROPY_PY_SSL_NAME_CONSTRAINTS

// Extensions that the library does not know and that may be critical: verify.c checks name constraints.
static int know_extension(void *unused, const mbedtls_x509_crt *crt, const mbedtls_x509_buf *oid, int critical,
    const unsigned char *start, const unsigned char *end) {
    (void)unused;
    (void)crt;
    (void)critical;
    (void)start;
    (void)end;
    return MBEDTLS_OID_CMP(MBEDTLS_OID_NAME_CONSTRAINTS, oid) == 0 ? 0 : MBEDTLS_ERR_X509_INVALID_EXTENSIONS;
}

int parse_der(mbedtls_x509_crt *chain, const uint8_t *data, size_t len, bool stays) {
    return mbedtls_x509_crt_parse_der_with_ext_cb(chain, data, len, !stays, know_extension, NULL);
}

#else

int parse_der(mbedtls_x509_crt *chain, const uint8_t *data, size_t len, bool stays) {
    return stays ? mbedtls_x509_crt_parse_der_nocopy(chain, data, len) : mbedtls_x509_crt_parse_der(chain, data, len);
}

#endif

#if COMPAT_PEM

// `text` ends with a NUL.
static int parse_pem(mbedtls_x509_crt *chain, const uint8_t *text) {
    size_t used;
    mbedtls_pem_context pem;
    mbedtls_pem_init(&pem);
    int ret = mbedtls_pem_read_buffer(&pem, pem_begin_certificate, pem_end_certificate, text, NULL, 0, &used);
    if (ret == 0) {
        size_t len;
        const uint8_t *der = mbedtls_pem_get_buffer(&pem, &len);
        ret = parse_der(chain, der, len, false);
    }
    mbedtls_pem_free(&pem);
    return ret;
}

#else

static int parse_pem(mbedtls_x509_crt *chain, const uint8_t *text) {
    (void)chain;
    (void)text;
    return UNREADABLE_PEM;
}

#endif

// Parses one certificate to the end of a chain. A result of the library.
static int parse_certificate(mbedtls_x509_crt *chain, const uint8_t *data, size_t len, bool pem) {
    if (!pem) {
        return parse_der(chain, data, len, false);
    }
    uint8_t *copy = copy_with_terminator(data, len);
    if (copy == NULL) {
        return MBEDTLS_ERR_X509_ALLOC_FAILED;
    }
    int ret = parse_pem(chain, copy);
    tls_free(copy);
    return ret;
}

static void bad_certificate(int ret, unsigned failed_before, unsigned number, tls_error_t *error) {
    describe_error(ret, failed_before, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT, NULL, error);
    if (error->kind != TLS_ERROR_CERTIFICATE) {
        return;
    }
    tls_error_t detailed;
    tls_error_clear(&detailed);
    if (ret == UNREADABLE_PEM) {
        tls_error_set(&detailed, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT, NO_PEM);
    } else if (number == 0) {
        tls_error_set(&detailed, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT,
            "no certificate in the data, neither in PEM nor in DER");
    } else {
        tls_error_set(&detailed, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT,
            "certificate number %u in the data cannot be read", number);
    }
    memcpy(error->detail, detailed.detail, sizeof(error->detail));
}

// Parses all certificates of the data into an empty chain; `lenient` skips those that cannot be read. *count says how
// many there are; 0 is an error unless `may_be_none`.
static bool parse_certificates(mbedtls_x509_crt *chain, const uint8_t *data, size_t len, bool lenient,
    bool may_be_none, size_t *count, tls_error_t *error) {
    certificate_reader_t reader = {.next = data, .left = len, .pem = is_pem(data, len)};
    const uint8_t *start;
    size_t size;
    bool damaged;
    int first_problem = MBEDTLS_ERR_X509_CERT_UNKNOWN_FORMAT;
    unsigned first_number = 0;
    unsigned failed_before = count_failed_allocations();

    *count = 0;
    while (next_certificate(&reader, &start, &size, &damaged)) {
        int ret = parse_certificate(chain, start, size, reader.pem);
        if (ret == 0) {
            ++*count;
            continue;
        }
        if (first_number == 0) {
            first_problem = ret;
            first_number = reader.number;
        }
        if (!lenient || is_out_of_memory(ret, failed_before)) {
            bad_certificate(ret, failed_before, reader.number, error);
            return false;
        }
    }
    if (damaged && !lenient) {
        bool looks_like_one = reader.number > 0 || reader.pem;
        bad_certificate(MBEDTLS_ERR_X509_INVALID_FORMAT, failed_before, looks_like_one ? reader.number + 1 : 0, error);
        return false;
    }
    if (*count == 0 && (!may_be_none || first_number != 0)) {
        bad_certificate(first_problem, failed_before, first_number, error);
        return false;
    }
    return true;
}

// ---------------------------------------------------------------------------------------------------------------------
// Revocation lists

#if COMPAT_CRL

typedef mbedtls_x509_crl crl_list_t;

static void free_crls(crl_list_t *list) {
    mbedtls_x509_crl_free(list);
    mbedtls_free(list);
}

// A result of the library.
static int parse_crl(crl_list_t *list, const uint8_t *data, size_t len) {
    uint8_t *copy = copy_with_terminator(data, len);
    if (copy == NULL) {
        return MBEDTLS_ERR_X509_ALLOC_FAILED;
    }
    int ret = mbedtls_x509_crl_parse(list, copy, len + 1);
    tls_free(copy);
    return ret;
}

static void bad_crl(int ret, unsigned failed_before, tls_error_t *error) {
    describe_error(ret, failed_before, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT,
        "a revocation list in the data cannot be read", error);
}

// The lists in the data, of which there may be none: *list is NULL then. false: *error says why.
static bool parse_crls(crl_list_t **list, const uint8_t *data, size_t len, bool lenient, size_t *count,
    tls_error_t *error) {
    certificate_reader_t reader = {.next = data, .left = len};
    unsigned failed_before = count_failed_allocations();
    const uint8_t *start;
    size_t size;
    bool damaged = false;
    *list = NULL;
    *count = 0;
    while (COMPAT_PEM && next_block(&reader, pem_begin_crl, pem_end_crl, &start, &size, &damaged)) {
        reader.left -= size;
        reader.next = start + size;
        if (*list == NULL) {
            *list = mbedtls_calloc(1, sizeof(**list));
        }
        int ret = *list == NULL ? MBEDTLS_ERR_X509_ALLOC_FAILED : parse_crl(*list, start, size);
        if (ret == 0) {
            ++*count;
        } else if (!lenient || is_out_of_memory(ret, failed_before)) {
            bad_crl(ret, failed_before, error);
            free_crls(*list);
            return false;
        }
    }
    if (damaged && !lenient) {
        bad_crl(MBEDTLS_ERR_X509_INVALID_FORMAT, failed_before, error);
        free_crls(*list);
        return false;
    }
    return true;
}

static void append_crls(tls_context_t *context, crl_list_t *list, size_t count) {
    crl_list_t **end = &context->crls;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = list;
    context->crl_count += count;
}

size_t tls_context_count_crls(const tls_context_t *context) {
    return context->crl_count;
}

#else

typedef void crl_list_t;

static void free_crls(crl_list_t *list) {
    (void)list;
}

static bool parse_crls(crl_list_t **list, const uint8_t *data, size_t len, bool lenient, size_t *count,
    tls_error_t *error) {
    (void)data;
    (void)len;
    (void)lenient;
    (void)error;
    *list = NULL;
    *count = 0;
    return true;
}

static void append_crls(tls_context_t *context, crl_list_t *list, size_t count) {
    (void)context;
    (void)list;
    (void)count;
}

size_t tls_context_count_crls(const tls_context_t *context) {
    (void)context;
    return 0;
}

#endif

// ---------------------------------------------------------------------------------------------------------------------
// Trust anchors

// Whether the list has a copy of `crt` before it reaches `end`.
static bool has_copy(const mbedtls_x509_crt *list, const mbedtls_x509_crt *end, const mbedtls_x509_crt *crt) {
    for (; list != NULL && list != end; list = list->next) {
        if (list->raw.len == crt->raw.len && memcmp(list->raw.p, crt->raw.p, crt->raw.len) == 0) {
            return true;
        }
    }
    return false;
}

// Frees what of `*added` is in the list of the context already, or twice in its own. How many are left.
static size_t remove_known(const tls_context_t *context, mbedtls_x509_crt **added) {
    size_t count = 0;
    mbedtls_x509_crt **link = added;
    while (*link != NULL) {
        mbedtls_x509_crt *crt = *link;
        bool empty = crt->raw.p == NULL; // nothing but a revocation list was given
        if (empty || has_copy(context->anchors, NULL, crt) || has_copy(*added, crt, crt)) {
            *link = crt->next;
            crt->next = NULL;
            free_chain(crt);
        } else {
            link = &crt->next;
            count++;
        }
    }
    return count;
}

static void append_anchors(tls_context_t *context, mbedtls_x509_crt *added) {
    size_t count = remove_known(context, &added);
    mbedtls_x509_crt **end = &context->anchors;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = added;
    context->anchor_count += count;
}

// Certificates and revocation lists, of which there must be some. false: *error says why, nothing is left of either.
static bool parse_anchors(mbedtls_x509_crt *anchors, crl_list_t **crls, const uint8_t *data, size_t len, bool lenient,
    size_t *crl_count, tls_error_t *error) {
    size_t count;
    if (!parse_crls(crls, data, len, lenient, crl_count, error)) {
        return false;
    }
    if (!parse_certificates(anchors, data, len, lenient, *crl_count > 0, &count, error)) {
        free_crls(*crls);
        return false;
    }
    return true;
}

bool tls_context_add_trust_anchors(tls_context_t *context, const uint8_t *data, size_t len, bool lenient,
    tls_error_t *error) {
    tls_error_clear(error);
    // The library frees all but the first of a list, so the allocator must be its own.
    mbedtls_x509_crt *added = mbedtls_calloc(1, sizeof(*added));
    if (added == NULL) {
        describe_no_memory(error);
        return false;
    }
    mbedtls_x509_crt_init(added);
    crl_list_t *crls;
    size_t crl_count;
    if (!parse_anchors(added, &crls, data, len, lenient, &crl_count, error)) {
        free_chain(added);
        return false;
    }
    if (!tls_trust_extend(context->trust, data, len)) {
        describe_no_memory(error);
        free_chain(added);
        free_crls(crls);
        return false;
    }
    append_anchors(context, added);
    append_crls(context, crls, crl_count);
    return true;
}

size_t tls_context_copy_trust_anchor(const tls_context_t *context, size_t number, uint8_t *buf, size_t size) {
    if (number >= context->anchor_count) {
        return tls_bundles_copy(context->bundles, number - context->anchor_count, buf, size);
    }
    const mbedtls_x509_crt *anchor = context->anchors;
    while (number-- > 0) {
        anchor = anchor->next;
    }
    if (anchor->raw.len <= size) {
        memcpy(buf, anchor->raw.p, anchor->raw.len);
    }
    return anchor->raw.len;
}

size_t tls_context_count_trust_anchors(const tls_context_t *context) {
    return context->anchor_count + tls_bundles_count(context->bundles);
}

// ---------------------------------------------------------------------------------------------------------------------
// Private keys

#define SEQUENCE (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)

// The tag of what follows a sequence at the beginning of the outer one: in PKCS#8 that is encrypted an octet string
// (RFC 5958 section 3), in a certificate another sequence (RFC 5280 section 4.1);
// 0: neither. Keys in clear begin with a version.
static int tag_behind_sequence(const uint8_t *key, size_t len) {
    unsigned char *p = (unsigned char *)(uintptr_t)key;
    const uint8_t *end = key + len;
    size_t size;
    if (mbedtls_asn1_get_tag(&p, end, &size, SEQUENCE) != 0) {
        return 0;
    }
    int ret = mbedtls_asn1_get_tag(&p, end, &size, SEQUENCE);
    return ret == 0 && (size_t)(end - p) > size ? p[size] : 0;
}

static bool is_encrypted(const uint8_t *key, size_t len) {
    return is_pem(key, len) ? tls_find_text(key, len, "ENCRYPTED") != NULL
                            : tag_behind_sequence(key, len) == MBEDTLS_ASN1_OCTET_STRING;
}

// The certificate's file, usually.
static bool is_something_else(const uint8_t *key, size_t len) {
    return is_pem(key, len) ? tls_find_text(key, len, "PRIVATE KEY-----") == NULL
                            : tag_behind_sequence(key, len) == SEQUENCE;
}

static const char *key_problem(int ret, const uint8_t *key, size_t len, const char *password) {
    bool has_password = password != NULL && password[0] != '\0';
    if (ret == UNREADABLE_PEM) {
        return NO_PEM;
    }
    if (is_something_else(key, len)) {
        return "there is no private key in it";
    }
    if (is_encrypted(key, len) && !has_password) {
        return "the private key is encrypted: a password is needed";
    }
    if (is_encrypted(key, len)) {
        return "the password of the private key is wrong, or its encryption is not known to this build";
    }
    switch (ret) {
        case MBEDTLS_ERR_PK_UNKNOWN_PK_ALG:
        case MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE:
        case MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE:
            return "the private key is of a kind that this build does not know";
        default:
            return "the private key cannot be read, neither as PEM nor as DER";
    }
}

// A result of the library.
static int parse_key_data(mbedtls_pk_context *pk, const uint8_t *key, size_t len, const char *password) {
    const unsigned char *secret = (const unsigned char *)password;
    size_t secret_len = password == NULL ? 0 : strlen(password);
    if (!is_pem(key, len)) {
        // Mbed TLS 3.6 takes no notice of what follows a SEC1 key.
        if (der_length(key, len) != len) {
            return MBEDTLS_ERR_PK_KEY_INVALID_FORMAT;
        }
        return mbedtls_pk_parse_key(pk, key, len, secret, secret_len, compat_random, NULL);
    }
    if (!COMPAT_PEM) {
        return UNREADABLE_PEM;
    }
    uint8_t *copy = copy_with_terminator(key, len);
    if (copy == NULL) {
        return MBEDTLS_ERR_PK_ALLOC_FAILED;
    }
    int ret = mbedtls_pk_parse_key(pk, copy, len + 1, secret, secret_len, compat_random, NULL);
    mbedtls_platform_zeroize(copy, len);
    tls_free(copy);
    return ret;
}

static bool parse_key(mbedtls_pk_context *pk, const uint8_t *key, size_t len, const char *password,
    tls_error_t *error) {
    unsigned failed_before = count_failed_allocations();
    int ret = parse_key_data(pk, key, len, password);
    if (ret == 0) {
        return true;
    }
    describe_error(ret, failed_before, TLS_ERROR_KEY, TLS_CODE_KEY_BAD_INPUT, key_problem(ret, key, len, password),
        error);
    return false;
}

bool tls_check_private_key(const uint8_t *key, size_t key_len, const char *password, tls_error_t *error) {
    tls_error_clear(error);
    mbedtls_pk_context pk;
    mbedtls_pk_init(&pk);
    bool ok = parse_key(&pk, key, key_len, password, error);
    mbedtls_pk_free(&pk);
    return ok;
}

// ---------------------------------------------------------------------------------------------------------------------
// Certificate and key together

static void identity_free(identity_t *identity) {
    mbedtls_x509_crt_free(&identity->chain);
    mbedtls_pk_free(&identity->key);
    tls_free(identity);
}

void identity_release(identity_t *identity) {
    if (identity != NULL && compat_release(&identity->references)) {
        identity_free(identity);
    }
}

static bool key_fits(const identity_t *identity, tls_error_t *error) {
#if MICROPY_PY_SSL_CHECK_KEY_PAIR
    unsigned failed_before = count_failed_allocations();
    int ret = mbedtls_pk_check_pair(&identity->chain.pk, &identity->key, compat_random, NULL);
    if (ret != 0) {
        describe_error(ret, failed_before, TLS_ERROR_KEY, TLS_CODE_KEY_BAD_INPUT,
            "the private key does not belong to the certificate", error);
        return false;
    }
#else
    (void)identity;
    (void)error;
#endif
    return true;
}

static bool fill_identity(identity_t *identity, const uint8_t *chain, size_t chain_len, const uint8_t *key,
    size_t key_len, const char *password, tls_error_t *error) {
    size_t count;
    return parse_key(&identity->key, key, key_len, password, error)
        && parse_certificates(&identity->chain, chain, chain_len, false, false, &count, error)
        && key_fits(identity, error);
}

bool tls_context_add_certificate(tls_context_t *context, const uint8_t *chain, size_t chain_len, const uint8_t *key,
    size_t key_len, const char *password, tls_error_t *error) {
    tls_error_clear(error);
    identity_t *identity = tls_calloc(1, sizeof(*identity));
    if (identity == NULL) {
        describe_no_memory(error);
        return false;
    }
    identity->references = 1;
    mbedtls_x509_crt_init(&identity->chain);
    mbedtls_pk_init(&identity->key);
    if (!fill_identity(identity, chain, chain_len, key, key_len, password, error)) {
        identity_free(identity);
        return false;
    }

    int kind = mbedtls_pk_can_do(&identity->key, MBEDTLS_PK_RSA) ? IDENTITY_RSA : IDENTITY_EC;
    identity_release(context->identities[kind]);
    context->identities[kind] = identity;
    return true;
}
