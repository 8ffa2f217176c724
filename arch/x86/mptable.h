/* SPDX-License-Identifier: 0BSD */
/*
 * The MP table, which some firmware has instead of ACPI [Intel MultiProcessor Specification 1.4].
 */
#ifndef ARCH_X86_MPTABLE_H
#define ARCH_X86_MPTABLE_H

#include "arch/x86/acpi.h"

/*
 * Sets source, cpu_count, possible_count and apic_ids if it finds a valid table; otherwise leaves
 * them.
 */
void mptable_read(acpi_map map, struct firmware_facts *facts);

#endif
