/* SPDX-License-Identifier: 0BSD */
/*
 * Measures what a read costs.  A round is some short pieces of each kind, one kind after the other,
 * so that a change of the machine's speed affects all kinds alike; of a kind's pieces it takes the
 * median, which one with an interrupt or another guest in it does not move.  It takes the ratio in
 * each round, and the median over the rounds.
 */
#include "userspace_sim/clock.h"
#include "userspace_sim/process.h"
#include "userspace_sim/ring3.h"

enum { PIECES = 9, READS = 222, FEW_CPUS = 8 };

enum kind { FLOOR, READ, TIMESPEC, GETTIME, SYSTEM_CALL, KINDS };

_Static_assert(sizeof(((struct thread_page *)0)->cycles) == KINDS * MAX_ROUNDS * sizeof(uint64_t),
               "a column for each kind");

/* Keeps the compiler from dropping or hoisting what a loop computes. */
static inline void consume(uint64_t value)
{
    __asm__ volatile("" : : "r"(value));
}

static uint64_t thousandths(uint64_t cycles, uint64_t n)
{
    return cycles * 1000 / n;
}

/* Each loop has its own function, aligned alike, so that its address gives none an advantage. */
#define LOOP static __attribute__((noinline, aligned(64)))

/* The floor: the cheapest ordered read of the TSC, LFENCE; RDTSC, as one 64-bit number. */
LOOP uint64_t floor_loop(uint64_t n)
{
    uint64_t start = clock_tsc();
    for (uint64_t i = 0; i < n; i++)
        consume(clock_tsc());
    return clock_tsc() - start;
}

LOOP uint64_t read_loop(const struct clock_source *clock, uint64_t n)
{
    uint64_t start = clock_tsc(), ns;
    if (!clock->guard) {
        const struct pvclock_vcpu_time_info *page = clock->page;
        const enum pvclock_order order = clock->order;
        for (uint64_t i = 0; i < n; i++) {
            (void)pvclock_ns(page, order, &ns);
            consume(ns);
        }
    } else {
        for (uint64_t i = 0; i < n; i++) {
            (void)clock_read(clock, &ns);
            consume(ns);
        }
    }
    return clock_tsc() - start;
}

/* The time split in two, with the second read last as a hint. */
LOOP uint64_t timespec_loop(const struct clock_source *clock, uint64_t n)
{
    const struct pvclock_vcpu_time_info *page = clock->page;
    const enum pvclock_order order = clock->order;
    struct pvclock_second second = {0, 0};
    uint64_t start = clock_tsc();
    for (uint64_t i = 0; i < n; i++) {
        struct pvclock_time t = pvclock_time_near(page, order, 0, &second);
        consume(t.sec + t.nsec);
    }
    return clock_tsc() - start;
}

/* All of clock_gettime(GETTIME_MONOTONIC), through a pointer. */
LOOP uint64_t gettime_loop(struct gettime *g, uint64_t n)
{
    struct pvclock_timespec ts;
    uint64_t start = clock_tsc();
    for (uint64_t i = 0; i < n; i++) {
        (void)clock_gettime(g, GETTIME_MONOTONIC, &ts);
        __asm__ volatile("" : : "r"(&ts) : "memory");
    }
    return clock_tsc() - start;
}

LOOP uint64_t system_call_loop(uint64_t n)
{
    uint64_t start = clock_tsc();
    for (uint64_t i = 0; i < n; i++)
        consume((uint64_t)call(SYS_CLOCK, 0, 0, 0, 0));
    return clock_tsc() - start;
}

/* Sorts a few dozen numbers in place, and returns the middle one. */
static uint64_t median(uint64_t *v, uint64_t n)
{
    for (uint64_t i = 1; i < n; i++) {
        uint64_t x = v[i], j = i;
        for (; j > 0 && v[j - 1] > x; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
    return v[n / 2];
}

/*
 * Returns the median of a column's ratios to the floor, in thousandths; leaves the columns as
 * they are.
 */
static uint64_t ratio_to_floor(const struct thread_page *t, enum kind kind)
{
    uint64_t ratios[MAX_ROUNDS];

    for (uint64_t r = 0; r < t->amount; r++)
        ratios[r] = t->cycles[FLOOR][r] ? t->cycles[kind][r] * 1000 / t->cycles[FLOOR][r] : 0;
    return median(ratios, t->amount);
}

void measure(struct thread_page *t)
{
    const struct clock_source clock = clock_source(t);
    const uint64_t rounds = t->amount;
    /* A call can cost half a millisecond on a host that emulates ring 0. */
    const uint64_t system_calls = t->count <= FEW_CPUS ? 2 : 1;
    struct gettime g = thread_gettime(t);
    struct pvclock_timespec ts;
    /* If it has to ask the kernel, it costs as much as the system call. */
    bool by_page = gettime_slow(&g, GETTIME_MONOTONIC, &ts) != GETTIME_PATH_SYSTEM_CALL;

    uint64_t reads = READS;

    /* Unknown to the compiler, which would otherwise make loops for this number. */
    __asm__("" : "+r"(reads));
    for (unsigned k = 0; k < COUNTS; k++)
        t->counts[k] = 0;
    for (uint64_t r = 0; r < rounds; r++) {
        uint64_t pieces[SYSTEM_CALL][PIECES];

        count_begin();
        for (unsigned p = 0; p < PIECES; p++) {
            pieces[FLOOR][p] = floor_loop(reads);
            pieces[READ][p] = read_loop(&clock, reads);
            pieces[TIMESPEC][p] = timespec_loop(&clock, reads);
            pieces[GETTIME][p] = by_page ? gettime_loop(&g, reads) : 0;
        }
        count_end(t->counts);
        for (unsigned k = 0; k < SYSTEM_CALL; k++)
            t->cycles[k][r] = thousandths(median(pieces[k], PIECES), reads);
        t->cycles[SYSTEM_CALL][r] = thousandths(system_call_loop(system_calls), system_calls);
    }
    /* The ratios first: a median sorts its column. */
    t->measured.read_ratio = ratio_to_floor(t, READ);
    t->measured.timespec_ratio = ratio_to_floor(t, TIMESPEC);
    t->measured.gettime_ratio = ratio_to_floor(t, GETTIME);
    t->measured.system_call_ratio = ratio_to_floor(t, SYSTEM_CALL);
    t->measured.floor = median(t->cycles[FLOOR], rounds);
    /* It is sorted now. */
    t->measured.floor_spread = t->cycles[FLOOR][rounds * 9 / 10] * 1000 /
                               (t->cycles[FLOOR][rounds / 10] ? t->cycles[FLOOR][rounds / 10] : 1);
    t->measured.read = median(t->cycles[READ], rounds);
    t->measured.timespec = median(t->cycles[TIMESPEC], rounds);
    t->measured.gettime = median(t->cycles[GETTIME], rounds);
    t->measured.system_call = median(t->cycles[SYSTEM_CALL], rounds);
}
