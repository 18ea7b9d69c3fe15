// Sessions and tickets.

#include "internal.h"

#include "mbedtls/platform_util.h"

#include <string.h>

bool tls_sha256(const uint8_t *data, size_t len, uint8_t digest[TLS_DIGEST_SIZE]) {
    return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data, len, digest) == 0;
}

bool tls_random(uint8_t *out, size_t len) {
    return compat_random(NULL, out, len) == 0;
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

#if MICROPY_PY_SSL_SESSION_CACHE

static void take_kept(tls_connection_t *connection, const tls_session_terms_t *terms, int64_t now) {
    if (connection->session == NULL && !connection->uses_psk) {
        connection->session = tls_session_cache_take(&connection->context->sessions, terms, connection->peer_port, now,
            &connection->kept);
    }
}

void keep_session(tls_connection_t *connection) {
    tls_session_cache_t *cache = &connection->context->sessions;
    if (!connection->keep_due) {
        return;
    }
    connection->keep_due = false;
    if (connection->peer_name_len == 0 || cache->size == 0) {
        return;
    }
    tls_error_t ignored;
    tls_session_t *session = tls_connection_session(connection, &ignored);
    bool single_use = session != NULL && compat_session_is_tls_1_3(compat_session(&connection->ssl));
    connection->kept = tls_session_cache_put(cache, session, connection->peer_port, single_use);
}

#else

#define take_kept(connection, terms, now) ((void)(connection), (void)(terms), (void)(now))

void keep_session(tls_connection_t *connection) {
    (void)connection;
}

#endif

// Only now: the hooks say what time it is, and whether they want to see certificates.
int offer_session(tls_connection_t *connection) {
    if (connection->started) {
        return 0;
    }
    connection->started = true;
    tls_session_terms_t terms = terms_of(connection);
    terms.hook_asked = connection->host->verify != NULL && connection->verify_mode != TLS_VERIFY_MODE_NONE;
    if (context_is_server(connection->context)) {
        tls_session_count(&connection->context->sessions, accept);
        bool bound = tls_session_binding(&terms, connection->context->generation, connection->binding);
        return bound ? 0 : MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    tls_session_count(&connection->context->sessions, connect);
    int64_t now = connection_now(connection);
    take_kept(connection, &terms, now);
    if (connection->session == NULL) {
        return 0;
    }
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

static void count_handshake(const tls_connection_t *connection) {
    tls_session_cache_t *cache = &connection->context->sessions;
    if (context_is_server(connection->context)) {
        tls_session_count(cache, accept_good);
    } else {
        tls_session_count(cache, connect_good);
    }
    if (connection->resumed) {
        tls_session_count(cache, hits);
    }
}

void note_session(tls_connection_t *connection) {
    const mbedtls_ssl_session *session = compat_session(&connection->ssl);
    bool is_server = context_is_server(connection->context);
    // In TLS 1.3 there is nothing to keep before a ticket has come.
    connection->keep_due = !is_server && session != NULL && !compat_session_is_tls_1_3(session);
    count_handshake(connection);
    connection->session_time = connection_now(connection);
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
    connection->session_time = connection_now(connection);
    connection->keep_due = true;
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
// Server: sessions of TLS 1.2 for clients that do without tickets

#if MICROPY_PY_SSL_SESSION_CACHE && COMPAT_SERVER

#if COMPAT_TLS_1_2

static int find_for_client(void *arg, const unsigned char *id, size_t len, mbedtls_ssl_session *session) {
    tls_connection_t *connection = arg;
    tls_session_t *kept = NULL;
    if (!connection->ticket_offered) { // RFC 5077 section 3.4
        kept = tls_session_cache_find(&connection->context->sessions, id, len, connection->binding,
            connection_now(connection), &connection->kept);
    }
    if (kept == NULL) {
        return MBEDTLS_ERR_SSL_CACHE_ENTRY_NOT_FOUND;
    }
    size_t payload_len;
    const uint8_t *payload = tls_session_payload(kept, &payload_len);
    int ret = mbedtls_ssl_session_load(session, payload, payload_len);
    tls_session_release(kept);
    return ret;
}

static int keep_for_client(void *arg, const unsigned char *id, size_t id_len, const mbedtls_ssl_session *session) {
    tls_connection_t *connection = arg;
    size_t len;
    if (compat_session_is_tls_1_3(session) || id_len > TLS_SESSION_ID_MAX
        || mbedtls_ssl_session_save(session, NULL, 0, &len) != MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL) {
        return 0;
    }
    tls_session_facts_t facts = {.time = connection_now(connection), .id_len = (uint8_t)id_len};
    facts.proof_time = facts.time;
    facts.timeout = TLS_TICKET_LIFETIME;
    memcpy(facts.terms.trust, connection->binding, sizeof(facts.terms.trust));
    memcpy(facts.id, id, id_len);
    tls_session_t *kept = tls_session_new(&facts, len);
    if (kept != NULL && mbedtls_ssl_session_save(session, tls_session_payload(kept, &len), len, &len) != 0) {
        tls_session_release(kept);
        kept = NULL;
    }
    connection->kept = tls_session_cache_put(&connection->context->sessions, kept, 0, false);
    return 0;
}

#endif

static void apply_cache(tls_connection_t *connection) {
#if COMPAT_TLS_1_2
    if (connection->context->sessions.size > 0) {
        mbedtls_ssl_conf_session_cache(&connection->config, connection, find_for_client, keep_for_client);
    }
#else
    (void)connection;
#endif
}

#else

#define apply_cache(connection) ((void)(connection))

#endif

#if MICROPY_PY_SSL_SESSION_CACHE

void tls_context_set_session_cache_size(tls_context_t *context, size_t size) {
    tls_session_cache_resize(&context->sessions, size);
}

size_t tls_context_get_session_cache_size(const tls_context_t *context) {
    return context->sessions.size;
}

void tls_context_session_stats(tls_context_t *context, tls_session_stats_t *stats) {
    tls_session_cache_read_stats(&context->sessions, stats);
}

#endif

int apply_sessions(tls_connection_t *connection) {
    tls_context_t *context = connection->context;
    if (!context_is_server(context)) {
        compat_want_tickets(&connection->config, !connection->uses_psk);
        return 0;
    }
    if (context->num_tickets == 0 || connection->uses_psk) {
        return 0;
    }
    apply_cache(connection);
    apply_tickets(connection);
    return 0;
}
