# Builds the tests of one engine, $(BUILD)/test_GROUP; tests/engine/run calls it from the top of the repository.
#
# ENGINE         mbedtls or openssl
# FLAVOUR        sanitized, plain or threads
# BUILD          where everything goes
# CONFIGURATION  of Mbed TLS, a header
# MBEDTLS_DIR    source tree of Mbed TLS

MBEDTLS_DIR ?= build/sources/mbedtls
CC ?= cc

FLAGS_sanitized = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_plain = -O1
FLAGS_threads = -O1 -fsanitize=thread
FLAGS = -std=gnu99 -g -pthread $(FLAGS_$(FLAVOUR))
WARNINGS = -Wall -Wextra -Werror

SHARED = $(filter-out tests/engine/test_%,$(wildcard tests/engine/*.c))
ENGINE_SOURCES = $(wildcard src/engine/*.c src/$(ENGINE)/*.c)
LIBS = -lcmocka

ifeq ($(ENGINE),mbedtls)
# Less room for a client's messages than they take (the rest is what encryption may add): what is not counted overruns.
# Random numbers are seeded anew all the time, for that may fail.
P256M_DIR = $(MBEDTLS_DIR)/3rdparty/p256-m
CPPFLAGS_LIBRARY = -I$(MBEDTLS_DIR)/include -I$(MBEDTLS_DIR)/library -I$(P256M_DIR) -DMBEDTLS_CONFIG_FILE='"$(CURDIR)/$(CONFIGURATION)"' \
	-DCLIENT_MESSAGE_SIZE=-48 -DMBEDTLS_CTR_DRBG_RESEED_INTERVAL=3
LIBRARY = $(BUILD)/libmbedtls.a
else
CPPFLAGS_LIBRARY = $(shell pkg-config --cflags openssl)
LIBS += $(shell pkg-config --libs openssl)
LIBRARY =
endif
CPPFLAGS = -Isrc $(CPPFLAGS_LIBRARY)

.SECONDARY:

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))

$(BUILD)/test_%: $(BUILD)/tests/engine/test_%.o $(call objects,$(SHARED) $(ENGINE_SOURCES)) $(LIBRARY)
	@$(CC) $(FLAGS) $(LDFLAGS_$*) -o $@ $^ $(LIBS)

# This one looks into every block that is freed.
LDFLAGS_secrets = -Wl,--wrap=free,--wrap=realloc

# The headers of the engine only: a test that includes one of the library must not compile.
$(BUILD)/tests/engine/%.o: tests/engine/%.c $(BUILD)/settings
	@mkdir -p $(@D)
	@$(CC) $(FLAGS) $(WARNINGS) -Isrc -DCERTS_DIR='"$(CURDIR)/build/certs"' -MMD -MP -c -o $@ $<

$(BUILD)/src/%.o: src/%.c $(BUILD)/settings
	@mkdir -p $(@D)
	@$(CC) $(FLAGS) $(WARNINGS) $(CPPFLAGS) -include tests/engine/earliest_time.h -MMD -MP -c -o $@ $<

# The library is compiled once: it changes with its configuration only.
LIBRARY_OBJECTS = $(patsubst $(MBEDTLS_DIR)/%.c,$(BUILD)/%.o,\
	$(wildcard $(addprefix $(MBEDTLS_DIR)/,library/*.c 3rdparty/p256-m/*.c 3rdparty/p256-m/p256-m/*.c)))

$(LIBRARY_OBJECTS): $(BUILD)/%.o: $(MBEDTLS_DIR)/%.c $(BUILD)/settings $(CONFIGURATION) ports/unix/mbedtls_config.h
	@mkdir -p $(@D)
	@$(CC) $(FLAGS) -O2 $(CPPFLAGS) -c -o $@ $<

include tests/lib/arithmetic.mk
ifneq ($(FLAVOUR),threads)
$(ARITHMETIC:%=$(BUILD)/library/%.o): FLAGS = -std=gnu99 -g -pthread
endif

$(BUILD)/libmbedtls.a: $(LIBRARY_OBJECTS)
	@rm -f $@
	@ar crs $@ $^

# Other compilers, flags or trees: all anew.
SETTINGS = $(CC) $(FLAGS) $(WARNINGS) $(CPPFLAGS) $(CURDIR)
$(BUILD)/settings: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(SETTINGS))' | cmp -s - $@ || echo '$(subst ','\'',$(SETTINGS))' > $@
.PHONY: FORCE

-include $(wildcard $(BUILD)/tests/engine/*.d $(BUILD)/src/*/*.d)
