/* SPDX-License-Identifier: 0BSD */
/*
 * Tests ring 3's clock_gettime(): whether each clock agrees with the system call, which path a
 * reading takes, and whether it stays in order while the kernel moves threads.
 */
#include "arch/x86/wait.h"
#include "base/format.h"
#include "userspace_sim/process.h"
#include "userspace_sim/step.h"

/* ---- Each clock, and the path of a reading ----------------------------- */

/* Over all combinations that the kernel has published so far. */
static struct {
    uint32_t tried, wrong;
    bool last_wrong;
    uint32_t clocks, disagree; /* bit n: clock n */
    uint32_t disagree_now;     /* of the present combination */
    uint32_t facts, right;     /* of the first that was wrong */
} seen;

/* Whether a reading lies between two system calls, and the resolutions are equal. */
static bool agrees(struct gettime *g, uint32_t clock)
{
    struct pvclock_timespec before = {0}, here = {0}, after = {0};
    struct pvclock_timespec resolution = {0}, resolution_here = {0};

    (void)call(SYS_CLOCK_GETTIME, clock, address_of(&before), 0, 0);
    (void)clock_gettime(g, clock, &here);
    (void)call(SYS_CLOCK_GETTIME, clock, address_of(&after), 0, 0);
    (void)call(SYS_CLOCK_GETRES, clock, address_of(&resolution), 0, 0);
    (void)gettime_resolution(g, clock, &resolution_here);
    bool order =
        timespec_ns(before) <= timespec_ns(here) && timespec_ns(here) <= timespec_ns(after);
    return order && timespec_ns(resolution) == timespec_ns(resolution_here) &&
           (!gettime_is_precise(clock) || here.tv_sec > 0);
}

void clocks(struct thread_page *t)
{
    static const uint8_t ids[] = {
        GETTIME_REALTIME,       GETTIME_MONOTONIC,         GETTIME_UPTIME,
        GETTIME_UPTIME_PRECISE, GETTIME_UPTIME_FAST,       GETTIME_REALTIME_PRECISE,
        GETTIME_REALTIME_FAST,  GETTIME_MONOTONIC_PRECISE, GETTIME_MONOTONIC_FAST,
        GETTIME_SECOND,
    };
    struct gettime g = thread_gettime(t);

    seen.disagree_now = 0;
    for (unsigned i = 0; i < sizeof(ids); i++) {
        seen.clocks |= 1u << ids[i];
        if (!agrees(&g, ids[i]))
            seen.disagree_now |= 1u << ids[i];
    }
    seen.disagree |= seen.disagree_now;
}

/* Returns the path that docs/decision.md asks for. */
static enum gettime_path expected_path(const struct time_page *time, uint32_t facts)
{
    struct time_facts f = {
        .kvmclock_chosen = facts & FACT_BY_KVMCLOCK,
        .tsc_chosen = facts & FACT_BY_TSC,
        .rdtscp = facts & FACT_RDTSCP,
        .stable_feature = true,
        .enable_without_rdtscp = facts & FACT_WITHOUT_RDTSCP,
        .force_unstable = facts & FACT_FORCE_UNSTABLE,
        .fast_gettime = facts & FACT_FAST,
    };
    uint32_t mask;

    switch (time_decide(&f, &mask)) {
    case TIME_TSC:
        return GETTIME_PATH_STABLE;
    case TIME_PVCLOCK:
        if (mask && facts & FACT_STABLE)
            return GETTIME_PATH_STABLE;
        return f.rdtscp || time->has_vcpu_word ? GETTIME_PATH_OWN_VCPU : GETTIME_PATH_SYSTEM_CALL;
    default:
        return GETTIME_PATH_SYSTEM_CALL;
    }
}

/* Whether all readings take this path, and the kernel counts as many system calls. */
static bool takes_now(struct thread_page *t, enum gettime_path path)
{
    const uint64_t calls = path == GETTIME_PATH_SYSTEM_CALL ? 2 : 64;
    struct gettime g = thread_gettime(t);
    struct pvclock_timespec ts;
    uint64_t taken = 0, counts[COUNTS] = {0};

    count_begin();
    for (uint64_t i = 0; i < calls; i++)
        taken += clock_gettime(&g, GETTIME_MONOTONIC, &ts) == path;
    count_end(counts);
    return taken == calls &&
           counts[COUNT_SYSTEM_CALL] == (path == GETTIME_PATH_SYSTEM_CALL ? calls : 0);
}

/* The first reading after a pause of the guest asks the kernel, whatever its path: try again. */
static bool takes(struct thread_page *t, enum gettime_path path)
{
    enum { TRIES = 3 };

    for (unsigned i = 0; i < TRIES; i++) {
        if (takes_now(t, path))
            return true;
    }
    return false;
}

void paths(struct thread_page *t)
{
    static struct meeting right;
    enum gettime_path expected = expected_path(time_page_of(t), t->facts);

    if (takes(t, expected))
        (void)meeting_join(&right, t);
    if (!last_out(t))
        return;
    bool good = meeting_count(&right, t) == t->count;
    if (t->facts & FACT_AGAIN) {
        seen.tried--;
        seen.wrong -= seen.last_wrong;
    }
    seen.last_wrong = !good;
    if (!good && seen.wrong++ == 0) {
        seen.facts = t->facts;
        seen.right = meeting_count(&right, t);
    }
    seen.tried++;
    page_of(t, 0)->path = (struct path_result){expected, good, seen.disagree_now};
}

void paths_judged(struct thread_page *t)
{
    static const char *const names[GETTIME_PATHS] = {"one page", "own vCPU's page", "last tick",
                                                     "system call", "no clock"};
    char first[160] = "";

    if (seen.wrong)
        format(first, sizeof(first),
               "; first: %s, STABLE %u, vdso_enable_without_rdtscp %u, vdso_force_unstable %u: "
               "expected by %s, %u vCPUs took it",
               seen.facts & FACT_BY_KVMCLOCK ? "kvmclock" : "TSC", !!(seen.facts & FACT_STABLE),
               !!(seen.facts & FACT_WITHOUT_RDTSCP), !!(seen.facts & FACT_FORCE_UNSTABLE),
               names[expected_path(time_page_of(t), seen.facts)], seen.right);
    verdict(pass_if(seen.tried && !seen.wrong), "ring3.gettime.paths",
            "%u combinations of counter, STABLE and settings%s, %u took another way than the table "
            "says%s",
            seen.tried, t->facts & FACT_RDTSCP ? " with RDTSCP" : " without RDTSCP", seen.wrong,
            first);
    char outside[64] = " none";
    for (unsigned clock = 0, at = 0; clock < 32; clock++) {
        if (seen.disagree & 1u << clock)
            at += (unsigned)format(outside + at, sizeof(outside) - at, " %u", clock);
    }
    verdict(pass_if(seen.clocks && !seen.disagree), "ring3.gettime.clocks",
            "clocks by number that were not between two system calls:%s", outside);
}

/* ---- Moved threads ----------------------------------------------------- */

/* Sums over all threads of a job. */
struct moved_sums {
    uint64_t moves, unseen, reads, idle, steps, by[GETTIME_PATHS];
    struct told worst;
};

static struct told told;

static void judge_moved(const struct thread_page *t, const struct moved_sums *s)
{
    verdict(
        pass_if(s->moves && !s->idle && !s->steps && !s->unseen),
        t->job == JOB_MOVED ? "ring3.moved" : "ring3.moved.unstable",
        "%u threads moved %lu times between %u vCPUs: %lu steps back in %lu readings, worst "
        "%lu ns; %lu by one page, %lu by own vCPU's, %lu by system call; %lu moves that the vCPU's "
        "word does not show%s",
        t->count, s->moves, t->count - 1, s->steps, s->reads, s->worst.latest,
        s->by[GETTIME_PATH_STABLE], s->by[GETTIME_PATH_OWN_VCPU], s->by[GETTIME_PATH_SYSTEM_CALL],
        s->unseen, caveat(t));
}

static uint64_t sum(uint64_t *to, uint64_t value)
{
    return __atomic_add_fetch(to, value, __ATOMIC_RELAXED);
}

void moved(struct thread_page *t)
{
    /* On a busy host few ticks come, and several to the same vCPU. */
    enum { TRIES = 20, MOVES_WANTED = 10 };
    static struct moved_sums sums[2];
    struct moved_sums *all = &sums[t->job == JOB_MOVED_UNSTABLE];
    struct gettime g = thread_gettime(t);
    struct ordered o = {0};
    uint64_t last = 0, by[GETTIME_PATHS] = {0};
    const uint64_t least = t->tsc_hz / 1000 * t->amount;
    struct wait wait = wait_begin(TRIES * least);
    uint32_t vcpu = gettime_vcpu(&g);
    uint64_t words[MAX_THREADS] = {0}; /* what each vCPU's was when this thread saw it last */

    while (!wait_is_over(&wait) &&
           (wait.waited < least || __atomic_load_n(&all->moves, __ATOMIC_RELAXED) < MOVES_WANTED)) {
        uint64_t before = told_load(&told), ns;
        struct pvclock_timespec ts;
        by[clock_gettime(&g, GETTIME_MONOTONIC, &ts)]++;
        ns = timespec_ns(ts);
        o.reads++;
        step_back(last, ns, &o.back_own, &o.back_own_ns);
        step_back(before, ns, &o.back_cross, &o.back_cross_ns);
        told_raise(&told, ns);
        last = ns;
        uint64_t word = PVCLOCK_VCPU_WORD();
        if ((uint32_t)word != vcpu) {
            vcpu = (uint32_t)word;
            (void)sum(&all->moves, 1);
            /* It was away from this vCPU, whose word has to show that. */
            (void)sum(&all->unseen, words[vcpu] == word);
        }
        words[vcpu] = word;
    }
    (void)sum(&all->reads, o.reads);
    (void)sum(&all->idle, o.reads == 0);
    (void)sum(&all->steps, o.back_own + o.back_cross);
    told_raise(&all->worst, larger(o.back_own_ns, o.back_cross_ns));
    for (unsigned i = 0; i < GETTIME_PATHS; i++)
        (void)sum(&all->by[i], by[i]);
    if (last_out(t))
        judge_moved(t, all);
}
