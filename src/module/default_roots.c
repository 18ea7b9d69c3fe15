// Finding the trust anchors of the machine.
//
// A hosted interpreter has them as a CA bundle in memory, which is made when the first connection needs it and serves
// all contexts of the process: of some 140 certificates a verification parses one or two. Elsewhere they are in a file,
// best a CA bundle.

#include "module/default_roots.h"

#include <string.h>
#ifdef __unix__
#include <stdlib.h>
#endif

#include "engine/bundle.h"
#include "engine/certificate.h"
#include "module/args.h"
#include "module/bundle.h"
#include "module/errors.h"
#include "module/pem.h"
#include "module/trust.h"
#include "py/builtin.h"
#include "py/mperrno.h"
#include "ssl_config.h"

// ---------------------------------------------------------------------------------------------------------------------
// Where they are

#ifdef __unix__

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

// Debian, Arch; Fedora; openSUSE; Alpine and the BSDs.
static const char *const usual_files[] = {
    MICROPY_PY_SSL_DEFAULT_CA_FILE,
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

static const char *usual_file(void) {
    for (size_t i = 0; i < MP_ARRAY_SIZE(usual_files); i++) {
        if (mp_import_stat(usual_files[i]) == MP_IMPORT_STAT_FILE) {
            return usual_files[i];
        }
    }
    return MICROPY_PY_SSL_DEFAULT_CA_FILE;
}

const char *ssl_default_roots_file(void) {
    const char *file = variable(SSL_DEFAULT_ROOTS_VARIABLE);
    return file != NULL ? file : variable(SSL_DEFAULT_FOLDER_VARIABLE) != NULL ? ""
                                                                               : usual_file();
}

const char *ssl_default_roots_folder(void) {
    const char *folder = variable(SSL_DEFAULT_FOLDER_VARIABLE);
    return folder != NULL ? folder : "";
}

#else

const char *ssl_default_roots_file(void) {
    return MICROPY_PY_SSL_DEFAULT_CA_FILE;
}

const char *ssl_default_roots_folder(void) {
    return "";
}

#endif

// ---------------------------------------------------------------------------------------------------------------------
// From a file into one context

// Lenient: a distribution's file may hold a root that this engine cannot read.
static void add_file(mp_obj_ssl_context_t *context, const char *path) {
    mp_obj_t path_obj = mp_obj_new_str_from_cstr(path);
    if (mp_import_stat(path) != MP_IMPORT_STAT_FILE || ssl_load_bundle_file(context, path_obj)) {
        return;
    }
    ssl_data_t roots = ssl_data_from_file(path_obj);
    tls_error_t error;
    tls_error_clear(&error);
    tls_context_t *engine = ssl_context_try_change(context);
    bool ok = true;
    if (engine != NULL) {
        ok = tls_context_add_trust_anchors(engine, roots.data, roots.len, true, &error);
        ssl_context_end_change(context);
    }
    m_del(uint8_t, (uint8_t *)roots.data, roots.len + 1);
    if (!ok) {
        ssl_raise(&error);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Into memory, once for all contexts

#if MICROPY_PY_SSL_BUNDLE && MICROPY_PY_SSL_CPYTHON && !MICROPY_PY_SSL_GC_HEAP

static void collect_pem(vstr_t *ders, const char *text, size_t len) {
    const char *end = text + len;
    const char *begin;
    while ((begin = ssl_find_text(text, (size_t)(end - text), SSL_PEM_HEADER)) != NULL) {
        begin += strlen(SSL_PEM_HEADER);
        text = ssl_find_text(begin, (size_t)(end - begin), SSL_PEM_FOOTER);
        if (text == NULL) {
            return;
        }
        size_t before = ders->len;
        if (!ssl_pem_decode(ders, begin, (size_t)(text - begin))) {
            ders->len = before;
        }
    }
}

// `arg`: where the certificates go, in DER, one behind the other.
static void collect_file(mp_obj_t path, void *arg) {
    vstr_t *ders = arg;
    ssl_data_t data = ssl_data_from_file(path);
    if (data.len > 0 && data.data[0] == TLS_TAG_SEQUENCE) {
        vstr_add_strn(ders, (const char *)data.data, data.len);
    } else {
        collect_pem(ders, (const char *)data.data, data.len);
    }
    m_del(uint8_t, (uint8_t *)data.data, data.len + 1);
}

// Counts them only if `certificates` is NULL.
static size_t split(const vstr_t *ders, tls_bytes_t *certificates) {
    tls_bytes_t rest = {.data = (const uint8_t *)ders->buf, .len = ders->len};
    const uint8_t *start = rest.data;
    tls_element_t element;
    size_t count = 0;
    while (tls_element_next(&rest, &element)) {
        if (certificates != NULL) {
            certificates[count] = (tls_bytes_t) {.data = start, .len = (size_t)(rest.data - start)};
        }
        start = rest.data;
        count++;
    }
    return count;
}

static tls_bundle_source_t make_bundle(const char *file, const char *folder) {
    vstr_t ders;
    vstr_init(&ders, 200000);
    if (mp_import_stat(file) == MP_IMPORT_STAT_FILE) {
        collect_file(mp_obj_new_str_from_cstr(file), &ders);
    }
    if (mp_import_stat(folder) == MP_IMPORT_STAT_DIR) {
        ssl_each_in_capath(mp_obj_new_str_from_cstr(folder), collect_file, &ders);
    }
    size_t count = split(&ders, NULL);
    tls_bytes_t *certificates = m_new(tls_bytes_t, count);
    split(&ders, certificates);
    tls_bundle_source_t source = {.data = NULL};
    source.data = tls_bundle_make(certificates, count, 0, &source.len);
    m_del(tls_bytes_t, certificates, count);
    vstr_clear(&ders);
    if (source.data == NULL) {
        ssl_raise_errno(MP_ENOMEM, "out of memory for the machine's trust anchors");
    }
    return source;
}

// Made of what the two variables said then. It stays to the end of the process: contexts use it where it is.
static struct {
    char file[256];
    char folder[256];
    tls_bundle_source_t source;
} machine;

static const tls_bundle_source_t *machine_bundle(void) {
    const char *file = ssl_default_roots_file();
    const char *folder = ssl_default_roots_folder();
    if (machine.source.data == NULL || strncmp(machine.file, file, sizeof(machine.file) - 1) != 0
        || strncmp(machine.folder, folder, sizeof(machine.folder) - 1) != 0) {
        machine.source = make_bundle(file, folder);
        strncpy(machine.file, file, sizeof(machine.file) - 1);
        strncpy(machine.folder, folder, sizeof(machine.folder) - 1);
    }
    return &machine.source;
}

static bool use_machine_bundle(mp_obj_ssl_context_t *context) {
    if (!tls_engine_has(TLS_FEATURE_BUNDLE)) {
        return false;
    }
    const tls_bundle_source_t *source = machine_bundle();
    // If a connection of another thread is inside the library, this one's has what was loaded before.
    tls_context_t *engine = source->len > TLS_BUNDLE_HEADER_SIZE ? ssl_context_try_change(context) : NULL;
    if (engine != NULL) {
        tls_error_t error;
        bool ok = tls_context_add_bundle(engine, source, &error);
        ssl_context_end_change(context);
        if (!ok) {
            ssl_raise(&error);
        }
    }
    return true;
}

#else

static bool use_machine_bundle(mp_obj_ssl_context_t *context) {
    (void)context;
    return false;
}

#endif

void ssl_load_default_roots(mp_obj_ssl_context_t *context) {
    const char *file = ssl_default_roots_file();
    if (!use_machine_bundle(context) && file[0] != '\0') {
        add_file(context, file);
    }
    context->default_roots_due = false;
}
