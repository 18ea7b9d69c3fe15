# Settings of the hosted interpreters; the top Makefile gives SSL_ENGINE, MBEDTLS_DIR and USER_C_MODULES.

# This module takes the place of the built-in one.
MICROPY_PY_SSL = 0

# Its library is no part of Debian's MicroPython.
MICROPY_PY_BTREE = 0

# Speed matters more than size on a PC.
ifndef DEBUG
COPT ?= -O2
endif

# A defect that overwrites memory shall end the program, not be taken over: checked stack frames, and an image at an
# address of its own in which what is resolved at the start cannot be changed later. (MicroPython turns _FORTIFY_SOURCE
# off: its printf() is its own.)
CFLAGS += -fstack-protector-strong -fstack-clash-protection -fPIE
LDFLAGS += -pie -Wl,-z,relro,-z,now

FROZEN_MANIFEST ?= $(VARIANT_DIR)/manifest.py

MBEDTLS_CONFIG_FILE = \"$(VARIANT_DIR)/mbedtls_config.h\"

# hashlib and cryptolib stand on Mbed TLS's primitives. With the engine mbedtls the whole library is there; the engine
# openssl needs no more than these.
ifeq ($(SSL_ENGINE),openssl)
CFLAGS += -I$(MBEDTLS_DIR)/include -DMBEDTLS_CONFIG_FILE=$(MBEDTLS_CONFIG_FILE)
SRC_THIRDPARTY_C += $(addprefix $(MBEDTLS_DIR)/library/,\
	aes.c \
	aesce.c \
	aesni.c \
	md5.c \
	platform_util.c \
	sha1.c \
	sha256.c \
	)
endif
