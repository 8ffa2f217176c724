/* SPDX-License-Identifier: 0BSD */
/* Ends a run that cannot go on. */
#ifndef BASE_PANIC_H
#define BASE_PANIC_H

#include "arch/x86/trap.h"

/*
 * Prints the registers, the decoded error and, for ring 0, a backtrace of a fault of ring 3 or
 * ring 0.
 */
void dump_frame(const struct trap_frame *frame);

/* Prints a fault of the kernel and ends the run with status 1. */
_Noreturn void panic_fault(const struct trap_frame *frame);

/* Ends the run because the kernel itself found that it cannot go on. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
