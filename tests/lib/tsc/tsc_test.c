/* SPDX-License-Identifier: 0BSD */
/*
 * lib/tsc against machines that lie: timers that are not there, stand, go back, come round, run too
 * fast or are paused; CPUID leaves that are empty or absurd; and votes of all kinds.
 */
#include "tests/check.h"
#include <inttypes.h>
#include <string.h>
#include <tsc/port/mock.h>
#include <tsc/tsc.h>

#define HZ  UINT64_C(2596000000)
#define SEC UINT64_C(1000000000)
#define MS  UINT64_C(1000000)

/* ---- The machine -------------------------------------------------------- */

enum behaviour { RUNS, STUCK, ONES, BACKWARDS, ANSWERS_NOT, TREMBLES, STOPS };

static struct {
    uint64_t hz;             /* of the TSC */
    uint64_t ns, stopped_ns; /* the time, and how much of it the timer stood still */
    uint64_t pause_at, pause_ns, pause_every; /* the host's; the timer stands, the TSC does not */
    unsigned pauses;
    bool timer_goes_on; /* in a pause */
    enum { TSC_RUNS, TSC_STANDS, TSC_GOES_BACK, TSC_STEPS } tsc;
    enum behaviour behaviour;
    uint64_t timer_hz, offset, dirt;   /* dirt: bits beyond the mask */
    uint64_t ends_ns;                  /* a timer that counts once runs out then */
    unsigned tsc_reads, back_at;       /* the TSC is set back before this read of it; 0: never */
    unsigned long long reads, relaxed; /* of the timer; and how often a loop paused the CPU */
} machine;

static void pass(uint64_t ns)
{
    machine.ns += ns;
    if (machine.pause_ns != 0 && machine.ns >= machine.pause_at) {
        machine.ns += machine.pause_ns;
        machine.stopped_ns += machine.timer_goes_on ? 0 : machine.pause_ns;
        machine.pause_at = machine.pause_every != 0 ? machine.ns + machine.pause_every : UINT64_MAX;
        machine.pauses++;
    }
}

/* hz * ns / 10^9 for times of less than 18 s. */
static uint64_t count_of(uint64_t hz, uint64_t ns)
{
    return hz / 1000 * ns / 1000000 + hz % 1000 * ns / 1000000000;
}

uint64_t tsc_mock_read(void)
{
    pass(200);
    if (++machine.tsc_reads == machine.back_at)
        machine.ns -= 5000;
    if (machine.tsc == TSC_STANDS)
        return 12345;
    if (machine.tsc == TSC_GOES_BACK)
        return UINT64_MAX - count_of(machine.hz, machine.ns);
    if (machine.tsc == TSC_STEPS)
        return count_of(machine.hz, machine.ns / 10000 * 10000);
    return count_of(machine.hz, machine.ns);
}

void tsc_mock_pause(void)
{
    machine.relaxed++;
}

static bool read_timer(void *context, uint64_t *count)
{
    uint64_t now;

    assert_ptr_equal(context, &machine);
    machine.reads++;
    pass(600);
    now = count_of(machine.timer_hz, machine.ns - machine.stopped_ns);
    switch (machine.behaviour) {
    case STUCK:
        now = 0;
        break;
    case ONES:
        now = UINT64_MAX;
        break;
    case BACKWARDS:
        now = -now;
        break;
    case TREMBLES:
        now = machine.reads / 2 % 2;
        break;
    case STOPS:
        if (machine.ns > machine.ends_ns)
            now = count_of(machine.timer_hz, machine.ends_ns);
        break;
    case RUNS:
    case ANSWERS_NOT:
        break;
    }
    *count = (now + machine.offset) | machine.dirt;
    return machine.behaviour != ANSWERS_NOT &&
           (machine.ends_ns == 0 || machine.behaviour == STOPS || machine.ns < machine.ends_ns);
}

static void begin(void)
{
    memset(&machine, 0, sizeof(machine));
    machine.hz = HZ;
    machine.ns = MS;
}

/* A timer that says `hz`; the machine's runs at that, too. */
static struct tsc_timer timer_of(uint64_t hz, uint64_t mask)
{
    machine.timer_hz = hz;
    return (struct tsc_timer){.read = read_timer, .context = &machine, .mask = mask, .hz = hz};
}

static struct tsc_timer pm_timer(void)
{
    return timer_of(TSC_PM_TIMER_HZ, 0xffffff);
}

static bool is_within_its_error(const struct tsc_source *s)
{
    uint64_t off = s->hz > machine.hz ? s->hz - machine.hz : machine.hz - s->hz;

    return s->status == TSC_OK && off * 1000000 <= s->error_ppm * s->hz;
}

static bool is_right(const struct tsc_source *s)
{
    return is_within_its_error(s) && s->error_ppm < 2500;
}

/* What fills `source` says why there is no frequency, and leaves none there. */
#define REFUSES(call, why)                                                                         \
    do {                                                                                           \
        assert_int_equal(call, why);                                                               \
        assert_true(source.status == (why) && source.hz == 0 && source.error_ppm == 0);            \
    } while (0)

/* ---- Timers ------------------------------------------------------------- */

static void tsc_is_measured_by_every_timer(void **state)
{
    static const struct {
        uint64_t hz, mask;
    } timers[] = {{TSC_PIT_HZ, 0xffff},          {TSC_PM_TIMER_HZ, 0xffffff},
                  {TSC_PM_TIMER_HZ, UINT32_MAX}, {10000000, UINT32_MAX},
                  {14318180, UINT32_MAX},        {100000000, UINT64_MAX},
                  {1000000000, UINT64_MAX},      {24000000, UINT64_MAX}};

    (void)state;
    for (unsigned i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
        for (uint64_t hz = TSC_HZ_MIN; hz <= 17 * HZ / 3; hz += HZ / 3) {
            struct tsc_source source = {.name = "mine"};
            struct tsc_timer timer;

            begin();
            machine.hz = hz;
            timer = timer_of(timers[i].hz, timers[i].mask);
            /* It comes round within the window, and bits beyond the mask are garbage. */
            machine.offset = timers[i].mask - timers[i].hz / 200;
            machine.dirt = UINT64_C(0xab12) << 32 & ~timers[i].mask;
            assert_int_equal(tsc_measure(&timer, timers[i].hz / 100, &source), TSC_OK);
            assert_true(is_right(&source));
            assert_string_equal(source.name, "mine");
        }
    }
}

/* Reads of 0xffff, 0xffffff and 0xffffffff: no device drives the bus. */
static void tsc_absent_timer_is_none(void **state)
{
    static const uint64_t masks[] = {0xffff, 0xffffff, UINT32_MAX, UINT64_MAX};
    struct tsc_source source;
    struct tsc_window window;

    (void)state;
    for (unsigned i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        struct tsc_timer timer;

        begin();
        machine.behaviour = ONES;
        timer = timer_of(TSC_PM_TIMER_HZ, masks[i]);
        source = (struct tsc_source){.hz = 1, .error_ppm = 1, .confirms = true};
        REFUSES(tsc_measure(&timer, 2000, &source), TSC_NONE);
        assert_int_equal(source.status, TSC_NONE);
        assert_true(source.hz == 0 && source.error_ppm == 0 && !source.confirms);
        machine.behaviour = ANSWERS_NOT;
        assert_int_equal(tsc_window_open(&window, &timer), TSC_NONE);
        assert_int_equal(tsc_window_look(&window, &timer), TSC_NONE);
        REFUSES(tsc_window_close(&window, &timer, &source), TSC_NONE);
    }
    /* One that passes all ones at any of its reads is there. */
    struct tsc_timer timer;
    for (unsigned before = 0; before < 30; before++) {
        begin();
        timer = pm_timer();
        machine.offset = 0xffffff - count_of(TSC_PM_TIMER_HZ, machine.ns) - before;
        assert_int_equal(tsc_window_open(&window, &timer), TSC_OK);
    }
    /* Nobody opened this one. */
    memset(&window, 0, sizeof(window));
    assert_int_equal(tsc_window_look(&window, &timer), TSC_NONE);
    REFUSES(tsc_window_close(&window, &timer, &source), TSC_NONE);
}

static void tsc_stuck_timer_is_given_up(void **state)
{
    struct tsc_source source;
    struct tsc_window window;
    struct tsc_timer timer;

    (void)state;
    begin();
    timer = pm_timer();
    machine.behaviour = STUCK;
    REFUSES(tsc_measure(&timer, 35795, &source), TSC_STUCK);
    assert_true(machine.reads < 150000);
    assert_int_equal(source.hz, 0);
    /* It stops on the way. */
    begin();
    timer = pm_timer();
    machine.behaviour = STOPS;
    machine.ends_ns = machine.ns + 3 * MS;
    REFUSES(tsc_measure(&timer, 35795, &source), TSC_STUCK);
    assert_true(machine.reads < 160000);
    /* It moves now and then, and never gets there: the whole wait has a bound. */
    begin();
    timer = pm_timer();
    timer.hz = 1000000;    /* what it says */
    machine.timer_hz = 20; /* and is: a count in 60000 reads */
    REFUSES(tsc_measure(&timer, 100000, &source), TSC_STUCK);
    assert_true(machine.reads < 70000000);
    assert_true(machine.relaxed + 20 > machine.reads); /* all but those of a reading */
    /* Edges that never come. */
    begin();
    timer = timer_of(1, UINT64_MAX);
    timer.edges = true;
    machine.behaviour = STUCK;
    REFUSES(tsc_measure(&timer, 1, &source), TSC_STUCK);
    assert_true(machine.reads < 4300000 && machine.relaxed + 20 > machine.reads);
    /* Slow reads: the bound is one of cycles. */
    begin();
    machine.hz = 20 * SEC;
    machine.behaviour = STUCK;
    machine.pause_at = 0;
    machine.pause_ns = machine.pause_every = MS;
    assert_int_equal(tsc_window_open(&window, &timer), TSC_STUCK);
    assert_true(machine.ns < 3 * SEC);
    /* Too short a window. */
    begin();
    timer = pm_timer();
    assert_int_equal(tsc_window_open(&window, &timer), TSC_OK);
    REFUSES(tsc_window_close(&window, &timer, &source), TSC_STUCK);
    pass(MS);
    assert_int_equal(tsc_window_close(&window, &timer, &source), TSC_OK);
}

static void tsc_timer_that_goes_back_is_refused(void **state)
{
    struct tsc_source source;
    struct tsc_timer timer;

    (void)state;
    for (unsigned behaviour = BACKWARDS; behaviour <= TREMBLES; behaviour += TREMBLES - BACKWARDS) {
        begin();
        timer = pm_timer();
        machine.behaviour = (enum behaviour)behaviour;
        machine.ns = 10 * SEC; /* the TSC itself is no measure of how long a read took */
        REFUSES(tsc_measure(&timer, 35795, &source), TSC_BACKWARDS);
        assert_int_equal(source.hz, 0);
        timer.edges = true;
        REFUSES(tsc_measure(&timer, 2, &source), TSC_BACKWARDS);
    }
    /* A pause of half a round of a narrow timer is no reason to refuse the timer. */
    begin();
    timer = timer_of(TSC_PIT_HZ, 0xffff);
    machine.timer_goes_on = true;
    machine.pause_at = machine.ns + 3 * MS;
    machine.pause_ns = 40 * MS;
    assert_int_equal(tsc_measure(&timer, 11932, &source), TSC_OK);
    assert_true(is_right(&source) && machine.pauses == 1);
}

static void tsc_that_stands_or_goes_back_measures_nothing(void **state)
{
    struct tsc_source source;
    struct tsc_timer timer;

    (void)state;
    for (unsigned edges = 0; edges < 2; edges++) {
        begin();
        timer = edges ? timer_of(1000, UINT64_MAX) : pm_timer();
        timer.edges = edges;
        machine.tsc = TSC_GOES_BACK;
        REFUSES(tsc_measure(&timer, edges ? 4 : 35795, &source), TSC_TSC_STUCK);
        begin();
        machine.timer_hz = timer.hz;
        machine.tsc = TSC_STANDS;
        REFUSES(tsc_measure(&timer, edges ? 4 : 35795, &source), TSC_TSC_STUCK);
        assert_int_equal(source.hz, 0);
    }
    /* It goes back once, within a read of the timer or between two. */
    struct tsc_window window;
    for (unsigned read = 2; read <= 10; read++) {
        begin();
        timer = pm_timer();
        machine.back_at = read;
        assert_int_equal(tsc_window_open(&window, &timer), TSC_TSC_STUCK);
    }
    /* It stands from a reading to the next. */
    begin();
    timer = pm_timer();
    machine.tsc = TSC_STANDS;
    assert_int_equal(tsc_window_open(&window, &timer), TSC_OK);
    pass(20 * MS);
    REFUSES(tsc_window_close(&window, &timer, &source), TSC_TSC_STUCK);
    /* It is set back between the readings, and within the second half. */
    begin();
    timer = pm_timer();
    pass(SEC);
    assert_int_equal(tsc_window_open(&window, &timer), TSC_OK);
    machine.ns -= SEC / 2;
    assert_int_equal(tsc_window_look(&window, &timer), TSC_TSC_STUCK);
    REFUSES(tsc_window_close(&window, &timer, &source), TSC_TSC_STUCK);
    assert_int_equal(tsc_window_open(&window, &timer), TSC_OK);
    pass(20 * MS);
    assert_int_equal(tsc_window_look(&window, &timer), TSC_OK);
    machine.ns -= 10 * MS;
    machine.offset += TSC_PM_TIMER_HZ / 50;
    REFUSES(tsc_window_close(&window, &timer, &source), TSC_TSC_STUCK);
}

/* Reads that find the TSC where it was, as some emulators have it, are no reason to refuse it. */
static void tsc_that_moves_in_steps_is_measured(void **state)
{
    struct tsc_source source;
    struct tsc_timer timer;

    (void)state;
    begin();
    timer = pm_timer();
    machine.tsc = TSC_STEPS;
    assert_int_equal(tsc_measure(&timer, 35795, &source), TSC_OK);
    assert_true(tsc_distance_ppm(source.hz, HZ) < 2000);
}

/* The timer stands in a pause and the TSC does not, or the other way round. */
static void tsc_pause_voids_the_window(void **state)
{
    uint64_t state_of_random = 3;
    unsigned voided = 0;

    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        struct tsc_source source;
        struct tsc_timer timer;

        begin();
        timer = i % 2 ? pm_timer() : timer_of(TSC_PIT_HZ, 0xffff);
        machine.pause_at = machine.ns + next_random(&state_of_random) % (10 * MS);
        machine.pause_ns = MS + next_random(&state_of_random) % (300 * MS);
        assert_int_equal(tsc_measure(&timer, timer.hz / 100, &source), TSC_OK);
        assert_int_equal(machine.pauses, 1);
        assert_true(is_right(&source));
        voided += machine.ns - machine.pause_ns > 12 * MS;
    }
    assert_true(voided > 380);
    /* In every window: no frequency at all. */
    for (unsigned i = 0; i < 20; i++) {
        struct tsc_source source = {.hz = 1};
        struct tsc_timer timer;

        begin();
        timer = pm_timer();
        machine.pause_at = machine.ns + 7 * MS;
        machine.pause_every = 10 * MS;
        machine.pause_ns = (1 + i) * MS;
        REFUSES(tsc_measure(&timer, timer.hz / 100, &source), TSC_PAUSED);
        assert_true(source.hz == 0 && machine.pauses == 5);
    }
    /* So long that the timer came round, whatever the TSC's frequency is. */
    struct tsc_window window;
    struct tsc_source source;
    struct tsc_timer timer;
    begin();
    timer = timer_of(TSC_PIT_HZ, 0xffff);
    assert_int_equal(tsc_window_open(&window, &timer), TSC_OK);
    pass(SEC / 2);
    REFUSES(tsc_window_close(&window, &timer, &source), TSC_PAUSED);
    /* A look before the timer has moved says nothing of the frequency. */
    begin();
    timer = timer_of(10000, UINT64_MAX);
    assert_int_equal(tsc_window_open(&window, &timer), TSC_OK);
    assert_int_equal(tsc_window_look(&window, &timer), TSC_OK);
    pass(200 * MS);
    assert_int_equal(tsc_window_close(&window, &timer, &source), TSC_OK);
    assert_true(is_right(&source));
    figures("400 pauses of 1 to 301 ms, %u of them cost a window", voided);
}

/* The narrowest of a reading's reads counts: an exit to the host within one costs nothing. */
static void tsc_wide_read_costs_no_precision(void **state)
{
    (void)state;
    for (unsigned read = 0; read < 4; read++) {
        struct tsc_source source;
        struct tsc_timer timer;

        begin();
        timer = pm_timer();
        machine.timer_goes_on = true;
        machine.pause_at = machine.ns + 300 + read * 1000;
        machine.pause_ns = 100000;
        assert_int_equal(tsc_measure(&timer, 35795, &source), TSC_OK);
        assert_true(is_right(&source) && machine.pauses == 1);
    }
}

/* A timer that counts once, such as the i8254 in mode 0, has run out. */
static void tsc_timer_that_ran_out_gives_nothing(void **state)
{
    struct tsc_window window;
    struct tsc_source source;
    struct tsc_timer timer;

    (void)state;
    begin();
    timer = timer_of(TSC_PIT_HZ, 0xffff);
    machine.ends_ns = machine.ns + 54 * MS;
    assert_int_equal(tsc_window_open(&window, &timer), TSC_OK);
    pass(12 * MS);
    assert_int_equal(tsc_window_close(&window, &timer, &source), TSC_OK);
    assert_true(is_right(&source));
    pass(60 * MS);
    REFUSES(tsc_window_close(&window, &timer, &source), TSC_RAN_OUT);
    assert_int_equal(source.hz, 0);
}

/* The host pauses the guest at any moment, also at the edges that begin and end a window. */
static void tsc_missed_edge_voids_the_window(void **state)
{
    (void)state;
    for (unsigned quarters = 0; quarters < 24; quarters++) {
        struct tsc_source source;
        struct tsc_timer timer;

        begin();
        timer = timer_of(1000, UINT64_MAX);
        timer.edges = true;
        machine.timer_goes_on = true;
        machine.pause_at = machine.ns + quarters * MS / 4;
        machine.pause_ns = 10 * MS;
        assert_int_equal(tsc_measure(&timer, 4, &source), TSC_OK);
        assert_true(is_right(&source) && machine.pauses <= 1);
    }
    /* The timer stands meanwhile: each half of a window shows it, however short they are. */
    for (unsigned i = 0; i < 24; i++) {
        struct tsc_source source;
        struct tsc_timer timer;

        begin();
        timer = timer_of(1000, UINT64_MAX);
        timer.edges = true;
        machine.pause_at = machine.ns + i * MS / 4;
        machine.pause_ns = 10 * MS;
        assert_int_equal(tsc_measure(&timer, 2 + i % 3, &source), TSC_OK);
        assert_true(is_within_its_error(&source) && machine.pauses <= 1);
    }
}

static void tsc_arguments_are_checked(void **state)
{
    static const uint64_t masks[] = {0, 2, 0xfffe, 0xf0ff, UINT64_MAX - 1, UINT64_C(1) << 63};
    struct tsc_window window;
    struct tsc_source source;
    struct tsc_timer timer;

    (void)state;
    begin();
    for (unsigned i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        timer = timer_of(TSC_PM_TIMER_HZ, masks[i]);
        assert_int_equal(tsc_window_open(&window, &timer), TSC_BAD_VALUE);
        REFUSES(tsc_window_close(&window, &timer, &source), TSC_BAD_VALUE);
        REFUSES(tsc_measure(&timer, 35795, &source), TSC_BAD_VALUE);
    }
    timer = timer_of(0, 0xffffff);
    assert_int_equal(tsc_window_open(&window, &timer), TSC_BAD_VALUE);
    timer = pm_timer();
    REFUSES(tsc_measure(&timer, 999, &source), TSC_BAD_VALUE);
    REFUSES(tsc_measure(&timer, 0x400000, &source), TSC_BAD_VALUE);
    assert_int_equal(machine.reads, 0);
    assert_int_equal(tsc_measure(&timer, 1000, &source), TSC_OK);
    timer.edges = true;
    REFUSES(tsc_measure(&timer, 0, &source), TSC_BAD_VALUE);
    /* HPET periods [IA-PC HPET 1.0a, 2.3.4]. */
    assert_int_equal(tsc_hpet_hz(0), 0);
    assert_int_equal(tsc_hpet_hz(100000001), 0);
    assert_int_equal(tsc_hpet_hz(UINT32_MAX), 0);
    assert_int_equal(tsc_hpet_hz(100000000), 10000000);
    assert_int_equal(tsc_hpet_hz(10000000), 100000000);
    assert_int_equal(tsc_hpet_hz(69841279), 14318180);
    assert_int_equal(tsc_hpet_hz(1), UINT64_C(1000000000000000));
}

static void tsc_every_status_has_a_text(void **state)
{
    (void)state;
    assert_string_equal(tsc_status_text(TSC_OK), "");
    assert_string_equal(tsc_status_text(TSC_NONE), "there is none");
    assert_string_equal(tsc_status_text(TSC_BAD_VALUE), "an argument is out of range");
    assert_string_equal(tsc_status_text(TSC_OUT_OF_RANGE), "outside 100 MHz to 20 GHz");
    assert_string_equal(tsc_status_text((enum tsc_status)(TSC_BAD_VALUE + 1)), "?");
    assert_string_equal(tsc_status_text((enum tsc_status) - 1), "?");
}

/* ---- CPUID -------------------------------------------------------------- */

static struct {
    uint32_t max, max_hypervisor, max_extended;
    uint32_t leaf_1_ecx, power_edx, khz, base_eax;
    struct tsc_cpuid crystal;
} cpu;

static void cpuid(void *context, uint32_t leaf, struct tsc_cpuid *out)
{
    assert_ptr_equal(context, &cpu);
    memset(out, 0, sizeof(*out));
    switch (leaf) {
    case 0:
        out->eax = cpu.max;
        break;
    case 1:
        out->ecx = cpu.leaf_1_ecx;
        break;
    case 0x15:
        *out = cpu.crystal;
        break;
    case 0x16:
        out->eax = cpu.base_eax;
        break;
    case 0x40000000:
        out->eax = cpu.max_hypervisor;
        break;
    case 0x40000010:
        out->eax = cpu.khz;
        break;
    case 0x80000000:
        out->eax = cpu.max_extended;
        break;
    case 0x80000007:
        out->edx = cpu.power_edx;
        break;
    default:
        fail_msg("leaf %#x", leaf);
    }
}

static const struct tsc_ops ops = {cpuid, &cpu};

static void tsc_cpuid_is_believed_where_it_says_something(void **state)
{
    static const struct {
        uint32_t max;
        struct tsc_cpuid leaf; /* divisor, ratio, crystal */
        enum tsc_status status;
        uint64_t hz;
        enum tsc_status vote;
    } crystals[] = {
        {0x14, {2, 200, 24000000, 0}, TSC_NONE, 0, TSC_NONE},
        {0, {2, 200, 24000000, 0}, TSC_NONE, 0, TSC_NONE},
        {0x80000008, {2, 200, 24000000, 0}, TSC_NONE, 0, TSC_NONE}, /* no such range */
        {0x15, {2, 200, 24000000, 0}, TSC_OK, UINT64_C(2400000000), TSC_OK},
        {0x20, {2, 216, 38400000, 0}, TSC_OK, UINT64_C(4147200000), TSC_OK},
        {0x16, {2, 260, 38400000, 0}, TSC_OK, UINT64_C(4992000000), TSC_OK}, /* over 2^32 */
        {0x16, {3, 200, 25000001, 0}, TSC_OK, 1666666733, TSC_OK},
        {0x16, {2, 200, 0, 0}, TSC_NO_CRYSTAL, 0, TSC_NO_CRYSTAL},
        {0x16, {0, 200, 24000000, 0}, TSC_NO_CRYSTAL, 0, TSC_NO_CRYSTAL},
        {0x16, {2, 0, 24000000, 0}, TSC_NO_CRYSTAL, 0, TSC_NO_CRYSTAL},
        {0x16, {0, 0, 0, 0}, TSC_NO_CRYSTAL, 0, TSC_NO_CRYSTAL},
        {0x16,
         {1, UINT32_MAX, UINT32_MAX, 0},
         TSC_OK,
         UINT64_C(18446744065119617025),
         TSC_OUT_OF_RANGE},
        {0x16, {UINT32_MAX, 1, 24000000, 0}, TSC_OK, 0, TSC_OUT_OF_RANGE},
        {0x16, {UINT32_MAX, UINT32_MAX, UINT32_MAX, 0}, TSC_OK, UINT32_MAX, TSC_OK},
        {0x16, {1, 1, 99999999, 0}, TSC_OK, 99999999, TSC_OUT_OF_RANGE},
        {0x16, {1, 1, 100000000, 0}, TSC_OK, 100000000, TSC_OK},
        {0x16, {1, 200, 100000000, 0}, TSC_OK, UINT64_C(20000000000), TSC_OK},
        {0x16, {1, 3, UINT32_MAX, 0}, TSC_OK, UINT64_C(12884901885), TSC_OK},
        {0x16, {1, 5, UINT32_MAX, 0}, TSC_OK, UINT64_C(21474836475), TSC_OUT_OF_RANGE},
    };
    struct tsc_source source;
    struct tsc_choice choice;

    (void)state;
    for (unsigned i = 0; i < sizeof(crystals) / sizeof(crystals[0]); i++) {
        memset(&cpu, 0, sizeof(cpu));
        cpu.max = crystals[i].max;
        cpu.crystal = crystals[i].leaf;
        assert_that(tsc_cpuid_crystal(&ops, &source) == crystals[i].status, "case %u", i);
        assert_that(source.hz == crystals[i].hz, "case %u: %" PRIu64, i, source.hz);
        assert_int_equal(source.error_ppm, source.status == TSC_OK ? 1 : 0);
        (void)tsc_vote(&source, 1, &choice);
        assert_that(source.status == crystals[i].vote, "case %u", i);
    }
}

static void tsc_cpuid_base_and_hypervisor(void **state)
{
    struct tsc_source source;
    struct tsc_choice choice;

    (void)state;
    memset(&cpu, 0, sizeof(cpu));
    cpu.max = 0x15;
    cpu.base_eax = 2600;
    REFUSES(tsc_cpuid_base(&ops, &source), TSC_NONE);
    cpu.max = 0x16;
    assert_int_equal(tsc_cpuid_base(&ops, &source), TSC_OK);
    assert_true(source.hz == UINT64_C(2600000000) && source.error_ppm == 385);
    cpu.base_eax = 0xffff0000;
    REFUSES(tsc_cpuid_base(&ops, &source), TSC_EMPTY);
    cpu.base_eax = 0xabcd1388; /* 5 GHz, reserved bits above */
    assert_int_equal(tsc_cpuid_base(&ops, &source), TSC_OK);
    assert_int_equal(source.hz, UINT64_C(5000000000));
    cpu.base_eax = 0xffff;
    (void)tsc_cpuid_base(&ops, &source);
    assert_int_equal(source.hz, UINT64_C(65535000000));
    assert_int_equal(tsc_vote(&source, 1, &choice), TSC_NONE);

    cpu.khz = 2596148;
    cpu.max_hypervisor = 0x40000010;
    assert_false(tsc_cpuid_guest(&ops));
    REFUSES(tsc_cpuid_hypervisor(&ops, &source), TSC_NONE);
    cpu.leaf_1_ecx = 0x7fffffff;
    REFUSES(tsc_cpuid_hypervisor(&ops, &source), TSC_NONE);
    cpu.leaf_1_ecx = 0x80000000;
    assert_true(tsc_cpuid_guest(&ops));
    assert_int_equal(tsc_cpuid_hypervisor(&ops, &source), TSC_OK);
    assert_true(source.hz == UINT64_C(2596148000) && source.error_ppm == 1);
    cpu.max_hypervisor = 0x4000000f;
    REFUSES(tsc_cpuid_hypervisor(&ops, &source), TSC_NONE);
    cpu.max_hypervisor = UINT32_MAX; /* no hypervisor says this */
    REFUSES(tsc_cpuid_hypervisor(&ops, &source), TSC_NONE);
    cpu.max_hypervisor = 0x40000011;
    cpu.khz = 0;
    REFUSES(tsc_cpuid_hypervisor(&ops, &source), TSC_EMPTY);
    cpu.khz = UINT32_MAX;
    assert_int_equal(tsc_cpuid_hypervisor(&ops, &source), TSC_OK);
    assert_int_equal(source.hz, UINT64_C(4294967295000));
    assert_int_equal(tsc_vote(&source, 1, &choice), TSC_NONE);

    cpu.power_edx = 0x100;
    assert_false(tsc_cpuid_invariant(&ops));
    cpu.max_extended = 0x80000006;
    assert_false(tsc_cpuid_invariant(&ops));
    cpu.max_extended = 0x80000008;
    assert_true(tsc_cpuid_invariant(&ops));
    cpu.power_edx = ~0x100u;
    assert_false(tsc_cpuid_invariant(&ops));
}

/* ---- The vote ----------------------------------------------------------- */

enum { A, B, C, D, MOST };

static struct tsc_source votes[MOST];
static struct tsc_choice choice;

/* The sources' MHz in the order of trust, +- 10 ppm; 0: there is none. */
static enum tsc_status vote(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t mhz[MOST] = {a, b, c, d};

    for (unsigned i = 0; i < MOST; i++) {
        votes[i] = (struct tsc_source){.hz = mhz[i] * 1000000, .error_ppm = 10};
        votes[i].status = mhz[i] != 0 ? TSC_OK : TSC_NONE;
    }
    return tsc_vote(votes, MOST, &choice);
}

static void tsc_vote_follows_those_that_agree(void **state)
{
    (void)state;
    /* Two against one, wherever it is in the order of trust. */
    assert_int_equal(vote(5192, 2596, 2596, 0), TSC_OK);
    assert_true(choice.index == B && choice.hz == HZ && choice.confirmed == 1 &&
                choice.differ == 1);
    assert_true(votes[A].status == TSC_TOO_FAR && !votes[A].confirms && votes[C].confirms);
    assert_int_equal(vote(2596, 5192, 2596, 0), TSC_OK);
    assert_true(choice.index == A && votes[B].status == TSC_TOO_FAR);
    assert_int_equal(vote(2596, 2596, 5192, 0), TSC_OK);
    assert_true(choice.index == A && votes[C].status == TSC_TOO_FAR);
    /* One against one, one twice the other: trust decides, and nothing confirms. */
    assert_int_equal(vote(2596, 1298, 0, 0), TSC_OK);
    assert_true(choice.index == A && choice.confirmed == 0 && choice.differ == 1);
    assert_int_equal(votes[B].status, TSC_TOO_FAR);
    assert_int_equal(vote(1298, 2596, 0, 0), TSC_OK);
    assert_true(choice.index == A && choice.hz == HZ / 2 && choice.confirmed == 0);
    /* Two against two. */
    assert_int_equal(vote(2596, 5192, 5192, 2596), TSC_OK);
    assert_true(choice.index == A && choice.confirmed == 1 && choice.differ == 2);
    /* All disagree. */
    assert_int_equal(vote(2000, 3000, 4000, 5000), TSC_OK);
    assert_true(choice.index == A && choice.confirmed == 0 && choice.differ == 3);
    assert_int_equal(vote(0, 3000, 4000, 5000), TSC_OK);
    assert_true(choice.index == B && choice.differ == 2);
    /* One alone, and none. */
    assert_int_equal(vote(0, 0, 0, 3000), TSC_OK);
    assert_true(choice.index == D && choice.confirmed == 0 && choice.differ == 0 &&
                votes[D].confirms);
    assert_int_equal(vote(0, 0, 0, 0), TSC_NONE);
    assert_true(choice.index == 0 && choice.hz == 0 && choice.confirmed == 0 && choice.differ == 0);
    assert_int_equal(vote(99, 20001, 0, 0), TSC_NONE);
    assert_true(votes[A].status == TSC_OUT_OF_RANGE && votes[B].status == TSC_OUT_OF_RANGE);
    assert_int_equal(tsc_vote(votes, 0, &choice), TSC_NONE);
    /* The middle one is confirmed by both neighbours, which do not confirm each other. */
    assert_int_equal(vote(10000, 10005, 10010, 0), TSC_OK);
    assert_true(choice.index == B && choice.confirmed == 2 && choice.differ == 0);
}

/* 510 ppm are within the errors and a host's slew; 1 % is within the errors of neither. */
static void tsc_vote_knows_its_bounds(void **state)
{
    static const struct {
        uint64_t hz, error_ppm;
        bool confirms;
        enum tsc_status status;
    } seconds[] = {
        {1000510000, 0, true, TSC_OK},
        {1000512000, 0, false, TSC_OK},
        {999490000, 0, true, TSC_OK},
        {999480000, 0, false, TSC_OK},
        {1001510000, 1000, true, TSC_OK},
        {1010010000, 0, false, TSC_OK},
        {1010020000, 0, false, TSC_TOO_FAR},
        {989900000, 0, false, TSC_TOO_FAR},
        {1010020000, 50, false, TSC_OK},
        {UINT64_C(20000000000), TSC_PPM, true, TSC_OK}, /* it says nothing */
        {UINT64_C(20000000000), UINT64_MAX, true, TSC_OK},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        struct tsc_source pair[2] = {{.hz = 1000000000, .error_ppm = 10},
                                     {.hz = seconds[i].hz, .error_ppm = seconds[i].error_ppm}};

        assert_int_equal(tsc_vote(pair, 2, &choice), TSC_OK);
        assert_int_equal(choice.index, 0);
        assert_that(pair[1].confirms == seconds[i].confirms, "case %u", i);
        assert_that(pair[1].status == seconds[i].status, "case %u", i);
        assert_true(choice.confirmed + choice.differ == 1 && choice.differ == !pair[1].confirms);
    }
}

static void tsc_vote_forgets_its_refusals(void **state)
{
    (void)state;
    assert_int_equal(vote(2596, 5192, 5192, 0), TSC_OK);
    assert_true(choice.index == B && votes[A].status == TSC_TOO_FAR);
    (void)tsc_source_hz(&votes[B], HZ, 1);
    (void)tsc_source_hz(&votes[C], HZ, 1);
    assert_int_equal(tsc_vote(votes, MOST, &choice), TSC_OK);
    assert_true(choice.index == A && choice.confirmed == 2 && votes[A].status == TSC_OK);
    /* A status of a source's own stays. */
    votes[B].status = TSC_STUCK;
    votes[B].confirms = true;
    assert_int_equal(tsc_vote(votes, MOST, &choice), TSC_OK);
    assert_true(votes[B].status == TSC_STUCK && !votes[B].confirms && choice.confirmed == 1);
}

static void tsc_sources_keep_their_hz(void **state)
{
    struct tsc_source s;

    (void)state;
    assert_int_equal(tsc_source_hz(&s, HZ + 1, 1), TSC_OK);
    assert_true(s.hz == HZ + 1 && s.error_ppm == 1);
    (void)tsc_source_hz(&s, 1000000000, 2500);
    assert_int_equal(s.error_ppm, 3);
    (void)tsc_source_hz(&s, 0, 1);
    assert_int_equal(tsc_vote(&s, 1, &choice), TSC_NONE);
    (void)tsc_source_hz(&s, UINT64_C(20000000001), 1);
    assert_int_equal(tsc_vote(&s, 1, &choice), TSC_NONE);
    (void)tsc_source_hz(&s, HZ, UINT64_MAX);
    assert_int_equal(s.error_ppm, TSC_PPM);
    (void)tsc_source_hz(&s, UINT64_MAX, UINT64_MAX);
    assert_int_equal(s.error_ppm, TSC_PPM);
    assert_int_equal(tsc_source_khz(&s, 0), TSC_NONE);
    assert_true(s.hz == 0 && s.error_ppm == 0);
    assert_int_equal(tsc_source_khz(&s, 5000001), TSC_OK);
    assert_true(s.hz == UINT64_C(5000001000) && s.error_ppm == 1);
    assert_int_equal(tsc_source_khz(&s, 1), TSC_OK);
    assert_int_equal(s.error_ppm, TSC_PPM);

    s.hz = 1000001000;
    assert_int_equal(tsc_deviation(&s, 1000000000), 1);
    s.hz = 999998000;
    assert_int_equal(tsc_deviation(&s, 1000000000), -2);
    s.hz = UINT64_MAX;
    assert_int_equal(tsc_deviation(&s, 1), TSC_PPM);
    s.hz = 0;
    assert_int_equal(tsc_deviation(&s, UINT64_MAX), -(int64_t)TSC_PPM);
    assert_int_equal(tsc_distance_ppm(UINT64_MAX, UINT64_MAX / 2 + 1), 999999);
}

/* A timer that runs at twice what it should is outvoted by a leaf and another timer. */
static void tsc_fast_timer_is_outvoted(void **state)
{
    struct tsc_timer fast, right;

    (void)state;
    begin();
    memset(votes, 0, sizeof(votes));
    fast = timer_of(TSC_PIT_HZ, 0xffff);
    machine.timer_hz *= 2;
    assert_int_equal(tsc_measure(&fast, 11932, &votes[A]), TSC_OK);
    assert_true(votes[A].hz / 1000000 == 1298 || votes[A].hz / 1000000 == 1297);
    right = pm_timer();
    assert_int_equal(tsc_measure(&right, 35795, &votes[B]), TSC_OK);
    (void)tsc_source_khz(&votes[C], HZ / 1000);
    assert_int_equal(tsc_vote(votes, 3, &choice), TSC_OK);
    assert_true(choice.index == B && choice.confirmed == 1 && choice.differ == 1);
    assert_int_equal(votes[A].status, TSC_TOO_FAR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tsc_is_measured_by_every_timer),
        cmocka_unit_test(tsc_absent_timer_is_none),
        cmocka_unit_test(tsc_stuck_timer_is_given_up),
        cmocka_unit_test(tsc_timer_that_goes_back_is_refused),
        cmocka_unit_test(tsc_that_stands_or_goes_back_measures_nothing),
        cmocka_unit_test(tsc_that_moves_in_steps_is_measured),
        cmocka_unit_test(tsc_pause_voids_the_window),
        cmocka_unit_test(tsc_wide_read_costs_no_precision),
        cmocka_unit_test(tsc_timer_that_ran_out_gives_nothing),
        cmocka_unit_test(tsc_missed_edge_voids_the_window),
        cmocka_unit_test(tsc_arguments_are_checked),
        cmocka_unit_test(tsc_every_status_has_a_text),
        cmocka_unit_test(tsc_cpuid_is_believed_where_it_says_something),
        cmocka_unit_test(tsc_cpuid_base_and_hypervisor),
        cmocka_unit_test(tsc_vote_follows_those_that_agree),
        cmocka_unit_test(tsc_vote_knows_its_bounds),
        cmocka_unit_test(tsc_vote_forgets_its_refusals),
        cmocka_unit_test(tsc_sources_keep_their_hz),
        cmocka_unit_test(tsc_fast_timer_is_outvoted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
