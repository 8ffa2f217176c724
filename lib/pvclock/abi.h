/* SPDX-License-Identifier: 0BSD */
/*
 * The ABI of the paravirtual clock page: what KVM (and Xen) write and a guest reads.
 *
 * The constants can be used from assembly; the structures from C11 and C++17, 32 and 64 bits.
 *
 * References, cited by number in this library:
 *   [1] Linux, Documentation/virt/kvm/x86/msr.rst: MSR_KVM_WALL_CLOCK_NEW, MSR_KVM_SYSTEM_TIME_NEW.
 *   [2] Linux, Documentation/virt/kvm/x86/cpuid.rst: the hypervisor's leaves.
 *   [3] Linux, Documentation/virt/kvm/api.rst: KVM_KVMCLOCK_CTRL.
 *   [4] Xen, public/xen.h: struct vcpu_time_info, the same 32 bytes.
 *   [5] Intel SDM, volume 2: LFENCE, RDTSC, RDTSCP, RDPID; volume 3: 9.2 memory ordering.
 *   [6] AMD APM, volume 2: 7.6.4 serializing LFENCE; volume 3: RDTSC, RDTSCP.
 */
#ifndef PVCLOCK_ABI_H
#define PVCLOCK_ABI_H

/*
 * A kernel that has the two structures already, by the names below, names the header that declares
 * them with -DPVCLOCK_ABI_HEADER='<asm/pvclock-abi.h>'; its offsets are checked at the end.  It may
 * declare its pages volatile: the library's pointers are to volatile.
 */
#ifndef __ASSEMBLER__
#include "types.h"
#ifdef PVCLOCK_ABI_HEADER
#include PVCLOCK_ABI_HEADER
#endif
#endif

/*
 * MSRs [1].  A system-time MSR takes the physical address of a pvclock_vcpu_time_info, 4-byte
 * aligned, with bit 0 as enable; 0 stops the updates and leaves the last contents.  A wall-clock
 * MSR takes the address of a pvclock_wall_clock and fills it once, in that write.  Writing a
 * member of the old pair can cost the whole machine its STABLE flag: prefer the new pair.
 */
#define PVCLOCK_MSR_WALL_CLOCK_OLD  0x11
#define PVCLOCK_MSR_SYSTEM_TIME_OLD 0x12
#define PVCLOCK_MSR_WALL_CLOCK      0x4b564d00
#define PVCLOCK_MSR_SYSTEM_TIME     0x4b564d01
#define PVCLOCK_MSR_ENABLE          1

/*
 * CPUID [2].  EBX, ECX and EDX of a leaf between BASE_FIRST and BASE_LAST, in steps of BASE_STEP,
 * hold "KVMKVMKVM\0\0\0"; EAX is the highest leaf, and 0 means base + 1.  The features are in EAX
 * of base + 1.  EAX of base + 0x10, where that leaf exists, is the TSC frequency in kHz.
 */
#define PVCLOCK_CPUID_BASE_FIRST    0x40000000
#define PVCLOCK_CPUID_BASE_LAST     0x4000ff00
#define PVCLOCK_CPUID_BASE_STEP     0x100
#define PVCLOCK_CPUID_SIGNATURE_EBX 0x4b4d564b
#define PVCLOCK_CPUID_SIGNATURE_ECX 0x564b4d56
#define PVCLOCK_CPUID_SIGNATURE_EDX 0x0000004d
#define PVCLOCK_CPUID_FEATURES      0x1
#define PVCLOCK_CPUID_TIMING        0x10
#define PVCLOCK_FEATURE_CLOCK_OLD   (1 << 0)  /* MSRs 0x11 and 0x12 */
#define PVCLOCK_FEATURE_CLOCK       (1 << 3)  /* MSRs 0x4b564d00 and 0x4b564d01 */
#define PVCLOCK_FEATURE_TSC_STABLE  (1 << 24) /* PVCLOCK_FLAG_TSC_STABLE is valid */

/*
 * Flags of pvclock_vcpu_time_info [1].
 * TSC_STABLE: all vCPUs' pages follow one clock.  It is valid only if the CPUID feature bit is set
 * AND the page has the flag.  It does not make one page enough: the host writes each page when its
 * own vCPU enters the guest, so after a pause another vCPU's page is old for a moment, and its time
 * is ahead by the length of the pause.  Each vCPU reads its own.
 * GUEST_STOPPED [3]: the host paused the guest.  The host preserves the bit when it updates the
 * page; the guest must clear it.
 */
#ifndef PVCLOCK_FLAG_TSC_STABLE /* FreeBSD has it as well */
#define PVCLOCK_FLAG_TSC_STABLE (1 << 0)
#endif
#define PVCLOCK_FLAG_GUEST_STOPPED (1 << 1)

/* Sizes and offsets, for assembly. */
#define PVCLOCK_TIME_INFO_SIZE        32
#define PVCLOCK_TIME_INFO_VERSION     0
#define PVCLOCK_TIME_INFO_TIMESTAMP   8
#define PVCLOCK_TIME_INFO_SYSTEM_TIME 16
#define PVCLOCK_TIME_INFO_MUL         24
#define PVCLOCK_TIME_INFO_SHIFT       28
#define PVCLOCK_TIME_INFO_FLAGS       29
#define PVCLOCK_WALL_CLOCK_SIZE       12

/* The host ignores a structure that crosses a multiple of this many bytes, without an error. */
#define PVCLOCK_PAGE_SIZE 4096

#ifndef __ASSEMBLER__

#ifndef PVCLOCK_ABI_HEADER

/*
 * One per vCPU, written by the host.
 *
 * The version protocol (a seqlock): the host makes `version` odd, writes the fields, and makes it
 * even again.  A reader loads an even version, reads the fields AND the TSC, loads the version
 * again, and may use what it read only if the two versions are equal.  Two equal odd versions
 * prove nothing.  Version 0 with a multiplier of 0 is a page that was never written; version 0
 * with a nonzero multiplier is a version that wrapped.
 *
 * The time, in ns of the host's clock since an origin of the host's choice:
 *
 *     delta = tsc - tsc_timestamp                                     in cycles
 *     delta = tsc_shift < 0 ? delta >> -tsc_shift : delta << tsc_shift
 *     ns    = system_time + (delta * tsc_to_system_mul >> 32)         the product has 96 bits
 *
 * A negative shift drops bits before the multiplication; this is part of the ABI, since the host
 * computes the same.
 */
struct pvclock_vcpu_time_info {
    uint32_t version;
    uint32_t pad0;
    uint64_t tsc_timestamp; /* the TSC value that system_time belongs to */
    uint64_t system_time;   /* ns */
    uint32_t tsc_to_system_mul;
    int8_t tsc_shift;
    uint8_t flags;
    uint8_t pad[2];
};

/*
 * The date at which system time was 0: date now = this + system time.  The host fills it only
 * when its MSR is written, so it is stale after a pause, a restore or a step of the host's clock.
 */
struct pvclock_wall_clock {
    uint32_t version;
    uint32_t sec; /* since 1970-01-01, modulo 2^32, which is 2106-02-07 */
    uint32_t nsec;
};
#endif /* PVCLOCK_ABI_HEADER */

/*
 * A TSC value, (high << 32) + low.  RDTSC returns two halves, and joining them after a subtraction
 * makes the dependency chain one step shorter than joining them first.  A port may put the whole
 * value in low.
 */
struct pvclock_tsc {
    uint64_t low, high;
};

/* A kernel may have its own offsetof(), which is no constant expression everywhere. */
#ifdef __GNUC__
#define PVCLOCK_OFFSETOF(type, member) __builtin_offsetof(type, member)
#else
#define PVCLOCK_OFFSETOF(type, member) offsetof(type, member)
#endif

#ifdef __cplusplus
#define PVCLOCK_STATIC_ASSERT(cond, text) static_assert(cond, text)
#else
#define PVCLOCK_STATIC_ASSERT(cond, text) _Static_assert(cond, text)
#endif

#define PVCLOCK_ASSERT_OFFSET(member, offset)                                                      \
    PVCLOCK_STATIC_ASSERT(PVCLOCK_OFFSETOF(struct pvclock_vcpu_time_info, member) == (offset),     \
                          "pvclock_vcpu_time_info." #member " is not where the host writes it")
PVCLOCK_ASSERT_OFFSET(version, PVCLOCK_TIME_INFO_VERSION);
PVCLOCK_ASSERT_OFFSET(tsc_timestamp, PVCLOCK_TIME_INFO_TIMESTAMP);
PVCLOCK_ASSERT_OFFSET(system_time, PVCLOCK_TIME_INFO_SYSTEM_TIME);
PVCLOCK_ASSERT_OFFSET(tsc_to_system_mul, PVCLOCK_TIME_INFO_MUL);
PVCLOCK_ASSERT_OFFSET(tsc_shift, PVCLOCK_TIME_INFO_SHIFT);
PVCLOCK_ASSERT_OFFSET(flags, PVCLOCK_TIME_INFO_FLAGS);
PVCLOCK_STATIC_ASSERT(sizeof(struct pvclock_vcpu_time_info) == PVCLOCK_TIME_INFO_SIZE,
                      "pvclock_vcpu_time_info is 32 bytes");
PVCLOCK_STATIC_ASSERT(sizeof(struct pvclock_wall_clock) == PVCLOCK_WALL_CLOCK_SIZE,
                      "pvclock_wall_clock is 12 bytes");
PVCLOCK_STATIC_ASSERT(PVCLOCK_OFFSETOF(struct pvclock_wall_clock, sec) == 4 &&
                          PVCLOCK_OFFSETOF(struct pvclock_wall_clock, nsec) == 8,
                      "pvclock_wall_clock is version, sec, nsec");

#endif /* __ASSEMBLER__ */
#endif /* PVCLOCK_ABI_H */
