// Are keys wiped before their memory is freed?
//
// The linker sends every free() and realloc() of the program here first, those of the library through src/engine too.

#define _GNU_SOURCE // memmem

#include "engine/memory.h"
#include "peers.h"

#include <malloc.h>

// Under valgrind what nobody has written may be looked at here.
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_DEFINED(block, size) ((void)0)
#endif

#define SECRETS_MAX 8
#define SECRET_SIZE 16

static uint8_t secrets[SECRETS_MAX][SECRET_SIZE];
static size_t secret_count;
static size_t found_in_freed;
static bool watching;

static void look_for_secrets(const void *block) {
    if (!watching || block == NULL) {
        return;
    }
    size_t size = malloc_usable_size((void *)(uintptr_t)block);
    (void)VALGRIND_MAKE_MEM_DEFINED(block, size);
    for (size_t i = 0; i < secret_count; i++) {
        if (memmem(block, size, secrets[i], SECRET_SIZE) != NULL) {
            found_in_freed++;
        }
    }
}

void __real_free(void *block);
void *__real_realloc(void *block, size_t size);

void __wrap_free(void *block) {
    look_for_secrets(block);
    __real_free(block);
}

// The old block may be freed, so that nothing secret may grow.
void *__wrap_realloc(void *block, size_t size) {
    look_for_secrets(block);
    return __real_realloc(block, size);
}

// Bytes of a secret; also in the other order, as big numbers are kept.
static void watch_for(const uint8_t *secret) {
    assert_true(secret_count + 2 <= SECRETS_MAX);
    memcpy(secrets[secret_count++], secret, SECRET_SIZE);
    for (size_t i = 0; i < SECRET_SIZE; i++) {
        secrets[secret_count][i] = secret[SECRET_SIZE - 1 - i];
    }
    secret_count++;
}

static void start_watching(void) {
    found_in_freed = 0;
    watching = true;
}

static void stop_watching(void) {
    watching = false;
    secret_count = 0;
    assert_int_equal(found_in_freed, 0);
}

static void live(const setup_t *setup) {
    start_watching();
    pair_t pair;
    pair_connect(&pair, setup);
    pair_chat(&pair);
    pair_close(&pair);
    stop_watching();
}

TEST(a_secret_that_is_not_wiped_is_found) {
    const char *secret = "0123456789abcdef";
    watch_for((const uint8_t *)secret);
    start_watching();
    uint8_t *block = tls_calloc(1, 100);
    memcpy(block + 3, secret, SECRET_SIZE);
    tls_free(block);
    watching = false;
    secret_count = 0;
    assert_int_equal(found_in_freed, 1);
}

TEST(shared_keys) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = psk_setup();
        set_version(&setup, all_versions[v]);
        watch_for((const uint8_t *)setup.client.psk_key);
        live(&setup);
    }
}

// Takes the private value out of a SEC1 key (RFC 5915): a SEQUENCE, the version, an OCTET STRING of 32 bytes.
static void watch_for_ec_key(void) {
    blob_t key = load("ec", ".sec1.der");
    assert_int_equal(key.data[5], 4);
    assert_int_equal(key.data[6], 32);
    watch_for(key.data + 7);
}

static void watch_for_pem(const char *name, const char *suffix) {
    blob_t key = load(name, suffix);
    const uint8_t *line = memchr(key.data, '\n', key.len);
    watch_for(line + 33); // base64 of what differs from key to key
}

TEST(private_keys) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        watch_for_ec_key();
        watch_for_pem("ec", ".key");
        live(&setup);
    }
}

TEST(private_keys_in_every_format) {
    static const char *const suffixes[] = {".sec1.pem", ".sec1.der", ".pkcs8.pem", ".pkcs8.der", ".encrypted.pem",
        ".encrypted.der"};
    for (size_t i = 0; i < COUNT(suffixes); i++) {
        blob_t key = load("ec", suffixes[i]);
        blob_t chain = load("ec", ".pem");
        watch_for_ec_key();
        start_watching();
        tls_error_t error;
        tls_context_t *context = tls_context_new(TLS_PROTOCOL_SERVER, &error);
        bool added = tls_context_add_certificate(context, chain.data, chain.len, key.data, key.len, "secret", &error);
        bool checked = tls_check_private_key(key.data, key.len, "secret", &error);
        tls_context_release(context);
        if (found_in_freed > 0) {
            print_error("ec%s: found %zu times\n", suffixes[i], found_in_freed);
        }
        stop_watching();
        assert_true(added);
        assert_true(checked);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_that_is_not_wiped_is_found),
        cmocka_unit_test(shared_keys),
        cmocka_unit_test(private_keys),
        cmocka_unit_test(private_keys_in_every_format),
    };
    return RUN_TESTS("secrets");
}
