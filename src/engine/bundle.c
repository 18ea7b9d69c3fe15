// CA bundles: reading them where they are.

#include "engine/bundle.h"

#if MICROPY_PY_SSL_BUNDLE

#include <string.h>

#include "engine/memory.h"
#include "engine/session.h"

#define DIGEST_AT  8
#define VERSION_AT 40
#define COUNT_AT   44
#define LENGTH_AT  48

static const uint8_t magic[TLS_BUNDLE_MAGIC_SIZE] = TLS_BUNDLE_MAGIC;

struct tls_bundle {
    tls_bundle_source_t source;
    uint32_t count;
    uint8_t digest[TLS_DIGEST_SIZE];
    struct tls_bundle *next;
};

#define KEY_SIZE   4
#define CHECK_SIZE 8

typedef struct entry {
    uint8_t key[KEY_SIZE];
    uint32_t offset;
    uint8_t check[CHECK_SIZE];
} entry_t;

static uint32_t get_u32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool tls_bundle_is_one(const uint8_t *data, size_t len) {
    return len >= sizeof(magic) && memcmp(data, magic, sizeof(magic)) == 0;
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading

static bool read_bytes(const tls_bundle_source_t *source, size_t offset, uint8_t *buf, size_t size) {
    if (offset > source->len || size > source->len - offset) {
        return false;
    }
    if (source->data != NULL) {
        memcpy(buf, source->data + offset, size);
        return true;
    }
    return source->read(source->arg, offset, buf, size);
}

// These bytes, where they are if they are in memory. NULL: they cannot be read, or *no_memory.
static const uint8_t *borrow_bytes(const tls_bundle_source_t *source, size_t offset, size_t size, uint8_t **copy,
    bool *no_memory) {
    *copy = NULL;
    *no_memory = false;
    if (offset > source->len || size > source->len - offset) {
        return NULL;
    }
    if (source->data != NULL) {
        return source->data + offset;
    }
    *copy = tls_calloc(1, size);
    if (*copy == NULL) {
        *no_memory = true;
        return NULL;
    }
    if (!source->read(source->arg, offset, *copy, size)) {
        tls_free(*copy);
        *copy = NULL;
    }
    return *copy;
}

static bool read_entry(const tls_bundle_t *bundle, uint32_t number, entry_t *entry) {
    uint8_t bytes[TLS_BUNDLE_ENTRY_SIZE];
    size_t offset = TLS_BUNDLE_HEADER_SIZE + (size_t)number * TLS_BUNDLE_ENTRY_SIZE;
    if (!read_bytes(&bundle->source, offset, bytes, sizeof(bytes))) {
        return false;
    }
    memcpy(entry->key, bytes, KEY_SIZE);
    entry->offset = get_u32(bytes + KEY_SIZE);
    memcpy(entry->check, bytes + KEY_SIZE + 4, CHECK_SIZE);
    return true;
}

// Where the certificate ends: at the next one, or with the bundle.
static bool end_of_certificate(const tls_bundle_t *bundle, uint32_t number, size_t *end) {
    entry_t next;
    if (number + 1 == bundle->count) {
        *end = bundle->source.len;
        return true;
    }
    if (!read_entry(bundle, number + 1, &next)) {
        return false;
    }
    *end = next.offset;
    return true;
}

static tls_bundle_result_t get_certificate(const tls_bundle_t *bundle, uint32_t number,
    tls_bundle_certificate_t *certificate) {
    entry_t entry;
    size_t end;
    if (!read_entry(bundle, number, &entry) || !end_of_certificate(bundle, number, &end) || entry.offset >= end) {
        return TLS_BUNDLE_DAMAGED;
    }
    bool no_memory;
    certificate->len = end - entry.offset;
    certificate->der
        = borrow_bytes(&bundle->source, entry.offset, certificate->len, &certificate->copy, &no_memory);
    if (certificate->der == NULL) {
        return no_memory ? TLS_BUNDLE_NO_MEMORY : TLS_BUNDLE_DAMAGED;
    }
    uint8_t digest[TLS_DIGEST_SIZE];
    bool known = tls_sha256(certificate->der, certificate->len, digest);
    if (known && memcmp(digest, entry.check, CHECK_SIZE) == 0) {
        return TLS_BUNDLE_FOUND;
    }
    tls_bundle_release(certificate);
    return known ? TLS_BUNDLE_DAMAGED : TLS_BUNDLE_NO_MEMORY;
}

void tls_bundle_release(tls_bundle_certificate_t *certificate) {
    tls_free(certificate->copy);
    certificate->copy = NULL;
    certificate->der = NULL;
}

size_t tls_bundles_count(const tls_bundle_t *bundles) {
    size_t count = 0;
    for (; bundles != NULL; bundles = bundles->next) {
        count += bundles->count;
    }
    return count;
}

size_t tls_bundles_copy(const tls_bundle_t *bundles, size_t number, uint8_t *buf, size_t size) {
    while (bundles != NULL && number >= bundles->count) {
        number -= bundles->count;
        bundles = bundles->next;
    }
    if (bundles == NULL) {
        return 0;
    }
    tls_bundle_certificate_t certificate;
    if (get_certificate(bundles, (uint32_t)number, &certificate) != TLS_BUNDLE_FOUND) {
        return SIZE_MAX;
    }
    size_t len = certificate.len;
    if (len <= size) {
        memcpy(buf, certificate.der, len);
    }
    tls_bundle_release(&certificate);
    return len;
}

// ---------------------------------------------------------------------------------------------------------------------
// Searching

// The first entry whose key is not less than this one; bundle->count: none.
static uint32_t first_entry(const tls_bundle_t *bundle, const uint8_t key[KEY_SIZE]) {
    uint32_t low = 0;
    uint32_t high = bundle->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        entry_t entry;
        if (!read_entry(bundle, middle, &entry)) {
            return bundle->count;
        }
        if (memcmp(entry.key, key, KEY_SIZE) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool tls_bundle_search_start(tls_bundle_search_t *search, const tls_bundle_t *bundles, tls_bytes_t subject) {
    uint8_t digest[TLS_DIGEST_SIZE];
    if (!tls_sha256(subject.data, subject.len, digest)) {
        return false;
    }
    memcpy(search->key, digest, KEY_SIZE);
    search->bundle = bundles;
    search->number = bundles != NULL ? first_entry(bundles, search->key) : 0;
    return true;
}

// Whether the search is at an entry with its key; in the next bundle if there is no other in this one.
static bool find_entry(tls_bundle_search_t *search) {
    while (search->bundle != NULL) {
        entry_t entry;
        if (search->number < search->bundle->count && read_entry(search->bundle, search->number, &entry)
            && memcmp(entry.key, search->key, KEY_SIZE) == 0) {
            return true;
        }
        search->bundle = search->bundle->next;
        search->number = search->bundle != NULL ? first_entry(search->bundle, search->key) : 0;
    }
    return false;
}

tls_bundle_result_t tls_bundle_search_next(tls_bundle_search_t *search, tls_bundle_certificate_t *certificate) {
    if (!find_entry(search)) {
        return TLS_BUNDLE_END;
    }
    return get_certificate(search->bundle, search->number++, certificate);
}

// ---------------------------------------------------------------------------------------------------------------------
// Loading

static bool no_memory_for(tls_error_t *error) {
    tls_error_set(error, TLS_ERROR_NO_MEMORY, TLS_CODE_ALLOC_FAILED, NULL);
    error->size = tls_memory_failed_size();
    return false;
}

static bool bad_bundle(tls_error_t *error, const char *what) {
    tls_error_set(error, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT, "%s", what);
    return false;
}

// Whether header and index are what their digest says.
static bool check_index(tls_bundle_t *bundle, tls_error_t *error) {
    uint8_t *copy;
    bool no_memory;
    uint8_t digest[TLS_DIGEST_SIZE];
    size_t size = TLS_BUNDLE_HEADER_SIZE - VERSION_AT + (size_t)bundle->count * TLS_BUNDLE_ENTRY_SIZE;
    const uint8_t *bytes = borrow_bytes(&bundle->source, VERSION_AT, size, &copy, &no_memory);
    no_memory = no_memory || (bytes != NULL && !tls_sha256(bytes, size, digest));
    tls_free(copy);
    if (no_memory) {
        return no_memory_for(error);
    }
    if (bytes == NULL || memcmp(digest, bundle->digest, sizeof(digest)) != 0) {
        return bad_bundle(error, "the CA bundle is damaged");
    }
    return true;
}

static bool open_bundle(tls_bundle_t *bundle, tls_error_t *error) {
    uint8_t header[TLS_BUNDLE_HEADER_SIZE];
    if (!read_bytes(&bundle->source, 0, header, sizeof(header)) || !tls_bundle_is_one(header, sizeof(header))) {
        return bad_bundle(error, "this is no CA bundle, or only the beginning of one");
    }
    if (get_u32(header + VERSION_AT) != TLS_BUNDLE_VERSION) {
        tls_error_set(error, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT,
            "the CA bundle has format %u; this build reads format %u", (unsigned)get_u32(header + VERSION_AT),
            TLS_BUNDLE_VERSION);
        return false;
    }
    bundle->count = get_u32(header + COUNT_AT);
    memcpy(bundle->digest, header + DIGEST_AT, sizeof(bundle->digest));
    if (get_u32(header + LENGTH_AT) != bundle->source.len) {
        tls_error_set(error, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT,
            "the CA bundle has %lu bytes instead of %lu", (unsigned long)bundle->source.len,
            (unsigned long)get_u32(header + LENGTH_AT));
        return false;
    }
    if (bundle->count == 0 || bundle->count > TLS_BUNDLE_MAX_COUNT) {
        return bad_bundle(error, "the CA bundle is damaged");
    }
    return check_index(bundle, error);
}

static bool is_known(const tls_bundle_t *bundles, const tls_bundle_t *bundle) {
    for (; bundles != NULL; bundles = bundles->next) {
        if (memcmp(bundles->digest, bundle->digest, sizeof(bundle->digest)) == 0) {
            return true;
        }
    }
    return false;
}

static bool append_bundle(tls_context_t *context, tls_bundle_t *bundle, tls_error_t *error) {
    if (!open_bundle(bundle, error)) {
        return false;
    }
    tls_bundle_t **end = tls_context_bundles(context);
    if (is_known(*end, bundle)) {
        tls_free(bundle);
        return true;
    }
    if (!tls_trust_extend(tls_context_trust(context), bundle->digest, sizeof(bundle->digest))) {
        return no_memory_for(error);
    }
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = bundle;
    return true;
}

bool tls_context_add_bundle(tls_context_t *context, const tls_bundle_source_t *source, tls_error_t *error) {
    tls_error_clear(error);
    if (!tls_engine_has(TLS_FEATURE_BUNDLE)) {
        tls_error_set(error, TLS_ERROR_UNSUPPORTED, TLS_CODE_FEATURE_UNAVAILABLE, "this build reads no CA bundles");
        return false;
    }
    tls_bundle_t *bundle = tls_calloc(1, sizeof(*bundle));
    if (bundle == NULL) {
        return no_memory_for(error);
    }
    bundle->source = *source;
    if (!append_bundle(context, bundle, error)) {
        tls_free(bundle);
        return false;
    }
    return true;
}

void tls_bundles_free(tls_bundle_t *bundles) {
    while (bundles != NULL) {
        tls_bundle_t *next = bundles->next;
        tls_free(bundles);
        bundles = next;
    }
}

#endif
