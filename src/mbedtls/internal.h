// What the files of this engine share.

#ifndef MICROPYTHON_SSL_MBEDTLS_INTERNAL_H
#define MICROPYTHON_SSL_MBEDTLS_INTERNAL_H

#include "compat.h"

#include "engine/bundle.h"
#include "engine/engine.h"
#include "engine/memory.h"
#include "engine/rules.h"
#include "engine/session.h"
#include "engine/session_cache.h"
#include "engine/ticket_keys.h"

#if COMPAT_COOKIES
#include "mbedtls/ssl_cookie.h"
#endif

// ---------------------------------------------------------------------------------------------------------------------
// Parts of a context. They do not change once they are made, so that connections share them by holding a reference:
// what a context replaces stays alive for the connections that were made with it.

// A certificate chain and the private key of its leaf.
typedef struct identity {
    unsigned references;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
} identity_t;

// One identity for each kind of key.
enum { IDENTITY_EC,
    IDENTITY_RSA,
    IDENTITY_KINDS };

// Enabled cipher suites, most preferred first, ended by 0 as the library wants them.
typedef struct suite_list {
    unsigned references;
    size_t count;
    int ids[];
} suite_list_t;

// Groups of the key exchange, most preferred first, ended by 0.
typedef struct group_list {
    unsigned references;
    uint16_t ids[];
} group_list_t;

// Protocols of ALPN, most preferred first, ended by NULL; the names follow.
typedef struct alpn_list {
    unsigned references;
    size_t len; // of all names with their lengths
    const char *names[];
} alpn_list_t;

// A pre-shared key: its identity and then the key itself.
typedef struct psk {
    uint8_t *bytes; // NULL: none
    size_t identity_len;
    size_t key_len;
} psk_t;

struct tls_context {
    unsigned references;
    unsigned protocol; // TLS_PROTOCOL_*
    tls_verify_mode_t verify_mode;
    tls_rules_t rules;
    int minimum_version;
    int maximum_version;
    size_t max_record;
    uint16_t mtu; // DTLS
    identity_t *identities[IDENTITY_KINDS];
    mbedtls_x509_crt *anchors; // a list that only grows, so that connections may use it without a reference
    size_t anchor_count;
    tls_bundle_t *bundles; // the same
#if COMPAT_CRL
    mbedtls_x509_crl *crls; // the same
    size_t crl_count;
#endif
    uint16_t *chosen_suites; // what tls_context_set_ciphers() was given; NULL: the default
    size_t chosen_count;
    suite_list_t *suites;           // what follows from that and from the pre-shared key
    group_list_t *groups;           // NULL: the library's
    alpn_list_t *alpn;              // NULL: none
    psk_t psk;                      // client
    bool psk_hook;                  // hooks.psk or, without `psk`, hooks.psk_client finds them
    uint8_t trust[TLS_DIGEST_SIZE]; // see tls_trust_extend()
    uint16_t num_tickets;
    uint32_t generation;            // see tls_session_binding()
    tls_ticket_keys_t *ticket_keys; // server
    tls_session_cache_t sessions;
#if COMPAT_COOKIES
    mbedtls_ssl_cookie_ctx cookies;
#endif
};

static inline bool context_is_server(const tls_context_t *context) {
    return (context->protocol & TLS_PROTOCOL_SERVER) != 0;
}

static inline bool context_is_datagram(const tls_context_t *context) {
    return (context->protocol & TLS_PROTOCOL_DATAGRAM) != 0;
}

static inline bool context_uses_psk(const tls_context_t *context) {
    return context->psk.bytes != NULL || context->psk_hook;
}

// ---------------------------------------------------------------------------------------------------------------------
// Connection

// What every call after a fatal error says again.
typedef struct failure {
    tls_error_kind_t kind; // TLS_ERROR_NONE: the connection has not failed
    int code;
    int16_t alert;
    bool alert_from_peer;
    uint32_t verify;
    char *detail; // NULL: nothing was said, or there was no memory to note it
} failure_t;

#define CONSTRAINED_MAX 4 // authorities in a chain that have name constraints

#define RECORD_HEADER_SIZE 5

// See buffers.c.
typedef struct buffers {
    bool growing;                       // in the handshake: the input buffer grows with the records
    size_t wanted_input;                // ... to this size, before the library is asked again; 0: it is large enough
    bool elastic;                       // established: between calls there are none unless they hold something
    uint8_t header[RECORD_HEADER_SIZE]; // of the record being read
    uint8_t header_len;                 // how much of it is there
    uint32_t taken;                     // how much of the record the library has got
    bool said_hello;                    // client: the handshake has sent its first message
    size_t max_input;
    compat_places_t input;
    compat_places_t output;
} buffers_t;

#if COMPAT_SNI_HOOK
// The client's hello, while hooks.sni is due: see sni.c. Then it is read again.
typedef struct hello {
    mbedtls_ssl_config config; // for the first reading
    bool again;                // it is read for the second time, up to here:
    size_t at;
    size_t len;
    size_t size;
    uint8_t *bytes;
} hello_t;
#endif

struct tls_connection {
    tls_context_t *context;
    mbedtls_ssl_config config; // settings of the context as they were when the connection was made
    mbedtls_ssl_context ssl;
    identity_t *identities[IDENTITY_KINDS];
    suite_list_t *suites;
    group_list_t *groups;
    alpn_list_t *alpn;
    bool uses_psk;
    tls_verify_mode_t verify_mode;
    tls_rules_t rules;
    size_t max_record;
    tls_memory_use_t memory;
    tls_memory_use_t *charged_before; // while a call runs

    // One call
    tls_host_t *host;       // NULL between calls
    unsigned failed_before; // count_failed_allocations() when it began
    bool hook_aborted;      // verify or psk returned TLS_ABORTED
    bool keylog_aborted;    // keylog did
    bool transport_aborted; // recv or send did: neither is called any more
    bool holding_output;    // the library does not get at the transport
    bool recv_blocked;      // a hook said so since the library was entered last
    bool send_blocked;

    buffers_t buffers;

    // State
    bool established;
    bool close_sent;
    bool peer_closed;
    bool transport_ended;
    bool psk_due;     // client: hooks.psk_client is to be asked
    bool psk_unknown; // the client offers no identity that hooks.psk knows
#if COMPAT_SNI_HOOK
    hello_t *hello;
    uint8_t refusal; // the alert that hooks.sni chose, 0: none
#endif
#if COMPAT_COOKIES
    bool cookie_good; // the client has sent back what it was sent
#endif
    failure_t failure;

    // Verification of the peer
    bool below_top;    // the certificate that verify_certificate() judges next has an issuer in the chain
    bool leaf_checked; // verify_certificate() has judged the peer's own certificate
    bool refused;      // the verify hook said no
    bool pinned;       // a pinned key was seen on the way down to the certificate that was judged last
    bool pin_missing;  // ... but none on the way to the peer's own
    bool chain_begun;  // find_issuers() was asked about the peer's own certificate
    bool leaf_trusted; // ... which is a trust anchor
    bool bundle_damaged;
    const mbedtls_x509_crt *issuer; // of the certificate that verify_certificate() judges next, NULL: at the top
    bool skip_hostname_check;
#if MICROPY_PY_SSL_NAME_CONSTRAINTS
    size_t constrained_count;                             // of all
    const mbedtls_x509_crt *constrained[CONSTRAINED_MAX]; // issuers on the way down that have name constraints
#endif
    uint8_t ip_len; // of the server's address, 0 if it has a name or none was given
    uint8_t ip[16];
    uint32_t verify_bit;    // TLS_VERIFY_* bit that the sentence in the error speaks of
    uint32_t verify_flags;  // MBEDTLS_X509_BADCERT_*, of all certificates so far
    uint32_t verify_result; // TLS_VERIFY_* bits, when established

    // Sessions
    tls_session_t *session;         // client: until the handshake is complete
    bool offered;                   // ... and it suited
    bool certificate_due;           // the handshake is a full one
    bool resumed;                   // when established
    bool hook_asked;                // hooks.verify was, in the handshake that showed the certificate
    int64_t proof_time;             // when that was
    int64_t session_time;           // when established or when the last ticket came
    uint8_t trust[TLS_DIGEST_SIZE]; // of the context when the connection was made
    bool started;                   // the handshake has begun
    bool ticket_offered;            // server: the client has one, so its session id is nothing but a mark
    bool keep_due;                  // client: there is a session that its context may keep
    uint32_t kept;                  // number of a session that a context keeps, 0: none
    uint16_t peer_port;
    uint8_t binding[TLS_DIGEST_SIZE]; // server: see tls_session_binding()

    // DTLS
    uint32_t timer_start;        // ticks
    uint32_t timer_intermediate; // milliseconds after the start
    uint32_t timer_final;        // the same; 0: no timer runs

    // Client: name of the server as it was given, ended by 0. Server: the client's identity for cookies.
    size_t peer_name_len;
    char peer_name[];
};

// The host's time in seconds since 1970, negative: not known. For calls in which there is a host.
static inline int64_t connection_now(const tls_connection_t *connection) {
    return connection->host->now(connection->host);
}

// ---------------------------------------------------------------------------------------------------------------------
// init.c

// How many requests of the library for memory have failed so far; if the number has grown, a failure since then is for
// want of memory, whatever the library's code says.
unsigned count_failed_allocations(void);

// The library's next requests for an input buffer and, after it, an output buffer get so many bytes only.
// end_shortening(): whether there were both.
void shorten_next_buffers(size_t input_size, size_t output_size);
bool end_shortening(void);

// Contexts hold the library. With memory from MicroPython's heap, the last one takes down what the library allocated
// for itself (keys, random numbers): a soft reset ends all contexts and then the heap.
bool library_retain(void); // false: out of memory or no entropy
void library_release(void);

// ---------------------------------------------------------------------------------------------------------------------
// errors.c

// Fills *error for a result of the library outside of a call on a connection. Memory that ran out (see
// is_out_of_memory()) wins over `kind` and `code`.
void describe_error(int ret, unsigned failed_before, tls_error_kind_t kind, int code, const char *detail,
    tls_error_t *error);

// TLS_ERROR_NO_MEMORY
void describe_no_memory(tls_error_t *error);

// Whether a result of the library says that memory ran out, or memory did while it came about. `failed_before` is
// count_failed_allocations() before that.
bool is_out_of_memory(int ret, unsigned failed_before);

// Notes that the connection has failed with `ret`, tells the peer if the library has not (`alert_sent`), and fills the
// host's error. TLS_ERROR, or TLS_ABORTED if a hook aborted.
tls_status_t fail_connection(tls_connection_t *connection, int ret, bool alert_sent);

// Fills the host's error with what fail_connection() noted.
void repeat_failure(const tls_connection_t *connection);

// ---------------------------------------------------------------------------------------------------------------------
// verify.c

// RFC 8446 section 6.2; Mbed TLS 3.6 has no name for it.
#define ALERT_CERTIFICATE_REQUIRED 116

// What verify_certificate() returns to the library to refuse a certificate though the chain is good.
#define VERIFY_REFUSED MBEDTLS_ERR_ERROR_GENERIC_ERROR

// The library's callback for each certificate of the peer's chain.
int verify_certificate(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags);

// TLS_VERIFY_* bits for MBEDTLS_X509_BADCERT_* and _BADCRL_* flags.
uint32_t verify_bits(uint32_t flags);

// Whether a certificate is a trust anchor of the context.
bool is_anchor(const tls_context_t *context, const mbedtls_x509_crt *crt);

// Flags that the handshake found: those of the library, or of the certificates so far if it has none.
uint32_t verify_flags(const tls_connection_t *connection);

// The alert that Mbed TLS sends for MBEDTLS_X509_BADCERT_* flags.
int verify_alert(uint32_t flags);

// ---------------------------------------------------------------------------------------------------------------------
// bundle.c

#if COMPAT_BUNDLE

// Has the library ask for trust anchors if the context has bundles.
void apply_bundles(tls_connection_t *connection);

// Whether a bundle of the context has this certificate.
bool is_in_bundle(const tls_context_t *context, const mbedtls_x509_crt *crt);

#else

static inline void apply_bundles(tls_connection_t *connection) {
    (void)connection;
}

static inline bool is_in_bundle(const tls_context_t *context, const mbedtls_x509_crt *crt) {
    (void)context;
    (void)crt;
    return false;
}

#endif

// ---------------------------------------------------------------------------------------------------------------------
// certificates.c

// Adds one in DER to the list, for use as an anchor; `stays`: the bytes outlive it. A result of the library.
int parse_der(mbedtls_x509_crt *chain, const uint8_t *data, size_t len, bool stays);

void identity_release(identity_t *identity); // NULL is allowed

// ---------------------------------------------------------------------------------------------------------------------
// ciphers.c

// Makes context->suites anew. false: nothing changed.
bool rebuild_suites(tls_context_t *context, tls_error_t *error);
void suites_release(suite_list_t *suites); // NULL is allowed

// Narrows a range of versions to those that have a suite in the list. false: none is left.
bool narrow_versions(const suite_list_t *suites, int *minimum, int *maximum);

// ---------------------------------------------------------------------------------------------------------------------
// alpn.c

// A result of the library.
int apply_alpn(tls_connection_t *connection);
void alpn_release(alpn_list_t *list); // NULL is allowed

// ---------------------------------------------------------------------------------------------------------------------
// groups.c

void apply_groups(tls_connection_t *connection);
void groups_release(group_list_t *list); // NULL is allowed

// ---------------------------------------------------------------------------------------------------------------------
// keylog.c

// Lets the library tell hooks.keylog its secrets.
void keylog_install(tls_connection_t *connection);

// ---------------------------------------------------------------------------------------------------------------------
// buffers.c

// mbedtls_ssl_setup() with the buffers that a handshake begins with. A result of the library.
int buffers_setup(tls_connection_t *connection);

// Before each step of the handshake. false: out of memory.
bool buffers_prepare_step(tls_connection_t *connection);

// The handshake is complete.
void buffers_start(tls_connection_t *connection);

// Before mbedtls_ssl_read(). TLS_OK: the library may be asked to read one record, or what it holds of the last one.
// After that it says "would block" although no hook did. Any other status is that of the call.
tls_status_t buffers_for_reading(tls_connection_t *connection);

// Before a record is written. false: out of memory.
bool buffers_for_writing(tls_connection_t *connection, size_t payload);

// After a call, and after a failure.
void buffers_release(tls_connection_t *connection);

// Before mbedtls_ssl_free().
void buffers_free(tls_connection_t *connection);

// Gives the library bytes of the transport; see transport_recv().
int buffers_receive(tls_connection_t *connection, unsigned char *buf, size_t size);

// ---------------------------------------------------------------------------------------------------------------------
// transport.c: the library's way to the hooks

// Calls hooks.recv. A count, 0 at the end of the transport, or a result of the library.
int receive(tls_connection_t *connection, unsigned char *buf, size_t size);

int transport_recv(void *arg, unsigned char *buf, size_t size);
int transport_send(void *arg, const unsigned char *buf, size_t size);
void transport_set_timer(void *arg, uint32_t intermediate, uint32_t final);
int transport_get_timer(void *arg);

// ---------------------------------------------------------------------------------------------------------------------
// psk.c

void psk_free(psk_t *psk);

// A result of the library.
int psk_apply(tls_connection_t *connection);

// Client, before the handshake: asks hooks.psk_client. A result of the library.
int psk_ask(tls_connection_t *connection);

// ---------------------------------------------------------------------------------------------------------------------
// session.c

// Before the handshake. Client: offers the session that the caller gave, or one that the context keeps, if it suits. A
// result of the library.
int offer_session(tls_connection_t *connection);

// The handshake is complete.
void note_session(tls_connection_t *connection);

// A ticket came.
void note_ticket(tls_connection_t *connection);

// After a call: lets the context keep the session that is due.
void keep_session(tls_connection_t *connection);

// Server: lets the library resume sessions. Client: lets it ask for tickets. A result of the library.
int apply_sessions(tls_connection_t *connection);

// ---------------------------------------------------------------------------------------------------------------------
// tickets.c

// Server: lets the library hand out tickets and take them.
void apply_tickets(tls_connection_t *connection);

// ---------------------------------------------------------------------------------------------------------------------
// settings.c

// Takes what a connection keeps of its context as it is now, and makes its mbedtls_ssl_config of it. false: *error is
// filled.
bool apply_settings(tls_connection_t *connection, tls_error_t *error);

// Frees both. The library holds on to nothing of them any more.
void drop_settings(tls_connection_t *connection);

// DTLS server: lets the library demand cookies.
void apply_cookies(tls_connection_t *connection, mbedtls_ssl_config *config);

// ---------------------------------------------------------------------------------------------------------------------
// sni.c

#if COMPAT_SNI_HOOK

// Before the first step of a handshake: looks whether hooks.sni is due. A result of the library.
int sni_begin(tls_connection_t *connection);

// Whether the hello is being read for the first time.
static inline bool sni_is_due(const tls_connection_t *connection) {
    return connection->hello != NULL && !connection->hello->again;
}

// After a step that ended so while it was due: asks hooks.sni if the hello is there. A result of the library.
int sni_settle(tls_connection_t *connection, int ret);

// Bytes to be read again; 0: there are none.
size_t sni_take(tls_connection_t *connection, unsigned char *buf, size_t size);

// Bytes that were read, perhaps to be read again. false: out of memory.
bool sni_keep(tls_connection_t *connection, const unsigned char *buf, size_t len);

void sni_free(tls_connection_t *connection);

#else

#define sni_begin(connection)           (0)
#define sni_is_due(connection)          (false)
#define sni_settle(connection, ret)     (ret)
#define sni_take(connection, buf, size) ((size_t)0)
#define sni_keep(connection, buf, len)  (true)
#define sni_free(connection)            ((void)(connection))

#endif

// ---------------------------------------------------------------------------------------------------------------------
// connection.c

// Makes the connection's mbedtls_ssl_context, which is to be as mbedtls_ssl_init() leaves it. A result of the library.
int start_library(tls_connection_t *connection);

#endif // MICROPYTHON_SSL_MBEDTLS_INTERNAL_H
