# SPDX-License-Identifier: 0BSD
# The targets that run something, and the test programs.

.PHONY: run test soak size lint mutants
run: ## boot the kernel in QEMU and show its report (ARGS="--smp 4")
	./run-qemu.sh $(ARGS)

test: ## run every test suite, installing what they need (15 minutes)
	tests/run.sh

size: kernel ## print lines of source and bytes of code by folder
	@tools/size $(SIZE) $(O)/kernel-objs

lint: ## check includes, formats, scripts, manual pages and licences (10 s)
	tests/run.sh lint

# ROW=18: those of a row of docs/known-bugs.md.  ARGS: see tests/bugs/run.sh --help.
mutants: ## put each known bug into a copy of the tree and show which test finds it (1 hour; ROW=18)
	+O=$(O) tests/bugs/run.sh $(ROW:%=--row %) $(ARGS)

# PATH names what is changed; make has then lost the real one, and gets it back from its environment.
.PHONY: mutate
ifeq ($(origin PATH),command line)
MUTATE := $(PATH)
override PATH := $(shell PATH=/usr/bin:/bin; tr '\0' '\n' </proc/$$PPID/environ | sed -n 's/^PATH=//p')
endif
mutate: ## change the code by rule and show what no test notices: 2 s a change, with guests 5 to 30 s (PATH=lib/pvclock NUMBER=100 SEED=1)
	@env -u MAKEFLAGS -u MAKEOVERRIDES PATH='$(PATH)' O=$(O) PYTHONDONTWRITEBYTECODE=1 \
		tests/mutate/mutate.py $(or $(MUTATE),lib/pvclock lib/timepage) \
		$(if $(NUMBER),--number $(NUMBER)) $(if $(SEED),--seed $(SEED)) $(ARGS)

soak: kernel ## random events to a guest under KVM: MINUTES=30, SEED=N of an earlier run, HTML=FILE
	PYTHONDONTWRITEBYTECODE=1 tests/events/soak.py $(MINUTES) $(if $(SEED),--seed $(SEED)) \
		$(if $(HTML),--html '$(HTML)')

.PHONY: pauses
pauses: kernel ## pause a guest for 22 s at each place and in each stage of its report, and at its ticks (12 minutes)
	PAUSE_SECONDS=22 tests/events/run.sh report-pauses report-pause-storm

.PHONY: attack
attack: kernel ## attack the kernel from ring 3, on 2 and 8 vCPUs: MINUTES=4, SEED=N of an earlier run
	tests/guest/attack.sh $(or $(MINUTES),4) $(SEED)

# ---- Test programs ------------------------------------------------------------------------------
#
# tests/DIR/NAME_test.c, a program of cmocka's, becomes $(O)/tests/DIR/NAME, which is linked with the
# C files among its prerequisites.  NAME.VARIANT is the same program with the flags of the variant.
# $(O)/tests/DIR/NAME.run runs it, and prints PASS and FAIL lines.

TESTS := $(O)/tests

TEST_WERROR ?= -Werror
TEST_WARN := -Wall -Wextra -Wshadow -Wconversion -Wundef $(TEST_WERROR)
# By default, what finds most; TEST_LANGUAGE, TEST_OPTIMIZE and TEST_DEFINES are set below where they differ.
TEST_LANGUAGE := -std=gnu11
TEST_OPTIMIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
TEST_DEFINES :=
UBSAN := -g -fsanitize=undefined -fno-sanitize-recover=all
# The host is scripted: between any two steps of a reader it may take one.
SCRIPTED_HOST := '-DPVCLOCK_PORT_HEADER=<pvclock/port/mock.h>'
SCRIPTED_TSC := '-DTSC_PORT_HEADER=<tsc/port/mock.h>'
# Headers of tests/hosted in place of those for the instructions that a driver uses.
HOSTED := -Itests/hosted
# Random cases of a program, unless TEST_COUNT says how many.
TEST_CASES := 1000000

TEST_NAMES := $(patsubst tests/%_test.c,%,$(wildcard tests/*/*_test.c tests/*/*/*_test.c))
TEST_HEADERS := $(wildcard $(foreach d,tests lib include arch boot base drivers kernel userspace_sim, \
	$(d)/*.h $(d)/*/*.h $(d)/*/*/*.h $(d)/*/*/*/*.h))
# 32-bit programs, other compilers, and what else is worth a build of its own.
TEST_VARIANTS := lib/pvclock/clock.m32 $(addprefix lib/tsc/,calendar.m32 rtc.m32 tsc.m32 exact.m32) \
	lib/pvclock/vectors.m32 \
	lib/timepage/race.m32 lib/timecounter/interleave.m32 lib/timecounter/race.tsan \
	lib/pvclock/port.m32 lib/timecounter/port.m32 lib/tsc/port.m32 \
	$(addprefix lib/timecounter/exact.,portable m32 clang clang-m32)
# The longest first, as several run at once.
TEST_LONG := lib/pvclock/exact kernel/clock/clock lib/timecounter/exact
TEST_PROGRAMS := $(TEST_LONG) $(TEST_VARIANTS) $(filter-out $(TEST_LONG),$(TEST_NAMES))

.PHONY: test-programs check-programs list-programs
test-programs: $(TEST_PROGRAMS:%=$(TESTS)/%) ## build the test programs
check-programs: $(TEST_PROGRAMS:%=$(TESTS)/%.run) ## build and run the test programs (2 minutes)
list-programs:
	@printf '%s\n' $(TEST_PROGRAMS)

define build_test
@mkdir -p $(@D)
$(SAY) "  TEST    $@"
$(Q)$(CC) $(TEST_LANGUAGE) $(TEST_WARN) $(TEST_OPTIMIZE) $(TEST_DEFINES) -I. -Ilib -Iinclude $(TEST_FLAGS) \
	-o $@ $(filter %.c,$^) -lcmocka -lpthread || \
	{ echo "FAIL $(subst /,.,$(@:$(TESTS)/%=%)): does not compile"; exit 1; }
endef

$(TESTS)/%: tests/%_test.c $(TEST_HEADERS)
	$(build_test)

# variant NAME,FLAGS,COMPILER
define variant
$$(TESTS)/%.$(1): TEST_FLAGS := $(2)
$(if $(3),$$(TESTS)/%.$(1): CC := $(3))
$$(TESTS)/%.$(1): tests/%_test.c $(TEST_HEADERS)
	$$(build_test)
endef
$(eval $(call variant,m32,-m32))
$(eval $(call variant,gcc,,gcc))
$(eval $(call variant,clang,,clang))
$(eval $(call variant,clang-m32,-m32,clang))
$(eval $(call variant,tsan,-fsanitize=thread -Wno-tsan))
$(eval $(call variant,portable,-DTIMECOUNTER_NO_INT128))

# No file of this name is made, so that each make runs it.
$(TESTS)/%.run: $(TESTS)/%
	@TEST_COUNT="$${TEST_COUNT:-$(TEST_CASES)}" tests/program.sh $(TESTS) $*

# ---- What each is made of, and how ----

$(TESTS)/arch/x86/firmware: arch/x86/acpi.c arch/x86/mptable.c
$(addprefix $(TESTS)/arch/x86/,features trap wait): TEST_DEFINES := $(HOSTED)
# Its symbols stand for addresses of the kernel, which may be any.
$(TESTS)/arch/x86/trap: TEST_FLAGS := -fno-pie -no-pie -mcmodel=large
$(TESTS)/arch/x86/trap: arch/x86/trap.c arch/x86/cpu.c
$(TESTS)/arch/x86/features: $(addprefix arch/x86/,features.c machine_check.c apic.c)
$(TESTS)/boot/bootinfo: boot/bootinfo.c
$(TESTS)/base/format: base/format.c
$(TESTS)/base/text: base/text.c
CALENDAR := lib/tsc/calendar.c lib/tsc/divide.c
$(TESTS)/base/calendar: base/calendar.c base/format.c $(CALENDAR)
$(TESTS)/base/report: tests/serial.c $(addprefix base/,report.c record.c console.c format.c text.c)
$(TESTS)/base/sysctl: base/sysctl.c base/text.c base/format.c

TIMEPAGE := lib/timepage/gettime.c lib/pvclock/pvclock.c
TREE := base/sysctl.c base/format.c base/text.c
DRIVER_KVMCLOCK := drivers/kvmclock/kvmclock.c kernel/clock/played_host.c $(LIB_PVCLOCK_SRCS) $(TREE)
$(TESTS)/drivers/%: TEST_DEFINES := $(HOSTED)
$(addprefix $(TESTS)/drivers/kvmclock/,kvmclock registration state): TEST_DEFINES := $(HOSTED) $(SCRIPTED_HOST)
$(TESTS)/drivers/kvmclock/kvmclock $(TESTS)/drivers/kvmclock/race: $(DRIVER_KVMCLOCK)
$(TESTS)/drivers/kvmclock/registration: $(DRIVER_KVMCLOCK) $(LIB_TIMECOUNTER_SRCS)
$(TESTS)/drivers/kvmclock/state: tests/serial.c $(DRIVER_KVMCLOCK) drivers/kvmclock/kvmclock_report.c \
	$(addprefix base/,report.c record.c console.c)
$(TESTS)/drivers/rtc/rtc: drivers/rtc/rtc.c lib/tsc/rtc.c $(CALENDAR)
$(TESTS)/drivers/tsc/tsc: TEST_DEFINES := $(HOSTED) $(SCRIPTED_TSC)
$(TESTS)/drivers/tsc/tsc: drivers/tsc/tsc.c $(LIB_TSC_SRCS) $(TREE)
$(TESTS)/drivers/tsc/report: tests/serial.c drivers/tsc/tsc_report.c $(LIB_TSC_SRCS) \
	$(addprefix base/,report.c record.c console.c format.c text.c)
$(TESTS)/drivers/i8254/i8254: drivers/i8254/i8254.c

$(TESTS)/kernel/clock/%: TEST_OPTIMIZE := -O2 $(UBSAN)
$(TESTS)/kernel/clock/%: TEST_WARN := -Wall -Wextra $(TEST_WERROR)
KERNEL_CLOCK := tests/kernel/clock/machine.c $(addprefix kernel/clock/,clock.c choice.c) $(TREE) \
	$(LIB_TIMECOUNTER_SRCS)
$(TESTS)/kernel/clock/clock: $(KERNEL_CLOCK) kernel/selftest/continuity.c kernel/selftest/deviation.c
$(TESTS)/kernel/clock/wall: $(KERNEL_CLOCK) kernel/clock/wall.c lib/pvclock/pvclock.c
$(TESTS)/kernel/clock/time_page: TEST_DEFINES := $(HOSTED)
$(TESTS)/kernel/clock/time_page: kernel/clock/time_page.c $(LIB_PVCLOCK_SRCS) $(TREE)
$(TESTS)/kernel/clock/events: kernel/clock/events.c base/format.c
$(TESTS)/kernel/process/offsets: kernel/process/offsets.c
$(TESTS)/kernel/process/device: kernel/process/device.c
$(TESTS)/kernel/process/jobs: kernel/process/jobs.c
$(TESTS)/kernel/process/threads: kernel/process/threads.c
$(TESTS)/kernel/process/system_calls $(TESTS)/kernel/process/process: TEST_DEFINES := $(HOSTED)
$(TESTS)/kernel/process/system_calls: kernel/process/system_calls.c
$(TESTS)/kernel/process/process: kernel/process/process.c kernel/process/words.c
$(TESTS)/kernel/process/pauses: kernel/process/system_calls.c
$(TESTS)/kernel/shell/line: kernel/shell/line.c base/format.c

$(TESTS)/userspace_sim/%: TEST_DEFINES := $(HOSTED) $(SCRIPTED_HOST)
$(TESTS)/userspace_sim/%: TEST_OPTIMIZE := -O2 $(UBSAN)
$(TESTS)/userspace_sim/offset: userspace_sim/offset.c
$(TESTS)/userspace_sim/readers: TEST_DEFINES := $(HOSTED) $(SCRIPTED_HOST) -DPVCLOCK_MOCK_HAS_VCPU_WORD
$(TESTS)/userspace_sim/readers: $(addprefix userspace_sim/,reader.c attach.c clocks.c verdict.c) base/format.c \
	lib/pvclock/pvclock.c

$(TESTS)/lib/%: TEST_LANGUAGE := -std=c11 -Wpedantic
$(TESTS)/lib/pvclock/%: TEST_DEFINES := $(SCRIPTED_HOST)
$(TESTS)/lib/pvclock/%: TEST_OPTIMIZE := -O2 $(UBSAN)
$(TESTS)/lib/pvclock/clock $(TESTS)/lib/pvclock/clock.m32: TEST_DEFINES := $(SCRIPTED_HOST) -DPVCLOCK_MOCK_HAS_VCPU_WORD
$(TESTS)/lib/pvclock/clock_race: TEST_DEFINES :=
$(TESTS)/lib/pvclock/clock_race: TEST_LANGUAGE := -std=gnu11
$(addprefix $(TESTS)/lib/pvclock/,protocol exact vectors clock clock_race protocol.m32 exact.m32 vectors.m32 clock.m32): $(LIB_PVCLOCK_SRCS)
$(TESTS)/lib/pvclock/vectors.m32: TEST_FLAGS += -I$(TESTS)/lib/pvclock
$(TESTS)/lib/pvclock/vectors: TEST_FLAGS := -I$(TESTS)/lib/pvclock
$(TESTS)/lib/pvclock/vectors $(TESTS)/lib/pvclock/vectors.m32: $(TESTS)/lib/pvclock/vectors_table.h
$(TESTS)/lib/pvclock/vectors_table.h: tests/lib/pvclock/vectors_table.py $(wildcard vectors/*.json)
	@mkdir -p $(@D)
	@python3 $< vectors >$@
$(TESTS)/lib/pvclock/port $(TESTS)/lib/pvclock/port.m32: TEST_DEFINES := -D_GNU_SOURCE '-DPVCLOCK_VCPU_WORD_AT="%%gs:0"'
$(TESTS)/lib/pvclock/exact.run: TEST_CASES := 100000000

$(TESTS)/lib/timepage/%: TEST_LANGUAGE := -std=gnu11
$(TESTS)/lib/timepage/gettime: TEST_DEFINES := $(SCRIPTED_HOST)
$(TESTS)/lib/timepage/decision $(TESTS)/lib/timepage/word: TEST_DEFINES := $(SCRIPTED_HOST) -DPVCLOCK_MOCK_HAS_VCPU_WORD
$(addprefix $(TESTS)/lib/timepage/,decision gettime word race race.m32): $(TIMEPAGE)

$(TESTS)/lib/tsc/%: TEST_DEFINES := $(SCRIPTED_TSC)
$(TESTS)/lib/tsc/calendar $(TESTS)/lib/tsc/calendar.m32: TEST_DEFINES := -D_DEFAULT_SOURCE -D_TIME_BITS=64 \
	-D_FILE_OFFSET_BITS=64
$(TESTS)/lib/tsc/calendar $(TESTS)/lib/tsc/calendar.m32: $(CALENDAR)
$(TESTS)/lib/tsc/port $(TESTS)/lib/tsc/port.m32: TEST_DEFINES :=
$(TESTS)/lib/tsc/port $(TESTS)/lib/tsc/port.m32: TEST_OPTIMIZE := -O2
$(addprefix $(TESTS)/lib/tsc/,rtc rtc.m32 tsc tsc.m32 exact exact.m32): $(LIB_TSC_SRCS)
$(addprefix $(TESTS)/lib/tsc/,calendar calendar.m32 exact exact.m32): TEST_OPTIMIZE := -O2 $(UBSAN)

$(TESTS)/lib/timecounter/%: TEST_OPTIMIZE := -O2
$(TESTS)/lib/timecounter/timecounter: TEST_OPTIMIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
$(TESTS)/lib/timecounter/interleave: TEST_OPTIMIZE := -O2 $(UBSAN)
$(TESTS)/lib/timecounter/interleave $(TESTS)/lib/timecounter/interleave.m32: \
	TEST_DEFINES := '-DTIMECOUNTER_PORT_HEADER="tests/lib/timecounter/interleave_port.h"'
$(TESTS)/lib/timecounter/race: TEST_DEFINES := -D_DEFAULT_SOURCE '-DTIMECOUNTER_PORT_HEADER="tests/lib/timecounter/race_port.h"'
$(TESTS)/lib/timecounter/race.tsan: TEST_DEFINES := -D_DEFAULT_SOURCE
$(filter $(TESTS)/lib/timecounter/%,$(TEST_PROGRAMS:%=$(TESTS)/%)): $(LIB_TIMECOUNTER_SRCS)
$(TESTS)/lib/timecounter/exact.run: TEST_CASES := 10000000
$(TESTS)/lib/timecounter/race.tsan.run: TEST_CASES := 60000

# ---- Programs that no framework fits: readers in other processes, and libFuzzer -------------------

# The host is never a variant, only what reads is.
RACES := -std=gnu11 -O2 -Wall -Wextra -Wshadow -Wundef -Werror -I. -Ilib
$(TESTS)/lib/pvclock/hyp.o: tools/hyp/hyp.c $(TEST_HEADERS)
	@mkdir -p $(@D)
	@gcc $(RACES) -c $< -o $@

$(TESTS)/lib/pvclock/races.%: tests/lib/pvclock/races.c $(TESTS)/lib/pvclock/hyp.o $(TIMEPAGE)
	@$(CC) $(RACES) $(TEST_FLAGS) '-DPVCLOCK_PORT_HEADER="tests/lib/pvclock/races_port.h"' -o $@ $^
$(TESTS)/lib/pvclock/races.slow-load: TEST_FLAGS := -DVARIANT_SLOW_LOAD
$(TESTS)/lib/pvclock/races.no-fence: TEST_FLAGS := -DVARIANT_SLOW_LOAD -DVARIANT_NO_FENCE
$(TESTS)/lib/pvclock/races.no-recheck: TEST_FLAGS := -DVARIANT_NO_RECHECK

# PVCLOCK_TRIES is small: a busy page is found as well in 16 tries as in 4096.
$(TESTS)/lib/pvclock/fuzz: tests/lib/pvclock/fuzz.c $(LIB_PVCLOCK_SRCS) $(TEST_HEADERS)
	@mkdir -p $(@D)
	@clang -g -O1 -std=c11 -Wall -Wextra -Ilib $(SCRIPTED_HOST) -DPVCLOCK_TRIES=16 \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $(filter %.c,$^) -o $@

$(TESTS)/lib/tsc/fuzz: tests/lib/tsc/fuzz.c $(LIB_TSC_SRCS) $(TEST_HEADERS)
	@mkdir -p $(@D)
	@clang -g -O1 -std=c11 -Wall -Wextra -I. -Ilib $(SCRIPTED_TSC) \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $(filter %.c,$^) -o $@

# ---- lib/pvclock in every build -----------------------------------------------------------------
#
# TEST-FORM-COMPILER-WORD-OPTIMIZATION[-ubsan]: both programs, of the sources and of the single header.

MATRIX_WORDS := m64 m32
PVCLOCK_MATRIX := $(foreach test,protocol exact,$(foreach form,sources single,$(foreach compiler,gcc clang, \
	$(foreach word,$(MATRIX_WORDS),$(foreach optimization,O0 O1 O2 O3 Os O1-ubsan, \
	$(test)-$(form)-$(compiler)-$(word)-$(optimization))))))
part = $(word $(1),$(subst -, ,$*))
FORM_sources := $(SCRIPTED_HOST) $(LIB_PVCLOCK_SRCS)
FORM_single := '-DTEST_SINGLE_HEADER="pvclock_all.h"' -I$(O) $(TESTS)/lib/pvclock/pvclock_all.c

.PHONY: pvclock-matrix
pvclock-matrix: $(PVCLOCK_MATRIX:%=$(TESTS)/lib/pvclock/matrix/%.tap)

$(TESTS)/lib/pvclock/pvclock_all.c:
	@mkdir -p $(@D)
	@printf '#define PVCLOCK_IMPLEMENTATION\n#include "pvclock_all.h"\n' >$@

$(TESTS)/lib/pvclock/matrix/%.tap: $(TESTS)/lib/pvclock/pvclock_all.c $(O)/pvclock_all.h $(TEST_HEADERS) \
		$(LIB_PVCLOCK_SRCS) $(wildcard tests/lib/pvclock/*_test.c)
	@mkdir -p $(@D)
	@$(call part,3) -std=c11 -$(call part,4) -$(call part,5) $(TEST_WARN) -Wpedantic \
		$(if $(call part,6),-fsanitize=undefined -fno-sanitize-recover=all) $(SCRIPTED_HOST) -I. -Ilib \
		tests/lib/pvclock/$(call part,1)_test.c $(FORM_$(call part,2)) -lcmocka -o $(@:.tap=) || \
		{ echo "FAIL lib.pvclock.matrix.$*: does not compile"; exit 1; }
	@CMOCKA_MESSAGE_OUTPUT=TAP TEST_COUNT=200000 $(@:.tap=) >$@ 2>&1 || \
		{ echo "FAIL lib.pvclock.matrix.$*: $$(grep -m 1 -e '^not ok' -e 'runtime error' $@)"; exit 1; }
	@rm -f $(@:.tap=)
