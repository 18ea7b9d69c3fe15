// From the library's results to errors, and to the alerts that tell the peer.

#include "internal.h"

#include "engine/verify_detail.h"

#include <stdio.h>
#include <string.h>

// Results are a module's code, a multiple of 0x80, and perhaps a low-level module's code besides.
#define HIGH_LEVEL(ret) (-(-(ret)&0x7F80))
#define LOW_LEVEL(ret)  (-(-(ret)&0x7F))

bool is_out_of_memory(int ret, unsigned failed_before) {
    if (count_failed_allocations() != failed_before) {
        return true;
    }
    if (ret >= 0) {
        return false;
    }
    switch (LOW_LEVEL(ret)) {
        case -0x0010: // MBEDTLS_ERR_MPI_ALLOC_FAILED
        case -0x006A: // MBEDTLS_ERR_ASN1_ALLOC_FAILED
            return true;
        default:
            break;
    }
    switch (HIGH_LEVEL(ret)) {
        case MBEDTLS_ERR_SSL_ALLOC_FAILED:
        case MBEDTLS_ERR_X509_ALLOC_FAILED:
        case MBEDTLS_ERR_PK_ALLOC_FAILED:
        case -0x1180: // MBEDTLS_ERR_PEM_ALLOC_FAILED
        case -0x4D80: // MBEDTLS_ERR_ECP_ALLOC_FAILED
        case -0x3400: // MBEDTLS_ERR_DHM_ALLOC_FAILED
        case -0x5180: // MBEDTLS_ERR_MD_ALLOC_FAILED
        case -0x6180: // MBEDTLS_ERR_CIPHER_ALLOC_FAILED
            return true;
        default:
            return ret == -141; // PSA_ERROR_INSUFFICIENT_MEMORY, where the library passes it on as it is
    }
}

void describe_no_memory(tls_error_t *error) {
    size_t size = tls_memory_failed_size();
    tls_error_set(error, TLS_ERROR_NO_MEMORY, TLS_CODE_ALLOC_FAILED, "out of memory: %lu bytes",
        (unsigned long)size);
    if (error->kind == TLS_ERROR_NO_MEMORY) {
        error->size = size;
    }
}

void describe_error(int ret, unsigned failed_before, tls_error_kind_t kind, int code, const char *detail,
    tls_error_t *error) {
    if (is_out_of_memory(ret, failed_before)) {
        describe_no_memory(error);
    } else if (detail != NULL) {
        tls_error_set(error, kind, code, "%s", detail);
    } else {
        tls_error_set(error, kind, code, NULL);
    }
    error->library_code = ret;
    compat_error_text(ret, error->text, sizeof(error->text));
}

// ---------------------------------------------------------------------------------------------------------------------
// Connections: what a result means

// TLS_CODE_* for a result of the library during a call on a connection, memory aside.
static int connection_code(int ret) {
    if (ret == MBEDTLS_ERR_ERROR_GENERIC_ERROR) {
        return TLS_CODE_GENERIC;
    }
    int high = ret < 0 ? HIGH_LEVEL(ret) : 0;
    switch (high) {
        case MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED:
        case MBEDTLS_ERR_X509_FATAL_ERROR: // a chain longer than MBEDTLS_X509_MAX_INTERMEDIATE_CA
            return TLS_CODE_CERT_VERIFY_FAILED;
        case MBEDTLS_ERR_SSL_UNEXPECTED_RECORD:
            return TLS_CODE_UNEXPECTED_MESSAGE;
        case MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL:
            return TLS_CODE_DECODE_ERROR;
        case MBEDTLS_ERR_SSL_BAD_INPUT_DATA: // mbedtls_ssl_fetch_input(): a record that the buffer cannot hold
            return TLS_CODE_INVALID_RECORD;
        case MBEDTLS_ERR_SSL_PK_TYPE_MISMATCH:
        case MBEDTLS_ERR_SSL_VERSION_MISMATCH:
        case MBEDTLS_ERR_PK_TYPE_MISMATCH:
        case MBEDTLS_ERR_PK_SIG_LEN_MISMATCH:
        case -0x4100: // MBEDTLS_ERR_RSA_INVALID_PADDING
        case -0x4380: // MBEDTLS_ERR_RSA_VERIFY_FAILED
        case -0x4E00: // MBEDTLS_ERR_ECP_VERIFY_FAILED
        case -0x4C00: // MBEDTLS_ERR_ECP_SIG_LEN_MISMATCH
        case -0x4C80: // MBEDTLS_ERR_ECP_INVALID_KEY
            return TLS_CODE_HANDSHAKE_FAILURE;
        case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
            return high;
        case MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE: // these say that the peer's certificate cannot be read
        case MBEDTLS_ERR_X509_BAD_INPUT_DATA:      // an address of odd length in subjectAltName
        case MBEDTLS_ERR_X509_UNKNOWN_OID:
        case MBEDTLS_ERR_X509_INVALID_FORMAT:
        case MBEDTLS_ERR_X509_INVALID_VERSION:
        case MBEDTLS_ERR_X509_INVALID_SERIAL:
        case MBEDTLS_ERR_X509_INVALID_ALG:
        case MBEDTLS_ERR_X509_INVALID_NAME:
        case MBEDTLS_ERR_X509_INVALID_DATE:
        case MBEDTLS_ERR_X509_INVALID_SIGNATURE:
        case MBEDTLS_ERR_X509_INVALID_EXTENSIONS:
        case MBEDTLS_ERR_X509_UNKNOWN_VERSION:
        case MBEDTLS_ERR_X509_UNKNOWN_SIG_ALG:
        case MBEDTLS_ERR_X509_SIG_MISMATCH:
        case MBEDTLS_ERR_X509_CERT_UNKNOWN_FORMAT:
        case MBEDTLS_ERR_PK_KEY_INVALID_FORMAT:
        case MBEDTLS_ERR_PK_UNKNOWN_PK_ALG:
        case MBEDTLS_ERR_PK_INVALID_PUBKEY:
        case MBEDTLS_ERR_PK_INVALID_ALG:
        case MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE:
            return TLS_CODE_BAD_CERTIFICATE;
        default:
            // The rest of the codes are the library's own.
            return high != 0 && tls_error_name(high) != NULL ? high : TLS_CODE_INTERNAL;
    }
}

// Of the handshake. That of a certificate is a matter of verification.
static bool is_wrong_signature(int ret) {
    switch (ret < 0 ? HIGH_LEVEL(ret) : 0) {
        case MBEDTLS_ERR_PK_SIG_LEN_MISMATCH:
        case -0x4100: // MBEDTLS_ERR_RSA_INVALID_PADDING
        case -0x4380: // MBEDTLS_ERR_RSA_VERIFY_FAILED
        case -0x4E00: // MBEDTLS_ERR_ECP_VERIFY_FAILED
            return true;
        default:
            return false;
    }
}

static tls_error_kind_t connection_kind(int code) {
    switch (code) {
        case TLS_CODE_ALLOC_FAILED:
            return TLS_ERROR_NO_MEMORY;
        case TLS_CODE_CERT_VERIFY_FAILED:
        case TLS_CODE_BAD_CERTIFICATE:
            return TLS_ERROR_VERIFICATION;
        case TLS_CODE_FATAL_ALERT:
            return TLS_ERROR_PEER_ALERT;
        case TLS_CODE_CONN_EOF:
            return TLS_ERROR_EOF;
        case TLS_CODE_FEATURE_UNAVAILABLE:
            return TLS_ERROR_UNSUPPORTED;
        case TLS_CODE_INTERNAL:
        case TLS_CODE_GENERIC:
        case TLS_CODE_BAD_CONFIG:
        case TLS_CODE_CERT_BAD_INPUT:
        case TLS_CODE_KEY_BAD_INPUT:
            return TLS_ERROR_INTERNAL;
        default:
            return TLS_ERROR_PROTOCOL;
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Alerts

#define RECORD_OVERFLOW MBEDTLS_SSL_ALERT_MSG_RECORD_OVERFLOW

// Length of the record that is being read, by its header. Not for datagrams.
static unsigned record_length(const tls_connection_t *connection) {
    const unsigned char *header = compat_input_header(&connection->ssl);
    return (unsigned)header[3] << 8 | header[4];
}

static bool is_record_type(unsigned char type) {
    return type >= MBEDTLS_SSL_MSG_CHANGE_CIPHER_SPEC && type <= MBEDTLS_SSL_MSG_APPLICATION_DATA;
}

// Whether the record being read is longer than this build can take: more than the standard allows, or more than
// MBEDTLS_SSL_IN_CONTENT_LEN and what encryption adds.
static bool record_is_too_long(const tls_connection_t *connection) {
    unsigned expansion = compat_reads_encrypted(&connection->ssl) ? 256 : 0; // RFC 8446 section 5.2
    return !context_is_datagram(connection->context) && compat_has_input(&connection->ssl, RECORD_HEADER_SIZE)
        && is_record_type(compat_input_header(&connection->ssl)[0])
        && record_length(connection) > MBEDTLS_SSL_IN_CONTENT_LEN + expansion;
}

// Whether it is of a type that does not exist, or a damaged change_cipher_spec, in a record that could be one of TLS.
static bool is_unexpected_type(const tls_connection_t *connection) {
    if (context_is_datagram(connection->context) || !compat_has_input(&connection->ssl, RECORD_HEADER_SIZE)) {
        return false;
    }
    const unsigned char *header = compat_input_header(&connection->ssl);
    return header[1] == 3 && (!is_record_type(header[0]) || header[0] == MBEDTLS_SSL_MSG_CHANGE_CIPHER_SPEC);
}

// The alert for a failure of ours, -1 if the peer need not or cannot be told.
static int alert_for(const tls_connection_t *connection, int code) {
#if COMPAT_SNI_HOOK
    if (connection->refusal != 0) {
        return connection->refusal;
    }
#endif
    switch (code) {
        case TLS_CODE_CONN_EOF:
        case TLS_CODE_FATAL_ALERT:
        case TLS_CODE_TIMEOUT:
            return -1;
        case TLS_CODE_CERT_VERIFY_FAILED:
            // Flags of a certificate that verify_certificate() refused are all ones.
            return connection->pin_missing ? MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED
                                           : verify_alert(verify_flags(connection));
        case TLS_CODE_NO_CLIENT_CERTIFICATE:
            return compat_speaks_tls13(&connection->ssl) ? ALERT_CERTIFICATE_REQUIRED
                                                         : MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE;
        case TLS_CODE_BAD_CERTIFICATE:
            return MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
        case TLS_CODE_HANDSHAKE_FAILURE:
            return MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE;
        case TLS_CODE_ILLEGAL_PARAMETER:
            return MBEDTLS_SSL_ALERT_MSG_ILLEGAL_PARAMETER;
        case TLS_CODE_DECODE_ERROR:
            return MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR;
        case TLS_CODE_INVALID_RECORD:
            return record_is_too_long(connection) ? RECORD_OVERFLOW : MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR;
        case TLS_CODE_BAD_PROTOCOL_VERSION:
            return MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION;
        case TLS_CODE_INVALID_MAC:
            return MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC;
        case TLS_CODE_UNEXPECTED_MESSAGE:
            return MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE;
        case TLS_CODE_UNSUPPORTED_EXTENSION:
            return MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_EXT;
        case TLS_CODE_UNRECOGNIZED_NAME:
            return MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME;
        case TLS_CODE_UNKNOWN_IDENTITY:
            return context_is_server(connection->context) ? MBEDTLS_SSL_ALERT_MSG_UNKNOWN_PSK_IDENTITY
                                                          : MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE;
        case TLS_CODE_NO_APPLICATION_PROTOCOL:
            return MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL;
        case TLS_CODE_GENERIC:
            return MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED; // VERIFY_REFUSED
        default:
            return MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR;
    }
}

// The alert that the library sent by itself. Where it went out encrypted and TLS 1.3 code did not note it, the usual
// one for the code is the best guess.
static int alert_sent_for(const tls_connection_t *connection, int code) {
    const unsigned char *plain = compat_plain_alert(&connection->ssl);
    if (plain != NULL) {
        return plain[1];
    }
    int noted = compat_noted_alert(&connection->ssl);
    if (noted > 0) {
        return noted;
    }
    if (code == TLS_CODE_HANDSHAKE_FAILURE && !compat_speaks_tls13(&connection->ssl)) {
        return MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR; // the server's Finished
    }
    return alert_for(connection, code);
}

// As far as the transport takes it at once: nobody will come back for the rest.
static void send_alert(tls_connection_t *connection, int alert) {
    mbedtls_ssl_context *ssl = &connection->ssl;
    if (compat_output_left(ssl) > 0) {
        (void)compat_flush(ssl);
    }
    if (compat_output_left(ssl) == 0 && buffers_for_writing(connection, 2) && compat_has_output(ssl)) {
        compat_alert_keys_t keys;
        compat_place_alert_keys(ssl, &keys);
        (void)mbedtls_ssl_send_alert_message(ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, (unsigned char)alert);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Sentences

// A client that meets a server of another protocol deserves to know.
static bool is_text(const unsigned char *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (data[i] < ' ' || data[i] > '~') {
            return false;
        }
    }
    return true;
}

static void describe_invalid_record(const tls_connection_t *connection, tls_error_t *error) {
    const unsigned char *header = compat_input_header(&connection->ssl);
    if (record_is_too_long(connection)) {
        snprintf(error->detail, sizeof(error->detail), "the peer sent a record of %u bytes; this build takes %d",
            record_length(connection), MBEDTLS_SSL_IN_CONTENT_LEN);
    } else if (!connection->established && compat_has_input(&connection->ssl, RECORD_HEADER_SIZE)
        && is_text(header, RECORD_HEADER_SIZE)) {
        snprintf(error->detail, sizeof(error->detail), "the peer does not speak TLS here: it sent \"%.5s...\"",
            (const char *)header);
    }
}

static bool has_identity(const tls_connection_t *connection) {
    for (int i = 0; i < IDENTITY_KINDS; i++) {
        if (connection->identities[i] != NULL) {
            return true;
        }
    }
    return false;
}

static const char *plain_sentence(const tls_connection_t *connection, const tls_error_t *error) {
    bool is_server = context_is_server(connection->context);
    switch (error->code) {
        case TLS_CODE_CONN_EOF:
            return error->alert_from_peer ? "the peer closed the connection during the handshake"
                                          : "the connection ended during the handshake";
        case TLS_CODE_HANDSHAKE_FAILURE:
            if (is_server && !connection->uses_psk && !has_identity(connection)) {
                return "this server has no certificate to show";
            }
            return "no cipher suite, group or signature algorithm in common, or a signature is wrong";
        case TLS_CODE_UNKNOWN_IDENTITY:
            return is_server ? "the client's pre-shared key identity is not known"
                             : "no pre-shared key is known for this server";
        case TLS_CODE_NO_APPLICATION_PROTOCOL:
            return "no application protocol (ALPN) in common";
        case TLS_CODE_TIMEOUT:
            return "the peer did not answer, though it was asked again";
        case TLS_CODE_INVALID_MAC:
            return "a record was damaged or forged on its way";
        case TLS_CODE_BAD_CERTIFICATE:
            return is_server ? "client's certificate cannot be read" : "server's certificate cannot be read";
        default:
            return NULL;
    }
}

// The version that the peer's hello begins with, 0 if that is not what was read last.
static int hello_version(const tls_connection_t *connection) {
    const unsigned char *record = compat_input_header(&connection->ssl);
    bool datagram = context_is_datagram(connection->context);
    size_t message = datagram ? 13 : RECORD_HEADER_SIZE;
    size_t version = message + (datagram ? 12 : 4);
    if (!compat_has_input(&connection->ssl, version + 2) || record[0] != MBEDTLS_SSL_MSG_HANDSHAKE
        || (record[message] != MBEDTLS_SSL_HS_CLIENT_HELLO && record[message] != MBEDTLS_SSL_HS_SERVER_HELLO)) {
        return 0;
    }
    return record[version] << 8 | record[version + 1];
}

static void describe_versions(const tls_connection_t *connection, tls_error_t *error) {
    const tls_context_t *context = connection->context;
    tls_detail_versions(error, context->protocol, hello_version(connection), tls_context_get_minimum_version(context),
        tls_context_get_maximum_version(context));
}

// Adds what can be said beyond the code, unless it was said already.
static void add_detail(const tls_connection_t *connection, tls_error_t *error) {
    bool is_server = context_is_server(connection->context);
    if (!MICROPY_PY_SSL_ERROR_DETAIL || error->detail[0] != '\0') {
        return;
    }
    if (error->kind == TLS_ERROR_PEER_ALERT) {
        tls_detail_peer_alert(error, !is_server, error->alert);
        if (error->alert == MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION) {
            describe_versions(connection, error);
        }
        return;
    }
    if (error->verify != 0 && error->code != TLS_CODE_BAD_CERTIFICATE) {
        tls_detail_verify_bits(error, !is_server, error->verify);
        return;
    }
    if (error->code == TLS_CODE_BAD_PROTOCOL_VERSION) {
        describe_versions(connection, error);
    } else if (error->code == TLS_CODE_INVALID_RECORD) {
        describe_invalid_record(connection, error);
    }
    const char *sentence = plain_sentence(connection, error);
    if (sentence != NULL && error->detail[0] == '\0') {
        snprintf(error->detail, sizeof(error->detail), "%s", sentence);
    } else if (error->kind == TLS_ERROR_PROTOCOL) {
        tls_detail_protocol(error, !is_server);
    }
}

// ---------------------------------------------------------------------------------------------------------------------

// TLS_VERIFY_* bits of a failure.
static uint32_t failure_bits(const tls_connection_t *connection, int code) {
    uint32_t bits = 0;
    if (connection->refused) {
        bits |= TLS_VERIFY_CALLBACK | verify_bits(connection->verify_flags);
    } else if (connection->pin_missing) {
        bits |= TLS_VERIFY_PIN | verify_bits(connection->verify_flags);
    } else if (code == TLS_CODE_CERT_VERIFY_FAILED) {
        bits = verify_bits(verify_flags(connection));
        bits = bits == 0 ? TLS_VERIFY_OTHER : bits;
    } else if (code == TLS_CODE_NO_CLIENT_CERTIFICATE) {
        bits = TLS_VERIFY_MISSING;
    } else if (code == TLS_CODE_BAD_CERTIFICATE) {
        bits = TLS_VERIFY_OTHER;
    }
    return bits;
}

// Whether what failed to decrypt is an alert of a TLS 1.3 client about our certificate.
static bool is_plain_alert(const tls_connection_t *connection) {
    return !connection->established && context_is_server(connection->context) && compat_speaks_tls13(&connection->ssl)
        && compat_received_plain_alert(&connection->ssl) >= 0;
}

// TLS_CODE_* for a failure.
static int failure_code(const tls_connection_t *connection, int ret, bool alert_sent) {
    int code = ret == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ? TLS_CODE_CONN_EOF : connection_code(ret);
    bool theirs = code == TLS_CODE_CONN_EOF || code == TLS_CODE_FATAL_ALERT;
    if (!theirs && !connection->refused && is_out_of_memory(ret, connection->failed_before)) {
        return TLS_CODE_ALLOC_FAILED;
    }
    if (code == TLS_CODE_INVALID_MAC && is_plain_alert(connection)) {
        return TLS_CODE_FATAL_ALERT;
    }
    if (ret == MBEDTLS_ERR_SSL_BAD_INPUT_DATA && !record_is_too_long(connection)) {
        return TLS_CODE_ILLEGAL_PARAMETER; // a key share that is no point, say
    }
    if (code == TLS_CODE_INVALID_RECORD && is_unexpected_type(connection)) {
        return TLS_CODE_UNEXPECTED_MESSAGE;
    }
    // A compression method, say: it is the peer that asks for it.
    if (code == TLS_CODE_FEATURE_UNAVAILABLE && alert_sent) {
        return TLS_CODE_ILLEGAL_PARAMETER;
    }
    // The client offered no identity that is known, and nothing but pre-shared keys is accepted.
    if (connection->psk_unknown && code != TLS_CODE_FATAL_ALERT && code != TLS_CODE_CONN_EOF) {
        return TLS_CODE_UNKNOWN_IDENTITY;
    }
    // A TLS 1.3 server that sends an empty chain (RFC 8446 section 4.4.2.4 forbids it): the alert was ours.
    if (code == TLS_CODE_FATAL_ALERT && alert_sent) {
        return TLS_CODE_BAD_CERTIFICATE;
    }
    if (connection->pin_missing && !connection->refused) {
        return TLS_CODE_CERT_VERIFY_FAILED;
    }
    // A secondary check on a certificate: its use, its curve.
    if (code == TLS_CODE_BAD_CERTIFICATE && verify_flags(connection) != 0) {
        return TLS_CODE_CERT_VERIFY_FAILED;
    }
    return code;
}

// A copy of the sentence in the error for the calls that follow.
static char *copy_detail(const tls_error_t *error) {
    size_t len = strlen(error->detail);
    char *copy = len == 0 ? NULL : tls_calloc(1, len + 1);
    if (copy != NULL) {
        memcpy(copy, error->detail, len + 1);
    }
    return copy;
}

// What the failure says about alerts; sends ours if the library did not.
static void settle_alert(tls_connection_t *connection, int ret, int code, bool alert_sent) {
    failure_t *failure = &connection->failure;
    int alert;
    if (failure->kind == TLS_ERROR_PEER_ALERT || failure->alert_from_peer) {
        failure->alert_from_peer = true;
        bool plain = is_plain_alert(connection);
        alert = plain ? compat_received_plain_alert(&connection->ssl) : compat_received_alert(&connection->ssl);
    } else if (alert_sent) {
        alert = alert_sent_for(connection, code);
    } else {
        alert = is_wrong_signature(ret) && code == TLS_CODE_HANDSHAKE_FAILURE ? MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR
                                                                              : alert_for(connection, code);
        if (alert >= 0) {
            send_alert(connection, alert);
        }
    }
    failure->alert = (int16_t)alert;
}

tls_status_t fail_connection(tls_connection_t *connection, int ret, bool alert_sent) {
    failure_t *failure = &connection->failure;
    tls_error_t *error = &connection->host->error;
    if (failure->kind != TLS_ERROR_NONE) {
        repeat_failure(connection);
        return connection->hook_aborted ? TLS_ABORTED : TLS_ERROR;
    }
    connection->keep_due = false;
    tls_session_cache_remove(&connection->context->sessions, connection->kept);
    int code = failure_code(connection, ret, alert_sent);
    failure->code = code;
    failure->kind = connection->refused ? TLS_ERROR_VERIFICATION : connection_kind(code);
    failure->verify = failure_bits(connection, code);
    failure->alert_from_peer = ret == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY;
    settle_alert(connection, ret, code, alert_sent);

    if (failure->kind == TLS_ERROR_NO_MEMORY) {
        describe_no_memory(error);
    }
    tls_error_set(error, failure->kind, failure->code, NULL);
    error->alert = failure->alert;
    error->alert_from_peer = failure->alert_from_peer;
    error->verify = failure->verify;
    error->library_code = ret;
    if (code == TLS_CODE_CERT_VERIFY_FAILED) {
        compat_verify_text(verify_flags(connection), error->text, sizeof(error->text));
    } else {
        compat_error_text(ret, error->text, sizeof(error->text));
    }
    add_detail(connection, error);
    failure->detail = copy_detail(error);
    return connection->hook_aborted ? TLS_ABORTED : TLS_ERROR;
}

void repeat_failure(const tls_connection_t *connection) {
    const failure_t *failure = &connection->failure;
    tls_error_t *error = &connection->host->error;
    if (failure->detail != NULL) {
        tls_error_set(error, failure->kind, failure->code, "%s", failure->detail);
    } else {
        tls_error_set(error, failure->kind, failure->code, NULL);
    }
    error->alert = failure->alert;
    error->alert_from_peer = failure->alert_from_peer;
    error->verify = failure->verify;
}
