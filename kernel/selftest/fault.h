/* SPDX-License-Identifier: 0BSD */
/* Breaks things on purpose, as the settings debug.* ask: so tests see that failures are handled. */
#ifndef KERNEL_SELFTEST_FAULT_H
#define KERNEL_SELFTEST_FAULT_H

#include "arch/x86/acpi.h"

/* Flips a bit of the table that debug.acpi names. */
void fault_damage_table(acpi_map map, uint64_t rsdp);

/* Causes the fault that debug.fault names; returns if that is NULL, or ring 3's: see jobs.c. */
void fault_provoke(const char *name);

/* Keeps interrupts off as long as debug.windup.stall asks, so that windups come late. */
void fault_stall(uint64_t tsc_hz);

#endif
