/* SPDX-License-Identifier: 0BSD */
/*
 * drivers/kvmclock with a scripted CPU and host: what it finds, what it writes to which MSR, and
 * the counter while STABLE comes and goes between any two steps of a reading.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/frames.h"
#include "arch/x86/msr.h"
#include "arch/x86/tsc.h"
#include "drivers/kvmclock/kvmclock.h"
#include "kernel/clock/played_host.h"
#include "tests/check.h"
#include <pvclock/port/mock.h>
#include <string.h>

struct pvclock_mock pvclock_mock;

enum { VCPUS = 4, OLD = 1, NEW = 1 << 3, STABLE_BIT = 1 << 24 };

/* ---- The machine ------------------------------------------------------- */

static struct {
    bool hypervisor, refuses_msrs, ignores_msrs;
    uint32_t base, features;
    const char *first; /* signature of leaf 0x40000000, where KVM's is at another base */
    struct {
        uint32_t msr;
        uint64_t value;
    } written[16];
    unsigned writes;
} machine;

static struct kvmclock kc;
static struct kvmclock_slot slots[MAX_CPUS] __attribute__((aligned(4096)));
static struct played_host host; /* behind the MSRs */
static struct cpu running;

struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r = {0};

    assert_int_equal(subleaf, 0);
    if (leaf == 1)
        r.ecx = machine.hypervisor ? 1u << 31 : 0;
    if (machine.base && leaf == machine.base) {
        r = (struct cpuid){leaf + 1, 0x4b4d564b, 0x564b4d56, 0x4d};
    } else if (leaf == 0x40000000 && machine.first) {
        memcpy(&r.ebx, machine.first, 4);
        memcpy(&r.ecx, machine.first + 4, 4);
        memcpy(&r.edx, machine.first + 8, 4);
    }
    if (machine.base && leaf == machine.base + 1)
        r.eax = machine.features;
    return r;
}

bool wrmsr_safe(uint32_t msr, uint64_t value)
{
    if (machine.refuses_msrs)
        return false;
    machine.written[machine.writes % 16].msr = msr;
    machine.written[machine.writes++ % 16].value = value;
    if (machine.ignores_msrs)
        return true;
    return played_host_wrmsr(&host, msr, value);
}

uint64_t rdtsc_ordered(void)
{
    pvclock_mock_step(PVCLOCK_MOCK_TSC_LFENCE, NULL);
    return pvclock_mock.tsc;
}

uint32_t cpu_count;

struct cpu *this_cpu(void)
{
    return &running;
}

static void boot(uint32_t features)
{
    memset(&machine, 0, sizeof(machine));
    memset(&kc, 0, sizeof(kc));
    memset(slots, 0, sizeof(slots));
    memset(&pvclock_mock, 0, sizeof(pvclock_mock));
    machine.hypervisor = true;
    machine.base = 0x40000000;
    machine.features = features;
    host = (struct played_host){
        .page = {.system_time = 5000000000, .mul = 1u << 31, .shift = 1}, /* 1 cycle is 1 ns */
        .epoch = UINT64_C(1700000000000000042),
        .features = NEW | STABLE_BIT,
    };
    running.index = 0;
}

static void attach(bool disabled)
{
    kc.slots = slots;
    kc.disabled = disabled;
    kvmclock_attach(&kc, &kvmclock_machine, NULL);
}

/* ---- Discovery and registration ---------------------------------------- */

static void kvmclock_finds_kvm(void **state)
{
    (void)state;
    boot(NEW | STABLE_BIT);
    attach(false);
    assert_true(kc.present);
    assert_string_equal(kc.hypervisor, "KVMKVMKVM");
    assert_true(kvmclock_uses_new_msrs(&kc));
    boot(OLD);
    attach(false);
    assert_true(kc.present && !kvmclock_uses_new_msrs(&kc));
    boot(OLD | NEW);
    attach(false);
    assert_true(kvmclock_uses_new_msrs(&kc));
    boot(NEW);
    attach(true);
    assert_true(!kc.present && kc.disabled && kc.host.base == 0x40000000);
    boot(0);
    attach(false);
    assert_false(kc.present);
    /* Behind Hyper-V's leaves. */
    boot(NEW);
    machine.base = 0x40000100;
    machine.first = "Microsoft Hv";
    attach(false);
    assert_true(kc.present && kc.host.base == 0x40000100);
    assert_string_equal(kc.hypervisor, "Microsoft Hv");
    assert_int_equal(machine.writes, 0);
}

static void kvmclock_registers(void **state)
{
    (void)state;
    for (unsigned old = 0; old < 2; old++) {
        boot(old ? OLD : NEW);
        attach(false);
        for (uint32_t i = 0; i < VCPUS; i++) {
            kvmclock_enable(&kc, i);
            assert_true(kc.vcpus[i].registered && kc.vcpus[i].status == PVCLOCK_OK);
            assert_int_equal(machine.written[i].msr, old ? 0x12 : 0x4b564d01);
            assert_int_equal(machine.written[i].value, virt_to_phys(&slots[i].info) | 1);
        }
        kvmclock_disable(&kc, 2);
        assert_int_equal(machine.written[VCPUS].value, 0);
        assert_false(kc.vcpus[2].registered);
        /* Neither twice, nor where nothing was enabled. */
        kvmclock_disable(&kc, 2);
        kvmclock_disable(&kc, VCPUS);
        assert_int_equal(machine.writes, VCPUS + 1);
        uint64_t epoch;
        assert_int_equal(kvmclock_wall(&kc, &epoch), PVCLOCK_OK);
        assert_int_equal(epoch, UINT64_C(1700000000000000042));
    }
    /* The host takes the address and never writes: not registered, and taken back. */
    boot(NEW);
    machine.ignores_msrs = true;
    attach(false);
    kvmclock_enable(&kc, 1);
    assert_true(!kc.vcpus[1].registered && kc.vcpus[1].status == PVCLOCK_NOT_READY);
    assert_int_equal(machine.writes, 2);
    assert_int_equal(machine.written[1].value, 0);
    boot(NEW);
    machine.refuses_msrs = true;
    attach(false);
    kvmclock_enable(&kc, 0);
    assert_true(!kc.vcpus[0].registered && kc.vcpus[0].status == PVCLOCK_NOT_READY);
    /* None: nothing is touched. */
    boot(0);
    attach(false);
    kvmclock_enable(&kc, 0);
    kvmclock_disable(&kc, 0);
    assert_int_equal(machine.writes, 0);
}

/* After a pause the host writes a structure, at this TSC, before its vCPU goes on. */
static void host_resumes(uint32_t index, uint64_t tsc)
{
    struct pvclock_vcpu_time_info *info = &slots[index].info;

    info->version += 2;
    info->tsc_timestamp = tsc;
    info->system_time = 5000000000 + tsc;
    info->flags |= PVCLOCK_FLAG_GUEST_STOPPED;
}

/* vCPU 0 looks, and makes the date right; whether it counted a pause. */
static bool first_settles(void)
{
    struct kvmclock_change c;

    (void)kvmclock_look(&kc, VCPUS, &c);
    return kvmclock_settle(&kc, &c);
}

static void boot_and_register(uint32_t vcpus)
{
    boot(NEW | STABLE_BIT);
    attach(false);
    for (uint32_t i = 0; i < vcpus; i++)
        kvmclock_enable(&kc, i);
    kvmclock_check(&kc, vcpus);
}

static void kvmclock_counts_pauses(void **state)
{
    (void)state;
    boot_and_register(1);
    host_resumes(0, 100);
    slots[0].info.flags |= PVCLOCK_FLAG_TSC_STABLE | 0x80;
    assert_true(first_settles());
    for (unsigned i = 0; i < 3; i++)
        assert_false(first_settles());
    assert_int_equal(kc.vcpus[0].paused, 1);
    assert_int_equal(slots[0].info.flags, PVCLOCK_FLAG_TSC_STABLE | 0x80);
    /* One that nobody has dealt with before the end. */
    host_resumes(0, 200);
    kvmclock_count_last(&kc, 0);
    assert_int_equal(kc.vcpus[0].paused, 2);
    kvmclock_disable(&kc, 0);
    slots[0].info.flags = 0xa5 | PVCLOCK_FLAG_GUEST_STOPPED; /* not its page any more */
    kvmclock_count_last(&kc, 0);
    (void)kvmclock_poll(&kc, 0);
    assert_int_equal(kc.vcpus[0].paused, 2);
    assert_int_equal(slots[0].info.flags, 0xa5 | PVCLOCK_FLAG_GUEST_STOPPED);
}

/* A vCPU clears its flag after vCPU 0 has dealt with the pause, whenever each of them came. */
static void kvmclock_first_sees_first(void **state)
{
    (void)state;
    boot_and_register(1);
    host_resumes(0, 100);
    assert_true(first_settles());
    kvmclock_enable(&kc, 1); /* late, behind that pause */
    for (uint64_t pause = 2; pause < 5; pause++) {
        assert_false(kvmclock_poll(&kc, 1));
        assert_false(kvmclock_wants_look(&kc));
        host_resumes(1, pause * 100); /* vCPU 0 has not run yet */
        assert_false(kvmclock_poll(&kc, 1));
        assert_true(kvmclock_wants_look(&kc));
        host_resumes(0, pause * 100);
        assert_false(kvmclock_poll(&kc, 1));
        assert_true(first_settles());
        assert_true(kvmclock_poll(&kc, 1));
        assert_false(kvmclock_is_stopped(&kc, 1));
    }
    assert_int_equal(kc.vcpus[0].paused, 4);
    assert_int_equal(kc.vcpus[1].paused, 3);
}

/* Of two pauses close together the second one's flag waits for the second one's date. */
static void kvmclock_tells_pauses_apart(void **state)
{
    (void)state;
    boot_and_register(2);
    for (unsigned asks = 0; asks < 2; asks++) {
        uint64_t at = 1000 + asks * 1000, paused = kc.vcpus[1].paused;
        host_resumes(0, at);
        assert_true(first_settles());
        host_resumes(1, at);
        /* It has seen the first one, or has not come to that. */
        if (asks)
            assert_true(kvmclock_poll(&kc, 1));
        host_resumes(1, at + 100);
        assert_false(kvmclock_poll(&kc, 1));
        assert_false(kvmclock_poll(&kc, 1));
        assert_true(kvmclock_is_stopped(&kc, 1));
        host_resumes(0, at + 100);
        assert_true(first_settles());
        assert_true(kvmclock_poll(&kc, 1));
        assert_int_equal(kc.vcpus[1].paused, paused + asks + 1);
    }
    /*
     * Structures that are not alike: vCPU 0 is asked, and its answer counts from the question on.
     */
    host_resumes(1, 5007);
    host_resumes(0, 5000);
    assert_true(first_settles());
    assert_false(kvmclock_poll(&kc, 1));
    assert_false(kvmclock_poll(&kc, 1));
    assert_true(kvmclock_wants_look(&kc));
    assert_false(first_settles()); /* there is no pause of its own to count */
    assert_false(kvmclock_wants_look(&kc));
    assert_true(kvmclock_poll(&kc, 1));
    /* The same TSC in a machine that was restored twice, at another time; or the same time. */
    for (unsigned other = 0; other < 2; other++) {
        host_resumes(0, 6000);
        assert_true(first_settles());
        host_resumes(1, 6000);
        *(other ? &slots[1].info.system_time : &slots[1].info.tsc_timestamp) += 1;
        assert_false(kvmclock_poll(&kc, 1));
        assert_false(first_settles());
        assert_true(kvmclock_poll(&kc, 1));
    }
}

static unsigned resume_at;
static uint32_t resumed_vcpu;

static void resume_in_between(enum pvclock_mock_step step, const volatile void *address)
{
    (void)step, (void)address;
    if (resume_at && --resume_at == 0)
        host_resumes(resumed_vcpu, 900);
}

/*
 * The guest is paused at each step of what clears a flag: the new flag is not cleared with the old.
 */
static void kvmclock_keeps_a_pause_in_between(void **state)
{
    unsigned cases = 0;

    (void)state;
    for (uint32_t index = 0; index < 2; index++) {
        for (unsigned at = 1;; at++, cases++) {
            struct kvmclock_change c;
            boot_and_register(2);
            host_resumes(0, 500);
            host_resumes(1, 500);
            (void)kvmclock_look(&kc, VCPUS, &c);
            if (index == 1)
                assert_true(kvmclock_settle(&kc, &c));
            resume_at = at;
            resumed_vcpu = index;
            pvclock_mock.script = resume_in_between;
            bool cleared = index ? kvmclock_poll(&kc, 1) : kvmclock_settle(&kc, &c);
            pvclock_mock.script = NULL;
            if (resume_at) {
                assert_true(cleared);
                break;
            }
            assert_false(cleared);
            assert_true(kvmclock_is_stopped(&kc, index));
            assert_int_equal(kc.vcpus[index].paused, 0);
        }
    }
    assert_true(cases >= 3);
    figures("%u places for another pause", cases);
}

static void kvmclock_believes_both(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 4; bits++) {
        for (uint32_t without = 0; without <= VCPUS; without++) {
            boot(bits & 1 ? NEW | STABLE_BIT : NEW);
            attach(false);
            for (uint32_t i = 0; i < VCPUS; i++) {
                kvmclock_enable(&kc, i);
                slots[i].info.flags = bits & 2 && i != without;
            }
            kvmclock_check(&kc, VCPUS);
            assert_int_equal(kc.stable, bits == 3 && without == VCPUS);
            if (!(bits & 1))
                assert_true(kc.floor != 0);
        }
    }
}

/* ---- STABLE comes and goes --------------------------------------------- */

/* vCPU n's clock is skew[n] ns ahead while the structures disagree; 1 cycle is 1 ns. */
static const int64_t skew[VCPUS] = {0, -40000, 25000, -3};
enum { TSC_STEP = 10, START = 1000000 };

/* The host writes all structures while no vCPU runs: STABLE ones `ahead` of their old time. */
static void host_writes(bool stable, int64_t ahead)
{
    for (uint32_t i = 0; i < VCPUS; i++) {
        const struct pvclock_snapshot s = {
            .tsc_timestamp = pvclock_mock.tsc,
            .system_time = pvclock_mock.tsc + (uint64_t)(stable ? ahead : skew[i]),
            .mul = 1u << 31,
            .shift = 1,
            .flags = stable ? PVCLOCK_FLAG_TSC_STABLE : 0,
        };
        void (*script)(enum pvclock_mock_step, const volatile void *) = pvclock_mock.script;
        pvclock_mock.script = NULL;
        pvclock_publish(&slots[i].info, &s);
        pvclock_mock.script = script;
    }
}

static void start_stable(void)
{
    boot(NEW | STABLE_BIT);
    attach(false);
    pvclock_mock.tsc = START;
    for (uint32_t i = 0; i < VCPUS; i++)
        kvmclock_enable(&kc, i);
    host_writes(true, 0);
    kvmclock_check(&kc, VCPUS);
}

/* One reading, on vCPU n. */
static uint64_t read_on(uint32_t n)
{
    uint32_t before = running.index;

    running.index = n;
    uint64_t ns = kc.counter.read(&kc);
    running.index = before;
    return ns;
}

static uint64_t latest;

/* A reading that begins now, with nothing of the script: not below any that has ended. */
static void assert_forward(uint32_t n)
{
    pvclock_mock.tsc += TSC_STEP;
    uint64_t ns = read_on(n);
    if (ns < latest)
        fail_msg("vCPU %u: %llu ns back", n, (unsigned long long)(latest - ns));
    latest = ns;
}

static void tick(void)
{
    running.index = 0;
    kvmclock_watch(&kc, VCPUS);
}

enum event { LOSE, REGAIN, READ, TICK, EVENTS };

static struct {
    unsigned at, number;
    enum event event[2];
    uint32_t reader;
    uint64_t told; /* by the reading that was made in between */
} script;

/* At step `at` of a reading, and at the one after, something happens on the other vCPUs. */
static void in_between(enum pvclock_mock_step step, const volatile void *address)
{
    unsigned now = script.number++;

    (void)step;
    (void)address;
    pvclock_mock.tsc += TSC_STEP;
    if (now != script.at && now != script.at + 1)
        return;
    pvclock_mock.script = NULL;
    switch (script.event[now - script.at]) {
    case LOSE:
        host_writes(false, 0);
        break;
    case REGAIN:
        host_writes(true, 100);
        break;
    case TICK:
        kvmclock_watch(&kc, VCPUS);
        break;
    default: {
        uint64_t ns = read_on(script.reader), before = script.told > latest ? script.told : latest;
        if (ns < before)
            fail_msg("a reading in between: %llu ns back", (unsigned long long)(before - ns));
        script.told = ns;
        break;
    }
    }
    pvclock_mock.script = in_between;
}

/*
 * A reading on one vCPU; between any two of its steps two events, in every order; before, after and
 * in between readings on another one.  From a machine that is STABLE; that has lost it; that has it
 * again and does not know yet; that has lost it and does not know yet, which two vCPUs
 * then find out at once.
 */
static void kvmclock_goes_forward(void **state)
{
    unsigned long readings = 0;

    (void)state;
    for (unsigned n = 0; n < 4 * EVENTS * EVENTS * VCPUS * VCPUS * 20; n++) {
        unsigned phase = n % 4, rest = n / 4;
        enum event first = rest % EVENTS, second = rest / EVENTS % EVENTS;
        uint32_t reader = rest / (EVENTS * EVENTS) % VCPUS;
        uint32_t other = rest / (EVENTS * EVENTS * VCPUS) % VCPUS;

        start_stable();
        latest = 0;
        for (uint32_t i = 0; i < VCPUS; i++)
            assert_forward(i);
        if (phase == 1 || phase == 2) {
            host_writes(false, 0);
            tick();
            assert_true(kc.floor >= latest);
            /* The reader's structure may be ahead of all that was told by now. */
            for (uint32_t i = 0; i < VCPUS; i++) {
                if (i != reader)
                    assert_forward(i);
            }
        }
        if (phase == 2) {
            pvclock_mock.tsc += 100000; /* past what any of them was ahead */
            host_writes(true, 100);
            assert_forward(other);
        }
        if (phase == 3)
            host_writes(false, 0);
        script.at = rest / (EVENTS * EVENTS * VCPUS * VCPUS);
        script.number = 0;
        script.event[0] = first;
        script.event[1] = second;
        script.reader = other;
        script.told = 0;
        pvclock_mock.script = in_between;
        pvclock_mock.tsc += TSC_STEP;
        uint64_t ns = read_on(reader);
        pvclock_mock.script = NULL;
        if (ns < latest)
            fail_msg("the reading itself: %llu ns back", (unsigned long long)(latest - ns));
        latest = ns > script.told ? ns : script.told;
        /* `other` last: its own structure may be ahead of what the guard should hold. */
        for (unsigned i = 1; i <= 3 * VCPUS; i++) {
            assert_forward((other + i) % VCPUS);
            if (i == VCPUS)
                tick();
        }
        readings += 4 * VCPUS;
    }
    figures("%lu readings around STABLE lost, regained and watched at each step, none went back",
            readings);
}

/* The floor is above all that was told, and goes when STABLE is back and time is past all of it. */
static void kvmclock_floor(void **state)
{
    (void)state;
    start_stable();
    latest = 0;
    assert_int_equal(kc.floor, 0);
    pvclock_mock.tsc += 5000;
    assert_forward(2);
    host_writes(false, 0);
    assert_forward(1); /* 40 us behind: this reading finds out, without a tick */
    assert_true(kc.floor >= latest - TSC_STEP && kc.floor <= latest);
    uint64_t floor = kc.floor;
    tick();
    assert_int_equal(kc.floor, floor);
    assert_forward(2); /* 25 us ahead */
    uint64_t ahead = latest;
    assert_forward(0);
    assert_int_equal(latest, ahead);

    host_writes(true, 0); /* and so still behind what vCPU 2 told */
    tick();
    assert_int_equal(kc.floor, floor);
    assert_forward(0);
    pvclock_mock.tsc += 26000;
    slots[3].info.flags = 0; /* one of them is late */
    tick();
    assert_int_equal(kc.floor, floor);
    slots[3].info.flags = PVCLOCK_FLAG_TSC_STABLE;
    tick();
    assert_int_equal(kc.floor, 0);
    assert_forward(1);
    assert_int_equal(latest, pvclock_mock.tsc); /* by the structures alone */
    /* And again. */
    host_writes(false, 0);
    tick();
    assert_true(kc.floor >= latest);
    assert_forward(3);
}

/* Lost again at once: the bound is by the structures that gave the time back, not by older ones. */
static void kvmclock_floor_of_the_second_loss(void **state)
{
    (void)state;
    start_stable();
    latest = 0;
    assert_forward(2);
    host_writes(false, 0);
    tick();
    pvclock_mock.tsc += 100000;
    host_writes(true, 500); /* ahead of where the first ones would be now */
    tick();
    assert_int_equal(kc.floor, 0);
    assert_forward(2);
    assert_int_equal(latest, pvclock_mock.tsc + 500);
    host_writes(false, 0);
    assert_forward(1); /* 40 us behind */
    assert_forward(0);
}

/* Lost over a pause, in which the TSC went on: time goes on from where it stood. */
static void kvmclock_floor_after_pause(void **state)
{
    const uint64_t pause = 3 * UINT64_C(1000000000);

    (void)state;
    for (uint32_t reader = 0; reader < 2; reader++) {
        start_stable();
        latest = 0;
        assert_forward(1);
        uint64_t stood = latest;
        pvclock_mock.tsc += pause;
        host_writes(false, 0);
        for (uint32_t i = 0; i < VCPUS; i++) {
            slots[i].info.system_time = stood + i * 1000;
            slots[i].info.flags |= PVCLOCK_FLAG_GUEST_STOPPED;
        }
        if (reader)
            assert_forward(reader); /* finds out by itself, before the tick */
        tick();
        assert_int_equal(kc.floor, stood + reader * 1000); /* by who found out */
        assert_forward(1);
        assert_true(latest - stood < pause / 1000);
    }
}

/* ---- The kernel plays the host ----------------------------------------- */

/* By structure n and the wall clock, now. */
static uint64_t script_date(uint32_t n)
{
    uint64_t epoch = 0, ns = 0;
    struct pvclock_snapshot s;

    assert_int_equal(kvmclock_wall(&kc, &epoch), PVCLOCK_OK);
    assert_int_equal(pvclock_take_snapshot(&slots[n].info, &s), PVCLOCK_OK);
    assert_int_equal(pvclock_extrapolate(&s, pvclock_mock.tsc, &ns), PVCLOCK_OK);
    return epoch + ns;
}

static void kvmclock_plays_a_host_with_a_date(void **state)
{
    static const struct pvclock_ops ops = {played_host_cpuid, played_host_wrmsr, &host};
    const uint64_t day = UINT64_C(86400000000000), date = UINT64_C(1795382573096931473);
    uint64_t epoch;

    (void)state;
    boot(0);
    machine.hypervisor = false;
    host.epoch = 0;
    host.skew_ns = 7;
    kc.slots = slots;
    kvmclock_attach(&kc, &ops, "");
    assert_true(kc.present && kc.host.features == host.features);
    assert_string_equal(kc.hypervisor, "");
    /* Its time has not begun. */
    host.page.mul = 0;
    kvmclock_enable(&kc, 0);
    assert_false(kc.vcpus[0].registered);
    host.page = (struct pvclock_snapshot){.tsc_timestamp = START,
                                          .system_time = day,
                                          .mul = 1u << 31,
                                          .shift = 1,
                                          .flags = PVCLOCK_FLAG_TSC_STABLE};
    for (; running.index < VCPUS - 1; running.index++)
        kvmclock_enable(&kc, running.index);
    assert_int_equal(kvmclock_wall(&kc, &epoch), PVCLOCK_NOT_READY);
    assert_int_equal(epoch, PVCLOCK_NO_TIME);
    host.epoch = date - day;
    pvclock_mock.tsc = START;
    assert_int_equal(script_date(0), date);
    assert_int_equal(script_date(2), date + 14);
    played_host_set_stable(&slots[1].info, false);

    /* Pauses, some of which nobody sees before the next: the date goes on, the time stands. */
    for (uint64_t i = 1; i <= 5; i++) {
        struct pvclock_snapshot before, after;
        assert_int_equal(pvclock_take_snapshot(&slots[0].info, &before), PVCLOCK_OK);
        uint64_t begin = START + i * 1000000000000 + 111, end = begin + i * 3000000000 + 7;
        uint64_t stood = 0;
        assert_int_equal(pvclock_extrapolate(&before, begin, &stood), PVCLOCK_OK);
        assert_int_equal(played_host_pause(&host, begin, end), end - begin);
        assert_int_equal(pvclock_take_snapshot(&slots[0].info, &after), PVCLOCK_OK);
        assert_int_equal(after.system_time, stood);
        assert_int_equal(after.tsc_timestamp, end);
        assert_int_equal(after.version, before.version + 2);
        pvclock_mock.tsc = end + 12345;
        assert_int_equal(script_date(0), date + (pvclock_mock.tsc - START));
        assert_int_equal(script_date(2), date + (pvclock_mock.tsc - START) + 14);
        for (uint32_t n = 0; n < VCPUS - 1; n++) {
            assert_int_equal(slots[n].info.flags, n == 1 ? 2 : 3);
            if (i != 3)
                kvmclock_count_last(&kc, n);
        }
    }
    assert_int_equal(kc.vcpus[0].paused, 4);
    assert_int_equal(slots[VCPUS - 1].info.version, 0); /* it is not registered */
    /* One that comes late has the same time. */
    running.index = VCPUS - 1;
    kvmclock_enable(&kc, VCPUS - 1);
    assert_int_equal(script_date(VCPUS - 1), script_date(0) + 7 * (VCPUS - 1));

    /* STABLE goes and comes, and a pause that has not been seen stays one. */
    slots[0].info.flags |= PVCLOCK_FLAG_GUEST_STOPPED;
    played_host_set_stable(&slots[0].info, false);
    assert_int_equal(slots[0].info.flags, PVCLOCK_FLAG_GUEST_STOPPED);
    played_host_set_stable(&slots[0].info, true);
    assert_int_equal(slots[0].info.flags, PVCLOCK_FLAG_GUEST_STOPPED | PVCLOCK_FLAG_TSC_STABLE);

    /* 32 bits of seconds and no more. */
    host.epoch = (UINT64_C(4294967296) + 5) * 1000000000 + 17;
    assert_int_equal(kvmclock_wall(&kc, &epoch), PVCLOCK_OK);
    assert_int_equal(epoch, UINT64_C(5000000017));
    assert_int_equal(machine.writes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kvmclock_finds_kvm),
        cmocka_unit_test(kvmclock_registers),
        cmocka_unit_test(kvmclock_counts_pauses),
        cmocka_unit_test(kvmclock_first_sees_first),
        cmocka_unit_test(kvmclock_tells_pauses_apart),
        cmocka_unit_test(kvmclock_keeps_a_pause_in_between),
        cmocka_unit_test(kvmclock_believes_both),
        cmocka_unit_test(kvmclock_floor),
        cmocka_unit_test(kvmclock_floor_of_the_second_loss),
        cmocka_unit_test(kvmclock_floor_after_pause),
        cmocka_unit_test(kvmclock_goes_forward),
        cmocka_unit_test(kvmclock_plays_a_host_with_a_date),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
