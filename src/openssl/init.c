// The library as a whole: start, version, features.

#include "openssl/internal.h"

#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

// ---------------------------------------------------------------------------------------------------------------------
// Memory

// The library does not always say that it was memory that it lacked, so requests are watched.
static __thread bool memory_was_refused;
static __thread bool memory_is_wiped;
static __thread bool memory_is_withheld;

void tls_memory_watch(void) {
    memory_was_refused = false;
}

bool tls_memory_was_refused(void) {
    return memory_was_refused;
}

bool tls_memory_wipe_freed(bool wipe) {
    bool before = memory_is_wiped;
    memory_is_wiped = wipe;
    return before;
}

bool tls_freeing_begin(void) {
    bool outer = memory_is_withheld;
    memory_is_withheld = true;
    ERR_set_mark();
    return outer;
}

void tls_freeing_end(bool outer) {
    ERR_pop_to_mark();
    memory_is_withheld = outer;
}

void *tls_zalloc(size_t size) {
    void *result = tls_calloc(1, size);
    memory_was_refused = memory_was_refused || result == NULL;
    return result;
}

void *tls_resize(void *block, size_t size) {
    void *result = tls_realloc(block, size);
    memory_was_refused = memory_was_refused || result == NULL;
    return result;
}

static void library_free(void *block, const char *file, int line) {
    (void)file;
    (void)line;
    if (block == NULL) {
        return; // most of its calls
    }
    if (memory_is_wiped || memory_is_withheld) {
        tls_wipe_and_free(block);
    } else {
        tls_free(block);
    }
}

static void *library_malloc(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    if (memory_is_withheld) {
        return NULL;
    }
    // Not zeroed: that would cost more than it is good for, with a record buffer for every record.
    void *result = tls_malloc(size);
    memory_was_refused = memory_was_refused || result == NULL;
    return result;
}

static void *library_realloc(void *block, size_t size, const char *file, int line) {
    if (memory_is_withheld) {
        return NULL;
    }
    if (block == NULL || !memory_is_wiped) {
        return tls_resize(block, size);
    }
    void *result = library_malloc(size, file, line);
    if (result != NULL) {
        size_t old_size = tls_block_size(block);
        memcpy(result, block, old_size < size ? old_size : size);
        library_free(block, file, line);
    }
    return result;
}

// ---------------------------------------------------------------------------------------------------------------------
// Start

// When memory runs out while the library looks for the first time for an algorithm of some kind, it takes that kind for
// unsupported from then on (seen in 3.0.22 and 3.5.7: ossl_method_construct() marks a provider as done for an operation
// before it is). So one of each kind that a handshake needs is looked for now.
static bool fetch_every_kind(void) {
    EVP_MD *digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KEYMGMT *management = EVP_KEYMGMT_fetch(NULL, "EC", NULL);
    EVP_KEYEXCH *exchange = EVP_KEYEXCH_fetch(NULL, "ECDH", NULL);
    EVP_SIGNATURE *signature = EVP_SIGNATURE_fetch(NULL, "ECDSA", NULL);
    EVP_ASYM_CIPHER *asymmetric = EVP_ASYM_CIPHER_fetch(NULL, "RSA", NULL);
    EVP_KEM *encapsulation = EVP_KEM_fetch(NULL, "RSA", NULL);
    OSSL_DECODER *decoder = OSSL_DECODER_fetch(NULL, "RSA", NULL);
    EVP_MD_free(digest);
    EVP_CIPHER_free(cipher);
    EVP_MAC_free(mac);
    EVP_KDF_free(kdf);
    EVP_KEYMGMT_free(management);
    EVP_KEYEXCH_free(exchange);
    EVP_SIGNATURE_free(signature);
    EVP_ASYM_CIPHER_free(asymmetric);
    EVP_KEM_free(encapsulation);
    OSSL_DECODER_free(decoder);
    return !tls_memory_was_refused();
}

// Likewise, a decoder that could not be put together is kept as it is, by what it is for (seen in 3.5.7:
// OSSL_DECODER_CTX_new_for_pkey() has a cache; 3.0 has none, and forgets this).
static bool build_decoders(void) {
    static const struct {
        const char *format;
        const char *structure;
        const char *type; // as OBJ_obj2txt() names it
        int selection;
    } uses[] = {
        {"DER", "SubjectPublicKeyInfo", "rsaEncryption", EVP_PKEY_PUBLIC_KEY},
        {"DER", "SubjectPublicKeyInfo", "id-ecPublicKey", EVP_PKEY_PUBLIC_KEY},
        {"DER", "PrivateKeyInfo", "rsaEncryption", EVP_PKEY_KEYPAIR},
        {"DER", "PrivateKeyInfo", "id-ecPublicKey", EVP_PKEY_KEYPAIR},
        {"DER", "type-specific", NULL, EVP_PKEY_KEYPAIR},
        {"PEM", NULL, NULL, EVP_PKEY_KEYPAIR},
    };
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        EVP_PKEY *key = NULL;
        OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(&key, uses[i].format, uses[i].structure,
            uses[i].type, uses[i].selection, NULL, NULL);
        OSSL_DECODER_CTX_free(decoder);
    }
    return !tls_memory_was_refused();
}

static bool start_library(void) {
    // Fails when something else in the process has used the library already; then its own allocator stays, which is
    // as good but for the reclaim hook.
    CRYPTO_set_mem_functions(library_malloc, library_realloc, library_free);
    // Without an atexit handler: finalisers and other threads may still use the library while the process ends.
    if (!OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL)) {
        return false;
    }
    tls_memory_watch();
    return RAND_status() == 1 && fetch_every_kind() && build_decoders() && tls_ciphers_init() && tls_transport_init();
}

bool tls_engine_init(void) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static bool started;
    pthread_mutex_lock(&mutex);
    if (!started) {
        started = start_library();
        tls_errors_clear();
    }
    bool result = started;
    pthread_mutex_unlock(&mutex);
    return result;
}

const char *tls_engine_version(void) {
    return OpenSSL_version(OPENSSL_VERSION);
}

bool tls_engine_has(tls_feature_t feature) {
    static const bool features[] = {
        [TLS_FEATURE_TLS_1_2] = true,
        [TLS_FEATURE_TLS_1_3] = TLS_HAS_TLS_1_3,
        [TLS_FEATURE_DTLS] = TLS_HAS_DTLS,
        [TLS_FEATURE_PSK] = TLS_HAS_PSK,
        [TLS_FEATURE_CLIENT] = true,
        [TLS_FEATURE_SERVER] = true,
        [TLS_FEATURE_ECDH] = true,
        [TLS_FEATURE_SNI] = true,
        [TLS_FEATURE_PEM] = true,
        [TLS_FEATURE_PEER_CERTIFICATE] = true,
        [TLS_FEATURE_ALPN] = true,
        [TLS_FEATURE_CRL] = MICROPY_PY_SSL_CRL,
        [TLS_FEATURE_BUNDLE] = MICROPY_PY_SSL_BUNDLE,
        [TLS_FEATURE_EXPORTER] = MICROPY_PY_SSL_CHANNEL_BINDING,
        [TLS_FEATURE_TLS_UNIQUE] = MICROPY_PY_SSL_CHANNEL_BINDING,
    };
    return features[feature];
}
