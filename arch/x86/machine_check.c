/* SPDX-License-Identifier: 0BSD */
/* Prepares and reads the machine-check banks; base/panic.c prints them. */
#include "arch/x86/machine_check.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/msr.h"

enum {
    MCG_CAP = 0x179,
    MCG_STATUS = 0x17a,
    MCG_CTL = 0x17b,
    MC0_CTL = 0x400, /* four for each bank: control, status, address, miscellaneous */
    PER_BANK = 4,
    MAX_BANKS = 32, /* the registers after these have other uses */
};

#define MCG_CAP_COUNT   0xffu
#define MCG_CAP_CTL     (1u << 8)
#define STATUS_VALID    (1ull << 63)
#define STATUS_HAS_MISC (1ull << 59)
#define STATUS_HAS_ADDR (1ull << 58)

static uint64_t read(uint32_t msr)
{
    uint64_t value;

    (void)rdmsr_safe(msr, &value);
    return value;
}

static uint32_t msr_of(unsigned bank, unsigned which)
{
    return MC0_CTL + PER_BANK * bank + which;
}

unsigned machine_check_banks(void)
{
    if (!(cpuid(1, 0).edx & CPUID_1_EDX_MCA))
        return 0;
    unsigned banks = read(MCG_CAP) & MCG_CAP_COUNT;
    return banks < MAX_BANKS ? banks : MAX_BANKS;
}

void machine_check_start_banks(void)
{
    unsigned banks = machine_check_banks();

    if (banks && read(MCG_CAP) & MCG_CAP_CTL)
        (void)wrmsr_safe(MCG_CTL, UINT64_MAX);
    /* A bank that refuses has nothing to report. */
    for (unsigned i = 0; i < banks; i++) {
        (void)wrmsr_safe(msr_of(i, 0), UINT64_MAX);
        (void)wrmsr_safe(msr_of(i, 1), 0);
    }
}

bool machine_check_read(unsigned bank, struct machine_check *mc)
{
    *mc = (struct machine_check){.status = read(msr_of(bank, 1))};
    if (!(mc->status & STATUS_VALID))
        return false;
    if (mc->status & STATUS_HAS_ADDR)
        mc->address = read(msr_of(bank, 2));
    if (mc->status & STATUS_HAS_MISC)
        mc->misc = read(msr_of(bank, 3));
    return true;
}

uint64_t machine_check_global_status(void)
{
    return read(MCG_STATUS);
}
