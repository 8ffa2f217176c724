/* SPDX-License-Identifier: 0BSD */
/*
 * What the library needs from the machine and the compiler: a header of macros that the embedder
 * chooses with -DPVCLOCK_PORT_HEADER='"my_port.h"'.  The default is the port for GCC and Clang on
 * x86.  A missing hook is a compile error that names it.
 *
 *   PVCLOCK_TSC_LFENCE()      struct pvclock_tsc: the TSC, read after every earlier load is done
 *                             (LFENCE; RDTSC).  Earlier stores need not be visible yet.
 *   PVCLOCK_TSC_RDTSCP(aux)   the same with RDTSCP; *aux (uint32_t *) gets that vCPU's IA32_TSC_AUX
 *   PVCLOCK_TSC_RELAXED()     the TSC, in no order at all (RDTSC)
 *   PVCLOCK_LOAD_ACQUIRE(p)   uint32_t: *p, before every later load
 *   PVCLOCK_LOAD_AFTER(p, t)  uint32_t: *p, after every earlier load and not before t (the low half
 *                             of a TSC) is known
 *   PVCLOCK_STORE_RELEASE(p, v)  *p = v (uint32_t), after every earlier store
 *   PVCLOCK_STORE_FENCE()     orders every earlier store before every later one
 *   PVCLOCK_TAKE_BITS(p, m)   uint8_t: *p &= ~m, atomically, on one byte; returns the old value
 *   PVCLOCK_PAUSE()           the hint for a spin loop
 *
 * Optional, needed by guard.h and clock.h only:
 *   PVCLOCK_LOAD64(p), PVCLOCK_STORE64(p, v)   64 bits that are never torn, acquire and release
 *   PVCLOCK_CAS64(p, old, new)  bool: if *p == *old, *p = new; else *old = *p; a full fence
 *   PVCLOCK_RDPID()           uint32_t: the running vCPU's IA32_TSC_AUX
 *   PVCLOCK_VCPU_WORD()       uint64_t, where the kernel keeps one for each vCPU: the number of the
 *                             vCPU that runs this in the low 32 bits; above it a number that the
 *                             kernel changes whenever it puts a thread on that vCPU.  One load,
 *                             after every earlier load and before every later one.
 */
#ifndef PVCLOCK_PORT_H
#define PVCLOCK_PORT_H

#include "abi.h"

#ifdef PVCLOCK_PORT_HEADER
#include PVCLOCK_PORT_HEADER
#else
#include "port/gcc_x86.h"
#endif

#ifndef PVCLOCK_TSC_LFENCE
#error "the pvclock port header does not define PVCLOCK_TSC_LFENCE()"
#endif
#ifndef PVCLOCK_TSC_RDTSCP
#error "the pvclock port header does not define PVCLOCK_TSC_RDTSCP(aux)"
#endif
#ifndef PVCLOCK_TSC_RELAXED
#error "the pvclock port header does not define PVCLOCK_TSC_RELAXED()"
#endif
#ifndef PVCLOCK_LOAD_ACQUIRE
#error "the pvclock port header does not define PVCLOCK_LOAD_ACQUIRE(p)"
#endif
#ifndef PVCLOCK_LOAD_AFTER
#error "the pvclock port header does not define PVCLOCK_LOAD_AFTER(p, tsc)"
#endif
#ifndef PVCLOCK_STORE_RELEASE
#error "the pvclock port header does not define PVCLOCK_STORE_RELEASE(p, value)"
#endif
#ifndef PVCLOCK_STORE_FENCE
#error "the pvclock port header does not define PVCLOCK_STORE_FENCE()"
#endif
#ifndef PVCLOCK_TAKE_BITS
#error "the pvclock port header does not define PVCLOCK_TAKE_BITS(p, mask)"
#endif
#ifndef PVCLOCK_PAUSE
#error "the pvclock port header does not define PVCLOCK_PAUSE()"
#endif

#endif /* PVCLOCK_PORT_H */
