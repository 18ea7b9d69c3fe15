// Trust anchors in CA bundles: the library asks for those that could have issued a certificate.

#include "internal.h"

#if COMPAT_BUNDLE

#include <string.h>

static tls_bytes_t bytes_of(const mbedtls_x509_buf *buf) {
    return (tls_bytes_t) {.data = buf->p, .len = buf->len};
}

static bool is_same(const mbedtls_x509_buf *a, const mbedtls_x509_buf *b) {
    return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

// Parses a certificate to the end of the list, which the library frees. A result of the library.
static int add_candidate(mbedtls_x509_crt **list, const uint8_t *der, size_t len, bool stays) {
    if (*list == NULL) {
        *list = mbedtls_calloc(1, sizeof(**list));
        if (*list == NULL) {
            return MBEDTLS_ERR_X509_ALLOC_FAILED;
        }
        mbedtls_x509_crt_init(*list);
    }
    int ret = parse_der(*list, der, len, stays);
    return ret == MBEDTLS_ERR_X509_ALLOC_FAILED ? ret : 0; // what the library cannot read is no anchor
}

static int add_loaded(const tls_context_t *context, const mbedtls_x509_crt *child, mbedtls_x509_crt **list) {
    for (const mbedtls_x509_crt *anchor = context->anchors; anchor != NULL; anchor = anchor->next) {
        if (is_same(&anchor->subject_raw, &child->issuer_raw)) {
            int ret = add_candidate(list, anchor->raw.p, anchor->raw.len, true);
            if (ret != 0) {
                return ret;
            }
        }
    }
    return 0;
}

static int add_from_bundles(tls_connection_t *connection, const mbedtls_x509_crt *child, mbedtls_x509_crt **list) {
    tls_bundle_search_t search;
    if (!tls_bundle_search_start(&search, connection->context->bundles, bytes_of(&child->issuer_raw))) {
        return MBEDTLS_ERR_X509_ALLOC_FAILED;
    }
    tls_bundle_certificate_t found;
    tls_bundle_result_t result;
    while ((result = tls_bundle_search_next(&search, &found)) != TLS_BUNDLE_END) {
        if (result == TLS_BUNDLE_NO_MEMORY) {
            return MBEDTLS_ERR_X509_ALLOC_FAILED;
        }
        if (result == TLS_BUNDLE_DAMAGED) {
            connection->bundle_damaged = true;
            continue;
        }
        int ret = add_candidate(list, found.der, found.len, found.copy == NULL);
        tls_bundle_release(&found);
        if (ret != 0) {
            return ret;
        }
    }
    return 0;
}

// Whether it may be the issuer of another one in the list.
static bool has_issued_another(const mbedtls_x509_crt *crt, const mbedtls_x509_crt *list) {
    for (const mbedtls_x509_crt *other = list; other != NULL; other = other->next) {
        if (is_same(&other->issuer_raw, &crt->subject_raw) && !is_same(&other->subject_raw, &crt->subject_raw)) {
            return true;
        }
    }
    return false;
}

// The library looks for an issuer among the certificates that follow, and peers send them in any order (RFC 8446
// section 4.4.2): issuers go behind all that they may have issued, and the order stays otherwise.
static void put_in_order(mbedtls_x509_crt *leaf) {
    for (mbedtls_x509_crt *last = leaf; last->next != NULL; last = last->next) {
        mbedtls_x509_crt **link = &last->next;
        while (*link != NULL && has_issued_another(*link, last->next)) {
            link = &(*link)->next;
        }
        mbedtls_x509_crt *next = *link; // NULL: they issued each other
        if (next != NULL) {
            *link = next->next;
            next->next = last->next;
            last->next = next;
        }
    }
}

// For mbedtls_ssl_conf_ca_cb(). The first question is about the peer's own certificate, at the head of its chain.
static int find_issuers(void *arg, const mbedtls_x509_crt *child, mbedtls_x509_crt **candidates) {
    tls_connection_t *connection = arg;
    if (!connection->chain_begun) {
        connection->chain_begun = true;
        put_in_order((mbedtls_x509_crt *)(uintptr_t)child);
        connection->leaf_trusted = is_anchor(connection->context, child);
    }
    int ret = add_loaded(connection->context, child, candidates);
    return ret != 0 ? ret : add_from_bundles(connection, child, candidates);
}

void apply_bundles(tls_connection_t *connection) {
    if (connection->context->bundles != NULL) {
        mbedtls_ssl_conf_ca_cb(&connection->config, find_issuers, connection);
    }
}

bool is_in_bundle(const tls_context_t *context, const mbedtls_x509_crt *crt) {
    tls_bundle_search_t search;
    if (context->bundles == NULL
        || !tls_bundle_search_start(&search, context->bundles, bytes_of(&crt->subject_raw))) {
        return false;
    }
    tls_bundle_certificate_t found;
    tls_bundle_result_t result;
    bool same = false;
    while (!same && (result = tls_bundle_search_next(&search, &found)) != TLS_BUNDLE_END) {
        if (result == TLS_BUNDLE_FOUND) {
            same = found.len == crt->raw.len && memcmp(found.der, crt->raw.p, found.len) == 0;
            tls_bundle_release(&found);
        }
    }
    return same;
}

#endif
