// What both engines need to make sessions and to judge them. To the world a session is opaque: see engine.h.

#ifndef MICROPYTHON_SSL_SESSION_H
#define MICROPYTHON_SSL_SESSION_H

#include "engine/engine.h"

#define TLS_DIGEST_SIZE    32
#define TLS_SESSION_ID_MAX 32 // RFC 5246 section 7.4.1.2

// How long a server's tickets are good, and what a client assumes where the server did not say (RFC 5077 section 3.3).
#define TLS_TICKET_LIFETIME 7200

#define TLS_DEFAULT_TICKETS 2 // that CPython's servers give

// A resumed handshake shows no certificate, so a session is resumed only by a connection that would have judged its
// peer in the same way.
typedef struct tls_session_terms {
    bool datagram;
    bool skip_hostname_check;
    bool hook_asked; // hooks.verify had its say; of a connection to be made: is to have it
    tls_verify_mode_t verify_mode;
    uint8_t trust[TLS_DIGEST_SIZE]; // of the trust anchors: see tls_trust_extend()
    const char *hostname;           // as it was given, or NULL
} tls_session_terms_t;

typedef struct tls_session_facts {
    tls_session_terms_t terms;
    uint32_t verify_result; // TLS_VERIFY_* bits
    int64_t time;           // of the session, by hooks.now
    int64_t proof_time;     // when the peer showed its certificate; earlier than `time` if resumed since
    uint32_t lifetime_hint; // seconds, as the server said
    uint32_t timeout;       // seconds, as we hold it
    bool has_ticket;
    uint8_t id_len;
    uint8_t id[TLS_SESSION_ID_MAX];
} tls_session_facts_t;

// A session with room for `payload_len` bytes of the library's; NULL: out of memory. Ends with one reference.
tls_session_t *tls_session_new(const tls_session_facts_t *facts, size_t payload_len);

// The library's bytes.
uint8_t *tls_session_payload(tls_session_t *session, size_t *len);

// What a library's own object for a session can do, from any thread. write() returns how many bytes the session takes,
// and writes them unless `out` is NULL; 0: out of memory.
typedef struct tls_session_object_ops {
    void (*release)(void *object);
    size_t (*write)(void *object, uint8_t *out);
} tls_session_object_ops_t;

// A session can have the library's object in place of its bytes, which are then written when they are asked for. Once
// it is there it stays, unchanged, as long as the session. NULL: there is none.
void tls_session_set_object(tls_session_t *session, void *object, const tls_session_object_ops_t *ops);
void *tls_session_object(const tls_session_t *session);

const tls_session_facts_t *tls_session_facts(const tls_session_t *session);

// Whether it is neither too old nor from the future, by hooks.now.
bool tls_session_is_fresh(const tls_session_t *session, int64_t now);

// Whether a connection on these terms may offer the session to its server, at this time.
bool tls_session_suits(const tls_session_t *session, const tls_session_terms_t *terms, int64_t now);

// Seconds for which a client offers a session whose server said `lifetime_hint`.
uint32_t tls_session_choose_timeout(uint32_t lifetime_hint);

// Mixes added trust anchors into `trust`, which begins as zeros. false: out of memory, nothing changed.
TLS_MUST_USE bool tls_trust_extend(uint8_t trust[TLS_DIGEST_SIZE], const uint8_t *data, size_t len);

// What a server's sessions are bound to: SHA-256 of what its clients have to prove. Servers that share ticket keys have
// generations of their own, so all that can be told apart goes into it; `generation` counts the changes of what cannot,
// such as one verify hook for another. false: out of memory.
TLS_MUST_USE bool tls_session_binding(const tls_session_terms_t *terms, uint32_t generation,
    uint8_t digest[TLS_DIGEST_SIZE]);

// Random bytes, by the library. false: it has none.
TLS_MUST_USE bool tls_random(uint8_t *out, size_t len);

// SHA-256, by the library. false: it has no memory.
TLS_MUST_USE bool tls_sha256(const uint8_t *data, size_t len, uint8_t digest[TLS_DIGEST_SIZE]);

// Overwrites secrets so that no compiler leaves it out.
void tls_wipe_memory(void *data, size_t len);

#endif // MICROPYTHON_SSL_SESSION_H
