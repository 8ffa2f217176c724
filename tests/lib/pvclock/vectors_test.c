/* SPDX-License-Identifier: 0BSD */
/*
 * The library against the vectors of vectors/, which are made without it.  The mock port plays the
 * host: before each step of a try it makes the changes that are due by then.
 */
#include "tests/check.h"

#include <string.h>

#include <pvclock/clock.h>
#include <pvclock/guard.h>
#include <pvclock/host.h>
#include <pvclock/read.h>

/* Of a try: before the version, the TSC, the version again; and when a reader should be done. */
enum point { AT_BEGIN, AT_MIDDLE, AT_END, AT_AFTER };

struct change {
    unsigned number; /* of the try, from 1 */
    enum point at;
    struct pvclock_vcpu_time_info info; /* from then on */
    uint64_t tsc;
};

struct read_vector {
    const char *name;
    struct pvclock_vcpu_time_info info;
    uint64_t tsc, base;
    enum pvclock_status status;
    uint64_t ns;
    uint32_t version;
    uint8_t flags;
    enum pvclock_status date_status;
    uint64_t sec;
    uint32_t nsec;
    unsigned first_change, changes;
};

struct vcpu_vector {
    const char *name;
    struct pvclock_vcpu_time_info infos[3];
    uint32_t aux_mask, hint, aux;
    uint64_t tsc;
    enum pvclock_status status;
    uint64_t ns;
    uint32_t hint_after;
};

struct guard_vector {
    bool first; /* of a sequence */
    uint64_t ns, rival, out;
};

struct clock_step {
    const char *name;
    bool first; /* of a sequence, which begins with a new clock */
    uint32_t features;
    uint64_t hz, start;
    enum { STEP_WRITE, STEP_ATTACH, STEP_READ } kind;
    uint32_t cpu;
    struct pvclock_vcpu_time_info info;
    uint64_t tsc, ns;
    bool held;
};

struct frequency_vector {
    uint32_t mul;
    int8_t shift;
    enum pvclock_status status;
    uint64_t hz;
};

struct scale_vector {
    uint64_t hz;
    enum pvclock_status status;
    uint32_t mul;
    int8_t shift;
};

struct deadline_vector {
    struct pvclock_vcpu_time_info info;
    uint64_t ns;
    enum pvclock_status status;
    uint64_t tsc;
};

struct wall_vector {
    struct pvclock_wall_clock wall;
    enum pvclock_status status;
    uint64_t epoch;
};

struct placement_vector {
    uint64_t address;
    size_t size;
    enum pvclock_status status;
};

struct clean_vector {
    int dirty;
    size_t offset, length;
    bool clean;
};

struct stable_vector {
    uint32_t features;
    uint8_t flags;
    bool stable;
};

struct stopped_vector {
    uint8_t flags;
    bool taken;
    uint8_t after;
};

struct leaf {
    uint32_t number;
    struct pvclock_cpuid registers;
};

struct host_vector {
    const char *name;
    unsigned first_leaf, leaves;
    enum pvclock_status status;
    struct pvclock_host found;
};

enum call { CALL_ENABLE, CALL_DISABLE, CALL_WALL };

struct msr_write {
    uint32_t msr;
    uint64_t value;
};

struct call_vector {
    const char *name;
    bool first; /* of a sequence */
    enum call call;
    uint64_t physical;
    bool faults, writes_page;
    uint32_t sec;
    enum pvclock_status status;
    uint64_t epoch;
    unsigned first_write, writes;
};

#include "vectors_table.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct pvclock_mock pvclock_mock;

/* ---- Reading ----------------------------------------------------------- */

static struct pvclock_vcpu_time_info info;
static const struct read_vector *played;
static unsigned tries;
static enum point last_at;

static void play(enum pvclock_mock_step step, const volatile void *address)
{
    enum point at = step == PVCLOCK_MOCK_LOAD         ? AT_BEGIN
                    : step == PVCLOCK_MOCK_LOAD_AFTER ? AT_END
                                                      : AT_MIDDLE;

    (void)address;
    if (step == PVCLOCK_MOCK_PAUSE)
        return;
    tries += at == AT_BEGIN;
    if (at == AT_MIDDLE && last_at >= AT_END)
        at = AT_AFTER;
    last_at = at;
    for (unsigned i = 0; i < played->changes; i++) {
        const struct change *change = &changes[played->first_change + i];

        if (change->number < tries || (change->number == tries && change->at <= at)) {
            info = change->info;
            pvclock_mock.tsc = change->tsc;
        }
    }
}

static void begin(const struct read_vector *v)
{
    memset(&pvclock_mock, 0, sizeof(pvclock_mock));
    pvclock_mock.script = play;
    pvclock_mock.tsc = v->tsc;
    info = v->info;
    played = v;
    tries = 0;
    last_at = AT_BEGIN;
}

static void check_ns(const struct read_vector *v, const char *reader, enum pvclock_status status,
                     uint64_t ns)
{
    assert_that(status == v->status && ns == v->ns, "%s: %s gives %s and %llu ns", v->name, reader,
                pvclock_status_name(status), (unsigned long long)ns);
}

static void check_date(const struct read_vector *v, struct pvclock_time date)
{
    assert_that(date.status == (uint32_t)v->date_status && date.sec == v->sec &&
                    date.nsec == v->nsec,
                "%s: %s, %llu.%09u", v->name, pvclock_status_name((enum pvclock_status)date.status),
                (unsigned long long)date.sec, date.nsec);
}

static void every_page_and_update_is_read_right(void **state)
{
    const enum pvclock_order orders[] = {PVCLOCK_LFENCE, PVCLOCK_RDTSCP, PVCLOCK_RELAXED};

    (void)state;
    for (size_t i = 0; i < COUNT(reads); i++) {
        const struct read_vector *v = &reads[i];
        struct pvclock_timespec timespec = {-1, -1};
        struct pvclock_sample sample;
        enum pvclock_status status;
        uint64_t ns;

        for (size_t k = 0; k < COUNT(orders); k++) {
            begin(v);
            status = pvclock_ns(&info, orders[k], &ns);
            check_ns(v, "pvclock_ns", status, ns);
            begin(v);
            status = pvclock_read(&info, orders[k], &sample);
            check_ns(v, "pvclock_read", status, sample.ns);
            if (v->status != PVCLOCK_BUSY)
                assert_that(sample.version == v->version && sample.flags == v->flags,
                            "%s: version %u, flags %u", v->name, sample.version, sample.flags);
            begin(v);
            check_date(v, pvclock_time_now(&info, orders[k], v->base));
            begin(v);
            check_date(v, pvclock_read_time(&info, orders[k], v->base));
            begin(v);
            status = pvclock_timespec_now(&info, orders[k], v->base, &timespec);
            assert_that(status == v->date_status, "%s: timespec %s", v->name,
                        pvclock_status_name(status));
            if (pvclock_has_time(status))
                assert_that((uint64_t)timespec.tv_sec == v->sec && timespec.tv_nsec == v->nsec,
                            "%s: timespec", v->name);
        }
        /* With a TSC from before, it is the page of the first state. */
        if (v->changes == 0) {
            begin(v);
            status = pvclock_sample_at(&info, v->tsc, &sample);
            check_ns(v, "pvclock_sample_at", status, sample.ns);
        }
    }
    figures("%zu vectors by five readers in three orders", COUNT(reads));
}

static void a_thread_reads_the_structure_of_its_vcpu(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vcpus); i++) {
        const struct vcpu_vector *v = &vcpus[i];
        struct pvclock_vcpus all = {v->infos, sizeof(v->infos[0]), 3, v->aux_mask};
        uint32_t hint = v->hint;
        uint64_t ns;
        enum pvclock_status status;

        memset(&pvclock_mock, 0, sizeof(pvclock_mock));
        pvclock_mock.tsc = v->tsc;
        pvclock_mock.aux = v->aux;
        status = pvclock_vcpu_ns(&all, &hint, &ns);
        assert_that(status == v->status && ns == v->ns && hint == v->hint_after,
                    "%s: %s, %llu ns, hint %u", v->name, pvclock_status_name(status),
                    (unsigned long long)ns, hint);
    }
    figures("%zu vectors", COUNT(vcpus));
}

/* ---- The guard --------------------------------------------------------- */

static struct pvclock_guard shared;
static uint64_t rival;

static void raise_before_the_swap(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    if (step == PVCLOCK_MOCK_CAS64 && rival != 0) {
        shared.last = rival;
        rival = 0;
    }
}

static void the_guard_does_not_go_back(void **state)
{
    static struct pvclock_slot slots[3];

    (void)state;
    memset(&pvclock_mock, 0, sizeof(pvclock_mock));
    pvclock_mock.script = raise_before_the_swap;
    for (size_t i = 0; i < COUNT(guards); i++) {
        const struct guard_vector *v = &guards[i];
        uint64_t out;

        if (v->first) {
            shared.last = 0;
            memset(slots, 0, sizeof(slots));
        }
        rival = v->rival;
        out = pvclock_guard_cas(&shared, v->ns);
        assert_that(out == v->out, "%llu gives %llu", (unsigned long long)v->ns,
                    (unsigned long long)out);
        if (v->rival != 0) /* it has its own slot */
            slots[2].last = v->rival;
        out = pvclock_guard_slots(slots, 3, i & 1, v->ns);
        assert_that(out == v->out, "by slots %llu gives %llu", (unsigned long long)v->ns,
                    (unsigned long long)out);
    }
    figures("%zu readings", COUNT(guards));
}

/* ---- Values ------------------------------------------------------------ */

static void frequencies_and_scales_are_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(frequencies); i++) {
        const struct frequency_vector *v = &frequencies[i];
        struct pvclock_frequency out;
        enum pvclock_status status = pvclock_frequency_of(v->mul, v->shift, &out);

        assert_that(status == v->status && out.hz == v->hz, "mul %u, shift %d: %s, %llu Hz", v->mul,
                    v->shift, pvclock_status_name(status), (unsigned long long)out.hz);
    }
    for (size_t i = 0; i < COUNT(scales); i++) {
        const struct scale_vector *v = &scales[i];
        uint32_t mul;
        int8_t shift;
        enum pvclock_status status = pvclock_scale_from_hz(v->hz, &mul, &shift);

        assert_that(status == v->status && mul == v->mul && shift == v->shift,
                    "%llu Hz: %s, mul %u, shift %d", (unsigned long long)v->hz,
                    pvclock_status_name(status), mul, shift);
    }
    figures("%zu and %zu vectors", COUNT(frequencies), COUNT(scales));
}

static void deadlines_are_the_first_tsc(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(deadlines); i++) {
        const struct deadline_vector *v = &deadlines[i];
        struct pvclock_snapshot snapshot;
        uint64_t tsc;
        enum pvclock_status status;

        memset(&pvclock_mock, 0, sizeof(pvclock_mock));
        (void)pvclock_take_snapshot(&v->info, &snapshot);
        status = pvclock_deadline(&snapshot, v->ns, &tsc);
        assert_that(status == v->status && tsc == v->tsc, "vector %zu: %s, %llu", i,
                    pvclock_status_name(status), (unsigned long long)tsc);
    }
    figures("%zu vectors", COUNT(deadlines));
}

static void wall_clocks_are_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(walls); i++) {
        const struct wall_vector *v = &walls[i];
        uint64_t epoch;
        enum pvclock_status status;

        memset(&pvclock_mock, 0, sizeof(pvclock_mock));
        status = pvclock_wall(&v->wall, &epoch);
        assert_that(status == v->status && epoch == v->epoch, "vector %zu: %s, %llu", i,
                    pvclock_status_name(status), (unsigned long long)epoch);
    }
    figures("%zu vectors", COUNT(walls));
}

static void addresses_and_pages_are_judged(void **state)
{
    static uint8_t bytes[4096];

    (void)state;
    for (size_t i = 0; i < COUNT(placements); i++) {
        const struct placement_vector *v = &placements[i];

        assert_that(pvclock_placement(v->address, v->size) == v->status, "%zu bytes at %llx",
                    v->size, (unsigned long long)v->address);
    }
    for (size_t i = 0; i < COUNT(cleans); i++) {
        const struct clean_vector *v = &cleans[i];

        memset(bytes, 0, sizeof(bytes));
        if (v->dirty >= 0)
            bytes[v->dirty] = 1;
        assert_that(pvclock_page_is_clean(bytes, sizeof(bytes), v->offset, v->length) == v->clean,
                    "byte %d with a structure at %zu", v->dirty, v->offset);
    }
    figures("%zu and %zu vectors", COUNT(placements), COUNT(cleans));
}

static void flags_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stables); i++) {
        const struct stable_vector *v = &stables[i];

        assert_that(pvclock_is_stable(v->features, v->flags) == v->stable, "%x and %x", v->features,
                    v->flags);
    }
    memset(&pvclock_mock, 0, sizeof(pvclock_mock));
    for (size_t i = 0; i < COUNT(stoppeds); i++) {
        const struct stopped_vector *v = &stoppeds[i];

        info.flags = v->flags;
        assert_that(pvclock_take_stopped(&info) == v->taken && info.flags == v->after,
                    "flags %x become %x", v->flags, info.flags);
        assert_that(!pvclock_take_stopped(&info), "flags %x: taken twice", v->flags);
    }
    figures("%zu and %zu vectors", COUNT(stables), COUNT(stoppeds));
}

/* ---- Hosts ------------------------------------------------------------- */

static void played_cpuid(void *context, uint32_t number, struct pvclock_cpuid *out)
{
    const struct host_vector *v = context;

    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < v->leaves; i++) {
        if (leaves[v->first_leaf + i].number == number)
            *out = leaves[v->first_leaf + i].registers;
    }
}

static void hosts_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hosts); i++) {
        struct host_vector v = hosts[i];
        const struct pvclock_ops ops = {played_cpuid, NULL, &v};
        struct pvclock_host found;
        enum pvclock_status status = pvclock_host_find(&ops, &found);

        assert_that(status == v.status && memcmp(&found, &v.found, sizeof(found)) == 0,
                    "%s: %s, base %x, MSR %x", v.name, pvclock_status_name(status), found.base,
                    found.msr_system_time);
    }
    figures("%zu vectors", COUNT(hosts));
}

static const struct call_vector *calling;
static unsigned written;
static struct pvclock_wall_clock wall;

static bool played_wrmsr(void *context, uint32_t msr, uint64_t value)
{
    const struct msr_write *expected = &msr_writes[calling->first_write + written];

    (void)context;
    assert_that(written < calling->writes && msr == expected->msr && value == expected->value,
                "%s: MSR %x, %llx", calling->name, msr, (unsigned long long)value);
    written++;
    if (calling->faults)
        return false;
    if (calling->call == CALL_WALL) {
        wall.version += 2;
        wall.sec = calling->sec;
    } else if (calling->writes_page) {
        info.version += 2;
    }
    return true;
}

static void registration_writes_what_it_should(void **state)
{
    const struct pvclock_host host = {0x40000000, 0, 0, PVCLOCK_MSR_SYSTEM_TIME,
                                      PVCLOCK_MSR_WALL_CLOCK};
    const struct pvclock_ops ops = {NULL, played_wrmsr, NULL};
    bool registered = false;

    (void)state;
    memset(&pvclock_mock, 0, sizeof(pvclock_mock));
    for (size_t i = 0; i < COUNT(calls); i++) {
        enum pvclock_status status = PVCLOCK_OK;
        uint64_t epoch = UINT64_MAX;

        calling = &calls[i];
        if (calling->first)
            registered = false;
        written = 0;
        if (calling->call == CALL_ENABLE)
            status = pvclock_host_enable(&ops, &host, &info, calling->physical, &registered);
        else if (calling->call == CALL_DISABLE)
            status = pvclock_host_disable(&ops, &host, &registered);
        else
            status = pvclock_host_wall(&ops, &host, &wall, calling->physical, &epoch);
        assert_that(
            status == calling->status && written == calling->writes && epoch == calling->epoch,
            "%s: call %zu: %s, %u writes", calling->name, i, pvclock_status_name(status), written);
    }
    figures("%zu calls", COUNT(calls));
}

/* ---- The clock ---------------------------------------------------------- */

enum { CPUS = 2 };

static struct pvclock_clock one_clock;
static struct pvclock_clock_vcpu its_vcpus[CPUS];
static struct pvclock_vcpu_time_info its_pages[CPUS];

static uint32_t aux_of_mock(void *context)
{
    (void)context;
    return pvclock_mock.aux;
}

static void play_clock(const struct clock_step *s, enum pvclock_vcpu_by by)
{
    struct pvclock_reading reading;

    if (s->first) {
        memset(its_pages, 0, sizeof(its_pages));
        memset(its_vcpus, 0, sizeof(its_vcpus));
        assert_int_equal(pvclock_clock_init(&one_clock, its_vcpus, CPUS, s->features,
                                            PVCLOCK_LFENCE, s->hz, s->start),
                         PVCLOCK_OK);
        one_clock.this_vcpu = aux_of_mock;
    }
    if (s->kind == STEP_WRITE)
        its_pages[s->cpu] = s->info;
    if (s->kind == STEP_ATTACH)
        pvclock_clock_attach(&one_clock, s->cpu, &its_pages[s->cpu]);
    if (s->kind != STEP_READ)
        return;
    pvclock_mock.tsc = s->tsc;
    pvclock_mock.aux = s->cpu;
    reading = pvclock_clock_read(&one_clock, by);
    assert_that(reading.ns == s->ns && ((reading.flags & PVCLOCK_READ_HELD) != 0) == s->held,
                "%s: by %u, vCPU %u at TSC %llu: %llu, flags %llx", s->name, (unsigned)by, s->cpu,
                (unsigned long long)s->tsc, (unsigned long long)reading.ns,
                (unsigned long long)reading.flags);
}

static void the_clock_is_right_and_does_not_go_back(void **state)
{
    (void)state;
    for (unsigned by = PVCLOCK_BY_RDPID; by <= PVCLOCK_BY_CALL; by++) {
        memset(&pvclock_mock, 0, sizeof(pvclock_mock));
        for (size_t i = 0; i < COUNT(clock_steps); i++)
            play_clock(&clock_steps[i], (enum pvclock_vcpu_by)by);
    }
    figures("%zu steps, 3 ways to find the vCPU", COUNT(clock_steps));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_and_update_is_read_right),
        cmocka_unit_test(a_thread_reads_the_structure_of_its_vcpu),
        cmocka_unit_test(the_guard_does_not_go_back),
        cmocka_unit_test(frequencies_and_scales_are_exact),
        cmocka_unit_test(deadlines_are_the_first_tsc),
        cmocka_unit_test(wall_clocks_are_exact),
        cmocka_unit_test(addresses_and_pages_are_judged),
        cmocka_unit_test(flags_are_judged),
        cmocka_unit_test(hosts_are_found),
        cmocka_unit_test(registration_writes_what_it_should),
        cmocka_unit_test(the_clock_is_right_and_does_not_go_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
