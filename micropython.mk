# How ports built with make take the module in: USER_C_MODULES is the directory above this one.
#
# SSL_ENGINE           mbedtls (default) or openssl
# MBEDTLS_DIR          engine mbedtls: a release of Mbed TLS 3.6 to compile into the image; by default the port's own
#                      Mbed TLS is used
# MBEDTLS_CONFIG_FILE  configuration for MBEDTLS_DIR, with quotes: \"mbedtls_config_board.h\"; by default the
#                      library's
# SSL_CONFIGURATION    in its place one of those in configurations/, for microcontrollers:
#                      tiny     one verified connection of a client, TLS 1.2, in little flash and RAM
#                      default  client and server, TLS 1.2 and 1.3, DTLS, pre-shared keys
#                      full     all that the module makes use of, and speed before size
#                      It also chooses defaults of switches in src/ssl_config.h.
# SSL_EARLIEST_TIME    the firmware's date in seconds since 1970, for devices whose clock was not set (docs/trust.md):
#                      that of the sources (git log -1 --format=%ct), so that the same sources give the same image

SSL_MOD_DIR := $(USERMOD_DIR)
SSL_ENGINE ?= mbedtls

SRC_USERMOD_C += $(wildcard $(SSL_MOD_DIR)/src/module/*.c)
SRC_USERMOD_LIB_C += $(wildcard $(SSL_MOD_DIR)/src/engine/*.c $(SSL_MOD_DIR)/src/$(SSL_ENGINE)/*.c)
CFLAGS_USERMOD += -I$(SSL_MOD_DIR)/src
ifneq ($(SSL_EARLIEST_TIME),)
CFLAGS_USERMOD += -DMICROPY_PY_SSL_EARLIEST_TIME=$(SSL_EARLIEST_TIME)
endif

ifeq ($(SSL_ENGINE),mbedtls)

CFLAGS_USERMOD += -DMICROPY_PY_SSL_ENGINE_MBEDTLS=1

ifneq ($(MBEDTLS_DIR),)
# The objects' paths under $(BUILD) are made from this one, so it must not contain "..".
SSL_MBEDTLS_DIR := $(abspath $(MBEDTLS_DIR))
ifeq ($(wildcard $(SSL_MBEDTLS_DIR)/library/psa_crypto_driver_wrappers.h),)
$(error MBEDTLS_DIR=$(MBEDTLS_DIR) is not a source tree of a release of Mbed TLS 3.6)
endif
ifneq ($(SSL_CONFIGURATION),)
SSL_CONFIGURATION_FILE := $(SSL_MOD_DIR)/configurations/$(SSL_CONFIGURATION).h
ifeq ($(wildcard $(SSL_CONFIGURATION_FILE)),)
$(error SSL_CONFIGURATION=$(SSL_CONFIGURATION): there are tiny, default and full)
endif
MBEDTLS_CONFIG_FILE ?= \"$(SSL_CONFIGURATION_FILE)\"
CFLAGS_USERMOD += -DMICROPY_PY_SSL_CONFIGURATION=\"$(SSL_CONFIGURATION_FILE)\"
endif
MBEDTLS_CONFIG_FILE ?= \"mbedtls/mbedtls_config.h\"
CFLAGS_USERMOD += -I$(SSL_MBEDTLS_DIR)/include -DMBEDTLS_CONFIG_FILE=$(MBEDTLS_CONFIG_FILE)
# p256-m, which is empty unless the configuration has it, looks into the library.
CFLAGS_USERMOD += -I$(SSL_MBEDTLS_DIR)/library
SRC_USERMOD_LIB_C += $(wildcard $(addprefix $(SSL_MBEDTLS_DIR)/,library/*.c 3rdparty/p256-m/*.c 3rdparty/p256-m/p256-m/*.c))
endif

else ifeq ($(SSL_ENGINE),openssl)

PKG_CONFIG ?= pkg-config
ifneq ($(shell $(PKG_CONFIG) --atleast-version=3.0 openssl && echo yes),yes)
$(error SSL_ENGINE=openssl needs the development files of OpenSSL 3.0 or later (package libssl-dev))
endif
CFLAGS_USERMOD += -DMICROPY_PY_SSL_ENGINE_OPENSSL=1 $(shell $(PKG_CONFIG) --cflags openssl)
LDFLAGS_USERMOD += $(shell $(PKG_CONFIG) --libs openssl)

else
$(error SSL_ENGINE=$(SSL_ENGINE): there are mbedtls and openssl)
endif
