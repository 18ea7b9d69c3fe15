// Mbed TLS for a microcontroller with flash and RAM to spare: all that this module makes use of, and speed before size.
// Whatever is not switched on here is off.

#ifndef MICROPYTHON_SSL_CONFIGURATION_FULL_H
#define MICROPYTHON_SSL_CONFIGURATION_FULL_H

#include "bare_metal.h"

// This module: a server has little memory for sessions
#ifndef MICROPY_PY_SSL_SERVER_SESSIONS
#define MICROPY_PY_SSL_SERVER_SESSIONS (8)
#endif

// All cryptography goes through the library's PSA interface: there the fast P-256 (p256-m) can be had, and TLS 1.3 needs
// it in any case.
#define MBEDTLS_PSA_CRYPTO_C
#define MBEDTLS_USE_PSA_CRYPTO
#define MBEDTLS_PSA_KEY_STORE_DYNAMIC
#define MBEDTLS_PSA_KEY_SLOT_COUNT 1 // of keys that outlive a restart, which TLS has none of
#define MBEDTLS_PSA_ASSUME_EXCLUSIVE_BUFFERS

// Hashes
#define MBEDTLS_MD_C
#define MBEDTLS_SHA1_C   // hashlib.sha1
#define MBEDTLS_SHA224_C // completes the SHA-2 family in certificates
#define MBEDTLS_SHA256_C // TLS, hashlib.sha256
#define MBEDTLS_SHA384_C // certificate authorities like it
#define MBEDTLS_SHA512_C
#define MBEDTLS_HKDF_C // key schedule of TLS 1.3

// Ciphers
#define MBEDTLS_CIPHER_C
#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES       // all eight of them: tables in RAM would take 8 KB of it
#define MBEDTLS_CIPHER_MODE_CBC      // suites of old servers; encrypted keys
#define MBEDTLS_CIPHER_PADDING_PKCS7 // encrypted keys
#define MBEDTLS_CCM_C                // AES-CCM suites, common among small devices
#define MBEDTLS_GCM_C
#define MBEDTLS_CHACHA20_C
#define MBEDTLS_POLY1305_C
#define MBEDTLS_CHACHAPOLY_C

// Public keys
#define MBEDTLS_PSA_P256M_DRIVER_ENABLED // P-256 in the library's small fast form
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_RSA_C
#define MBEDTLS_PKCS1_V15
#define MBEDTLS_PKCS1_V21
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_DP_SECP384R1_ENABLED
#define MBEDTLS_ECP_DP_SECP521R1_ENABLED // rare, but there are certificates
#define MBEDTLS_ECP_DP_CURVE25519_ENABLED
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECP_FIXED_POINT_OPTIM 1 // multiples of the base points, in flash
#define MBEDTLS_ECP_WINDOW_SIZE       4
#define MBEDTLS_MPI_WINDOW_SIZE       3
#define MBEDTLS_ECDH_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C
#define MBEDTLS_PK_PARSE_EC_COMPRESSED // points as some tools write them
#define MBEDTLS_PKCS5_C                // encrypted PKCS#8 keys

// Certificates
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_OID_C
#define MBEDTLS_BASE64_C
#define MBEDTLS_PEM_PARSE_C
#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C
#define MBEDTLS_X509_CRL_PARSE_C                  // revocation lists
#define MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK // CA bundles
#define MBEDTLS_X509_RSASSA_PSS_SUPPORT

// TLS
#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_SRV_C
#define MBEDTLS_SSL_OUT_CONTENT_LEN    16384
#define MBEDTLS_SSL_ALL_ALERT_MESSAGES // tells the peer what was wrong
#define MBEDTLS_SSL_ALPN
#define MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
#define MBEDTLS_SSL_KEYING_MATERIAL_EXPORT
#define MBEDTLS_SSL_RENEGOTIATION // stays off; it keeps the Finished messages for "tls-unique"
#define MBEDTLS_SSL_MAX_FRAGMENT_LENGTH
#define MBEDTLS_SSL_RECORD_SIZE_LIMIT
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_SESSION_TICKETS
#define MBEDTLS_SSL_TICKET_C
#define MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH
#define MBEDTLS_SSL_PROTO_TLS1_3
#define MBEDTLS_SSL_TLS1_3_COMPATIBILITY_MODE
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_ENABLED
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_SSL_ENCRYPT_THEN_MAC // repairs the CBC suites
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED
#define MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED
#define MBEDTLS_KEY_EXCHANGE_RSA_ENABLED // no forward secrecy, but old servers have nothing else
#define MBEDTLS_KEY_EXCHANGE_ECDHE_PSK_ENABLED
#define MBEDTLS_KEY_EXCHANGE_PSK_ENABLED
#define MBEDTLS_PSK_MAX_LEN 64
#define MBEDTLS_SSL_PROTO_DTLS
#define MBEDTLS_SSL_DTLS_ANTI_REPLAY
#define MBEDTLS_SSL_DTLS_HELLO_VERIFY
#define MBEDTLS_SSL_COOKIE_C

// Texts for the library's error codes
#define MBEDTLS_ERROR_C

#endif // MICROPYTHON_SSL_CONFIGURATION_FULL_H
