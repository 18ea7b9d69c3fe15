// Certificate and key arguments: a path, or the data itself.

#ifndef MICROPYTHON_SSL_ARGS_H
#define MICROPYTHON_SSL_ARGS_H

#include "module/compat.h"

// `data` points into a Python object or a buffer of the collected heap: keep this on the stack while using it.
typedef struct {
    const uint8_t *data;
    size_t len;
} ssl_data_t;

// bytes-like: the data. str: PEM text if it contains "-----BEGIN", otherwise the path of a file, which is read whole.
// Raises TypeError for anything else, and what open() and read() raise, which then names the file.
ssl_data_t ssl_data_from_obj(mp_obj_t obj);

// Whether that is a path.
bool ssl_is_path(mp_obj_t obj);

// As above, but a str is always the data: MicroPython's `cadata` is not a path.
ssl_data_t ssl_data_from_text(mp_obj_t obj);

// A str or bytes, with a NUL behind it: MicroPython's bytes(bytearray()) has no data. Raises TypeError for others.
const char *ssl_chars_from_obj(mp_obj_t obj, size_t *len);

// The content of the file at `path`.
ssl_data_t ssl_data_from_file(mp_obj_t path);

// A file that is open for reading.
mp_obj_t ssl_open_file(mp_obj_t path);

// Raises `nlr.ret_val` again, which the file raised while it was read; an OSError gets its name as `detail`.
SSL_NORETURN void ssl_raise_about_file(void *raised, mp_obj_t path);

// Where the needle is in the text, NULL: nowhere.
const char *ssl_find_text(const char *text, size_t len, const char *needle);

// Text from the peer: a str if it is UTF-8, else bytes.
mp_obj_t ssl_text_to_obj(const char *text, size_t len);

#endif // MICROPYTHON_SSL_ARGS_H
