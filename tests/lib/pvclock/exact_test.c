/* SPDX-License-Identifier: 0BSD */
/*
 * The arithmetic against an oracle: 128-bit integers where the compiler has them, and everywhere a
 * digest of the same stream of results, which the suite compares between 64 and 32 bits.
 */
#include "tests/check.h"

#include <string.h>

#ifdef TEST_SINGLE_HEADER
#include TEST_SINGLE_HEADER
#else
#include <pvclock/guard.h>
#include <pvclock/read.h>
#endif

struct pvclock_mock pvclock_mock;

static uint64_t digest;

static void add_to_digest(uint64_t value)
{
    digest = (digest ^ value) * UINT64_C(0x100000001b3);
    digest ^= digest >> 29;
}

/* What every reader must say of this page at this TSC. */
struct truth {
    enum pvclock_status status;
    uint64_t ns;
};

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 u128;

static struct truth oracle(const struct pvclock_vcpu_time_info *page, uint64_t tsc)
{
    struct truth truth = {PVCLOCK_OK, PVCLOCK_NO_TIME};
    u128 delta = tsc - page->tsc_timestamp;
    int shift = page->tsc_shift;
    u128 ns;

    if (page->version == 0 && page->tsc_to_system_mul == 0) {
        truth.status = PVCLOCK_NOT_READY;
        return truth;
    }
    if (page->tsc_to_system_mul == 0 || shift < -31 || shift > 31) {
        truth.status = PVCLOCK_BAD_SCALE;
        return truth;
    }
    if (delta > (u128)1 << 63) {
        truth.status = PVCLOCK_CLAMPED;
        truth.ns = page->system_time;
        return truth;
    }
    delta = shift < 0 ? delta >> -shift : delta << shift;
    ns = (delta * page->tsc_to_system_mul >> 32) + page->system_time;
    if (ns >> 64 != 0)
        truth.status = PVCLOCK_OVERFLOW;
    else
        truth.ns = (uint64_t)ns;
    return truth;
}
#endif

/* Every reader of one page at one TSC: they must agree with each other and with the oracle. */
static void check_page(struct pvclock_vcpu_time_info *page, uint64_t tsc)
{
    const struct pvclock_vcpus vcpus = {page, sizeof(*page), 1, 0xfff};
    struct pvclock_sample sample;
    enum pvclock_status status = pvclock_sample_at(page, tsc, &sample);
    uint64_t ns = 1;
    uint32_t hint = 0;
    struct pvclock_time time;

    add_to_digest(sample.ns);
    add_to_digest((uint64_t)status);
#ifdef __SIZEOF_INT128__
    struct truth truth = oracle(page, tsc);
    if (status != truth.status || sample.ns != truth.ns) {
        printf("# version %u timestamp %llu system %llu mul %u shift %d tsc %llu: "
               "%s %llu, not %s %llu\n",
               page->version, (unsigned long long)page->tsc_timestamp,
               (unsigned long long)page->system_time, page->tsc_to_system_mul, page->tsc_shift,
               (unsigned long long)tsc, pvclock_status_name(status), (unsigned long long)sample.ns,
               pvclock_status_name(truth.status), (unsigned long long)truth.ns);
        assert_true(0);
    }
#endif
    assert_int_equal(sample.version, page->version);
    assert_int_equal(sample.flags, pvclock_has_time(status) ? page->flags : 0);

    pvclock_mock.tsc = tsc;
    assert_int_equal(pvclock_ns(page, PVCLOCK_LFENCE, &ns), status);
    assert_int_equal(ns, sample.ns);
    assert_int_equal(pvclock_vcpu_ns(&vcpus, &hint, &ns), status);
    assert_int_equal(ns, sample.ns);
    time = pvclock_time_now(page, PVCLOCK_RDTSCP, 0);
    assert_int_equal(time.status, status);
    if (pvclock_has_time(status)) {
        assert_int_equal(time.sec, sample.ns / 1000000000);
        assert_int_equal(time.nsec, sample.ns % 1000000000);
    } else {
        assert_int_equal(time.sec, UINT64_MAX);
        assert_int_equal(time.nsec, 0);
    }
}

static struct pvclock_vcpu_time_info page_of(uint64_t system_time, uint32_t mul, int shift)
{
    struct pvclock_vcpu_time_info page;

    memset(&page, 0, sizeof(page));
    page.version = 2;
    page.system_time = system_time;
    page.tsc_to_system_mul = mul;
    page.tsc_shift = (int8_t)shift;
    return page;
}

static void scale_is_exact_at_all_corners(void **state)
{
    static const uint64_t deltas[] = {0,
                                      1,
                                      2,
                                      UINT32_MAX - 1,
                                      UINT32_MAX,
                                      UINT64_C(1) << 32,
                                      (UINT64_C(1) << 32) + 1,
                                      UINT64_C(9) << 32,
                                      UINT64_C(999999999),
                                      UINT64_C(1000000000),
                                      (UINT64_C(1) << 62) - 1,
                                      UINT64_C(1) << 62,
                                      (UINT64_C(1) << 63) - 1,
                                      UINT64_C(1) << 63,
                                      (UINT64_C(1) << 63) + 1,
                                      UINT64_MAX};
    static const uint32_t muls[] = {0,          1,          2,          3,          0x7fffffff,
                                    0x80000000, 0x80000001, 0xfffffffe, 0xffffffff, 0xdeadbeef};
    static const uint64_t times[] = {
        0, 1, 86400000000000, UINT64_C(1) << 63, UINT64_MAX - 1, UINT64_MAX};
    static const uint64_t stamps[] = {0, 1, UINT64_C(1) << 63, UINT64_MAX};
    unsigned long cases = 0;

    (void)state;
    for (int shift = -128; shift < 128; shift++)
        for (size_t d = 0; d < sizeof(deltas) / sizeof(deltas[0]); d++)
            for (size_t m = 0; m < sizeof(muls) / sizeof(muls[0]); m++)
                for (size_t t = 0; t < sizeof(times) / sizeof(times[0]); t++)
                    for (size_t s = 0; s < sizeof(stamps) / sizeof(stamps[0]); s++) {
                        struct pvclock_vcpu_time_info page = page_of(times[t], muls[m], shift);

                        page.tsc_timestamp = stamps[s];
                        check_page(&page, stamps[s] + deltas[d]);
                        cases++;
                    }
    figures("%lu pages, every shift", cases);
}

static void scale_is_exact_at_random(void **state)
{
    unsigned long long count = test_count();
    uint64_t seed = 1;

    (void)state;
    for (unsigned long long i = 0; i < count; i++) {
        uint64_t r = next_random(&seed);
        struct pvclock_vcpu_time_info page =
            page_of(random_length(&seed), (uint32_t)r | (uint32_t)(r >> 8 & 1) << 31,
                    (int)(r >> 32 & 63) - 31);

        /* Half of them with a scale that a host gives, so that few overflow. */
        if ((r >> 40 & 1) != 0) {
            page.tsc_shift = (int8_t)(-(int)(r >> 32 & 7));
            page.system_time >>= 1;
        }
        page.tsc_timestamp = next_random(&seed);
        check_page(&page, page.tsc_timestamp + random_length(&seed));
    }
    figures("%llu random pages, 4 readers each, digest %016llx", count, (unsigned long long)digest);
}

static void any_32_bytes_have_a_status(void **state)
{
    unsigned long long count = test_count() / 10;
    unsigned long long seen[PVCLOCK_BAD_VALUE + 1] = {0};
    uint64_t seed = 2;

    (void)state;
    for (unsigned long long i = 0; i < count; i++) {
        struct pvclock_vcpu_time_info page;
        struct pvclock_sample sample;
        uint64_t words[4];

        for (int w = 0; w < 4; w++)
            words[w] = next_random(&seed);
        memcpy(&page, words, sizeof(page));
        page.version &= ~UINT32_C(1); /* odd ones: protocol_test.c */
        if (i % 4 == 0)
            page.version = 0;
        if (i % 8 == 0)
            page.tsc_to_system_mul = 0;
        check_page(&page, next_random(&seed));
        seen[pvclock_sample_at(&page, next_random(&seed), &sample)]++;
    }
    for (int s = PVCLOCK_OK; s <= PVCLOCK_OVERFLOW; s++)
        if (s != PVCLOCK_BUSY)
            assert_true(seen[s] != 0);
    figures("%llu pages: ok %llu, clamped %llu, not ready %llu, bad scale %llu, overflow %llu",
            count, seen[PVCLOCK_OK], seen[PVCLOCK_CLAMPED], seen[PVCLOCK_NOT_READY],
            seen[PVCLOCK_BAD_SCALE], seen[PVCLOCK_OVERFLOW]);
}

static void timespec_is_the_division(void **state)
{
    unsigned long long count = test_count() / 4;
    uint64_t seed = 3;

    (void)state;
    for (unsigned long long i = 0; i < count; i++) {
        uint64_t ns = next_random(&seed) >> (next_random(&seed) & 63);
        uint64_t base = next_random(&seed) >> 2;
        struct pvclock_vcpu_time_info page;
        struct pvclock_timespec spec = {-1, -1};
        struct pvclock_time time;

        if (i % 4 == 0) /* at a second's edge */
            ns = ns / 1000000000 * 1000000000 - (i / 4 % 2);
        time = pvclock_time_from_ns(ns);
        if (time.sec != ns / 1000000000 || time.nsec != ns % 1000000000)
            assert_int_equal(ns, 0);

        /* The reader: what the page gives split over system time, delta and base. */
        page = page_of(ns >> 2, (uint32_t)next_random(&seed) | 0x80000000, -(int)(i % 5));
        pvclock_mock.tsc = random_length(&seed) >> 1;
        time = pvclock_time_now(&page, PVCLOCK_LFENCE, base);
        assert_int_equal(pvclock_ns(&page, PVCLOCK_LFENCE, &ns), PVCLOCK_OK);
        assert_int_equal(time.status, PVCLOCK_OK);
        if (time.sec != (ns + base) / 1000000000 || time.nsec != (ns + base) % 1000000000)
            assert_int_equal(ns + base, 0);
        assert_int_equal(pvclock_timespec_now(&page, PVCLOCK_LFENCE, base, &spec), PVCLOCK_OK);
        assert_int_equal(spec.tv_sec, (int64_t)time.sec);
        assert_int_equal(spec.tv_nsec, (int64_t)time.nsec);
    }
    figures("%llu times, twice each", count);
}

static uint64_t ns_of(struct pvclock_time time)
{
    return time.sec * 1000000000 + time.nsec;
}

/*
 * Whatever second is the hint, and wherever the page, the base and the TSC are, the time is that
 * of the reader without a hint; and what is kept is a second.
 */
static void any_second_is_a_hint(void **state)
{
    const uint64_t last = UINT64_C(18446744073) - 1; /* the last whole one in 64 bits of ns */
    unsigned long long count = test_count() / 4, by[PVCLOCK_BAD_VALUE + 1] = {0}, kept = 0;
    struct pvclock_second second = {0, 0};
    uint64_t seed = 5;

    (void)state;
    for (unsigned long long i = 0; i < count; i++) {
        uint64_t r = next_random(&seed), base = random_length(&seed);
        struct pvclock_vcpu_time_info page =
            page_of(random_length(&seed), (uint32_t)(r >> 32) | 0x80000000, -(int)(r % 5));
        struct pvclock_timespec spec = {-1, -1};
        struct pvclock_time want, time;

        pvclock_mock.tsc = random_length(&seed) >> (r >> 8 & 1);
        want = pvclock_time_now(&page, PVCLOCK_LFENCE, base);
        if (pvclock_has_time((enum pvclock_status)want.status) && (r >> 9 & 1) != 0) {
            /* Move the time to a second's edge, on either side. */
            base += (r >> 10 & 1) - (uint64_t)want.nsec;
            base += (r >> 11 & 1) != 0 ? 999999999 : 0;
            want = pvclock_time_now(&page, PVCLOCK_LFENCE, base);
        }
        if ((r >> 12 & 3) != 0) {
            /* Its second, one before or behind; else any, or that of the reading before. */
            uint64_t sec = (r >> 12 & 3) == 1 ? next_random(&seed) : want.sec + (r >> 14 & 3) - 1;

            second.sec = sec > last ? (r >> 16 & 1) != 0 ? last : 0 : sec;
            second.ns = second.sec * 1000000000;
        }
        kept += second.sec == want.sec;
        time = pvclock_time_near(&page, PVCLOCK_LFENCE, base, &second);
        if (time.sec != want.sec || time.nsec != want.nsec || time.status != want.status)
            assert_int_equal(ns_of(time), ns_of(want));
        assert_true(second.ns == second.sec * 1000000000 && second.sec <= last);
        if (pvclock_has_time((enum pvclock_status)want.status) && want.sec <= last)
            assert_int_equal(second.sec, want.sec);
        assert_int_equal(pvclock_timespec_near(&page, PVCLOCK_LFENCE, base, &second, &spec),
                         want.status);
        if (pvclock_has_time((enum pvclock_status)want.status))
            assert_true((uint64_t)spec.tv_sec == want.sec && (uint64_t)spec.tv_nsec == want.nsec);
        else
            assert_true(spec.tv_sec == -1 && spec.tv_nsec == -1);
        by[want.status]++;
    }
    assert_true(by[PVCLOCK_OK] != 0 && by[PVCLOCK_OVERFLOW] != 0 && kept > count / 8);
    /* The last second of 64 bits is not whole: it is read, and is no hint for the first one. */
    struct pvclock_vcpu_time_info page = page_of(100000000, 1, -31);
    struct pvclock_time time;
    pvclock_mock.tsc = 0;
    time = pvclock_time_near(&page, PVCLOCK_LFENCE, UINT64_MAX - 100000000, &second);
    assert_true(time.sec == last + 1 && time.nsec == 709551615);
    time = pvclock_time_near(&page, PVCLOCK_LFENCE, 0, &second);
    assert_true(time.sec == 0 && time.nsec == 100000000 && second.sec == 0);
    figures("%llu times, %llu of them in the hint's second; %llu overflow", count, kept,
            by[PVCLOCK_OVERFLOW]);
}

static void deadline_is_the_first_tsc(void **state)
{
    unsigned long long count = test_count() / 20, over = 0;
    uint64_t seed = 4;

    (void)state;
    for (unsigned long long i = 0; i < count; i++) {
        uint64_t r = next_random(&seed);
        struct pvclock_snapshot snapshot = {
            next_random(&seed),      random_length(&seed) >> 1,    2,
            (uint32_t)(r >> 32) | 1, (int8_t)((int)(r % 63) - 31), 0};
        uint64_t want = snapshot.system_time + random_length(&seed);
        uint64_t tsc, ns;
        enum pvclock_status status;

        if (i % 2 == 0) { /* a scale that a host gives */
            snapshot.mul |= 0x80000000;
            snapshot.shift = (int8_t)(1 - (int)(r & 3));
        }
        status = pvclock_deadline(&snapshot, want, &tsc);
        add_to_digest(tsc);
        if (status == PVCLOCK_OVERFLOW) {
            /* Then even the last delta comes before it, or does not fit itself. */
            status =
                pvclock_extrapolate(&snapshot, snapshot.tsc_timestamp + PVCLOCK_DELTA_MAX, &ns);
            assert_true(status == PVCLOCK_OK && ns < want);
            assert_int_equal(tsc, UINT64_MAX);
            over++;
            continue;
        }
        assert_int_equal(status, PVCLOCK_OK);
        status = pvclock_extrapolate(&snapshot, tsc, &ns);
        assert_true((status == PVCLOCK_OK && ns >= want) || status == PVCLOCK_OVERFLOW);
        if (tsc != snapshot.tsc_timestamp) {
            assert_int_equal(pvclock_extrapolate(&snapshot, tsc - 1, &ns), PVCLOCK_OK);
            assert_true(ns < want);
        } else {
            assert_int_equal(want, snapshot.system_time);
        }
    }
    assert_true(over != 0 && over < count / 2);

    struct pvclock_snapshot snapshot = {1000, 5000, 2, 0x80000000, 1, 0};
    uint64_t tsc;
    assert_int_equal(pvclock_deadline(&snapshot, 4999, &tsc), PVCLOCK_CLAMPED);
    assert_int_equal(tsc, 1000);
    assert_int_equal(pvclock_deadline(&snapshot, 5001, &tsc), PVCLOCK_OK);
    assert_int_equal(tsc, 1001);
    for (int shift = -128; shift < 128; shift++) {
        snapshot.shift = (int8_t)shift;
        assert_int_equal(pvclock_deadline(&snapshot, 5000, &tsc),
                         shift < -31 || shift > 31 ? PVCLOCK_BAD_SCALE : PVCLOCK_OK);
        assert_int_equal(tsc, shift < -31 || shift > 31 ? UINT64_MAX : 1000);
    }
    snapshot.shift = 0;
    snapshot.mul = 0;
    assert_int_equal(pvclock_deadline(&snapshot, 5001, &tsc), PVCLOCK_BAD_SCALE);
    figures("%llu deadlines, %llu beyond 2^63 cycles", count, over);
}

static void frequency_is_hz(void **state)
{
    unsigned long long cases = 0;
    double worst = 0;

    (void)state;
    /* 0.1 to 10 GHz, past every change of shift, and the ends of what there is. */
    for (uint64_t hz = 100000000; hz <= UINT64_C(10000000000); hz += 99991 + hz / 7919) {
        struct pvclock_frequency frequency;
        uint32_t mul;
        int8_t shift;
        uint64_t error;

        assert_int_equal(pvclock_scale_from_hz(hz, &mul, &shift), PVCLOCK_OK);
        assert_true(mul >= 0x80000000);
        assert_int_equal(pvclock_frequency_of(mul, shift, &frequency), PVCLOCK_OK);
        error = frequency.hz > hz ? frequency.hz - hz : hz - frequency.hz;
        assert_true(error <= frequency.error_hz);
        assert_true(frequency.error_hz <= 20);
        if ((double)error / (double)hz > worst)
            worst = (double)error / (double)hz;
        add_to_digest((uint64_t)mul << 8 | (uint8_t)shift);
        add_to_digest(frequency.hz);
        cases++;
    }
    assert_true(worst < 2e-9);

    struct pvclock_frequency frequency;
    uint32_t mul;
    int8_t shift;
    /* By hand: a power of two exactly, both sides of a change of shift, 2.3 GHz. */
    assert_int_equal(pvclock_scale_from_hz(2000000000, &mul, &shift), PVCLOCK_OK);
    assert_true(mul == 0x80000000 && shift == 0);
    assert_int_equal(pvclock_scale_from_hz(1000000000, &mul, &shift), PVCLOCK_OK);
    assert_true(mul == 0x80000000 && shift == 1);
    assert_int_equal(pvclock_scale_from_hz(2300000000, &mul, &shift), PVCLOCK_OK);
    assert_true(mul == 3734754170 && shift == -1); /* 10^9 * 2^32 / (2.3 * 10^9 / 2) */
    assert_int_equal(pvclock_scale_from_hz(1, &mul, &shift), PVCLOCK_OK);
    assert_true(shift == 30);
    assert_int_equal(pvclock_frequency_of(3000000000, 31, &frequency), PVCLOCK_OK);
    assert_int_equal(frequency.hz, 1); /* 2/3, to the nearest */
    assert_int_equal(pvclock_scale_from_hz(0, &mul, &shift), PVCLOCK_BAD_VALUE);
    assert_int_equal(pvclock_scale_from_hz(UINT64_C(4000000000000000000), &mul, &shift),
                     PVCLOCK_OK);
    assert_true(shift >= -31);
    assert_int_equal(pvclock_scale_from_hz(UINT64_C(4000000000000000001), &mul, &shift),
                     PVCLOCK_BAD_VALUE);
    assert_int_equal(pvclock_scale_from_hz(UINT64_MAX, &mul, &shift), PVCLOCK_BAD_VALUE);
    assert_true(mul == 0 && shift == 0);

    /* Just above 2^n * 10^9 halving goes too far, and most bits are lost. */
    for (int n = 0; n < 30; n++) {
        uint64_t hz = (UINT64_C(2000000001) << n) + (UINT64_C(1) << n) - 1;

        assert_int_equal(pvclock_scale_from_hz(hz, &mul, &shift), PVCLOCK_OK);
        assert_int_equal(mul, 0x80000000);
        assert_int_equal(pvclock_frequency_of(mul, shift, &frequency), PVCLOCK_OK);
        assert_true(hz - frequency.hz <= frequency.error_hz);
    }

    /* Every shift, the ends of the multiplier: a status and nothing undefined. */
    for (int s = -128; s < 128; s++) {
        static const uint32_t muls[] = {0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff};

        for (size_t m = 0; m < sizeof(muls) / sizeof(muls[0]); m++) {
            enum pvclock_status status = pvclock_frequency_of(muls[m], (int8_t)s, &frequency);

            add_to_digest(frequency.hz);
            if (muls[m] == 0 || s < -31 || s > 31) {
                assert_int_equal(status, PVCLOCK_BAD_SCALE);
                continue;
            }
#ifdef __SIZEOF_INT128__
            u128 rounded = ((((u128)1000000000 << (32 - s)) * 2) / muls[m] + 1) / 2;
            assert_int_equal(status, rounded >> 64 != 0 ? PVCLOCK_OVERFLOW : PVCLOCK_OK);
            if (status == PVCLOCK_OK) {
                /* What rounding mul down hides, and the bits that a shift drops: see pvclock.c. */
                uint64_t dropped = muls[m] == 0x80000000 ? 2 : 1;

                assert_int_equal(frequency.hz, (uint64_t)rounded);
                assert_int_equal(frequency.error_hz,
                                 frequency.hz / muls[m] + (dropped << (s < 0 ? -s : 0)));
            }
#endif
        }
    }
    figures("%llu frequencies, worst error %.2g", cases, worst);
}

/* Last of all: the suite compares it between 64 and 32 bits. */
static void digest_of_everything(void **state)
{
    (void)state;
    assert_true(digest != 0);
    figures("%016llx", (unsigned long long)digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scale_is_exact_at_all_corners),
        cmocka_unit_test(scale_is_exact_at_random),
        cmocka_unit_test(any_32_bytes_have_a_status),
        cmocka_unit_test(timespec_is_the_division),
        cmocka_unit_test(any_second_is_a_hint),
        cmocka_unit_test(deadline_is_the_first_tsc),
        cmocka_unit_test(frequency_is_hz),
        cmocka_unit_test(digest_of_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
