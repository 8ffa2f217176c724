/* SPDX-License-Identifier: 0BSD */
/*
 * Macros that kernels define before they include a library: by the names of attributes, of what one
 * would call a variable, and of instructions.  Whoever uses one of these names does not compile.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#define HOSTILE ) hostile(

#define noinline      HOSTILE
#define always_inline HOSTILE
#define unused        HOSTILE
#define used          HOSTILE
#define packed        HOSTILE
#define aligned       HOSTILE
#define visibility    HOSTILE
#define section       HOSTILE
#define weak          HOSTILE
#define pure          HOSTILE
#define cold          HOSTILE
#define likely        HOSTILE
#define unlikely      HOSTILE
#define barrier       HOSTILE
#define mb            HOSTILE
#define rmb           HOSTILE
#define wmb           HOSTILE

#define page      HOSTILE
#define zero      HOSTILE
#define one       HOSTILE
#define lo        HOSTILE
#define hi        HOSTILE
#define min       HOSTILE
#define max       HOSTILE
#define abs       HOSTILE
#define current   HOSTILE
#define curcpu    HOSTILE
#define curthread HOSTILE
#define small     HOSTILE
#define near      HOSTILE
#define far       HOSTILE
#define interface HOSTILE
#define major     HOSTILE
#define minor     HOSTILE
#define errno     HOSTILE
#define get       HOSTILE
#define wide      HOSTILE
#define u8        HOSTILE
#define u16       HOSTILE
#define u32       HOSTILE
#define u64       HOSTILE
#define u128      HOSTILE
#define s8        HOSTILE
#define s64       HOSTILE

#define ALIGN        HOSTILE
#define BIT          HOSTILE
#define FAST         HOSTILE
#define REAL         HOSTILE
#define KNOWN        HOSTILE
#define SECONDS      HOSTILE
#define TRIES        HOSTILE
#define BRACKETS     HOSTILE
#define NO_FIT       HOSTILE
#define MASK         HOSTILE
#define SHIFT        HOSTILE
#define HZ           HOSTILE
#define PAGE_SIZE    HOSTILE
#define NS_PER_S     HOSTILE
#define NSEC_PER_SEC HOSTILE
#define INLINE       HOSTILE
#define COLD         HOSTILE
#define STATIC       HOSTILE
#define OK           HOSTILE
#define BUSY         HOSTILE
#define PATHS        HOSTILE

#define CLOCK_REALTIME  HOSTILE
#define CLOCK_MONOTONIC HOSTILE
#define CLOCK_UPTIME    HOSTILE
#define CLOCK_SECOND    HOSTILE

/* As calls only: a member of this name may be declared. */
#define cpuid(leaf)             HOSTILE
#define rdmsr(msr, low, high)   HOSTILE
#define wrmsr(msr, low, high)   HOSTILE
#define rdtsc()                 HOSTILE
#define rdtscp(low, high, aux)  HOSTILE
#define pause()                 HOSTILE
#define read(file, buffer, n)   HOSTILE
#define write(file, buffer, n)  HOSTILE
#define swap(a, b)              HOSTILE
#define offsetof(type, member)  HOSTILE
#define static_branch_likely(x) HOSTILE

#ifndef __cplusplus
#define true HOSTILE
#define false HOSTILE
/* What Linux makes of it. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wkeyword-macro"
#endif
#define inline inline __attribute__((__gnu_inline__, __unused__, __no_instrument_function__))
#endif

#endif
