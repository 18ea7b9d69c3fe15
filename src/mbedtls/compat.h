// Every test on the version and the configuration of Mbed TLS, and every look at its private members.
//
// A part that the configuration leaves out is a feature that this engine leaves out; nothing fails to build but for
// the few things below that TLS cannot do without.

#ifndef MICROPYTHON_SSL_MBEDTLS_COMPAT_H
#define MICROPYTHON_SSL_MBEDTLS_COMPAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mbedtls/version.h"

#if MBEDTLS_VERSION_NUMBER < 0x03060000 || MBEDTLS_VERSION_NUMBER >= 0x04000000
#error "this engine is for Mbed TLS 3.6"
#endif
#if !defined(MBEDTLS_SSL_TLS_C) || !defined(MBEDTLS_X509_CRT_PARSE_C) || !defined(MBEDTLS_PK_PARSE_C)
#error "this engine needs MBEDTLS_SSL_TLS_C, MBEDTLS_X509_CRT_PARSE_C and MBEDTLS_PK_PARSE_C"
#endif

#include "mbedtls/error.h"
#include "mbedtls/md.h"
#include "mbedtls/oid.h"
#include "mbedtls/pem.h"
#include "mbedtls/pk.h"
#include "mbedtls/platform.h"
#include "mbedtls/platform_util.h"
#include "mbedtls/ssl.h"
#include "mbedtls/ssl_ciphersuites.h"
#include "mbedtls/x509_crt.h"

#include "engine/engine.h"
#include "engine/memory.h"

// ---------------------------------------------------------------------------------------------------------------------
// What is there

#ifdef MBEDTLS_SSL_CLI_C
#define COMPAT_CLIENT (1)
#else
#define COMPAT_CLIENT (0)
#endif

#ifdef MBEDTLS_SSL_SRV_C
#define COMPAT_SERVER (1)
#else
#define COMPAT_SERVER (0)
#endif

#ifdef MBEDTLS_SSL_PROTO_TLS1_2
#define COMPAT_TLS_1_2 (1)
#else
#define COMPAT_TLS_1_2 (0)
#endif

#ifdef MBEDTLS_SSL_PROTO_TLS1_3
#define COMPAT_TLS_1_3 (1)
#else
#define COMPAT_TLS_1_3 (0)
#endif

#if defined(MBEDTLS_SSL_PROTO_DTLS) && MICROPY_PY_SSL_DTLS
#define COMPAT_DTLS (1)
#else
#define COMPAT_DTLS (0)
#endif

// Cookies against forged addresses (RFC 6347 section 4.2.1).
#if defined(MBEDTLS_SSL_DTLS_HELLO_VERIFY) && defined(MBEDTLS_SSL_COOKIE_C) && defined(MBEDTLS_SSL_SRV_C)
#define COMPAT_COOKIES (1)
#else
#define COMPAT_COOKIES (0)
#endif

// Tickets of a server (RFC 5077, RFC 8446 section 4.6.1).
#if defined(MBEDTLS_SSL_SESSION_TICKETS) && defined(MBEDTLS_SSL_TICKET_C) && defined(MBEDTLS_SSL_SRV_C)
#define COMPAT_TICKETS (1)
#else
#define COMPAT_TICKETS (0)
#endif

#ifdef MBEDTLS_SSL_HANDSHAKE_WITH_PSK_ENABLED
#define COMPAT_PSK (1)
#else
#define COMPAT_PSK (0)
#endif

// Whether hooks.psk_client is asked for a key; hooks.psk stands for `psk_keys` of a server too.
#if COMPAT_PSK && MICROPY_PY_SSL_PSK_CALLBACKS
#define COMPAT_PSK_CLIENT_HOOK (1)
#else
#define COMPAT_PSK_CLIENT_HOOK (0)
#endif

#ifdef MBEDTLS_SSL_ALPN
#define COMPAT_ALPN (1)
#else
#define COMPAT_ALPN (0)
#endif

#if defined(MBEDTLS_SSL_KEYING_MATERIAL_EXPORT) && MICROPY_PY_SSL_CHANNEL_BINDING
#define COMPAT_EXPORTER (1)
#else
#define COMPAT_EXPORTER (0)
#endif

// The Finished messages are kept for renegotiation only.
#if defined(MBEDTLS_SSL_RENEGOTIATION) && MICROPY_PY_SSL_CHANNEL_BINDING
#define COMPAT_TLS_UNIQUE (1)
#else
#define COMPAT_TLS_UNIQUE (0)
#endif

#ifdef MBEDTLS_SSL_MAX_FRAGMENT_LENGTH
#define COMPAT_MAX_FRAGMENT_LENGTH (1)
#else
#define COMPAT_MAX_FRAGMENT_LENGTH (0)
#endif

#ifdef MBEDTLS_PEM_PARSE_C
#define COMPAT_PEM (1)
#else
#define COMPAT_PEM (0)
#endif

#if defined(MBEDTLS_KEY_EXCHANGE_SOME_ECDHE_ENABLED) || defined(MBEDTLS_KEY_EXCHANGE_SOME_ECDH_ENABLED) \
    || defined(MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_SOME_ECDHE_ENABLED)
#define COMPAT_ECDH (1)
#else
#define COMPAT_ECDH (0)
#endif

#ifdef MBEDTLS_SSL_SERVER_NAME_INDICATION
#define COMPAT_SNI (1)
#else
#define COMPAT_SNI (0)
#endif

// hooks.sni
#if defined(MBEDTLS_SSL_SERVER_NAME_INDICATION) && defined(MBEDTLS_SSL_SRV_C) && MICROPY_PY_SSL_SNI_CALLBACK
#define COMPAT_SNI_HOOK (1)
#else
#define COMPAT_SNI_HOOK (0)
#endif

#ifdef MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
#define COMPAT_PEER_CERTIFICATE (1)
#else
#define COMPAT_PEER_CERTIFICATE (0)
#endif

// Revocation lists.
#if defined(MBEDTLS_X509_CRL_PARSE_C) && MICROPY_PY_SSL_CRL
#define COMPAT_CRL (1)
#else
#define COMPAT_CRL (0)
#endif

#if COMPAT_CRL

static inline const mbedtls_x509_crt_profile *compat_certificate_profile(const mbedtls_ssl_config *config) {
    return config->MBEDTLS_PRIVATE(cert_profile);
}

static inline mbedtls_md_type_t compat_crl_digest(const mbedtls_x509_crl *crl) {
    return crl->MBEDTLS_PRIVATE(sig_md);
}

// Whether the list is signed by this issuer's key; `digest` is that of its content. A result of the library.
static inline int compat_crl_verify(const mbedtls_x509_crl *crl, const mbedtls_x509_crt *issuer, const uint8_t *digest,
    size_t len) {
    return mbedtls_pk_verify_ext(crl->MBEDTLS_PRIVATE(sig_pk), crl->MBEDTLS_PRIVATE(sig_opts),
        (mbedtls_pk_context *)(uintptr_t)&issuer->pk, crl->MBEDTLS_PRIVATE(sig_md), digest, len,
        crl->MBEDTLS_PRIVATE(sig).p, crl->MBEDTLS_PRIVATE(sig).len);
}

#endif

// Whether the library asks for trust anchors, so that they need not be in memory.
#if defined(MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK) && MICROPY_PY_SSL_BUNDLE
#define COMPAT_BUNDLE (1)
#else
#define COMPAT_BUNDLE (0)
#endif

// Longest pre-shared key that both the contract and the library allow.
// PSA's derivation of TLS 1.2 keys takes no more than its own limit.
#if defined(MBEDTLS_USE_PSA_CRYPTO) && PSA_TLS12_PSK_TO_MS_PSK_MAX_SIZE < MBEDTLS_PSK_MAX_LEN
#define LIBRARY_PSK_MAX PSA_TLS12_PSK_TO_MS_PSK_MAX_SIZE
#else
#define LIBRARY_PSK_MAX MBEDTLS_PSK_MAX_LEN
#endif
#if COMPAT_PSK && LIBRARY_PSK_MAX < TLS_PSK_MAX
#define COMPAT_PSK_MAX ((int)LIBRARY_PSK_MAX)
#else
#define COMPAT_PSK_MAX TLS_PSK_MAX
#endif

// ---------------------------------------------------------------------------------------------------------------------
// Threads: reference counts are atomic where the library is thread-safe. Elsewhere there is one thread, and some
// targets (Cortex-M0) would need libatomic for it.

#ifdef MBEDTLS_THREADING_C

static inline void compat_retain(unsigned *references) {
    __atomic_add_fetch(references, 1, __ATOMIC_RELAXED);
}

// true: that was the last reference.
static inline bool compat_release(unsigned *references) {
    return __atomic_sub_fetch(references, 1, __ATOMIC_ACQ_REL) == 0;
}

#define COMPAT_THREAD_LOCAL __thread

static inline void compat_count(unsigned *counter) {
    __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static inline unsigned compat_counted(const unsigned *counter) {
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

// Puts `made` in a place that is empty. Returns what is there then.
static inline void *compat_put_once(void **place, void *made) {
    void *there = NULL;
    bool first = __atomic_compare_exchange_n(place, &there, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return first ? made : there;
}

static inline void *compat_look(void *const *place) {
    return __atomic_load_n(place, __ATOMIC_ACQUIRE);
}

// Claims *flag. true: the caller holds it now, and gives it back with compat_unlock().
static inline bool compat_try_lock(unsigned char *flag) {
    return !__atomic_test_and_set(flag, __ATOMIC_ACQUIRE);
}

static inline void compat_unlock(unsigned char *flag) {
    __atomic_clear(flag, __ATOMIC_RELEASE);
}

#else

static inline void compat_retain(unsigned *references) {
    ++*references;
}

static inline bool compat_release(unsigned *references) {
    return --*references == 0;
}

#define COMPAT_THREAD_LOCAL

static inline void compat_count(unsigned *counter) {
    ++*counter;
}

static inline unsigned compat_counted(const unsigned *counter) {
    return *counter;
}

static inline void *compat_put_once(void **place, void *made) {
    *place = *place == NULL ? made : *place;
    return *place;
}

static inline void *compat_look(void *const *place) {
    return *place;
}

static inline bool compat_try_lock(unsigned char *flag) {
    (void)flag;
    return true;
}

static inline void compat_unlock(unsigned char *flag) {
    (void)flag;
}

#endif

// ---------------------------------------------------------------------------------------------------------------------
// Memory: the library's allocator is ours where it can be set at run time. A port that fixed it with macros
// (MBEDTLS_PLATFORM_STD_CALLOC) keeps its own.

static inline void compat_set_allocator(void *(*allocate)(size_t count, size_t size)) {
#if defined(MBEDTLS_PLATFORM_MEMORY) && !defined(MBEDTLS_PLATFORM_CALLOC_MACRO)
    mbedtls_platform_set_calloc_free(allocate, tls_free);
#else
    (void)allocate;
#endif
}

// ---------------------------------------------------------------------------------------------------------------------
// Random numbers: PSA's generator where there is PSA (TLS 1.3 needs it), else one of our own.

#ifndef MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
#include "mbedtls/entropy.h"

// init.c: mbedtls_entropy_init(), and a shortage of memory does no lasting harm.
void compat_entropy_init(mbedtls_entropy_context *entropy);
#endif

#ifdef MBEDTLS_PSA_CRYPTO_C

#include "psa/crypto.h"
#include "mbedtls/psa_util.h"

#ifndef MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
// All releases of 3.6 have it, but only a header inside of the library says so.
psa_status_t mbedtls_psa_crypto_configure_entropy_sources(void (*init)(mbedtls_entropy_context *entropy),
    void (*release)(mbedtls_entropy_context *entropy));
#endif

// Any number of times, by any thread.
static inline bool compat_random_start(void) {
#ifndef MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
    mbedtls_psa_crypto_configure_entropy_sources(compat_entropy_init, mbedtls_entropy_free); // unless it was started
#endif
    return psa_crypto_init() == PSA_SUCCESS;
}

// Gives back all that the library has allocated for itself. No context exists any more.
static inline void compat_random_stop(void) {
    mbedtls_psa_crypto_free();
}

static inline int compat_random(void *context, unsigned char *out, size_t size) {
    (void)context;
    return mbedtls_psa_get_random(MBEDTLS_PSA_RANDOM_STATE, out, size);
}

#else

#include "mbedtls/ctr_drbg.h"

// init.c
bool compat_random_start(void);
void compat_random_stop(void);
int compat_random(void *context, unsigned char *out, size_t size);

#endif

// ---------------------------------------------------------------------------------------------------------------------
// Texts

// The library's own words for one of its codes.
static inline void compat_error_text(int ret, char *text, size_t size) {
#ifdef MBEDTLS_ERROR_C
    mbedtls_strerror(ret, text, size);
    // "SSL - Bad input parameters to function": the module's name says nothing to anybody.
    const char *words = strstr(text, " - ");
    if (words != NULL) {
        memmove(text, words + 3, strlen(words + 3) + 1);
    }
#else
    (void)ret;
    (void)size;
    text[0] = '\0';
#endif
}

// The library's own words for MBEDTLS_X509_BADCERT_* flags, a line each.
static inline void compat_verify_text(uint32_t flags, char *text, size_t size) {
    text[0] = '\0';
#ifndef MBEDTLS_X509_REMOVE_INFO
    // What does not fit is cut off; the text is terminated in any case.
    (void)mbedtls_x509_crt_verify_info(text, size, "\n", flags);
#else
    (void)flags;
    (void)size;
#endif
}

// ---------------------------------------------------------------------------------------------------------------------
// Private members of mbedtls_ssl_context. Where the library has no accessor there is one here, and nowhere else.

// Bytes of encrypted records that the transport has not taken yet.
static inline size_t compat_output_left(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(out_left);
}

// Whether there is a buffer for output at all: none is if memory ran out while the library was being set up.
static inline bool compat_has_output(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(out_buf) != NULL;
}

// Sends what is left of the output, only while something is left. A result of the library.
static inline int compat_flush(mbedtls_ssl_context *ssl) {
    // While output is left, Mbed TLS 3.6 sends that in place of the alert, in every state, and reports success. The
    // function that does just that (mbedtls_ssl_flush_output) is not public.
    return mbedtls_ssl_send_alert_message(ssl, MBEDTLS_SSL_ALERT_LEVEL_WARNING, MBEDTLS_SSL_ALERT_MSG_CLOSE_NOTIFY);
}

// Whether a record of this side counts as written: a number that moves with each of them.
static inline void compat_output_counter(const mbedtls_ssl_context *ssl, unsigned char counter[8]) {
    memcpy(counter, ssl->MBEDTLS_PRIVATE(cur_out_ctr), 8);
}

// mbedtls_ssl_is_handshake_over() is already true while the tickets of TLS 1.3 are being sent.
static inline bool compat_handshake_finished(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_HANDSHAKE_OVER;
}

// Netscape's certificate type, MBEDTLS_X509_NS_CERT_TYPE_*.
static inline unsigned compat_ns_cert_type(const mbedtls_x509_crt *crt) {
    return crt->MBEDTLS_PRIVATE(ns_cert_type);
}

// Number of the alert that the peer sent, after MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE or _PEER_CLOSE_NOTIFY.
static inline int compat_received_alert(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(in_msg)[1];
}

// Whether so many bytes of a record can be in the input buffer. While a message is put together from several records,
// the next one may be due at its very end.
static inline bool compat_has_input(const mbedtls_ssl_context *ssl, size_t size) {
#ifdef MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH
    const unsigned char *start = ssl->MBEDTLS_PRIVATE(in_buf);
    return start != NULL
        && (size_t)(ssl->MBEDTLS_PRIVATE(in_hdr) - start) + size <= ssl->MBEDTLS_PRIVATE(in_buf_len);
#else
    (void)size;
    return ssl->MBEDTLS_PRIVATE(in_buf) != NULL;
#endif
}

// The fatal alert that the peer sent without encryption although encryption had begun; -1 if that is not what was read
// last. OpenSSL's clients answer a server's certificate so in TLS 1.3, and its servers understand it; to Mbed TLS 3.6
// it is a broken record. Nobody vouches for such an alert, but the connection is lost in any case.
static inline int compat_received_plain_alert(const mbedtls_ssl_context *ssl) {
    static const unsigned char header[] = {MBEDTLS_SSL_MSG_ALERT, 3, 3, 0, 2, MBEDTLS_SSL_ALERT_LEVEL_FATAL};
    const unsigned char *record = ssl->MBEDTLS_PRIVATE(in_hdr);
    if (!compat_has_input(ssl, sizeof(header) + 1)) {
        return -1;
    }
    return memcmp(record, header, sizeof(header)) == 0 ? record[sizeof(header)] : -1;
}

// Forgets the alert that was noted last, so that compat_noted_alert() speaks of a new one.
static inline void compat_forget_alert(mbedtls_ssl_context *ssl) {
    if (ssl->MBEDTLS_PRIVATE(send_alert) == 0) {
        ssl->MBEDTLS_PRIVATE(alert_type) = 0;
    }
}

// The fatal alert that TLS 1.3 code decided to send, 0 if none.
static inline int compat_noted_alert(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(alert_type);
}

// Mbed TLS 3.6 reports "would block" in place of the error if the alert of a failed handshake step does not go out at
// once, and sends it a second time later. Returns the error and sees to it that the alert is not repeated.
static inline int compat_unmask_error(mbedtls_ssl_context *ssl, int ret) {
    if (ret != MBEDTLS_ERR_SSL_WANT_WRITE || ssl->MBEDTLS_PRIVATE(send_alert) == 0) {
        return ret;
    }
    ssl->MBEDTLS_PRIVATE(send_alert) = 0;
    return ssl->MBEDTLS_PRIVATE(alert_reason);
}

// Whether what is read now is encrypted.
static inline bool compat_reads_encrypted(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(transform_in) != NULL;
}

static inline bool compat_writes_encrypted(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(transform_out) != NULL;
}

// The level and number of the fatal alert in the record written last, NULL if that record is encrypted or no such
// alert.
static inline unsigned char *compat_plain_alert(const mbedtls_ssl_context *ssl) {
    if (compat_writes_encrypted(ssl)) {
        return NULL;
    }
#ifdef MBEDTLS_SSL_PROTO_DTLS
    bool datagram = ssl->MBEDTLS_PRIVATE(conf)->MBEDTLS_PRIVATE(transport) == MBEDTLS_SSL_TRANSPORT_DATAGRAM;
#else
    bool datagram = false;
#endif
    size_t header = datagram ? 13 : 5;
    // A record that was flushed stands at out_hdr, one that was not before it.
    unsigned char *record = ssl->MBEDTLS_PRIVATE(out_hdr);
    if (ssl->MBEDTLS_PRIVATE(out_left) > 0) {
        record -= header + 2;
    }
    bool is_alert = record[0] == MBEDTLS_SSL_MSG_ALERT && record[header] == MBEDTLS_SSL_ALERT_LEVEL_FATAL;
    return is_alert ? record + header : NULL;
}

static inline bool compat_speaks_tls13(const mbedtls_ssl_context *ssl) {
    return mbedtls_ssl_get_version_number(ssl) == MBEDTLS_SSL_VERSION_TLS1_3;
}

// Client: whether the next step of the handshake only reads, and at most writes an alert.
static inline bool compat_step_only_reads(const mbedtls_ssl_context *ssl) {
    if (ssl->MBEDTLS_PRIVATE(conf)->MBEDTLS_PRIVATE(endpoint) != MBEDTLS_SSL_IS_CLIENT) {
        return false;
    }
    switch (ssl->MBEDTLS_PRIVATE(state)) {
        case MBEDTLS_SSL_SERVER_HELLO:
        case MBEDTLS_SSL_ENCRYPTED_EXTENSIONS:
        case MBEDTLS_SSL_SERVER_CERTIFICATE:
        case MBEDTLS_SSL_SERVER_KEY_EXCHANGE:
        case MBEDTLS_SSL_CERTIFICATE_REQUEST:
        case MBEDTLS_SSL_SERVER_HELLO_DONE:
        case MBEDTLS_SSL_NEW_SESSION_TICKET:
        case MBEDTLS_SSL_SERVER_CHANGE_CIPHER_SPEC:
        case MBEDTLS_SSL_SERVER_FINISHED:
            return true;
        case MBEDTLS_SSL_CERTIFICATE_VERIFY: // in TLS 1.3 the server's
            return compat_speaks_tls13(ssl);
        default:
            return false;
    }
}

// Whether a client's next step signs. PSA is told that its output goes on to the end of the library's own buffer, and
// Mbed TLS 3.6 fills what a signature leaves of it.
static inline bool compat_step_signs(const mbedtls_ssl_context *ssl) {
    int state = ssl->MBEDTLS_PRIVATE(state);
    return state == MBEDTLS_SSL_CLIENT_CERTIFICATE_VERIFY
        || (state == MBEDTLS_SSL_CERTIFICATE_VERIFY && !compat_speaks_tls13(ssl));
}

static inline bool compat_writes_client_hello(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_CLIENT_HELLO
        && ssl->MBEDTLS_PRIVATE(conf)->MBEDTLS_PRIVATE(endpoint) == MBEDTLS_SSL_IS_CLIENT;
}

static inline bool compat_reads_client_hello(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_CLIENT_HELLO
        && ssl->MBEDTLS_PRIVATE(conf)->MBEDTLS_PRIVATE(endpoint) == MBEDTLS_SSL_IS_SERVER;
}

#if COMPAT_SNI_HOOK

// Before the hello is read: it is read under these settings.
static inline void compat_use_config(mbedtls_ssl_context *ssl, const mbedtls_ssl_config *config) {
    ssl->MBEDTLS_PRIVATE(conf) = config;
    ssl->MBEDTLS_PRIVATE(tls_version) = config->MBEDTLS_PRIVATE(max_tls_version);
}

// DTLS: the next step answers the hello, if only with a cookie.
static inline void compat_answer_hello(mbedtls_ssl_context *ssl) {
    ssl->MBEDTLS_PRIVATE(state) = MBEDTLS_SSL_SERVER_HELLO;
}

#endif

// Whether a certificate of the server is due. Every full handshake comes by here, before its end is in sight; none that
// resumes a session does.
static inline bool compat_is_at_certificate(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_SERVER_CERTIFICATE;
}

// The handshake is done, and its memory about to be freed.
static inline bool compat_is_at_wrap_up(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_HANDSHAKE_WRAPUP;
}

// mbedtls_ssl_setup() of Mbed TLS 3.6 that runs out of memory leaves a handshake but no configuration behind, and
// mbedtls_ssl_free() then follows the null pointer.
static inline void compat_repair_failed_setup(mbedtls_ssl_context *ssl, const mbedtls_ssl_config *config) {
    ssl->MBEDTLS_PRIVATE(conf) = config;
}

// In TLS 1.3 Mbed TLS 3.6 takes new keys for sending into use when it comes to send, later than RFC 8446 section 7.3
// says:
// - A client that finds fault with the server's certificate says so in an alert that is not encrypted at all.
// - A server that finds fault with the client's says so under keys that the client has done with.
// Both look like broken records to a peer that keeps to the rules, another Mbed TLS for one. The keys are there
// already, so they are put in place for the steps that only read.
typedef struct compat_alert_keys {
    bool placed;
    mbedtls_ssl_transform *before;
    unsigned char counter[8];
} compat_alert_keys_t;

#ifdef MBEDTLS_SSL_PROTO_TLS1_3

// The keys for an alert of this side if a step that only reads comes next, else NULL.
static inline mbedtls_ssl_transform *compat_keys_for_alert(const mbedtls_ssl_context *ssl) {
    if (ssl->MBEDTLS_PRIVATE(tls_version) != MBEDTLS_SSL_VERSION_TLS1_3) {
        return NULL;
    }
    bool client = ssl->MBEDTLS_PRIVATE(conf)->MBEDTLS_PRIVATE(endpoint) == MBEDTLS_SSL_IS_CLIENT;
    switch (ssl->MBEDTLS_PRIVATE(state)) {
        case MBEDTLS_SSL_ENCRYPTED_EXTENSIONS:
        case MBEDTLS_SSL_CERTIFICATE_REQUEST:
        case MBEDTLS_SSL_SERVER_CERTIFICATE:
        case MBEDTLS_SSL_CERTIFICATE_VERIFY:
        case MBEDTLS_SSL_SERVER_FINISHED:
            // Those of the handshake; one object has them for both directions.
            return client ? ssl->MBEDTLS_PRIVATE(transform_in) : NULL;
        case MBEDTLS_SSL_CLIENT_CERTIFICATE:
        case MBEDTLS_SSL_CLIENT_CERTIFICATE_VERIFY:
        case MBEDTLS_SSL_CLIENT_FINISHED:
            return client ? NULL : ssl->MBEDTLS_PRIVATE(transform_application);
        default:
            return NULL;
    }
}

// Only while no output is left.
static inline void compat_place_alert_keys(mbedtls_ssl_context *ssl, compat_alert_keys_t *keys) {
    mbedtls_ssl_transform *transform = compat_keys_for_alert(ssl);
    keys->before = ssl->MBEDTLS_PRIVATE(transform_out);
    keys->placed = transform != NULL && transform != keys->before;
    compat_output_counter(ssl, keys->counter);
    if (keys->placed) {
        memset(ssl->MBEDTLS_PRIVATE(cur_out_ctr), 0, 8);
        ssl->MBEDTLS_PRIVATE(transform_out) = transform;
    }
}

// Unless the handshake has failed.
static inline void compat_remove_alert_keys(mbedtls_ssl_context *ssl, const compat_alert_keys_t *keys) {
    if (keys->placed) {
        memcpy(ssl->MBEDTLS_PRIVATE(cur_out_ctr), keys->counter, 8);
        ssl->MBEDTLS_PRIVATE(transform_out) = keys->before;
    }
}

#else

static inline void compat_place_alert_keys(mbedtls_ssl_context *ssl, compat_alert_keys_t *keys) {
    (void)ssl;
    keys->placed = false;
}

static inline void compat_remove_alert_keys(mbedtls_ssl_context *ssl, const compat_alert_keys_t *keys) {
    (void)ssl;
    (void)keys;
}

#endif

// The header of the record that is being read.
static inline const unsigned char *compat_input_header(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(in_hdr);
}

// Whether the datagram being read holds more records.
static inline bool compat_more_in_datagram(const mbedtls_ssl_context *ssl) {
#ifdef MBEDTLS_SSL_PROTO_DTLS
    return ssl->MBEDTLS_PRIVATE(conf)->MBEDTLS_PRIVATE(transport) == MBEDTLS_SSL_TRANSPORT_DATAGRAM
        && ssl->MBEDTLS_PRIVATE(in_left) > ssl->MBEDTLS_PRIVATE(next_record_offset);
#else
    (void)ssl;
    return false;
#endif
}

#if COMPAT_EXPORTER
// mbedtls_ssl_export_keying_material(), which in Mbed TLS 3.6 follows a null pointer at an end of a DTLS connection
// that has to repeat its last flight still: the keys are in use there, but not in the place where it looks for the
// randoms.
static inline int compat_export(mbedtls_ssl_context *ssl, unsigned char *out, size_t len, const char *label,
    size_t label_len, const unsigned char *context, size_t context_len) {
    mbedtls_ssl_transform *before = ssl->MBEDTLS_PRIVATE(transform);
    if (before == NULL) {
        ssl->MBEDTLS_PRIVATE(transform) = ssl->MBEDTLS_PRIVATE(transform_out);
    }
    int ret
        = mbedtls_ssl_export_keying_material(ssl, out, len, label, label_len, context, context_len, context != NULL);
    ssl->MBEDTLS_PRIVATE(transform) = before;
    return ret;
}
#endif

#if COMPAT_TLS_UNIQUE
// What stood in the Finished message of this side, or of the peer (TLS 1.2).
static inline const unsigned char *compat_finished(const mbedtls_ssl_context *ssl, bool own, size_t *len) {
    *len = ssl->MBEDTLS_PRIVATE(verify_data_len);
    const char *data = own ? ssl->MBEDTLS_PRIVATE(own_verify_data) : ssl->MBEDTLS_PRIVATE(peer_verify_data);
    return (const unsigned char *)data;
}
#endif

// ---------------------------------------------------------------------------------------------------------------------
// Record buffers: private members again. Mbed TLS 3.6 keeps both at full size for as long as the connection lives.
// Where it knows their sizes at run time they can be replaced between the records of a TLS connection: see buffers.c.
// What has to be kept is the counter at the start of the input buffer, and where in the buffers the pointers point.

#ifdef MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH

#define COMPAT_ELASTIC_BUFFERS (1)

#define COMPAT_COUNTER_SIZE 8
#define COMPAT_POINTERS     6

// The data of a record begin 13 bytes into its buffer, or 21 or 29 with the initialization vectors of TLS 1.2. So a
// buffer that begins 3 bytes after a word does has them where a word begins, and they are copied by words, also by the
// memcpy() of MicroPython's bare-metal ports, which copies single bytes otherwise.
#define COMPAT_DATA_SHIFT 3

typedef struct compat_places {
    unsigned char counter[COMPAT_COUNTER_SIZE];
    uint16_t offsets[COMPAT_POINTERS];
    unsigned char *block; // of tls_block_take(), which has the buffer in it; NULL: the buffer is the library's
} compat_places_t;

static inline void compat_list_input(mbedtls_ssl_context *ssl, unsigned char **pointers[COMPAT_POINTERS]) {
    pointers[0] = &ssl->MBEDTLS_PRIVATE(in_ctr);
    pointers[1] = &ssl->MBEDTLS_PRIVATE(in_hdr);
    pointers[2] = &ssl->MBEDTLS_PRIVATE(in_len);
    pointers[3] = &ssl->MBEDTLS_PRIVATE(in_iv);
    pointers[4] = &ssl->MBEDTLS_PRIVATE(in_msg);
    pointers[5] = NULL;
#ifdef MBEDTLS_SSL_DTLS_CONNECTION_ID
    pointers[5] = &ssl->MBEDTLS_PRIVATE(in_cid);
#endif
}

static inline void compat_list_output(mbedtls_ssl_context *ssl, unsigned char **pointers[COMPAT_POINTERS]) {
    pointers[0] = &ssl->MBEDTLS_PRIVATE(out_ctr);
    pointers[1] = &ssl->MBEDTLS_PRIVATE(out_hdr);
    pointers[2] = &ssl->MBEDTLS_PRIVATE(out_len);
    pointers[3] = &ssl->MBEDTLS_PRIVATE(out_iv);
    pointers[4] = &ssl->MBEDTLS_PRIVATE(out_msg);
    pointers[5] = NULL;
#ifdef MBEDTLS_SSL_DTLS_CONNECTION_ID
    pointers[5] = &ssl->MBEDTLS_PRIVATE(out_cid);
#endif
}

static inline void compat_free_buffer(unsigned char *buffer, size_t size, unsigned char *block) {
    if (block == NULL) {
        mbedtls_platform_zeroize(buffer, size);
        mbedtls_free(buffer);
    } else {
        mbedtls_platform_zeroize(block + TLS_BLOCK_HEADER, COMPAT_DATA_SHIFT + size);
        tls_block_put_back(block);
    }
}

// Puts one of another size in the place of a buffer, 0 for none at all, with as much of the content as fits. false: out
// of memory, nothing changed.
static inline bool compat_replace_buffer(unsigned char **buffer, size_t *buffer_size, size_t size, bool ours,
    unsigned char **const pointers[COMPAT_POINTERS], compat_places_t *places) {
    unsigned char *taken = NULL;
    unsigned char *block = NULL;
    if (size != 0 && ours) {
        taken = tls_block_take(TLS_BLOCK_HEADER + COMPAT_DATA_SHIFT + size);
        block = taken == NULL ? NULL : taken + TLS_BLOCK_HEADER + COMPAT_DATA_SHIFT;
    } else if (size != 0) {
        block = mbedtls_calloc(1, size);
    }
    if (block == NULL && size != 0) {
        return false;
    }
    unsigned char *old = *buffer;
    for (int i = 0; i < COMPAT_POINTERS && old != NULL; i++) {
        places->offsets[i] = pointers[i] == NULL ? 0 : (uint16_t)(*pointers[i] - old);
    }
    for (int i = 0; i < COMPAT_POINTERS; i++) {
        if (pointers[i] != NULL) {
            *pointers[i] = block == NULL ? NULL : block + places->offsets[i];
        }
    }
    if (old != NULL && block == NULL) {
        memcpy(places->counter, old, COMPAT_COUNTER_SIZE);
    } else if (old != NULL) {
        memcpy(block, old, size < *buffer_size ? size : *buffer_size);
    } else if (block != NULL) {
        memcpy(block, places->counter, COMPAT_COUNTER_SIZE);
    }
    if (old != NULL) {
        compat_free_buffer(old, *buffer_size, places->block);
    }
    *buffer = block;
    *buffer_size = size;
    places->block = taken;
    return true;
}

// What stands before a record in its buffer, and what encryption can add to it (MBEDTLS_SSL_HEADER_LEN and
// MBEDTLS_SSL_PAYLOAD_OVERHEAD, which are not public): initialization vector, authentication tag or code, padding.
#if defined(MBEDTLS_CIPHER_MODE_CBC) || defined(MBEDTLS_CIPHER_NULL_CIPHER) || defined(PSA_WANT_ALG_CBC_NO_PADDING)
#define COMPAT_RECORD_OVERHEAD (13 + 16 + 48 + 256)
#else
#define COMPAT_RECORD_OVERHEAD (13 + 16 + 16 + 16)
#endif

static inline size_t compat_input_size(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(in_buf) == NULL ? 0 : ssl->MBEDTLS_PRIVATE(in_buf_len);
}

static inline size_t compat_output_size(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(out_buf) == NULL ? 0 : ssl->MBEDTLS_PRIVATE(out_buf_len);
}

// The library was given less than it asked for.
static inline void compat_set_buffer_sizes(mbedtls_ssl_context *ssl, size_t input, size_t output) {
    ssl->MBEDTLS_PRIVATE(in_buf_len) = input;
    ssl->MBEDTLS_PRIVATE(out_buf_len) = output;
}

// Only between records; to 0 only while the buffer is idle. One that is ours must not get to be freed by the library.
static inline bool compat_resize_input(mbedtls_ssl_context *ssl, compat_places_t *places, size_t size, bool ours) {
    unsigned char **pointers[COMPAT_POINTERS];
    compat_list_input(ssl, pointers);
    return compat_replace_buffer(&ssl->MBEDTLS_PRIVATE(in_buf), &ssl->MBEDTLS_PRIVATE(in_buf_len), size, ours, pointers,
        places);
}

// The same, only while no output is left.
static inline bool compat_resize_output(mbedtls_ssl_context *ssl, compat_places_t *places, size_t size, bool ours) {
    unsigned char **pointers[COMPAT_POINTERS];
    compat_list_output(ssl, pointers);
    return compat_replace_buffer(&ssl->MBEDTLS_PRIVATE(out_buf), &ssl->MBEDTLS_PRIVATE(out_buf_len), size, ours,
        pointers, places);
}

// Where in the input buffer the next record begins: further on while a message is put together from several records.
static inline size_t compat_record_offset(const mbedtls_ssl_context *ssl, const compat_places_t *places) {
    if (ssl->MBEDTLS_PRIVATE(in_buf) == NULL) {
        return places->offsets[1];
    }
    return (size_t)(ssl->MBEDTLS_PRIVATE(in_hdr) - ssl->MBEDTLS_PRIVATE(in_buf));
}

// Whether no record has been read in part.
static inline bool compat_is_between_records(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(in_left) == 0;
}

// Whether the input buffer holds nothing that is needed: no part of a record or of a message.
static inline bool compat_input_idle(const mbedtls_ssl_context *ssl) {
    return compat_is_between_records(ssl) && ssl->MBEDTLS_PRIVATE(badmac_seen_or_in_hsfraglen) == 0
        && mbedtls_ssl_check_pending(ssl) == 0;
}

#else

#define COMPAT_ELASTIC_BUFFERS (0)

typedef struct compat_places {
    char unused;
} compat_places_t;

#endif

// ---------------------------------------------------------------------------------------------------------------------
// Sessions: private members. mbedtls_ssl_get_session() gives a session away once, and makes a copy with the peer's
// certificate for that.

// What an established connection agreed on; NULL: nothing.
static inline const mbedtls_ssl_session *compat_session(const mbedtls_ssl_context *ssl) {
    return ssl->MBEDTLS_PRIVATE(session);
}

static inline bool compat_session_is_tls_1_3(const mbedtls_ssl_session *session) {
    return session->MBEDTLS_PRIVATE(tls_version) == MBEDTLS_SSL_VERSION_TLS1_3;
}

static inline const unsigned char *compat_session_id(const mbedtls_ssl_session *session, size_t *len) {
    *len = session->MBEDTLS_PRIVATE(id_len);
    return session->MBEDTLS_PRIVATE(id);
}

// Client: whether a ticket came, and for how many seconds it is good.
static inline bool compat_session_ticket(const mbedtls_ssl_session *session, uint32_t *lifetime) {
#if defined(MBEDTLS_SSL_SESSION_TICKETS) && defined(MBEDTLS_SSL_CLI_C)
    *lifetime = session->MBEDTLS_PRIVATE(ticket_lifetime);
    return session->MBEDTLS_PRIVATE(ticket) != NULL && session->MBEDTLS_PRIVATE(ticket_len) > 0;
#else
    (void)session;
    *lifetime = 0;
    return false;
#endif
}

// Client, before the handshake. A result of the library.
static inline int compat_offer_session(mbedtls_ssl_context *ssl, const mbedtls_ssl_session *session) {
#ifdef MBEDTLS_SSL_CLI_C
    return mbedtls_ssl_set_session(ssl, session);
#else
    (void)ssl;
    (void)session;
    return MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
#endif
}

// Client: the ticket came so many seconds ago. The library reckons with a clock that starts with the machine, and a
// session may come from before that. RFC 8446 section 4.2.11.1: the server compares the age with its own idea of it.
static inline void compat_session_set_age(mbedtls_ssl_session *session, int64_t seconds) {
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && defined(MBEDTLS_SSL_SESSION_TICKETS) && defined(MBEDTLS_HAVE_TIME) \
    && defined(MBEDTLS_SSL_CLI_C)
    mbedtls_ms_time_t now = mbedtls_ms_time();
    mbedtls_ms_time_t error = now - session->MBEDTLS_PRIVATE(ticket_reception_time) - seconds * 1000;
    // Its own is more exact as long as both agree.
    if (error < -1000 || error > 1000) {
        session->MBEDTLS_PRIVATE(ticket_reception_time) = now - seconds * 1000;
    }
#else
    (void)session;
    (void)seconds;
#endif
}

// The name that a session of TLS 1.3 is for. Mbed TLS 3.6 believes that the one in saved bytes ends with a NUL.
// MBEDTLS_ERR_SSL_ALLOC_FAILED or 0.
static inline int compat_session_set_name(mbedtls_ssl_session *session, const char *name) {
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && defined(MBEDTLS_SSL_SESSION_TICKETS) \
    && defined(MBEDTLS_SSL_SERVER_NAME_INDICATION) && defined(MBEDTLS_SSL_CLI_C)
    mbedtls_free(session->MBEDTLS_PRIVATE(hostname));
    session->MBEDTLS_PRIVATE(hostname) = NULL;
    if (name == NULL) {
        return 0;
    }
    size_t size = strlen(name) + 1;
    session->MBEDTLS_PRIVATE(hostname) = (char *)mbedtls_calloc(1, size);
    if (session->MBEDTLS_PRIVATE(hostname) == NULL) {
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    memcpy(session->MBEDTLS_PRIVATE(hostname), name, size);
#else
    (void)session;
    (void)name;
#endif
    return 0;
}

// Server: the clock by which the library judges how old a session is starts with the machine, and tickets go from one
// machine to another. So they carry the time of day in seconds instead, if there is one.
#if COMPAT_TICKETS && defined(MBEDTLS_HAVE_TIME)

static inline void compat_session_set_birth(mbedtls_ssl_session *session, int64_t now) {
    if (now >= 0) {
        session->MBEDTLS_PRIVATE(ticket_creation_time) = now * 1000;
    }
}

// What becomes of the library's judgement on a session from a ticket. The library has filled the session, and then
// compared its time with the wrong clock. Puts that time right by the library's clock.
static inline int compat_session_judge_age(mbedtls_ssl_session *session, int ret, int64_t now, int64_t lifetime) {
    bool filled = session->MBEDTLS_PRIVATE(tls_version) != MBEDTLS_SSL_VERSION_UNKNOWN;
    if (now < 0 || !filled || (ret != 0 && ret != MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED)) {
        return ret;
    }
    int64_t age = now * 1000 - session->MBEDTLS_PRIVATE(ticket_creation_time);
    session->MBEDTLS_PRIVATE(ticket_creation_time) = mbedtls_ms_time() - age;
    return age >= 0 && age <= lifetime * 1000 ? 0 : MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
}

#else

static inline void compat_session_set_birth(mbedtls_ssl_session *session, int64_t now) {
    (void)session;
    (void)now;
}

static inline int compat_session_judge_age(mbedtls_ssl_session *session, int ret, int64_t now, int64_t lifetime) {
    (void)session;
    (void)now;
    (void)lifetime;
    return ret;
}

#endif

#if COMPAT_TICKETS
// What protects the tickets: a cipher with authentication that is there.
#if defined(MBEDTLS_SSL_HAVE_AES) && defined(MBEDTLS_SSL_HAVE_GCM)
#define COMPAT_TICKET_CIPHER MBEDTLS_CIPHER_AES_128_GCM
#elif defined(MBEDTLS_SSL_HAVE_AES) && defined(MBEDTLS_SSL_HAVE_CCM)
#define COMPAT_TICKET_CIPHER MBEDTLS_CIPHER_AES_128_CCM
#else
#define COMPAT_TICKET_CIPHER MBEDTLS_CIPHER_CHACHA20_POLY1305
#endif
#endif

// ---------------------------------------------------------------------------------------------------------------------
// Certificates

static inline const mbedtls_x509_crt *compat_peer_chain(const mbedtls_ssl_context *ssl) {
#ifdef MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
    return mbedtls_ssl_get_peer_cert(ssl);
#else
    (void)ssl;
    return NULL;
#endif
}

// The hash that a certificate's signature is made with.
static inline mbedtls_md_type_t compat_signature_hash(const mbedtls_x509_crt *crt) {
    return crt->MBEDTLS_PRIVATE(sig_md);
}

// The library's mode for a server that demands a certificate.
//
// In TLS 1.3 Mbed TLS 3.6 answers a missing one with the alert no_certificate, which that version does not have
// (RFC 8446 section 4.4.2.4 wants certificate_required). So the library is told "optional" where it can speak TLS 1.3,
// and this engine refuses after the step that read the certificate: see check_peer() in connection.c. Without
// MBEDTLS_SSL_KEEP_PEER_CERTIFICATE there is no TLS 1.3.
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE)
#define COMPAT_SERVER_REQUIRED MBEDTLS_SSL_VERIFY_OPTIONAL
#else
#define COMPAT_SERVER_REQUIRED MBEDTLS_SSL_VERIFY_REQUIRED
#endif

// ---------------------------------------------------------------------------------------------------------------------
// Settings

// With pre-shared keys nothing else; otherwise certificates, and tickets where there are any.
static inline void compat_set_key_exchange_modes(mbedtls_ssl_config *config, bool psk) {
#ifdef MBEDTLS_SSL_PROTO_TLS1_3
#ifdef MBEDTLS_SSL_SESSION_TICKETS
    unsigned modes = MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL;
#else
    unsigned modes = MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL;
#endif
    if (psk) {
        modes = MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_ALL;
    }
    mbedtls_ssl_conf_tls13_key_exchange_modes(config, (int)modes);
#else
    (void)config;
    (void)psk;
#endif
}

// Client: whether tickets of TLS 1.3 are kept from now on, and not passed over.
static inline void compat_keep_tickets(mbedtls_ssl_config *config, bool keep) {
#if defined(MBEDTLS_SSL_SESSION_TICKETS) && defined(MBEDTLS_SSL_CLI_C) && defined(MBEDTLS_SSL_PROTO_TLS1_3)
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(config,
        keep ? MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED
             : MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_DISABLED);
#else
    (void)config;
    (void)keep;
#endif
}

// Server: how many tickets follow a handshake of TLS 1.3.
static inline void compat_give_tickets(mbedtls_ssl_config *config, uint16_t count) {
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && defined(MBEDTLS_SSL_SESSION_TICKETS) && defined(MBEDTLS_SSL_SRV_C)
    mbedtls_ssl_conf_new_session_tickets(config, count);
#else
    (void)config;
    (void)count;
#endif
}

// Client: whether tickets are asked for (TLS 1.2) and kept (TLS 1.3).
static inline void compat_want_tickets(mbedtls_ssl_config *config, bool want) {
#if defined(MBEDTLS_SSL_SESSION_TICKETS) && defined(MBEDTLS_SSL_CLI_C)
    mbedtls_ssl_conf_session_tickets(config,
        want ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#endif
    compat_keep_tickets(config, want);
}

// Whether a suite authenticates by a pre-shared key alone (RSA-PSK has a certificate besides).
static inline bool compat_suite_uses_psk(const mbedtls_ssl_ciphersuite_t *suite) {
    switch (suite->MBEDTLS_PRIVATE(key_exchange)) {
        case MBEDTLS_KEY_EXCHANGE_PSK:
        case MBEDTLS_KEY_EXCHANGE_DHE_PSK:
        case MBEDTLS_KEY_EXCHANGE_ECDHE_PSK:
            return true;
        default:
            return false;
    }
}

// Whether a suite needs nothing but certificates. Those of TLS 1.3 do not say (MBEDTLS_KEY_EXCHANGE_NONE).
static inline bool compat_suite_uses_certificate(const mbedtls_ssl_ciphersuite_t *suite) {
    switch (suite->MBEDTLS_PRIVATE(key_exchange)) {
        case MBEDTLS_KEY_EXCHANGE_RSA:
        case MBEDTLS_KEY_EXCHANGE_DHE_RSA:
        case MBEDTLS_KEY_EXCHANGE_ECDHE_RSA:
        case MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA:
        case MBEDTLS_KEY_EXCHANGE_ECDH_RSA:
        case MBEDTLS_KEY_EXCHANGE_ECDH_ECDSA:
            return true;
        default:
            return false;
    }
}

// Whether the key exchange is with elliptic curves, and fresh ones.
static inline bool compat_suite_is_ecdhe(const mbedtls_ssl_ciphersuite_t *suite) {
    switch (suite->MBEDTLS_PRIVATE(key_exchange)) {
        case MBEDTLS_KEY_EXCHANGE_ECDHE_RSA:
        case MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA:
        case MBEDTLS_KEY_EXCHANGE_ECDHE_PSK:
            return true;
        default:
            return false;
    }
}

// Whether the key of the certificate decrypts what session keys are made of: no forward secrecy.
static inline bool compat_suite_is_static(const mbedtls_ssl_ciphersuite_t *suite) {
    switch (suite->MBEDTLS_PRIVATE(key_exchange)) {
        case MBEDTLS_KEY_EXCHANGE_RSA:
        case MBEDTLS_KEY_EXCHANGE_ECDH_RSA:
        case MBEDTLS_KEY_EXCHANGE_ECDH_ECDSA:
            return true;
        default:
            return false;
    }
}

// Whether it is an RSA key that the server shows a certificate for, in TLS 1.2.
static inline bool compat_suite_uses_rsa(const mbedtls_ssl_ciphersuite_t *suite) {
    switch (suite->MBEDTLS_PRIVATE(key_exchange)) {
        case MBEDTLS_KEY_EXCHANGE_RSA:
        case MBEDTLS_KEY_EXCHANGE_DHE_RSA:
        case MBEDTLS_KEY_EXCHANGE_ECDHE_RSA:
        case MBEDTLS_KEY_EXCHANGE_ECDH_RSA:
            return true;
        default:
            return false;
    }
}

static inline bool compat_suite_is_tls_1_3(const mbedtls_ssl_ciphersuite_t *suite) {
    return suite->MBEDTLS_PRIVATE(min_tls_version) == MBEDTLS_SSL_VERSION_TLS1_3;
}

#endif // MICROPYTHON_SSL_MBEDTLS_COMPAT_H
