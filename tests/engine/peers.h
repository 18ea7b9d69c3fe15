// Two connections face to face over a wire, and what tests ask of them.
//
// Every call of the engine goes through endpoint_*(), which gives it a host of its own on the stack, keeps the status
// and the error in the endpoint, and checks what the contract says of every call: a test need not say it again.

#ifndef TESTS_ENGINE_PEERS_H
#define TESTS_ENGINE_PEERS_H

#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// ---------------------------------------------------------------------------------------------------------------------
// Files that tools/make-certs made

typedef struct blob {
    uint8_t *data; // exactly `len` bytes of memory, so that reading beyond them is found
    size_t len;
} blob_t;

// The content of the file whose name is the parts joined; it lives until the program ends.
blob_t load(const char *name, const char *suffix);

// ---------------------------------------------------------------------------------------------------------------------
// Configuration

typedef struct side {
    const char *certificate;        // name of a chain and its key, or NULL
    const char *second_certificate; // one with another type of key, or NULL
    const char *anchors;            // name of trust anchors, or NULL
    tls_verify_mode_t verify;
    int minimum; // versions; 0: as the context has them
    int maximum;
    uint16_t ciphers[8];      // up to the first 0; none: as the context has them
    size_t max_record;        // 0: as the context has it
    const char *alpn[4];      // up to the first NULL
    const char *groups[4];    // the same; none: as the context has them
    size_t mtu;               // 0: as the context has it
    const char *psk_identity; // client: to offer; server: to know
    const char *psk_key;
    bool psk_from_hook;   // client: only its hook knows them
    const char *psk_hint; // server: to tell clients
    const char *hostname;
    bool skip_hostname_check;
    const char *client_id;
    int tickets; // 0: as the context has it; negative: none
} side_t;

typedef struct setup {
    bool datagram;
    side_t client;
    side_t server;
    const side_t *other; // what the server's hook for names chooses instead; NULL: there is no such hook
} setup_t;

// A client that trusts root and asks for server.test, and a server with the certificate ec.
setup_t verified_setup(void);

// A client and a server that share a key and have no certificates.
setup_t psk_setup(void);

// Allows one version only, at both ends.
void set_version(setup_t *setup, int version);

extern const int all_versions[2];
const char *version_name(int version, bool datagram);

// ---------------------------------------------------------------------------------------------------------------------
// Endpoints

#define VERIFY_CALLS_MAX 8

#define KEYLOG_LINES_MAX 8
#define KEYLOG_LINE_SIZE 200

#define TIME_2000_01_01 INT64_C(946684800)
#define TIME_2021_06_01 INT64_C(1622505600)
#define TIME_2026_06_01 INT64_C(1780272000) // what the clock of an endpoint shows unless told otherwise
#define TIME_2048_06_01 INT64_C(2474582400)

// What the engine takes for MICROPY_PY_SSL_EARLIEST_TIME; 0 unless a test sets it.
extern int64_t earliest_time;

typedef struct endpoint {
    tls_context_t *context;
    tls_connection_t *connection;
    tls_session_t *session; // client: to offer by the next connection; the test holds it
    wire_end_t wire;
    side_t side;
    bool is_server;
    tls_context_t *other; // server: what its hook for names chooses, or NULL
    side_t other_side;

    // What the hooks answer. A test may set it at any time.
    int64_t now;
    bool no_verify_hook;
    tls_status_t verify_answer; // for the certificate at verify_answer_depth
    unsigned verify_answer_depth;
    bool no_psk_hook;
    tls_status_t psk_answer; // TLS_OK: looks the identity up, or gives the client its own
    bool sni;                // there is such a hook, as there is with `other`
    tls_status_t sni_answer;
    int sni_alert;              // 0: as it is
    bool keylog;                // there is such a hook
    tls_status_t keylog_answer; // to one line; then it is TLS_OK again
    void (*in_hook)(void);      // what else every hook does, or NULL

    // What they were asked.
    unsigned verify_calls;
    unsigned verify_depth[VERIFY_CALLS_MAX];
    uint64_t verify_hash[VERIFY_CALLS_MAX]; // hash_bytes() of the certificate
    unsigned psk_calls;
    char psk_hint[16]; // of the latest call at a client
    unsigned sni_calls;
    char sni_name[256]; // of the latest call, "" for none
    bool chose_other;
    unsigned keylog_calls;
    char keylog_lines[KEYLOG_LINES_MAX][KEYLOG_LINE_SIZE];

    // How the latest call ended.
    tls_status_t status;
    tls_error_t error;
    bool eof_seen;
    size_t aborts; // calls that ended with TLS_ABORTED
} endpoint_t;

tls_status_t endpoint_handshake(endpoint_t *endpoint);
tls_status_t endpoint_read(endpoint_t *endpoint, void *buf, size_t size, size_t *count);
tls_status_t endpoint_write(endpoint_t *endpoint, const void *buf, size_t size, size_t *count);
tls_status_t endpoint_flush(endpoint_t *endpoint);
tls_status_t endpoint_close_notify(endpoint_t *endpoint);
int32_t endpoint_timeout_ms(endpoint_t *endpoint);

// Time passes: hooks.ticks_ms counts on, at all endpoints.
void advance_clock(uint32_t ms);
void reset_clock(void); // to what it showed when the program began

// The cipher suite in use; 0 before the handshake.
uint16_t endpoint_suite(const endpoint_t *endpoint);

// A step: reads up to 64 bytes and throws them away.
tls_status_t endpoint_read_some(endpoint_t *endpoint);

// ---------------------------------------------------------------------------------------------------------------------
// Pairs

typedef struct pair {
    endpoint_t client;
    endpoint_t server;
    bool datagram;
} pair_t;

// Makes both contexts and connections; the handshake has not begun. pair_try_open() says whether it worked, the other
// insists. Either way pair_close() is due.
bool pair_try_open(pair_t *pair, const setup_t *setup, tls_error_t *error);
void pair_open(pair_t *pair, const setup_t *setup);

// New connections of the same contexts, over a new wire.
bool pair_try_reopen(pair_t *pair, tls_error_t *error);
void pair_reopen(pair_t *pair);

void pair_close(pair_t *pair);

// Takes a step at each end in turn until each step ended with something other than WANT_* or ABORTED, or nothing moves
// any more. An end that failed closes its transport. Datagram pairs do not wait for their timers: the clock jumps.
typedef tls_status_t (*step_t)(endpoint_t *endpoint);
void pump(pair_t *pair, step_t client_step, step_t server_step);

// The handshake at both ends; whether both completed it.
bool pair_handshake(pair_t *pair);

// The same in one go with pair_open(); it must succeed.
void pair_connect(pair_t *pair, const setup_t *setup);

// Moves so many bytes in both directions at the same time, in pieces of random sizes, and compares each.
void pair_transfer(pair_t *pair, size_t client_bytes, size_t server_bytes);

// Sends a short message each way.
void pair_chat(pair_t *pair);

// ---------------------------------------------------------------------------------------------------------------------
// Assertions

const char *status_name(tls_status_t status);
void show_endpoint(const endpoint_t *endpoint);

// Demands a condition and shows both how the endpoint's latest call ended and the sentence (as printf) if it is false.
#define require(endpoint, condition, ...) \
    do { \
        if (!(condition)) { \
            show_endpoint(endpoint); \
            print_error(__VA_ARGS__); \
            print_error("\n"); \
            _fail(__FILE__, __LINE__); \
        } \
    } while (0)

#define assert_status(endpoint, expected) \
    require(endpoint, (endpoint)->status == (expected), "expected %s", status_name(expected))

#define assert_failed(endpoint, expected_kind, expected_code) \
    do { \
        assert_status(endpoint, TLS_ERROR); \
        require(endpoint, (endpoint)->error.kind == (expected_kind), "expected " #expected_kind); \
        require(endpoint, (endpoint)->error.code == (expected_code), "expected " #expected_code); \
    } while (0)

// Our own alert, and the failure at the other end that it causes.
#define assert_sent_alert(endpoint, number) \
    require(endpoint, (endpoint)->error.alert == (number) && !(endpoint)->error.alert_from_peer, \
        "expected an alert %d of ours", number)
#define assert_got_alert(endpoint, number) \
    do { \
        assert_failed(endpoint, TLS_ERROR_PEER_ALERT, TLS_CODE_FATAL_ALERT); \
        require(endpoint, (endpoint)->error.alert == (number) && (endpoint)->error.alert_from_peer, \
            "expected alert %d of the peer", number); \
    } while (0)

#define assert_detail(endpoint, words) \
    require(endpoint, strstr((endpoint)->error.detail, words) != NULL, "expected a detail with \"%s\"", words)

// ---------------------------------------------------------------------------------------------------------------------
// Bytes

uint64_t hash_bytes(const void *data, size_t len);

// The number that random choices start from: the environment's TEST_SEED, or always the same. It is printed.
uint32_t test_seed(void);

// How large the steps of a long sweep are: `step` times the environment's TEST_STRIDE. That is 1 by default, more where
// everything is slow, and 0 for those who want every single step.
size_t test_stride(size_t step);

// From 0 to below `limit`.
uint32_t random_below(uint32_t *state, uint32_t limit);

// ---------------------------------------------------------------------------------------------------------------------
// Groups of tests

#define TEST(name) static void name(void **state __attribute__((unused)))

// The body of main(): runs the array `tests`.
#define RUN_TESTS(group) cmocka_run_group_tests_name(group, tests, start_engine, NULL)

int start_engine(void **state);

#endif // TESTS_ENGINE_PEERS_H
