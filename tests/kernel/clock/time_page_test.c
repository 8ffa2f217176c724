/* SPDX-License-Identifier: 0BSD */
/*
 * kernel/clock/time_page.c: what ring 3 is told follows from the counter in use, the settings and
 * the host, and its sequence changes if and only if it does.
 */
#include "arch/x86/acpi.h"
#include "arch/x86/cpu.h"
#include "arch/x86/features.h"
#include "arch/x86/frames.h"
#include "base/calendar.h"
#include "base/sysctl.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/time_page.h"
#include "tests/check.h"
#include <string.h>

enum { HZ = 2000000000, CPUS = 3, POSSIBLE = 9 };

/* ---- The clock --------------------------------------------------------- */

struct kvmclock kvmclock;
struct tsc tsc;
struct firmware_facts firmware;
uint32_t cpu_count;

static struct timecounter other;
static struct {
    struct timecounter *current;
    struct tc_hands hands;
    uint64_t uptime, boottime, now;
    bool none, guarded, refuses, rdtscp, all_stable;
    uint32_t watched;
    unsigned used;
    uint64_t rate_lost;
} clock_now;

struct timecounters clock_counters;

static void no_cpuid(void *context, uint32_t leaf, struct pvclock_cpuid *out)
{
    (void)context;
    (void)leaf;
    memset(out, 0, sizeof(*out));
}

const struct pvclock_ops kvmclock_machine = {no_cpuid, NULL, NULL};

enum tc_status tc_get_hands(const struct timecounters *set, struct tc_hands *hands)
{
    assert_ptr_equal(set, &clock_counters);
    *hands = clock_now.hands;
    return clock_now.none ? TC_NOT_FOUND : TC_OK;
}

uint64_t clock_hands_ns(const struct tc_hands *hands)
{
    assert_int_equal(hands->count, clock_now.hands.count);
    return clock_now.uptime;
}

uint64_t clock_boottime_ns(const struct tc_hands *hands)
{
    assert_int_equal(hands->count, clock_now.hands.count);
    return clock_now.boottime;
}

uint64_t clock_uptime(void)
{
    return clock_now.now;
}

enum tc_status tc_getres(struct timecounters *set, enum tc_clock clock, struct tc_timespec *time)
{
    assert_ptr_equal(set, &clock_counters);
    time->sec = clock == TC_CLOCK_UPTIME_FAST ? 2 : 0;
    time->nsec = clock == TC_CLOCK_UPTIME_FAST ? 3 : 41;
    return TC_OK;
}

struct timecounter *tc_find(const struct timecounters *set, const char *name)
{
    (void)set;
    return strcmp(name, "kvmclock") == 0 ? &kvmclock.counter
           : strcmp(name, "TSC") == 0    ? &tsc.counter
                                         : NULL;
}

const struct timecounter *tc_current(const struct timecounters *set)
{
    (void)set;
    return clock_now.current;
}

bool clock_use(const struct timecounter *counter)
{
    clock_now.used++;
    if (clock_now.refuses)
        return false;
    clock_now.current = (struct timecounter *)(uintptr_t)counter;
    return !clock_now.guarded;
}

bool kvmclock_all_stable(const struct kvmclock *kc, uint32_t count)
{
    assert_ptr_equal(kc, &kvmclock);
    assert_int_equal(count, cpu_count);
    return clock_now.all_stable;
}

void kvmclock_watch(struct kvmclock *kc, uint32_t count)
{
    assert_ptr_equal(kc, &kvmclock);
    clock_now.watched = count;
}

void tsc_lose_synchrony(struct tsc *t)
{
    t->counter.quality = -100;
}

void tsc_lose_rate(struct tsc *t, uint64_t hz)
{
    t->counter.quality = -200;
    clock_now.rate_lost = hz;
}

enum feature_state features_state(enum feature feature)
{
    return feature == FEATURE_RDTSCP && clock_now.rdtscp ? FEATURE_ON : FEATURE_ABSENT;
}

uint64_t rdtsc_ordered(void)
{
    return 123456789;
}

/* ---- The tests' tools -------------------------------------------------- */

static const struct time_page *page(void)
{
    return time_page_get();
}

static bool set(const char *name, const char *value)
{
    struct sysctl_at at;
    const char *why;

    return sysctl_find(name, &at) && sysctl_set(&at, value, &why) == SYSCTL_OK;
}

static int set_up(void **state)
{
    static bool registered;

    (void)state;
    if (!registered)
        sysctl_register_set();
    registered = true;
    memset(&kvmclock, 0, sizeof(kvmclock));
    memset(&tsc, 0, sizeof(tsc));
    memset(&clock_now, 0, sizeof(clock_now));
    kvmclock.host.features = PVCLOCK_FEATURE_TSC_STABLE;
    kvmclock.stable = true;
    tsc.counter.quality = 800;
    tsc.hz = HZ;
    firmware.possible_count = POSSIBLE;
    cpu_count = CPUS;
    clock_now.rdtscp = clock_now.all_stable = true;
    clock_now.current = &kvmclock.counter;
    clock_now.uptime = 7 * NS_PER_SECOND;
    clock_now.now = clock_now.uptime + 5;
    clock_now.boottime = 1000 * NS_PER_SECOND;
    clock_now.hands = (struct tc_hands){.count = 3 * NS_PER_SECOND, .hz = NS_PER_SECOND};
    assert_true(set("kern.timecounter.fast_gettime", "1"));
    assert_true(set("dev.kvmclock.0.vdso_enable_without_rdtscp", "0"));
    assert_true(set("dev.kvmclock.0.vdso_force_unstable", "0"));
    (void)keep_choice();
    assert_true(decide(NULL, false, false));
    return 0;
}

/* The page of the TSC, read as ring 3 does. */
static uint64_t by_tsc(uint64_t count)
{
    struct pvclock_snapshot s;
    uint64_t ns = 0;

    assert_int_equal(pvclock_snapshot(&page()->tsc, &s), PVCLOCK_OK);
    assert_int_equal(pvclock_extrapolate(&s, count, &ns), PVCLOCK_OK);
    return ns;
}

/* ---- Tests ------------------------------------------------------------- */

/* First, while nothing has been published. */
static void the_page_identifies_itself_before_there_is_a_clock(void **state)
{
    (void)state;
    clock_now.none = true;
    publish_time_page();
    assert_true(time_page_is_known(page()));
    assert_int_equal(page()->algorithm, TIME_SYSTEM_CALL);
    assert_int_equal(page()->sequence, 0);
    assert_int_equal(page()->fast_sequence, 0);
    assert_int_equal(page()->tsc.version, 0);
    assert_int_equal((uintptr_t)page() % 4096, 0);
    for (unsigned i = sizeof(*page()); i < 4096; i++)
        assert_int_equal(((const uint8_t *)page())[i], 0);
}

/* The second: once, the TSC's structure is filled although nothing reads the time by it. */
static void a_plain_structure_has_the_time_from_the_start(void **state)
{
    (void)set_up(state);
    uint32_t version = page()->tsc.version;
    assert_int_not_equal(version, 0);
    assert_int_equal(page()->tsc.tsc_timestamp, 123456789);
    assert_int_equal(page()->tsc.flags, PVCLOCK_FLAG_TSC_STABLE);
    assert_int_equal(by_tsc(123456789), 7 * NS_PER_SECOND + 5);
    uint64_t second = by_tsc(123456789 + HZ) - by_tsc(123456789);
    assert_in_range(second, NS_PER_SECOND - 1, NS_PER_SECOND);
    clock_now.hands.count += 2 * NS_PER_SECOND;
    publish_time_page();
    assert_int_equal(page()->tsc.version, version);
}

static void the_page_says_what_the_kernel_knows(void **state)
{
    (void)state;
    assert_int_equal(page()->algorithm, TIME_PVCLOCK);
    assert_int_equal(page()->stable_mask, PVCLOCK_FLAG_TSC_STABLE);
    assert_int_equal(page()->has_rdtscp, 1);
    assert_int_equal(page()->vcpus, CPUS);
    assert_int_equal(page()->possible, POSSIBLE);
    assert_int_equal(page()->stride, 64);
    assert_int_equal(page()->floor, 0);
    assert_int_equal(page()->resolution, 41);
    assert_int_equal(page()->fast_resolution, 2 * NS_PER_SECOND + 3);
    /* The structures are 4 s behind uptime; the date is not set. */
    assert_int_equal(page()->uptime_base, 4 * NS_PER_SECOND);
    assert_int_equal(page()->date_is_set, 0);
    assert_int_equal(page()->realtime_base, 4 * NS_PER_SECOND);
    assert_int_equal(page()->fast_uptime, 7 * NS_PER_SECOND);
    assert_int_equal(page()->fast_realtime, 7 * NS_PER_SECOND);
    clock_now.hands.flags = TC_HANDS_SET;
    publish_time_page();
    assert_int_equal(page()->algorithm, TIME_PVCLOCK);
    assert_int_equal(page()->date_is_set, 1);
    assert_int_equal(page()->realtime_base, 1004 * NS_PER_SECOND);
    assert_int_equal(page()->uptime_base, 4 * NS_PER_SECOND);
    assert_int_equal(page()->fast_uptime, 7 * NS_PER_SECOND);
    assert_int_equal(page()->fast_realtime, 1007 * NS_PER_SECOND);
}

static void readings_that_pass_a_guard_ask_the_kernel(void **state)
{
    (void)state;
    clock_now.hands.flags = TC_HANDS_GUARDED;
    publish_time_page();
    assert_int_equal(page()->algorithm, TIME_SYSTEM_CALL);
    assert_int_equal(page()->date_is_set, 0);
    assert_int_equal(page()->uptime_base, 0);
    clock_now.hands.flags = 0;
    publish_time_page();
    assert_int_equal(page()->algorithm, TIME_PVCLOCK);
}

static void the_algorithm_follows_the_counter_and_the_settings(void **state)
{
    unsigned n = 0;

    for (unsigned how = 0; how < 1u << 7; how++) {
        (void)set_up(state);
        bool fast = how & 1, without = how & 2, force = how & 4, bit = how & 8;
        bool floor = how & 16;
        unsigned counter = how >> 5;
        clock_now.rdtscp = n++ % 2;
        clock_now.current = counter == 0 ? &kvmclock.counter : counter == 1 ? &other : &tsc.counter;
        tsc.counter.quality = counter == 3 ? -100 : 0;
        kvmclock.host.features = bit ? PVCLOCK_FEATURE_TSC_STABLE : 0x1f;
        kvmclock.floor = floor ? 99 : 0;
        assert_true(set("kern.timecounter.fast_gettime", fast ? "1" : "0"));
        assert_true(set("dev.kvmclock.0.vdso_enable_without_rdtscp", without ? "1" : "0"));
        assert_true(set("dev.kvmclock.0.vdso_force_unstable", force ? "1" : "0"));
        (void)keep_choice();
        assert_int_equal(decide(NULL, false, false), fast);
        bool kvm = fast && counter == 0 && (clock_now.rdtscp || without);
        enum time_algorithm want = kvm                    ? TIME_PVCLOCK
                                   : fast && counter == 2 ? TIME_TSC
                                                          : TIME_SYSTEM_CALL;
        assert_int_equal(page()->algorithm, want);
        bool stable = want == TIME_TSC || (kvm && bit && !floor && !force);
        assert_int_equal(page()->stable_mask, stable ? PVCLOCK_FLAG_TSC_STABLE : 0);
        assert_int_equal(page()->has_rdtscp, clock_now.rdtscp);
        assert_int_equal(page()->floor, floor ? 99 : force);
    }
}

static void a_test_s_choice_holds_until_the_next(void **state)
{
    (void)state;
    clock_now.rdtscp = false;
    /* The user's counter, which a test's choice leaves as it is. */
    assert_true(decide("TSC", true, true));
    assert_ptr_equal(clock_now.current, &tsc.counter);
    assert_int_equal(page()->algorithm, TIME_TSC);
    assert_int_equal(page()->floor, 1);
    assert_true(decide("kvmclock", true, false));
    assert_int_equal(page()->algorithm, TIME_PVCLOCK);
    assert_int_equal(page()->floor, 0);
    assert_true(decide("kvmclock", false, false));
    assert_int_equal(page()->algorithm, TIME_SYSTEM_CALL);
    /* Without a counter each is only switched on. */
    assert_true(decide(NULL, true, false));
    assert_int_equal(page()->algorithm, TIME_PVCLOCK);
    assert_int_equal(page()->stable_mask, PVCLOCK_FLAG_TSC_STABLE);
    assert_true(decide(NULL, false, true));
    assert_int_equal(page()->floor, 1);
    assert_int_equal(page()->algorithm, TIME_SYSTEM_CALL);
    assert_true(decide(NULL, false, false));
    assert_int_equal(page()->floor, 0);
    /* With a counter the user's settings are put aside, without one they hold. */
    assert_true(set("dev.kvmclock.0.vdso_enable_without_rdtscp", "1"));
    assert_true(set("dev.kvmclock.0.vdso_force_unstable", "1"));
    assert_true(decide("kvmclock", false, false));
    assert_int_equal(page()->algorithm, TIME_SYSTEM_CALL);
    assert_int_equal(page()->floor, 0);
    assert_true(decide(NULL, false, false));
    assert_int_equal(page()->algorithm, TIME_PVCLOCK);
    assert_int_equal(page()->floor, 1);
    clock_now.guarded = true;
    clock_now.watched = 0;
    assert_false(decide(NULL, false, false));
    assert_int_equal(clock_now.watched, CPUS);
    assert_ptr_equal(clock_now.current, &kvmclock.counter);
    clock_now.current = &tsc.counter;
    assert_true(keep_choice());
    assert_false(keep_choice());
    assert_ptr_equal(clock_now.current, &tsc.counter);
}

static void the_sequence_changes_if_and_only_if_the_page_does(void **state)
{
    uint32_t *const changes[] = {&cpu_count, &firmware.possible_count};

    (void)state;
    uint32_t sequence = page()->sequence, fast = page()->fast_sequence;
    assert_int_equal(sequence % 2, 0);
    assert_int_equal(fast % 2, 0);
    for (unsigned i = 0; i < 5; i++) {
        /* A tick: both go on alike. */
        clock_now.uptime += NS_PER_SECOND;
        clock_now.hands.count += NS_PER_SECOND;
        publish_time_page();
        assert_int_equal(page()->sequence, sequence);
        assert_int_equal(page()->fast_sequence, fast += 2);
        assert_int_equal(page()->fast_uptime, clock_now.uptime);
    }
    for (unsigned i = 0; i < 2; i++) {
        ++*changes[i];
        publish_time_page();
        assert_int_equal(page()->sequence, sequence += 2);
    }
    clock_now.uptime++;
    publish_time_page();
    assert_int_equal(page()->sequence, sequence + 2);
    assert_int_equal(page()->possible, POSSIBLE + 1);
    clock_now.none = true;
    fast = page()->fast_sequence;
    cpu_count++;
    publish_time_page();
    assert_int_equal(page()->sequence, sequence + 2);
    assert_int_equal(page()->fast_sequence, fast);
}

static void the_tsc_is_published_once_a_second(void **state)
{
    (void)state;
    clock_now.hands = (struct tc_hands){.count = 10ull * HZ, .hz = HZ};
    clock_now.uptime = 20 * NS_PER_SECOND;
    clock_now.current = &tsc.counter;
    publish_time_page();
    uint32_t version = page()->tsc.version;
    assert_int_equal(page()->algorithm, TIME_TSC);
    assert_int_equal(page()->uptime_base, 0);
    assert_int_equal(page()->tsc.tsc_timestamp, 10ull * HZ);
    assert_int_equal(by_tsc(10ull * HZ), 20 * NS_PER_SECOND);
    assert_in_range(by_tsc(11ull * HZ), 21 * NS_PER_SECOND - 1, 21 * NS_PER_SECOND);
    clock_now.hands.count += HZ - 1;
    publish_time_page();
    assert_int_equal(page()->tsc.version, version);
    clock_now.hands.count++;
    clock_now.uptime += NS_PER_SECOND;
    publish_time_page();
    assert_int_equal(page()->tsc.version, version + 2);
    assert_int_equal(by_tsc(11ull * HZ), 21 * NS_PER_SECOND);
    /* Whenever it comes into use again, at once. */
    clock_now.current = &kvmclock.counter;
    publish_time_page();
    assert_int_equal(page()->tsc.version, version + 2);
    clock_now.current = &tsc.counter;
    clock_now.hands.count++;
    publish_time_page();
    assert_int_equal(page()->tsc.version, version + 4);
    /* A rate that has no scale leaves it as it is. */
    clock_now.hands.hz = 0;
    publish_time_page();
    assert_int_equal(page()->tsc.version, version + 4);
}

static void a_vcpu_that_comes_late_may_take_stable_away(void **state)
{
    (void)state;
    grow_clock(CPUS + 1);
    assert_int_equal(cpu_count, CPUS + 1);
    assert_int_equal(page()->vcpus, CPUS + 1);
    assert_int_equal(clock_now.watched, CPUS + 1);
    assert_true(kvmclock.stable);
    clock_now.all_stable = false;
    grow_clock(CPUS + 2);
    assert_false(kvmclock.stable);
    /* It does not come back with a vCPU. */
    clock_now.all_stable = true;
    grow_clock(CPUS + 4);
    assert_false(kvmclock.stable);
}

static void a_tsc_that_is_lost_is_used_no_more(void **state)
{
    (void)state;
    clock_now.current = &tsc.counter;
    publish_time_page();
    assert_int_equal(page()->algorithm, TIME_TSC);
    lose_tsc();
    assert_int_equal(tsc.counter.quality, -100);
    assert_int_equal(page()->algorithm, TIME_SYSTEM_CALL);
    /* Once; one of quality 0 can be lost. */
    uint32_t fast = page()->fast_sequence;
    lose_tsc();
    assert_int_equal(page()->fast_sequence, fast);
    tsc.counter.quality = 0;
    lose_tsc();
    assert_int_equal(tsc.counter.quality, -100);
}

static void a_tsc_of_another_rate_gives_way_to_kvmclock(void **state)
{
    for (unsigned how = 0; how < 4; how++) {
        bool in_use = how & 1, suspended = how & 2, switches = how == 1;
        (void)set_up(state);
        clock_now.current = in_use ? &tsc.counter : &kvmclock.counter;
        (void)keep_choice();
        publish_time_page();
        kvmclock.suspended = suspended;
        clock_now.used = 0;
        cpu_count++;
        lose_tsc_rate(77);
        assert_int_equal(clock_now.rate_lost, 77);
        assert_int_equal(clock_now.used != 0, switches);
        assert_ptr_equal(clock_now.current, in_use && !switches ? &tsc.counter : &kvmclock.counter);
        assert_int_equal(page()->vcpus, switches ? CPUS + 1 : CPUS);
        assert_int_equal(page()->algorithm, switches || !in_use ? TIME_PVCLOCK : TIME_TSC);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_identifies_itself_before_there_is_a_clock),
        cmocka_unit_test(a_plain_structure_has_the_time_from_the_start),
        TEST(the_page_says_what_the_kernel_knows),
        TEST(readings_that_pass_a_guard_ask_the_kernel),
        TEST(the_algorithm_follows_the_counter_and_the_settings),
        TEST(a_test_s_choice_holds_until_the_next),
        TEST(the_sequence_changes_if_and_only_if_the_page_does),
        TEST(the_tsc_is_published_once_a_second),
        TEST(a_vcpu_that_comes_late_may_take_stable_away),
        TEST(a_tsc_that_is_lost_is_used_no_more),
        TEST(a_tsc_of_another_rate_gives_way_to_kvmclock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
