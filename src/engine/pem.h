// The marks of PEM in what the caller gives.

#ifndef MICROPYTHON_SSL_PEM_MARKS_H
#define MICROPYTHON_SSL_PEM_MARKS_H

#include <stddef.h>
#include <stdint.h>

// Where `text` starts in the data, NULL if nowhere.
const uint8_t *tls_find_text(const uint8_t *data, size_t len, const char *text);

#endif // MICROPYTHON_SSL_PEM_MARKS_H
