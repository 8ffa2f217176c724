/* SPDX-License-Identifier: 0BSD */
/*
 * Measures two counters against each other; kernel/clock/ compares the counter in use with the
 * others and finds missed wraps.
 */
#include "timecounter/internal.h"

/* How many times a, b and a are read; the tightest bracket counts. */
#define BRACKETS 4

static void read_moment(struct tc_moment *best, const struct timecounter *a,
                        const struct timecounter *b)
{
    for (unsigned int i = 0; i < BRACKETS; i++) {
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
    read_moment(&check->begin, a, b);
    return TC_OK;
}

static struct tc_u128 wide(uint64_t lo)
{
    struct tc_u128 value;

    value.hi = 0;
    value.lo = lo;
    return value;
}

static struct tc_u128 add128(struct tc_u128 x, struct tc_u128 y)
{
    struct tc_u128 sum = {x.hi + y.hi, x.lo + y.lo};

    sum.hi += sum.lo < x.lo;
    return sum;
}

static struct tc_u128 negate128(struct tc_u128 x)
{
    struct tc_u128 negated = {~x.hi + (x.lo == 0), ~x.lo + 1};

    return negated;
}

static unsigned int bits_of(uint64_t mask)
{
    unsigned int bits = 0;

    for (; mask != 0; mask >>= 1)
        bits++;
    return bits;
}

/* Converts cycles of the counter of `by` to cycles of one of `hz`, rounded down. */
static struct tc_u128 convert(uint64_t cycles, uint64_t hz, const struct tc_divisor *by)
{
    struct tc_u128 product = tc_multiply(cycles, hz);
    struct tc_u128 converted;
    uint64_t left;

    converted.hi = tc_divide(by, 0, product.hi, &left);
    converted.lo = tc_divide(by, left, product.lo, &left);
    return converted;
}

/*
 * Returns the whole wraps of 2^bits that the cycles shown by a lack compared with those expected,
 * to the nearest: (expected - shown + half a wrap) / 2^bits, 0 if that is negative.
 */
static uint64_t missing_wraps(struct tc_u128 expected, uint64_t shown, unsigned int bits)
{
    struct tc_u128 half = wide(UINT64_C(1) << (bits - 1));
    struct tc_u128 missing = add128(add128(expected, half), negate128(wide(shown)));

    if ((missing.hi >> 63) != 0)
        return 0;
    if (bits == 64)
        return missing.hi;
    return (missing.hi << (64 - bits)) | (missing.lo >> bits);
}

/* Returns part / whole in ppb, rounded down; saturates. whole is not 0. */
static uint64_t ppb_of(uint64_t part, struct tc_u128 whole)
{
    struct tc_u128 product;

    while (whole.hi != 0) {
        whole.lo = (whole.lo >> 1) | (whole.hi << 63);
        whole.hi >>= 1;
        part >>= 1;
    }
    product = tc_multiply(part, TC_NSEC);
    if (product.hi >= whole.lo)
        return UINT64_MAX;
    return tc_divide_slowly(whole.lo, product.hi, product.lo);
}

static int64_t with_sign(uint64_t magnitude, bool negative)
{
    int64_t value = magnitude > INT64_MAX ? INT64_MAX : (int64_t)magnitude;

    return negative ? -value : value;
}

static uint64_t plus_one(uint64_t value)
{
    return value == UINT64_MAX ? value : value + 1;
}

enum tc_status tc_crosscheck_end(const struct tc_crosscheck *check, struct tc_deviation *deviation)
{
    struct tc_moment end;
    struct tc_divisor by_a, by_b;
    struct tc_u128 expected, total, difference;
    uint64_t a_cycles, b_cycles, uncertain, unused;
    unsigned int bits;
    bool slow;

    if (check == NULL || deviation == NULL || check->a == NULL || check->b == NULL)
        return TC_NULL;
    read_moment(&end, check->a, check->b);
    tc_make_divisor(&by_a, check->a->frequency);
    tc_make_divisor(&by_b, check->b->frequency);
    a_cycles = (end.a - check->begin.a) & check->a->mask;
    b_cycles = (end.b - check->begin.b) & check->b->mask;
    expected = convert(b_cycles, check->a->frequency, &by_b);
    if (expected.hi == 0 && expected.lo == 0)
        return TC_TOO_SHORT;

    bits = bits_of(check->a->mask);
    deviation->wraps = missing_wraps(expected, a_cycles, bits);
    total = tc_multiply(deviation->wraps, check->a->mask); /* 2^bits = mask + 1, so once more: */
    total = add128(total, wide(deviation->wraps));
    total = add128(total, wide(a_cycles));
    difference = add128(total, negate128(expected));
    slow = (difference.hi >> 63) != 0;
    if (slow)
        difference = negate128(difference);

    deviation->elapsed_ns = tc_cycles_to_ns(&by_b, b_cycles);
    deviation->difference_ns = with_sign(tc_cycles_to_ns(&by_a, difference.lo), slow);
    deviation->ppb = with_sign(ppb_of(difference.lo, expected), slow);

    /*
     * Half of either bracket, rounded up twice; one tick of either counter (two readings, each
     * rounded down, differ by less than one tick either way); one for `expected`.
     */
    uncertain = (check->begin.width >> 1) + (end.width >> 1) + 4;
    uncertain += tc_divide(&by_b, 0, check->a->frequency, &unused) + 1;
    deviation->uncertainty_ns = plus_one(tc_cycles_to_ns(&by_a, uncertain));
    deviation->uncertainty_ppb = plus_one(ppb_of(uncertain, expected));
    return TC_OK;
}

bool tc_deviates(const struct tc_deviation *deviation, uint32_t allowed_ppm)
{
    uint64_t magnitude, allowed;

    if (deviation == NULL)
        return false;
    magnitude = deviation->ppb < 0 ? ~(uint64_t)deviation->ppb + 1 : (uint64_t)deviation->ppb;
    allowed = (uint64_t)allowed_ppm * 1000;
    return magnitude > allowed && magnitude - allowed > deviation->uncertainty_ppb;
}

static uint64_t read_uptime_ns(void *set)
{
    int64_t ns;

    (void)tc_getns(set, TC_CLOCK_UPTIME, &ns);
    return (uint64_t)ns;
}

void tc_uptime_counter(struct timecounter *counter, struct timecounters *set)
{
    counter->name = "uptime";
    counter->reason = "made from the clock: only to check it";
    counter->read = read_uptime_ns;
    counter->context = set;
    counter->mask = UINT64_MAX;
    counter->frequency = TC_NSEC;
    counter->quality = TC_QUALITY_DUMMY;
    counter->flags = 0;
}
