// From the library's errors to ours: the only place that knows both.

#include "openssl/internal.h"

#include "engine/verify_detail.h"

#include <stdio.h>
#include <string.h>

// SSLfatal_data(..., SSL_AD_REASON_OFFSET + alert): the peer sent this fatal alert.
static int peer_alert_of(int reason) {
    int alert = reason - SSL_AD_REASON_OFFSET;
    return alert >= 0 && alert <= 255 ? alert : -1;
}

typedef struct reason {
    int reason;
    int code;
    const char *detail;
} reason_t;

// What the peer did or offers, where the reason says more than the alert that the library sends for them.
static const reason_t reasons[] = {
    {SSL_R_NO_SHARED_CIPHER, TLS_CODE_HANDSHAKE_FAILURE,
        "no cipher suite in common with the client that our certificates allow"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, TLS_CODE_HANDSHAKE_FAILURE,
        "no signature algorithm in common with the peer that our certificate allows"},
    {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, TLS_CODE_HANDSHAKE_FAILURE,
        "no signature algorithm in common with the peer"},
    {SSL_R_NO_SUITABLE_KEY_SHARE, TLS_CODE_HANDSHAKE_FAILURE, "no key exchange group in common with the peer"},
    {SSL_R_NO_SHARED_GROUPS, TLS_CODE_HANDSHAKE_FAILURE, "no key exchange group in common with the peer"},
    {SSL_R_NO_APPLICATION_PROTOCOL, TLS_CODE_NO_APPLICATION_PROTOCOL, "no application protocol (ALPN) in common"},
    {SSL_R_BINDER_DOES_NOT_VERIFY, TLS_CODE_HANDSHAKE_FAILURE,
        "client proved another pre-shared key than ours for its identity"},
    {SSL_R_PSK_IDENTITY_NOT_FOUND, TLS_CODE_UNKNOWN_IDENTITY, NULL},
    {SSL_R_UNSUPPORTED_PROTOCOL, TLS_CODE_BAD_PROTOCOL_VERSION, NULL},
    {SSL_R_WRONG_SSL_VERSION, TLS_CODE_BAD_PROTOCOL_VERSION, NULL},
    {SSL_R_NO_PROTOCOLS_AVAILABLE, TLS_CODE_BAD_PROTOCOL_VERSION, "no TLS version that we allow can be used"},
    {SSL_R_VERSION_TOO_LOW, TLS_CODE_BAD_PROTOCOL_VERSION, NULL},
    {SSL_R_VERSION_TOO_HIGH, TLS_CODE_BAD_PROTOCOL_VERSION, NULL},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, TLS_CODE_INVALID_MAC, "a record was damaged or forged on its way"},
    {SSL_R_DECRYPTION_FAILED, TLS_CODE_INVALID_MAC, "a record was damaged or forged on its way"},
    {SSL_R_HTTP_REQUEST, TLS_CODE_INVALID_RECORD, "peer speaks HTTP, not TLS, on this port"},
    {SSL_R_HTTPS_PROXY_REQUEST, TLS_CODE_INVALID_RECORD, "peer takes us for an HTTP proxy"},
    {SSL_R_WRONG_VERSION_NUMBER, TLS_CODE_INVALID_RECORD, "what the peer sent is not TLS; is this the right port?"},
    {SSL_R_PACKET_LENGTH_TOO_LONG, TLS_CODE_INVALID_RECORD, NULL},
    {SSL_R_ENCRYPTED_LENGTH_TOO_LONG, TLS_CODE_INVALID_RECORD, NULL},
    {SSL_R_DATA_LENGTH_TOO_LONG, TLS_CODE_INVALID_RECORD, NULL},
    {SSL_R_RECORD_LENGTH_MISMATCH, TLS_CODE_INVALID_RECORD, NULL},
    {SSL_R_RECORD_TOO_SMALL, TLS_CODE_INVALID_RECORD, NULL},
    {SSL_R_UNEXPECTED_RECORD, TLS_CODE_UNEXPECTED_MESSAGE, NULL},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, TLS_CODE_NO_CLIENT_CERTIFICATE, "client sent no certificate"},
    {SSL_R_READ_TIMEOUT_EXPIRED, TLS_CODE_TIMEOUT,
        "peer did not answer, however often the handshake messages were repeated"},
    {SSL_R_DH_KEY_TOO_SMALL, TLS_CODE_HANDSHAKE_FAILURE, "server's Diffie-Hellman group is too small"},
    {SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED, TLS_CODE_HANDSHAKE_FAILURE,
        "server lacks secure renegotiation (RFC 5746)"},
};

static const reason_t *find_reason(int reason) {
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].reason == reason) {
            return &reasons[i];
        }
    }
    return NULL;
}

// What an alert of ours says about the peer.
static int code_of_alert(int alert) {
    switch (alert) {
        case SSL_AD_UNEXPECTED_MESSAGE:
            return TLS_CODE_UNEXPECTED_MESSAGE;
        case SSL_AD_BAD_RECORD_MAC:
        case SSL_AD_DECRYPTION_FAILED:
            return TLS_CODE_INVALID_MAC;
        case SSL_AD_RECORD_OVERFLOW:
            return TLS_CODE_INVALID_RECORD;
        case SSL_AD_BAD_CERTIFICATE:
        case SSL_AD_UNSUPPORTED_CERTIFICATE:
        case SSL_AD_CERTIFICATE_UNKNOWN:
            return TLS_CODE_BAD_CERTIFICATE;
        case SSL_AD_ILLEGAL_PARAMETER:
            return TLS_CODE_ILLEGAL_PARAMETER;
        case SSL_AD_DECODE_ERROR:
        case SSL_AD_MISSING_EXTENSION:
            return TLS_CODE_DECODE_ERROR;
        case SSL_AD_PROTOCOL_VERSION:
        case SSL_AD_INAPPROPRIATE_FALLBACK:
            return TLS_CODE_BAD_PROTOCOL_VERSION;
        case SSL_AD_UNSUPPORTED_EXTENSION:
            return TLS_CODE_UNSUPPORTED_EXTENSION;
        case SSL_AD_UNRECOGNIZED_NAME:
            return TLS_CODE_UNRECOGNIZED_NAME;
        case SSL_AD_UNKNOWN_PSK_IDENTITY:
            return TLS_CODE_UNKNOWN_IDENTITY;
        case SSL_AD_CERTIFICATE_REQUIRED:
            return TLS_CODE_NO_CLIENT_CERTIFICATE;
        case SSL_AD_NO_APPLICATION_PROTOCOL:
            return TLS_CODE_NO_APPLICATION_PROTOCOL;
        case SSL_AD_INTERNAL_ERROR:
            return TLS_CODE_INTERNAL;
        default: // handshake_failure, decrypt_error, insufficient_security
            return TLS_CODE_HANDSHAKE_FAILURE;
    }
}

// The error in the library's queue that says most: the first one with a meaning of its own, else the first one.
// Errors lie in the queue in the order in which they arose: the cause before what it led to.
static unsigned long pick_error(bool *no_memory) {
    unsigned long picked = 0;
    bool has_meaning = false;
    *no_memory = tls_memory_was_refused();
    for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
        int reason = ERR_GET_REASON(code);
        *no_memory = *no_memory || reason == ERR_R_MALLOC_FAILURE;
        bool means = ERR_GET_LIB(code) == ERR_LIB_SSL && (find_reason(reason) != NULL || peer_alert_of(reason) >= 0);
        if (picked == 0 || (means && !has_meaning)) {
            picked = code;
            has_meaning = means;
        }
    }
    return picked;
}

static void describe(tls_error_t *error, unsigned long code) {
    const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;
    error->library_code = (long)code;
    snprintf(error->text, sizeof(error->text), "%s", text != NULL ? text : "");
}

void tls_error_no_memory(tls_error_t *error) {
    size_t size = tls_memory_failed_size();
    if (error->kind == TLS_ERROR_NONE) {
        error->size = size;
    }
    tls_error_set(error, TLS_ERROR_NO_MEMORY, TLS_CODE_ALLOC_FAILED, "out of memory: %lu bytes", (unsigned long)size);
}

void tls_error_from_library(tls_error_t *error, tls_error_kind_t kind, int code, const char *detail) {
    bool no_memory;
    unsigned long picked = pick_error(&no_memory);
    if (error->kind != TLS_ERROR_NONE) {
        return;
    }
    if (no_memory) {
        tls_error_no_memory(error);
    } else if (detail != NULL) {
        tls_error_set(error, kind, code, "%s", detail);
    } else {
        tls_error_set(error, kind, code, NULL);
    }
    describe(error, picked);
}

static void describe_versions(const tls_connection_t *connection, tls_error_t *error) {
    tls_detail_versions(error, connection->context->protocol, connection->hello_version,
        tls_context_get_minimum_version(connection->context), tls_context_get_maximum_version(connection->context));
}

static void set_peer_alert(const tls_connection_t *connection, tls_error_t *error, int alert) {
    tls_error_set(error, TLS_ERROR_PEER_ALERT, TLS_CODE_FATAL_ALERT, NULL);
    error->alert = alert;
    error->alert_from_peer = true;
    tls_detail_peer_alert(error, !connection->server, alert);
    if (alert == SSL_AD_PROTOCOL_VERSION) {
        describe_versions(connection, error);
    }
}

static void set_reason(tls_error_t *error, const reason_t *reason) {
    if (reason->detail != NULL) {
        tls_error_set(error, TLS_ERROR_PROTOCOL, reason->code, "%s", reason->detail);
    } else {
        tls_error_set(error, TLS_ERROR_PROTOCOL, reason->code, NULL);
    }
    if (reason->code == TLS_CODE_NO_CLIENT_CERTIFICATE) {
        error->verify = TLS_VERIFY_MISSING;
    }
}

// A certificate that verification has refused was told before.
static void set_bad_certificate(const tls_connection_t *connection, tls_error_t *error) {
    if (error->kind == TLS_ERROR_NONE) {
        error->verify = TLS_VERIFY_OTHER;
    }
    tls_error_set(error, TLS_ERROR_VERIFICATION, TLS_CODE_BAD_CERTIFICATE, "%s certificate cannot be read",
        connection->server ? "client's" : "server's");
}

static void set_alert_sent(const tls_connection_t *connection, tls_error_t *error) {
    int code = code_of_alert(connection->alert_sent);
    if (code == TLS_CODE_BAD_CERTIFICATE) {
        set_bad_certificate(connection, error);
        return;
    }
    if (connection->alert_sent == SSL_AD_INAPPROPRIATE_FALLBACK) {
        tls_error_set(error, TLS_ERROR_PROTOCOL, code, "client went back to an older version than both sides speak");
        return;
    }
    tls_error_set(error, code == TLS_CODE_INTERNAL ? TLS_ERROR_INTERNAL : TLS_ERROR_PROTOCOL, code, NULL);
}

// What the connection knows better than the library.
static void set_own_reason(const tls_connection_t *connection, tls_error_t *error) {
    if (connection->identity_unknown) {
        tls_error_set(error, TLS_ERROR_PROTOCOL, TLS_CODE_UNKNOWN_IDENTITY,
            connection->server ? "client's pre-shared key identity is not known"
                               : "no pre-shared key is known for this server");
        return;
    }
    bool no_shared = connection->alert_sent == SSL_AD_HANDSHAKE_FAILURE
        || connection->alert_sent == SSL_AD_PROTOCOL_VERSION;
    if (connection->server && no_shared && connection->psk) {
        tls_error_set(error, TLS_ERROR_PROTOCOL, TLS_CODE_HANDSHAKE_FAILURE,
            "client offered no pre-shared key, and nothing else is accepted");
    } else if (connection->server && no_shared && !connection->context->has_certificate) {
        tls_error_set(error, TLS_ERROR_PROTOCOL, TLS_CODE_HANDSHAKE_FAILURE, "server has no certificate loaded");
    }
}

void tls_error_from_connection(tls_connection_t *connection) {
    tls_error_t *error = &connection->host->error;
    bool no_memory;
    unsigned long picked = pick_error(&no_memory);
    int reason = ERR_GET_LIB(picked) == ERR_LIB_SSL ? ERR_GET_REASON(picked) : 0;
    if (error->kind == TLS_ERROR_NONE) {
        describe(error, picked);
    }
    if (peer_alert_of(reason) >= 0) {
        set_peer_alert(connection, error, peer_alert_of(reason));
    } else if (no_memory) {
        tls_error_no_memory(error);
    }
    set_own_reason(connection, error);
    if (find_reason(reason) != NULL) {
        set_reason(error, find_reason(reason));
    }
    if (connection->alert_sent >= 0) {
        set_alert_sent(connection, error);
    }
    tls_error_set(error, TLS_ERROR_INTERNAL, TLS_CODE_INTERNAL, NULL);
    if (connection->alert_sent >= 0 && !error->alert_from_peer) {
        error->alert = connection->alert_sent;
    }
    if (error->code == TLS_CODE_BAD_PROTOCOL_VERSION) {
        describe_versions(connection, error);
    } else if (error->kind == TLS_ERROR_PROTOCOL) {
        tls_detail_protocol(error, !connection->server);
    }
}
