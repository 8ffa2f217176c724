/* SPDX-License-Identifier: 0BSD */
/*
 * Brings up vCPUs while all else runs, those held back at the start or plugged in since, and adds
 * them to the driver, the clock and the process.
 */
#include "arch/x86/acpi.h"
#include "base/format.h"
#include "base/panic.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/events.h"
#include "kernel/clock/time_page.h"
#include "kernel/main.h"
#include "kernel/process/jobs.h"
#include "kernel/process/process.h"
#include "kernel/selftest/readers.h"
#include <clockpage/report.h>

/* Stop waiting for the others this long after the last arrival. */
enum { PATIENCE_MS = 1000 };

static uint64_t us_until_it_came(const struct vcpus_bring_up *how, uint32_t i)
{
    uint64_t came = cpu_table[i]->arrived;

    return came > how->began ? (came - how->began) / (tsc.hz / 1000000) : 0;
}

/* Records the event that this vCPU came. */
static void note_event(const struct vcpus_bring_up *how, uint32_t i)
{
    uint64_t us = us_until_it_came(how, i);
    struct event event = {.kind = EVENT_ONLINE, .vcpu = i, .length_ns = us * 1000};

    if (kvmclock.present)
        (void)pvclock_take_snapshot(&clock_slots[i].info, &event.after);
    format(event.text, sizeof(event.text), "APIC %u, in %lu us; %s", cpu_table[i]->apic_id, us,
           kvmclock.vcpus[i].registered ? "its page is alive"
           : kvmclock.present           ? "its page is not written"
                                        : "there is no kvmclock");
    events_note(&event);
}

static void report_one(const struct vcpus_bring_up *how, uint32_t i, bool stable_before)
{
    const struct pvclock_vcpu_time_info *info = &clock_slots[i].info;
    bool alive = kvmclock.vcpus[i].registered;
    char page[80] = "", offset[40];

    describe_offset(i, offset, sizeof(offset));
    if (alive)
        format(page, sizeof(page), "its page is alive, version %u, %s; ", info->version,
               info->flags & PVCLOCK_FLAG_TSC_STABLE ? "stable" : "not stable");
    else if (kvmclock.present)
        format(page, sizeof(page), "its page: %s; ", pvclock_status_name(kvmclock.vcpus[i].status));
    REPORT("late",
           "online: vCPU {vcpu}, APIC {apic_id}, came in {us} us; {_page}TSC to vCPU 0's, ns: "
           "{_offset}\n",
           U64("vcpu", i), U64("apic_id", cpu_table[i]->apic_id),
           U64("us", us_until_it_came(how, i)), BOOL("alive", alive),
           BOOL("stable_before", stable_before),
           BOOL("stable_after", kvmclock.present && kvmclock.stable), TEXT("_page", page),
           TEXT("_offset", offset));
}

/* Names the vCPUs that did not come up; they follow those that did. */
static void tell_absent(uint32_t from, uint32_t count)
{
    enum { NAMED = 8 };

    if (count == 0)
        return;
    print("online: %u that the firmware lists did not answer within %u ms: APIC", count,
          PATIENCE_MS);
    for (uint32_t i = 0; i < count && i < NAMED; i++)
        print(" %u", cpu_table[from + i]->apic_id);
    print("%s\n", count > NAMED ? " ..." : "");
}

static const char *yes(bool it_is)
{
    return it_is ? "yes" : "no";
}

int bring_late(void)
{
    struct vcpus_bring_up how;
    bool stable = kvmclock.present && kvmclock.stable;
    bool stable_structure = stable && clock_slots[0].info.flags & PVCLOCK_FLAG_TSC_STABLE;
    uint32_t alive = 0;
    uint64_t slowest = 0;
    bool agree = true;

    if (kvmclock.suspended) {
        print("online: the driver is suspended; resume it first\n");
        return 1;
    }
    if (cpu_count == firmware.possible_count) {
        print("online: all %u vCPUs that the firmware lists run\n", cpu_count);
        return 0;
    }
    vcpus_start(firmware.possible_count, PATIENCE_MS, &how);
    uint32_t came = how.end - how.first;
    if (came) {
        if (!process_add_threads(how.end))
            panic("no memory for a thread");
        grow_clock(how.end);
        for (uint32_t i = how.first; i < how.end; i++)
            note_event(&how, i);
        if (readers_run())
            offsets_forget(how.first, how.end);
        else if (!offsets_measure(how.first, how.end)) {
            agree = false;
            lose_tsc();
        }
    }
    for (uint32_t i = how.first; i < how.end; i++) {
        uint64_t us = us_until_it_came(&how, i);
        slowest = us > slowest ? us : slowest;
        alive += kvmclock.vcpus[i].registered;
        report_one(&how, i, stable_structure);
        readers_add(i);
    }
    tell_absent(how.end, how.asked - came);

    if (came == 0)
        check(SKIP, "vcpus.late", "none of %u came", how.asked);
    else if (!kvmclock.present)
        check(PASS, "vcpus.late", "%u of %u came, the slowest in %lu us; there is no kvmclock",
              came, how.asked, slowest);
    else
        check(pass_if(alive == came), "vcpus.late",
              "%u of %u came, the slowest in %lu us, and registered in %lu us; %u pages written by "
              "the host; STABLE before: %s, after: %s%s",
              came, how.asked, slowest, how.register_us, alive, yes(stable), yes(kvmclock.stable),
              agree ? "" : "; a TSC is apart from vCPU 0's");
    return report_new_verdicts(true) ? 0 : 1;
}
