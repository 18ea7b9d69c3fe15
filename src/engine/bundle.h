// CA bundles: many trust anchors in one piece, found by the name of their subject. Nothing of them is copied when they
// are loaded; a verification reads the one or two certificates whose name fits, where the bundle lies.
//
// The format, numbers with the most significant byte first:
//
//     0   8   "MPYROOTS"
//     8  32   SHA-256 of all from here to the end of the index
//    40   4   version of the format, 1
//    44   4   number of certificates, n
//    48   4   length of the whole bundle
//    52   8   when it was made, seconds since 1970
//    60  16n  index, ascending: 4 bytes of the SHA-256 of the subject (DER of the Name), 4 bytes where the certificate
//             begins, 8 bytes of its SHA-256
//             certificates in DER, in the order of the index, nothing between them
//
// The digests find damage. They keep out nobody: who can write the bundle says what is trusted.

#ifndef MICROPYTHON_SSL_BUNDLE_H
#define MICROPYTHON_SSL_BUNDLE_H

#include "engine/engine.h"

#define TLS_BUNDLE_MAGIC \
    { 'M', 'P', 'Y', 'R', 'O', 'O', 'T', 'S' }
#define TLS_BUNDLE_VERSION     1
#define TLS_BUNDLE_HEADER_SIZE 60
#define TLS_BUNDLE_ENTRY_SIZE  16
#define TLS_BUNDLE_MAX_COUNT   4096

typedef struct tls_bundle tls_bundle_t;

// The list of a context, for tls_context_add_bundle(), and its digest of trust anchors: each engine implements them.
tls_bundle_t **tls_context_bundles(tls_context_t *context);
uint8_t *tls_context_trust(tls_context_t *context);

#if MICROPY_PY_SSL_BUNDLE

// What follows takes the list of a context; NULL: it has none.
void tls_bundles_free(tls_bundle_t *bundles);
size_t tls_bundles_count(const tls_bundle_t *bundles);

// As tls_context_copy_trust_anchor().
size_t tls_bundles_copy(const tls_bundle_t *bundles, size_t number, uint8_t *buf, size_t size);

// One certificate of a bundle.
typedef struct tls_bundle_certificate {
    const uint8_t *der;
    size_t len;
    uint8_t *copy; // NULL: it is where the bundle is
} tls_bundle_certificate_t;

typedef enum tls_bundle_result {
    TLS_BUNDLE_FOUND,
    TLS_BUNDLE_END,     // there is none, or no other
    TLS_BUNDLE_DAMAGED, // it is not what the index says, or cannot be read
    TLS_BUNDLE_NO_MEMORY,
} tls_bundle_result_t;

// Goes through the certificates with one subject, and very rarely others: who searches compares the names.
typedef struct tls_bundle_search {
    const tls_bundle_t *bundle;
    uint32_t number; // of the next one to look at
    uint8_t key[4];
} tls_bundle_search_t;

// `subject` is the DER of a Name. false: out of memory.
TLS_MUST_USE bool tls_bundle_search_start(tls_bundle_search_t *search, const tls_bundle_t *bundles,
    tls_bytes_t subject);

// The next of them. What is found has to be released. What is damaged does not end the search.
tls_bundle_result_t tls_bundle_search_next(tls_bundle_search_t *search, tls_bundle_certificate_t *certificate);

void tls_bundle_release(tls_bundle_certificate_t *certificate);

// Makes a bundle of certificates in DER, without those that are there twice or are none. The caller frees it with
// tls_free(). NULL: out of memory.
uint8_t *tls_bundle_make(const tls_bytes_t *certificates, size_t count, int64_t made, size_t *len);

#else

static inline void tls_bundles_free(tls_bundle_t *bundles) {
    (void)bundles;
}

static inline size_t tls_bundles_count(const tls_bundle_t *bundles) {
    (void)bundles;
    return 0;
}

static inline size_t tls_bundles_copy(const tls_bundle_t *bundles, size_t number, uint8_t *buf, size_t size) {
    (void)bundles;
    (void)number;
    (void)buf;
    (void)size;
    return 0;
}

#endif

#endif // MICROPYTHON_SSL_BUNDLE_H
