// Sentences for people about certificates that did not verify; both engines fill error->detail with them.
// Each sets nothing if error->detail already holds a sentence: the first one said stays.

#ifndef MICROPYTHON_SSL_VERIFY_DETAIL_H
#define MICROPYTHON_SSL_VERIFY_DETAIL_H

#include "engine/engine.h"

// Seconds since 1970-01-01 UTC of a date in the proleptic Gregorian calendar (month and day count from 1).
int64_t tls_unix_time(int year, int month, int day, int hour, int minute, int second);

// Whose certificate: `peer_is_server`, and its depth in the chain (0: the peer's own, otherwise an issuer's).
// Dates are seconds since 1970; `now` negative: the device has no clock.
void tls_detail_expired(tls_error_t *error, bool peer_is_server, unsigned depth, int64_t not_after, int64_t now);
void tls_detail_not_yet_valid(tls_error_t *error, bool peer_is_server, unsigned depth, int64_t not_before, int64_t now);

// `names`: the certificate's names, separated by ", " (shortened here if too long), "" if it has none.
void tls_detail_hostname(tls_error_t *error, const char *names, const char *asked);

// `issuer`: the name of the issuer that no trust anchor answers to, "" if unknown. `self_signed`: it issued itself.
// `anchors`: how many trust anchors the context has.
void tls_detail_untrusted(tls_error_t *error, bool peer_is_server, const char *issuer, bool self_signed,
    size_t anchors);

// For every other verification bit: a sentence of its own each.
void tls_detail_verify_bits(tls_error_t *error, bool peer_is_server, uint32_t bits);

// For TLS_ERROR_PEER_ALERT: what the alert says and what it usually means.
void tls_detail_peer_alert(tls_error_t *error, bool peer_is_server, int alert);

#endif // MICROPYTHON_SSL_VERIFY_DETAIL_H
