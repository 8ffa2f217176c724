/* SPDX-License-Identifier: 0BSD */
/*
 * arch/x86/features.c, machine_check.c and apic.c on CPUs that announce features, and take or
 * refuse the writes that switch them on.
 */
#include "arch/x86/apic.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/cr.h"
#include "arch/x86/features.h"
#include "arch/x86/machine_check.h"
#include "arch/x86/msr.h"
#include "arch/x86/paging.h"
#include "tests/check.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- The CPU ----------------------------------------------------------- */

enum {
    MCG_CAP = 0x179,
    MCG_STATUS = 0x17a,
    MCG_CTL = 0x17b,
    MC0_CTL = 0x400,
    BANKS = 3,
    MSRS = 64
};

static struct {
    bool tcg;
    unsigned other_register; /* of the signature of TCG, 1 to 3: is another's */
    uint32_t edx1, ebx7, ecx7, edx_extended, ecx1;
    uint64_t cr0, cr4, cr4_refused, cr4_ignored;
    uint64_t efer, apic_base;
    uint32_t refused_msr;
    uint64_t aux;
    uint64_t banks[MSRS]; /* from MC0_CTL */
    uint64_t mcg_ctl, mcg_cap, mcg_status;
    uint32_t last_leaf, last_extended_leaf;
    unsigned pages_mapped;
} cpu;

struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    if (leaf == 7 && subleaf)
        return (struct cpuid){0};
    switch (leaf) {
    case 0:
        return (struct cpuid){.eax = cpu.last_leaf};
    case 1:
        return (struct cpuid){.edx = cpu.edx1, .ecx = cpu.ecx1};
    case 7:
        return (struct cpuid){.ebx = cpu.ebx7, .ecx = cpu.ecx7};
    case 0x40000000:
        return cpu.tcg ? (struct cpuid){0x40000001, 0x54474354 + (cpu.other_register == 1),
                                        0x43544743 + (cpu.other_register == 2),
                                        0x47435447 + (cpu.other_register == 3)}
                       : (struct cpuid){0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d};
    case 0x80000000:
        return (struct cpuid){.eax = cpu.last_extended_leaf};
    case 0x80000001:
        return (struct cpuid){.edx = cpu.edx_extended};
    default:
        return (struct cpuid){0};
    }
}

uint64_t read_cr0(void)
{
    return cpu.cr0;
}

uint64_t read_cr4(void)
{
    return cpu.cr4;
}

bool write_cr4_safe(uint64_t value)
{
    if (value & cpu.cr4_refused)
        return false;
    cpu.cr4 = value & ~cpu.cr4_ignored;
    return true;
}

bool wrmsr_safe(uint32_t msr, uint64_t value)
{
    if (msr == cpu.refused_msr)
        return false;
    if (msr == MSR_TSC_AUX)
        cpu.aux = value;
    else if (msr == MSR_APIC_BASE)
        cpu.apic_base = value;
    else if (msr == MCG_CTL)
        cpu.mcg_ctl = value;
    else if (msr >= MC0_CTL && msr < MC0_CTL + MSRS)
        cpu.banks[msr - MC0_CTL] = value;
    return true;
}

bool rdmsr_safe(uint32_t msr, uint64_t *value)
{
    *value = msr == MSR_EFER                          ? cpu.efer
             : msr == MSR_APIC_BASE                   ? cpu.apic_base
             : msr == MCG_CAP                         ? cpu.mcg_cap
             : msr == MCG_STATUS                      ? cpu.mcg_status
             : msr >= MC0_CTL && msr < MC0_CTL + MSRS ? cpu.banks[msr - MC0_CTL]
                                                      : 0;
    return true;
}

uint64_t rdmsr(uint32_t msr)
{
    uint64_t value;

    (void)rdmsr_safe(msr, &value);
    return value;
}

void wrmsr(uint32_t msr, uint64_t value)
{
    assert_true(wrmsr_safe(msr, value));
}

uint64_t kernel_root(void)
{
    return 0;
}

bool page_map(uint64_t root, uint64_t va, uint64_t pa, uint64_t flags)
{
    (void)root, (void)va, (void)pa, (void)flags;
    cpu.pages_mapped++;
    return true;
}

static void start_full_cpu(void)
{
    memset(&cpu, 0, sizeof(cpu));
    cpu.last_leaf = 7;
    cpu.last_extended_leaf = 0x80000001;
    cpu.mcg_cap = 0x100 | BANKS;
    cpu.edx1 = CPUID_1_EDX_MCE | CPUID_1_EDX_MCA | CPUID_1_EDX_APIC;
    cpu.ecx1 = CPUID_1_ECX_X2APIC | CPUID_1_ECX_HYPERVISOR;
    cpu.ebx7 = CPUID_7_EBX_SMEP | CPUID_7_EBX_SMAP;
    cpu.ecx7 = CPUID_7_ECX_UMIP;
    cpu.edx_extended = CPUID_EXT_EDX_NX | CPUID_EXT_EDX_RDTSCP;
    cpu.cr0 = CR0_WP;
    cpu.cr4 = 0x20;
    cpu.efer = EFER_NXE;
    cpu.apic_base = 0xfee00900;
}

/* States are those of the worst vCPU so far, so each case has a process of its own. */
static bool holds(bool (*of)(uint64_t argument), uint64_t argument)
{
    int status = 0;

    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(of(argument) ? 0 : 1);
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- Tests ------------------------------------------------------------- */

static bool all_on(uint64_t unused)
{
    bool good = true;

    (void)unused;
    start_full_cpu();
    features_enable();
    for (enum feature f = 0; f < FEATURES; f++)
        good = good && features_state(f) == FEATURE_ON;
    features_number_vcpu(5);
    return good && features_has_rdtscp() && cpu.aux == 5 &&
           cpu.cr4 == (0x20 | CR4_MCE | CR4_SMEP | CR4_SMAP | CR4_UMIP) &&
           cpu.mcg_ctl == UINT64_MAX && cpu.banks[0] == UINT64_MAX &&
           cpu.banks[4 * (BANKS - 1)] == UINT64_MAX && cpu.banks[4 * BANKS] == 0;
}

static bool none_on(uint64_t unused)
{
    bool good = true;

    (void)unused;
    start_full_cpu();
    cpu.edx1 = cpu.ebx7 = cpu.ecx7 = cpu.edx_extended = 0;
    features_enable();
    for (enum feature f = FEATURE_NX; f < FEATURES; f++)
        good = good && features_state(f) == FEATURE_ABSENT;
    return good && cpu.cr4 == 0x20 && cpu.mcg_ctl == 0 && !features_has_rdtscp();
}

static void features_are_switched_on_where_cpuid_has_them(void **state)
{
    (void)state;
    assert_true(holds(all_on, 0));
    assert_true(holds(none_on, 0));
}

static bool bit_is_refused(uint64_t bit)
{
    static const uint64_t bits[FEATURES] = {[FEATURE_SMEP] = CR4_SMEP,
                                            [FEATURE_SMAP] = CR4_SMAP,
                                            [FEATURE_UMIP] = CR4_UMIP,
                                            [FEATURE_MCE] = CR4_MCE};
    bool good = true;

    start_full_cpu();
    /* The low bit says how: by a fault, or silently. */
    *(bit & 1 ? &cpu.cr4_ignored : &cpu.cr4_refused) = bit & ~1ull;
    features_enable();
    for (enum feature f = 0; f < FEATURES; f++)
        good =
            good && features_state(f) == (bits[f] == (bit & ~1ull) ? FEATURE_REFUSED : FEATURE_ON);
    /* One vCPU that refuses is enough. */
    cpu.cr4_ignored = cpu.cr4_refused = 0;
    features_enable();
    for (enum feature f = 0; f < FEATURES; f++)
        good =
            good && features_state(f) == (bits[f] == (bit & ~1ull) ? FEATURE_REFUSED : FEATURE_ON);
    return good;
}

static void a_refused_bit_counts_as_absent(void **state)
{
    static const uint64_t bits[] = {CR4_MCE, CR4_SMEP, CR4_SMAP, CR4_UMIP};

    (void)state;
    for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        assert_true(holds(bit_is_refused, bits[i]));
        assert_true(holds(bit_is_refused, bits[i] | 1));
    }
}

/* What is behind the last leaf is that of another one, and says nothing. */
static bool leaf_is_missing(uint64_t extended)
{
    start_full_cpu();
    if (extended)
        cpu.last_extended_leaf = 0x80000000;
    else
        cpu.last_leaf = 6;
    features_enable();
    return features_state(FEATURE_SMEP) == (extended ? FEATURE_ON : FEATURE_ABSENT) &&
           features_state(FEATURE_UMIP) == (extended ? FEATURE_ON : FEATURE_ABSENT) &&
           features_state(FEATURE_NX) == (extended ? FEATURE_ABSENT : FEATURE_ON) &&
           features_state(FEATURE_RDTSCP) == (extended ? FEATURE_ABSENT : FEATURE_ON);
}

static bool wp_is_off(uint64_t unused)
{
    (void)unused;
    start_full_cpu();
    cpu.cr0 = ~(uint64_t)CR0_WP;
    features_enable();
    return features_state(FEATURE_WP) == FEATURE_REFUSED;
}

static void what_is_not_there_is_not_switched_on(void **state)
{
    (void)state;
    assert_true(holds(leaf_is_missing, 0));
    assert_true(holds(leaf_is_missing, 1));
    assert_true(holds(wp_is_off, 0));
}

static bool nx_is_ignored(uint64_t unused)
{
    (void)unused;
    start_full_cpu();
    cpu.efer = 0;
    features_enable();
    return features_state(FEATURE_NX) == FEATURE_REFUSED;
}

static bool tsc_aux_is_refused(uint64_t unused)
{
    (void)unused;
    start_full_cpu();
    features_enable();
    features_number_vcpu(0);
    if (!features_has_rdtscp())
        return false;
    /* By a vCPU that comes later. */
    cpu.refused_msr = MSR_TSC_AUX;
    features_enable();
    features_number_vcpu(1);
    return !features_has_rdtscp() && features_state(FEATURE_RDTSCP) == FEATURE_REFUSED;
}

static bool x2apic_is_refused(uint64_t refused)
{
    start_full_cpu();
    cpu.refused_msr = refused ? MSR_APIC_BASE : 0;
    bool there = apic_init();
    return there && apic_is_x2apic() == !refused && cpu.pages_mapped == refused;
}

static void a_refused_register_counts_as_absent(void **state)
{
    (void)state;
    assert_true(holds(nx_is_ignored, 0));
    assert_true(holds(tsc_aux_is_refused, 0));
    assert_true(holds(x2apic_is_refused, 0));
    assert_true(holds(x2apic_is_refused, 1));
}

static bool smap_is_left_off(uint64_t unused)
{
    (void)unused;
    start_full_cpu();
    cpu.tcg = true;
    features_enable();
    return features_state(FEATURE_SMAP) == FEATURE_LEFT_OFF && !(cpu.cr4 & CR4_SMAP) &&
           features_state(FEATURE_SMEP) == FEATURE_ON;
}

static bool smap_is_on(uint64_t other_register)
{
    start_full_cpu();
    cpu.tcg = true;
    cpu.other_register = (unsigned)other_register;
    /* A CPU without a hypervisor may have anything there. */
    if (!other_register)
        cpu.ecx1 = 0;
    features_enable();
    return features_state(FEATURE_SMAP) == FEATURE_ON;
}

static void smap_is_left_off_where_it_breaks_ring_3(void **state)
{
    (void)state;
    assert_true(holds(smap_is_left_off, 0));
    for (unsigned i = 0; i < 4; i++)
        assert_true(holds(smap_is_on, i));
}

static void machine_check_banks_are_started_and_cleared(void **state)
{
    (void)state;
    for (unsigned banks = 0; banks < 12; banks++) {
        start_full_cpu();
        for (unsigned i = 0; i < MSRS; i++)
            cpu.banks[i] = 100 + i;
        /* Without the bit there is no MCG_CTL. */
        cpu.mcg_cap = 0xffffff0000 | (banks % 2 ? 0x100 : 0) | banks;
        cpu.refused_msr = MC0_CTL + 4; /* the second has nothing to report */
        machine_check_start_banks();
        assert_int_equal(cpu.mcg_ctl, banks % 2 ? UINT64_MAX : 0);
        for (unsigned i = 0; i < MSRS; i++)
            assert_int_equal(cpu.banks[i], i / 4 >= banks || i % 4 > 1 || i == 4 ? 100 + i
                                           : i % 4                               ? 0
                                                                                 : UINT64_MAX);
    }
    for (unsigned banks = 0; banks < 256; banks++) {
        cpu.mcg_cap = banks;
        assert_int_equal(machine_check_banks(), banks < 32 ? banks : 32);
    }
    cpu.mcg_status = 5;
    assert_int_equal(machine_check_global_status(), 5);
}

static void machine_check_banks_are_read(void **state)
{
    struct machine_check mc;

    (void)state;
    start_full_cpu();
    assert_int_equal(machine_check_banks(), BANKS);
    assert_false(machine_check_read(1, &mc));
    cpu.banks[5] = 1ull << 63 | 1ull << 58 | 0x134;
    cpu.banks[6] = 0x12345000;
    cpu.banks[7] = 7;
    assert_true(machine_check_read(1, &mc));
    assert_int_equal(mc.status & 0xffff, 0x134);
    assert_int_equal(mc.address, 0x12345000);
    assert_int_equal(mc.misc, 0);
    cpu.banks[9] = 1ull << 63 | 1ull << 59;
    cpu.banks[10] = 0x12345000;
    cpu.banks[11] = 7;
    assert_true(machine_check_read(2, &mc));
    assert_int_equal(mc.address, 0);
    assert_int_equal(mc.misc, 7);
    cpu.banks[9] = ~(1ull << 63);
    assert_false(machine_check_read(2, &mc));
    cpu.edx1 &= ~CPUID_1_EDX_MCA;
    assert_int_equal(machine_check_banks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_switched_on_where_cpuid_has_them),
        cmocka_unit_test(a_refused_bit_counts_as_absent),
        cmocka_unit_test(a_refused_register_counts_as_absent),
        cmocka_unit_test(smap_is_left_off_where_it_breaks_ring_3),
        cmocka_unit_test(what_is_not_there_is_not_switched_on),
        cmocka_unit_test(machine_check_banks_are_started_and_cleared),
        cmocka_unit_test(machine_check_banks_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
