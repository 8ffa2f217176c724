# SPDX-License-Identifier: 0BSD
# The library: what the kernel compiles with its own flags, and the archive for everyone else.

LIB_PVCLOCK_SRCS := lib/pvclock/pvclock.c lib/pvclock/host.c
LIB_PVCLOCK_HDRS := $(addprefix lib/pvclock/,abi.h port.h port/gcc_x86.h port/mock.h scale.h \
	seq.h pvclock.h read.h guard.h host.h)

# The version stands in the header alone.
LIB_VERSION = $(shell sed -n 's/^\#define PVCLOCK_VERSION_STRING *"\(.*\)"/\1/p' lib/pvclock/pvclock.h)

LIB_WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wundef -Wcast-align -Wcast-qual -Wvla -Werror
# What is in the archive is for set-up: what has to be fast is inline, and gets the caller's flags.
LIB_SMALL := $(shell $(CC) -Oz -E -xc /dev/null >/dev/null 2>&1 && echo -Oz || echo -Os)
LIB_CFLAGS := -std=c11 $(LIB_SMALL) -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fno-unwind-tables -ffunction-sections $(LIB_WARN) -Ilib
LIB_OBJS := $(LIB_PVCLOCK_SRCS:%.c=$(O)/%.o)

.PHONY: lib
lib: $(O)/libpvclock.a $(O)/pvclock_all.h $(O)/libtimecounter.a $(O)/libtsc.a ## build the static libraries and the single header

$(O)/lib/pvclock/%.o: lib/pvclock/%.c $(LIB_PVCLOCK_HDRS)
	@mkdir -p $(@D)
	$(CC) $(LIB_CFLAGS) -c -o $@ $<

$(O)/libpvclock.a: $(LIB_OBJS)
	@rm -f $@
	$(AR) rcsD $@ $^

# The timecounter is a library of its own; its sources are named by its own file.
include lib/timecounter/timecounter.mk
LIB_TIMECOUNTER_HDRS := $(addprefix lib/timecounter/,bintime.h hands.h port.h port/gcc.h scale.h \
	timecounter.h)

$(O)/lib/timecounter/%.o: lib/timecounter/%.c $(LIB_TIMECOUNTER_HDRS) lib/timecounter/internal.h
	@mkdir -p $(@D)
	$(CC) $(LIB_CFLAGS) -c -o $@ $<

$(O)/libtimecounter.a: $(LIB_TIMECOUNTER_SRCS:%.c=$(O)/%.o)
	@rm -f $@
	$(AR) rcsD $@ $^

# Time without kvmclock: the TSC's frequency, the RTC, the calendar.
include lib/tsc/tsc.mk
LIB_TSC_HDRS := $(addprefix lib/tsc/,calendar.h port.h port/gcc_x86.h port/mock.h rtc.h tsc.h)

$(O)/lib/tsc/%.o: lib/tsc/%.c $(LIB_TSC_HDRS) lib/tsc/divide.h lib/tsc/internal.h
	@mkdir -p $(@D)
	$(CC) $(LIB_CFLAGS) -c -o $@ $<

$(O)/libtsc.a: $(LIB_TSC_SRCS:%.c=$(O)/%.o)
	@rm -f $@
	$(AR) rcsD $@ $^

# SYMBOLS=NAME replaces the prefix "pvclock" of every name in the single header.
SYMBOLS ?= pvclock
$(O)/pvclock_all.h: tools/amalgamate.sh LICENSE $(LIB_PVCLOCK_SRCS) $(LIB_PVCLOCK_HDRS)
	@mkdir -p $(@D)
	tools/amalgamate.sh $(SYMBOLS) >$@

# ---- Figures ----

.PHONY: size size-lib size-tsc bench-lib fuzz
size: size-lib size-tsc
size-lib: $(O)/libpvclock.a
	@$(SIZE) -t $<
	@$(SIZE) -t $< | awk 'END { printf "libpvclock: %d bytes of text (goal: 2560), %d of data, %d of bss\n", $$1, $$2, $$3; exit $$2 + $$3 != 0 }'

# Each member is linked only where it is called: the calendar alone, or the vote without the RTC.
size-tsc: $(O)/libtsc.a
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
MANDIR ?= $(PREFIX)/share/man
.PHONY: install uninstall
install: lib ## install headers, archives, .pc file and manual pages (PREFIX, DESTDIR)
	install -d "$(DESTDIR)$(INCLUDEDIR)/pvclock/port" "$(DESTDIR)$(INCLUDEDIR)/timecounter/port" \
		"$(DESTDIR)$(INCLUDEDIR)/tsc/port" "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(MANDIR)/man3" "$(DESTDIR)$(MANDIR)/man7"
	for header in $(LIB_PVCLOCK_HDRS) $(LIB_TIMECOUNTER_HDRS) $(LIB_TSC_HDRS); do \
		install -m 644 "$$header" "$(DESTDIR)$(INCLUDEDIR)/$${header#lib/}" || exit 1; \
	done
	install -m 644 $(O)/pvclock_all.h "$(DESTDIR)$(INCLUDEDIR)/pvclock_all.h"
	install -m 644 $(O)/libpvclock.a $(O)/libtimecounter.a $(O)/libtsc.a "$(DESTDIR)$(LIBDIR)/"
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@VERSION@|$(LIB_VERSION)|' lib/pvclock/pvclock.pc.in \
		>"$(DESTDIR)$(LIBDIR)/pkgconfig/pvclock.pc"
	chmod 644 "$(DESTDIR)$(LIBDIR)/pkgconfig/pvclock.pc"
	install -m 644 docs/man/pvclock.3 docs/man/timecounter.3 "$(DESTDIR)$(MANDIR)/man3/"
	install -m 644 docs/man/pvclock.7 "$(DESTDIR)$(MANDIR)/man7/"

uninstall: ## remove what install put there
	rm -rf "$(DESTDIR)$(INCLUDEDIR)/pvclock" "$(DESTDIR)$(INCLUDEDIR)/timecounter" \
		"$(DESTDIR)$(INCLUDEDIR)/tsc"
	rm -f "$(DESTDIR)$(INCLUDEDIR)/pvclock_all.h" "$(DESTDIR)$(LIBDIR)/libpvclock.a" \
		"$(DESTDIR)$(LIBDIR)/libtimecounter.a" "$(DESTDIR)$(LIBDIR)/libtsc.a" \
		"$(DESTDIR)$(LIBDIR)/pkgconfig/pvclock.pc" \
		"$(DESTDIR)$(MANDIR)/man3/pvclock.3" "$(DESTDIR)$(MANDIR)/man3/timecounter.3" \
		"$(DESTDIR)$(MANDIR)/man7/pvclock.7"

include examples/examples.mk
