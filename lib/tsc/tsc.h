/* SPDX-License-Identifier: 0BSD */
/*
 * The TSC's frequency where no kvmclock gives it, or beside one: from CPUID and from timers of
 * known rate, each with its error, and a vote between them. rtc.h has the date, calendar.h the
 * calendar.
 *
 * Every source of the frequency is wrong somewhere: CPUID leaf 0x15 without a crystal, leaf 0x16
 * rounded to 100 MHz, a timer read through a pause of the host. So ask all that there are, in an
 * array in the order of trust, and let those that agree outvote the one that does not:
 *
 *     enum { LEAF, PM_TIMER, PIT, SOURCES };
 *     struct tsc_source sources[SOURCES] = {{.name = "CPUID 0x15"}, {.name = "PM timer"},
 *                                           {.name = "i8254"}};
 *     struct tsc_choice choice;
 *
 *     tsc_cpuid_crystal(&ops, &sources[LEAF]);
 *     tsc_measure(&pm_timer, TSC_PM_TIMER_HZ / 100, &sources[PM_TIMER]);
 *     tsc_measure(&pit, TSC_PIT_HZ / 100, &sources[PIT]);
 *     if (tsc_vote(sources, SOURCES, &choice) == TSC_OK)
 *         use(choice.hz);
 *
 * All state is the caller's. Nothing here allocates, keeps anything, or waits without a bound. The
 * calls are for one vCPU at boot, with interrupts off or at least rare: an interrupt within a
 * reading makes its error larger, never wrong. Two threads may use different objects at once.
 *
 * References:
 *  [1] Intel SDM vol. 2A, CPUID leaves 0x15, 0x16 and 0x80000007; vol. 3B, 18.7.3 (determining the
 *      processor base frequency) and 18.17 (time-stamp counter, invariant TSC).
 *  [2] AMD64 Architecture Programmer's Manual vol. 3, E.4.7: CPUID Fn8000_0007_EDX[8] TscInvariant.
 *  [3] Linux, Documentation/virt/kvm/x86/cpuid.rst; VMware's and QEMU's timing leaf: EAX of
 *      0x40000010 is the TSC's kHz.
 *  [4] ACPI Specification 6.5, 4.8.3.3: the PM timer runs at 3.579545 MHz, 24 or 32 bits wide.
 *  [5] Intel 8254 data sheet; the one of a PC runs at 1.193182 MHz.
 *  [6] IA-PC HPET Specification 1.0a, 2.3.4 (period in fs) and 2.4.7 (reading 32 of 64 bits).
 *  [7] Linux, adjtimex(2): the frequency offset is at most 500 ppm.
 */
#ifndef TSC_TSC_H
#define TSC_TSC_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the vote takes for a possible frequency. */
#define TSC_HZ_MIN UINT64_C(100000000)
#define TSC_HZ_MAX UINT64_C(20000000000)

#define TSC_PPM 1000000u
/* How much adjtimex(2) may change the rate of the clock behind a host's timers [7]. */
#define TSC_SLEW_PPM 500u
/* A source that is further from the chosen one, beyond their errors, is refused. */
#define TSC_FAR_PPM 10000u

enum tsc_status {
    TSC_OK = 0,
    TSC_NONE,         /* the device or the leaf is not there, or reads all ones */
    TSC_NO_CRYSTAL,   /* CPUID 0x15 without the crystal's frequency, or without the ratio */
    TSC_EMPTY,        /* a CPUID leaf that is there and says nothing */
    TSC_STUCK,        /* the timer hardly moved, or not at all, within the wait's bound */
    TSC_BACKWARDS,    /* the timer counts backwards */
    TSC_RAN_OUT,      /* a timer that counts once had run out before it was read */
    TSC_PAUSED,       /* something stopped the vCPU or the timer within the window */
    TSC_TSC_STUCK,    /* the TSC stood still or went back */
    TSC_OUT_OF_RANGE, /* not in TSC_HZ_MIN to TSC_HZ_MAX */
    TSC_TOO_FAR,      /* more than TSC_FAR_PPM and the errors from the chosen one */
    TSC_BUSY,         /* the RTC was never at rest */
    TSC_BAD_DATE,     /* the RTC's fields are not a date */
    TSC_BAD_VALUE     /* an argument that the call does not take */
};

/* Returns what a status means, in a few words without a full stop; "" for TSC_OK. Never null. */
const char *tsc_status_text(enum tsc_status status);

/* ---- Sources and the vote ----------------------------------------------- */

/*
 * One source of the frequency. All calls that fill one set `hz`, `error_ppm` and `status`, and
 * return the status; the name is the caller's. A source that nothing has filled yet must have a
 * status other than TSC_OK, such as TSC_NONE, or hz 0.
 */
struct tsc_source {
    const char *name;       /* for the caller's report; not read here */
    uint64_t hz;            /* 0: this source has no value */
    uint64_t error_ppm;     /* the source's own error, rounded up; TSC_PPM: it says nothing */
    enum tsc_status status; /* TSC_OK: it takes part in the vote */
    bool confirms;          /* differs from the chosen one by no more than their errors */
};

struct tsc_choice {
    unsigned index;     /* of the chosen source */
    uint64_t hz;        /* its frequency; 0: there is none */
    unsigned confirmed; /* how many others confirm it */
    unsigned differ;    /* how many others are possible and do not */
};

/*
 * Chooses among sources[0] to sources[count - 1], which are in the order of trust, the most trusted
 * first. It refuses sources outside TSC_HZ_MIN to TSC_HZ_MAX. Two sources confirm each other if
 * they differ by no more than the sum of their errors plus TSC_SLEW_PPM. The one that most others
 * confirm is chosen; of several, the first. So two measurements that agree count for more than one
 * claim; a single source is used as it is; and if all disagree, the most trusted one is chosen,
 * with `confirmed` 0 and `differ` not 0, which a caller may refuse.
 *
 * Then it sets `confirms` of each source, and refuses those that are more than TSC_FAR_PPM plus the
 * errors from the chosen one, as TSC_TOO_FAR. Such a refusal holds only until the next vote.
 *
 * TSC_OK, or TSC_NONE: no source is possible; then *choice is all 0.
 */
enum tsc_status tsc_vote(struct tsc_source *sources, unsigned count, struct tsc_choice *choice);

/* Returns how far a is from b in ppm of b, rounded down, at most TSC_PPM; b is not 0. */
uint64_t tsc_distance_ppm(uint64_t a, uint64_t b);

/* Returns how far a source is from `hz`, which is not 0, in ppm, -TSC_PPM to TSC_PPM. */
int64_t tsc_deviation(const struct tsc_source *source, uint64_t hz);

/*
 * Fills a source from elsewhere, such as a clock page (pvclock_frequency() gives both): the
 * frequency, off by at most error_hz. TSC_OK; the vote refuses hz 0.
 */
enum tsc_status tsc_source_hz(struct tsc_source *source, uint64_t hz, uint64_t error_hz);

/* Fills a source from whole kHz, such as a hypervisor's leaf. TSC_OK; TSC_NONE if khz is 0. */
enum tsc_status tsc_source_khz(struct tsc_source *source, uint32_t khz);

/* ---- CPUID -------------------------------------------------------------- */

struct tsc_cpuid {
    uint32_t eax, ebx, ecx, edx;
};

/* CPUID as the caller executes it, with subleaf 0 in ECX. */
struct tsc_ops {
    void (*cpuid)(void *context, uint32_t leaf, struct tsc_cpuid *out);
    void *context;
};

/*
 * Leaf 0x15: crystal Hz (ECX) times EBX / EAX, to 1 ppm [1]. TSC_NONE: there is no such leaf;
 * TSC_NO_CRYSTAL: a member is 0, as on most CPUs before 2019 and in most guests.
 */
enum tsc_status tsc_cpuid_crystal(const struct tsc_ops *ops, struct tsc_source *source);

/*
 * Leaf 0x16: the advertised base frequency in MHz [1], which the TSC has on Intel's CPUs to about
 * 1 MHz. TSC_NONE: there is no such leaf; TSC_EMPTY: it is 0.
 */
enum tsc_status tsc_cpuid_base(const struct tsc_ops *ops, struct tsc_source *source);

/*
 * Leaf 0x40000010: the hypervisor's own statement in kHz [3] (VMware, and QEMU's KVM with a fixed
 * TSC frequency). TSC_NONE: no hypervisor, or none with this leaf; TSC_EMPTY: it is 0.
 */
enum tsc_status tsc_cpuid_hypervisor(const struct tsc_ops *ops, struct tsc_source *source);

/* Whether the TSC keeps its rate in every power state: CPUID 0x80000007 EDX bit 8 [1][2]. */
bool tsc_cpuid_invariant(const struct tsc_ops *ops);

/* Whether CPUID shows a hypervisor: leaf 1 ECX bit 31. */
bool tsc_cpuid_guest(const struct tsc_ops *ops);

/* ---- Timers ------------------------------------------------------------- */

#define TSC_PIT_HZ      1193182u /* [5] */
#define TSC_PM_TIMER_HZ 3579545u /* [4] */

/*
 * Returns the HPET's Hz from the period of one count in fs, the upper half of its capabilities
 * register, rounded to the nearest; 0: the specification allows no such period [6, 2.3.4]. Rounding
 * costs at most 0.05 ppm: set the timer's error_ppm to 1.
 */
uint64_t tsc_hpet_hz(uint32_t period_fs);

/*
 * A timer of known rate that counts up. One that counts down, as the i8254 does, is given negated:
 * its read function returns -count, or 0xffff - count. It must wrap within the mask: to measure
 * with the i8254 use mode 2 from 65536 and the latch command, or mode 0 and false once it has run
 * out.
 */
struct tsc_timer {
    /*
     * Sets *count to the timer's count; bits beyond the mask may be anything. False: nothing
     * answers, or a timer that counts once has run out.
     */
    bool (*read)(void *context, uint64_t *count);
    void *context;
    uint64_t mask;      /* 2^n - 1, the bits that count */
    uint64_t hz;        /* counts a second, 1 or more */
    uint32_t error_ppm; /* how far hz may be off; 0: as its specification says */
    bool edges;         /* slow: a reading waits for the next change of the count (1 Hz to 1 kHz) */
};

/* A timer and the TSC at one moment: the TSC is off by at most `error` cycles. */
struct tsc_reading {
    uint64_t tsc, error, count;
};

/* A measurement in progress. The members are the library's. */
struct tsc_window {
    struct tsc_reading from, middle;
    enum tsc_status status; /* of the first reading */
    bool open, halved;
};

/*
 * Starts a measurement: reads the timer and the TSC. Let time pass, at least 1000 counts and less
 * than the timer takes to wrap (i8254 54 ms, PM timer of 24 bits 4.6 s, HPET of 32 bits 40 s or
 * more), and then close the window. The longer it is, the smaller the error.
 *
 * A reading is the narrowest of five, each between two reads of the TSC. One of a timer with
 * `edges` waits for the next change, for 2^22 reads or 50e9 cycles (20 s at 2.5 GHz) at most.
 *
 * TSC_OK; TSC_NONE: nothing answers, or all ones; TSC_BACKWARDS; TSC_TSC_STUCK; TSC_BAD_VALUE: a
 * mask that is not 2^n - 1, or hz 0. With edges also TSC_STUCK: no change came, and TSC_PAUSED: one
 * was missed.
 */
enum tsc_status tsc_window_open(struct tsc_window *window, const struct tsc_timer *timer);

/*
 * Optional, once, about halfway: reads again, so that tsc_window_close() can compare the two
 * halves. A host that pauses the guest stops its timers and not its TSC; one half then has another
 * frequency, and the window is void. The status is as from tsc_window_close().
 */
enum tsc_status tsc_window_look(struct tsc_window *window, const struct tsc_timer *timer);

/*
 * Ends the measurement and fills the source. The error covers that of both readings, one count at
 * each end (none with `edges`), and the timer's own. The window may be closed again later, with the
 * same start: it stays open until tsc_window_open().
 *
 * TSC_OK; TSC_STUCK: fewer than 1000 counts (with edges: none); TSC_RAN_OUT: the timer's read
 * function returned false; TSC_PAUSED: the halves disagree, or so many cycles passed that the timer
 * must have wrapped; TSC_BACKWARDS, TSC_TSC_STUCK; or the status of the open call, if that failed.
 * The source then has hz 0.
 *
 * A timer that wraps unnoticed gives too high a frequency: only other sources can tell.
 */
enum tsc_status tsc_window_close(struct tsc_window *window, const struct tsc_timer *timer,
                                 struct tsc_source *source);

/*
 * All of the above in one call, which waits: opens a window, looks halfway, closes it after
 * `counts` counts, and does so again if a pause voided it, up to five times. The timer may take as
 * long as 2^17 reads for one count, or the bound of tsc_window_open() with `edges`.
 *
 * `counts`: 1000 to mask / 4, with edges 1 or more; 10 ms, timer.hz / 100, are usual. Returns the
 * status in source->status: as tsc_window_close(), and TSC_BAD_VALUE.
 */
enum tsc_status tsc_measure(const struct tsc_timer *timer, uint64_t counts,
                            struct tsc_source *source);

#ifdef __cplusplus
}
#endif

#endif
