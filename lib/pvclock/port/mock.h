/* SPDX-License-Identifier: 0BSD */
/*
 * Hooks for tests that script the host: before each step a reader calls the script, which may
 * change the page, the TSC and the vCPU, so a test can play every interleaving on one thread.
 *
 * The program defines `struct pvclock_mock pvclock_mock`.  Not for more than one thread.
 */
#ifndef PVCLOCK_PORT_MOCK_H
#define PVCLOCK_PORT_MOCK_H

#include "../abi.h"

enum pvclock_mock_step {
    PVCLOCK_MOCK_LOAD,        /* the version, with acquire */
    PVCLOCK_MOCK_TSC_LFENCE,  /* the TSC, in order */
    PVCLOCK_MOCK_TSC_RDTSCP,  /* the same, and the vCPU */
    PVCLOCK_MOCK_TSC_RELAXED, /* the TSC, in no order */
    PVCLOCK_MOCK_LOAD_AFTER,  /* the version again */
    PVCLOCK_MOCK_STORE,       /* a version, with release */
    PVCLOCK_MOCK_STORE_FENCE,
    PVCLOCK_MOCK_TAKE_BITS,
    PVCLOCK_MOCK_PAUSE,
    PVCLOCK_MOCK_LOAD64,
    PVCLOCK_MOCK_STORE64,
    PVCLOCK_MOCK_CAS64,
    PVCLOCK_MOCK_RDPID,
    PVCLOCK_MOCK_VCPU_WORD,
    PVCLOCK_MOCK_STEPS
};

struct pvclock_mock {
    uint64_t tsc;
    uint32_t aux;
    uint64_t after_tsc; /* the TSC that the last LOAD_AFTER depended on */
    uint64_t word;      /* of the vCPU, for PVCLOCK_VCPU_WORD() */
    unsigned count[PVCLOCK_MOCK_STEPS];
    void (*script)(enum pvclock_mock_step step, const volatile void *address); /* or NULL */
};

extern struct pvclock_mock pvclock_mock;

static inline void pvclock_mock_step(enum pvclock_mock_step step, const volatile void *address)
{
    pvclock_mock.count[step]++;
    if (pvclock_mock.script != 0)
        pvclock_mock.script(step, address);
}

static inline struct pvclock_tsc pvclock_mock_tsc(enum pvclock_mock_step step, uint32_t *aux)
{
    struct pvclock_tsc tsc;

    pvclock_mock_step(step, 0);
    *aux = pvclock_mock.aux;
    tsc.low = (uint32_t)pvclock_mock.tsc;
    tsc.high = pvclock_mock.tsc >> 32;
    return tsc;
}

static inline struct pvclock_tsc pvclock_mock_tsc_without_aux(enum pvclock_mock_step step)
{
    uint32_t aux;

    return pvclock_mock_tsc(step, &aux);
}

static inline uint32_t pvclock_mock_load(enum pvclock_mock_step step, const volatile uint32_t *p,
                                         uint64_t tsc)
{
    if (step == PVCLOCK_MOCK_LOAD_AFTER)
        pvclock_mock.after_tsc = tsc;
    pvclock_mock_step(step, p);
    return *p;
}

static inline void pvclock_mock_store(volatile uint32_t *p, uint32_t value)
{
    pvclock_mock_step(PVCLOCK_MOCK_STORE, p);
    *p = value;
}

static inline uint8_t pvclock_mock_take_bits(volatile uint8_t *p, uint8_t mask)
{
    uint8_t was;

    pvclock_mock_step(PVCLOCK_MOCK_TAKE_BITS, p);
    was = *p;
    *p = (uint8_t)(was & ~mask);
    return was;
}

static inline uint64_t pvclock_mock_load64(const volatile uint64_t *p)
{
    pvclock_mock_step(PVCLOCK_MOCK_LOAD64, p);
    return *p;
}

static inline void pvclock_mock_store64(volatile uint64_t *p, uint64_t value)
{
    pvclock_mock_step(PVCLOCK_MOCK_STORE64, p);
    *p = value;
}

static inline bool pvclock_mock_cas64(volatile uint64_t *p, uint64_t *old, uint64_t value)
{
    pvclock_mock_step(PVCLOCK_MOCK_CAS64, p);
    if (*p != *old) {
        *old = *p;
        return 0;
    }
    *p = value;
    return 1;
}

static inline uint32_t pvclock_mock_rdpid(void)
{
    pvclock_mock_step(PVCLOCK_MOCK_RDPID, 0);
    return pvclock_mock.aux;
}

static inline uint64_t pvclock_mock_vcpu_word(void)
{
    pvclock_mock_step(PVCLOCK_MOCK_VCPU_WORD, 0);
    return pvclock_mock.word;
}

#define PVCLOCK_RDPID()                 pvclock_mock_rdpid()
#define PVCLOCK_TSC_LFENCE()            pvclock_mock_tsc_without_aux(PVCLOCK_MOCK_TSC_LFENCE)
#define PVCLOCK_TSC_RDTSCP(aux)         pvclock_mock_tsc(PVCLOCK_MOCK_TSC_RDTSCP, aux)
#define PVCLOCK_TSC_RELAXED()           pvclock_mock_tsc_without_aux(PVCLOCK_MOCK_TSC_RELAXED)
#define PVCLOCK_LOAD_ACQUIRE(p)         pvclock_mock_load(PVCLOCK_MOCK_LOAD, p, 0)
#define PVCLOCK_LOAD_AFTER(p, tsc)      pvclock_mock_load(PVCLOCK_MOCK_LOAD_AFTER, p, tsc)
#define PVCLOCK_STORE_RELEASE(p, value) pvclock_mock_store(p, value)
#define PVCLOCK_STORE_FENCE()           pvclock_mock_step(PVCLOCK_MOCK_STORE_FENCE, 0)
#define PVCLOCK_TAKE_BITS(p, mask)      pvclock_mock_take_bits(p, mask)
#define PVCLOCK_PAUSE()                 pvclock_mock_step(PVCLOCK_MOCK_PAUSE, 0)
#define PVCLOCK_LOAD64(p)               pvclock_mock_load64(p)
#define PVCLOCK_STORE64(p, value)       pvclock_mock_store64(p, value)
#define PVCLOCK_CAS64(p, old, value)    pvclock_mock_cas64(p, old, value)
/* A program that plays a kernel with words defines this before it includes anything. */
#ifdef PVCLOCK_MOCK_HAS_VCPU_WORD
#define PVCLOCK_VCPU_WORD() pvclock_mock_vcpu_word()
#endif

#endif /* PVCLOCK_PORT_MOCK_H */
