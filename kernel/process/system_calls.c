/* SPDX-License-Identifier: 0BSD */
/* Serves the system calls of the ring-3 process: <clockpage/abi.h> says what each does. */
#include "arch/x86/cr.h"
#include "arch/x86/user.h"
#include "base/pause.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/host.h"
#include "kernel/process/device.h"
#include "kernel/process/jobs.h"
#include "kernel/process/process.h"
#include "kernel/process/threads.h"

bool process_may_rest;

static int64_t count(struct cpu *cpu, bool on, uint64_t to)
{
    static uint64_t disturbances[MAX_CPUS];
    uint64_t counts[ENTRY_KINDS], now = host_disturbances();

    /*
     * What came before must not make a reading ask the kernel while entries are counted.  Read the
     * number first: a pause from here on is then one more, whether it is handled here or later.
     */
    if (on) {
        before_clock_call(cpu);
        pause_at(PAUSE_COUNT);
    }

    /* Do not count the call that switches counting off. */
    if (!on && cpu->counting)
        cpu->entries[ENTRY_SYSCALL]--;
    cpu->counting = on;
    for (unsigned i = 0; i < ENTRY_KINDS; i++) {
        counts[i] = cpu->entries[i];
        cpu->entries[i] = 0;
    }
    /* After a pause the first reading has to ask the kernel: that is no cost of the page. */
    uint64_t asked = now - disturbances[cpu->index];
    counts[ENTRY_SYSCALL] -= asked < counts[ENTRY_SYSCALL] ? asked : counts[ENTRY_SYSCALL];
    disturbances[cpu->index] = now;
    return on || !to || process_copy_out(to, counts, sizeof(counts)) ? 0 : -ERROR_FAULT;
}

static int64_t probe(struct cpu *cpu, uint64_t resume, uint64_t stack, bool stays)
{
    bool ends = cpu->probe_stays && !resume;

    if (cpu->probe_stays && stack != cpu->probe_stack)
        return -ERROR_PERM;
    /* Resuming at an invalid address would be a fault of the kernel's own IRETQ. */
    if (!ends && (resume < USER_IMAGE_BASE || resume >= USER_END))
        return -ERROR_INVAL;
    cpu->probe_resume = resume;
    cpu->probe_stack = stack;
    cpu->probe_stays = stays && !ends;
    return 0;
}

/* Serves clock_gettime() and clock_getres(): struct timespec with 64-bit members. */
static int64_t clock_call(struct cpu *cpu, uint64_t clock, uint64_t to, bool resolution)
{
    int64_t value[2];

    before_clock_call(cpu);
    if (!clock_get(clock, resolution, value))
        return -ERROR_INVAL;
    return process_copy_out(to, value, sizeof(value)) ? 0 : -ERROR_FAULT;
}

uint64_t process_system_call(struct cpu *cpu, uint64_t number, const uint64_t *a)
{
    switch (number) {
    case SYS_EXIT:
        if (cpu->probe_stays)
            return (uint64_t)-ERROR_PERM;
        threads_ended(cpu);
        user_leave(cpu);
    case SYS_COUNT:
        return (uint64_t)count(cpu, a[0] != 0, a[1]);
    case SYS_CLOCK:
        before_clock_call(cpu);
        return clock_uptime();
    case SYS_PROBE:
        return (uint64_t)probe(cpu, a[0], a[1], a[2] != 0);
    case SYS_OPEN:
        return (uint64_t)pvclock_device_open(a[0], a[1]);
    case SYS_CLOSE:
        return (uint64_t)pvclock_device_close(a[0]);
    case SYS_MMAP:
        return (uint64_t)pvclock_device_map(a[0], a[1], a[2], a[3]);
    case SYS_MUNMAP:
        return (uint64_t)pvclock_device_unmap(a[0], a[1]);
    case SYS_CLOCK_GETTIME:
        return (uint64_t)clock_call(cpu, a[0], a[1], false);
    case SYS_CLOCK_GETRES:
        return (uint64_t)clock_call(cpu, a[0], a[1], true);
    case SYS_REST:
        if (!process_may_rest)
            return (uint64_t)-ERROR_PERM;
        interrupts_on_and_halt();
        interrupts_off();
        return 0;
    case SYS_CHECK:
        return (uint64_t)job_verdict(a[0], a[1], a[2]);
    default:
        return (uint64_t)-ERROR_NOSYS;
    }
}
