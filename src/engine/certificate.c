// Reading certificates: a small reader of DER, and what people want to know.

#include "engine/certificate.h"

#include <stdio.h>
#include <string.h>

#define TAG_BOOLEAN          0x01
#define TAG_INTEGER          0x02
#define TAG_OCTET_STRING     0x04
#define TAG_OID              0x06
#define TAG_NUMERIC          0x12
#define TAG_PRINTABLE        0x13
#define TAG_T61              0x14
#define TAG_IA5              0x16
#define TAG_UTC_TIME         0x17
#define TAG_GENERALIZED_TIME 0x18
#define TAG_VISIBLE          0x1A
#define TAG_UNIVERSAL        0x1C
#define TAG_BMP              0x1E
#define TAG_SET              0x31
#define TAG_CONTEXT_0        0xA0
#define TAG_CONTEXT_3        0xA3

// ---------------------------------------------------------------------------------------------------------------------
// DER

// The length in an element's header, taken from `rest`; SIZE_MAX: it is none. A length that is left open, as BER
// allows, is none.
static size_t take_length(tls_bytes_t *rest) {
    size_t len = rest->data[0];
    rest->data++;
    rest->len--;
    if (len < 0x80) {
        return len;
    }
    size_t octets = len & 0x7F;
    if (octets == 0 || octets > 4 || octets > rest->len) {
        return SIZE_MAX;
    }
    len = 0;
    for (; octets > 0; octets--) {
        len = len << 8 | rest->data[0];
        rest->data++;
        rest->len--;
    }
    return len;
}

bool tls_element_next(tls_bytes_t *rest, tls_element_t *element) {
    tls_bytes_t ahead = *rest;
    if (ahead.len < 2 || (ahead.data[0] & 0x1F) == 0x1F) {
        return false;
    }
    element->tag = ahead.data[0];
    ahead.data++;
    ahead.len--;
    size_t len = take_length(&ahead);
    if (len > ahead.len) {
        return false;
    }
    element->content = (tls_bytes_t) {.data = ahead.data, .len = len};
    rest->data = ahead.data + len;
    rest->len = ahead.len - len;
    return true;
}

// The content of the next element, which must have this tag.
static bool take(tls_bytes_t *rest, uint8_t tag, tls_bytes_t *content) {
    tls_element_t element;
    tls_bytes_t ahead = *rest;
    if (!tls_element_next(&ahead, &element) || element.tag != tag) {
        return false;
    }
    *rest = ahead;
    *content = element.content;
    return true;
}

// Whether this is a list of whole elements.
static bool is_list(tls_bytes_t list) {
    tls_element_t element;
    while (tls_element_next(&list, &element)) {
    }
    return list.len == 0;
}

static bool is_oid(tls_bytes_t oid, const char *expected, size_t len) {
    return oid.len == len && memcmp(oid.data, expected, len) == 0;
}

#define IS_OID(oid, expected) is_oid(oid, expected, sizeof(expected) - 1)

// ---------------------------------------------------------------------------------------------------------------------
// Certificates

#define OID_KEY_USAGE         "\x55\x1D\x0F"
#define OID_ALT_NAMES         "\x55\x1D\x11"
#define OID_BASIC_CONSTRAINTS "\x55\x1D\x13"
#define OID_NAME_CONSTRAINTS  "\x55\x1D\x1E"
#define OID_CRL_POINTS        "\x55\x1D\x1F"
#define OID_AUTHORITY_ACCESS  "\x2B\x06\x01\x05\x05\x07\x01\x01"
#define OID_OCSP              "\x2B\x06\x01\x05\x05\x07\x30\x01"
#define OID_CA_ISSUERS        "\x2B\x06\x01\x05\x05\x07\x30\x02"

typedef struct extensions {
    tls_bytes_t basic_constraints;
    tls_bytes_t key_usage;
    tls_bytes_t alt_names;
    tls_bytes_t crl_points;
    tls_bytes_t authority_access;
    tls_bytes_t name_constraints;
} extensions_t;

static tls_bytes_t *place_of(extensions_t *extensions, tls_bytes_t oid) {
    if (IS_OID(oid, OID_BASIC_CONSTRAINTS)) {
        return &extensions->basic_constraints;
    }
    if (IS_OID(oid, OID_KEY_USAGE)) {
        return &extensions->key_usage;
    }
    if (IS_OID(oid, OID_ALT_NAMES)) {
        return &extensions->alt_names;
    }
    if (IS_OID(oid, OID_CRL_POINTS)) {
        return &extensions->crl_points;
    }
    if (IS_OID(oid, OID_NAME_CONSTRAINTS)) {
        return &extensions->name_constraints;
    }
    return IS_OID(oid, OID_AUTHORITY_ACCESS) ? &extensions->authority_access : NULL;
}

// An extension that is there twice could be read in either way, so it is not read at all.
static bool read_extensions(tls_bytes_t list, extensions_t *extensions) {
    static const uint8_t twice;
    tls_bytes_t extension;
    while (take(&list, TLS_TAG_SEQUENCE, &extension)) {
        tls_bytes_t oid;
        tls_bytes_t critical;
        tls_bytes_t value;
        if (!take(&extension, TAG_OID, &oid)) {
            return false;
        }
        (void)take(&extension, TAG_BOOLEAN, &critical);
        if (!take(&extension, TAG_OCTET_STRING, &value)) {
            return false;
        }
        tls_bytes_t *place = place_of(extensions, oid);
        if (place != NULL) {
            *place = place->data == NULL ? value : (tls_bytes_t) {.data = &twice, .len = 0};
        }
    }
    return list.len == 0;
}

// The content of the SEQUENCE that an extension is; nothing if it is something else.
static tls_bytes_t list_in(tls_bytes_t extension) {
    tls_bytes_t list;
    if (!take(&extension, TLS_TAG_SEQUENCE, &list) || extension.len != 0 || !is_list(list)) {
        return (tls_bytes_t) {.data = NULL};
    }
    return list;
}

// RFC 5280 sections 4.2.1.9 and 4.2.1.3; before there were extensions, whoever issued itself was an authority.
static bool may_issue(const tls_certificate_t *certificate, const extensions_t *extensions) {
    tls_bytes_t bits;
    tls_bytes_t usage = extensions->key_usage;
    bool has_usage = take(&usage, TLS_TAG_BIT_STRING, &bits);
    bool signs_certificates = has_usage && bits.len >= 2 && (bits.data[1] & 0x04);
    if (has_usage && !signs_certificates) {
        return false;
    }
    if (extensions->basic_constraints.data != NULL) {
        tls_bytes_t list = list_in(extensions->basic_constraints);
        tls_bytes_t flag;
        return list.data != NULL && take(&list, TAG_BOOLEAN, &flag) && flag.len == 1 && flag.data[0] != 0;
    }
    bool issued_itself = certificate->issuer.len == certificate->subject.len
        && memcmp(certificate->issuer.data, certificate->subject.data, certificate->issuer.len) == 0;
    return signs_certificates || (certificate->version == 1 && issued_itself);
}

static bool read_validity(tls_bytes_t *rest, tls_certificate_t *certificate) {
    tls_bytes_t validity;
    return take(rest, TLS_TAG_SEQUENCE, &validity) && tls_element_next(&validity, &certificate->not_before)
        && tls_element_next(&validity, &certificate->not_after);
}

// 1 if it is not said; 0: it cannot be.
static unsigned read_version(tls_bytes_t *rest) {
    tls_bytes_t tagged;
    tls_bytes_t number;
    if (!take(rest, TAG_CONTEXT_0, &tagged)) {
        return 1;
    }
    return take(&tagged, TAG_INTEGER, &number) && number.len == 1 && number.data[0] < 0x7F ? number.data[0] + 1u : 0;
}

// What follows the subject: the public key, two numbers that nobody uses, the extensions.
static bool read_rest(tls_bytes_t rest, extensions_t *extensions) {
    tls_bytes_t key;
    tls_element_t element;
    if (!take(&rest, TLS_TAG_SEQUENCE, &key)) {
        return false;
    }
    while (tls_element_next(&rest, &element)) {
        tls_bytes_t list;
        if (element.tag == TAG_CONTEXT_3
            && (!take(&element.content, TLS_TAG_SEQUENCE, &list) || !read_extensions(list, extensions))) {
            return false;
        }
    }
    return rest.len == 0;
}

bool tls_certificate_read(tls_certificate_t *certificate, const uint8_t *der, size_t len) {
    memset(certificate, 0, sizeof(*certificate));
    extensions_t extensions;
    memset(&extensions, 0, sizeof(extensions));
    tls_bytes_t whole = {.data = der, .len = len};
    tls_bytes_t signed_part;
    tls_bytes_t rest;
    tls_bytes_t algorithm;
    if (!take(&whole, TLS_TAG_SEQUENCE, &signed_part) || !take(&signed_part, TLS_TAG_SEQUENCE, &rest)) {
        return false;
    }
    certificate->version = read_version(&rest);
    if (certificate->version == 0 || !take(&rest, TAG_INTEGER, &certificate->serial)
        || !take(&rest, TLS_TAG_SEQUENCE, &algorithm) || !take(&rest, TLS_TAG_SEQUENCE, &certificate->issuer)
        || !read_validity(&rest, certificate) || !take(&rest, TLS_TAG_SEQUENCE, &certificate->subject)
        || !read_rest(rest, &extensions)) {
        return false;
    }
    certificate->alt_names = list_in(extensions.alt_names);
    certificate->crl_points = list_in(extensions.crl_points);
    certificate->authority_access = list_in(extensions.authority_access);
    certificate->name_constraints = extensions.name_constraints;
    certificate->is_ca = may_issue(certificate, &extensions);
    return true;
}

// ---------------------------------------------------------------------------------------------------------------------
// Names and URIs

bool tls_name_next(tls_name_t *name, tls_attribute_t *attribute) {
    tls_bytes_t pair;
    attribute->first = name->rdn.len == 0;
    if (attribute->first && !take(&name->rest, TAG_SET, &name->rdn)) {
        return false;
    }
    return take(&name->rdn, TLS_TAG_SEQUENCE, &pair) && take(&pair, TAG_OID, &attribute->type)
        && tls_element_next(&pair, &attribute->value);
}

bool tls_other_name(tls_bytes_t content, const char **kind, tls_element_t *value) {
    static const struct {
        const char *oid;
        uint8_t tag;
        const char *kind;
    } kinds[] = {
        {"\x2B\x06\x01\x04\x01\x82\x37\x14\x02\x03", TLS_TAG_UTF8, "UPN"},
        {"\x2B\x06\x01\x05\x05\x07\x08\x05", TLS_TAG_UTF8, "XmppAddr"},        // RFC 6120 section 13.7.1.4
        {"\x2B\x06\x01\x05\x05\x07\x08\x07", TAG_IA5, "SRVName"},              // RFC 4985
        {"\x2B\x06\x01\x05\x05\x07\x08\x08", TLS_TAG_UTF8, "NAIRealm"},        // RFC 7585
        {"\x2B\x06\x01\x05\x05\x07\x08\x09", TLS_TAG_UTF8, "SmtpUTF8Mailbox"}, // RFC 9598
    };
    tls_bytes_t oid;
    tls_bytes_t inner;
    if (!take(&content, TAG_OID, &oid) || !take(&content, TAG_CONTEXT_0, &inner) || !tls_element_next(&inner, value)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (is_oid(oid, kinds[i].oid, strlen(kinds[i].oid)) && value->tag == kinds[i].tag) {
            *kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}

tls_uris_t tls_certificate_uris(const tls_certificate_t *certificate, tls_uri_kind_t kind) {
    return (tls_uris_t) {
        .kind = kind,
        .rest = kind == TLS_URI_CRL ? certificate->crl_points : certificate->authority_access,
    };
}

// The names of a distribution point, RFC 5280 section 4.2.1.13.
static tls_bytes_t names_of_point(tls_bytes_t point) {
    tls_bytes_t inner;
    tls_bytes_t names;
    return take(&point, TAG_CONTEXT_0, &inner) && take(&inner, TAG_CONTEXT_0, &names)
        ? names
        : (tls_bytes_t) {.data = NULL};
}

// The name in an access description of the kind that is wanted, section 4.2.2.1.
static tls_bytes_t names_of_access(tls_bytes_t access, tls_uri_kind_t kind) {
    tls_bytes_t method;
    if (!take(&access, TAG_OID, &method)) {
        return (tls_bytes_t) {.data = NULL};
    }
    bool wanted = kind == TLS_URI_OCSP ? IS_OID(method, OID_OCSP) : IS_OID(method, OID_CA_ISSUERS);
    return wanted ? access : (tls_bytes_t) {.data = NULL};
}

bool tls_uris_next(tls_uris_t *uris, tls_bytes_t *uri) {
    tls_element_t element;
    for (;;) {
        while (tls_element_next(&uris->names, &element)) {
            if (element.tag == TLS_TAG_URI) {
                *uri = element.content;
                return true;
            }
        }
        if (!tls_element_next(&uris->rest, &element)) {
            return false;
        }
        uris->names = uris->kind == TLS_URI_CRL ? names_of_point(element.content)
                                                : names_of_access(element.content, uris->kind);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Text

// Writes a character; returns how many bytes it has.
static size_t put_character(uint32_t c, char *out) {
    char bytes[4];
    size_t len = 1;
    if (c < 0x80) {
        bytes[0] = (char)c;
    } else if (c < 0x800) {
        bytes[0] = (char)(0xC0 | c >> 6);
        len = 2;
    } else if (c < 0x10000) {
        bytes[0] = (char)(0xE0 | c >> 12);
        len = 3;
    } else {
        bytes[0] = (char)(0xF0 | c >> 18);
        len = 4;
    }
    for (size_t i = 1; i < len; i++) {
        bytes[i] = (char)(0x80 | (c >> 6 * (len - 1 - i) & 0x3F));
    }
    if (out != NULL) {
        memcpy(out, bytes, len);
    }
    return len;
}

// Length of the UTF-8 sequence that the bytes begin with (RFC 3629 section 4); 0: none.
static size_t utf8_length(const uint8_t *p, size_t len) {
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (p[0] < 0x80) {
        return 1;
    }
    size_t count = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3
                                                   : 2;
    if (p[0] < 0xC0 || p[0] > 0xF4 || count > len) {
        return 0;
    }
    uint32_t c = p[0] & (0x7Fu >> count);
    for (size_t i = 1; i < count; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
        c = c << 6 | (p[i] & 0x3F);
    }
    bool is_surrogate = c >= 0xD800 && c <= 0xDFFF;
    return c < smallest[count] || c > 0x10FFFF || is_surrogate ? 0 : count;
}

static bool is_utf8(tls_bytes_t text) {
    for (size_t i = 0; i < text.len;) {
        size_t count = utf8_length(text.data + i, text.len - i);
        if (count == 0) {
            return false;
        }
        i += count;
    }
    return true;
}

// Bytes of a character; 0: not text.
static size_t character_size(uint8_t tag) {
    switch (tag) {
        case TLS_TAG_UTF8:
        case TAG_NUMERIC:
        case TAG_PRINTABLE:
        case TAG_T61: // in practice Latin-1
        case TAG_IA5:
        case TAG_UTC_TIME:
        case TAG_GENERALIZED_TIME:
        case TAG_VISIBLE:
            return 1;
        case TAG_BMP:
            return 2;
        case TAG_UNIVERSAL:
            return 4;
        default:
            return 0;
    }
}

size_t tls_text_to_utf8(uint8_t tag, tls_bytes_t text, char *out) {
    size_t size = character_size(tag);
    if (size == 0 || text.len % size != 0) {
        return SIZE_MAX;
    }
    if (tag == TLS_TAG_UTF8 && is_utf8(text)) {
        if (out != NULL && text.len > 0) {
            memcpy(out, text.data, text.len);
        }
        return text.len;
    }
    size_t written = 0;
    for (size_t i = 0; i < text.len; i += size) {
        uint32_t c = 0;
        for (size_t k = 0; k < size; k++) {
            c = c << 8 | text.data[i + k];
        }
        bool is_character = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
        written += put_character(is_character ? c : 0xFFFD, out == NULL ? NULL : out + written);
    }
    return written;
}

// ---------------------------------------------------------------------------------------------------------------------
// Object identifiers

// Names of attributes, as the reference implementations of TLS write them out.
static const struct {
    const char *oid;
    const char *name;
} oid_names[] = {
    {"\x55\x04\x03", "commonName"},
    {"\x55\x04\x04", "surname"},
    {"\x55\x04\x05", "serialNumber"},
    {"\x55\x04\x06", "countryName"},
    {"\x55\x04\x07", "localityName"},
    {"\x55\x04\x08", "stateOrProvinceName"},
    {"\x55\x04\x09", "streetAddress"},
    {"\x55\x04\x0A", "organizationName"},
    {"\x55\x04\x0B", "organizationalUnitName"},
    {"\x55\x04\x0C", "title"},
    {"\x55\x04\x0D", "description"},
    {"\x55\x04\x0E", "searchGuide"},
    {"\x55\x04\x0F", "businessCategory"},
    {"\x55\x04\x10", "postalAddress"},
    {"\x55\x04\x11", "postalCode"},
    {"\x55\x04\x12", "postOfficeBox"},
    {"\x55\x04\x13", "physicalDeliveryOfficeName"},
    {"\x55\x04\x14", "telephoneNumber"},
    {"\x55\x04\x17", "facsimileTelephoneNumber"},
    {"\x55\x04\x29", "name"},
    {"\x55\x04\x2A", "givenName"},
    {"\x55\x04\x2B", "initials"},
    {"\x55\x04\x2C", "generationQualifier"},
    {"\x55\x04\x2D", "x500UniqueIdentifier"},
    {"\x55\x04\x2E", "dnQualifier"},
    {"\x55\x04\x31", "distinguishedName"},
    {"\x55\x04\x41", "pseudonym"},
    {"\x55\x04\x48", "role"},
    {"\x55\x04\x61", "organizationIdentifier"},
    {"\x09\x92\x26\x89\x93\xF2\x2C\x64\x01\x01", "userId"},
    {"\x09\x92\x26\x89\x93\xF2\x2C\x64\x01\x03", "rfc822Mailbox"},
    {"\x09\x92\x26\x89\x93\xF2\x2C\x64\x01\x19", "domainComponent"},
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x09\x01", "emailAddress"},
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x09\x02", "unstructuredName"},
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x09\x08", "unstructuredAddress"},
    {"\x2B\x06\x01\x04\x01\x82\x37\x3C\x02\x01\x01", "jurisdictionLocalityName"},
    {"\x2B\x06\x01\x04\x01\x82\x37\x3C\x02\x01\x02", "jurisdictionStateOrProvinceName"},
    {"\x2B\x06\x01\x04\x01\x82\x37\x3C\x02\x01\x03", "jurisdictionCountryName"},
};

static const char *find_name(tls_bytes_t oid) {
    for (size_t i = 0; i < sizeof(oid_names) / sizeof(oid_names[0]); i++) {
        if (is_oid(oid, oid_names[i].oid, strlen(oid_names[i].oid))) {
            return oid_names[i].name;
        }
    }
    return NULL;
}

// A number of any length (identifiers made of UUIDs have 128 bits), nine decimal digits in each limb.
#define LIMBS      6
#define LIMB_LIMIT 1000000000u

typedef struct number {
    uint32_t limbs[LIMBS]; // the least first
} number_t;

// number * 128 + digit; false: too large.
static bool add_digit(number_t *number, unsigned digit) {
    uint64_t carry = digit;
    for (size_t i = 0; i < LIMBS; i++) {
        carry += (uint64_t)number->limbs[i] * 128;
        number->limbs[i] = (uint32_t)(carry % LIMB_LIMIT);
        carry /= LIMB_LIMIT;
    }
    return carry == 0;
}

// Takes the next component. false: there is none that is whole and not too large.
static bool take_component(tls_bytes_t *oid, number_t *number) {
    memset(number, 0, sizeof(*number));
    while (oid->len > 0) {
        uint8_t octet = oid->data[0];
        oid->data++;
        oid->len--;
        if (!add_digit(number, octet & 0x7F)) {
            return false;
        }
        if (octet < 0x80) {
            return true;
        }
    }
    return false;
}

// The first component holds two numbers: 40 * X + Y, where X is 0, 1 or 2.
static unsigned split_first(number_t *number) {
    for (size_t i = 1; i < LIMBS; i++) {
        if (number->limbs[i] != 0) {
            return 3; // such a large number is in no identifier
        }
    }
    unsigned first = number->limbs[0] < 80 ? number->limbs[0] / 40 : 2;
    number->limbs[0] -= first * 40;
    return first;
}

// Appends a number; returns the new length, SIZE_MAX: there is no room for it.
static size_t put_number(char text[TLS_OID_TEXT_SIZE], size_t len, const number_t *number) {
    size_t top = LIMBS - 1;
    while (top > 0 && number->limbs[top] == 0) {
        top--;
    }
    if (len + 1 + 9 * (top + 1) >= TLS_OID_TEXT_SIZE) {
        return SIZE_MAX;
    }
    len += (size_t)snprintf(text + len, TLS_OID_TEXT_SIZE - len, "%s%lu", len > 0 ? "." : "",
        (unsigned long)number->limbs[top]);
    while (top > 0) {
        top--;
        len += (size_t)snprintf(text + len, TLS_OID_TEXT_SIZE - len, "%09lu", (unsigned long)number->limbs[top]);
    }
    return len;
}

static bool write_oid(tls_bytes_t oid, char text[TLS_OID_TEXT_SIZE]) {
    number_t number;
    size_t len = 0;
    if (!take_component(&oid, &number)) {
        return false;
    }
    number_t first = {.limbs = {split_first(&number)}};
    if (first.limbs[0] > 2) {
        return false;
    }
    len = put_number(text, put_number(text, 0, &first), &number);
    while (oid.len > 0) {
        if (!take_component(&oid, &number)) {
            return false;
        }
        len = put_number(text, len, &number);
        if (len == SIZE_MAX) {
            return false;
        }
    }
    return true;
}

const char *tls_oid_text(tls_bytes_t oid, char text[TLS_OID_TEXT_SIZE]) {
    const char *name = find_name(oid);
    if (name == NULL && write_oid(oid, text)) {
        return text;
    }
    snprintf(text, TLS_OID_TEXT_SIZE, "%s", name != NULL ? name : "<invalid>");
    return text;
}

// ---------------------------------------------------------------------------------------------------------------------
// Dates: UTCTime and GeneralizedTime as RFC 5280 section 4.1.2.5 wants them, and with seconds or fractions that should
// not be missing or there

static const char bad_time[] = "Bad time value";

// The number that two decimal digits make; -1: they are none.
static int two_digits(const uint8_t *p) {
    return p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9' ? (p[0] - '0') * 10 + (p[1] - '0') : -1;
}

static bool is_leap_year(int year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool is_date(int year, int month, int day) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1) {
        return false;
    }
    return day <= days[month - 1] + (month == 2 && is_leap_year(year) ? 1 : 0);
}

// Takes the year, which is written in two or four digits; -1: it is not.
static int take_year(uint8_t tag, const uint8_t **p) {
    int year = two_digits(*p);
    if (tag == TAG_UTC_TIME) {
        *p += 2;
        return year < 0 ? -1 : year < 50 ? 2000 + year
                                         : 1900 + year;
    }
    int rest = two_digits(*p + 2);
    *p += 4;
    return year < 0 || rest < 0 ? -1 : year * 100 + rest;
}

const char *tls_date_text(const tls_element_t *time, char text[TLS_DATE_TEXT_SIZE]) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    size_t year_digits = time->tag == TAG_UTC_TIME ? 2 : 4;
    size_t len = time->content.len;
    memcpy(text, bad_time, sizeof(bad_time));
    if ((time->tag != TAG_UTC_TIME && time->tag != TAG_GENERALIZED_TIME) || len < year_digits + 9
        || time->content.data[len - 1] != 'Z') {
        return text;
    }
    const uint8_t *p = time->content.data;
    const uint8_t *end = p + len - 1; // where the Z is
    int year = take_year(time->tag, &p);
    int fields[5] = {0}; // month, day, hour, minute, second
    for (size_t i = 0; i < 5 && (i < 4 || end - p >= 2); i++, p += 2) {
        fields[i] = two_digits(p);
    }
    const uint8_t *fraction = p;
    if (time->tag == TAG_GENERALIZED_TIME && end - p >= 2 && *p == '.') {
        for (p++; p < end && *p >= '0' && *p <= '9'; p++) {
        }
    }
    if (year < 0 || !is_date(year, fields[0], fields[1]) || fields[2] < 0 || fields[2] > 23 || fields[3] < 0
        || fields[3] > 59 || fields[4] < 0 || fields[4] > 59 || p != end) {
        return text;
    }
    int digits = (int)(p - fraction) < 20 ? (int)(p - fraction) : 20;
    snprintf(text, TLS_DATE_TEXT_SIZE, "%.3s %2d %02d:%02d:%02d%.*s %d GMT", &months[(size_t)(fields[0] - 1) * 3],
        fields[1], fields[2], fields[3], fields[4], digits, (const char *)fraction, year);
    return text;
}

// ---------------------------------------------------------------------------------------------------------------------
// Serial numbers

size_t tls_serial_text(tls_bytes_t serial, char *out) {
    static const char digits[] = "0123456789ABCDEF";
    bool negative = serial.len > 0 && (serial.data[0] & 0x80);
    size_t written = 0;
    if (negative) {
        out[written++] = '-';
    }
    // The amount of a negative number is its complement plus one, which carries up to the last octet that is not zero.
    size_t lowest = serial.len;
    while (lowest > 0 && serial.data[lowest - 1] == 0) {
        lowest--;
    }
    bool leading = true;
    for (size_t i = 0; i < serial.len; i++) {
        uint8_t octet = serial.data[i];
        if (negative && i < lowest) {
            octet = (uint8_t)(~octet + (i + 1 == lowest ? 1 : 0));
        }
        leading = leading && octet == 0;
        if (!leading) {
            out[written++] = digits[octet >> 4];
            out[written++] = digits[octet & 15];
        }
    }
    if (leading) {
        out[written++] = '0';
        out[written++] = '0';
    }
    return written;
}
