# MicroPython's board of this name, and what this module needs of it.
include boards/VIRT_RV32/mpconfigboard.mk
include $(BOARD_DIR)/../common.mk
