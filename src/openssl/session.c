// Sessions and tickets.

#include "openssl/internal.h"

#include <openssl/evp.h>
#include <string.h>

bool tls_sha256(const uint8_t *data, size_t len, uint8_t digest[TLS_DIGEST_SIZE]) {
    bool ok = EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) == 1;
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

static int64_t now_of(tls_connection_t *connection) {
    return connection->host->now(connection->host);
}

static bool load_session(tls_connection_t *connection, tls_session_t *from) {
    size_t len;
    const unsigned char *payload = tls_session_payload(from, &len);
    // The library frees what it reads keys from without wiping it.
    tls_memory_wipe_freed(true);
    SSL_SESSION *session = d2i_SSL_SESSION(NULL, &payload, (long)len);
    tls_memory_wipe_freed(false);
    bool ok = session != NULL && SSL_set_session(connection->ssl, session);
    SSL_SESSION_free(session);
    tls_errors_clear();
    return ok;
}

bool tls_session_offer(tls_connection_t *connection) {
    if (connection->session == NULL || connection->offered) {
        return true;
    }
    tls_session_terms_t terms = terms_of(connection);
    terms.hook_asked = connection->host->verify != NULL && connection->verify_mode != TLS_VERIFY_MODE_NONE;
    connection->offered = tls_session_suits(connection->session, &terms, now_of(connection))
        && load_session(connection, connection->session);
    if (connection->offered) {
        return true;
    }
    // A session that the library cannot use is no reason to fail.
    tls_session_release(connection->session);
    connection->session = NULL;
    return !tls_memory_was_refused();
}

void tls_session_note(tls_connection_t *connection) {
    connection->resumed = SSL_session_reused(connection->ssl) && !connection->psk;
    if (!connection->resumed) {
        connection->proof_time = now_of(connection);
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
    connection->session_time = now_of(connection);
    return 0; // it keeps no reference
}

void tls_session_install(tls_context_t *context) {
    SSL_CTX *ctx = context->ssl_ctx;
    // Nothing is kept by the library: what a client wants to resume, its caller holds; a server's sessions are in its
    // tickets.
    if (context->protocol & TLS_PROTOCOL_SERVER) {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_timeout(ctx, TLS_TICKET_LIFETIME);
    } else {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, note_new_session);
    }
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
    int len = i2d_SSL_SESSION(from, NULL);
    tls_session_t *session = len > 0 ? tls_session_new(&facts, (size_t)len) : NULL;
    if (session != NULL) {
        size_t room;
        unsigned char *payload = tls_session_payload(session, &room);
        if (i2d_SSL_SESSION(from, &payload) == len) {
            return session;
        }
    }
    tls_session_release(session);
    tls_error_no_memory(error);
    tls_errors_clear();
    return NULL;
}

bool tls_connection_session_reused(const tls_connection_t *connection) {
    return connection->resumed;
}

// ---------------------------------------------------------------------------------------------------------------------
// Server

void tls_context_set_num_tickets(tls_context_t *context, uint16_t count) {
    context->num_tickets = count;
}

uint16_t tls_context_get_num_tickets(const tls_context_t *context) {
    return context->num_tickets;
}

// The keys of tickets are the library's, one set for a context; the number is in each ticket.
void tls_context_forget_tickets(tls_context_t *context) {
    context->ticket_epoch++;
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
    return SSL_set_session_id_context(ssl, (const unsigned char *)&context->ticket_epoch,
        sizeof(context->ticket_epoch));
}
