// Can threads use connections of one context at the same time?

#include "peers.h"

#include <pthread.h>

#define THREADS 8

typedef struct job {
    pthread_t thread;
    pair_t pair; // its own connections; the contexts are everybody's
    size_t handshakes;
    bool done;
} job_t;

static bool say(endpoint_t *from, endpoint_t *to, int value) {
    uint8_t sent[1000];
    uint8_t received[sizeof(sent)];
    size_t count;
    memset(sent, value, sizeof(sent));
    return endpoint_write(from, sent, sizeof(sent), &count) == TLS_OK && count == sizeof(sent)
        && endpoint_read(to, received, sizeof(received), &count) == TLS_OK && count == sizeof(sent)
        && memcmp(sent, received, sizeof(sent)) == 0;
}

static bool talk(pair_t *pair, int value) {
    return say(&pair->client, &pair->server, value) && say(&pair->server, &pair->client, value);
}

// Assertions of cmocka belong to the thread that runs the test, so this one only says how far it came.
static void *work(void *arg) {
    job_t *job = arg;
    for (size_t i = 0; i < job->handshakes; i += test_stride(1)) {
        tls_error_t error;
        if (!pair_try_reopen(&job->pair, &error) || !pair_handshake(&job->pair) || !talk(&job->pair, (int)i)) {
            return NULL;
        }
    }
    job->done = true;
    return NULL;
}

static void check(const setup_t *setup, size_t handshakes, size_t kept_sessions) {
    static job_t jobs[THREADS];
    pair_t pair;
    pair_open(&pair, setup);
    tls_context_set_session_cache_size(pair.client.context, kept_sessions);
    for (size_t i = 0; i < THREADS; i++) {
        jobs[i].handshakes = handshakes;
        jobs[i].done = false;
        jobs[i].pair = pair;
        jobs[i].pair.client.connection = jobs[i].pair.server.connection = NULL;
        jobs[i].pair.client.wire = jobs[i].pair.server.wire = (wire_end_t) {0};
        tls_context_retain(pair.client.context);
        tls_context_retain(pair.server.context);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&jobs[i].thread, NULL, work, &jobs[i]), 0);
    }
    // The contexts lose their owner while the threads are at work.
    pair_close(&pair);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(jobs[i].thread, NULL), 0);
        require(&jobs[i].pair.client, jobs[i].done, "thread %zu failed", i);
        pair_close(&jobs[i].pair);
    }
}

TEST(ecdsa_and_tls13) {
    setup_t setup = verified_setup();
    set_version(&setup, TLS_VERSION_1_3);
    check(&setup, 20, 0);
}

// All take from what the context keeps, and put back.
TEST(kept_sessions) {
    for (size_t v = 0; v < COUNT(all_versions); v++) {
        setup_t setup = verified_setup();
        set_version(&setup, all_versions[v]);
        check(&setup, 20, 2);
    }
}

TEST(mutual_rsa_and_tls12) {
    setup_t setup = verified_setup();
    set_version(&setup, TLS_VERSION_1_2);
    setup.server.certificate = "rsa";
    setup.server.anchors = "root";
    setup.server.verify = TLS_VERIFY_MODE_REQUIRED;
    setup.client.certificate = "client-rsa";
    check(&setup, 5, 0); // slow, but an RSA key keeps values of its own from one use to the next
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ecdsa_and_tls13),
        cmocka_unit_test(kept_sessions),
        cmocka_unit_test(mutual_rsa_and_tls12),
    };
    return RUN_TESTS("threads");
}
