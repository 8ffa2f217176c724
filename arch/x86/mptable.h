/* SPDX-License-Identifier: 0BSD */
/*
 * The MP table, which some firmware has instead of ACPI [Intel MultiProcessor Specification 1.4].
 */
#ifndef ARCH_X86_MPTABLE_H
#define ARCH_X86_MPTABLE_H

#include "arch/x86/acpi.h"

/* Fill source, cpu_count and apic_ids when a valid table is found; otherwise leave them. */
void mptable_read(acpi_map map, struct firmware_facts *facts);

#endif
