/* SPDX-License-Identifier: 0BSD */
/*
 * Readers against a host that writes as fast as it can.  One process is the host, the others map
 * its page read-only and read it.  The host logs what was true for which version, so each read is
 * judged:
 *
 *   torn   its time is not the one of its version's fields at its TSC
 *   early  its TSC is from before its version's timestamp
 *   late   its TSC is from after every CPU could see that its version was over
 *   back   its time is before one that another reader had told already
 *
 * Usage: races NAME FILE READER READS [COUNTER...]
 * The readers `lfence` and `rdtscp` are of ns; for those that keep a second as a hint (`time`,
 * `timespec`, `gettime`) the host moves the time about 2,000 times a second by up to 2 s, to and
 * fro, and "back" means nothing.  Without a counter none may be above 0; with some, the run goes on
 * until each of these is, for at most READS reads.
 */
#define _GNU_SOURCE
/* First, as <time.h> has other numbers for its clocks. */
#include <timepage/gettime.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/hyp/hyp.h"

struct races_seen races_seen;
const volatile uint32_t *races_version;

enum { READERS = 2, TORN = 0, EARLY, LATE, BACK, COUNTERS };
static const char *const names[COUNTERS] = {"torn", "early", "late", "back"};

/* What the processes share beside the page; each line has one writer. */
struct shared {
    struct {
        uint64_t told; /* the last time this reader read */
        uint64_t pad[7];
    } reader[READERS];
    struct {
        uint64_t reads, ok, unjudged, counter[COUNTERS], version_span;
        uint64_t worst; /* by how many cycles a read was early or late */
    } result[READERS];
    uint64_t updates;
    bool stop;
};

static struct shared *shared;

/* The oracle has 128 bits and nothing of the library. */
static uint64_t truth(const struct hyp_log_entry *entry, int shift, uint64_t tsc)
{
    __extension__ typedef unsigned __int128 u128;
    uint64_t delta = tsc - entry->tsc_timestamp;

    if ((int64_t)delta < 0)
        return entry->system_time;
    delta = shift < 0 ? delta >> -shift : delta << shift;
    return entry->system_time + (uint64_t)((u128)delta * entry->mul >> 32);
}

static void host(struct hyp *hyp, unsigned seed)
{
    uint32_t mul = hyp->now.mul;

    while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
        /* Another rate each time, so that the right time by the wrong fields is a wrong time. */
        seed = seed * 1103515245 + 12345;
        hyp_update(hyp, mul - (shared->updates % 2 != 0 ? mul >> 4 : 0), 0, 0);
        shared->updates++;
        for (volatile unsigned pause = seed >> 16 & 255; pause != 0; pause--)
            ;
    }
}

/* Moves the time to and fro: by any part of 2 s, or to one side of a second's edge. */
static void moving_host(struct hyp *hyp, unsigned seed)
{
    enum { SECOND = 1000000000 };
    uint32_t mul = hyp->now.mul;
    int64_t jump = 0;

    while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
        struct timespec rest = {0, 250000};

        seed = seed * 1103515245 + 12345;
        if (shared->updates % 2 != 0)
            jump = -jump;
        else if ((seed >> 8 & 1) != 0)
            jump = seed % (2 * SECOND);
        else /* the next second begins in 0 to 65 us */
            jump = SECOND - (int64_t)(hyp->now.system_time % SECOND) - (seed >> 9 & 0xffff);
        hyp_update(hyp, mul - (shared->updates % 2 != 0 ? mul >> 4 : 0), jump, 0);
        shared->updates++;
        (void)nanosleep(&rest, NULL);
    }
}

/* ---- Readers ----------------------------------------------------------- */

enum kind { NS_LFENCE, NS_RDTSCP, TIME, TIMESPEC, GETTIME, KINDS };
static const char *const kinds[KINDS] = {"lfence", "rdtscp", "time", "timespec", "gettime"};

static struct pvclock_second second;
static struct time_page time_page = {TIME_PAGE_IDENTITY,
                                     .sequence = 2,
                                     .algorithm = TIME_PVCLOCK,
                                     .stable_mask = PVCLOCK_FLAG_TSC_STABLE,
                                     .vcpus = 1,
                                     .stride = sizeof(struct pvclock_vcpu_time_info),
                                     .uptime_base = 123456789,
                                     .realtime_base = UINT64_C(1700000000987654321)};
static struct gettime whole;

/* Turns a time split in two into ns, if it is one. */
static uint64_t joined(uint64_t sec, uint64_t nsec)
{
    return nsec < 1000000000 ? sec * 1000000000 + nsec : UINT64_MAX;
}

static enum pvclock_status by_gettime(uint64_t reads, uint64_t *ns)
{
    bool date = reads % 3 == 0;
    struct pvclock_timespec t = {-1, 0};

    if (gettime_read(&whole, date ? 0 : GETTIME_UPTIME, &t) != GETTIME_PATH_STABLE)
        return PVCLOCK_BUSY;
    *ns = joined((uint64_t)t.tv_sec, (uint64_t)t.tv_nsec) -
          (date ? time_page.realtime_base : time_page.uptime_base);
    return PVCLOCK_OK;
}

static inline __attribute__((always_inline)) enum pvclock_status
read_by(enum kind kind, const struct pvclock_vcpu_time_info *page, uint64_t reads, uint64_t *ns)
{
    struct pvclock_timespec spec;
    struct pvclock_time time;
    enum pvclock_status status;

    switch (kind) {
    case NS_LFENCE:
        return pvclock_ns(page, PVCLOCK_LFENCE, ns);
    case NS_RDTSCP:
        return pvclock_ns(page, PVCLOCK_RDTSCP, ns);
    case TIME:
        time = pvclock_time_near(page, PVCLOCK_LFENCE, 0, &second);
        *ns = joined(time.sec, time.nsec);
        return (enum pvclock_status)time.status;
    case TIMESPEC:
        status = pvclock_timespec_near(page, PVCLOCK_LFENCE, 0, &second, &spec);
        *ns = joined((uint64_t)spec.tv_sec, (uint64_t)spec.tv_nsec);
        return status;
    default:
        return by_gettime(reads, ns);
    }
}

/* One read, judged when the next one is done: by then the host has logged how it ended. */
struct judged {
    uint64_t tsc, ns;
    uint32_t version;
};

static void count_off(unsigned self, unsigned counter, uint64_t cycles)
{
    shared->result[self].counter[counter]++;
    if (cycles > shared->result[self].worst)
        shared->result[self].worst = cycles;
}

static void judge(const struct hyp_file *file, int shift, const struct judged *read, unsigned self)
{
    const struct hyp_log_entry *entry = &file->log[read->version / 2 % HYP_LOG_ENTRIES];
    struct hyp_log_entry copy;

    copy.version = __atomic_load_n(&entry->version, __ATOMIC_ACQUIRE);
    copy.mul = __atomic_load_n(&entry->mul, __ATOMIC_ACQUIRE);
    copy.tsc_timestamp = __atomic_load_n(&entry->tsc_timestamp, __ATOMIC_ACQUIRE);
    copy.system_time = __atomic_load_n(&entry->system_time, __ATOMIC_ACQUIRE);
    copy.ended = __atomic_load_n(&entry->ended, __ATOMIC_ACQUIRE);
    if (copy.version != read->version ||
        __atomic_load_n(&entry->version, __ATOMIC_ACQUIRE) != read->version) {
        shared->result[self].unjudged++; /* the log went round since */
        return;
    }
    if (read->ns != truth(&copy, shift, read->tsc))
        shared->result[self].counter[TORN]++;
    if ((int64_t)(read->tsc - copy.tsc_timestamp) < 0)
        count_off(self, EARLY, copy.tsc_timestamp - read->tsc);
    if (copy.ended != 0 && (int64_t)(read->tsc - copy.ended) > 0)
        count_off(self, LATE, read->tsc - copy.ended);
}

static int reader(const char *path, enum kind kind, unsigned self, uint64_t reads)
{
    const struct hyp_file *file = hyp_open(path);
    static struct pvclock_guard guard;
    static const uint32_t vcpu;
    int shift;
    struct judged last = {0, 0, 0};

    if (file == NULL)
        return 2;
    shift = file->page.time.tsc_shift;
    races_version = &file->page.time.version;
    whole.time = &time_page;
    whole.structures = &file->page.time;
    whole.vcpu_now = &vcpu;
    whole.guard = &guard;
    whole.sequence = 1;
    for (uint64_t i = 0; i < reads; i++) {
        uint64_t told = __atomic_load_n(&shared->reader[1 - self].told, __ATOMIC_ACQUIRE);
        struct judged now;
        enum pvclock_status status = read_by(kind, &file->page.time, i, &now.ns);

        shared->result[self].reads++;
        if (!pvclock_has_time(status))
            continue; /* busy: the host lost its CPU while it wrote */
        now.tsc = races_seen.tsc;
        now.version = races_seen.version;
        shared->result[self].ok++;
        if (now.ns < told && kind < TIME)
            shared->result[self].counter[BACK]++;
        __atomic_store_n(&shared->reader[self].told, now.ns, __ATOMIC_RELEASE);
        if (last.version != 0)
            judge(file, shift, &last, self);
        last = now;
        if (i % 4096 == 0 && __atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE))
            break;
    }
    return 0;
}

/* What a reader can do to the page: nothing. */
static bool write_faults(const char *path)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        const struct hyp_file *file = hyp_open(path);

        if (file != NULL)
            *(volatile uint32_t *)(uintptr_t)&file->page.time.version = 1;
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
           WTERMSIG(status) == SIGSEGV;
}

static uint64_t sum(int counter)
{
    uint64_t total = 0;

    for (int r = 0; r < READERS; r++)
        total += __atomic_load_n(&shared->result[r].counter[counter], __ATOMIC_ACQUIRE);
    return total;
}

int main(int argc, char **argv)
{
    struct hyp hyp = {NULL, {0, 0, 0, 0, 0, 0}};
    unsigned wanted = 0;
    pid_t children[READERS + 1];
    enum kind kind = NS_LFENCE;
    uint64_t reads, done = 0, ok = 0, unjudged = 0, worst = 0;
    bool good = true, faults, shown;
    struct timespec start, end;

    while (argc >= 5 && kind < KINDS && strcmp(argv[3], kinds[kind]) != 0)
        kind++;
    if (argc < 5 || kind == KINDS) {
        fprintf(stderr, "usage: races NAME FILE lfence|rdtscp|time|timespec|gettime READS "
                        "[torn|early|late|back]...\n");
        return 2;
    }
    reads = strtoull(argv[4], NULL, 10);
    for (int i = 5; i < argc; i++)
        for (unsigned c = 0; c < COUNTERS; c++)
            wanted |= (unsigned)(strcmp(argv[i], names[c]) == 0) << c;

    shared = (struct shared *)mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    hyp.file = hyp_create(argv[2]);
    if (shared == MAP_FAILED || hyp.file == NULL ||
        !hyp_start(&hyp, 2300000000, 86400000000000, PVCLOCK_FLAG_TSC_STABLE)) {
        printf("FAIL %s: %s: %s\n", argv[1], argv[2], strerror(errno));
        return 1;
    }
    faults = write_faults(argv[2]);
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    fflush(stdout);
    for (unsigned c = 0; c <= READERS; c++) {
        children[c] = fork();
        if (children[c] == 0) {
            if (c == READERS) {
                if (kind < TIME)
                    host(&hyp, 1);
                else
                    moving_host(&hyp, 1);
                _exit(0);
            }
            _exit(reader(argv[2], kind, c, reads / READERS));
        }
    }
    if (wanted != 0) {
        for (;;) {
            struct timespec rest = {0, 10000000};
            bool seen = true, running = false;

            (void)nanosleep(&rest, NULL);
            for (unsigned c = 0; c < COUNTERS; c++)
                seen = seen && ((wanted >> c & 1) == 0 || sum((int)c) != 0);
            for (int r = 0; r < READERS; r++)
                running = running || shared->result[r].reads < reads / READERS;
            if (seen || !running)
                break;
        }
        __atomic_store_n(&shared->stop, true, __ATOMIC_RELEASE);
    }
    for (int r = 0; r < READERS; r++) {
        int status;

        good = waitpid(children[r], &status, 0) == children[r] && status == 0 && good;
    }
    __atomic_store_n(&shared->stop, true, __ATOMIC_RELEASE);
    (void)waitpid(children[READERS], NULL, 0);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);

    for (int r = 0; r < READERS; r++) {
        done += shared->result[r].reads;
        ok += shared->result[r].ok;
        unjudged += shared->result[r].unjudged;
        worst = shared->result[r].worst > worst ? shared->result[r].worst : worst;
    }
    for (unsigned c = 0; c < COUNTERS; c++) {
        if (wanted == 0)
            good = good && sum((int)c) == 0;
        else if ((wanted >> c & 1) != 0)
            good = good && sum((int)c) != 0;
    }
    good = good && faults;
    /* Where little was judged, or nothing was written, nothing was shown: a host too busy. */
    shown = shared->updates > (kind < TIME ? 1000 : 100) && unjudged < done / 10 && ok > done / 2;
    printf("%s %s: %s%llu reads against %llu updates in %.1f s: torn %llu, early %llu, late %llu "
           "(by at most %llu cycles), back %llu (busy %llu, not judged %llu); a write faults: %s\n",
           !good   ? "FAIL"
           : shown ? "PASS"
                   : "SKIP",
           argv[1], shown ? "" : "this machine is too busy for it: ", (unsigned long long)done,
           (unsigned long long)shared->updates,
           (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9,
           (unsigned long long)sum(TORN), (unsigned long long)sum(EARLY),
           (unsigned long long)sum(LATE), (unsigned long long)worst, (unsigned long long)sum(BACK),
           (unsigned long long)(done - ok), (unsigned long long)unjudged, faults ? "yes" : "NO");
    return good ? 0 : 1;
}
