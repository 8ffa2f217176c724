/* SPDX-License-Identifier: 0BSD */
/* The TSC's frequency, and what is promised of it, as CPUID has them. */
#include "divide.h"
#include "internal.h"

#define TSC_FIRST_STANDARD   UINT32_C(0)
#define TSC_FIRST_HYPERVISOR UINT32_C(0x40000000)
#define TSC_FIRST_EXTENDED   UINT32_C(0x80000000)

#define TSC_LEAF_CRYSTAL    UINT32_C(0x15)
#define TSC_LEAF_BASE       UINT32_C(0x16)
#define TSC_LEAF_TIMING     UINT32_C(0x40000010)
#define TSC_LEAF_POWER      UINT32_C(0x80000007)
#define TSC_LEAVES_OF_RANGE UINT32_C(0x10000)

#define TSC_HYPERVISOR (UINT32_C(1) << 31) /* leaf 1, ECX */
#define TSC_INVARIANT  (UINT32_C(1) << 8)  /* leaf 0x80000007, EDX */

static struct tsc_cpuid tsc_cpuid_leaf(const struct tsc_ops *ops, uint32_t leaf)
{
    struct tsc_cpuid out;

    out.eax = out.ebx = out.ecx = out.edx = 0;
    (ops->cpuid)(ops->context, leaf, &out);
    return out;
}

/*
 * Whether a leaf is within the maximum that the first leaf of its range gives. A CPU without the
 * range answers with another leaf's contents, which are hardly such a maximum.
 */
static bool tsc_cpuid_has(const struct tsc_ops *ops, uint32_t first, uint32_t leaf)
{
    uint32_t most = tsc_cpuid_leaf(ops, first).eax;

    return most >= leaf && most - first < TSC_LEAVES_OF_RANGE;
}

enum tsc_status tsc_cpuid_crystal(const struct tsc_ops *ops, struct tsc_source *source)
{
    struct tsc_cpuid leaf;

    if (!tsc_cpuid_has(ops, TSC_FIRST_STANDARD, TSC_LEAF_CRYSTAL))
        return tsc_fill(source, TSC_NONE, 0, 0);
    leaf = tsc_cpuid_leaf(ops, TSC_LEAF_CRYSTAL);
    if (leaf.eax == 0 || leaf.ebx == 0 || leaf.ecx == 0)
        return tsc_fill(source, TSC_NO_CRYSTAL, 0, 0);
    return tsc_fill(source, TSC_OK, tsc_scale(leaf.ecx, leaf.ebx, leaf.eax), 1);
}

enum tsc_status tsc_cpuid_base(const struct tsc_ops *ops, struct tsc_source *source)
{
    uint32_t mhz;

    if (!tsc_cpuid_has(ops, TSC_FIRST_STANDARD, TSC_LEAF_BASE))
        return tsc_fill(source, TSC_NONE, 0, 0);
    mhz = tsc_cpuid_leaf(ops, TSC_LEAF_BASE).eax & 0xffff;
    if (mhz == 0)
        return tsc_fill(source, TSC_EMPTY, 0, 0);
    return tsc_fill(source, TSC_OK, mhz * UINT64_C(1000000), TSC_PPM / mhz + 1);
}

enum tsc_status tsc_cpuid_hypervisor(const struct tsc_ops *ops, struct tsc_source *source)
{
    uint32_t khz;

    /* Without the hypervisor bit, these leaves can repeat the last standard one. */
    if (!tsc_cpuid_guest(ops) || !tsc_cpuid_has(ops, TSC_FIRST_HYPERVISOR, TSC_LEAF_TIMING))
        return tsc_fill(source, TSC_NONE, 0, 0);
    khz = tsc_cpuid_leaf(ops, TSC_LEAF_TIMING).eax;
    return khz != 0 ? tsc_source_khz(source, khz) : tsc_fill(source, TSC_EMPTY, 0, 0);
}

bool tsc_cpuid_invariant(const struct tsc_ops *ops)
{
    return tsc_cpuid_has(ops, TSC_FIRST_EXTENDED, TSC_LEAF_POWER) &&
           (tsc_cpuid_leaf(ops, TSC_LEAF_POWER).edx & TSC_INVARIANT) != 0;
}

bool tsc_cpuid_guest(const struct tsc_ops *ops)
{
    return (tsc_cpuid_leaf(ops, 1).ecx & TSC_HYPERVISOR) != 0;
}
