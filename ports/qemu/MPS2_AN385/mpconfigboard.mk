# MicroPython's board of this name, and what this module needs of it.
include boards/MPS2_AN385/mpconfigboard.mk
include $(BOARD_DIR)/../common.mk
