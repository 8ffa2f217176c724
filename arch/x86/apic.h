/* SPDX-License-Identifier: 0BSD */
/*
 * The local APIC, as xAPIC (registers in memory) or x2APIC (registers as MSRs).
 * [Intel SDM vol. 3A, chapter 10]
 */
#ifndef ARCH_X86_APIC_H
#define ARCH_X86_APIC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Find the running vCPU's APIC and choose the mode: x2APIC where the firmware left it on or CPUID
 * has it, and every identity can be addressed; xAPIC otherwise.  False when there is no APIC.  Call
 * once, on the boot vCPU, before apic_enable(); maps the registers.
 */
bool apic_init(void);
bool apic_is_x2apic(void);

/* Put the running vCPU's APIC into that mode and let it accept interrupts. */
void apic_enable(void);

uint32_t apic_id(void);
void apic_end_of_interrupt(void);

/* Interprocessor interrupts; `apic_id` as the firmware's table has it. */
void apic_send_init(uint32_t apic_id);
void apic_send_startup(uint32_t apic_id, uint32_t physical_page);
void apic_send(uint32_t apic_id, uint8_t vector);
void apic_send_all_others(uint8_t vector);
/* The last sender of all: an NMI to every other vCPU. */
void apic_send_nmi_all_others(void);

/*
 * The timer counts down from `initial` at bus speed / 16 and interrupts on VECTOR_TIMER at 0, once.
 */
void apic_timer_once(uint32_t initial);
void apic_timer_stop(void);
/* Count down from the maximum without interrupting, for calibration. */
void apic_timer_free_run(void);
uint32_t apic_timer_elapsed(void);

#endif
