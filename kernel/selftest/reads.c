/* SPDX-License-Identifier: 0BSD */
/* Reports what plain reads of the clock page in ring 3 cost, and which pages ring 3 can reach. */
#include "arch/x86/trap.h"
#include "base/format.h"
#include "base/tunables.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/time_page.h"
#include "kernel/process/jobs.h"
#include "kernel/process/process.h"
#include "kernel/selftest/selftest.h"
#include <clockpage/report.h>

void ring3_check_map(void)
{
    struct page_census found, expected;

    process_census(&found);
    process_expected(&expected);
    check(pass_if(found.read_only == expected.read_only &&
                  found.executable == expected.executable && found.writable == expected.writable &&
                  found.writable_executable == 0),
          "ring3.map", "%lu pages r-x, %lu r--, %lu rw-, %lu rwx; given: %lu, %lu, %lu, 0",
          found.executable, found.read_only, found.writable, found.writable_executable,
          expected.executable, expected.read_only, expected.writable);
}

/* The floor of an undisturbed vCPU varies by less than this, in thousandths. */
enum { STEADY = 1100 };

static void report_reader(uint32_t index)
{
    const struct thread_page *t = process_thread(index)->page;
    const struct measured *m = &t->measured;
    const struct ordered *o = &t->ordered;
    uint64_t steps = o->back_own + o->back_cross;
    uint64_t worst = o->back_own_ns > o->back_cross_ns ? o->back_own_ns : o->back_cross_ns;

    REPORT("reader",
           "{vcpu:4}{reads:10}{floor_cycles:8}{cycles_per_read:8}{ratio:7}{timespec_ratio:9}"
           "{gettime_ratio:8}{_syscall:8}{syscalls:7}{_ticks:6}{steps_back:5}\n",
           U64("vcpu", index), U64("reads", o->reads), U64("compared", o->compared),
           MILLIS("cycles_per_read", m->read), MILLIS("floor_cycles", m->floor),
           MILLIS("ratio", m->read_ratio), MILLIS("timespec_ratio", m->timespec_ratio),
           MILLIS("gettime_ratio", m->gettime_ratio), MILLIS("syscall_ratio", m->system_call_ratio),
           MILLIS("ns_per_read", tsc_ns(m->read)), U64("syscalls", t->counts[COUNT_SYSTEM_CALL]),
           U64("interrupts", t->counts[COUNT_TIMER] + t->counts[COUNT_IPI]),
           U64("faults", t->counts[COUNT_FAULT]), U64("steps_back", steps),
           U64("worst_step_ns", worst), U64("errors", o->errors),
           U64("_syscall", m->system_call_ratio / 1000), U64("_ticks", t->counts[COUNT_TIMER]));
}

static void summarise(void)
{
    struct ring3_facts f = ring3_facts();

    REPORT(NULL,
           "\nring 3      {reads} reads on {vcpus} vCPUs, {back} steps back; a read takes {cycles} "
           "cycles ({ps/1000.1} ns), {ratio}x lfence; rdtsc; clock_gettime() {gettime}x; a system "
           "call {call}x\n",
           U64("reads", f.reads), U64("vcpus", cpu_count), U64("back", f.steps_back),
           MILLIS("cycles", f.read), U64("ps", tsc_ns(f.read)), MILLIS("ratio", f.read_ratio),
           MILLIS("gettime", f.gettime_ratio), U64("call", f.system_call_ratio / 1000));
}

void ring3_report(void)
{
    if (!process_thread(0)->page->measured.floor)
        return; /* nothing has been measured */
    report_detail(true);
    print("\nRing 3, medians of %lu rounds; the floor is lfence; rdtsc, times are of the floor\n"
          "vCPU     reads   floor    read   read timespec gettime  system system timer step\n"
          "                cycles  cycles  times    times   times    call  calls ticks back\n",
          settings.rounds);
    for (uint32_t i = 0; i < cpu_count; i++)
        report_reader(i);
    for (uint32_t i = 0; i < cpu_count; i++) {
        uint64_t spread = process_thread(i)->page->measured.floor_spread;
        if (spread > STEADY)
            print("vCPU %u was disturbed, so believe none of its costs: the floor's p90/p10 is "
                  "%lu.%03lu.\n",
                  i, spread / 1000, spread % 1000);
    }
    struct pvclock_tsc_choice read = choose_tsc_read();
    print("It reads the TSC by %s, because %s.\n",
          read.order == PVCLOCK_RDTSCP ? "rdtscp" : "lfence; rdtsc", read.why);
    report_detail(false);
    if (!report_is_verbose())
        summarise();
    if (trap_syscalls_half_done())
        print("This host leaves SYSCALL half done; the kernel takes it up from the fault.\n");
}
