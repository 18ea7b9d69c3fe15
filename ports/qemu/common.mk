# What MicroPython's qemu port lacks for TLS: time, poll(), a source of random numbers.
#
# QEMU_TLS   module (default): this module. builtin: MicroPython's own, with its own configuration of the same Mbed TLS,
#            to compare with. none: neither, to see what they cost.

QEMU_PORT_DIR := $(abspath $(BOARD_DIR)/..)
QEMU_TLS ?= module

# More C files with modules, for images that measure.
SRC_C += $(QEMU_EXTRA_C)

# A board with room for the test programs; the tests make the heap as small as they want it.
MICROPY_HEAP_SIZE ?= 1048576

CFLAGS += -I$(QEMU_PORT_DIR) -DMP_CONFIGFILE='"$(QEMU_PORT_DIR)/mpconfig.h"' -DQEMU_TLS_$(QEMU_TLS)=1

SRC_C += \
	shared/timeutils/timeutils.c \
	$(QEMU_PORT_DIR)/board.c \
	$(QEMU_PORT_DIR)/insecure_test_entropy.c \

ifeq ($(QEMU_ARCH),arm)
LDFLAGS += $(QEMU_PORT_DIR)/layout.ld
endif

# GCC 12 finds its 32-bit libraries under the architecture's plain name only, and older specifications of that name
# include the instructions that MicroPython adds to it (Zicsr).
ifeq ($(QEMU_ARCH),riscv32)
RV32_ARCH = rv32imac
AFLAGS += -misa-spec=2.2
LDFLAGS += -misa-spec=2.2
endif

FROZEN_MANIFEST ?= $(QEMU_PORT_DIR)/manifest.py

ifeq ($(QEMU_TLS),builtin)
include $(QEMU_PORT_DIR)/builtin.mk
endif
