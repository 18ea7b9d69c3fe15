// The marks of PEM in what the caller gives.

#include "engine/pem.h"

#include <string.h>

const uint8_t *tls_find_text(const uint8_t *data, size_t len, const char *text) {
    size_t text_len = strlen(text);
    while (len >= text_len) {
        const uint8_t *start = memchr(data, text[0], len - text_len + 1);
        if (start == NULL) {
            return NULL;
        }
        if (memcmp(start, text, text_len) == 0) {
            return start;
        }
        len -= (size_t)(start + 1 - data);
        data = start + 1;
    }
    return NULL;
}
