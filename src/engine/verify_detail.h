// Sentences for people about certificates that did not verify, and other disagreements; both engines fill error->detail
// with them.
// Each sets nothing if error->detail already holds a sentence: the first one said stays.

#ifndef MICROPYTHON_SSL_VERIFY_DETAIL_H
#define MICROPYTHON_SSL_VERIFY_DETAIL_H

#include "engine/engine.h"

// Seconds since 1970-01-01 UTC of a date in the proleptic Gregorian calendar (month and day count from 1).
int64_t tls_unix_time(int year, int month, int day, int hour, int minute, int second);

// Whose certificate: `peer_is_server`, and its depth in the chain (0: the peer's own, otherwise an issuer's).
// Dates are seconds since 1970; `now` is tls_rules_time(), negative: the device has no clock. `chosen`: it is not what
// the clock says but the time that the caller chose (tls_context_set_verify_time()).
void tls_detail_expired(tls_error_t *error, bool peer_is_server, unsigned depth, int64_t not_after, int64_t now,
    bool chosen);
void tls_detail_not_yet_valid(tls_error_t *error, bool peer_is_server, unsigned depth, int64_t not_before, int64_t now,
    bool chosen);

// `names`: the certificate's names, separated by ", " (shortened here if too long), "" if it has none.
void tls_detail_hostname(tls_error_t *error, const char *names, const char *asked);

// `issuer`: the name of the issuer that no trust anchor answers to, "" if unknown. `self_signed`: it issued itself.
// `anchors`: how many trust anchors the context has. `damaged`: one that might have been the issuer could not be read.
void tls_detail_untrusted(tls_error_t *error, bool peer_is_server, const char *issuer, bool self_signed,
    size_t anchors, bool damaged);

// For TLS_VERIFY_PIN: `digest` is of the peer's own key, NULL if that could not be told.
void tls_detail_pin(tls_error_t *error, bool peer_is_server, const uint8_t digest[TLS_PIN_SIZE]);

// For every other verification bit: a sentence of its own each.
void tls_detail_verify_bits(tls_error_t *error, bool peer_is_server, uint32_t bits);

// For TLS_ERROR_PEER_ALERT: what the alert says and what it usually means.
void tls_detail_peer_alert(tls_error_t *error, bool peer_is_server, int alert);

// Versions as they stand in messages; those of DTLS count downwards from 0xfeff.
#define TLS_HELLO_VERSION_DTLS 0xfe00

// No version in common, told by us or by the peer's alert. `protocol` is ours, and so is the range; `hello` is the
// version at the beginning of the peer's ClientHello or ServerHello (legacy_version in RFC 8446), 0 if there was none.
void tls_detail_versions(tls_error_t *error, unsigned protocol, int hello, int minimum, int maximum);

// For TLS_ERROR_PROTOCOL where nothing better is known: that it was the peer's fault, in the library's own words.
void tls_detail_protocol(tls_error_t *error, bool peer_is_server);

#endif // MICROPYTHON_SSL_VERIFY_DETAIL_H
