/* SPDX-License-Identifier: 0BSD */
/*
 * Readers and the writer of lib/timecounter interleaved at every access to shared memory, one
 * after another, in one thread: what an interrupt, an NMI, or another CPU can do at worst. Built
 * with interleave_port.h.
 *
 * Two counters show the same moving time at different rates, one fine and one coarse; time moves
 * on by `tick` at each access.
 */
#include "tests/check.h"
#include "tests/lib/timecounter/mock.h"
#include <ucontext.h>

static uint64_t true_time; /* ns */
static uint64_t tick;      /* ns that pass at each access */
static uint64_t steps;     /* accesses so far */
static uint64_t when;      /* at which of them to call `interrupt`; 0: never, UINT64_MAX: always */
static void (*interrupt)(void);

static struct timecounters set;
static struct timecounter fine, coarse, narrow;
static int64_t lag; /* how much less the counters show to the reader that runs now, ns */

static uint64_t cases, wrong;
static const char *why = "";

/* Threads that take turns at the accesses, as a random schedule has it. */
#define THREADS 3
#define STACK   65536

static ucontext_t scheduler, thread[THREADS];
static char stack[THREADS][STACK];
static int running = -1; /* which of them runs; -1: none, one thing after another */
static uint64_t burst;   /* accesses until the next one has its turn */
static bool done[THREADS];

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    if (wrong++ == 0)
        why = what;
}

/* The end of a test. */
static void expect_none_wrong(void)
{
    uint64_t of = cases, were_wrong = wrong;

    cases = 0;
    wrong = 0;
    if (were_wrong != 0)
        fail_msg("%llu times in %llu interleavings, first: %s", (unsigned long long)were_wrong,
                 (unsigned long long)of, why);
    figures("%llu interleavings", (unsigned long long)of);
}

void timecounter_test_step(void)
{
    void (*call)(void) = interrupt;

    true_time += tick;
    steps++;
    if (running >= 0) {
        if (burst-- == 0)
            (void)swapcontext(&thread[running], &scheduler);
        return;
    }
    if (call == NULL || (when != UINT64_MAX && steps != when))
        return;
    interrupt = NULL; /* not in itself */
    call();
    if (when == UINT64_MAX)
        interrupt = call;
}

static uint64_t read_fine(void *context)
{
    (void)context;
    return true_time - (uint64_t)lag;
}

/* 3 MHz and 1000 ppm slow, so that a reading on the wrong counter shows. */
static uint64_t read_coarse(void *context)
{
    (void)context;
    return (true_time - (uint64_t)lag) / 1000 * 2997 / 1000;
}

static struct timecounter counter(const char *name, uint64_t (*read)(void *), uint64_t mask,
                                  uint64_t hz)
{
    uint64_t none = 0;
    struct timecounter made = mock_counter(name, &none, mask, hz, 0);

    made.read = read;
    made.context = NULL;
    return made;
}

/* A fresh set on the counter of this name, a second and a bit after its beginning. */
static void start(const char *name, uint32_t flags)
{
    interrupt = NULL;
    lag = 0;
    true_time = UINT64_C(1) << 40;
    fine = counter("fine", read_fine, UINT64_MAX, 1000000000);
    coarse = counter("coarse", read_coarse, UINT64_MAX, 3000000);
    narrow = counter("narrow", read_coarse, 0xffffff, 3000000);
    fine.flags = flags;
    expect(timecounters_init(&set, 0) == TC_OK, "init");
    expect(tc_register(&set, &fine) == TC_OK, "register fine");
    expect(tc_register(&set, &coarse) == TC_OK, "register coarse");
    expect(tc_register(&set, &narrow) == TC_OK, "register narrow");
    expect(tc_select(&set, name, NULL) == TC_OK, "select");
    true_time += 1234567891;
    expect(tc_windup(&set) == TC_OK, "windup");
}

static int64_t highest; /* uptime that a finished reading has given */

/* A reading that must succeed and not be less than those finished before it began. */
static void read_forward(void)
{
    int64_t before = highest, ns;

    expect(tc_getns(&set, TC_CLOCK_UPTIME, &ns) == TC_OK, "a reader in the writer failed");
    expect(ns >= before, "uptime went back");
    if (ns > highest)
        highest = ns;
}

static uint64_t windups;

static void wind_up(void)
{
    for (uint64_t i = 0; i < windups; i++) {
        true_time += 1000003;
        (void)tc_windup(&set);
    }
}

static void switch_once(void)
{
    const char *to = tc_current(&set) == &fine ? "coarse" : "fine";

    expect(tc_select(&set, to, NULL) == TC_OK, "switch");
    true_time += 100000000; /* long enough for the rates to differ by 100 us */
}

static void switch_over(void)
{
    const char *to = tc_current(&set) == &fine ? "coarse" : "fine";

    expect(tc_select(&set, to, NULL) == TC_OK, "switch");
    /* Just after it the two counters are apart by most; and a windup must not end the guard yet. */
    for (unsigned int i = 0; i < 5; i++) {
        timecounter_test_step();
        (void)tc_windup(&set);
    }
    true_time += 100000000;
}

static void set_clock(void)
{
    struct tc_timespec realtime = {1700000000, 0};

    expect(tc_setclock(&set, &realtime, NULL) == TC_OK, "setclock");
}

static void restart(void)
{
    lag += 5000000000;
    expect(tc_windup(&set) == TC_RESTARTED, "restart not seen");
}

/* A writer at every point of a reading. */
static void interrupt_reader(void (*writer)(void), const char *counter_name, int64_t slack)
{
    for (uint64_t at = 1;; at++, cases++) {
        int64_t before, during = 0, after;
        enum tc_status status;

        start(counter_name, 0);
        expect(tc_getns(&set, TC_CLOCK_UPTIME, &before) == TC_OK, "before");
        steps = 0;
        when = at;
        interrupt = writer;
        status = tc_getns(&set, TC_CLOCK_UPTIME, &during);
        if (interrupt != NULL)
            break; /* the reading has fewer accesses than that */
        expect(status == TC_OK, "the reading failed");
        expect(tc_getns(&set, TC_CLOCK_UPTIME, &after) == TC_OK, "after");
        expect(before <= during, "less than the reading before");
        expect(during <= after + slack, "more than the reading after");
    }
    expect(cases > 10, "the reader was not interrupted");
}

static void a_reading_survives_windups(void **unused)
{
    static const char *const names[] = {"fine", "coarse", "narrow"};

    (void)unused;
    for (unsigned int i = 0; i < 3; i++)
        for (windups = 1; windups <= 2 * TC_HANDS; windups++)
            interrupt_reader(wind_up, names[i], 0);
    expect_none_wrong();
}

static void a_reading_survives_a_switch(void **unused)
{
    static const uint64_t ticks[] = {0, 1, 100, 1000, 100000};

    (void)unused;
    for (unsigned int i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
        tick = ticks[i];
        interrupt_reader(switch_once, "fine", 0);
        interrupt_reader(switch_once, "coarse", 0);
    }
    tick = 0;
    expect_none_wrong();
}

static void a_reading_survives_a_setting_and_a_restart(void **unused)
{
    (void)unused;
    interrupt_reader(set_clock, "fine", 0);
    interrupt_reader(restart, "fine", 0);
    expect_none_wrong();
}

/* Readers at every point of the writer's work, all at once. */
static void interrupt_writer(void (*writer)(void), const char *counter_name, uint32_t flags)
{
    static const uint64_t ticks[] = {0, 1, 7, 100, 1000, 10000, 1000000};

    for (unsigned int i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
        start(counter_name, flags);
        highest = 0;
        tick = ticks[i];
        when = UINT64_MAX;
        steps = 0;
        interrupt = read_forward;
        for (unsigned int j = 0; j < 20; j++)
            writer();
        interrupt = NULL;
        read_forward();
        cases += steps;
    }
    tick = 0;
}

/* One reader at each point of a switch, and one just after it: nothing is recorded in between. */
static void interrupt_switch_once(const char *from, const char *to)
{
    static const uint64_t ticks[] = {0, 1, 7, 100, 1000};

    for (unsigned int i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
        bool inside = true;

        for (uint64_t at = 1; inside; at++, cases++) {
            start(from, 0);
            highest = 0;
            tick = ticks[i];
            steps = 0;
            when = at;
            interrupt = read_forward;
            expect(tc_select(&set, to, NULL) == TC_OK, "switch");
            inside = interrupt == NULL;
            interrupt = NULL;
            read_forward();
            tick = 0;
        }
    }
}

static void readers_inside_a_windup_do_not_step_back(void **unused)
{
    (void)unused;
    windups = 1;
    interrupt_writer(wind_up, "fine", 0);
    interrupt_writer(wind_up, "narrow", 0);
    interrupt_writer(set_clock, "fine", 0);
    expect_none_wrong();
}

static void readers_inside_a_switch_do_not_step_back(void **unused)
{
    (void)unused;
    interrupt_writer(switch_over, "fine", 0);
    interrupt_writer(switch_over, "coarse", 0);
    interrupt_writer(switch_over, "fine", TC_GUARDED);
    interrupt_switch_once("fine", "coarse");
    interrupt_switch_once("coarse", "fine");
    expect_none_wrong();
}

/* Readings on CPUs that lag behind one another by up to 10 us, at every point of the others. */
static uint64_t random_state = 1;

static void read_lagging(void)
{
    int64_t outer = lag;

    lag = (int64_t)(mock_random(&random_state) % 10000);
    read_forward();
    lag = outer;
}

static void the_guard_lets_no_lagging_reader_step_back(void **unused)
{
    struct tc_statistics statistics;
    uint64_t held = 0;

    (void)unused;
    for (uint64_t round = 0; round < 2000; round++) {
        start("fine", TC_GUARDED);
        highest = 0;
        tick = round % 50;
        /* One CPU interrupts another at an access of its reading, or of a windup or switch. */
        for (unsigned int i = 0; i < 20; i++, cases++) {
            steps = 0;
            when = 1 + mock_random(&random_state) % 100;
            interrupt = read_lagging;
            if (i % 10 == 9) {
                lag = (int64_t)(mock_random(&random_state) % 10000);
                (void)(i % 20 == 9 ? tc_windup(&set) : tc_select(&set, "coarse", NULL));
            } else {
                read_lagging();
            }
            interrupt = NULL;
            read_lagging();
        }
        tick = 0;
        expect(tc_get_statistics(&set, &statistics) == TC_OK, "statistics");
        held += statistics.guarded;
    }
    expect(held > 1000, "the guard had nothing to do");
    expect_none_wrong();
}

static void scheduled_reader(void)
{
    for (unsigned int i = 0; i < 30; i++)
        read_forward();
    done[running] = true;
}

static void scheduled_writer(void)
{
    static const char *const names[] = {"coarse", "fine"};

    for (unsigned int i = 0; i < 4; i++) {
        expect(tc_select(&set, names[i % 2], NULL) == TC_OK, "switch");
        for (uint64_t n = mock_random(&random_state) % 4; n > 0; n--)
            (void)tc_windup(&set);
    }
    done[running] = true;
}

static void make_thread(ucontext_t *made, char *its_stack, void (*body)(void))
{
    (void)getcontext(made);
    made->uc_stack.ss_sp = its_stack;
    made->uc_stack.ss_size = STACK;
    made->uc_link = &scheduler;
    makecontext(made, body, 0);
}

/* Any order at all: two readers and the writer, each stopped for any while at any access. */
static void no_schedule_makes_a_reader_step_back(void **unused)
{
    static void (*const bodies[THREADS])(void) = {scheduled_writer, scheduled_reader,
                                                  scheduled_reader};

    (void)unused;
    for (uint64_t round = 0; round < 20000; round++, cases++) {
        start("fine", round % 5 == 0 ? TC_GUARDED : 0);
        highest = 0;
        tick = mock_random(&random_state) >> (44 + mock_random(&random_state) % 20);
        for (unsigned int i = 0; i < THREADS; i++) {
            make_thread(&thread[i], stack[i], bodies[i]);
            done[i] = false;
        }
        while (!(done[0] && done[1] && done[2])) {
            int next = (int)(mock_random(&random_state) % THREADS);

            if (done[next])
                continue;
            burst = mock_random(&random_state) % 100;
            running = next;
            (void)swapcontext(&scheduler, &thread[next]);
        }
        running = -1;
        tick = 0;
    }
    expect_none_wrong();
}

/* The generation is a word that wraps; 0 is not one. */
static void the_generation_wraps_without_harm(void **unused)
{
    (void)unused;
    start("fine", 0);
    set.newest = UINTPTR_MAX - 3;
    highest = 0;
    for (unsigned int i = 0; i < 10; i++, cases++) {
        true_time += 1000;
        (void)tc_windup(&set);
        read_forward();
    }
    expect(set.newest > 0 && set.newest < 16, "generation");
    expect_none_wrong();
}

/* For ever; but a reader that would wait for its end is let go, and has failed. */
static void wind_up_for_ever(void)
{
    static uint64_t calls;

    if (calls++ < 100000)
        wind_up();
}

/* A writer that never stops: the reader gives up with a status. */
static void retries_are_bounded(void **unused)
{
    int64_t ns;

    (void)unused;
    start("fine", 0);
    windups = TC_HANDS + 1;
    when = UINT64_MAX;
    interrupt = wind_up_for_ever;
    expect(tc_getns(&set, TC_CLOCK_UPTIME, &ns) == TC_BUSY && ns == 0, "no TC_BUSY");
    interrupt = NULL;
    cases++;
    expect_none_wrong();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reading_survives_windups),
        cmocka_unit_test(a_reading_survives_a_switch),
        cmocka_unit_test(a_reading_survives_a_setting_and_a_restart),
        cmocka_unit_test(readers_inside_a_windup_do_not_step_back),
        cmocka_unit_test(readers_inside_a_switch_do_not_step_back),
        cmocka_unit_test(the_guard_lets_no_lagging_reader_step_back),
        cmocka_unit_test(no_schedule_makes_a_reader_step_back),
        cmocka_unit_test(the_generation_wraps_without_harm),
        cmocka_unit_test(retries_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
