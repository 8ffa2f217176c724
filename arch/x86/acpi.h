/* SPDX-License-Identifier: 0BSD */
/*
 * What the firmware's tables say, copied out: the vCPUs, the PM timer, how to power off, the
 * HPET.
 *
 * Tables are read where the firmware left them, through a function that the caller passes, so
 * that the same code can run on a test's tables.  A table is used only after its checksum, its
 * length and its place have been verified.
 *
 * References:
 *  [1] ACPI Specification 6.5: 5.2.5 RSDP, 5.2.6 header, 5.2.7 RSDT, 5.2.8 XSDT, 5.2.9 FADT,
 *      5.2.12 MADT, 4.8.3.3 PM timer, 7.4.2 \_S5.
 *  [2] IA-PC HPET Specification 1.0a, 3.2.4.
 *  [3] Intel MultiProcessor Specification 1.4, chapter 4.
 */
#ifndef ARCH_X86_ACPI_H
#define ARCH_X86_ACPI_H

#include "arch/x86/layout.h"
#include <stdbool.h>
#include <stdint.h>

/* The PM timer's frequency [1, 4.8.3.3]. */
#define PM_TIMER_HZ 3579545u

/*
 * Returns `length` bytes at physical `pa`, readable until the end of parsing; NULL if that is not
 * memory.
 */
typedef const void *(*acpi_map)(uint64_t pa, uint64_t length);

struct firmware_facts {
    /* Where the list of vCPUs came from: "ACPI MADT", "MP table" or "none: the boot vCPU alone". */
    const char *source;
    /*
     * The first `cpu_count` of apic_ids are present; the others, up to `possible_count`, may be
     * plugged in later [1, 5.2.12.2: local APIC flags].  Both in the table's order, without
     * duplicates.
     */
    uint32_t cpu_count, possible_count;
    uint32_t apic_ids[MAX_CPUS];
    uint32_t cpus_left_out;     /* of those present: past MAX_CPUS */
    uint32_t possible_left_out; /* of the others */

    uint16_t pm_timer_port; /* 0: there is none */
    bool pm_timer_32;       /* 32 bits wide, else 24 */

    uint16_t sleep_port; /* PM1a control, or 0 */
    uint16_t sleep_type; /* for \_S5 */
    /* Hardware-reduced ACPI has the sleep control register instead. */
    uint64_t sleep_register;
    bool sleep_register_is_memory;

    uint8_t rtc_century; /* CMOS register of the RTC's century; 0: none named */

    uint64_t hpet; /* physical address of its registers, or 0 */

    /* The first table that was refused, and why; the signature is empty if all were fine. */
    char bad_table[5];
    const char *bad_reason;
};

/*
 * Reads the tables that the RSDP at physical `rsdp` leads to (0: searches the BIOS area for it).
 * If there is no usable MADT, it reads the MP table; if there is none either, `source` says so
 * and cpu_count is 0.
 */
void firmware_read(acpi_map map, uint64_t rsdp, struct firmware_facts *facts);

/* What was found at boot; apic_ids are in the order of the vCPUs' numbers. */
extern struct firmware_facts firmware;

#endif
