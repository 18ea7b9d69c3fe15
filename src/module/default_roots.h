// The trust anchors of the machine.

#ifndef MICROPYTHON_SSL_DEFAULT_ROOTS_H
#define MICROPYTHON_SSL_DEFAULT_ROOTS_H

#include "module/context.h"

// The environment variables that name another file and a folder; "" where there is no environment.
#ifdef __unix__
#define SSL_DEFAULT_ROOTS_VARIABLE  "SSL_CERT_FILE"
#define SSL_DEFAULT_FOLDER_VARIABLE "SSL_CERT_DIR"
#else
#define SSL_DEFAULT_ROOTS_VARIABLE  ""
#define SSL_DEFAULT_FOLDER_VARIABLE ""
#endif

// The file and the folder with them, "" if there is none; whether they exist is another question.
const char *ssl_default_roots_file(void);
const char *ssl_default_roots_folder(void);

// Loads them into the context; loads nothing where the port has none. Raises if they exist but cannot be used.
void ssl_load_default_roots(mp_obj_ssl_context_t *context);

#endif // MICROPYTHON_SSL_DEFAULT_ROOTS_H
