// Certificates as Python objects.

#ifndef MICROPYTHON_SSL_CERTIFICATE_OBJECT_H
#define MICROPYTHON_SSL_CERTIFICATE_OBJECT_H

#include "module/compat.h"
#include "ssl_config.h"

#if MICROPY_PY_SSL_CERTIFICATE_DICT

// The dict that CPython's getpeercert() makes of a certificate. ValueError("invalid cert") if the bytes are none.
mp_obj_t ssl_certificate_to_dict(const uint8_t *der, size_t len);

MP_DECLARE_CONST_FUN_OBJ_1(ssl_decode_certificate_obj);

#endif

#endif // MICROPYTHON_SSL_CERTIFICATE_OBJECT_H
