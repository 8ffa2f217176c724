/* SPDX-License-Identifier: 0BSD */
/*
 * kernel/process/jobs.c: a job runs on the vCPUs that it was ordered for, and what it owes fails
 * unless ring 3 says, once and in time, that it passed.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/ipi.h"
#include "base/format.h"
#include "base/tunables.h"
#include "kernel/clock/time_page.h"
#include "kernel/process/device.h"
#include "kernel/process/jobs.h"
#include "kernel/process/process.h"
#include "kernel/process/threads.h"
#include "tests/check.h"
#include <clockpage/report.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

enum { CPUS = 6, HZ = 1000003, FACTS = FACT_KVMCLOCK | FACT_RDTSCP };

/* ---- The machine ------------------------------------------------------- */

uint32_t cpu_count = CPUS;
struct cpu *cpu_table[MAX_CPUS];
struct settings settings;
uint64_t process_longest;
const char syscall_entry[1];

static struct cpu cpus[CPUS];
static struct thread_page pages[CPUS + 1];
static struct thread threads[CPUS + 1];

/* What the last job_run() did, and what its threads do: bit n: vCPU or thread n. */
static struct {
    uint32_t ran, crash, wait_first, wait_end, moved;
    uint64_t longest, patience, moved_from;
    bool never_ends, one_by_one;
    char gives[16];       /* of the verdicts 0 to n on what it owes: 'P', 'F', 'S' */
    uint32_t crash_of[2]; /* in the measurement, in the reads */
    uint64_t first_amount;
    unsigned runs;
    char decided[64];
} machine;

struct thread *process_thread(uint32_t index)
{
    assert_true(index <= CPUS);
    return &threads[index];
}

uint64_t words_address(uint32_t index)
{
    return USER_VCPU_BASE + 4 * index;
}

struct trap_frame process_start_frame(uint32_t index)
{
    return (struct trap_frame){.rip = 0x1234000 + index};
}

void threads_move_begin(uint32_t thread, const struct trap_frame *frame)
{
    machine.moved = thread;
    machine.moved_from = frame->rip;
}

static void give_verdicts(enum job job);

void process_run(struct cpu *cpu, void *arg)
{
    (void)arg;
    machine.ran |= 1u << cpu->index;
    machine.longest = process_longest;
    uint32_t job = pages[cpu->index].job;
    uint32_t crash = machine.crash | machine.crash_of[job != JOB_MEASURE];
    threads[cpu->index].crashed = crash >> cpu->index & 1;
    if (machine.moved && crash >> machine.moved & 1)
        threads[machine.moved].crashed = true;
    give_verdicts((enum job)job);
}

void smp_call(struct cpu *cpu, void (*fn)(struct cpu *cpu, void *arg), void *arg)
{
    machine.one_by_one = true;
    fn(cpu, arg);
}

void smp_call_some(uint32_t first, uint32_t end, void (*fn)(struct cpu *cpu, void *arg), void *arg)
{
    assert_true(first > 0 && first < end);
    for (uint32_t i = first; i < end; i++)
        fn(cpu_table[i], arg);
}

bool smp_wait_some(uint32_t first, uint32_t end, uint64_t patience)
{
    machine.wait_first = first;
    machine.wait_end = end;
    machine.patience = patience;
    return !machine.never_ends;
}

bool decide(const char *counter, bool without_rdtscp, bool unstable)
{
    size_t n = strlen(machine.decided);

    assert_null(counter);
    assert_false(unstable);
    (void)snprintf(machine.decided + n, sizeof(machine.decided) - n, "%c%u",
                   without_rdtscp ? 'w' : '-', machine.runs);
    return true;
}

/* ---- The process's memory: these addresses are followed ---------------- */

enum { UNMAPPED = 1 };

bool process_text_in(char *to, uint64_t size, uint64_t from, uint64_t *length)
{
    if (from == UNMAPPED)
        return false;
    *length = strnlen((const char *)(uintptr_t)from, size - 1);
    memcpy(to, (const void *)(uintptr_t)from, *length);
    to[*length] = 0;
    return true;
}

static void (*during_verdict)(void);

size_t format(char *to, size_t size, const char *text, ...)
{
    va_list list;

    va_start(list, text);
    int length = vsnprintf(to, size, text, list);
    va_end(list);
    if (during_verdict)
        during_verdict();
    return (size_t)length;
}

/* ---- The checks -------------------------------------------------------- */

static struct {
    unsigned count;
    struct {
        enum result result;
        char line[600];
    } of[16];
} checks;

void check(enum result result, const char *name, const char *figures, ...)
{
    va_list list;

    char *to = checks.of[checks.count].line;
    checks.of[checks.count++].result = result;
    strcpy(to, name);
    strcat(to, ": ");
    va_start(list, figures);
    (void)vsnprintf(to + strlen(to), 500, figures, list);
    va_end(list);
}

static const struct {
    enum job job;
    const char *names[12];
} owed[] = {
    {JOB_ATTACH, {"ring3.device"}},
    {JOB_OFFSET, {0}},
    {JOB_MEASURE, {0}},
    {JOB_ORDER,
     {"ring3.threads", "ring3.reads", "ring3.entries", "ring3.order.own", "ring3.order.cross"}},
    {JOB_CLOCKS, {0}},
    {JOB_PATHS, {0}},
    {JOB_PATHS_JUDGED, {"ring3.gettime.paths", "ring3.gettime.clocks"}},
    {JOB_MOVED, {"ring3.moved"}},
    {JOB_MOVED_UNSTABLE, {"ring3.moved.unstable"}},
    {JOB_COMPAT, {"ring3.compat32"}},
    {JOB_RULES, {"ring3.rules"}},
    {JOB_FUZZ, {"ring3.fuzz"}},
    {JOB_PROBES,
     {"ring3.clock.read-only", "ring3.clock.no-execute", "ring3.text.read-only",
      "ring3.stack.no-execute", "ring3.kernel.hidden", "ring3.hlt.refused"}},
    {JOB_BORDER,
     {"ring3.border.entries", "ring3.border.addresses", "ring3.border.flags",
      "ring3.border.returns", "ring3.border.virtual-8086", "ring3.border.stacks",
      "ring3.border.segments", "ring3.border.code32", "ring3.border.privileged",
      "ring3.border.pointers", "ring3.border.registers"}},
    {JOB_UNMAPPED, {"ring3.border.unmapped"}},
    {JOB_WATCH, {0}},
    {JOB_WATCHED, {"readers"}},
    {JOB_WATCH_JUDGED, {"readers.threads", "readers.values", "readers.order", "readers.date"}},
};

static const char *const *owed_by(enum job job)
{
    for (unsigned i = 0; i < sizeof(owed) / sizeof(owed[0]); i++) {
        if (owed[i].job == job)
            return owed[i].names;
    }
    fail();
    return NULL;
}

static int64_t give(enum verdict verdict, const char *name, const char *text)
{
    return job_verdict(verdict, (uintptr_t)name, (uintptr_t)text);
}

static void give_verdicts(enum job job)
{
    if (machine.runs++ == 0)
        machine.first_amount = pages[0].amount;
    for (unsigned i = 0; machine.gives[i] && owed_by(job)[i]; i++) {
        enum verdict v = machine.gives[i] == 'P'   ? VERDICT_PASS
                         : machine.gives[i] == 'F' ? VERDICT_FAIL
                                                   : VERDICT_SKIP;
        (void)give(v, owed_by(job)[i], "so it is");
    }
}

/* ---- Tests ------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    memset(&machine, 0, sizeof(machine));
    memset(&checks, 0, sizeof(checks));
    memset(&settings, 0, sizeof(settings));
    memset(pages, 0x5a, sizeof(pages));
    during_verdict = NULL;
    process_longest = 0;
    for (uint32_t i = 0; i < CPUS; i++) {
        cpus[i].index = i;
        cpu_table[i] = &cpus[i];
    }
    for (uint32_t i = 0; i <= CPUS; i++)
        threads[i] = (struct thread){.page = &pages[i], .crashed = true};
    jobs_init(FACTS, HZ);
    return 0;
}

/* Whether nothing of the page was written since set_up(). */
static bool untouched(uint32_t index)
{
    return pages[index].job == 0x5a5a5a5a;
}

static void a_thread_s_page_has_the_order(void **state)
{
    const struct job_order order = {.job = JOB_FUZZ,
                                    .count = 3,
                                    .facts = FACT_EMULATED,
                                    .amount = 0x123456789a,
                                    .seed = 0xabcdef0123};
    const struct job_order of = {.job = JOB_WATCHED, .count = 1, .of = 5, .moving = true};
    const struct job_order moving = {.job = JOB_MOVED, .count = 3, .moving = true};

    (void)state;
    (void)job_run(&order);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(pages[i].count, 3);
        assert_int_equal(pages[i].job, JOB_FUZZ);
        assert_int_equal(pages[i].facts, FACTS | FACT_EMULATED);
        assert_int_equal(pages[i].stop, 0);
        assert_int_equal(pages[i].amount, 0x123456789a);
        assert_int_equal(pages[i].seed, 0xabcdef0123);
        assert_int_equal(pages[i].tsc_hz, HZ);
        assert_int_equal(pages[i].kernel_address, (uintptr_t)syscall_entry);
        assert_int_equal(pages[i].time_page, USER_TIME_BASE);
        assert_int_equal(pages[i].vcpu_now, USER_VCPU_BASE + 4 * i);
        assert_false(threads[i].crashed);
    }
    assert_true(untouched(3));
    uint32_t run = pages[0].run;
    job_prepare(&of, 0);
    assert_int_equal(pages[0].count, 5);
    assert_int_equal(pages[0].run, run);
    (void)job_run(&moving);
    assert_int_equal(pages[0].count, 4);
    assert_int_not_equal(pages[0].run, run);
    assert_int_equal(pages[0].run, pages[3].run);
}

static void only_the_last_vcpu_gets_the_page_that_is_not_there(void **state)
{
    const struct job_order order = {.job = JOB_ORDER, .count = CPUS};

    (void)state;
    settings.fault = "user";
    for (uint32_t i = 0; i < CPUS; i++) {
        job_prepare(&order, i);
        assert_int_equal(pages[i].time_page, i == CPUS - 1 ? USER_END - PAGE_SIZE : USER_TIME_BASE);
    }
    settings.fault = "page";
    job_prepare(&order, CPUS - 1);
    assert_int_equal(pages[CPUS - 1].time_page, USER_TIME_BASE);
}

static void a_job_runs_where_it_was_ordered(void **state)
{
    const struct {
        struct job_order order;
        uint32_t ran, prepared, first, end;
        bool one;
    } cases[] = {
        {{.count = 1}, 0x1, 0x1, 1, 1, false},
        {{.count = 2}, 0x3, 0x3, 1, 2, true},
        {{.count = 3}, 0x7, 0x7, 1, 3, false},
        {{.count = CPUS}, 0x3f, 0x3f, 1, CPUS, false},
        {{.first = 1, .count = 1}, 0x2, 0x2, 1, 2, true},
        {{.first = 5, .count = 1}, 0x20, 0x20, 5, 6, true},
        {{.first = 2, .count = 3}, 0x1c, 0x1c, 2, 5, false},
        {{.first = 4, .count = 1, .with_zero = true}, 0x11, 0x11, 4, 5, true},
        {{.first = 3, .count = 2, .with_zero = true}, 0x19, 0x19, 3, 5, false},
        {{.count = 2, .moving = true}, 0x3, 0x7, 1, 2, true},
        {{.count = CPUS, .moving = true}, 0x3f, 0x7f, 1, CPUS, false},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct job_order order = cases[i].order;
        (void)set_up(state);
        order.job = JOB_MEASURE;
        assert_true(job_run(&order));
        assert_int_equal(machine.ran, cases[i].ran);
        assert_int_equal(machine.one_by_one, cases[i].one);
        for (uint32_t index = 0; index <= CPUS; index++) {
            assert_int_equal(!untouched(index), cases[i].prepared >> index & 1);
            assert_int_equal(threads[index].crashed, !(cases[i].prepared >> index & 1));
        }
        assert_int_equal(machine.wait_first, cases[i].first);
        assert_int_equal(machine.wait_end, cases[i].end);
        /* Longer than its threads may take. */
        assert_int_equal(machine.patience, 4 * 60 * HZ);
        assert_int_equal(machine.moved, order.moving ? order.count : 0);
        assert_int_equal(machine.moved_from, order.moving ? 0x1234000 + order.count : 0);
    }
}

static void a_thread_may_run_as_long_as_its_job_needs(void **state)
{
    const struct {
        enum job job;
        uint64_t amount, cycles;
    } cases[] = {{JOB_ORDER, 0, 60 * HZ},         {JOB_ORDER, 20000, 61 * HZ},
                 {JOB_FUZZ, 39999, 61 * HZ},      {JOB_FUZZ, 4000000, 260 * HZ},
                 {JOB_MEASURE, 1000000, 60 * HZ}, {JOB_ATTACK, 90000, HZ / 1000 * 90000 + 10 * HZ}};

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        machine.longest = 0;
        (void)job_run(
            &(struct job_order){.job = cases[i].job, .count = 1, .amount = cases[i].amount});
        assert_int_equal(machine.longest, cases[i].cycles);
        assert_int_equal(process_longest, 0);
    }
}

static void a_job_has_not_ended_if_one_of_its_threads_crashed_or_hangs(void **state)
{
    const struct job_order all = {.job = JOB_MOVED, .count = 4, .moving = true};
    const struct job_order two = {.job = JOB_MOVED, .first = 2, .count = 1, .with_zero = true};
    const struct job_order one = {.job = JOB_MOVED, .first = 2, .count = 1};

    for (unsigned crash = 0; crash < CPUS; crash++) {
        (void)set_up(state);
        machine.crash = 1u << crash;
        assert_int_equal(job_run(&all), crash > 4);
        (void)set_up(state);
        machine.crash = 1u << crash;
        assert_int_equal(job_run(&two), crash != 0 && crash != 2);
        (void)set_up(state);
        machine.crash = 1u << crash;
        assert_int_equal(job_run(&one), crash != 2);
    }
    (void)set_up(state);
    machine.never_ends = true;
    assert_false(job_run(&two));
    /* What vCPU 0's thread did before counts for no job without it. */
    (void)set_up(state);
    threads[0].crashed = true;
    assert_true(job_run(&one));
}

static void each_job_owes_its_verdicts(void **state)
{
    unsigned total = 0;

    for (unsigned i = 0; i < sizeof(owed) / sizeof(owed[0]); i++) {
        const struct job_order order = {.job = owed[i].job, .count = 1};
        for (unsigned given = 0; given < 3; given++) {
            (void)set_up(state);
            unsigned n = 0;
            while (n < 11 && owed[i].names[n])
                n++;
            if (given)
                memset(machine.gives, given == 1 ? 'P' : 'S', n);
            job_check(&order);
            assert_int_equal(checks.count, n);
            for (unsigned c = 0; c < n; c++) {
                char line[600];
                assert_int_equal(checks.of[c].result, given == 0 ? FAIL : given == 1 ? PASS : SKIP);
                (void)snprintf(line, sizeof(line), "%s: %s", owed[i].names[c],
                               given ? "so it is" : "ring 3 gave no verdict");
                assert_string_equal(checks.of[c].line, line);
            }
            total += n;
        }
    }
    figures("%u verdicts of %u jobs", total, (unsigned)(sizeof(owed) / sizeof(owed[0])));
}

static void a_verdict_counts_only_if_all_else_is_good(void **state)
{
    const struct job_order order = {.job = JOB_PATHS_JUDGED, .count = 2};

    for (unsigned bad = 0; bad < 4; bad++) {
        (void)set_up(state);
        strcpy(machine.gives, "P");
        machine.crash = bad == 1 ? 2 : 0;
        machine.never_ends = bad == 2;
        (void)job_run(&order);
        job_settle(bad != 3, "; and more");
        assert_int_equal(checks.count, 2);
        assert_int_equal(checks.of[0].result, bad ? FAIL : PASS);
        assert_int_equal(checks.of[1].result, FAIL);
        bool ended = bad == 0 || bad == 3;
        assert_string_equal(
            checks.of[0].line,
            ended ? "ring3.gettime.paths: so it is; and more"
                  : "ring3.gettime.paths: so it is; a thread faulted or did not end; and more");
        assert_string_equal(checks.of[1].line,
                            ended ? "ring3.gettime.clocks: ring 3 gave no verdict; and more"
                                  : "ring3.gettime.clocks: ring 3 gave no verdict: a thread "
                                    "faulted or did not end; and more");
    }
    (void)set_up(state);
    strcpy(machine.gives, "F");
    job_check(&order);
    assert_int_equal(checks.of[0].result, FAIL);
}

static void the_figures_are_those_of_the_first_check(void **state)
{
    (void)state;
    (void)job_run(&(struct job_order){.job = JOB_PATHS_JUDGED, .count = 1});
    assert_int_equal(give(VERDICT_PASS, "ring3.gettime.paths", "of another job"), 0);
    assert_int_equal(give(VERDICT_PASS, "ring3.gettime.clocks", "of another check"), 0);
    (void)job_run(&(struct job_order){.job = JOB_WATCHED, .count = 1});
    assert_string_equal(job_figures(), "ring 3 gave no figures");
    strcpy(machine.gives, "P");
    (void)job_run(&(struct job_order){.job = JOB_WATCHED, .count = 1});
    assert_string_equal(job_figures(), "so it is");
}

static void only_what_the_job_owes_is_taken_and_only_once(void **state)
{
    static char longest[FIGURES_SIZE], too_long[FIGURES_SIZE + 1];

    (void)state;
    memset(longest, 'x', FIGURES_SIZE - 2);
    memset(too_long, 'x', FIGURES_SIZE - 1);
    (void)job_run(&(struct job_order){.job = JOB_PATHS_JUDGED, .count = 1});
    assert_int_equal(give(VERDICTS, "ring3.gettime.paths", ""), -ERROR_INVAL);
    assert_int_equal(job_verdict(UINT64_MAX, (uintptr_t) "ring3.gettime.paths", (uintptr_t) ""),
                     -ERROR_INVAL);
    assert_int_equal(job_verdict(0, UNMAPPED, (uintptr_t) ""), -ERROR_FAULT);
    assert_int_equal(job_verdict(0, (uintptr_t) "ring3.gettime.paths", UNMAPPED), -ERROR_FAULT);
    assert_int_equal(give(VERDICT_FAIL, "ring3.gettime.paths", too_long), -ERROR_NAMETOOLONG);
    for (int c = 1; c < 256; c++) {
        const char text[] = {'a', (char)c, 'b', 0};
        /* A name that is not owed is looked at last. */
        assert_int_equal(give(VERDICT_FAIL, "ring3.fuzz", text),
                         c >= ' ' && c <= '~' ? -ERROR_PERM : -ERROR_INVAL);
    }
    assert_int_equal(give(VERDICT_FAIL, "ring3.gettime.path", ""), -ERROR_PERM);
    assert_int_equal(give(VERDICT_FAIL, "", ""), -ERROR_PERM);
    assert_int_equal(give(VERDICT_FAIL, "ring3.gettime.paths-and-far-more-than-that", ""),
                     -ERROR_PERM);
    assert_int_equal(give(VERDICT_PASS, "ring3.gettime.clocks", longest), 0);
    assert_int_equal(give(VERDICT_FAIL, "ring3.gettime.clocks", ""), -ERROR_PERM);
    assert_int_equal(give(VERDICT_SKIP, "ring3.gettime.paths", ""), 0);
    job_settle(true, "");
    assert_int_equal(checks.of[0].result, SKIP);
    assert_int_equal(checks.of[1].result, PASS);
    assert_string_equal(checks.of[1].line + strlen("ring3.gettime.clocks: "), longest);
    /* The next job's are its own. */
    (void)job_run(&(struct job_order){.job = JOB_PATHS_JUDGED, .count = 1});
    assert_int_equal(give(VERDICT_PASS, "ring3.gettime.clocks", ""), 0);
    (void)job_run(&(struct job_order){.job = JOB_MEASURE, .count = 1});
    assert_int_equal(give(VERDICT_PASS, "ring3.gettime.clocks", ""), -ERROR_PERM);
}

static void the_longest_job_takes_as_many_verdicts_as_it_owes(void **state)
{
    (void)state;
    (void)job_run(&(struct job_order){.job = JOB_BORDER, .count = 1});
    for (unsigned i = 11; i-- > 0;)
        assert_int_equal(give(VERDICT_PASS, owed_by(JOB_BORDER)[i], ""), 0);
    /* That of the next job in the table. */
    assert_int_equal(give(VERDICT_PASS, "ring3.border.unmapped", ""), -ERROR_PERM);
    job_settle(true, "");
    assert_int_equal(checks.count, 11);
}

static void the_slowest_vcpu_s_costs_are_shown(void **state)
{
    (void)state;
    memset(pages, 0, sizeof(pages));
    for (uint32_t i = 0; i < CPUS; i++) {
        pages[i].ordered = (struct ordered){.reads = 1u << i, .back_own = i, .back_cross = 10};
        pages[i].measured = (struct measured){.read = 100 + i,
                                              .read_ratio = i == 2 || i == 3 ? 50 : i,
                                              .gettime_ratio = 200 + i,
                                              .system_call_ratio = 300 + i};
    }
    struct ring3_facts f = ring3_facts();
    assert_int_equal(f.reads, 0x3f);
    assert_int_equal(f.steps_back, 15 + 60);
    assert_in_range(f.read, 102, 103);
    assert_int_equal(f.read_ratio, 50);
    assert_int_equal(f.gettime_ratio, f.read + 100);
    assert_int_equal(f.system_call_ratio, f.read + 200);
    cpu_count = 1;
    f = ring3_facts();
    cpu_count = CPUS;
    assert_int_equal(f.reads, 1);
    assert_int_equal(f.read, 100); /* a ratio of 0 */
}

static void both_reading_jobs_have_to_end(void **state)
{
    for (unsigned crash = 0; crash < 3; crash++) {
        (void)set_up(state);
        settings.rounds = 7;
        settings.reads = 99;
        strcpy(machine.gives, "PPPPP");
        machine.crash_of[crash % 2] = crash ? 1u << 3 : 0; /* 1: in the second, 2: in the first */
        ring3_read();
        /* One on each vCPU, the measurement first; the setting holds for both and no longer. */
        assert_string_equal(machine.decided, "w0-12");
        assert_int_equal(machine.first_amount, 7);
        assert_int_equal(pages[2].job, JOB_ORDER);
        assert_int_equal(pages[2].amount, 99);
        assert_int_equal(checks.count, 5);
        for (unsigned i = 0; i < 5; i++)
            assert_int_equal(checks.of[i].result, crash ? FAIL : PASS);
    }
}

/* ---- Two vCPUs at once ------------------------------------------------- */

static struct {
    pthread_t thread;
    bool made, waits, done;
    int64_t result;
} other;

void smp_answer_flush(void)
{
    if (other.made && pthread_equal(pthread_self(), other.thread))
        __atomic_store_n(&other.waits, true, __ATOMIC_RELEASE);
    sched_yield();
}

static void *give_the_same(void *argument)
{
    (void)argument;
    other.thread = pthread_self();
    other.made = true;
    other.result = give(VERDICT_PASS, "ring3.gettime.clocks", "the other's");
    __atomic_store_n(&other.done, true, __ATOMIC_RELEASE);
    return NULL;
}

static void start_the_other(void)
{
    pthread_t thread;

    during_verdict = NULL;
    assert_int_equal(pthread_create(&thread, NULL, give_the_same, NULL), 0);
    while (!__atomic_load_n(&other.waits, __ATOMIC_ACQUIRE) &&
           !__atomic_load_n(&other.done, __ATOMIC_ACQUIRE))
        sched_yield();
    assert_false(__atomic_load_n(&other.done, __ATOMIC_ACQUIRE));
    other.thread = thread;
}

static void of_two_verdicts_at_once_one_is_taken(void **state)
{
    (void)state;
    (void)job_run(&(struct job_order){.job = JOB_PATHS_JUDGED, .count = 1});
    during_verdict = start_the_other;
    assert_int_equal(give(VERDICT_FAIL, "ring3.gettime.clocks", "ours"), 0);
    assert_int_equal(pthread_join(other.thread, NULL), 0);
    assert_int_equal(other.result, -ERROR_PERM);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_thread_s_page_has_the_order),
        TEST(only_the_last_vcpu_gets_the_page_that_is_not_there),
        TEST(a_job_runs_where_it_was_ordered),
        TEST(a_thread_may_run_as_long_as_its_job_needs),
        TEST(a_job_has_not_ended_if_one_of_its_threads_crashed_or_hangs),
        TEST(each_job_owes_its_verdicts),
        TEST(a_verdict_counts_only_if_all_else_is_good),
        TEST(the_figures_are_those_of_the_first_check),
        TEST(only_what_the_job_owes_is_taken_and_only_once),
        TEST(the_longest_job_takes_as_many_verdicts_as_it_owes),
        TEST(the_slowest_vcpu_s_costs_are_shown),
        TEST(both_reading_jobs_have_to_end),
        TEST(of_two_verdicts_at_once_one_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
