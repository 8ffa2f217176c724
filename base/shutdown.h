/* SPDX-License-Identifier: 0BSD */
/* How the run ends. */
#ifndef BASE_SHUTDOWN_H
#define BASE_SHUTDOWN_H

#include "arch/x86/acpi.h"

/* What is written to QEMU's isa-debug-exit; run-qemu.sh turns it into its own status. */
enum exit_code {
    EXIT_PASS = 0x10,
    EXIT_FAIL = 0x11,
    EXIT_NO_CONSOLE = 0x12,
};

/* How to power off where there is no debug-exit device. */
void shutdown_init(const struct firmware_facts *facts);

/* Tell the debug-exit device; where there is none, power off; where that fails, halt for good. */
_Noreturn void shutdown(enum exit_code code);

#endif
