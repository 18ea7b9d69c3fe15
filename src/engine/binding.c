// Keying material and channel bindings: what is the same whatever the library.

#include "engine/binding.h"

#include <string.h>

#if MICROPY_PY_SSL_CHANNEL_BINDING

#define EXPORTER_LABEL "EXPORTER-Channel-Binding"
#define EXPORTER_SIZE  32

// Those of TLS 1.2 itself (RFC 5705 section 4, RFC 7627 section 4).
static bool is_reserved(const char *label, size_t len) {
    static const char *const reserved[]
        = {"client finished", "server finished", "master secret", "extended master secret", "key expansion"};
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (len == strlen(reserved[i]) && memcmp(label, reserved[i], len) == 0) {
            return true;
        }
    }
    return false;
}

bool tls_connection_export(tls_connection_t *connection, const char *label, size_t label_len, const uint8_t *context,
    size_t context_len, uint8_t *out, size_t len, tls_error_t *error) {
    tls_error_clear(error);
    if (!tls_connection_is_established(connection)) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA, "the handshake is not complete");
    } else if (label_len == 0 || label_len > TLS_EXPORT_LABEL_MAX || is_reserved(label, label_len)) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA,
            "a label has 1 to %d bytes, and is none that TLS uses itself", TLS_EXPORT_LABEL_MAX);
    } else if (len == 0 || len > TLS_EXPORT_MAX || context_len > TLS_EXPORT_CONTEXT_MAX) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA,
            "1 to %d bytes can be exported, and a context has at most %d", TLS_EXPORT_MAX, TLS_EXPORT_CONTEXT_MAX);
    } else {
        return tls_binding_export(connection, label, label_len, context, context_len, out, len, error);
    }
    return false;
}

static bool is_tls_1_3(const tls_connection_t *connection) {
    return strcmp(tls_connection_version(connection), "TLSv1.3") == 0;
}

bool tls_connection_channel_binding(tls_connection_t *connection, tls_binding_t binding, uint8_t out[TLS_BINDING_MAX],
    size_t *len, tls_error_t *error) {
    tls_error_clear(error);
    *len = 0;
    if (!tls_connection_is_established(connection)) {
        return true;
    }
    if (binding == TLS_BINDING_SERVER_END_POINT) {
        return tls_binding_end_point(connection, out, len, error);
    }
    if (!tls_binding_is_safe(connection) || (binding == TLS_BINDING_UNIQUE && is_tls_1_3(connection))) {
        return true;
    }
    if (binding == TLS_BINDING_UNIQUE) {
        return tls_binding_finished(connection, out, len, error);
    }
    bool ok = tls_connection_export(connection, EXPORTER_LABEL, strlen(EXPORTER_LABEL), (const uint8_t *)"", 0, out,
        EXPORTER_SIZE, error);
    *len = ok ? EXPORTER_SIZE : 0;
    return ok;
}

#endif
