/* SPDX-License-Identifier: 0BSD */
/*
 * Builds page tables: the kernel's own map at start, and the ring-3 address space that holds the
 * clock pages and the time page.
 */
#include "arch/x86/paging.h"
#include "arch/x86/cr.h"
#include "arch/x86/frames.h"
#include <stddef.h>

extern const char syscall32_entry[];
extern const char text_start[], text_end[], rodata_start[], rodata_end[], data_start[], data_end[];

static uint64_t root_frame;

uint64_t kernel_root(void)
{
    return root_frame;
}

static uint64_t *table_at(uint64_t entry)
{
    return phys_to_virt(entry & PAGE_ADDRESS);
}

static unsigned entry_index(uint64_t va, int level)
{
    return va >> (12 + 9 * level) & 511;
}

/*
 * Returns the entry for `va` at `level` (0: 4 KiB, 1: 2 MiB), and makes missing tables above it.
 * Upper entries permit everything; the last one decides.
 */
static uint64_t *entry_at(uint64_t root, uint64_t va, int level, uint64_t user)
{
    uint64_t *table = table_at(root);

    for (int l = 3; l > level; l--) {
        uint64_t *entry = &table[entry_index(va, l)];
        if (!*entry) {
            uint64_t frame = frame_alloc_zeroed();
            if (!frame)
                return NULL;
            *entry = frame | PAGE_PRESENT | PAGE_WRITE | user;
        } else if (*entry & PAGE_LARGE) {
            return NULL;
        }
        table = table_at(*entry);
    }
    return &table[entry_index(va, level)];
}

bool page_map(uint64_t root, uint64_t va, uint64_t pa, uint64_t flags)
{
    uint64_t *entry = entry_at(root, va, 0, flags & PAGE_USER);

    if (!entry || *entry)
        return false;
    *entry = pa | flags | PAGE_PRESENT;
    return true;
}

bool page_map_new(uint64_t root, uint64_t va, unsigned pages, uint64_t flags, bool zeroed)
{
    uint64_t *entry = NULL;

    for (unsigned i = 0; i < pages; i++, va += PAGE_SIZE) {
        entry = entry && entry_index(va, 0) ? entry + 1 : entry_at(root, va, 0, flags & PAGE_USER);
        uint64_t frame = entry && !*entry ? (zeroed ? frame_alloc_zeroed() : frame_alloc()) : 0;
        if (!frame)
            return false;
        *entry = frame | flags | PAGE_PRESENT;
    }
    return true;
}

bool page_reserve(uint64_t root, uint64_t va)
{
    return entry_at(root, va, 0, PAGE_USER) != NULL;
}

void page_unmap(uint64_t root, uint64_t va)
{
    uint64_t *entry = entry_at(root, va, 0, PAGE_USER);

    if (entry)
        *entry = 0;
}

uint64_t page_lookup(uint64_t root, uint64_t va)
{
    uint64_t grant = PAGE_WRITE | PAGE_USER, deny = 0, entry = root;

    for (int level = 3; level >= 0; level--) {
        entry = table_at(entry)[entry_index(va, level)];
        if (!(entry & PAGE_PRESENT))
            return 0;
        grant &= entry;
        deny |= entry & PAGE_NX;
        if (level && entry & PAGE_LARGE) {
            uint64_t within = va & ((1ull << (12 + 9 * level)) - 1) & PAGE_ADDRESS;
            return ((entry & PAGE_ADDRESS & ~PAGE_LARGE) + within) | grant | deny | PAGE_PRESENT;
        }
    }
    return (entry & ~(PAGE_WRITE | PAGE_USER)) | grant | deny;
}

static bool map_range(const char *from, const char *to, uint64_t flags)
{
    for (const char *p = from; p < to; p += PAGE_SIZE) {
        if (!page_map(root_frame, (uint64_t)p, virt_to_phys(p), flags))
            return false;
    }
    return true;
}

bool paging_init(void)
{
    root_frame = frame_alloc_zeroed();
    if (!root_frame)
        return false;

    bool ok = map_range(text_start, text_end, 0) && map_range(rodata_start, rodata_end, PAGE_NX) &&
              map_range(data_start, data_end, PAGE_WRITE | PAGE_NX) &&
              page_map(root_frame, TRAMPOLINE_PHYS, TRAMPOLINE_PHYS, 0);
    for (uint64_t pa = frames_start(); ok && pa < frames_end(); pa += LARGE_PAGE) {
        uint64_t *entry = entry_at(root_frame, pa + KERNEL_OFFSET, 1, 0);
        ok = entry != NULL;
        if (ok)
            *entry = pa | PAGE_WRITE | PAGE_NX | PAGE_LARGE | PAGE_PRESENT;
    }
    if (ok)
        write_cr3(root_frame);
    return ok;
}

uint64_t address_space_create(void)
{
    uint64_t root = frame_alloc_zeroed();

    /* Reserved first: the tables above it are also those of ring 3's pages. */
    if (!root || !page_reserve(root, SYSCALL32_BASE) ||
        !page_map(root, SYSCALL32_BASE, virt_to_phys(syscall32_entry) & PAGE_ADDRESS, 0))
        return 0;
    table_at(root)[511] = table_at(root_frame)[511];
    return root;
}

struct walk {
    struct page_census *census;
    bool user;
};

static void walk(const struct walk *w, uint64_t table, int level, uint64_t grant, uint64_t deny)
{
    const uint64_t *entries = table_at(table);

    for (unsigned i = 0; i < 512; i++) {
        uint64_t entry = entries[i];
        if (!(entry & PAGE_PRESENT))
            continue;
        uint64_t granted = grant & entry, denied = deny | (entry & PAGE_NX);
        if (level && !(entry & PAGE_LARGE)) {
            walk(w, entry, level - 1, granted, denied);
            continue;
        }
        if (!(granted & PAGE_USER) == w->user)
            continue;
        uint64_t pages = 1ull << (9 * level);
        bool writable = granted & PAGE_WRITE, executable = !(denied & PAGE_NX);
        if (writable && executable)
            w->census->writable_executable += pages;
        else if (writable)
            w->census->writable += pages;
        else if (executable)
            w->census->executable += pages;
        else
            w->census->read_only += pages;
    }
}

void page_census(uint64_t root, bool user, struct page_census *census)
{
    *census = (struct page_census){0};
    walk(&(struct walk){census, user}, root, 3, PAGE_WRITE | PAGE_USER, 0);
}
