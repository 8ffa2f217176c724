/* SPDX-License-Identifier: 0BSD */
/*
 * /dev/pvclock for the ring-3 process, by FreeBSD's rules: it can be opened and mapped for reading
 * only, page by page, up to the end of the vCPUs' structures.
 *
 * Any vCPU may call any function at any time.  A failure is the negative of an error number of
 * <clockpage/abi.h>.
 */
#ifndef KERNEL_PROCESS_DEVICE_H
#define KERNEL_PROCESS_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * `root`: the process's top page table; `physical`: the structures, on pages that hold nothing
 * else; `bytes`: their size, 0 where there is no kvmclock; `patience`: TSC cycles to wait for a
 * TLB shootdown.  False: no memory for the page tables.
 */
bool pvclock_device_init(uint64_t root, uint64_t physical, uint64_t bytes, uint64_t patience);

/* `path` is an address in the process's memory. */
int64_t pvclock_device_open(uint64_t path, uint64_t flags);
int64_t pvclock_device_close(uint64_t descriptor);
int64_t pvclock_device_map(uint64_t descriptor, uint64_t length, uint64_t protection,
                           uint64_t offset);
int64_t pvclock_device_unmap(uint64_t address, uint64_t length);

/* Closes every descriptor and unmaps all but the first `keep` mappings; while no thread runs. */
void pvclock_device_release_all_but(unsigned keep);

/* Return the number of open descriptors and of mappings, for the check that nothing leaks. */
unsigned pvclock_device_open_count(void);
unsigned pvclock_device_map_count(void);

/*
 * Copy to the process's memory, or a text from it; false if any of it is not the process's, or not
 * writable.  A text longer than size - 1 is cut; *length is then size - 1.
 */
bool process_copy_out(uint64_t to, const void *from, uint64_t length);
bool process_text_in(char *to, uint64_t size, uint64_t from, uint64_t *length);

#endif
