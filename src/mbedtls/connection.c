// Connections: handshake, reading, writing, closing.

#include "internal.h"

#include "engine/hostname.h"
#include "ssl_config.h"

#include <string.h>

#define RANDOM_CLIENT_ID_SIZE 16

#define HOSTNAME_SIZE 254

// A write that finds little memory makes records down to this many bytes.
#define LEAST_PAYLOAD 512

// ---------------------------------------------------------------------------------------------------------------------
// Making and freeing

// Name of the server, or the identity of a client of DTLS: what peer_name holds.
static size_t peer_name_size(const tls_context_t *context, const tls_connection_options_t *options) {
    if (!context_is_server(context)) {
        return options->server_hostname == NULL ? 0 : strlen(options->server_hostname) + 1;
    }
    if (!context_is_datagram(context)) {
        return 0;
    }
    return options->client_id_len > 0 ? options->client_id_len : RANDOM_CLIENT_ID_SIZE;
}

// A result of the library.
static int set_client_id(tls_connection_t *connection) {
#if COMPAT_COOKIES
    return mbedtls_ssl_set_client_transport_id(&connection->ssl, (const unsigned char *)connection->peer_name,
        connection->peer_name_len);
#else
    (void)connection;
    return 0;
#endif
}

// DTLS server: what the cookie binds to. A result of the library.
static int choose_client_id(tls_connection_t *connection, const tls_connection_options_t *options) {
    if (options->client_id_len > 0) {
        memcpy(connection->peer_name, options->client_id, options->client_id_len);
        return 0;
    }
    return compat_random(NULL, (unsigned char *)connection->peer_name, connection->peer_name_len);
}

// Client: the name to send and to check. An address is not sent (RFC 6066 section 3), and checked in verify.c.
static bool set_server_name(tls_connection_t *connection, const tls_connection_options_t *options,
    tls_error_t *error) {
    char normalized[HOSTNAME_SIZE];
    const char *name = options->server_hostname;
    connection->skip_hostname_check = options->skip_hostname_check;
    if (name != NULL) {
        memcpy(connection->peer_name, name, connection->peer_name_len);
        connection->ip_len = (uint8_t)tls_parse_ip(name, connection->ip);
        if (connection->ip_len > 0) {
            name = NULL;
        } else if (!COMPAT_SNI) {
            tls_error_set(error, TLS_ERROR_UNSUPPORTED, TLS_CODE_FEATURE_UNAVAILABLE,
                "this build cannot send server_hostname (SNI)");
            return false;
        } else if (tls_normalize_hostname(name, normalized)) {
            name = normalized;
        } else {
            tls_error_set(error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA, "not a host name: \"%.100s\"", name);
            return false;
        }
    }
    unsigned failed_before = count_failed_allocations();
    // Said without a name too: Mbed TLS 3.6.3 and later refuse to verify where nothing was said.
    int ret = mbedtls_ssl_set_hostname(&connection->ssl, name);
    if (ret != 0) {
        describe_error(ret, failed_before, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, NULL, error);
        return false;
    }
    return true;
}

int start_library(tls_connection_t *connection) {
    const tls_context_t *context = connection->context;
    mbedtls_ssl_context *ssl = &connection->ssl;
    int ret = buffers_setup(connection);
    if (ret != 0) {
        compat_repair_failed_setup(ssl, &connection->config);
        return ret;
    }
    mbedtls_ssl_set_user_data_p(ssl, connection);
    mbedtls_ssl_set_verify(ssl, verify_certificate, connection);
    mbedtls_ssl_set_bio(ssl, connection, transport_send, transport_recv, NULL);
    keylog_install(connection);
#if COMPAT_DTLS
    if (context_is_datagram(context)) {
        mbedtls_ssl_set_timer_cb(ssl, connection, transport_set_timer, transport_get_timer);
        mbedtls_ssl_set_mtu(ssl, context->mtu);
    }
#endif
    return context_is_server(context) && context_is_datagram(context) ? set_client_id(connection) : 0;
}

static bool set_up(tls_connection_t *connection, const tls_connection_options_t *options, tls_error_t *error) {
    const tls_context_t *context = connection->context;
    if (!apply_settings(connection, error)) {
        return false;
    }
    unsigned failed_before = count_failed_allocations();
    int ret = 0;
    if (context_is_server(context) && context_is_datagram(context)) {
        ret = choose_client_id(connection, options);
    }
    if (ret == 0) {
        ret = start_library(connection);
    }
    if (ret != 0) {
        describe_error(ret, failed_before, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, NULL, error);
        return false;
    }
    return context_is_server(context) || set_server_name(connection, options, error);
}

static tls_connection_t *new_connection(tls_context_t *context, const tls_connection_options_t *options,
    tls_error_t *error) {
    tls_error_clear(error);
    size_t name_size = peer_name_size(context, options);
    tls_connection_t *connection = tls_calloc(1, sizeof(*connection) + name_size);
    if (connection == NULL) {
        describe_no_memory(error);
        return NULL;
    }
    connection->context = tls_context_retain(context);
    connection->peer_port = options->peer_port;
    if (options->session != NULL && !context_is_server(context) && !context_uses_psk(context)) {
        connection->session = tls_session_retain(options->session);
    }
    connection->peer_name_len = name_size;
    mbedtls_ssl_init(&connection->ssl);
    if (!set_up(connection, options, error)) {
        tls_connection_free(connection);
        return NULL;
    }
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

void tls_connection_free(tls_connection_t *connection) {
    if (connection == NULL) {
        return;
    }
    buffers_free(connection);
    mbedtls_ssl_free(&connection->ssl);
    sni_free(connection);
    drop_settings(connection);
    tls_session_release(connection->session);
    tls_context_release(connection->context);
    tls_free(connection->failure.detail);
    tls_free(connection);
}

// ---------------------------------------------------------------------------------------------------------------------
// One call: what comes before and after

// TLS_OK: the call may go on, and must end with leave().
static tls_status_t enter(tls_connection_t *connection, tls_host_t *host) {
    tls_error_clear(&host->error);
    if (connection->host != NULL) {
        tls_error_set(&host->error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA,
            "the connection is in use by another call");
        return TLS_ERROR;
    }
    connection->host = host;
    connection->hook_aborted = false;
    connection->keylog_aborted = false;
    connection->transport_aborted = false;
    connection->failed_before = count_failed_allocations();
    connection->charged_before = tls_memory_charge(&connection->memory);
    return TLS_OK;
}

static tls_status_t leave(tls_connection_t *connection, tls_status_t status) {
    buffers_release(connection);
    connection->host = NULL;
    (void)tls_memory_charge(connection->charged_before);
    keep_session(connection);
    return status;
}

// What the library had written before it was entered, to see whether it sent an alert.
typedef struct output_mark {
    unsigned char counter[8];
} output_mark_t;

// Before each call of the library that may fail.
static output_mark_t enter_library(tls_connection_t *connection) {
    output_mark_t mark;
    connection->recv_blocked = false;
    connection->send_blocked = false;
    compat_forget_alert(&connection->ssl);
    compat_output_counter(&connection->ssl, mark.counter);
    return mark;
}

// Whether the library has sent an alert. What it wrote before it failed may as well be a message, a ServerHello for
// whose keys the client's share is no good; where that is encrypted there is no telling.
static bool wrote_alert(const tls_connection_t *connection, const output_mark_t *mark) {
    unsigned char counter[8];
    compat_output_counter(&connection->ssl, counter);
    bool wrote = memcmp(counter, mark->counter, sizeof(counter)) != 0;
    return wrote && (compat_writes_encrypted(&connection->ssl) || compat_plain_alert(&connection->ssl) != NULL);
}

// What to do about a result of the library other than success. TLS_OK: ask it again.
static tls_status_t judge_result(tls_connection_t *connection, int ret, const output_mark_t *mark) {
    switch (ret) {
        case MBEDTLS_ERR_SSL_WANT_READ:
            if (connection->transport_aborted) {
                return TLS_ABORTED;
            }
            // The library says so without having asked the transport after warning alerts, for instance.
            return connection->recv_blocked ? TLS_WANT_READ : TLS_OK;
        case MBEDTLS_ERR_SSL_WANT_WRITE:
            if (connection->transport_aborted) {
                return TLS_ABORTED;
            }
            return connection->send_blocked ? TLS_WANT_WRITE : TLS_OK;
        case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET:
            note_ticket(connection);
            return TLS_OK;
        case MBEDTLS_ERR_SSL_CRYPTO_IN_PROGRESS:
        case MBEDTLS_ERR_SSL_ASYNC_IN_PROGRESS:
            return TLS_OK;
        default:
            return fail_connection(connection, ret, wrote_alert(connection, mark));
    }
}

// Sends what the library has encrypted already.
static tls_status_t flush_output(tls_connection_t *connection) {
    mbedtls_ssl_context *ssl = &connection->ssl;
    while (compat_output_left(ssl) > 0) {
        connection->send_blocked = false;
        int ret = compat_flush(ssl);
        if (connection->transport_aborted) {
            return TLS_ABORTED;
        }
        if (connection->send_blocked) {
            return TLS_WANT_WRITE;
        }
        if (ret != 0) {
            return fail_connection(connection, ret, false);
        }
    }
    return TLS_OK;
}

// ---------------------------------------------------------------------------------------------------------------------
// Handshake

// DTLS server: the client was sent a cookie and begins anew (RFC 6347 section 4.2.1).
static int restart_handshake(tls_connection_t *connection) {
#if COMPAT_COOKIES
    connection->cookie_good = false;
#endif
    int ret = mbedtls_ssl_session_reset(&connection->ssl);
    return ret != 0 ? ret : set_client_id(connection);
}

// Whether a DTLS server got something other than a ClientHello, which anybody can send in its client's name, and should
// drop it (RFC 6347 section 4.1.2.7). Mbed TLS 3.6 gives up instead (ssl_get_next_record()).
static bool is_rubbish_before_hello(const tls_connection_t *connection, int ret) {
    if (!context_is_datagram(connection->context) || !compat_reads_client_hello(&connection->ssl)) {
        return false;
    }
    return ret == MBEDTLS_ERR_SSL_INVALID_RECORD || ret == MBEDTLS_ERR_SSL_UNEXPECTED_RECORD
        || ret == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE;
}

// Of a handshake that is complete.
static bool is_resumed(const tls_connection_t *connection) {
    bool possible = context_is_server(connection->context) || connection->offered;
    return possible && !connection->certificate_due && !connection->uses_psk;
}

// Whether the peer is who the caller demanded, if its session was resumed. A client has looked at
// the session before it offered it; a server finds in its ticket the certificate, and what it thought of it.
static int check_resumed_peer(const tls_connection_t *connection) {
    if (!context_is_server(connection->context)) {
        return 0;
    }
    if (compat_peer_chain(&connection->ssl) == NULL) {
        return MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE;
    }
    bool good = connection->verify_mode != TLS_VERIFY_MODE_REQUIRED
        || mbedtls_ssl_get_verify_result(&connection->ssl) == 0;
    return good ? 0 : MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
}

// Under pins only: the peer's own certificate must have been judged, and led to a pinned key.
static int check_pins(const tls_connection_t *connection, uint32_t flags, bool finished) {
    if (flags & MBEDTLS_X509_BADCERT_MISSING) {
        return MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE;
    }
    bool good = !finished || (connection->leaf_checked && connection->pinned);
    return good ? 0 : MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
}

// The same, however the handshake went. The library has refused already unless this is a server: see
// COMPAT_SERVER_REQUIRED.
static int check_peer(const tls_connection_t *connection, bool finished) {
    bool required = connection->verify_mode == TLS_VERIFY_MODE_REQUIRED;
    bool has_pins = tls_rules_have_pins(&connection->rules);
    if ((!required && !has_pins) || connection->uses_psk) {
        return 0;
    }
    if (finished && is_resumed(connection)) {
        return check_resumed_peer(connection);
    }
    uint32_t flags = mbedtls_ssl_get_verify_result(&connection->ssl);
    if (flags == UINT32_MAX) {
        return finished ? MBEDTLS_ERR_X509_CERT_VERIFY_FAILED : 0;
    }
    int ret = has_pins ? check_pins(connection, flags, finished) : 0;
    if (ret != 0 || !required) {
        return ret;
    }
    if (flags & MBEDTLS_X509_BADCERT_MISSING) {
        return MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE;
    }
    if (flags != 0 || (finished && (!connection->leaf_checked || connection->verify_flags != 0))) {
        return MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
    }
    return 0;
}

// What the alert should have been that the library has written, 0: just that.
static unsigned char mended_alert(const tls_connection_t *connection) {
#if COMPAT_SNI_HOOK
    if (connection->refusal != 0) {
        return connection->refusal;
    }
#endif
    return connection->psk_unknown ? MBEDTLS_SSL_ALERT_MSG_UNKNOWN_PSK_IDENTITY : 0;
}

// A result of the library.
static int library_step(tls_connection_t *connection) {
    mbedtls_ssl_context *ssl = &connection->ssl;
    // The answer of a server to an unknown pre-shared key identity in TLS 1.3 is held back until it is mended: Mbed TLS
    // 3.6 takes it for an extension that is missing. So is what the first reading of a hello came to.
    bool asks = sni_is_due(connection) && compat_reads_client_hello(ssl);
    connection->holding_output = (connection->uses_psk || asks) && compat_reads_client_hello(ssl);
    int ret = compat_unmask_error(ssl, mbedtls_ssl_handshake_step(ssl));
    if (!connection->holding_output) {
        return ret;
    }
    connection->holding_output = false;
    if (asks) {
        ret = sni_settle(connection, ret);
    }
    if (compat_output_left(ssl) > 0) {
        unsigned char *alert = compat_plain_alert(ssl);
        if (alert != NULL && mended_alert(connection) != 0) {
            alert[1] = mended_alert(connection);
        }
        (void)compat_flush(ssl);
    }
    return ret;
}

static tls_status_t handshake_step(tls_connection_t *connection) {
    mbedtls_ssl_context *ssl = &connection->ssl;
    tls_status_t status = flush_output(connection);
    if (status != TLS_OK) {
        return status;
    }
    if (!buffers_prepare_step(connection)) {
        return fail_connection(connection, MBEDTLS_ERR_SSL_ALLOC_FAILED, false);
    }
    compat_alert_keys_t keys;
    compat_place_alert_keys(ssl, &keys);
    output_mark_t mark = enter_library(connection);
    connection->certificate_due = connection->certificate_due || compat_is_at_certificate(ssl);
    int ret = library_step(connection);
    if (ret == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED || is_rubbish_before_hello(connection, ret)) {
        ret = restart_handshake(connection);
    }
    if (ret != 0) {
        status = judge_result(connection, ret, &mark);
    }
    if (connection->failure.kind == TLS_ERROR_NONE) {
        compat_remove_alert_keys(ssl, &keys);
    }
    if (ret != 0) {
        return status;
    }
    ret = check_peer(connection, compat_handshake_finished(ssl));
    if (ret != 0) {
        return fail_connection(connection, ret, false);
    }
    return TLS_OK;
}

// A connection that has not failed until its handshake is complete; TLS_OK if it is.
static tls_status_t finish_handshake(tls_connection_t *connection) {
    if (connection->failure.kind != TLS_ERROR_NONE) {
        repeat_failure(connection);
        return TLS_ERROR;
    }
    if (connection->established) {
        return TLS_OK;
    }
    int ret = psk_ask(connection);
    if (ret == 0) {
        ret = sni_begin(connection);
    }
    if (ret == 0) {
        ret = offer_session(connection);
    }
    if (ret != 0) {
        return fail_connection(connection, ret, false);
    }
    while (!compat_handshake_finished(&connection->ssl)) {
        tls_status_t status = handshake_step(connection);
        if (status != TLS_ERROR && connection->keylog_aborted) {
            return TLS_ABORTED;
        }
        if (status != TLS_OK) {
            return status;
        }
    }
    tls_status_t status = flush_output(connection);
    if (status != TLS_OK) {
        return status;
    }
    connection->established = true;
    connection->resumed = is_resumed(connection);
    buffers_start(connection);
    if (connection->verify_mode != TLS_VERIFY_MODE_NONE && !connection->uses_psk) {
        connection->verify_result = verify_bits(verify_flags(connection));
    }
    note_session(connection);
    return TLS_OK;
}

static tls_status_t do_handshake(tls_connection_t *connection) {
    tls_status_t status = finish_handshake(connection);
    return status == TLS_OK ? flush_output(connection) : status;
}

tls_status_t tls_connection_handshake(tls_connection_t *connection, tls_host_t *host) {
    tls_status_t status = enter(connection, host);
    return status == TLS_OK ? leave(connection, do_handshake(connection)) : status;
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading

// One result of mbedtls_ssl_read(). TLS_OK with *count 0: ask again.
static tls_status_t read_once(tls_connection_t *connection, void *buf, size_t size, size_t *count) {
    // To take a ticket the library first sends what is left of its output, which must not keep us from reading. So one
    // that comes meanwhile is passed over.
    compat_keep_tickets(&connection->config, !connection->uses_psk && compat_output_left(&connection->ssl) == 0);
    output_mark_t mark = enter_library(connection);
    int ret = mbedtls_ssl_read(&connection->ssl, buf, size);
    if (ret > 0) {
        *count = (size_t)ret;
        return TLS_OK;
    }
    if (connection->transport_ended) {
        return TLS_EOF;
    }
    if (ret == 0) {
        return TLS_OK; // two records without data in a row
    }
    if (ret == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        connection->peer_closed = true;
        return TLS_CLOSED;
    }
    return judge_result(connection, ret, &mark);
}

static tls_status_t do_read(tls_connection_t *connection, void *buf, size_t size, size_t *count) {
    tls_status_t status = finish_handshake(connection);
    if (status != TLS_OK) {
        return status;
    }
    if (connection->peer_closed) {
        return TLS_CLOSED;
    }
    if (connection->transport_ended) {
        return TLS_EOF;
    }
    // Output that the transport does not take must not keep us from reading: the peer may be as stuck as we are.
    status = flush_output(connection);
    if (status != TLS_OK && status != TLS_WANT_WRITE) {
        return status;
    }
    do {
        status = buffers_for_reading(connection);
        if (status == TLS_OK) {
            status = read_once(connection, buf, size, count);
        }
    } while (status == TLS_OK && *count == 0);
    return status;
}

tls_status_t tls_connection_read(tls_connection_t *connection, tls_host_t *host, void *buf, size_t size,
    size_t *count) {
    *count = 0;
    tls_status_t status = enter(connection, host);
    if (status != TLS_OK) {
        return status;
    }
    return leave(connection, size == 0 ? TLS_OK : do_read(connection, buf, size, count));
}

// ---------------------------------------------------------------------------------------------------------------------
// Writing

// How much of `size` one record takes; 0 with *status if none of it can be sent.
static size_t record_payload(tls_connection_t *connection, size_t size, tls_status_t *status) {
    int ret = mbedtls_ssl_get_max_out_record_payload(&connection->ssl);
    if (ret <= 0) {
        *status = fail_connection(connection, ret, false);
        return 0;
    }
    size_t max = (size_t)ret < connection->max_record ? (size_t)ret : connection->max_record;
    if (size <= max) {
        return size;
    }
    if (context_is_datagram(connection->context)) {
        tls_error_set(&connection->host->error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA,
            "a datagram of %lu bytes is too long: %lu are possible", (unsigned long)size, (unsigned long)max);
        *status = TLS_ERROR;
        return 0;
    }
    return max;
}

// Less than `size` where memory is short, down to what is not worth a record; 0 with *status if there is not even that.
static size_t fit_payload(tls_connection_t *connection, size_t size, tls_status_t *status) {
    if (size == 0 || buffers_for_writing(connection, size)) {
        return size;
    }
    while (size > LEAST_PAYLOAD) {
        size /= 2;
        if (buffers_for_writing(connection, size)) {
            connection->failed_before = count_failed_allocations();
            return size;
        }
    }
    *status = fail_connection(connection, MBEDTLS_ERR_SSL_ALLOC_FAILED, false);
    return 0;
}

static tls_status_t do_write(tls_connection_t *connection, const void *buf, size_t size, size_t *count) {
    tls_status_t status = do_handshake(connection);
    if (status != TLS_OK) {
        return status;
    }
    if (connection->close_sent) {
        tls_error_set(&connection->host->error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_INPUT_DATA,
            "the connection was closed for writing");
        return TLS_ERROR;
    }
    size_t taken = fit_payload(connection, record_payload(connection, size, &status), &status);
    while (status == TLS_OK && taken > 0 && *count == 0) {
        output_mark_t mark = enter_library(connection);
        int ret = mbedtls_ssl_write(&connection->ssl, buf, taken);
        if (ret >= 0) {
            *count = (size_t)ret;
        } else if (ret == MBEDTLS_ERR_SSL_WANT_WRITE && compat_output_left(&connection->ssl) > 0) {
            // Encrypted and on its way: mbedtls_ssl_write() would report the length of the next call for it.
            *count = taken;
            status = connection->transport_aborted ? TLS_ABORTED : TLS_OK;
        } else {
            status = judge_result(connection, ret, &mark);
        }
    }
    return status;
}

tls_status_t tls_connection_write(tls_connection_t *connection, tls_host_t *host, const void *buf, size_t size,
    size_t *count) {
    *count = 0;
    tls_status_t status = enter(connection, host);
    if (status != TLS_OK) {
        return status;
    }
    return leave(connection, size == 0 ? TLS_OK : do_write(connection, buf, size, count));
}

static tls_status_t do_flush(tls_connection_t *connection) {
    // After a failure this may bring the alert to the peer.
    tls_status_t status = flush_output(connection);
    if (connection->failure.kind != TLS_ERROR_NONE && status != TLS_ABORTED) {
        repeat_failure(connection);
        return TLS_ERROR;
    }
    return status;
}

tls_status_t tls_connection_flush(tls_connection_t *connection, tls_host_t *host) {
    tls_status_t status = enter(connection, host);
    return status == TLS_OK ? leave(connection, do_flush(connection)) : status;
}

static tls_status_t do_close(tls_connection_t *connection) {
    if (!connection->established || connection->failure.kind != TLS_ERROR_NONE) {
        return TLS_OK;
    }
    // First, because while older output is left Mbed TLS 3.6 sends that in place of the alert and reports success.
    tls_status_t status = flush_output(connection);
    if (status != TLS_OK || connection->close_sent) {
        return status;
    }
    if (!buffers_for_writing(connection, 2)) {
        return fail_connection(connection, MBEDTLS_ERR_SSL_ALLOC_FAILED, false);
    }
    output_mark_t mark = enter_library(connection);
    int ret = mbedtls_ssl_close_notify(&connection->ssl);
    if (ret == 0 || compat_output_left(&connection->ssl) > 0) {
        connection->close_sent = true;
        return connection->transport_aborted ? TLS_ABORTED : flush_output(connection);
    }
    return judge_result(connection, ret, &mark);
}

tls_status_t tls_connection_close_notify(tls_connection_t *connection, tls_host_t *host) {
    tls_status_t status = enter(connection, host);
    return status == TLS_OK ? leave(connection, do_close(connection)) : status;
}

// ---------------------------------------------------------------------------------------------------------------------
// What is waiting

bool tls_connection_output_pending(const tls_connection_t *connection) {
    return compat_output_left(&connection->ssl) > 0;
}

// Whether there can be anything to read still.
static bool is_open(const tls_connection_t *connection) {
    return connection->established && connection->failure.kind == TLS_ERROR_NONE;
}

size_t tls_connection_input_pending(const tls_connection_t *connection) {
    return is_open(connection) ? mbedtls_ssl_get_bytes_avail(&connection->ssl) : 0;
}

bool tls_connection_input_buffered(const tls_connection_t *connection) {
    if (connection->failure.kind != TLS_ERROR_NONE) {
        return false;
    }
    if (tls_connection_input_pending(connection) > 0) {
        // The library answers for these bytes too.
        return compat_more_in_datagram(&connection->ssl);
    }
    return mbedtls_ssl_check_pending(&connection->ssl) != 0;
}

// ---------------------------------------------------------------------------------------------------------------------
// Descriptions

tls_memory_use_t tls_connection_memory_use(const tls_connection_t *connection) {
    return connection->memory;
}

bool tls_connection_is_established(const tls_connection_t *connection) {
    return connection->established;
}

const char *tls_connection_version(const tls_connection_t *connection) {
    return connection->established ? mbedtls_ssl_get_version(&connection->ssl) : NULL;
}

uint16_t tls_connection_cipher(const tls_connection_t *connection, int *bits) {
    const mbedtls_ssl_ciphersuite_t *suite = NULL;
    if (connection->established) {
        suite = mbedtls_ssl_ciphersuite_from_id(mbedtls_ssl_get_ciphersuite_id_from_ssl(&connection->ssl));
    }
    *bits = 0;
    if (suite == NULL) {
        return 0;
    }
    *bits = (int)mbedtls_ssl_ciphersuite_get_cipher_key_bitlen(suite);
    return (uint16_t)mbedtls_ssl_ciphersuite_get_id(suite);
}

bool tls_connection_peer_certificate(const tls_connection_t *connection, unsigned depth, const uint8_t **der,
    size_t *len) {
    const mbedtls_x509_crt *crt = connection->established ? compat_peer_chain(&connection->ssl) : NULL;
    for (; crt != NULL && depth > 0; depth--) {
        crt = crt->next;
    }
    if (crt == NULL || crt->raw.p == NULL) {
        return false;
    }
    *der = crt->raw.p;
    *len = crt->raw.len;
    return true;
}

uint32_t tls_connection_verify_result(const tls_connection_t *connection) {
    return connection->verify_result;
}

bool tls_connection_peer_verified(const tls_connection_t *connection) {
    return connection->established && !connection->uses_psk && connection->verify_mode != TLS_VERIFY_MODE_NONE
        && connection->verify_result == 0;
}
