// Sessions and tickets.

#include "openssl/internal.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

bool tls_sha256(const uint8_t *data, size_t len, uint8_t digest[TLS_DIGEST_SIZE]) {
    bool ok = EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) == 1;
    tls_errors_clear();
    return ok;
}

bool tls_random(uint8_t *out, size_t len) {
    bool ok = RAND_bytes(out, (int)len) == 1;
    tls_errors_clear();
    return ok;
}

void tls_wipe_memory(void *data, size_t len) {
    OPENSSL_cleanse(data, len);
}

// ---------------------------------------------------------------------------------------------------------------------
// Client

static tls_session_terms_t terms_of(const tls_connection_t *connection) {
    tls_session_terms_t terms = {
        .datagram = connection->datagram,
        .skip_hostname_check = connection->skip_hostname_check,
        .hook_asked = connection->hook_asked,
        .verify_mode = connection->verify_mode,
        .hostname = connection->asked_name,
    };
    memcpy(terms.trust, connection->trust, sizeof(terms.trust));
    return terms;
}

// Sessions keep the library's object. Its bytes are written when they are asked for; to read them again takes as long
// as all the rest of a resumed handshake, since there is a certificate in them, whose key is decoded. The object is a
// copy, and connections get copies of it: the library takes a session for spoilt when the connection that has it fails.
static void release_object(void *object) {
    // Finalisers come here, and so may a connection's call, of whose memory it is not.
    tls_memory_use_t *use = tls_memory_charge(NULL);
    bool outer = tls_freeing_begin();
    SSL_SESSION_free(object);
    tls_freeing_end(outer);
    (void)tls_memory_charge(use);
}

static size_t write_object(void *object, uint8_t *out) {
    unsigned char *end = out;
    int len = i2d_SSL_SESSION(object, out != NULL ? &end : NULL);
    tls_errors_clear();
    return len > 0 ? (size_t)len : 0;
}

static const tls_session_object_ops_t object_ops = {.release = release_object, .write = write_object};

// NULL: out of memory.
static tls_session_t *keep_session(SSL_SESSION *from, const tls_session_facts_t *facts) {
    tls_session_t *session = tls_session_new(facts, 0);
    if (session == NULL) {
        return NULL;
    }
    tls_memory_use_t *use = tls_memory_charge(NULL);
    SSL_SESSION *object = SSL_SESSION_dup(from);
    (void)tls_memory_charge(use);
    if (object == NULL) {
        tls_session_release(session);
        return NULL;
    }
    tls_session_set_object(session, object, &object_ops);
    return session;
}

static SSL_SESSION *read_session(tls_session_t *from) {
    SSL_SESSION *object = tls_session_object(from);
    if (object != NULL) {
        return SSL_SESSION_dup(object);
    }
    size_t len;
    const unsigned char *payload = tls_session_payload(from, &len);
    // The library frees what it reads keys from without wiping it.
    bool wiped = tls_memory_wipe_freed(true);
    SSL_SESSION *session = d2i_SSL_SESSION(NULL, &payload, (long)len);
    (void)tls_memory_wipe_freed(wiped);
    return session;
}

static bool load_session(tls_connection_t *connection, tls_session_t *from) {
    SSL_SESSION *session = read_session(from);
    bool ok = session != NULL && SSL_set_session(connection->ssl, session);
    SSL_SESSION_free(session);
    tls_errors_clear();
    return ok;
}

#if MICROPY_PY_SSL_SESSION_CACHE

static void take_kept(tls_connection_t *connection, const tls_session_terms_t *terms) {
    if (connection->session == NULL && !connection->psk) {
        connection->session = tls_session_cache_take(&connection->context->sessions, terms, connection->peer_port,
            connection_now(connection), &connection->kept);
    }
}

void tls_session_keep(tls_connection_t *connection) {
    tls_session_cache_t *cache = &connection->context->sessions;
    if (!connection->keep_due) {
        return;
    }
    connection->keep_due = false;
    if (connection->asked_name == NULL || cache->size == 0) {
        return;
    }
    tls_error_t ignored;
    tls_session_t *session = tls_connection_session(connection, &ignored);
    bool single_use = SSL_version(connection->ssl) == TLS1_3_VERSION;
    connection->kept = tls_session_cache_put(cache, session, connection->peer_port, single_use);
}

#else

#define take_kept(connection, terms) ((void)(connection), (void)(terms))

void tls_session_keep(tls_connection_t *connection) {
    (void)connection;
}

#endif

bool tls_session_offer(tls_connection_t *connection) {
    if (connection->started) {
        return true;
    }
    connection->started = true;
    tls_session_terms_t terms = terms_of(connection);
    terms.hook_asked = connection->host->verify != NULL && connection->verify_mode != TLS_VERIFY_MODE_NONE;
    if (connection->server) {
        tls_session_count(&connection->context->sessions, accept);
        return tls_tickets_bind(connection, &terms);
    }
    tls_session_count(&connection->context->sessions, connect);
    take_kept(connection, &terms);
    if (connection->session == NULL) {
        return true;
    }
    connection->offered = tls_session_suits(connection->session, &terms, connection_now(connection))
        && load_session(connection, connection->session);
    if (connection->offered) {
        return true;
    }
    // A session that the library cannot use is no reason to fail.
    tls_session_release(connection->session);
    connection->session = NULL;
    return !tls_memory_was_refused();
}

static void count_handshake(const tls_connection_t *connection) {
    tls_session_cache_t *cache = &connection->context->sessions;
    if (connection->server) {
        tls_session_count(cache, accept_good);
    } else {
        tls_session_count(cache, connect_good);
    }
    if (connection->resumed) {
        tls_session_count(cache, hits);
    }
}

void tls_session_note(tls_connection_t *connection) {
    connection->resumed = SSL_session_reused(connection->ssl) && !connection->psk;
    // In TLS 1.3 there is nothing to keep before a ticket has come.
    connection->keep_due = !connection->server && SSL_version(connection->ssl) != TLS1_3_VERSION;
    count_handshake(connection);
    if (!connection->resumed) {
        connection->proof_time = connection_now(connection);
    } else if (connection->session != NULL) {
        const tls_session_facts_t *facts = tls_session_facts(connection->session);
        connection->proof_time = facts->proof_time;
        connection->hook_asked = facts->terms.hook_asked;
        connection->verify_bits = facts->verify_result;
        if (!connection->session_is_new) {
            connection->session_time = facts->time;
        }
    } else {
        // A server finds in its ticket what tls_verify_chain() left there.
        connection->verify_bits = (uint32_t)SSL_get_verify_result(connection->ssl);
    }
    tls_session_release(connection->session);
    connection->session = NULL;
}

// The library has a new session: at the end of a full handshake, and with each ticket of TLS 1.3.
static int note_new_session(SSL *ssl, SSL_SESSION *session) {
    (void)session;
    tls_connection_t *connection = SSL_get_app_data(ssl);
    connection->session_is_new = true;
    connection->keep_due = true;
    connection->session_time = connection_now(connection);
    return 0; // it keeps no reference
}

static void install_on_client(SSL_CTX *ctx) {
    // The library keeps nothing: what a client wants to resume, its caller or its context holds.
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, note_new_session);
}

static tls_session_facts_t facts_of(const tls_connection_t *connection, const SSL_SESSION *from) {
    tls_session_facts_t facts = {
        .terms = terms_of(connection),
        .verify_result = connection->verify_bits,
        .time = connection->session_time,
        .proof_time = connection->proof_time,
        .lifetime_hint = (uint32_t)SSL_SESSION_get_ticket_lifetime_hint(from),
        .has_ticket = SSL_SESSION_has_ticket(from),
    };
    unsigned id_len;
    const unsigned char *id = SSL_SESSION_get_id(from, &id_len);
    facts.id_len = (uint8_t)id_len;
    memcpy(facts.id, id, id_len);
    facts.timeout = tls_session_choose_timeout(facts.lifetime_hint);
    return facts;
}

static bool is_usable(const tls_connection_t *connection, const SSL_SESSION *session) {
    if (connection->server || connection->psk || !connection->established || session == NULL
        || !SSL_SESSION_is_resumable(session)) {
        return false;
    }
    // RFC 8446 section 4.6.1: a ticket with a lifetime of 0 is not to be kept.
    return SSL_version(connection->ssl) != TLS1_3_VERSION || SSL_SESSION_get_ticket_lifetime_hint(session) > 0;
}

tls_session_t *tls_connection_session(tls_connection_t *connection, tls_error_t *error) {
    tls_error_clear(error);
    tls_errors_clear();
    tls_memory_watch();
    SSL_SESSION *from = SSL_get_session(connection->ssl);
    if (!is_usable(connection, from)) {
        return NULL;
    }
    tls_session_facts_t facts = facts_of(connection, from);
    tls_session_t *session = keep_session(from, &facts);
    if (session == NULL) {
        tls_error_no_memory(error);
        tls_errors_clear();
    }
    return session;
}

bool tls_connection_session_reused(const tls_connection_t *connection) {
    return connection->resumed;
}

// ---------------------------------------------------------------------------------------------------------------------
// Server: sessions of TLS 1.2 for clients that do without tickets

#if MICROPY_PY_SSL_SESSION_CACHE

// What the library keeps itself it also looks for in vain, so it is told when there is nothing.
static void set_cache_mode(tls_context_t *context) {
    bool keeps = context->sessions.size > 0 && context->num_tickets > 0;
    SSL_CTX_set_session_cache_mode(context->ssl_ctx,
        keeps ? SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
}

static int keep_for_client(SSL *ssl, SSL_SESSION *session) {
    tls_connection_t *connection = SSL_get_app_data(ssl);
    unsigned id_len;
    const unsigned char *id = SSL_SESSION_get_id(session, &id_len);
    if (SSL_version(ssl) == TLS1_3_VERSION || id_len == 0 || connection->psk) {
        return 0;
    }
    tls_session_facts_t facts = {.time = connection_now(connection), .id_len = (uint8_t)id_len};
    facts.proof_time = facts.time;
    facts.timeout = TLS_TICKET_LIFETIME;
    memcpy(facts.terms.trust, connection->binding, sizeof(facts.terms.trust));
    memcpy(facts.id, id, id_len);
    tls_session_t *kept = keep_session(session, &facts);
    connection->kept = tls_session_cache_put(&connection->context->sessions, kept, 0, false);
    tls_errors_clear();
    return 0; // it keeps no reference
}

static SSL_SESSION *find_for_client(SSL *ssl, const unsigned char *id, int len, int *copy) {
    tls_connection_t *connection = SSL_get_app_data(ssl);
    *copy = 0;
    tls_session_t *kept = tls_session_cache_find(&connection->context->sessions, id, (size_t)len, connection->binding,
        connection_now(connection), &connection->kept);
    SSL_SESSION *session = kept != NULL ? read_session(kept) : NULL;
    tls_session_release(kept);
    return session;
}

static void install_on_server(tls_context_t *context) {
    SSL_CTX_sess_set_new_cb(context->ssl_ctx, keep_for_client);
    SSL_CTX_sess_set_get_cb(context->ssl_ctx, find_for_client);
    tls_context_set_session_cache_size(context, MICROPY_PY_SSL_SERVER_SESSIONS);
}

void tls_context_set_session_cache_size(tls_context_t *context, size_t size) {
    tls_session_cache_resize(&context->sessions, size);
    if (context->protocol & TLS_PROTOCOL_SERVER) {
        set_cache_mode(context);
    }
}

size_t tls_context_get_session_cache_size(const tls_context_t *context) {
    return context->sessions.size;
}

void tls_context_session_stats(tls_context_t *context, tls_session_stats_t *stats) {
    tls_session_cache_read_stats(&context->sessions, stats);
}

#else

static void set_cache_mode(tls_context_t *context) {
    SSL_CTX_set_session_cache_mode(context->ssl_ctx, SSL_SESS_CACHE_OFF);
}

#define install_on_server(context) set_cache_mode(context)

#endif

void tls_session_install(tls_context_t *context) {
    SSL_CTX *ctx = context->ssl_ctx;
    if (!(context->protocol & TLS_PROTOCOL_SERVER)) {
        install_on_client(ctx);
        return;
    }
    SSL_CTX_set_timeout(ctx, TLS_TICKET_LIFETIME);
    install_on_server(context);
    tls_tickets_install(context);
}

void tls_context_set_num_tickets(tls_context_t *context, uint16_t count) {
    context->num_tickets = count;
    set_cache_mode(context);
}

uint16_t tls_context_get_num_tickets(const tls_context_t *context) {
    return context->num_tickets;
}

bool tls_session_set_up(tls_connection_t *connection) {
    const tls_context_t *context = connection->context;
    SSL *ssl = connection->ssl;
    size_t tickets = connection->server && !connection->psk ? context->num_tickets : 0;
    if (connection->psk || (connection->server && tickets == 0)) {
        SSL_set_options(ssl, SSL_OP_NO_TICKET);
    }
    if (!connection->server) {
        return true;
    }
#if TLS_HAS_TLS_1_3
    if (!SSL_set_num_tickets(ssl, tickets)) {
        return false;
    }
#endif
    return true;
}
