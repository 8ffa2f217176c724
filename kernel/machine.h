/* SPDX-License-Identifier: 0BSD */
/* Takes the boot vCPU from the loader's state to the kernel's own, and checks the machine layer. */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include "arch/x86/acpi.h"
#include "arch/x86/trap.h"
#include <clockpage/bootinfo.h>
#include <stdint.h>

/* From here on exceptions are dumped.  Runs on the stack of boot.S. */
void machine_start_traps(const struct trap_hooks *hooks);

/*
 * An acpi_map of the low 4 GiB, which the boot page tables map; valid until
 * machine_start_paging().
 */
const void *machine_low_memory(uint64_t pa, uint64_t length);

/* Sets up the frame pool above the image, and the kernel's own page tables. */
void machine_start_paging(uint64_t image_end);
void machine_start_apic(void);

/* Calls `next` on the boot vCPU's own stack, between guard pages; `apic_id` is that vCPU's. */
_Noreturn void machine_enter_own_stack(uint32_t apic_id, void (*next)(void));

/*
 * Make the checks "firmware.tables" and "firmware.vcpus"; "kernel.map" and "kernel.stacks";
 * "machine.msr"; "machine.entries" and "machine.protection".  `patience`: TSC cycles to wait for
 * the other vCPUs.
 */
void machine_check_firmware(void);
void machine_check_map(void);
void machine_check_msr(void);
void machine_check_border(uint64_t patience);

/*
 * Tries whether SMAP protects the ring-3 page at `user_va` of the address space `root`, and reports
 * the features that protect the kernel from ring 3.
 */
void machine_report_protection(uint64_t root, uint64_t user_va);

#endif
