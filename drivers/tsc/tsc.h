/* SPDX-License-Identifier: 0BSD */
/*
 * The time-stamp counter: its frequency from every independent source there is, whether it keeps
 * that frequency, and how good a timecounter it makes.
 *
 * References:
 *  [1] Intel SDM vol. 2A, CPUID leaves 0x15 and 0x16; vol. 3B, 17.17 (invariant TSC).
 *  [2] ACPI Specification 6.5, 4.8.3.3: the PM timer runs at 3.579545 MHz.
 *  [3] Intel 8254 data sheet: the i8254 of a PC runs at 1.193182 MHz.
 *  [4] Linux, adjtimex(2): the frequency offset is at most 500 ppm.
 */
#ifndef DRIVERS_TSC_H
#define DRIVERS_TSC_H

#include <stdbool.h>
#include <stdint.h>
#include <timecounter/timecounter.h>

/* What adjtimex(2) may add to the rate of the clock behind a host's timers [4]. */
enum { TSC_SLEW_PPM = 500 };

enum tsc_source_id {
    TSC_KVMCLOCK,        /* the scale in the clock page */
    TSC_HYPERVISOR_LEAF, /* CPUID 0x40000010 */
    TSC_CPUID_15,        /* crystal and ratio */
    TSC_PM_TIMER,        /* measured */
    TSC_I8254,           /* measured */
    TSC_CPUID_16,        /* the advertised base frequency, to 1 MHz or 100 */
    TSC_SOURCES,
};

struct tsc_source {
    const char *name;
    uint64_t hz;         /* 0: this source says nothing */
    uint64_t error_ppm;  /* what the source itself can be off by, rounded up */
    const char *refused; /* why it is not believed, or not there; NULL: it counts */
    bool confirms;       /* it and the chosen one differ by no more than their errors */
};

/* A timer and the TSC at one moment: the TSC is off by at most `error` cycles. */
struct tsc_reading {
    uint64_t tsc, error;
    uint32_t count;
    bool valid;
};

struct tsc {
    struct tsc_source sources[TSC_SOURCES];
    enum tsc_source_id chosen;
    uint64_t hz;    /* of the chosen source; 0: there is none */
    bool invariant; /* CPUID 0x80000007 EDX bit 8 */
    bool in_guest;  /* CPUID says that there is a hypervisor */
    struct timecounter counter;

    /* Measurements under way. */
    struct tsc_reading pm_start, pit_start;
    uint16_t pm_port;
    uint32_t pm_mask;
};

/* The machine's. */
extern struct tsc tsc;

/* What CPUID says, and the start of the i8254's measurement.  Interrupts stay off. */
void tsc_begin(struct tsc *t);
/* Start the PM timer's, at I/O port `port` (0: there is none), `bits` 24 or 32 wide. */
void tsc_begin_pm_timer(struct tsc *t, uint16_t port, bool bits32);
/* Start both once more: the host took the vCPU away for too long the last time. */
void tsc_begin_again(struct tsc *t);

/*
 * End the i8254's measurement: between 1 and 54 ms after tsc_begin(), the later the better.  False:
 * it has run out, and the PM timer may have wrapped just as well.
 */
bool tsc_end_pit(struct tsc *t);
/* End the PM timer's: from 10 ms to 4 s after its start, before other vCPUs start. */
void tsc_end_pm_timer(struct tsc *t);

/*
 * The sources outside this driver: the clock page (mul and shift's Hz) and the hypervisor's leaf.
 */
void tsc_set_kvmclock(struct tsc *t, uint64_t hz, uint64_t error_hz);
void tsc_set_hypervisor_leaf(struct tsc *t, uint32_t khz);

/*
 * Refuse what is outside 100 MHz to 20 GHz, and choose among the others.  Two sources confirm each
 * other if they differ by no more than their errors and, as a host may slew the clock that its
 * timers follow, TSC_SLEW_PPM.  The source that most others confirm is chosen; of several, the
 * first in the order of trust, which is that of enum tsc_source_id.  So two measurements that agree
 * count for more than one claim, and alone a source is believed.  One that is then more than 1 %
 * from the chosen one is refused; what differs by less has no `confirms`.  False: there is none.
 */
bool tsc_choose(struct tsc *t);

/* How far a source is from the chosen one, in ppm, signed. */
int64_t tsc_deviation_ppm(const struct tsc *t, const struct tsc_source *source);

/*
 * Make the timecounter.  `synchronised`: all vCPUs' counters agree as far as could be measured;
 * `below_kvmclock`: there is a kvmclock, which is to be preferred.
 *
 * A hypervisor leaves `invariant` out as long as the guest may be moved to another host, QEMU by
 * default.  The TSC of a CPU that can run guests keeps its rate all the same, and a guest's power
 * states are its host's; so in a guest it counts as invariant.
 */
void tsc_make_counter(struct tsc *t, bool synchronised, bool below_kvmclock);

/* A vCPU that came later has a counter that does not agree: what the counter is worth now. */
void tsc_lose_synchrony(struct tsc *t);

/*
 * The guest was moved to a host whose TSC runs at `hz`: as a timecounter it is no good any more,
 * since it was registered with the old rate.
 */
void tsc_lose_rate(struct tsc *t, uint64_t hz);

/* Hang machdep.tsc_freq and kern.timecounter.invariant_tsc into the sysctl tree. */
void tsc_sysctl_register(struct tsc *t);

/* The sources side by side, in both forms of the report; the check "tsc.frequency". */
void tsc_report(const struct tsc *t);
void tsc_judge(const struct tsc *t);

#endif
