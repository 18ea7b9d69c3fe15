// SSLContext.keylog_filename: a file that gets the secrets of connections, for Wireshark and the like.

#ifndef MICROPYTHON_SSL_KEYLOG_H
#define MICROPYTHON_SSL_KEYLOG_H

#include "module/compat.h"

// Opens the file once, so that what is wrong with it is raised now. None is not opened.
void ssl_keylog_check(mp_obj_t filename);

// Adds a line and its newline to the file. May raise.
void ssl_keylog_write(mp_obj_t filename, const char *line, size_t len);

#endif // MICROPYTHON_SSL_KEYLOG_H
