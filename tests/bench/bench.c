/* SPDX-License-Identifier: 0BSD */
/*
 * What a read costs, as a ratio to this machine's own ordered TSC read (lfence; rdtsc): all readers
 * in one process, in interleaved rounds, medians of the ratios of each round.  A goal that was
 * missed is marked, and is no failure: times belong to a machine.
 *
 * Usage: bench [ROUNDS [READS]]
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

#include <cpuid.h>

#include <pvclock/guard.h>
#include <pvclock/host.h>
#include <pvclock/read.h>

/* ---- What is read ------------------------------------------------------ */

enum { CPUS = 4096, ROUNDS_MAX = 1001, THREADS = 2 };

static struct pvclock_vcpu_time_info one_page __attribute__((aligned(4096)));
static struct pvclock_vcpu_time_info pages[CPUS] __attribute__((aligned(4096)));
static const struct pvclock_vcpus vcpus = {pages, sizeof(pages[0]), CPUS, 0xfff};
static struct pvclock_guard guard __attribute__((aligned(64)));
static struct pvclock_slot slots[THREADS] __attribute__((aligned(64)));
static struct {
    uint32_t cpu, pad[15];
} hints[THREADS];
static enum pvclock_order chosen;
static const uint64_t epoch = UINT64_C(1700000000123456789);

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

/* The value has to be made, and nothing else. */
#define USE(x)        __asm__ volatile("" : : "r"(x))
#define USE_MEMORY(p) __asm__ volatile("" : : "r"(p) : "memory")

typedef void loop(const struct pvclock_vcpu_time_info *page, unsigned long reads, unsigned own);

#define LOOP(name, body)                                                                           \
    static __attribute__((noinline, aligned(64))) void name(                                       \
        const struct pvclock_vcpu_time_info *page, unsigned long reads, unsigned own)              \
    {                                                                                              \
        (void)page;                                                                                \
        (void)own;                                                                                 \
        for (unsigned long i = 0; i < reads; i++) {                                                \
            body                                                                                   \
        }                                                                                          \
    }

/* clang-format off */
LOOP(floor_loop, USE(join(PVCLOCK_TSC_LFENCE()));)
LOOP(rdtsc_loop, USE(join(PVCLOCK_TSC_RELAXED()));)
LOOP(rdtscp_loop, uint32_t aux; USE(join(PVCLOCK_TSC_RDTSCP(&aux)));)
LOOP(rdtscp_lfence_loop, uint32_t aux; USE(join(PVCLOCK_TSC_RDTSCP(&aux)));
     __asm__ volatile("lfence" : : : "memory");)
LOOP(mfence_loop, __asm__ volatile("mfence" : : : "memory"); USE(join(PVCLOCK_TSC_RELAXED()));)
LOOP(rdpid_loop, USE(rdpid());)
LOOP(ns_lfence_loop, uint64_t ns; (void)pvclock_ns(page, PVCLOCK_LFENCE, &ns); USE(ns);)
LOOP(ns_rdtscp_loop, uint64_t ns; (void)pvclock_ns(page, PVCLOCK_RDTSCP, &ns); USE(ns);)
LOOP(ns_chosen_loop, uint64_t ns; (void)pvclock_ns(page, chosen, &ns); USE(ns);)
LOOP(relaxed_loop, uint64_t ns; (void)pvclock_relaxed_ns(page, &ns); USE(ns);)
LOOP(time_lfence_loop, struct pvclock_time t = pvclock_time_now(page, PVCLOCK_LFENCE, epoch);
     USE(t.sec); USE(t.nsec);)
LOOP(time_rdtscp_loop, struct pvclock_time t = pvclock_time_now(page, PVCLOCK_RDTSCP, epoch);
     USE(t.sec); USE(t.nsec);)
LOOP(vcpu_loop, uint64_t ns; (void)pvclock_vcpu_ns(&vcpus, &hints[own].cpu, &ns); USE(ns);)
LOOP(vcpu_rdpid_loop, uint64_t ns; uint32_t cpu = rdpid() & 0xfff;
     (void)pvclock_vcpu_ns(&vcpus, &cpu, &ns); USE(ns);)
LOOP(vcpu_rdtscp_loop, uint64_t ns; uint32_t cpu; (void)PVCLOCK_TSC_RDTSCP(&cpu); cpu &= 0xfff;
     (void)pvclock_vcpu_ns(&vcpus, &cpu, &ns); USE(ns);)
LOOP(vcpu_slots_loop, uint64_t ns; (void)pvclock_vcpu_ns(&vcpus, &hints[own].cpu, &ns);
     USE(pvclock_guard_slots(slots, THREADS, own, ns));)
LOOP(vcpu_cas_loop, uint64_t ns; (void)pvclock_vcpu_ns(&vcpus, &hints[own].cpu, &ns);
     USE(pvclock_guard_cas(&guard, ns));)
LOOP(glibc_loop, struct timespec t; (void)clock_gettime(CLOCK_MONOTONIC, &t); USE_MEMORY(&t);)
LOOP(syscall_loop, struct timespec t; (void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
     USE_MEMORY(&t);)

/* Out of line: what a program that calls a library function pays. */
#define FUNCTIONS(suffix, order)                                                                   \
    static __attribute__((noinline))                                                               \
    uint64_t ns_##suffix(const struct pvclock_vcpu_time_info *page)                                \
    {                                                                                              \
        uint64_t ns;                                                                               \
                                                                                                   \
        (void)pvclock_ns(page, order, &ns);                                                        \
        return ns;                                                                                 \
    }                                                                                              \
                                                                                                   \
    static __attribute__((noinline)) enum pvclock_status timespec_##suffix(                        \
        const struct pvclock_vcpu_time_info *page, struct pvclock_timespec *out)                   \
    {                                                                                              \
        return pvclock_timespec_now(page, order, epoch, out);                                          \
    }
FUNCTIONS(lfence, PVCLOCK_LFENCE)
FUNCTIONS(rdtscp, PVCLOCK_RDTSCP)

LOOP(ns_lfence_call_loop, USE(ns_lfence(page));)
LOOP(ns_rdtscp_call_loop, USE(ns_rdtscp(page));)
LOOP(timespec_lfence_loop, struct pvclock_timespec t; (void)timespec_lfence(page, &t);
     USE_MEMORY(&t);)
LOOP(timespec_rdtscp_loop, struct pvclock_timespec t; (void)timespec_rdtscp(page, &t);
     USE_MEMORY(&t);)
/* clang-format on */

static struct row {
    const char *name;
    loop *run;
    double goal; /* 0: none */
    unsigned threads;
    unsigned part; /* of the reads, for what is slow */
    bool needs_rdtscp, needs_rdpid;
    double ratio[ROUNDS_MAX];
    double cycles[ROUNDS_MAX];
} rows[] = {
    {"lfence; rdtsc (the floor)", floor_loop, 0, 1, 1, false, false, {0}, {0}},
    {"rdtsc, unordered", rdtsc_loop, 0, 1, 1, false, false, {0}, {0}},
    {"rdtscp", rdtscp_loop, 0, 1, 1, true, false, {0}, {0}},
    {"rdtscp; lfence", rdtscp_lfence_loop, 0, 1, 1, true, false, {0}, {0}},
    {"mfence; rdtsc", mfence_loop, 0, 1, 1, false, false, {0}, {0}},
    {"rdpid", rdpid_loop, 0, 1, 1, false, true, {0}, {0}},
    {"ns, inline, lfence", ns_lfence_loop, 1.12, 1, 1, false, false, {0}, {0}},
    {"ns, inline, rdtscp", ns_rdtscp_loop, 1.12, 1, 1, true, false, {0}, {0}},
    {"ns, inline, order in a variable", ns_chosen_loop, 0, 1, 1, false, false, {0}, {0}},
    {"ns, called, lfence", ns_lfence_call_loop, 1.12, 1, 1, false, false, {0}, {0}},
    {"ns, called, rdtscp", ns_rdtscp_call_loop, 1.12, 1, 1, true, false, {0}, {0}},
    {"timespec, registers, lfence", time_lfence_loop, 1.18, 1, 1, false, false, {0}, {0}},
    {"timespec, registers, rdtscp", time_rdtscp_loop, 1.18, 1, 1, true, false, {0}, {0}},
    {"timespec, pointer, lfence", timespec_lfence_loop, 1.25, 1, 1, false, false, {0}, {0}},
    {"timespec, pointer, rdtscp", timespec_rdtscp_loop, 1.25, 1, 1, true, false, {0}, {0}},
    {"relaxed ns (no order)", relaxed_loop, 0.55, 1, 1, false, false, {0}, {0}},
    {"not STABLE: hint, rdtscp", vcpu_loop, 0, 1, 1, true, false, {0}, {0}},
    {"not STABLE: rdpid, rdtscp", vcpu_rdpid_loop, 0, 1, 1, true, true, {0}, {0}},
    {"not STABLE: two rdtscp", vcpu_rdtscp_loop, 0, 1, 1, true, false, {0}, {0}},
    {"not STABLE, slots", vcpu_slots_loop, 1.20, 1, 1, true, false, {0}, {0}},
    {"not STABLE, CAS", vcpu_cas_loop, 0, 1, 1, true, false, {0}, {0}},
    {"not STABLE, slots, 2 threads", vcpu_slots_loop, 0, 2, 1, true, false, {0}, {0}},
    {"not STABLE, CAS, 2 threads", vcpu_cas_loop, 0, 2, 1, true, false, {0}, {0}},
    {"glibc clock_gettime", glibc_loop, 0, 1, 1, false, false, {0}, {0}},
    {"system call clock_gettime", syscall_loop, 0, 1, 20, false, false, {0}, {0}},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]), SLOTS_2 = ROWS - 4, CAS_2 = ROWS - 3 };

/* ---- Running it -------------------------------------------------------- */

static bool pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0;
}

static double cycles_per_read(loop *run, unsigned long reads, unsigned own)
{
    uint64_t start = join(PVCLOCK_TSC_LFENCE());

    run(&one_page, reads, own);
    return (double)(join(PVCLOCK_TSC_LFENCE()) - start) / (double)reads;
}

static int cpu_of_rival = -1;
static struct {
    loop *run; /* what the second thread does; NULL: nothing */
    bool running, quit;
} rival;

static void *rival_thread(void *argument)
{
    (void)argument;
    (void)pin(cpu_of_rival);
    while (!__atomic_load_n(&rival.quit, __ATOMIC_ACQUIRE)) {
        loop *run = __atomic_load_n(&rival.run, __ATOMIC_ACQUIRE);

        if (run != NULL) {
            __atomic_store_n(&rival.running, true, __ATOMIC_RELEASE);
            run(&one_page, 1000, 1);
        } else {
            struct timespec rest = {0, 100000};

            __atomic_store_n(&rival.running, false, __ATOMIC_RELEASE);
            (void)nanosleep(&rest, NULL);
        }
    }
    return NULL;
}

static void set_rival(loop *run)
{
    __atomic_store_n(&rival.run, run, __ATOMIC_RELEASE);
    while (__atomic_load_n(&rival.running, __ATOMIC_ACQUIRE) != (run != NULL))
        (void)sched_yield();
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(const double *values, unsigned count)
{
    static double sorted[ROUNDS_MAX];

    memcpy(sorted, values, count * sizeof(*values));
    qsort(sorted, count, sizeof(*sorted), by_value);
    return sorted[count / 2];
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

static unsigned long number(const char *text, unsigned long max)
{
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value == 0 || value > max) {
        fprintf(stderr, "bench: '%s' is not a number from 1 to %lu\n", text, max);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    unsigned long rounds = argc > 1 ? number(argv[1], ROUNDS_MAX) : 41;
    unsigned long reads = argc > 2 ? number(argv[2], 1000000000) : 200000;
    static const char *const order_names[] = {"lfence; rdtsc", "rdtscp", "rdtsc"};
    const struct pvclock_ops ops = {linux_cpuid, NULL, NULL};
    struct pvclock_cpuid extended, seven;
    bool has_rdtscp, has_rdpid;
    cpu_set_t allowed;
    pthread_t thread;
    int cpu_of_main = -1;
    unsigned missed = 0;

    if (argc > 3) {
        fprintf(stderr, "usage: bench [ROUNDS [READS]]\n");
        return 2;
    }
    linux_cpuid(NULL, 0x80000001, &extended);
    linux_cpuid(NULL, 7, &seven);
    has_rdtscp = (extended.edx >> 27 & 1) != 0;
    has_rdpid = (seven.ecx >> 22 & 1) != 0;
    chosen = pvclock_host_tsc_order(&ops);
    printf("ordered TSC read chosen for this CPU: %s; rdtscp %s, rdpid %s\n", order_names[chosen],
           has_rdtscp ? "yes" : "no", has_rdpid ? "yes" : "no");

    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &allowed) && cpu_of_main < 0)
                cpu_of_main = cpu;
            else if (CPU_ISSET(cpu, &allowed) && cpu_of_rival < 0)
                cpu_of_rival = cpu;
        }
    }
    make_pages();
    if (cpu_of_rival >= 0 && pthread_create(&thread, NULL, rival_thread, NULL) != 0)
        cpu_of_rival = -1;
    if (cpu_of_main < 0 || !pin(cpu_of_main))
        printf("not pinned: %s\n", strerror(errno));

    for (unsigned long round = 0; round < rounds; round++) {
        if (isatty(2))
            fprintf(stderr, "round %lu of %lu\r", round + 1, rounds);
        for (int r = 0; r < ROWS; r++) {
            if ((rows[r].needs_rdtscp && !has_rdtscp) || (rows[r].needs_rdpid && !has_rdpid) ||
                (rows[r].threads == 2 && cpu_of_rival < 0)) {
                rows[r].threads = 0;
                continue;
            }
            if (rows[r].threads == 2)
                set_rival(rows[r].run);
            rows[r].cycles[round] = cycles_per_read(rows[r].run, reads / rows[r].part + 1, 0);
            if (rows[r].threads == 2)
                set_rival(NULL);
            rows[r].ratio[round] = rows[r].cycles[round] / rows[0].cycles[round];
        }
    }
    if (cpu_of_rival >= 0) {
        __atomic_store_n(&rival.quit, true, __ATOMIC_RELEASE);
        (void)pthread_join(thread, NULL);
    }

    printf("%lu rounds of %lu reads, medians\n\n%-30s %8s %8s %6s\n", rounds, reads, "what",
           "cycles", "ratio", "goal");
    for (int r = 0; r < ROWS; r++) {
        double ratio = median(rows[r].ratio, (unsigned)rounds);

        if (rows[r].threads == 0) {
            printf("%-30s %8s\n", rows[r].name, "not here");
            continue;
        }
        printf("%-30s %8.1f %8.3f", rows[r].name, median(rows[r].cycles, (unsigned)rounds), ratio);
        if (rows[r].goal != 0) {
            printf(" %6.2f%s", rows[r].goal, ratio <= rows[r].goal ? "" : "  MISSED");
            missed += ratio > rows[r].goal;
        }
        printf("\n");
    }
    if (rows[SLOTS_2].threads == 2 && rows[CAS_2].threads == 2) {
        double ratio;

        for (unsigned long round = 0; round < rounds; round++)
            rows[SLOTS_2].ratio[round] = rows[SLOTS_2].cycles[round] / rows[CAS_2].cycles[round];
        ratio = median(rows[SLOTS_2].ratio, (unsigned)rounds);
        printf("%-30s %8s %8.3f %6.2f%s\n", "slots over CAS, 2 threads", "", ratio, 0.90,
               ratio <= 0.90 ? "" : "  MISSED");
        missed += ratio > 0.90;
    }
    printf("\ngoals missed: %u\n", missed);
    return 0;
}
