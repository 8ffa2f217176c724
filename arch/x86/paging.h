/* SPDX-License-Identifier: 0BSD */
/*
 * Page tables: 4 levels of 4-KiB pages, and the kernel's own map, in which no page is both writable
 * and executable [Intel SDM vol. 3A, 4.5].
 */
#ifndef ARCH_X86_PAGING_H
#define ARCH_X86_PAGING_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_PRESENT (1ull << 0)
#define PAGE_WRITE   (1ull << 1)
#define PAGE_USER    (1ull << 2)
#define PAGE_PWT     (1ull << 3)
#define PAGE_PCD     (1ull << 4)
#define PAGE_LARGE   (1ull << 7)
#define PAGE_NX      (1ull << 63)
#define PAGE_ADDRESS 0x000ffffffffff000ull

/* Registers of a device: uncached, never executed. */
#define PAGE_DEVICE (PAGE_WRITE | PAGE_NX | PAGE_PCD | PAGE_PWT)

/* Build the kernel's map of image, pool and trampoline and switch to it.  False: no memory. */
bool paging_init(void);

/* Physical address of the kernel's top table. */
uint64_t kernel_root(void);

/* A top table of its own that shares the kernel's half; 0 when there is no memory. */
uint64_t address_space_create(void);

/*
 * Map one page of the space with top table `root` (physical); `flags` without PAGE_PRESENT.  False
 * when there is no memory, or the page is mapped already.
 */
bool page_map(uint64_t root, uint64_t va, uint64_t pa, uint64_t flags);

/*
 * Map this many pages from `va` on, each to a frame of its own, which is zeroed where `zeroed` asks
 * for it; as page_map().  One walk for each 2 MiB: a host that emulates ring 0 takes its time.
 */
bool page_map_new(uint64_t root, uint64_t va, unsigned pages, uint64_t flags, bool zeroed);

/*
 * Make the tables above this page, so that mapping it later needs no memory; false: there is none.
 */
bool page_reserve(uint64_t root, uint64_t va);

/* Take a page's mapping away; the TLBs are the caller's to flush. */
void page_unmap(uint64_t root, uint64_t va);

/* The entry that maps `va` (its address and flags, those of upper levels folded in), or 0. */
uint64_t page_lookup(uint64_t root, uint64_t va);

/* What a walk over a whole address space counts, a large page as the pages it covers. */
struct page_census {
    uint64_t read_only, executable, writable; /* exclusive: r--, r-x, rw- */
    uint64_t writable_executable;             /* must be 0 */
};

/* Count the pages that ring 3 can reach (`user`), or those that it cannot. */
void page_census(uint64_t root, bool user, struct page_census *census);

#endif
