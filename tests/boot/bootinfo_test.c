/* SPDX-License-Identifier: 0BSD */
/* boot/bootinfo.c on what a loader may leave: it follows physical addresses below 4 GiB. */
#include "tests/check.h"
#include <clockpage/bootinfo.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROOM = 16 * 4096 };

/* `room` is low memory whose last byte is followed by a page that must not be touched. */
static uint8_t *room, *room_end;

static int get_room(void **state)
{
    (void)state;
    room = mmap(NULL, ROOM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
                -1, 0);
    if (room == MAP_FAILED)
        return -1;
    room_end = room + ROOM;
    return mprotect(room_end, 4096, PROT_NONE);
}

static uint32_t address_of(const void *p)
{
    return (uint32_t)(uintptr_t)p;
}

static struct bootinfo read_info(uint32_t protocol, const void *at)
{
    static struct bootinfo info;

    info = (struct bootinfo){0};
    bootinfo_read(protocol, address_of(at), &info);
    return info;
}

/* ---- Multiboot2 -------------------------------------------------------- */

enum { END = 0, COMMAND_LINE = 1, LOADER = 2, MEMORY = 6, ACPI_OLD = 14, ACPI_NEW = 15 };

static struct {
    uint8_t bytes[8192] __attribute__((aligned(8)));
    uint32_t length;
} mb;

static void mb_begin(void)
{
    memset(&mb, 0, sizeof(mb));
    mb.length = 8;
}

/* A tag that claims to have `size` bytes and has these. */
static void mb_tag_of_size(uint32_t type, uint32_t size, const void *body, uint32_t length)
{
    memcpy(mb.bytes + mb.length, &type, 4);
    memcpy(mb.bytes + mb.length + 4, &size, 4);
    if (length)
        memcpy(mb.bytes + mb.length + 8, body, length);
    mb.length += (8 + length + 7) & ~7u;
}

static void mb_tag(uint32_t type, const void *body, uint32_t length)
{
    mb_tag_of_size(type, 8 + length, body, length);
}

static void mb_memory_of(uint32_t entry_size, uint32_t cut)
{
    const struct {
        uint32_t entry_size, version;
        struct {
            uint64_t start, length;
            uint32_t type, reserved;
        } range[3];
    } map = {
        entry_size, 0, {{0, 0x9fc00, 1, 0}, {0xf0000, 0x10000, 2, 0}, {0x100000, 1 << 27, 1, 0}}};

    mb_tag_of_size(MEMORY, 8 + sizeof(map) - cut, &map, sizeof(map) - cut);
}

static void mb_memory(void)
{
    mb_memory_of(24, 0);
}

static void mb_end(void)
{
    mb_tag(END, NULL, 0);
}

/*
 * Read it where its last byte is the last of the memory; `total` as the loader says, 0: as it is.
 */
static struct bootinfo mb_read(uint32_t total)
{
    uint8_t *at = room_end - mb.length;

    total = total ? total : mb.length;
    memcpy(mb.bytes, &total, 4);
    memcpy(at, mb.bytes, mb.length);
    return read_info(BOOT_MULTIBOOT2, at);
}

static const char cut_short[] = "the multiboot2 information does not end where it says",
                  no_memory[] = "the memory map has no usable range";

static void multiboot2_good(void **state)
{
    (void)state;
    mb_begin();
    mb_tag(COMMAND_LINE, "kern.hz=7", 10);
    mb_tag(LOADER, "GRUB 2.12", 10);
    mb_tag(99, "of another kind", 15);
    mb_memory();
    mb_tag(ACPI_OLD, "RSD PTR old.........", 20);
    mb_tag(ACPI_NEW, "RSD PTR new.........................", 36);
    mb_end();
    struct bootinfo info = mb_read(0);
    assert_true(info.error == NULL);
    assert_string_equal(info.protocol, "multiboot2");
    assert_string_equal(info.command_line, "kern.hz=7");
    assert_false(info.command_line_cut);
    assert_string_equal(info.loader, "GRUB 2.12");
    assert_int_equal(info.range_count, 2);
    assert_true(info.ranges[0].start == 0 && info.ranges[0].length == 0x9fc00);
    assert_true(info.ranges[1].start == 0x100000 && info.ranges[1].length == 1 << 27);
    assert_memory_equal((const void *)(uintptr_t)info.rsdp, "RSD PTR new", 11);

    /* The newer RSDP wins in either order; an old one alone serves. */
    for (unsigned both = 0; both < 2; both++) {
        mb_begin();
        mb_memory();
        if (both)
            mb_tag(ACPI_NEW, "RSD PTR new.........................", 36);
        mb_tag(ACPI_OLD, "RSD PTR old.........", 20);
        mb_end();
        info = mb_read(0);
        assert_memory_equal((const void *)(uintptr_t)info.rsdp,
                            both ? "RSD PTR new" : "RSD PTR old", 11);
    }
    /* Larger entries, of a later version. */
    const uint32_t wide[] = {32, 1,        0x100000, 0,      0x1000, 0, 1, 0, 7,
                             7,  0x200000, 0,        0x2000, 0,      1, 0, 7, 7};
    mb_begin();
    mb_tag(MEMORY, wide, sizeof(wide));
    mb_end();
    info = mb_read(0);
    assert_true(info.error == NULL);
    assert_int_equal(info.range_count, 2);
    assert_int_equal(info.ranges[1].start, 0x200000);
}

static void multiboot2_bad_tags(void **state)
{
    static const uint32_t sizes[] = {0, 1, 7, 0x7fffffff, 0xffffffff, 0xfffffff8, 4096};

    (void)state;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        mb_begin();
        mb_memory();
        mb_tag_of_size(COMMAND_LINE, sizes[i], "text", 5);
        mb_end();
        struct bootinfo info = mb_read(0);
        assert_true(info.error != NULL);
        assert_string_equal(info.error, cut_short);
        assert_string_equal(info.command_line, "");
        assert_int_equal(info.range_count, 2); /* what came before it */
    }
    /* No end tag; an end in the middle of a tag's head; no tags at all; less than nothing. */
    for (uint32_t total = 0; total < 4; total++) {
        mb_begin();
        mb_memory();
        uint32_t length = mb.length;
        mb_end();
        struct bootinfo info = mb_read(total == 0   ? length
                                       : total == 1 ? length + 7
                                       : total == 2 ? 8
                                                    : 1);
        assert_string_equal(info.error, cut_short);
    }
    /* An empty body, one without a 0 at its end. */
    mb_begin();
    mb_memory();
    mb_tag(COMMAND_LINE, "", 0);
    mb_tag(LOADER, "ABCD", 4);
    mb_end();
    struct bootinfo info = mb_read(0);
    assert_true(info.error == NULL);
    assert_string_equal(info.command_line, "");
    assert_string_equal(info.loader, "ABCD");
}

static void multiboot2_bad_memory_map(void **state)
{
    static const uint32_t entry_sizes[] = {0,          1,          23,         25,        28,
                                           0xffffffff, 0xfffffff8, 0xfffffff0, 0x80000000};

    (void)state;
    /* An entry's size that is none: no range, and no byte outside of the tag. */
    for (unsigned i = 0; i < sizeof(entry_sizes) / sizeof(entry_sizes[0]); i++) {
        mb_begin();
        mb_end();
        mb_begin();
        mb_memory_of(entry_sizes[i], 0);
        mb_end();
        struct bootinfo info = mb_read(0);
        assert_int_equal(info.range_count, 0);
        assert_string_equal(info.error, no_memory);
        /* The tag alone, at the end of the memory. */
        mb_begin();
        mb_memory_of(entry_sizes[i], 72);
        info = mb_read(0);
        assert_int_equal(info.range_count, 0);
    }
    /* Cut within an entry: the whole ones count. */
    for (uint32_t cut = 1; cut < 24; cut++) {
        mb_begin();
        mb_memory_of(24, cut);
        mb_end();
        struct bootinfo info = mb_read(0);
        assert_true(info.error == NULL);
        assert_int_equal(info.range_count, 1);
    }
    /* Too short to be one; none at all. */
    mb_begin();
    mb_tag(MEMORY, "\30\0\0\0", 4);
    mb_end();
    assert_string_equal(mb_read(0).error, no_memory);
    mb_begin();
    mb_end();
    assert_string_equal(mb_read(0).error, no_memory);
    /* More ranges than are kept. */
    struct {
        uint32_t entry_size, version;
        struct {
            uint64_t start, length;
            uint32_t type, reserved;
        } range[BOOT_RANGES + 5];
    } many = {.entry_size = 24};
    for (unsigned i = 0; i < BOOT_RANGES + 5; i++) {
        many.range[i].start = i * 0x100000ull;
        many.range[i].length = 0x1000;
        many.range[i].type = 1;
    }
    mb_begin();
    mb_tag(MEMORY, &many, sizeof(many));
    mb_end();
    struct bootinfo info = mb_read(0);
    assert_true(info.error == NULL);
    assert_int_equal(info.range_count, BOOT_RANGES);
    assert_int_equal(info.ranges[BOOT_RANGES - 1].start, (BOOT_RANGES - 1) * 0x100000ull);
}

/* ---- The command line, by both protocols ------------------------------- */

struct pvh {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, rsdp, memory_map;
    uint32_t memory_map_entries, reserved;
};

struct pvh_range {
    uint64_t start, length;
    uint32_t type, reserved;
};

/* A start information at the beginning of the room, its map behind it. */
static struct pvh *make_pvh(void)
{
    struct pvh *pvh = (struct pvh *)(void *)room;
    struct pvh_range *map = (struct pvh_range *)(void *)(room + 4096);
    const struct pvh_range ranges[3] = {
        {0, 0x9fc00, 1, 0}, {0xf0000, 4096, 2, 0}, {0x100000, 0, 1, 0}};

    memcpy(map, ranges, sizeof(ranges));
    *pvh = (struct pvh){.magic = 0x336ec578,
                        .version = 1,
                        .rsdp = 0xf5a20,
                        .memory_map = address_of(map),
                        .memory_map_entries = 3};
    return pvh;
}

static void command_line_at_its_limit(void **state)
{
    (void)state;
    for (uint32_t length = BOOT_COMMAND_LINE_SIZE - 3; length < BOOT_COMMAND_LINE_SIZE + 3;
         length++) {
        const uint32_t most = BOOT_COMMAND_LINE_SIZE - 1, kept = length < most ? length : most;
        char text[BOOT_COMMAND_LINE_SIZE + 8] = {0};

        for (uint32_t i = 0; i < length; i++)
            text[i] = (char)('a' + i % 26);
        /* With its final 0 within the tag, and without. */
        for (uint32_t zero = 0; zero < 2; zero++) {
            mb_begin();
            mb_memory();
            mb_tag(COMMAND_LINE, text, length + zero);
            mb_end();
            struct bootinfo info = mb_read(0);
            assert_int_equal(info.command_line_cut, length > most);
            assert_int_equal(strlen(info.command_line), kept);
            assert_memory_equal(info.command_line, text, kept);
        }
        struct pvh *pvh = make_pvh();
        char *at = (char *)room_end - length - 1;
        memcpy(at, text, length + 1);
        pvh->command_line = address_of(at);
        struct bootinfo info = read_info(BOOT_PVH, pvh);
        assert_true(info.error == NULL);
        assert_int_equal(info.command_line_cut, length > most);
        assert_int_equal(strlen(info.command_line), kept);
        assert_memory_equal(info.command_line, text, kept);
    }
    /* The loader's name is cut without a word. */
    char name[100];
    memset(name, 'n', sizeof(name));
    mb_begin();
    mb_memory();
    mb_tag(LOADER, name, sizeof(name));
    mb_end();
    assert_int_equal(strlen(mb_read(0).loader), 63);
}

static void pvh_information(void **state)
{
    (void)state;
    struct pvh *pvh = make_pvh();
    struct bootinfo info = read_info(BOOT_PVH, pvh);
    assert_true(info.error == NULL);
    assert_string_equal(info.protocol, "PVH");
    assert_string_equal(info.command_line, "");
    assert_int_equal(info.rsdp, 0xf5a20);
    assert_int_equal(info.range_count, 1); /* the one that is usable and not empty */
    assert_int_equal(info.ranges[0].length, 0x9fc00);

    pvh->magic ^= 1;
    info = read_info(BOOT_PVH, pvh);
    assert_string_equal(info.error, "the PVH start information has the wrong magic number");
    assert_int_equal(info.rsdp, 0);

    pvh = make_pvh();
    pvh->version = 0; /* the map's members are not there yet */
    info = read_info(BOOT_PVH, pvh);
    assert_string_equal(info.error, "the PVH start information has no memory map");
    assert_int_equal(info.range_count, 0);

    pvh = make_pvh();
    pvh->memory_map = 0;
    info = read_info(BOOT_PVH, pvh);
    assert_string_equal(info.error, "the PVH start information has no memory map");

    pvh = make_pvh();
    pvh->memory_map_entries = 0;
    info = read_info(BOOT_PVH, pvh);
    assert_string_equal(info.error, no_memory);

    for (uint32_t protocol = 0; protocol < 5; protocol++) {
        if (protocol == BOOT_PVH || protocol == BOOT_MULTIBOOT2)
            continue;
        info = read_info(protocol, NULL);
        assert_string_equal(info.error, "started neither by a multiboot2 loader nor as PVH");
        assert_string_equal(info.protocol, "unknown");
    }
}

/* Pointers and counts that lead out of what is mapped: a reason, and nothing is followed. */
static void pvh_pointers_are_bounded(void **state)
{
    static const uint64_t beyond[] = {1ull << 32, (1ull << 32) + 4096, 1ull << 40, 1ull << 63,
                                      UINT64_MAX};
    static const uint32_t counts[] = {4097, 1u << 31, UINT32_MAX};
    static const char map_error[] =
        "the PVH memory map has more than 4096 entries, or is not below 4 GiB";
    struct bootinfo info;

    (void)state;
    for (unsigned i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        struct pvh *pvh = make_pvh();
        pvh->memory_map = beyond[i];
        info = read_info(BOOT_PVH, pvh);
        assert_true(info.error != NULL);
        assert_string_equal(info.error, map_error);
        assert_int_equal(info.range_count, 0);

        pvh = make_pvh();
        pvh->command_line = beyond[i];
        info = read_info(BOOT_PVH, pvh);
        assert_true(info.error != NULL);
        assert_string_equal(info.error, "the PVH command line is not below 4 GiB");
    }
    for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct pvh *pvh = make_pvh();
        pvh->memory_map_entries = counts[i];
        info = read_info(BOOT_PVH, pvh);
        assert_true(info.error != NULL);
        assert_string_equal(info.error, map_error);
        assert_int_equal(info.range_count, 0);
    }
    /* Across the end: the first entry would be readable. */
    struct pvh *pvh = make_pvh();
    pvh->memory_map = (1ull << 32) - 24;
    info = read_info(BOOT_PVH, pvh);
    assert_string_equal(info.error, map_error);
    info = (struct bootinfo){0};
    bootinfo_read(BOOT_PVH, UINT32_MAX - 8, &info);
    assert_string_equal(info.error, "the PVH start information is not below 4 GiB");
    info = (struct bootinfo){0};
    bootinfo_read(BOOT_PVH, 0, &info);
    assert_string_equal(info.error, "the PVH start information is not below 4 GiB");
}

static void multiboot2_total_is_bounded(void **state)
{
    static const uint32_t totals[] = {(1u << 20) + 1, 1u << 31, UINT32_MAX};
    struct bootinfo info;

    (void)state;
    for (unsigned i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
        mb_begin();
        mb_memory();
        mb_end();
        info = mb_read(totals[i]);
        assert_true(info.error != NULL);
        assert_string_equal(
            info.error,
            "the multiboot2 information is larger than 1 MiB, or does not end below 4 GiB");
        assert_int_equal(info.range_count, 0);
    }
    info = (struct bootinfo){0};
    bootinfo_read(BOOT_MULTIBOOT2, UINT32_MAX - 3, &info);
    assert_string_equal(info.error, "the multiboot2 information is not below 4 GiB");
    info = (struct bootinfo){0};
    bootinfo_read(BOOT_MULTIBOOT2, 0, &info);
    assert_string_equal(info.error, "the multiboot2 information is not below 4 GiB");
}

static void a_page_is_usable_only_within_a_range(void **state)
{
    struct bootinfo info = {.range_count = 2,
                            .ranges = {{0, 0x9000}, {0x100000, UINT64_MAX - 0x100000}}};

    (void)state;
    assert_true(bootinfo_is_usable(&info, 0x8000, 0x1000));
    assert_true(bootinfo_is_usable(&info, 0, 0x9000));
    assert_true(bootinfo_is_usable(&info, 1ull << 40, 1ull << 40));
    assert_false(bootinfo_is_usable(&info, 0x8001, 0x1000));
    assert_false(bootinfo_is_usable(&info, 0x9000, 0x1000));
    assert_false(bootinfo_is_usable(&info, 0xff000, 0x2000));
    assert_false(bootinfo_is_usable(&info, 0x8000, UINT64_MAX));
    info.range_count = 0;
    assert_false(bootinfo_is_usable(&info, 0x8000, 0x1000));

    /* A range whose end is past the last address ends there, and does not wrap. */
    struct pvh *pvh = make_pvh();
    struct pvh_range *map = (struct pvh_range *)(void *)(room + 4096);
    map[0] = (struct pvh_range){0x100000, UINT64_MAX, 1, 0};
    info = read_info(BOOT_PVH, pvh);
    assert_true(info.error == NULL);
    assert_true(info.ranges[0].start + info.ranges[0].length > info.ranges[0].start);
    assert_true(bootinfo_is_usable(&info, 0x200000, 0x1000000));
}

/* Random changes in good information: nothing outside of it is read, and it ends. */
static void multiboot2_mutations(void **state)
{
    uint64_t random = 3;
    unsigned long errors = 0, good = 0;
    uint8_t original[sizeof(mb.bytes)];

    (void)state;
    mb_begin();
    mb_tag(COMMAND_LINE, "kern.hz=7", 10);
    mb_memory();
    mb_tag(LOADER, "GRUB 2.12", 10);
    mb_tag(ACPI_OLD, "RSD PTR old.........", 20);
    mb_end();
    uint8_t *at = room_end - mb.length;
    memcpy(mb.bytes, &mb.length, 4);
    memcpy(original, mb.bytes, mb.length);
    for (unsigned long n = 0; n < test_count(); n++) {
        static struct bootinfo info;
        memcpy(at, original, mb.length);
        for (uint64_t i = next_random(&random) % 3 + 1; i-- > 0;) {
            uint64_t r = next_random(&random);
            uint8_t *byte = at + 4 + (r >> 8) % (mb.length - 4); /* all but the total */
            unsigned flipped = *byte ^ 1u << (r >> 2 & 7);
            *byte = (uint8_t)(r & 1 ? flipped : r & 2 ? 0xff : 0);
        }
        info.error = NULL;
        info.range_count = 0;
        info.rsdp = 0;
        bootinfo_read(BOOT_MULTIBOOT2, address_of(at), &info);
        assert_true(info.range_count <= BOOT_RANGES);
        assert_true(info.error || info.range_count);
        assert_true(info.rsdp == 0 ||
                    (info.rsdp > address_of(at) && info.rsdp < address_of(room_end)));
        info.error ? errors++ : good++;
    }
    figures("%lu taken, %lu refused with a reason", good, errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multiboot2_good),
        cmocka_unit_test(multiboot2_bad_tags),
        cmocka_unit_test(multiboot2_bad_memory_map),
        cmocka_unit_test(command_line_at_its_limit),
        cmocka_unit_test(pvh_information),
        cmocka_unit_test(multiboot2_mutations),
        cmocka_unit_test(pvh_pointers_are_bounded),
        cmocka_unit_test(multiboot2_total_is_bounded),
        cmocka_unit_test(a_page_is_usable_only_within_a_range),
    };

    return cmocka_run_group_tests(tests, get_room, NULL);
}
