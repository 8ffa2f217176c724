/* SPDX-License-Identifier: 0BSD */
/* Ends the run. */
#ifndef BASE_SHUTDOWN_H
#define BASE_SHUTDOWN_H

#include "arch/x86/acpi.h"

/* Values written to QEMU's isa-debug-exit; run-qemu.sh turns them into its own status. */
enum exit_code {
    EXIT_PASS = 0x10,
    EXIT_FAIL = 0x11,
    EXIT_NO_CONSOLE = 0x12,
};

/* Stores how to power off if there is no debug-exit device. */
void shutdown_init(const struct firmware_facts *facts);

/*
 * Writes the code to the debug-exit device; if there is none, powers off; if that fails, halts
 * forever.
 */
_Noreturn void shutdown(enum exit_code code);

#endif
