/* SPDX-License-Identifier: 0BSD */
/*
 * Features that keep ring 3 and ring 0 apart, and RDTSCP: each counts only where CPUID announces
 * it and every vCPU took the write that switches it on.
 */
#ifndef ARCH_X86_FEATURES_H
#define ARCH_X86_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

enum feature {
    FEATURE_WP,   /* ring 0 does not write to read-only pages */
    FEATURE_NX,   /* pages can be kept from executing */
    FEATURE_SMEP, /* ring 0 does not execute ring 3's pages */
    FEATURE_SMAP, /* ring 0 does not read or write ring 3's pages at their addresses there */
    FEATURE_UMIP, /* ring 3 cannot read where the descriptor tables are */
    FEATURE_MCE,  /* a machine check is an exception, not a shutdown */
    FEATURE_PROTECTIONS,
    FEATURE_RDTSCP = FEATURE_PROTECTIONS, /* TSC_AUX holds the vCPU's number */
    FEATURES,
};

/* The worst of all vCPUs counts: the last of these that any of them noted. */
enum feature_state {
    FEATURE_UNKNOWN,
    FEATURE_ON,
    FEATURE_ABSENT,   /* CPUID does not announce it */
    FEATURE_LEFT_OFF, /* this host breaks ring 3 where it is on */
    FEATURE_REFUSED,  /* CPUID announces it, and the CPU refused or ignored the write */
    FEATURE_IGNORED,  /* it is on, and what it forbids went through */
};

/*
 * Switches on all that CPUID announces, on the running vCPU.  The interrupt descriptor table must
 * be loaded: a write may fault, and machine checks are exceptions from here on.
 */
void features_enable(void);

/*
 * Has RDTSCP and RDPID return `number` on the running vCPU.  If the CPU refuses, RDTSCP counts as
 * absent on every vCPU.
 */
void features_number_vcpu(uint32_t number);

void features_note(enum feature feature, enum feature_state state);
enum feature_state features_state(enum feature feature);
/* Returns "SMEP", ... */
const char *features_name(enum feature feature);

/* CPUID has RDTSCP, and TSC_AUX holds the vCPU's number. */
static inline bool features_has_rdtscp(void)
{
    return features_state(FEATURE_RDTSCP) == FEATURE_ON;
}

#endif
