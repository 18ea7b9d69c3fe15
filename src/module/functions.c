// create_default_context(), and what programs written for CPython ask for: PEM and DER, get_server_certificate(),
// get_default_verify_paths().

#include "module/functions.h"

#include <string.h>

#include "module/args.h"
#include "module/context.h"
#include "module/default_roots.h"
#include "module/errors.h"
#include "module/pem.h"
#include "module/socket.h"
#include "py/builtin.h"
#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/stream.h"

#define PROTOCOL_TLS_CLIENT 0 // neither TLS_PROTOCOL_SERVER nor TLS_PROTOCOL_DATAGRAM

// ---------------------------------------------------------------------------------------------------------------------
// create_default_context()

#if MICROPY_PY_SSL_DEFAULT_CONTEXT

#define PURPOSE_SERVER_AUTH 0
#define PURPOSE_CLIENT_AUTH 1

//| class Purpose:
//|     """What `create_default_context()` makes a context for."""
//|     SERVER_AUTH: int  # a client, which verifies servers
//|     CLIENT_AUTH: int  # a server
static const mp_rom_map_elem_t purpose_locals_dict_table[] = {
    {MP_ROM_QSTR(MP_QSTR_SERVER_AUTH), MP_ROM_INT(PURPOSE_SERVER_AUTH)},
    {MP_ROM_QSTR(MP_QSTR_CLIENT_AUTH), MP_ROM_INT(PURPOSE_CLIENT_AUTH)},
};
static MP_DEFINE_CONST_DICT(purpose_locals_dict, purpose_locals_dict_table);
MP_DEFINE_CONST_OBJ_TYPE(ssl_purpose_type, MP_QSTR_Purpose, MP_TYPE_FLAG_NONE, locals_dict, &purpose_locals_dict);

//| module ssl:
//| def create_default_context(purpose: int = Purpose.SERVER_AUTH, *, cafile: str | bytes | None = None,
//|     capath: str | None = None, cadata: str | bytes | None = None) -> SSLContext:
//|     """Make the context that a program should use unless it knows better.
//|
//|     - *purpose*: `Purpose.SERVER_AUTH` for a client, which verifies servers and their names; `Purpose.CLIENT_AUTH`
//|       for a server, which asks for no certificates until `verify_mode` says so.
//|     - *cafile*, *capath*, *cadata*: trust anchors, as for `SSLContext.load_verify_locations()`. Without any a client
//|       uses the machine's.
//|     """
static mp_obj_t ssl_create_default_context(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum {
        ARG_purpose,
        ARG_cafile,
        ARG_capath,
        ARG_cadata,
    };
    static const mp_arg_t allowed_args[] = {
        {MP_QSTR_purpose, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_INT(PURPOSE_SERVER_AUTH)}},
        {MP_QSTR_cafile, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_capath, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_cadata, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    mp_int_t purpose = mp_obj_get_int(args[ARG_purpose].u_obj);
    if (purpose != PURPOSE_SERVER_AUTH && purpose != PURPOSE_CLIENT_AUTH) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid purpose"));
    }
    bool for_server = purpose == PURPOSE_CLIENT_AUTH;
    mp_obj_t context_obj = ssl_context_new(&ssl_context_type, for_server ? TLS_PROTOCOL_SERVER : PROTOCOL_TLS_CLIENT);
    mp_obj_ssl_context_t *context = MP_OBJ_TO_PTR(context_obj);
    if (!for_server) {
        ssl_context_set_verify_mode(context, MP_OBJ_NEW_SMALL_INT(TLS_VERIFY_MODE_REQUIRED));
    }
    bool anchors_given = args[ARG_cafile].u_obj != mp_const_none || args[ARG_capath].u_obj != mp_const_none
        || args[ARG_cadata].u_obj != mp_const_none;
    if (anchors_given) {
        ssl_context_load_anchors(context, args[ARG_cafile].u_obj, args[ARG_capath].u_obj, args[ARG_cadata].u_obj);
    } else if (!for_server) {
        context->default_roots_due = true;
    }
    return context_obj;
}
MP_DEFINE_CONST_FUN_OBJ_KW(ssl_create_default_context_obj, 0, ssl_create_default_context);

#endif

#if MICROPY_PY_SSL_CPYTHON

// ---------------------------------------------------------------------------------------------------------------------
// PEM and DER (RFC 7468)

//| module ssl:
//| def DER_cert_to_PEM_cert(der_cert_bytes: bytes | bytearray | memoryview, /) -> str:
//|     """Return the certificate as PEM. It is not looked into."""
static mp_obj_t ssl_der_cert_to_pem_cert(mp_obj_t der) {
    mp_buffer_info_t info;
    if (mp_obj_is_str(der)) {
        mp_raise_TypeError(MP_ERROR_TEXT("DER is bytes"));
    }
    mp_get_buffer_raise(der, &info, MP_BUFFER_READ);
    return ssl_pem_from_der(info.buf, info.len);
}
MP_DEFINE_CONST_FUN_OBJ_1(ssl_der_cert_to_pem_cert_obj, ssl_der_cert_to_pem_cert);

// What stands between header and footer. false: that is not all there is.
static bool find_body(const char **text, size_t *len) {
    const size_t header = sizeof(SSL_PEM_HEADER) - 1;
    const size_t footer = sizeof(SSL_PEM_FOOTER) - 1;
    while (*len > 0 && ssl_pem_is_space((*text)[*len - 1])) {
        --*len;
    }
    if (*len < header + footer || memcmp(*text, SSL_PEM_HEADER, header) != 0
        || memcmp(*text + *len - footer, SSL_PEM_FOOTER, footer) != 0) {
        return false;
    }
    *text += header;
    *len -= header + footer;
    return true;
}

//| def PEM_cert_to_DER_cert(pem_cert_string: str, /) -> bytes:
//|     """Return the certificate as DER. It is not looked into; what is no PEM raises `ValueError`."""
static mp_obj_t ssl_pem_cert_to_der_cert(mp_obj_t pem) {
    ssl_data_t data = ssl_data_from_text(pem);
    const char *text = (const char *)data.data;
    size_t len = data.len;
    vstr_t der;
    vstr_init(&der, len / 4 * 3 + 1);
    if (!find_body(&text, &len) || !ssl_pem_decode(&der, text, len)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid PEM"));
    }
    return mp_obj_new_bytes_from_vstr(&der);
}
MP_DEFINE_CONST_FUN_OBJ_1(ssl_pem_cert_to_der_cert_obj, ssl_pem_cert_to_der_cert);

// ---------------------------------------------------------------------------------------------------------------------
// get_server_certificate()

static mp_obj_t call_method(mp_obj_t object, qstr name, size_t n_args, const mp_obj_t *args) {
    mp_obj_t dest[2 + 4];
    mp_load_method(object, name, dest);
    memcpy(dest + 2, args, n_args * sizeof(args[0]));
    return mp_call_method_n_kw(n_args, 0, dest);
}

// A connected socket; closed again if that, or what `use` does with it, fails.
static mp_obj_t with_socket(mp_obj_t socket_module, mp_obj_t info, mp_obj_t timeout,
    mp_obj_t (*use)(mp_obj_t sock, void *arg), void *arg) {
    mp_obj_t *items;
    mp_obj_get_array_fixed_n(info, 5, &items);
    mp_obj_t sock = call_method(socket_module, MP_QSTR_socket, 3, items);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        mp_stream_close(sock);
        nlr_jump(nlr.ret_val);
    }
    if (timeout != mp_const_none) {
        call_method(sock, MP_QSTR_settimeout, 1, &timeout);
    }
    call_method(sock, MP_QSTR_connect, 1, &items[4]);
    mp_obj_t result = use(sock, arg);
    nlr_pop();
    mp_stream_close(sock);
    return result;
}

typedef struct {
    mp_obj_t context;
    mp_obj_t host;
} fetch_t;

static mp_obj_t fetch_certificate(mp_obj_t sock, void *arg) {
    const fetch_t *fetch = arg;
    ssl_wrap_options_t options = {
        .do_handshake = true,
        .suppress_ragged_eofs = true,
        .server_hostname = fetch->host,
        .client_id = mp_const_none,
        .session = mp_const_none,
    };
    mp_obj_t conn = ssl_socket_new(MP_OBJ_TO_PTR(fetch->context), sock, &options);
    mp_obj_t binary_form = mp_const_true;
    mp_obj_t der = call_method(conn, MP_QSTR_getpeercert, 1, &binary_form);
    mp_stream_close(conn);
    size_t len;
    const char *data = mp_obj_str_get_data(der, &len);
    return ssl_pem_from_der((const uint8_t *)data, len);
}

// The first address of the host that can be talked to.
static mp_obj_t fetch_from_any(mp_obj_t addr, mp_obj_t timeout, fetch_t *fetch) {
    mp_obj_t *parts;
    mp_obj_get_array_fixed_n(addr, 2, &parts);
    fetch->host = parts[0];
    mp_obj_t socket_module = mp_import_name(MP_QSTR_socket, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
    mp_obj_t query[4] = {parts[0], parts[1], MP_OBJ_NEW_SMALL_INT(0), mp_load_attr(socket_module, MP_QSTR_SOCK_STREAM)};
    size_t count;
    mp_obj_t *infos;
    mp_obj_get_array(call_method(socket_module, MP_QSTR_getaddrinfo, 4, query), &count, &infos);
    if (count == 0) {
        ssl_raise_errno(MP_ENOENT, "the host has no address");
    }
    for (size_t i = 0;; i++) {
        nlr_buf_t nlr;
        if (i + 1 == count) {
            return with_socket(socket_module, infos[i], timeout, fetch_certificate, fetch);
        }
        if (nlr_push(&nlr) == 0) {
            mp_obj_t pem = with_socket(socket_module, infos[i], timeout, fetch_certificate, fetch);
            nlr_pop();
            return pem;
        }
        if (!mp_obj_exception_match(MP_OBJ_FROM_PTR(nlr.ret_val), MP_OBJ_FROM_PTR(&mp_type_OSError))) {
            nlr_jump(nlr.ret_val);
        }
    }
}

//| def get_server_certificate(addr: tuple[str, int], ssl_version: int = PROTOCOL_TLS_CLIENT,
//|     ca_certs: str | bytes | None = None, timeout: float | None = None) -> str:
//|     """Connect to a server and return its certificate as PEM.
//|
//|     - *addr*: host and port.
//|     - *ssl_version*: `PROTOCOL_TLS_CLIENT`, else `ValueError`.
//|     - *ca_certs*: trust anchors, a path or data, by which the certificate is verified (its name is not). `None`: it
//|       is not verified.
//|     - *timeout*: seconds that the socket waits each time. `None`: for ever.
//|     """
static mp_obj_t ssl_get_server_certificate(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum {
        ARG_addr,
        ARG_ssl_version,
        ARG_ca_certs,
        ARG_timeout,
    };
    static const mp_arg_t allowed_args[] = {
        {MP_QSTR_addr, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_ssl_version, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_INT(PROTOCOL_TLS_CLIENT)}},
        {MP_QSTR_ca_certs, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_timeout, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    if (mp_obj_get_int(args[ARG_ssl_version].u_obj) != PROTOCOL_TLS_CLIENT) {
        mp_raise_ValueError(MP_ERROR_TEXT("ssl_version must be PROTOCOL_TLS_CLIENT"));
    }
    fetch_t fetch = {.context = ssl_context_new(&ssl_context_type, PROTOCOL_TLS_CLIENT)};
    if (args[ARG_ca_certs].u_obj != mp_const_none) {
        mp_obj_ssl_context_t *context = MP_OBJ_TO_PTR(fetch.context);
        ssl_context_load_anchors(context, args[ARG_ca_certs].u_obj, mp_const_none, mp_const_none);
        ssl_context_set_verify_mode(context, MP_OBJ_NEW_SMALL_INT(TLS_VERIFY_MODE_REQUIRED));
        context->check_hostname = false; // as CPython: an address is asked for its certificate, whatever names it has
    }
    return fetch_from_any(args[ARG_addr].u_obj, args[ARG_timeout].u_obj, &fetch);
}
MP_DEFINE_CONST_FUN_OBJ_KW(ssl_get_server_certificate_obj, 0, ssl_get_server_certificate);

// ---------------------------------------------------------------------------------------------------------------------
// get_default_verify_paths()

static mp_obj_t path_or_none(const char *path) {
    return path[0] == '\0' ? mp_const_none : mp_obj_new_str_from_cstr(path);
}

//| def get_default_verify_paths() -> Any:
//|     """Return where `SSLContext.load_default_certs()` looks, as a named tuple.
//|
//|     Its fields are `cafile` and `capath` (the file and the folder; `None`: not there), `openssl_cafile_env` and
//|     `openssl_capath_env` (variables of the environment that name others), `openssl_cafile` and `openssl_capath`
//|     (what counts without them). What this build does not have is `None`.
//|     """
static mp_obj_t ssl_get_default_verify_paths(void) {
    static const qstr fields[] = {
        MP_QSTR_cafile,
        MP_QSTR_capath,
        MP_QSTR_openssl_cafile_env,
        MP_QSTR_openssl_cafile,
        MP_QSTR_openssl_capath_env,
        MP_QSTR_openssl_capath,
    };
    const char *file = ssl_default_roots_file();
    const char *folder = ssl_default_roots_folder();
    mp_obj_t items[MP_ARRAY_SIZE(fields)] = {
        mp_import_stat(file) == MP_IMPORT_STAT_FILE ? path_or_none(file) : mp_const_none,
        mp_import_stat(folder) == MP_IMPORT_STAT_DIR ? path_or_none(folder) : mp_const_none,
        path_or_none(SSL_DEFAULT_ROOTS_VARIABLE),
        path_or_none(MICROPY_PY_SSL_DEFAULT_CA_FILE),
        path_or_none(SSL_DEFAULT_FOLDER_VARIABLE),
        mp_const_none,
    };
    return mp_obj_new_attrtuple(fields, MP_ARRAY_SIZE(fields), items);
}
MP_DEFINE_CONST_FUN_OBJ_0(ssl_get_default_verify_paths_obj, ssl_get_default_verify_paths);

#endif
