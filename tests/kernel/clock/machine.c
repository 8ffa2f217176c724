/* SPDX-License-Identifier: 0BSD */
#include "tests/kernel/clock/machine.h"
#include "base/format.h"
#include "base/pause.h"
#include "base/tunables.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/host.h"
#include <clockpage/report.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct settings settings = {.deviation = 5};
uint64_t machine_ns = 123456789, machine_reads;
struct machine_stall machine_stall = {.read = UINT64_MAX};

static uint64_t paused_ns, pauses;

void machine_pause(uint64_t ns)
{
    machine_ns += ns;
    paused_ns += ns;
    pauses++;
}

uint64_t host_disturbances(void)
{
    return pauses;
}

void pause_at(enum pause_place place)
{
    (void)place;
}

static uint64_t read_counter(void *context)
{
    const struct machine_counter *c = context;
    bool stalls = machine_reads++ == machine_stall.read;

    if (stalls && machine_stall.again) {
        machine_stall.read += machine_stall.again;
        machine_stall.again = 0;
    }

    machine_ns += c->cost_ns / 2 + (stalls && !machine_stall.after ? machine_stall.ns : 0);
    uint64_t ns = machine_ns - (c == &machine[KVMCLOCK] ? paused_ns : 0);
    uint64_t count = (uint64_t)((long double)ns * c->rate * c->counter.frequency / 1e9L);
    machine_ns += c->cost_ns / 2 + (stalls && machine_stall.after ? machine_stall.ns : 0);
    return count;
}

/* clang-format off */
#define COUNTER(label, bits, hz, points) \
    {.name = (label), .reason = "of a test", .read = read_counter, \
     .mask = UINT64_MAX >> (64 - (bits)), .frequency = (hz), .quality = (points)}
/* clang-format on */

struct machine_counter machine[COUNTERS] = {
    [KVMCLOCK] = {COUNTER("kvmclock", 64, 1000000000, TC_QUALITY_KVMCLOCK), 100, 1},
    [TSC] = {COUNTER("TSC", 64, 2300000000, TC_QUALITY_TSC), 40, 1},
    [HPET] = {COUNTER("HPET", 32, 100000000, TC_QUALITY_HPET), 4000, 1},
    [ACPI_FAST] = {COUNTER("ACPI-fast", 24, 3579545, TC_QUALITY_ACPI_FAST), 5000, 1},
    [I8254] = {COUNTER("i8254", 16, 1193182, TC_QUALITY_I8254), 12000, 1},
};

void machine_start(const char *chosen, uint64_t hz)
{
    clock_init(hz);
    for (unsigned i = 0; i < COUNTERS; i++) {
        machine[i].counter.context = &machine[i];
        clock_offer(&machine[i].counter, NULL);
    }
    clock_set_reference(&machine[KVMCLOCK].counter);
    clock_choose(chosen);
}

bool holds(bool (*of)(const void *argument), const void *argument)
{
    int status = 0;

    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        bool good = of(argument);
        fflush(stdout);
        _exit(good ? 0 : 1);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork");
        exit(2);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- The report -------------------------------------------------------- */

char last_check[600];
static struct {
    const char *name;
    uint64_t value;
} numbers[64];
static unsigned number_count;

static void record(const char *name, uint64_t value)
{
    unsigned i = 0;

    while (i < number_count && strcmp(numbers[i].name, name) != 0)
        i++;
    if (i == number_count)
        number_count++;
    numbers[i].name = name;
    numbers[i].value = value;
}

uint64_t recorded(const char *name)
{
    for (unsigned i = 0; i < number_count; i++) {
        if (strcmp(numbers[i].name, name) == 0)
            return numbers[i].value;
    }
    fprintf(stderr, "nothing recorded as %s\n", name);
    exit(2);
}

void check(enum result result, const char *name, const char *figures, ...)
{
    static const char *const names[] = {"PASS", "FAIL", "SKIP"};
    va_list args;

    size_t n = format(last_check, sizeof(last_check), "%s %s: ", names[result], name);
    va_start(args, figures);
    format_va(last_check + n, sizeof(last_check) - n, figures, args);
    va_end(args);
}

unsigned print(const char *f, ...)
{
    (void)f;
    return 0;
}

bool report_is_verbose(void)
{
    return false;
}

void report_detail(bool on)
{
    (void)on;
}

void report(const char *kind, const char *text, const struct report_value *values, unsigned count)
{
    (void)kind, (void)text;
    for (unsigned i = 0; i < count; i++) {
        if (values[i].kind == REPORT_U64 || values[i].kind == REPORT_I64 ||
            values[i].kind == REPORT_BOOL)
            record(values[i].name, values[i].u64);
    }
}
