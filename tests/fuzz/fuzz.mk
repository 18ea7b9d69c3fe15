# Builds the fuzz targets of one engine; tests/fuzz/run calls it from the top of the repository.
#
# ENGINE         mbedtls or openssl
# FLAVOUR        fuzz, or coverage: without sanitizers, counts lines
# BUILD, CONFIGURATION, MBEDTLS_DIR as in tests/engine/engine.mk, which knows how an engine is compiled

.DEFAULT_GOAL := targets

CC = clang
FLAGS_fuzz = -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FLAGS_coverage = -O1 -fprofile-instr-generate -fcoverage-mapping

include tests/engine/engine.mk

# Mbed TLS compares nothing with nothing by memcmp(NULL, NULL, 0): names and attributes that are empty.
ifeq ($(FLAVOUR),fuzz)
$(BUILD)/library/%.o: FLAGS += -fno-sanitize=nonnull-attribute
endif

TARGETS = client server dtls inputs
FUZZ_SHARED = $(call objects,tests/fuzz/start.c tests/fuzz/random.c tests/fuzz/library_$(ENGINE).c \
	$(addprefix tests/engine/,peers.c wire.c) $(ENGINE_SOURCES))

# Random numbers and the time are the target's, so that an input always does the same; and records can be in clear.
WRAPPED_mbedtls = mbedtls_ctr_drbg_random mbedtls_ms_time mbedtls_cipher_auth_encrypt_ext \
	mbedtls_cipher_auth_decrypt_ext

.PHONY: targets
targets: $(TARGETS:%=$(BUILD)/fuzz_%)

$(BUILD)/fuzz_inputs: $(call objects,tests/fuzz/inputs.c)
$(BUILD)/fuzz_client $(BUILD)/fuzz_server $(BUILD)/fuzz_dtls: $(BUILD)/fuzz_%: \
	$(BUILD)/tests/fuzz/target_%.o $(call objects,$(addprefix tests/fuzz/,play.c relay.c scenarios.c mutate.c))

$(BUILD)/fuzz_%: $(FUZZ_SHARED) $(LIBRARY)
	@$(CC) $(FLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS) $(WRAPPED_$(ENGINE):%=-Wl,--wrap=%)

$(BUILD)/tests/fuzz/%.o: tests/fuzz/%.c $(BUILD)/settings
	@mkdir -p $(@D)
	@$(CC) $(FLAGS) $(WARNINGS) -Itests/engine $(CPPFLAGS) -DCERTS_DIR='"$(CURDIR)/build/certs"' -MMD -MP -c -o $@ $<

-include $(wildcard $(BUILD)/tests/fuzz/*.d)
