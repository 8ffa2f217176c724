/* SPDX-License-Identifier: 0BSD */
/*
 * kernel/process/system_calls.c over a pause of the guest: what reads the clock handles the pause
 * first, and the one call that each pause costs is no entry of the reader's.
 */
#include "arch/x86/user.h"
#include "base/pause.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/host.h"
#include "kernel/process/device.h"
#include "kernel/process/jobs.h"
#include "kernel/process/process.h"
#include "kernel/process/threads.h"
#include "tests/check.h"
#include <string.h>

/*
 * The host has paused the guest `pauses` times; each vCPU's structure says so until that vCPU has
 * handled it.  `pause_at`: at which step the host pauses the guest once more, from 1.
 */
enum { VCPUS = 2, UPTIME = 1000, AWAY = 22 };
static struct {
    uint64_t pauses, handled[VCPUS], step, pause_at;
} host;
static struct cpu vcpus[VCPUS] = {{.index = 0}, {.index = 1}};
static uint64_t counts[ENTRY_KINDS];

static void step(void)
{
    if (++host.step == host.pause_at)
        host.pauses++;
}

uint64_t host_disturbances(void)
{
    step();
    uint64_t pauses = host.pauses;
    step();
    return pauses;
}

void before_clock_call(struct cpu *cpu)
{
    step();
    host.handled[cpu->index] = host.pauses;
    step();
}

/* Time goes on by AWAY in each pause, once that has been handled. */
uint64_t clock_uptime(void)
{
    return UPTIME + AWAY * host.handled[0] + AWAY * host.handled[1];
}

bool clock_get(uint64_t clock, bool resolution, int64_t value[2])
{
    (void)clock;
    value[0] = resolution ? 0 : (int64_t)clock_uptime();
    value[1] = 1;
    return true;
}

bool process_copy_out(uint64_t to, const void *from, uint64_t length)
{
    memcpy((void *)(uintptr_t)to, from, length);
    return true;
}

void pause_at(enum pause_place place)
{
    (void)place;
}

/* ---- What these system calls do not reach ---- */

void threads_ended(struct cpu *cpu)
{
    (void)cpu;
}

_Noreturn void user_leave(struct cpu *cpu)
{
    (void)cpu;
    abort();
}

int64_t pvclock_device_open(uint64_t path, uint64_t flags)
{
    return (int64_t)(path + flags);
}

int64_t pvclock_device_close(uint64_t descriptor)
{
    return (int64_t)descriptor;
}

int64_t pvclock_device_map(uint64_t descriptor, uint64_t length, uint64_t protection,
                           uint64_t offset)
{
    return (int64_t)(descriptor + length + protection + offset);
}

int64_t pvclock_device_unmap(uint64_t address, uint64_t length)
{
    return (int64_t)(address + length);
}

int64_t job_verdict(uint64_t verdict, uint64_t name, uint64_t figures)
{
    return (int64_t)(verdict + name + figures);
}

/* ---- Ring 3 ---- */

/* A system call, which is counted as trap.S does it. */
static uint64_t call(struct cpu *cpu, enum system_call number, uint64_t a, uint64_t b)
{
    const uint64_t arguments[4] = {a, b, 0, 0};

    if (cpu->counting)
        cpu->entries[ENTRY_SYSCALL]++;
    return process_system_call(cpu, number, arguments);
}

/* A reading by the page: it asks the kernel as long as the structure has the flag of a pause. */
static void read_clock(struct cpu *cpu)
{
    step();
    if (host.handled[cpu->index] != host.pauses)
        (void)call(cpu, SYS_CLOCK, 0, 0);
}

static void begin(uint64_t pauses)
{
    memset(&host, 0, sizeof(host));
    memset(counts, 0, sizeof(counts));
    host.pauses = pauses;
}

static void count_reads(struct cpu *cpu, unsigned reads, bool asks)
{
    (void)call(cpu, SYS_COUNT, 1, 0);
    for (unsigned i = 0; i < reads; i++)
        read_clock(cpu);
    if (asks)
        (void)call(cpu, SYS_CLOCK, 0, 0);
    (void)call(cpu, SYS_COUNT, 0, (uint64_t)(uintptr_t)counts);
}

/* ---- The tests ---- */

static void a_pause_is_handled_before_the_clock_is_read(void **state)
{
    int64_t value[2];

    (void)state;
    for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++) {
        begin(1);
        assert_int_equal(call(&vcpus[vcpu], SYS_CLOCK, 0, 0), UPTIME + AWAY);
        begin(1);
        assert_int_equal(call(&vcpus[vcpu], SYS_CLOCK_GETTIME, 4, (uint64_t)(uintptr_t)value), 0);
        assert_int_equal(value[0], UPTIME + AWAY);
    }
}

/* Wherever the pause comes, and also if its flag is there when counting begins. */
static void a_pause_is_no_entry_of_the_reader(void **state)
{
    enum { READS = 3, STEPS = 20 };
    unsigned cases = 0;

    (void)state;
    for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++) {
        for (uint64_t before = 0; before < 2; before++) {
            for (uint64_t at = 0; at < STEPS; at++, cases++) {
                begin(before);
                host.pause_at = at;
                count_reads(&vcpus[vcpu], READS, false);
                assert_that(counts[ENTRY_SYSCALL] == 0, "%u calls, with a pause at step %u",
                            (unsigned)counts[ENTRY_SYSCALL], (unsigned)at);
            }
        }
    }
    figures("%u runs with a pause at each step, and one before", cases);
}

static void a_call_without_a_pause_is_an_entry(void **state)
{
    (void)state;
    for (uint64_t before = 0; before < 2; before++) {
        begin(before);
        count_reads(&vcpus[1], 3, true);
        assert_int_equal(counts[ENTRY_SYSCALL], 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_is_handled_before_the_clock_is_read),
        cmocka_unit_test(a_pause_is_no_entry_of_the_reader),
        cmocka_unit_test(a_call_without_a_pause_is_an_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
