/* SPDX-License-Identifier: 0BSD */
/* Reports what plain reads of the clock page in ring 3 cost, and which pages ring 3 can reach. */
#include "kernel/selftest/reads.h"
#include "arch/x86/trap.h"
#include "base/format.h"
#include "base/tunables.h"
#include "drivers/tsc/tsc.h"
#include "kernel/process/process.h"
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

static void report_reader(uint32_t index)
{
    const struct thread_page *t = process_thread(index)->page;
    const struct measured *m = &t->measured;
    const struct ordered *o = &t->ordered;
    uint64_t steps = o->back_own + o->back_cross;
    uint64_t worst = o->back_own_ns > o->back_cross_ns ? o->back_own_ns : o->back_cross_ns;

    print("%4u %10lu  %3lu.%03lu  %3lu.%03lu  %3lu.%03lu   %3lu.%03lu  %3lu.%03lu  %6lu  %11lu  "
          "%6lu  %5lu\n",
          index, o->reads, MILLI(m->floor), MILLI(m->read), MILLI(m->read_ratio),
          MILLI(m->timespec_ratio), MILLI(m->gettime_ratio),
          (unsigned long)(m->system_call_ratio / 1000), t->counts[COUNT_SYSTEM_CALL],
          t->counts[COUNT_TIMER], steps);
    record_begin("reader");
    record_u64("vcpu", index);
    record_u64("reads", o->reads);
    record_u64("compared", o->compared);
    record_milli("cycles_per_read", m->read);
    record_milli("floor_cycles", m->floor);
    record_milli("ratio", m->read_ratio);
    record_milli("timespec_ratio", m->timespec_ratio);
    record_milli("gettime_ratio", m->gettime_ratio);
    record_milli("syscall_ratio", m->system_call_ratio);
    record_milli("ns_per_read", tsc.hz ? m->read * 1000 / (tsc.hz / 1000000) : 0);
    record_u64("syscalls", t->counts[COUNT_SYSTEM_CALL]);
    record_u64("interrupts", t->counts[COUNT_TIMER] + t->counts[COUNT_IPI]);
    record_u64("faults", t->counts[COUNT_FAULT]);
    record_u64("steps_back", steps);
    record_u64("worst_step_ns", worst);
    record_u64("errors", o->errors);
    record_end();
}

void ring3_report(void)
{
    if (!process_thread(0)->page->measured.floor)
        return; /* nothing has been measured */
    print("\nRing 3, medians of %lu rounds: cycles, and times the floor (lfence; rdtsc)\n"
          "vCPU      reads    floor     read     read  timespec  gettime  system  entries by   "
          "timer  "
          "steps\n"
          "                  cycles   cycles    ratio     ratio    ratio    call  system call   "
          "ticks  "
          " back\n",
          settings.rounds);
    for (uint32_t i = 0; i < cpu_count; i++)
        report_reader(i);
    if (trap_syscalls_half_done())
        print("This host leaves SYSCALL half done; the kernel takes it up from the fault.\n");
}
