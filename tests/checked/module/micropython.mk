# Part of the checked interpreters: the module `failing`, see failing.c.

SRC_USERMOD_C += $(USERMOD_DIR)/failing.c

LDFLAGS_USERMOD += $(foreach name,gc_alloc gc_realloc malloc calloc realloc free,-Wl,--wrap=$(name))

include $(USERMOD_DIR)/../../lib/arithmetic.mk
$(ARITHMETIC:%=\%/library/%.o): CFLAGS += -fno-sanitize=all
