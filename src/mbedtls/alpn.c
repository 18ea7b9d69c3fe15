// ALPN: the protocol above TLS (RFC 7301).

#include "internal.h"

#include "engine/alpn.h"

#include <string.h>

#if COMPAT_ALPN

void alpn_release(alpn_list_t *list) {
    if (list != NULL && compat_release(&list->references)) {
        tls_free(list);
    }
}

// NULL: out of memory.
static alpn_list_t *copy_names(const char *const *names, size_t count, size_t len) {
    size_t pointers = (count + 1) * sizeof(names[0]);
    alpn_list_t *list = tls_calloc(1, sizeof(*list) + pointers + len);
    if (list == NULL) {
        return NULL;
    }
    list->references = 1;
    list->len = len;
    char *text = (char *)list + sizeof(*list) + pointers;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(names[i]) + 1;
        memcpy(text, names[i], size);
        list->names[i] = text;
        text += size;
    }
    return list;
}

bool tls_context_set_alpn(tls_context_t *context, const char *const *names, size_t count, tls_error_t *error) {
    tls_error_clear(error);
    size_t len;
    if (!tls_alpn_measure(names, count, &len, error)) {
        return false;
    }
    alpn_list_t *list = count == 0 ? NULL : copy_names(names, count, len);
    if (list == NULL && count > 0) {
        describe_no_memory(error);
        return false;
    }
    alpn_release(context->alpn);
    context->alpn = list;
    return true;
}

int apply_alpn(tls_connection_t *connection) {
    alpn_list_t *list = connection->context->alpn;
    if (list == NULL) {
        return 0;
    }
    compat_retain(&list->references);
    connection->alpn = list;
    return mbedtls_ssl_conf_alpn_protocols(&connection->config, list->names);
}

const char *tls_connection_alpn(const tls_connection_t *connection, size_t *len) {
    const char *name = connection->established ? mbedtls_ssl_get_alpn_protocol(&connection->ssl) : NULL;
    *len = name == NULL ? 0 : strlen(name);
    return name;
}

#else

void alpn_release(alpn_list_t *list) {
    (void)list;
}

bool tls_context_set_alpn(tls_context_t *context, const char *const *names, size_t count, tls_error_t *error) {
    (void)context;
    (void)names;
    (void)count;
    tls_error_clear(error);
    tls_error_set(error, TLS_ERROR_UNSUPPORTED, TLS_CODE_FEATURE_UNAVAILABLE, "this build has no ALPN");
    return false;
}

int apply_alpn(tls_connection_t *connection) {
    (void)connection;
    return 0;
}

const char *tls_connection_alpn(const tls_connection_t *connection, size_t *len) {
    (void)connection;
    *len = 0;
    return NULL;
}

#endif
