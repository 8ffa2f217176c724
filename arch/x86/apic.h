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
 * Finds the running vCPU's APIC, chooses the mode, and maps the registers: x2APIC if the CPU
 * supports it, otherwise xAPIC.  False if there is no APIC.  Call it once, on the boot vCPU,
 * before apic_enable().
 */
bool apic_init(void);
bool apic_is_x2apic(void);

/* Puts the running vCPU's APIC into that mode and lets it accept interrupts. */
void apic_enable(void);

uint32_t apic_id(void);
void apic_end_of_interrupt(void);

/* Inter-processor interrupts; `apic_id` is the one in the firmware's table. */
void apic_send_init(uint32_t apic_id);
void apic_send_startup(uint32_t apic_id, uint32_t physical_page);
void apic_send(uint32_t apic_id, uint8_t vector);
void apic_send_all_others(uint8_t vector);
/* Sends an NMI to every other vCPU, at the end of a run. */
void apic_send_nmi_all_others(void);

/*
 * Starts the timer: it counts down from `initial` at bus speed / 16 and raises VECTOR_TIMER at 0,
 * once.
 */
void apic_timer_once(uint32_t initial);
void apic_timer_stop(void);
/* Counts down from the maximum without an interrupt, for calibration. */
void apic_timer_free_run(void);
uint32_t apic_timer_elapsed(void);

#endif
