/* SPDX-License-Identifier: 0BSD */
/*
 * Takes the place of trials.c in a kernel without kernel/selftest and kernel/shell (make CORE=1):
 * reads the clock page in ring 3 on all vCPUs at once, judges that and reports it.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/ipi.h"
#include "base/tunables.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/start.h"
#include "kernel/main.h"
#include "kernel/process/process.h"
#include <clockpage/report.h>
#include <stddef.h>
#include <timepage/time_page.h>

static struct clock_facts found;

enum { READS_KVM = 10000000, READS_ELSE = 1000000, PATIENCE_S = 20 };

void trials_register(void)
{
}

void trials_before_firmware(void)
{
}

void trials_tick(void)
{
}

/* The TSCs are not measured here, so none is assumed to agree with another. */
bool trials_offset(uint32_t index, int64_t *offset, uint64_t *error)
{
    *offset = 0;
    *error = 0;
    return index == 0;
}

void trials_begin(void)
{
    start_clock(cpu_count == 1);
}

static void prepare(uint32_t index, uint64_t reads)
{
    struct thread_page *t = process_thread(index)->page;
    bool own = kvmclock.present;

    t->job = JOB_ORDER;
    t->count = cpu_count;
    t->reads = reads;
    t->patience = tsc.hz;
    t->clock = (struct clock_source){
        .page = own ? USER_CLOCK_BASE + index * sizeof(struct kvmclock_slot)
                    : USER_TIME_BASE + offsetof(struct time_page, tsc),
        .order = PVCLOCK_LFENCE,
        .guarded = own ? !kvmclock.stable : tsc.counter.quality < 0,
    };
}

void trials_run(void)
{
    uint64_t wanted = settings.reads ? settings.reads : runs_on_kvm() ? READS_KVM : READS_ELSE;
    uint64_t reads = 0, errors = 0, back = 0, worst = 0;
    bool ended = true;

    for (uint32_t i = 0; i < cpu_count; i++)
        prepare(i, wanted / cpu_count + 1);
    for (uint32_t i = 1; i < cpu_count; i++)
        smp_call(cpu_table[i], process_run, NULL);
    process_run(cpu_table[0], NULL);
    ended = smp_wait(tsc.hz * PATIENCE_S);
    for (uint32_t i = 0; i < cpu_count; i++) {
        const struct ordered *o = &process_thread(i)->page->ordered;
        ended = ended && !process_thread(i)->crashed;
        reads += o->reads;
        errors += o->errors;
        back += o->back_own + o->back_cross;
        worst = o->back_own_ns > worst ? o->back_own_ns : worst;
        worst = o->back_cross_ns > worst ? o->back_cross_ns : worst;
    }
    check(pass_if(ended && reads >= wanted && errors == 0), "ring3.reads",
          "%lu reads on %u vCPUs at once, %lu without a value", reads, cpu_count, errors);
    found = (struct clock_facts){.reads = reads, .steps_back = back};
    check(pass_if(reads && back == 0), "ring3.order",
          "%lu steps back on and between vCPUs, worst %lu ns", back, worst);
    tsc_judge(&tsc);
    report_clock();
}

void trials_facts(struct clock_facts *facts)
{
    *facts = found;
}
