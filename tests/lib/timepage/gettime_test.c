/* SPDX-License-Identifier: 0BSD */
/*
 * lib/timepage/gettime.c with a scripted kernel and a scripted host: between any two steps of a
 * reading they may change anything.
 */
#include "tests/check.h"
#include <pvclock/port/mock.h>
#include <string.h>
#include <timepage/gettime.h>

struct pvclock_mock pvclock_mock;

enum { VCPUS = 4, NS_PER_S = 1000000000, TSC = 1 << 20 };

static struct pvclock_vcpu_time_info structures[VCPUS];
static uint32_t vcpu_now;
static struct time_page page;
static struct pvclock_guard guard;

/* A structure at which the time is `ns` whatever the TSC: its scale is nearly 0. */
static void show(struct pvclock_vcpu_time_info *s, uint64_t ns, bool stable)
{
    s->version += 2;
    s->tsc_timestamp = TSC;
    s->system_time = ns;
    s->tsc_to_system_mul = 1;
    s->tsc_shift = -31;
    s->flags = stable ? PVCLOCK_FLAG_TSC_STABLE : 0;
}

/* In the middle of a second: what is wrong by less is not found by the second's end. */
static const uint64_t DATE = UINT64_C(1700000000) * NS_PER_S + 523456789;
static const uint64_t UPTIME = UINT64_C(5000) * NS_PER_S + 500000007;

/* All is well: one page, whose time is `ns` below UPTIME. */
static void start(uint64_t system_time)
{
    memset(&pvclock_mock, 0, sizeof(pvclock_mock));
    pvclock_mock.tsc = TSC + 1000;
    memset(structures, 0, sizeof(structures));
    guard.last = 0;
    for (unsigned i = 0; i < VCPUS; i++)
        show(&structures[i], system_time, true);
    page = (struct time_page){
        TIME_PAGE_IDENTITY,
        .sequence = 2,
        .algorithm = TIME_PVCLOCK,
        .stable_mask = PVCLOCK_FLAG_TSC_STABLE,
        .has_rdtscp = 1,
        .vcpus = VCPUS,
        .stride = sizeof(structures[0]),
        .uptime_base = UPTIME - system_time,
        .realtime_base = DATE - system_time,
        .resolution = 1,
        .fast_resolution = 10000000,
        .date_is_set = 1,
        .fast_sequence = 2,
        .fast_uptime = 4999 * UINT64_C(1000000000) + 5,
        .fast_realtime = 1699999999 * UINT64_C(1000000000) + 6,
    };
}

static struct gettime reader(void)
{
    return (struct gettime){.time = &page,
                            .structures = structures,
                            .vcpu_now = &vcpu_now,
                            .guard = &guard,
                            .order = PVCLOCK_LFENCE,
                            .sequence = 1};
}

static uint64_t ns_of(struct pvclock_timespec t)
{
    assert_true(t.tv_nsec >= 0 && t.tv_nsec < NS_PER_S);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static unsigned steps(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < PVCLOCK_MOCK_STEPS; i++)
        n += pvclock_mock.count[i];
    return n;
}

static void assert_tells(struct gettime *g, uint32_t clock, enum gettime_path path, uint64_t ns)
{
    struct pvclock_timespec t = {-1, -1};

    assert_int_equal(gettime_read(g, clock, &t), path);
    assert_int_equal(ns_of(t), ns);
}

/* No time: what is at the pointer stays. */
static void assert_asks(struct gettime *g, uint32_t clock, enum gettime_path path)
{
    struct pvclock_timespec t = {-7, -8};

    assert_int_equal(gettime_read(g, clock, &t), path);
    assert_true(t.tv_sec == -7 && t.tv_nsec == -8);
}

/* ---- Clocks ------------------------------------------------------------ */

static void gettime_clocks(void **state)
{
    static const uint32_t uptimes[] = {GETTIME_MONOTONIC, GETTIME_MONOTONIC_PRECISE, GETTIME_UPTIME,
                                       GETTIME_UPTIME_PRECISE, GETTIME_BOOTTIME},
                          dates[] = {GETTIME_REALTIME, GETTIME_REALTIME_PRECISE},
                          none[] = {1,  2,  3,  6,      14,  15,         31,
                                    32, 33, 36, 64 + 4, 256, 0x80000000, UINT32_MAX};
    struct pvclock_timespec t;

    (void)state;
    /* Both bases positive; both negative, modulo 2^64, as after a restore; nothing added. */
    const uint64_t system_times[] = {0, 17, UPTIME, UPTIME + 1, DATE, DATE + 3600ull * NS_PER_S};
    for (unsigned i = 0; i < sizeof(system_times) / sizeof(system_times[0]); i++) {
        start(system_times[i]);
        struct gettime g = reader();
        for (unsigned again = 0; again < 2; again++) {
            for (unsigned c = 0; c < 5; c++)
                assert_tells(&g, uptimes[c], GETTIME_PATH_STABLE, UPTIME);
            for (unsigned c = 0; c < 2; c++)
                assert_tells(&g, dates[c], GETTIME_PATH_STABLE, DATE);
        }
        assert_tells(&g, GETTIME_UPTIME_FAST, GETTIME_PATH_FAST, page.fast_uptime);
        assert_tells(&g, GETTIME_MONOTONIC_FAST, GETTIME_PATH_FAST, page.fast_uptime);
        assert_tells(&g, GETTIME_REALTIME_FAST, GETTIME_PATH_FAST, page.fast_realtime);
        assert_tells(&g, GETTIME_SECOND, GETTIME_PATH_FAST, 1699999999 * UINT64_C(1000000000));
        for (unsigned c = 0; c < sizeof(none) / sizeof(none[0]); c++)
            assert_asks(&g, none[c], GETTIME_PATH_NO_CLOCK);
    }
    /* Nobody has told the date: it counts from 1970 with uptime, and so does the last tick's. */
    start(17);
    page.date_is_set = 0;
    page.realtime_base = page.uptime_base;
    page.fast_realtime = page.fast_uptime;
    struct gettime g = reader();
    assert_tells(&g, GETTIME_REALTIME, GETTIME_PATH_STABLE, UPTIME);
    assert_tells(&g, GETTIME_SECOND, GETTIME_PATH_FAST, 4999 * UINT64_C(1000000000));

    for (uint32_t clock = 0; clock < 40; clock++) {
        bool is_fast = clock == GETTIME_UPTIME_FAST || clock == GETTIME_REALTIME_FAST ||
                       clock == GETTIME_MONOTONIC_FAST;
        bool is_none = clock > 13 || clock == 6 || (clock >= 1 && clock <= 3);
        t = (struct pvclock_timespec){-7, -8};
        enum gettime_path path = gettime_resolution(&g, clock, &t);
        if (is_none) {
            assert_int_equal(path, GETTIME_PATH_NO_CLOCK);
            assert_true(t.tv_sec == -7 && t.tv_nsec == -8);
        } else {
            assert_int_equal(path, GETTIME_PATH_FAST);
            assert_int_equal(ns_of(t), clock == GETTIME_SECOND ? NS_PER_S : is_fast ? 10000000 : 1);
        }
    }
    page.fast_resolution = 2 * NS_PER_S + 0; /* a tick in two seconds */
    assert_int_equal(gettime_resolution(&g, GETTIME_UPTIME_FAST, &t), GETTIME_PATH_FAST);
    assert_true(t.tv_sec == 2 && t.tv_nsec == 0);
}

/*
 * The TSC structure and the own vCPU's give times just as exact; without a mapping the first does.
 */
static void gettime_ways(void **state)
{
    (void)state;
    start(17);
    page.algorithm = TIME_TSC;
    show(&page.tsc, 29, true);
    struct gettime g = reader();
    g.structures = NULL;
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME - 17 + 29);
    assert_tells(&g, GETTIME_REALTIME, GETTIME_PATH_STABLE, DATE - 17 + 29);
    for (unsigned floor = 0; floor < 2; floor++) {
        page.algorithm = TIME_PVCLOCK;
        page.floor = floor;
        page.sequence += 2;
        assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);
    }
    page.algorithm = TIME_SYSTEM_CALL;
    page.sequence += 2;
    assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);
    page.algorithm = 77; /* of a later kernel */
    page.sequence += 2;
    g.structures = structures;
    assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);

    /* RDTSCP is asked for where it was chosen. */
    start(17);
    g = reader();
    g.order = PVCLOCK_RDTSCP;
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME);
    assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_TSC_LFENCE], 0);
    assert_true(pvclock_mock.count[PVCLOCK_MOCK_TSC_RDTSCP] > 0);
}

/*
 * From any second to any other, the next nanosecond or an hour away, in both clocks at once; inside
 * a second no reading goes the long way, which has more steps.
 */
static void gettime_crosses_seconds(void **state)
{
    static const int64_t steps_ns[] = {
        0, 1, -1, NS_PER_S - 1, NS_PER_S, NS_PER_S + 1, 3600ll * NS_PER_S, -3600ll * NS_PER_S};
    enum { INLINE_STEPS = 6, NUMBER = sizeof(steps_ns) / sizeof(steps_ns[0]) };
    const uint64_t system_times[] = {17, DATE + 3600ull * NS_PER_S};
    unsigned readings = 0;

    (void)state;
    for (unsigned negative = 0; negative < 2; negative++) {
        start(system_times[negative]);
        struct gettime g = reader();
        /* To a second's edge of this clock, and from there on. */
        for (unsigned date = 0; date < 2; date++) {
            const uint32_t clock = date ? GETTIME_REALTIME : GETTIME_UPTIME;
            const uint64_t base = date ? page.realtime_base : page.uptime_base;
            uint64_t edge = (date ? DATE : UPTIME) / NS_PER_S * NS_PER_S;
            for (unsigned from = 0; from < NUMBER; from++) {
                for (unsigned to = 0; to < NUMBER; to++) {
                    show(&structures[0], edge + (uint64_t)steps_ns[from] - base, true);
                    assert_tells(&g, clock, GETTIME_PATH_STABLE, edge + (uint64_t)steps_ns[from]);
                    show(&structures[0], edge + (uint64_t)steps_ns[to] - base, true);
                    assert_tells(&g, clock, GETTIME_PATH_STABLE, edge + (uint64_t)steps_ns[to]);
                    unsigned before = steps();
                    assert_tells(&g, clock, GETTIME_PATH_STABLE, edge + (uint64_t)steps_ns[to]);
                    assert_int_equal(steps() - before, INLINE_STEPS);
                    readings += 3;
                }
            }
        }
        /*
         * The kernel changes a base, and the time stays in the second that is kept, or not; the
         * other clock may be read first.
         */
        for (unsigned n = 0; n < NUMBER; n++) {
            show(&structures[0], system_times[negative], true);
            page.sequence += 2;
            page.uptime_base = UPTIME + (uint64_t)steps_ns[n] - system_times[negative];
            assert_tells(&g, GETTIME_REALTIME, GETTIME_PATH_STABLE, DATE);
            assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME + (uint64_t)steps_ns[n]);
            assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME + (uint64_t)steps_ns[n]);
            readings += 3;
        }
    }
    /* The last second of 64 bits of ns is not whole: it is no hint for the first one. */
    start(17);
    struct gettime g = reader();
    page.uptime_base = UINT64_MAX - 17;
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UINT64_MAX);
    show(&structures[0], 19, true);
    struct pvclock_timespec t = {-1, -1};
    assert_int_equal(gettime_read(&g, GETTIME_UPTIME, &t), GETTIME_PATH_STABLE);
    assert_true(t.tv_sec == 0 && t.tv_nsec == 1);
    figures("%u readings", readings);
}

/* ---- The own vCPU's structure ------------------------------------------ */

enum { FLOOR = 1000000, SKEW = 5000 };

/* Not STABLE: vCPU n's structure shows FLOOR + n * SKEW. */
static void start_unstable(void)
{
    start(FLOOR);
    page.stable_mask = 0;
    page.floor = FLOOR;
    for (unsigned i = 0; i < VCPUS; i++)
        show(&structures[i], FLOOR + i * SKEW, false);
}

static uint32_t move_to;

/* The thread is moved as it is about to read the TSC. */
static void move(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    if (step == PVCLOCK_MOCK_TSC_RDTSCP)
        pvclock_mock.aux = move_to;
}

static void gettime_own_vcpu(void **state)
{
    const uint64_t base = UPTIME - FLOOR;

    (void)state;
    for (uint32_t from = 0; from < VCPUS; from++) {
        for (uint32_t to = 0; to < VCPUS; to++) {
            start_unstable();
            struct gettime g = reader();
            pvclock_mock.aux = from;
            assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_OWN_VCPU, base + FLOOR + from * SKEW);
            guard.last = 0;
            move_to = to | 5u << 12; /* the node is above the vCPU's number */
            pvclock_mock.script = move;
            assert_tells(&g, GETTIME_REALTIME, GETTIME_PATH_OWN_VCPU, DATE + to * SKEW);
            /* The other way the guard holds it. */
            pvclock_mock.script = NULL;
            pvclock_mock.aux = 0;
            assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_OWN_VCPU, base + FLOOR + to * SKEW);
        }
    }
    /* Below the floor and below what another thread was given: neither. */
    start_unstable();
    struct gettime g = reader();
    show(&structures[0], FLOOR - 300, false);
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_OWN_VCPU, base + FLOOR);
    guard.last = FLOOR + 12345;
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_OWN_VCPU, base + FLOOR + 12345);
    show(&structures[0], FLOOR + 12346, false);
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_OWN_VCPU, base + FLOOR + 12346);
    assert_int_equal(guard.last, FLOOR + 12346);

    /* Only the kernel can tell: a vCPU without a structure, one that is being written, or is bad;
     * no RDTSCP; no floor yet. */
    start_unstable();
    g = reader();
    pvclock_mock.aux = VCPUS;
    assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);
    pvclock_mock.aux = 1;
    structures[1].version++;
    assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);
    structures[1].version++;
    structures[1].tsc_to_system_mul = 0;
    assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);
    start_unstable();
    page.has_rdtscp = 0;
    g = reader();
    assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);
    assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_TSC_RDTSCP], 0);
    start_unstable();
    page.floor = 0;
    g = reader();
    assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);
    page.floor = FLOOR;
    page.sequence += 2;
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_OWN_VCPU, base + FLOOR);
}

/* ---- A page that is being written -------------------------------------- */

/* A reader that would wait for ever is let go, and has failed. */
static void stuck(enum pvclock_mock_step step, const volatile void *address)
{
    (void)step;
    (void)address;
    if (steps() > 1000000)
        page.sequence &= ~1u;
}

/* A page of another kernel's is not read, and asked of this one instead. */
static void gettime_of_another_page(void **state)
{
    struct pvclock_timespec t;

    (void)state;
    for (unsigned field = 0; field < 4; field++) {
        start(17);
        struct gettime g = reader();
        if (field == 0)
            page.magic ^= 1u << 31;
        else if (field == 1)
            page.version++;
        else if (field == 2)
            page.size--;
        else
            page.size++; /* it has more: what is known is where it was */
        for (uint32_t clock = 0; clock < GETTIME_IDS; clock++) {
            enum gettime_path path = gettime_read(&g, clock, &t);
            if (field < 3)
                assert_int_equal(path, GETTIME_PATH_SYSTEM_CALL);
            else
                assert_true(path != GETTIME_PATH_SYSTEM_CALL);
        }
        assert_int_equal(gettime_read(&g, GETTIME_IDS, &t), GETTIME_PATH_NO_CLOCK);
        assert_int_equal(gettime_resolution(&g, GETTIME_UPTIME, &t),
                         field < 3 ? GETTIME_PATH_SYSTEM_CALL : GETTIME_PATH_FAST);
    }
}

static void gettime_is_bounded(void **state)
{
    unsigned most = 0;

    (void)state;
    /* Odd for ever, with something derived before and without. */
    for (unsigned derived = 0; derived < 2; derived++) {
        start(17);
        struct gettime g = reader();
        if (derived)
            assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME);
        page.sequence++;
        pvclock_mock.script = stuck;
        unsigned before = steps();
        assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);
        pvclock_mock.script = NULL;
        assert_true(pvclock_mock.count[PVCLOCK_MOCK_PAUSE] > 0);
        most = steps() - before > most ? steps() - before : most;
        /* It goes on as soon as the kernel does. */
        page.sequence++;
        assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME);
    }
    /* What was derived of the page half written is not used, whatever its sequence becomes. */
    start(17);
    struct gettime g = reader();
    page.sequence = 1;
    assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);
    page.sequence = 2;
    page.uptime_base += 5;
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME + 5);
    /* Not even that of the last time: 2^32 changes later. */
    page.sequence = 3;
    assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);
    page.sequence = 2;
    page.uptime_base += 5;
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME + 10);

    start(17);
    g = reader();
    page.fast_sequence++;
    assert_asks(&g, GETTIME_UPTIME_FAST, GETTIME_PATH_SYSTEM_CALL);
    assert_true(pvclock_mock.count[PVCLOCK_MOCK_PAUSE] > 0);
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME);
    assert_true(most < 1000);
    /* The structure instead, of all vCPUs. */
    for (unsigned i = 0; i < VCPUS; i++)
        structures[i].version |= 1;
    unsigned before = steps();
    assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);
    figures("%u steps where the time page stays odd, %u where the structures do", most,
            steps() - before);
}

/*
 * After a pause of 1 s the host has written vCPU 1's structure, and vCPU 0 has not run yet: a
 * thread that the kernel has moved to vCPU 1 takes that one's.
 */
static void gettime_after_pause(void **state)
{
    const uint64_t pause = NS_PER_S;

    (void)state;
    start(17);
    struct gettime g = reader();
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME);
    show(&structures[1], 17 - pause, true);
    vcpu_now = 1;
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME - pause);
    vcpu_now = 0;
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME);
    /* A number that no vCPU has. */
    vcpu_now = VCPUS;
    assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);
    vcpu_now = 0;
}

static unsigned looks_at_version;
static bool moves; /* the thread; else the host writes */

/* Before the TSC is read, or behind the last look at the version that goes with it. */
static void resume_within(enum pvclock_mock_step step, const volatile void *address)
{
    if (moves && step == PVCLOCK_MOCK_TSC_LFENCE)
        vcpu_now = 1;
    looks_at_version += step == PVCLOCK_MOCK_LOAD_AFTER && address == &structures[0].version;
    if (!moves && looks_at_version == 2) {
        show(&structures[0], 17 - (uint64_t)NS_PER_S, true);
        pvclock_mock.script = NULL;
    }
}

/*
 * vCPU 0's structure is from before a pause, and the thread is moved to vCPU 1, or the host writes
 * it: each by itself makes the reader out of line begin again.
 */
static void gettime_begins_again(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 2; n++) {
        start(17);
        struct gettime g = reader();
        moves = n != 0;
        looks_at_version = 0;
        show(&structures[1], 17 - (uint64_t)NS_PER_S, true);
        pvclock_mock.script = resume_within;
        assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME - NS_PER_S);
        vcpu_now = 0;
    }
}

/* While the kernel does not know of the pause it is asked, whatever else is true. */
static void gettime_stopped(void **state)
{
    (void)state;
    for (unsigned stable = 0; stable < 2; stable++) {
        start(17);
        struct gettime g = reader();
        page.floor = stable ? 0 : 1;
        page.stable_mask = stable ? PVCLOCK_FLAG_TSC_STABLE : 0;
        assert_tells(&g, GETTIME_UPTIME, stable ? GETTIME_PATH_STABLE : GETTIME_PATH_OWN_VCPU,
                     UPTIME);
        structures[0].flags |= PVCLOCK_FLAG_GUEST_STOPPED;
        structures[0].version += 2;
        assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);
        assert_asks(&g, GETTIME_REALTIME, GETTIME_PATH_SYSTEM_CALL);
        structures[0].flags &= (uint8_t)~PVCLOCK_FLAG_GUEST_STOPPED;
        assert_tells(&g, GETTIME_REALTIME, stable ? GETTIME_PATH_STABLE : GETTIME_PATH_OWN_VCPU,
                     DATE);
    }
}

static unsigned step_number, begin_at, end_at;
static uint64_t next_system_time;

/* Kernel and host change all they have, and the sum of both stays what it was. */
static void begin_change(void)
{
    page.sequence++;
    page.uptime_base = UPTIME - next_system_time;
    show(&structures[0], next_system_time, true);
}

static void end_change(void)
{
    page.realtime_base = DATE - next_system_time;
    page.sequence++;
}

static void change_at_step(enum pvclock_mock_step step, const volatile void *address)
{
    (void)step;
    (void)address;
    if (step_number == begin_at)
        begin_change();
    if (step_number == end_at)
        end_change();
    step_number++;
}

/*
 * One change, begun before any step of the reading and ended before any later one: the time is the
 * same to the nanosecond, for every clock, by a reader that had derived before and by a new one.
 */
static void gettime_between_any_two_steps(void **state)
{
    enum { STEPS = 40 };
    unsigned long readings = 0, met = 0;

    (void)state;
    for (unsigned derived = 0; derived < 2; derived++) {
        for (unsigned date = 0; date < 2; date++) {
            for (unsigned b = 0; b < STEPS; b++) {
                for (unsigned e = b; e < STEPS; e++) {
                    uint32_t clock = date ? GETTIME_REALTIME : GETTIME_UPTIME;
                    start(1000000);
                    next_system_time = 300000003;
                    struct gettime g = reader();
                    if (derived)
                        assert_tells(&g, clock, GETTIME_PATH_STABLE, date ? DATE : UPTIME);
                    step_number = 0;
                    begin_at = b;
                    end_at = e;
                    pvclock_mock.script = change_at_step;
                    assert_tells(&g, clock, GETTIME_PATH_STABLE, date ? DATE : UPTIME);
                    met += step_number > b;
                    readings++;
                }
            }
        }
    }
    figures("%lu readings, %lu with a change under way", readings, met);
}

static bool agree_again;

/*
 * STABLE goes away, and the structures show something else: under one version, as a host does it.
 */
static void lose_at_step(enum pvclock_mock_step step, const volatile void *address)
{
    (void)step;
    (void)address;
    if (step_number++ != begin_at)
        return;
    for (unsigned i = 0; i < VCPUS; i++)
        show(&structures[i], i * SKEW, agree_again);
}

static void gettime_loses_stable(void **state)
{
    unsigned told = 0, asked = 0;

    (void)state;
    /* Between two readings: the kernel is asked until there is a floor, which then holds. */
    start(FLOOR);
    struct gettime g = reader();
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME);
    pvclock_mock.aux = 1;
    show(&structures[0], SKEW, false);
    show(&structures[1], 3 * SKEW, false);
    assert_asks(&g, GETTIME_UPTIME, GETTIME_PATH_SYSTEM_CALL);
    page.floor = FLOOR + 40;
    page.stable_mask = 0;
    page.sequence += 2;
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_OWN_VCPU, UPTIME + 40);
    /* The flag alone does not bring it back, the kernel does. */
    show(&structures[0], FLOOR + 100, true);
    show(&structures[1], FLOOR + 99, true);
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_OWN_VCPU, UPTIME + 99);
    page.floor = 0;
    page.stable_mask = PVCLOCK_FLAG_TSC_STABLE;
    page.sequence += 2;
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME + 100);

    /* Within a reading: the time is from before, or the kernel is asked. */
    for (unsigned derived = 0; derived < 2; derived++) {
        for (begin_at = 0; begin_at < 20; begin_at++) {
            start(FLOOR);
            g = reader();
            if (derived)
                assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME);
            step_number = 0;
            agree_again = false;
            pvclock_mock.script = lose_at_step;
            struct pvclock_timespec t;
            enum gettime_path path = gettime_read(&g, GETTIME_UPTIME, &t);
            if (path == GETTIME_PATH_SYSTEM_CALL) {
                asked++;
            } else {
                assert_int_equal(path, GETTIME_PATH_STABLE);
                assert_int_equal(ns_of(t), UPTIME);
                told++;
            }
        }
    }
    /* Not STABLE at first, and so within a reading: not one structure for all, ever. */
    for (begin_at = 0; begin_at < 20; begin_at++) {
        start(FLOOR);
        show(&structures[0], FLOOR, false);
        g = reader();
        step_number = 0;
        agree_again = true;
        pvclock_mock.script = lose_at_step;
        struct pvclock_timespec t;
        if (gettime_read(&g, GETTIME_UPTIME, &t) == GETTIME_PATH_STABLE)
            assert_int_equal(ns_of(t), UPTIME - FLOOR);
        else
            asked++;
    }
    figures("lost at each step of a reading: %u told the time from before, %u asked the kernel",
            told, asked);
}

/* The structures agree, behind what vCPU 3's told, and the kernel knows: all at one step. */
static void regain_at_step(enum pvclock_mock_step step, const volatile void *address)
{
    (void)step;
    (void)address;
    if (step_number++ != begin_at)
        return;
    for (unsigned i = 0; i < VCPUS; i++)
        show(&structures[i], FLOOR + 50, true);
    page.floor = 0;
    page.stable_mask = PVCLOCK_FLAG_TSC_STABLE;
    page.sequence += 2;
}

/* What an own structure told is not taken back when one structure serves all again. */
static void gettime_regains_stable(void **state)
{
    const uint64_t ahead = UPTIME + 3 * SKEW;

    (void)state;
    for (begin_at = 0; begin_at < 20; begin_at++) {
        start_unstable();
        struct gettime g = reader(), other = reader();
        struct pvclock_timespec t;
        pvclock_mock.aux = 3;
        step_number = 0;
        pvclock_mock.script = regain_at_step;
        (void)gettime_read(&g, GETTIME_UPTIME, &t);
        uint64_t told = ns_of(t);
        pvclock_mock.script = NULL;
        if (step_number <= begin_at) { /* the reading was over before */
            step_number = begin_at;
            regain_at_step(PVCLOCK_MOCK_LOAD, NULL);
        }
        assert_true(told == ahead || told == UPTIME + 50);
        for (unsigned again = 0; again < 2; again++) {
            assert_tells(&other, GETTIME_UPTIME, GETTIME_PATH_STABLE, told);
            assert_tells(&g, GETTIME_REALTIME, GETTIME_PATH_STABLE, DATE - UPTIME + told);
        }
        /* It stands still until the structures have caught up, and then costs nothing any more. */
        show(&structures[0], FLOOR + 3 * SKEW, true);
        assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, ahead);
        unsigned looks = pvclock_mock.count[PVCLOCK_MOCK_LOAD64];
        for (unsigned later = 0; later < 2; later++) {
            assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, ahead + later);
            show(&structures[0], FLOOR + 3 * SKEW + 1, true);
        }
        assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_LOAD64], looks);
    }
    /* The guard is in the time of the host's structures: the TSC's is another one. */
    start(17);
    guard.last = UINT64_C(1) << 62;
    page.algorithm = TIME_TSC;
    show(&page.tsc, 29, true);
    struct gettime g = reader();
    assert_tells(&g, GETTIME_UPTIME, GETTIME_PATH_STABLE, UPTIME - 17 + 29);
}

/* The last tick's time is torn at each step. */
static void tick_at_step(enum pvclock_mock_step step, const volatile void *address)
{
    (void)step;
    (void)address;
    if (step_number == begin_at) {
        page.fast_sequence++;
        page.fast_uptime = 1;
        page.fast_realtime = 2;
    }
    if (step_number == end_at) {
        page.fast_uptime = 4999 * UINT64_C(1000000000) + 5;
        page.fast_realtime = 1699999999 * UINT64_C(1000000000) + 6;
        page.fast_sequence++;
    }
    step_number++;
}

static void gettime_last_tick(void **state)
{
    (void)state;
    for (begin_at = 0; begin_at < 12; begin_at++) {
        for (end_at = begin_at + 1; end_at < 14; end_at++) {
            start(17);
            struct gettime g = reader();
            step_number = 0;
            pvclock_mock.script = tick_at_step;
            assert_tells(&g, GETTIME_MONOTONIC_FAST, GETTIME_PATH_FAST,
                         4999 * UINT64_C(1000000000) + 5);
            start(17);
            step_number = 0;
            pvclock_mock.script = tick_at_step;
            assert_tells(&g, GETTIME_REALTIME_FAST, GETTIME_PATH_FAST,
                         1699999999 * UINT64_C(1000000000) + 6);
        }
    }
}

/* A vCPU that the time page does not count has no structure, though there is memory behind them. */
static void gettime_of_a_vcpu_that_is_not_there(void **state)
{
    (void)state;
    assert_int_equal(TIME_PAGE_MAGIC, 'c' | 'l' << 8 | 'k' << 16 | 'p' << 24);
    start(1000);
    page.vcpus = VCPUS - 1;
    page.has_rdtscp = 0;
    for (vcpu_now = 0; vcpu_now < VCPUS; vcpu_now++) {
        struct gettime g = reader();
        struct pvclock_timespec t;

        (void)gettime_read(&g, GETTIME_MONOTONIC, &t);
        assert_int_equal(g.clock_page != NULL, vcpu_now < VCPUS - 1);
    }
    vcpu_now = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gettime_after_pause),
        cmocka_unit_test(gettime_stopped),
        cmocka_unit_test(gettime_of_a_vcpu_that_is_not_there),
        cmocka_unit_test(gettime_clocks),
        cmocka_unit_test(gettime_ways),
        cmocka_unit_test(gettime_own_vcpu),
        cmocka_unit_test(gettime_is_bounded),
        cmocka_unit_test(gettime_loses_stable),
        cmocka_unit_test(gettime_between_any_two_steps),
        cmocka_unit_test(gettime_last_tick),
        cmocka_unit_test(gettime_regains_stable),
        cmocka_unit_test(gettime_crosses_seconds),
        cmocka_unit_test(gettime_of_another_page),
        cmocka_unit_test(gettime_begins_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
