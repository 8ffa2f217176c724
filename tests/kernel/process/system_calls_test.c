/* SPDX-License-Identifier: 0BSD */
/*
 * kernel/process/system_calls.c: each number leads to its function with its arguments, and the
 * counts and probes of a vCPU are its own.
 */
#include "arch/x86/cr.h"
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

/* ---- The kernel -------------------------------------------------------- */

/* What was called, in order: "name(arguments) ". */
static char trace[256];
static uint64_t disturbances;
static uint64_t unwritable; /* address */
static uint64_t copied[8];
static jmp_buf left;

static int64_t called(const char *name, unsigned n, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t all[] = {a, b, c, d};
    size_t at = strlen(trace);

    at += (size_t)snprintf(trace + at, sizeof(trace) - at, "%s(", name);
    for (unsigned i = 0; i < n; i++)
        at += (size_t)snprintf(trace + at, sizeof(trace) - at, "%s%llu", i ? "," : "",
                               (unsigned long long)all[i]);
    (void)snprintf(trace + at, sizeof(trace) - at, ") ");
    return -1234;
}

int64_t pvclock_device_open(uint64_t path, uint64_t flags)
{
    return called("open", 2, path, flags, 0, 0);
}

int64_t pvclock_device_close(uint64_t descriptor)
{
    return called("close", 1, descriptor, 0, 0, 0);
}

int64_t pvclock_device_map(uint64_t descriptor, uint64_t length, uint64_t protection,
                           uint64_t offset)
{
    return called("map", 4, descriptor, length, protection, offset);
}

int64_t pvclock_device_unmap(uint64_t address, uint64_t length)
{
    return called("unmap", 2, address, length, 0, 0);
}

int64_t job_verdict(uint64_t verdict, uint64_t name, uint64_t figures)
{
    return called("verdict", 3, verdict, name, figures, 0);
}

bool process_copy_out(uint64_t to, const void *from, uint64_t length)
{
    assert_true(length <= sizeof(copied));
    memcpy(copied, from, length);
    (void)called("copy", 2, to, length, 0, 0);
    return to != unwritable;
}

void before_clock_call(struct cpu *cpu)
{
    (void)called("before", 1, cpu->index, 0, 0, 0);
}

void pause_at(enum pause_place place)
{
    (void)place;
}

uint64_t clock_uptime(void)
{
    return (uint64_t)called("uptime", 0, 0, 0, 0, 0);
}

bool clock_get(uint64_t clock, bool resolution, int64_t value[2])
{
    (void)called("get", 2, clock, resolution, 0, 0);
    value[0] = 77;
    value[1] = 88;
    return clock < 100;
}

uint64_t host_disturbances(void)
{
    return disturbances;
}

void threads_ended(struct cpu *cpu)
{
    (void)called("ended", 1, cpu->index, 0, 0, 0);
}

_Noreturn void user_leave(struct cpu *cpu)
{
    (void)called("leave", 1, cpu->index, 0, 0, 0);
    longjmp(left, 1);
}

void interrupts_on_and_halt(void)
{
    (void)called("halt", 0, 0, 0, 0, 0);
}

void interrupts_off(void)
{
    (void)called("off", 0, 0, 0, 0, 0);
}

/* ---- Tests ------------------------------------------------------------- */

static struct cpu cpu;

static int set_up(void **state)
{
    (void)state;
    cpu = (struct cpu){.index = 3};
    trace[0] = 0;
    unwritable = 0xbad;
    process_may_rest = false;
    return 0;
}

static int64_t call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    trace[0] = 0;
    if (setjmp(left))
        return -4321;
    return (int64_t)process_system_call(&cpu, number, (const uint64_t[]){a, b, c, d});
}

static void each_number_leads_to_its_function(void **state)
{
    const struct {
        uint64_t number;
        int64_t result;
        const char *trace;
    } cases[] = {
        {SYS_EXIT, -4321, "ended(3) leave(3) "},
        {SYS_CLOCK, -1234, "before(3) uptime() "},
        {SYS_OPEN, -1234, "open(11,12) "},
        {SYS_CLOSE, -1234, "close(11) "},
        {SYS_MMAP, -1234, "map(11,12,13,14) "},
        {SYS_MUNMAP, -1234, "unmap(11,12) "},
        {SYS_CLOCK_GETTIME, 0, "before(3) get(11,0) copy(12,16) "},
        {SYS_CLOCK_GETRES, 0, "before(3) get(11,1) copy(12,16) "},
        {SYS_REST, -ERROR_PERM, ""},
        {SYS_CHECK, -1234, "verdict(11,12,13) "},
        {SYS_CALLS, -ERROR_NOSYS, ""},
        {UINT64_MAX, -ERROR_NOSYS, ""},
        {1ull << 32, -ERROR_NOSYS, ""},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(call(cases[i].number, 11, 12, 13, 14), cases[i].result);
        assert_string_equal(trace, cases[i].trace);
    }
    process_may_rest = true;
    assert_int_equal(call(SYS_REST, 0, 0, 0, 0), 0);
    assert_string_equal(trace, "halt() off() ");
}

static void a_clock_is_given_or_refused(void **state)
{
    (void)state;
    copied[0] = copied[1] = 0;
    assert_int_equal(call(SYS_CLOCK_GETTIME, 99, 8, 0, 0), 0);
    assert_int_equal(copied[0], 77);
    assert_int_equal(copied[1], 88);
    assert_int_equal(call(SYS_CLOCK_GETTIME, 100, 8, 0, 0), -ERROR_INVAL);
    assert_string_equal(trace, "before(3) get(100,0) ");
    assert_int_equal(call(SYS_CLOCK_GETRES, 0, unwritable, 0, 0), -ERROR_FAULT);
}

static void begin_counting(void)
{
    assert_int_equal(call(SYS_COUNT, 1, 0, 0, 0), 0);
    assert_string_equal(trace, cpu.index == 3 ? "before(3) " : "before(4) ");
    assert_true(cpu.counting);
    for (unsigned i = 0; i < ENTRY_KINDS; i++)
        assert_int_equal(cpu.entries[i], 0);
}

static void counts_are_those_since_counting_began_without_its_end(void **state)
{
    (void)state;
    disturbances = 5;
    memcpy(cpu.entries, (uint64_t[ENTRY_KINDS]){9, 9, 9, 9}, sizeof(cpu.entries));
    begin_counting();
    /* This call is in the count, as trap.c has counted it. */
    memcpy(cpu.entries, (uint64_t[ENTRY_KINDS]){11, 22, 33, 44}, sizeof(cpu.entries));
    assert_int_equal(call(SYS_COUNT, 0, 500, 0, 0), 0);
    assert_string_equal(trace, "copy(500,32) ");
    assert_false(cpu.counting);
    assert_memory_equal(copied, ((uint64_t[ENTRY_KINDS]){10, 22, 33, 44}), sizeof(cpu.entries));
    /* Where nothing was counted this call was not either; and it is not told twice. */
    assert_int_equal(call(SYS_COUNT, 0, 500, 0, 0), 0);
    assert_memory_equal(copied, ((uint64_t[ENTRY_KINDS]){0}), sizeof(cpu.entries));
    assert_int_equal(call(SYS_COUNT, 0, 0, 0, 0), 0);
    assert_string_equal(trace, "");
    assert_int_equal(call(SYS_COUNT, 0, unwritable, 0, 0), -ERROR_FAULT);
    /* Counting that goes on begins anew; to an address nothing is written then. */
    begin_counting();
    cpu.entries[ENTRY_SYSCALL] = 7;
    assert_int_equal(call(SYS_COUNT, 1, unwritable, 0, 0), 0);
    assert_string_equal(trace, "before(3) ");
    assert_int_equal(cpu.entries[ENTRY_SYSCALL], 0);
}

static void calls_that_the_host_has_caused_are_not_counted(void **state)
{
    (void)state;
    for (uint64_t calls = 0; calls < 4; calls++) {
        for (uint64_t pauses = 0; pauses < 5; pauses++) {
            begin_counting();
            disturbances += pauses;
            cpu.entries[ENTRY_SYSCALL] = calls + 1;
            assert_int_equal(call(SYS_COUNT, 0, 500, 0, 0), 0);
            assert_int_equal(copied[0], calls > pauses ? calls - pauses : 0);
            /* Each once, and on each vCPU. */
            begin_counting();
            cpu.entries[ENTRY_SYSCALL] = calls + 1;
            assert_int_equal(call(SYS_COUNT, 0, 500, 0, 0), 0);
            assert_int_equal(copied[0], calls);
        }
    }
    disturbances++;
    cpu.index = 4;
    begin_counting();
    cpu.index = 3;
    cpu.entries[ENTRY_SYSCALL] = 3;
    assert_int_equal(call(SYS_COUNT, 0, 500, 0, 0), 0);
    assert_int_equal(copied[0], 1);
}

static void a_probe_goes_on_in_the_program(void **state)
{
    const struct {
        uint64_t resume;
        bool good;
    } cases[] = {{USER_IMAGE_BASE, true},
                 {USER_IMAGE_BASE - 1, false},
                 {USER_END - 1, true},
                 {USER_END, false},
                 {0, false},
                 {UINT64_MAX, false}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (uint64_t stays = 0; stays < 3; stays++) {
            (void)set_up(state);
            assert_int_equal(call(SYS_PROBE, cases[i].resume, 4000, stays, 0),
                             cases[i].good ? 0 : -ERROR_INVAL);
            assert_int_equal(cpu.probe_resume, cases[i].good ? cases[i].resume : 0);
            assert_int_equal(cpu.probe_stack, cases[i].good ? 4000 : 0);
            assert_int_equal(cpu.probe_stays, cases[i].good && stays);
        }
    }
}

static void a_probe_that_stays_is_ended_with_its_own_stack(void **state)
{
    (void)state;
    assert_int_equal(call(SYS_PROBE, USER_IMAGE_BASE, 4000, 1, 0), 0);
    assert_int_equal(call(SYS_EXIT, 0, 0, 0, 0), -ERROR_PERM);
    assert_string_equal(trace, "");
    assert_int_equal(call(SYS_PROBE, 0, 4001, 0, 0), -ERROR_PERM);
    assert_int_equal(call(SYS_PROBE, USER_IMAGE_BASE, 4001, 1, 0), -ERROR_PERM);
    assert_true(cpu.probe_stays);
    assert_int_equal(cpu.probe_resume, USER_IMAGE_BASE);
    assert_int_equal(cpu.probe_stack, 4000);
    assert_int_equal(call(SYS_PROBE, USER_IMAGE_BASE + 1, 4000, 1, 0), 0);
    assert_int_equal(cpu.probe_resume, USER_IMAGE_BASE + 1);
    /* Nothing stays behind the end, whatever it says. */
    assert_int_equal(call(SYS_PROBE, 0, 4000, 1, 0), 0);
    assert_false(cpu.probe_stays);
    assert_int_equal(cpu.probe_resume, 0);
    assert_int_equal(call(SYS_EXIT, 0, 0, 0, 0), -4321);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_number_leads_to_its_function),
        TEST(a_clock_is_given_or_refused),
        TEST(counts_are_those_since_counting_began_without_its_end),
        TEST(calls_that_the_host_has_caused_are_not_counted),
        TEST(a_probe_goes_on_in_the_program),
        TEST(a_probe_that_stays_is_ended_with_its_own_stack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
