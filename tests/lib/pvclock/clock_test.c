/* SPDX-License-Identifier: 0BSD */
/*
 * The clock of clock.h before a host that does anything at any step: threads move, other threads
 * and interrupt handlers read in between, the guest is paused with and without a word, the clock
 * is set forward and back, STABLE goes and comes.
 *
 * The model keeps what KVM keeps: a vCPU's structure is written before that vCPU runs.
 */
#include "tests/check.h"

#include <string.h>

#ifdef TEST_SINGLE_HEADER
#include TEST_SINGLE_HEADER
#else
#include <pvclock/clock.h>
#endif

enum { CPUS = 3, HZ_SHIFT = -1 };

struct pvclock_mock pvclock_mock;

static struct pvclock_clock clock;
static struct pvclock_clock_vcpu vcpus[CPUS];
static struct pvclock_vcpu_time_info pages[CPUS];

/* ---- The host ---------------------------------------------------------- */

static struct {
    uint64_t tsc, ns; /* the host's clock is ns at tsc and runs at 2 cycles a ns */
    uint8_t flags;
    bool pending[CPUS]; /* its structure is to be written before it runs */
    int64_t skew[CPUS]; /* ns, without STABLE */
} host;

static uint64_t host_ns(uint32_t cpu)
{
    uint64_t skew = host.flags & PVCLOCK_FLAG_TSC_STABLE ? 0 : (uint64_t)host.skew[cpu];

    return host.ns + ((pvclock_mock.tsc - host.tsc) >> 1) + skew;
}

static void enter(uint32_t cpu)
{
    pvclock_mock.aux = cpu;
    pvclock_mock.word = (pvclock_mock.word & ~(uint64_t)UINT32_MAX) | cpu;
    if (!host.pending[cpu])
        return;
    host.pending[cpu] = false;
    pages[cpu].version += 2;
    pages[cpu].tsc_timestamp = pvclock_mock.tsc;
    pages[cpu].system_time = host_ns(cpu);
    pages[cpu].tsc_to_system_mul = UINT32_MAX;
    pages[cpu].tsc_shift = HZ_SHIFT;
    pages[cpu].flags = host.flags;
}

static void move(uint32_t cpu)
{
    pvclock_mock.word += UINT64_C(1) << 32;
    enter(cpu);
}

/* The vCPU that ran is not the first to run again. */
static bool pause_is_not_entered;

/* All vCPUs stop; the host's clock goes on from `ns` more, `cycles` later. */
static void host_acts(uint64_t cycles, uint64_t ns, uint8_t flags)
{
    uint64_t now = host.ns + ((pvclock_mock.tsc - host.tsc) >> 1);

    pvclock_mock.tsc += cycles;
    host.tsc = pvclock_mock.tsc;
    host.ns = now + ns;
    host.flags = flags;
    for (uint32_t i = 0; i < CPUS; i++)
        host.pending[i] = true;
    if (!pause_is_not_entered)
        enter(pvclock_mock.aux);
}

/* ---- The guest --------------------------------------------------------- */

static uint64_t seed;
static uint64_t told;    /* the latest time that any read has returned */
static uint64_t ceiling; /* the latest uptime of any structure of a vCPU that ran */
static unsigned depth;
static bool quiet; /* the host and the other threads let it be */
static unsigned long long reads, held, guarded;

static const uint64_t window_ns = (UINT64_C(1) << PVCLOCK_CLOCK_WINDOW) / 2 + 2;

static void look_at_ceiling(void)
{
    const struct pvclock_vcpu_time_info *page = &pages[pvclock_mock.aux];
    uint64_t ns =
        page->system_time + pvclock_multiply_high((pvclock_mock.tsc - page->tsc_timestamp) >> 1,
                                                  (uint64_t)page->tsc_to_system_mul << 32);

    if (clock.base != PVCLOCK_NO_TIME && (int64_t)(ns + clock.base - ceiling) > 0)
        ceiling = ns + clock.base;
}

static void read_once(void)
{
    static uint32_t hint;
    uint64_t before = told;
    uint32_t r = (uint32_t)next_random(&seed) % 5;
    struct pvclock_reading reading;

    if (r == 0)
        reading = pvclock_clock_read(&clock, PVCLOCK_BY_RDPID);
    else if (r == 1)
        reading = pvclock_clock_read(&clock, PVCLOCK_BY_RDTSCP);
    else if (r == 2)
        reading = pvclock_clock_read(&clock, PVCLOCK_BY_WORD);
    else if (r == 3)
        reading = pvclock_clock_read_hint(&clock, &hint);
    else
        reading = pvclock_clock_read_slow(&clock, PVCLOCK_BY_WORD);
    assert_that(reading.ns >= before, "%llu steps back by %llu (flags %llx)",
                (unsigned long long)before, (unsigned long long)(before - reading.ns),
                (unsigned long long)reading.flags);
    look_at_ceiling();
    assert_that(clock.base == PVCLOCK_NO_TIME || reading.ns <= ceiling + window_ns ||
                    reading.ns <= told || (reading.flags & PVCLOCK_READ_WITHOUT) != 0,
                "%llu is %llu past what any structure said", (unsigned long long)reading.ns,
                (unsigned long long)(reading.ns - ceiling));
    if (told < reading.ns)
        told = reading.ns;
    reads++;
    held += (reading.flags & PVCLOCK_READ_HELD) != 0;
    guarded += (reading.flags & PVCLOCK_READ_GUARDED) != 0;
}

static void attach_some(void)
{
    uint32_t cpu = pvclock_mock.aux;

    if (clock.vcpus[cpu].clock_page == NULL)
        pvclock_clock_attach(&clock, cpu, &pages[cpu]);
}

/*
 * Whether all vCPUs are attached, or none is.  One that is not reads another one's structure, which
 * after a pause may be the old one: then uptime is ahead by the pause.
 */
static bool may_pause(void)
{
    unsigned attached = 0;

    for (uint32_t cpu = 0; cpu < CPUS; cpu++)
        attached += vcpus[cpu].clock_page != NULL;
    return attached == 0 || attached == CPUS;
}

static void attach_some(void);
static void others_read(uint32_t cpu);

static void host_event(uint64_t r)
{
    switch (r % 16) {
    case 0: /* a pause: the TSC goes on */
        if (may_pause())
            host_acts(UINT64_C(44000000000), 0, host.flags);
        break;
    case 1:
        if (may_pause())
            host_acts(UINT64_C(44000000000), 0, host.flags | PVCLOCK_FLAG_GUEST_STOPPED);
        break;
    case 2: /* set back, mostly by little: or time would stand most of the time */
    case 3:
    case 4:
        host_acts(0, 0 - ((r >> 16 & 0x3ffffff) >> (r >> 48 & 31)), host.flags);
        break;
    case 5: /* set forward */
    case 6:
        host_acts(0, r >> 16 & 0x3ffffff, host.flags);
        break;
    case 7: /* STABLE goes or comes, mostly to come */
        for (int i = 0; i < CPUS; i++)
            host.skew[i] = (int64_t)(next_random(&seed) & 0xffff) - 0x8000;
        host_acts(0, 0, r >> 16 & 3 ? host.flags | PVCLOCK_FLAG_TSC_STABLE : 0);
        break;
    case 8: /* nothing but a new version, and the rounding of its own */
        host_acts(0, r >> 16 & 1, host.flags);
        break;
    case 9:
        attach_some();
        break;
    default:
        return;
    }
    /* What others make of it, and when, is what a reader in the middle depends on. */
    if (r >> 60 & 1)
        pvclock_mock.tsc += r >> 20 & 0x7ffffff;
    if (r >> 61 & 1)
        others_read((uint32_t)(r >> 40) % CPUS);
    if (r >> 62 & 1)
        move((uint32_t)(r >> 42) % CPUS);
}

/* Somebody else reads on another vCPU, and this thread goes on where it was. */
static void others_read(uint32_t cpu)
{
    uint32_t here = pvclock_mock.aux;

    if (depth >= 3)
        return;
    depth++;
    move(cpu);
    read_once();
    move(here);
    depth--;
}

static void step(enum pvclock_mock_step what, const volatile void *address)
{
    uint64_t r = next_random(&seed);

    (void)what;
    (void)address;
    look_at_ceiling();
    pvclock_mock.tsc += r % 64;
    if (quiet)
        return;
    r >>= 8;
    switch (r % 512) {
    case 0:
    case 1:
    case 2:
        move((uint32_t)(r >> 16) % CPUS);
        break;
    case 3:
    case 4:
        others_read((uint32_t)(r >> 16) % CPUS);
        break;
    case 5: /* an interrupt handler reads */
        if (depth < 3) {
            depth++;
            read_once();
            depth--;
        }
        break;
    case 6:
        pvclock_mock.tsc += r >> 32 & 0xffffff;
        break;
    default:
        break;
    }
    r >>= 9;
    if (r % 1024 == 0)
        host_event(next_random(&seed));
}

static void fresh(uint64_t hz)
{
    memset(&pvclock_mock, 0, sizeof(pvclock_mock));
    memset(pages, 0, sizeof(pages));
    memset(vcpus, 0, sizeof(vcpus));
    memset(&host, 0, sizeof(host));
    told = ceiling = 0;
    pause_is_not_entered = false;
    depth = 0;
    pvclock_mock.tsc = UINT64_C(123456789012);
    host.tsc = pvclock_mock.tsc;
    host.ns = UINT64_C(100) << 40;
    host_acts(0, 0, PVCLOCK_FLAG_TSC_STABLE);
    assert_int_equal(pvclock_clock_init(&clock, vcpus, CPUS, PVCLOCK_FEATURE_TSC_STABLE,
                                        PVCLOCK_LFENCE, hz, pvclock_mock.tsc),
                     PVCLOCK_OK);
    pvclock_mock.script = step;
}

static void never_steps_back(void **state)
{
    unsigned long long count = test_count() / 4;

    (void)state;
    seed = test_seed + 1;
    quiet = false;
    reads = held = guarded = 0;
    for (unsigned long long i = 0; i < count; i++) {
        if (i % 2048 == 0)
            fresh(i % 4096 ? UINT64_C(2000000000) : 0);
        if (i % 2048 == 64) {
            for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
                enter(cpu);
                attach_some();
            }
        }
        read_once();
    }
    figures("%llu reads, %llu through the guard, %llu held", reads, guarded, held);
    assert_true(held > 0 && guarded > held && guarded < reads);
}

/* ---- Without a host that moves ----------------------------------------- */

static void start(uint64_t hz)
{
    fresh(hz);
    quiet = true;
    pvclock_mock.script = NULL;
}

static void attach_all(void)
{
    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        move(cpu);
        pvclock_clock_attach(&clock, cpu, &pages[cpu]);
    }
}

static uint64_t now_ns(void)
{
    return pvclock_clock_ns(&clock, PVCLOCK_BY_WORD);
}

/* As a kernel's vCPUs do soon after they were attached. */
static void attach_and_read_all(void)
{
    attach_all();
    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        move(cpu);
        (void)now_ns();
    }
}

/* 2 GHz, and the structures' multiplier is rounded down. */
static void assert_ns(uint64_t ns, uint64_t about)
{
    assert_that(ns <= about && about - ns <= 1 + about / 1000000000, "%llu, not %llu",
                (unsigned long long)ns, (unsigned long long)about);
}

static void counts_before_there_is_a_structure(void **state)
{
    (void)state;
    start(UINT64_C(2000000000));
    assert_int_equal(now_ns(), 0);
    pvclock_mock.tsc += 2000;
    assert_ns(now_ns(), 1000);
    move(1);
    assert_int_equal(pvclock_clock_read(&clock, PVCLOCK_BY_RDPID).flags,
                     PVCLOCK_READ_WITHOUT | PVCLOCK_READ_GUARDED);
    pvclock_mock.tsc += 20000000;
    attach_all();
    assert_ns(now_ns(), 10001000);
    pvclock_mock.tsc += 2000;
    assert_ns(now_ns(), 10002000);
    assert_int_equal(pvclock_clock_read(&clock, PVCLOCK_BY_RDPID).flags, PVCLOCK_FLAG_TSC_STABLE);
}

static void stands_at_0_without_a_frequency(void **state)
{
    (void)state;
    start(0);
    pvclock_mock.tsc += 2000;
    assert_int_equal(now_ns(), 0);
    attach_all();
    assert_int_equal(now_ns(), 0);
    pvclock_mock.tsc += 2000;
    assert_ns(now_ns(), 1000);
    assert_int_equal(pvclock_clock_init(&clock, vcpus, CPUS, 0, PVCLOCK_LFENCE, UINT64_MAX, 0),
                     PVCLOCK_BAD_VALUE);
    assert_int_equal(now_ns(), 0);
}

static uint32_t call_for_vcpu(void *context)
{
    return *(uint32_t *)context;
}

/* Each way to find the vCPU reads that vCPU's structure, and costs what it is said to cost. */
static void every_way_reads_the_own_structure(void **state)
{
    const enum pvclock_vcpu_by ways[] = {PVCLOCK_BY_RDPID, PVCLOCK_BY_RDTSCP, PVCLOCK_BY_WORD,
                                         PVCLOCK_BY_CALL};
    uint32_t hint = 77;

    (void)state;
    start(0);
    attach_and_read_all();
    clock.this_vcpu = call_for_vcpu;
    clock.context = &pvclock_mock.aux;
    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        uint64_t ahead = (uint64_t)(cpu + 1) << 20;

        host.pending[cpu] = true;
        host.ns += ahead;
        move(cpu);
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
            pvclock_mock.tsc += 2000;
            assert_ns(pvclock_clock_ns(&clock, ways[i]), host_ns(cpu) + clock.base);
            memset(pvclock_mock.count, 0, sizeof(pvclock_mock.count));
            assert_ns(pvclock_clock_ns(&clock, ways[i]), host_ns(cpu) + clock.base);
            assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_TSC_LFENCE] +
                                 pvclock_mock.count[PVCLOCK_MOCK_TSC_RDTSCP],
                             ways[i] == PVCLOCK_BY_RDTSCP ? 2 : 1);
        }
        assert_ns(pvclock_clock_read_hint(&clock, &hint).ns, host_ns(cpu) + clock.base);
        assert_int_equal(hint, cpu);
        memset(pvclock_mock.count, 0, sizeof(pvclock_mock.count));
        assert_ns(pvclock_clock_read_hint(&clock, &hint).ns, host_ns(cpu) + clock.base);
        assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_TSC_RDTSCP], 1);
        assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_TSC_LFENCE], 0);
    }
}

/* The hot path takes whatever shift a host gives. */
static void every_shift_is_read_on_the_hot_path(void **state)
{
    (void)state;
    for (int shift = 0; shift >= -4; shift--) {
        uint64_t before;

        start(0);
        attach_and_read_all();
        move(0);
        pages[0].tsc_to_system_mul = 0x80000000;
        pages[0].tsc_shift = (int8_t)shift;
        pages[0].tsc_timestamp = pvclock_mock.tsc;
        pages[0].version += 2;
        before = now_ns();
        memset(pvclock_mock.count, 0, sizeof(pvclock_mock.count));
        pvclock_mock.tsc += 32000;
        assert_int_equal(now_ns() - before, 16000 >> -shift);
        assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_TAKE_BITS], 0);
    }
}

/* The hot path is left once a window, and not between. */
static void goes_the_long_way_once_a_window(void **state)
{
    (void)state;
    start(0);
    attach_and_read_all();
    (void)now_ns();
    for (unsigned window = 0; window < 3; window++) {
        for (unsigned i = 0; i < 4; i++) {
            memset(pvclock_mock.count, 0, sizeof(pvclock_mock.count));
            assert_ns(now_ns(), host_ns(pvclock_mock.aux) + clock.base);
            assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_TAKE_BITS], i == 0 && window > 0);
            pvclock_mock.tsc += (UINT64_C(1) << PVCLOCK_CLOCK_WINDOW) / 4;
        }
    }
}

/* Over a pause without a word, time goes on from where it was: it neither jumps nor stands long. */
static void a_pause_is_no_step(void **state)
{
    uint64_t before;

    (void)state;
    start(0);
    attach_and_read_all();
    pvclock_mock.tsc += 200000000;
    before = now_ns();
    host_acts(UINT64_C(44000000000), 0, host.flags);
    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        move(cpu);
        assert_in_range(now_ns() - before, 0, window_ns);
    }
    pvclock_mock.tsc += 2 * window_ns;
    assert_ns(now_ns() - before, window_ns);
    assert_int_equal(clock.steps, CPUS);
    assert_in_range(clock.step_ns + UINT64_C(22000000000), 0, 1000);
    assert_true(clock.due != clock.taken);
}

/* A structure that says less than was returned on another vCPU is waited for. */
static void time_stands_while_the_structure_is_behind(void **state)
{
    struct pvclock_reading reading;
    uint64_t before;

    (void)state;
    start(0);
    attach_and_read_all();
    pvclock_mock.tsc += 2000000000;
    move(1);
    before = now_ns();
    move(2);
    host_acts(0, 0 - UINT64_C(200000000), host.flags);
    reading = pvclock_clock_read(&clock, PVCLOCK_BY_WORD);
    assert_in_range(reading.ns - before, 0, window_ns);
    assert_int_equal(reading.flags,
                     PVCLOCK_FLAG_TSC_STABLE | PVCLOCK_READ_GUARDED | PVCLOCK_READ_HELD);
    assert_in_range(clock.step_ns + 200000000, 0, 1000);
    pvclock_mock.tsc += UINT64_C(400000000) + 4 * window_ns;
    reading = pvclock_clock_read(&clock, PVCLOCK_BY_WORD);
    assert_ns(reading.ns, host_ns(2) + clock.base);
    assert_int_equal(reading.flags, PVCLOCK_FLAG_TSC_STABLE);
}

/* A page that no reader can use: time goes on from the TSC, or stands, but does not step. */
/* A vCPU whose number is too large has no state here, whatever lies behind the array. */
static void a_vcpu_beyond_the_array_reads_another(void **state)
{
    static struct pvclock_clock_vcpu more[CPUS + 1];
    struct pvclock_vcpu_time_info wild;
    struct pvclock_reading reading;

    (void)state;
    start(0);
    wild = pages[0];
    wild.system_time += UINT64_C(1) << 40;
    assert_int_equal(pvclock_clock_init(&clock, more, CPUS + 1, PVCLOCK_FEATURE_TSC_STABLE,
                                        PVCLOCK_LFENCE, 0, pvclock_mock.tsc),
                     PVCLOCK_OK);
    attach_and_read_all();
    pvclock_clock_attach(&clock, CPUS, &wild);
    more[CPUS].version = wild.version;
    more[CPUS].from = pvclock_mock.tsc;
    more[CPUS].passed = clock.guard.last;
    clock.count = CPUS;
    pvclock_mock.aux = CPUS;
    pvclock_mock.word = CPUS;
    reading = pvclock_clock_read(&clock, PVCLOCK_BY_WORD);
    assert_int_equal(reading.flags & PVCLOCK_READ_WITHOUT, PVCLOCK_READ_WITHOUT);
    assert_ns(reading.ns, host_ns(0) + clock.base);
}

static void init_writes_the_clock_and_no_more(void **state)
{
    static struct {
        struct pvclock_clock clock;
        unsigned char after;
    } own = {.after = 0xa5};

    (void)state;
    start(0);
    assert_int_equal(pvclock_clock_init(&own.clock, vcpus, CPUS, 0, PVCLOCK_RDTSCP, 0, 0),
                     PVCLOCK_OK);
    assert_int_equal(own.after, 0xa5);
    /* The order is kept. */
    memset(pvclock_mock.count, 0, sizeof(pvclock_mock.count));
    (void)pvclock_clock_ns(&own.clock, PVCLOCK_BY_WORD);
    assert_true(pvclock_mock.count[PVCLOCK_MOCK_TSC_RDTSCP] > 0);
    assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_TSC_LFENCE], 0);
}

static void a_page_that_is_broken_is_no_step(void **state)
{
    uint64_t before;

    (void)state;
    start(UINT64_C(2000000000));
    attach_and_read_all();
    pvclock_mock.tsc += 2000000;
    before = now_ns();
    for (uint32_t cpu = 0; cpu < CPUS; cpu++)
        pages[cpu].version |= 1;
    pvclock_mock.tsc += 2000000;
    assert_in_range(now_ns() - before, 999000, 1001000);
    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        pages[cpu].version++;
        pages[cpu].system_time = UINT64_MAX;
    }
    pvclock_mock.tsc += 2000000;
    assert_in_range(now_ns() - before, 1999000, 2001000);
    for (uint32_t cpu = 0; cpu < CPUS; cpu++)
        pages[cpu].tsc_to_system_mul = 0;
    pvclock_mock.tsc += 2000000;
    assert_in_range(now_ns() - before, 2999000, 3001000);
}

static void attach_and_read_two(void)
{
    for (uint32_t cpu = 0; cpu < 2; cpu++) {
        move(cpu);
        pvclock_clock_attach(&clock, cpu, &pages[cpu]);
        (void)now_ns();
    }
    pvclock_mock.tsc += 400000;
}

static void a_vcpu_without_a_structure_reads_another_ones(void **state)
{
    struct pvclock_reading reading;

    (void)state;
    start(0);
    attach_and_read_two();
    pages[1].version |= 1; /* the host writes it */
    move(2);
    reading = pvclock_clock_read(&clock, PVCLOCK_BY_WORD);
    assert_ns(reading.ns, host_ns(0) + clock.base);
    assert_int_equal(reading.flags, PVCLOCK_READ_WITHOUT | PVCLOCK_READ_GUARDED);
}

/* The clock is set back: a vCPU without a structure knows what the others returned before. */
static void a_vcpu_without_a_structure_is_not_behind(void **state)
{
    uint64_t before;

    (void)state;
    for (uint64_t back = 0; back < 4; back++) {
        start(0);
        attach_and_read_two();
        before = now_ns();
        host_acts(0, 0 - back, host.flags);
        move(0);
        move(2);
        assert_in_range(now_ns() - before, 0, 1);
    }
    start(0);
    attach_and_read_two();
    before = now_ns();
    host_acts(0, 0 - UINT64_C(50000000), host.flags);
    move(0); /* writes its structure, and nobody reads it here */
    move(2);
    assert_in_range(now_ns() - before, 0, window_ns);
}

static void a_structure_that_begins_at_0_is_read(void **state)
{
    (void)state;
    start(0);
    host.ns = 0;
    host.tsc = pvclock_mock.tsc;
    host_acts(0, 0, host.flags);
    attach_all();
    move(0);
    assert_int_equal(pages[0].system_time, 0);
    assert_int_equal(pvclock_clock_read(&clock, PVCLOCK_BY_WORD).flags, PVCLOCK_FLAG_TSC_STABLE);
    /* Uptime begins at 0; set back to before that, it stands there. */
    start(0);
    attach_all();
    assert_int_equal(now_ns(), 0);
    host_acts(0, 0 - UINT64_C(1000000), host.flags);
    assert_int_equal(now_ns(), 0);
}

/* The host writes structures when it likes; a step is one of 5 ms or more, either way. */
static void what_is_written_anew_is_no_step(void **state)
{
    static const struct {
        int64_t ns;
        bool is_step;
    } changes[] = {{0, false},       {-4999000, false}, {4999000, false},
                   {-5001000, true}, {5001000, true},   {14000000, true}};

    (void)state;
    for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        start(0);
        attach_and_read_all();
        pvclock_mock.tsc += UINT64_C(2000000000);
        (void)now_ns();
        host_acts(0, (uint64_t)changes[i].ns, host.flags);
        (void)now_ns();
        assert_that(clock.steps == changes[i].is_step, "case %u", i);
        assert_int_equal(clock.due, clock.steps);
        if (changes[i].is_step)
            assert_in_range(clock.step_ns - (uint64_t)changes[i].ns + 1, 0, 2);
    }
}

static void flags_of_a_reading_are_none_of_the_hosts(void **state)
{
    const unsigned all = PVCLOCK_READ_GUARDED | PVCLOCK_READ_HELD | PVCLOCK_READ_WITHOUT;

    (void)state;
    assert_int_equal(all & UINT8_MAX, 0);
    assert_int_equal(__builtin_popcount(all), 3);
    assert_int_equal(all, PVCLOCK_READ_GUARDED + PVCLOCK_READ_HELD + PVCLOCK_READ_WITHOUT);
}

/* ---- What is done between two steps of a reading ----------------------- */

/* Before the `at`th step of a kind, does something; within it the steps are left alone. */
static struct {
    enum pvclock_mock_step step;
    unsigned at;
    void (*what)(void);
} between;

static void do_between(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    if (step != between.step || between.at == 0 || --between.at != 0)
        return;
    pvclock_mock.script = NULL;
    between.what();
    pvclock_mock.script = do_between;
}

static void plan(enum pvclock_mock_step step, unsigned at, void (*what)(void))
{
    between.step = step;
    between.at = at;
    between.what = what;
    pvclock_mock.script = do_between;
}

static void come_back(void)
{
    move(0);
}

static void pause_and_go_to_1(void)
{
    host_acts(UINT64_C(44000000000), 0, host.flags);
    move(1);
}

static void set_back_and_read_on_1(void)
{
    host_acts(0, 0 - UINT64_C(1000000), host.flags);
    move(1);
    told = now_ns();
    pvclock_mock.tsc += 2000;
}

static void set_back_and_plan_to_come_back(void)
{
    set_back_and_read_on_1();
    plan(PVCLOCK_MOCK_RDPID, 1, come_back);
}

/*
 * A thread reads the TSC on a vCPU that has a new structure, with the old one of a vCPU that has
 * not run since, and is back on that one before the end.
 */
static void a_thread_that_comes_back_reads_again(void **state)
{
    uint64_t ns;

    (void)state;
    start(0);
    attach_and_read_all();
    move(0);
    (void)now_ns();
    pause_is_not_entered = true;
    plan(PVCLOCK_MOCK_TSC_LFENCE, 1, set_back_and_plan_to_come_back);
    ns = pvclock_clock_ns(&clock, PVCLOCK_BY_RDPID);
    pvclock_mock.script = NULL;
    move(1);
    assert_true(now_ns() >= ns);
    assert_true(ns >= told);
}

/* A thread leaves its vCPU before it has noted what it read there; another vCPU looks meanwhile. */
static void a_thread_that_left_reads_again(void **state)
{
    uint64_t ns;

    (void)state;
    start(0);
    attach_and_read_all();
    move(0);
    pvclock_mock.tsc += 40000000;
    pause_is_not_entered = true;
    plan(PVCLOCK_MOCK_TAKE_BITS, 1, set_back_and_read_on_1);
    ns = pvclock_clock_read_slow(&clock, PVCLOCK_BY_WORD).ns;
    pvclock_mock.script = NULL;
    assert_true(now_ns() >= ns);
    assert_true(ns >= told);
}

static void go_to_1(void)
{
    move(1);
}

/* STABLE goes; the vCPU that sees it is ahead of another one, on which its reader ends. */
static void what_was_returned_outlives_stable(void **state)
{
    uint64_t before;

    (void)state;
    start(0);
    attach_and_read_all();
    move(0);
    pvclock_mock.tsc += 40000000;
    before = now_ns();
    host.skew[0] = 1000000;
    host.skew[1] = -1000000;
    host_acts(0, 0, 0);
    plan(PVCLOCK_MOCK_VCPU_WORD, 3, go_to_1);
    assert_true(pvclock_clock_read_slow(&clock, PVCLOCK_BY_WORD).ns >= before);
    assert_int_equal(pvclock_mock.aux, 1);
}

/* Whoever raises the guard has returned that time. */
static void a_raised_guard_is_seen_at_once(void **state)
{
    struct pvclock_reading reading;
    uint64_t before;

    (void)state;
    start(0);
    attach_and_read_all();
    before = now_ns();
    (void)pvclock_guard_cas(&clock.guard, before + 1000000);
    reading = pvclock_clock_read(&clock, PVCLOCK_BY_WORD);
    assert_int_equal(reading.ns, before + 1000000);
    assert_int_equal(reading.flags & PVCLOCK_READ_HELD, PVCLOCK_READ_HELD);
}

/* A thread reads the TSC on another vCPU after a pause: that must not be noted as returned. */
static void a_thread_that_leaves_notes_nothing(void **state)
{
    uint64_t before;

    (void)state;
    start(0);
    attach_and_read_all();
    move(0);
    before = now_ns();
    pause_is_not_entered = true;
    plan(PVCLOCK_MOCK_TSC_LFENCE, 1, pause_and_go_to_1);
    assert_in_range(pvclock_clock_read_slow(&clock, PVCLOCK_BY_WORD).ns - before, 0, window_ns);
}

static void a_handler_reads_later(void)
{
    pvclock_mock.tsc += 4000000;
    told = now_ns();
}

/*
 * The clock was set back by 1 ms.  A handler that interrupts a reader finds it past what was
 * returned, 2 ms later; the reader's TSC is from before that.
 */
static void a_reader_does_not_rely_on_a_later_look(void **state)
{
    uint64_t before;

    (void)state;
    start(0);
    attach_and_read_all();
    pvclock_mock.tsc += 4000000;
    before = now_ns();
    host_acts(0, 0 - UINT64_C(1000000), host.flags);
    plan(PVCLOCK_MOCK_VCPU_WORD, 2, a_handler_reads_later);
    assert_true(pvclock_clock_read_slow(&clock, PVCLOCK_BY_WORD).ns >= before);
    assert_true(told >= before);
}

static void deadlines_hold_while_the_version_does(void **state)
{
    struct pvclock_deadline_at at;

    (void)state;
    start(0);
    assert_int_equal(pvclock_clock_deadline(&clock, 1, 1000, &at), PVCLOCK_NOT_READY);
    assert_true(at.tsc == UINT64_MAX);
    attach_all();
    at.version = pages[1].version; /* there is a structure, but no base yet */
    assert_int_equal(pvclock_clock_deadline(&clock, 1, 1000, &at), PVCLOCK_NOT_READY);
    assert_false(pvclock_deadline_holds(&clock, &at));
    (void)now_ns();
    pvclock_mock.tsc += 20000;
    assert_int_equal(pvclock_clock_deadline(&clock, 1, now_ns() + 1000, &at), PVCLOCK_OK);
    assert_in_range(at.tsc - pvclock_mock.tsc, 2000, 2004);
    assert_true(pvclock_deadline_holds(&clock, &at));
    /* Past, even before the structure's origin. */
    assert_true(pvclock_has_time(pvclock_clock_deadline(&clock, 1, 0, &at)));
    assert_true(at.tsc <= pvclock_mock.tsc);
    host_acts(0, 5, host.flags);
    move(1);
    assert_false(pvclock_deadline_holds(&clock, &at));
}

static void cycles_and_ns_both_ways(void **state)
{
    const struct pvclock_snapshot rate = {
        .tsc_timestamp = 99, .system_time = 77, .version = 2, .mul = 0x80000000, .shift = 0};
    uint64_t value;

    (void)state;
    assert_int_equal(pvclock_cycles_to_ns(&rate, 2001, &value), PVCLOCK_OK);
    assert_int_equal(value, 1000);
    assert_int_equal(pvclock_ns_to_cycles(&rate, 1000, &value), PVCLOCK_OK);
    assert_int_equal(value, 2000);
    assert_int_equal(pvclock_ns_to_cycles(&rate, UINT64_MAX, &value), PVCLOCK_OVERFLOW);
}

static void tsc_goes_on(enum pvclock_mock_step step, const volatile void *address)
{
    (void)step;
    (void)address;
    pvclock_mock.tsc += 10;
}

static void a_delay_ends(void **state)
{
    const struct pvclock_snapshot rate = {.version = 2, .mul = 0x80000000, .shift = 0};
    const struct pvclock_snapshot none = {.version = 2};
    uint64_t began;

    (void)state;
    start(0);
    began = pvclock_mock.tsc;
    assert_int_equal(pvclock_delay(&none, PVCLOCK_LFENCE, 1000), PVCLOCK_BAD_SCALE);
    pvclock_mock.script = tsc_goes_on;
    assert_int_equal(pvclock_delay(&rate, PVCLOCK_LFENCE, 1000), PVCLOCK_OK);
    assert_in_range(pvclock_mock.tsc - began, 2000, 2100);
}

enum { SECOND = 1000000000 };

static void the_date_follows_its_policy(void **state)
{
    struct pvclock_date_policy policy = {.interval_ns = UINT64_C(60) * SECOND, .gap_ns = SECOND};
    const uint64_t epoch = UINT64_C(1800000000) * SECOND;
    struct pvclock_time time;
    uint64_t now;

    (void)state;
    start(0);
    assert_false(pvclock_clock_date_is_due(&clock, &policy, 0));
    attach_all();
    now = now_ns();
    assert_int_equal(pvclock_clock_time(&clock, PVCLOCK_BY_WORD, PVCLOCK_DATE).status,
                     PVCLOCK_NOT_READY);
    assert_true(pvclock_clock_time(&clock, PVCLOCK_BY_WORD, PVCLOCK_DATE).sec == UINT64_MAX);
    assert_true(pvclock_clock_date_is_due(&clock, &policy, now));
    /* Not taken over: still due. */
    assert_true(pvclock_clock_date_is_due(&clock, &policy, now));
    pvclock_clock_take_date(&clock, &policy, now, epoch);
    time = pvclock_clock_time(&clock, PVCLOCK_BY_WORD, PVCLOCK_DATE);
    assert_int_equal(time.status, PVCLOCK_OK);
    assert_int_equal(time.sec, 1800000000 + host_ns(0) / SECOND);

    /* At most every gap, when there is a reason, and at the interval without one. */
    clock.due++;
    assert_false(pvclock_clock_date_is_due(&clock, &policy, now + SECOND - 1));
    assert_true(pvclock_clock_date_is_due(&clock, &policy, now + SECOND));
    pvclock_clock_take_date(&clock, &policy, now + SECOND, epoch);
    assert_false(pvclock_clock_date_is_due(&clock, &policy, now + UINT64_C(60) * SECOND));
    assert_true(pvclock_clock_date_is_due(&clock, &policy, now + UINT64_C(61) * SECOND));
    /* A reason that comes after the question stays. */
    clock.due++;
    pvclock_clock_take_date(&clock, &policy, now + UINT64_C(61) * SECOND, epoch);
    assert_true(pvclock_clock_date_is_due(&clock, &policy, now + UINT64_C(62) * SECOND));

    /* Smoothed: 500 ppm of 10 s is 5 ms. */
    pvclock_clock_take_date(&clock, &policy, now + UINT64_C(62) * SECOND, epoch);
    policy.slew_ppm = 500;
    policy.slew_max_ns = SECOND;
    now += UINT64_C(72) * SECOND;
    {
        uint64_t before = clock.date;

        (void)pvclock_clock_date_is_due(&clock, &policy, now);
        pvclock_clock_take_date(&clock, &policy, now, epoch + 8000000);
        assert_int_equal(clock.date - before, 4999999);
        now += UINT64_C(10) * SECOND;
        assert_true(pvclock_clock_date_is_due(&clock, &policy, now));
        pvclock_clock_take_date(&clock, &policy, now, epoch + 8000000);
        assert_int_equal(clock.date - before, 8000000);
        assert_false(pvclock_clock_date_is_due(&clock, &policy, now + SECOND));
        pvclock_clock_take_date(&clock, &policy, now + UINT64_C(10) * SECOND, epoch - 2000000);
        assert_int_equal(before + 8000000 - clock.date, 4999999);
        /* A step. */
        pvclock_clock_take_date(&clock, &policy, now + UINT64_C(20) * SECOND,
                                epoch + UINT64_C(3600) * SECOND);
        assert_int_equal(clock.date - before, UINT64_C(3600) * SECOND);
    }
}

/* What is smoothed is done when no more is left than may be taken over at once. */
static void a_change_within_the_policy_is_taken_over_whole(void **state)
{
    const struct pvclock_date_policy policy = {
        .gap_ns = SECOND, .slew_ppm = 500, .slew_max_ns = SECOND};
    const uint64_t epoch = UINT64_C(1800000000) * SECOND, interval = UINT64_C(10) * SECOND;
    uint64_t now, first, most;

    (void)state;
    start(0);
    attach_all();
    now = now_ns();
    pvclock_clock_take_date(&clock, &policy, now, epoch);
    first = clock.date;
    now += interval;
    (void)pvclock_clock_date_is_due(&clock, &policy, now);
    pvclock_clock_take_date(&clock, &policy, now, epoch + 8000000);
    assert_true(clock.taken != clock.asked);
    most = clock.date - first;
    now += interval;
    pvclock_clock_take_date(&clock, &policy, now, epoch + 2 * most);
    assert_int_equal(clock.date - first, 2 * most);
    assert_int_equal(clock.taken, clock.asked);
    now += interval;
    pvclock_clock_take_date(&clock, &policy, now, epoch + 3 * most + 1);
    assert_int_equal(clock.date - first, 3 * most);
    assert_true(clock.taken != clock.asked);
    /* Of all dates one is the number that says that there is none. */
    pvclock_clock_set_date(&clock, now - 1, now);
    assert_true(clock.date == PVCLOCK_NO_TIME - 1);
}

static void a_suspend_stops_uptime_only(void **state)
{
    uint64_t before;

    (void)state;
    start(0);
    attach_all();
    pvclock_mock.tsc += UINT64_C(2000000000);
    before = now_ns();
    pvclock_clock_suspend(&clock, PVCLOCK_BY_WORD);
    assert_true(clock.base == PVCLOCK_NO_TIME && clock.vcpus[0].clock_page == NULL);
    assert_in_range(now_ns() - before, 0, window_ns);
    /* The TSC began anew, and the host's clock too. */
    pvclock_mock.tsc = 5000;
    host.tsc = pvclock_mock.tsc;
    host.ns = 17;
    host_acts(0, 0, host.flags);
    clock.taken = clock.due - 1; /* a pause before it, for which the date is due anyway */
    pvclock_clock_resume(&clock, pvclock_mock.tsc, UINT64_C(30) * SECOND);
    assert_int_equal(clock.due - clock.taken, 2);
    attach_all();
    assert_in_range(now_ns() - before, 0, window_ns);
    pvclock_mock.tsc += UINT64_C(2000000000);
    assert_in_range(now_ns() - before, SECOND - 10, SECOND + window_ns);
    assert_int_equal(pvclock_clock_time(&clock, PVCLOCK_BY_WORD, PVCLOCK_BOOTTIME).sec,
                     pvclock_clock_time(&clock, PVCLOCK_BY_WORD, PVCLOCK_UPTIME).sec + 30);
    assert_true(clock.due != clock.taken);
}

/* Until the structures are attached again it goes on at the TSC's rate, from what was returned. */
static void without_structures_time_goes_on_from_where_it_was(void **state)
{
    uint64_t before;

    (void)state;
    start(UINT64_C(2000000000));
    attach_and_read_all();
    host_acts(0, UINT64_C(5) * SECOND, host.flags); /* so the TSC alone would say less */
    before = now_ns();
    pvclock_clock_suspend(&clock, PVCLOCK_BY_WORD);
    pvclock_mock.tsc += UINT64_C(2000000000);
    assert_in_range(now_ns() - before, SECOND - 10, SECOND + window_ns);
    /* The TSC may have begun anew. */
    before = now_ns();
    pvclock_mock.tsc = 5000;
    pvclock_clock_resume(&clock, pvclock_mock.tsc, 0);
    pvclock_mock.tsc += UINT64_C(2000000000);
    assert_in_range(now_ns() - before, SECOND - 10, SECOND);
}

static void a_pause_that_is_told_makes_the_date_due(void **state)
{
    (void)state;
    start(0);
    attach_all();
    clock.taken = clock.due;
    assert_false(pvclock_clock_poll(&clock, &pages[0]));
    assert_true(clock.due == clock.taken);
    host_acts(0, 0, host.flags | PVCLOCK_FLAG_GUEST_STOPPED);
    move(0);
    assert_int_equal(pvclock_clock_read(&clock, PVCLOCK_BY_WORD).flags,
                     PVCLOCK_FLAG_TSC_STABLE | PVCLOCK_FLAG_GUEST_STOPPED);
    assert_true(pvclock_clock_poll(&clock, &pages[0]));
    assert_false(pvclock_clock_poll(&clock, &pages[0]));
    assert_int_equal(clock.due - clock.taken, 1);
    assert_int_equal(pvclock_clock_read(&clock, PVCLOCK_BY_WORD).flags, PVCLOCK_FLAG_TSC_STABLE);
}

static unsigned fences;

static void look_before_it_is_attached(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    if (step != PVCLOCK_MOCK_STORE_FENCE)
        return;
    fences++;
    assert_null(vcpus[1].clock_page);
    assert_true(vcpus[1].version == 1 && vcpus[1].free == 1);
}

/* Whoever finds the structure finds what belongs to it. */
static void a_structure_is_attached_last(void **state)
{
    (void)state;
    start(0);
    vcpus[1].version = vcpus[1].free = 0;
    fences = 0;
    pvclock_mock.script = look_before_it_is_attached;
    pvclock_clock_attach(&clock, 1, &pages[1]);
    assert_int_equal(fences, 1);
    assert_ptr_equal(vcpus[1].clock_page, &pages[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_steps_back),
        cmocka_unit_test(counts_before_there_is_a_structure),
        cmocka_unit_test(stands_at_0_without_a_frequency),
        cmocka_unit_test(every_way_reads_the_own_structure),
        cmocka_unit_test(every_shift_is_read_on_the_hot_path),
        cmocka_unit_test(goes_the_long_way_once_a_window),
        cmocka_unit_test(a_pause_is_no_step),
        cmocka_unit_test(time_stands_while_the_structure_is_behind),
        cmocka_unit_test(a_vcpu_beyond_the_array_reads_another),
        cmocka_unit_test(init_writes_the_clock_and_no_more),
        cmocka_unit_test(a_page_that_is_broken_is_no_step),
        cmocka_unit_test(a_vcpu_without_a_structure_reads_another_ones),
        cmocka_unit_test(a_vcpu_without_a_structure_is_not_behind),
        cmocka_unit_test(a_structure_that_begins_at_0_is_read),
        cmocka_unit_test(what_is_written_anew_is_no_step),
        cmocka_unit_test(flags_of_a_reading_are_none_of_the_hosts),
        cmocka_unit_test(a_thread_that_comes_back_reads_again),
        cmocka_unit_test(a_thread_that_left_reads_again),
        cmocka_unit_test(what_was_returned_outlives_stable),
        cmocka_unit_test(a_raised_guard_is_seen_at_once),
        cmocka_unit_test(a_thread_that_leaves_notes_nothing),
        cmocka_unit_test(a_reader_does_not_rely_on_a_later_look),
        cmocka_unit_test(deadlines_hold_while_the_version_does),
        cmocka_unit_test(cycles_and_ns_both_ways),
        cmocka_unit_test(a_delay_ends),
        cmocka_unit_test(the_date_follows_its_policy),
        cmocka_unit_test(a_change_within_the_policy_is_taken_over_whole),
        cmocka_unit_test(a_suspend_stops_uptime_only),
        cmocka_unit_test(without_structures_time_goes_on_from_where_it_was),
        cmocka_unit_test(a_pause_that_is_told_makes_the_date_due),
        cmocka_unit_test(a_structure_is_attached_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
