/* SPDX-License-Identifier: 0BSD */
/*
 * The version protocol, step by step: the mock port calls a script before each step of a reader, so
 * the host writes exactly where a test wants it to.
 */
#define PVCLOCK_MOCK_HAS_VCPU_WORD

#include "tests/check.h"

#include <string.h>

#ifdef TEST_SINGLE_HEADER
#include TEST_SINGLE_HEADER
#else
#include <pvclock/guard.h>
#include <pvclock/host.h>
#include <pvclock/read.h>
#endif

struct pvclock_mock pvclock_mock;

static struct pvclock_vcpu_time_info pages[2];

static const uint32_t mul_1ghz = 0x80000000; /* with shift 1: a cycle is a nanosecond */

static void fresh(void)
{
    memset(&pvclock_mock, 0, sizeof(pvclock_mock));
    memset(pages, 0, sizeof(pages));
    for (int i = 0; i < 2; i++) {
        pages[i].version = 2;
        pages[i].system_time = 1000;
        pages[i].tsc_timestamp = 500;
        pages[i].tsc_to_system_mul = mul_1ghz;
        pages[i].tsc_shift = 0;
        pages[i].flags = PVCLOCK_FLAG_TSC_STABLE;
    }
    pvclock_mock.tsc = 500 + 200; /* ns = 1100 */
}

static unsigned steps(void)
{
    unsigned sum = 0;

    for (int i = 0; i < PVCLOCK_MOCK_STEPS; i++)
        sum += pvclock_mock.count[i];
    return sum;
}

/* ---- Every reader behind one signature --------------------------------- */

static enum pvclock_status by_sample(uint64_t *ns)
{
    struct pvclock_sample sample;
    enum pvclock_status status = pvclock_sample_at(&pages[0], pvclock_mock.tsc, &sample);

    *ns = sample.ns;
    return status;
}

static enum pvclock_status by_read(uint64_t *ns)
{
    struct pvclock_sample sample;
    enum pvclock_status status = pvclock_read(&pages[0], PVCLOCK_LFENCE, &sample);

    *ns = sample.ns;
    return status;
}

static enum pvclock_status by_lfence(uint64_t *ns)
{
    return pvclock_ns(&pages[0], PVCLOCK_LFENCE, ns);
}

static enum pvclock_status by_rdtscp(uint64_t *ns)
{
    return pvclock_ns(&pages[0], PVCLOCK_RDTSCP, ns);
}

static enum pvclock_status by_relaxed(uint64_t *ns)
{
    return pvclock_relaxed_ns(&pages[0], ns);
}

static enum pvclock_status by_time(uint64_t *ns)
{
    struct pvclock_time time = pvclock_time_now(&pages[0], PVCLOCK_LFENCE, 0);

    *ns = time.sec == UINT64_MAX ? PVCLOCK_NO_TIME : time.sec * 1000000000 + time.nsec;
    return (enum pvclock_status)time.status;
}

static enum pvclock_status by_timespec(uint64_t *ns)
{
    struct pvclock_timespec spec = {0, 0};
    enum pvclock_status status = pvclock_timespec_now(&pages[0], PVCLOCK_RDTSCP, 0, &spec);

    *ns = pvclock_has_time(status) ? (uint64_t)spec.tv_sec * 1000000000 + (uint64_t)spec.tv_nsec
                                   : PVCLOCK_NO_TIME;
    return status;
}

static struct pvclock_second near; /* may be of any earlier test */

static enum pvclock_status by_time_near(uint64_t *ns)
{
    struct pvclock_time time = pvclock_time_near(&pages[0], PVCLOCK_RDTSCP, 0, &near);

    *ns = time.sec == UINT64_MAX ? PVCLOCK_NO_TIME : time.sec * 1000000000 + time.nsec;
    return (enum pvclock_status)time.status;
}

static enum pvclock_status by_timespec_near(uint64_t *ns)
{
    struct pvclock_timespec spec = {-1, -1};
    enum pvclock_status status = pvclock_timespec_near(&pages[0], PVCLOCK_LFENCE, 0, &near, &spec);

    assert_true(pvclock_has_time(status) || (spec.tv_sec == -1 && spec.tv_nsec == -1));
    *ns = pvclock_has_time(status) ? (uint64_t)spec.tv_sec * 1000000000 + (uint64_t)spec.tv_nsec
                                   : PVCLOCK_NO_TIME;
    return status;
}

static const struct pvclock_vcpus vcpus = {pages, sizeof(pages[0]), 2, 0xfff};

static enum pvclock_status by_vcpu(uint64_t *ns)
{
    static uint32_t hint; /* may be of any earlier test */

    return pvclock_vcpu_ns(&vcpus, &hint, ns);
}

static enum pvclock_status by_vcpu_read(uint64_t *ns)
{
    uint32_t hint = 0;

    return pvclock_vcpu_read(&vcpus, &hint, ns);
}

static enum pvclock_status by_word(uint64_t *ns)
{
    uint32_t vcpu;

    return pvclock_word_ns(&vcpus, PVCLOCK_LFENCE, &vcpu, ns);
}

static const struct {
    const char *name;
    enum pvclock_status (*read)(uint64_t *ns);
    enum pvclock_mock_step tsc; /* how it reads the TSC; STEPS: not by itself */
} readers[] = {
    {"sample", by_sample, PVCLOCK_MOCK_STEPS},
    {"read", by_read, PVCLOCK_MOCK_TSC_LFENCE},
    {"ns by lfence", by_lfence, PVCLOCK_MOCK_TSC_LFENCE},
    {"ns by rdtscp", by_rdtscp, PVCLOCK_MOCK_TSC_RDTSCP},
    {"relaxed ns", by_relaxed, PVCLOCK_MOCK_TSC_RELAXED},
    {"time", by_time, PVCLOCK_MOCK_TSC_LFENCE},
    {"timespec", by_timespec, PVCLOCK_MOCK_TSC_RDTSCP},
    {"time near", by_time_near, PVCLOCK_MOCK_TSC_RDTSCP},
    {"timespec near", by_timespec_near, PVCLOCK_MOCK_TSC_LFENCE},
    {"vcpu's word", by_word, PVCLOCK_MOCK_TSC_LFENCE},
    {"vcpu ns", by_vcpu, PVCLOCK_MOCK_TSC_RDTSCP},
    {"vcpu read", by_vcpu_read, PVCLOCK_MOCK_TSC_RDTSCP},
};
#define READERS (sizeof(readers) / sizeof(readers[0]))

/* ---- Scripts ----------------------------------------------------------- */

static unsigned loads; /* of the version, by either kind of load, of page 0 */

static bool is_version_load(enum pvclock_mock_step step)
{
    return step == PVCLOCK_MOCK_LOAD || step == PVCLOCK_MOCK_LOAD_AFTER;
}

/* A reader that would wait for ever is let go, and has failed. */
enum { FOR_EVER = 1000000 };

static void script_stuck(enum pvclock_mock_step step, const volatile void *address)
{
    (void)step;
    (void)address;
    if (steps() >= FOR_EVER)
        pages[0].version = 8;
}

static void a_stuck_writer_gives_busy(void **state)
{
    unsigned worst = 0;

    (void)state;
    for (size_t r = 0; r < READERS; r++) {
        uint64_t ns = 0;

        fresh();
        pages[0].version = 7; /* two equal odd versions */
        pvclock_mock.script = script_stuck;
        assert_int_equal(readers[r].read(&ns), PVCLOCK_BUSY);
        assert_int_equal(ns, PVCLOCK_NO_TIME);
        if (steps() > worst)
            worst = steps();
    }
    assert_true(worst <= 6 * (PVCLOCK_TRIES + 1));
    figures("%u readers, at most %u steps", (unsigned)READERS, worst);
}

/* The readers out of line make the tries that the header promises, no more, each with a pause. */
static void busy_takes_all_the_tries(void **state)
{
    static const struct pvclock_vcpus own = {pages, sizeof(pages[0]), 2, 0xfff};
    struct pvclock_wall_clock date = {3, 1, 1};
    struct pvclock_snapshot snapshot;
    struct pvclock_sample sample;
    uint64_t ns = 0;
    uint32_t hint = 0;

    (void)state;
    for (int reader = 0; reader < 4; reader++) {
        enum pvclock_status status;

        fresh();
        pages[0].version = 7;
        switch (reader) {
        case 0:
            status = pvclock_read(&pages[0], PVCLOCK_LFENCE, &sample);
            assert_int_equal(sample.version, 7);
            assert_int_equal(sample.flags, 0);
            break;
        case 1:
            status = pvclock_take_snapshot(&pages[0], &snapshot);
            break;
        case 2:
            status = pvclock_vcpu_read(&own, &hint, &ns);
            break;
        default:
            status = pvclock_wall(&date, &ns);
            break;
        }
        assert_int_equal(status, PVCLOCK_BUSY);
        assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_LOAD], PVCLOCK_TRIES);
        assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_PAUSE], PVCLOCK_TRIES);
        assert_int_equal(ns, reader < 2 ? 0 : PVCLOCK_NO_TIME);
    }
    /* A page at rest takes one. */
    fresh();
    assert_int_equal(pvclock_read(&pages[0], PVCLOCK_LFENCE, &sample), PVCLOCK_OK);
    assert_int_equal(pvclock_vcpu_read(&own, &hint, &ns), PVCLOCK_OK);
    assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_LOAD], 2);
    assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_PAUSE], 0);
}

static void script_always_newer(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    if (is_version_load(step) && steps() < FOR_EVER)
        pages[0].version += 2;
}

static void a_page_that_never_rests_gives_busy(void **state)
{
    (void)state;
    for (size_t r = 0; r < READERS; r++) {
        uint64_t ns = 0;

        fresh();
        pvclock_mock.script = script_always_newer;
        assert_int_equal(readers[r].read(&ns), PVCLOCK_BUSY);
        assert_int_equal(ns, PVCLOCK_NO_TIME);
        assert_true(steps() <= 6 * (PVCLOCK_TRIES + 1));
    }
    figures("%u readers", (unsigned)READERS);
}

/* The host is half way: odd, the new timestamp, the old time.  Then it ends. */
static void script_odd_then_even(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    if (is_version_load(step) && ++loads == 3) {
        pages[0].system_time = 5000;
        pages[0].version = 4;
    }
}

static void an_odd_version_is_not_believed(void **state)
{
    (void)state;
    for (size_t r = 0; r < READERS; r++) {
        uint64_t ns;

        fresh();
        loads = 0;
        pages[0].version = 3;
        pages[0].tsc_timestamp = 700;
        pvclock_mock.script = script_odd_then_even;
        assert_int_equal(readers[r].read(&ns), PVCLOCK_OK);
        assert_int_equal(ns, 5000);
    }
    figures("%u readers", (unsigned)READERS);
}

static unsigned write_at; /* before which step the host writes all of a new page */

static void script_whole_write(enum pvclock_mock_step step, const volatile void *address)
{
    (void)step;
    (void)address;
    if (steps() == write_at) {
        pages[0].version = 4;
        pages[0].tsc_timestamp = 100000;
        pages[0].system_time = 200000;
        pvclock_mock.tsc = 100000 + 2000;
    }
}

/*
 * A whole update before step n, for each n: the old page with the old TSC or the new with the new,
 * never a mixture.
 */
static void an_update_at_any_step_is_not_torn(void **state)
{
    unsigned updates = 0;

    (void)state;
    for (size_t r = 1; r < READERS; r++) { /* not pvclock_sample_at(): its TSC was read before */
        for (write_at = 1; write_at <= 6; write_at++) {
            uint64_t ns;
            enum pvclock_status status;

            fresh();
            pvclock_mock.script = script_whole_write;
            status = readers[r].read(&ns);
            if (status != PVCLOCK_OK || (ns != 1100 && ns != 201000))
                printf("# %s, update before step %u: %s %llu\n", readers[r].name, write_at,
                       pvclock_status_name(status), (unsigned long long)ns);
            assert_int_equal(status, PVCLOCK_OK);
            assert_true(ns == 1100 || ns == 201000);
            updates++;
        }
    }
    figures("%u updates", updates);
}

/* 2, 3, 3, then 4: a loop whose `continue` tests a stale version takes the 3 [LK]. */
static void script_2_3_3(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    if (!is_version_load(step))
        return;
    loads++;
    pages[0].version = loads == 1 ? 2 : loads < 4 ? 3 : 4;
    pages[0].system_time = loads == 1 ? 1000 : loads < 4 ? 99 : 7000;
}

static void versions_2_3_3_are_not_accepted(void **state)
{
    (void)state;
    for (size_t r = 0; r < READERS; r++) {
        uint64_t ns;

        fresh();
        loads = 0;
        pvclock_mock.script = script_2_3_3;
        assert_int_equal(readers[r].read(&ns), PVCLOCK_OK);
        assert_int_equal(ns, 7100);
    }
    figures("%u readers", (unsigned)READERS);
}

static void a_wrapped_version_is_a_version(void **state)
{
    (void)state;
    for (size_t r = 0; r < READERS; r++) {
        uint64_t ns;

        fresh();
        pages[0].version = 0;
        assert_int_equal(readers[r].read(&ns), PVCLOCK_OK);
        assert_int_equal(ns, 1100);
        pages[0].version = 0xfffffffe;
        assert_int_equal(readers[r].read(&ns), PVCLOCK_OK);
        assert_int_equal(ns, 1100);
    }
    fresh();
    pages[0].version = 0xfffffffe;
    struct pvclock_snapshot values = {1, 2, 0, 3, 4, 5};
    pvclock_publish(&pages[0], &values);
    assert_int_equal(pages[0].version, 0);
    figures("0 and 2^32 - 2, %u readers", (unsigned)READERS);
}

static void a_page_never_written_is_not_ready(void **state)
{
    (void)state;
    for (size_t r = 0; r < READERS; r++) {
        uint64_t ns = 0;

        fresh();
        memset(pages, 0, sizeof(pages));
        assert_int_equal(readers[r].read(&ns), PVCLOCK_NOT_READY);
        assert_int_equal(ns, PVCLOCK_NO_TIME);
        pages[0].version = 2;
        assert_int_equal(readers[r].read(&ns), PVCLOCK_BAD_SCALE);
        assert_int_equal(ns, PVCLOCK_NO_TIME);
    }
    figures("%u readers", (unsigned)READERS);
}

static void a_negative_delta_is_clamped(void **state)
{
    (void)state;
    for (size_t r = 0; r < READERS; r++) {
        uint64_t ns = 0;

        fresh();
        pvclock_mock.tsc = 499;
        assert_int_equal(readers[r].read(&ns), PVCLOCK_CLAMPED);
        assert_int_equal(ns, 1000);
        pvclock_mock.tsc = 500;
        assert_int_equal(readers[r].read(&ns), PVCLOCK_OK);
        assert_int_equal(ns, 1000);
    }
    figures("%u readers", (unsigned)READERS);
}

/* ---- Order ------------------------------------------------------------- */

static enum pvclock_mock_step trace[16];
static unsigned traced;

static void script_trace(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    if (traced < 16)
        trace[traced++] = step;
}

static void the_tsc_is_read_between_the_versions(void **state)
{
    (void)state;
    for (size_t r = 1; r < READERS; r++) {
        unsigned first = 0;
        uint64_t ns;

        fresh();
        pvclock_mock.tsc = 0x123456789;
        (void)readers[r].read(&ns); /* some keep a hint */
        traced = 0;
        pvclock_mock.script = script_trace;
        assert_int_equal(readers[r].read(&ns), PVCLOCK_OK);
        /* Whatever comes before says which vCPU it is. */
        while (trace[first] != PVCLOCK_MOCK_LOAD)
            first++;
        /* The vCPU's word comes once more, behind what waits for the TSC. */
        if (readers[r].read == by_word)
            assert_int_equal(trace[first + 3], PVCLOCK_MOCK_VCPU_WORD);
        assert_int_equal(traced, first + 3 + (readers[r].read == by_word));
        assert_int_equal(trace[first + 1], readers[r].tsc);
        assert_int_equal(trace[first + 2], PVCLOCK_MOCK_LOAD_AFTER);
        assert_int_equal((uint32_t)pvclock_mock.after_tsc, 0x23456789);
    }
    static const enum pvclock_order orders[] = {PVCLOCK_LFENCE, PVCLOCK_RDTSCP, PVCLOCK_RELAXED};
    for (int i = 0; i < 3; i++) {
        fresh();
        pvclock_mock.tsc = 0x123456789;
        assert_int_equal(pvclock_tsc_now(orders[i]), 0x123456789);
        assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_TSC_LFENCE + i], 1);
    }
    figures("%u readers: version, TSC, version that depends on it", (unsigned)READERS - 1);
}

/* The scales and deltas that a host gives are read inline: the version twice, and the TSC. */
static void an_ordinary_page_is_read_inline(void **state)
{
    static const uint64_t deltas[] = {0, 1, UINT64_C(1) << 32, (UINT64_C(1) << 63) - 1};
    static const uint64_t times[] = {0, 1000};
    unsigned reads = 0;

    (void)state;
    for (int shift = -PVCLOCK_SHIFT_MAX; shift <= 0; shift++) {
        for (size_t d = 0; d < 4; d++) {
            for (size_t t = 0; t < 2; t++) {
                for (size_t r = 0; r < READERS; r++) {
                    uint64_t ns, want = times[t] + ((deltas[d] >> -shift) >> 1);

                    if (readers[r].read == by_sample || readers[r].read == by_read ||
                        readers[r].read == by_vcpu_read)
                        continue;
                    fresh();
                    pages[0].tsc_shift = (int8_t)shift;
                    pages[0].system_time = times[t];
                    pvclock_mock.tsc = 500 + deltas[d];
                    /* Some keep a hint, so the first read may be the long way. */
                    (void)readers[r].read(&ns);
                    memset(pvclock_mock.count, 0, sizeof(pvclock_mock.count));
                    assert_int_equal(readers[r].read(&ns), PVCLOCK_OK);
                    assert_int_equal(ns, want);
                    assert_int_equal(steps(), readers[r].read == by_word ? 5 : 3);
                    reads++;
                }
            }
        }
    }
    figures("%u reads, three steps each", reads);
}

/* ---- The vCPU's own page ----------------------------------------------- */

static void script_move(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    /* After the version of vCPU 0 was read the thread moves to vCPU 1, whose TSC is far off. */
    if (step == PVCLOCK_MOCK_TSC_RDTSCP && pvclock_mock.aux == 0) {
        pvclock_mock.aux = 1;
        pvclock_mock.tsc = 1000000 + 40;
    }
}

static void a_moved_thread_reads_its_new_page(void **state)
{
    static const uint32_t hints[] = {0, 1, 2, 0xfff, UINT32_MAX};
    uint64_t ns = 0;
    uint32_t hint;

    (void)state;
    for (size_t h = 0; h < sizeof(hints) / sizeof(hints[0]); h++) {
        fresh();
        pages[1].tsc_timestamp = 1000000;
        pages[1].system_time = 3000;
        pvclock_mock.script = script_move;
        hint = hints[h];
        assert_int_equal(pvclock_vcpu_ns(&vcpus, &hint, &ns), PVCLOCK_OK);
        assert_int_equal(ns, 3020);
        assert_int_equal(hint, 1);
    }
    fresh();
    pvclock_mock.aux = 2;
    assert_int_equal(by_vcpu(&ns), PVCLOCK_BAD_VALUE);
    assert_int_equal(ns, PVCLOCK_NO_TIME);
    pvclock_mock.aux = 0x7001; /* node 7, CPU 1 */
    assert_int_equal(by_vcpu(&ns), PVCLOCK_OK);
}

static void script_within(enum pvclock_mock_step step, const volatile void *address)
{
    if (is_version_load(step))
        assert_true(address == &pages[0].version || address == &pages[1].version);
}

static void script_within_one(enum pvclock_mock_step step, const volatile void *address)
{
    if (is_version_load(step))
        assert_true(address == &pages[0].version);
}

/* Neither a hint nor a number past the last vCPU makes it look at what is behind the pages. */
static void no_page_past_the_last_is_read(void **state)
{
    struct pvclock_vcpu_time_info apart[4];
    const struct pvclock_vcpus every_other = {apart, 2 * sizeof(apart[0]), 2, 0xfff};
    uint64_t ns;

    (void)state;
    for (uint32_t hint = 0; hint < 5; hint++) {
        for (uint32_t aux = 0; aux < 4; aux++) {
            uint32_t by_inline = hint, by_call = hint;

            fresh();
            pvclock_mock.aux = aux;
            pvclock_mock.script = script_within;
            assert_int_equal(pvclock_vcpu_ns(&vcpus, &by_inline, &ns),
                             aux < 2 ? PVCLOCK_OK : PVCLOCK_BAD_VALUE);
            assert_int_equal(ns, aux < 2 ? 1100 : PVCLOCK_NO_TIME);
            assert_int_equal(pvclock_vcpu_read(&vcpus, &by_call, &ns),
                             aux < 2 ? PVCLOCK_OK : PVCLOCK_BAD_VALUE);
        }
    }
    const struct pvclock_vcpus one = {pages, sizeof(pages[0]), 1, 0xfff};
    uint32_t wrong = 1;
    fresh();
    pvclock_mock.script = script_within_one;
    assert_int_equal(pvclock_vcpu_ns(&one, &wrong, &ns), PVCLOCK_OK);
    /* The structures are as far apart as the caller says. */
    fresh();
    memset(apart, 0xff, sizeof(apart));
    apart[0] = pages[0];
    apart[2] = pages[1];
    apart[2].system_time = 7000;
    pvclock_mock.aux = 1;
    uint32_t hint = 1;
    assert_int_equal(pvclock_vcpu_ns(&every_other, &hint, &ns), PVCLOCK_OK);
    assert_int_equal(ns, 7100);
}

/* Whatever page is looked at, the TSC comes from the other vCPU: that ends too. */
static void script_restless(enum pvclock_mock_step step, const volatile void *address)
{
    if (step == PVCLOCK_MOCK_LOAD)
        pvclock_mock.aux = address == &pages[0].version;
}

static void a_thread_that_always_moves_gives_busy(void **state)
{
    uint64_t ns = 0;
    uint32_t hint = 0;

    (void)state;
    fresh();
    pvclock_mock.script = script_restless;
    assert_int_equal(pvclock_vcpu_ns(&vcpus, &hint, &ns), PVCLOCK_BUSY);
    assert_int_equal(ns, PVCLOCK_NO_TIME);
    assert_true(steps() <= 6 * (PVCLOCK_TRIES + 1));
}

/* ---- The same by the vCPU's word --------------------------------------- */

static unsigned move_at; /* of the steps of a reading */
static bool comes_back;

/* The thread goes to vCPU 1 before a step; or on to vCPU 1, whose TSC is another, and back. */
static void script_dispatch(enum pvclock_mock_step step, const volatile void *address)
{
    static uint64_t tsc;

    (void)step;
    (void)address;
    if (steps() == move_at) {
        tsc = pvclock_mock.tsc;
        pvclock_mock.word = UINT64_C(1) << 32 | 1;
        pvclock_mock.tsc += 1000000;
    }
    if (comes_back && steps() == move_at + 2) {
        pvclock_mock.word = UINT64_C(2) << 32;
        pvclock_mock.tsc = tsc;
    }
}

/* vCPU 1's TSC is ahead, and its page allows for that: 1100 is right, its TSC on page 0 is not. */
static void a_thread_that_went_away_and_came_back_is_seen(void **state)
{
    unsigned readings = 0;

    (void)state;
    for (unsigned back = 0; back < 2; back++) {
        for (move_at = 1; move_at < 10; move_at++) {
            uint32_t vcpu = 77;
            uint64_t ns;

            fresh();
            comes_back = back != 0;
            pages[1].tsc_timestamp += 1000000;
            pvclock_mock.script = script_dispatch;
            assert_int_equal(pvclock_word_ns(&vcpus, PVCLOCK_RDTSCP, &vcpu, &ns), PVCLOCK_OK);
            assert_int_equal(ns, 1100);
            /* The vCPU whose page it was; behind the reading it may be another. */
            assert_true(vcpu == (uint32_t)pvclock_mock.word || steps() <= move_at + 2);
            readings++;
        }
    }
    figures("%u readings", readings);
}

/* Each look at the word finds the thread dispatched once more; a number that no vCPU has. */
static void script_dispatched_always(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    if (step == PVCLOCK_MOCK_VCPU_WORD)
        pvclock_mock.word += UINT64_C(1) << 32;
}

static void a_word_that_never_rests_gives_busy(void **state)
{
    uint32_t vcpu;
    uint64_t ns = 0;

    (void)state;
    fresh();
    pvclock_mock.script = script_dispatched_always;
    assert_int_equal(pvclock_word_ns(&vcpus, PVCLOCK_LFENCE, &vcpu, &ns), PVCLOCK_BUSY);
    assert_int_equal(ns, PVCLOCK_NO_TIME);
    assert_true(steps() < 200);
    fresh();
    for (uint32_t number = 0; number < 4; number++) {
        pvclock_mock.word = UINT64_C(0xfedcba98) << 32 | number;
        pages[1].system_time = 7000;
        assert_int_equal(pvclock_word_ns(&vcpus, PVCLOCK_LFENCE, &vcpu, &ns),
                         number < 2 ? PVCLOCK_OK : PVCLOCK_BAD_VALUE);
        assert_int_equal(vcpu, number);
        assert_int_equal(ns, number == 0 ? 1100 : number == 1 ? 7100 : PVCLOCK_NO_TIME);
    }
}

/* ---- Guards ------------------------------------------------------------ */

static struct pvclock_guard guard;

static void script_rival(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    if (step == PVCLOCK_MOCK_CAS64 && pvclock_mock.count[step] == 1)
        guard.last = UINT64_C(6000000005);
}

static void the_cas_guard_does_not_step_back(void **state)
{
    (void)state;
    fresh();
    guard.last = 0;
    assert_int_equal(pvclock_guard_cas(&guard, UINT64_C(6000000000)), UINT64_C(6000000000));
    /* 32 bits of it are larger, 64 are not. */
    assert_int_equal(pvclock_guard_cas(&guard, UINT64_C(5000000000)), UINT64_C(6000000000));
    assert_int_equal(pvclock_guard_cas(&guard, UINT64_C(4294967295)), UINT64_C(6000000000));
    assert_int_equal(guard.last, UINT64_C(6000000000));
    /* Another thread stores a later one between our load and our swap. */
    pvclock_mock.count[PVCLOCK_MOCK_CAS64] = 0;
    pvclock_mock.script = script_rival;
    assert_int_equal(pvclock_guard_cas(&guard, UINT64_C(6000000001)), UINT64_C(6000000005));
    assert_int_equal(guard.last, UINT64_C(6000000005));
    guard.last = 0;
    pvclock_mock.count[PVCLOCK_MOCK_CAS64] = 0;
    assert_int_equal(pvclock_guard_cas(&guard, UINT64_C(6000000009)), UINT64_C(6000000009));
    assert_int_equal(guard.last, UINT64_C(6000000009));
    /* The same time again leaves the cache line to the others. */
    pvclock_mock.count[PVCLOCK_MOCK_CAS64] = 0;
    assert_int_equal(pvclock_guard_cas(&guard, UINT64_C(6000000009)), UINT64_C(6000000009));
    assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_CAS64], 0);
}

static void the_slots_do_not_step_back(void **state)
{
    static struct pvclock_slot slots[3];

    (void)state;
    fresh();
    memset(slots, 0, sizeof(slots));
    assert_int_equal(sizeof(struct pvclock_slot), 8); /* several in a line: see guard.h */
    assert_int_equal(pvclock_guard_slots(slots, 3, 0, UINT64_C(6000000000)), UINT64_C(6000000000));
    assert_int_equal(pvclock_guard_slots(slots, 3, 2, UINT64_C(5000000000)), UINT64_C(6000000000));
    assert_int_equal(slots[2].last, UINT64_C(6000000000));
    assert_int_equal(pvclock_guard_slots(slots, 3, 2, UINT64_C(6000000002)), UINT64_C(6000000002));
    assert_int_equal(pvclock_guard_slots(slots, 3, 0, UINT64_C(6000000001)), UINT64_C(6000000002));
    assert_int_equal(slots[1].last, 0);
    assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_CAS64], 0);
    assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_LOAD64], 4 * 3);
}

/* Two pages 68 us apart, the thread on one and the other in turn [OSv #164]. */
static void skewed_pages_with_a_guard_do_not_step_back(void **state)
{
    static struct pvclock_slot slots[2];
    uint64_t last_cas = 0, last_slots = 0, last_raw = 0;
    unsigned back = 0;

    (void)state;
    fresh();
    guard.last = 0;
    memset(slots, 0, sizeof(slots));
    pages[0].system_time = UINT64_C(4000000000); /* to pass 2^32 ns on the way */
    pages[1].system_time = pages[0].system_time + 68000;
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t ns, cas, by_slots;

        pvclock_mock.aux = i & 1;
        pvclock_mock.tsc += 100000;
        assert_int_equal(by_vcpu(&ns), PVCLOCK_OK);
        back += ns < last_raw;
        last_raw = ns;
        cas = pvclock_guard_cas(&guard, ns);
        by_slots = pvclock_guard_slots(slots, 2, i & 1, ns);
        assert_true(cas >= last_cas && cas >= ns);
        assert_true(by_slots >= last_slots && by_slots >= ns);
        last_cas = cas;
        last_slots = by_slots;
        if (i % 2 == 0)
            pvclock_mock.tsc -= 99000;
    }
    assert_true(back > 0);
    assert_true(last_raw > UINT64_C(4294967296));
    figures("0 steps back in 100000 reads with a guard, %u without", back);
}

/* ---- GUEST_STOPPED ----------------------------------------------------- */

static void script_host_sets_stable(enum pvclock_mock_step step, const volatile void *address)
{
    if (step == PVCLOCK_MOCK_TAKE_BITS) {
        assert_true(address == &pages[0].flags);
        pages[0].flags |= PVCLOCK_FLAG_TSC_STABLE | 0x80;
    }
}

static void script_another_takes_it(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    if (step == PVCLOCK_MOCK_TAKE_BITS)
        pages[0].flags = 0;
}

static void stopped_is_taken_once_and_the_rest_is_kept(void **state)
{
    struct pvclock_vcpu_time_info before;

    (void)state;
    fresh();
    pages[0].flags = PVCLOCK_FLAG_GUEST_STOPPED;
    before = pages[0];
    pvclock_mock.script = script_host_sets_stable;
    assert_true(pvclock_take_stopped(&pages[0]));
    before.flags = PVCLOCK_FLAG_TSC_STABLE | 0x80;
    assert_int_equal(memcmp(&before, &pages[0], sizeof(before)), 0);
    assert_false(pvclock_take_stopped(&pages[0]));
    /* No write where there is nothing to clear. */
    assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_TAKE_BITS], 1);

    /* Of two that see it one takes it. */
    pvclock_mock.script = script_another_takes_it;
    pages[0].flags = PVCLOCK_FLAG_GUEST_STOPPED;
    assert_false(pvclock_take_stopped(&pages[0]));
    pvclock_mock.script = NULL;

    /* It stays through a read, and a sample tells it. */
    struct pvclock_sample sample;
    pages[0].flags |= PVCLOCK_FLAG_GUEST_STOPPED;
    assert_int_equal(pvclock_read(&pages[0], PVCLOCK_LFENCE, &sample), PVCLOCK_OK);
    assert_true((sample.flags & PVCLOCK_FLAG_GUEST_STOPPED) != 0);
    assert_true(pvclock_take_stopped(&pages[0]));
}

static void stable_needs_both_bits(void **state)
{
    (void)state;
    assert_true(pvclock_is_stable(PVCLOCK_FEATURE_TSC_STABLE, PVCLOCK_FLAG_TSC_STABLE));
    assert_false(pvclock_is_stable(PVCLOCK_FEATURE_TSC_STABLE, PVCLOCK_FLAG_GUEST_STOPPED));
    assert_false(pvclock_is_stable(~(uint32_t)PVCLOCK_FEATURE_TSC_STABLE, PVCLOCK_FLAG_TSC_STABLE));
    assert_false(pvclock_is_stable(0, 0));
    assert_true(pvclock_is_stable(UINT32_MAX, UINT8_MAX));
}

/* ---- Wall clock -------------------------------------------------------- */

static struct pvclock_wall_clock wall;

static void script_wall_write(enum pvclock_mock_step step, const volatile void *address)
{
    (void)step;
    if (address == &wall.version && ++loads == write_at) {
        wall.version += 2;
        wall.sec = 2000000000;
        wall.nsec = 2;
    }
}

static void the_wall_clock_is_a_pair(void **state)
{
    uint64_t epoch;

    (void)state;
    for (write_at = 1; write_at <= 3; write_at++) {
        fresh();
        loads = 0;
        wall = (struct pvclock_wall_clock){2, 1700000000, 999999999};
        pvclock_mock.script = script_wall_write;
        assert_int_equal(pvclock_wall(&wall, &epoch), PVCLOCK_OK);
        assert_int_equal(epoch, write_at < 3 ? UINT64_C(2000000000000000002)
                                             : UINT64_C(1700000000999999999));
    }
    pvclock_mock.script = NULL;
    wall = (struct pvclock_wall_clock){0, 0, 0};
    assert_int_equal(pvclock_wall(&wall, &epoch), PVCLOCK_NOT_READY);
    assert_int_equal(epoch, PVCLOCK_NO_TIME);
    wall = (struct pvclock_wall_clock){3, 1, 1};
    assert_int_equal(pvclock_wall(&wall, &epoch), PVCLOCK_BUSY);
    assert_int_equal(epoch, PVCLOCK_NO_TIME);
    wall = (struct pvclock_wall_clock){2, 0, 0}; /* written, whatever it says */
    assert_int_equal(pvclock_wall(&wall, &epoch), PVCLOCK_OK);
    assert_int_equal(epoch, 0);
    wall = (struct pvclock_wall_clock){2, 1, 1000000000};
    assert_int_equal(pvclock_wall(&wall, &epoch), PVCLOCK_BAD_VALUE);
    wall = (struct pvclock_wall_clock){2, UINT32_MAX, 999999999};
    assert_int_equal(pvclock_wall(&wall, &epoch), PVCLOCK_OK);
    assert_int_equal(epoch, UINT64_C(4294967295999999999));
}

/* Every second and nanosecond there is, as a 64-bit product; and every one that there is not. */
static void the_wall_clock_is_exact(void **state)
{
    static const uint32_t secs[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, UINT32_MAX};
    static const uint32_t nsecs[] = {0,          1,          499999999, 999999999,
                                     1000000000, 0x7fffffff, UINT32_MAX};
    uint64_t random = 1, epoch;

    (void)state;
    fresh();
    for (unsigned i = 0; i < 200000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t sec = i < 6 * 7 ? secs[i / 7] : (uint32_t)(random >> 32);
        uint32_t nsec = i < 6 * 7 ? nsecs[i % 7] : (uint32_t)(random >> 17);
        wall = (struct pvclock_wall_clock){2 + 2 * i, sec, nsec};
        enum pvclock_status status = pvclock_wall(&wall, &epoch);
        if (nsec >= 1000000000) {
            assert_int_equal(status, PVCLOCK_BAD_VALUE);
            assert_int_equal(epoch, PVCLOCK_NO_TIME);
            continue;
        }
        assert_int_equal(status, PVCLOCK_OK);
        assert_int_equal(epoch / 1000000000, sec);
        assert_int_equal(epoch % 1000000000, nsec);
    }
}

/* The date is in the 2^32 seconds from the pivot on, and 64 bits wide. */
static void the_date_has_an_era(void **state)
{
    const uint64_t second = 1000000000, pivot = PVCLOCK_WALL_PIVOT * second;
    const uint64_t era = PVCLOCK_WALL_ERA_SEC * second;
    static const uint64_t nows[] = {0, 1, UINT64_C(86400000000000), UINT64_C(315360000000000000)};
    struct pvclock_time time;
    uint64_t epoch;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t now = nows[i];
        /* What the date is, not the epoch, tells: a machine that has been up since before it. */
        assert_int_equal(pvclock_wall_in_era(pivot - now, now, PVCLOCK_WALL_PIVOT), pivot - now);
        assert_int_equal(pvclock_wall_in_era(pivot - now - 1, now, PVCLOCK_WALL_PIVOT),
                         pivot - now - 1 + era);
        assert_int_equal(pvclock_wall_in_era(pivot - now - 1, now, 0), pivot - now - 1);
    }
    assert_int_equal(pvclock_wall_in_era(0, 0, 0), 0);
    assert_int_equal(pvclock_wall_in_era(0, 0, PVCLOCK_WALL_PIVOT), era);
    assert_int_equal(pvclock_wall_in_era(era - 1, UINT64_C(1) << 62, PVCLOCK_WALL_PIVOT), era - 1);

    /* Through a page: 2038-01-19, and 2106-02-07 06:28:15 to :17 and a second of the next era. */
    fresh();
    pages[0].system_time = 0;
    for (uint64_t at = UINT64_C(2147483647); at < UINT64_C(4294967298); at += 2147483647) {
        for (uint64_t i = 0; i < 4; i++) {
            wall = (struct pvclock_wall_clock){2, (uint32_t)(at + i), 999999950};
            assert_int_equal(pvclock_wall(&wall, &epoch), PVCLOCK_OK);
            epoch = pvclock_wall_in_era(epoch, 100, PVCLOCK_WALL_PIVOT);
            time = pvclock_time_now(&pages[0], PVCLOCK_LFENCE, epoch);
            assert_int_equal(time.status, PVCLOCK_OK);
            assert_int_equal(time.sec, at + i + 1);
            assert_int_equal(time.nsec, 50);
        }
    }
}

/* Date = epoch + system time: it moves with the page, and follows the host's epoch. */
static void the_date_moves_with_the_page(void **state)
{
    uint64_t epoch;
    struct pvclock_time first, second;

    (void)state;
    fresh();
    pages[0].system_time = UINT64_C(86400000000000); /* a day of uptime before us */
    wall = (struct pvclock_wall_clock){2, 1700000000, 500000000};
    assert_int_equal(pvclock_wall(&wall, &epoch), PVCLOCK_OK);
    first = pvclock_time_now(&pages[0], PVCLOCK_LFENCE, epoch);
    assert_int_equal(first.sec, 1700000000 + 86400);
    assert_int_equal(first.nsec, 500000100);
    pvclock_mock.tsc += UINT64_C(4000000000); /* 2 s */
    second = pvclock_time_now(&pages[0], PVCLOCK_LFENCE, epoch);
    assert_int_equal(second.sec, first.sec + 2);
    assert_int_equal(second.nsec, first.nsec);
    /* The host steps its date by -10 s: the date follows, the page's clock does not notice. */
    wall = (struct pvclock_wall_clock){4, 1700000000 - 10, 500000000};
    assert_int_equal(pvclock_wall(&wall, &epoch), PVCLOCK_OK);
    assert_int_equal(pvclock_time_now(&pages[0], PVCLOCK_LFENCE, epoch).sec, second.sec - 10);
    assert_int_equal(pvclock_time_now(&pages[0], PVCLOCK_LFENCE, 0).sec, 86400 + 2);
}

static void a_date_that_does_not_fit_overflows(void **state)
{
    static const uint64_t bases[] = {UINT64_MAX - 1099, UINT64_MAX};
    struct pvclock_timespec spec = {7, 7};
    struct pvclock_time time;

    (void)state;
    fresh();
    for (int i = 0; i < 2; i++) {
        time = pvclock_time_now(&pages[0], PVCLOCK_LFENCE, bases[i]);
        assert_true(time.status == PVCLOCK_OVERFLOW && time.sec == UINT64_MAX && time.nsec == 0);
        assert_int_equal(pvclock_timespec_now(&pages[0], PVCLOCK_LFENCE, bases[i], &spec),
                         PVCLOCK_OVERFLOW);
        assert_true(spec.tv_sec == 7 && spec.tv_nsec == 7);
    }
    time = pvclock_time_now(&pages[0], PVCLOCK_LFENCE, UINT64_MAX - 1100);
    assert_int_equal(time.status, PVCLOCK_OK);
    assert_int_equal(time.sec, UINT64_C(18446744073));
    assert_int_equal(time.nsec, 709551615);
}

/* No function leaves what it was given where it has no value. */
static void without_a_value_there_is_none(void **state)
{
    static const struct {
        uint32_t mul;
        int8_t shift;
        uint64_t system_time, tsc;
        enum pvclock_status status;
    } cases[] = {
        {0, 0, 0, 1, PVCLOCK_BAD_SCALE},
        {1, 32, 0, 1, PVCLOCK_BAD_SCALE},
        {1, -32, 0, 1, PVCLOCK_BAD_SCALE},
        {1, 127, 0, 1, PVCLOCK_BAD_SCALE},
        {1, -128, 0, 1, PVCLOCK_BAD_SCALE},
        {UINT32_MAX, 31, 0, UINT64_C(1) << 62, PVCLOCK_OVERFLOW},
        {UINT32_MAX, 0, UINT64_MAX, UINT64_C(1) << 62, PVCLOCK_OVERFLOW},
    };
    struct pvclock_frequency frequency;
    uint32_t mul = 7;
    int8_t shift = 7;
    uint64_t value;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct pvclock_snapshot snapshot = {.tsc_timestamp = 0,
                                                  .system_time = cases[i].system_time,
                                                  .mul = cases[i].mul,
                                                  .shift = cases[i].shift};

        value = 7;
        assert_int_equal(pvclock_extrapolate(&snapshot, cases[i].tsc, &value), cases[i].status);
        assert_int_equal(value, PVCLOCK_NO_TIME);
        if (cases[i].status != PVCLOCK_BAD_SCALE)
            continue;
        value = 7;
        assert_int_equal(pvclock_deadline(&snapshot, 1, &value), PVCLOCK_BAD_SCALE);
        assert_int_equal(value, UINT64_MAX);
        frequency = (struct pvclock_frequency){7, 7};
        assert_int_equal(pvclock_frequency_of(cases[i].mul, cases[i].shift, &frequency),
                         PVCLOCK_BAD_SCALE);
        assert_true(frequency.hz == 0 && frequency.error_hz == 0);
    }
    frequency = (struct pvclock_frequency){7, 7};
    assert_int_equal(pvclock_frequency_of(1, -31, &frequency), PVCLOCK_OVERFLOW);
    assert_true(frequency.hz == 0 && frequency.error_hz == 0);
    assert_int_equal(pvclock_scale_from_hz(0, &mul, &shift), PVCLOCK_BAD_VALUE);
    assert_true(mul == 0 && shift == 0);
}

/* A gap of any length: 10 s, 1 h, 400 days at 1 GHz, not a nanosecond lost. */
static void a_gap_loses_nothing(void **state)
{
    static const uint64_t gaps[] = {10, 3600, UINT64_C(400) * 86400, UINT64_C(100) * 365 * 86400};

    (void)state;
    for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
        for (size_t r = 0; r < READERS; r++) {
            uint64_t ns;

            fresh();
            pvclock_mock.tsc = 500 + gaps[i] * UINT64_C(2000000000);
            assert_int_equal(readers[r].read(&ns), PVCLOCK_OK);
            assert_int_equal(ns, 1000 + gaps[i] * UINT64_C(1000000000));
        }
    }
}

/* ---- Placement --------------------------------------------------------- */

static void a_structure_that_crosses_a_page_is_refused(void **state)
{
    static unsigned char page[PVCLOCK_PAGE_SIZE];

    (void)state;
    assert_int_equal(pvclock_placement(0x1000, 32), PVCLOCK_OK);
    assert_int_equal(pvclock_placement(0x2000 - 32, 32), PVCLOCK_OK);
    assert_int_equal(pvclock_placement(0x2000 - 28, 32), PVCLOCK_BAD_VALUE);
    assert_int_equal(pvclock_placement(0x2000 - 16, 32), PVCLOCK_BAD_VALUE);
    for (unsigned i = 1; i < 12; i++)
        assert_int_equal(pvclock_placement(0x1000 + i, 32),
                         i % 4 == 0 ? PVCLOCK_OK : PVCLOCK_BAD_VALUE);
    assert_int_equal(pvclock_placement(0, 4096), PVCLOCK_OK);
    assert_int_equal(pvclock_placement(4, 4096), PVCLOCK_BAD_VALUE);
    assert_int_equal(pvclock_placement(0x1ffc, 1), PVCLOCK_OK);
    assert_int_equal(pvclock_placement(0x1000, 4097), PVCLOCK_BAD_VALUE);
    assert_int_equal(pvclock_placement(0x1000, 0), PVCLOCK_BAD_VALUE);
    assert_int_equal(pvclock_placement(UINT64_MAX - 31, 32), PVCLOCK_OK);

    memset(page, 0xa5, sizeof(page));
    assert_false(pvclock_page_is_clean(page, sizeof(page), 64, 32));
    memset(page, 0, sizeof(page));
    memset(page + 64, 0xff, 32);
    assert_true(pvclock_page_is_clean(page, sizeof(page), 64, 32));
    page[63] = 1;
    assert_false(pvclock_page_is_clean(page, sizeof(page), 64, 32));
    page[63] = 0;
    page[96] = 1;
    assert_false(pvclock_page_is_clean(page, sizeof(page), 64, 32));
    page[96] = 0;
    page[4095] = 1;
    assert_false(pvclock_page_is_clean(page, sizeof(page), 64, 32));
    assert_true(pvclock_page_is_clean(page, sizeof(page) - 1, 64, 32)); /* it is no part */
    page[4095] = 0;
    page[0] = 1;
    assert_false(pvclock_page_is_clean(page, sizeof(page), 64, 32));
}

static void a_page_is_prepared_whole(void **state)
{
    _Alignas(8) unsigned char bytes[PVCLOCK_TIME_INFO_SIZE + 16];
    struct pvclock_vcpu_time_info *page = (void *)(bytes + 8);

    (void)state;
    memset(bytes, 0xa5, sizeof(bytes));
    pvclock_prepare(page);
    for (size_t i = 0; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], i < 8 || i >= 8 + PVCLOCK_TIME_INFO_SIZE ? 0xa5 : 0);
    assert_false(pvclock_is_alive(page));
    page->version = 2;
    assert_true(pvclock_is_alive(page));
}

/* What KVM and a guest have agreed on is written down twice, so that no slip of one changes it. */
static void the_abi_is_kvms(void **state)
{
    static const struct {
        uint64_t is, shall_be;
    } values[] = {
        {PVCLOCK_MSR_WALL_CLOCK_OLD, 0x11},
        {PVCLOCK_MSR_SYSTEM_TIME_OLD, 0x12},
        {PVCLOCK_MSR_WALL_CLOCK, 0x4b564d00},
        {PVCLOCK_MSR_SYSTEM_TIME, 0x4b564d01},
        {PVCLOCK_MSR_ENABLE, 1},
        {PVCLOCK_CPUID_BASE_FIRST, 0x40000000},
        {PVCLOCK_CPUID_BASE_LAST, 0x4000ff00},
        {PVCLOCK_CPUID_BASE_STEP, 256},
        {PVCLOCK_CPUID_FEATURES, 1},
        {PVCLOCK_CPUID_TIMING, 16},
        {PVCLOCK_FEATURE_CLOCK_OLD, 1},
        {PVCLOCK_FEATURE_CLOCK, 8},
        {PVCLOCK_FEATURE_TSC_STABLE, 0x1000000},
        {PVCLOCK_FLAG_TSC_STABLE, 1},
        {PVCLOCK_FLAG_GUEST_STOPPED, 2},
        {PVCLOCK_PAGE_SIZE, 0x1000},
        {PVCLOCK_SHIFT_MAX, 31},
        {PVCLOCK_DELTA_MAX, UINT64_C(0x8000000000000000)},
        {PVCLOCK_NSEC_PER_SEC, 1000 * 1000 * 1000},
        {PVCLOCK_WALL_ERA_SEC, UINT64_C(0x100000000)},
        {PVCLOCK_WALL_PIVOT, UINT64_C(50) * 365 * 86400 + 12 * 86400}, /* 12 leap years */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_int_equal(values[i].is, values[i].shall_be);
}

/* ---- Discovery and registration ---------------------------------------- */

static struct {
    uint32_t kvm_base, max_leaf, features, khz, ecx1;
    int wrong_word; /* of the signature: 1 to 3; 0: none */
    bool msr_faults, host_is_dead;
    uint32_t ext1, ext21, ext_max;
    const char *vendor;
    unsigned writes;
    uint32_t msr;
    uint64_t value;
} machine;

static void machine_cpuid(void *context, uint32_t leaf, struct pvclock_cpuid *out)
{
    assert_true(context == &machine);
    memset(out, 0, sizeof(*out));
    if (leaf == 1) {
        out->ecx = machine.ecx1;
    } else if (leaf == machine.kvm_base) {
        out->eax = machine.max_leaf;
        memcpy(&out->ebx, "KVMK", 4);
        memcpy(&out->ecx, "VMKV", 4);
        memcpy(&out->edx, "M\0\0\0", 4);
        out->ebx ^= machine.wrong_word == 1;
        out->ecx ^= machine.wrong_word == 2;
        out->edx ^= machine.wrong_word == 3;
    } else if (leaf == 0x40000000) {
        out->eax = 0x40000005;
        memcpy(&out->ebx, "Micr", 4);
        memcpy(&out->ecx, "osof", 4);
        memcpy(&out->edx, "t Hv", 4);
    } else if (leaf == machine.kvm_base + 1) {
        out->eax = machine.features;
    } else if (leaf == machine.kvm_base + 0x10) {
        out->eax = machine.khz;
    } else if (leaf == 0x80000000) {
        out->eax = machine.ext_max;
    } else if (leaf == 0x80000001) {
        out->edx = machine.ext1;
    } else if (leaf == 0x80000021) {
        out->eax = machine.ext21;
    } else if (leaf == 0 && machine.vendor != NULL) {
        memcpy(&out->ebx, machine.vendor, 4);
        memcpy(&out->edx, machine.vendor + 4, 4);
        memcpy(&out->ecx, machine.vendor + 8, 4);
    }
}

static bool machine_wrmsr(void *context, uint32_t msr, uint64_t value)
{
    assert_true(context == &machine);
    machine.writes++;
    machine.msr = msr;
    machine.value = value;
    if (machine.msr_faults)
        return false;
    if (!machine.host_is_dead && (msr == 0x4b564d01 || msr == 0x12) && (value & 1) != 0) {
        struct pvclock_snapshot values = {1, 2, 0, mul_1ghz, 0, PVCLOCK_FLAG_TSC_STABLE};
        pvclock_publish(&pages[0], &values);
    }
    if (msr == 0x4b564d00 || msr == 0x11)
        wall = (struct pvclock_wall_clock){2, 1700000000, machine.writes};
    return true;
}

static const struct pvclock_ops machine_ops = {machine_cpuid, machine_wrmsr, &machine};

static void fresh_machine(void)
{
    fresh();
    memset(&machine, 0, sizeof(machine));
    machine.ecx1 = UINT32_C(1) << 31;
    machine.kvm_base = 0x40000000;
    machine.max_leaf = 0x40000010;
    machine.features = PVCLOCK_FEATURE_CLOCK | PVCLOCK_FEATURE_CLOCK_OLD;
    machine.khz = 2300000;
}

static void the_host_is_found_at_any_base(void **state)
{
    struct pvclock_host host;
    unsigned bases = 0;

    (void)state;
    for (uint32_t base = 0x40000000; base <= 0x4000ff00; base += 0x100) {
        fresh_machine();
        machine.kvm_base = base;
        machine.max_leaf = base + 0x10;
        assert_int_equal(pvclock_host_find(&machine_ops, &host), PVCLOCK_OK);
        assert_int_equal(host.base, base);
        assert_int_equal(host.tsc_khz, 2300000);
        assert_int_equal(host.msr_system_time, 0x4b564d01);
        assert_int_equal(host.msr_wall_clock, 0x4b564d00);
        bases++;
    }
    fresh_machine();
    machine.max_leaf = 0; /* means base + 1 */
    machine.features = PVCLOCK_FEATURE_CLOCK_OLD;
    assert_int_equal(pvclock_host_find(&machine_ops, &host), PVCLOCK_OK);
    assert_int_equal(host.tsc_khz, 0);
    assert_int_equal(host.msr_system_time, 0x12);
    assert_int_equal(host.msr_wall_clock, 0x11);
    machine.features = 0;
    assert_int_equal(pvclock_host_find(&machine_ops, &host), PVCLOCK_NOT_READY);
    assert_int_equal(host.base, 0x40000000);
    machine.kvm_base = 0x40010000;
    assert_int_equal(pvclock_host_find(&machine_ops, &host), PVCLOCK_NOT_READY);
    assert_int_equal(host.base, 0);
    fresh_machine();
    machine.ecx1 = ~(UINT32_C(1) << 31);
    memset(&host, 0xff, sizeof(host));
    assert_int_equal(pvclock_host_find(&machine_ops, &host), PVCLOCK_NOT_READY);
    assert_true(host.base == 0 && host.features == 0 && host.tsc_khz == 0);
    assert_true(host.msr_system_time == 0 && host.msr_wall_clock == 0);
    /* All twelve letters count. */
    for (int word = 1; word <= 3; word++) {
        fresh_machine();
        machine.wrong_word = word;
        assert_int_equal(pvclock_host_find(&machine_ops, &host), PVCLOCK_NOT_READY);
        assert_int_equal(host.base, 0);
    }
    /* Without the leaf of the frequency another one may answer in its place. */
    fresh_machine();
    machine.max_leaf = 0x4000000f;
    assert_int_equal(pvclock_host_find(&machine_ops, &host), PVCLOCK_OK);
    assert_int_equal(host.tsc_khz, 0);
    /* Each pair of MSRs is of its own bit. */
    machine.features = ~(uint32_t)(PVCLOCK_FEATURE_CLOCK | PVCLOCK_FEATURE_CLOCK_OLD);
    assert_int_equal(pvclock_host_find(&machine_ops, &host), PVCLOCK_NOT_READY);
    assert_int_equal(host.features, machine.features);
    machine.features |= PVCLOCK_FEATURE_CLOCK;
    assert_int_equal(pvclock_host_find(&machine_ops, &host), PVCLOCK_OK);
    assert_int_equal(host.msr_system_time, 0x4b564d01);
    figures("%u bases", bases);
}

static void registration_proves_that_the_page_lives(void **state)
{
    struct pvclock_host host;
    bool registered = true;
    uint64_t epoch;

    (void)state;
    fresh_machine();
    assert_int_equal(pvclock_host_find(&machine_ops, &host), PVCLOCK_OK);
    /* A virtual address that is not the physical one: the MSR gets the physical. */
    assert_int_equal(pvclock_host_enable(&machine_ops, &host, &pages[0], 0xabcdef000, &registered),
                     PVCLOCK_OK);
    assert_true(registered);
    assert_true(machine.msr == 0x4b564d01 && machine.value == 0xabcdef001);
    assert_int_equal(pvclock_host_disable(&machine_ops, &host, &registered), PVCLOCK_OK);
    assert_true(machine.msr == 0x4b564d01 && machine.value == 0 && machine.writes == 2);
    assert_false(registered);
    /* Not enabled: no MSR is touched. */
    assert_int_equal(pvclock_host_disable(&machine_ops, &host, &registered), PVCLOCK_OK);
    assert_int_equal(machine.writes, 2);

    /* The host never writes: an error, and the MSR is off again. */
    machine.host_is_dead = true;
    assert_int_equal(pvclock_host_enable(&machine_ops, &host, &pages[0], 0x1000, &registered),
                     PVCLOCK_NOT_READY);
    assert_true(!registered && machine.value == 0 && machine.writes == 4);
    /* A place that the host would ignore: no MSR is touched. */
    assert_int_equal(pvclock_host_enable(&machine_ops, &host, &pages[0], 0x2000 - 16, &registered),
                     PVCLOCK_BAD_VALUE);
    assert_true(!registered && machine.writes == 4);
    machine.msr_faults = true;
    assert_int_equal(pvclock_host_enable(&machine_ops, &host, &pages[0], 0x1000, &registered),
                     PVCLOCK_NOT_READY);
    assert_false(registered);
    assert_int_equal(pvclock_host_disable(&machine_ops, &host, &registered), PVCLOCK_OK);
    assert_int_equal(machine.writes, 5);
    epoch = 7;
    assert_int_equal(pvclock_host_wall(&machine_ops, &host, &wall, 0x3000, &epoch),
                     PVCLOCK_NOT_READY);
    assert_int_equal(epoch, PVCLOCK_NO_TIME);
    /* The host goes on writing to a vCPU that could not be switched off. */
    registered = true;
    assert_int_equal(pvclock_host_disable(&machine_ops, &host, &registered), PVCLOCK_NOT_READY);
    assert_true(registered);
    machine.writes = 5;

    /* The wall clock is asked again each time. */
    machine.msr_faults = false;
    assert_int_equal(pvclock_host_wall(&machine_ops, &host, &wall, 0x3000, &epoch), PVCLOCK_OK);
    assert_true(machine.msr == 0x4b564d00 && machine.value == 0x3000);
    assert_int_equal(epoch, UINT64_C(1700000000000000006));
    assert_int_equal(pvclock_host_wall(&machine_ops, &host, &wall, 0x3000, &epoch), PVCLOCK_OK);
    assert_int_equal(epoch, UINT64_C(1700000000000000007));
    assert_int_equal(pvclock_host_wall(&machine_ops, &host, &wall, 0x4000 - 8, &epoch),
                     PVCLOCK_BAD_VALUE);
    assert_int_equal(epoch, PVCLOCK_NO_TIME);

    /* Without a clock there is no MSR to write. */
    machine.writes = 0;
    host.msr_system_time = host.msr_wall_clock = 0;
    registered = true;
    assert_int_equal(pvclock_host_enable(&machine_ops, &host, &pages[0], 0x1000, &registered),
                     PVCLOCK_NOT_READY);
    assert_false(registered);
    assert_int_equal(pvclock_host_wall(&machine_ops, &host, &wall, 0x3000, &epoch),
                     PVCLOCK_NOT_READY);
    assert_int_equal(machine.writes, 0);
}

static void assert_choice(enum pvclock_order order, bool either, const char *why)
{
    struct pvclock_tsc_choice choice = {PVCLOCK_RELAXED, !either, NULL};

    pvclock_host_tsc_choice(&machine_ops, &choice);
    assert_int_equal(choice.order, order);
    assert_int_equal(choice.either, either);
    assert_string_equal(choice.why, why);
    assert_int_equal(pvclock_host_tsc_order(&machine_ops), order);
}

static void the_ordered_tsc_read_fits_the_cpu(void **state)
{
    static const char amd[] = "AuthenticAMD", intel[] = "GenuineIntel";
    static const char may_not[] = "LFENCE may not serialize", none[] = "it has no RDTSCP";

    (void)state;
    fresh_machine();
    machine.vendor = amd;
    machine.ext_max = 0x80000008;
    machine.ext1 = UINT32_C(1) << 27;
    machine.ext21 = UINT32_MAX; /* past the last leaf */
    assert_choice(PVCLOCK_RDTSCP, false, may_not);
    machine.ext1 = ~(UINT32_C(1) << 27);
    assert_choice(PVCLOCK_LFENCE, false, none);
    machine.ext1 = UINT32_MAX;
    machine.ext_max = 0x80000001;
    assert_choice(PVCLOCK_RDTSCP, false, may_not);
    machine.ext_max = 0x80010000;
    machine.ext21 = ~(UINT32_C(1) << 2);
    assert_choice(PVCLOCK_RDTSCP, false, may_not);
    machine.ext_max = 0x80010001; /* no number of a leaf */
    assert_choice(PVCLOCK_LFENCE, false, none);
    /* A CPU without extended leaves repeats an ordinary one. */
    machine.ext1 = machine.ext21 = UINT32_MAX;
    machine.ext_max = 0x7280203;
    assert_choice(PVCLOCK_LFENCE, false, none);
    machine.ext_max = 0x80000000;
    assert_choice(PVCLOCK_LFENCE, false, none);

    /* LFENCE where it serializes: CPUID says so, or it is Intel's; RDTSCP is another way then. */
    for (unsigned rdtscp = 0; rdtscp < 2; rdtscp++) {
        machine.ext1 = rdtscp << 27;
        machine.vendor = amd;
        machine.ext_max = 0x80000021;
        machine.ext21 = UINT32_C(1) << 2;
        assert_choice(PVCLOCK_LFENCE, rdtscp != 0, "LFENCE always serializes");
        machine.ext_max = 0x80000020;
        assert_choice(rdtscp != 0 ? PVCLOCK_RDTSCP : PVCLOCK_LFENCE, false,
                      rdtscp != 0 ? may_not : none);
        machine.vendor = intel;
        assert_choice(PVCLOCK_LFENCE, rdtscp != 0, "it is Intel's");
        machine.vendor = "GenuineTMx86";
        assert_choice(rdtscp != 0 ? PVCLOCK_RDTSCP : PVCLOCK_LFENCE, false,
                      rdtscp != 0 ? may_not : none);
    }
}

static unsigned cost_of[2], disturbed;

/* Each read costs what the test says; now and then an interrupt comes in between. */
static void script_costs(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    pvclock_mock.tsc += cost_of[step == PVCLOCK_MOCK_TSC_RDTSCP];
    if (++disturbed % 100 == 0)
        pvclock_mock.tsc += 10000;
}

static void the_cheaper_tsc_read_is_measured(void **state)
{
    static const struct {
        unsigned lfence, rdtscp;
        enum pvclock_order order;
    } cases[] = {
        {50, 60, PVCLOCK_LFENCE},         {60, 50, PVCLOCK_RDTSCP},
        {50, 50, PVCLOCK_LFENCE},         {100, 99, PVCLOCK_LFENCE},
        {100, 98, PVCLOCK_RDTSCP},        {100000, 200000, PVCLOCK_LFENCE},
        {200000, 100000, PVCLOCK_RDTSCP},
    };

    (void)state;
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct pvclock_tsc_choice choice = {PVCLOCK_LFENCE, true, "x"};

        fresh();
        cost_of[0] = cases[c].lfence;
        cost_of[1] = cases[c].rdtscp;
        pvclock_mock.script = script_costs;
        pvclock_tsc_measure(&choice);
        assert_int_equal(choice.order, cases[c].order);
        assert_string_equal(choice.why, choice.order == PVCLOCK_RDTSCP
                                            ? "it was measured to cost less"
                                            : "RDTSCP was measured to cost no less");
        /* 1 ms at 3 GHz, or a piece of each. */
        assert_true(steps() == 1 + 2 * 64 || pvclock_mock.tsc < 4000000);
        /* Where one is not in order, nothing is measured. */
        choice = (struct pvclock_tsc_choice){PVCLOCK_RDTSCP, false, "x"};
        fresh();
        pvclock_mock.script = script_costs;
        pvclock_tsc_measure(&choice);
        assert_int_equal(choice.order, PVCLOCK_RDTSCP);
        assert_string_equal(choice.why, "x");
    }
}

static void names_are_names(void **state)
{
    (void)state;
    static const char *const all[] = {"ok",        "clamped",  "not ready", "busy",
                                      "bad scale", "overflow", "bad value"};
    for (unsigned i = 0; i <= PVCLOCK_BAD_VALUE; i++)
        assert_string_equal(pvclock_status_name((enum pvclock_status)i), all[i]);
    assert_string_equal(pvclock_status_name((enum pvclock_status)(PVCLOCK_BAD_VALUE + 1)), "?");
    assert_string_equal(pvclock_status_name((enum pvclock_status)255), "?");
}

static void script_publish(enum pvclock_mock_step step, const volatile void *address)
{
    const struct pvclock_vcpu_time_info *page = &pages[0];

    (void)address;
    assert_int_equal(page->version & 1, 1);
    assert_int_equal(page->system_time, step == PVCLOCK_MOCK_STORE_FENCE ? 1000 : 22);
    script_trace(step, address);
}

/* Programs built against an earlier archive of the same PVCLOCK_LIBRARY_ABI know these. */
static void the_numbers_are_of_the_binary_interface(void **state)
{
    static const int statuses[] = {PVCLOCK_OK,       PVCLOCK_CLAMPED,   PVCLOCK_NOT_READY,
                                   PVCLOCK_BUSY,     PVCLOCK_BAD_SCALE, PVCLOCK_OVERFLOW,
                                   PVCLOCK_BAD_VALUE};
    static const int orders[] = {PVCLOCK_LFENCE, PVCLOCK_RDTSCP, PVCLOCK_RELAXED};

    (void)state;
    for (int i = 0; i < 7; i++)
        assert_int_equal(statuses[i], i);
    for (int i = 0; i < 3; i++)
        assert_int_equal(orders[i], i);
}

static void publish_is_the_protocol(void **state)
{
    const struct pvclock_snapshot values = {11, 22, 99, 33, -4, 3};
    struct pvclock_snapshot back;

    (void)state;
    fresh();
    traced = 0;
    pvclock_mock.script = script_publish;
    pvclock_publish(&pages[0], &values);
    pvclock_mock.script = NULL;
    assert_true(traced == 2 && trace[0] == PVCLOCK_MOCK_STORE_FENCE &&
                trace[1] == PVCLOCK_MOCK_STORE);
    assert_int_equal(pages[0].version, 4);
    pages[0].version = 9; /* a writer died */
    pvclock_publish(&pages[0], &values);
    assert_int_equal(pages[0].version, 10);
    assert_int_equal(pvclock_take_snapshot(&pages[0], &back), PVCLOCK_OK);
    assert_true(back.tsc_timestamp == 11 && back.system_time == 22 && back.version == 10 &&
                back.mul == 33 && back.shift == -4 && back.flags == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stuck_writer_gives_busy),
        cmocka_unit_test(busy_takes_all_the_tries),
        cmocka_unit_test(a_page_that_never_rests_gives_busy),
        cmocka_unit_test(an_odd_version_is_not_believed),
        cmocka_unit_test(an_update_at_any_step_is_not_torn),
        cmocka_unit_test(versions_2_3_3_are_not_accepted),
        cmocka_unit_test(a_wrapped_version_is_a_version),
        cmocka_unit_test(a_page_never_written_is_not_ready),
        cmocka_unit_test(a_negative_delta_is_clamped),
        cmocka_unit_test(the_tsc_is_read_between_the_versions),
        cmocka_unit_test(an_ordinary_page_is_read_inline),
        cmocka_unit_test(a_moved_thread_reads_its_new_page),
        cmocka_unit_test(no_page_past_the_last_is_read),
        cmocka_unit_test(a_thread_that_always_moves_gives_busy),
        cmocka_unit_test(a_thread_that_went_away_and_came_back_is_seen),
        cmocka_unit_test(a_word_that_never_rests_gives_busy),
        cmocka_unit_test(the_cas_guard_does_not_step_back),
        cmocka_unit_test(the_slots_do_not_step_back),
        cmocka_unit_test(skewed_pages_with_a_guard_do_not_step_back),
        cmocka_unit_test(stopped_is_taken_once_and_the_rest_is_kept),
        cmocka_unit_test(stable_needs_both_bits),
        cmocka_unit_test(the_wall_clock_is_a_pair),
        cmocka_unit_test(the_wall_clock_is_exact),
        cmocka_unit_test(the_date_has_an_era),
        cmocka_unit_test(the_date_moves_with_the_page),
        cmocka_unit_test(a_date_that_does_not_fit_overflows),
        cmocka_unit_test(without_a_value_there_is_none),
        cmocka_unit_test(a_gap_loses_nothing),
        cmocka_unit_test(a_structure_that_crosses_a_page_is_refused),
        cmocka_unit_test(a_page_is_prepared_whole),
        cmocka_unit_test(the_abi_is_kvms),
        cmocka_unit_test(the_host_is_found_at_any_base),
        cmocka_unit_test(registration_proves_that_the_page_lives),
        cmocka_unit_test(the_ordered_tsc_read_fits_the_cpu),
        cmocka_unit_test(the_cheaper_tsc_read_is_measured),
        cmocka_unit_test(publish_is_the_protocol),
        cmocka_unit_test(the_numbers_are_of_the_binary_interface),
        cmocka_unit_test(names_are_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
