/* SPDX-License-Identifier: 0BSD */
/*
 * The HPET's main counter as a timecounter.
 *
 * It reads the low 32 bits even of a 64-bit counter: in a guest each access exits to the host's
 * user space, 64 bits would take three accesses (high, low, high again) instead of one, and not
 * every hypervisor accepts a 64-bit access.  At QEMU's 100 MHz 32 bits wrap every 43 s, and the
 * timecounter's windup carries that.
 *
 * References:
 *  [1] IA-PC HPET Specification 1.0a: 2.3 registers, 2.4.7 a 64-bit counter read by 32 bits, 3.2.4
 *      the ACPI table.
 */
#ifndef DRIVERS_HPET_H
#define DRIVERS_HPET_H

#include <stdint.h>
#include <timecounter/timecounter.h>

struct hpet {
    struct timecounter counter;
    volatile uint32_t *registers;
    uint32_t period_fs; /* of one count */
};

/*
 * Maps the registers at `physical` (0: the firmware lists none), starts the main counter without
 * interrupts, and makes the timecounter.  Returns NULL, or why there is none.
 */
const char *hpet_attach(struct hpet *hpet, uint64_t physical);

#endif
