/* SPDX-License-Identifier: 0BSD */
/*
 * What the library needs from the machine. The embedder names a header with
 * -DTIMECOUNTER_PORT_HEADER='"my/port.h"'; the default is port/gcc.h. If a header lacks a hook,
 * the build stops with a message that names it.
 *
 * Pointers are to uintptr_t, which the machine loads and stores whole; CAS64's are to uint64_t.
 */
#ifndef TIMECOUNTER_PORT_H
#define TIMECOUNTER_PORT_H

#ifdef TIMECOUNTER_PORT_HEADER
#include TIMECOUNTER_PORT_HEADER
#else
#include "timecounter/port/gcc.h"
#endif

/* TIMECOUNTER_LOAD(p): loads the word whole; no order. */
#ifndef TIMECOUNTER_LOAD
#error "timecounter: the port header lacks TIMECOUNTER_LOAD(pointer)"
#endif

/* TIMECOUNTER_LOAD_ACQUIRE(p): loads the word; later loads and stores stay after it. */
#ifndef TIMECOUNTER_LOAD_ACQUIRE
#error "timecounter: the port header lacks TIMECOUNTER_LOAD_ACQUIRE(pointer)"
#endif

/* TIMECOUNTER_STORE(p, v): stores the word whole; no order. */
#ifndef TIMECOUNTER_STORE
#error "timecounter: the port header lacks TIMECOUNTER_STORE(pointer, value)"
#endif

/* TIMECOUNTER_STORE_RELEASE(p, v): stores the word; earlier loads and stores stay before it. */
#ifndef TIMECOUNTER_STORE_RELEASE
#error "timecounter: the port header lacks TIMECOUNTER_STORE_RELEASE(pointer, value)"
#endif

/*
 * TIMECOUNTER_FENCE_READ(): earlier loads, *and an earlier read of the counter*, stay before
 * later loads. (On x86 RDTSC may be delayed past a later load: LFENCE.)
 */
#ifndef TIMECOUNTER_FENCE_READ
#error "timecounter: the port header lacks TIMECOUNTER_FENCE_READ()"
#endif

/* TIMECOUNTER_FENCE_WRITE(): earlier stores stay before later stores. */
#ifndef TIMECOUNTER_FENCE_WRITE
#error "timecounter: the port header lacks TIMECOUNTER_FENCE_WRITE()"
#endif

/*
 * TIMECOUNTER_FENCE_FULL(): earlier stores are visible to every CPU before any later load or read
 * of the counter. (On x86: MFENCE; LFENCE.)
 */
#ifndef TIMECOUNTER_FENCE_FULL
#error "timecounter: the port header lacks TIMECOUNTER_FENCE_FULL()"
#endif

/*
 * TIMECOUNTER_CAS64(p, expected, v): if *p is *expected, stores v and returns true; otherwise
 * sets *expected to *p and returns false. Sequentially consistent. (A machine without such an
 * instruction does it with all interrupts off, on one CPU.)
 */
#ifndef TIMECOUNTER_CAS64
#error "timecounter: the port header lacks TIMECOUNTER_CAS64(pointer, expected, value)"
#endif

#endif
