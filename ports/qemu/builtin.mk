# MicroPython's built-in module on the same Mbed TLS, with the configuration that its bare-metal ports share.

CFLAGS += -I$(MBEDTLS_DIR)/include -DMBEDTLS_CONFIG_FILE='"$(QEMU_PORT_DIR)/builtin_mbedtls_config.h"'
SRC_THIRDPARTY_C += $(wildcard $(MBEDTLS_DIR)/library/*.c)
SRC_C += $(QEMU_PORT_DIR)/builtin_time.c
