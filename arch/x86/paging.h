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

/* For device registers: uncached, not executable. */
#define PAGE_DEVICE (PAGE_WRITE | PAGE_NX | PAGE_PCD | PAGE_PWT)

/* Builds the kernel's map of image, pool and trampoline and switches to it.  False: no memory. */
bool paging_init(void);

/* Returns the physical address of the kernel's top table. */
uint64_t kernel_root(void);

/*
 * Creates an address space that shares the kernel's half and has its entry at SYSCALL32_BASE, and
 * returns its top table; 0: no memory.
 */
uint64_t address_space_create(void);

/*
 * Maps one page in the space with top table `root` (physical); `flags` without PAGE_PRESENT.
 * False if there is no memory, or the page is mapped already.
 */
bool page_map(uint64_t root, uint64_t va, uint64_t pa, uint64_t flags);

/*
 * Maps this many pages from `va` on, each to a new frame, which is zeroed if `zeroed` is set;
 * otherwise as page_map().  It walks the tables once for each 2 MiB, since a host that emulates
 * ring 0 is slow.
 */
bool page_map_new(uint64_t root, uint64_t va, unsigned pages, uint64_t flags, bool zeroed);

/* Makes the tables above this page, so that mapping it later needs no memory; false: no memory. */
bool page_reserve(uint64_t root, uint64_t va);

/* Removes a page's mapping; the caller must flush the TLBs. */
void page_unmap(uint64_t root, uint64_t va);

/*
 * Returns the entry that maps `va` (its address and flags, combined with those of upper levels),
 * or 0.
 */
uint64_t page_lookup(uint64_t root, uint64_t va);

/* Counts of a walk over a whole address space; a large page counts as the pages it covers. */
struct page_census {
    uint64_t read_only, executable, writable; /* exclusive: r--, r-x, rw- */
    uint64_t writable_executable;             /* must be 0 */
};

/* Counts the pages that ring 3 can reach (`user`), or those that it cannot. */
void page_census(uint64_t root, bool user, struct page_census *census);

#endif
