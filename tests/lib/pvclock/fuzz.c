/* SPDX-License-Identifier: 0BSD */
/*
 * libFuzzer over every public function: the input is two pages, a wall clock, arguments, and a
 * script by which the host changes the page between any two steps of a reader.  Whatever it holds:
 * no undefined behaviour, an end in bounded time, a status that is one, and with a page at rest the
 * value that 128-bit integers give.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pvclock/clock.h>
#include <pvclock/guard.h>
#include <pvclock/host.h>
#include <pvclock/read.h>

struct pvclock_mock pvclock_mock;

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static struct input {
    struct pvclock_vcpu_time_info pages[2];
    struct pvclock_wall_clock wall;
    uint32_t aux;
    uint64_t tsc;
    uint64_t ns;
    uint64_t address;
    uint32_t hint, count, stride_index, leaf_seed;
    uint32_t mul;
    int8_t shift;
    uint8_t order, script_on, faults;
} in;

static const uint8_t *script;
static size_t script_left;
static unsigned steps;

/* A step of a reader: the script may write one byte of the pages or the wall clock. */
static void play(enum pvclock_mock_step step, const volatile void *address)
{
    (void)step;
    (void)address;
    steps++;
    if (script_left >= 2) {
        size_t offset = script[0];

        if (offset < sizeof(in.pages) + sizeof(in.wall))
            ((uint8_t *)&in)[offset] = script[1];
        else if (offset < 0xf0)
            pvclock_mock.aux ^= script[1];
        script += 2;
        script_left -= 2;
    }
}

static void check_status(enum pvclock_status status, uint64_t ns)
{
    CHECK(status >= PVCLOCK_OK && status <= PVCLOCK_BAD_VALUE);
    CHECK(pvclock_has_time(status) || ns == PVCLOCK_NO_TIME);
    CHECK(pvclock_status_name(status)[0] != '?');
    CHECK(steps <= 8 * PVCLOCK_TRIES + 64);
    steps = 0;
}

__extension__ typedef unsigned __int128 u128;

static void check_truth(enum pvclock_status status, uint64_t ns, uint64_t tsc)
{
    const struct pvclock_vcpu_time_info *page = &in.pages[0];
    u128 delta = tsc - page->tsc_timestamp, truth;
    int shift = page->tsc_shift;

    if (!pvclock_has_time(status))
        return;
    CHECK(page->version % 2 == 0 && page->tsc_to_system_mul != 0);
    CHECK(shift >= -31 && shift <= 31);
    CHECK((status == PVCLOCK_CLAMPED) == (delta > (u128)1 << 63));
    if (status == PVCLOCK_CLAMPED)
        delta = 0;
    delta = shift < 0 ? delta >> -shift : delta << shift;
    truth = (delta * page->tsc_to_system_mul >> 32) + page->system_time;
    CHECK(truth == ns);
}

static void cpuid(void *context, uint32_t leaf, struct pvclock_cpuid *out)
{
    uint32_t x = (leaf ^ in.leaf_seed) * UINT32_C(2654435761);

    (void)context;
    out->eax = x;
    out->ebx = x >> 1;
    out->ecx = x << 1;
    out->edx = ~x;
    if (leaf == 1)
        out->ecx |= UINT32_C(1) << 31;
    if (leaf == (0x40000000 | (in.leaf_seed & 0xff00))) {
        out->ebx = PVCLOCK_CPUID_SIGNATURE_EBX;
        out->ecx = PVCLOCK_CPUID_SIGNATURE_ECX;
        out->edx = PVCLOCK_CPUID_SIGNATURE_EDX;
    }
}

static bool wrmsr(void *context, uint32_t msr, uint64_t value)
{
    (void)context;
    CHECK(msr == 0x11 || msr == 0x12 || msr == 0x4b564d00 || msr == 0x4b564d01);
    CHECK(value % 4 <= 1);
    if ((in.faults & 2) != 0)
        in.pages[1].version += 2;
    return (in.faults & 1) == 0;
}

/* With any second as the hint, the same as without one. */
static void fuzz_hints(enum pvclock_order order, const struct pvclock_time *want, bool rest)
{
    struct pvclock_second second = {in.address % 18446744073, 0}, cold, through, cold_through;
    struct pvclock_timespec spec;
    struct pvclock_time time;
    enum pvclock_status status;

    second.ns = second.sec * 1000000000;
    cold = through = cold_through = second;
    time = pvclock_time_near(&in.pages[0], order, in.ns, &second);
    CHECK(time.nsec < 1000000000);
    if (rest)
        CHECK(time.sec == want->sec && time.nsec == want->nsec && time.status == want->status);
    time = pvclock_read_time_near(&in.pages[0], order, in.ns, &cold);
    if (rest)
        CHECK(time.sec == want->sec && time.nsec == want->nsec && time.status == want->status);
    status = pvclock_timespec_near(&in.pages[0], order, in.ns, &through, &spec);
    if (rest && pvclock_has_time(status))
        CHECK((uint64_t)spec.tv_sec == want->sec && (uint64_t)spec.tv_nsec == want->nsec);
    status = pvclock_read_timespec_near(&in.pages[0], order, in.ns, &cold_through, &spec);
    if (rest && pvclock_has_time(status))
        CHECK((uint64_t)spec.tv_sec == want->sec && (uint64_t)spec.tv_nsec == want->nsec);
    steps = 0;
}

/*
 * An end, whatever the pages hold.  No step back if they are at rest, and agree where they say so.
 */
static void fuzz_clock(bool rest)
{
    const bool sure = rest && (!memcmp(&in.pages[0], &in.pages[1], sizeof(in.pages[0])) ||
                               (in.mul & PVCLOCK_FEATURE_TSC_STABLE) == 0);
    static struct pvclock_clock clock;
    static struct pvclock_clock_vcpu vcpus[2];
    const struct pvclock_date_policy policy = {in.address, in.ns, in.count, in.tsc};
    struct pvclock_deadline_at at;
    uint64_t last = 0, now, value;
    uint32_t hint = in.hint;

    if (pvclock_clock_init(&clock, vcpus, 2, in.mul, in.order % 2, in.ns, in.tsc) != PVCLOCK_OK)
        CHECK(clock.early.mul == 0);
    clock.aux_mask = 1;
    for (unsigned i = 0; i < 6; i++) {
        if (i == 1)
            pvclock_clock_attach(&clock, 0, &in.pages[0]);
        if (i == 2)
            pvclock_clock_attach(&clock, 1, &in.pages[1]);
        now = i % 2 ? pvclock_clock_ns(&clock, PVCLOCK_BY_RDPID)
                    : pvclock_clock_read_hint(&clock, &hint).ns;
        CHECK(!sure || now >= last);
        last = now;
        pvclock_mock.tsc += in.hint;
    }
    now = pvclock_clock_read(&clock, PVCLOCK_BY_RDTSCP).ns;
    CHECK(!sure || now >= last);
    now = pvclock_clock_read_slow(&clock, PVCLOCK_BY_RDPID).ns;
    CHECK(!sure || now >= last);
    if (pvclock_clock_date_is_due(&clock, &policy, last))
        pvclock_clock_take_date(&clock, &policy, last, in.address);
    pvclock_clock_set_date(&clock, in.ns, last);
    CHECK(pvclock_clock_time(&clock, PVCLOCK_BY_RDPID, PVCLOCK_DATE).nsec < 1000000000);
    (void)pvclock_clock_poll(&clock, &in.pages[0]);
    if (pvclock_clock_deadline(&clock, 0, in.ns, &at) == PVCLOCK_OK)
        (void)pvclock_deadline_holds(&clock, &at);
    if (pvclock_cycles_to_ns(&clock.early, in.tsc, &value) == PVCLOCK_OK && value > 0)
        CHECK(pvclock_ns_to_cycles(&clock.early, value, &now) != PVCLOCK_OK || now <= in.tsc);
    (void)pvclock_delay(&clock.early, PVCLOCK_LFENCE, 0);
    pvclock_clock_suspend(&clock, PVCLOCK_BY_RDPID);
    pvclock_clock_resume(&clock, in.tsc, in.address);
    now = pvclock_clock_ns(&clock, PVCLOCK_BY_RDPID);
    CHECK(!sure || now >= last);
    steps = 0;
}

static void fuzz_readers(void)
{
    struct pvclock_vcpus vcpus = {in.pages, sizeof(in.pages[0]) * (in.stride_index % 2), in.count,
                                  0xfff};
    enum pvclock_order order = (enum pvclock_order)(in.order % 3);
    bool rest = in.script_on % 2 == 0;
    struct pvclock_sample sample;
    struct pvclock_time time;
    struct pvclock_timespec spec;
    enum pvclock_status status;
    uint64_t ns = 1;

    status = pvclock_sample_at(&in.pages[0], in.tsc, &sample);
    check_status(status, sample.ns);
    if (rest)
        check_truth(status, sample.ns, in.tsc);
    status = pvclock_read(&in.pages[0], order, &sample);
    check_status(status, sample.ns);
    if (rest)
        check_truth(status, sample.ns, in.tsc);
    status = pvclock_ns(&in.pages[0], order, &ns);
    check_status(status, ns);
    if (rest)
        CHECK(status != PVCLOCK_BUSY ? ns == sample.ns : in.pages[0].version % 2 == 1);
    status = pvclock_relaxed_ns(&in.pages[0], &ns);
    check_status(status, ns);
    time = pvclock_time_now(&in.pages[0], order, in.ns);
    check_status((enum pvclock_status)time.status,
                 time.sec == UINT64_MAX ? PVCLOCK_NO_TIME : time.sec);
    CHECK(time.nsec < 1000000000);
    if (rest && time.sec != UINT64_MAX)
        CHECK(time.sec == (ns + in.ns) / 1000000000 && time.nsec == (ns + in.ns) % 1000000000);
    status = pvclock_timespec_now(&in.pages[0], order, in.ns, &spec);
    CHECK(!pvclock_has_time(status) || (spec.tv_nsec >= 0 && spec.tv_nsec < 1000000000));
    steps = 0;
    fuzz_hints(order, &time, rest);

    vcpus.count %= 3;
    if (vcpus.count != 0) {
        uint32_t hint = in.hint;

        status = pvclock_vcpu_ns(&vcpus, &hint, &ns);
        check_status(status, ns);
        CHECK(!pvclock_has_time(status) || hint < vcpus.count);
        hint = in.hint;
        check_status(pvclock_vcpu_read(&vcpus, &hint, &ns), ns);
    }
}

static void fuzz_snapshots(void)
{
    struct pvclock_snapshot snapshot, direct = {in.tsc, in.ns, 2, in.mul, in.shift, 0};
    struct pvclock_frequency frequency;
    enum pvclock_status status;
    uint64_t ns = 0, tsc;
    uint32_t mul;
    int8_t shift;

    status = pvclock_take_snapshot(&in.pages[0], &snapshot);
    check_status(status, PVCLOCK_NO_TIME);
    check_status(pvclock_extrapolate(&snapshot, in.tsc, &ns), ns);
    check_status(pvclock_extrapolate(&direct, in.address, &ns), ns);
    status = pvclock_deadline(&direct, in.address, &tsc);
    CHECK(status <= PVCLOCK_BAD_VALUE);
    if (status == PVCLOCK_OK) {
        enum pvclock_status then = pvclock_extrapolate(&direct, tsc, &ns);

        CHECK(then == PVCLOCK_OVERFLOW || (then == PVCLOCK_OK && ns >= in.address));
        if (tsc != direct.tsc_timestamp)
            CHECK(pvclock_extrapolate(&direct, tsc - 1, &ns) == PVCLOCK_OK && ns < in.address);
    }
    status = pvclock_frequency_of(in.mul, in.shift, &frequency);
    CHECK(status == PVCLOCK_OK || status == PVCLOCK_BAD_SCALE || status == PVCLOCK_OVERFLOW);
    status = pvclock_scale_from_hz(in.ns, &mul, &shift);
    if (status == PVCLOCK_OK) {
        uint64_t error;

        CHECK(mul >= 0x80000000);
        CHECK(pvclock_frequency_of(mul, shift, &frequency) == PVCLOCK_OK);
        error = frequency.hz > in.ns ? frequency.hz - in.ns : in.ns - frequency.hz;
        CHECK(error <= frequency.error_hz);
    }
}

static void fuzz_set_up(void)
{
    struct pvclock_ops ops = {cpuid, wrmsr, NULL};
    struct pvclock_host host;
    struct pvclock_time time = pvclock_time_from_ns(in.ns);
    struct pvclock_guard guard = {in.tsc};
    struct pvclock_slot slots[2] = {{in.tsc}, {in.address}};
    struct pvclock_tsc_choice choice;
    uint64_t epoch;
    bool registered, stopped;

    CHECK(time.sec == in.ns / 1000000000 && time.nsec == in.ns % 1000000000);
    check_status(pvclock_wall(&in.wall, &epoch), epoch);
    (void)pvclock_wall_in_era(epoch, in.address, in.count);
    (void)pvclock_placement(in.address, in.count);
    (void)pvclock_page_is_clean(&in, sizeof(in), in.hint % sizeof(in), in.count);
    (void)pvclock_is_stable(in.mul, in.order);
    CHECK(pvclock_guard_cas(&guard, in.ns) >= in.ns);
    CHECK(pvclock_guard_slots(slots, 2, in.order % 2, in.ns) >= in.ns);

    (void)pvclock_host_find(&ops, &host);
    pvclock_host_tsc_choice(&ops, &choice);
    CHECK(choice.order == pvclock_host_tsc_order(&ops));
    if (pvclock_host_enable(&ops, &host, &in.pages[1], in.address, &registered) == PVCLOCK_OK)
        CHECK(registered);
    (void)pvclock_host_disable(&ops, &host, &registered);
    (void)pvclock_host_wall(&ops, &host, &in.wall, in.address, &epoch);

    pvclock_mock.script = NULL;
    stopped = (in.pages[0].flags & PVCLOCK_FLAG_GUEST_STOPPED) != 0;
    CHECK(pvclock_take_stopped(&in.pages[0]) == stopped);
    CHECK(!pvclock_take_stopped(&in.pages[0]));
    struct pvclock_snapshot values = {in.tsc, in.ns, 0, in.mul | 1, (int8_t)(in.shift % 32), 1};
    pvclock_publish(&in.pages[0], &values);
    CHECK(pvclock_take_snapshot(&in.pages[0], &values) == PVCLOCK_OK &&
          values.system_time == in.ns);
    pvclock_prepare(&in.pages[0]);
    CHECK(!pvclock_is_alive(&in.pages[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t fixed = size < sizeof(in) ? size : sizeof(in);

    memset(&in, 0, sizeof(in));
    memcpy(&in, data, fixed);
    script = data + fixed;
    script_left = size - fixed;
    memset(&pvclock_mock, 0, sizeof(pvclock_mock));
    pvclock_mock.tsc = in.tsc;
    pvclock_mock.aux = in.aux;
    if (in.script_on % 2 != 0)
        pvclock_mock.script = play;
    steps = 0;
    fuzz_readers();
    fuzz_snapshots();
    fuzz_clock(in.script_on % 2 == 0);
    fuzz_set_up();
    return 0;
}
