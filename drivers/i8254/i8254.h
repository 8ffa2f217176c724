/* SPDX-License-Identifier: 0BSD */
/*
 * The i8254's channel 2 as a timecounter: 16 bits at 1.193182 MHz, so it wraps every 54.9 ms.
 *
 * A read takes three accesses to the chip, each of which exits to the host, and they must not
 * interleave with those of another vCPU.  So readers wait for each other, at most for the length
 * of one read.  For the same reason the counter must not be read where an NMI may have
 * interrupted a read.
 *
 * References:
 *  [1] Intel 8254 data sheet: mode 2, counter latch command.
 */
#ifndef DRIVERS_I8254_H
#define DRIVERS_I8254_H

#include <timecounter/timecounter.h>

struct i8254 {
    struct timecounter counter;
    unsigned char busy; /* a reader holds the chip */
};

/*
 * Makes the timecounter and starts it; channel 2 is not used for anything else from then on.
 * Returns NULL, or why there is none.
 */
const char *i8254_attach(struct i8254 *timer);

#endif
