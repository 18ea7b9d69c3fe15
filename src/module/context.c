// SSLContext: configuration that connections share.

#include "module/context.h"

#include <string.h>

#include "engine/memory.h"
#include "module/args.h"
#include "module/bundle.h"
#include "module/call.h"
#include "module/context_sessions.h"
#include "module/default_roots.h"
#include "module/errors.h"
#include "module/keylog.h"
#include "module/memory_bio.h"
#include "module/parameters.h"
#include "module/psk.h"
#include "module/rules.h"
#include "module/sni.h"
#include "module/socket.h"
#include "module/trust.h"
#include "py/gc.h"
#include "py/mperrno.h"

// ---------------------------------------------------------------------------------------------------------------------
// Making one

#if !MICROPY_PY_SSL_GC_HEAP
// Runs when the engine has no memory left; objects that nobody holds any more may hold some of it. MicroPython's own
// heap does this by itself.
static void collect_garbage(size_t size) {
    (void)size;
    if (!gc_is_locked()) {
        gc_collect();
    }
}
#endif

void ssl_init_engine(void) {
#if !MICROPY_PY_SSL_GC_HEAP
    tls_memory_set_reclaim(collect_garbage);
#endif
    if (!tls_engine_init()) {
        ssl_raise_errno(MP_ENOMEM, "the TLS library could not be started: no memory, or no source of entropy");
    }
}

mp_obj_t ssl_context_new(const mp_obj_type_t *type, unsigned protocol) {
    ssl_init_engine();
    mp_obj_ssl_context_t *self = mp_obj_malloc_with_finaliser(mp_obj_ssl_context_t, type);
    self->engine = NULL;
    self->verify_callback = mp_const_none;
    self->psk_identity = mp_const_none;
    self->psk_key = mp_const_none;
    self->server_psk_keys = mp_const_none;
    self->ticket_keys = mp_const_none;
#if MICROPY_PY_SSL_PSK_CALLBACKS
    self->psk_callback = mp_const_none;
#endif
#if MICROPY_PY_SSL_SNI_CALLBACK
    self->sni_callback = mp_const_none;
#endif
    self->keylog_filename = mp_const_none;
    self->bundles = MP_OBJ_NULL;
    self->default_roots_due = false;
    self->protocol = (uint8_t)protocol;
    self->check_hostname = true;
    self->calls = 0;
    tls_error_t error;
    tls_error_clear(&error);
    self->engine = tls_context_new(protocol, &error);
    if (self->engine == NULL) {
        ssl_raise(&error);
    }
    return MP_OBJ_FROM_PTR(self);
}

static unsigned protocol_from_obj(mp_obj_t obj) {
    mp_int_t protocol = mp_obj_get_int(obj);
    if (protocol < 0 || protocol > (TLS_PROTOCOL_SERVER | TLS_PROTOCOL_DATAGRAM)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid protocol"));
    }
    return (unsigned)protocol;
}

//| class SSLContext:
//|     """Configuration that connections share. While one of them is inside a call, changes raise `OSError(EBUSY)`."""
//| def __init__(self, protocol: int, /) -> None:
//|     """*protocol*: `PROTOCOL_TLS_CLIENT`, `PROTOCOL_TLS_SERVER`, `PROTOCOL_DTLS_CLIENT` or `PROTOCOL_DTLS_SERVER`.
//|     """
static mp_obj_t ssl_context_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 1, false);
    return ssl_context_new(type, protocol_from_obj(args[0]));
}

static mp_obj_t tls_context_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_obj_t self = ssl_context_make_new(type, n_args, n_kw, args);
    mp_obj_ssl_context_t *context = MP_OBJ_TO_PTR(self);
    if (!(context->protocol & TLS_PROTOCOL_SERVER)) {
        tls_context_set_verify_mode(context->engine, TLS_VERIFY_MODE_REQUIRED);
    }
    return self;
}

// The engine's context lives on as long as connections need it.
static mp_obj_t ssl_context___del__(mp_obj_t self_in) {
    mp_obj_ssl_context_t *self = MP_OBJ_TO_PTR(self_in);
    tls_context_release(self->engine);
    self->engine = NULL;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(ssl_context___del___obj, ssl_context___del__);

// The engine's context, for reading. Only an explicit __del__() leaves an object without.
tls_context_t *ssl_context_engine(const mp_obj_ssl_context_t *self) {
    if (self->engine == NULL) {
        ssl_raise_errno(MP_EBADF, "the context has been deleted");
    }
    return self->engine;
}

// Added to `calls` during a change.
#define CHANGING (1u << 16)

void ssl_context_use(mp_obj_ssl_context_t *self) {
    while (SSL_ATOMIC_ADD(&self->calls, 1) >= CHANGING) {
        SSL_ATOMIC_ADD(&self->calls, -1);
        SSL_YIELD();
    }
}

void ssl_context_release(mp_obj_ssl_context_t *self) {
    SSL_ATOMIC_ADD(&self->calls, -1);
}

tls_context_t *ssl_context_try_change(mp_obj_ssl_context_t *self) {
    tls_context_t *engine = ssl_context_engine(self);
    bool was_held = ssl_hold_interrupt(true); // a jump out of the change would leave it for ever
    if (SSL_ATOMIC_ADD(&self->calls, CHANGING) == CHANGING) {
        self->interrupt_was_held = was_held;
        return engine;
    }
    SSL_ATOMIC_ADD(&self->calls, -CHANGING);
    ssl_hold_interrupt(was_held);
    return NULL;
}

tls_context_t *ssl_context_change(mp_obj_ssl_context_t *self) {
    tls_context_t *engine = ssl_context_try_change(self);
    if (engine == NULL) {
        ssl_raise_errno(MP_EBUSY, "a connection of this context is inside a call");
    }
    return engine;
}

void ssl_context_end_change(mp_obj_ssl_context_t *self) {
    bool was_held = self->interrupt_was_held;
    SSL_ATOMIC_ADD(&self->calls, -CHANGING);
    ssl_hold_interrupt(was_held);
}

// ---------------------------------------------------------------------------------------------------------------------
// Certificates

static void raise_unless(bool ok, const tls_error_t *error) {
    if (!ok) {
        ssl_raise(error);
    }
}

static const char *password_from_obj(mp_obj_t obj) {
    if (obj == mp_const_none) {
        return NULL;
    }
    size_t len;
    const char *password = ssl_chars_from_obj(obj, &len);
    if (strlen(password) != len) {
        mp_raise_ValueError(MP_ERROR_TEXT("NUL in password"));
    }
    return password;
}

void ssl_context_load_cert_chain(mp_obj_ssl_context_t *self, mp_obj_t certfile, mp_obj_t keyfile,
    mp_obj_t password_obj) {
    const char *password = password_from_obj(password_obj);
    tls_error_t error;
    tls_error_clear(&error);
    // Without a key file the certificate's file holds the key too. The key is looked at first, as the built-in does.
    ssl_data_t key = ssl_data_from_obj(keyfile == mp_const_none ? certfile : keyfile);
    if (keyfile != mp_const_none) {
        raise_unless(tls_check_private_key(key.data, key.len, password, &error), &error);
    }
    ssl_data_t chain = keyfile == mp_const_none ? key : ssl_data_from_obj(certfile);
    tls_context_t *engine = ssl_context_change(self);
    bool ok = tls_context_add_certificate(engine, chain.data, chain.len, key.data, key.len, password, &error);
    ssl_context_end_change(self);
    raise_unless(ok, &error);
}

//| def load_cert_chain(self, certfile: str | bytes, keyfile: str | bytes | None = None,
//|     password: str | bytes | None = None) -> None:
//|     """Set the own certificate and its key. A second call with another type of key (RSA, ECDSA) adds it.
//|
//|     - *certfile*: the certificate and its chain. A `str` is a path, or PEM text; `bytes` are PEM or DER.
//|     - *keyfile*: the private key, likewise. `None`: it is in *certfile*.
//|     - *password*: that of an encrypted PKCS#8 key.
//|
//|     What cannot be used: `ValueError("invalid cert")`, `ValueError("invalid key")`.
//|     """
static mp_obj_t ssl_context_load_cert_chain_method(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum {
        ARG_certfile,
        ARG_keyfile,
        ARG_password,
    };
    static const mp_arg_t allowed_args[] = {
        {MP_QSTR_certfile, MP_ARG_OBJ | MP_ARG_REQUIRED, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_keyfile, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_password, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    ssl_context_load_cert_chain(MP_OBJ_TO_PTR(pos_args[0]), args[ARG_certfile].u_obj, args[ARG_keyfile].u_obj,
        args[ARG_password].u_obj);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(ssl_context_load_cert_chain_obj, 1, ssl_context_load_cert_chain_method);

static void add_trust_anchors(mp_obj_ssl_context_t *self, ssl_data_t data, bool lenient) {
    tls_error_t error;
    tls_error_clear(&error);
    tls_context_t *engine = ssl_context_change(self);
    bool ok = tls_context_add_trust_anchors(engine, data.data, data.len, lenient, &error);
    ssl_context_end_change(self);
    raise_unless(ok, &error);
}

void ssl_context_load_cadata(mp_obj_ssl_context_t *self, mp_obj_t cadata) {
    if (!ssl_load_bundle_data(self, cadata)) {
        add_trust_anchors(self, ssl_data_from_text(cadata), false);
    }
}

static void load_cafile(mp_obj_ssl_context_t *self, mp_obj_t cafile) {
    if (!ssl_is_path(cafile)) {
        ssl_context_load_cadata(self, cafile);
    } else if (!ssl_load_bundle_file(self, cafile)) {
        add_trust_anchors(self, ssl_data_from_file(cafile), false);
    }
}

void ssl_context_load_anchors(mp_obj_ssl_context_t *self, mp_obj_t cafile, mp_obj_t capath, mp_obj_t cadata) {
    if (cafile == mp_const_none && capath == mp_const_none && cadata == mp_const_none) {
        mp_raise_TypeError(MP_ERROR_TEXT("cafile, capath and cadata cannot be all omitted"));
    }
    if (cafile != mp_const_none) {
        load_cafile(self, cafile);
    }
    if (cadata != mp_const_none) {
        ssl_context_load_cadata(self, cadata);
    }
    if (capath != mp_const_none) {
#if MICROPY_PY_SSL_CPYTHON
        ssl_load_capath(self, capath);
#else
        mp_raise_NotImplementedError(MP_ERROR_TEXT("capath"));
#endif
    }
}

//| def load_verify_locations(self, cafile: str | bytes | None = None, capath: str | None = None,
//|     cadata: str | bytes | None = None) -> None:
//|     """Add trust anchors and revocation lists.
//|
//|     - *cafile*: a path, or data. PEM (also with lists), DER, or a CA bundle, which is used where it lies.
//|     - *capath*: a folder; its files called `*.pem`, `*.crt`, `*.cer` and `*.crl`, or as by `openssl rehash`, are
//|       read at once.
//|     - *cadata*: data, as for *cafile*; never a path.
//|
//|     What cannot be used: `ValueError("invalid cert")`.
//|     """
static mp_obj_t ssl_context_load_verify_locations(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum {
        ARG_cafile,
        ARG_capath,
        ARG_cadata,
    };
    static const mp_arg_t allowed_args[] = {
        {MP_QSTR_cafile, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_capath, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_cadata, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    ssl_context_load_anchors(MP_OBJ_TO_PTR(pos_args[0]), args[ARG_cafile].u_obj, args[ARG_capath].u_obj,
        args[ARG_cadata].u_obj);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(ssl_context_load_verify_locations_obj, 1, ssl_context_load_verify_locations);

//| def load_default_certs(self) -> None:
//|     """Add the machine's trust anchors. They are read when a connection needs them first, once for all contexts."""
static mp_obj_t ssl_context_load_default_certs(mp_obj_t self_in) {
    mp_obj_ssl_context_t *self = MP_OBJ_TO_PTR(self_in);
    ssl_context_change(self);
    self->default_roots_due = true;
    ssl_context_end_change(self);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(ssl_context_load_default_certs_obj, ssl_context_load_default_certs);

// ---------------------------------------------------------------------------------------------------------------------
// Cipher suites

//| def get_ciphers(self) -> list[str]:
//|     """Return the names of the enabled cipher suites, most preferred first."""
static mp_obj_t ssl_context_get_ciphers(mp_obj_t self_in) {
    tls_context_t *engine = ssl_context_engine(MP_OBJ_TO_PTR(self_in));
    size_t count = tls_context_get_ciphers(engine, NULL, 0);
    uint16_t *suites = m_new(uint16_t, count);
    tls_context_get_ciphers(engine, suites, count);
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (size_t i = 0; i < count; i++) {
        char name[TLS_CIPHER_NAME_SIZE];
        if (tls_cipher_name(suites[i], name) != NULL) {
            mp_obj_list_append(list, mp_obj_new_str_from_cstr(name));
        }
    }
    m_del(uint16_t, suites, count);
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_1(ssl_context_get_ciphers_obj, ssl_context_get_ciphers);

//| def set_ciphers(self, ciphers: list[str] | tuple[str, ...], /) -> None:
//|     """Enable these cipher suites and no others.
//|
//|     *ciphers*: names as of `get_ciphers()`, or IANA's. An unknown name and an empty list: `OSError(-24192)`.
//|     """
static mp_obj_t ssl_context_set_ciphers(mp_obj_t self_in, mp_obj_t ciphers) {
    size_t count;
    mp_obj_t *names;
    mp_obj_get_array(ciphers, &count, &names);
    uint16_t *suites = m_new(uint16_t, count);
    tls_error_t error;
    tls_error_clear(&error);
    for (size_t i = 0; i < count; i++) {
        size_t len;
        const char *name = ssl_chars_from_obj(names[i], &len);
        suites[i] = tls_cipher_suite(name, len);
        if (suites[i] == 0) {
            tls_error_set(&error, TLS_ERROR_ARGUMENT, TLS_CODE_BAD_CONFIG, "unknown cipher suite %.60s", name);
            ssl_raise(&error);
        }
    }
    mp_obj_ssl_context_t *self = MP_OBJ_TO_PTR(self_in);
    bool ok = tls_context_set_ciphers(ssl_context_change(self), suites, count, &error);
    ssl_context_end_change(self);
    raise_unless(ok, &error);
    m_del(uint16_t, suites, count);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(ssl_context_set_ciphers_obj, ssl_context_set_ciphers);

// ---------------------------------------------------------------------------------------------------------------------
// Connections

// A client that must verify and was given nothing to trust trusts what the machine trusts. Not so a server: that would
// let in everyone who holds a certificate of any public authority.
static bool needs_default_roots(const mp_obj_ssl_context_t *self) {
    return !(self->protocol & TLS_PROTOCOL_SERVER)
        && tls_context_get_verify_mode(self->engine) == TLS_VERIFY_MODE_REQUIRED
        && tls_context_count_trust_anchors(self->engine) == 0;
}

//| def wrap_socket(self, sock: Any, *, server_side: bool = False, do_handshake_on_connect: bool = True,
//|     suppress_ragged_eofs: bool = True, server_hostname: str | None = None,
//|     client_id: bytes | None = None, session: SSLSession | None = None) -> SSLSocket:
//|     """Make a connection over a stream.
//|
//|     - *sock*: the stream. When this raises, it is still open and the caller's. DTLS: a connected UDP socket.
//|     - *server_side*: must be as the context's protocol says.
//|     - *do_handshake_on_connect*: `False` leaves the handshake to `SSLSocket.do_handshake()`, or the first reads and
//|       writes.
//|     - *suppress_ragged_eofs*: an end without close_notify reads as `b""`. `False`: as `OSError(-29312)`.
//|     - *server_hostname*: client: the server's name or address, sent to it (names only) and compared with its
//|       certificate. `CERT_REQUIRED` needs it, else `ValueError`, unless `check_hostname` is off.
//|     - *client_id*: DTLS server: bytes that tell clients apart, usually the address; its cookies are bound to them.
//|     - *session*: client: the session to resume. If that is not possible there is a full handshake, and no error.
//|     """
static mp_obj_t ssl_context_wrap_socket(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum {
        ARG_sock,
        ARG_server_side,
        ARG_do_handshake,
        ARG_suppress_ragged_eofs,
        ARG_server_hostname,
        ARG_client_id,
        ARG_session,
    };
    static const mp_arg_t allowed_args[] = {
        {MP_QSTR_sock, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_server_side, MP_ARG_KW_ONLY | MP_ARG_BOOL, {.u_bool = false}},
        {MP_QSTR_do_handshake_on_connect, MP_ARG_KW_ONLY | MP_ARG_BOOL, {.u_bool = true}},
        {MP_QSTR_suppress_ragged_eofs, MP_ARG_KW_ONLY | MP_ARG_BOOL, {.u_bool = true}},
        {MP_QSTR_server_hostname, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_client_id, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_session, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    ssl_wrap_options_t options = {
        .server_side = args[ARG_server_side].u_bool,
        .do_handshake = args[ARG_do_handshake].u_bool,
        .suppress_ragged_eofs = args[ARG_suppress_ragged_eofs].u_bool,
        .server_hostname = args[ARG_server_hostname].u_obj,
        .client_id = args[ARG_client_id].u_obj,
        .session = args[ARG_session].u_obj,
    };
    return ssl_socket_new(MP_OBJ_TO_PTR(pos_args[0]), args[ARG_sock].u_obj, &options);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(ssl_context_wrap_socket_obj, 1, ssl_context_wrap_socket);

#if MICROPY_PY_SSL_MEMORY_BIO

//| def wrap_bio(self, incoming: MemoryBIO, outgoing: MemoryBIO, server_side: bool = False,
//|     server_hostname: str | None = None, session: SSLSession | None = None) -> SSLSocket:
//|     """Make a connection without a socket, which never waits, and whose handshake is still to be done.
//|
//|     - *incoming*, *outgoing*: what it reads from, and what it writes to.
//|     - *server_side*, *server_hostname*, *session*: as for `wrap_socket()`.
//|     """
static mp_obj_t ssl_context_wrap_bio(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum {
        ARG_incoming,
        ARG_outgoing,
        ARG_server_side,
        ARG_server_hostname,
        ARG_session,
    };
    static const mp_arg_t allowed_args[] = {
        {MP_QSTR_incoming, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_outgoing, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_server_side, MP_ARG_BOOL, {.u_bool = false}},
        {MP_QSTR_server_hostname, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_session, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    ssl_wrap_options_t options = {
        .server_side = args[ARG_server_side].u_bool,
        .do_handshake = false,
        .suppress_ragged_eofs = true,
        .non_blocking = true,
        .server_hostname = args[ARG_server_hostname].u_obj,
        .client_id = mp_const_none,
        .session = args[ARG_session].u_obj,
    };
    mp_obj_t stream = ssl_bio_stream_new(args[ARG_incoming].u_obj, args[ARG_outgoing].u_obj);
    return ssl_socket_new(MP_OBJ_TO_PTR(pos_args[0]), stream, &options);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(ssl_context_wrap_bio_obj, 1, ssl_context_wrap_bio);

#endif

void ssl_context_prepare(mp_obj_ssl_context_t *self) {
    ssl_context_engine(self);
    ssl_psk_check_complete(self);
    if (self->default_roots_due || needs_default_roots(self)) {
        ssl_load_default_roots(self);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Attributes

void ssl_context_set_verify_mode(mp_obj_ssl_context_t *self, mp_obj_t mode_obj) {
    mp_int_t mode = mp_obj_get_int(mode_obj);
    if (mode < TLS_VERIFY_MODE_NONE || mode > TLS_VERIFY_MODE_REQUIRED) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid verify_mode"));
    }
    tls_context_set_verify_mode(ssl_context_change(self), (tls_verify_mode_t)mode);
    ssl_context_end_change(self);
}

static int version_from_obj(mp_obj_t obj) {
    mp_int_t version = mp_obj_get_int(obj);
    if (version < 0 || version > UINT16_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid TLS version"));
    }
    return (int)version;
}

static void set_versions(mp_obj_ssl_context_t *self, int minimum, int maximum) {
    tls_error_t error;
    tls_error_clear(&error);
    bool ok = tls_context_set_versions(ssl_context_change(self), minimum, maximum, &error);
    ssl_context_end_change(self);
    if (!ok) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid TLS version"));
    }
}

static void set_max_record(mp_obj_ssl_context_t *self, mp_obj_t obj) {
    mp_int_t size = mp_obj_get_int(obj);
    tls_error_t error;
    tls_error_clear(&error);
    bool ok = tls_context_set_max_record(ssl_context_change(self), size < 0 ? 0 : (size_t)size, &error);
    ssl_context_end_change(self);
    if (!ok) {
        mp_raise_ValueError(MP_ERROR_TEXT("max_record must be 512 to 16384"));
    }
}

#if MICROPY_PY_SSL_DTLS
static void require_datagrams(const mp_obj_ssl_context_t *self) {
    if (!(self->protocol & TLS_PROTOCOL_DATAGRAM)) {
        mp_raise_ValueError(MP_ERROR_TEXT("mtu is for DTLS"));
    }
}

static void set_mtu(mp_obj_ssl_context_t *self, mp_obj_t obj) {
    require_datagrams(self);
    mp_int_t size = mp_obj_get_int(obj);
    tls_error_t error;
    tls_error_clear(&error);
    bool ok = tls_context_set_mtu(ssl_context_change(self), size < 0 ? 0 : (size_t)size, &error);
    ssl_context_end_change(self);
    if (!ok) {
        mp_raise_ValueError(MP_ERROR_TEXT("mtu must be 256 to 16384"));
    }
}
#endif

static void set_verify_callback(mp_obj_ssl_context_t *self, mp_obj_t callback) {
    if (callback != mp_const_none && !mp_obj_is_callable(callback)) {
        mp_raise_TypeError(MP_ERROR_TEXT("verify_callback must be callable or None"));
    }
    tls_context_forget_tickets(ssl_context_change(self));
    self->verify_callback = callback;
    ssl_context_end_change(self);
}

void ssl_context_require_role(const mp_obj_ssl_context_t *self, unsigned role) {
    if ((self->protocol & TLS_PROTOCOL_SERVER) != role) {
        mp_raise_ValueError(MP_ERROR_TEXT("not for this role"));
    }
}

static void set_num_tickets(mp_obj_ssl_context_t *self, mp_obj_t count_obj) {
    ssl_context_require_role(self, TLS_PROTOCOL_SERVER);
    mp_int_t count = mp_obj_get_int(count_obj);
    if (count < 0 || count > UINT16_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid num_tickets"));
    }
    tls_context_set_num_tickets(ssl_context_change(self), (uint16_t)count);
    ssl_context_end_change(self);
}

#if MICROPY_PY_SSL_KEYLOG
static void set_keylog_filename(mp_obj_ssl_context_t *self, mp_obj_t filename) {
    ssl_keylog_check(filename);
    ssl_context_change(self);
    self->keylog_filename = filename;
    ssl_context_end_change(self);
}
#endif

static mp_obj_t load_attr(mp_obj_ssl_context_t *self, qstr attr) {
    switch (attr) {
        case MP_QSTR_protocol:
            return MP_OBJ_NEW_SMALL_INT(self->protocol);
        case MP_QSTR_verify_mode:
            return MP_OBJ_NEW_SMALL_INT(tls_context_get_verify_mode(ssl_context_engine(self)));
        case MP_QSTR_check_hostname:
            return mp_obj_new_bool(self->check_hostname);
        case MP_QSTR_verify_callback:
            return self->verify_callback;
        case MP_QSTR_minimum_version:
            return MP_OBJ_NEW_SMALL_INT(tls_context_get_minimum_version(ssl_context_engine(self)));
        case MP_QSTR_maximum_version:
            return MP_OBJ_NEW_SMALL_INT(tls_context_get_maximum_version(ssl_context_engine(self)));
        case MP_QSTR_max_record:
            return MP_OBJ_NEW_SMALL_INT(tls_context_get_max_record(ssl_context_engine(self)));
#if MICROPY_PY_SSL_DTLS
        case MP_QSTR_mtu:
            return MP_OBJ_NEW_SMALL_INT(tls_context_get_mtu(ssl_context_engine(self)));
#endif
        case MP_QSTR_psk_identity:
            return self->psk_identity;
        case MP_QSTR_psk_key:
            return self->psk_key;
        case MP_QSTR_server_psk_keys:
            return self->server_psk_keys;
#if MICROPY_PY_SSL_SNI_CALLBACK
        case MP_QSTR_sni_callback:
            return self->sni_callback;
#endif
#if MICROPY_PY_SSL_KEYLOG
        case MP_QSTR_keylog_filename:
            return self->keylog_filename;
#endif
        case MP_QSTR_num_tickets:
            return MP_OBJ_NEW_SMALL_INT(tls_context_get_num_tickets(ssl_context_engine(self)));
#if MICROPY_PY_SSL_TICKET_KEYS
        case MP_QSTR_ticket_keys:
            return self->ticket_keys;
#endif
#if MICROPY_PY_SSL_SESSION_CACHE
        case MP_QSTR_session_cache_size:
            return ssl_context_get_session_cache_size(self);
#endif
        default:
            return self->engine == NULL ? MP_OBJ_NULL : ssl_rules_load(self, attr);
    }
}

// false: there is no such attribute, or it cannot be set.
static bool store_attr(mp_obj_ssl_context_t *self, qstr attr, mp_obj_t value) {
    switch (attr) {
        case MP_QSTR_verify_mode:
            ssl_context_set_verify_mode(self, value);
            return true;
        case MP_QSTR_check_hostname:
            self->check_hostname = mp_obj_is_true(value);
            return true;
        case MP_QSTR_verify_callback:
            set_verify_callback(self, value);
            return true;
        case MP_QSTR_minimum_version:
            set_versions(self, version_from_obj(value), tls_context_get_maximum_version(ssl_context_engine(self)));
            return true;
        case MP_QSTR_maximum_version:
            set_versions(self, tls_context_get_minimum_version(ssl_context_engine(self)), version_from_obj(value));
            return true;
        case MP_QSTR_max_record:
            set_max_record(self, value);
            return true;
#if MICROPY_PY_SSL_DTLS
        case MP_QSTR_mtu:
            set_mtu(self, value);
            return true;
#endif
        case MP_QSTR_psk_identity:
            ssl_psk_set_client_key(self, value, self->psk_key);
            return true;
        case MP_QSTR_psk_key:
            ssl_psk_set_client_key(self, self->psk_identity, value);
            return true;
        case MP_QSTR_server_psk_keys:
            ssl_psk_set_server_keys(self, value);
            return true;
#if MICROPY_PY_SSL_SNI_CALLBACK
        case MP_QSTR_sni_callback:
            ssl_sni_set_callback(self, value);
            return true;
#endif
#if MICROPY_PY_SSL_KEYLOG
        case MP_QSTR_keylog_filename:
            set_keylog_filename(self, value);
            return true;
#endif
        case MP_QSTR_num_tickets:
            set_num_tickets(self, value);
            return true;
#if MICROPY_PY_SSL_TICKET_KEYS
        case MP_QSTR_ticket_keys:
            ssl_context_set_ticket_keys(self, value);
            return true;
#endif
#if MICROPY_PY_SSL_SESSION_CACHE
        case MP_QSTR_session_cache_size:
            ssl_context_set_session_cache_size(self, value);
            return true;
#endif
        default:
            return ssl_rules_store(self, attr, value);
    }
}

//| @property
//| def protocol(self) -> int:
//|     """The protocol that the context was made for."""
//| verify_mode: int
//| """`CERT_NONE`, `CERT_OPTIONAL` or `CERT_REQUIRED`. At first `CERT_NONE`, but `CERT_REQUIRED` for a client of module
//| `tls`.
//| """
//| check_hostname: bool
//| """Client: whether the certificate must be for *server_hostname*. At first `True`."""
//| verify_callback: Callable[[memoryview, int], int] | None
//| """Called as `f(der, depth)` for each certificate of the peer's chain, from the highest depth to 0, the peer's own.
//| 0 goes on, anything else rejects the peer; it cannot make a bad certificate good. `None`: nobody is asked.
//| """
//| minimum_version: int
//| """`TLSVersion.TLSv1_2` or `TLSVersion.TLSv1_3`, the oldest version that connections take."""
//| maximum_version: int
//| """`TLSVersion.TLSv1_2` or `TLSVersion.TLSv1_3`, the newest version that connections take."""
//| max_record: int
//| """Longest record that new connections send, in bytes of data, and that a client asks its server for: 512 to 16384,
//| the value at first. With Mbed TLS a client asks only if its `maximum_version` is TLS 1.2.
//| """
//| mtu: int
//| """DTLS: longest datagram that new connections send, in bytes without UDP and IP headers: 256 to 16384, at first
//| 1400.
//| """
//| psk_identity: str | bytes | None
//| """Client: the name of its pre-shared key, 1 to 256 bytes. `None`: none."""
//| psk_key: str | bytes | None
//| """Client: its pre-shared key, 1 to 512 bytes. With it and `psk_identity` nothing else is offered. `None`: none."""
//| server_psk_keys: dict[str | bytes, str | bytes] | None
//| """Server: pre-shared keys by identity. With it nothing else is accepted. `None`: none."""
//| sni_callback: Callable[[SSLSocket, str | None, SSLContext], int | None] | None
//| """Server: called as `f(sock, name, context)` in each handshake; *name* is the host that the client asks for, or
//| `None`.
//|
//| It may set `sock.context` to another context, and returns `None` to go on, or the number of the alert that refuses.
//| On a client it cannot be set: `ValueError`.
//| """
//| keylog_filename: str | None
//| """File to which the secrets of connections are added, for Wireshark; who has it can decrypt them. `None`: none."""
//| num_tickets: int
//| """Server: how many session tickets a client gets in TLS 1.3, at first 2; in TLS 1.2 at most one. 0: no sessions. On
//| a client it cannot be set: `ValueError`.
//| """
//| ticket_keys: list[bytes] | tuple[bytes, ...] | None
//| """Server: 1 to 16 keys of its tickets, each 48 or 80 random bytes: the first seals, all open. Servers with the same
//| keys take each other's tickets. `None`: keys of its own, which change every hour.
//| """
//| session_cache_size: int
//| """How many sessions the context keeps by itself, 0 to 65535. At first 0 on a client, 100 on a server."""
static void ssl_context_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    mp_obj_ssl_context_t *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] == MP_OBJ_NULL) {
        dest[0] = load_attr(self, attr);
        if (dest[0] == MP_OBJ_NULL) {
            dest[1] = MP_OBJ_SENTINEL; // go on in the table below
        }
    } else if (dest[1] != MP_OBJ_NULL && store_attr(self, attr, dest[1])) {
        dest[0] = MP_OBJ_NULL;
    }
}

static const mp_rom_map_elem_t ssl_context_locals_dict_table[] = {
    {MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&ssl_context___del___obj)},
    {MP_ROM_QSTR(MP_QSTR_load_cert_chain), MP_ROM_PTR(&ssl_context_load_cert_chain_obj)},
    {MP_ROM_QSTR(MP_QSTR_load_verify_locations), MP_ROM_PTR(&ssl_context_load_verify_locations_obj)},
    {MP_ROM_QSTR(MP_QSTR_load_default_certs), MP_ROM_PTR(&ssl_context_load_default_certs_obj)},
#if MICROPY_PY_SSL_CPYTHON
    {MP_ROM_QSTR(MP_QSTR_get_ca_certs), MP_ROM_PTR(&ssl_context_get_ca_certs_obj)},
    {MP_ROM_QSTR(MP_QSTR_cert_store_stats), MP_ROM_PTR(&ssl_context_cert_store_stats_obj)},
#endif
    {MP_ROM_QSTR(MP_QSTR_get_ciphers), MP_ROM_PTR(&ssl_context_get_ciphers_obj)},
    {MP_ROM_QSTR(MP_QSTR_set_ciphers), MP_ROM_PTR(&ssl_context_set_ciphers_obj)},
#if MICROPY_PY_SSL_ALPN
    {MP_ROM_QSTR(MP_QSTR_set_alpn_protocols), MP_ROM_PTR(&ssl_context_set_alpn_protocols_obj)},
#endif
#if MICROPY_PY_SSL_GROUPS
    {MP_ROM_QSTR(MP_QSTR_set_groups), MP_ROM_PTR(&ssl_context_set_groups_obj)},
    {MP_ROM_QSTR(MP_QSTR_set_ecdh_curve), MP_ROM_PTR(&ssl_context_set_ecdh_curve_obj)},
#endif
#if MICROPY_PY_SSL_PSK_CALLBACKS
    {MP_ROM_QSTR(MP_QSTR_set_psk_client_callback), MP_ROM_PTR(&ssl_context_set_psk_client_callback_obj)},
    {MP_ROM_QSTR(MP_QSTR_set_psk_server_callback), MP_ROM_PTR(&ssl_context_set_psk_server_callback_obj)},
#endif
    {MP_ROM_QSTR(MP_QSTR_wrap_socket), MP_ROM_PTR(&ssl_context_wrap_socket_obj)},
#if MICROPY_PY_SSL_MEMORY_BIO
    {MP_ROM_QSTR(MP_QSTR_wrap_bio), MP_ROM_PTR(&ssl_context_wrap_bio_obj)},
#endif
#if MICROPY_PY_SSL_SESSION_CACHE
    {MP_ROM_QSTR(MP_QSTR_session_stats), MP_ROM_PTR(&ssl_context_session_stats_obj)},
#endif
};
static MP_DEFINE_CONST_DICT(ssl_context_locals_dict, ssl_context_locals_dict_table);

MP_DEFINE_CONST_OBJ_TYPE(ssl_context_type, MP_QSTR_SSLContext, MP_TYPE_FLAG_NONE, make_new, ssl_context_make_new, attr,
    ssl_context_attr, locals_dict, &ssl_context_locals_dict);

MP_DEFINE_CONST_OBJ_TYPE(tls_context_type, MP_QSTR_SSLContext, MP_TYPE_FLAG_NONE, make_new, tls_context_make_new, attr,
    ssl_context_attr, locals_dict, &ssl_context_locals_dict, parent, &ssl_context_type);
