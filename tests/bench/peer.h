/* SPDX-License-Identifier: 0BSD */
/*
 * Other people's readers, built beside ours: `make bench PEERS=DIR`.
 *
 * Each file DIR/NAME.c, where NAME is a word of C, defines one or both of
 *
 *     uint64_t peer_ns(const void *page);
 *         the time of the clock page now, in ns
 *     void peer_timespec(const void *page, uint64_t base_ns, int64_t out[2]);
 *         base_ns + the same, in seconds and nanoseconds
 *
 * and may include <stdint.h> and <pvclock/abi.h>.  The page is a struct pvclock_vcpu_time_info, 32
 * bytes at an address that is a multiple of 4096, which is STABLE and is not written meanwhile.
 * The TSC is to be read in order (LFENCE; RDTSC or RDTSCP).  The file is compiled by itself with
 * PEER_CFLAGS (-O2), and its functions are called, as ours are in the rows "called".  A reader
 * whose time is not between two of ours is marked.
 */
#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

#include "tests/bench/bench.h"

struct peer {
    const char *name;
    uint64_t (*ns)(const void *page);
    void (*timespec)(const void *page, uint64_t base_ns, int64_t out[2]);
    loop *ns_loop, *timespec_loop;
};

/* Ends with an entry without a name. */
extern const struct peer peers[];

/* The file that lists them is generated: PEER_LOOPS and PEER for each, with its NAME. */
#define PEER_BASE_NS UINT64_C(1700000000123456789)

#define PEER_LOOPS(name)                                                                           \
    uint64_t peer_ns_##name(const void *page) __attribute__((weak));                               \
    void peer_timespec_##name(const void *page, uint64_t base_ns, int64_t out[2])                  \
        __attribute__((weak));                                                                     \
    static LOOP(peer_ns_loop_##name, USE(peer_ns_##name(page));) static LOOP(                      \
        peer_timespec_loop_##name, int64_t out[2]; peer_timespec_##name(page, PEER_BASE_NS, out);  \
        USE_MEMORY(out);)
#define PEER(name)                                                                                 \
    {#name, peer_ns_##name, peer_timespec_##name, peer_ns_loop_##name, peer_timespec_loop_##name},

#endif
