// RAND_set_rand_method() is the old way to bring random numbers of one's own, and the short one.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "random.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static bool in_clear;

static int fill(unsigned char *out, int len) {
    random_fill(out, (size_t)len);
    return 1;
}

static int is_ready(void) {
    return 1;
}

void library_start(void) {
    static const RAND_METHOD method = {.bytes = fill, .pseudorand = fill, .status = is_ready};
    if (RAND_set_rand_method(&method) != 1) {
        abort();
    }
}

void library_set_clear(bool clear) {
    in_clear = clear;
}

// As the program's own functions these are found by libssl before libcrypto's. It encrypts records with them and
// nothing else: tickets and keys go other ways.

static void *next(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL) {
        abort();
    }
    return function;
}

#define TAG_SIZE         16
#define EXPLICIT_IV_SIZE 8 // of GCM and CCM in TLS 1.2

static bool is_authenticating(const EVP_CIPHER_CTX *context) {
    return (EVP_CIPHER_get_flags(EVP_CIPHER_CTX_get0_cipher(context)) & EVP_CIPH_FLAG_AEAD_CIPHER) != 0;
}

// The context of a record of TLS 1.3, in whose calls the text is alone: additional data and tag go by themselves. In
// TLS 1.2 one call has the explicit IV, the text and the tag.
static const EVP_CIPHER_CTX *separate;

static int explicit_iv_size(const EVP_CIPHER_CTX *context) {
    bool chacha = EVP_CIPHER_get_mode(EVP_CIPHER_CTX_get0_cipher(context)) == EVP_CIPH_STREAM_CIPHER;
    return chacha ? 0 : EXPLICIT_IV_SIZE;
}

int EVP_CipherUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *out_len, const unsigned char *in, int in_len) {
    static int (*update)(EVP_CIPHER_CTX *, unsigned char *, int *, const unsigned char *, int);
    if (update == NULL) {
        *(void **)&update = next("EVP_CipherUpdate");
    }
    if (out == NULL) {
        separate = context;
    }
    if (!in_clear || out == NULL || in_len <= 0 || !is_authenticating(context)) {
        return update(context, out, out_len, in, in_len);
    }
    unsigned char *text = malloc((size_t)in_len);
    if (text == NULL) {
        abort();
    }
    memcpy(text, in, (size_t)in_len);
    int before = separate == context ? 0 : explicit_iv_size(context);
    int around = separate == context ? 0 : before + TAG_SIZE;
    int result = in_len >= around;
    if (EVP_CIPHER_CTX_is_encrypting(context)) {
        result = update(context, out, out_len, in, in_len);
    } else if (result == 1) {
        *out_len = in_len - around;
    }
    if (result == 1) {
        memcpy(out + before, text + before, (size_t)(in_len - around));
    }
    free(text);
    return result;
}

int EVP_CipherFinal_ex(EVP_CIPHER_CTX *context, unsigned char *out, int *out_len) {
    static int (*final)(EVP_CIPHER_CTX *, unsigned char *, int *);
    if (final == NULL) {
        *(void **)&final = next("EVP_CipherFinal_ex");
    }
    separate = NULL;
    if (in_clear && is_authenticating(context) && !EVP_CIPHER_CTX_is_encrypting(context)) {
        *out_len = 0;
        return 1;
    }
    return final(context, out, out_len);
}
