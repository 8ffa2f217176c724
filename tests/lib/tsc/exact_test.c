/* SPDX-License-Identifier: 0BSD */
/*
 * lib/tsc is exact: its product and quotient of 128 bits, and the error that it states of a
 * measurement, which the true frequency is never outside of and which is no larger than it must be.
 */
#include "lib/tsc/divide.h"
#include "tests/check.h"
#include <inttypes.h>
#include <tsc/port/mock.h>
#include <tsc/tsc.h>

static uint64_t random_state = 7;

static uint64_t below(uint64_t limit)
{
    return next_random(&random_state) % limit;
}

/* ---- Products and quotients --------------------------------------------- */

struct wide {
    uint64_t hi, lo;
};

/* a * b bit by bit, which needs no multiplication. */
static struct wide product(uint64_t a, uint64_t b)
{
    struct wide sum = {0, 0};

    for (int bit = 63; bit >= 0; bit--) {
        sum.hi = sum.hi << 1 | sum.lo >> 63;
        sum.lo <<= 1;
        if (b >> bit & 1) {
            sum.lo += a;
            sum.hi += sum.lo < a;
        }
    }
    return sum;
}

static void check_scale(uint64_t a, uint64_t b, uint64_t d)
{
    struct wide n = product(a, b), back;
    uint64_t rest = 1, q = tsc_scale_rest(a, b, d, &rest);

    assert_int_equal(tsc_scale(a, b, d), q);
    if (n.hi >= d) { /* the quotient is 2^64 or more, or there is none */
        assert_that(q == UINT64_MAX && rest == 0, "%" PRIu64 " * %" PRIu64 " / %" PRIu64, a, b, d);
        assert_int_equal(tsc_scale_up(a, b, d), UINT64_MAX);
        return;
    }
    back = product(q, d);
    back.lo += rest;
    back.hi += back.lo < rest;
    assert_that(rest < d && back.hi == n.hi && back.lo == n.lo,
                "%" PRIu64 " * %" PRIu64 " / %" PRIu64 " is %" PRIu64 ", rest %" PRIu64, a, b, d, q,
                rest);
    if (rest != 0)
        assert_int_equal(tsc_scale_up(a, b, d), q + 1);
    else
        assert_int_equal(tsc_scale_up(a, b, d), q);
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 u128;
    assert_true(q == (uint64_t)((u128)a * b / d) && rest == (uint64_t)((u128)a * b % d));
#endif
}

static void exact_scale_is_product_and_quotient_of_128_bits(void **state)
{
    static const uint64_t corners[] = {0,
                                       1,
                                       2,
                                       3,
                                       1000000,
                                       UINT32_MAX,
                                       UINT64_C(1) << 32,
                                       (UINT64_C(1) << 32) + 1,
                                       (UINT64_C(1) << 63) - 1,
                                       UINT64_C(1) << 63,
                                       (UINT64_C(1) << 63) + 1,
                                       UINT64_MAX - 1,
                                       UINT64_MAX};
    enum { CORNERS = sizeof(corners) / sizeof(corners[0]) };
    const unsigned long long count = test_count();

    (void)state;
    for (unsigned i = 0; i < CORNERS * CORNERS * CORNERS; i++)
        check_scale(corners[i % CORNERS], corners[i / CORNERS % CORNERS],
                    corners[i / CORNERS / CORNERS]);
    for (unsigned long long i = 0; i < count; i++)
        check_scale(random_length(&random_state), random_length(&random_state),
                    random_length(&random_state));
    assert_int_equal(tsc_add(UINT64_MAX, 1), UINT64_MAX);
    assert_int_equal(tsc_add(UINT64_MAX - 1, 1), UINT64_MAX);
    assert_int_equal(tsc_add(1, 2), 3);
}

/* ---- Measurements ------------------------------------------------------- */

/* The time is the TSC itself; a read of it or of the timer takes a few cycles. */
static struct {
    uint64_t hz, cycles;
    uint64_t timer_hz, phase; /* the timer's */
    uint64_t longest;         /* cycles of an access */
    bool chosen;              /* an access takes these cycles before and after its moment */
    uint64_t before, after;
} machine;

uint64_t tsc_mock_read(void)
{
    machine.cycles += machine.chosen ? 1 : 1 + below(20);
    return machine.cycles;
}

void tsc_mock_pause(void)
{
    machine.cycles += 1;
}

/* The timer is looked at somewhere within the access. */
static bool read_timer(void *context, uint64_t *count)
{
    const struct tsc_timer *timer = context;
    uint64_t rest;

    machine.cycles += machine.chosen ? machine.before : below(machine.longest);
    *count = tsc_scale_rest(machine.cycles + machine.phase, machine.timer_hz, machine.hz, &rest) &
             timer->mask;
    machine.cycles += machine.chosen ? machine.after : below(machine.longest);
    return true;
}

static void begin(struct tsc_timer *timer, uint64_t hz, uint64_t timer_hz, uint64_t mask)
{
    machine.hz = hz;
    machine.cycles = below(hz);
    machine.phase = below(UINT64_C(1000) * hz);
    machine.timer_hz = timer_hz;
    machine.longest = 1 + below(hz / 50000); /* 20 us */
    machine.chosen = false;
    *timer = (struct tsc_timer){.read = read_timer, .mask = mask, .hz = timer_hz};
    timer->context = timer;
}

/* How far the truth is from what was measured, in ppm of it, rounded up. */
static uint64_t off_ppm(const struct tsc_source *source)
{
    uint64_t off = source->hz > machine.hz ? source->hz - machine.hz : machine.hz - source->hz;

    return tsc_scale_up(off, 1000000, source->hz);
}

static void exact_error_covers_the_truth_and_little_more(void **state)
{
    const unsigned long long count = test_count() / 20;
    uint64_t nearest = UINT64_MAX;

    (void)state;
    for (unsigned long long i = 0; i < count; i++) {
        static const uint64_t rates[] = {TSC_PIT_HZ, TSC_PM_TIMER_HZ, 14318180, 100000000};
        struct tsc_window window;
        struct tsc_source source;
        struct tsc_timer timer;
        uint64_t rate = rates[i % 4], counts = 1100 + below(60000), cycles, allowed;

        begin(&timer, TSC_HZ_MIN + below(TSC_HZ_MAX - TSC_HZ_MIN), rate,
              i % 4 == 0 ? 0xffff : 0xffffff);
        if (i % 3 == 0)
            timer.error_ppm = (uint32_t)below(100);
        assert_int_equal(tsc_window_open(&window, &timer), TSC_OK);
        cycles = tsc_scale(counts, machine.hz, rate);
        machine.cycles += cycles / 2;
        if (i % 2 == 0)
            assert_int_equal(tsc_window_look(&window, &timer), TSC_OK);
        machine.cycles += cycles / 2;
        if (tsc_window_close(&window, &timer, &source) != TSC_OK) {
            /* The i8254 came round: too few counts are left, or too many cycles for one round. */
            assert_that(i % 4 == 0 && counts > 60000, "%s", tsc_status_text(source.status));
            continue;
        }
        if (i % 4 == 0 && counts > 60000)
            continue;
        assert_that(off_ppm(&source) + timer.error_ppm <= source.error_ppm,
                    "%" PRIu64 " Hz of %" PRIu64 ", +- %" PRIu64 " ppm", source.hz, machine.hz,
                    source.error_ppm);
        /* Both readings, a count at each end, and what rounding and the second order take. */
        allowed = tsc_scale_up(2 * (machine.longest + 30), 1000000, cycles) +
                  tsc_scale_up(1, 1000000, counts - 1) + timer.error_ppm;
        assert_that(source.error_ppm <= allowed + allowed / 50 + 2,
                    "+- %" PRIu64 " ppm, %" PRIu64 " would do", source.error_ppm, allowed);
        if (source.error_ppm - off_ppm(&source) < nearest)
            nearest = source.error_ppm - off_ppm(&source);
    }
    figures("%llu windows; the truth came within %" PRIu64 " ppm of a bound", count, nearest);
}

/*
 * Lets time pass until the timer's next count has just begun, or is about to, at the moment that
 * the next access has.
 */
static void pass_until(bool begun)
{
    uint64_t rest;

    (void)tsc_scale_rest(machine.cycles + 1 + machine.before + machine.phase, machine.timer_hz,
                         machine.hz, &rest);
    machine.cycles += (machine.hz - rest + machine.timer_hz - 1) / machine.timer_hz - !begun;
}

/* All errors have one sign: that of each reading within its access, and that of each count. */
static void exact_error_covers_the_worst_case(void **state)
{
    const unsigned long long count = test_count() / 50;
    uint64_t nearest = UINT64_MAX;

    (void)state;
    for (unsigned long long i = 0; i < count; i++) {
        uint64_t counts = 1001 + below(2000), width = below(20000);
        bool too_high = i % 2;
        struct tsc_window window;
        struct tsc_source source;
        struct tsc_timer timer;

        begin(&timer, TSC_HZ_MIN + below(TSC_HZ_MAX - TSC_HZ_MIN), TSC_PM_TIMER_HZ, 0xffffff);
        machine.chosen = true;
        machine.before = too_high ? width : 0;
        machine.after = width - machine.before;
        pass_until(too_high);
        assert_int_equal(tsc_window_open(&window, &timer), TSC_OK);
        machine.cycles += tsc_scale(counts, machine.hz, machine.timer_hz);
        machine.before = width - machine.before;
        machine.after = width - machine.before;
        pass_until(!too_high);
        assert_int_equal(tsc_window_close(&window, &timer, &source), TSC_OK);
        assert_true(too_high == (source.hz > machine.hz));
        assert_that(off_ppm(&source) <= source.error_ppm,
                    "%" PRIu64 " Hz of %" PRIu64 ", +- %" PRIu64 " ppm", source.hz, machine.hz,
                    source.error_ppm);
        if (source.error_ppm - off_ppm(&source) < nearest)
            nearest = source.error_ppm - off_ppm(&source);
    }
    assert_true(nearest <= 1);
    figures("%llu windows; the truth came within %" PRIu64 " ppm of a bound", count, nearest);
}

/* Between two edges there are whole counts, so that few counts of a slow timer do. */
static void exact_edges_leave_no_count_open(void **state)
{
    uint64_t worst = 0;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        struct tsc_source source;
        struct tsc_timer timer;

        /* 1000 to 2000 Hz, so that the test does not take seconds of reads. */
        begin(&timer, TSC_HZ_MIN + below(TSC_HZ_MAX - TSC_HZ_MIN), 1000 + below(1000), UINT64_MAX);
        timer.edges = true;
        assert_int_equal(tsc_measure(&timer, 1 + i % 5, &source), TSC_OK);
        assert_true(off_ppm(&source) <= source.error_ppm);
        assert_true(source.error_ppm < 120000);
        if (i % 5 == 4 && source.error_ppm > worst)
            worst = source.error_ppm;
    }
    assert_true(worst < 50000); /* where one count open would be 200000 */
    figures("100 measurements; 5 counts give the TSC within %" PRIu64 " ppm", worst);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_scale_is_product_and_quotient_of_128_bits),
        cmocka_unit_test(exact_error_covers_the_truth_and_little_more),
        cmocka_unit_test(exact_error_covers_the_worst_case),
        cmocka_unit_test(exact_edges_leave_no_count_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
