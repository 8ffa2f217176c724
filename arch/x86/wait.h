/* SPDX-License-Identifier: 0BSD */
/*
 * Bounds a wait for another vCPU, by the TSC, without counting the time that the host kept this
 * vCPU from running.
 *
 *	struct wait w = wait_begin(patience);
 *	while (!is_there()) {
 *		if (wait_is_over(&w))
 *			return false;
 *		cpu_pause();
 *	}
 *
 * A pause of the guest shows as one long step of the TSC between two looks, and the vCPU that is
 * waited for did not run either.  So a step counts for at most 1/WAIT_LOOKS of the patience: a wait
 * ends only after that many looks, between which the other could have come.  A wait that sleeps
 * between looks for longer than this lasts longer than its patience, but not without end.
 */
#ifndef ARCH_X86_WAIT_H
#define ARCH_X86_WAIT_H

#include "arch/x86/tsc.h"
#include <stdbool.h>
#include <stdint.h>

enum { WAIT_LOOKS = 16 };

struct wait {
    uint64_t patience; /* TSC cycles */
    uint64_t waited;   /* since wait_begin() or wait_again(), as far as it counts */
    uint64_t last;     /* the TSC at the last look */
};

static inline struct wait wait_begin(uint64_t patience)
{
    return (struct wait){.patience = patience, .last = rdtsc_ordered()};
}

/* Starts anew: something that was waited for has happened. */
static inline void wait_again(struct wait *w)
{
    *w = wait_begin(w->patience);
}

/* As wait_is_over(), by another counter of 64 bits, which reads `now` and counts all of `w`. */
static inline bool wait_is_over_at(struct wait *w, uint64_t now)
{
    uint64_t step = now - w->last, most = w->patience / WAIT_LOOKS + 1;

    /* A TSC that a restore set back counts as nothing. */
    if (now < w->last)
        step = 0;
    w->last = now;
    w->waited += step < most ? step : most;
    return w->waited > w->patience;
}

/* Call it at each look; true once the patience is used up. */
static inline bool wait_is_over(struct wait *w)
{
    return wait_is_over_at(w, rdtsc_ordered());
}

#endif
