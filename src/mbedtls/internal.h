// What the files of this engine share.

#ifndef MICROPYTHON_SSL_MBEDTLS_INTERNAL_H
#define MICROPYTHON_SSL_MBEDTLS_INTERNAL_H

#include "compat.h"

#include "engine/engine.h"
#include "engine/memory.h"
#include "engine/session.h"

#if COMPAT_COOKIES
#include "mbedtls/ssl_cookie.h"
#endif
#if COMPAT_TICKETS
#include "mbedtls/ssl_ticket.h"
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

#if COMPAT_TICKETS
// The keys of a server's session tickets; the library locks and rotates them itself.
typedef struct tickets {
    unsigned references;
    mbedtls_ssl_ticket_context keys;
} tickets_t;
#endif

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
    int minimum_version;
    int maximum_version;
    size_t max_record;
    identity_t *identities[IDENTITY_KINDS];
    mbedtls_x509_crt *anchors; // a list that only grows, so that connections may use it without a reference
    size_t anchor_count;
    uint16_t *chosen_suites; // what tls_context_set_ciphers() was given; NULL: the default
    size_t chosen_count;
    suite_list_t *suites; // what follows from that and from the pre-shared key
    psk_t psk;            // client
    bool psk_server;
    uint8_t trust[TLS_DIGEST_SIZE]; // see tls_trust_extend()
    uint16_t num_tickets;
#if COMPAT_TICKETS
    void *tickets; // tickets_t, made when a connection wants it
#endif
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
    return context->psk.bytes != NULL || context->psk_server;
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

#define RECORD_HEADER_SIZE 5

// See buffers.c.
typedef struct buffers {
    bool growing;                       // in the handshake: the input buffer grows with the records
    size_t wanted_input;                // ... to this size, before the library is asked again; 0: it is large enough
    bool elastic;                       // established: between calls there are none unless they hold something
    uint8_t header[RECORD_HEADER_SIZE]; // of the record being read
    uint8_t header_len;                 // how much of it is there
    uint32_t taken;                     // how much of the record the library has got
    size_t max_input;
    size_t max_output;
    compat_places_t input;
    compat_places_t output;
} buffers_t;

struct tls_connection {
    tls_context_t *context;
    mbedtls_ssl_config config; // settings of the context as they were when the connection was made
    mbedtls_ssl_context ssl;
    identity_t *identities[IDENTITY_KINDS];
    suite_list_t *suites;
#if COMPAT_TICKETS
    tickets_t *tickets;
#endif
    bool uses_psk;
    tls_verify_mode_t verify_mode;
    size_t max_record;

    // One call
    tls_host_t *host;       // NULL between calls
    unsigned failed_before; // count_failed_allocations() when it began
    bool hook_aborted;      // verify or psk returned TLS_ABORTED
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
    bool psk_unknown; // the client offers no identity that hooks.psk knows
    failure_t failure;

    // Verification of the peer
    bool leaf_checked; // verify_certificate() has judged the peer's own certificate
    bool refused;      // the verify hook said no
    bool skip_hostname_check;
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

    // DTLS
    uint32_t timer_start;        // ticks
    uint32_t timer_intermediate; // milliseconds after the start
    uint32_t timer_final;        // the same; 0: no timer runs

    // Client: name of the server as it was given, ended by 0. Server: the client's identity for cookies.
    size_t peer_name_len;
    char peer_name[];
};

// ---------------------------------------------------------------------------------------------------------------------
// init.c

// How many requests of the library for memory have failed so far; if the number has grown, a failure since then is for
// want of memory, whatever the library's code says.
unsigned count_failed_allocations(void);

// The library's next request for an input buffer gets `size` bytes only. end_shortening(): whether there was one.
void shorten_next_input_buffer(size_t size);
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

// Flags that the handshake found: those of the library, or of the certificates so far if it has none.
uint32_t verify_flags(const tls_connection_t *connection);

// The alert that Mbed TLS sends for MBEDTLS_X509_BADCERT_* flags.
int verify_alert(uint32_t flags);

// ---------------------------------------------------------------------------------------------------------------------
// certificates.c

void identity_release(identity_t *identity); // NULL is allowed

// ---------------------------------------------------------------------------------------------------------------------
// ciphers.c

// Makes context->suites anew. false: nothing changed.
bool rebuild_suites(tls_context_t *context, tls_error_t *error);
void suites_release(suite_list_t *suites); // NULL is allowed

// Narrows a range of versions to those that have a suite in the list. false: none is left.
bool narrow_versions(const suite_list_t *suites, int *minimum, int *maximum);

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
int transport_find_psk(void *arg, mbedtls_ssl_context *ssl, const unsigned char *identity, size_t identity_len);

// ---------------------------------------------------------------------------------------------------------------------
// session.c

// Client, before the handshake: offers the session that the caller gave if it suits. A result of the library.
int offer_session(tls_connection_t *connection);

// The handshake is complete.
void note_session(tls_connection_t *connection);

// A ticket came.
void note_ticket(tls_connection_t *connection);

// Server: lets the library hand out tickets and take them. Client: lets it ask for them. A result of the library.
int apply_tickets(tls_connection_t *connection);
void tickets_release(tls_connection_t *connection);

// ---------------------------------------------------------------------------------------------------------------------
// settings.c

// Makes a connection's mbedtls_ssl_config from its context. false: *error is filled.
bool apply_settings(tls_connection_t *connection, tls_error_t *error);

#endif // MICROPYTHON_SSL_MBEDTLS_INTERNAL_H
