/* SPDX-License-Identifier: 0BSD */
/*
 * Plays the host where debug.kvmclock.scripted asks for it: its time, its date, its pauses.  It
 * takes the place of KVM at the head of the flow.
 */
#include "arch/x86/cr.h"
#include "arch/x86/ipi.h"
#include "arch/x86/tsc.h"
#include "base/format.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/played_host.h"
#include <clockpage/sysctl.h>

enum { ARRIVAL_MS = 200, MAX_PAUSE_S = 3600 };

static struct played_host host = {
    .page.system_time = 1000000000,
    .features = PVCLOCK_FEATURE_CLOCK | PVCLOCK_FEATURE_TSC_STABLE,
};
static bool wanted, unstable;
static uint64_t last_pause_s;

void attach_played_host(void)
{
    static const struct pvclock_ops ops = {played_host_cpuid, played_host_wrmsr, &host};
    static char words[48];

    if (!wanted)
        return;
    format(words, sizeof(words), "vCPU n is %ld ns * n ahead", host.skew_ns);
    kvmclock_attach(&kvmclock, &ops, words);
}

void start_played_host(uint64_t begin)
{
    if (!wanted)
        return;
    host.page.tsc_timestamp = begin;
    host.page.flags = unstable ? 0 : PVCLOCK_FLAG_TSC_STABLE;
    (void)pvclock_scale_from_hz(tsc.hz, &host.page.mul, &host.page.shift);
    kvmclock_enable(&kvmclock, 0);
}

/* ---- A pause ----------------------------------------------------------- */

struct pause {
    uint64_t number, seconds;
};

static uint32_t stopped; /* number of vCPUs that stand still */
static uint64_t ended;   /* number of the last pause that is over */

/* Runs in an interrupt on each vCPU, so that none goes on during the pause, in ring 3 or here. */
static void stand_still(struct cpu *cpu, void *arg)
{
    const struct pause *pause = arg;
    uint64_t begin = rdtsc_ordered();

    __atomic_add_fetch(&stopped, 1, __ATOMIC_ACQ_REL);
    if (cpu->index != 0) {
        /* Pairs with the store by vCPU 0 below. */
        while (__atomic_load_n(&ended, __ATOMIC_ACQUIRE) < pause->number)
            cpu_pause();
        return;
    }
    /* A vCPU whose interrupts are off for longer misses the pause. */
    while (__atomic_load_n(&stopped, __ATOMIC_ACQUIRE) != cpu_count &&
           rdtsc_ordered() - begin < tsc.hz / 1000 * ARRIVAL_MS) {
        smp_answer_flush();
        cpu_pause();
    }
    begin = rdtsc_ordered();
    while (rdtsc_ordered() - begin < tsc.hz * pause->seconds)
        cpu_pause();
    (void)played_host_pause(&host, begin, rdtsc_ordered());
    __atomic_store_n(&ended, pause->number, __ATOMIC_RELEASE);
}

static const char *set_pause(void *context, uint32_t index, const union sysctl_value *value)
{
    static struct pause pause;

    (void)context, (void)index;
    if (!wanted)
        return "debug.kvmclock.scripted is not set: it is the host that pauses this guest";
    pause = (struct pause){pause.number + 1, value->u64};
    last_pause_s = pause.seconds;
    stopped = 0;
    (void)smp_ask_all(stand_still, &pause, tsc.hz * (pause.seconds + 1));
    return NULL;
}

/* ---- Its settings ------------------------------------------------------ */

static const struct sysctl nodes[] = {
    SYSCTL_VALUE("epoch", SYSCTL_U64, SYSCTL_RWTUN, &host.epoch, 0, INT64_MAX, "0",
                 "as a host, its date at its time 0, in ns since 1970; 0: it has none"),
    SYSCTL_PROC("pause", SYSCTL_U64, SYSCTL_RW, &last_pause_s, NULL, set_pause, 1, MAX_PAUSE_S,
                NULL, NULL, "as a host, it pauses the guest for this many seconds, now"),
    SYSCTL_VALUE("scripted", SYSCTL_BOOL, SYSCTL_RDTUN, &wanted, 0, 0, "0",
                 "1: the kernel plays the host and fills the clock pages itself"),
    SYSCTL_VALUE("skew", SYSCTL_U64, SYSCTL_RDTUN, &host.skew_ns, 0, 1000000000, "0",
                 "as a host, it sets vCPU n this many ns * n ahead"),
    SYSCTL_VALUE("system_time", SYSCTL_U64, SYSCTL_RDTUN, &host.page.system_time, 0, INT64_MAX,
                 "1000000000", "as a host, its time in ns when the guest starts"),
    SYSCTL_VALUE("unstable", SYSCTL_BOOL, SYSCTL_RDTUN, &unstable, 0, 0, "0",
                 "1: as a host, it does not set STABLE"),
};

SYSCTL_TABLE("debug.kvmclock", nodes);
