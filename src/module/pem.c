// PEM of certificates.

#include "module/pem.h"

#include <string.h>

#include "py/objstr.h"
#include "ssl_config.h"

#if MICROPY_PY_SSL_CPYTHON || MICROPY_PY_SSL_BUNDLE

#define PEM_LINE 64

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void add_base64(vstr_t *pem, const uint8_t *data, size_t len) {
    size_t column = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t count = MIN(len - i, 3);
        uint32_t bits = (uint32_t)data[i] << 16;
        bits |= count > 1 ? (uint32_t)data[i + 1] << 8 : 0;
        bits |= count > 2 ? data[i + 2] : 0;
        for (size_t k = 0; k < 4; k++) {
            vstr_add_char(pem, k <= count ? alphabet[bits >> (18 - 6 * k) & 63] : '=');
        }
        column += 4;
        if (column == PEM_LINE || i + 3 >= len) {
            vstr_add_char(pem, '\n');
            column = 0;
        }
    }
}

mp_obj_t ssl_pem_from_der(const uint8_t *der, size_t len) {
    vstr_t pem;
    vstr_init(&pem, len + len / 2 + sizeof(SSL_PEM_HEADER) + sizeof(SSL_PEM_FOOTER));
    vstr_printf(&pem, "%s\n", SSL_PEM_HEADER);
    add_base64(&pem, der, len);
    vstr_printf(&pem, "%s\n", SSL_PEM_FOOTER);
    return mp_obj_new_str_from_utf8_vstr(&pem);
}

bool ssl_pem_decode(vstr_t *der, const char *text, size_t len) {
    uint32_t bits = 0;
    size_t count = 0;
    size_t padding = 0;
    for (size_t i = 0; i < len; i++) {
        if (ssl_pem_is_space(text[i])) {
            continue;
        }
        const char *place = text[i] != '\0' && padding == 0 ? strchr(alphabet, text[i]) : NULL;
        if (place == NULL && text[i] != '=') {
            return false;
        }
        padding += text[i] == '=';
        bits = bits << 6 | (place == NULL ? 0 : (uint32_t)(place - alphabet));
        if (++count % 4 == 0) {
            for (size_t k = 0; k < 3 && k + padding < 3; k++) {
                vstr_add_byte(der, (byte)(bits >> (16 - 8 * k)));
            }
        }
    }
    return count % 4 == 0 && padding <= 2;
}

#endif
