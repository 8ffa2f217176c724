/* SPDX-License-Identifier: 0BSD */
/* Reads the list of vCPUs from the MP table, for firmware without a usable ACPI MADT. */
#include "arch/x86/mptable.h"
#include <stddef.h>

enum { FLOATING = 16, HEADER = 44, PROCESSOR = 0, PROCESSOR_SIZE = 20, OTHER_SIZE = 8, USABLE = 1 };

static bool sums_to_zero(const uint8_t *p, unsigned length)
{
    unsigned sum = 0;

    while (length--)
        sum += *p++;
    return (sum & 0xff) == 0;
}

static uint32_t get(const uint8_t *p, unsigned bytes)
{
    uint32_t value = 0;

    while (bytes--)
        value = value << 8 | p[bytes];
    return value;
}

/*
 * Returns the physical address of the configuration table that a floating pointer in [from, to)
 * names, or 0.
 */
static uint32_t find(acpi_map map, uint64_t from, uint64_t to)
{
    for (uint64_t pa = from; pa + FLOATING <= to; pa += 16) {
        const uint8_t *p = map(pa, FLOATING);
        if (p && p[0] == '_' && p[1] == 'M' && p[2] == 'P' && p[3] == '_' &&
            sums_to_zero(p, FLOATING))
            return get(p + 4, 4);
    }
    return 0;
}

static void refuse(struct firmware_facts *facts, const char *reason)
{
    if (facts->bad_reason)
        return;
    for (unsigned i = 0; i < 4; i++)
        facts->bad_table[i] = "PCMP"[i];
    facts->bad_reason = reason;
}

void mptable_read(acpi_map map, struct firmware_facts *facts)
{
    const uint8_t *segment = map(0x40e, 2);
    uint64_t ebda = segment ? (uint64_t)get(segment, 2) << 4 : 0;
    uint32_t pa = ebda ? find(map, ebda, ebda + 1024) : 0;

    if (!pa)
        pa = find(map, 639 * 1024, 640 * 1024);
    if (!pa)
        pa = find(map, 0xf0000, 0x100000);
    if (!pa)
        return;
    const uint8_t *table = map(pa, HEADER);
    if (!table || table[0] != 'P' || table[1] != 'C' || table[2] != 'M' || table[3] != 'P') {
        refuse(facts, "it is not where its pointer says");
        return;
    }
    uint32_t length = get(table + 4, 2), entries = get(table + 34, 2);
    if (length < HEADER) {
        refuse(facts, "implausible length");
        return;
    }
    table = map(pa, length);
    if (!table || !sums_to_zero(table, length)) {
        refuse(facts, table ? "wrong checksum" : "it reaches outside memory");
        return;
    }
    for (uint32_t at = HEADER; entries-- > 0;) {
        uint32_t size = at < length && table[at] == PROCESSOR ? PROCESSOR_SIZE : OTHER_SIZE;
        if (at + size > length) {
            refuse(facts, "an entry reaches past its end");
            break;
        }
        if (table[at] == PROCESSOR && table[at + 3] & USABLE) {
            facts->source = "MP table";
            if (facts->cpu_count == MAX_CPUS)
                facts->cpus_left_out++;
            else
                facts->apic_ids[facts->cpu_count++] = table[at + 1];
        }
        at += size;
    }
    /* The MP table lists no vCPUs that may come later. */
    facts->possible_count = facts->cpu_count;
}
