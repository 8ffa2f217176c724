/* SPDX-License-Identifier: 0BSD */
/* The hooks of port.h for GCC and Clang on x86, 32 and 64 bits, in rings 0 and 3. */
#ifndef PVCLOCK_PORT_GCC_X86_H
#define PVCLOCK_PORT_GCC_X86_H

#include "../abi.h"

#define PVCLOCK_PORT_INLINE static inline __attribute__((__always_inline__, __unused__))

/* RDTSC clears the upper halves of RAX and RDX: using the whole registers saves an instruction. */
#ifdef __x86_64__
typedef uint64_t pvclock_port_half;
#else
typedef uint32_t pvclock_port_half;
#endif

/* LFENCE keeps later instructions from starting before the earlier ones are done [5][6]. */
PVCLOCK_PORT_INLINE struct pvclock_tsc pvclock_port_tsc_lfence(void)
{
    pvclock_port_half low, high;
    struct pvclock_tsc tsc;

    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
    tsc.low = low;
    tsc.high = high;
    return tsc;
}

/* RDTSCP waits for earlier loads, but later loads may pass it; LOAD_AFTER orders those [5]. */
PVCLOCK_PORT_INLINE struct pvclock_tsc pvclock_port_tsc_rdtscp(uint32_t *aux)
{
    pvclock_port_half low, high;
    struct pvclock_tsc tsc;

    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(*aux) : : "memory");
    tsc.low = low;
    tsc.high = high;
    return tsc;
}

PVCLOCK_PORT_INLINE struct pvclock_tsc pvclock_port_tsc_relaxed(void)
{
    pvclock_port_half low, high;
    struct pvclock_tsc tsc;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    tsc.low = low;
    tsc.high = high;
    return tsc;
}

/* x86 keeps loads in order, and stores in order [5]: this restrains only the compiler. */
PVCLOCK_PORT_INLINE uint32_t pvclock_port_load_acquire(const volatile uint32_t *p)
{
    uint32_t value = *p;

    __asm__ volatile("" : : : "memory");
    return value;
}

/*
 * The address depends on the TSC, so the load cannot start before the TSC is known: about one
 * cycle, compared with sixteen for a trailing LFENCE.  AND with 0 is not a zeroing idiom; XOR
 * would be.  Where there is no TSC to wait for, a constant 0, any load will do.
 */
PVCLOCK_PORT_INLINE uint32_t pvclock_port_load_after(const volatile uint32_t *p, uint64_t tsc)
{
    uintptr_t masked = (uintptr_t)tsc;
    uint32_t value;

    if (__builtin_constant_p(tsc) && tsc == 0) {
        __asm__ volatile("" : : : "memory");
        return pvclock_port_load_acquire(p);
    }
    __asm__ volatile("and $0, %k1\n\tmov (%2,%1), %0"
                     : "=r"(value), "+&r"(masked)
                     : "r"(p)
                     : "cc", "memory");
    return value;
}

PVCLOCK_PORT_INLINE void pvclock_port_store_release(volatile uint32_t *p, uint32_t value)
{
    __asm__ volatile("" : : : "memory");
    *p = value;
}

/* RDPID: the same number as RDTSCP's, without the TSC; in no order, but as precise as any other. */
PVCLOCK_PORT_INLINE uint32_t pvclock_port_rdpid(void)
{
    pvclock_port_half aux;

    __asm__ volatile("rdpid %0" : "=r"(aux) : : "memory");
    return (uint32_t)aux;
}

/*
 * The vCPU's word, where the embedder says which memory operand it is, such as "%%gs:0" with GS
 * kept at the running vCPU's, or "%%fs:64".  i386 cannot load 64 bits at once.
 */
#if defined(PVCLOCK_VCPU_WORD_AT) && defined(__x86_64__)
PVCLOCK_PORT_INLINE uint64_t pvclock_port_vcpu_word(void)
{
    uint64_t word;

    __asm__ volatile("movq " PVCLOCK_VCPU_WORD_AT ", %0" : "=r"(word) : : "memory");
    return word;
}
#define PVCLOCK_VCPU_WORD() pvclock_port_vcpu_word()
#endif

#define PVCLOCK_RDPID()                 pvclock_port_rdpid()
#define PVCLOCK_TSC_LFENCE()            pvclock_port_tsc_lfence()
#define PVCLOCK_TSC_RDTSCP(aux)         pvclock_port_tsc_rdtscp(aux)
#define PVCLOCK_TSC_RELAXED()           pvclock_port_tsc_relaxed()
#define PVCLOCK_LOAD_ACQUIRE(p)         pvclock_port_load_acquire(p)
#define PVCLOCK_LOAD_AFTER(p, tsc)      pvclock_port_load_after(p, tsc)
#define PVCLOCK_STORE_RELEASE(p, value) pvclock_port_store_release(p, value)
#define PVCLOCK_STORE_FENCE()           __asm__ volatile("" : : : "memory")
#define PVCLOCK_TAKE_BITS(p, mask)                                                                 \
    __atomic_fetch_and((p), (uint8_t)(~(unsigned)(mask)), __ATOMIC_ACQ_REL)
#define PVCLOCK_PAUSE() __asm__ volatile("pause" : : : "memory")

#ifdef __x86_64__
#define PVCLOCK_LOAD64(p)         __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define PVCLOCK_STORE64(p, value) __atomic_store_n((p), (value), __ATOMIC_RELEASE)
#define PVCLOCK_CAS64(p, old, value)                                                               \
    __atomic_compare_exchange_n((p), (old), (value), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#else
/* Without the FPU, i386 has one instruction that accesses 64 bits at once: LOCK CMPXCHG8B. */
PVCLOCK_PORT_INLINE bool pvclock_port_cas64(volatile uint64_t *p, uint64_t *old, uint64_t value)
{
    uint64_t seen = *old;
    bool done;

    __asm__ volatile("lock cmpxchg8b %1\n\tsete %0"
                     : "=q"(done), "+m"(*p), "+A"(seen)
                     : "b"((uint32_t)value), "c"((uint32_t)(value >> 32))
                     : "cc", "memory");
    *old = seen;
    return done;
}

PVCLOCK_PORT_INLINE uint64_t pvclock_port_load64(const volatile uint64_t *p)
{
    uint64_t seen = 0;

    (void)pvclock_port_cas64((volatile uint64_t *)(uintptr_t)p, &seen, 0);
    return seen;
}

PVCLOCK_PORT_INLINE void pvclock_port_store64(volatile uint64_t *p, uint64_t value)
{
    uint64_t seen = 0;

    while (!pvclock_port_cas64(p, &seen, value))
        ;
}

#define PVCLOCK_LOAD64(p)            pvclock_port_load64(p)
#define PVCLOCK_STORE64(p, value)    pvclock_port_store64(p, value)
#define PVCLOCK_CAS64(p, old, value) pvclock_port_cas64(p, old, value)
#endif

#endif /* PVCLOCK_PORT_GCC_X86_H */
