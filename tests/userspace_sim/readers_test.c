/* SPDX-License-Identifier: 0BSD */
/*
 * userspace_sim/reader.c, attach.c and clocks.c with a kernel that errs: what they are there to see
 * they do see, and nothing else.
 */
#include "base/format.h"
#include "pvclock/port/mock.h"
#include "tests/check.h"
#include "userspace_sim/clock.h"
#include "userspace_sim/process.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 3, HZ = 1000000, NS = 1000000000 };

/* ---- The kernel -------------------------------------------------------- */

struct pvclock_mock pvclock_mock;

static struct {
    int64_t open, map;                  /* results */
    uint64_t before, after, resolution; /* of a clock's system calls, ns */
    bool second;                        /* the next is the second of two */
    uint64_t calls, too_many;           /* system calls; of these, counted though not made */
    bool counting, refuses;
    char trace[300];
    struct {
        enum verdict verdict;
        char line[500];
    } given[4];
    unsigned verdicts;
} kernel;

static jmp_buf left;

#define TRACE(...)                                                                                 \
    (void)snprintf(kernel.trace + strlen(kernel.trace),                                            \
                   sizeof(kernel.trace) - strlen(kernel.trace), __VA_ARGS__)

static void write_ns(uint64_t to, uint64_t ns)
{
    *(struct pvclock_timespec *)(uintptr_t)to =
        (struct pvclock_timespec){.tv_sec = (int64_t)(ns / NS), .tv_nsec = (int64_t)(ns % NS)};
}

int64_t call(enum system_call number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    kernel.calls += kernel.counting;
    switch (number) {
    case SYS_EXIT:
        longjmp(left, 1);
    case SYS_COUNT:
        if (a) {
            kernel.calls = 0;
        } else {
            /* without this one */
            ((uint64_t *)(uintptr_t)b)[COUNT_SYSTEM_CALL] = kernel.calls - 1 + kernel.too_many;
            ((uint64_t *)(uintptr_t)b)[COUNT_FAULT] = 7;
        }
        kernel.counting = a;
        return 0;
    case SYS_OPEN:
        TRACE("open(%s,%llu) ", (const char *)(uintptr_t)a, (unsigned long long)b);
        return kernel.open;
    case SYS_MMAP:
        TRACE("map(%llu,%llu,%llu,%llu) ", (unsigned long long)a, (unsigned long long)b,
              (unsigned long long)c, (unsigned long long)d);
        return kernel.map;
    case SYS_CLOSE:
        TRACE("close(%llu) ", (unsigned long long)a);
        return 0;
    case SYS_CLOCK_GETTIME:
        write_ns(b, kernel.second ? kernel.after : kernel.before);
        kernel.second = !kernel.second;
        return 0;
    case SYS_CLOCK_GETRES:
        write_ns(b, kernel.resolution);
        return 0;
    case SYS_CHECK:
        kernel.given[kernel.verdicts].verdict = (enum verdict)a;
        (void)snprintf(kernel.given[kernel.verdicts].line, 500, "%s: %s",
                       (const char *)(uintptr_t)b, (const char *)(uintptr_t)c);
        kernel.verdicts++;
        return 0;
    default:
        fail_msg("system call %d", number);
        return 0;
    }
}

/* ---- The readings ------------------------------------------------------ */

static struct {
    enum gettime_path path; /* of all readings */
    unsigned other;         /* but for this many, from now on, which take another */
    uint64_t here, resolution;
    uint64_t step, back_every, back_by; /* of `here`, at each reading */
    uint64_t reads, move_every;
    bool forgets;
} lib;

static uint64_t tsc, tsc_step = 100;

uint64_t rdtsc_ordered(void)
{
    return tsc += tsc_step;
}

enum gettime_path gettime_slow(struct gettime *g, uint32_t clock, struct pvclock_timespec *out)
{
    assert_true(clock < GETTIME_IDS);
    assert_true(g->sequence & 1);
    lib.reads++;
    if (lib.move_every && lib.reads % lib.move_every == 0)
        pvclock_mock.word =
            ((pvclock_mock.word >> 32) + !lib.forgets) << 32 | !(uint32_t)pvclock_mock.word;
    lib.here += lib.step;
    write_ns((uintptr_t)out,
             lib.here - (lib.back_every && lib.reads % lib.back_every == 0 ? lib.back_by : 0));
    if (lib.other) {
        lib.other--;
        return lib.path == GETTIME_PATH_STABLE ? GETTIME_PATH_OWN_VCPU : GETTIME_PATH_STABLE;
    }
    return lib.path;
}

enum gettime_path gettime_resolution(const struct gettime *g, uint32_t clock,
                                     struct pvclock_timespec *out)
{
    (void)g, (void)clock;
    write_ns((uintptr_t)out, lib.resolution);
    return GETTIME_PATH_FAST;
}

/* ---- The process ------------------------------------------------------- */

static uint8_t pages[THREADS][THREAD_STRIDE] __attribute__((aligned(4096)));
static struct time_page time_page;
static struct pvclock_vcpu_time_info structures[2 * THREADS]; /* each other one is padding */

static struct thread_page *page(uint32_t index)
{
    return (struct thread_page *)pages[index];
}

static void prepare(enum job job, uint32_t count, uint32_t facts)
{
    static uint32_t run;

    run++;
    for (uint32_t i = 0; i < count; i++) {
        struct thread_page *t = page(i);
        t->index = i;
        t->count = count;
        t->job = job;
        t->run = run;
        t->facts = facts;
        t->tsc_hz = HZ;
        t->time_page = (uintptr_t)&time_page;
    }
}

static int set_up(void **state)
{
    (void)state;
    memset(&kernel, 0, sizeof(kernel));
    memset(&lib, 0, sizeof(lib));
    memset(pages, 0, sizeof(pages));
    time_page = (struct time_page){.possible = 5, .stride = 2 * sizeof(structures[0])};
    memset(&clock_guard, 0, sizeof(clock_guard));
    clock_structures = NULL;
    return 0;
}

/* Whether a case holds, in a process of its own: what was seen is kept from job to job. */
static bool holds(bool (*of)(unsigned argument), unsigned argument)
{
    int status;
    (void)fflush(stdout);
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        (void)set_up(NULL);
        int failed = !of(argument);
        (void)fflush(stdout);
        _exit(failed);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status == 0;
}

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("line %d: %s\n", __LINE__, #condition);                                         \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

void reader_start(struct thread_page *t);

/* Each other job's function; the reader calls it by the job's number. */
static unsigned other_jobs;

#define OTHER(name, number)                                                                        \
    void name(struct thread_page *t)                                                               \
    {                                                                                              \
        other_jobs += t->job == (number);                                                          \
    }
OTHER(offset, JOB_OFFSET)
OTHER(measure, JOB_MEASURE)
OTHER(order, JOB_ORDER)
OTHER(compat, JOB_COMPAT)
OTHER(rules, JOB_RULES)
OTHER(fuzz, JOB_FUZZ)
OTHER(probes, JOB_PROBES)
OTHER(border, JOB_BORDER)
OTHER(unmapped, JOB_UNMAPPED)
OTHER(attack, JOB_ATTACK)
OTHER(watch, JOB_WATCH)
OTHER(watched, JOB_WATCHED)
OTHER(watch_judged, JOB_WATCH_JUDGED)

/* Runs a thread up to its exit. */
static void start(struct thread_page *t)
{
    if (!setjmp(left))
        reader_start(t);
}

static void run(enum job job, uint32_t count, uint32_t facts)
{
    prepare(job, count, facts);
    for (uint32_t i = 0; i < count; i++) {
        start(page(i));
    }
}

/* Whether the only verdict, or this one of several, is this. */
static bool gave(unsigned which, enum verdict verdict, const char *line)
{
    if (which < kernel.verdicts && kernel.given[which].verdict == verdict &&
        strcmp(kernel.given[which].line, line) == 0)
        return true;
    printf("%u %s\nand not %u %s\n", kernel.given[which].verdict, kernel.given[which].line, verdict,
           line);
    return false;
}

/* ---- reader.c ---------------------------------------------------------- */

static bool each_job_runs(unsigned argument)
{
    (void)argument;
    for (unsigned job = 0; job <= JOBS + 1; job++) {
        if (job != JOB_MOVED && job != JOB_MOVED_UNSTABLE)
            run((enum job)job, 1, 0);
    }
    EXPECT(other_jobs == 13);
    /* attach(); paths_judged(), which gives two. */
    return kernel.verdicts == 3;
}

static void each_job_s_function_runs_and_then_the_thread_ends(void **state)
{
    (void)state;
    assert_true(holds(each_job_runs, 0));
}

/* ---- attach.c ---------------------------------------------------------- */

static void the_structures_are_mapped_once_for_all_threads(void **state)
{
    (void)state;
    kernel.open = 3;
    kernel.map = (int64_t)(uintptr_t)structures;
    run(JOB_ATTACH, 1, FACT_KVMCLOCK);
    char want[100], mapped[100];
    (void)snprintf(want, sizeof(want), "open(/dev/pvclock,0) map(3,%u,1,0) close(3) ",
                   5 * 2 * (unsigned)sizeof(structures[0]));
    assert_string_equal(kernel.trace, want);
    assert_ptr_equal(clock_structures, structures);
    (void)snprintf(mapped, sizeof(mapped), "ring3.device: /dev/pvclock mapped at 0x%lx",
                   (unsigned long)(uintptr_t)structures);
    assert_int_equal(kernel.verdicts, 1);
    assert_true(gave(0, VERDICT_PASS, mapped));
    struct gettime g = thread_gettime(page(0));
    assert_ptr_equal(g.time, &time_page);
    assert_ptr_equal(g.structures, structures);
    assert_ptr_equal(g.guard, &clock_guard);
    assert_int_equal(g.order, PVCLOCK_LFENCE);
    assert_int_equal(g.sequence & 1, 1);
    assert_null(g.clock_page);
}

static void a_device_that_is_missing_or_too_many_is_noticed(void **state)
{
    const struct {
        uint32_t facts;
        int64_t open, map;
        enum verdict verdict;
        const char *line, *trace;
    } cases[] = {
        {FACT_KVMCLOCK, -ERROR_NXIO, 4096, VERDICT_FAIL, "/dev/pvclock not mapped: error 6", "o"},
        {FACT_KVMCLOCK, 0, -ERROR_INVAL, VERDICT_FAIL, "/dev/pvclock not mapped: error 22", "omc"},
        {FACT_KVMCLOCK, 0, 0, VERDICT_FAIL, "/dev/pvclock not mapped: error 0", "omc"},
        {0, -ERROR_NXIO, 4096, VERDICT_PASS, "/dev/pvclock without a kvmclock: error 6", "o"},
        {0, -ERROR_NOENT, 4096, VERDICT_FAIL, "/dev/pvclock without a kvmclock: error 2", "o"},
        {0, 0, 4096, VERDICT_FAIL, "/dev/pvclock without a kvmclock: error -4096", "omc"},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[200];
        (void)set_up(state);
        kernel.open = cases[i].open;
        kernel.map = cases[i].map;
        run(JOB_ATTACH, 1, cases[i].facts);
        (void)snprintf(line, sizeof(line), "ring3.device: %s", cases[i].line);
        assert_true(gave(0, cases[i].verdict, line));
        assert_int_equal(kernel.verdicts, 1);
        assert_int_equal(strstr(kernel.trace, "map") != NULL, cases[i].trace[1] == 'm');
        assert_int_equal(strstr(kernel.trace, "close(0)") != NULL, cases[i].trace[1] == 'm');
        assert_int_equal(clock_structures != NULL, cases[i].open == 0 && cases[i].map > 0);
    }
}

static void a_thread_reads_the_page_that_the_time_page_says(void **state)
{
    prepare(JOB_ORDER, THREADS, 0);
    for (unsigned algorithm = TIME_SYSTEM_CALL; algorithm <= TIME_TSC; algorithm++) {
        for (unsigned mapped = 0; mapped < 2; mapped++) {
            for (unsigned mask = 0; mask < 2; mask++) {
                for (unsigned flags = 0; flags < 4; flags++) {
                    time_page.algorithm = algorithm;
                    time_page.stable_mask = mask;
                    clock_structures = mapped ? structures : NULL;
                    structures[4].flags = (uint8_t)flags;
                    struct clock_source s = clock_source(page(2));
                    if (algorithm == TIME_PVCLOCK && mapped) {
                        assert_ptr_equal(s.page, &structures[4]);
                        assert_ptr_equal(s.guard, mask & flags ? NULL : &clock_guard);
                        assert_false(s.is_tsc);
                    } else {
                        assert_ptr_equal(s.page, &time_page.tsc);
                        assert_true(s.is_tsc);
                        assert_int_equal(s.guard == NULL, algorithm == TIME_TSC);
                        assert_ptr_not_equal(s.guard, &clock_guard);
                    }
                }
            }
        }
    }
    (void)set_up(state);
}

/* ---- clock.h ----------------------------------------------------------- */

static void only_a_time_that_was_read_passes_the_guard(void **state)
{
    struct pvclock_guard guard = {0};
    struct pvclock_vcpu_time_info info = {.version = 2,
                                          .tsc_timestamp = 1000,
                                          .system_time = 5000,
                                          .tsc_to_system_mul = 0x80000000,
                                          .tsc_shift = 1};
    struct clock_source with = {.page = &info, .guard = &guard}, without = {.page = &info};
    uint64_t ns = 0;

    (void)state;
    pvclock_mock.tsc = 1100;
    assert_int_equal(clock_tsc(), 1100);
    assert_int_equal(clock_read(&with, &ns), PVCLOCK_OK);
    assert_int_equal(ns, 5100);
    pvclock_mock.tsc = 1050;
    assert_int_equal(clock_read(&with, &ns), PVCLOCK_OK);
    assert_int_equal(ns, 5100);
    assert_int_equal(clock_read(&without, &ns), PVCLOCK_OK);
    assert_int_equal(ns, 5050);
    info.version = 3; /* the host writes, for ever */
    ns = 99999;
    assert_false(pvclock_has_time(clock_read(&with, &ns)));
    info.version = 2;
    assert_int_equal(clock_read(&with, &ns), PVCLOCK_OK);
    assert_int_equal(ns, 5100);
}

/* ---- Each clock -------------------------------------------------------- */

enum { ALL_CLOCKS = 0x3fb1, PRECISE = 0xab1 & ~0x500 };

/* What is wrong with every clock; of two cases each, the first is just right. */
static bool clocks_disagree(unsigned how)
{
    const uint64_t s = 5000000000;
    const struct {
        uint64_t before, here, after, resolution, resolution_here;
        bool none, not_precise;
    } cases[] = {
        {s, s, s, 7, 7, false, false},        {s - 1, s, s + 1, 7, 7, false, false},
        {s + 1, s, s + 2, 7, 7, true, true},  {s - 2, s, s - 1, 7, 7, true, true},
        {s, s, s, 7, 8, true, true},          {s, s, s, 8, 7, true, true},
        {NS - 1, NS, NS, 7, 7, false, false}, {NS - 1, NS - 1, NS, 7, 7, true, false},
    };
    char line[200];
    uint32_t wrong = cases[how].not_precise ? ALL_CLOCKS : cases[how].none ? 0xab1 : 0;

    kernel.before = cases[how].before;
    kernel.after = cases[how].after;
    kernel.resolution = cases[how].resolution;
    lib.here = cases[how].here;
    lib.resolution = cases[how].resolution_here;
    lib.path = GETTIME_PATH_STABLE;
    run(JOB_CLOCKS, 1, 0);
    EXPECT(lib.reads == 10);
    /* What disagreed is kept to the end, and told of this combination alone. */
    run(JOB_PATHS, 1, FACT_BY_TSC | FACT_FAST);
    EXPECT(page(0)->path.disagree == wrong && page(0)->path.taken == 1);
    kernel.before = kernel.after = lib.here = s;
    kernel.resolution = lib.resolution = 7;
    run(JOB_CLOCKS, 1, 0);
    run(JOB_PATHS, 1, FACT_BY_TSC | FACT_FAST);
    EXPECT(page(0)->path.disagree == 0);
    run(JOB_PATHS_JUDGED, 1, 0);
    (void)snprintf(line, sizeof(line),
                   "ring3.gettime.clocks: clocks by number that were not between two system "
                   "calls:%s",
                   wrong == ALL_CLOCKS ? " 0 4 5 7 8 9 10 11 12 13"
                   : wrong             ? " 0 4 5 7 9 11"
                                       : " none");
    EXPECT(kernel.verdicts == 2);
    return gave(1, wrong ? VERDICT_FAIL : VERDICT_PASS, line);
}

static void a_clock_that_disagrees_with_its_system_call_is_noticed(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 8; how++)
        assert_true(holds(clocks_disagree, how));
}

/* ---- Paths ------------------------------------------------------------- */

/* By docs/decision.md, written down once more. */
static enum gettime_path path_by_the_table(uint32_t facts)
{
    if (!(facts & FACT_FAST))
        return GETTIME_PATH_SYSTEM_CALL;
    if (facts & FACT_BY_TSC)
        return GETTIME_PATH_STABLE;
    if (!(facts & FACT_BY_KVMCLOCK) || !(facts & (FACT_RDTSCP | FACT_WITHOUT_RDTSCP)))
        return GETTIME_PATH_SYSTEM_CALL;
    if (facts & FACT_STABLE && !(facts & FACT_FORCE_UNSTABLE))
        return GETTIME_PATH_STABLE;
    return facts & FACT_RDTSCP ? GETTIME_PATH_OWN_VCPU : GETTIME_PATH_SYSTEM_CALL;
}

static bool is_expected(unsigned facts)
{
    enum gettime_path want = path_by_the_table(facts);

    for (unsigned path = 0; path < GETTIME_PATH_NO_CLOCK; path++) {
        lib.path = path;
        run(JOB_PATHS, THREADS, facts);
        EXPECT(page(0)->path.expected == want && page(0)->path.taken == (path == want));
    }
    return true;
}

static void each_combination_has_the_path_of_the_table(void **state)
{
    unsigned n = 0;

    (void)state;
    for (uint32_t facts = 0; facts < 512; facts += 4) {
        if (!(facts & FACT_BY_KVMCLOCK && facts & FACT_BY_TSC)) {
            assert_true(holds(is_expected, facts));
            n++;
        }
    }
    figures("%u combinations", n);
}

/* A reading in a round of 64 takes another path, this many times: three rounds are tried. */
static bool one_round_has_to_be_right(unsigned argument)
{
    uint32_t facts = argument % 2 ? FACT_BY_TSC | FACT_FAST : 0;
    bool by_call = !facts;

    lib.path = by_call ? GETTIME_PATH_SYSTEM_CALL : GETTIME_PATH_STABLE;
    lib.other = argument / 2 * (by_call ? 2 : 64);
    run(JOB_PATHS, 1, facts);
    EXPECT(page(0)->path.taken == (argument / 2 < 3));
    unsigned rounds = argument / 2 < 3 ? argument / 2 + 1 : 3;
    EXPECT(lib.reads == rounds * (by_call ? 2 : 64));
    /* A path that is right by its name, but entered the kernel once, or did not. */
    for (uint64_t more = 0; more < 2; more++) {
        kernel.too_many = more ? 1 : UINT64_MAX;
        lib.other = 0;
        run(JOB_PATHS, 1, facts);
        EXPECT(page(0)->path.taken == 0);
    }
    /* The last of a round. */
    kernel.too_many = 0;
    return true;
}

static void a_path_is_taken_if_a_round_and_the_kernel_s_count_say_so(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        assert_true(holds(one_round_has_to_be_right, i));
}

/* Of three vCPUs one, number `argument`, takes another way, in the second of three combinations. */
static bool one_vcpu_s_path_counts(unsigned argument)
{
    const uint32_t facts = FACT_BY_KVMCLOCK | FACT_FAST | FACT_RDTSCP | FACT_STABLE;

    lib.path = GETTIME_PATH_STABLE;
    for (unsigned n = 0; n < 3; n++) {
        prepare(JOB_PATHS, THREADS, n == 2 ? facts | FACT_FORCE_UNSTABLE : facts);
        for (uint32_t i = 0; i < THREADS; i++) {
            lib.path = n == 1 && i == argument ? GETTIME_PATH_OWN_VCPU : GETTIME_PATH_STABLE;
            EXPECT(i || n || page(0)->path.taken == 0);
            start(page(i));
        }
        EXPECT(page(0)->path.taken == (n == 0 || (n == 1 && argument == THREADS)));
    }
    run(JOB_PATHS_JUDGED, 1, argument % 2 ? facts : facts & ~(uint32_t)FACT_RDTSCP);
    char line[300], first[200] = "";
    if (argument < THREADS)
        (void)snprintf(first, sizeof(first),
                       "first: kvmclock, STABLE 1, vdso_enable_without_rdtscp 0, "
                       "vdso_force_unstable 0: expected by one page, 2 vCPUs took it");
    else
        (void)snprintf(first, sizeof(first),
                       "first: kvmclock, STABLE 1, vdso_enable_without_rdtscp 0, "
                       "vdso_force_unstable 1: expected by own vCPU's page, 0 vCPUs took it");
    (void)snprintf(line, sizeof(line),
                   "ring3.gettime.paths: 3 combinations of counter, STABLE and settings with%s "
                   "RDTSCP, %u took another way than the table says; %s",
                   argument % 2 ? "" : "out", argument < THREADS ? 2 : 1, first);
    EXPECT(gave(0, VERDICT_FAIL, line));
    return gave(1, VERDICT_FAIL,
                "ring3.gettime.clocks: clocks by number that were not between two system calls: "
                "none");
}

static bool by_the_tsc_is_said(unsigned argument)
{
    (void)argument;
    lib.path = GETTIME_PATH_FAST;
    run(JOB_PATHS, 1, FACT_BY_TSC | FACT_WITHOUT_RDTSCP);
    run(JOB_PATHS_JUDGED, 1, 0);
    return strstr(kernel.given[0].line,
                  "1 took another way than the table says; first: TSC, STABLE 0, "
                  "vdso_enable_without_rdtscp 1, vdso_force_unstable 0: expected by system call, "
                  "0 vCPUs took it") != NULL;
}

static bool nothing_tried_is_nothing_passed(unsigned argument)
{
    if (argument) {
        lib.path = GETTIME_PATH_SYSTEM_CALL;
        run(JOB_PATHS, 1, 0);
    }
    run(JOB_PATHS_JUDGED, 1, 0);
    char line[200];
    (void)snprintf(line, sizeof(line),
                   "ring3.gettime.paths: %u combinations of counter, STABLE and settings without "
                   "RDTSCP, 0 took another way than the table says",
                   argument);
    return gave(0, argument ? VERDICT_PASS : VERDICT_FAIL, line);
}

static void a_wrong_path_of_one_vcpu_fails_and_the_first_is_told(void **state)
{
    (void)state;
    for (unsigned vcpu = 0; vcpu <= THREADS; vcpu++)
        assert_true(holds(one_vcpu_s_path_counts, vcpu));
    assert_true(holds(by_the_tsc_is_said, 0));
    assert_true(holds(nothing_tried_is_nothing_passed, 0));
    assert_true(holds(nothing_tried_is_nothing_passed, 1));
}

/* ---- Moved threads ----------------------------------------------------- */

static void move(enum job job, uint32_t count, uint64_t ms)
{
    prepare(job, count, 0);
    for (uint32_t i = 0; i < count; i++) {
        page(i)->amount = ms;
        start(page(i));
    }
}

/* 16: the kernel forgets to count a thread that it gives to a vCPU. */
static bool moved_reads(unsigned argument)
{
    enum job job = argument % 2 ? JOB_MOVED_UNSTABLE : JOB_MOVED;
    const char *name = argument % 2 ? "ring3.moved.unstable" : "ring3.moved";
    bool moves = !(argument & 2), back = argument & 4, stable = argument & 8;
    bool forgets = argument & 16;
    char line[400];

    lib.path = stable ? GETTIME_PATH_STABLE : GETTIME_PATH_OWN_VCPU;
    lib.here = NS;
    lib.step = 10;
    lib.move_every = moves ? 5 : 0;
    lib.back_every = back ? 50 : 0;
    lib.back_by = 13;
    lib.forgets = forgets;
    pvclock_mock.word = UINT64_C(1) << 32;
    /*
     * At 1 MHz and 100 cycles a look 3 ms are 30 looks.  The first thread reads until it was moved
     * ten times, the second only for that time; without moves each waits 20 times as long.
     */
    move(job, 2, 3);
    uint64_t reads = lib.reads;
    EXPECT(reads == (moves ? 50 + 29 : 2 * 600));
    EXPECT(kernel.verdicts == 1);
    /* A step back is told twice: by the thread's own last reading, and by any thread's. */
    uint64_t steps = back ? reads / 50 * 2 : 0;
    (void)snprintf(line, sizeof(line),
                   "%s: 2 threads moved %llu times between 1 vCPUs: %llu steps back in %llu "
                   "readings, worst %u ns; %llu by one page, %llu by own vCPU's, 0 by system call; "
                   "%llu moves that the vCPU's word does not show",
                   name, (unsigned long long)(moves ? reads / 5 : 0), (unsigned long long)steps,
                   (unsigned long long)reads, back ? 3 : 0,
                   (unsigned long long)(stable ? reads : 0),
                   (unsigned long long)(stable ? 0 : reads),
                   (unsigned long long)(moves && forgets ? reads / 5 - 2 : 0));
    return gave(0, moves && !back && !forgets ? VERDICT_PASS : VERDICT_FAIL, line);
}

/* A step back that only the other thread's reading shows, and one that only its own does. */
static bool moved_back_between_threads(unsigned argument)
{
    lib.path = GETTIME_PATH_SYSTEM_CALL;
    lib.move_every = 2;
    kernel.before = kernel.after = 5000;
    prepare(JOB_MOVED, 2, 0);
    page(0)->amount = page(1)->amount = 1;
    start(page(0));
    kernel.before = kernel.after = argument ? 4990 : 5000;
    start(page(1));
    EXPECT(kernel.verdicts == 1);
    EXPECT(strstr(kernel.given[0].line, argument ? ", worst 10 ns; 0 by one page, 0 by own"
                                                 : ": 0 steps back in ") != NULL);
    EXPECT(!argument || !strstr(kernel.given[0].line, ": 0 steps back in "));
    return kernel.given[0].verdict == (argument ? VERDICT_FAIL : VERDICT_PASS);
}

/* A thread that never came to read, as the time was over at once. */
static bool an_idle_thread_fails(unsigned argument)
{
    (void)argument;
    lib.here = NS;
    lib.move_every = 2;
    prepare(JOB_MOVED, 2, 0);
    page(0)->amount = 1;
    start(page(0));
    page(1)->amount = 0;
    start(page(1));
    return kernel.verdicts == 1 && kernel.given[0].verdict == VERDICT_FAIL;
}

static void steps_back_idle_threads_and_no_moves_fail(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 32; i++)
        assert_true(holds(moved_reads, i));
    assert_true(holds(moved_back_between_threads, 0));
    assert_true(holds(moved_back_between_threads, 1));
    assert_true(holds(an_idle_thread_fails, 0));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_job_s_function_runs_and_then_the_thread_ends),
        TEST(the_structures_are_mapped_once_for_all_threads),
        TEST(a_device_that_is_missing_or_too_many_is_noticed),
        TEST(a_thread_reads_the_page_that_the_time_page_says),
        TEST(only_a_time_that_was_read_passes_the_guard),
        TEST(a_clock_that_disagrees_with_its_system_call_is_noticed),
        TEST(each_combination_has_the_path_of_the_table),
        TEST(a_path_is_taken_if_a_round_and_the_kernel_s_count_say_so),
        TEST(a_wrong_path_of_one_vcpu_fails_and_the_first_is_told),
        TEST(steps_back_idle_threads_and_no_moves_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
