# SPDX-License-Identifier: GPL-2.0-only
#
# make builds what a user needs; make help lists the rest. Variables a user may set:
#
#   CC CFLAGS CPPFLAGS LDFLAGS   as always; CFLAGS is optimisation only, warnings stay
#   FIO                          the fio that will load the engine (default: from PATH)
#   FIO_SRC                      its source (default: fetched from the distribution's archive)
#   FIO_CONFIGURE                flags for its configure, where they cannot be found out
#   PREFIX LIBDIR DESTDIR        for install; LIBDIR is PREFIX/lib unless given
#   SANITIZE=address,undefined   builds with gcc's sanitizers, into a directory of its own; check with
#                                T='unit_ io.bats ...' then tests that
#   WERROR=1                     warnings are errors
#   V=1                          shows the commands
#   B                            the directory to build in

SHELL := /bin/bash
comma := ,
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

ifeq ($(origin CC),default)
CC := gcc
endif
FIO ?= fio
FIO_SRC ?=
FIO_CONFIGURE ?=
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=
CFLAGS ?= -O2 -g
COVERAGE ?=
B ?= build$(if $(SANITIZE),/sanitize-$(subst $(comma),-,$(SANITIZE)))$(if $(COVERAGE),/coverage)

# What users run lies in the root of the repository; other builds keep theirs to themselves.
OUT := $(if $(filter build,$(B)),,$(B)/)
ENGINE := $(OUT)libdgen_engine.so
MEASURE := $(OUT)dgen-measure
COMMAND := $(OUT)dgen
BENCH_COMMAND := $(OUT)dgen-bench
LIBDGEN := $(OUT)libdgen.a
LIBDGEN_SO := $(OUT)libdgen.so
# One more with each change that breaks programs: they ask for the library by this name.
SONAME := libdgen.so.1
VERSION := $(shell sed -n 's/.*DGEN_VERSION "\(.*\)"/\1/p' version.h)
# One source of fio for all builds.
FIO_DIR := build/fio

export COVERAGE CC CFLAGS CPPFLAGS FIO FIO_SRC FIO_CONFIGURE

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
MAKEFLAGS += --no-print-directory
endif

# ---------------------------------------------------------------- flags

MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null)
X86_64 := $(filter x86_64%,$(MACHINE))
AARCH64 := $(filter aarch64%,$(MACHINE))

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough \
	$(if $(WERROR),-Werror)
# Sanitizers bring their own checks, and fortified functions hide from them.
HARDENING := $(if $(SANITIZE)$(filter -O0,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2) \
	-fstack-protector-strong $(if $(X86_64),-fstack-clash-protection -fcf-protection)
SANITIZERS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover)
# gcc's count of lines, for make coverage.
COUNTERS := $(if $(COVERAGE),-O1 --coverage -fprofile-update=atomic)

# The same source makes the same bytes wherever it lies: its directory is in no debug information.
BASE_FLAGS := -std=gnu11 -pthread -ffile-prefix-map=$(CURDIR)=. -fPIC -fvisibility=hidden \
	$(WARNINGS) $(HARDENING) $(CPPFLAGS) $(CFLAGS) $(SANITIZERS) $(COUNTERS)
LINK_FLAGS := -pthread -Wl,-z,relro -Wl,-z,now -Wl,--as-needed $(SANITIZERS) $(COUNTERS) $(LDFLAGS)

# fio's own flags for its engines, as far as its headers look at them. -isystem keeps the warnings
# of those headers out.
FIO_FLAGS := -D_GNU_SOURCE -D_LARGEFILE_SOURCE -D_FILE_OFFSET_BITS=64 -DFIO_INTERNAL \
	-DFIO_INC_DEBUG -isystem $(FIO_DIR)/src -include $(FIO_DIR)/src/config-host.h \
	-include $(FIO_DIR)/version.h

# The kernels count on loops of known length being unrolled. A product and a sum rounded at once, as some
# processors can, would give other bytes there.
GENERATOR_FLAGS := -D_GNU_SOURCE -Igenerator -ffp-contract=off $(if $(filter -O2,$(CFLAGS)),$(if $(COVERAGE),,-O3))
ENGINE_FLAGS := -I. -Iengine -Igenerator -Iverify $(FIO_FLAGS)
MEASURE_FLAGS := -I. -Imeasure
COMMAND_FLAGS := -D_GNU_SOURCE -I. -Icommand -Igenerator -Iverify
VERIFY_FLAGS := -D_GNU_SOURCE -Igenerator -Iverify
TEST_FLAGS := -D_GNU_SOURCE -I. -Igenerator -Iverify

GENERATOR_LIBS := -lm
ENGINE_LIBS := -luring -laio -lhwloc -lm
MEASURE_LIBS := -llz4 -lzstd -lz -llzo2 -lxxhash -lm
TEST_LIBS := -lcmocka -llz4 -lzstd -lxxhash -lhwloc -lm

# One kernel per ISA: generator/kernel_<isa>.c is compiled for that ISA, everything else for the
# baseline. Each is left out where the compiler is for another processor.
KERNEL_FLAGS_avx2 := -mavx2 -maes -mprfchw
KERNEL_FLAGS_aesni := -maes -mprfchw
KERNEL_FLAGS_vaes := -mavx2 -mvaes -mprfchw
KERNEL_FLAGS_avx512 := -mavx512f -mavx512bw -mvaes -mprfchw
KERNEL_FLAGS_neon := -march=armv8-a+crypto
X86_KERNELS := aesni avx2 vaes avx512
ARM_KERNELS := neon
KERNELS := $(if $(X86_64),$(X86_KERNELS)) $(if $(AARCH64),$(ARM_KERNELS))
OTHER_KERNELS := $(filter-out $(KERNELS),$(X86_KERNELS) $(ARM_KERNELS))

# ---------------------------------------------------------------- files

GENERATOR_SRC := $(sort $(wildcard generator/*.c))
GENERATOR_SRC := $(filter-out $(OTHER_KERNELS:%=generator/kernel_%.c),$(GENERATOR_SRC))
ENGINE_SRC := $(sort $(wildcard engine/*.c))
VERIFY_SRC := $(sort $(wildcard verify/*.c))
MEASURE_SRC := $(sort $(wildcard measure/*.c))
COMMAND_SRC := $(sort $(wildcard command/*.c))
BENCH_COMMAND_SRC := $(sort $(wildcard command/bench/*.c))
# What dgen-bench has of others.
BENCH_SHARED := command/values command/data command/human command/hold engine/device
EXAMPLE_SRC := $(sort $(wildcard examples/*.c))
BENCH_SRC := $(sort $(wildcard results/generator/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit_*.c))
# What several unit tests share.
UNIT_COMMON_SRC := $(filter-out $(UNIT_SRC),$(sort $(wildcard tests/*.c)))

object = $(patsubst %.c,$(B)/%.o,$(1))
GENERATOR_OBJ := $(call object,$(GENERATOR_SRC))
ENGINE_OBJ := $(call object,$(ENGINE_SRC))
VERIFY_OBJ := $(call object,$(VERIFY_SRC))
MEASURE_OBJ := $(call object,$(MEASURE_SRC))
COMMAND_OBJ := $(call object,$(COMMAND_SRC))
BENCH_COMMAND_OBJ := $(call object,$(BENCH_COMMAND_SRC))
EXAMPLE_OBJ := $(call object,$(EXAMPLE_SRC))
BENCH_OBJ := $(call object,$(BENCH_SRC))
UNIT_OBJ := $(call object,$(UNIT_SRC))
UNIT_COMMON_OBJ := $(call object,$(UNIT_COMMON_SRC))
UNIT_BIN := $(UNIT_SRC:tests/%.c=$(B)/tests/%)
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJ := $(call object,$(FUZZ_SRC))
FUZZ_BIN := $(FUZZ_SRC:%.c=$(B)/%)
EXAMPLE_BIN := $(EXAMPLE_SRC:%.c=$(B)/%)
CALIBRATE_BIN := $(B)/calibrate
BENCH := $(B)/bench-generator
ALL_OBJ := $(GENERATOR_OBJ) $(VERIFY_OBJ) $(ENGINE_OBJ) $(MEASURE_OBJ) $(COMMAND_OBJ) \
	$(BENCH_COMMAND_OBJ) $(EXAMPLE_OBJ) $(UNIT_OBJ) $(UNIT_COMMON_OBJ) $(FUZZ_OBJ) $(BENCH_OBJ)

# Man pages where scdoc is there to make them.
MAN := $(if $(shell command -v scdoc),$(patsubst %.scd,$(B)/%,$(sort $(wildcard man/*.scd))))

.PHONY: all tests fuzzers run check check-sanitize coverage soak fuzz bench-generator results quality calibrate \
	lint format install uninstall deb check-deb clean distclean help deps FORCE

# The default.
all: $(ENGINE) $(MEASURE) $(COMMAND) $(BENCH_COMMAND) $(LIBDGEN_SO) $(LIBDGEN) $(MAN) ## build engine, library and programs
	@:

tests: $(UNIT_BIN) $(EXAMPLE_BIN) $(CALIBRATE_BIN) ## build the unit tests and the example
	@:

# By make fuzz, with clang.
fuzzers: $(FUZZ_BIN)
	@:

# ---------------------------------------------------------------- compile and link

# $(B)/flags changes only when the compiler, a flag or the list of files does.
define BUILD_KEY
$(shell $(CC) --version 2>/dev/null | head -n 1)
$(CC) $(BASE_FLAGS) $(LINK_FLAGS)
$(GENERATOR_FLAGS) $(VERIFY_FLAGS) $(ENGINE_FLAGS) $(MEASURE_FLAGS) $(COMMAND_FLAGS) $(TEST_FLAGS)
$(foreach k,$(KERNELS),$(KERNEL_FLAGS_$(k))) $(GENERATOR_LIBS) $(ENGINE_LIBS) $(MEASURE_LIBS) $(TEST_LIBS)
$(ALL_OBJ)
endef
export BUILD_KEY

$(B)/flags: FORCE
	@mkdir -p $(@D)
	@[ "$$BUILD_KEY" = "$$(cat $@ 2>/dev/null)" ] || printf '%s\n' "$$BUILD_KEY" > $@

# What is missing is said once, before the compiler fails on it.
$(B)/deps: .ci/deps
	@mkdir -p $(@D)
	@.ci/deps build
	@touch $@

# The script touches its stamp only when fio, its source or their configuration changed.
$(FIO_DIR)/stamp: FORCE | $(B)/deps
	@engine/fio-source.sh $(FIO_DIR)

$(ENGINE_OBJ): $(FIO_DIR)/stamp

$(GENERATOR_OBJ): OBJ_FLAGS = $(GENERATOR_FLAGS)
$(VERIFY_OBJ): OBJ_FLAGS = $(VERIFY_FLAGS)
$(ENGINE_OBJ): OBJ_FLAGS = $(ENGINE_FLAGS)
$(MEASURE_OBJ): OBJ_FLAGS = $(MEASURE_FLAGS)
$(COMMAND_OBJ) $(BENCH_COMMAND_OBJ) $(EXAMPLE_OBJ): OBJ_FLAGS = $(COMMAND_FLAGS)
$(UNIT_OBJ) $(UNIT_COMMON_OBJ) $(FUZZ_OBJ): OBJ_FLAGS = $(TEST_FLAGS)
# It needs the types of fio's options.
$(B)/tests/fuzz/fuzz_options.o: OBJ_FLAGS = $(ENGINE_FLAGS)
$(B)/tests/fuzz/fuzz_options.o: $(FIO_DIR)/stamp
# It races with what the user's CFLAGS make of the generator.
$(BENCH_OBJ): OBJ_FLAGS = $(GENERATOR_FLAGS)
$(foreach k,$(KERNELS),$(eval $(B)/generator/kernel_$(k).o: OBJ_FLAGS += $$(KERNEL_FLAGS_$(k))))
# A number's two words go in registers, not as a vector through memory.
$(B)/generator/plan.o $(B)/generator/dgen.o: OBJ_FLAGS += -fno-tree-slp-vectorize
# libFuzzer learns from what is compared only where text or a file is read. Elsewhere comparing is most of what is
# done, and being told of each would be most of its time.
READERS := engine/options command/values measure/options measure/codec verify/track verify/head generator/allowed generator/shares
ifneq ($(findstring fuzzer,$(SANITIZE)),)
$(filter-out $(READERS:%=$(B)/%.o),$(ALL_OBJ)): OBJ_FLAGS += -fno-sanitize-coverage=trace-cmp
endif

$(ALL_OBJ): $(B)/%.o: %.c $(B)/flags | $(B)/deps
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(BASE_FLAGS) $(OBJ_FLAGS) -MMD -MP -c -o $@ $<

-include $(ALL_OBJ:.o=.d)

$(LIBDGEN): $(GENERATOR_OBJ) $(B)/flags
	$(say) AR $@
	@rm -f $@
	$(Q)$(AR) rcsD $@ $(GENERATOR_OBJ)

# Without -z defs where the sanitizers' runtime comes with the program only.
$(LIBDGEN_SO): $(GENERATOR_OBJ) generator/libdgen.map $(B)/flags
	$(say) LD $@
	$(Q)$(CC) $(LINK_FLAGS) -shared -Wl,--version-script=generator/libdgen.map \
		-Wl,-soname,$(SONAME) -Wl,-Bsymbolic $(if $(SANITIZE),,-Wl$(comma)-z$(comma)defs) \
		-o $@ $(GENERATOR_OBJ) $(GENERATOR_LIBS)

# One exported symbol: fio looks engines up by name in everything that is loaded.
# nodelete: fio unloads an engine while its threads may still run.
$(ENGINE): $(ENGINE_OBJ) $(VERIFY_OBJ) $(LIBDGEN) engine/engine.map $(B)/flags
	$(say) LD $@
	$(Q)$(CC) $(LINK_FLAGS) -shared -Wl,--version-script=engine/engine.map -Wl,-Bsymbolic \
		-Wl,-z,nodelete -o $@ $(ENGINE_OBJ) $(VERIFY_OBJ) $(LIBDGEN) $(ENGINE_LIBS)

# How values are typed it shares with the others, and nothing else.
$(MEASURE): $(MEASURE_OBJ) $(B)/command/values.o $(B)/flags
	$(say) LD $@
	$(Q)$(CC) $(LINK_FLAGS) -pie -o $@ $(filter %.o,$^) $(MEASURE_LIBS)

$(COMMAND): $(COMMAND_OBJ) $(B)/engine/device.o $(VERIFY_OBJ) $(LIBDGEN) $(B)/flags
	$(say) LD $@
	$(Q)$(CC) $(LINK_FLAGS) -pie -o $@ $(filter %.o,$^) $(LIBDGEN) $(GENERATOR_LIBS)

$(BENCH_COMMAND): $(BENCH_COMMAND_OBJ) $(BENCH_SHARED:%=$(B)/%.o) $(LIBDGEN) $(B)/flags
	$(say) LD $@
	$(Q)$(CC) $(LINK_FLAGS) -pie -o $@ $(filter %.o,$^) $(LIBDGEN) $(GENERATOR_LIBS)

$(EXAMPLE_BIN): %: %.o $(LIBDGEN) $(B)/flags
	$(say) LD $@
	$(Q)$(CC) $(LINK_FLAGS) -pie -o $@ $< $(LIBDGEN) $(GENERATOR_LIBS)

# Uses the codecs of dgen-measure.
$(CALIBRATE_BIN): results/calibrate/calibrate.c $(B)/measure/codec.o $(B)/flags
	$(say) LD $@
	$(Q)$(CC) $(BASE_FLAGS) $(MEASURE_FLAGS) $(LINK_FLAGS) -pie -o $@ $< $(B)/measure/codec.o \
		$(MEASURE_LIBS)

# Without a date, so that the same source makes the same page.
$(MAN): $(B)/%: %.scd
	$(say) MAN $@
	@mkdir -p $(@D)
	$(Q)SOURCE_DATE_EPOCH=0 scdoc < $< > $@

$(UNIT_BIN): $(B)/tests/%: $(B)/tests/%.o $(UNIT_COMMON_OBJ) $(VERIFY_OBJ) $(LIBDGEN) $(B)/flags
	$(say) LD $@
	$(Q)$(CC) $(LINK_FLAGS) -pie -o $@ $< $(UNIT_COMMON_OBJ) $(VERIFY_OBJ) $(LIBDGEN) $(TEST_LIBS)

# Built by make fuzz, with clang: libFuzzer is a part of it.
$(B)/tests/fuzz/fuzz_options: $(B)/engine/options.o $(B)/command/values.o
$(B)/tests/fuzz/fuzz_measure: $(filter-out %/dgen-measure.o,$(MEASURE_OBJ)) $(B)/command/values.o
$(FUZZ_BIN): %: %.o $(VERIFY_OBJ) $(LIBDGEN) $(B)/flags
	$(say) LD $@
	$(Q)$(CC) $(LINK_FLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(LIBDGEN) $(MEASURE_LIBS)

# fio's own fill function, twice: with the flags that fio was configured with (a distribution sets -O2,
# which wins over its -O3), and with those it has where nobody sets any. One symbol of each is kept.
FIO_FILL := $(B)/fio-configured.o $(B)/fio-native.o
FIO_FILL_FLAGS = -std=gnu99 -ffast-math -O3 -w -I$(FIO_DIR)/src -DFIO_INTERNAL -DBITS_PER_LONG=__SIZEOF_LONG__*8 \
	$(shell sed -n 's/^CFLAGS+=//p' $(FIO_DIR)/src/config-host.mak)
FIO_NATIVE = $(if $(shell grep -s ^CONFIG_BUILD_NATIVE=y $(FIO_DIR)/src/config-host.mak),-march=native)
$(B)/fio-configured.o: FILL_FLAGS = $(FIO_NATIVE) $(FIO_FILL_FLAGS)
$(B)/fio-native.o: FILL_FLAGS = $(FIO_FILL_FLAGS) -O3 $(if $(X86_64),-march=native)

$(FIO_FILL): $(B)/fio-%.o: $(FIO_DIR)/stamp $(B)/flags
	$(say) CC "fio's lib/rand.c ($*)"
	$(Q)$(CC) $(FILL_FLAGS) -c -o $@ $(FIO_DIR)/src/lib/rand.c
	$(Q)objcopy --keep-global-symbol=fio_fill_$* \
		--redefine-sym __fill_random_buf=fio_fill_$* $@

$(BENCH): $(BENCH_OBJ) $(FIO_FILL) $(LIBDGEN) $(B)/flags
	$(say) LD $@
	$(Q)$(CC) $(LINK_FLAGS) -o $@ $(BENCH_OBJ) $(FIO_FILL) $(LIBDGEN) $(GENERATOR_LIBS)

# ---------------------------------------------------------------- use and test

deps: ## install the packages that run and check need, if any is missing
	@.ci/deps check

# What is wrong with these is said before anything is installed or built.
RUN = RUN_JOB='$(RUN_JOB)' RUN_DIR='$(RUN_DIR)' RUN_SIZE='$(RUN_SIZE)' KEEP='$(KEEP)' jobs/run-profile
run: ## write the profile of this machine and measure it (RUN_DIR= RUN_SIZE= RUN_JOB= KEEP=1)
	@$(RUN) --check
	@.ci/deps run
	+@$(MAKE) all
	@$(RUN)

# Installs, builds, lints and tests; a failure of any of these is one in the count.
check: ## run all tests and lint; T='name ...' runs those whose name contains a word
	+@MAKE='$(MAKE)' BUILD_DIR='$(B)' T='$(T)' tests/run

# One after the other: with address and undefined behaviour, leaks, races, under valgrind.
check-sanitize: ## the tests of what runs with sanitizers and under valgrind, hours (T=)
	+@MAKE='$(MAKE)' T='$(T)' tests/sanitize

soak: all ## mixed jobs with verify, drawn at random, for DURATION=seconds (SEED= CASE= SHRINK=1)
	@DURATION='$(or $(DURATION),60)' FIO='$(FIO)' ENGINE='$(ENGINE)' tests/soak \
		$(if $(SEED),--seed $(SEED)) $(if $(CASE),--case $(CASE)) $(if $(SHRINK),--shrink)

# gcc counts in a build of its own, which starts from nothing each time. What is built against it, times it, or is
# about other programs is left out.
COVERED := unit_ $(filter-out build.bats library.bats cross.bats bench.bats profiles.bats recipes.bats \
	examples.bats reducing.bats devices.bats crash.bats measure.bats packaging.bats,$(notdir $(wildcard tests/*.bats)))
coverage: ## which lines of engine/ and generator/ the tests run, into build/coverage.txt (T=)
	@find build/coverage -name '*.gcda' -delete 2>/dev/null || :
	+-@$(MAKE) --no-print-directory COVERAGE=1 check T='$(or $(T),$(COVERED))'
	@gcovr --root . --object-directory build/coverage --filter engine/ --filter generator/ \
		--exclude-throw-branches build/coverage > build/coverage.txt
	@cat build/coverage.txt

# clang's sanitizers see what is fuzzed; new inputs lie in build/fuzz/corpus.
fuzz: deps ## fuzz everything that reads what others wrote, one after the other (DURATION=seconds each, T=name)
	+@MAKE='$(MAKE)' DURATION='$(DURATION)' tests/fuzz/run $(T)

bench-generator: $(BENCH) ## race the generator with memset, fio and others (QUICK=1 JSON=FILE BENCH_OPTIONS=)
	@$(BENCH) $(if $(QUICK),--quick) $(if $(JSON),--json='$(JSON)') $(BENCH_OPTIONS)

# The first Python that has matplotlib.
RESULTS_PYTHON = $(firstword $(foreach p,python3 /usr/bin/python3,$(shell $(p) -c 'import matplotlib' 2>/dev/null && echo $(p))) python3)
COMPARE = $(RESULTS_PYTHON) results/compare/run.py $(if $(QUICK),--quick) $(if $(TARGET),--target='$(TARGET)') \
	$(if $(ONLY),--only='$(ONLY)') $(if $(filter 0,$(RESUME)),--fresh) \
	$(if $(YES_DESTROY_DATA),--yes-destroy-data) $(if $(RESULTS),--out='$(RESULTS)')
results: ## measure beside fio and write results/README.md (TARGET= QUICK=1 ONLY='speed ...' RESUME=0 FIO_NEW= RESULTS=dir)
	@! command -v python3 >/dev/null || $(COMPARE) --check
	@.ci/deps results
	+@$(MAKE) all $(BENCH)
	@FIO='$(FIO)' FIO_NEW='$(FIO_NEW)' ENGINE='$(ENGINE)' BENCH_GENERATOR='$(BENCH)' $(COMPARE)

quality: $(B)/tests/unit_quality ## the long tests of randomness, hours (QUALITY='data version ...')
	@results/quality/run.sh '$(B)' '$(LIBDGEN)' $(QUALITY)

# Takes minutes. The table is replaced only by a whole one.
calibrate: $(CALIBRATE_BIN) ## measure the generator's table anew, or fit chunks (CALIBRATE='codecs records chunks')
ifdef CALIBRATE
	@$(CALIBRATE_BIN) $(CALIBRATE)
else
	$(Q)$(CALIBRATE_BIN) --table > $(B)/calibration_table.h
	@mv $(B)/calibration_table.h generator/calibration_table.h
endif

lint: $(FIO_DIR)/stamp ## clang-format, clang-tidy, cppcheck, shellcheck, pyflakes (T=name for one)
	@ENGINE_FLAGS='$(ENGINE_FLAGS)' GENERATOR_FLAGS='$(GENERATOR_FLAGS)' \
		MEASURE_FLAGS='$(MEASURE_FLAGS)' VERIFY_FLAGS='$(VERIFY_FLAGS)' COMMAND_FLAGS='$(COMMAND_FLAGS)' \
		TEST_FLAGS='$(TEST_FLAGS)' \
		KERNEL_FLAGS='$(foreach k,$(X86_KERNELS) $(ARM_KERNELS),$(k)=$(subst $( ) ,$(comma),$(strip $(KERNEL_FLAGS_$(k)))))' \
		tests/lint $(T)

format: ## lay the C sources out as lint wants them
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs -r clang-format -i

# ---------------------------------------------------------------- install

LIB_DIR = $(DESTDIR)$(LIBDIR)
# The programs look for it beside them, whatever LIBDIR is.
ENGINE_DIR = $(DESTDIR)$(PREFIX)/lib/dgen
# Where a fio with dynamic engines and the same prefix looks for ioengine=dgen.
FIO_ENGINE_DIR = $(LIB_DIR)/fio
INCLUDE_DIR = $(DESTDIR)$(PREFIX)/include
PC_DIR = $(LIB_DIR)/pkgconfig
BIN_DIR = $(DESTDIR)$(PREFIX)/bin
JOB_DIR = $(DESTDIR)$(PREFIX)/share/dgen/jobs
MAN_DIR = $(DESTDIR)$(PREFIX)/share/man
BASH_DIR = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSH_DIR = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
JOBS := $(sort $(wildcard jobs/*.fio))
PROGRAMS := dgen dgen-bench dgen-measure

install: all ## install under PREFIX (/usr/local), libraries in LIBDIR, below DESTDIR
	install -d '$(ENGINE_DIR)' '$(FIO_ENGINE_DIR)' '$(INCLUDE_DIR)' '$(PC_DIR)' '$(BIN_DIR)' '$(JOB_DIR)' \
		'$(BASH_DIR)' '$(ZSH_DIR)'
	install -m 755 $(ENGINE) '$(ENGINE_DIR)/libdgen_engine.so'
	ln -sfr '$(ENGINE_DIR)/libdgen_engine.so' '$(LIB_DIR)/libdgen_engine.so'
	ln -sfr '$(ENGINE_DIR)/libdgen_engine.so' '$(FIO_ENGINE_DIR)/fio-dgen.so'
	install -m 755 $(LIBDGEN_SO) '$(LIB_DIR)/$(SONAME)'
	ln -sf $(SONAME) '$(LIB_DIR)/libdgen.so'
	install -m 644 $(LIBDGEN) '$(LIB_DIR)/libdgen.a'
	install -m 644 generator/dgen.h '$(INCLUDE_DIR)/dgen.h'
	sed 's|@PREFIX@|$(PREFIX)|;s|@LIBDIR@|$(LIBDIR)|;s|@VERSION@|$(VERSION)|' generator/dgen.pc.in > '$(PC_DIR)/dgen.pc'
	chmod 644 '$(PC_DIR)/dgen.pc'
	install -m 755 $(COMMAND) '$(BIN_DIR)/dgen'
	install -m 755 $(BENCH_COMMAND) '$(BIN_DIR)/dgen-bench'
	install -m 755 $(MEASURE) '$(BIN_DIR)/dgen-measure'
	install -m 644 $(JOBS) '$(JOB_DIR)'
	sed -i 's|external:\./libdgen_engine\.so|external:$(PREFIX)/lib/dgen/libdgen_engine.so|; s|\./dgen-measure|dgen-measure|; '\
	's|\([ =]\)jobs/\([a-z0-9-]*\.fio\)|\1$(PREFIX)/share/dgen/jobs/\2|' $(foreach job,$(notdir $(JOBS)),'$(JOB_DIR)/$(job)')
	install -m 644 command/completion.bash '$(BASH_DIR)/dgen'
	ln -sf dgen '$(BASH_DIR)/dgen-bench'
	ln -sf dgen '$(BASH_DIR)/dgen-measure'
	install -m 644 command/completion.zsh '$(ZSH_DIR)/_dgen'
	$(if $(MAN),install -d '$(MAN_DIR)/man1' '$(MAN_DIR)/man3')
	$(if $(MAN),install -m 644 $(filter %.1,$(MAN)) '$(MAN_DIR)/man1')
	$(if $(MAN),install -m 644 $(filter %.3,$(MAN)) '$(MAN_DIR)/man3')
	$(if $(DESTDIR),,-@[ $$(id -u) -ne 0 ] || ldconfig)

uninstall: ## remove what install installed
	rm -f '$(ENGINE_DIR)/libdgen_engine.so' '$(LIB_DIR)/libdgen_engine.so' \
		'$(FIO_ENGINE_DIR)/fio-dgen.so' '$(LIB_DIR)/$(SONAME)' '$(LIB_DIR)/libdgen.so' \
		'$(LIB_DIR)/libdgen.a' '$(INCLUDE_DIR)/dgen.h' '$(PC_DIR)/dgen.pc' \
		$(foreach program,$(PROGRAMS),'$(BIN_DIR)/$(program)' '$(BASH_DIR)/$(program)' \
			'$(MAN_DIR)/man1/$(program).1') \
		'$(ZSH_DIR)/_dgen' '$(MAN_DIR)/man1/fio-engine-dgen.1' '$(MAN_DIR)/man3/dgen.3' \
		$(foreach job,$(notdir $(JOBS)),'$(JOB_DIR)/$(job)')
	@rmdir --ignore-fail-on-non-empty '$(JOB_DIR)' '$(dir $(JOB_DIR))' '$(ENGINE_DIR)' \
		'$(FIO_ENGINE_DIR)' 2>/dev/null || :

deb: ## build Debian packages into build/deb, for the fio that is installed here
	@.ci/deps deb
	+@$(MAKE) $(FIO_DIR)/stamp
	@debian/build.sh build/deb '$(abspath $(FIO_DIR)/src)'

check-deb: deb ## build them twice, and install, try and purge them in a clean chroot (root; minutes)
	@debian/check.sh build/deb '$(abspath $(FIO_DIR)/src)' || [ $$? -eq 77 ]

# What the default build leaves in the root of the repository.
PRODUCTS := libdgen_engine.so libdgen.so libdgen.a dgen dgen-bench dgen-measure

clean: ## remove what was built; keeps the source of fio
	@find build -mindepth 1 -maxdepth 1 ! -name fio -exec rm -rf {} + 2>/dev/null || :
	@rm -f $(PRODUCTS)

distclean: ## remove everything that make made
	@rm -rf build $(PRODUCTS)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@sed -n '3,14{/^# make/d;s/^# \{0,1\}//p}' $(firstword $(MAKEFILE_LIST))
