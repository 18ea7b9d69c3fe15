// Name constraints: which names an authority's certificates may have.

#include "engine/name_constraints.h"

#include "engine/hostname.h"

#include <string.h>

#define TAG_PERMITTED 0xA0
#define TAG_EXCLUDED  0xA1

#define OID_COMMON_NAME   "\x55\x04\x03"
#define OID_EMAIL_ADDRESS "\x2A\x86\x48\x86\xF7\x0D\x01\x09\x01"

// One of the two lists, and whether a name counts as within it if that cannot be told.
typedef struct subtrees {
    tls_bytes_t list;
    bool excluded;
    bool doubt;
} subtrees_t;

typedef struct constraints {
    subtrees_t permitted;
    subtrees_t excluded;
} constraints_t;

static tls_bytes_t from(tls_bytes_t text, size_t start) {
    return (tls_bytes_t) {.data = text.data + start, .len = text.len - start};
}

static bool ends_with(tls_bytes_t text, tls_bytes_t end) {
    return text.len >= end.len && tls_same_letters(from(text, text.len - end.len), end);
}

static bool has(tls_bytes_t text, char c) {
    return text.len > 0 && memchr(text.data, c, text.len) != NULL;
}

// ---------------------------------------------------------------------------------------------------------------------
// Comparing one name with one constraint

// Labels may be added on the left, and must be where the constraint begins with a dot.
static bool is_in_domain(tls_bytes_t name, tls_bytes_t domain) {
    return domain.len == 0
        || (ends_with(name, domain)
            && (name.len == domain.len || domain.data[0] == '.' || name.data[name.len - domain.len - 1] == '.'));
}

// Whether `name` is a wildcard that stands for the host, too: "*.a.example" for "b.a.example".
static bool is_wildcard_for(tls_bytes_t name, tls_bytes_t host) {
    if (name.len < 3 || name.data[0] != '*' || !ends_with(host, from(name, 1))) {
        return false;
    }
    tls_bytes_t label = {.data = host.data, .len = host.len - (name.len - 1)};
    return label.len > 0 && !has(label, '.');
}

// Where the host of a mailbox begins; 0: it has none. The part before the last '@' may have others in quotes.
static size_t host_start(tls_bytes_t mailbox) {
    size_t start = mailbox.len;
    while (start > 0 && mailbox.data[start - 1] != '@') {
        start--;
    }
    return start;
}

// A mailbox, a host, or with a dot before it a domain.
static bool is_mailbox_in(tls_bytes_t mailbox, tls_bytes_t constraint) {
    tls_bytes_t host = from(mailbox, host_start(mailbox));
    if (!has(constraint, '@')) {
        bool domain = constraint.len > 0 && constraint.data[0] == '.';
        return domain ? ends_with(host, constraint) : tls_same_letters(host, constraint);
    }
    size_t start = host_start(constraint);
    return start == host_start(mailbox) && memcmp(mailbox.data, constraint.data, start) == 0
        && tls_same_letters(host, from(constraint, start));
}

// An address and a mask.
static bool is_in_network(tls_bytes_t address, tls_bytes_t network) {
    for (size_t i = 0; i < address.len; i++) {
        if ((address.data[i] ^ network.data[i]) & network.data[address.len + i]) {
            return false;
        }
    }
    return true;
}

static bool is_address(size_t len) {
    return len == 4 || len == 16;
}

static bool begins_with(tls_bytes_t name, tls_bytes_t beginning) {
    return name.len >= beginning.len && memcmp(name.data, beginning.data, beginning.len) == 0;
}

// The content of the SEQUENCE in a TLS_TAG_DIRECTORY.
static bool open_name(tls_bytes_t *name) {
    tls_element_t inner;
    if (!tls_element_next(name, &inner) || inner.tag != TLS_TAG_SEQUENCE || name->len != 0) {
        return false;
    }
    *name = inner.content;
    return true;
}

static bool is_within(tls_bytes_t name, const tls_element_t *constraint, const subtrees_t *subtrees) {
    tls_bytes_t base = constraint->content;
    switch (constraint->tag) {
        case TLS_TAG_DNS:
            return is_in_domain(name, base) || (subtrees->excluded && is_wildcard_for(name, base));
        case TLS_TAG_EMAIL:
            return has(name, '@') ? is_mailbox_in(name, base) : subtrees->doubt;
        case TLS_TAG_IP:
            if (!is_address(name.len) || base.len % 2 != 0 || !is_address(base.len / 2)) {
                return subtrees->doubt;
            }
            return base.len == 2 * name.len && is_in_network(name, base);
        case TLS_TAG_DIRECTORY:
            // There are many ways to write the same name down: another one need not be outside.
            return (open_name(&base) && begins_with(name, base)) || subtrees->doubt;
        default:
            return subtrees->doubt;
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Going through the lists

// Whether a name is within one of the subtrees; *constrained says whether there is one of its kind.
static bool is_within_any(const subtrees_t *subtrees, uint8_t tag, tls_bytes_t name, bool *constrained) {
    tls_bytes_t list = subtrees->list;
    tls_element_t subtree;
    tls_element_t base;
    *constrained = false;
    while (tls_element_next(&list, &subtree)) {
        if (!tls_element_next(&subtree.content, &base)) {
            *constrained = true;
            return subtrees->doubt;
        }
        if (base.tag != tag) {
            continue;
        }
        *constrained = true;
        // What may follow, a minimum and a maximum, RFC 5280 does not allow.
        bool within = subtree.content.len != 0 ? subtrees->doubt : is_within(name, &base, subtrees);
        if (within) {
            return true;
        }
    }
    *constrained |= list.len != 0; // by what cannot be read
    return list.len != 0 && subtrees->doubt;
}

static bool is_allowed(const constraints_t *constraints, uint8_t tag, tls_bytes_t name) {
    bool constrained;
    if (is_within_any(&constraints->excluded, tag, name, &constrained)) {
        return false;
    }
    bool within = is_within_any(&constraints->permitted, tag, name, &constrained);
    return within || !constrained;
}

static bool alternative_names_are_allowed(const constraints_t *constraints, tls_bytes_t names) {
    tls_element_t name;
    while (tls_element_next(&names, &name)) {
        if ((name.tag == TLS_TAG_DIRECTORY && !open_name(&name.content))
            || !is_allowed(constraints, name.tag, name.content)) {
            return false;
        }
    }
    return true;
}

static bool is_attribute(const tls_attribute_t *attribute, const char *oid) {
    return attribute->type.len == strlen(oid) && memcmp(attribute->type.data, oid, attribute->type.len) == 0;
}

// `hosts`: a common name may stand for a host, if it looks like one.
static bool subject_is_allowed(const constraints_t *constraints, tls_bytes_t subject, bool hosts) {
    if (subject.len > 0 && !is_allowed(constraints, TLS_TAG_DIRECTORY, subject)) {
        return false;
    }
    tls_name_t name = {.rest = subject};
    tls_attribute_t attribute;
    while (tls_name_next(&name, &attribute)) {
        tls_bytes_t value = attribute.value.content;
        if (is_attribute(&attribute, OID_EMAIL_ADDRESS) && !is_allowed(constraints, TLS_TAG_EMAIL, value)) {
            return false;
        }
        if (hosts && is_attribute(&attribute, OID_COMMON_NAME) && has(value, '.')
            && !is_allowed(constraints, TLS_TAG_DNS, value)) {
            return false;
        }
    }
    return true;
}

static bool read_constraints(tls_bytes_t extension, constraints_t *constraints) {
    tls_element_t element;
    if (!open_name(&extension)) {
        return false;
    }
    while (tls_element_next(&extension, &element)) {
        if (element.tag != TAG_PERMITTED && element.tag != TAG_EXCLUDED) {
            return false;
        }
        (element.tag == TAG_PERMITTED ? &constraints->permitted : &constraints->excluded)->list = element.content;
    }
    return extension.len == 0;
}

bool tls_names_are_allowed(const tls_certificate_t *certificate, bool leaf, tls_bytes_t extension,
    tls_doubt_t doubt) {
    bool allows = doubt == TLS_DOUBT_ALLOWS;
    constraints_t constraints = {.permitted = {.doubt = allows}, .excluded = {.excluded = true, .doubt = !allows}};
    if (!read_constraints(extension, &constraints)) {
        return allows;
    }
    return alternative_names_are_allowed(&constraints, certificate->alt_names)
        && subject_is_allowed(&constraints, certificate->subject, leaf && certificate->alt_names.data == NULL);
}
