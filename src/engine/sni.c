// Servers with several names.

#include "engine/sni.h"

#if MICROPY_PY_SSL_SNI_CALLBACK

#include "engine/hostname.h"
#include "engine/memory.h"

#include <string.h>

#define NAME_SIZE 254

#define HANDSHAKE_FAILURE 40 // alerts: RFC 8446 section 6.2
#define UNRECOGNIZED_NAME 112

// false: it is no host name.
static bool read_name(const uint8_t *data, size_t len, char name[NAME_SIZE]) {
    char text[NAME_SIZE + 1]; // the dot at the end does not count
    if (len >= sizeof(text) || memchr(data, '\0', len) != NULL) {
        return false;
    }
    memcpy(text, data, len);
    text[len] = '\0';
    return tls_normalize_hostname(text, name);
}

tls_status_t tls_sni_ask(tls_host_t *host, const uint8_t *data, size_t len, tls_context_t **context, int *alert) {
    char name[NAME_SIZE];
    if (data != NULL && !read_name(data, len, name)) {
        *alert = UNRECOGNIZED_NAME;
        tls_error_set(&host->error, TLS_ERROR_PROTOCOL, TLS_CODE_UNRECOGNIZED_NAME,
            "client asked for what is not a host name");
        return TLS_ERROR;
    }
    if (host->sni == NULL) {
        return TLS_OK; // there was one when the handshake began
    }
    *alert = HANDSHAKE_FAILURE;
    tls_status_t status = TLS_CALL_HOOK(host, sni, data == NULL ? NULL : name, context, alert);
    if (status == TLS_OK) {
        return TLS_OK;
    }
    int code = *alert == UNRECOGNIZED_NAME ? TLS_CODE_UNRECOGNIZED_NAME : TLS_CODE_HANDSHAKE_FAILURE;
    if (data != NULL) {
        tls_error_set(&host->error, TLS_ERROR_PROTOCOL, code, "client asked for \"%.120s\", which was refused", name);
    } else {
        tls_error_set(&host->error, TLS_ERROR_PROTOCOL, code, "client asked for no name, which was refused");
    }
    return status == TLS_ABORTED ? TLS_ABORTED : TLS_ERROR;
}

#endif
