/* SPDX-License-Identifier: 0BSD */
/*
 * Looks up function names for the backtraces of panic.c, in the table that tools/ksyms generates.
 */
#include "base/ksyms.h"
#include <stddef.h>

extern const char kernel_base[], text_start[], text_end[];
extern const uint32_t ksyms_count, ksyms_addr[], ksyms_name[];
extern const char ksyms_strings[];

const char *ksyms_lookup(uint64_t address, uint64_t *offset)
{
    if (address < (uint64_t)text_start || address >= (uint64_t)text_end || ksyms_count == 0)
        return NULL;
    uint32_t wanted = (uint32_t)(address - (uint64_t)kernel_base);
    uint32_t low = 0, high = ksyms_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (ksyms_addr[middle] <= wanted)
            low = middle;
        else
            high = middle;
    }
    if (ksyms_addr[low] > wanted)
        return NULL;
    *offset = wanted - ksyms_addr[low];
    return ksyms_strings + ksyms_name[low];
}
