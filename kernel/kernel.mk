# SPDX-License-Identifier: 0BSD
# The kernel and its ring-3 program.

include lib/timecounter/timecounter.mk
include lib/tsc/tsc.mk

# CORE=1: without what is tried and typed (kernel/selftest, kernel/shell), to see that the rest stands alone.
CORE ?= 0
TRIALS := kernel/trials.c kernel/late.c $(wildcard kernel/selftest/*.c kernel/shell/*.c)
KERNEL_SRCS := $(wildcard boot/*.c boot/*.S arch/x86/*.c arch/x86/*.S base/*.c drivers/*/*.c kernel/*.c kernel/*/*.c kernel/*/*.S) \
	$(LIB_READER_SRCS) $(LIB_TIMECOUNTER_SRCS) $(LIB_TSC_SRCS)
KERNEL_SRCS := $(filter-out $(if $(filter 1,$(CORE)),$(TRIALS),kernel/core.c),$(KERNEL_SRCS))
READER_SRCS := $(addprefix userspace_sim/,reader.c verdict.c measure.c order.c offset.c probes.c attach.c rules.c \
	fuzz.c border.c border_memory.c border_returns.c border_segments.c execute.c attempt.S clocks.c watch.c compat.c compat_call.S) lib/timepage/gettime.c arch/x86/string.c base/format.c \
	$(LIB_READER_SRCS)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Werror
# The same bits from whichever directory: no paths, no build identity, no time.
REPRODUCIBLE := '-ffile-prefix-map=$(CURDIR)=.' -gno-record-gcc-switches
COMMON := -std=gnu11 -O2 -g -ffreestanding -fno-pic -fno-pie -m64 -mno-red-zone -mgeneral-regs-only \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-common -fcf-protection=none \
	-I. -Ilib -Iinclude $(WARNINGS) $(REPRODUCIBLE)
KERNEL_CFLAGS := $(COMMON) -mcmodel=kernel -fno-omit-frame-pointer -fno-optimize-sibling-calls
READER_CFLAGS := $(COMMON) '-DPVCLOCK_VCPU_WORD_AT="%%gs:0"'
LINK := $(LD) -m elf_x86_64 -nostdlib -static --build-id=none -z max-page-size=4096 -z noexecstack

COMPAT_SRCS := userspace_sim/compat32.c lib/timepage/gettime.c $(LIB_READER_SRCS)
COMPAT_CFLAGS := $(subst -m64 -mno-red-zone,-m32,$(COMMON)) -fno-pic

KERNEL_OBJS := $(patsubst %,$(O)/kernel-objs/%.o,$(KERNEL_SRCS))
READER_OBJS := $(patsubst %,$(O)/reader-objs/%.o,$(READER_SRCS))
COMPAT_OBJS := $(patsubst %,$(O)/compat-objs/%.o,$(COMPAT_SRCS))

.PHONY: kernel
kernel: $(O)/clockpage.elf ## build the kernel: build/clockpage.elf (CORE=1: without selftests and shell)

$(O)/kernel-objs/%.c.o: %.c
	@mkdir -p $(@D)
	$(SAY) "  CC      $<"
	$(Q)$(CC) $(KERNEL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/kernel-objs/%.S.o: %.S
	@mkdir -p $(@D)
	$(SAY) "  AS      $<"
	$(Q)$(CC) $(KERNEL_CFLAGS) -MMD -MP -DREADER_ELF='"$(O)/reader.elf"' -c -o $@ $<

$(O)/reader-objs/%.c.o: %.c
	@mkdir -p $(@D)
	$(SAY) "  CC ring3 $<"
	$(Q)$(CC) $(READER_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/reader-objs/%.S.o: %.S
	@mkdir -p $(@D)
	$(SAY) "  AS ring3 $<"
	$(Q)$(CC) $(READER_CFLAGS) -MMD -MP -DCOMPAT32_BIN='"$(O)/compat32.bin"' -c -o $@ $<

# The same reader as 32-bit code, as bytes at the address that reader.ld gives them.
$(O)/compat-objs/%.c.o: %.c
	@mkdir -p $(@D)
	$(SAY) "  CC 32    $<"
	$(Q)$(CC) $(COMPAT_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/compat32.bin: $(COMPAT_OBJS) userspace_sim/compat32.ld
	$(Q)$(LD) -m elf_i386 -nostdlib -static --build-id=none -z noexecstack \
		-T userspace_sim/compat32.ld -o $(O)/compat32.elf $(COMPAT_OBJS)
	$(Q)$(OBJCOPY) -O binary $(O)/compat32.elf $@

$(O)/reader-objs/userspace_sim/compat_call.S.o: $(O)/compat32.bin

# What ring 3 gets is the program without its debugging information.
$(O)/reader.elf: $(READER_OBJS) userspace_sim/reader.ld
	$(SAY) "  LD      $@"
	$(Q)$(LINK) -T userspace_sim/reader.ld -o $@.debug $(READER_OBJS)
	$(Q)$(OBJCOPY) --strip-all $@.debug $@

$(O)/kernel-objs/kernel/process/reader_blob.S.o: $(O)/reader.elf

# Twice: the backtrace's table of names is made from the first link and is in the second.
$(O)/ksyms-empty.S: tools/ksyms
	@mkdir -p $(@D)
	$(Q)tools/ksyms < /dev/null > $@

$(O)/clockpage.pass1: $(KERNEL_OBJS) $(O)/ksyms-empty.S linker.ld
	$(SAY) "  LD      $@"
	$(Q)$(CC) $(KERNEL_CFLAGS) -c -o $(O)/ksyms-empty.o $(O)/ksyms-empty.S
	$(Q)$(LINK) -T linker.ld -o $@ $(KERNEL_OBJS) $(O)/ksyms-empty.o

$(O)/ksyms.S: $(O)/clockpage.pass1 tools/ksyms
	$(Q)$(NM) -n $< | tools/ksyms > $@

$(O)/clockpage.elf: $(KERNEL_OBJS) $(O)/ksyms.S linker.ld
	$(SAY) "  LD      $@"
	$(Q)$(CC) $(KERNEL_CFLAGS) -c -o $(O)/ksyms.o $(O)/ksyms.S
	$(Q)$(LINK) -T linker.ld -o $@.debug $(KERNEL_OBJS) $(O)/ksyms.o
	@$(NM) -n $(O)/clockpage.pass1 | awk '$$2 ~ /[Tt]/' > $(O)/names1
	@$(NM) -n $@.debug | awk '$$2 ~ /[Tt]/' | cmp -s - $(O)/names1 || \
		{ echo "the second link moved a function: the names of the backtrace would be wrong" >&2; exit 1; }
	$(Q)$(OBJCOPY) --strip-debug $@.debug $@

-include $(KERNEL_OBJS:.o=.d) $(READER_OBJS:.o=.d) $(COMPAT_OBJS:.o=.d)

# What is measured rather than tested; each part adds a prerequisite of its own.
.PHONY: bench bench-boot
bench: bench-boot ## print what reads cost and how long a boot takes (3 minutes)
bench-boot: kernel
	$(Q)tests/bench/boot.sh

.PHONY: bench-smp
bench-smp: kernel ## print how long 1 to 200 vCPUs take to come up (5 minutes; VCPUS, RUNS)
	$(Q)tests/bench/smp.sh
