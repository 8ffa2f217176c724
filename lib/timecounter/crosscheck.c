/* SPDX-License-Identifier: 0BSD */
/*
 * Measures two counters against each other; kernel/clock/ compares the counter in use with the
 * others and finds missed wraps.
 */
#include "timecounter/internal.h"

/* How many times a, b and a are read; the tightest bracket counts. */
#define TC_BRACKETS 4

static void tc_read_moment(struct tc_moment *best, const struct timecounter *a,
                           const struct timecounter *b)
{
    for (unsigned int i = 0; i < TC_BRACKETS; i++) {
        uint64_t before = tc_read_counter(a);
        uint64_t between = tc_read_counter(b);
        uint64_t width = (tc_read_counter(a) - before) & a->mask;

        if (i == 0 || width < best->width) {
            best->a = (before + (width >> 1)) & a->mask;
            best->b = between;
            best->width = width;
        }
    }
}

enum tc_status tc_crosscheck_begin(struct tc_crosscheck *check, const struct timecounter *a,
                                   const struct timecounter *b)
{
    if (check == NULL || a == NULL || b == NULL)
        return TC_NULL;
    check->a = a;
    check->b = b;
    tc_read_moment(&check->begin, a, b);
    return TC_OK;
}

static struct tc_u128 tc_wide(uint64_t low)
{
    struct tc_u128 value;

    value.high = 0;
    value.low = low;
    return value;
}

static struct tc_u128 tc_add128(struct tc_u128 x, struct tc_u128 y)
{
    struct tc_u128 sum = {x.high + y.high, x.low + y.low};

    sum.high += sum.low < x.low;
    return sum;
}

static struct tc_u128 tc_negate128(struct tc_u128 x)
{
    struct tc_u128 negated = {~x.high + (x.low == 0), ~x.low + 1};

    return negated;
}

static unsigned int tc_bits_of(uint64_t mask)
{
    unsigned int bits = 0;

    for (; mask != 0; mask >>= 1)
        bits++;
    return bits;
}

/* Converts cycles of the counter of `by` to cycles of one of `hz`, rounded down. */
static struct tc_u128 tc_convert(uint64_t cycles, uint64_t hz, const struct tc_divisor *by)
{
    struct tc_u128 product = tc_multiply(cycles, hz);
    struct tc_u128 converted;
    uint64_t left;

    converted.high = tc_divide(by, 0, product.high, &left);
    converted.low = tc_divide(by, left, product.low, &left);
    return converted;
}

/*
 * Returns the whole wraps of 2^bits that the cycles shown by a lack compared with those expected,
 * to the nearest: (expected - shown + half a wrap) / 2^bits, 0 if that is negative.
 */
static uint64_t tc_missing_wraps(struct tc_u128 expected, uint64_t shown, unsigned int bits)
{
    struct tc_u128 half = tc_wide(UINT64_C(1) << (bits - 1));
    struct tc_u128 missing = tc_add128(tc_add128(expected, half), tc_negate128(tc_wide(shown)));

    if ((missing.high >> 63) != 0)
        return 0;
    if (bits == 64)
        return missing.high;
    return (missing.high << (64 - bits)) | (missing.low >> bits);
}

/* Returns part / whole in ppb, rounded down; saturates. whole is not 0. */
static uint64_t tc_ppb_of(uint64_t part, struct tc_u128 whole)
{
    struct tc_u128 product;

    while (whole.high != 0) {
        whole.low = (whole.low >> 1) | (whole.high << 63);
        whole.high >>= 1;
        part >>= 1;
    }
    product = tc_multiply(part, TC_NSEC);
    if (product.high >= whole.low)
        return UINT64_MAX;
    return tc_divide_slowly(whole.low, product.high, product.low);
}

static int64_t tc_with_sign(uint64_t magnitude, bool negative)
{
    int64_t value = magnitude > INT64_MAX ? INT64_MAX : (int64_t)magnitude;

    return negative ? -value : value;
}

static uint64_t tc_plus_one(uint64_t value)
{
    return value == UINT64_MAX ? value : value + 1;
}

enum tc_status tc_crosscheck_end(const struct tc_crosscheck *check, struct tc_deviation *deviation)
{
    struct tc_moment end;
    struct tc_divisor by_a, by_b;
    struct tc_u128 expected, total, difference;
    uint64_t a_cycles, b_cycles, uncertain, ignored;
    unsigned int bits;
    bool slow;

    if (check == NULL || deviation == NULL || check->a == NULL || check->b == NULL)
        return TC_NULL;
    tc_read_moment(&end, check->a, check->b);
    tc_make_divisor(&by_a, check->a->frequency);
    tc_make_divisor(&by_b, check->b->frequency);
    a_cycles = (end.a - check->begin.a) & check->a->mask;
    b_cycles = (end.b - check->begin.b) & check->b->mask;
    expected = tc_convert(b_cycles, check->a->frequency, &by_b);
    if (expected.high == 0 && expected.low == 0)
        return TC_TOO_SHORT;

    bits = tc_bits_of(check->a->mask);
    deviation->wraps = tc_missing_wraps(expected, a_cycles, bits);
    total = tc_multiply(deviation->wraps, check->a->mask); /* 2^bits = mask + 1, so once more: */
    total = tc_add128(total, tc_wide(deviation->wraps));
    total = tc_add128(total, tc_wide(a_cycles));
    difference = tc_add128(total, tc_negate128(expected));
    slow = (difference.high >> 63) != 0;
    if (slow)
        difference = tc_negate128(difference);

    deviation->elapsed_ns = tc_cycles_to_ns(&by_b, b_cycles);
    deviation->difference_ns = tc_with_sign(tc_cycles_to_ns(&by_a, difference.low), slow);
    deviation->ppb = tc_with_sign(tc_ppb_of(difference.low, expected), slow);

    /*
     * Half of either bracket, rounded up twice; one tick of either counter (two readings, each
     * rounded down, differ by less than one tick either way); one for `expected`.
     */
    uncertain = (check->begin.width >> 1) + (end.width >> 1) + 4;
    uncertain += tc_divide(&by_b, 0, check->a->frequency, &ignored) + 1;
    deviation->uncertainty_ns = tc_plus_one(tc_cycles_to_ns(&by_a, uncertain));
    deviation->uncertainty_ppb = tc_plus_one(tc_ppb_of(uncertain, expected));
    return TC_OK;
}

bool tc_deviates(const struct tc_deviation *deviation, uint32_t allowed_ppm)
{
    uint64_t magnitude, allowed;

    if (deviation == NULL)
        return 0;
    magnitude = deviation->ppb < 0 ? ~(uint64_t)deviation->ppb + 1 : (uint64_t)deviation->ppb;
    allowed = (uint64_t)allowed_ppm * 1000;
    return magnitude > allowed && magnitude - allowed > deviation->uncertainty_ppb;
}

static uint64_t tc_read_uptime_ns(void *set)
{
    int64_t ns = 0;

    (void)tc_getns(set, TC_CLOCK_UPTIME, &ns);
    return (uint64_t)ns;
}

void tc_uptime_counter(struct timecounter *counter, struct timecounters *set)
{
    counter->name = "uptime";
    counter->reason = "made from the clock: only to check it";
    counter->read = tc_read_uptime_ns;
    counter->context = set;
    counter->mask = UINT64_MAX;
    counter->frequency = TC_NSEC;
    counter->quality = TC_QUALITY_DUMMY;
    counter->flags = 0;
}
