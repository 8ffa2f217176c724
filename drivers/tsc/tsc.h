/* SPDX-License-Identifier: 0BSD */
/*
 * The time-stamp counter: its frequency according to every independent source (lib/tsc measures and
 * votes), whether it keeps that frequency, and how good a timecounter it makes.
 *
 * Call tsc_begin() first, let time pass while the other sources are set, then end the
 * measurements and call tsc_choose() and tsc_make_counter().
 */
#ifndef DRIVERS_TSC_H
#define DRIVERS_TSC_H

#include <stdbool.h>
#include <stdint.h>
#include <timecounter/timecounter.h>
#include <tsc/tsc.h>

enum tsc_source_id {
    TSC_KVMCLOCK,        /* the scale in the clock page */
    TSC_HYPERVISOR_LEAF, /* CPUID 0x40000010 */
    TSC_CPUID_15,        /* crystal and ratio */
    TSC_PM_TIMER,        /* measured */
    TSC_I8254,           /* measured */
    TSC_CPUID_16,        /* the advertised base frequency, to 1 MHz or 100 MHz */
    TSC_SOURCES,
};

struct tsc {
    struct tsc_source sources[TSC_SOURCES];
    enum tsc_source_id chosen;
    uint64_t hz;    /* of the chosen source; 0: there is none */
    bool invariant; /* CPUID 0x80000007 EDX bit 8 */
    bool in_guest;  /* CPUID shows a hypervisor */
    struct timecounter counter;

    /* Measurements in progress. */
    struct tsc_window pm_window, pit_window;
    struct tsc_timer pm_timer;
    struct tsc_source last[TSC_SOURCES]; /* of the window before, those that are measured */
    uint16_t pm_port;
};

/* The machine's TSC. */
extern struct tsc tsc;

/* How long this many cycles take, in ns; they must fit in 54 bits, and the frequency be known. */
static inline uint64_t tsc_ns(uint64_t cycles)
{
    return cycles * 1000 / (tsc.hz / 1000000);
}

/* Reads CPUID and starts the i8254's measurement.  Interrupts must stay off. */
void tsc_begin(struct tsc *t);
/* Starts the PM timer's measurement, at I/O port `port` (0: there is none), 32 or 24 bits wide. */
void tsc_begin_pm_timer(struct tsc *t, uint16_t port, bool bits32);
/* Starts both measurements again: the last one was spoilt, or nothing bore it out. */
void tsc_begin_again(struct tsc *t);

/*
 * Ends the i8254's measurement, 1 to 54 ms after tsc_begin(), the later the better.  False: it
 * has run out, so the PM timer may have wrapped as well.
 */
bool tsc_end_pit(struct tsc *t);
/* Ends the PM timer's measurement, 10 ms to 4 s after its start, before other vCPUs start. */
void tsc_end_pm_timer(struct tsc *t);

/*
 * Set the sources outside this driver: the clock page (Hz from mul and shift) and the
 * hypervisor's leaf.
 */
void tsc_set_kvmclock(struct tsc *t, uint64_t hz, uint64_t error_hz);
void tsc_set_hypervisor_leaf(struct tsc *t, uint32_t khz);

/* Chooses the source that most others confirm: tsc_vote() of <tsc/tsc.h>.  False: there is none. */
bool tsc_choose(struct tsc *t);

/*
 * Whether this window's measurements can be believed: each agrees with what a source that is not
 * measured claims, or with the window before.  In a pause of the guest the TSC goes on and the
 * timers stand still, all of them alike, so that they bear out each other's wrong figure.  Call it
 * once a window, after tsc_choose().
 */
bool tsc_is_sound(struct tsc *t);

/*
 * Makes the timecounter.  `synchronised`: all vCPUs' counters agree as far as could be measured.
 * A kvmclock is preferred, unless kern.timecounter.tsc_first is set.
 *
 * A hypervisor (QEMU by default) hides `invariant` while the guest may be moved to another host.
 * The TSC of a CPU that can run guests keeps its rate all the same, and a guest's power states
 * are its host's; so in a guest the TSC counts as invariant.
 */
void tsc_make_counter(struct tsc *t, bool synchronised, bool there_is_kvmclock);

/* Lowers the counter's quality: a vCPU that came later has a counter that does not agree. */
void tsc_lose_synchrony(struct tsc *t);

/*
 * Lowers the counter's quality after the guest was moved to a host whose TSC runs at `hz`: as a
 * timecounter it is no longer usable, since it was registered with the old rate.
 */
void tsc_lose_rate(struct tsc *t, uint64_t hz);

/*
 * tsc_report() prints the sources side by side, as text and JSON; tsc_judge() makes the check
 * "tsc.frequency".
 */
void tsc_report(const struct tsc *t);
void tsc_judge(const struct tsc *t);

#endif
