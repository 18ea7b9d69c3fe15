// Mbed TLS for one verified connection of a client, where flash and RAM are short: TLS 1.2, ECDHE, AES-128-GCM.
// Whatever is not switched on here is off: no server, no TLS 1.3, no DTLS, no pre-shared keys, no session tickets.
//
// What public servers need is there: their own keys are RSA or P-256, those of their authorities RSA, P-256 or P-384,
// and SHA-384 signs the latter.

#ifndef MICROPYTHON_SSL_CONFIGURATION_TINY_H
#define MICROPYTHON_SSL_CONFIGURATION_TINY_H

#include "bare_metal.h"

// This module: exceptions without sentences, and no operation with the private key that can be spared
#ifndef MICROPY_PY_SSL_ERROR_DETAIL
#define MICROPY_PY_SSL_ERROR_DETAIL (0)
#endif
#ifndef MICROPY_PY_SSL_CHECK_KEY_PAIR
#define MICROPY_PY_SSL_CHECK_KEY_PAIR (0)
#endif

// Hashes
#define MBEDTLS_MD_C
#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA256_SMALLER
#define MBEDTLS_SHA384_C
#define MBEDTLS_SHA512_SMALLER

// Cipher
#define MBEDTLS_CIPHER_C
#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_AES_FEWER_TABLES
#define MBEDTLS_AES_ONLY_128_BIT_KEY_LENGTH
#define MBEDTLS_BLOCK_CIPHER_NO_DECRYPT
#define MBEDTLS_GCM_C

// Public keys
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_RSA_C
#define MBEDTLS_RSA_NO_CRT
#define MBEDTLS_PKCS1_V15
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_DP_SECP384R1_ENABLED
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECP_FIXED_POINT_OPTIM 0
#define MBEDTLS_ECP_WINDOW_SIZE       2
#define MBEDTLS_MPI_WINDOW_SIZE       1
#define MBEDTLS_ECDH_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C

// Certificates
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_OID_C
#define MBEDTLS_BASE64_C
#define MBEDTLS_PEM_PARSE_C
#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C
#define MBEDTLS_X509_REMOVE_INFO

// TLS
#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_IN_CONTENT_LEN  16384 // servers send what they like; the buffer grows to what comes
#define MBEDTLS_SSL_OUT_CONTENT_LEN 2048
#define MBEDTLS_SSL_MAX_FRAGMENT_LENGTH
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED
#define MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED

#endif // MICROPYTHON_SSL_CONFIGURATION_TINY_H
