# SPDX-License-Identifier: 0BSD
# The examples: each is compiled and run by tests/examples/suite.sh.

EXAMPLES := $(O)/examples
EXAMPLE_CFLAGS := -std=gnu11 -O2 -Wall -Wextra -Wshadow -Werror -I. -Ilib
EXAMPLE_PROGRAMS := $(addprefix $(EXAMPLES)/,ring3_reader vvar_clock simulation tsc_frequency hyp kernel.elf)

.PHONY: examples
examples: $(EXAMPLE_PROGRAMS) ## build the examples and the scripted hypervisor

$(EXAMPLES)/ring3_reader $(EXAMPLES)/vvar_clock: $(EXAMPLES)/%: examples/%.c $(O)/libpvclock.a
	@mkdir -p $(@D)
	$(CC) $(EXAMPLE_CFLAGS) -o $@ $^

$(EXAMPLES)/simulation: examples/simulation.c $(LIB_PVCLOCK_SRCS) $(LIB_PVCLOCK_HDRS)
	@mkdir -p $(@D)
	$(CC) $(EXAMPLE_CFLAGS) '-DPVCLOCK_PORT_HEADER=<pvclock/port/mock.h>' -o $@ $(filter %.c,$^)

$(EXAMPLES)/tsc_frequency: examples/tsc_frequency.c $(O)/libtsc.a
	@mkdir -p $(@D)
	$(CC) $(EXAMPLE_CFLAGS) -o $@ $^

$(EXAMPLES)/hyp: tools/hyp/main.c tools/hyp/hyp.c tools/hyp/hyp.h $(O)/libpvclock.a
	@mkdir -p $(@D)
	$(CC) $(EXAMPLE_CFLAGS) -o $@ $(filter %.c %.a,$^)

# 32 bits, so that nothing has to be set up before C runs: the same sources, compiled for i386.
$(EXAMPLES)/kernel.elf: examples/kernel/boot.S examples/kernel/kernel.c examples/kernel/glue.c \
		examples/kernel/tsc.c examples/kernel/kernel.ld $(LIB_PVCLOCK_SRCS) $(LIB_PVCLOCK_HDRS) $(LIB_TSC_SRCS) \
		$(LIB_TSC_HDRS)
	@mkdir -p $(@D)
	$(CC) -m32 -std=gnu11 -Os -Wall -Wextra -Werror -ffreestanding -fno-pic -no-pie -nostdlib \
		-fno-stack-protector -mno-sse -mno-mmx -mno-80387 -Ilib -static \
		-Wl,-T,examples/kernel/kernel.ld -Wl,--build-id=none -o $@ $(filter %.S %.c,$^)
