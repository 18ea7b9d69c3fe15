// Can threads use connections of one context at the same time, also while it is changed between their calls and
// connections of it are freed?

#include "peers.h"

#include <pthread.h>
#include <time.h>

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

// ---------------------------------------------------------------------------------------------------------------------
// Contexts that change, and finalisers

// What callers see to: a context is not changed while a call on one of its connections runs, nor while one is made.
static pthread_rwlock_t in_calls = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t bin_lock = PTHREAD_MUTEX_INITIALIZER;
static tls_connection_t *bin[16]; // connections that nobody uses any more
static bool work_is_over;
static blob_t anchors;
static blob_t chain;
static blob_t key;

static tls_status_t handshake_in_turn(endpoint_t *endpoint) {
    pthread_rwlock_rdlock(&in_calls);
    tls_status_t status = endpoint_handshake(endpoint);
    pthread_rwlock_unlock(&in_calls);
    return status;
}

// Whatever a connection goes on to use of its context must stay as long as it does.
static bool change(const pair_t *pair, size_t number) {
    static const uint16_t suites[] = {0x1301, 0x1302};
    tls_error_t error;
    tls_context_t *contexts[] = {pair->client.context, pair->server.context};
    bool done = true;
    pthread_rwlock_wrlock(&in_calls);
    for (size_t i = 0; i < 2; i++) {
        done &= tls_context_set_ciphers(contexts[i], &suites[number % 2], 1, &error)
            && tls_context_add_trust_anchors(contexts[i], anchors.data, anchors.len, false, &error);
    }
    done &= tls_context_add_certificate(contexts[1], chain.data, chain.len, key.data, key.len, NULL, &error);
    tls_context_set_session_cache_size(contexts[0], number % 3);
    tls_context_forget_tickets(contexts[1]);
    pthread_rwlock_unlock(&in_calls);
    return done;
}

// A finaliser runs in any thread and at any time.
static void throw_away(endpoint_t *endpoint) {
    pthread_mutex_lock(&bin_lock);
    for (size_t i = 0; i < COUNT(bin); i++) {
        if (bin[i] == NULL) {
            bin[i] = endpoint->connection;
            endpoint->connection = NULL;
            break;
        }
    }
    pthread_mutex_unlock(&bin_lock);
}

static void *collect(void *arg) {
    size_t *freed = arg;
    for (bool over = false; !over;) {
        pthread_mutex_lock(&bin_lock);
        over = work_is_over;
        tls_connection_t *garbage[COUNT(bin)];
        memcpy(garbage, bin, sizeof(bin));
        memset(bin, 0, sizeof(bin));
        pthread_mutex_unlock(&bin_lock);
        for (size_t i = 0; i < COUNT(bin); i++) {
            *freed += garbage[i] != NULL;
            tls_connection_free(garbage[i]);
        }
        nanosleep(&(struct timespec) {.tv_nsec = 100000}, NULL); // the others need the processor, too
    }
    return NULL;
}

static void *work_and_change(void *arg) {
    job_t *job = arg;
    for (size_t i = 0; i < job->handshakes; i += test_stride(1)) {
        tls_error_t error;
        pthread_rwlock_rdlock(&in_calls);
        bool opened = pair_try_reopen(&job->pair, &error);
        pthread_rwlock_unlock(&in_calls);
        if (!opened) {
            return NULL;
        }
        if (i % 3 == 0) {
            // Dropped in its handshake.
            handshake_in_turn(&job->pair.client);
            handshake_in_turn(&job->pair.server);
        } else {
            pump(&job->pair, handshake_in_turn, handshake_in_turn);
            pthread_rwlock_rdlock(&in_calls);
            bool talked = talk(&job->pair, (int)i);
            pthread_rwlock_unlock(&in_calls);
            if (!talked) {
                return NULL;
            }
        }
        throw_away(&job->pair.client);
        throw_away(&job->pair.server);
        if (i % 2 == 0 && !change(&job->pair, i)) {
            return NULL;
        }
    }
    job->done = true;
    return NULL;
}

TEST(contexts_change_and_connections_are_freed_meanwhile) {
    static job_t jobs[THREADS];
    setup_t setup = verified_setup();
    set_version(&setup, TLS_VERSION_1_3);
    anchors = load("other-root", ".pem");
    chain = load("ec", "-chain.pem");
    key = load("ec", ".key");
    pair_t pair;
    pair_open(&pair, &setup);
    pthread_t collector;
    size_t freed = 0;
    work_is_over = false;
    assert_int_equal(pthread_create(&collector, NULL, collect, &freed), 0);
    for (size_t i = 0; i < THREADS; i++) {
        jobs[i] = (job_t) {.pair = pair, .handshakes = 20};
        jobs[i].pair.client.connection = jobs[i].pair.server.connection = NULL;
        jobs[i].pair.client.wire = jobs[i].pair.server.wire = (wire_end_t) {0};
        tls_context_retain(pair.client.context);
        tls_context_retain(pair.server.context);
        assert_int_equal(pthread_create(&jobs[i].thread, NULL, work_and_change, &jobs[i]), 0);
    }
    pair_close(&pair);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(jobs[i].thread, NULL), 0);
        require(&jobs[i].pair.client, jobs[i].done, "thread %zu failed", i);
        pair_close(&jobs[i].pair);
    }
    pthread_mutex_lock(&bin_lock);
    work_is_over = true;
    pthread_mutex_unlock(&bin_lock);
    assert_int_equal(pthread_join(collector, NULL), 0);
    assert_true(freed > THREADS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ecdsa_and_tls13),
        cmocka_unit_test(kept_sessions),
        cmocka_unit_test(mutual_rsa_and_tls12),
        cmocka_unit_test(contexts_change_and_connections_are_freed_meanwhile),
    };
    return RUN_TESTS("threads");
}
