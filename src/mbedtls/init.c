// What the whole process shares: the library's allocator and its source of random numbers.

#include "internal.h"

#include "ssl_config.h"

static unsigned failed_allocations;

// Of the input and the output buffer, in the order in which the library asks for them; 0: not to be shortened.
static COMPAT_THREAD_LOCAL size_t shortened_buffers[2];

void shorten_next_buffers(size_t input_size, size_t output_size) {
    shortened_buffers[0] = input_size;
    shortened_buffers[1] = output_size;
}

bool end_shortening(void) {
    bool were_used = shortened_buffers[0] == 0 && shortened_buffers[1] == 0;
    shorten_next_buffers(0, 0);
    return were_used;
}

static size_t shorten(size_t size) {
    static const size_t lengths[] = {MBEDTLS_SSL_IN_CONTENT_LEN, MBEDTLS_SSL_OUT_CONTENT_LEN};
    int next = shortened_buffers[0] != 0 ? 0 : 1;
    if (shortened_buffers[next] != 0 && size >= lengths[next]) {
        size = shortened_buffers[next];
        shortened_buffers[next] = 0;
    }
    return size;
}

// The library's codes do not always tell that memory ran out: a signature that could not be checked for want of memory
// is a wrong signature to it. So requests that fail are counted.
static void *library_calloc(size_t count, size_t size) {
    void *block = tls_calloc(count, shorten(size));
    if (block == NULL) {
        compat_count(&failed_allocations);
    }
    return block;
}

unsigned count_failed_allocations(void) {
    return compat_counted(&failed_allocations);
}

#ifndef MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG

static mbedtls_entropy_source_state first_source;

// If memory runs out while the generator is seeded anew, as it is every 10,000 requests, the library (3.6.6) has freed
// its hash of entropy, and takes it for a good one the next time. Before that it asks its first source.
static int mend_and_poll(void *context, unsigned char *out, size_t size, size_t *len) {
    mbedtls_entropy_context *entropy = context;
    if (entropy->MBEDTLS_PRIVATE(accumulator).MBEDTLS_PRIVATE(md_ctx) == NULL) {
        mbedtls_md_init(&entropy->MBEDTLS_PRIVATE(accumulator));
        entropy->MBEDTLS_PRIVATE(accumulator_started) = 0;
    }
    return first_source.MBEDTLS_PRIVATE(f_source)(first_source.MBEDTLS_PRIVATE(p_source), out, size, len);
}

void compat_entropy_init(mbedtls_entropy_context *entropy) {
    mbedtls_entropy_init(entropy);
    if (entropy->MBEDTLS_PRIVATE(source_count) > 0) {
        first_source = entropy->MBEDTLS_PRIVATE(source)[0];
        entropy->MBEDTLS_PRIVATE(source)[0].MBEDTLS_PRIVATE(f_source) = mend_and_poll;
        entropy->MBEDTLS_PRIVATE(source)[0].MBEDTLS_PRIVATE(p_source) = entropy;
    }
}

#endif

#ifndef MBEDTLS_PSA_CRYPTO_C

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context generator;

static bool start_generator(void) {
    compat_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&generator);
    if (mbedtls_ctr_drbg_seed(&generator, mbedtls_entropy_func, &entropy, NULL, 0) == 0) {
        return true;
    }
    mbedtls_ctr_drbg_free(&generator);
    mbedtls_entropy_free(&entropy);
    return false;
}

static bool ready;

bool compat_random_start(void) {
    static unsigned char lock;

    while (!compat_try_lock(&lock)) {
        // Another thread is at it, for the milliseconds that gathering entropy takes.
    }
    ready = ready || start_generator();
    bool result = ready;
    compat_unlock(&lock);
    return result;
}

void compat_random_stop(void) {
    if (ready) {
        mbedtls_ctr_drbg_free(&generator);
        mbedtls_entropy_free(&entropy);
        ready = false;
    }
}

int compat_random(void *context, unsigned char *out, size_t size) {
    (void)context;
    while (size > 0) {
        size_t part = size < MBEDTLS_CTR_DRBG_MAX_REQUEST ? size : MBEDTLS_CTR_DRBG_MAX_REQUEST;
        int ret = mbedtls_ctr_drbg_random(&generator, out, part);
        if (ret != 0) {
            return ret;
        }
        out += part;
        size -= part;
    }
    return 0;
}

#endif

#if MICROPY_PY_SSL_GC_HEAP

// No more than that: what the library allocates for itself has to have a context that holds it.
bool tls_engine_init(void) {
    compat_set_allocator(library_calloc);
    return true;
}

static unsigned contexts;

bool library_retain(void) {
    contexts++; // first: what follows may collect garbage, and with it what was the last context
    if (compat_random_start()) {
        return true;
    }
    library_release();
    return false;
}

void library_release(void) {
    if (--contexts == 0) {
        compat_random_stop();
    }
}

#else

bool tls_engine_init(void) {
    compat_set_allocator(library_calloc);
    return compat_random_start();
}

// Started once and for the life of the process.
bool library_retain(void) {
    return true;
}

void library_release(void) {
}

#endif

const char *tls_engine_version(void) {
    return MBEDTLS_VERSION_STRING_FULL;
}

bool tls_engine_has(tls_feature_t feature) {
    static const bool features[] = {
        [TLS_FEATURE_TLS_1_2] = COMPAT_TLS_1_2,
        [TLS_FEATURE_TLS_1_3] = COMPAT_TLS_1_3,
        [TLS_FEATURE_DTLS] = COMPAT_DTLS,
        [TLS_FEATURE_PSK] = COMPAT_PSK,
        [TLS_FEATURE_CLIENT] = COMPAT_CLIENT,
        [TLS_FEATURE_SERVER] = COMPAT_SERVER,
        [TLS_FEATURE_ECDH] = COMPAT_ECDH,
        [TLS_FEATURE_SNI] = COMPAT_SNI,
        [TLS_FEATURE_PEM] = COMPAT_PEM,
        [TLS_FEATURE_PEER_CERTIFICATE] = COMPAT_PEER_CERTIFICATE,
        [TLS_FEATURE_ALPN] = COMPAT_ALPN,
        [TLS_FEATURE_CRL] = COMPAT_CRL,
        [TLS_FEATURE_BUNDLE] = COMPAT_BUNDLE,
        [TLS_FEATURE_EXPORTER] = COMPAT_EXPORTER,
        [TLS_FEATURE_TLS_UNIQUE] = COMPAT_TLS_UNIQUE,
    };
    return features[feature];
}
