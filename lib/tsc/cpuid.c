/* SPDX-License-Identifier: 0BSD */
/* The TSC's frequency, and what is promised of it, as CPUID has them. */
#include "divide.h"
#include "internal.h"

#define FIRST_STANDARD   UINT32_C(0)
#define FIRST_HYPERVISOR UINT32_C(0x40000000)
#define FIRST_EXTENDED   UINT32_C(0x80000000)

#define LEAF_CRYSTAL    UINT32_C(0x15)
#define LEAF_BASE       UINT32_C(0x16)
#define LEAF_TIMING     UINT32_C(0x40000010)
#define LEAF_POWER      UINT32_C(0x80000007)
#define LEAVES_OF_RANGE UINT32_C(0x10000)

#define HYPERVISOR (UINT32_C(1) << 31) /* leaf 1, ECX */
#define INVARIANT  (UINT32_C(1) << 8)  /* leaf 0x80000007, EDX */

static struct tsc_cpuid get(const struct tsc_ops *ops, uint32_t leaf)
{
    struct tsc_cpuid out;

    out.eax = out.ebx = out.ecx = out.edx = 0;
    ops->cpuid(ops->context, leaf, &out);
    return out;
}

/*
 * Whether a leaf is within the maximum that the first leaf of its range gives. A CPU without the
 * range answers with another leaf's contents, which are hardly such a maximum.
 */
static bool has(const struct tsc_ops *ops, uint32_t first, uint32_t leaf)
{
    uint32_t max = get(ops, first).eax;

    return max >= leaf && max - first < LEAVES_OF_RANGE;
}

enum tsc_status tsc_cpuid_crystal(const struct tsc_ops *ops, struct tsc_source *source)
{
    struct tsc_cpuid leaf;

    if (!has(ops, FIRST_STANDARD, LEAF_CRYSTAL))
        return tsc_fill(source, TSC_NONE, 0, 0);
    leaf = get(ops, LEAF_CRYSTAL);
    if (leaf.eax == 0 || leaf.ebx == 0 || leaf.ecx == 0)
        return tsc_fill(source, TSC_NO_CRYSTAL, 0, 0);
    return tsc_fill(source, TSC_OK, tsc_scale(leaf.ecx, leaf.ebx, leaf.eax), 1);
}

enum tsc_status tsc_cpuid_base(const struct tsc_ops *ops, struct tsc_source *source)
{
    uint32_t mhz;

    if (!has(ops, FIRST_STANDARD, LEAF_BASE))
        return tsc_fill(source, TSC_NONE, 0, 0);
    mhz = get(ops, LEAF_BASE).eax & 0xffff;
    if (mhz == 0)
        return tsc_fill(source, TSC_EMPTY, 0, 0);
    return tsc_fill(source, TSC_OK, mhz * UINT64_C(1000000), TSC_PPM / mhz + 1);
}

enum tsc_status tsc_cpuid_hypervisor(const struct tsc_ops *ops, struct tsc_source *source)
{
    uint32_t khz;

    /* Without the hypervisor bit, these leaves can repeat the last standard one. */
    if (!tsc_cpuid_guest(ops) || !has(ops, FIRST_HYPERVISOR, LEAF_TIMING))
        return tsc_fill(source, TSC_NONE, 0, 0);
    khz = get(ops, LEAF_TIMING).eax;
    return khz != 0 ? tsc_source_khz(source, khz) : tsc_fill(source, TSC_EMPTY, 0, 0);
}

bool tsc_cpuid_invariant(const struct tsc_ops *ops)
{
    return has(ops, FIRST_EXTENDED, LEAF_POWER) && (get(ops, LEAF_POWER).edx & INVARIANT) != 0;
}

bool tsc_cpuid_guest(const struct tsc_ops *ops)
{
    return (get(ops, 1).ecx & HYPERVISOR) != 0;
}
