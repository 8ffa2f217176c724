/* SPDX-License-Identifier: 0BSD */
/*
 * Tests the running clock, from ring 3 on all vCPUs and by comparing counters, and serves the
 * shell.
 */
#include "base/tunables.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/tick.h"
#include "kernel/main.h"
#include "kernel/process/jobs.h"
#include "kernel/selftest/readers.h"
#include "kernel/selftest/selftest.h"
#include "kernel/shell/shell.h"
#include <clockpage/report.h>

void trials_tick(void)
{
    if (!kvmclock.suspended)
        deviation_tick();
    readers_tick();
}

/* Prints all that is known after the tests. */
static void report_all(void)
{
    report_clock();
    deviation_report();
    continuity_report();
    ring3_report();
}

static void repeat_report(void)
{
    report_repeat(true);
    report_start();
    report_bring_up(NULL);
    kvmclock_report(&kvmclock);
    clock_report_date();
    report_all();
    report_all_verdicts();
    report_repeat(false);
}

void trials_run(void)
{
    deviation_begin(tick_rate());
    ring3_check_map();
    fault_provoke(settings.fault);
    job_check(&(struct job_order){.job = JOB_ATTACH, .count = 1});
    if (settings.attack_s) {
        attack_run();
        return;
    }
    if (!shell_wanted_now()) {
        fault_stall(tsc.hz);
        if (settings.late_cpus)
            (void)bring_late();
        report_stage("reads");
        ring3_read();
        ring3_test();
        deviation_end();
        report_stage("switches of counters");
        continuity_measure();
        tsc_judge(&tsc);
        report_all();
    }
    if (shell_wanted()) {
        (void)report_new_verdicts(false);
        shell_run(repeat_report, bring_late);
        readers_stop();
    }
}
