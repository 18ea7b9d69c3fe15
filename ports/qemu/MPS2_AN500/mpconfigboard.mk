# The same board with a Cortex-M7, whose instructions for multiplication cryptography can use. MicroPython has none of this
# name.
include boards/MPS2_AN385/mpconfigboard.mk

QEMU_MACHINE = mps2-an500

CFLAGS += -mcpu=cortex-m7
CFLAGS += -UMICROPY_HW_MCU_NAME -DMICROPY_HW_MCU_NAME='"Cortex-M7"'

MPY_CROSS_FLAGS += -march=armv7em

include $(BOARD_DIR)/../common.mk
