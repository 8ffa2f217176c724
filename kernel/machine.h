/* SPDX-License-Identifier: 0BSD */
/* The boot vCPU on its way from the loader's state to its own, and checks of the machine layer. */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include "arch/x86/acpi.h"
#include "arch/x86/trap.h"
#include <clockpage/bootinfo.h>
#include <stdint.h>

/* Exceptions are dumped from here on; on the stack of boot.S. */
void machine_start_traps(const struct trap_hooks *hooks);

/*
 * The low 4 GiB as the boot page tables map them; an acpi_map, good until machine_start_paging().
 */
const void *machine_low_memory(uint64_t pa, uint64_t length);

/* The frame pool above the image, and the kernel's own map. */
void machine_start_paging(const struct bootinfo *info, uint64_t image_end);
void machine_start_apic(void);

/* Go on with `next` on the stack, between guard pages, of the boot vCPU with this APIC identity. */
_Noreturn void machine_enter_own_stack(uint32_t apic_id, void (*next)(void));

/* Checks "firmware.tables", "kernel.map", "kernel.stacks", "machine.msr". */
void machine_check_firmware(const struct firmware_facts *facts);
void machine_check_map(void);
void machine_check_msr(void);

#endif
