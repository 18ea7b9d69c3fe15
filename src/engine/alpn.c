// Protocol names of ALPN.

#include "engine/alpn.h"

#include <string.h>

#define NAME_MAX_LEN 255
#define LIST_MAX_LEN 65535

bool tls_alpn_measure(const char *const *names, size_t count, size_t *len, tls_error_t *error) {
    *len = 0;
    for (size_t i = 0; i < count; i++) {
        size_t name_len = strlen(names[i]);
        *len += 1 + name_len;
        if (name_len == 0 || name_len > NAME_MAX_LEN || *len > LIST_MAX_LEN) {
            tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA,
                "the names of protocols have 1 to %d bytes, all of them less than %d", NAME_MAX_LEN, LIST_MAX_LEN);
            return false;
        }
    }
    return true;
}
