// The engine contract: what the Python module may ask of a TLS library.
//
// One engine (src/mbedtls or src/openssl) is linked into an image and implements every function declared here, unless
// a comment says that src/engine implements it for both. Nothing in this header knows a type of a TLS library or of
// MicroPython, so an engine is tested as ordinary C.
//
// Rules that hold for every function:
// - Arguments are borrowed for the length of the call and copied if the engine needs them later.
// - A function that fails changes nothing: setters build the new value first and swap it in last.
// - tls_context_release() and tls_connection_free() do no I/O, call no hook and allocate nothing, so that a finaliser
//   may call them; keys and secrets are wiped before their memory is freed.
// - Different connections of one context may be used by different threads at the same time. One connection is used by
//   one thread at a time, and a context is not changed while a call on one of its connections runs: callers see to it.

#ifndef MICROPYTHON_SSL_ENGINE_H
#define MICROPYTHON_SSL_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ssl_config.h"

#define TLS_MUST_USE __attribute__((warn_unused_result))

// Bytes of somebody else's.
typedef struct tls_bytes {
    const uint8_t *data; // NULL: there are none
    size_t len;
} tls_bytes_t;

// ---------------------------------------------------------------------------------------------------------------------
// Status: how a call ended. Counts never travel in it; they come back through out-parameters.

typedef enum tls_status {
    TLS_OK,         // done
    TLS_WANT_READ,  // cannot go on before hooks.recv delivers; call again when the transport is readable
    TLS_WANT_WRITE, // cannot go on before hooks.send accepts; call again when the transport is writable
    TLS_CLOSED,     // the peer's close_notify arrived: the authenticated end of its data (RFC 8446 section 6.1)
    TLS_EOF,        // the transport ended without close_notify: the data may have been truncated
    TLS_ABORTED,    // a hook returned TLS_ABORTED; its caller knows why, the connection is as usable as before
    TLS_ERROR,      // failed, see tls_error_t; a connection stays failed and every later call says so again
} tls_status_t;

// ---------------------------------------------------------------------------------------------------------------------
// Errors

typedef enum tls_error_kind {
    TLS_ERROR_NONE,
    TLS_ERROR_NO_MEMORY,    // `size` says how much was asked for, 0 if unknown
    TLS_ERROR_ARGUMENT,     // the caller asked for something that cannot be
    TLS_ERROR_CERTIFICATE,  // certificate data given by the caller cannot be used
    TLS_ERROR_KEY,          // private key data given by the caller cannot be used
    TLS_ERROR_VERIFICATION, // the peer's certificate was refused; `verify` says why
    TLS_ERROR_PROTOCOL,     // the peer broke the protocol or shares no parameters with us
    TLS_ERROR_PEER_ALERT,   // the peer sent a fatal alert, see `alert`
    TLS_ERROR_EOF,          // the transport ended inside the handshake
    TLS_ERROR_UNSUPPORTED,  // not in this engine or not in its configuration
    TLS_ERROR_INTERNAL,     // the library failed in a way that only `text` can tell
} tls_error_kind_t;

// Error codes: the numbers that MicroPython programs already know (they are those of Mbed TLS), the same on both
// engines. tls_error_name() has their names.
#define TLS_CODE_GENERIC                 (-0x0001)
#define TLS_CODE_CERT_VERIFY_FAILED      (-0x2700)
#define TLS_CODE_CERT_BAD_INPUT          (-0x2800)
#define TLS_CODE_KEY_BAD_INPUT           (-0x3E80)
#define TLS_CODE_BAD_CONFIG              (-0x5E80)
#define TLS_CODE_ILLEGAL_PARAMETER       (-0x6600)
#define TLS_CODE_TIMEOUT                 (-0x6800)
#define TLS_CODE_INTERNAL                (-0x6C00)
#define TLS_CODE_UNKNOWN_IDENTITY        (-0x6C80)
#define TLS_CODE_HANDSHAKE_FAILURE       (-0x6E00)
#define TLS_CODE_BAD_PROTOCOL_VERSION    (-0x6E80)
#define TLS_CODE_FEATURE_UNAVAILABLE     (-0x7080)
#define TLS_CODE_BAD_INPUT_DATA          (-0x7100)
#define TLS_CODE_INVALID_MAC             (-0x7180)
#define TLS_CODE_INVALID_RECORD          (-0x7200)
#define TLS_CODE_CONN_EOF                (-0x7280)
#define TLS_CODE_DECODE_ERROR            (-0x7300)
#define TLS_CODE_NO_CLIENT_CERTIFICATE   (-0x7480)
#define TLS_CODE_UNSUPPORTED_EXTENSION   (-0x7500)
#define TLS_CODE_NO_APPLICATION_PROTOCOL (-0x7580)
#define TLS_CODE_UNEXPECTED_MESSAGE      (-0x7700)
#define TLS_CODE_FATAL_ALERT             (-0x7780)
#define TLS_CODE_UNRECOGNIZED_NAME       (-0x7800)
#define TLS_CODE_BAD_CERTIFICATE         (-0x7A00)
#define TLS_CODE_ALLOC_FAILED            (-0x7F00)

// What verification found wrong with a certificate chain; 0 means that it verified.
#define TLS_VERIFY_EXPIRED       (1u << 0)
#define TLS_VERIFY_NOT_YET_VALID (1u << 1)
#define TLS_VERIFY_HOSTNAME      (1u << 2) // not for the name or IP address that was asked for
#define TLS_VERIFY_UNTRUSTED     (1u << 3) // no trust anchor, or a signature in the chain is wrong
#define TLS_VERIFY_REVOKED       (1u << 4)
#define TLS_VERIFY_CRL           (1u << 5) // a revocation list is missing, expired or not trusted
#define TLS_VERIFY_USAGE         (1u << 6) // basicConstraints, key usage or extended key usage forbid this use
#define TLS_VERIFY_WEAK          (1u << 7) // hash, key size or curve below the accepted minimum
#define TLS_VERIFY_MISSING       (1u << 8) // the peer sent no certificate
#define TLS_VERIFY_CALLBACK      (1u << 9) // the verify hook said no
#define TLS_VERIFY_OTHER         (1u << 10)
#define TLS_VERIFY_PIN           (1u << 11) // no key of the chain is pinned

#define TLS_DETAIL_SIZE 200
#define TLS_TEXT_SIZE   128

typedef struct tls_error {
    tls_error_kind_t kind;
    int code;                     // TLS_CODE_*
    int alert;                    // TLS alert number (RFC 8446 section 6), -1 if none was involved
    bool alert_from_peer;         // who sent `alert`
    uint32_t verify;              // TLS_VERIFY_* bits
    size_t size;                  // bytes that could not be had, with TLS_ERROR_NO_MEMORY
    long library_code;            // the library's own code, for diagnosis
    char text[TLS_TEXT_SIZE];     // the library's own words, "" if it has none
    char detail[TLS_DETAIL_SIZE]; // a full sentence for people, "" if the code says it all
} tls_error_t;

// The rest of this section is implemented in src/engine/error.c.

// Empties *error; every call below does this first.
void tls_error_clear(tls_error_t *error);

// Fills *error unless it already holds one: the first, most specific error wins. `detail` is a printf format or NULL.
void tls_error_set(tls_error_t *error, tls_error_kind_t kind, int code, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));

// Where nobody reads the sentences they are not in the image either.
#if !MICROPY_PY_SSL_ERROR_DETAIL
#define tls_error_set(error, kind, code, ...) \
    (0 ? (tls_error_set)(error, kind, code, __VA_ARGS__) : (tls_error_set)(error, kind, code, NULL))
#endif

// "MBEDTLS_ERR_SSL_CONN_EOF" for TLS_CODE_CONN_EOF; NULL for a number that is not one of TLS_CODE_*.
const char *tls_error_name(int code);

// A short stable word for programs: "connection_eof", "peer_alert", "expired", …; never NULL.
const char *tls_error_reason(const tls_error_t *error);

// "expired" for TLS_VERIFY_EXPIRED and so on; NULL if `bit` is not exactly one TLS_VERIFY_* bit.
const char *tls_verify_reason(uint32_t bit);

// The one bit of several that a person has to deal with first; `bits` itself if none is known.
uint32_t tls_verify_foremost(uint32_t bits);

// "handshake_failure" for 40 and so on (RFC 8446 section 6, RFC 5246 section 7.2); NULL if not assigned.
const char *tls_alert_name(int alert);

// ---------------------------------------------------------------------------------------------------------------------
// Hooks: how an engine reaches the world. They hang on a host that lives on the caller's stack for one call. A hook
// never jumps out (longjmp, nlr) and never frees the connection it is called for. It may use other connections.

typedef struct tls_host tls_host_t;
typedef struct tls_context tls_context_t; // see below

struct tls_host {
    // Reads at most `size` (> 0) bytes of ciphertext. TLS_OK with *count > 0, TLS_WANT_READ, TLS_EOF or TLS_ABORTED.
    // For a datagram connection one call delivers one datagram.
    tls_status_t (*recv)(tls_host_t *host, uint8_t *buf, size_t size, size_t *count);

    // Writes at most `size` (> 0) bytes of ciphertext. TLS_OK with *count > 0, TLS_WANT_WRITE or TLS_ABORTED.
    tls_status_t (*send)(tls_host_t *host, const uint8_t *buf, size_t size, size_t *count);

    // Called for each certificate of the peer's chain, from the highest depth to the leaf at depth 0, after the library
    // judged the chain; not called under TLS_VERIFY_MODE_NONE. Cannot make a bad chain good, only reject a good one.
    // TLS_OK to go on, TLS_ERROR to reject, TLS_ABORTED to reject with the reason known to the caller. May be NULL.
    tls_status_t (*verify)(tls_host_t *host, const uint8_t *der, size_t len, unsigned depth);

    // Server: finds the pre-shared key for an identity. TLS_OK with *key_len (> 0, at most TLS_PSK_MAX) bytes in `key`,
    // TLS_ERROR if the identity is not known, or TLS_ABORTED. May be NULL: no identity is known.
    tls_status_t (*psk)(tls_host_t *host, const uint8_t *identity, size_t identity_len, uint8_t *key, size_t *key_len);

    // Client: finds the pre-shared key to offer and its identity, after tls_context_set_psk_client(). `hint` is what
    // the server says about the identity it wants (RFC 4279 section 5.2), ended by NUL; NULL: nothing, or nothing yet.
    // In a handshake that may come to TLS 1.3 it is asked before the server has said anything; OpenSSL asks once more,
    // with the hint, if it comes to TLS 1.2. TLS_OK with *identity_len (> 0, at most TLS_PSK_IDENTITY_MAX) and *key_len
    // (> 0, at most TLS_PSK_MAX) bytes, TLS_ERROR if there is none, or TLS_ABORTED; in both cases the handshake fails.
    // May be NULL: there is none.
    tls_status_t (*psk_client)(tls_host_t *host, const char *hint, uint8_t *identity, size_t *identity_len,
        uint8_t *key, size_t *key_len);

    // Server: a client has said hello, and nothing of the context has been used yet. `name` is the host that it wants
    // (RFC 6066 section 3), in its own spelling but for a dot at the end, ended by NUL; NULL: it does not say. TLS_OK:
    // the handshake goes on, with *context. The hook may put there another context of the same protocol, of which the
    // engine takes a reference: it is then as if the connection had been made with that one in the first place, and all
    // other hooks are asked for that one. TLS_ERROR or TLS_ABORTED: the handshake ends with the alert that the hook may
    // put into *alert (RFC 8446 section 6.2), which is at first handshake_failure.
    // Called once in a handshake, for DTLS after the client has proved its address. Whether there is one is looked at
    // when the handshake begins. May be NULL. An engine without TLS_FEATURE_SNI does not call it.
    tls_status_t (*sni)(tls_host_t *host, const char *name, tls_context_t **context, int *alert);

    // Told the secrets of a handshake, each as a line of the NSS key log format without its newline: whoever has them
    // can decrypt the connection. The line is the engine's and wiped afterwards. TLS_OK, or TLS_ABORTED: the call
    // ends so when the library has returned, and the lines that would have followed in it are lost. May be NULL.
    tls_status_t (*keylog)(tls_host_t *host, const char *line, size_t len);

    // Seconds since 1970-01-01 UTC, for the dates of certificates; negative if the device has no clock at all.
    int64_t (*now)(tls_host_t *host);

    // A millisecond clock of arbitrary origin that wraps around, for the retransmission timers of DTLS. An engine whose
    // library keeps a clock of its own (OpenSSL: the system's) does not ask it.
    uint32_t (*ticks_ms)(tls_host_t *host);

    tls_error_t error; // filled when the call returns TLS_ERROR
};

#define TLS_PSK_MAX          MICROPY_PY_SSL_PSK_MAX
#define TLS_PSK_IDENTITY_MAX 256

// ---------------------------------------------------------------------------------------------------------------------
// Context: configuration, reference-counted; a connection holds a reference to its context.

// Bits of a protocol; 0 is a TLS client.
#define TLS_PROTOCOL_SERVER   (1)
#define TLS_PROTOCOL_DATAGRAM (2)

#define TLS_VERSION_1_2 0x0303
#define TLS_VERSION_1_3 0x0304 // DTLS stops at 1.2

typedef enum tls_verify_mode {
    TLS_VERIFY_MODE_NONE,     // a client validates nothing; a server asks for no certificate
    TLS_VERIFY_MODE_OPTIONAL, // asked for and checked, but the connection goes on whatever was found
    TLS_VERIFY_MODE_REQUIRED, // a valid certificate or no connection
} tls_verify_mode_t;

// Prepares the library for the process; called before anything else, any number of times. false: out of memory or no
// entropy.
TLS_MUST_USE bool tls_engine_init(void);

// "OpenSSL 3.0.17 …" or "Mbed TLS 3.6.6".
const char *tls_engine_version(void);

// Whether this build of the engine can do a thing at all.
typedef enum tls_feature {
    TLS_FEATURE_TLS_1_2,
    TLS_FEATURE_TLS_1_3,
    TLS_FEATURE_DTLS,
    TLS_FEATURE_PSK,
    TLS_FEATURE_CLIENT,
    TLS_FEATURE_SERVER,
    TLS_FEATURE_ECDH,             // key exchange with elliptic curves
    TLS_FEATURE_SNI,              // the server's name can be sent and read; without, connections with one are refused
    TLS_FEATURE_PEM,              // certificates and keys can be PEM; DER is always there
    TLS_FEATURE_PEER_CERTIFICATE, // tls_connection_peer_certificate() has something to give
    TLS_FEATURE_ALPN,
    TLS_FEATURE_CRL,        // revocation lists
    TLS_FEATURE_BUNDLE,     // CA bundles
    TLS_FEATURE_EXPORTER,   // tls_connection_export(), and the channel binding that is made of it
    TLS_FEATURE_TLS_UNIQUE, // the channel binding of that name
} tls_feature_t;
bool tls_engine_has(tls_feature_t feature);

// A new context with one reference: no certificates, TLS_VERIFY_MODE_NONE, versions 1.2 to the highest that the build
// allows, the default cipher suites. NULL with *error filled on failure.
tls_context_t *tls_context_new(unsigned protocol, tls_error_t *error);
tls_context_t *tls_context_retain(tls_context_t *context);
void tls_context_release(tls_context_t *context); // NULL is allowed

void tls_context_set_verify_mode(tls_context_t *context, tls_verify_mode_t mode);
tls_verify_mode_t tls_context_get_verify_mode(const tls_context_t *context);

// TLS_VERSION_*, minimum <= maximum. For DTLS only 1.2 means anything and both are clamped to it.
TLS_MUST_USE bool tls_context_set_versions(tls_context_t *context, int minimum, int maximum, tls_error_t *error);
int tls_context_get_minimum_version(const tls_context_t *context);
int tls_context_get_maximum_version(const tls_context_t *context);

#define TLS_RECORD_MIN 512
#define TLS_RECORD_MAX 16384

#define TLS_MTU_MIN     256
#define TLS_MTU_MAX     16384
#define TLS_MTU_DEFAULT 1400 // passes tunnels too (Ethernet's 1500 bytes less several headers)

// Longest record, in bytes of data (TLS_RECORD_MIN to TLS_RECORD_MAX), that connections made from now on send, and that
// their peers are asked to send: a client says so in max_fragment_length (RFC 6066 section 4), with the next lower
// value that there is (512, 1024, 2048, 4096); on Mbed TLS only if it offers nothing but TLS 1.2. A peer that does not
// know it sends longer records, which are taken all the same. Servers follow their clients' wishes in any case. Else
// TLS_ERROR_ARGUMENT.
TLS_MUST_USE bool tls_context_set_max_record(tls_context_t *context, size_t size, tls_error_t *error);
size_t tls_context_get_max_record(const tls_context_t *context);

// DTLS: the longest datagram, in bytes of what UDP carries (TLS_MTU_MIN to TLS_MTU_MAX), that connections made from now
// on send; TLS_MTU_DEFAULT in a new context. Handshake messages are cut to fit (RFC 6347 section 4.2.3), data that does
// not fit is refused by tls_connection_write(). Else TLS_ERROR_ARGUMENT.
TLS_MUST_USE bool tls_context_set_mtu(tls_context_t *context, size_t size, tls_error_t *error);
size_t tls_context_get_mtu(const tls_context_t *context);

// One certificate chain, leaf first, in PEM (any text around it is skipped) or as one or more concatenated DER
// certificates, and its private key in PEM or DER (PKCS#1, SEC1, PKCS#8, encrypted PKCS#8 with `password`, or NULL).
// PEM data needs no terminating NUL. The key must belong to the leaf. A further call with another type of key (RSA,
// ECDSA) adds it beside the first; with the same type it replaces it.
// TLS_ERROR_CERTIFICATE or TLS_ERROR_KEY says which of the two was bad; a bad key is found first.
TLS_MUST_USE bool tls_context_add_certificate(tls_context_t *context, const uint8_t *chain, size_t chain_len,
    const uint8_t *key, size_t key_len, const char *password, tls_error_t *error);

// Whether `key` alone can be parsed as a private key; changes nothing.
TLS_MUST_USE bool tls_check_private_key(const uint8_t *key, size_t key_len, const char *password, tls_error_t *error);

// Adds trust anchors, PEM or concatenated DER, except those that are there already; and, where there is
// TLS_FEATURE_CRL, certificate revocation lists in PEM (RFC 5280 section 5), alone or among certificates. All of it
// must parse; with `lenient` (for bundles whose content is not the caller's choice) what this engine cannot read is
// skipped and at least one must remain.
TLS_MUST_USE bool tls_context_add_trust_anchors(tls_context_t *context, const uint8_t *data, size_t len, bool lenient,
    tls_error_t *error);

#if MICROPY_PY_SSL_BUNDLE

// Where a CA bundle is; see src/engine/bundle.h for what is in it.
typedef struct tls_bundle_source {
    const uint8_t *data; // all of it; NULL: it has to be read
    size_t len;
    // Copies `size` bytes that begin at `offset`. false: they cannot be read. It must not jump.
    bool (*read)(void *arg, size_t offset, uint8_t *buf, size_t size);
    void *arg;
} tls_bundle_source_t;

#define TLS_BUNDLE_MAGIC_SIZE 8

// Whether data that begins like this is a CA bundle.
bool tls_bundle_is_one(const uint8_t *data, size_t len);

// Adds the certificates of a CA bundle as trust anchors. They stay where they are, and `source` has to be readable for
// as long as the context or one of its connections lives. A verification reads those that it needs; one that is
// damaged is not trusted. TLS_ERROR_CERTIFICATE: the bundle's index is damaged, or is none of this format.
// TLS_ERROR_UNSUPPORTED: the library cannot ask for trust anchors (see TLS_FEATURE_BUNDLE).
TLS_MUST_USE bool tls_context_add_bundle(tls_context_t *context, const tls_bundle_source_t *source,
    tls_error_t *error);

#endif

// Trust anchors, those in bundles among them.
size_t tls_context_count_trust_anchors(const tls_context_t *context);
size_t tls_context_count_crls(const tls_context_t *context);

// Writes the trust anchor of that number, in DER, if it has no more than `size` bytes, and returns how many it has; 0:
// there are not so many, SIZE_MAX: it is in a bundle and cannot be read. Their order says nothing.
size_t tls_context_copy_trust_anchor(const tls_context_t *context, size_t number, uint8_t *buf, size_t size);

// What the following set holds for connections made from now on, and makes earlier sessions and tickets worthless: what
// they prove was judged by other rules. They are implemented in src/engine/rules.c for both engines.

// Bits for tls_context_set_verify_flags(), with the numbers of OpenSSL and CPython.
#define TLS_VERIFY_FLAG_CRL_LEAF      (0x4u)     // the peer's certificate must not be in the list of its issuer
#define TLS_VERIFY_FLAG_CRL_CHAIN     (0xCu)     // ... nor any other below the trust anchor
#define TLS_VERIFY_FLAG_STRICT        (0x20u)    // RFC 5280 to the letter; OpenSSL only
#define TLS_VERIFY_FLAG_TRUSTED_FIRST (0x8000u)  // what is always done, on both engines: issuers are looked for among
#define TLS_VERIFY_FLAG_PARTIAL_CHAIN (0x80000u) // the trust anchors first; an anchor need not be a root

#if MICROPY_PY_SSL_CRL
// With a CRL flag a list of each issuer must be there, in date, and signed by it: else TLS_VERIFY_CRL. Of several the
// newest that is in date counts. Nothing is asked about the trust anchor at which a chain ends. Without, lists are not
// looked at. Unknown bits: TLS_ERROR_ARGUMENT; what this engine cannot do: TLS_ERROR_UNSUPPORTED.
TLS_MUST_USE bool tls_context_set_verify_flags(tls_context_t *context, unsigned flags, tls_error_t *error);
unsigned tls_context_get_verify_flags(const tls_context_t *context);
#endif

#define TLS_PIN_SIZE 32

#if MICROPY_PY_SSL_PINS
// SHA-256 digests of public keys (SubjectPublicKeyInfo, as in RFC 7469 section 2.4), TLS_PIN_SIZE bytes each. With some
// set, in every verify mode, the peer must have a certificate whose key is one of them, or whose chain leads there by
// signatures that are right: else TLS_VERIFY_PIN, and no connection. (That such a certificate was sent along proves
// nothing.) So a server asks for certificates then, also under TLS_VERIFY_MODE_NONE. `count` 0: none.
TLS_MUST_USE bool tls_context_set_pins(tls_context_t *context, const uint8_t *digests, size_t count,
    tls_error_t *error);
const uint8_t *tls_context_get_pins(const tls_context_t *context, size_t *count);

// Seconds since 1970-01-01 UTC at which certificates and revocation lists must be valid, in place of hooks.now;
// negative: hooks.now it is. Sessions and tickets know hooks.now only.
void tls_context_set_verify_time(tls_context_t *context, int64_t time);
int64_t tls_context_get_verify_time(const tls_context_t *context);
#endif

// Cipher suites by their IANA numbers, most preferred first. Suites of TLS 1.2 and 1.3 stand in one list; if a list
// names none of a version's suites, that version is not offered. An empty list or an unknown suite:
// TLS_ERROR_ARGUMENT with TLS_CODE_BAD_CONFIG.
TLS_MUST_USE bool tls_context_set_ciphers(tls_context_t *context, const uint16_t *suites, size_t count,
    tls_error_t *error);

// Copies the enabled suites, at most `max`, in order of preference; returns how many there are in all.
size_t tls_context_get_ciphers(const tls_context_t *context, uint16_t *suites, size_t max);

#define TLS_CIPHER_NAME_SIZE 64

// Writes the name as the built-in module spells it: "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256",
// "TLS1-3-AES-128-GCM-SHA256". Returns name, or NULL if the engine does not know the suite.
const char *tls_cipher_name(uint16_t suite, char name[TLS_CIPHER_NAME_SIZE]);

// The number of a suite that this engine has, by the built-in's or IANA's spelling; 0 if there is none.
uint16_t tls_cipher_suite(const char *name, size_t len);

// Protocols for ALPN (RFC 7301), most preferred first, as NUL-terminated names of 1 to 255 bytes; none switches it off
// again. A client offers them; a server takes the first of its own that the client offers, and refuses a client that
// offers none of them with the alert no_application_protocol (section 3.2). Who does not use ALPN connects all the
// same. For connections made from now on.
TLS_MUST_USE bool tls_context_set_alpn(tls_context_t *context, const char *const *names, size_t count,
    tls_error_t *error);

// Groups for the key exchange (RFC 8446 section 4.2.7), most preferred first, by OpenSSL's names: "X25519",
// "secp256r1", "prime256v1" and "P-256", "secp384r1" and "P-384", … In TLS 1.2 they are the curves of ECDSA
// certificates too (RFC 8422 section 5.1.1). No name, or one that this build does not know: TLS_ERROR_ARGUMENT. For
// connections made from now on.
TLS_MUST_USE bool tls_context_set_groups(tls_context_t *context, const char *const *names, size_t count,
    tls_error_t *error);

// Client: the pre-shared key to offer and its identity; both NULL switches it off again. Once set, only suites with a
// pre-shared key are offered, in every version.
TLS_MUST_USE bool tls_context_set_psk(tls_context_t *context, const uint8_t *identity, size_t identity_len,
    const uint8_t *key, size_t key_len, tls_error_t *error);

// Client: offer only pre-shared keys, which hooks.psk_client finds unless tls_context_set_psk() gave one; false
// switches it off again.
TLS_MUST_USE bool tls_context_set_psk_client(tls_context_t *context, bool enable, tls_error_t *error);

// Server: what clients are told about the identity that is wanted (RFC 4279 section 5.2), in TLS 1.2 with pre-shared
// keys; at most TLS_PSK_IDENTITY_MAX bytes, NULL: nothing. TLS_ERROR_UNSUPPORTED: Mbed TLS cannot say anything.
TLS_MUST_USE bool tls_context_set_psk_hint(tls_context_t *context, const char *hint, tls_error_t *error);

// Server: accept only pre-shared keys, which hooks.psk finds; false switches it off again.
TLS_MUST_USE bool tls_context_set_psk_server(tls_context_t *context, bool enable, tls_error_t *error);

// Server: how many session tickets a client gets in TLS 1.3 (RFC 8446 section 4.6.1), 2 in a new context; in TLS 1.2
// any number but 0 means one (RFC 5077). 0: no session is resumed either. For connections made from now on.
void tls_context_set_num_tickets(tls_context_t *context, uint16_t count);
uint16_t tls_context_get_num_tickets(const tls_context_t *context);

// Server: connections made from now on resume no session of before. Changes of what a client has to prove
// (tls_context_set_verify_mode(), _add_trust_anchors(), _set_psk_server()) do this by themselves; other rules are
// known to the caller only, that of hooks.verify for one. Servers that share ticket keys take each other's tickets if
// they have the same verify mode and trust anchors, added in the same order, and have forgotten as often.
void tls_context_forget_tickets(tls_context_t *context);

#define TLS_TICKET_KEY_SHORT 48
#define TLS_TICKET_KEY_LONG  80
#define TLS_TICKET_KEYS_MAX  16

// Server: the keys of its tickets, at most TLS_TICKET_KEYS_MAX, newest first: that one seals, all of them open some.
// Each has TLS_TICKET_KEY_SHORT or _LONG bytes, as in the files of nginx's ssl_session_ticket_key. Servers of the same
// engine, in the same version and configuration, take tickets of each other that were sealed with a key that they
// share; so do OpenSSL and nginx, see src/openssl/tickets.c. No keys: the context makes its own and changes them every
// hour, as in a new context. Tickets of before that were sealed with a key that is still there stay good.
// TLS_ERROR_ARGUMENT: not a server, too many, or of another size. TLS_ERROR_UNSUPPORTED: the build has no tickets.
TLS_MUST_USE bool tls_context_set_ticket_keys(tls_context_t *context, const tls_bytes_t *keys, size_t count,
    tls_error_t *error);

#if MICROPY_PY_SSL_SESSION_CACHE

// How many sessions the context keeps by itself.
// - Client, at first 0: the newest session of each server_hostname and port. A connection that is given none takes it
//   from there if it suits (see below); in TLS 1.3 each is offered once (RFC 8446 appendix C.4). Without a name no
//   session is kept.
// - Server, at first MICROPY_PY_SSL_SERVER_SESSIONS: sessions of TLS 1.2 whose clients do without tickets. None if no
//   tickets are given either.
// The sessions that were used least recently go first, and those of connections that have failed.
void tls_context_set_session_cache_size(tls_context_t *context, size_t size);
size_t tls_context_get_session_cache_size(const tls_context_t *context);

typedef struct tls_session_stats {
    uint32_t number;       // sessions that the context keeps now
    uint32_t connect;      // client: handshakes begun
    uint32_t connect_good; // ... and completed
    uint32_t accept;       // server: the same
    uint32_t accept_good;
    uint32_t hits;       // sessions resumed
    uint32_t misses;     // client: none was kept that suits. Server: an identifier or a ticket that is unknown
    uint32_t timeouts;   // sessions that were kept and are too old
    uint32_t cache_full; // sessions that had to make room
} tls_session_stats_t;

void tls_context_session_stats(tls_context_t *context, tls_session_stats_t *stats);

#endif

// ---------------------------------------------------------------------------------------------------------------------
// Sessions: what a client keeps of one connection in order to begin another one with less work (RFC 5077, RFC 8446
// section 2.2). A session is reference-counted, never changes, and belongs to no context. Its memory is wiped.
//
// A resumed handshake shows no certificate, so whoever holds a session is spared the proof. A session is therefore
// offered to the server only by a connection that would have judged the same: TLS or DTLS, server_hostname,
// skip_hostname_check, verify mode, trust anchors and, if there is a hooks.verify, that it was asked. A session that is
// older than its server allowed, or whose certificate was shown more than seven days ago, is not offered either. None
// of this is an error: a full handshake takes place. So it does when the server refuses.
//
// Connections with pre-shared keys have no sessions.
//
// This section is implemented in src/engine/session.c for both engines.

typedef struct tls_session tls_session_t;

tls_session_t *tls_session_retain(tls_session_t *session);
void tls_session_release(tls_session_t *session); // NULL is allowed

// The bytes belong to the session. In TLS 1.3 sessions have no identifier of their own, and *len may be 0.
const uint8_t *tls_session_id(const tls_session_t *session, size_t *len);
int64_t tls_session_time(const tls_session_t *session);           // when it was made, by hooks.now
uint32_t tls_session_timeout(const tls_session_t *session);       // seconds after which it is not offered any more
uint32_t tls_session_lifetime_hint(const tls_session_t *session); // seconds as the server said, 0: it did not
bool tls_session_has_ticket(const tls_session_t *session);

// Bytes from which tls_session_deserialize() makes the session again, in another process too. They hold its secret: to
// be kept like a private key. Returns how many bytes they are, and writes them if `size` is no less; 0: out of memory.
size_t tls_session_serialize(const tls_session_t *session, uint8_t *buf, size_t size);

// NULL with TLS_ERROR_ARGUMENT for what was not made by this engine with this version of the library, or is not as it
// was written (a checksum tells accidents, not forgers). Otherwise a session with one reference.
tls_session_t *tls_session_deserialize(const uint8_t *data, size_t len, tls_error_t *error);

// ---------------------------------------------------------------------------------------------------------------------
// Connection

typedef struct tls_connection tls_connection_t;

typedef struct tls_connection_options {
    // Name of the server, or NULL: a host name, or an IPv4 or IPv6 address literal. Clients check it against the
    // certificate (unless skip_hostname_check) and send host names, but never addresses, as SNI (RFC 6066 section 3).
    const char *server_hostname;
    bool skip_hostname_check;
    // DTLS server: what the stateless cookie binds to, normally the client's address (RFC 6347 section 4.2.1); NULL: a
    // value of the connection's own.
    const uint8_t *client_id;
    size_t client_id_len;
    // Client: a session to offer, see above; or NULL. The connection takes a reference of its own.
    tls_session_t *session;
    // Client: the server's port, 0 if it is not known. See tls_context_set_session_cache_size().
    uint16_t peer_port;
} tls_connection_options_t;

// A connection in the state before its handshake. NULL with *error filled on failure.
tls_connection_t *tls_connection_new(tls_context_t *context, const tls_connection_options_t *options,
    tls_error_t *error);
void tls_connection_free(tls_connection_t *connection); // NULL is allowed

// TLS_OK: the handshake is complete and every byte of ours has been handed to the transport. WANT_* are returned only
// after a hook said so (or, for DTLS, while a retransmission timer runs). Fatal alerts of ours are sent, as far as
// hooks.send takes them at once, before TLS_ERROR is returned.
TLS_MUST_USE tls_status_t tls_connection_handshake(tls_connection_t *connection, tls_host_t *host);

// Does the handshake first if it is not complete. *count > 0 with TLS_OK, 0 otherwise. At most one record (one
// datagram) is delivered by a call. Records without application data (session tickets, key updates) are processed
// inside. `size` 0 returns TLS_OK with *count 0 at once.
TLS_MUST_USE tls_status_t tls_connection_read(tls_connection_t *connection, tls_host_t *host, void *buf, size_t size,
    size_t *count);

// Does the handshake first if it is not complete. *count says how many bytes the engine took: they are encrypted and
// will be sent, whatever the status. A call takes at most one record. It first flushes what an earlier call left; as
// long as that does not succeed it takes nothing. So a caller that saw WANT_WRITE may come back with any buffer.
// TLS_OK with *count > 0 also when the transport has not taken all of the record yet: see
// tls_connection_output_pending(). TLS_ABORTED may come with *count > 0. `size` 0: nothing happens.
TLS_MUST_USE tls_status_t tls_connection_write(tls_connection_t *connection, tls_host_t *host, const void *buf,
    size_t size, size_t *count);

// Sends what is pending; TLS_OK: nothing is pending any more. Never starts or continues a handshake.
TLS_MUST_USE tls_status_t tls_connection_flush(tls_connection_t *connection, tls_host_t *host);

// Sends close_notify (once, however often it is called) and flushes. TLS_OK at once if there is nothing to say: before
// the handshake is complete or after a failure. Reading goes on to be possible; writing is TLS_ERROR_ARGUMENT. From now
// on no byte is read from the transport that stands behind the peer's close_notify.
TLS_MUST_USE tls_status_t tls_connection_close_notify(tls_connection_t *connection, tls_host_t *host);

// Whether encrypted bytes wait for the transport.
bool tls_connection_output_pending(const tls_connection_t *connection);

// How many decrypted bytes the next reads get without any I/O.
size_t tls_connection_input_pending(const tls_connection_t *connection);

// Whether undecrypted bytes have been read from the transport already: the next read may succeed although the
// transport is not readable.
bool tls_connection_input_buffered(const tls_connection_t *connection);

// DTLS: milliseconds until the handshake should be called again though nothing arrived; -1 if no timer runs.
int32_t tls_connection_timeout_ms(tls_connection_t *connection, tls_host_t *host);

// Bytes of the heap, as the heap itself counts them, that making the connection and the calls on it have taken and not
// given back: keys, buffers, the peer's certificates (a session may share them), the library's state. What belongs to
// contexts is not among them, nor are sessions. What the library keeps for the whole process, or with a key of the
// context, counts for the connection that was the first to need it. All 0 without MICROPY_PY_SSL_STATS.
typedef struct tls_memory_use {
    size_t held; // now
    size_t peak; // the most so far
} tls_memory_use_t;

tls_memory_use_t tls_connection_memory_use(const tls_connection_t *connection);

// The following describe the connection. Before the handshake is complete they answer "nothing".

bool tls_connection_is_established(const tls_connection_t *connection);
const char *tls_connection_version(const tls_connection_t *connection);        // "TLSv1.3", "DTLSv1.2", …; or NULL
uint16_t tls_connection_cipher(const tls_connection_t *connection, int *bits); // IANA number, secret bits; or 0

// The protocol that was agreed on by ALPN; NULL: none. The bytes belong to the connection.
const char *tls_connection_alpn(const tls_connection_t *connection, size_t *len);

// The certificate the peer sent at `depth` (0: its own). The bytes belong to the connection and live until its next
// call. false: there is none. If a session was resumed, the peer's own certificate is there if the library keeps it in
// sessions: OpenSSL does, Mbed TLS in TLS 1.2.
bool tls_connection_peer_certificate(const tls_connection_t *connection, unsigned depth, const uint8_t **der,
    size_t *len);

// Client: the newest session that can be resumed, with a reference for the caller. NULL, with *error empty, if there is
// none: in TLS 1.3 the tickets come after the handshake, with what is read. NULL with *error filled: out of memory.
tls_session_t *tls_connection_session(tls_connection_t *connection, tls_error_t *error);

// Whether the handshake resumed a session.
bool tls_connection_session_reused(const tls_connection_t *connection);

// Whether the peer showed a certificate, now or when the session was made, that was checked and found good.
bool tls_connection_peer_verified(const tls_connection_t *connection);

// TLS_VERIFY_* bits; 0 also when nothing was checked (TLS_VERIFY_MODE_NONE). If a session was resumed: what the first
// handshake found.
uint32_t tls_connection_verify_result(const tls_connection_t *connection);

// ---------------------------------------------------------------------------------------------------------------------
// What both ends of a connection know and nobody else: implemented in src/engine/binding.c for both engines.

#define TLS_EXPORT_MAX         8160 // bytes: what TLS 1.3 can make with any suite
#define TLS_EXPORT_LABEL_MAX   249  // RFC 8446 section 7.1
#define TLS_EXPORT_CONTEXT_MAX 512  // more does not fit into OpenSSL 3.0's PRF beside the rest

// Keying material (RFC 5705, RFC 8446 section 7.5): `len` bytes, the same at both ends, for a label and a context of
// the caller's choice. `context` NULL: none, which is something else than an empty one in TLS 1.2. TLS_ERROR_ARGUMENT
// for a connection that is not established, lengths beyond the above or 0 (but for the context's), and labels that
// TLS uses itself (RFC 5705 section 4).
TLS_MUST_USE bool tls_connection_export(tls_connection_t *connection, const char *label, size_t label_len,
    const uint8_t *context, size_t context_len, uint8_t *out, size_t len, tls_error_t *error);

// Channel bindings: a name for the connection, to be mixed into an authentication above it so that this cannot be
// relayed to another one.
typedef enum tls_binding {
    TLS_BINDING_UNIQUE,           // "tls-unique" (RFC 5929 section 3): the first Finished; TLS 1.2 only (RFC 9266)
    TLS_BINDING_SERVER_END_POINT, // "tls-server-end-point" (RFC 5929 section 4): a hash of the server's certificate
    TLS_BINDING_EXPORTER,         // "tls-exporter" (RFC 9266)
} tls_binding_t;

#define TLS_BINDING_MAX 64

// Writes *len bytes; 0: there is no such binding of this connection. The first and the last are not given in TLS 1.2
// unless the key exchange is ECDHE: a server in the middle could make two connections with the same master secret
// otherwise (RFC 7627 section 1; whether that extension is in use is not what every library tells). A server whose
// session was resumed and who has two certificates, or an Mbed TLS one with two in TLS 1.3, cannot tell which one was
// shown. TLS_ERROR_UNSUPPORTED: not with this library.
TLS_MUST_USE bool tls_connection_channel_binding(tls_connection_t *connection, tls_binding_t binding,
    uint8_t out[TLS_BINDING_MAX], size_t *len, tls_error_t *error);

#endif // MICROPYTHON_SSL_ENGINE_H
