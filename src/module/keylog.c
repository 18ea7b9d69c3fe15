// SSLContext.keylog_filename: a file that gets the secrets of connections, for Wireshark and the like.
//
// The file is opened for each line and closed again: so it may be shared, with other contexts too, nothing is left in a
// buffer when the board resets, and no open file has to be looked after.

#include "module/keylog.h"

#include <string.h>

#include "py/builtin.h"
#include "py/stream.h"
#include "ssl_config.h"

#if MICROPY_PY_SSL_KEYLOG

static mp_obj_t open_file(mp_obj_t filename) {
    mp_obj_t args[2] = {filename, MP_OBJ_NEW_QSTR(MP_QSTR_ab)};
    return mp_call_function_n_kw(MP_OBJ_FROM_PTR(&mp_builtin_open_obj), 2, 0, args);
}

void ssl_keylog_check(mp_obj_t filename) {
    if (filename == mp_const_none) {
        return;
    }
    // open() takes numbers of descriptors too, which could not be opened again.
    if (!mp_obj_is_str(filename)) {
        mp_raise_TypeError(MP_ERROR_TEXT("keylog_filename must be a str or None"));
    }
    mp_stream_close(open_file(filename));
}

static void write_whole(mp_obj_t file, void *data, size_t size) {
    int errcode;
    mp_uint_t written = mp_stream_rw(file, data, size, &errcode, MP_STREAM_RW_WRITE);
    if (errcode != 0 || written != size) {
        mp_raise_OSError(errcode != 0 ? errcode : MP_EIO);
    }
}

// The line is copied to have it written at once: several writers may be at it. The copy is wiped, as the line is.
static void write_line(mp_obj_t file, const char *line, size_t len) {
    char *copy = m_new(char, len + 1);
    memcpy(copy, line, len);
    copy[len] = '\n';
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        memset(copy, 0, len);
        nlr_jump(nlr.ret_val);
    }
    write_whole(file, copy, len + 1);
    nlr_pop();
    memset(copy, 0, len);
    m_del(char, copy, len + 1);
}

void ssl_keylog_write(mp_obj_t filename, const char *line, size_t len) {
    mp_obj_t file = open_file(filename);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        mp_stream_close(file);
        nlr_jump(nlr.ret_val);
    }
    write_line(file, line, len);
    nlr_pop();
    mp_stream_close(file);
}

#endif
