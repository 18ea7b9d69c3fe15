// The sessions that a context keeps: a client's, one for each server, and those that a server keeps for clients which
// do without tickets (RFC 5246 appendix F.1.4). Any number of threads may use one at the same time.

#ifndef MICROPYTHON_SSL_SESSION_CACHE_H
#define MICROPYTHON_SSL_SESSION_CACHE_H

#include "engine/engine.h"
#include "engine/lock.h"
#include "engine/session.h"

#if MICROPY_PY_SSL_SESSION_CACHE

typedef struct tls_session_entry tls_session_entry_t;

typedef struct tls_session_cache {
    tls_lock_t lock;
    size_t size;                // how many sessions it holds at most
    uint32_t last_number;       // of the session that came last
    tls_session_entry_t *first; // the one that was used last
    tls_session_stats_t stats;
} tls_session_cache_t;

// All zero is an empty cache that stays empty. Sessions that find no room any more go.
void tls_session_cache_resize(tls_session_cache_t *cache, size_t size);

// Takes over a session, in place of an older one of the same client or server: with a name that is the server's name
// and port, else its identifier. `single_use`: it can be had once (RFC 8446 appendix C.4). Returns a number by which it
// can be removed again; 0: it is not kept. `session` NULL: nothing happens.
uint32_t tls_session_cache_put(tls_session_cache_t *cache, tls_session_t *session, uint16_t port, bool single_use);

// Client: a session for a connection on these terms, with a reference for the caller, and its number if it is kept
// still. NULL: there is none.
tls_session_t *tls_session_cache_take(tls_session_cache_t *cache, const tls_session_terms_t *terms, uint16_t port,
    int64_t now, uint32_t *number);

// Server: the session with this identifier, if it was made with this binding.
tls_session_t *tls_session_cache_find(tls_session_cache_t *cache, const uint8_t *id, size_t len,
    const uint8_t binding[TLS_DIGEST_SIZE], int64_t now, uint32_t *number);

// A connection on this session has failed (RFC 5246 section 7.2.2). 0, and one that is gone already: nothing happens.
void tls_session_cache_remove(tls_session_cache_t *cache, uint32_t number);

// Adds one to a counter of its statistics.
#define tls_session_count(cache, what) tls_session_cache_count(cache, &(cache)->stats.what)
void tls_session_cache_count(tls_session_cache_t *cache, uint32_t *counter);

void tls_session_cache_read_stats(tls_session_cache_t *cache, tls_session_stats_t *stats);

#else

typedef struct tls_session_cache {
    char unused;
} tls_session_cache_t;

#define tls_session_cache_resize(cache, size)   ((void)(cache))
#define tls_session_cache_remove(cache, number) ((void)(cache), (void)(number))
#define tls_session_count(cache, what)          ((void)(cache))

#endif

#endif // MICROPYTHON_SSL_SESSION_CACHE_H
