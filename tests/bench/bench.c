/* SPDX-License-Identifier: 0BSD */
/*
 * What a read costs, as a ratio to this machine's own ordered TSC read (lfence; rdtsc).
 *
 * A busy machine takes the CPU away for milliseconds, so each row is measured in many pieces of a
 * few hundredths of a millisecond, one row after the other; a round is some of these, its figure
 * for a row is their median, and the ratio is that of one round.  A row with two threads counts
 * only pieces during which both made progress.  A run whose floor is not steady marks itself.  A
 * goal that was missed is marked, and is no failure: times belong to a machine.
 *
 * Usage: bench [ROUNDS [PIECES [READS]]]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <asm/prctl.h>
#include <cpuid.h>

#include "tests/bench/bench.h"
#include "tests/bench/peer.h"
#include <pvclock/guard.h>
#include <pvclock/host.h>

/* ---- What is read ------------------------------------------------------ */

enum { CPUS = 4096, ROUNDS_MAX = 1001, PIECES_MAX = 1000, THREADS = 2 };

static struct pvclock_vcpu_time_info one_page __attribute__((aligned(4096)));
static struct pvclock_vcpu_time_info pages[CPUS] __attribute__((aligned(4096)));
static const struct pvclock_vcpus vcpus = {pages, sizeof(pages[0]), CPUS, 0xfff};
static struct pvclock_guard guard __attribute__((aligned(64)));
static struct pvclock_slot slots[THREADS] __attribute__((aligned(64)));
/* What each thread keeps: a line of its own. */
static struct {
    uint64_t word; /* GS points at it: the vCPU's number and the kernel's count */
    struct pvclock_second second;
    uint32_t cpu, pad[9];
} kept[THREADS] __attribute__((aligned(64)));
static enum pvclock_order chosen;

static inline uint64_t join(struct pvclock_tsc tsc)
{
    return tsc.high << 32 | tsc.low;
}

/* RDPID RAX, for assemblers that do not know the name. */
static inline uint32_t rdpid(void)
{
    uint64_t aux;

    __asm__ volatile(".byte 0xf3, 0x0f, 0xc7, 0xf8" : "=a"(aux));
    return (uint32_t)aux;
}

/* clang-format off */
static LOOP(floor_loop, USE(join(PVCLOCK_TSC_LFENCE()));)
static LOOP(rdtsc_loop, USE(join(PVCLOCK_TSC_RELAXED()));)
static LOOP(rdtscp_loop, uint32_t aux; USE(join(PVCLOCK_TSC_RDTSCP(&aux)));)
static LOOP(rdtscp_lfence_loop, uint32_t aux; USE(join(PVCLOCK_TSC_RDTSCP(&aux)));
            __asm__ volatile("lfence" : : : "memory");)
static LOOP(mfence_loop, __asm__ volatile("mfence" : : : "memory");
            USE(join(PVCLOCK_TSC_RELAXED()));)
static LOOP(rdpid_loop, USE(rdpid());)
static LOOP(relaxed_loop, uint64_t ns; (void)pvclock_relaxed_ns(page, &ns); USE(ns);)
static LOOP(ns_chosen_loop, uint64_t ns; (void)pvclock_ns(page, chosen, &ns); USE(ns);)

/* Called: what a program that calls a library function pays. */
#define FUNCTION static __attribute__((noinline))
#define READERS(suffix, order)                                                                     \
    FUNCTION uint64_t ns_##suffix(const struct pvclock_vcpu_time_info *page)                       \
    {                                                                                              \
        uint64_t ns;                                                                               \
                                                                                                   \
        (void)pvclock_ns(page, order, &ns);                                                        \
        return ns;                                                                                 \
    }                                                                                              \
    FUNCTION struct pvclock_time time_##suffix(const struct pvclock_vcpu_time_info *page)          \
    {                                                                                              \
        return pvclock_time_now(page, order, PEER_BASE_NS);                                        \
    }                                                                                              \
    FUNCTION enum pvclock_status timespec_##suffix(const struct pvclock_vcpu_time_info *page,      \
                                                   struct pvclock_timespec *out)                   \
    {                                                                                              \
        return pvclock_timespec_now(page, order, PEER_BASE_NS, out);                               \
    }                                                                                              \
    FUNCTION struct pvclock_time near_##suffix(const struct pvclock_vcpu_time_info *page,          \
                                               struct pvclock_second *second)                      \
    {                                                                                              \
        return pvclock_time_near(page, order, PEER_BASE_NS, second);                               \
    }                                                                                              \
    FUNCTION enum pvclock_status near_spec_##suffix(const struct pvclock_vcpu_time_info *page,     \
                                                    struct pvclock_second *second,                 \
                                                    struct pvclock_timespec *out)                  \
    {                                                                                              \
        return pvclock_timespec_near(page, order, PEER_BASE_NS, second, out);                      \
    }                                                                                              \
    FUNCTION uint64_t word_##suffix(uint32_t *vcpu)                                                \
    {                                                                                              \
        uint64_t ns;                                                                               \
                                                                                                   \
        (void)pvclock_word_ns(&vcpus, order, vcpu, &ns);                                           \
        return ns;                                                                                 \
    }                                                                                              \
    FUNCTION uint64_t word_slots_##suffix(uint32_t *vcpu, unsigned own)                            \
    {                                                                                              \
        uint64_t ns;                                                                               \
                                                                                                   \
        (void)pvclock_word_ns(&vcpus, order, vcpu, &ns);                                           \
        return pvclock_guard_slots(slots, THREADS, own, ns);                                       \
    }                                                                                              \
    static LOOP(ns_inline_##suffix, uint64_t ns; (void)pvclock_ns(page, order, &ns); USE(ns);)     \
    static LOOP(ns_called_##suffix, USE(ns_##suffix(page));)                                       \
    static LOOP(time_inline_##suffix,                                                              \
                struct pvclock_time t = pvclock_time_now(page, order, PEER_BASE_NS);               \
                USE(t.sec); USE(t.nsec);)                                                          \
    static LOOP(time_called_##suffix, struct pvclock_time t = time_##suffix(page);                 \
                USE(t.sec); USE(t.nsec);)                                                          \
    static LOOP(spec_inline_##suffix, struct pvclock_timespec t;                                   \
                (void)pvclock_timespec_now(page, order, PEER_BASE_NS, &t); USE_MEMORY(&t);)        \
    static LOOP(spec_called_##suffix, struct pvclock_timespec t;                                   \
                (void)timespec_##suffix(page, &t); USE_MEMORY(&t);)                                \
    static LOOP(near_inline_##suffix,                                                              \
                struct pvclock_time t = pvclock_time_near(page, order, PEER_BASE_NS,               \
                                                          &kept[own].second);                      \
                USE(t.sec); USE(t.nsec);)                                                          \
    static LOOP(near_called_##suffix,                                                              \
                struct pvclock_time t = near_##suffix(page, &kept[own].second);                    \
                USE(t.sec); USE(t.nsec);)                                                          \
    static LOOP(near_spec_inline_##suffix, struct pvclock_timespec t;                              \
                (void)pvclock_timespec_near(page, order, PEER_BASE_NS, &kept[own].second, &t);     \
                USE_MEMORY(&t);)                                                                   \
    static LOOP(near_spec_called_##suffix, struct pvclock_timespec t;                              \
                (void)near_spec_##suffix(page, &kept[own].second, &t); USE_MEMORY(&t);)            \
    static LOOP(word_inline_##suffix, uint64_t ns;                                                 \
                (void)pvclock_word_ns(&vcpus, order, &kept[own].cpu, &ns); USE(ns);)               \
    static LOOP(word_called_##suffix, USE(word_##suffix(&kept[own].cpu));)                         \
    static LOOP(word_slots_inline_##suffix, uint64_t ns;                                           \
                (void)pvclock_word_ns(&vcpus, order, &kept[own].cpu, &ns);                         \
                USE(pvclock_guard_slots(slots, THREADS, own, ns));)                                \
    static LOOP(word_slots_called_##suffix, USE(word_slots_##suffix(&kept[own].cpu, own));)
READERS(lfence, PVCLOCK_LFENCE)
READERS(rdtscp, PVCLOCK_RDTSCP)

static LOOP(vcpu_loop, uint64_t ns; (void)pvclock_vcpu_ns(&vcpus, &kept[own].cpu, &ns); USE(ns);)
static LOOP(vcpu_rdpid_loop, uint64_t ns; uint32_t cpu = rdpid() & 0xfff;
            (void)pvclock_vcpu_ns(&vcpus, &cpu, &ns); USE(ns);)
static LOOP(vcpu_rdtscp_loop, uint64_t ns; uint32_t cpu; (void)PVCLOCK_TSC_RDTSCP(&cpu);
            cpu &= 0xfff; (void)pvclock_vcpu_ns(&vcpus, &cpu, &ns); USE(ns);)
static LOOP(vcpu_slots_loop, uint64_t ns; (void)pvclock_vcpu_ns(&vcpus, &kept[own].cpu, &ns);
            USE(pvclock_guard_slots(slots, THREADS, own, ns));)
static LOOP(vcpu_cas_loop, uint64_t ns; (void)pvclock_vcpu_ns(&vcpus, &kept[own].cpu, &ns);
            USE(pvclock_guard_cas(&guard, ns));)
static LOOP(libc_loop, struct timespec t; (void)clock_gettime(CLOCK_MONOTONIC, &t);
            USE_MEMORY(&t);)
static LOOP(syscall_loop, struct timespec t; (void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
            USE_MEMORY(&t);)
    /* clang-format on */

    /* What a row needs of the machine. */
    enum {
        RDTSCP = 1,
        RDPID = 2,
        WORD = 4
    };

struct row {
    const char *name;
    loop *run;
    unsigned needs;
    double goal;    /* 0: none */
    unsigned order; /* 1 + enum pvclock_order: the goal is for where this one is chosen; 0: any */
    unsigned part;  /* of the reads, for what is slow */
    bool two;       /* a second thread does the same */
    const char *note;
    unsigned long tried; /* pieces, of which those not counted were spoilt */
    unsigned long counted;
    unsigned pieces; /* of this round */
    double piece[PIECES_MAX], cycles[ROUNDS_MAX], ratio[ROUNDS_MAX];
};

#define LFENCE_ROW(text, loops, ...)                                                               \
    {                                                                                              \
        .name = text ", lfence", .run = loops##_lfence, .order = 1 + PVCLOCK_LFENCE, __VA_ARGS__   \
    }
#define RDTSCP_ROW(text, loops, ...)                                                               \
    {                                                                                              \
        .name = text ", rdtscp", .run = loops##_rdtscp, .order = 1 + PVCLOCK_RDTSCP, __VA_ARGS__   \
    }
#define BOTH(text, loops, to)                                                                      \
    LFENCE_ROW(text, loops, .goal = to), RDTSCP_ROW(text, loops, .goal = to, .needs = RDTSCP)
#define BY_WORD(text, loops, to)                                                                   \
    LFENCE_ROW(text, loops, .goal = to, .needs = WORD),                                            \
        RDTSCP_ROW(text, loops, .goal = to, .needs = WORD | RDTSCP)

static struct row rows[] = {
    {.name = "lfence; rdtsc (the floor)", .run = floor_loop},
    {.name = "rdtsc, unordered", .run = rdtsc_loop},
    {.name = "rdtscp", .run = rdtscp_loop, .needs = RDTSCP},
    {.name = "rdtscp; lfence", .run = rdtscp_lfence_loop, .needs = RDTSCP},
    {.name = "mfence; rdtsc", .run = mfence_loop},
    {.name = "rdpid", .run = rdpid_loop, .needs = RDPID},
    BOTH("ns, inline", ns_inline, 1.095),
    BOTH("ns, called", ns_called, 1.11),
    {.name = "ns, inline, order in a variable", .run = ns_chosen_loop},
    BOTH("time, inline", time_inline, 0),
    BOTH("time, called", time_called, 0),
    BOTH("timespec, inline", spec_inline, 0),
    BOTH("timespec, called", spec_called, 0),
    BOTH("time near, inline", near_inline, 1.13),
    BOTH("time near, called", near_called, 1.165),
    BOTH("timespec near, inline", near_spec_inline, 1.13),
    BOTH("timespec near, called", near_spec_called, 1.165),
    {.name = "clock_gettime(), inline", .run = whole_inline_loop, .goal = 1.165},
    {.name = "clock_gettime(), called", .run = whole_call_loop, .goal = 1.20},
    {.name = "relaxed ns (no order)", .run = relaxed_loop},
    {.name = "not STABLE: hint, rdtscp", .run = vcpu_loop, .needs = RDTSCP},
    {.name = "not STABLE: rdpid, rdtscp", .run = vcpu_rdpid_loop, .needs = RDTSCP | RDPID},
    {.name = "not STABLE: two rdtscp", .run = vcpu_rdtscp_loop, .needs = RDTSCP},
    {.name = "not STABLE, slots", .run = vcpu_slots_loop, .needs = RDTSCP},
    {.name = "not STABLE, CAS", .run = vcpu_cas_loop, .needs = RDTSCP},
    BY_WORD("word, inline", word_inline, 0),
    BY_WORD("word, called", word_called, 0),
    BY_WORD("word, slots, inline", word_slots_inline, 1.195),
    BY_WORD("word, slots, called", word_slots_called, 1.21),
    {.name = "slots, 2 threads", .run = vcpu_slots_loop, .needs = RDTSCP, .two = true, .part = 4},
    {.name = "CAS, 2 threads", .run = vcpu_cas_loop, .needs = RDTSCP, .two = true, .part = 4},
    {.name = "this host's vDSO, by libc", .run = libc_loop},
    {.name = "system call clock_gettime", .run = syscall_loop, .part = 20},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]), ALL_MAX = ROWS + 64 };

/* Ours and the peers', without those that this machine cannot do. */
static struct row *all[ALL_MAX];
static unsigned all_count;

static const struct row *row_of(loop *run, bool two)
{
    for (unsigned i = 0; i < all_count; i++)
        if (all[i]->run == run && all[i]->two == two)
            return all[i];
    return NULL;
}

/* ---- Is a peer's time right? ------------------------------------------- */

static const char *note_of_ns(const struct peer *peer)
{
    uint64_t before, ns, after;

    (void)pvclock_ns(&one_page, PVCLOCK_LFENCE, &before);
    ns = peer->ns(&one_page);
    (void)pvclock_ns(&one_page, PVCLOCK_LFENCE, &after);
    return before <= ns && ns <= after ? NULL : "WRONG TIME";
}

static const char *note_of_timespec(const struct peer *peer)
{
    struct pvclock_time before = pvclock_time_now(&one_page, PVCLOCK_LFENCE, PEER_BASE_NS), after;
    int64_t out[2] = {-1, -1};
    uint64_t ns;

    peer->timespec(&one_page, PEER_BASE_NS, out);
    after = pvclock_time_now(&one_page, PVCLOCK_LFENCE, PEER_BASE_NS);
    ns = (uint64_t)out[0] * 1000000000 + (uint64_t)out[1];
    return (uint64_t)out[1] < 1000000000 && before.sec * 1000000000 + before.nsec <= ns &&
                   ns <= after.sec * 1000000000 + after.nsec
               ? NULL
               : "WRONG TIME";
}

static void add_peer(const char *name, const char *what, loop *run, const char *note)
{
    struct row *row = calloc(1, sizeof(*row));
    size_t size = strlen(name) + strlen(what) + 16;
    char *text = malloc(size);

    if (row == NULL || text == NULL || all_count == ALL_MAX)
        exit(2);
    (void)snprintf(text, size, "peer %s: %s", name, what);
    row->name = text;
    row->run = run;
    row->note = note;
    all[all_count++] = row;
}

/* ---- Running it -------------------------------------------------------- */

static bool pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0;
}

/* GS is free in a 64-bit process: here it stands for what a kernel would keep. */
static bool set_word(unsigned own)
{
    return syscall(SYS_arch_prctl, ARCH_SET_GS, &kept[own].word) == 0;
}

static int cpu_of_rival = -1;
static struct {
    loop *run;     /* what the second thread does; NULL: nothing */
    uint64_t made; /* reads so far */
    bool quit;
} rival __attribute__((aligned(64)));

static void *rival_thread(void *argument)
{
    enum { READS = 16 };

    (void)argument;
    (void)pin(cpu_of_rival);
    (void)set_word(1);
    while (!__atomic_load_n(&rival.quit, __ATOMIC_ACQUIRE)) {
        loop *run = __atomic_load_n(&rival.run, __ATOMIC_ACQUIRE);

        if (run != NULL) {
            run(&one_page, READS, 1);
            __atomic_store_n(&rival.made, rival.made + READS, __ATOMIC_RELEASE);
        } else {
            struct timespec rest = {0, 100000};

            (void)nanosleep(&rest, NULL);
        }
    }
    return NULL;
}

/* One piece; without two threads at work it does not count. */
static void run_piece(struct row *row, unsigned long reads)
{
    uint64_t start, end, made = __atomic_load_n(&rival.made, __ATOMIC_ACQUIRE);

    if (row->part != 0)
        reads = reads / row->part + 1;
    row->run(&one_page, 8, 0); /* to have it in the caches */
    start = join(PVCLOCK_TSC_LFENCE());
    row->run(&one_page, reads, 0);
    end = join(PVCLOCK_TSC_LFENCE());
    made = __atomic_load_n(&rival.made, __ATOMIC_ACQUIRE) - made;
    row->tried++;
    if (row->two && (made < reads / 2 || made > reads * 2))
        return;
    row->counted++;
    row->piece[row->pieces++] = (double)(end - start) / (double)reads;
}

static void run_two(struct row *row, unsigned pieces, unsigned long reads)
{
    enum { PATIENCE = 50 };
    unsigned long until = row->tried + PATIENCE * pieces;

    __atomic_store_n(&rival.run, row->run, __ATOMIC_RELEASE);
    while (row->pieces < pieces && row->tried < until)
        run_piece(row, reads);
    __atomic_store_n(&rival.run, (loop *)NULL, __ATOMIC_RELEASE);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Returns what `percent` of the values are below, or NaN where there is none. */
static double part_of(const double *values, unsigned count, unsigned percent)
{
    static double sorted[ROUNDS_MAX > PIECES_MAX ? ROUNDS_MAX : PIECES_MAX];
    unsigned known = 0;

    for (unsigned i = 0; i < count; i++)
        if (values[i] == values[i])
            sorted[known++] = values[i];
    qsort(sorted, known, sizeof(*sorted), by_value);
    return known != 0 ? sorted[(unsigned long)known * percent / 100] : 0.0 / 0.0;
}

static double median(const double *values, unsigned count)
{
    return part_of(values, count, 50);
}

static void linux_cpuid(void *context, uint32_t leaf, struct pvclock_cpuid *out)
{
    (void)context;
    __cpuid_count(leaf, 0, out->eax, out->ebx, out->ecx, out->edx);
}

/* A page like a host's, from CLOCK_MONOTONIC_RAW over a tenth of a second. */
static void make_pages(void)
{
    struct timespec a, b, rest = {0, 100000000};
    struct pvclock_snapshot values = {0};
    uint64_t start, end, ns;

    (void)clock_gettime(CLOCK_MONOTONIC_RAW, &a);
    start = join(PVCLOCK_TSC_LFENCE());
    (void)nanosleep(&rest, NULL);
    (void)clock_gettime(CLOCK_MONOTONIC_RAW, &b);
    end = join(PVCLOCK_TSC_LFENCE());
    ns = (uint64_t)((b.tv_sec - a.tv_sec) * 1000000000 + (b.tv_nsec - a.tv_nsec));
    (void)pvclock_scale_from_hz((end - start) * 1000000000 / ns, &values.mul, &values.shift);
    values.tsc_timestamp = start;
    values.system_time = UINT64_C(86400123456789);
    values.flags = PVCLOCK_FLAG_TSC_STABLE;
    pvclock_publish(&one_page, &values);
    for (int i = 0; i < CPUS; i++)
        pvclock_publish(&pages[i], &values);
    printf("TSC %.3f MHz, mul %u, shift %d\n", (double)(end - start) * 1e3 / (double)ns, values.mul,
           values.shift);
}

static void print_clock_source(void)
{
    char name[64] = "unknown";
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");

    if (file != NULL) {
        if (fscanf(file, "%63s", name) != 1)
            strcpy(name, "unknown");
        (void)fclose(file);
    }
    printf("this host's clock source: %s\n", name);
}

static void print_order(const struct pvclock_ops *ops)
{
    static const char *const names[] = {"lfence; rdtsc", "rdtscp", "rdtsc"};
    struct pvclock_tsc_choice choice;

    pvclock_host_tsc_choice(ops, &choice);
    printf("ordered TSC read for this CPU: %s, because %s\n", names[choice.order], choice.why);
    chosen = choice.order;
    pvclock_tsc_measure(&choice);
    printf("ordered TSC read that is cheaper: %s, because %s\n", names[choice.order], choice.why);
}

static void choose_rows(unsigned has)
{
    for (unsigned i = 0; i < ROWS; i++) {
        if ((rows[i].needs & ~has) == 0 && (!rows[i].two || cpu_of_rival >= 0))
            all[all_count++] = &rows[i];
        else
            printf("not here: %s\n", rows[i].name);
    }
    for (const struct peer *peer = peers; peer->name != NULL; peer++) {
        if (peer->ns != NULL)
            add_peer(peer->name, "ns", peer->ns_loop, note_of_ns(peer));
        if (peer->timespec != NULL)
            add_peer(peer->name, "timespec", peer->timespec_loop, note_of_timespec(peer));
    }
}

static unsigned number(const char *text, unsigned max)
{
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value == 0 || value > max) {
        fprintf(stderr, "bench: '%s' is not a number from 1 to %u\n", text, max);
        exit(2);
    }
    return (unsigned)value;
}

/* ---- What came of it --------------------------------------------------- */

static unsigned print_goal(double ratio, double goal)
{
    printf(" %6.3f%s", goal, ratio <= goal ? "" : "  MISSED");
    return ratio <= goal ? 0 : 1;
}

static unsigned print_row(const struct row *row, unsigned rounds)
{
    double ratio = median(row->ratio, rounds);
    unsigned missed = 0;

    printf("%-32s %8.1f %8.3f", row->name, median(row->cycles, rounds), ratio);
    if (row->goal != 0 && (row->order == 0 || row->order == 1 + (unsigned)chosen))
        missed = print_goal(ratio, row->goal);
    if (row->two)
        printf("  %lu of %lu pieces with both at work", row->counted, row->tried);
    printf("%s%s\n", row->note != NULL ? "  " : "", row->note != NULL ? row->note : "");
    return missed;
}

/* The ratio of two rows in the same round. */
static unsigned print_pair(const char *name, loop *over, loop *under, bool two, double goal,
                           unsigned rounds)
{
    static double ratios[ROUNDS_MAX];
    const struct row *a = row_of(over, two), *b = row_of(under, two);
    double ratio;
    unsigned missed;

    if (a == NULL || b == NULL)
        return 0;
    for (unsigned round = 0; round < rounds; round++)
        ratios[round] = a->cycles[round] / b->cycles[round];
    ratio = median(ratios, rounds);
    printf("%-32s %8s %8.3f", name, "", ratio);
    missed = print_goal(ratio, goal);
    printf("\n");
    return missed;
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? number(argv[1], ROUNDS_MAX) : 41;
    unsigned pieces = argc > 2 ? number(argv[2], PIECES_MAX) : 50;
    unsigned reads = argc > 3 ? number(argv[3], 3000) : 1000;
    const struct pvclock_ops ops = {linux_cpuid, NULL, NULL};
    struct pvclock_cpuid extended, seven;
    cpu_set_t allowed;
    pthread_t thread;
    int cpu_of_main = -1;
    unsigned missed = 0;
    double spread;

    if (argc > 4) {
        fprintf(stderr, "usage: bench [ROUNDS [PIECES [READS]]]\n");
        return 2;
    }
    print_order(&ops);
    print_clock_source();
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &allowed) && cpu_of_main < 0)
                cpu_of_main = cpu;
            else if (CPU_ISSET(cpu, &allowed) && cpu_of_rival < 0)
                cpu_of_rival = cpu;
        }
    }
    make_pages();
    whole_start(&one_page, chosen);
    if (cpu_of_rival >= 0 && pthread_create(&thread, NULL, rival_thread, NULL) != 0)
        cpu_of_rival = -1;
    if (cpu_of_main < 0 || !pin(cpu_of_main))
        printf("not pinned: %s\n", strerror(errno));
    linux_cpuid(NULL, 0x80000001, &extended);
    linux_cpuid(NULL, 7, &seven);
    choose_rows(((extended.edx >> 27 & 1) != 0 ? RDTSCP : 0) |
                ((seven.ecx >> 22 & 1) != 0 ? RDPID : 0) | (set_word(0) ? WORD : 0));

    for (unsigned round = 0; round < rounds; round++) {
        if (isatty(2))
            fprintf(stderr, "round %u of %u\r", round + 1, rounds);
        for (unsigned r = 0; r < all_count; r++)
            all[r]->pieces = 0;
        for (unsigned piece = 0; piece < pieces; piece++) {
            for (unsigned r = 0; r < all_count; r++)
                if (!all[r]->two)
                    run_piece(all[r], reads);
        }
        for (unsigned r = 0; r < all_count; r++) {
            if (all[r]->two)
                run_two(all[r], pieces, reads);
            all[r]->cycles[round] = median(all[r]->piece, all[r]->pieces);
            all[r]->ratio[round] = all[r]->cycles[round] / all[0]->cycles[round];
        }
    }
    if (cpu_of_rival >= 0) {
        __atomic_store_n(&rival.quit, true, __ATOMIC_RELEASE);
        (void)pthread_join(thread, NULL);
    }

    printf("%u rounds of %u pieces of %u reads, medians\n\n%-32s %8s %8s %6s\n", rounds, pieces,
           reads, "what", "cycles", "ratio", "goal");
    for (unsigned r = 0; r < all_count; r++)
        missed += print_row(all[r], rounds);
    missed += print_pair("relaxed over rdtsc", relaxed_loop, rdtsc_loop, false, 1.02, rounds);
    missed +=
        print_pair("slots over CAS, 2 threads", vcpu_slots_loop, vcpu_cas_loop, true, 0.95, rounds);
    printf("\ngoals missed: %u\n", missed);
    spread = part_of(all[0]->cycles, rounds, 90) / part_of(all[0]->cycles, rounds, 10);
    printf("the floor's p90/p10: %.3f%s\n", spread,
           spread > 1.1 ? ": DISTURBED, believe no figure of this run" : "");
    return 0;
}
