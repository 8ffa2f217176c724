/* SPDX-License-Identifier: 0BSD */
/*
 * The TSC driver: collects the TSC's frequency from CPUID, the hypervisor, the clock page and two
 * timers, chooses the best confirmed one, and makes the timecounter that lib/timecounter uses.
 */
#include "drivers/tsc/tsc.h"
#include "arch/x86/acpi.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/io.h"
#include "arch/x86/pit.h"
#include "arch/x86/tsc.h"
#include <clockpage/sysctl.h>

#define HZ_MIN UINT64_C(100000000)
#define HZ_MAX UINT64_C(20000000000)

#define REASON_IN_A_GUEST                                                                          \
    "in a guest no power state stops it, though the CPU does not say so: cheapest to read"
#define REASON_BELOW_KVMCLOCK                                                                      \
    "cheapest to read, but below kvmclock, which follows a host that changes"

enum { READS = 5, PPM = 1000000, MAX_DISAGREEMENT_PPM = 10000 };

struct tsc tsc;

enum { BY_CPUID = -1 };

static int invariant_asked = BY_CPUID; /* kern.timecounter.invariant_tsc */
static bool tsc_first;                 /* kern.timecounter.tsc_first */

static const char *const source_names[TSC_SOURCES] = {
    [TSC_KVMCLOCK] = "kvmclock page",
    [TSC_HYPERVISOR_LEAF] = "hypervisor leaf 0x10",
    [TSC_CPUID_15] = "CPUID 0x15",
    [TSC_PM_TIMER] = "ACPI PM timer",
    [TSC_I8254] = "i8254",
    [TSC_CPUID_16] = "CPUID 0x16",
};

static void set(struct tsc *t, enum tsc_source_id id, uint64_t hz, uint64_t error_ppm)
{
    t->sources[id].hz = hz;
    t->sources[id].error_ppm = error_ppm;
    t->sources[id].refused = NULL;
}

static void read_cpuid(struct tsc *t)
{
    t->in_guest = cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR;
    t->invariant = cpuid_has_leaf(0x80000007) && cpuid(0x80000007, 0).edx & CPUID_APM_EDX_INVTSC;
    if (cpuid_has_leaf(0x15)) {
        struct cpuid r = cpuid(0x15, 0);
        if (r.eax && r.ebx && r.ecx)
            set(t, TSC_CPUID_15, (uint64_t)r.ecx * r.ebx / r.eax, 1);
        else
            t->sources[TSC_CPUID_15].refused = "the leaf has no crystal frequency";
    }
    if (cpuid_has_leaf(0x16)) {
        uint32_t mhz = cpuid(0x16, 0).eax & 0xffff;
        if (mhz)
            set(t, TSC_CPUID_16, mhz * UINT64_C(1000000), PPM / mhz + 1);
        else
            t->sources[TSC_CPUID_16].refused = "the leaf is empty";
    }
}

/*
 * Reads a timer between two readings of the TSC, several times; the narrowest pair says when it
 * was.  Each access can be an exit to the host's user space, so the width is most of the error.
 */
static struct tsc_reading read_between(bool (*read)(const struct tsc *t, uint32_t *count),
                                       const struct tsc *t)
{
    struct tsc_reading best = {.error = UINT64_MAX};

    for (unsigned i = 0; i < READS; i++) {
        uint32_t count;
        uint64_t before = rdtsc_ordered();
        if (!read(t, &count))
            return (struct tsc_reading){0};
        uint64_t error = (rdtsc_ordered() - before) / 2 + 1;
        if (error < best.error)
            best = (struct tsc_reading){before + error, error, count, true};
    }
    return best;
}

static bool read_pit(const struct tsc *t, uint32_t *count)
{
    uint16_t elapsed;
    bool ok = pit_elapsed(&elapsed);

    (void)t;
    *count = elapsed;
    return ok;
}

static bool read_pm_timer(const struct tsc *t, uint32_t *count)
{
    *count = inl(t->pm_port) & t->pm_mask;
    return true;
}

static void begin_pit(struct tsc *t)
{
    pit_start();
    t->pit_start = read_between(read_pit, t);
}

static void begin_pm_timer(struct tsc *t)
{
    if (t->pm_port)
        t->pm_start = read_between(read_pm_timer, t);
}

void tsc_begin(struct tsc *t)
{
    for (unsigned i = 0; i < TSC_SOURCES; i++) {
        t->sources[i].name = source_names[i];
        t->sources[i].refused = "there is none";
    }
    read_cpuid(t);
    begin_pit(t);
}

void tsc_begin_pm_timer(struct tsc *t, uint16_t port, bool bits32)
{
    t->pm_port = port;
    t->pm_mask = bits32 ? 0xffffffff : 0xffffff;
    begin_pm_timer(t);
}

void tsc_begin_again(struct tsc *t)
{
    begin_pit(t);
    begin_pm_timer(t);
}

/* Sets a source to the TSC's Hz from two readings of a timer; a count may be cut at both ends. */
static void conclude(struct tsc *t, enum tsc_source_id id, struct tsc_reading from,
                     struct tsc_reading to, uint32_t mask, uint32_t timer_hz)
{
    uint64_t cycles = to.tsc - from.tsc, counts = (to.count - from.count) & mask;

    if (counts < 1000 || cycles == 0) {
        t->sources[id].hz = 0;
        t->sources[id].refused = "it hardly moved";
        return;
    }
    /* cycles * timer_hz stays below 2^64: 4 s of 20 GHz times 3.6 MHz is 2.9e17. */
    set(t, id, cycles * timer_hz / counts,
        (from.error + to.error) * PPM / cycles + PPM / counts + 1);
}

bool tsc_end_pit(struct tsc *t)
{
    if (!t->pit_start.valid)
        return true;
    struct tsc_reading end = read_between(read_pit, t);
    if (end.valid) {
        conclude(t, TSC_I8254, t->pit_start, end, 0xffff, PIT_HZ);
    } else {
        t->sources[TSC_I8254].hz = 0;
        t->sources[TSC_I8254].refused = "it ran out before it was read";
    }
    return end.valid;
}

void tsc_end_pm_timer(struct tsc *t)
{
    if (!t->pm_port)
        return;
    struct tsc_reading end = read_between(read_pm_timer, t);
    conclude(t, TSC_PM_TIMER, t->pm_start, end, t->pm_mask, PM_TIMER_HZ);
}

void tsc_set_kvmclock(struct tsc *t, uint64_t hz, uint64_t error_hz)
{
    set(t, TSC_KVMCLOCK, hz, hz ? error_hz * PPM / hz + 1 : 0);
}

void tsc_set_hypervisor_leaf(struct tsc *t, uint32_t khz)
{
    if (khz)
        set(t, TSC_HYPERVISOR_LEAF, khz * UINT64_C(1000), PPM / khz + 1);
}

static uint64_t disagreement_ppm(uint64_t a, uint64_t b)
{
    uint64_t difference = a > b ? a - b : b - a;

    return difference >= b ? PPM : difference * PPM / b;
}

static const char too_far[] = "more than 1 % from the chosen one";

static bool confirm(const struct tsc_source *a, const struct tsc_source *b)
{
    return disagreement_ppm(a->hz, b->hz) <= a->error_ppm + b->error_ppm + TSC_SLEW_PPM;
}

bool tsc_choose(struct tsc *t)
{
    struct tsc_source *const end = t->sources + TSC_SOURCES, *chosen = NULL;
    unsigned most = 0;

    /* A frequency must be possible.  Refusals against an earlier choice do not count. */
    for (struct tsc_source *s = t->sources; s < end; s++) {
        if (s->refused == too_far)
            s->refused = NULL;
        if (!s->refused && (s->hz < HZ_MIN || s->hz > HZ_MAX))
            s->refused = "outside 100 MHz to 20 GHz";
    }
    /* Choose the one that most others confirm; of several, the first in the order of trust. */
    for (struct tsc_source *s = t->sources; s < end; s++) {
        unsigned count = 0;
        if (s->refused)
            continue;
        for (const struct tsc_source *other = t->sources; other < end; other++)
            count += other != s && !other->refused && confirm(s, other);
        if (chosen && count <= most)
            continue;
        chosen = s;
        most = count;
    }
    t->hz = chosen ? chosen->hz : 0;
    if (!chosen)
        return false;
    t->chosen = (enum tsc_source_id)(chosen - t->sources);
    /* One that is far from it is wrong; one that differs by more than the errors is shown. */
    for (struct tsc_source *s = t->sources; s < end; s++) {
        if (s->refused)
            continue;
        s->confirms = confirm(chosen, s);
        if (disagreement_ppm(s->hz, t->hz) >
            MAX_DISAGREEMENT_PPM + s->error_ppm + chosen->error_ppm)
            s->refused = too_far;
    }
    return true;
}

static bool is_measured(enum tsc_source_id id)
{
    return id == TSC_PM_TIMER || id == TSC_I8254;
}

bool tsc_is_sound(struct tsc *t)
{
    bool sound = true;

    for (enum tsc_source_id m = 0; m < TSC_SOURCES; m++) {
        const struct tsc_source *s = &t->sources[m];
        if (!is_measured(m) || !s->hz)
            continue;
        bool borne_out = t->last[m].hz && confirm(s, &t->last[m]);
        for (enum tsc_source_id c = 0; c < TSC_SOURCES; c++)
            borne_out =
                borne_out || (!is_measured(c) && t->sources[c].hz && confirm(s, &t->sources[c]));
        sound = sound && borne_out;
        t->last[m] = *s;
    }
    return sound;
}

int64_t tsc_deviation_ppm(const struct tsc *t, const struct tsc_source *s)
{
    int64_t ppm = (int64_t)disagreement_ppm(s->hz, t->hz);

    return s->hz < t->hz ? -ppm : ppm;
}

static uint64_t read_counter(void *context)
{
    (void)context;
    return rdtsc_ordered();
}

void tsc_lose_synchrony(struct tsc *t)
{
    t->counter.quality = TC_QUALITY_TSC_UNSYNCHRONISED;
    t->counter.reason = TC_REASON_TSC_UNSYNCHRONISED;
    t->counter.flags |= TC_GUARDED;
}

void tsc_lose_rate(struct tsc *t, uint64_t hz)
{
    t->hz = hz;
    t->counter.quality = TC_QUALITY_TSC_UNSYNCHRONISED;
    t->counter.reason = "its rate changed while it counted: the guest was moved";
}

void tsc_make_counter(struct tsc *t, bool synchronised, bool there_is_kvmclock)
{
    if (invariant_asked != BY_CPUID)
        t->invariant = t->in_guest = invariant_asked;
    t->counter = (struct timecounter){
        .name = "TSC",
        .read = read_counter,
        .mask = UINT64_MAX,
        .frequency = t->hz,
    };
    if (!synchronised) {
        tsc_lose_synchrony(t);
    } else if (!t->invariant && !t->in_guest) {
        t->counter.quality = TC_QUALITY_TSC;
        t->counter.reason = TC_REASON_TSC;
    } else if (there_is_kvmclock && !tsc_first) {
        t->counter.quality = TC_QUALITY_TSC;
        t->counter.reason = REASON_BELOW_KVMCLOCK;
    } else {
        t->counter.quality = TC_QUALITY_TSC_INVARIANT;
        t->counter.reason = t->invariant ? TC_REASON_TSC_INVARIANT : REASON_IN_A_GUEST;
    }
}

/* ---- Settings, and what users may see ---------------------------------- */

static void get_invariant(void *context, uint32_t index, struct sysctl_text *to)
{
    (void)context, (void)index;
    sysctl_put(to, "%d", tsc.invariant || tsc.in_guest);
}

static void get_source(void *context, uint32_t index, struct sysctl_text *to)
{
    (void)context, (void)index;
    sysctl_put(to, "%s", tsc.sources[tsc.chosen].name);
}

static const struct sysctl timecounter_nodes[] = {
    SYSCTL_PROC("invariant_tsc", SYSCTL_INT, SYSCTL_RDTUN, &invariant_asked, get_invariant, NULL, 0,
                1, NULL, "by CPUID, and 1 in any guest",
                "whether the TSC keeps its rate in every power state"),
    SYSCTL_VALUE("tsc_first", SYSCTL_BOOL, SYSCTL_RDTUN, &tsc_first, 0, 0, "0",
                 "1: a TSC that keeps its rate comes before kvmclock"),
};

static const struct sysctl machdep_nodes[] = {
    SYSCTL_VALUE("tsc_freq", SYSCTL_U64, SYSCTL_RD, &tsc.hz, 0, 0, NULL,
                 "cycles of the TSC a second"),
    SYSCTL_SHOWN("tsc_freq_source", SYSCTL_STRING, get_source, "what tells machdep.tsc_freq"),
};

SYSCTL_TABLE("kern.timecounter", timecounter_nodes);
SYSCTL_TABLE("machdep", machdep_nodes);
