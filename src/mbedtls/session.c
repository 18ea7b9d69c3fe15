// Sessions and tickets.

#include "internal.h"

#include "mbedtls/platform_util.h"

#include <string.h>

bool tls_sha256(const uint8_t *data, size_t len, uint8_t digest[TLS_DIGEST_SIZE]) {
    return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data, len, digest) == 0;
}

void tls_wipe_memory(void *data, size_t len) {
    mbedtls_platform_zeroize(data, len);
}

// ---------------------------------------------------------------------------------------------------------------------
// Client

static tls_session_terms_t terms_of(const tls_connection_t *connection) {
    tls_session_terms_t terms = {
        .datagram = context_is_datagram(connection->context),
        .skip_hostname_check = connection->skip_hostname_check,
        .hook_asked = connection->hook_asked,
        .verify_mode = connection->verify_mode,
        .hostname = connection->peer_name_len > 0 ? connection->peer_name : NULL,
    };
    memcpy(terms.trust, connection->trust, sizeof(terms.trust));
    return terms;
}

static int64_t now_of(tls_connection_t *connection) {
    return connection->host->now(connection->host);
}

// What has to be put right in a session of TLS 1.3 that was saved. A result of the library.
static int mend_session(tls_connection_t *connection, mbedtls_ssl_session *session, int64_t age) {
    if (!compat_session_is_tls_1_3(session)) {
        return 0;
    }
    if (age >= 0) {
        compat_session_set_age(session, age);
    }
    bool has_name = connection->peer_name_len > 0 && connection->ip_len == 0;
    return compat_session_set_name(session, has_name ? mbedtls_ssl_get_hostname(&connection->ssl) : NULL);
}

// A result of the library.
static int load_session(tls_connection_t *connection, tls_session_t *from, int64_t now) {
    const tls_session_facts_t *facts = tls_session_facts(from);
    size_t len;
    const uint8_t *payload = tls_session_payload(from, &len);
    mbedtls_ssl_session session;
    mbedtls_ssl_session_init(&session);
    int ret = mbedtls_ssl_session_load(&session, payload, len);
    if (ret == 0) {
        ret = mend_session(connection, &session, now < 0 || facts->time < 0 ? -1 : now - facts->time);
    }
    if (ret == 0) {
        ret = compat_offer_session(&connection->ssl, &session);
    }
    mbedtls_ssl_session_free(&session);
    return ret;
}

// Only now: the hooks say what time it is, and whether they want to see certificates.
int offer_session(tls_connection_t *connection) {
    if (connection->session == NULL || connection->offered) {
        return 0;
    }
    int64_t now = now_of(connection);
    tls_session_terms_t terms = terms_of(connection);
    terms.hook_asked = connection->host->verify != NULL && connection->verify_mode != TLS_VERIFY_MODE_NONE;
    int ret = MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
    if (tls_session_suits(connection->session, &terms, now)) {
        ret = load_session(connection, connection->session, now);
    }
    connection->offered = ret == 0;
    if (ret == 0 || is_out_of_memory(ret, connection->failed_before)) {
        return ret;
    }
    // A session that the library cannot use, by the suites that are enabled now for one, is no reason to fail.
    tls_session_release(connection->session);
    connection->session = NULL;
    return 0;
}

void note_session(tls_connection_t *connection) {
    connection->session_time = now_of(connection);
    connection->proof_time = connection->session_time;
    if (connection->resumed && connection->session != NULL) {
        const tls_session_facts_t *facts = tls_session_facts(connection->session);
        connection->session_time = facts->time;
        connection->proof_time = facts->proof_time;
        connection->hook_asked = facts->terms.hook_asked;
        connection->verify_result = facts->verify_result;
    }
    tls_session_release(connection->session);
    connection->session = NULL;
}

void note_ticket(tls_connection_t *connection) {
    connection->session_time = now_of(connection);
}

// What there is to know about a session that can be resumed; false: it cannot be.
static bool collect_facts(const tls_connection_t *connection, const mbedtls_ssl_session *from,
    tls_session_facts_t *facts) {
    size_t id_len;
    const unsigned char *id = compat_session_id(from, &id_len);
    *facts = (tls_session_facts_t) {
        .terms = terms_of(connection),
        .verify_result = connection->verify_result,
        .time = connection->session_time,
        .proof_time = connection->proof_time,
        .id_len = (uint8_t)id_len,
    };
    memcpy(facts->id, id, id_len);
    facts->has_ticket = compat_session_ticket(from, &facts->lifetime_hint);
    facts->timeout = tls_session_choose_timeout(facts->lifetime_hint);
    if (compat_session_is_tls_1_3(from)) {
        return facts->has_ticket && facts->lifetime_hint > 0; // RFC 8446 section 4.6.1
    }
    return facts->has_ticket || id_len > 0;
}

tls_session_t *tls_connection_session(tls_connection_t *connection, tls_error_t *error) {
    tls_error_clear(error);
    const mbedtls_ssl_session *from = compat_session(&connection->ssl);
    tls_session_facts_t facts;
    if (context_is_server(connection->context) || !connection->established || connection->uses_psk || from == NULL
        || !collect_facts(connection, from, &facts)) {
        return NULL;
    }
    size_t len;
    if (mbedtls_ssl_session_save(from, NULL, 0, &len) != MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL) {
        return NULL;
    }
    tls_session_t *session = tls_session_new(&facts, len);
    if (session == NULL) {
        describe_no_memory(error);
        return NULL;
    }
    if (mbedtls_ssl_session_save(from, tls_session_payload(session, &len), len, &len) != 0) {
        tls_session_release(session);
        return NULL;
    }
    return session;
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

#if COMPAT_TICKETS

static void release(tickets_t *tickets) {
    if (tickets != NULL && compat_release(&tickets->references)) {
        mbedtls_ssl_ticket_free(&tickets->keys);
        tls_free(tickets);
    }
}

// NULL: *ret says why.
static tickets_t *make_tickets(int *ret) {
    tickets_t *tickets = tls_calloc(1, sizeof(*tickets));
    if (tickets == NULL) {
        *ret = MBEDTLS_ERR_SSL_ALLOC_FAILED;
        return NULL;
    }
    tickets->references = 1;
    mbedtls_ssl_ticket_init(&tickets->keys);
    *ret = mbedtls_ssl_ticket_setup(&tickets->keys, compat_random, NULL, COMPAT_TICKET_CIPHER, TLS_TICKET_LIFETIME);
    if (*ret != 0) {
        release(tickets);
        return NULL;
    }
    return tickets;
}

// The context's keys; two threads may want the first ones at the same time.
static tickets_t *tickets_of(tls_context_t *context, int *ret) {
    tickets_t *there = compat_look(&context->tickets);
    if (there != NULL) {
        return there;
    }
    tickets_t *made = make_tickets(ret);
    if (made == NULL) {
        return NULL;
    }
    there = compat_put_once(&context->tickets, made);
    if (there != made) {
        release(made);
    }
    return there;
}

// Mbed TLS 3.6 keeps no certificate in the tickets of TLS 1.3, so a client that has to show one does so every time.
static uint16_t tickets_to_give(const tls_context_t *context) {
    return context->verify_mode == TLS_VERIFY_MODE_NONE ? context->num_tickets : 0;
}

static int apply_server_tickets(tls_connection_t *connection) {
    tls_context_t *context = connection->context;
    int ret = 0;
    if (context->num_tickets == 0 || connection->uses_psk) {
        return 0;
    }
    tickets_t *tickets = tickets_of(context, &ret);
    if (tickets == NULL) {
        return ret;
    }
    compat_retain(&tickets->references);
    connection->tickets = tickets;
    mbedtls_ssl_conf_session_tickets_cb(&connection->config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
        &tickets->keys);
    compat_give_tickets(&connection->config, tickets_to_give(context));
    return 0;
}

void tickets_release(tls_connection_t *connection) {
    release(connection->tickets);
}

void tls_context_forget_tickets(tls_context_t *context) {
    release(context->tickets);
    context->tickets = NULL;
}

#else

static int apply_server_tickets(tls_connection_t *connection) {
    (void)connection;
    return 0;
}

void tickets_release(tls_connection_t *connection) {
    (void)connection;
}

void tls_context_forget_tickets(tls_context_t *context) {
    (void)context;
}

#endif

int apply_tickets(tls_connection_t *connection) {
    if (context_is_server(connection->context)) {
        return apply_server_tickets(connection);
    }
    compat_want_tickets(&connection->config, !connection->uses_psk);
    return 0;
}
