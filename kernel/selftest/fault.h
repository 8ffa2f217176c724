/* SPDX-License-Identifier: 0BSD */
/* Breaks things on purpose, as the settings debug.* ask: so tests see that failures are handled. */
#ifndef KERNEL_SELFTEST_FAULT_H
#define KERNEL_SELFTEST_FAULT_H

#include "arch/x86/acpi.h"

/* Flips a bit of the table that debug.acpi names. */
void fault_damage_table(acpi_map map, uint64_t rsdp);

/* Causes the fault that debug.fault names; returns if that is NULL or a fault of ring 3. */
void fault_provoke(const char *name);

/* Whether to give the ring-3 program the address of a clock page that is not there. */
bool fault_wanted_in_ring3(void);

#endif
