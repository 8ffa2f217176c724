/* SPDX-License-Identifier: 0BSD */
/*
 * Asks the host to pause the guest at a place that a test wants to be paused at, as debug.pause.at
 * says.  QEMU does so with `-device pvpanic -action panic=pause` until it is told to go on; where
 * there is no such device, nothing happens.
 */
#ifndef BASE_PAUSE_H
#define BASE_PAUSE_H

enum pause_place {
    PAUSE_CALIBRATION,  /* while the TSC is measured by timers */
    PAUSE_TIMER,        /* while the local APIC's timer is measured by the TSC */
    PAUSE_VCPUS,        /* before the other vCPUs are started */
    PAUSE_REGISTRATION, /* as one of them registers */
    PAUSE_DATE,         /* between the host's date and the RTC's */
    PAUSE_COUNT,        /* as ring 3 begins to count entries */
    PAUSE_PATHS,        /* after STABLE was taken away, before ring 3 looks which way it reads */
    PAUSE_SWITCH,       /* while a switch of counters is measured */
    PAUSE_TICK,         /* at the end of a tick of the boot vCPU, wherever that comes */
    PAUSE_PLACES,
};

/*
 * Pauses here if this is the place, and has not been as often as debug.pause.times says in this
 * stage of the report.  On any vCPU.
 */
void pause_at(enum pause_place place);

#endif
