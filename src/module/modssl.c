// The modules `ssl` and `tls`: names, constants, and the documented wrap_socket().

#include "module/certificate.h"
#include "module/context.h"
#include "module/functions.h"
#include "module/memory_bio.h"
#include "module/session.h"
#include "module/socket.h"
#include "py/objmodule.h"
#include "py/objstr.h"
#include "ssl_config.h"

#define SSL_VERSION "0.1.0"

// An argument that has two spellings may be given once.
static mp_obj_t either(mp_obj_t documented, mp_obj_t newer) {
    if (documented != mp_const_none && newer != mp_const_none) {
        mp_raise_TypeError(MP_ERROR_TEXT("argument given in both spellings"));
    }
    return documented != mp_const_none ? documented : newer;
}

//| def wrap_socket(sock: Any, server_side: bool = False, keyfile: str | bytes | None = None,
//|     certfile: str | bytes | None = None, cert_reqs: int = CERT_NONE, cadata: str | bytes | None = None,
//|     server_hostname: str | None = None, do_handshake: bool = True, *, key: str | bytes | None = None,
//|     cert: str | bytes | None = None) -> SSLSocket:
//|     """Make a TLS connection over a stream, with a context of its own.
//|
//|     - *sock*: the stream. When this raises, it is still open and the caller's.
//|     - *server_side*: whether to be the server.
//|     - *keyfile*, *certfile*, or *key*, *cert*: private key, and certificate with its chain. A `str` is a path, or
//|       PEM text; `bytes` are PEM or DER. Both spellings of one, or a key alone: `TypeError`. A certificate alone has
//|       its key in the same file.
//|     - *cert_reqs*: `CERT_NONE`, `CERT_OPTIONAL` or `CERT_REQUIRED`, as `SSLContext.verify_mode`.
//|     - *cadata*: trust anchors, PEM or DER.
//|     - *server_hostname*: client: the server's name or address, sent to it (names only) and compared with its
//|       certificate.
//|     - *do_handshake*: `False` leaves the handshake to the first reads and writes.
//|     """
static mp_obj_t ssl_wrap_socket(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum {
        ARG_sock,
        ARG_server_side,
        ARG_keyfile,
        ARG_certfile,
        ARG_cert_reqs,
        ARG_cadata,
        ARG_server_hostname,
        ARG_do_handshake,
        ARG_key,
        ARG_cert,
    };
    static const mp_arg_t allowed_args[] = {
        {MP_QSTR_sock, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_server_side, MP_ARG_BOOL, {.u_bool = false}},
        {MP_QSTR_keyfile, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_certfile, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_cert_reqs, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_INT(TLS_VERIFY_MODE_NONE)}},
        {MP_QSTR_cadata, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_server_hostname, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_do_handshake, MP_ARG_BOOL, {.u_bool = true}},
        {MP_QSTR_key, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_cert, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);

    bool server_side = args[ARG_server_side].u_bool;
    mp_obj_t key = either(args[ARG_keyfile].u_obj, args[ARG_key].u_obj);
    mp_obj_t cert = either(args[ARG_certfile].u_obj, args[ARG_cert].u_obj);
    mp_obj_t context_obj = ssl_context_new(&ssl_context_type, server_side ? TLS_PROTOCOL_SERVER : 0);
    mp_obj_ssl_context_t *context = MP_OBJ_TO_PTR(context_obj);
    if (key != mp_const_none || cert != mp_const_none) {
        ssl_context_load_cert_chain(context, cert, key, mp_const_none);
    }
    if (args[ARG_cadata].u_obj != mp_const_none) {
        ssl_context_load_cadata(context, args[ARG_cadata].u_obj);
    }
    ssl_context_set_verify_mode(context, args[ARG_cert_reqs].u_obj);
    ssl_wrap_options_t options = {
        .server_side = server_side,
        .do_handshake = args[ARG_do_handshake].u_bool,
        .suppress_ragged_eofs = true,
        .server_hostname = args[ARG_server_hostname].u_obj,
        .client_id = mp_const_none,
        .session = mp_const_none,
    };
    return ssl_socket_new(context, args[ARG_sock].u_obj, &options);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(ssl_wrap_socket_obj, 0, ssl_wrap_socket);

// Names of TLS versions, as in CPython.
//| class TLSVersion:
//|     """Values of `SSLContext.minimum_version` and `SSLContext.maximum_version`."""
//|     TLSv1_2: int  # 0x0303
//|     TLSv1_3: int  # 0x0304
static const mp_rom_map_elem_t tls_version_locals_dict_table[] = {
    {MP_ROM_QSTR(MP_QSTR_TLSv1_2), MP_ROM_INT(TLS_VERSION_1_2)},
    {MP_ROM_QSTR(MP_QSTR_TLSv1_3), MP_ROM_INT(TLS_VERSION_1_3)},
};
static MP_DEFINE_CONST_DICT(tls_version_locals_dict, tls_version_locals_dict_table);
static MP_DEFINE_CONST_OBJ_TYPE(tls_version_type, MP_QSTR_TLSVersion, MP_TYPE_FLAG_NONE, locals_dict,
    &tls_version_locals_dict);

// What depends on the engine is asked when it is wanted: the engine may be chosen at link time.
static const struct {
    qstr_short_t name;
    uint8_t feature;
} features[] = {
    {MP_QSTR_HAS_TLSv1_2, TLS_FEATURE_TLS_1_2},
    {MP_QSTR_HAS_TLSv1_3, TLS_FEATURE_TLS_1_3},
    {MP_QSTR_HAS_DTLS, TLS_FEATURE_DTLS},
    {MP_QSTR_HAS_PSK, TLS_FEATURE_PSK},
    {MP_QSTR_HAS_CLIENT, TLS_FEATURE_CLIENT},
    {MP_QSTR_HAS_SERVER, TLS_FEATURE_SERVER},
    {MP_QSTR_HAS_ECDH, TLS_FEATURE_ECDH},
    {MP_QSTR_HAS_SNI, TLS_FEATURE_SNI},
    {MP_QSTR_HAS_PEM, TLS_FEATURE_PEM},
    {MP_QSTR_HAS_PEER_CERTIFICATE, TLS_FEATURE_PEER_CERTIFICATE},
    {MP_QSTR_HAS_EXPORTER, TLS_FEATURE_EXPORTER},
    {MP_QSTR_HAS_TLS_UNIQUE, TLS_FEATURE_TLS_UNIQUE},
#if MICROPY_PY_SSL_ALPN
    {MP_QSTR_HAS_ALPN, TLS_FEATURE_ALPN},
#endif
    {MP_QSTR_HAS_CRL, TLS_FEATURE_CRL},
    {MP_QSTR_HAS_BUNDLE, TLS_FEATURE_BUNDLE},
};

static mp_obj_t feature_to_obj(qstr name) {
    for (size_t i = 0; i < MP_ARRAY_SIZE(features); i++) {
        if (features[i].name == name) {
            return mp_obj_new_bool(tls_engine_has(features[i].feature));
        }
    }
    return MP_OBJ_NULL;
}

#if MICROPY_PY_SSL_ENGINE_OPENSSL
#define LIBRARY_VERSION MP_QSTR_OPENSSL_VERSION
#else
#define LIBRARY_VERSION MP_QSTR_MBEDTLS_VERSION
#endif

//| module ssl:
//| OPENSSL_VERSION: str  # with that engine: the library's version
//| MBEDTLS_VERSION: str  # with that engine: the library's version
//| HAS_TLSv1_2: bool  # TLS 1.2, and whether the versions can be set to it
//| HAS_TLSv1_3: bool  # TLS 1.3, likewise
//| HAS_DTLS: bool  # DTLS 1.2
//| HAS_PSK: bool  # pre-shared keys
//| HAS_CLIENT: bool  # contexts for clients
//| HAS_SERVER: bool  # contexts for servers
//| HAS_ECDH: bool  # key exchange with elliptic curves
//| HAS_SNI: bool  # host names as *server_hostname*, and `SSLContext.sni_callback`
//| HAS_PEM: bool  # certificates and keys in PEM, not DER only
//| HAS_PEER_CERTIFICATE: bool  # `SSLSocket.getpeercert()` has something to give
//| HAS_ALPN: bool  # `SSLContext.set_alpn_protocols()`
//| HAS_CRL: bool  # revocation lists can be checked
//| HAS_BUNDLE: bool  # trust anchors can be in a CA bundle
//| HAS_EXPORTER: bool  # `SSLSocket.export_keying_material()` and the channel binding `"tls-exporter"`
//| HAS_TLS_UNIQUE: bool  # the channel binding `"tls-unique"`
void ssl_module_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest);
void ssl_module_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    (void)self_in;
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    dest[0] = attr == LIBRARY_VERSION ? mp_obj_new_str_from_cstr(tls_engine_version()) : feature_to_obj(attr);
}

static const MP_DEFINE_STR_OBJ(version_obj, SSL_VERSION);

// What both modules hold; they differ in their name and in the client's default of SSLContext.
// What this module never has, under CPython's names, stands here too.
//| __version__: str  # that of this module
//| ENGINE: str  # `"mbedtls"` or `"openssl"`
//| PROTOCOL_TLS_CLIENT: int  # 0
//| PROTOCOL_TLS_SERVER: int  # 1
//| PROTOCOL_DTLS_CLIENT: int  # 2
//| PROTOCOL_DTLS_SERVER: int  # 3
//| CERT_NONE: int  # 0: a client accepts any server, a server asks for no certificate
//| CERT_OPTIONAL: int  # 1: checks and goes on in any case, see `SSLSocket.verify_result`
//| CERT_REQUIRED: int  # 2: a valid certificate or no connection
//| HAS_NEVER_CHECK_COMMON_NAME: bool  # `False`
//| HAS_SSLv2: bool  # `False`
//| HAS_SSLv3: bool  # `False`
//| HAS_TLSv1: bool  # `False`
//| HAS_TLSv1_1: bool  # `False`
//| VERIFY_DEFAULT: int  # nothing more than a valid chain; revocation lists are not looked at
//| VERIFY_CRL_CHECK_LEAF: int  # the peer's certificate must not be in its issuer's revocation list, which is needed
//| VERIFY_CRL_CHECK_CHAIN: int  # the same for every certificate below the trust anchor
//| VERIFY_X509_STRICT: int  # RFC 5280 to the letter; with Mbed TLS it cannot be set: `OSError(-28800)`
//| VERIFY_X509_TRUSTED_FIRST: int  # taken, and always so
//| VERIFY_X509_PARTIAL_CHAIN: int  # taken, and always so
#if MICROPY_PY_SSL_ALPN
#define ALPN_GLOBALS
#else
#define ALPN_GLOBALS {MP_ROM_QSTR(MP_QSTR_HAS_ALPN), MP_ROM_FALSE},
#endif

// clang-format off
#if MICROPY_PY_SSL_MEMORY_BIO
#define MEMORY_BIO_GLOBALS {MP_ROM_QSTR(MP_QSTR_MemoryBIO), MP_ROM_PTR(&ssl_memory_bio_type)},
#else
#define MEMORY_BIO_GLOBALS
#endif
#if MICROPY_PY_SSL_CRL
#define VERIFY_GLOBALS \
    {MP_ROM_QSTR(MP_QSTR_VERIFY_DEFAULT), MP_ROM_INT(0)}, \
    {MP_ROM_QSTR(MP_QSTR_VERIFY_CRL_CHECK_LEAF), MP_ROM_INT(TLS_VERIFY_FLAG_CRL_LEAF)}, \
    {MP_ROM_QSTR(MP_QSTR_VERIFY_CRL_CHECK_CHAIN), MP_ROM_INT(TLS_VERIFY_FLAG_CRL_CHAIN)}, \
    {MP_ROM_QSTR(MP_QSTR_VERIFY_X509_STRICT), MP_ROM_INT(TLS_VERIFY_FLAG_STRICT)}, \
    {MP_ROM_QSTR(MP_QSTR_VERIFY_X509_TRUSTED_FIRST), MP_ROM_INT(TLS_VERIFY_FLAG_TRUSTED_FIRST)}, \
    {MP_ROM_QSTR(MP_QSTR_VERIFY_X509_PARTIAL_CHAIN), MP_ROM_INT(TLS_VERIFY_FLAG_PARTIAL_CHAIN)},
#else
#define VERIFY_GLOBALS
#endif
#if MICROPY_PY_SSL_CERTIFICATE_DICT
#define DICT_GLOBALS {MP_ROM_QSTR(MP_QSTR__decode_certificate), MP_ROM_PTR(&ssl_decode_certificate_obj)},
#else
#define DICT_GLOBALS
#endif
#if MICROPY_PY_SSL_DEFAULT_CONTEXT
#define DEFAULT_CONTEXT_GLOBALS \
    {MP_ROM_QSTR(MP_QSTR_create_default_context), MP_ROM_PTR(&ssl_create_default_context_obj)}, \
    {MP_ROM_QSTR(MP_QSTR_Purpose), MP_ROM_PTR(&ssl_purpose_type)},
#else
#define DEFAULT_CONTEXT_GLOBALS
#endif
#if MICROPY_PY_SSL_CPYTHON
#define CPYTHON_GLOBALS \
    {MP_ROM_QSTR(MP_QSTR_DER_cert_to_PEM_cert), MP_ROM_PTR(&ssl_der_cert_to_pem_cert_obj)}, \
    {MP_ROM_QSTR(MP_QSTR_PEM_cert_to_DER_cert), MP_ROM_PTR(&ssl_pem_cert_to_der_cert_obj)}, \
    {MP_ROM_QSTR(MP_QSTR_get_server_certificate), MP_ROM_PTR(&ssl_get_server_certificate_obj)}, \
    {MP_ROM_QSTR(MP_QSTR_get_default_verify_paths), MP_ROM_PTR(&ssl_get_default_verify_paths_obj)},
#else
#define CPYTHON_GLOBALS
#endif
#define COMMON_GLOBALS \
    DICT_GLOBALS \
    DEFAULT_CONTEXT_GLOBALS \
    CPYTHON_GLOBALS \
    ALPN_GLOBALS \
    MEMORY_BIO_GLOBALS \
    VERIFY_GLOBALS \
    {MP_ROM_QSTR(MP_QSTR_HAS_NEVER_CHECK_COMMON_NAME), MP_ROM_FALSE}, \
    {MP_ROM_QSTR(MP_QSTR_HAS_SSLv2), MP_ROM_FALSE}, \
    {MP_ROM_QSTR(MP_QSTR_HAS_SSLv3), MP_ROM_FALSE}, \
    {MP_ROM_QSTR(MP_QSTR_HAS_TLSv1), MP_ROM_FALSE}, \
    {MP_ROM_QSTR(MP_QSTR_HAS_TLSv1_1), MP_ROM_FALSE}, \
    {MP_ROM_QSTR(MP_QSTR___version__), MP_ROM_PTR(&version_obj)}, \
    {MP_ROM_QSTR(MP_QSTR_wrap_socket), MP_ROM_PTR(&ssl_wrap_socket_obj)}, \
    {MP_ROM_QSTR(MP_QSTR_SSLSocket), MP_ROM_PTR(&ssl_socket_type)}, \
    {MP_ROM_QSTR(MP_QSTR_SSLSession), MP_ROM_PTR(&ssl_session_type)}, \
    {MP_ROM_QSTR(MP_QSTR_TLSVersion), MP_ROM_PTR(&tls_version_type)}, \
    {MP_ROM_QSTR(MP_QSTR_ENGINE), ENGINE_NAME}, \
    {MP_ROM_QSTR(MP_QSTR_PROTOCOL_TLS_CLIENT), MP_ROM_INT(0)}, \
    {MP_ROM_QSTR(MP_QSTR_PROTOCOL_TLS_SERVER), MP_ROM_INT(TLS_PROTOCOL_SERVER)}, \
    {MP_ROM_QSTR(MP_QSTR_PROTOCOL_DTLS_CLIENT), MP_ROM_INT(TLS_PROTOCOL_DATAGRAM)}, \
    {MP_ROM_QSTR(MP_QSTR_PROTOCOL_DTLS_SERVER), MP_ROM_INT(TLS_PROTOCOL_DATAGRAM | TLS_PROTOCOL_SERVER)}, \
    {MP_ROM_QSTR(MP_QSTR_CERT_NONE), MP_ROM_INT(TLS_VERIFY_MODE_NONE)}, \
    {MP_ROM_QSTR(MP_QSTR_CERT_OPTIONAL), MP_ROM_INT(TLS_VERIFY_MODE_OPTIONAL)}, \
    {MP_ROM_QSTR(MP_QSTR_CERT_REQUIRED), MP_ROM_INT(TLS_VERIFY_MODE_REQUIRED)}
// clang-format on

#if MICROPY_PY_SSL_ENGINE_OPENSSL
#define ENGINE_NAME MP_ROM_QSTR(MP_QSTR_openssl)
#else
#define ENGINE_NAME MP_ROM_QSTR(MP_QSTR_mbedtls)
#endif

static const mp_rom_map_elem_t ssl_globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_ssl)},
    {MP_ROM_QSTR(MP_QSTR_SSLContext), MP_ROM_PTR(&ssl_context_type)},
    COMMON_GLOBALS,
};
static MP_DEFINE_CONST_DICT(ssl_globals, ssl_globals_table);

const mp_obj_module_t ssl_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&ssl_globals,
};

MP_REGISTER_MODULE(MP_QSTR_ssl, ssl_module);
MP_REGISTER_MODULE_DELEGATION(ssl_module, ssl_module_attr);

// Beside the built-in module, whose name is `tls`, ours is `ssl` only.
#if !MICROPY_PY_SSL
static const mp_rom_map_elem_t tls_globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_tls)},
    {MP_ROM_QSTR(MP_QSTR_SSLContext), MP_ROM_PTR(&tls_context_type)},
    COMMON_GLOBALS,
};
static MP_DEFINE_CONST_DICT(tls_globals, tls_globals_table);

const mp_obj_module_t tls_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&tls_globals,
};

MP_REGISTER_MODULE(MP_QSTR_tls, tls_module);
MP_REGISTER_MODULE_DELEGATION(tls_module, ssl_module_attr);
#endif
