/* SPDX-License-Identifier: 0BSD */
/* arch/x86/acpi.c and mptable.c on tables that are good, and bad in one place. */
#include "arch/x86/cpu_offsets.h"
#include "tests/arch/x86/firmware.h"

static const char by_madt[] = "ACPI MADT", by_mp[] = "MP table",
                  by_none[] = "none: the boot vCPU alone";

#define assert_good(f)                                                                             \
    do {                                                                                           \
        assert_string_equal((f).bad_table, "");                                                    \
        assert_true((f).bad_reason == NULL);                                                       \
    } while (0)

#define assert_refused(f, table, reason)                                                           \
    do {                                                                                           \
        assert_true((f).bad_reason != NULL);                                                       \
        assert_string_equal((f).bad_reason, reason);                                               \
        assert_string_equal((f).bad_table, table);                                                 \
    } while (0)

static void assert_madt(const struct firmware_facts *f)
{
    assert_string_equal(f->source, by_madt);
    assert_int_equal(f->cpu_count, 3);
    assert_int_equal(f->apic_ids[0], 3);
    assert_int_equal(f->apic_ids[1], 1);
    assert_int_equal(f->apic_ids[2], 300);
    assert_int_equal(f->cpus_left_out, 0);
    /* Behind them those that are not enabled, by either kind of entry. */
    assert_int_equal(f->possible_count, 5);
    assert_int_equal(f->apic_ids[3], 7);
    assert_int_equal(f->apic_ids[4], 301);
    assert_int_equal(f->possible_left_out, 0);
}

static void assert_mp(const struct firmware_facts *f)
{
    assert_string_equal(f->source, by_mp);
    assert_int_equal(f->cpu_count, 2);
    assert_int_equal(f->apic_ids[0], 4);
    assert_int_equal(f->apic_ids[1], 5);
    assert_int_equal(f->possible_count, 2);
}

static void assert_fadt(const struct firmware_facts *f)
{
    assert_int_equal(f->pm_timer_port, 0x608);
    assert_true(f->pm_timer_32);
    assert_int_equal(f->sleep_port, 0x604);
    assert_int_equal(f->sleep_type, 5);
    assert_int_equal(f->rtc_century, 0x32);
    assert_int_equal(f->sleep_register, 0);
}

static void assert_no_fadt(const struct firmware_facts *f)
{
    assert_int_equal(f->pm_timer_port, 0);
    assert_int_equal(f->sleep_port, 0);
    assert_int_equal(f->rtc_century, 0);
    assert_int_equal(f->sleep_register, 0);
}

/* Nobody has anything, and that is no error. */
static void assert_none(const struct firmware_facts *f)
{
    assert_string_equal(f->source, by_none);
    assert_int_equal(f->cpu_count, 0);
    assert_int_equal(f->hpet, 0);
    assert_no_fadt(f);
}

static void no_mp_table(void)
{
    memset(memory + MP_FLOATING, 0, 16);
}

static void acpi_good_tables(void **state)
{
    (void)state;
    for (unsigned revision = 0; revision <= 2; revision += 2) {
        good_machine();
        put_rsdp(RSDP, revision);
        struct firmware_facts f = read_firmware(RSDP);
        assert_good(f);
        assert_madt(&f);
        assert_fadt(&f);
        assert_int_equal(f.hpet, HPET_ADDRESS);
    }
    /* Without an XSDT the RSDT serves. */
    good_machine();
    put(RSDP + 24, 0, 8);
    seal_rsdp(RSDP);
    struct firmware_facts f = read_firmware(RSDP);
    assert_good(f);
    assert_madt(&f);
    /* A PM timer of 24 bits, an HPET in I/O space (which there is none of). */
    put(FADT + 112, 0, 4);
    seal(FADT);
    memory[HPET + 40] = 1;
    seal(HPET);
    f = read_firmware(RSDP);
    assert_good(f);
    assert_false(f.pm_timer_32);
    assert_int_equal(f.hpet, 0);
}

static void acpi_more_cpus_than_room(void **state)
{
    (void)state;
    good_machine();
    new_table(MADT, "APIC", MADT_ENTRIES);
    for (unsigned i = 0; i < MAX_CPUS + 44; i++)
        add_x2apic(1000 + i, 1);
    struct firmware_facts f = read_firmware(RSDP);
    assert_good(f);
    assert_int_equal(f.cpu_count, MAX_CPUS);
    assert_int_equal(f.cpus_left_out, 44);
    assert_int_equal(f.possible_count, MAX_CPUS);
    assert_int_equal(f.possible_left_out, 0);
    for (unsigned i = 0; i < MAX_CPUS; i++)
        assert_int_equal(f.apic_ids[i], 1000 + i);
    /* A second MADT replaces the first one with all it said. */
    new_table(SSDT, "APIC", MADT_ENTRIES + 8);
    memcpy(memory + SSDT + MADT_ENTRIES, (const uint8_t[]){0, 8, 0, 9, 1, 0, 0, 0}, 8);
    seal(SSDT);
    put(XSDT + TABLE_HEADER, MADT, 8);
    put(XSDT + TABLE_HEADER + 16, SSDT, 8);
    seal(XSDT);
    f = read_firmware(RSDP);
    assert_int_equal(f.cpu_count, 1);
    assert_int_equal(f.apic_ids[0], 9);
    assert_int_equal(f.cpus_left_out, 0);
}

/* Those that may be plugged in: which entries tell of one, and where they stand in the list. */
static void acpi_possible_cpus(void **state)
{
    (void)state;
    good_machine();
    new_table(MADT, "APIC", MADT_ENTRIES);
    add_apic(1, 0);
    add_apic(0, 1);
    add_x2apic(300, 0);
    add_apic(2, 1);
    add_apic(1, 0);    /* once more, */
    add_x2apic(1, 0);  /* in the other form, */
    add_x2apic(2, 0);  /* and one that is there */
    add_apic(0xff, 0); /* nobody's identity */
    add_entry((const uint8_t[]){9, 16, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 9, 0, 0, 0}, 16);
    struct firmware_facts f = read_firmware(RSDP);
    assert_good(f);
    assert_int_equal(f.cpu_count, 2);
    assert_int_equal(f.apic_ids[0], 0);
    assert_int_equal(f.apic_ids[1], 2);
    assert_int_equal(f.possible_count, 4);
    assert_int_equal(f.apic_ids[2], 1);
    assert_int_equal(f.apic_ids[3], 300);
    assert_int_equal(f.possible_left_out, 0);
    add_x2apic(MAX_APIC_ID, 0);
    f = read_firmware(RSDP);
    assert_int_equal(f.possible_count, 4);
    assert_int_equal(f.possible_left_out, 1);
    /* Since revision 5 an entry has to say that it may be enabled some day. */
    for (uint8_t revision = 4; revision <= 6; revision++) {
        new_table(MADT, "APIC", MADT_ENTRIES);
        memory[MADT + 8] = revision;
        add_apic(4, 1);
        add_apic(5, 0);
        add_apic(6, 2);
        add_x2apic(500, 0);
        add_x2apic(600, 2);
        add_x2apic(700, 3); /* not both: enabled is what counts */
        f = read_firmware(RSDP);
        assert_int_equal(f.cpu_count, 2);
        assert_int_equal(f.apic_ids[1], 700);
        assert_int_equal(f.possible_count, revision < 5 ? 6 : 4);
        assert_int_equal(f.apic_ids[2], revision < 5 ? 5 : 6);
        assert_int_equal(f.apic_ids[3], revision < 5 ? 6 : 600);
    }
    /* Those that are there come first, though they stand last, and take the room. */
    new_table(MADT, "APIC", MADT_ENTRIES);
    for (unsigned i = 0; i < 100; i++)
        add_x2apic(1000 + i, 0);
    for (unsigned i = 0; i < MAX_CPUS - 10; i++)
        add_x2apic(i, 1);
    f = read_firmware(RSDP);
    assert_int_equal(f.cpu_count, MAX_CPUS - 10);
    assert_int_equal(f.apic_ids[MAX_CPUS - 11], MAX_CPUS - 11);
    assert_int_equal(f.possible_count, MAX_CPUS);
    assert_int_equal(f.apic_ids[MAX_CPUS - 10], 1000);
    assert_int_equal(f.cpus_left_out, 0);
    assert_int_equal(f.possible_left_out, 90);
}

static const struct {
    uint32_t at;
    const char *name;
    unsigned revision; /* of the RSDP that leads there */
} tables[] = {
    {RSDT, "RSDT", 0}, {XSDT, "XSDT", 2}, {MADT, "APIC", 2}, {FADT, "FACP", 2}, {HPET, "HPET", 2},
};

enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

/* Nothing of the table that is bad is used, all of the others. */
static void assert_only_missing(const struct firmware_facts *f, uint32_t bad)
{
    if (bad == RSDT || bad == XSDT) {
        assert_mp(f);
        assert_no_fadt(f);
        assert_int_equal(f->hpet, 0);
        return;
    }
    if (bad == MADT)
        assert_mp(f);
    else
        assert_madt(f);
    if (bad == FADT)
        assert_no_fadt(f);
    else
        assert_fadt(f);
    assert_int_equal(f->hpet, bad == HPET ? 0 : HPET_ADDRESS);
}

static void acpi_wrong_checksum(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TABLES; i++) {
        for (unsigned offset = 8; offset < get32(tables[i].at + 4); offset += 5) {
            good_machine();
            put_rsdp(RSDP, tables[i].revision);
            memory[tables[i].at + offset] ^= 0x10;
            struct firmware_facts f = read_firmware(RSDP);
            assert_refused(f, tables[i].name, "wrong checksum");
            assert_only_missing(&f, tables[i].at);
        }
    }
    for (unsigned offset = 8; offset < 20; offset++) {
        good_machine();
        memory[RSDP + offset] ^= 1;
        struct firmware_facts f = read_firmware(RSDP);
        assert_refused(f, "RSDP", "wrong checksum");
        assert_only_missing(&f, RSDT);
    }
    /* The second half of an RSDP has a checksum of its own; without it the RSDT is left. */
    for (unsigned offset = 20; offset < 36; offset++) {
        good_machine();
        memory[RSDP + offset] ^= 1;
        struct firmware_facts f = read_firmware(RSDP);
        assert_refused(f, "RSDP", "wrong checksum of its extension");
        assert_madt(&f);
    }
}

static void acpi_bad_length(void **state)
{
    static const struct {
        uint32_t length;
        const char *reason;
    } lengths[] = {
        {0, "implausible length"},
        {1, "implausible length"},
        {TABLE_HEADER - 1, "implausible length"},
        {(1 << 20) + 1, "implausible length"},
        {0x7fffffff, "implausible length"},
        {0xffffffff, "implausible length"},
        {1 << 20, "it reaches outside memory"},
        {MEMORY_SIZE - MADT + 1, "it reaches outside memory"},
    };

    (void)state;
    for (unsigned i = 0; i < TABLES; i++) {
        for (unsigned l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
            good_machine();
            put_rsdp(RSDP, tables[i].revision);
            uint32_t length = lengths[l].length == MEMORY_SIZE - MADT + 1
                                  ? MEMORY_SIZE - tables[i].at + 1
                                  : lengths[l].length;
            set_length(tables[i].at, length);
            struct firmware_facts f = read_firmware(RSDP);
            assert_refused(f, tables[i].name, lengths[l].reason);
            assert_only_missing(&f, tables[i].at);
        }
    }
    /* A good header and nothing behind it: what has to be there is not. */
    for (unsigned i = 2; i < TABLES; i++) {
        good_machine();
        set_length(tables[i].at, TABLE_HEADER);
        struct firmware_facts f = read_firmware(RSDP);
        assert_refused(f, tables[i].name, "too short");
        assert_only_missing(&f, tables[i].at);
    }
    /* A table that ends with the memory is whole. */
    good_machine();
    set_length(HPET, MEMORY_SIZE - HPET);
    struct firmware_facts f = read_firmware(RSDP);
    assert_good(f);
    assert_int_equal(f.hpet, HPET_ADDRESS);
}

static void acpi_bad_address(void **state)
{
    static const uint64_t outside[] = {MEMORY_SIZE, MEMORY_SIZE - TABLE_HEADER + 1,
                                       0xfffffff0,  UINT64_C(0x100000000),
                                       UINT64_MAX,  UINT64_MAX - 35};

    (void)state;
    for (unsigned i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        good_machine();
        put(RSDP + 24, outside[i], 8);
        seal_rsdp(RSDP);
        struct firmware_facts f = read_firmware(RSDP);
        assert_refused(f, "????", "a table's address is outside memory");
        assert_mp(&f);

        good_machine();
        put(XSDT + TABLE_HEADER + 16, outside[i], 8); /* the MADT */
        seal(XSDT);
        f = read_firmware(RSDP);
        assert_refused(f, "????", "a table's address is outside memory");
        assert_only_missing(&f, MADT);

        f = read_firmware(outside[i]);
        assert_refused(f, "RSDP", "it is not where the loader says");
        assert_mp(&f);
    }
    /* An entry of 0 is no table, and no error. */
    good_machine();
    put(XSDT + TABLE_HEADER, 0, 8);
    seal(XSDT);
    struct firmware_facts f = read_firmware(RSDP);
    assert_good(f);
    assert_madt(&f);
    /* The RSDP is something else. */
    memory[RSDP + 3] = 'X';
    f = read_firmware(RSDP);
    assert_refused(f, "RSDP", "it is not where the loader says");
}

static void acpi_madt_entries(void **state)
{
    static const uint8_t zero[] = {0, 0, 0, 0}, one[] = {0, 1, 0, 0},
                         past[] = {0, 8, 0, 5, 1, 0, 0}, far[] = {9, 255, 0}, alone[] = {0};
    static const struct {
        const uint8_t *bytes;
        uint32_t length;
    } bad[] = {{zero, 4}, {one, 4}, {past, 7}, {far, 3}, {alone, 1}};
    /* Shorter than what they claim to be, and so not looked into. */
    static const uint8_t short_apic[] = {0, 7, 0, 5, 1, 0, 0},
                         short_x2apic[] = {9, 9, 0, 0, 5, 0, 0, 0, 1};

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        good_machine();
        add_entry(bad[i].bytes, bad[i].length);
        struct firmware_facts f = read_firmware(RSDP);
        assert_refused(f, "APIC", "an entry reaches past its end");
        assert_madt(&f); /* what came before it */
    }
    good_machine();
    add_entry(short_apic, sizeof(short_apic));
    add_entry(short_x2apic, sizeof(short_x2apic));
    struct firmware_facts f = read_firmware(RSDP);
    assert_good(f);
    assert_madt(&f);
    /* No vCPU that could be used: then the MP table, and without one there is none. */
    new_table(MADT, "APIC", MADT_ENTRIES);
    add_apic(1, 0);
    f = read_firmware(RSDP);
    assert_mp(&f);
    no_mp_table();
    f = read_firmware(RSDP);
    assert_string_equal(f.source, by_none);
    assert_int_equal(f.cpu_count, 0);
}

static void acpi_search(void **state)
{
    static const uint32_t places[] = {EBDA, EBDA + 0x3e0, 0xe0000, 0xf0000, 0xfffe0};

    (void)state;
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        good_machine();
        no_mp_table();
        memset(memory + RSDP, 0, 36);
        put_rsdp(places[i], 0);
        struct firmware_facts f = read_firmware(0);
        assert_good(f);
        assert_madt(&f);
        /* Beside its paragraph it is not looked for. */
        memset(memory + places[i], 0, 36);
        put_rsdp(places[i] - 8, 0);
        f = read_firmware(0);
        assert_good(f);
        assert_none(&f);
        /* One with a wrong checksum is none. */
        memset(memory + places[i] - 8, 0, 36);
        put_rsdp(places[i], 0);
        memory[places[i] + 9] ^= 1;
        f = read_firmware(0);
        assert_none(&f);
    }
    good_machine();
    memset(memory + RSDP, 0, 36);
    struct firmware_facts f = read_firmware(0);
    assert_good(f);
    assert_mp(&f);
    /* No memory at all. */
    memset(memory, 0, sizeof(memory));
    f = read_firmware(0);
    assert_good(f);
    assert_none(&f);
    figures("%lu places looked at where there is nothing", map_calls);
}

static void acpi_hardware_reduced(void **state)
{
    (void)state;
    for (unsigned in_memory = 0; in_memory < 2; in_memory++) {
        good_machine();
        put(FADT + 112, 1 << 20 | 1 << 8, 4);
        memory[FADT + 244] = (uint8_t)!in_memory;
        seal(FADT);
        struct firmware_facts f = read_firmware(RSDP);
        assert_good(f);
        assert_int_equal(f.pm_timer_port, 0);
        assert_int_equal(f.sleep_port, 0);
        assert_int_equal(f.sleep_register, 0x1234);
        assert_int_equal(f.sleep_register_is_memory, in_memory);
        assert_int_equal(f.sleep_type, 5);
    }
    /* Of ACPI 1.0: there is no such register. */
    set_length(FADT, 116);
    struct firmware_facts f = read_firmware(RSDP);
    assert_good(f);
    assert_int_equal(f.sleep_register, 0);
}

static void acpi_s5(void **state)
{
    static const struct {
        uint8_t bytes[16];
        uint32_t length;
        unsigned type;
    } s5[] = {
        {{'_', 'S', '5', '_', 0x12, 8, 4, 0x0a, 7, 0, 0, 0}, 12, 7}, /* a byte */
        {{'_', 'S', '5', '_', 0x12, 6, 4, 1, 0, 0, 0}, 11, 1}, /* a constant, at the very end */
        {{'_', 'S', '5', '_', 0x12, 4, 2, 1, 0}, 9, 1},        /* the shortest */
        {{'_', 'S', '5', '_', 0x12, 6, 2, 0x0a, 6, 0x0a, 6}, 11, 6},
        {{'_', 'S', '5', '_', 0x12, 0x40, 1, 4, 0x0a, 3, 0, 0, 0}, 13, 3}, /* a length of 2 bytes */
        {{'_', 'S', '5', '_', 0x12, 0xc0, 1, 0, 0, 2, 0x0a, 3}, 12, 3},    /* of 4 */
        {{'_', 'S', '5', '_', 0x12, 6, 2, 0x0a}, 8, 0},                    /* cut off */
        {{'_', 'S', '5', '_', 0x12, 0xc0}, 6, 0},
        {{'_', 'S', '5', '_', 0x12}, 5, 0},
        {{'_', 'S', '5', '_'}, 4, 0},
        {{'_', 'S', '5'}, 3, 0},
        {{'_', 'S', '4', '_', 0x12, 6, 4, 1, 0, 0, 0, 0}, 12, 0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(s5) / sizeof(s5[0]); i++) {
        good_machine();
        put_dsdt(s5[i].bytes, s5[i].length);
        struct firmware_facts f = read_firmware(RSDP);
        assert_good(f);
        assert_int_equal(f.sleep_type, s5[i].type);
    }
    /* No DSDT, something else in its place, one of an absurd length. */
    for (unsigned i = 0; i < 4; i++) {
        good_machine();
        if (i == 0)
            put(FADT + 40, 0, 4);
        if (i == 1)
            put(FADT + 40, MEMORY_SIZE - 8, 4);
        if (i == 2)
            memory[DSDT] = 'X';
        if (i == 3)
            put(DSDT + 4, 0xffffffff, 4);
        seal(FADT);
        struct firmware_facts f = read_firmware(RSDP);
        assert_int_equal(f.sleep_type, 0);
        assert_int_equal(f.sleep_port, 0x604);
    }
}

static void mp_table(void **state)
{
    (void)state;
    good_machine();
    memset(memory + RSDP, 0, 36);
    struct firmware_facts f = read_firmware(0);
    assert_mp(&f);

    for (unsigned offset = 7; offset < 44 + 3 * 20 + 2 * 8; offset++) {
        good_machine();
        memset(memory + RSDP, 0, 36);
        memory[MP_TABLE + offset] ^= 0x20;
        f = read_firmware(0);
        assert_refused(f, "PCMP", "wrong checksum");
        assert_none(&f);
    }
    static const struct {
        uint16_t length, entries;
        const char *reason;
    } bad[] = {
        {0, 5, "implausible length"},
        {43, 5, "implausible length"},
        {0xffff, 5, "it reaches outside memory"},
        {44 + 19, 1, "an entry reaches past its end"},
        {44 + 3 * 20 + 7, 5, "an entry reaches past its end"},
        {44 + 3 * 20, 5, "an entry reaches past its end"},
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        good_machine();
        memset(memory + RSDP, 0, 36);
        uint32_t at = MP_TABLE;
        if (bad[i].length == 0xffff) { /* at the end of the memory */
            at = MEMORY_SIZE - 1024;
            memcpy(memory + at, memory + MP_TABLE, 256);
            put(MP_FLOATING + 4, at, 4);
            make_sum(MP_FLOATING, 16, MP_FLOATING + 10);
        }
        put(at + 4, bad[i].length, 2);
        put(at + 34, bad[i].entries, 2);
        if (bad[i].length >= 44 && bad[i].length < 1024)
            make_sum(at, bad[i].length, at + 7);
        f = read_firmware(0);
        assert_refused(f, "PCMP", bad[i].reason);
    }
    /* A good pointer to what is no table. */
    good_machine();
    memset(memory + RSDP, 0, 36);
    memory[MP_TABLE] = 'X';
    f = read_firmware(0);
    assert_refused(f, "PCMP", "it is not where its pointer says");
    assert_none(&f);
    put(MP_FLOATING + 4, 0xfffffff0, 4);
    make_sum(MP_FLOATING, 16, MP_FLOATING + 10);
    f = read_firmware(0);
    assert_refused(f, "PCMP", "it is not where its pointer says");
    /* None, but one of the default configurations. */
    put(MP_FLOATING + 4, 0, 4);
    make_sum(MP_FLOATING, 16, MP_FLOATING + 10);
    f = read_firmware(0);
    assert_good(f);
    assert_none(&f);
    /* A pointer with a wrong checksum is none; in the BIOS one is found as well. */
    good_machine();
    memset(memory + RSDP, 0, 36);
    memory[MP_FLOATING + 12] ^= 1;
    f = read_firmware(0);
    assert_none(&f);
    memory[MP_FLOATING + 12] ^= 1;
    memcpy(memory + 0xffff0, memory + MP_FLOATING, 16);
    memset(memory + MP_FLOATING, 0, 16);
    f = read_firmware(0);
    assert_mp(&f);
}

static void mp_more_cpus_than_room(void **state)
{
    const uint32_t count = MAX_CPUS + 3, at = 0x102000;

    (void)state;
    good_machine();
    memset(memory + RSDP, 0, 36);
    memset(memory + at, 0, 44 + count * 20);
    put_text(at, "PCMP");
    put(at + 4, 44 + count * 20, 2);
    put(at + 34, count, 2);
    for (uint32_t i = 0; i < count; i++)
        put(at + 44 + i * 20, 0x01000000u | (i & 0xff) << 8, 4);
    make_sum(at, 44 + count * 20, at + 7);
    put(MP_FLOATING + 4, at, 4);
    make_sum(MP_FLOATING, 16, MP_FLOATING + 10);
    struct firmware_facts f = read_firmware(0);
    assert_good(f);
    assert_int_equal(f.cpu_count, MAX_CPUS);
    assert_int_equal(f.cpus_left_out, 3);
}

/* ---- Mutations --------------------------------------------------------- */

static struct {
    uint32_t at, length;
} const parts[] = {
    {RSDP, 36}, {RSDT, 52},      {XSDT, 68},      {FADT, 276},       {HPET, 56},
    {DSDT, 92}, {MADT, 44 + 68}, {MADT, 44 + 68}, {MP_FLOATING, 16}, {MP_TABLE, 120},
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static void seal_part(uint32_t at)
{
    if (at == RSDP)
        seal_rsdp(at);
    else if (at == MP_FLOATING)
        make_sum(at, 16, at + 10);
    else if (at == MP_TABLE)
        make_sum(at, (uint32_t)memory[at + 4] % 121, at + 7);
    else
        seal(at);
}

static bool same_facts(const struct firmware_facts *a, const struct firmware_facts *b)
{
    return a->source == b->source && a->cpu_count == b->cpu_count &&
           a->possible_count == b->possible_count &&
           memcmp(a->apic_ids, b->apic_ids, a->possible_count * sizeof(a->apic_ids[0])) == 0 &&
           a->cpus_left_out == b->cpus_left_out && a->pm_timer_port == b->pm_timer_port &&
           a->pm_timer_32 == b->pm_timer_32 && a->sleep_port == b->sleep_port &&
           a->sleep_type == b->sleep_type && a->sleep_register == b->sleep_register &&
           a->sleep_register_is_memory == b->sleep_register_is_memory && a->hpet == b->hpet;
}

static void assert_sane(const struct firmware_facts *f)
{
    bool madt = strcmp(f->source, by_madt) == 0, mp = strcmp(f->source, by_mp) == 0;

    assert_true(madt || mp || strcmp(f->source, by_none) == 0);
    assert_true((f->cpu_count != 0) == (madt || mp));
    assert_true(f->cpu_count <= f->possible_count && f->possible_count <= MAX_CPUS);
    assert_true(f->cpus_left_out == 0 || f->cpu_count == MAX_CPUS);
    assert_true((f->bad_reason != NULL) == (f->bad_table[0] != 0));
    assert_true(strnlen(f->bad_table, 5) == (f->bad_reason ? 4 : 0));
}

/*
 * Random bytes changed in good tables.  With checksums put right again the change gets deep; with
 * them left as they are it has to be refused, and say why, or to change nothing.
 */
static void firmware_mutations(void **state)
{
    static uint8_t good[MEMORY_SIZE];
    unsigned long refused = 0, deep = 0, worst = 0;
    uint64_t random = 4;
    struct firmware_facts is_good;

    (void)state;
    good_machine();
    memcpy(good, memory, sizeof(good));
    is_good = read_firmware(RSDP);
    ASAN_POISON_MEMORY_REGION(memory, sizeof(memory));
    for (unsigned long long n = 0; n < test_count(); n++) {
        uint64_t r = next_random(&random);
        uint32_t at = parts[r % PARTS].at, length = parts[r % PARTS].length;
        unsigned changes = r >> 8 & 3 ? 1 : 1 + (r >> 10 & 7);
        bool sealed = r >> 16 & 1, by_search = (r >> 17 & 15) == 0, single = changes == 1;
        uint32_t offset = 0;

        ASAN_UNPOISON_MEMORY_REGION(memory + at, length);
        for (unsigned i = 0; i < changes; i++) {
            uint64_t c = next_random(&random);
            static const uint8_t ends[] = {0, 1, 2, 35, 36, 127, 128, 255};
            /* Half of them within the first bytes, where lengths are; ends are likelier. */
            offset = (uint32_t)(c >> 32) % (c & 1 ? length : length < 48 ? length : 48);
            unsigned bit = 1u << (c >> 8 & 7);
            memory[at + offset] = c & 2 ? ends[c >> 8 & 7] : (uint8_t)(memory[at + offset] ^ bit);
        }
        bool changed = memcmp(memory + at, good + at, length) != 0;
        if (sealed) {
            /* A length may have become larger than the part is. */
            ASAN_UNPOISON_MEMORY_REGION(memory, sizeof(memory));
            seal_part(at);
            ASAN_POISON_MEMORY_REGION(memory, sizeof(memory));
        }
        ASAN_POISON_MEMORY_REGION(memory + at, length);

        struct firmware_facts f = read_poisoned(by_search ? 0 : RSDP);
        assert_sane(&f);
        worst = map_calls > worst ? map_calls : worst;
        refused += f.bad_reason != NULL;
        deep += sealed && changed && !f.bad_reason;
        /*
         * One changed byte spoils a sum.  A signature or a pointer that is spoilt is not a bad
         * table, it is none; and the DSDT's sum is left alone.
         */
        if (single && changed && !sealed && !by_search && at != DSDT && at != MP_FLOATING &&
            at != MP_TABLE && at != RSDT && (at == RSDP || at == XSDT || offset >= 4))
            assert_true(f.bad_reason != NULL);
        else if (!changed && !by_search)
            assert_true(!f.bad_reason && same_facts(&f, &is_good));

        poison_mapped();
        ASAN_UNPOISON_MEMORY_REGION(memory + at, length);
        memcpy(memory + at, good + at, length);
        ASAN_POISON_MEMORY_REGION(memory + at, length);
    }
    ASAN_UNPOISON_MEMORY_REGION(memory, sizeof(memory));
    assert_memory_equal(memory, good, sizeof(memory));
    figures(
        "%llu mutations, %lu refused with a reason, %lu taken with a good sum; at most %lu looks "
        "at memory",
        test_count(), refused, deep, worst);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acpi_good_tables),
        cmocka_unit_test(acpi_more_cpus_than_room),
        cmocka_unit_test(acpi_possible_cpus),
        cmocka_unit_test(acpi_wrong_checksum),
        cmocka_unit_test(acpi_bad_length),
        cmocka_unit_test(acpi_bad_address),
        cmocka_unit_test(acpi_madt_entries),
        cmocka_unit_test(acpi_search),
        cmocka_unit_test(acpi_hardware_reduced),
        cmocka_unit_test(acpi_s5),
        cmocka_unit_test(mp_table),
        cmocka_unit_test(mp_more_cpus_than_room),
        cmocka_unit_test(firmware_mutations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
