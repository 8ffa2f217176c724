/* SPDX-License-Identifier: 0BSD */
/*
 * The wiring, which alone knows every part, in six files: main.c has the order of things and the
 * end, main_clock.c the way from the host's page to the time page, main_host.c what the host does
 * meanwhile, main_script.c the host that the kernel plays, main_suspend.c how the driver is
 * stopped, main_run.c what is run and told. Other parts get what they need of each other through
 * functions that these register.
 */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

#include "arch/x86/acpi.h"
#include "arch/x86/cpu.h"
#include "arch/x86/trap.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/ring3.h"
#include "kernel/vcpus.h"
#include <clockpage/bootinfo.h>
#include <stdbool.h>
#include <stdint.h>

/* main.c: what there is. */
extern struct bootinfo boot;
extern struct firmware_facts firmware;
/* Online, from number 0 on without a gap; 0: not yet known.  firmware.possible_count bounds it. */
extern uint32_t cpu_count;
extern struct vcpus_bring_up bring_up; /* of those that are there at the start */

/* main_clock.c: the page, the drivers, and what decides how ring 3 tells the time. */
extern struct kvmclock_slot clock_slots[MAX_CPUS];
extern struct kvmclock kvmclock;
extern struct tsc tsc;
extern bool has_rdtscp; /* by CPUID */

/* Find kvmclock and register the running vCPU, which is number 0. */
void attach_kvmclock(void);
/* Register and stop a vCPU's structure, on that vCPU. */
void enable_clock(struct cpu *cpu, void *arg);
void disable_clock(struct cpu *cpu, void *arg);
/* The end of the TSC's measurement; `begin`: the TSC when the local APIC's timer began to run. */
void end_calibration(uint64_t begin);
/* Offer all counters and choose; `synchronised`: the vCPUs' TSCs agree. */
void start_clock(bool synchronised);
void set_date(void);
/*
 * There are `count` vCPUs from now on, the new ones registered.  False where the structures have
 * ceased to give one time.
 */
bool grow_clock(uint32_t count);
/* A TSC was found to be apart from vCPU 0's. */
void lose_tsc(void);
/* For trap_hooks. */
void on_timer(struct cpu *cpu, struct trap_frame *frame);
/* On vCPU 0, with interrupts off: at each tick and after each change. */
void publish_time_page(void);
/*
 * Choose the counter by name and both settings of kvmclock, and publish the time page; NULL, false,
 * false: as the user has them.
 */
/* False while readings pass the guard of a change of counters. */
bool decide(const char *counter, bool without_rdtscp, bool unstable);
/* The user's choice is what is in use now. */
void keep_choice(void);
/*
 * The STABLE flag, for tests: of all structures, now; or of those of vCPUs [0, vcpus), to and fro
 * at every few ticks, until 0 gives it back to all.  A flag costs up to 0.1 ms, so few are toggled.
 */
void set_stable(bool stable);
void toggle_stable(uint32_t vcpus);

/* The host says that the TSC has another rate. */
void lose_tsc_rate(uint64_t hz);

/* main_host.c: what the host does meanwhile. */
/* On vCPU 0, at each tick and when somebody saw that the guest had been paused. */
void see_host(void);
/* On any other, likewise: it clears its flag once vCPU 0 has seen its own. */
void see_own(struct cpu *cpu);
void on_ipi(struct cpu *cpu); /* for trap_hooks */
/* A system call asks for the time: what the host did is seen to first. */
void before_clock_call(struct cpu *cpu);
/* Between host_events_quiet(true) and (false) tests play the host, and nothing is an event. */
void host_events_quiet(bool on);
/* What the structures said when the guest last went on after a pause that changed the date; 0. */
uint64_t host_resumed_at(void);

/* main_script.c: the host that the kernel plays. */
/* Its settings; before the command line is read. */
void script_register(void);
/* Begin, where the settings ask for it; `begin` is the TSC at which its time was its first. */
void attach_script(uint64_t begin);

/* main_suspend.c: the driver stopped and started while all vCPUs run. */
int suspend_clock(void); /* commands of the shell: the status */
int resume_clock(void);
bool clock_is_suspended(void);
/* Whether debug.kvmclock.msr_pair asks for the old one. */
bool old_msr_pair_wanted(void);
/* Its settings, into the sysctl tree; before the command line is read. */
void suspend_register(void);
/* For good, with the check "kvmclock.teardown". */
void tear_down(void);

/* main_run.c: the report, the tests of ring 3, the shell. */
extern struct ring3_plan plan;
void make_plan(void);
void report_start(void);
/* How the vCPUs came that are there at the start. */
void report_bring_up(const struct vcpus_bring_up *how);
void report(void);
/*
 * The TSCs of vCPUs [first, end) against vCPU 0's, for the report: false: apart, or not measured.
 */
bool measure_offsets(uint32_t first, uint32_t end);
void forget_offsets(uint32_t first, uint32_t end); /* not measured */
void print_offset(uint32_t index);                 /* and the end of the line */
void attach_ring3(void);
void test_ring3(void);
void run_shell(void);

/* main_late.c: vCPUs that come when all else runs. */
/*
 * Start all possible vCPUs that do not run yet, and tell what came of it: a line each, the events,
 * the check "vcpus.late".  0, or 1 when the check failed.
 */
int bring_late(void);

#endif
