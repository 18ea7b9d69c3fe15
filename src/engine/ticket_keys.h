// The keys under which a server seals its tickets (RFC 5077 section 4, RFC 8446 section 4.6.1): its own, which change
// as time goes by, or those that its caller gave it.

#ifndef MICROPYTHON_SSL_TICKET_KEYS_H
#define MICROPYTHON_SSL_TICKET_KEYS_H

#include "engine/engine.h"
#include "engine/lock.h"
#include "engine/session.h"

#define TLS_TICKET_NAME_SIZE 16

// Where in the bytes of a key, by its size, its parts are: this is how nginx reads the files that
// ssl_session_ticket_key names. The name comes first.
#define TLS_TICKET_SHORT_AES  16 // 16 bytes
#define TLS_TICKET_SHORT_HMAC 32 // 16 bytes
#define TLS_TICKET_LONG_HMAC  16 // 32 bytes
#define TLS_TICKET_LONG_AES   48 // 32 bytes

// A new key of a server's own takes over after so many seconds, and the one before goes on opening tickets for as long
// again. So no ticket outlives its lifetime, whether or not the library puts its time into it.
#define TLS_TICKET_PERIOD (TLS_TICKET_LIFETIME / 2)

typedef struct tls_ticket_key {
    uint8_t size;
    uint8_t bytes[TLS_TICKET_KEY_LONG];
} tls_ticket_key_t;

typedef struct tls_ticket_keys {
    tls_lock_t lock;
    bool given;
    bool filled;   // own keys: the first one has been made
    int64_t since; // own keys: when the newest was made, by hooks.now; negative: without a clock
    size_t count;
    tls_ticket_key_t keys[]; // newest first
} tls_ticket_keys_t;

// With `count` 0: own keys. NULL: out of memory.
tls_ticket_keys_t *tls_ticket_keys_new(const tls_bytes_t *given, size_t count);
void tls_ticket_keys_free(tls_ticket_keys_t *keys); // NULL is allowed

// Checks what a caller gives. false: *error is filled.
TLS_MUST_USE bool tls_ticket_keys_check(const tls_bytes_t *given, size_t count, tls_error_t *error);

// A copy of one of the keys that are in force at this time (by hooks.now), to be wiped by the caller. Number 0 is the
// one that seals. false: there are no more, or there are no random numbers.
TLS_MUST_USE bool tls_ticket_keys_get(tls_ticket_keys_t *keys, int64_t now, size_t number, tls_ticket_key_t *key);

#endif // MICROPYTHON_SSL_TICKET_KEYS_H
