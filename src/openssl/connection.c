// Connections.

#include "openssl/internal.h"

#include "engine/hostname.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

// What GCM and CCM add to a record, which the library forgets when it packs a flight into datagrams (dtls1_do_write(),
// seen in 3.0.19).
#define AEAD_OVERHEAD 24

// ---------------------------------------------------------------------------------------------------------------------
// Making and freeing

static int verify_flags(const tls_connection_t *connection) {
    if (connection->psk) {
        // A client must be able to refuse a certificate; a server does not ask for one.
        return connection->server ? SSL_VERIFY_NONE : SSL_VERIFY_PEER;
    }
    if (tls_rules_have_pins(&connection->rules)) {
        return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    switch (connection->verify_mode) {
        case TLS_VERIFY_MODE_NONE:
            return SSL_VERIFY_NONE;
        case TLS_VERIFY_MODE_OPTIONAL:
            return SSL_VERIFY_PEER;
        case TLS_VERIFY_MODE_REQUIRED:
            break;
    }
    return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

// Names to send and to check. false without an error: out of memory.
static bool set_name(tls_connection_t *connection, const char *name, bool skip_check, tls_error_t *error) {
    X509_VERIFY_PARAM *param = SSL_get0_param(connection->ssl);
    uint8_t address[16];
    size_t address_len = tls_parse_ip(name, address);
    char host[254];
    connection->asked_name = OPENSSL_strdup(name);
    if (connection->asked_name == NULL) {
        return false;
    }
    if (address_len > 0) {
        return skip_check || X509_VERIFY_PARAM_set1_ip(param, address, address_len);
    }
    if (!tls_normalize_hostname(name, host)) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA,
            "server_hostname is neither a host name nor an IP address");
        return false;
    }
    return SSL_set_tlsext_host_name(connection->ssl, host)
        && (skip_check || X509_VERIFY_PARAM_set1_host(param, host, 0));
}

static bool set_cookie_id(tls_connection_t *connection, const tls_connection_options_t *options) {
    bool given = options->client_id != NULL;
    connection->cookie_id_len = given ? options->client_id_len : TLS_COOKIE_ID_SIZE;
    connection->cookie_id = tls_zalloc(connection->cookie_id_len);
    if (connection->cookie_id == NULL) {
        return false;
    }
    if (given) {
        memcpy(connection->cookie_id, options->client_id, options->client_id_len);
        return true;
    }
    return RAND_bytes(connection->cookie_id, TLS_COOKIE_ID_SIZE) == 1;
}

static bool set_transport(tls_connection_t *connection) {
    BIO *bio = tls_transport_new(connection);
    if (bio == NULL) {
        return false;
    }
    SSL_set_bio(connection->ssl, bio, bio);
    return !connection->datagram || SSL_set_mtu(connection->ssl, connection->mtu - AEAD_OVERHEAD);
}

static bool set_role(tls_connection_t *connection, const tls_connection_options_t *options, tls_error_t *error) {
    SSL *ssl = connection->ssl;
    if (!connection->server) {
        SSL_set_connect_state(ssl);
        return options->server_hostname == NULL
            || set_name(connection, options->server_hostname, options->skip_hostname_check, error);
    }
    SSL_set_accept_state(ssl);
    if (connection->psk) {
        SSL_certs_clear(ssl); // a client without a pre-shared key finds nothing to go on with
    }
    connection->listening = connection->datagram;
    return !connection->datagram || connection->cookie_id != NULL || set_cookie_id(connection, options);
}

// What a connection keeps of its context as it is now. false: out of memory.
static bool take_settings(tls_connection_t *connection) {
    const tls_context_t *context = connection->context;
    connection->psk = tls_uses_psk(context);
    connection->verify_mode = context->verify_mode;
    connection->max_record = context->max_record;
    connection->mtu = context->mtu;
    memcpy(connection->trust, context->trust, sizeof(connection->trust));
    tls_rules_free(&connection->rules);
    return tls_rules_copy(&context->rules, &connection->rules)
        && tls_rules_extend_trust(&connection->rules, connection->trust);
}

// `options` are for a connection that is new.
static bool set_up(tls_connection_t *connection, const tls_connection_options_t *options, tls_error_t *error) {
    tls_context_t *context = connection->context;
    if (!context->enabled_applied && !tls_ciphers_update(context, error)) {
        return false;
    }
    connection->ssl = SSL_new(context->ssl_ctx);
    if (connection->ssl == NULL) {
        return false;
    }
    SSL_set_app_data(connection->ssl, connection);
    if (!tls_ciphers_narrow_versions(context, connection->ssl)) {
        tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG,
            "none of the chosen cipher suites can be used with the chosen versions");
        return false;
    }
    // A certificate that was given as a trust anchor is trusted, whoever issued it. The numbers are the library's own.
    X509_VERIFY_PARAM_set_flags(SSL_get0_param(connection->ssl),
        X509_V_FLAG_PARTIAL_CHAIN | tls_rules_flags(&connection->rules));
    SSL_set_verify(connection->ssl, verify_flags(connection), NULL);
    // Some of the library's functions that can fail have no way to say so (SSL_set_bio(), SSL_set_accept_state()).
    return tls_session_set_up(connection) && tls_alpn_set_up(connection) && set_transport(connection)
        && set_role(connection, options, error) && !tls_memory_was_refused();
}

static tls_connection_t *new_connection(tls_context_t *context, const tls_connection_options_t *options,
    tls_error_t *error) {
    tls_error_clear(error);
    tls_errors_clear();
    tls_memory_watch();
    tls_connection_t *connection = tls_zalloc(sizeof(*connection));
    if (connection == NULL) {
        tls_error_no_memory(error);
        return NULL;
    }
    connection->context = tls_context_retain(context);
    connection->datagram = context->protocol & TLS_PROTOCOL_DATAGRAM;
    connection->server = context->protocol & TLS_PROTOCOL_SERVER;
    connection->alert_sent = -1;
    connection->skip_hostname_check = options->skip_hostname_check;
    connection->peer_port = options->peer_port;
    bool taken = take_settings(connection);
    if (options->session != NULL && !connection->server && !connection->psk) {
        connection->session = tls_session_retain(options->session);
    }
    if (!taken) {
        tls_error_no_memory(error);
        tls_connection_free(connection);
        connection = NULL;
    } else if (!set_up(connection, options, error)) {
        tls_error_from_library(error, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, NULL);
        tls_connection_free(connection);
        connection = NULL;
    }
    tls_errors_clear();
    return connection;
}

tls_connection_t *tls_connection_new(tls_context_t *context, const tls_connection_options_t *options,
    tls_error_t *error) {
    tls_memory_use_t memory = {0};
    tls_memory_use_t *charged_before = tls_memory_charge(&memory);
    tls_connection_t *connection = new_connection(context, options, error);
    (void)tls_memory_charge(charged_before);
    if (connection != NULL) {
        connection->memory = memory;
    }
    return connection;
}

// It sends nothing: the transport has no host.
static void free_ssl(tls_connection_t *connection) {
    if (TLS_DTLS_FREES_TWICE && connection->datagram && connection->memory_ran_out) {
        // Kept for good, in a list so that it counts as known: a leak is better than a crash.
        static SSL *abandoned;
        SSL_set_app_data(connection->ssl, __atomic_exchange_n(&abandoned, connection->ssl, __ATOMIC_RELAXED));
        return;
    }
    bool outer = tls_freeing_begin();
    SSL_free(connection->ssl);
    tls_freeing_end(outer);
}

void tls_connection_free(tls_connection_t *connection) {
    if (connection == NULL) {
        return;
    }
    free_ssl(connection);
    tls_transport_discard(connection);
    OPENSSL_free(connection->asked_name);
    OPENSSL_free(connection->peer_der);
    tls_free(connection->cookie_id);
    tls_free(connection->alpn);
    tls_rules_free(&connection->rules);
    tls_psk_free(&connection->found_psk);
    tls_session_release(connection->session);
    tls_context_release(connection->context);
    tls_free(connection);
}

// ---------------------------------------------------------------------------------------------------------------------
// Calls begin with enter() and end with leave()

static bool has_failed(const tls_connection_t *connection) {
    return connection->failure.kind != TLS_ERROR_NONE;
}

static tls_status_t enter(tls_connection_t *connection, tls_host_t *host) {
    tls_error_clear(&host->error);
    OPENSSL_free(connection->peer_der);
    connection->peer_der = NULL;
    connection->charged_before = tls_memory_charge(&connection->memory);
    if (has_failed(connection)) {
        host->error = connection->failure;
        return TLS_ERROR;
    }
    connection->host = host;
    connection->stop = TLS_OK;
    connection->aborted_by_caller = false;
    connection->keylog_aborted = false;
    tls_errors_clear();
    tls_memory_watch();
    return TLS_OK;
}

static tls_status_t leave(tls_connection_t *connection, tls_status_t status) {
    connection->host = NULL;
    connection->memory_ran_out = connection->memory_ran_out || tls_memory_was_refused();
    tls_transport_trim(connection);
    // A hook may have been called by another connection's library call, whose queue of errors this is too.
    tls_errors_clear();
    (void)tls_memory_charge(connection->charged_before);
    tls_session_keep(connection);
    return status;
}

// The host's error is filled: the connection is over.
static tls_status_t fail(tls_connection_t *connection) {
    connection->failure = connection->host->error;
    connection->keep_due = false;
    tls_session_cache_remove(&connection->context->sessions, connection->kept);
    // Our alert goes out if the transport takes it at once; nobody waits for it, and an abort changes nothing any more.
    (void)tls_transport_flush(connection);
    tls_transport_discard(connection);
    return connection->aborted_by_caller ? TLS_ABORTED : TLS_ERROR;
}

static tls_status_t fail_with_eof(tls_connection_t *connection, const char *detail) {
    tls_error_set(&connection->host->error, TLS_ERROR_EOF, TLS_CODE_CONN_EOF, "%s", detail);
    return fail(connection);
}

// It may take long until the peer says more, or an answer to its session tickets is due. Half of a record stays:
// versions before 3.0.14 would free that, too, and read it later (CVE-2024-4741). Those of DTLS are made only once.
static void free_buffers(const tls_connection_t *connection) {
    SSL *ssl = connection->ssl;
    if (!connection->datagram && strcmp(SSL_rstate_string(ssl), "RB") != 0 && !SSL_has_pending(ssl)) {
        SSL_free_buffers(ssl);
    }
}

// The library could not go on because of the transport.
static tls_status_t stopped(tls_connection_t *connection) {
    if (connection->stop == TLS_EOF) {
        if (connection->established) {
            return TLS_EOF;
        }
        return fail_with_eof(connection, "peer ended the connection before the handshake was complete");
    }
    if (connection->stop != TLS_OK && connection->stop != TLS_WANT_READ) {
        return connection->stop;
    }
    if (connection->datagram && tls_memory_was_refused()) {
        // The library drops a datagram for which it lacks memory and says nothing.
        tls_error_no_memory(&connection->host->error);
        return fail(connection);
    }
    free_buffers(connection);
    // What the library wrote on the way (an answer to a key update) should not wait for the next call.
    tls_status_t status = tls_transport_flush(connection);
    return status == TLS_ABORTED || (status != TLS_OK && !connection->established) ? status : TLS_WANT_READ;
}

// What a library call came to that did not succeed.
static tls_status_t outcome(tls_connection_t *connection, int result) {
    switch (SSL_get_error(connection->ssl, result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            return stopped(connection);
        case SSL_ERROR_WANT_CLIENT_HELLO_CB:
            return TLS_WANT_READ; // the hello once more: see step_handshake()
        case SSL_ERROR_ZERO_RETURN:
            if (connection->established) {
                return TLS_CLOSED;
            }
            connection->host->error.alert = SSL_AD_CLOSE_NOTIFY;
            connection->host->error.alert_from_peer = true;
            return fail_with_eof(connection, "peer closed the connection before the handshake was complete");
        default:
            tls_error_from_connection(connection);
            return fail(connection);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Handshake

// Whether the peer's certificate was checked, now or in the handshake behind the session. A client has looked at the
// session before it offered it; a server finds in its ticket the certificate, and what it thought of it.
static bool was_checked(const tls_connection_t *connection, bool has_certificate) {
    if (!connection->resumed || !connection->server) {
        return connection->chain_checked || connection->resumed;
    }
    return has_certificate && (connection->verify_mode != TLS_VERIFY_MODE_REQUIRED || connection->verify_bits == 0);
}

// How much data a datagram can carry. The library itself would send more than the client asked for in
// max_fragment_length, and more than fits.
static size_t datagram_payload(const tls_connection_t *connection) {
    SSL *ssl = connection->ssl;
    size_t max = connection->max_record;
    SSL_set_mtu(ssl, connection->mtu);
    size_t fits = DTLS_get_data_mtu(ssl);
    SSL_set_mtu(ssl, connection->mtu - AEAD_OVERHEAD);
    max = fits < max ? fits : max;
    uint8_t asked = SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl));
    return asked != TLSEXT_max_fragment_length_DISABLED && (size_t)256 << asked < max ? (size_t)256 << asked : max;
}

static tls_status_t complete(tls_connection_t *connection) {
    bool has_certificate = SSL_get0_peer_certificate(connection->ssl) != NULL;
    tls_session_note(connection);
    bool demanded = connection->verify_mode == TLS_VERIFY_MODE_REQUIRED || tls_rules_have_pins(&connection->rules);
    if (!connection->psk && demanded && !was_checked(connection, has_certificate)) {
        // The library does not come here; but nothing unchecked goes on, whatever it does.
        tls_error_set(&connection->host->error, TLS_ERROR_VERIFICATION, TLS_CODE_CERT_VERIFY_FAILED,
            "peer's certificate was not checked");
        connection->host->error.verify = TLS_VERIFY_MISSING;
        return fail(connection);
    }
    if (!connection->psk && connection->verify_mode != TLS_VERIFY_MODE_NONE && !has_certificate) {
        connection->verify_bits |= TLS_VERIFY_MISSING;
    }
    connection->established = true;
    if (connection->datagram) {
        connection->max_record = datagram_payload(connection);
    }
    // From now on the library's own record buffer reads ahead. Not before: OpenSSL 3.2 and later forget to count in
    // SSL_has_pending() what was read ahead under the keys of the handshake.
    SSL_set_read_ahead(connection->ssl, 1);
    // Its buffers go now, and from now on after each record, as nothing may follow. In a handshake a message did.
    SSL_set_mode(connection->ssl, SSL_MODE_RELEASE_BUFFERS);
    free_buffers(connection);
    return TLS_OK;
}

// DTLS server: waits for a ClientHello with a good cookie. Until it comes the connection keeps nothing of what arrives,
// so that it can take a cookie that another one has sent, and nothing but a cookie goes out. TLS_OK: there is one.
static tls_status_t await_client(tls_connection_t *connection) {
    BIO_ADDR *unused = BIO_ADDR_new(); // the transport knows no addresses
    if (unused == NULL) {
        tls_error_no_memory(&connection->host->error);
        return fail(connection);
    }
    int result = DTLSv1_listen(connection->ssl, unused);
    BIO_ADDR_free(unused);
    if (result > 0) {
        connection->listening = false;
        return TLS_OK;
    }
    if (result < 0 && connection->stop == TLS_OK) {
        tls_error_from_connection(connection);
        return fail(connection);
    }
    return stopped(connection);
}

// A step of the handshake. Not even freed memory tells later what was agreed on.
static int shake(tls_connection_t *connection) {
    tls_keylog_begin(connection);
    bool wiped = tls_memory_wipe_freed(true);
    int result = SSL_do_handshake(connection->ssl);
    (void)tls_memory_wipe_freed(wiped);
    return result;
}

static tls_status_t step_library(tls_connection_t *connection) {
    if (connection->listening) {
        tls_status_t status = await_client(connection);
        if (status != TLS_OK) {
            return status;
        }
    }
    if (connection->datagram && DTLSv1_handle_timeout(connection->ssl) < 0) {
        tls_error_from_connection(connection);
        return fail(connection);
    }
    if (!tls_session_offer(connection)) {
        tls_error_no_memory(&connection->host->error);
        return fail(connection);
    }
    if (!tls_psk_ask_early(connection)) {
        tls_error_from_connection(connection);
        return fail(connection);
    }
    int result = shake(connection);
    if (result != 1) {
        return outcome(connection, result);
    }
    return complete(connection);
}

#if MICROPY_PY_SSL_SNI_CALLBACK

// hooks.sni has chosen another context: begins anew with it, and with the hello that was read. false: *error is filled,
// and the connection is good for an alert only.
static bool change_context(tls_connection_t *connection, tls_error_t *error) {
    SSL *before = connection->ssl;
    tls_context_release(connection->context);
    connection->context = connection->next;
    connection->next = NULL;
    connection->ssl = NULL;
    tls_free(connection->alpn);
    connection->alpn = NULL;
    if (!take_settings(connection) || !set_up(connection, NULL, error)) {
        tls_error_from_library(error, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, NULL);
        SSL_free(connection->ssl);
        connection->ssl = before;
        return false;
    }
    SSL_free(before);
    tls_transport_reread(connection);
    connection->reread = true;
    connection->started = false;
    return true;
}

static tls_status_t step_handshake(tls_connection_t *connection) {
    tls_host_t *host = connection->host;
    if (!connection->begun) {
        connection->begun = true;
        connection->sni_due = connection->server && host->sni != NULL;
    }
    tls_status_t status = step_library(connection);
    if (connection->next == NULL) {
        return status;
    }
    tls_error_t error;
    tls_error_clear(&error);
    if (change_context(connection, &error)) {
        return step_library(connection);
    }
    connection->sni_failed = true;
    (void)shake(connection); // tells the client
    host->error = error;
    host->error.kind = error.kind == TLS_ERROR_NO_MEMORY ? error.kind : TLS_ERROR_INTERNAL;
    host->error.alert = connection->alert_sent;
    return fail(connection);
}

#else

#define step_handshake(connection) step_library(connection)

#endif

static tls_status_t handshake(tls_connection_t *connection) {
    tls_status_t status = tls_transport_flush(connection);
    if (status != TLS_OK || connection->established) {
        return status;
    }
    status = step_handshake(connection);
    if (status != TLS_ERROR && connection->keylog_aborted) {
        return TLS_ABORTED;
    }
    return status == TLS_OK ? tls_transport_flush(connection) : status;
}

tls_status_t tls_connection_handshake(tls_connection_t *connection, tls_host_t *host) {
    tls_status_t status = enter(connection, host);
    if (status == TLS_OK) {
        status = handshake(connection);
    }
    return leave(connection, status);
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading and writing

static tls_status_t read_some(tls_connection_t *connection, void *buf, size_t size, size_t *count) {
    if (!connection->established) {
        tls_status_t status = handshake(connection);
        if (status != TLS_OK) {
            return status;
        }
    }
    // The peer may wait for this before it answers. If it cannot go out, reading goes on all the same: the peer may
    // not read before it has written.
    if (tls_transport_flush(connection) == TLS_ABORTED) {
        return TLS_ABORTED;
    }
    int result;
    do {
        result = SSL_read_ex(connection->ssl, buf, size, count);
    } while (result == 1 && *count == 0); // a datagram without data, which to a program would be the end
    if (result == 1) {
        return TLS_OK; // not flushed: an abort now would have to throw the data away
    }
    *count = 0;
    return outcome(connection, result);
}

tls_status_t tls_connection_read(tls_connection_t *connection, tls_host_t *host, void *buf, size_t size,
    size_t *count) {
    *count = 0;
    tls_status_t status = enter(connection, host);
    if (status == TLS_OK && size > 0) {
        status = read_some(connection, buf, size, count);
    }
    return leave(connection, status);
}

static tls_status_t write_some(tls_connection_t *connection, const void *buf, size_t size, size_t *count) {
    tls_status_t status = handshake(connection);
    if (status != TLS_OK) {
        return status;
    }
    size_t max = connection->max_record;
    if (connection->datagram && size > max) {
        tls_error_set(&connection->host->error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA,
            "a datagram of %lu bytes is too long: %lu are possible", (unsigned long)size, (unsigned long)max);
        return TLS_ERROR;
    }
    size_t len = size < max ? size : max;
    connection->sending = true;
    int result = SSL_write_ex(connection->ssl, buf, len, count);
    connection->sending = false;
    if (result == 1) {
        return connection->stop == TLS_ABORTED ? TLS_ABORTED : TLS_OK;
    }
    *count = 0;
    return outcome(connection, result);
}

tls_status_t tls_connection_write(tls_connection_t *connection, tls_host_t *host, const void *buf, size_t size,
    size_t *count) {
    *count = 0;
    tls_status_t status = enter(connection, host);
    if (status == TLS_OK && connection->close_sent) {
        tls_error_set(&host->error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA,
            "nothing can be written after close_notify");
        status = TLS_ERROR;
    }
    if (status == TLS_OK && size > 0) {
        status = write_some(connection, buf, size, count);
    }
    return leave(connection, status);
}

tls_status_t tls_connection_flush(tls_connection_t *connection, tls_host_t *host) {
    tls_status_t status = enter(connection, host);
    if (status == TLS_OK) {
        status = tls_transport_flush(connection);
    }
    return leave(connection, status);
}

static tls_status_t send_close_notify(tls_connection_t *connection) {
    // The library cannot close while half of a session ticket or key update has arrived.
    int result = SSL_in_init(connection->ssl) ? shake(connection) : 1;
    if (result != 1) {
        return outcome(connection, result);
    }
    // What the peer sends behind its answer need not be TLS: it must stay in the transport.
    SSL_set_read_ahead(connection->ssl, 0);
    result = SSL_shutdown(connection->ssl);
    connection->close_sent = result >= 0;
    tls_status_t status = result >= 0 ? TLS_OK : outcome(connection, result);
    if (status == TLS_CLOSED) {
        // The peer's close_notify is here, but there was no memory for ours.
        tls_error_no_memory(&connection->host->error);
        return fail(connection);
    }
    return status;
}

tls_status_t tls_connection_close_notify(tls_connection_t *connection, tls_host_t *host) {
    if (!connection->established || has_failed(connection)) {
        tls_error_clear(&host->error);
        return TLS_OK;
    }
    tls_status_t status = enter(connection, host);
    if (!connection->close_sent) {
        status = send_close_notify(connection);
    }
    if (status == TLS_OK) {
        status = tls_transport_flush(connection);
    }
    return leave(connection, status);
}

// ---------------------------------------------------------------------------------------------------------------------
// Questions

bool tls_connection_output_pending(const tls_connection_t *connection) {
    return tls_buffer_len(&connection->output) > 0;
}

size_t tls_connection_input_pending(const tls_connection_t *connection) {
    if (!connection->established || has_failed(connection)) {
        return 0;
    }
    int pending = SSL_pending(connection->ssl);
    return pending > 0 ? (size_t)pending : 0;
}

bool tls_connection_input_buffered(const tls_connection_t *connection) {
    if (has_failed(connection) || connection->starved) {
        return false;
    }
    return tls_buffer_len(&connection->input) > 0 || SSL_has_pending(connection->ssl);
}

int32_t tls_connection_timeout_ms(tls_connection_t *connection, tls_host_t *host) {
    (void)host; // the library keeps its own clock
    struct timeval left;
    if (!connection->datagram || has_failed(connection) || !DTLSv1_get_timeout(connection->ssl, &left)) {
        return -1;
    }
    int64_t ms = (int64_t)left.tv_sec * 1000 + (left.tv_usec + 999) / 1000;
    return ms < INT32_MAX ? (int32_t)ms : INT32_MAX;
}

tls_memory_use_t tls_connection_memory_use(const tls_connection_t *connection) {
    return connection->memory;
}

bool tls_connection_is_established(const tls_connection_t *connection) {
    return connection->established;
}

const char *tls_connection_version(const tls_connection_t *connection) {
    return connection->established ? SSL_get_version(connection->ssl) : NULL;
}

uint16_t tls_connection_cipher(const tls_connection_t *connection, int *bits) {
    const SSL_CIPHER *cipher = connection->established ? SSL_get_current_cipher(connection->ssl) : NULL;
    if (cipher == NULL) {
        return 0;
    }
    *bits = SSL_CIPHER_get_bits(cipher, NULL);
    return SSL_CIPHER_get_protocol_id(cipher);
}

static X509 *peer_certificate(const tls_connection_t *connection, unsigned depth) {
    tls_certificates_t *chain = SSL_get_peer_cert_chain(connection->ssl);
    if (depth == 0) {
        return SSL_get0_peer_certificate(connection->ssl);
    }
    if (connection->resumed) {
        return NULL; // it was not sent; a session made from bytes has none either
    }
    // On a server the library leaves the client's own certificate out of the chain.
    unsigned index = connection->server ? depth - 1 : depth;
    return index < (unsigned)sk_X509_num(chain) ? sk_X509_value(chain, (int)index) : NULL;
}

bool tls_connection_peer_certificate(const tls_connection_t *connection, unsigned depth, const uint8_t **der,
    size_t *len) {
    X509 *certificate = connection->established ? peer_certificate(connection, depth) : NULL;
    unsigned char *encoded = NULL;
    int encoded_len = certificate != NULL ? i2d_X509(certificate, &encoded) : -1;
    if (encoded_len <= 0) {
        tls_errors_clear();
        return false;
    }
    // The connection only lends its bytes; to its caller it does not change.
    tls_connection_t *keeper = (tls_connection_t *)(uintptr_t)connection;
    OPENSSL_free(keeper->peer_der);
    keeper->peer_der = encoded;
    *der = encoded;
    *len = (size_t)encoded_len;
    return true;
}

uint32_t tls_connection_verify_result(const tls_connection_t *connection) {
    return connection->established ? connection->verify_bits : 0;
}

bool tls_connection_peer_verified(const tls_connection_t *connection) {
    return connection->established && !connection->psk && connection->verify_mode != TLS_VERIFY_MODE_NONE
        && connection->verify_bits == 0;
}
