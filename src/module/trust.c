// Folders of trust anchors; SSLContext.get_ca_certs() and cert_store_stats().

#include "module/trust.h"

#include <string.h>

#include "engine/certificate.h"
#include "module/args.h"
#include "module/certificate.h"
#include "module/default_roots.h"
#include "module/errors.h"
#include "py/builtin.h"
#include "py/mperrno.h"
#include "py/objstr.h"

#if MICROPY_PY_SSL_CPYTHON

// ---------------------------------------------------------------------------------------------------------------------
// Folders

static size_t count_digits(const char *text) {
    size_t count = 0;
    while (text[count] >= '0' && text[count] <= '9') {
        count++;
    }
    return count;
}

// "1234abcd.0" or "1234abcd.r0", as openssl rehash names certificates and revocation lists.
static bool is_hashed(const char *name) {
    for (size_t i = 0; i < 8; i++) {
        bool is_hex = (name[i] >= '0' && name[i] <= '9') || (name[i] >= 'a' && name[i] <= 'f');
        if (!is_hex) {
            return false;
        }
    }
    if (name[8] != '.') {
        return false;
    }
    const char *number = name + (name[9] == 'r' ? 10 : 9);
    size_t digits = count_digits(number);
    return digits > 0 && number[digits] == '\0';
}

static bool has_suffix(const char *name, const char *suffix) {
    size_t len = strlen(name);
    if (len < 4) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        // FAT file systems may have it in capitals.
        if ((name[len - 4 + i] | 0x20) != (suffix[i] | 0x20)) {
            return false;
        }
    }
    return true;
}

static bool is_interesting(const char *name) {
    return is_hashed(name) || has_suffix(name, ".pem") || has_suffix(name, ".crt") || has_suffix(name, ".cer")
        || has_suffix(name, ".crl");
}

static mp_obj_t list_folder(mp_obj_t folder) {
    mp_obj_t os = mp_import_name(MP_QSTR_os, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
    return mp_call_function_1(mp_load_attr(os, MP_QSTR_listdir), folder);
}

static mp_obj_t join_path(mp_obj_t folder, mp_obj_t name) {
    vstr_t path;
    vstr_init(&path, 64);
    vstr_printf(&path, "%s/%s", mp_obj_str_get_str(folder), mp_obj_str_get_str(name));
    return mp_obj_new_str_from_utf8_vstr(&path);
}

void ssl_each_in_capath(mp_obj_t capath, void (*use)(mp_obj_t path, void *arg), void *arg) {
    size_t count;
    mp_obj_t *names;
    mp_obj_get_array(list_folder(capath), &count, &names);
    for (size_t i = 0; i < count; i++) {
        mp_obj_t path = join_path(capath, names[i]);
        // A link may lead to a folder, or nowhere.
        if (is_interesting(mp_obj_str_get_str(names[i]))
            && mp_import_stat(mp_obj_str_get_str(path)) == MP_IMPORT_STAT_FILE) {
            use(path, arg);
        }
    }
}

typedef struct {
    mp_obj_ssl_context_t *context;
    bool found; // something was in the files
} folder_t;

// A folder holds what its owner likes; what is no certificate is passed over.
static void load_file(mp_obj_t path, void *arg) {
    folder_t *folder = arg;
    ssl_data_t data = ssl_data_from_file(path);
    tls_error_t error;
    tls_context_t *engine = ssl_context_change(folder->context);
    bool ok = tls_context_add_trust_anchors(engine, data.data, data.len, true, &error);
    ssl_context_end_change(folder->context);
    m_del(uint8_t, (uint8_t *)data.data, data.len + 1);
    if (!ok && error.kind != TLS_ERROR_CERTIFICATE) {
        ssl_raise(&error);
    }
    folder->found |= ok;
}

void ssl_load_capath(mp_obj_ssl_context_t *self, mp_obj_t capath) {
    size_t len;
    ssl_chars_from_obj(capath, &len);
    if (len == 0) {
        mp_raise_OSError(MP_ENOENT); // listdir() takes it for the current folder, and empty bytes for a pointer
    }
    folder_t folder = {.context = self};
    ssl_each_in_capath(capath, load_file, &folder);
    if (!folder.found) {
        // Without trust anchors a client would use the machine's, which is not what was asked for.
        tls_error_t error;
        tls_error_clear(&error);
        tls_error_set(&error, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT, "there is no certificate in the folder");
        ssl_raise(&error);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// What has been loaded

// The trust anchor of that number, as bytes; MP_OBJ_NULL: there are not so many. Another thread may add some meanwhile.
static mp_obj_t anchor_at(mp_obj_ssl_context_t *self, size_t number) {
    vstr_t der;
    ssl_context_use(self);
    size_t len = tls_context_copy_trust_anchor(self->engine, number, NULL, 0);
    ssl_context_release(self);
    if (len == 0) {
        return MP_OBJ_NULL;
    }
    if (len == SIZE_MAX) {
        tls_error_t error;
        tls_error_clear(&error);
        tls_error_set(&error, TLS_ERROR_CERTIFICATE, TLS_CODE_CERT_BAD_INPUT,
            "a certificate in the CA bundle is damaged");
        ssl_raise(&error);
    }
    vstr_init_len(&der, len);
    ssl_context_use(self);
    size_t now = tls_context_copy_trust_anchor(self->engine, number, (uint8_t *)der.buf, len);
    ssl_context_release(self);
    return now == len ? mp_obj_new_bytes_from_vstr(&der) : mp_const_empty_bytes;
}

static bool is_ca(mp_obj_t der) {
    tls_certificate_t certificate;
    size_t len;
    const char *data = mp_obj_str_get_data(der, &len);
    return tls_certificate_read(&certificate, (const uint8_t *)data, len) && certificate.is_ca;
}

// With all that it was given, what is read late among it.
static mp_obj_ssl_context_t *loaded_context(mp_obj_t self_in) {
    mp_obj_ssl_context_t *self = MP_OBJ_TO_PTR(self_in);
    ssl_context_engine(self);
    if (self->default_roots_due) {
        ssl_load_default_roots(self);
    }
    return self;
}

static mp_obj_t anchor_to_obj(mp_obj_t der, bool binary_form) {
#if MICROPY_PY_SSL_CERTIFICATE_DICT
    if (!binary_form) {
        size_t len;
        const char *data = mp_obj_str_get_data(der, &len);
        return ssl_certificate_to_dict((const uint8_t *)data, len);
    }
#else
    if (!binary_form) {
        mp_raise_NotImplementedError(MP_ERROR_TEXT("only binary_form"));
    }
#endif
    return der;
}

//| class SSLContext:
//| def get_ca_certs(self, binary_form: bool = False) -> list[Any]:
//|     """Return the authorities among the trust anchors, in no order.
//|
//|     *binary_form*: `True`: each as DER. `False`: each as a dict, as of `SSLSocket.getpeercert()`.
//|     """
static mp_obj_t ssl_context_get_ca_certs(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    static const mp_arg_t allowed_args[] = {
        {MP_QSTR_binary_form, MP_ARG_BOOL, {.u_bool = false}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);
    mp_obj_ssl_context_t *self = loaded_context(pos_args[0]);
    mp_obj_t list = mp_obj_new_list(0, NULL);
    mp_obj_t der;
    for (size_t number = 0; (der = anchor_at(self, number)) != MP_OBJ_NULL; number++) {
        if (is_ca(der)) {
            mp_obj_list_append(list, anchor_to_obj(der, args[0].u_bool));
        }
    }
    return list;
}
MP_DEFINE_CONST_FUN_OBJ_KW(ssl_context_get_ca_certs_obj, 1, ssl_context_get_ca_certs);

static void store_count(mp_obj_t dict, qstr key, size_t count) {
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(key), MP_OBJ_NEW_SMALL_INT(count));
}

//| def cert_store_stats(self) -> dict[str, int]:
//|     """Return how many trust anchors there are (`"x509"`), authorities among them (`"x509_ca"`), and revocation
//|     lists (`"crl"`).
//|     """
static mp_obj_t ssl_context_cert_store_stats(mp_obj_t self_in) {
    mp_obj_ssl_context_t *self = loaded_context(self_in);
    size_t anchors = 0;
    size_t authorities = 0;
    mp_obj_t der;
    for (; (der = anchor_at(self, anchors)) != MP_OBJ_NULL; anchors++) {
        authorities += is_ca(der);
    }
    ssl_context_use(self);
    size_t lists = tls_context_count_crls(self->engine);
    ssl_context_release(self);
    mp_obj_t stats = mp_obj_new_dict(3);
    store_count(stats, MP_QSTR_x509, anchors);
    store_count(stats, MP_QSTR_x509_ca, authorities);
    store_count(stats, MP_QSTR_crl, lists);
    return stats;
}
MP_DEFINE_CONST_FUN_OBJ_1(ssl_context_cert_store_stats_obj, ssl_context_cert_store_stats);

#endif
