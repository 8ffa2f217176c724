/* SPDX-License-Identifier: 0BSD */
/* Pauses the guest where a test asks for it, by QEMU's pvpanic device. */
#include "base/pause.h"
#include "arch/x86/io.h"
#include "base/text.h"
#include <clockpage/report.h>
#include <clockpage/sysctl.h>
#include <stddef.h>

/* [QEMU, docs/specs/pvpanic.rst] */
enum { PVPANIC = 0x505, PANICKED = 1 };

static const char *const names[] = {
    [PAUSE_CALIBRATION] = "calibration",
    [PAUSE_TIMER] = "timer",
    [PAUSE_VCPUS] = "vcpus",
    [PAUSE_REGISTRATION] = "registration",
    [PAUSE_DATE] = "date",
    [PAUSE_COUNT] = "count",
    [PAUSE_PATHS] = "paths",
    [PAUSE_SWITCH] = "switch",
    [PAUSE_TICK] = "tick",
    [PAUSE_PLACES] = "all",
    NULL,
};

static const char *wanted;
static uint64_t times = 1;
static uint64_t paused[PAUSE_PLACES]; /* in this stage of the report */
static unsigned stage_of[PAUSE_PLACES];

void pause_at(enum pause_place place)
{
    unsigned stage = report_stages();

    if (!wanted || !(text_same(wanted, names[place]) || text_same(wanted, names[PAUSE_PLACES])))
        return;
    if (__atomic_exchange_n(&stage_of[place], stage, __ATOMIC_RELAXED) != stage)
        __atomic_store_n(&paused[place], 0, __ATOMIC_RELAXED);
    if (__atomic_fetch_add(&paused[place], 1, __ATOMIC_RELAXED) < times)
        outb(PVPANIC, PANICKED);
}

static const struct sysctl nodes[] = {
    SYSCTL_CHOICE("at", SYSCTL_RDTUN, &wanted, names, NULL,
                  "where to ask the host for a pause, by QEMU's pvpanic device"),
    SYSCTL_VALUE("times", SYSCTL_U64, SYSCTL_RDTUN, &times, 1, 1000000, "1",
                 "how often at each place in each stage of the report"),
};

SYSCTL_TABLE("debug.pause", nodes);
