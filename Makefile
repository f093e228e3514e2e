# SPDX-License-Identifier: Apache-2.0
# otaserve: `make help` lists the targets. Everything is built below build/, nothing beside the sources.

VERSION := 0.1.0
PREFIX ?= /usr/local
BUILD ?= build
CC ?= cc
V ?= 0

# FLAVOUR: release (build/), debug (build/debug/, ASan + UBSan), fuzz (build/fuzz/, libFuzzer; clang only)
FLAVOUR ?= release
OUT := $(if $(filter release,$(FLAVOUR)),$(BUILD),$(BUILD)/$(FLAVOUR))
OBJ := $(BUILD)/obj/$(FLAVOUR)

LIBEXECDIR = $(PREFIX)/libexec/otaserve
WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Isrc -DOTA_PROGRAM_VERSION='"$(VERSION)"' -DOTA_LIBEXECDIR='"$(LIBEXECDIR)"'
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
CFLAGS_debug := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -fPIE
CFLAGS_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LDFLAGS_release := -pie -Wl,-z,relro,-z,now
LDFLAGS_debug := -pie -fsanitize=address,undefined
LDFLAGS_fuzz := -fsanitize=fuzzer,address,undefined
ALL_CFLAGS = -std=c11 $(WARN) $(CFLAGS_$(FLAVOUR)) $(CFLAGS)
ALL_LDFLAGS = $(LDFLAGS_$(FLAVOUR)) $(LDFLAGS)

Q := $(if $(filter 0,$(V)),@)
say = $(if $(filter 0,$(V)),@printf '  %-4s %s\n' '$(1)' '$(2)')

# ---- what is built from what: one library per folder of src, one row per program ----
LIBS := core host image sign release store server ctl sim
# Programs' own main files; every other file of a folder goes into the folder's library.
MAINS := src/server/otaserve.c src/sign/otaserve_signer.c src/ctl/otactl.c src/sim/otadevice.c
PROGRAMS := otaserve otaserve-signer otactl otadevice

main_otaserve := src/server/otaserve.c
libs_otaserve := server store host core
sys_otaserve = -lmicrohttpd -lgnutls -lsqlite3 -lcurl -lcjson -lcrypto -lz -lpthread -ldl -rdynamic
main_otaserve-signer := src/sign/otaserve_signer.c
libs_otaserve-signer := sign release host core
sys_otaserve-signer = -lcrypto -lcurl -lcjson -lz
main_otactl := src/ctl/otactl.c
libs_otactl := ctl store sign release image host core
sys_otactl = -lcrypto -lssl -lcurl -lcjson -lsqlite3 -lz
main_otadevice := src/sim/otadevice.c
libs_otadevice := sim store image host core
sys_otadevice = -lmicrohttpd -lcrypto -lcurl -lcjson -lsqlite3 -lz

UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
UNIT_SYS = -lcmocka -lmicrohttpd -lgnutls -lsqlite3 -lcurl -lcjson -lcrypto -lssl -lz -lpthread -ldl

.PHONY: all bench debug deps demo check check-long conformance fuzz mutation size man install uninstall component clean help format lint tests-build fuzzers power power-proofs walk outage
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAMS:%=$(OUT)/%) ## build the programs into build/ (default)
$(PROGRAMS): %: $(OUT)/%

debug: ## build sanitized programs into build/debug/
	$(Q)$(MAKE) --no-print-directory FLAVOUR=debug all

lib = $(OBJ)/libota_$(1).a
define LIBRARY
$(call lib,$(1)): $$(patsubst src/%.c,$(OBJ)/%.o,$$(filter-out $(MAINS),$$(wildcard src/$(1)/*.c)))
endef
$(foreach l,$(LIBS),$(eval $(call LIBRARY,$(l))))
$(OBJ)/libota_%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(OBJ)/%.o: src/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(OBJ)/tests/%.o: tests/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests/unit $(ALL_CFLAGS) -MMD -MP -c $< -o $@

define PROGRAM
$(OUT)/$(1): $$(patsubst src/%.c,$(OBJ)/%.o,$$(main_$(1))) $$(foreach l,$$(libs_$(1)),$$(call lib,$$(l)))
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(CC) $$(ALL_LDFLAGS) -o $$@ $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(sys_$(1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call PROGRAM,$(p))))

# ---- tests ----
$(OUT)/tests/%: $(OBJ)/tests/unit/%.o $(patsubst tests/%.c,$(OBJ)/tests/%.o,$(wildcard tests/unit/support/*.c)) $(foreach l,$(LIBS),$(call lib,$(l)))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(UNIT_SYS)

# Power-cut proofs on a simulated board: tests/power/power*.c have a main(), sim_*.c are their world.
POWER_PROOFS := $(patsubst tests/power/%.c,%,$(wildcard tests/power/power*.c))
POWER_PARTS := $(patsubst tests/%.c,$(OBJ)/tests/%.o,$(wildcard tests/power/sim_*.c tests/unit/support/*.c))
$(OUT)/tests/power/%: $(OBJ)/tests/power/%.o $(POWER_PARTS) $(foreach l,$(LIBS),$(call lib,$(l)))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(UNIT_SYS)
power-proofs: $(POWER_PROOFS:%=$(OUT)/tests/power/%)
power: $(OUT)/tests/power/power ## cut the power at every flash operation of every update; no board may be lost (minutes)
	$(Q)bash -o pipefail -c '$(OUT)/tests/power/power $(POWER_ARGS) | tee $(OUT)/power.txt'

# Random walks of the same boards, and fleets whose server goes away.
$(OUT)/tests/power/walk: $(patsubst tests/%.c,$(OBJ)/tests/%.o,$(wildcard tests/power/walk_*.c))
WALK_SEEDS ?= 10000
OUTAGE_BOARDS ?= 200
walk: $(OUT)/tests/power/walk ## random walks of simulated boards, WALK_SEEDS (10000) of them: five minutes on two cores
	$(Q)$< --seeds $(WALK_SEEDS) --jobs 2
outage: $(OUT)/tests/power/outage ## fleets of OUTAGE_BOARDS (200) under a rollout whose server goes away
	$(Q)$< --boards $(OUTAGE_BOARDS)

# The ESP port over doubles of the ESP-IDF calls it makes (tests/esp/idf declares them, tests/esp/double are they), in two builds:
# tests named test_esp_secure_* have Secure Boot, flash encryption and anti-rollback in theirs.
ESP_PORT := firmware/components/ota_port_esp
ESP_TESTS := $(patsubst tests/esp/%.c,%,$(wildcard tests/esp/test_*.c))
ESP_PARTS := $(wildcard $(ESP_PORT)/src/*.c tests/esp/double/*.c tests/esp/support/*.c)
ESP_SYS = -lmbedcrypto
# As ESP-IDF 6 and as 5.5 has it: the crypto port is chosen by file.
esp_leaves_plain := $(ESP_PORT)/src/crypto_mbedtls.c
esp_leaves_secure := $(ESP_PORT)/src/crypto_psa.c
esp_build = $(if $(filter test_esp_secure%,$(1)),secure,plain)
esp_flags_secure := -DOTA_ESP_SECURE
define ESP_BUILD
$(OBJ)/esp/$(1)/%.o: %.c
	$$(call say,CC,$$<)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(CC) $$(CPPFLAGS) $$(esp_flags_$(1)) -I$(ESP_PORT)/include -I$(ESP_PORT)/src -Itests/esp -Itests/esp/idf -Itests/unit $$(ALL_CFLAGS) -MMD -MP -c $$< -o $$@
$(OBJ)/libesp_$(1).a: $(patsubst %.c,$(OBJ)/esp/$(1)/%.o,$(filter-out $(esp_leaves_$(1)),$(ESP_PARTS)))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach b,plain secure,$(eval $(call ESP_BUILD,$(b))))
define ESP_TEST
$(OUT)/tests/$(1): $(OBJ)/esp/$(call esp_build,$(1))/tests/esp/$(1).o $(OBJ)/libesp_$(call esp_build,$(1)).a $(patsubst tests/%.c,$(OBJ)/tests/%.o,$(wildcard tests/unit/support/*.c)) $(foreach l,$(LIBS),$(call lib,$(l)))
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(UNIT_SYS) $$(ESP_SYS)
endef
$(foreach t,$(ESP_TESTS),$(eval $(call ESP_TEST,$(t))))

# otactl whose N-th write or allocation fails (tests/cli/faults.sh): the calls of these functions go to tests/cli/faulty.c.
FAULTY := write pwrite fsync ftruncate rename link mkostemp fchmod mkdir open calloc realloc strdup vasprintf
$(OUT)/tests/faulty-otactl: $(OBJ)/ctl/otactl.o $(OBJ)/tests/cli/faulty.o $(foreach l,$(libs_otactl),$(call lib,$(l)))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) $(FAULTY:%=-Wl,--wrap=%) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(sys_otactl)

# A harness with libFuzzer's main(), or with one that replays files.
FUZZ_PARTS := fuzz board $(if $(filter fuzz,$(FLAVOUR)),,replay)
$(OUT)/tests/fuzz/%: $(OBJ)/tests/fuzz/%.o $(FUZZ_PARTS:%=$(OBJ)/tests/fuzz/%.o) $(call lib,image) $(call lib,release) $(call lib,host) $(call lib,core)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcrypto -lcurl -lcjson -lz
fuzzers: $(FUZZERS:%=$(OUT)/tests/fuzz/%)
tests-build: all $(OUT)/tests/faulty-otactl $(UNIT_TESTS:%=$(OUT)/tests/%) $(ESP_TESTS:%=$(OUT)/tests/%) fuzzers power-proofs

fuzz: deps ## run every fuzzer for FUZZ_SECONDS (600), two at a time; needs clang
	$(Q)tests/fuzz/run.sh $(BUILD)/fuzz

mutation: ## break the verifier on purpose, one condition at a time: a unit test must notice (minutes)
	$(Q)tests/mutation/run.py

size: ## code and memory of the core on a 32-bit chip, against tests/size/budget
	$(Q)tests/size/size.py || [ $$? -eq 77 ]

# ---- speed ----
$(OUT)/bench/load: $(OBJ)/tests/bench/load.o
$(OUT)/bench/images: $(OBJ)/tests/bench/images.o $(foreach l,image host core,$(call lib,$(l)))
$(OUT)/bench/%:
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcurl -lcjson -lcrypto -lz

bench: deps ## how fast: signing, inspecting, provisioning and serving, beside esptool and espsecure where installed
	$(Q)$(MAKE) --no-print-directory all $(OUT)/bench/load $(OUT)/bench/images
	$(Q)tests/bench/run.sh $(OUT)

# ---- conformance: the core's client behind the suite's command line, with two verifiers ----
CLIENT_OBJECTS := $(patsubst %,$(OBJ)/tests/conformance/%.o,tuf_client shelf verifier)
define CLIENT
.PHONY: $(1)
$(1): $(OUT)/$(1)
$(OUT)/$(1): $$(CLIENT_OBJECTS) $(OBJ)/tests/conformance/verifier_$(2).o $$(foreach l,host core,$$(call lib,$$(l)))
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -lcurl -lcjson -lcrypto
endef
$(eval $(call CLIENT,tuf-client,host))
$(eval $(call CLIENT,tuf-client-chip,chip))
conformance: tuf-client tuf-client-chip ## the public TUF suite; TUF_CONFORMANCE=, PYTHON_TUF=, SECURESYSTEMSLIB=DIR are its sources
	$(Q)tests/conformance/run.sh $(OUT)

check: deps ## build sanitized, run unit, CLI and network tests (a minute or two)
	$(Q)$(MAKE) --no-print-directory FLAVOUR=debug tests-build
	$(Q)tests/run.sh --out $(BUILD)/debug check

check-long: deps ## the longer tests: clang and release builds, fault injection, mutation, size
	$(Q)OTA_SUITE_SECONDS=$${OTA_SUITE_SECONDS:-1200} tests/run.sh --out $(BUILD)/debug check-long

demo: deps ## make keys, start the daemon, take a virtual board through an update, show it
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD_DIR='$(abspath $(OUT))' tests/demo.sh

# ---- packages ----
deps: $(BUILD)/.deps-checked ## install the Debian packages that are missing
$(BUILD)/.deps-checked: tests/deps.sh
	$(Q)mkdir -p $(@D)
	$(Q)tests/deps.sh
	$(Q)touch $@

man: all ## write the OPTIONS of the man pages from the verb tables
	$(Q)tests/man.sh --write $(OUT)

# ESP-IDF components for people who do not clone the whole repository.
component: OUT := $(if $(filter command line environment,$(origin OUT)),$(OUT),$(BUILD)/component)
component: ## write the firmware's components, self-contained, into OUT (build/component)
	$(Q)firmware/component.sh $(VERSION) '$(OUT)'

install: all ## DESTDIR and PREFIX are honoured
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(LIBEXECDIR)
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man8
	install -d $(DESTDIR)$(PREFIX)/share/otaserve/manifests
	install -m 755 $(OUT)/otactl $(OUT)/otadevice $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(OUT)/otaserve $(DESTDIR)$(PREFIX)/sbin
	install -m 755 $(OUT)/otaserve-signer $(DESTDIR)$(LIBEXECDIR)
	install -m 644 man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 manifests/*.json $(DESTDIR)$(PREFIX)/share/otaserve/manifests

uninstall: ## remove what install put there
	cd $(DESTDIR)$(PREFIX) && rm -f bin/otactl bin/otadevice sbin/otaserve share/man/man1/otactl.1 share/man/man1/otadevice.1
	cd $(DESTDIR)$(PREFIX) && rm -f share/man/man5/ota.conf.5 share/man/man5/ota-manifest.5 share/man/man5/ota-bundle.5 share/man/man8/otaserve.8
	rm -rf $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(PREFIX)/share/otaserve

format: ## clang-format all sources
	clang-format -i $(shell find include src firmware tests -name '*.[ch]')

lint: ## cppcheck
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --suppress=missingIncludeSystem -Iinclude -Isrc src

clean: ## remove build/
	rm -rf $(BUILD)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
