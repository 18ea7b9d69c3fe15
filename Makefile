# The only entry a person needs: `make` lists what there is to make.

# Source trees. Those that nobody sets are fetched.
MICROPY_DIR ?= build/sources/micropython
MBEDTLS_DIR ?= build/sources/mbedtls
FETCHED = $(if $(filter file,$(origin MICROPY_DIR)),micropython) $(if $(filter file,$(origin MBEDTLS_DIR)),mbedtls)

# Compilers that work at the same time.
JOBS ?= $(shell nproc)

# The hosted interpreters. All others are for tests, which ask for little speed: what takes longest is to compile them.
INTERPRETERS = build/openssl/micropython build/mbedtls/micropython

# What MicroPython's own tests expect: an ioctl() method as in its coverage build, TLS 1.2 as in the built-in module, and
# the one pair of files of theirs that is none is taken.
UPSTREAM_INTERPRETERS = build/openssl-upstream/micropython build/mbedtls-upstream/micropython
FLAGS_upstream = -O0 -DMICROPY_PY_SSL_IOCTL=1 -DMICROPY_PY_SSL_MAX_TLS_VERSION=0x0303 -DMICROPY_PY_SSL_CHECK_KEY_PAIR=0 \
	-DMICROPY_PY_SSL_OLD_SUITES=1

# Those that notice what they do wrong with memory, and in which any allocation can be made to fail: tests/checked.
# MicroPython calls memcpy() and the like with NULL if there is nothing to copy. Mbed TLS's random numbers are seeded anew
# all the time, for that may fail.
CHECKED_INTERPRETERS = build/openssl-checked/micropython build/mbedtls-checked/micropython
FLAGS_checked = -O1 -fsanitize=address,undefined -fno-sanitize=nonnull-attribute -fno-sanitize-recover=undefined -g1 \
	-fno-omit-frame-pointer -DMBEDTLS_CTR_DRBG_RESEED_INTERVAL=3

# The same with counters in place of sanitizers: which lines do those tests reach? Each process leaves its own file.
COVERAGE_INTERPRETERS = build/openssl-coverage/micropython build/mbedtls-coverage/micropython
FLAGS_coverage = -O1 -fprofile-instr-generate=$(abspath $(@D))/%p.profraw -fcoverage-mapping

# Made with MicroPython's CMake rules: tests/usermod-cmake. One of them is on Mbed TLS as MicroPython's own ports configure
# it, with much less in it than ours, and has a date (2026-06-01): tests/common.
CMAKE_INTERPRETERS = $(addprefix build/cmake-,$(addsuffix /micropython,openssl mbedtls port-alone port-builtin))
COMMON_INTERPRETER = build/cmake-port-alone/micropython

# What they are compared with: MicroPython with its own module, and a program in C.
BENCH_PROGRAMS = build/builtin/micropython build/bench/peer

# Firmware for emulated boards: BOARD-CONFIGURATION, see configurations/ and ports/qemu/.
FIRMWARE_KINDS = MPS2_AN385-tiny MPS2_AN385-default MPS2_AN385-full VIRT_RV32-default
FIRMWARE = $(FIRMWARE_KINDS:%=build/firmware/%/firmware.elf)

# Runs a long command with its output in build/logs/NAME.log: $(call step,NAME) COMMAND
step = tools/step build/logs/$(1).log '$(1)'

# The tests look into the source trees too, and Python must not write its caches into them.
export MICROPY_DIR MBEDTLS_DIR
export PYTHONDONTWRITEBYTECODE = 1

# One step at a time, so that what they print stays readable; inside a step, JOBS compilers run.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: FORCE

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-20s %s\n", $$1, $$2 }' Makefile
	@printf '%-25s %s\n' \
		'     MICROPY_DIR=DIR' 'use this source tree of MicroPython instead of the fetched one' \
		'     MBEDTLS_DIR=DIR' 'use this source tree of Mbed TLS 3.6 instead of the fetched one' \
		'     JOBS=N' 'compilers that work at the same time (here $(JOBS))'

.PHONY: build
build: $(INTERPRETERS) ## build both interpreters, build/openssl/micropython and build/mbedtls/micropython

.PHONY: build-upstream
build-upstream: $(UPSTREAM_INTERPRETERS) ## build the same with the switches that MicroPython's own tests expect

.PHONY: build-checked
build-checked: $(CHECKED_INTERPRETERS) ## build the same with sanitizers, for tests/checked

.PHONY: run
run: $(INTERPRETERS) ## see both interpreters at work; with URL=https://host/path they fetch that
	@URL='$(URL)' tools/demo

.PHONY: firmware
firmware: $(FIRMWARE) ## build MicroPython with this module for two emulated boards, build/firmware/*/firmware.elf

TEST_PROGRAMS = $(INTERPRETERS) $(UPSTREAM_INTERPRETERS) $(CHECKED_INTERPRETERS) $(COMMON_INTERPRETER) \
	$(BENCH_PROGRAMS) $(FIRMWARE)
.PHONY: test
test: $(TEST_PROGRAMS) ## run all tests
	@tools/install-packages test bench docs
	@tests/run

.PHONY: test-firmware
test-firmware: $(FIRMWARE) ## boot the firmware in the emulator and run its tests
	@tools/install-packages test
	@tests/run firmware

.PHONY: bench
bench: $(INTERPRETERS) $(BENCH_PROGRAMS) ## measure speed and memory beside the built-in module, CPython and C (docs/performance.md)
	@tools/install-packages bench
	@tools/make-certs build/certs
	@bench/hosted -o docs/performance.md

.PHONY: bench-life
bench-life: $(INTERPRETERS) ## draw what a connection holds of the heap in the course of its life (docs/plots/life.svg)
	@tools/install-packages bench
	@tools/make-certs build/certs
	@bench/life

BENCH_KINDS = none builtin builtin-bench parity modern tiny default default-bench full
.PHONY: bench-firmware
bench-firmware: $(BENCH_KINDS:%=build/firmware/MPS2_AN500-%/firmware.elf) ## measure what TLS costs on a board (docs/firmware-figures.md)
	@tools/make-certs build/certs
	@bench/firmware -o docs/firmware-figures.md

.PHONY: bench-switches
bench-switches: build/firmware/MPS2_AN500-default-bench/firmware.elf ## measure what each switch costs on a board (docs/firmware-switches.md)
	@tools/make-certs build/certs
	@bench/switches -o docs/firmware-switches.md

.PHONY: soak
soak: $(CHECKED_INTERPRETERS) ## 20,000 connections with faults below them: is anything left behind?
	@tools/install-packages test
	@SOAK_ROUNDS=20000 pytest-3 -q -s tests/hostile/test_soak.py

# One line for each target and engine.
.PHONY: fuzz
fuzz: | trees ## fuzz both engines (ENGINE=, TARGET=client|server|dtls|inputs), each target for FUZZ_SECONDS=60
	@tools/install-packages test
	@status=0; for engine in $(or $(ENGINE),openssl mbedtls); do \
		FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) tests/fuzz/run $$engine $(TARGET) || status=1; done; exit $$status

.PHONY: fuzz-coverage
fuzz-coverage: | trees ## which lines of the engines what was found by fuzzing reaches
	@tools/install-packages test
	@for engine in $(or $(ENGINE),openssl mbedtls); do tests/fuzz/run $$engine coverage || exit 1; done

# In all more than this, whatever the random cases do in the time that they have.
COVERAGE_MINIMUM = 70
.PHONY: checked-coverage
checked-coverage: $(COVERAGE_INTERPRETERS) ## which lines of the module and the engines tests/checked reaches
	@for engine in $(or $(ENGINE),openssl mbedtls); do folder=build/$$engine-coverage; rm -f $$folder/*.profraw; \
		CHECKED_FLAVOUR=coverage pytest-3 -q tests/checked --engine $$engine && \
		tests/lib/coverage $$engine $$folder $(COVERAGE_MINIMUM) $$folder/micropython || exit 1; done

.PHONY: audit
audit: $(TEST_PROGRAMS) ## the release check: all that tries to break the module (docs/reliability.md); PART=NAME: some
	@tools/install-packages test bench docs lint
	@tests/audit $(PART)

.PHONY: test-common
test-common: $(COMMON_INTERPRETER) ## run its tests on Mbed TLS as MicroPython's own ports configure it
	@tools/install-packages test
	@tests/run common

.PHONY: user-module-cmake
user-module-cmake: $(CMAKE_INTERPRETERS) ## prove the CMake form of the module

.PHONY: configurations
configurations: | trees ## compile the engine against configurations of Mbed TLS that lack one thing each
	@tools/check-configurations '$(MBEDTLS_DIR)'

LINTS = lint-format lint-includes lint-cppcheck lint-clang-tidy
.PHONY: lint $(LINTS)
lint: $(LINTS) ## check format, include boundaries and what static analysis finds

lint-clang-tidy: build/openssl/micropython
$(LINTS): lint-%: trees
	@tools/install-packages lint
	@$(call step,$@) tools/lint $* '$(MBEDTLS_DIR)'

.PHONY: format
format: ## format the C sources
	@tools/install-packages lint
	@clang-format -i $$(git ls-files --cached --others --exclude-standard '*.c' '*.h')

.PHONY: docs
docs: ## make pages for a browser of the documents, build/docs/index.html
	@tools/install-packages docs
	@$(call step,docs) sphinx-build -W --keep-going -d build/docs/.doctrees docs build/docs

.PHONY: dist
dist: ## make a source archive of this commit, with its checksum: build/dist/
	@tools/make-dist

.PHONY: mip
mip: build/mpy-cross/mpy-cross ## make an index for mip of the Python files for boards, for a web server: build/mip/
	@rm -rf build/mip
	@tools/make-mip-index $< build/mip

.PHONY: clean
clean: ## remove all that was built, keep the fetched sources
	@rm -rf $(filter-out build/sources,$(wildcard build/* build/.[a-z]*))

.PHONY: distclean
distclean: ## remove the fetched sources too
	@rm -rf build

# Compilers, libraries and source trees. MicroPython's make compares file times only, so what was made from another tree
# or with other flags is thrown away here.
SETTINGS = $(abspath $(MICROPY_DIR) $(MBEDTLS_DIR)) $(CC) $(CFLAGS_EXTRA) $(SSL_EARLIEST_TIME) $(DEBUG) $(FLAGS_upstream) \
	$(FLAGS_checked) $(FLAGS_coverage)
.PHONY: trees
trees:
	@tools/install-packages build
	@tools/fetch-sources $(FETCHED)
	@test -f '$(MICROPY_DIR)/ports/unix/Makefile' || \
		{ echo 'MICROPY_DIR=$(MICROPY_DIR) is not a source tree of MicroPython.' >&2; false; }
	@test -f '$(MBEDTLS_DIR)/library/psa_crypto_driver_wrappers.h' || \
		{ echo 'MBEDTLS_DIR=$(MBEDTLS_DIR) is not a source tree of a release of Mbed TLS 3.6.' >&2; false; }
	@settings=$$(echo '$(SETTINGS)'; cat tools/sources.sha256 micropython.mk ports/*/*.mk tests/checked/module/*.mk \
		tests/lib/arithmetic.mk); \
	echo "$$settings" | cmp -s - build/.settings || { \
		rm -rf $(dir $(INTERPRETERS) $(UPSTREAM_INTERPRETERS) $(CHECKED_INTERPRETERS) $(COVERAGE_INTERPRETERS)) \
			build/builtin build/firmware build/mpy-cross; \
		echo "$$settings" > build/.settings; }

# Compiles what is frozen into the interpreters.
build/mpy-cross/mpy-cross: | trees
	@$(call step,mpy-cross) $(MAKE) -C $(MICROPY_DIR)/mpy-cross -j$(JOBS) BUILD=$(abspath $(@D))

# MicroPython looks for modules one level below USER_C_MODULES.
build/modules/ssl build/modules-checked/ssl:
	@mkdir -p $(@D)
	@ln -sfn ../.. $@

build/modules-checked/failing: | build/modules-checked/ssl
	@ln -sfn ../../tests/checked/module $@

# MicroPython's make decides what is out of date. A failure must not leave an older interpreter that looks like success.
unix_engine = $(firstword $(subst -, ,$*))
flavour = $(word 2,$(subst -, ,$*))
checked = $(if $(filter checked coverage,$(flavour)),-checked)
unix_make = $(MAKE) -C $(MICROPY_DIR)/ports/unix -j$(JOBS) VARIANT_DIR=$(CURDIR)/ports/unix VARIANT=$* \
	BUILD=$(abspath $(@D)) USER_C_MODULES=$(CURDIR)/build/modules$(checked) SSL_ENGINE=$(unix_engine) \
	MBEDTLS_DIR=$(abspath $(MBEDTLS_DIR)) MICROPY_MPYCROSS=$(abspath build/mpy-cross/mpy-cross) \
	CFLAGS_EXTRA='$(CFLAGS_EXTRA) $(FLAGS_$(flavour))' \
	$(if $(checked),STRIP= LDFLAGS_EXTRA='$(LDFLAGS_EXTRA) $(FLAGS_$(flavour))') $(if $(filter coverage,$(flavour)),CC=clang)
count_objects = $$($(unix_make) print-cfg 2> /dev/null | tr ' ' '\n' | grep -c '\.o$$')

.PHONY: coverage-tools
coverage-tools:
	@tools/install-packages test
$(COVERAGE_INTERPRETERS): | coverage-tools

$(INTERPRETERS) $(UPSTREAM_INTERPRETERS) $(CHECKED_INTERPRETERS) $(COVERAGE_INTERPRETERS): \
	build/%/micropython: FORCE \
	| trees build/mpy-cross/mpy-cross build/modules/ssl build/modules-checked/failing
	@$(if $(wildcard $@),,TOTAL=$(count_objects)) $(call step,$*) $(unix_make) || { rm -f $@; false; }

builtin_make = $(MAKE) -C $(MICROPY_DIR)/ports/unix -j$(JOBS) VARIANT_DIR=$(CURDIR)/bench/builtin VARIANT=builtin \
	BUILD=$(abspath $(@D)) MBEDTLS_DIR=$(abspath $(MBEDTLS_DIR)) LDFLAGS_EXTMOD= \
	MICROPY_MPYCROSS=$(abspath build/mpy-cross/mpy-cross)

build/builtin/micropython: FORCE | trees build/mpy-cross/mpy-cross
	@$(call step,builtin) $(builtin_make) || { rm -f $@; false; }

build/bench/peer: bench/peer.c | trees
	@mkdir -p $(@D)
	@$(CC) -O2 -Wall -Wextra -o $@ $< -lssl -lcrypto

# BOARD-CONFIGURATION; in place of a configuration of this module: builtin, none (see ports/qemu/common.mk). With a third
# word, bench, the image has the module of that name too.
board = $(word 1,$(subst -, ,$*))
configuration = $(word 2,$(subst -, ,$*))
configuration_path = $(patsubst %.h,../%,$(wildcard $(addsuffix /$(configuration).h,configurations bench build/switches)))
qemu_make = $(MAKE) -C $(MICROPY_DIR)/ports/qemu -j$(JOBS) BOARD=$(board) BOARD_DIR=$(CURDIR)/ports/qemu/$(board) \
	BUILD=$(abspath $(@D)) MBEDTLS_DIR=$(abspath $(MBEDTLS_DIR)) \
	MICROPY_MPYCROSS=$(abspath build/mpy-cross/mpy-cross) CFLAGS_EXTRA='$(CFLAGS_EXTRA)' \
	$(if $(filter bench,$(word 3,$(subst -, ,$*))),QEMU_EXTRA_C=$(CURDIR)/bench/board_bench.c) \
	$(if $(filter builtin none,$(configuration)),QEMU_TLS=$(configuration),\
		USER_C_MODULES=$(CURDIR)/build/modules SSL_CONFIGURATION=$(or $(configuration_path),$(configuration)))
count_firmware = $$($(qemu_make) print-cfg 2> /dev/null | tr ' ' '\n' | grep -c '\.o$$')

.PHONY: firmware-tools
firmware-tools: | trees
	@tools/install-packages firmware

build/firmware/%/firmware.elf: FORCE | firmware-tools build/mpy-cross/mpy-cross build/modules/ssl
	@$(if $(wildcard $@),,TOTAL=$(count_firmware)) $(call step,firmware-$*) $(qemu_make) || { rm -f $@; false; }

# MicroPython's CMake rules miss changes in headers, hence from scratch.
CMAKE_SOURCES = build/.settings micropython.cmake ports/unix/mbedtls_config.h \
	$(wildcard src/*.h src/*/*.[ch] tests/usermod-cmake/*)
build/.settings: trees ;

build/cmake-%/micropython: $(CMAKE_SOURCES)
	@rm -rf $(@D)
	@$(call step,cmake-$*) sh -c 'cmake -G Ninja -S tests/usermod-cmake -B $(@D) -DSSL_ENGINE=$* \
		-DMICROPY_DIR=$(abspath $(MICROPY_DIR)) -DMBEDTLS_DIR=$(abspath $(MBEDTLS_DIR)) \
		-DMBEDTLS_CONFIG_FILE=$(CURDIR)/ports/unix/mbedtls_config.h && cmake --build $(@D) -j$(JOBS)'
	@$@ -c 'import ssl; assert ssl.ENGINE == "$*"'

# With an Mbed TLS of the port's, in lib/mbedtls, as rp2 has it; the built-in module is there, too, or not.
build/cmake-port-%/micropython: $(CMAKE_SOURCES)
	@rm -rf $(@D)
	@mkdir -p $(@D)
	@cp -rs $(abspath $(MICROPY_DIR)) $(@D)/tree
	@rm -rf $(@D)/tree/lib/mbedtls
	@ln -s $(abspath $(MBEDTLS_DIR)) $(@D)/tree/lib/mbedtls
	@$(call step,cmake-port-$*) sh -c 'cmake -G Ninja -S tests/usermod-cmake -B $(@D) -DPORT_MBEDTLS=ON \
		-DMICROPY_PY_SSL=$(if $(filter builtin,$*),1,0) -DMICROPY_DIR=$(abspath $(@D))/tree \
		-DSSL_EARLIEST_TIME=1780272000 && cmake --build $(@D) -j$(JOBS)'
	@$@ -c 'import ssl, tls; assert ssl.ENGINE == "mbedtls" and hasattr(tls, "ENGINE") == ("$*" == "alone")'
