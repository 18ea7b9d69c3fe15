// Groups of the key exchange (RFC 8446 section 4.2.7).

#include "openssl/internal.h"

#include <string.h>

// The library takes a list in which some characters mean more than a name; what they are differs from version to
// version.
static bool is_name(const char *name) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return name[0] != '\0' && name[0] != '-' && strspn(name, allowed) == strlen(name);
}

static bool set_list(tls_context_t *context, const char *list) {
    bool ok = SSL_CTX_set1_groups_list(context->ssl_ctx, list) == 1;
    tls_errors_clear();
    return ok;
}

// Whether the library knows the name, by a context that nobody uses.
static bool is_known(const char *name) {
    SSL_CTX *ctx = is_name(name) ? SSL_CTX_new(TLS_method()) : NULL;
    bool known = ctx != NULL && SSL_CTX_set1_groups_list(ctx, name) == 1;
    SSL_CTX_free(ctx);
    tls_errors_clear();
    return known;
}

// "X25519:P-256", in memory of its own; NULL: out of memory.
static char *join(const char *const *names, size_t count) {
    size_t size = 1;
    for (size_t i = 0; i < count; i++) {
        size += strlen(names[i]) + 1;
    }
    char *list = tls_zalloc(size);
    char *end = list;
    for (size_t i = 0; list != NULL && i < count; i++) {
        size_t len = strlen(names[i]);
        if (i > 0) {
            *end++ = ':';
        }
        memcpy(end, names[i], len);
        end += len;
    }
    return list;
}

bool tls_context_set_groups(tls_context_t *context, const char *const *names, size_t count, tls_error_t *error) {
    tls_error_clear(error);
    tls_errors_clear();
    tls_memory_watch();
    if (count == 0) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG, "no group was given");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_known(names[i]) && !tls_memory_was_refused()) {
            tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG, "group \"%.60s\" is not available", names[i]);
            return false;
        }
    }
    char *list = tls_memory_was_refused() ? NULL : join(names, count);
    bool ok = list != NULL && set_list(context, list);
    tls_free(list);
    if (!ok && tls_memory_was_refused()) {
        tls_error_no_memory(error);
    } else if (!ok) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG, "the library does not take this list of groups");
    }
    return ok;
}
