// Mbed TLS 3.6 as the hosted interpreters use it. Whatever is not switched on here is off.
//
// A PC has memory and flash to spare, so speed is chosen over size throughout.

#ifndef MICROPYTHON_SSL_UNIX_MBEDTLS_CONFIG_H
#define MICROPYTHON_SSL_UNIX_MBEDTLS_CONFIG_H

// System
#define MBEDTLS_HAVE_ASM           // assembly for big numbers and AES
#define MBEDTLS_HAVE_TIME          // ticket lifetimes
#define MBEDTLS_HAVE_TIME_DATE     // certificates' validity is checked against the clock
#define MBEDTLS_PLATFORM_C         // the next one needs it
#define MBEDTLS_PLATFORM_MEMORY    // the allocator can be set at run time: accounting, tests of running out of memory
#define MBEDTLS_THREADING_C        // two threads on two connections of one context
#define MBEDTLS_THREADING_PTHREAD  // ... with the locks that MicroPython's threads use
#define MBEDTLS_DEPRECATED_REMOVED // keeps the way to later versions open
#define MBEDTLS_ERROR_C            // texts for the library's error codes

// Random numbers
#define MBEDTLS_ENTROPY_C   // seeds, from getrandom()
#define MBEDTLS_CTR_DRBG_C  // the generator
#define MBEDTLS_HMAC_DRBG_C // nonces of deterministic ECDSA

// Hashes
#define MBEDTLS_MD_C                                 // generic interface
#define MBEDTLS_MD5_C                                // hashlib.md5; passwords of old PEM keys
#define MBEDTLS_SHA1_C                               // hashlib.sha1; CBC suites of TLS 1.2
#define MBEDTLS_SHA224_C                             // completes the SHA-2 family in certificates
#define MBEDTLS_SHA256_C                             // hashlib.sha256, TLS
#define MBEDTLS_SHA384_C                             // TLS
#define MBEDTLS_SHA512_C                             // certificates
#define MBEDTLS_SHA256_USE_ARMV8_A_CRYPTO_IF_PRESENT // ARM's instructions, detected at run time
#define MBEDTLS_HKDF_C                               // key schedule of TLS 1.3, through PSA

// Ciphers
#define MBEDTLS_CIPHER_C             // generic interface
#define MBEDTLS_AES_C                // AES suites, encrypted keys, cryptolib
#define MBEDTLS_AESNI_C              // x86's AES and GCM instructions, detected at run time
#define MBEDTLS_AESCE_C              // ARM's, likewise
#define MBEDTLS_CIPHER_MODE_CBC      // suites that MicroPython programs name; encrypted keys; cryptolib
#define MBEDTLS_CIPHER_MODE_CTR      // cryptolib's CTR mode
#define MBEDTLS_CIPHER_PADDING_PKCS7 // encrypted keys
#define MBEDTLS_CCM_C                // AES-CCM suites, common among small devices
#define MBEDTLS_GCM_C                // AES-GCM suites
#if !defined(__x86_64__) && !defined(__aarch64__)
#define MBEDTLS_GCM_LARGE_TABLE // faster GCM where no instruction does it, for 4 KB a direction
#endif
#define MBEDTLS_CHACHA20_C   // ChaCha20-Poly1305 suites
#define MBEDTLS_POLY1305_C   // ... their second half
#define MBEDTLS_CHACHAPOLY_C // ... and both together
#define MBEDTLS_DES_C        // keys encrypted with `openssl -des3`; TLS has no suite with it any more

// Public keys
#define MBEDTLS_BIGNUM_C                     // numbers of any size
#define MBEDTLS_RSA_C                        // RSA keys
#define MBEDTLS_PKCS1_V15                    // RSA signatures of TLS 1.2
#define MBEDTLS_PKCS1_V21                    // RSA-PSS, which TLS 1.3 demands
#define MBEDTLS_ECP_C                        // elliptic curves
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED     // the curve that everyone has
#define MBEDTLS_ECP_DP_SECP384R1_ENABLED     // certificate authorities like it
#define MBEDTLS_ECP_DP_SECP521R1_ENABLED     // rare, but there are certificates
#define MBEDTLS_ECP_DP_CURVE25519_ENABLED    // X25519, the first choice of browsers
#define MBEDTLS_ECP_NIST_OPTIM               // special reduction for the NIST curves: 4 to 8 times as fast
#define MBEDTLS_ECDH_C                       // key exchange
#define MBEDTLS_ECDSA_C                      // signatures
#define MBEDTLS_ECDSA_DETERMINISTIC          // a bad random number cannot give the key away
#define MBEDTLS_PK_C                         // keys of any kind
#define MBEDTLS_PK_PARSE_C                   // ... read from PKCS#1, SEC1 and PKCS#8
#define MBEDTLS_PK_PARSE_EC_COMPRESSED       // points as some tools write them
#define MBEDTLS_PSA_CRYPTO_C                 // TLS 1.3 is written on it
#define MBEDTLS_PSA_KEY_STORE_DYNAMIC        // as many connections as memory allows
#define MBEDTLS_PSA_ASSUME_EXCLUSIVE_BUFFERS // no copies: everything lives in one process

// Speed of public keys
#define MBEDTLS_MPI_WINDOW_SIZE       5 // fastest RSA private operation on a PC
#define MBEDTLS_ECP_WINDOW_SIZE       6 // largest that these curves make use of
#define MBEDTLS_ECP_FIXED_POINT_OPTIM 1 // precomputed multiples of the base points

// Certificates and keys
#define MBEDTLS_ASN1_PARSE_C                      // DER
#define MBEDTLS_OID_C                             // names of algorithms in it
#define MBEDTLS_ASN1_WRITE_C                      // ECDSA signatures
#define MBEDTLS_BASE64_C                          // the next one needs it
#define MBEDTLS_PEM_PARSE_C                       // PEM
#define MBEDTLS_PKCS5_C                           // encrypted PKCS#8 as written today (PBES2)
#define MBEDTLS_PKCS12_C                          // ... and before
#define MBEDTLS_X509_USE_C                        // what the next two share
#define MBEDTLS_X509_CRT_PARSE_C                  // certificates
#define MBEDTLS_X509_CRL_PARSE_C                  // revocation lists
#define MBEDTLS_X509_RSASSA_PSS_SUPPORT           // certificates signed with RSA-PSS
#define MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK // looks issuers up in a CA bundle without loading all of it

// TLS
#define MBEDTLS_SSL_TLS_C                  // what both sides share
#define MBEDTLS_SSL_CLI_C                  // client
#define MBEDTLS_SSL_SRV_C                  // server
#define MBEDTLS_SSL_ALL_ALERT_MESSAGES     // tells the peer what was wrong
#define MBEDTLS_SSL_ALPN                   // RFC 7301
#define MBEDTLS_SSL_KEEP_PEER_CERTIFICATE  // getpeercert()
#define MBEDTLS_SSL_KEYING_MATERIAL_EXPORT // RFC 5705
#define MBEDTLS_SSL_MAX_FRAGMENT_LENGTH    // RFC 6066
#define MBEDTLS_SSL_RECORD_SIZE_LIMIT      // RFC 8449, its successor, in TLS 1.3
#define MBEDTLS_SSL_RENEGOTIATION          // stays off; it keeps the Finished messages for "tls-unique"
#define MBEDTLS_SSL_SERVER_NAME_INDICATION // RFC 6066
#define MBEDTLS_SSL_SESSION_TICKETS        // resumption: RFC 5077, RFC 8446 section 2.2
#define MBEDTLS_SSL_TICKET_C               // the server's side of it
#define MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH // buffers shrink to what was negotiated

// Pre-shared keys: bytes at most; the default of 48 is less than other libraries take
#define MBEDTLS_PSK_MAX_LEN 512

// TLS 1.3 (RFC 8446)
#define MBEDTLS_SSL_PROTO_TLS1_3
#define MBEDTLS_SSL_TLS1_3_COMPATIBILITY_MODE                      // gets past middleboxes that know TLS 1.2 only
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ENABLED     // certificates
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL_ENABLED // tickets and pre-shared keys
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_ENABLED           // ... without forward secrecy: less work

// TLS 1.2 (RFC 5246)
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_SSL_ENCRYPT_THEN_MAC             // RFC 7366: repairs the CBC suites
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET       // RFC 7627
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED // ECDSA certificates
#define MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED   // RSA certificates
#define MBEDTLS_KEY_EXCHANGE_RSA_ENABLED         // no forward secrecy, but the built-in module offers it
#define MBEDTLS_KEY_EXCHANGE_ECDHE_PSK_ENABLED   // pre-shared keys
#define MBEDTLS_KEY_EXCHANGE_PSK_ENABLED         // ... without forward secrecy: less work

// DTLS
#define MBEDTLS_SSL_PROTO_DTLS        // DTLS 1.2 (RFC 6347)
#define MBEDTLS_SSL_DTLS_ANTI_REPLAY  // a record counts once (RFC 6347 section 4.1.2.6)
#define MBEDTLS_SSL_DTLS_HELLO_VERIFY // no work for clients that cannot receive at the address they claim
#define MBEDTLS_SSL_COOKIE_C          // ... which a cookie proves

#endif // MICROPYTHON_SSL_UNIX_MBEDTLS_CONFIG_H
