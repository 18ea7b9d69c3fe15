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
#include "engine/lock.h"
#include "engine/memory.h"
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

// Lenient: a distribution's file may hold a root that this engine cannot read. false: not now, a connection of another
// thread is inside the library.
static bool add_file(mp_obj_ssl_context_t *context, const char *path) {
    mp_obj_t path_obj = mp_obj_new_str_from_cstr(path);
    if (mp_import_stat(path) != MP_IMPORT_STAT_FILE || ssl_load_bundle_file(context, path_obj)) {
        return true;
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
    return engine != NULL;
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
    tls_lock_t lock;
    char file[256];
    char folder[256];
    tls_bundle_source_t source;
} machine;

static bool is_made_of(const char *file, const char *folder) {
    return machine.source.data != NULL && strncmp(machine.file, file, sizeof(machine.file) - 1) == 0
        && strncmp(machine.folder, folder, sizeof(machine.folder) - 1) == 0;
}

// The bundle of the machine if it is made of these; else, if there is one to put in its place, that.
static bool exchange_bundle(const char *file, const char *folder, const tls_bundle_source_t *made,
    tls_bundle_source_t *source) {
    tls_lock(&machine.lock);
    bool found = is_made_of(file, folder);
    if (!found && made != NULL) {
        machine.source = *made;
        strncpy(machine.file, file, sizeof(machine.file) - 1);
        strncpy(machine.folder, folder, sizeof(machine.folder) - 1);
    }
    *source = machine.source;
    tls_unlock(&machine.lock);
    return found;
}

// Two threads may both make it; the second's is not needed then.
static tls_bundle_source_t machine_bundle(void) {
    const char *file = ssl_default_roots_file();
    const char *folder = ssl_default_roots_folder();
    tls_bundle_source_t source;
    if (!exchange_bundle(file, folder, NULL, &source)) {
        tls_bundle_source_t made = make_bundle(file, folder);
        if (exchange_bundle(file, folder, &made, &source)) {
            tls_free((void *)made.data);
        }
    }
    return source;
}

static bool has_machine_bundle(void) {
    return tls_engine_has(TLS_FEATURE_BUNDLE);
}

// false: not now, a connection of another thread is inside the library.
static bool use_machine_bundle(mp_obj_ssl_context_t *context) {
    tls_bundle_source_t source = machine_bundle();
    if (source.len <= TLS_BUNDLE_HEADER_SIZE) {
        return true;
    }
    tls_context_t *engine = ssl_context_try_change(context);
    if (engine == NULL) {
        return false;
    }
    tls_error_t error;
    bool ok = tls_context_add_bundle(engine, &source, &error);
    ssl_context_end_change(context);
    if (!ok) {
        ssl_raise(&error);
    }
    return true;
}

#else

static bool has_machine_bundle(void) {
    return false;
}

static bool use_machine_bundle(mp_obj_ssl_context_t *context) {
    (void)context;
    return false;
}

#endif

void ssl_load_default_roots(mp_obj_ssl_context_t *context) {
    const char *file = ssl_default_roots_file();
    bool loaded = has_machine_bundle() ? use_machine_bundle(context) : file[0] == '\0' || add_file(context, file);
    // Otherwise this connection has what was loaded before, and the next one asks again.
    context->default_roots_due = !loaded;
}
