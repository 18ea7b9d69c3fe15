// Making a CA bundle in memory, as tools/mkbundle makes files.

#include "engine/bundle.h"

#if MICROPY_PY_SSL_BUNDLE

#include <stdlib.h>
#include <string.h>

#include "engine/certificate.h"
#include "engine/memory.h"
#include "engine/session.h"

static const uint8_t magic[TLS_BUNDLE_MAGIC_SIZE] = TLS_BUNDLE_MAGIC;

typedef struct part {
    uint8_t key[TLS_DIGEST_SIZE];   // of the subject
    uint8_t check[TLS_DIGEST_SIZE]; // of the certificate
    tls_bytes_t der;
} part_t;

static void put_u32(uint8_t *p, size_t value) {
    for (int i = 3; i >= 0; i--) {
        p[i] = (uint8_t)value;
        value >>= 8;
    }
}

static int compare_parts(const void *a, const void *b) {
    const part_t *left = a;
    const part_t *right = b;
    int order = memcmp(left->key, right->key, 4);
    return order != 0 ? order : memcmp(left->check, right->check, TLS_DIGEST_SIZE);
}

// The subject with its header, which the reader leaves out.
static tls_bytes_t subject_of(const tls_certificate_t *certificate) {
    size_t header = certificate->subject.len < 0x80 ? 2 : certificate->subject.len < 0x100 ? 3
                                                                                           : 4;
    return (tls_bytes_t) {.data = certificate->subject.data - header, .len = certificate->subject.len + header};
}

// Fills in those that are certificates, in order and each once. SIZE_MAX: out of memory.
static size_t collect(part_t *parts, const tls_bytes_t *certificates, size_t count) {
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        tls_certificate_t certificate;
        part_t *part = &parts[used];
        if (!tls_certificate_read(&certificate, certificates[i].data, certificates[i].len)) {
            continue;
        }
        tls_bytes_t subject = subject_of(&certificate);
        part->der = certificates[i];
        if (!tls_sha256(subject.data, subject.len, part->key)
            || !tls_sha256(part->der.data, part->der.len, part->check)) {
            return SIZE_MAX;
        }
        used++;
    }
    qsort(parts, used, sizeof(*parts), compare_parts);
    size_t kept = 0;
    for (size_t i = 0; i < used; i++) {
        if (kept == 0 || memcmp(parts[kept - 1].check, parts[i].check, TLS_DIGEST_SIZE) != 0) {
            parts[kept++] = parts[i];
        }
    }
    return kept;
}

// Writes all but the magic and the digest.
static void write_parts(uint8_t *bundle, const part_t *parts, size_t count, size_t len, int64_t made) {
    put_u32(bundle + 40, TLS_BUNDLE_VERSION);
    put_u32(bundle + 44, count);
    put_u32(bundle + 48, len);
    put_u32(bundle + 52, (size_t)((uint64_t)made >> 32));
    put_u32(bundle + 56, (size_t)((uint64_t)made & UINT32_MAX));
    uint8_t *entry = bundle + TLS_BUNDLE_HEADER_SIZE;
    size_t offset = TLS_BUNDLE_HEADER_SIZE + count * TLS_BUNDLE_ENTRY_SIZE;
    for (size_t i = 0; i < count; i++) {
        memcpy(entry, parts[i].key, 4);
        put_u32(entry + 4, offset);
        memcpy(entry + 8, parts[i].check, 8);
        memcpy(bundle + offset, parts[i].der.data, parts[i].der.len);
        offset += parts[i].der.len;
        entry += TLS_BUNDLE_ENTRY_SIZE;
    }
}

static uint8_t *write_bundle(const part_t *parts, size_t count, int64_t made, size_t *len) {
    size_t index = count * TLS_BUNDLE_ENTRY_SIZE;
    *len = TLS_BUNDLE_HEADER_SIZE + index;
    for (size_t i = 0; i < count; i++) {
        *len += parts[i].der.len;
    }
    uint8_t *bundle = tls_calloc(1, *len);
    if (bundle == NULL) {
        return NULL;
    }
    write_parts(bundle, parts, count, *len, made);
    memcpy(bundle, magic, sizeof(magic));
    if (!tls_sha256(bundle + 40, TLS_BUNDLE_HEADER_SIZE - 40 + index, bundle + TLS_BUNDLE_MAGIC_SIZE)) {
        tls_free(bundle);
        return NULL;
    }
    return bundle;
}

uint8_t *tls_bundle_make(const tls_bytes_t *certificates, size_t count, int64_t made, size_t *len) {
    part_t *parts = tls_calloc(count + 1, sizeof(*parts));
    if (parts == NULL) {
        return NULL;
    }
    size_t used = collect(parts, certificates, count);
    uint8_t *bundle = used != SIZE_MAX ? write_bundle(parts, used, made, len) : NULL;
    tls_free(parts);
    return bundle;
}

#endif
