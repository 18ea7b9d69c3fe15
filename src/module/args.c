// Reading certificate and key arguments, and text from the peer.

#include "module/args.h"

#include <stdio.h>
#include <string.h>

#include "module/errors.h"
#include "py/builtin.h"
#include "py/stream.h"
#include "py/unicode.h"
#include "ssl_config.h"

const char *ssl_find_text(const char *text, size_t len, const char *needle) {
    size_t needle_len = strlen(needle);
    for (size_t i = 0; i + needle_len <= len; i++) {
        if (memcmp(text + i, needle, needle_len) == 0) {
            return text + i;
        }
    }
    return NULL;
}

static size_t read_exactly(mp_obj_t file, uint8_t *data, size_t size) {
    int errcode;
    mp_uint_t len = mp_stream_rw(file, data, size, &errcode, MP_STREAM_RW_READ);
    if (errcode != 0) {
        mp_raise_OSError(errcode);
    }
    return len;
}

static size_t file_size(mp_obj_t file) {
    // A folder can be opened, and claims an enormous size; reading tells what it is.
    uint8_t first;
    read_exactly(file, &first, 1);
    int errcode;
    mp_off_t size = mp_stream_seek(file, 0, MP_SEEK_END, &errcode);
    if (size == (mp_off_t)-1 || mp_stream_seek(file, 0, MP_SEEK_SET, &errcode) == (mp_off_t)-1) {
        mp_raise_OSError(errcode);
    }
    return (size_t)size;
}

static ssl_data_t read_all(mp_obj_t file) {
    // One allocation of the right size; growing a buffer would need twice the memory.
    size_t size = file_size(file);
    uint8_t *data = m_new(uint8_t, size + 1);
    return (ssl_data_t) {.data = data, .len = read_exactly(file, data, size)};
}

// A program names up to four files in one call, and MicroPython's OSError tells of none.
void ssl_raise_about_file(void *raised, mp_obj_t path) {
#if MICROPY_PY_SSL_ERROR_DETAIL
    mp_obj_t exception = MP_OBJ_FROM_PTR(raised);
    bool is_plain = mp_obj_is_exact_type(exception, &mp_type_OSError);
    mp_obj_t number = is_plain ? mp_obj_exception_get_value(exception) : mp_const_none;
    if (mp_obj_is_small_int(number)) {
        char words[TLS_DETAIL_SIZE];
        size_t len;
        snprintf(words, sizeof(words), "the file %s cannot be read", mp_obj_str_get_data(path, &len));
        ssl_raise_errno((int)MP_OBJ_SMALL_INT_VALUE(number), words);
    }
#else
    (void)path;
#endif
    nlr_jump(raised);
}

mp_obj_t ssl_open_file(mp_obj_t path) {
    mp_obj_t args[2] = {path, MP_OBJ_NEW_QSTR(MP_QSTR_rb)};
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        ssl_raise_about_file(nlr.ret_val, path);
    }
    mp_obj_t file = mp_call_function_n_kw(MP_OBJ_FROM_PTR(&mp_builtin_open_obj), 2, 0, args);
    nlr_pop();
    return file;
}

ssl_data_t ssl_data_from_file(mp_obj_t path) {
    mp_obj_t file = ssl_open_file(path);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        mp_stream_close(file);
        ssl_raise_about_file(nlr.ret_val, path);
    }
    ssl_data_t data = read_all(file);
    nlr_pop();
    mp_stream_close(file);
    return data;
}

ssl_data_t ssl_data_from_text(mp_obj_t obj) {
    mp_buffer_info_t info;
    if (!mp_get_buffer(obj, &info, MP_BUFFER_READ)) {
        // Raises the TypeError that every function of MicroPython raises for an argument that is not a str.
        info.buf = (void *)mp_obj_str_get_data(obj, &info.len);
    }
    return (ssl_data_t) {.data = info.buf, .len = info.len};
}

const char *ssl_chars_from_obj(mp_obj_t obj, size_t *len) {
    const char *chars = mp_obj_str_get_data(obj, len);
    return *len == 0 ? "" : chars;
}

mp_obj_t ssl_text_to_obj(const char *text, size_t len) {
    if (!utf8_check((const byte *)text, len)) {
        return mp_obj_new_bytes((const byte *)text, len);
    }
    return mp_obj_new_str(text, len);
}

bool ssl_is_path(mp_obj_t obj) {
    if (!mp_obj_is_str(obj)) {
        return false;
    }
    size_t len;
    const char *text = mp_obj_str_get_data(obj, &len);
    return ssl_find_text(text, len, "-----BEGIN") == NULL;
}

ssl_data_t ssl_data_from_obj(mp_obj_t obj) {
    return ssl_is_path(obj) ? ssl_data_from_file(obj) : ssl_data_from_text(obj);
}
