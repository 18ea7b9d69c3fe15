#include "random.h"

#include <mbedtls/cipher.h>
#include <mbedtls/platform_time.h>

#include <string.h>

// The linker puts these in the place of the library's functions (--wrap).
int __wrap_mbedtls_ctr_drbg_random(void *generator, unsigned char *out, size_t len);
mbedtls_ms_time_t __wrap_mbedtls_ms_time(void);
int __wrap_mbedtls_cipher_auth_encrypt_ext(mbedtls_cipher_context_t *context, const unsigned char *iv, size_t iv_len,
    const unsigned char *ad, size_t ad_len, const unsigned char *input, size_t input_len, unsigned char *output,
    size_t output_size, size_t *output_len, size_t tag_len);
int __wrap_mbedtls_cipher_auth_decrypt_ext(mbedtls_cipher_context_t *context, const unsigned char *iv, size_t iv_len,
    const unsigned char *ad, size_t ad_len, const unsigned char *input, size_t input_len, unsigned char *output,
    size_t output_size, size_t *output_len, size_t tag_len);
int __real_mbedtls_cipher_auth_encrypt_ext(mbedtls_cipher_context_t *context, const unsigned char *iv, size_t iv_len,
    const unsigned char *ad, size_t ad_len, const unsigned char *input, size_t input_len, unsigned char *output,
    size_t output_size, size_t *output_len, size_t tag_len);
int __real_mbedtls_cipher_auth_decrypt_ext(mbedtls_cipher_context_t *context, const unsigned char *iv, size_t iv_len,
    const unsigned char *ad, size_t ad_len, const unsigned char *input, size_t input_len, unsigned char *output,
    size_t output_size, size_t *output_len, size_t tag_len);

static bool in_clear;

void library_start(void) {
}

void library_set_clear(bool clear) {
    in_clear = clear;
}

int __wrap_mbedtls_ctr_drbg_random(void *generator, unsigned char *out, size_t len) {
    (void)generator;
    random_fill(out, len);
    return 0;
}

mbedtls_ms_time_t __wrap_mbedtls_ms_time(void) {
    return clock_milliseconds();
}

int __wrap_mbedtls_cipher_auth_encrypt_ext(mbedtls_cipher_context_t *context, const unsigned char *iv, size_t iv_len,
    const unsigned char *ad, size_t ad_len, const unsigned char *input, size_t input_len, unsigned char *output,
    size_t output_size, size_t *output_len, size_t tag_len) {
    if (!in_clear) {
        return __real_mbedtls_cipher_auth_encrypt_ext(context, iv, iv_len, ad, ad_len, input, input_len, output,
            output_size, output_len, tag_len);
    }
    if (output_size < input_len + tag_len) {
        return MBEDTLS_ERR_CIPHER_BAD_INPUT_DATA;
    }
    memmove(output, input, input_len);
    memset(output + input_len, 0, tag_len);
    *output_len = input_len + tag_len;
    return 0;
}

int __wrap_mbedtls_cipher_auth_decrypt_ext(mbedtls_cipher_context_t *context, const unsigned char *iv, size_t iv_len,
    const unsigned char *ad, size_t ad_len, const unsigned char *input, size_t input_len, unsigned char *output,
    size_t output_size, size_t *output_len, size_t tag_len) {
    if (!in_clear) {
        return __real_mbedtls_cipher_auth_decrypt_ext(context, iv, iv_len, ad, ad_len, input, input_len, output,
            output_size, output_len, tag_len);
    }
    if (input_len < tag_len || output_size < input_len - tag_len) {
        return MBEDTLS_ERR_CIPHER_BAD_INPUT_DATA;
    }
    memmove(output, input, input_len - tag_len);
    *output_len = input_len - tag_len;
    return 0;
}
