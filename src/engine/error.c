// Error values: filling them, and the names and words that programs and people see. The same for both engines.

#include "engine/engine.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

void tls_error_clear(tls_error_t *error) {
    memset(error, 0, offsetof(tls_error_t, text)); // every call does this; texts of no length are empty, too
    error->text[0] = '\0';
    error->detail[0] = '\0';
    error->alert = -1;
}

void(tls_error_set)(tls_error_t *error, tls_error_kind_t kind, int code, const char *detail, ...) {
    if (error->kind != TLS_ERROR_NONE) {
        return;
    }
    error->kind = kind;
    error->code = code;
    if (detail != NULL) {
        va_list args;
        va_start(args, detail);
        vsnprintf(error->detail, sizeof(error->detail), detail, args);
        va_end(args);
    }
}

const char *tls_error_name(int code) {
    switch (code) {
        case TLS_CODE_GENERIC:
            return "MBEDTLS_ERR_ERROR_GENERIC_ERROR";
        case TLS_CODE_CERT_VERIFY_FAILED:
            return "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED";
        case TLS_CODE_CERT_BAD_INPUT:
            return "MBEDTLS_ERR_X509_BAD_INPUT_DATA";
        case TLS_CODE_KEY_BAD_INPUT:
            return "MBEDTLS_ERR_PK_BAD_INPUT_DATA";
        case TLS_CODE_BAD_CONFIG:
            return "MBEDTLS_ERR_SSL_BAD_CONFIG";
        case TLS_CODE_ILLEGAL_PARAMETER:
            return "MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER";
        case TLS_CODE_TIMEOUT:
            return "MBEDTLS_ERR_SSL_TIMEOUT";
        case TLS_CODE_INTERNAL:
            return "MBEDTLS_ERR_SSL_INTERNAL_ERROR";
        case TLS_CODE_UNKNOWN_IDENTITY:
            return "MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY";
        case TLS_CODE_HANDSHAKE_FAILURE:
            return "MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE";
        case TLS_CODE_BAD_PROTOCOL_VERSION:
            return "MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION";
        case TLS_CODE_FEATURE_UNAVAILABLE:
            return "MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE";
        case TLS_CODE_BAD_INPUT_DATA:
            return "MBEDTLS_ERR_SSL_BAD_INPUT_DATA";
        case TLS_CODE_INVALID_MAC:
            return "MBEDTLS_ERR_SSL_INVALID_MAC";
        case TLS_CODE_INVALID_RECORD:
            return "MBEDTLS_ERR_SSL_INVALID_RECORD";
        case TLS_CODE_CONN_EOF:
            return "MBEDTLS_ERR_SSL_CONN_EOF";
        case TLS_CODE_DECODE_ERROR:
            return "MBEDTLS_ERR_SSL_DECODE_ERROR";
        case TLS_CODE_NO_CLIENT_CERTIFICATE:
            return "MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE";
        case TLS_CODE_UNSUPPORTED_EXTENSION:
            return "MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION";
        case TLS_CODE_NO_APPLICATION_PROTOCOL:
            return "MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL";
        case TLS_CODE_UNEXPECTED_MESSAGE:
            return "MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE";
        case TLS_CODE_FATAL_ALERT:
            return "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE";
        case TLS_CODE_UNRECOGNIZED_NAME:
            return "MBEDTLS_ERR_SSL_UNRECOGNIZED_NAME";
        case TLS_CODE_BAD_CERTIFICATE:
            return "MBEDTLS_ERR_SSL_BAD_CERTIFICATE";
        case TLS_CODE_ALLOC_FAILED:
            return "MBEDTLS_ERR_SSL_ALLOC_FAILED";
        default:
            return NULL;
    }
}

static const char *protocol_reason(int code) {
    switch (code) {
        case TLS_CODE_HANDSHAKE_FAILURE:
            return "handshake_failure";
        case TLS_CODE_BAD_PROTOCOL_VERSION:
            return "protocol_version";
        case TLS_CODE_INVALID_MAC:
            return "bad_record_mac";
        case TLS_CODE_INVALID_RECORD:
            return "bad_record";
        case TLS_CODE_DECODE_ERROR:
            return "decode_error";
        case TLS_CODE_NO_CLIENT_CERTIFICATE:
            return "no_client_certificate";
        case TLS_CODE_UNEXPECTED_MESSAGE:
            return "unexpected_message";
        case TLS_CODE_ILLEGAL_PARAMETER:
            return "illegal_parameter";
        case TLS_CODE_UNKNOWN_IDENTITY:
            return "unknown_psk_identity";
        case TLS_CODE_NO_APPLICATION_PROTOCOL:
            return "no_application_protocol";
        case TLS_CODE_UNSUPPORTED_EXTENSION:
            return "unsupported_extension";
        case TLS_CODE_UNRECOGNIZED_NAME:
            return "unrecognized_name";
        case TLS_CODE_BAD_CERTIFICATE:
            return "bad_certificate";
        case TLS_CODE_TIMEOUT:
            return "timeout";
        default:
            return "protocol";
    }
}

// A chain can be bad in several ways at once; the one that a person has to deal with first comes first.
static const uint32_t verify_reason_order[] = {
    TLS_VERIFY_CALLBACK,
    TLS_VERIFY_MISSING,
    TLS_VERIFY_PIN, // counts in every verify mode
    TLS_VERIFY_REVOKED,
    TLS_VERIFY_UNTRUSTED,
    TLS_VERIFY_EXPIRED,
    TLS_VERIFY_NOT_YET_VALID,
    TLS_VERIFY_HOSTNAME,
    TLS_VERIFY_USAGE,
    TLS_VERIFY_WEAK,
    TLS_VERIFY_CRL,
    TLS_VERIFY_OTHER,
};

uint32_t tls_verify_foremost(uint32_t bits) {
    for (size_t i = 0; i < sizeof(verify_reason_order) / sizeof(verify_reason_order[0]); i++) {
        if (bits & verify_reason_order[i]) {
            return verify_reason_order[i];
        }
    }
    return bits;
}

static const char *verification_reason(uint32_t bits) {
    const char *reason = tls_verify_reason(tls_verify_foremost(bits));
    return reason != NULL ? reason : tls_verify_reason(TLS_VERIFY_OTHER);
}

const char *tls_error_reason(const tls_error_t *error) {
    // No default: a kind without a word must not compile (-Wswitch).
    switch (error->kind) {
        case TLS_ERROR_NONE:
            return "none";
        case TLS_ERROR_NO_MEMORY:
            return "no_memory";
        case TLS_ERROR_ARGUMENT:
            return "bad_argument";
        case TLS_ERROR_CERTIFICATE:
            return "invalid_cert";
        case TLS_ERROR_KEY:
            return "invalid_key";
        case TLS_ERROR_VERIFICATION:
            return verification_reason(error->verify);
        case TLS_ERROR_PROTOCOL:
            return protocol_reason(error->code);
        case TLS_ERROR_PEER_ALERT:
            return "peer_alert";
        case TLS_ERROR_EOF:
            return "connection_eof";
        case TLS_ERROR_UNSUPPORTED:
            return "unsupported";
        case TLS_ERROR_INTERNAL:
            return "internal";
    }
    return "internal";
}

const char *tls_verify_reason(uint32_t bit) {
    switch (bit) {
        case TLS_VERIFY_EXPIRED:
            return "expired";
        case TLS_VERIFY_NOT_YET_VALID:
            return "not_yet_valid";
        case TLS_VERIFY_HOSTNAME:
            return "hostname_mismatch";
        case TLS_VERIFY_UNTRUSTED:
            return "untrusted";
        case TLS_VERIFY_REVOKED:
            return "revoked";
        case TLS_VERIFY_CRL:
            return "bad_crl";
        case TLS_VERIFY_USAGE:
            return "wrong_usage";
        case TLS_VERIFY_WEAK:
            return "weak";
        case TLS_VERIFY_MISSING:
            return "missing";
        case TLS_VERIFY_CALLBACK:
            return "rejected_by_callback";
        case TLS_VERIFY_OTHER:
            return "bad_certificate";
        case TLS_VERIFY_PIN:
            return "pin_mismatch";
        default:
            return NULL;
    }
}

const char *tls_alert_name(int alert) {
    switch (alert) {
        case 0:
            return "close_notify";
        case 10:
            return "unexpected_message";
        case 20:
            return "bad_record_mac";
        case 21:
            return "decryption_failed";
        case 22:
            return "record_overflow";
        case 30:
            return "decompression_failure";
        case 40:
            return "handshake_failure";
        case 41:
            return "no_certificate";
        case 42:
            return "bad_certificate";
        case 43:
            return "unsupported_certificate";
        case 44:
            return "certificate_revoked";
        case 45:
            return "certificate_expired";
        case 46:
            return "certificate_unknown";
        case 47:
            return "illegal_parameter";
        case 48:
            return "unknown_ca";
        case 49:
            return "access_denied";
        case 50:
            return "decode_error";
        case 51:
            return "decrypt_error";
        case 60:
            return "export_restriction";
        case 70:
            return "protocol_version";
        case 71:
            return "insufficient_security";
        case 80:
            return "internal_error";
        case 86:
            return "inappropriate_fallback";
        case 90:
            return "user_canceled";
        case 100:
            return "no_renegotiation";
        case 109:
            return "missing_extension";
        case 110:
            return "unsupported_extension";
        case 111:
            return "certificate_unobtainable";
        case 112:
            return "unrecognized_name";
        case 113:
            return "bad_certificate_status_response";
        case 114:
            return "bad_certificate_hash_value";
        case 115:
            return "unknown_psk_identity";
        case 116:
            return "certificate_required";
        case 120:
            return "no_application_protocol";
        default:
            return NULL;
    }
}
