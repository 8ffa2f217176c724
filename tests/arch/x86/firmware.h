/* SPDX-License-Identifier: 0BSD */
/*
 * A machine's memory with firmware tables in it.
 *
 * The parser gets what it asks memory_map() for and no byte more: under AddressSanitizer all the
 * rest is poisoned while it runs.
 */
#ifndef TESTS_ARCH_X86_FIRMWARE_H
#define TESTS_ARCH_X86_FIRMWARE_H

#include "arch/x86/acpi.h"
#include "tests/check.h"
#include <sanitizer/asan_interface.h>
#include <string.h>

enum {
    MEMORY_SIZE = 0x110000,
    EBDA_POINTER = 0x40e,
    EBDA = 0x9fc00,
    MP_FLOATING = 0x9fc10,
    MP_TABLE = 0x9fd00,
    RSDP = 0xf5a20,
    RSDT = 0x100010,
    XSDT = 0x100200,
    FADT = 0x100400,
    HPET = 0x100600,
    SSDT = 0x100700,
    DSDT = 0x100800,
    MADT = 0x101000,
    TABLES_END = 0x103000,
};

enum { TABLE_HEADER = 36, MADT_ENTRIES = 44, HPET_ADDRESS = 0xfed00000 };

static uint8_t memory[MEMORY_SIZE] __attribute__((aligned(16)));

/* What was mapped in this run, to be poisoned again. */
static struct {
    uint32_t at, length;
} mapped[256];
static unsigned mapped_count;
static unsigned long map_calls;

static inline const void *memory_map(uint64_t pa, uint64_t length)
{
    map_calls++;
    /* Page 0 is NULL's, but for the BIOS data, as in the kernel. */
    if (pa < 0x400 || pa >= MEMORY_SIZE || length > MEMORY_SIZE - pa)
        return NULL;
    if (mapped_count < sizeof(mapped) / sizeof(mapped[0])) {
        mapped[mapped_count].at = (uint32_t)pa;
        mapped[mapped_count].length = (uint32_t)length;
    }
    mapped_count++;
    ASAN_UNPOISON_MEMORY_REGION(memory + pa, length);
    return memory + pa;
}

/* Parse, with everything poisoned that is not mapped by that. */
static inline struct firmware_facts read_poisoned(uint64_t rsdp)
{
    struct firmware_facts facts;

    map_calls = mapped_count = 0;
    memset(&facts, 0xa5, sizeof(facts));
    firmware_read(memory_map, rsdp, &facts);
    return facts;
}

static inline void poison_mapped(void)
{
    if (mapped_count > sizeof(mapped) / sizeof(mapped[0])) {
        ASAN_POISON_MEMORY_REGION(memory, sizeof(memory));
        return;
    }
    for (unsigned i = 0; i < mapped_count; i++)
        ASAN_POISON_MEMORY_REGION(memory + mapped[i].at, mapped[i].length);
}

static inline struct firmware_facts read_firmware(uint64_t rsdp)
{
    ASAN_POISON_MEMORY_REGION(memory, sizeof(memory));
    struct firmware_facts facts = read_poisoned(rsdp);
    ASAN_UNPOISON_MEMORY_REGION(memory, sizeof(memory));
    return facts;
}

/* ---- Building tables --------------------------------------------------- */

static inline void put(uint32_t at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        memory[at + i] = (uint8_t)(value >> 8 * i);
}

static inline uint32_t get32(uint32_t at)
{
    return memory[at] | (uint32_t)memory[at + 1] << 8 | (uint32_t)memory[at + 2] << 16 |
           (uint32_t)memory[at + 3] << 24;
}

static inline void put_text(uint32_t at, const char *text)
{
    memcpy(memory + at, text, strlen(text));
}

/* Make `length` bytes at `at` sum to 0 by the byte at `checksum`. */
static inline void make_sum(uint32_t at, uint32_t length, uint32_t checksum)
{
    uint8_t sum = 0;

    memory[checksum] = 0;
    for (uint32_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + memory[at + i]);
    memory[checksum] = (uint8_t)-sum;
}

/* The checksum of a table, where its length leaves room for one. */
static inline void seal(uint32_t at)
{
    uint32_t length = get32(at + 4);

    if (length >= 10 && length <= MEMORY_SIZE - at)
        make_sum(at, length, at + 9);
}

static inline void set_length(uint32_t at, uint32_t length)
{
    put(at + 4, length, 4);
    seal(at);
}

static inline void new_table(uint32_t at, const char *signature, uint32_t length)
{
    memset(memory + at, 0, length);
    put_text(at, signature);
    put(at + 4, length, 4);
    seal(at);
}

static inline void seal_rsdp(uint32_t at)
{
    make_sum(at, 20, at + 8);
    make_sum(at, 36, at + 32);
}

static inline void put_rsdp(uint32_t at, unsigned revision)
{
    memset(memory + at, 0, 36);
    put_text(at, "RSD PTR ");
    memory[at + 15] = (uint8_t)revision;
    put(at + 16, RSDT, 4);
    put(at + 20, 36, 4);
    put(at + 24, XSDT, 8);
    seal_rsdp(at);
}

/* Appends an entry to the MADT. */
static inline void add_entry(const uint8_t *entry, uint32_t length)
{
    uint32_t end = get32(MADT + 4);

    memcpy(memory + MADT + end, entry, length);
    set_length(MADT, end + length);
}

static inline void add_apic(uint8_t id, uint8_t flags)
{
    add_entry((const uint8_t[]){0, 8, 0xee, id, flags, 0, 0, 0}, 8);
}

static inline void add_x2apic(uint32_t id, uint8_t flags)
{
    const uint8_t low = (uint8_t)id, high = (uint8_t)(id >> 8);

    add_entry((const uint8_t[]){9, 16, 0, 0, low, high, 0, 0, flags, 0, 0, 0, 0xee, 0, 0, 0}, 16);
}

static inline void put_madt(void)
{
    static const uint8_t io_apic[12] = {1, 12, 0, 0, 0, 0, 0xc0, 0xfe};

    new_table(MADT, "APIC", MADT_ENTRIES);
    add_apic(3, 1);
    add_apic(1, 1);
    add_apic(7, 0); /* not enabled */
    add_entry(io_apic, sizeof(io_apic));
    add_x2apic(300, 1);
    add_x2apic(301, 0);
}

static inline void put_dsdt(const uint8_t *end, uint32_t length)
{
    new_table(DSDT, "DSDT", TABLE_HEADER + 40 + length);
    memset(memory + DSDT + TABLE_HEADER, '_', 40);
    memcpy(memory + DSDT + TABLE_HEADER + 40, end, length);
    seal(DSDT);
}

/* Name (_S5_, Package (4) {5, 0, 0, 0}), and something behind it. */
static const uint8_t usual_s5[] = {8, '_', 'S', '5', '_', 0x12, 8, 4, 0x0a, 5, 0, 0, 0, 0xa3, 0, 0};

static inline void put_fadt(void)
{
    new_table(FADT, "FACP", 276);
    put(FADT + 40, DSDT, 4);
    put(FADT + 64, 0x604, 4);   /* PM1a control */
    put(FADT + 76, 0x608, 4);   /* PM timer */
    put(FADT + 108, 0x32, 1);   /* century of the RTC */
    put(FADT + 112, 1 << 8, 4); /* of 32 bits */
    put(FADT + 248, 0x1234, 8); /* sleep control register, if hardware-reduced */
    seal(FADT);
}

static inline void put_mp_table(void)
{
    static const uint8_t processors[3][2] = {{4, 3}, {5, 1}, {6, 0}}; /* identity, flags */
    uint32_t at = MP_TABLE + 44;

    memset(memory + MP_FLOATING, 0, 16);
    put_text(MP_FLOATING, "_MP_");
    put(MP_FLOATING + 4, MP_TABLE, 4);
    put(MP_FLOATING + 8, 1, 1);
    make_sum(MP_FLOATING, 16, MP_FLOATING + 10);
    memset(memory + MP_TABLE, 0, 256);
    put_text(MP_TABLE, "PCMP");
    for (unsigned i = 0; i < 3; i++, at += 20) {
        memory[at + 1] = processors[i][0];
        memory[at + 3] = processors[i][1];
    }
    for (uint8_t i = 0; i < 2; i++, at += 8)
        memory[at] = (uint8_t)(i + 1); /* a bus, an I/O APIC */
    put(MP_TABLE + 4, at - MP_TABLE, 2);
    put(MP_TABLE + 34, 5, 2);
    make_sum(MP_TABLE, at - MP_TABLE, MP_TABLE + 7);
}

/* A machine on which all is well: RSDT and XSDT name the same tables. */
static inline void good_machine(void)
{
    static const uint32_t tables[] = {SSDT, FADT, MADT, HPET};

    memset(memory, 0, sizeof(memory));
    put(EBDA_POINTER, EBDA >> 4, 2);
    put_rsdp(RSDP, 2);
    put_fadt();
    put_madt();
    put_dsdt(usual_s5, sizeof(usual_s5));
    new_table(SSDT, "SSDT", 60);
    new_table(HPET, "HPET", 56);
    put(HPET + 44, HPET_ADDRESS, 8);
    seal(HPET);
    new_table(RSDT, "RSDT", TABLE_HEADER + 4 * 4);
    new_table(XSDT, "XSDT", TABLE_HEADER + 4 * 8);
    for (unsigned i = 0; i < 4; i++) {
        put(RSDT + TABLE_HEADER + i * 4, tables[i], 4);
        put(XSDT + TABLE_HEADER + i * 8, tables[i], 8);
    }
    seal(RSDT);
    seal(XSDT);
    put_mp_table();
}

#endif
