# SPDX-License-Identifier: 0BSD
# The library: what the kernel compiles with its own flags, and the archive for everyone else.

LIB_PVCLOCK_SRCS := lib/pvclock/pvclock.c lib/pvclock/host.c
LIB_PVCLOCK_HDRS := $(addprefix lib/pvclock/,abi.h port.h port/gcc_x86.h scale.h pvclock.h read.h \
	guard.h host.h)

LIB_WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wundef -Wcast-align -Wcast-qual -Wvla -Werror
LIB_CFLAGS := -std=c11 -O2 -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fno-unwind-tables -ffunction-sections $(LIB_WARN) -Ilib
LIB_OBJS := $(LIB_PVCLOCK_SRCS:%.c=$(O)/%.o)

.PHONY: lib size
lib: $(O)/libpvclock.a ## build the static library

$(O)/lib/pvclock/%.o: lib/pvclock/%.c $(LIB_PVCLOCK_HDRS)
	@mkdir -p $(@D)
	$(CC) $(LIB_CFLAGS) -c -o $@ $<

$(O)/libpvclock.a: $(LIB_OBJS)
	@rm -f $@
	$(AR) rcsD $@ $^
