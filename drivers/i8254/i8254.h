/* SPDX-License-Identifier: 0BSD */
/*
 * The i8254's channel 2 as a timecounter: 16 bits at 1.193182 MHz, so it wraps every 54.9 ms.
 *
 * A count is three accesses to the chip, each of which leaves the guest, and they must not mix with
 * those of another vCPU: readers wait for each other, at most as long as one read takes.  For the
 * same reason it must not be read where an NMI may have interrupted a read.
 *
 * References:
 *  [1] Intel 8254 data sheet: mode 2, counter latch command.
 */
#ifndef DRIVERS_I8254_H
#define DRIVERS_I8254_H

#include <timecounter/timecounter.h>

struct i8254 {
    struct timecounter counter;
    unsigned char busy; /* somebody reads */
};

/*
 * Make the timecounter and start it; channel 2 serves nothing else from then on.  NULL, or why
 * there is none.
 */
const char *i8254_attach(struct i8254 *timer);

#endif
