/* SPDX-License-Identifier: 0BSD */
/*
 * Breaking things on purpose, by the settings debug.*: how the tests see that failures are handled.
 */
#ifndef KERNEL_SELFTEST_FAULT_H
#define KERNEL_SELFTEST_FAULT_H

#include "arch/x86/acpi.h"

/* Flip a bit of the table that debug.acpi names. */
void fault_damage_table(acpi_map map, uint64_t rsdp);

/* Do what debug.fault names; returns when it is NULL, or ring 3's to do. */
void fault_provoke(const char *name);

/* Whether the ring-3 program is to be given a clock page that is not there. */
bool fault_wanted_in_ring3(void);

#endif
