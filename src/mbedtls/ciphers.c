// Cipher suites: names, numbers, and which of them a context enables.

#include "internal.h"

#include <stdio.h>
#include <string.h>

#define CODE_POINT_MAX 0xFFFF

// The suite with this number if the library can use it at run time, else NULL.
static const mbedtls_ssl_ciphersuite_t *usable_suite(int id) {
    for (const int *p = mbedtls_ssl_list_ciphersuites(); *p != 0; p++) {
        if (*p == id) {
            return mbedtls_ssl_ciphersuite_from_id(id);
        }
    }
    return NULL;
}

// Whether a context may use a suite at all, as its protocol and its way of authentication are.
static bool suits_context(const tls_context_t *context, const mbedtls_ssl_ciphersuite_t *suite) {
    if (suite == NULL || mbedtls_ssl_ciphersuite_get_cipher_key_bitlen(suite) == 0) {
        return false; // not there, or it does not encrypt
    }
    if (compat_suite_is_tls_1_3(suite)) {
        return !context_is_datagram(context);
    }
    return context_uses_psk(context) ? compat_suite_uses_psk(suite) : compat_suite_uses_certificate(suite);
}

// What a server takes unless the build or a program says more: authenticated encryption, and no session key in the
// hands of whoever gets to know the key of the certificate (RFC 9325 sections 4.1 and 4.2).
static bool is_good_for_servers(const mbedtls_ssl_ciphersuite_t *suite) {
    return strstr(mbedtls_ssl_ciphersuite_get_name(suite), "-CBC-") == NULL && !compat_suite_is_static(suite);
}

// Stores the context's suites at `ids`, if that is not NULL; returns how many there are.
static size_t collect_suites(const tls_context_t *context, int *ids) {
    size_t found = 0;
    const int *library = mbedtls_ssl_list_ciphersuites();
    bool chosen = context->chosen_suites != NULL;
    bool any = MICROPY_PY_SSL_OLD_SUITES || chosen || !context_is_server(context);
    for (size_t i = 0; chosen ? i < context->chosen_count : library[i] != 0; i++) {
        int id = chosen ? context->chosen_suites[i] : library[i];
        const mbedtls_ssl_ciphersuite_t *suite = mbedtls_ssl_ciphersuite_from_id(id);
        if (!suits_context(context, suite) || !(any || is_good_for_servers(suite))) {
            continue;
        }
        if (ids != NULL) {
            ids[found] = id;
        }
        found++;
    }
    return found;
}

bool rebuild_suites(tls_context_t *context, tls_error_t *error) {
    size_t count = collect_suites(context, NULL);
    suite_list_t *suites = tls_calloc(1, sizeof(*suites) + (count + 1) * sizeof(suites->ids[0]));
    if (suites == NULL) {
        describe_no_memory(error);
        return false;
    }
    suites->references = 1;
    suites->count = collect_suites(context, suites->ids);
    suites_release(context->suites);
    context->suites = suites;
    return true;
}

void suites_release(suite_list_t *suites) {
    if (suites != NULL && compat_release(&suites->references)) {
        tls_free(suites);
    }
}

bool narrow_versions(const suite_list_t *suites, int *minimum, int *maximum) {
    bool has_1_2 = false;
    bool has_1_3 = false;
    for (size_t i = 0; i < suites->count; i++) {
        bool is_1_3 = compat_suite_is_tls_1_3(mbedtls_ssl_ciphersuite_from_id(suites->ids[i]));
        has_1_3 |= is_1_3;
        has_1_2 |= !is_1_3;
    }
    if (!has_1_2 && *minimum < TLS_VERSION_1_3) {
        *minimum = TLS_VERSION_1_3;
    }
    if (!has_1_3 && *maximum > TLS_VERSION_1_2) {
        *maximum = TLS_VERSION_1_2;
    }
    return *minimum <= *maximum && (has_1_2 || has_1_3);
}

bool tls_context_set_ciphers(tls_context_t *context, const uint16_t *suites, size_t count, tls_error_t *error) {
    tls_error_clear(error);
    if (count == 0) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG, "no cipher suite was given");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (usable_suite(suites[i]) == NULL) {
            tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG, "cipher suite 0x%04x is not available",
                suites[i]);
            return false;
        }
    }
    uint16_t *copy = tls_calloc(count, sizeof(*copy));
    if (copy == NULL) {
        describe_no_memory(error);
        return false;
    }
    memcpy(copy, suites, count * sizeof(*copy));

    uint16_t *old_suites = context->chosen_suites;
    size_t old_count = context->chosen_count;
    context->chosen_suites = copy;
    context->chosen_count = count;
    if (!rebuild_suites(context, error)) {
        context->chosen_suites = old_suites;
        context->chosen_count = old_count;
        tls_free(copy);
        return false;
    }
    tls_free(old_suites);
    return true;
}

size_t tls_context_get_ciphers(const tls_context_t *context, uint16_t *suites, size_t max) {
    const suite_list_t *list = context->suites;
    for (size_t i = 0; i < list->count && i < max; i++) {
        suites[i] = (uint16_t)list->ids[i];
    }
    return list->count;
}

const char *tls_cipher_name(uint16_t suite, char name[TLS_CIPHER_NAME_SIZE]) {
    const mbedtls_ssl_ciphersuite_t *info = mbedtls_ssl_ciphersuite_from_id(suite);
    if (info == NULL) {
        return NULL;
    }
    const char *text = mbedtls_ssl_ciphersuite_get_name(info);
    size_t len = strlen(text);
    if (len >= TLS_CIPHER_NAME_SIZE) {
        return NULL;
    }
    memcpy(name, text, len + 1);
    return name;
}

static uint16_t usable_suite_by_name(const char *name) {
    const mbedtls_ssl_ciphersuite_t *info = mbedtls_ssl_ciphersuite_from_string(name);
    if (info == NULL) {
        return 0;
    }
    int id = mbedtls_ssl_ciphersuite_get_id(info);
    return id <= CODE_POINT_MAX && usable_suite(id) != NULL ? (uint16_t)id : 0;
}

uint16_t tls_cipher_suite(const char *name, size_t len) {
    static const char prefix[] = "TLS-";
    static const char prefix_1_3[] = "TLS1-3-";

    if (len >= TLS_CIPHER_NAME_SIZE || memchr(name, '\0', len) != NULL) {
        return 0;
    }
    char text[TLS_CIPHER_NAME_SIZE];
    memcpy(text, name, len);
    text[len] = '\0';
    for (char *p = strchr(text, '_'); p != NULL; p = strchr(p, '_')) {
        *p = '-';
    }
    uint16_t suite = usable_suite_by_name(text);
    if (suite != 0 || strncmp(text, prefix, strlen(prefix)) != 0) {
        return suite;
    }
    // IANA's names of the suites of TLS 1.3 differ from those of TLS 1.2 only in what is said after the prefix.
    char text_1_3[sizeof(prefix_1_3) + TLS_CIPHER_NAME_SIZE];
    snprintf(text_1_3, sizeof(text_1_3), "%s%s", prefix_1_3, text + strlen(prefix));
    return usable_suite_by_name(text_1_3);
}
