/* SPDX-License-Identifier: 0BSD */
/* The end of a run that cannot go on. */
#ifndef BASE_PANIC_H
#define BASE_PANIC_H

#include "arch/x86/trap.h"

/* Registers, the error decoded, and a backtrace, of a fault of ring 3 or ring 0. */
void dump_frame(const struct trap_frame *frame);

/* A fault of the kernel: dump it and end the run with status 1. */
_Noreturn void panic_fault(const struct trap_frame *frame);

/* The kernel found out by itself that it cannot go on. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
