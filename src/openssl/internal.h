// What the files of this engine share; nobody else includes it.

#ifndef MICROPYTHON_SSL_OPENSSL_INTERNAL_H
#define MICROPYTHON_SSL_OPENSSL_INTERNAL_H

#include "engine/bundle.h"
#include "engine/engine.h"
#include "engine/memory.h"
#include "engine/rules.h"
#include "engine/session.h"
#include "engine/session_cache.h"
#include "engine/ticket_keys.h"
#include "openssl/compat.h"
#include "ssl_config.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#define TLS_SUITES_MAX         256
#define TLS_COOKIE_SECRET_SIZE 32
#define TLS_COOKIE_ID_SIZE     16

// Bytes that wait: data[start] to data[end - 1] of an allocation of `size` bytes. All zero: nothing is allocated.
typedef struct tls_buffer {
    uint8_t *data;
    size_t start;
    size_t end;
    size_t size;
} tls_buffer_t;

// The macro inside is more than clang-format can read in a declaration.
typedef STACK_OF(X509) tls_certificates_t;

typedef struct tls_suites {
    uint16_t *list;
    size_t count;
} tls_suites_t;

// A pre-shared key and its identity. All zero: none.
typedef struct tls_psk {
    uint8_t *identity;
    size_t identity_len;
    uint8_t *key;
    size_t key_len;
} tls_psk_t;

typedef struct tls_findings tls_findings_t;

struct tls_context {
    unsigned references;
    unsigned protocol;
    SSL_CTX *ssl_ctx;
    tls_verify_mode_t verify_mode;
    int minimum;
    int maximum;
    size_t max_record;
    uint16_t mtu; // DTLS
    tls_rules_t rules;
    bool has_certificate;
    size_t anchors; // in the library's store
    size_t crls;
    tls_bundle_t *bundles; // a list that only grows, so that connections may use it without a reference
    tls_suites_t defaults; // the library's default suites in our order, PSK suites among them
    tls_suites_t chosen;   // what the caller chose; empty: the defaults
    tls_suites_t enabled;  // those of the above that fit the protocol and the way of authentication
    bool enabled_applied;  // ssl_ctx has them; false only when memory ran out in the middle
    uint8_t *alpn;         // in the form of the extension; NULL: none
    size_t alpn_len;
    tls_psk_t own_psk; // client
    bool psk_hook;     // hooks.psk or, without `own_psk`, hooks.psk_client finds them
    uint8_t cookie_secret[TLS_COOKIE_SECRET_SIZE];
    uint8_t trust[TLS_DIGEST_SIZE]; // see tls_trust_extend()
    uint16_t num_tickets;
    uint32_t generation;            // see tls_session_binding()
    tls_ticket_keys_t *ticket_keys; // server
    tls_session_cache_t sessions;
};

struct tls_connection {
    SSL *ssl;
    tls_context_t *context;
    tls_host_t *host;  // NULL between calls
    tls_status_t stop; // why a hook last stopped the library in this call; TLS_OK: none did
    bool datagram;
    bool server;
    bool listening; // DTLS server: no ClientHello with a good cookie has come yet
    bool psk;       // only a pre-shared key may authenticate this connection
    bool established;
    bool close_sent;
    bool transport_eof;
    bool starved;           // the latest hooks.recv delivered nothing, so what is buffered is no whole record
    bool sending;           // tls_connection_write() is at work: the library's output need not be collected
    bool memory_ran_out;    // in some call, whether or not it failed for that
    bool chain_checked;     // verification has run
    bool aborted_by_caller; // hooks.verify or hooks.psk made the handshake fail with TLS_ABORTED
    bool identity_unknown;  // hooks.psk did not know the client's identity, or hooks.psk_client none
    tls_psk_t found_psk;    // client: what hooks.psk_client gave
    bool keylog_aborted;    // hooks.keylog returned TLS_ABORTED in this call
#if MICROPY_PY_SSL_SNI_CALLBACK
    bool begun;          // sni_due is decided
    bool sni_due;        // server: hooks.sni is to be asked, and `hello` keeps what arrives until then
    bool sni_failed;     // the connection could not begin anew with the context that it chose
    bool reread;         // it has, and the hello was read before
    tls_context_t *next; // what hooks.sni chose, with a reference, until the connection begins anew with it
    tls_buffer_t hello;
#endif
    tls_verify_mode_t verify_mode;
    tls_rules_t rules;
    size_t max_record;
    uint16_t mtu;
    uint32_t verify_bits;
    bool bundle_damaged;      // a certificate that might have been the issuer could not be read
    tls_findings_t *findings; // what verification has found so far, while it runs
    int alert_sent;           // fatal alert, -1: none
    int hello_version;        // at the beginning of the peer's hello; 0: it has not come
    tls_session_t *session;   // client: until the handshake is complete
    bool offered;             // ... and it suited
    bool resumed;             // when established
    bool session_is_new;      // the library has made one, or a ticket came
    bool skip_hostname_check;
    bool hook_asked;                // hooks.verify was, in the handshake that showed the certificate
    int64_t proof_time;             // when that was
    int64_t session_time;           // when established or when the last ticket came
    uint8_t trust[TLS_DIGEST_SIZE]; // of the context when the connection was made
    uint8_t *alpn;                  // server: of the context when the connection was made
    size_t alpn_len;
    bool started;  // the handshake has begun
    bool keep_due; // client: there is a session that its context may keep
    uint32_t kept; // number of a session that a context keeps, 0: none
    uint16_t peer_port;
    uint8_t binding[TLS_DIGEST_SIZE]; // server: see tls_session_binding()
    tls_buffer_t input;
    tls_buffer_t output;
    char *asked_name;   // as the caller gave it, for error messages
    uint8_t *cookie_id; // what a DTLS cookie binds to
    size_t cookie_id_len;
    unsigned char *peer_der; // the certificate that tls_connection_peer_certificate() lent out
    tls_memory_use_t memory;
    tls_memory_use_t *charged_before; // while a call runs
    tls_error_t failure;              // what every call after a failure reports again; TLS_ERROR_NONE: there was none
};

// The host's time in seconds since 1970, negative: not known. For calls in which there is a host.
static inline int64_t connection_now(const tls_connection_t *connection) {
    return connection->host->now(connection->host);
}

// --- init.c

// Zeroed memory, and memory resized, to be given back with tls_free(). All of this engine's and the library's memory
// comes from there.
void *tls_zalloc(size_t size);
void *tls_resize(void *block, size_t size);

// Whether memory was refused on this thread since tls_memory_watch().
void tls_memory_watch(void);
bool tls_memory_was_refused(void);

// Between these two the library gets no memory on this thread, and its queue of errors stays as it is: a finaliser may
// run inside of another connection's call. SSL_CTX_free() asks for memory to empty its cache of sessions, SSL_free()
// from 3.2 on to pass on bytes that were not read; they manage without. The first returns what the second wants.
bool tls_freeing_begin(void);
void tls_freeing_end(bool outer);

// While it is on, and while connections and contexts are freed, what the library frees on this thread is wiped. The
// library itself wipes the keys that it keeps, but not all that it makes of them on the way (base64, DER, tickets), and
// not what it has in a connection (traffic secrets). Whether it was on before.
bool tls_memory_wipe_freed(bool wipe);

// --- errors.c

// ERR_clear_error() wipes all places of the queue, used or not; most calls leave it empty.
static inline void tls_errors_clear(void) {
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

// Fills *error for a library call that failed outside of a connection: NO_MEMORY if that was it, else what is given.
void tls_error_from_library(tls_error_t *error, tls_error_kind_t kind, int code, const char *detail);
// Fills *error after a failed allocation of our own.
void tls_error_no_memory(tls_error_t *error);
// Fills the host's error for a library call that failed on a connection.
void tls_error_from_connection(tls_connection_t *connection);

// --- ciphers.c

bool tls_ciphers_init(void);
const SSL_CIPHER *tls_cipher_find(uint16_t suite);
bool tls_cipher_is_tls13(uint16_t suite);
// Puts what ssl_ctx has enabled into context->defaults; false: out of memory.
bool tls_ciphers_read_defaults(tls_context_t *context);
// Works out context->enabled and tells the library. A failure changes nothing and fills *error.
bool tls_ciphers_update(tls_context_t *context, tls_error_t *error);
// Narrows the versions of `ssl` to those that the enabled suites can serve; false: none is left.
bool tls_ciphers_narrow_versions(const tls_context_t *context, SSL *ssl);

// --- credentials.c

// The certificates in `data`, PEM or DER, in their order; NULL with *error filled if there is none.
// Has the library look for trust anchors in the bundles of the context, too.
void tls_bundles_install(X509_STORE *store);

tls_certificates_t *tls_parse_certificates(const uint8_t *data, size_t len, bool lenient, tls_error_t *error);

// --- alpn.c

void tls_alpn_install_server(tls_context_t *context);
// What a new connection offers or accepts; false: out of memory.
bool tls_alpn_set_up(tls_connection_t *connection);

// --- keylog.c

// Before each step of a handshake: lets the library tell hooks.keylog its secrets, if there is one. The library writes
// its lines with sprintf(), a byte at a time, which takes 4 % of a handshake.
void tls_keylog_begin(tls_connection_t *connection);

// --- psk.c

// Overwrites and frees; NULL is allowed.
void tls_wipe(uint8_t *bytes, size_t len);

void tls_psk_free(tls_psk_t *psk);

static inline bool tls_uses_psk(const tls_context_t *context) {
    return context->own_psk.key != NULL || context->psk_hook;
}

// Client, before the handshake: asks hooks.psk_client if the key may be needed at once. false: there is none.
bool tls_psk_ask_early(tls_connection_t *connection);

// The servername callback of every server context.
int tls_psk_check_identity(SSL *ssl, int *alert, void *unused);
void tls_psk_install_client(tls_context_t *context, bool enable);
void tls_psk_install_server(tls_context_t *context, bool enable);

// --- sni.c

#if MICROPY_PY_SSL_SNI_CALLBACK
// The client_hello_cb of every server context.
int tls_sni_choose(SSL *ssl, int *alert, void *unused);
#endif

// --- verify.c

// The app_verify_callback of every context.
int tls_verify_chain(X509_STORE_CTX *store_ctx, void *unused);

// --- session.c

void tls_session_install(tls_context_t *context);
// What a new connection does about tickets; false: out of memory.
bool tls_session_set_up(tls_connection_t *connection);
// Before the handshake: offers the session that the caller gave, or one that the context keeps, if it suits. false: out
// of memory.
bool tls_session_offer(tls_connection_t *connection);
// The handshake is complete: whether a session was resumed, and what is known about the peer from then.
void tls_session_note(tls_connection_t *connection);
// After a call: lets the context keep the session that is due.
void tls_session_keep(tls_connection_t *connection);

// --- tickets.c

void tls_tickets_install(tls_context_t *context);
// Before the handshake: what the sessions of a server's connection are bound to. false: out of memory.
bool tls_tickets_bind(tls_connection_t *connection, const tls_session_terms_t *terms);

// --- transport.c

bool tls_transport_init(void);
// A BIO that reads and writes through the connection's host.
BIO *tls_transport_new(tls_connection_t *connection);
// Sends what waits: TLS_OK (nothing waits any more), TLS_WANT_WRITE or TLS_ABORTED.
tls_status_t tls_transport_flush(tls_connection_t *connection);
// Gives back what an empty buffer holds.
void tls_transport_trim(tls_connection_t *connection);
void tls_transport_discard(tls_connection_t *connection);
#if MICROPY_PY_SSL_SNI_CALLBACK
// What was kept in `hello`: to be read again, or not.
void tls_transport_reread(tls_connection_t *connection);
void tls_transport_forget(tls_connection_t *connection);
#endif

static inline size_t tls_buffer_len(const tls_buffer_t *buffer) {
    return buffer->end - buffer->start;
}

#endif // MICROPYTHON_SSL_OPENSSL_INTERNAL_H
