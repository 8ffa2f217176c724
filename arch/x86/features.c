/* SPDX-License-Identifier: 0BSD */
/*
 * Switches on what CPUID announces, and believes it only where the CPU took the write.
 *
 * The kernel needs no STAC or CLAC for SMAP: it reaches ring 3's memory by the linear window and
 * the page tables, never by ring 3's addresses (kernel/process/device.c), and trap.S clears the
 * AC flag that ring 3 may have set.
 */
#include "arch/x86/features.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/cr.h"
#include "arch/x86/machine_check.h"
#include "arch/x86/msr.h"

static const char *const names[FEATURES] = {
    [FEATURE_WP] = "WP",         [FEATURE_NX] = "NX",     [FEATURE_SMEP] = "SMEP",
    [FEATURE_SMAP] = "SMAP",     [FEATURE_UMIP] = "UMIP", [FEATURE_MCE] = "MCE",
    [FEATURE_RDTSCP] = "RDTSCP",
};

static uint32_t states[FEATURES];

void features_note(enum feature feature, enum feature_state state)
{
    /* vCPUs come up together; each only raises it. */
    uint32_t now = __atomic_load_n(&states[feature], __ATOMIC_ACQUIRE);

    while (state > now && !__atomic_compare_exchange_n(&states[feature], &now, state, false,
                                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    }
}

enum feature_state features_state(enum feature feature)
{
    return (enum feature_state)__atomic_load_n(&states[feature], __ATOMIC_ACQUIRE);
}

const char *features_name(enum feature feature)
{
    return names[feature];
}

static void enable_cr4(enum feature feature, bool announced, uint64_t bit)
{
    if (!announced) {
        features_note(feature, FEATURE_ABSENT);
        return;
    }
    bool taken = write_cr4_safe(read_cr4() | bit) && read_cr4() & bit;
    features_note(feature, taken ? FEATURE_ON : FEATURE_REFUSED);
}

/*
 * QEMU's TCG (seen in 7.2) reads the stack for a far return of ring 3 as if ring 0 read it, so that
 * with SMAP on the return faults.
 */
static bool is_tcg(void)
{
    if (!(cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR))
        return false;
    struct cpuid r = cpuid(0x40000000, 0);
    return r.ebx == 0x54474354 && r.ecx == 0x43544743 && r.edx == 0x47435447; /* "TCGTCGTCGTCG" */
}

void features_enable(void)
{
    struct cpuid seven = cpuid_has_leaf(7) ? cpuid(7, 0) : (struct cpuid){0};
    struct cpuid extended = cpuid_has_leaf(0x80000001) ? cpuid(0x80000001, 0) : (struct cpuid){0};
    uint64_t efer;

    /* These two are on since boot.S and ap.S, which do without the table that catches a fault. */
    features_note(FEATURE_WP, read_cr0() & CR0_WP ? FEATURE_ON : FEATURE_REFUSED);
    features_note(FEATURE_NX, !(extended.edx & CPUID_EXT_EDX_NX)               ? FEATURE_ABSENT
                              : rdmsr_safe(MSR_EFER, &efer) && efer & EFER_NXE ? FEATURE_ON
                                                                               : FEATURE_REFUSED);
    machine_check_start_banks();
    enable_cr4(FEATURE_MCE, cpuid(1, 0).edx & CPUID_1_EDX_MCE, CR4_MCE);
    enable_cr4(FEATURE_SMEP, seven.ebx & CPUID_7_EBX_SMEP, CR4_SMEP);
    if (seven.ebx & CPUID_7_EBX_SMAP && is_tcg())
        features_note(FEATURE_SMAP, FEATURE_LEFT_OFF);
    else
        enable_cr4(FEATURE_SMAP, seven.ebx & CPUID_7_EBX_SMAP, CR4_SMAP);
    enable_cr4(FEATURE_UMIP, seven.ecx & CPUID_7_ECX_UMIP, CR4_UMIP);
    features_note(FEATURE_RDTSCP,
                  extended.edx & CPUID_EXT_EDX_RDTSCP ? FEATURE_ON : FEATURE_ABSENT);
}

void features_number_vcpu(uint32_t number)
{
    if (features_has_rdtscp() && !wrmsr_safe(MSR_TSC_AUX, number))
        features_note(FEATURE_RDTSCP, FEATURE_REFUSED);
}
