/* SPDX-License-Identifier: 0BSD */
/*
 * The TSC driver: gives lib/tsc the CPUID, the i8254 and the PM timer of this machine, collects
 * what it and the clock page say of the TSC's frequency, and makes the timecounter that
 * lib/timecounter uses.
 */
#include "drivers/tsc/tsc.h"
#include "arch/x86/acpi.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/io.h"
#include "arch/x86/pit.h"
#include "arch/x86/tsc.h"
#include <clockpage/sysctl.h>

#define REASON_IN_A_GUEST                                                                          \
    "in a guest no power state stops it, though the CPU does not say so: cheapest to read"
#define REASON_BELOW_KVMCLOCK                                                                      \
    "cheapest to read, but below kvmclock, which follows a host that changes"

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

static void get_cpuid(void *context, uint32_t leaf, struct tsc_cpuid *out)
{
    struct cpuid r = cpuid(leaf, 0);

    (void)context;
    *out = (struct tsc_cpuid){r.eax, r.ebx, r.ecx, r.edx};
}

static const struct tsc_ops machine = {get_cpuid, NULL};

static bool read_pit(void *context, uint64_t *count)
{
    uint16_t elapsed;
    bool ok = pit_elapsed(&elapsed);

    (void)context;
    *count = elapsed;
    return ok;
}

static bool read_pm_timer(void *context, uint64_t *count)
{
    const struct tsc *t = context;

    *count = inl(t->pm_port);
    return true;
}

static const struct tsc_timer pit = {.read = read_pit, .mask = 0xffff, .hz = PIT_HZ};

static void begin_pit(struct tsc *t)
{
    pit_start();
    (void)tsc_window_open(&t->pit_window, &pit);
}

static void begin_pm_timer(struct tsc *t)
{
    if (t->pm_port)
        (void)tsc_window_open(&t->pm_window, &t->pm_timer);
}

void tsc_begin(struct tsc *t)
{
    for (unsigned i = 0; i < TSC_SOURCES; i++)
        t->sources[i] = (struct tsc_source){.name = source_names[i], .status = TSC_NONE};
    t->in_guest = tsc_cpuid_guest(&machine);
    t->invariant = tsc_cpuid_invariant(&machine);
    (void)tsc_cpuid_crystal(&machine, &t->sources[TSC_CPUID_15]);
    (void)tsc_cpuid_base(&machine, &t->sources[TSC_CPUID_16]);
    begin_pit(t);
}

void tsc_begin_pm_timer(struct tsc *t, uint16_t port, bool bits32)
{
    t->pm_port = port;
    t->pm_timer = (struct tsc_timer){.read = read_pm_timer,
                                     .context = t,
                                     .mask = bits32 ? 0xffffffff : 0xffffff,
                                     .hz = PM_TIMER_HZ};
    begin_pm_timer(t);
}

void tsc_begin_again(struct tsc *t)
{
    begin_pit(t);
    begin_pm_timer(t);
}

bool tsc_end_pit(struct tsc *t)
{
    return tsc_window_close(&t->pit_window, &pit, &t->sources[TSC_I8254]) != TSC_RAN_OUT;
}

void tsc_end_pm_timer(struct tsc *t)
{
    if (t->pm_port)
        (void)tsc_window_close(&t->pm_window, &t->pm_timer, &t->sources[TSC_PM_TIMER]);
}

void tsc_set_kvmclock(struct tsc *t, uint64_t hz, uint64_t error_hz)
{
    (void)tsc_source_hz(&t->sources[TSC_KVMCLOCK], hz, error_hz);
}

void tsc_set_hypervisor_leaf(struct tsc *t, uint32_t khz)
{
    (void)tsc_source_khz(&t->sources[TSC_HYPERVISOR_LEAF], khz);
}

bool tsc_choose(struct tsc *t)
{
    struct tsc_choice choice;
    bool known = tsc_vote(t->sources, TSC_SOURCES, &choice) == TSC_OK;

    t->hz = choice.hz;
    if (known)
        t->chosen = (enum tsc_source_id)choice.index;
    return known;
}

static bool is_measured(enum tsc_source_id id)
{
    return id == TSC_PM_TIMER || id == TSC_I8254;
}

static bool bears_out(const struct tsc_source *a, const struct tsc_source *b)
{
    return b->hz && tsc_distance_ppm(a->hz, b->hz) <= a->error_ppm + b->error_ppm + TSC_SLEW_PPM;
}

bool tsc_is_sound(struct tsc *t)
{
    bool sound = true;

    for (enum tsc_source_id m = 0; m < TSC_SOURCES; m++) {
        const struct tsc_source *s = &t->sources[m];
        if (!is_measured(m))
            continue;
        sound = sound && s->status != TSC_PAUSED;
        if (!s->hz)
            continue;
        bool borne_out = bears_out(s, &t->last[m]);
        for (enum tsc_source_id c = 0; c < TSC_SOURCES; c++)
            borne_out = borne_out || (!is_measured(c) && bears_out(s, &t->sources[c]));
        sound = sound && borne_out;
        t->last[m] = *s;
    }
    return sound;
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
