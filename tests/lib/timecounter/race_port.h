/* SPDX-License-Identifier: 0BSD */
/*
 * The port for GCC, with pauses: one load of a word in 512 yields the CPU or spins for a little, so
 * that races which need one between two certain instructions happen often enough to be seen.
 */
#ifndef TIMECOUNTER_RACE_PORT_H
#define TIMECOUNTER_RACE_PORT_H

#include <sched.h>
#include <stdint.h>

#include "timecounter/port/gcc.h"

static inline void timecounter_race_pause(void)
{
    static _Thread_local uint32_t state = 1;

    state = state * 1664525u + 1013904223u;
    if (state >> 23 == 0)
        (void)sched_yield();
    else if (state >> 22 == 1)
        for (volatile int i = 0; i < 300; i++)
            continue;
}

#undef TIMECOUNTER_LOAD
#define TIMECOUNTER_LOAD(p) (timecounter_race_pause(), __atomic_load_n((p), __ATOMIC_RELAXED))

#endif
