/* SPDX-License-Identifier: 0BSD */
/*
 * Copies what the loader left in memory (command line, memory map, RSDP) before the kernel
 * switches to its own page tables.
 */
#include <clockpage/bootinfo.h>

struct bootinfo boot;

/* What the boot page tables map; and far more than any loader leaves. */
#define MAPPED             (1ull << 32)
#define MULTIBOOT2_LARGEST (1u << 20)
#define PVH_ENTRIES_MOST   4096u

/* Whether all of this may be read; address 0 is where a loader that has none points. */
static bool can_read(uint64_t pa, uint64_t length)
{
    return pa != 0 && pa < MAPPED && length <= MAPPED - pa;
}

static const void *physical(uint64_t pa)
{
    return (const void *)(uintptr_t)pa;
}

/* Copies at most `size` - 1 bytes and adds a 0; false if there were more. */
static bool copy_text(char *to, size_t size, const char *from, size_t length)
{
    size_t n = 0;

    while (n < length && n + 1 < size && from[n]) {
        to[n] = from[n];
        n++;
    }
    to[n] = 0;
    return n == length || !from[n];
}

static void add_range(struct bootinfo *info, uint64_t start, uint64_t length, uint32_t type)
{
    enum { USABLE = 1 };

    /* A range that goes on past the last address ends there. */
    if (length > UINT64_MAX - start)
        length = UINT64_MAX - start;
    if (type == USABLE && length > 0 && info->range_count < BOOT_RANGES)
        info->ranges[info->range_count++] = (struct memory_range){start, length};
}

struct multiboot2_tag {
    uint32_t type, size;
};

struct multiboot2_memory {
    struct multiboot2_tag tag;
    uint32_t entry_size, entry_version;
};

struct multiboot2_range {
    uint64_t start, length;
    uint32_t type, reserved;
};

static void read_multiboot2(uint32_t address, struct bootinfo *info)
{
    enum { END = 0, COMMAND_LINE = 1, LOADER_NAME = 2, MEMORY = 6, ACPI_OLD = 14, ACPI_NEW = 15 };

    info->protocol = "multiboot2";
    if (!can_read(address, 8)) {
        info->error = "the multiboot2 information is not below 4 GiB";
        return;
    }
    const uint32_t total = *(const uint32_t *)physical(address);
    if (total > MULTIBOOT2_LARGEST || !can_read(address, total)) {
        info->error =
            "the multiboot2 information is larger than 1 MiB, or does not end below 4 GiB";
        return;
    }
    for (uint32_t at = 8; at + sizeof(struct multiboot2_tag) <= total;) {
        const struct multiboot2_tag *tag = physical((uint64_t)address + at);
        const char *body = (const char *)(tag + 1);
        if (tag->type == END)
            return;
        if (tag->size < sizeof(*tag) || tag->size > total - at)
            break;
        uint32_t length = tag->size - (uint32_t)sizeof(*tag);
        switch (tag->type) {
        case COMMAND_LINE:
            info->command_line_cut =
                !copy_text(info->command_line, sizeof(info->command_line), body, length);
            break;
        case LOADER_NAME:
            (void)copy_text(info->loader, sizeof(info->loader), body, length);
            break;
        case MEMORY: {
            const struct multiboot2_memory *map = (const void *)tag;
            if (tag->size < sizeof(*map) || map->entry_size < sizeof(struct multiboot2_range) ||
                map->entry_size % 8)
                break;
            for (uint32_t i = sizeof(*map); map->entry_size <= tag->size - i;
                 i += map->entry_size) {
                const struct multiboot2_range *r = (const void *)((const char *)tag + i);
                add_range(info, r->start, r->length, r->type);
            }
            break;
        }
        case ACPI_OLD:
        case ACPI_NEW:
            /* A copy of the RSDP; the newer one wins. */
            if (tag->type == ACPI_NEW || !info->rsdp)
                info->rsdp = (uint64_t)(uintptr_t)body;
            break;
        default:
            break;
        }
        at += (tag->size + 7) & ~7u;
    }
    info->error = "the multiboot2 information does not end where it says";
}

struct pvh_start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, rsdp, memory_map;
    uint32_t memory_map_entries, reserved;
};

struct pvh_range {
    uint64_t start, length;
    uint32_t type, reserved;
};

_Static_assert(sizeof(struct pvh_start_info) == 56, "start_info version 1 has 56 bytes");
_Static_assert(offsetof(struct pvh_start_info, rsdp) == 32, "ABI");
_Static_assert(sizeof(struct pvh_range) == 24, "a PVH memory map entry has 24 bytes");

static void read_pvh(uint32_t address, struct bootinfo *info)
{
    const struct pvh_start_info *start = physical(address);

    info->protocol = "PVH";
    if (!can_read(address, sizeof(*start))) {
        info->error = "the PVH start information is not below 4 GiB";
        return;
    }
    if (start->magic != 0x336ec578) {
        info->error = "the PVH start information has the wrong magic number";
        return;
    }
    if (start->command_line && !can_read(start->command_line, 1)) {
        info->error = "the PVH command line is not below 4 GiB";
        return;
    }
    if (start->command_line)
        info->command_line_cut =
            !copy_text(info->command_line, sizeof(info->command_line),
                       physical(start->command_line), MAPPED - start->command_line);
    info->rsdp = start->rsdp;
    if (start->version < 1 || !start->memory_map) {
        info->error = "the PVH start information has no memory map";
        return;
    }
    if (start->memory_map_entries > PVH_ENTRIES_MOST ||
        !can_read(start->memory_map, start->memory_map_entries * sizeof(struct pvh_range))) {
        info->error = "the PVH memory map has more than 4096 entries, or is not below 4 GiB";
        return;
    }
    const struct pvh_range *map = physical(start->memory_map);
    for (uint32_t i = 0; i < start->memory_map_entries; i++)
        add_range(info, map[i].start, map[i].length, map[i].type);
}

bool bootinfo_is_usable(const struct bootinfo *info, uint64_t start, uint64_t length)
{
    for (unsigned i = 0; i < info->range_count; i++) {
        const struct memory_range *r = &info->ranges[i];
        if (r->start <= start && start - r->start < r->length &&
            length <= r->length - (start - r->start))
            return true;
    }
    return false;
}

void bootinfo_read(uint32_t protocol, uint32_t address, struct bootinfo *info)
{
    info->protocol = "unknown";
    if (protocol == BOOT_MULTIBOOT2)
        read_multiboot2(address, info);
    else if (protocol == BOOT_PVH)
        read_pvh(address, info);
    else
        info->error = "started neither by a multiboot2 loader nor as PVH";
    if (!info->error && info->range_count == 0)
        info->error = "the memory map has no usable range";
}
