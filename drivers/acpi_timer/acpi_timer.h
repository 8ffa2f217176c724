/* SPDX-License-Identifier: 0BSD */
/*
 * ACPI's PM timer as a timecounter, with FreeBSD's name "ACPI-fast": 24 or 32 bits at 3.579545
 * MHz, so it wraps every 4.69 s or 20 min.
 *
 * FreeBSD's "ACPI-safe", for chips whose counter must be read three times because it may change
 * during a read, is not supported: no hypervisor imitates such chips, and a timer that goes back
 * is refused.
 *
 * References:
 *  [1] ACPI Specification 6.5: 4.8.3.3 PM timer; 5.2.9 FADT, PM_TMR_BLK and TMR_VAL_EXT.
 */
#ifndef DRIVERS_ACPI_TIMER_H
#define DRIVERS_ACPI_TIMER_H

#include <stdbool.h>
#include <stdint.h>
#include <timecounter/timecounter.h>

struct acpi_timer {
    struct timecounter counter;
    uint16_t port;
};

/*
 * Makes the timecounter of the timer at I/O port `port` (0: the firmware names none), 32 or 24
 * bits wide.  Returns NULL, or why there is none.
 */
const char *acpi_timer_attach(struct acpi_timer *timer, uint16_t port, bool bits32);

#endif
