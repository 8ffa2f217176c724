# SPDX-License-Identifier: 0BSD
# The library: what the kernel compiles with its own flags, and the archive for everyone else.

# The readers and the registration; then all.
LIB_READER_SRCS := lib/pvclock/pvclock.c lib/pvclock/host.c
LIB_PVCLOCK_SRCS := $(LIB_READER_SRCS) lib/pvclock/clock.c
LIB_PVCLOCK_HDRS := $(addprefix lib/pvclock/,types.h abi.h port.h port/gcc_x86.h port/mock.h scale.h \
	seq.h pvclock.h read.h guard.h host.h clock.h)

# The version stands in the header alone.
LIB_VERSION = $(shell sed -n 's/^\#define PVCLOCK_VERSION_STRING *"\(.*\)"/\1/p' lib/pvclock/pvclock.h)

LIB_WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wundef -Wcast-align -Wcast-qual -Wvla -Werror
# What is in the archive is for set-up: what has to be fast is inline, and gets the caller's flags.
LIB_SMALL := $(shell $(CC) -Oz -E -xc /dev/null >/dev/null 2>&1 && echo -Oz || echo -Os)
# For any kernel: no SSE and no x87, and nothing below the stack pointer, where an interrupt writes.
LIB_CFLAGS := -std=c11 $(LIB_SMALL) -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fno-unwind-tables -ffunction-sections -mgeneral-regs-only -mno-red-zone $(LIB_WARN)
LIB_CFLAGS_64 := -fpie
# Position-independent code for i386 would need a GOT and a helper function, and so would -Oz of Clang.
LIB_CFLAGS_32 := -m32 -fno-pic -Os

# The timecounter is a library of its own; its sources are named by its own file.
include lib/timecounter/timecounter.mk
LIB_TIMECOUNTER_HDRS := $(addprefix lib/timecounter/,types.h bintime.h hands.h port.h port/gcc.h scale.h \
	timecounter.h)

# Time without kvmclock: the TSC's frequency, the RTC, the calendar.
include lib/tsc/tsc.mk
LIB_TSC_HDRS := $(addprefix lib/tsc/,types.h calendar.h port.h port/gcc_x86.h port/mock.h rtc.h tsc.h)

# What the sources alone include.
LIB_TIMECOUNTER_OWN := lib/timecounter/internal.h
LIB_TSC_OWN := lib/tsc/divide.h lib/tsc/internal.h

# SYMBOLS=NAME replaces the prefix "pvclock" of every name, those of the files that are built included:
# NAME_all.h, libNAME.a, NAME_timecounter_all.h, libNAME_timecounter.a, the same with tsc (tools/symbols.sh).
SYMBOLS ?= pvclock
renamed = $(if $(filter-out pvclock,$(SYMBOLS)),$(subst pvclock,$(SYMBOLS),$(subst tsc,pvclock_tsc,$(subst \
	timecounter,pvclock_timecounter,$(1)))),$(1))
# The sources by those names, and where they are: lib/, or a copy.
LIB_TREE := $(if $(filter-out pvclock,$(SYMBOLS)),$(O)/renamed/$(SYMBOLS),lib)
LIB_FILES := $(LIB_PVCLOCK_SRCS) $(LIB_PVCLOCK_HDRS) $(LIB_TIMECOUNTER_SRCS) $(LIB_TIMECOUNTER_HDRS) \
	$(LIB_TIMECOUNTER_OWN) $(LIB_TSC_SRCS) $(LIB_TSC_HDRS) $(LIB_TSC_OWN)
lib_tree = $(patsubst lib/%,$(LIB_TREE)/%,$(call renamed,$(1)))

ifneq ($(LIB_TREE),lib)
$(call lib_tree,$(LIB_FILES)) &: tools/symbols.sh $(LIB_FILES)
	@mkdir -p $(sort $(dir $(call lib_tree,$(LIB_FILES))))
	@for file in $(LIB_FILES); do \
		library=$${file#lib/} library=$${library%%/*}; \
		tools/symbols.sh $(SYMBOLS) "$$library" <"$$file" \
			>"$(LIB_TREE)/$$(echo "$${file#lib/}" | tools/symbols.sh $(SYMBOLS) "$$library")" || exit 1; \
	done
endif

# library NAME,SOURCES,HEADERS: its archives and its single header. A folder O with = in its name, expanded
# before the rules are read, would make variables of them.
LIBRARIES := pvclock timecounter tsc
define library
lib: $$(O)/lib$(call renamed,$(1)).a $$(O)/lib32/lib$(call renamed,$(1)).a $$(O)/$(call renamed,$(1))_all.h

$(call archive,$(1),$(2),$(3),64,$$(O))
$(call archive,$(1),$(2),$(3),32,$$(O)/lib32)

$$(O)/$(call renamed,$(1))_all.h: tools/amalgamate.sh tools/symbols.sh LICENSE $(2) $(3)
	@mkdir -p $$(@D)
	tools/amalgamate.sh $(SYMBOLS) $(1) >$$@
endef

# archive NAME,SOURCES,HEADERS,BITS,FOLDER
define archive
$(5)/lib$(call renamed,$(1)).a: $(patsubst %.c,$$(O)/archive$(4)/$(SYMBOLS)/%.o,$(call renamed,$(2)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(AR) rcsD $$@ $$^

$(patsubst %.c,$$(O)/archive$(4)/$(SYMBOLS)/%.o,$(call renamed,$(2))): $$(O)/archive$(4)/$(SYMBOLS)/lib/%.o: \
		$$(LIB_TREE)/%.c $$(call lib_tree,$(3)) lib/lib.mk
	@mkdir -p $$(@D)
	$(CC) $(LIB_CFLAGS) $(LIB_CFLAGS_$(4)) -I$(LIB_TREE) -c -o $$@ $$<
endef

.PHONY: lib
lib: ## build the libraries for 64 and 32 bits, and their single headers (SYMBOLS=myclock)
$(eval $(call library,pvclock,$(LIB_PVCLOCK_SRCS),$(LIB_PVCLOCK_HDRS)))
$(eval $(call library,timecounter,$(LIB_TIMECOUNTER_SRCS),$(LIB_TIMECOUNTER_HDRS) $(LIB_TIMECOUNTER_OWN)))
$(eval $(call library,tsc,$(LIB_TSC_SRCS),$(LIB_TSC_HDRS) $(LIB_TSC_OWN)))

# ---- Figures ----

.PHONY: size size-lib size-tsc bench-lib fuzz
size: size-lib size-tsc
# The clock is linked only where it is called.
size-lib: $(O)/lib$(SYMBOLS).a
	@$(SIZE) -t $<
	@$(SIZE) -t $< | awk '$$6 == "clock.o" { clock = $$1 } END { \
		printf "libpvclock: %d bytes of text of readers and host, %d of the clock, %d together (goal: 2560), %d of data, %d of bss\n", \
			$$1 - clock, clock, $$1, $$2, $$3; exit clock == 0 || $$2 + $$3 != 0 }'

# Each member is linked only where it is called: the calendar alone, or the vote without the RTC.
size-tsc: $(O)/lib$(call renamed,tsc).a
	@$(SIZE) -t $<
	@$(SIZE) -t $< | awk 'END { printf "libtsc: %d bytes of text, %d of data, %d of bss\n", $$1, $$2, $$3; exit $$2 + $$3 != 0 }'

bench: bench-lib
bench-lib: $(O)/bench
	$<

# PEERS=DIR: other people's readers, one file each (tests/bench/peer.h).
PEERS ?=
PEER_CFLAGS ?= -O2
PEER_NAMES := $(if $(PEERS),$(sort $(basename $(notdir $(wildcard $(PEERS)/*.c)))))
BENCH_SRCS := $(addprefix tests/bench/,bench.c whole.c) lib/timepage/gettime.c $(LIB_PVCLOCK_SRCS)

.PHONY: $(O)/bench-peers.c
$(O)/bench-peers.c:
	@mkdir -p $(@D)
	@{ printf '#include "tests/bench/peer.h"\n'; printf 'PEER_LOOPS(%s)\n' $(PEER_NAMES); \
		printf 'const struct peer peers[] = {'; printf 'PEER(%s)' $(PEER_NAMES); printf '{0}};\n'; } | \
		sed -e 's/^PEER_LOOPS()$$//' -e 's/PEER()//' >$@

$(O)/bench-peers/%.o: $(PEERS)/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(PEER_CFLAGS) -Ilib -Dpeer_ns=peer_ns_$* -Dpeer_timespec=peer_timespec_$* -c -o $@ $<

$(O)/bench: $(O)/bench-peers.c $(PEER_NAMES:%=$(O)/bench-peers/%.o) $(BENCH_SRCS) $(LIB_PVCLOCK_HDRS) \
		$(wildcard tests/bench/*.h lib/timepage/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -pthread -I. -Ilib '-DPVCLOCK_VCPU_WORD_AT="%%gs:0"' \
		-o $@ $(filter %.c %.o,$^)

FUZZ_SECONDS ?= 600
fuzz: ## fuzz lib/pvclock and lib/tsc, each for FUZZ_SECONDS=600
	tests/lib/pvclock/fuzz-suite.sh $(FUZZ_SECONDS)
	tests/lib/tsc/fuzz-suite.sh $(FUZZ_SECONDS)

# ---- Installation ----

PREFIX ?= /usr/local
DESTDIR ?=
INCLUDEDIR ?= $(PREFIX)/include
LIBDIR ?= $(PREFIX)/lib
LIBDIR32 ?= $(PREFIX)/lib32
MANDIR ?= $(PREFIX)/share/man
DESCRIPTION_pvclock := Reads the paravirtual clock page of KVM and Xen guests, exactly and in bounded time
DESCRIPTION_timecounter := Exact clocks on top of hardware counters
DESCRIPTION_tsc := The frequency of the TSC, the date of the RTC and the calendar, without an operating system

# The headers that users include, by their names below $(INCLUDEDIR).
LIB_INSTALLED := $(patsubst $(LIB_TREE)/%,%,$(call lib_tree,$(LIB_PVCLOCK_HDRS) $(LIB_TIMECOUNTER_HDRS) \
	$(LIB_TSC_HDRS)))
LIB_NAMES := $(call renamed,$(LIBRARIES))

# install_pc NAME,LIBRARY,FOLDER
define install_pc
	@install -d "$(DESTDIR)$(3)/pkgconfig"
	sed -e "s|@PREFIX@|$$(realpath -m --relative-to='$(3)/pkgconfig' '$(PREFIX)')|" \
		-e "s|@INCLUDEDIR@|$$(realpath -m --relative-to='$(3)/pkgconfig' '$(INCLUDEDIR)')|" \
		-e 's|@NAME@|$(1)|; s|@DESCRIPTION@|$(DESCRIPTION_$(2))|; s|@VERSION@|$(LIB_VERSION)|' \
		lib/library.pc.in >"$(DESTDIR)$(3)/pkgconfig/$(1).pc"
	@chmod 644 "$(DESTDIR)$(3)/pkgconfig/$(1).pc"

endef

.PHONY: install uninstall
install: lib $(call lib_tree,$(LIB_FILES)) ## install headers, archives, .pc files and manual pages (PREFIX, DESTDIR)
	install -d $(addprefix "$(DESTDIR),$(addsuffix ",$(INCLUDEDIR) $(LIBDIR) $(LIBDIR32) $(MANDIR)/man3 $(MANDIR)/man7))
	for header in $(LIB_INSTALLED); do \
		install -D -m 644 "$(LIB_TREE)/$$header" "$(DESTDIR)$(INCLUDEDIR)/$$header" || exit 1; \
	done
	install -m 644 $(LIB_NAMES:%=$(O)/%_all.h) "$(DESTDIR)$(INCLUDEDIR)/"
	install -m 644 $(LIB_NAMES:%=$(O)/lib%.a) "$(DESTDIR)$(LIBDIR)/"
	install -m 644 $(LIB_NAMES:%=$(O)/lib32/lib%.a) "$(DESTDIR)$(LIBDIR32)/"
	$(foreach library,$(LIBRARIES),$(foreach folder,$(LIBDIR) $(LIBDIR32), \
		$(call install_pc,$(call renamed,$(library)),$(library),$(folder))))
	install -m 644 docs/man/pvclock.3 docs/man/timecounter.3 "$(DESTDIR)$(MANDIR)/man3/"
	install -m 644 docs/man/pvclock.7 "$(DESTDIR)$(MANDIR)/man7/"

uninstall: ## remove what install put there
	rm -rf $(addprefix "$(DESTDIR)$(INCLUDEDIR)/,$(addsuffix ",$(LIB_NAMES)))
	for library in $(LIB_NAMES); do \
		rm -f "$(DESTDIR)$(INCLUDEDIR)/$${library}_all.h"; \
		for folder in "$(DESTDIR)$(LIBDIR)" "$(DESTDIR)$(LIBDIR32)"; do \
			rm -f "$$folder/lib$$library.a" "$$folder/pkgconfig/$$library.pc"; \
		done \
	done
	rm -f "$(DESTDIR)$(MANDIR)/man3/pvclock.3" "$(DESTDIR)$(MANDIR)/man3/timecounter.3" \
		"$(DESTDIR)$(MANDIR)/man7/pvclock.7"

include examples/examples.mk
