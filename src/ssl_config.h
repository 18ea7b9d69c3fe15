// Every switch of the module, with its default. Override one in mpconfigboard.h, mpconfigport.h or with -D. What they
// cost was measured on a Cortex-M7 (make bench-switches, docs/firmware-switches.md).

#ifndef MICROPYTHON_SSL_CONFIG_H
#define MICROPYTHON_SSL_CONFIG_H

// A configuration in configurations/ may bring defaults of its own.
#ifdef MICROPY_PY_SSL_CONFIGURATION
#include MICROPY_PY_SSL_CONFIGURATION
#endif

// Highest TLS version that a new context allows: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3. A program can always lower or,
// if the library has it, raise it again with SSLContext.maximum_version. 0x0303 gives the protocol of the built-in
// module of MicroPython 1.25.
#ifndef MICROPY_PY_SSL_MAX_TLS_VERSION
#define MICROPY_PY_SSL_MAX_TLS_VERSION (0x0304)
#endif

// Whether the engine's memory comes from MicroPython's heap (needs MICROPY_TRACKED_ALLOC) and not from the C library's.
// A board has no other heap; a PC has, and it is faster.
#ifndef MICROPY_PY_SSL_GC_HEAP
#ifdef __unix__
#define MICROPY_PY_SSL_GC_HEAP (0)
#else
#define MICROPY_PY_SSL_GC_HEAP (1)
#endif
#endif

// SSLContext.max_record at first: the longest record, in bytes of data (RFC 8446 section 5.1 allows at most 16384).
#ifndef MICROPY_PY_SSL_MAX_RECORD
#define MICROPY_PY_SSL_MAX_RECORD (16384)
#endif

// Whether there are MemoryBIO and SSLContext.wrap_bio(), for connections without a socket. Flash: 1.0 KB.
#ifndef MICROPY_PY_SSL_MEMORY_BIO
#define MICROPY_PY_SSL_MEMORY_BIO (1)
#endif

// Whether SSLSocket has the methods unwrap() and shutdown(). Flash: 700 bytes.
#ifndef MICROPY_PY_SSL_UNWRAP
#define MICROPY_PY_SSL_UNWRAP (1)
#endif

// Whether SSLSocket has the methods get_channel_binding() and export_keying_material(). They want
// MBEDTLS_SSL_KEYING_MATERIAL_EXPORT and MBEDTLS_SSL_RENEGOTIATION of the library. Flash: 1.6 KB.
#ifndef MICROPY_PY_SSL_CHANNEL_BINDING
#define MICROPY_PY_SSL_CHANNEL_BINDING (1)
#endif

// Whether SSLSocket has the method stats(). Flash: 1.1 KB; heap of a connection: 64 bytes.
#ifndef MICROPY_PY_SSL_STATS
#define MICROPY_PY_SSL_STATS (1)
#endif

// Whether there is SSLContext.keylog_filename. Flash: 810 bytes.
#ifndef MICROPY_PY_SSL_KEYLOG
#define MICROPY_PY_SSL_KEYLOG (1)
#endif

// Whether SSLSocket has the method ioctl(request, arg), which MicroPython's coverage tests call. Off: it is part of the
// stream protocol in C only.
#ifndef MICROPY_PY_SSL_IOCTL
#define MICROPY_PY_SSL_IOCTL (0)
#endif

// Whether servers take cipher suites in CBC mode and with RSA key exchange unless a program chooses others, as the
// built-in module's do. Clients offer them in any case.
#ifndef MICROPY_PY_SSL_OLD_SUITES
#define MICROPY_PY_SSL_OLD_SUITES (0)
#endif

// How long close() waits for a stream that is full to take what was written before and close_notify, in milliseconds.
#ifndef MICROPY_PY_SSL_CLOSE_TIMEOUT_MS
#define MICROPY_PY_SSL_CLOSE_TIMEOUT_MS (3000)
#endif

// Whether there is DTLS, if the library has it. Flash: 1.2 KB, without the library's.
#ifndef MICROPY_PY_SSL_DTLS
#define MICROPY_PY_SSL_DTLS (1)
#endif

// How long a DTLS handshake is tried, in milliseconds from its first datagram.
#ifndef MICROPY_PY_SSL_DTLS_HANDSHAKE_TIMEOUT_MS
#define MICROPY_PY_SSL_DTLS_HANDSHAKE_TIMEOUT_MS (30000)
#endif

// Mbed TLS engine: whether load_cert_chain() checks that the private key belongs to the certificate, which costs one
// operation with that key. Off, as in the built-in module: the peer will find out. OpenSSL always checks.
// Flash: 180 bytes.
#ifndef MICROPY_PY_SSL_CHECK_KEY_PAIR
#define MICROPY_PY_SSL_CHECK_KEY_PAIR (1)
#endif

// Whether exceptions carry `detail`, the sentence for people. Flash: 8.5 KB.
#ifndef MICROPY_PY_SSL_ERROR_DETAIL
#define MICROPY_PY_SSL_ERROR_DETAIL (1)
#endif

// SSLContext.set_alpn_protocols() and SSLSocket.selected_alpn_protocol(); the library must have ALPN, too. Flash:
// 760 bytes.
#ifndef MICROPY_PY_SSL_ALPN
#define MICROPY_PY_SSL_ALPN (1)
#endif

// SSLContext.set_groups() and set_ecdh_curve(). Flash: 590 bytes.
#ifndef MICROPY_PY_SSL_GROUPS
#define MICROPY_PY_SSL_GROUPS (1)
#endif

// Whether certificate revocation lists are read and checked (SSLContext.verify_flags). With Mbed TLS this also needs
// MBEDTLS_X509_CRL_PARSE_C. Flash: 690 bytes.
#ifndef MICROPY_PY_SSL_CRL
#define MICROPY_PY_SSL_CRL (1)
#endif

// Whether certificates have to keep to the name constraints of their issuers (RFC 5280 section 4.2.1.10), which Mbed
// TLS does not check. Off: it takes certificates that an authority was not allowed to issue, unless the constraints
// are critical; then it takes none of that authority. OpenSSL checks them always, but for wildcards. Flash: 2.7 KB;
// heap of a connection: 32 bytes.
#ifndef MICROPY_PY_SSL_NAME_CONSTRAINTS
#define MICROPY_PY_SSL_NAME_CONSTRAINTS (1)
#endif

// Whether SSLContext has `pins` and `verify_time`. Flash: 1.9 KB; heap of a connection: 16 bytes.
#ifndef MICROPY_PY_SSL_PINS
#define MICROPY_PY_SSL_PINS (1)
#endif

// Seconds since 1970: no time before it is taken for now when the dates of certificates and revocation lists are
// judged, unless a program sets verify_time. 0: the clock is believed. Meant for the firmware's date, which the build
// gives (SSL_EARLIEST_TIME in micropython.mk and micropython.cmake); see docs/trust.md.
#ifndef MICROPY_PY_SSL_EARLIEST_TIME
#define MICROPY_PY_SSL_EARLIEST_TIME (0)
#endif

// SSLContext.set_psk_client_callback() and set_psk_server_callback(). Flash: 980 bytes.
#ifndef MICROPY_PY_SSL_PSK_CALLBACKS
#define MICROPY_PY_SSL_PSK_CALLBACKS (1)
#endif

// Whether servers can choose by the name that a client asks for (SSLContext.sni_callback). With Mbed TLS this also
// needs MBEDTLS_SSL_SERVER_NAME_INDICATION. Flash: 1.7 KB.
#ifndef MICROPY_PY_SSL_SNI_CALLBACK
#define MICROPY_PY_SSL_SNI_CALLBACK (1)
#endif

// Longest pre-shared key in bytes; OpenSSL takes 512, and Mbed TLS what MBEDTLS_PSK_MAX_LEN says. As much goes onto the
// stack in a handshake.
#ifndef MICROPY_PY_SSL_PSK_MAX
#ifdef __unix__
#define MICROPY_PY_SSL_PSK_MAX (512)
#else
#define MICROPY_PY_SSL_PSK_MAX (64)
#endif
#endif

// Whether certificates can be had as dicts: SSLSocket.getpeercert() and SSLContext.get_ca_certs(). Flash: 4.6 KB.
#ifndef MICROPY_PY_SSL_CERTIFICATE_DICT
#define MICROPY_PY_SSL_CERTIFICATE_DICT (1)
#endif

// create_default_context() and Purpose. Flash: 340 bytes.
#ifndef MICROPY_PY_SSL_DEFAULT_CONTEXT
#define MICROPY_PY_SSL_DEFAULT_CONTEXT (1)
#endif

// What programs written for CPython ask for now and then: load_verify_locations(capath=), get_ca_certs(),
// cert_store_stats(), getpeercertchain(), get_server_certificate(), get_default_verify_paths(),
// DER_cert_to_PEM_cert(), PEM_cert_to_DER_cert(). Flash: 3.2 KB.
#ifndef MICROPY_PY_SSL_CPYTHON
#define MICROPY_PY_SSL_CPYTHON (1)
#endif

// Whether trust anchors can be in a CA bundle, which is used where it lies; see tools/mkbundle and docs/trust.md.
// With Mbed TLS it takes MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK. Flash: 2.2 KB.
#ifndef MICROPY_PY_SSL_BUNDLE
#define MICROPY_PY_SSL_BUNDLE (1)
#endif

// File with the default trust anchors, in PEM or as a CA bundle, used where verification is asked for and none were
// given; "" for none. A hosted interpreter looks into the environment variables SSL_CERT_FILE and SSL_CERT_DIR first.
#ifndef MICROPY_PY_SSL_DEFAULT_CA_FILE
#ifdef __unix__
#define MICROPY_PY_SSL_DEFAULT_CA_FILE "/etc/ssl/certs/ca-certificates.crt"
#else
#define MICROPY_PY_SSL_DEFAULT_CA_FILE ""
#endif
#endif

// Whether contexts keep sessions by themselves (SSLContext.session_cache_size, session_stats()): clients one for
// each server, servers those of TLS 1.2 for clients that do without tickets. Flash: 1.9 KB.
#ifndef MICROPY_PY_SSL_SESSION_CACHE
#define MICROPY_PY_SSL_SESSION_CACHE (1)
#endif

// SSLContext.session_cache_size of a server at first. A session takes some 400 bytes, and the client's certificate.
#ifndef MICROPY_PY_SSL_SERVER_SESSIONS
#define MICROPY_PY_SSL_SERVER_SESSIONS (100)
#endif

// Whether servers can share the keys of their tickets (SSLContext.ticket_keys). Flash: 520 bytes.
#ifndef MICROPY_PY_SSL_TICKET_KEYS
#define MICROPY_PY_SSL_TICKET_KEYS (1)
#endif

#endif // MICROPYTHON_SSL_CONFIG_H
