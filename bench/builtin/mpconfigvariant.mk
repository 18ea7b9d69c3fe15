# The standard variant of MicroPython's unix port with the built-in module on the same source tree of Mbed TLS as this
# one, to compare with. Configuration and flags of the compiler are MicroPython's own. The top Makefile gives MBEDTLS_DIR,
# and an empty LDFLAGS_EXTMOD in place of the system's Mbed TLS.

MICROPY_PY_SSL = 1
MICROPY_SSL_MBEDTLS = 1
MICROPY_PY_BTREE = 0

FROZEN_MANIFEST ?= $(TOP)/extmod/asyncio/manifest.py

CFLAGS += -I$(MBEDTLS_DIR)/include -DMBEDTLS_CONFIG_FILE='"mbedtls/mbedtls_config_port.h"'
SRC_THIRDPARTY_C += $(wildcard $(MBEDTLS_DIR)/library/*.c)
