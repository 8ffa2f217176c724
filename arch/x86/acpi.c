/* SPDX-License-Identifier: 0BSD */
/* Reads the firmware's ACPI tables for the list of vCPUs and the devices that the drivers need. */
#include "arch/x86/acpi.h"
#include "arch/x86/cpu_offsets.h"
#include "arch/x86/mptable.h"
#include <stddef.h>

struct firmware_facts firmware;

/* Returns a little-endian number of `bytes` bytes; tables have no alignment. */
static uint64_t get(const uint8_t *p, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = bytes; i-- > 0;)
        value = value << 8 | p[i];
    return value;
}

static bool text_is(const uint8_t *p, const char *text)
{
    for (; *text; p++, text++) {
        if (*p != (uint8_t)*text)
            return false;
    }
    return true;
}

static bool sums_to_zero(const uint8_t *p, uint64_t length)
{
    uint8_t sum = 0;

    for (uint64_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + p[i]);
    return sum == 0;
}

enum { HEADER = 36, MAX_TABLE = 1 << 20 };
/* The least that a table must contain. */
enum { LEAST_MADT = HEADER + 8, LEAST_FADT = 116, LEAST_HPET = 56 };

struct table {
    const uint8_t *bytes; /* NULL: none */
    uint32_t length;
};

static void refuse(struct firmware_facts *facts, const uint8_t *signature, const char *reason)
{
    if (facts->bad_reason)
        return;
    for (unsigned i = 0; i < 4; i++)
        facts->bad_table[i] = signature[i] >= ' ' && signature[i] < 127 ? (char)signature[i] : '?';
    facts->bad_reason = reason;
}

static void refuse_address(struct firmware_facts *facts)
{
    refuse(facts, (const uint8_t *)"????", "a table's address is outside memory");
}

/* Returns the whole table at `pa` if it is valid and has `least` bytes or more. */
static struct table verify(acpi_map map, uint64_t pa, uint32_t least, struct firmware_facts *facts)
{
    const struct table none = {NULL, 0};
    const uint8_t *head = map(pa, HEADER);

    if (!head) {
        refuse_address(facts);
        return none;
    }
    uint32_t length = (uint32_t)get(head + 4, 4);
    if (length < HEADER || length > MAX_TABLE) {
        refuse(facts, head, "implausible length");
        return none;
    }
    const uint8_t *bytes = map(pa, length);
    if (!bytes) {
        refuse(facts, head, "it reaches outside memory");
        return none;
    }
    if (!sums_to_zero(bytes, length)) {
        refuse(facts, head, "wrong checksum");
        return none;
    }
    if (length < least) {
        refuse(facts, head, "too short");
        return none;
    }
    return (struct table){bytes, length};
}

/* Identities that are in the list.  Larger ones are not checked for duplicates. */
struct identities {
    uint8_t bits[MAX_APIC_ID / 8];
};

static bool is_new(struct identities *seen, uint32_t apic_id)
{
    if (apic_id >= MAX_APIC_ID)
        return true;
    uint8_t bit = (uint8_t)(1 << apic_id % 8);
    bool new = !(seen->bits[apic_id / 8] & bit);
    seen->bits[apic_id / 8] |= bit;
    return new;
}

enum madt_pass { THOSE_THERE, THOSE_POSSIBLE };

static void add_cpu(struct firmware_facts *facts, enum madt_pass pass, uint32_t apic_id)
{
    /* One that cannot be looked up is an error if it is present, but not if it may never be. */
    bool useless = pass == THOSE_POSSIBLE && apic_id >= MAX_APIC_ID;

    if (facts->possible_count == MAX_CPUS || useless) {
        ++*(pass == THOSE_THERE ? &facts->cpus_left_out : &facts->possible_left_out);
        return;
    }
    facts->apic_ids[facts->possible_count++] = apic_id;
    if (pass == THOSE_THERE)
        facts->cpu_count = facts->possible_count;
}

/*
 * Whether the pass takes an entry with these flags.  Since revision 5 the flags say which of the
 * disabled entries may be enabled later; before, all of them may.
 */
static bool is_wanted(enum madt_pass pass, uint32_t flags, uint8_t revision)
{
    enum { ENABLED = 1, ONLINE_CAPABLE = 2, TELLS_CAPABLE = 5 };

    if (pass == THOSE_THERE)
        return flags & ENABLED;
    return !(flags & ENABLED) && (revision < TELLS_CAPABLE || flags & ONLINE_CAPABLE);
}

/* Reads the entries; false if the table is broken from some entry on. */
static bool read_madt_entries(struct table t, enum madt_pass pass, struct identities *seen,
                              struct firmware_facts *facts)
{
    enum { LOCAL_APIC = 0, LOCAL_X2APIC = 9, NO_APIC_ID = 0xff };
    uint8_t revision = t.bytes[8];

    for (uint32_t at = LEAST_MADT; at < t.length;) {
        const uint8_t *e = t.bytes + at;
        uint8_t length = at + 1 < t.length ? e[1] : 0;
        if (length < 2 || at + length > t.length)
            return false;
        uint32_t id = UINT32_MAX, flags = 0;
        if (e[0] == LOCAL_APIC && length >= 8) {
            id = e[3] == NO_APIC_ID ? UINT32_MAX : e[3];
            flags = (uint32_t)get(e + 4, 4);
        } else if (e[0] == LOCAL_X2APIC && length >= 16) {
            id = (uint32_t)get(e + 4, 4);
            flags = (uint32_t)get(e + 8, 4);
        }
        /*
         * All ones is the broadcast address, with which firmware fills entries that it does not
         * use.
         */
        if (id != UINT32_MAX && is_wanted(pass, flags, revision) && is_new(seen, id))
            add_cpu(facts, pass, id);
        at += length;
    }
    return true;
}

static void read_madt(struct table t, struct firmware_facts *facts)
{
    struct identities seen = {0};

    facts->source = "ACPI MADT";
    facts->cpu_count = facts->possible_count = 0;
    facts->cpus_left_out = facts->possible_left_out = 0;
    /* A table that is broken at some entry is used up to there, in both passes. */
    bool whole = read_madt_entries(t, THOSE_THERE, &seen, facts);
    whole = read_madt_entries(t, THOSE_POSSIBLE, &seen, facts) && whole;
    if (!whole)
        refuse(facts, t.bytes, "an entry reaches past its end");
}

/*
 * Finds the type to write for \_S5, as bytes in the DSDT: NameOp "_S5_" PackageOp, its length and
 * count, and the first element as a byte or a constant.  A whole interpreter for one number would
 * be absurd.
 */
static bool find_s5(struct table dsdt, uint16_t *type)
{
    enum { PACKAGE_OP = 0x12, BYTE_PREFIX = 0x0a };

    /* The shortest package, with one constant, has 8 bytes. */
    for (uint32_t i = HEADER; i + 8 <= dsdt.length; i++) {
        const uint8_t *p = dsdt.bytes + i;
        if (p[0] != '_' || !text_is(p, "_S5_") || p[4] != PACKAGE_OP)
            continue;
        uint32_t at = i + 5 + (p[5] >> 6) + 2; /* after package length and element count */
        bool is_byte = at < dsdt.length && dsdt.bytes[at] == BYTE_PREFIX;
        at += is_byte;
        if (at >= dsdt.length)
            return false;
        *type = is_byte || dsdt.bytes[at] <= 1 ? dsdt.bytes[at] : 0;
        return true;
    }
    return false;
}

static void read_fadt(acpi_map map, struct table t, struct firmware_facts *facts)
{
    enum { HW_REDUCED = 1 << 20, TIMER_32 = 1 << 8, IN_MEMORY = 0 };

    uint32_t flags = (uint32_t)get(t.bytes + 112, 4);
    facts->rtc_century = t.bytes[108];
    if (!(flags & HW_REDUCED)) {
        facts->pm_timer_port = (uint16_t)get(t.bytes + 76, 4);
        facts->pm_timer_32 = flags & TIMER_32;
        facts->sleep_port = (uint16_t)get(t.bytes + 64, 4);
    } else if (t.length >= 256) {
        facts->sleep_register_is_memory = t.bytes[244] == IN_MEMORY;
        facts->sleep_register = get(t.bytes + 248, 8);
    }
    /* The DSDT is large and only one number of it is needed, so its checksum is not verified. */
    const uint8_t *dsdt = map(get(t.bytes + 40, 4), HEADER);
    if (!dsdt || !text_is(dsdt, "DSDT"))
        return;
    uint32_t length = (uint32_t)get(dsdt + 4, 4);
    if (length > MAX_TABLE || !(dsdt = map(get(t.bytes + 40, 4), length)))
        return;
    (void)find_s5((struct table){dsdt, length}, &facts->sleep_type);
}

static void read_hpet(struct table t, struct firmware_facts *facts)
{
    if (t.bytes[40] == 0)
        facts->hpet = get(t.bytes + 44, 8);
}

static uint64_t scan(acpi_map map, uint64_t from, uint64_t to)
{
    for (uint64_t pa = from; pa + 20 <= to; pa += 16) {
        const uint8_t *p = map(pa, 20);
        if (p && p[0] == 'R' && text_is(p, "RSD PTR ") && sums_to_zero(p, 20))
            return pa;
    }
    return 0;
}

static uint64_t find_rsdp(acpi_map map)
{
    const uint8_t *segment = map(0x40e, 2);
    uint64_t ebda = segment ? get(segment, 2) << 4 : 0, found = 0;

    if (ebda)
        found = scan(map, ebda, ebda + 1024);
    return found ? found : scan(map, 0xe0000, 0x100000);
}

static void read_tables(acpi_map map, uint64_t rsdp, struct firmware_facts *facts)
{
    const uint8_t *p = map(rsdp, 20);

    if (!p || !text_is(p, "RSD PTR ")) {
        refuse(facts, (const uint8_t *)"RSDP", "it is not where the loader says");
        return;
    }
    if (!sums_to_zero(p, 20)) {
        refuse(facts, (const uint8_t *)"RSDP", "wrong checksum");
        return;
    }
    const uint8_t *extended = p[15] >= 2 ? map(rsdp, 36) : NULL;
    if (extended && !sums_to_zero(extended, 36)) {
        refuse(facts, (const uint8_t *)"RSDP", "wrong checksum of its extension");
        extended = NULL;
    }
    bool wide = extended && get(extended + 24, 8);
    struct table root = verify(map, wide ? get(extended + 24, 8) : get(p + 16, 4), HEADER, facts);
    if (!root.bytes)
        return;
    unsigned size = wide ? 8 : 4;
    for (uint32_t at = HEADER; at + size <= root.length; at += size) {
        uint64_t pa = get(root.bytes + at, size);
        const uint8_t *head = map(pa, HEADER);
        if (!head) {
            /* Firmware leaves entries empty. */
            if (pa)
                refuse_address(facts);
            continue;
        }
        bool madt = text_is(head, "APIC"), fadt = text_is(head, "FACP"),
             hpet = text_is(head, "HPET");
        if (!madt && !fadt && !hpet)
            continue;
        struct table t = verify(map, pa, madt ? LEAST_MADT : fadt ? LEAST_FADT : LEAST_HPET, facts);
        if (!t.bytes)
            continue;
        if (madt)
            read_madt(t, facts);
        else if (fadt)
            read_fadt(map, t, facts);
        else
            read_hpet(t, facts);
    }
}

void firmware_read(acpi_map map, uint64_t rsdp, struct firmware_facts *facts)
{
    static const char nobody[] = "none: the boot vCPU alone";

    *facts = (struct firmware_facts){.source = nobody};
    if (!rsdp)
        rsdp = find_rsdp(map);
    if (rsdp)
        read_tables(map, rsdp, facts);
    if (facts->cpu_count == 0) {
        facts->source = nobody;
        mptable_read(map, facts);
    }
}
