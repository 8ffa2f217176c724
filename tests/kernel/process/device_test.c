/* SPDX-License-Identifier: 0BSD */
/*
 * kernel/process/device.c: what /dev/pvclock gives, to whom, and that what ring 3 points at is
 * followed only by its page tables.
 */
#include "arch/x86/frames.h"
#include "arch/x86/ipi.h"
#include "arch/x86/paging.h"
#include "base/panic.h"
#include "kernel/process/device.h"
#include "tests/check.h"
#include <clockpage/abi.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

/* ---- The process's page tables ----------------------------------------- */

enum { ROOT = 0x1000, STRUCTURES = 0x345000, PATIENCE = 77, PAGES = 512 };

static struct {
    uint64_t va, entry;
} table[PAGES];
static unsigned reserved, reserve_fails_at, flushes;
static bool flush_fails, device_page_left;
static void (*during_flush)(void);

static unsigned slot_of(uint64_t va)
{
    unsigned i = 0;

    while (i < PAGES && !(table[i].entry && table[i].va == va / PAGE_SIZE * PAGE_SIZE))
        i++;
    return i;
}

static unsigned mapped_pages(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < PAGES; i++)
        n += table[i].entry && table[i].va >= USER_MAP_BASE && table[i].va < USER_THREAD_BASE;
    return n;
}

bool page_map(uint64_t root, uint64_t va, uint64_t pa, uint64_t flags)
{
    unsigned free = 0;

    assert_int_equal(root, ROOT);
    if (slot_of(va) < PAGES)
        return false;
    while (table[free].entry)
        free++;
    table[free].va = va;
    table[free].entry = pa | flags | PAGE_PRESENT;
    return true;
}

void page_unmap(uint64_t root, uint64_t va)
{
    assert_int_equal(root, ROOT);
    assert_true(slot_of(va) < PAGES);
    table[slot_of(va)].entry = 0;
}

uint64_t page_lookup(uint64_t root, uint64_t va)
{
    assert_int_equal(root, ROOT);
    return slot_of(va) < PAGES ? table[slot_of(va)].entry : 0;
}

bool page_reserve(uint64_t root, uint64_t va)
{
    assert_int_equal(root, ROOT);
    assert_int_equal(va, USER_MAP_BASE + reserved * USER_MAP_STRIDE);
    return reserved++ != reserve_fails_at;
}

static uint64_t being_unmapped, unmapped_bytes;

bool smp_flush_tlbs(uint64_t patience)
{
    assert_int_equal(patience, PATIENCE);
    for (uint64_t at = 0; at < unmapped_bytes; at += PAGE_SIZE)
        device_page_left |= page_lookup(ROOT, being_unmapped + at) != 0;
    flushes++;
    if (during_flush)
        during_flush();
    return !flush_fails;
}

static jmp_buf panicked;
static bool panic_wanted;

_Noreturn void panic(const char *text, ...)
{
    if (!panic_wanted)
        fail_msg("panic: %s", text);
    longjmp(panicked, 1);
}

/* ---- The process's memory ---------------------------------------------- */

enum { TEXT = USER_IMAGE_BASE, DATA = TEXT + 0x10000, HIDDEN = DATA + 0x10000 };

static uint8_t memory[5][PAGE_SIZE] __attribute__((aligned(4096)));

static void map_memory(uint64_t va, unsigned frame, uint64_t flags)
{
    assert_true(page_map(ROOT, va, virt_to_phys(memory[frame]), flags));
}

static int set_up_with(uint64_t bytes)
{
    memset(table, 0, sizeof(table));
    memset(memory, 0, sizeof(memory));
    flush_fails = device_page_left = false;
    during_flush = NULL;
    reserved = 0;
    reserve_fails_at = MAX_MAPPINGS;
    map_memory(TEXT, 0, PAGE_USER);
    map_memory(DATA, 1, PAGE_USER | PAGE_WRITE | PAGE_NX);
    map_memory(DATA + PAGE_SIZE, 2, PAGE_USER | PAGE_WRITE | PAGE_NX);
    map_memory(HIDDEN, 3, PAGE_WRITE);
    map_memory(USER_END, 4, PAGE_USER | PAGE_WRITE);
    assert_true(pvclock_device_init(ROOT, STRUCTURES, bytes, PATIENCE));
    assert_int_equal(reserved, MAX_MAPPINGS);
    for (unsigned i = 0; i < MAX_DESCRIPTORS; i++)
        (void)pvclock_device_close(i);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_with(20 * PAGE_SIZE - 64);
}

static int tear_down(void **state)
{
    (void)state;
    flush_fails = false;
    pvclock_device_release_all_but(0);
    return 0;
}

static uint64_t name(const char *text)
{
    strcpy((char *)memory[1], text);
    return DATA;
}

static int64_t open_it(void)
{
    return pvclock_device_open(name("/dev/pvclock"), OPEN_READ_ONLY);
}

static int64_t map(uint64_t descriptor, uint64_t length, uint64_t offset)
{
    return pvclock_device_map(descriptor, length, PROTECTION_READ, offset);
}

static int64_t unmap(uint64_t address, uint64_t length)
{
    being_unmapped = address;
    unmapped_bytes = length;
    int64_t result = pvclock_device_unmap(address, length);
    unmapped_bytes = 0;
    return result;
}

/* ---- Tests ------------------------------------------------------------- */

static void every_slot_s_tables_are_made_at_the_start(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MAX_MAPPINGS; i++) {
        reserved = 0;
        reserve_fails_at = i;
        assert_false(pvclock_device_init(ROOT, STRUCTURES, PAGE_SIZE, PATIENCE));
    }
}

static void only_the_device_opens_and_only_for_reading(void **state)
{
    char text[80];

    (void)state;
    assert_int_equal(pvclock_device_open(name("/dev/pvcloc"), 0), -ERROR_NOENT);
    assert_int_equal(pvclock_device_open(name("/dev/pvclock2"), 0), -ERROR_NOENT);
    assert_int_equal(pvclock_device_open(name(""), 0), -ERROR_NOENT);
    assert_int_equal(pvclock_device_open(HIDDEN, 0), -ERROR_FAULT);
    for (unsigned length = 60; length < 70; length++) {
        memset(text, 'x', sizeof(text));
        text[length] = 0;
        assert_int_equal(pvclock_device_open(name(text), 0),
                         length < 63 ? -ERROR_NOENT : -ERROR_NAMETOOLONG);
    }
    for (uint64_t flags = 1; flags; flags <<= 1)
        assert_int_equal(pvclock_device_open(name("/dev/pvclock"), flags), -ERROR_PERM);
    assert_int_equal(pvclock_device_open_count(), 0);
    (void)set_up_with(0);
    assert_int_equal(open_it(), -ERROR_NXIO);
}

static void the_lowest_free_descriptor_is_given(void **state)
{
    (void)state;
    for (int i = 0; i < MAX_DESCRIPTORS; i++) {
        assert_int_equal(open_it(), i);
        assert_int_equal(pvclock_device_open_count(), i + 1);
    }
    assert_int_equal(open_it(), -ERROR_MFILE);
    assert_int_equal(pvclock_device_close(MAX_DESCRIPTORS), -ERROR_BADF);
    assert_int_equal(pvclock_device_close(UINT64_MAX), -ERROR_BADF);
    assert_int_equal(pvclock_device_close(5), 0);
    assert_int_equal(pvclock_device_close(2), 0);
    assert_int_equal(pvclock_device_close(2), -ERROR_BADF);
    assert_int_equal(pvclock_device_open_count(), MAX_DESCRIPTORS - 2);
    assert_int_equal(open_it(), 2);
    assert_int_equal(open_it(), 5);
}

static void a_mapping_ends_with_the_page_of_the_last_structure(void **state)
{
    const uint64_t lengths[] = {0,       1,       64,         4095,      4096,    4097,
                                8192,    8193,    0xffff,     0x10000,   0x10001, 0x13000,
                                0x14000, 0x14001, UINT64_MAX, 1ull << 32};
    const uint64_t offsets[] = {0,         1,         64,         4095,
                                4096,      2 * 4096,  18 * 4096,  19 * 4096,
                                20 * 4096, 21 * 4096, 1ull << 40, UINT64_MAX & ~4095ull};
    unsigned good = 0, bad = 0;

    (void)state;
    assert_int_equal(open_it(), 0);
    for (unsigned l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
        for (unsigned o = 0; o < sizeof(offsets) / sizeof(offsets[0]); o++) {
            uint64_t length = lengths[l], offset = offsets[o];
            /* Twenty pages, of which the last is not full; a slot has sixteen. */
            uint64_t pages = length / 4096 + (length % 4096 != 0);
            bool right = length && length <= 0x10000 && offset % 4096 == 0 && offset / 4096 < 20 &&
                         offset / 4096 + pages <= 20;
            int64_t at = map(0, length, offset);
            assert_int_equal(at, right ? USER_MAP_BASE : -ERROR_INVAL);
            assert_int_equal(mapped_pages(), right ? pages : 0);
            assert_int_equal(pvclock_device_map_count(), right);
            for (uint64_t i = 0; right && i < pages; i++)
                assert_int_equal(page_lookup(ROOT, (uint64_t)at + i * 4096),
                                 (STRUCTURES + offset + i * 4096) | PAGE_PRESENT | PAGE_USER |
                                     PAGE_NX);
            if (right)
                assert_int_equal(unmap((uint64_t)at, length), 0);
            good += right;
            bad += !right;
        }
    }
    figures("%u mappings made, %u refused", good, bad);
    (void)set_up_with(20 * PAGE_SIZE);
    assert_int_equal(open_it(), 0);
    assert_int_equal(map(0, 4096, 20 * 4096), -ERROR_INVAL);
    assert_int_equal(map(0, 4097, 19 * 4096), -ERROR_INVAL);
    assert_int_equal(map(0, 4096, 19 * 4096), USER_MAP_BASE);
}

static void a_page_in_a_free_slot_ends_the_kernel(void **state)
{
    (void)state;
    assert_int_equal(open_it(), 0);
    assert_true(page_map(ROOT, USER_MAP_BASE + 4096, STRUCTURES, PAGE_USER));
    panic_wanted = true;
    if (!setjmp(panicked))
        fail_msg("mapped at %lld", (long long)map(0, 8192, 0));
    panic_wanted = false;
}

static void only_an_open_descriptor_maps_and_only_for_reading(void **state)
{
    (void)state;
    assert_int_equal(map(0, 64, 0), -ERROR_BADF);
    assert_int_equal(open_it(), 0);
    assert_int_equal(open_it(), 1);
    assert_int_equal(map(2, 64, 0), -ERROR_BADF);
    assert_int_equal(map(MAX_DESCRIPTORS, 64, 0), -ERROR_BADF);
    for (uint64_t protection = 0; protection < 8; protection++) {
        int64_t at = pvclock_device_map(1, 64, protection, 0);
        assert_int_equal(at, protection == PROTECTION_READ ? USER_MAP_BASE : -ERROR_ACCES);
    }
}

static void mappings_have_a_slot_each(void **state)
{
    (void)state;
    assert_int_equal(open_it(), 0);
    for (unsigned i = 0; i < MAX_MAPPINGS; i++)
        assert_int_equal(map(0, 2 * 4096, 4096), USER_MAP_BASE + i * USER_MAP_STRIDE);
    assert_int_equal(map(0, 64, 0), -ERROR_NOMEM);
    assert_int_equal(pvclock_device_map_count(), MAX_MAPPINGS);
    assert_int_equal(unmap(USER_MAP_BASE + 3 * USER_MAP_STRIDE, 2 * 4096), 0);
    assert_int_equal(pvclock_device_map_count(), MAX_MAPPINGS - 1);
    assert_int_equal(mapped_pages(), 2 * (MAX_MAPPINGS - 1));
    assert_int_equal(map(0, 64, 0), USER_MAP_BASE + 3 * USER_MAP_STRIDE);
    /* The last can be given back as well, and closing unmaps nothing. */
    assert_int_equal(pvclock_device_close(0), 0);
    assert_int_equal(unmap(USER_MAP_BASE + 15 * USER_MAP_STRIDE, 2 * 4096), 0);
    assert_false(device_page_left);
}

static void only_a_mapping_as_it_was_made_is_unmapped(void **state)
{
    const uint64_t second = USER_MAP_BASE + USER_MAP_STRIDE, length = 3 * 4096 + 1;

    (void)state;
    assert_int_equal(open_it(), 0);
    assert_int_equal(map(0, 64, 0), USER_MAP_BASE);
    assert_int_equal(map(0, length, 0), second);
    unsigned pages = mapped_pages(), before = flushes;
    assert_int_equal(unmap(second, length - 1), -ERROR_INVAL);
    assert_int_equal(unmap(second, length + 1), -ERROR_INVAL);
    assert_int_equal(unmap(second, 0), -ERROR_INVAL);
    assert_int_equal(unmap(second + 1, length), -ERROR_INVAL);
    assert_int_equal(unmap(second + 4096, length), -ERROR_INVAL);
    assert_int_equal(unmap(second + USER_MAP_STRIDE, length), -ERROR_INVAL);
    assert_int_equal(unmap(second + USER_MAP_STRIDE, 0), -ERROR_INVAL);
    assert_int_equal(unmap(0, 64), -ERROR_INVAL);
    assert_int_equal(unmap(USER_MAP_BASE - USER_MAP_STRIDE, 64), -ERROR_INVAL);
    assert_int_equal(unmap(USER_MAP_BASE - 1, 64), -ERROR_INVAL);
    assert_int_equal(unmap(USER_MAP_BASE + MAX_MAPPINGS * USER_MAP_STRIDE, 64), -ERROR_INVAL);
    assert_int_equal(unmap(UINT64_MAX, 64), -ERROR_INVAL);
    assert_int_equal(flushes, before);
    assert_int_equal(mapped_pages(), pages);
    assert_int_equal(unmap(second, length), 0);
    assert_int_equal(mapped_pages(), pages - 4);
    assert_int_equal(unmap(second, length), -ERROR_INVAL);
    assert_false(device_page_left);
}

static void a_slot_is_free_only_when_every_tlb_was_flushed(void **state)
{
    (void)state;
    assert_int_equal(open_it(), 0);
    assert_int_equal(map(0, 64, 0), USER_MAP_BASE);
    flush_fails = true;
    /* page_unmap() of a page that is not there would fail here, as the kernel's does not. */
    assert_int_equal(unmap(USER_MAP_BASE, 64), -ERROR_AGAIN);
    assert_int_equal(mapped_pages(), 0);
    assert_int_equal(pvclock_device_map_count(), 1);
    assert_int_equal(map(0, 64, 0), USER_MAP_BASE + USER_MAP_STRIDE);
    flush_fails = false;
    assert_true(page_map(ROOT, USER_MAP_BASE, STRUCTURES, PAGE_USER));
    assert_int_equal(unmap(USER_MAP_BASE, 64), 0);
    assert_int_equal(map(0, 64, 0), USER_MAP_BASE);
}

static void all_is_released_but_the_first_mappings(void **state)
{
    (void)state;
    for (unsigned keep = 0; keep <= MAX_MAPPINGS; keep++) {
        for (unsigned i = 0; i < MAX_DESCRIPTORS; i++)
            (void)open_it();
        for (unsigned i = 0; i < MAX_MAPPINGS; i++)
            (void)map(0, 64, 0);
        pvclock_device_release_all_but(keep);
        assert_int_equal(pvclock_device_open_count(), 0);
        assert_int_equal(pvclock_device_map_count(), keep);
        for (unsigned i = 0; i < MAX_MAPPINGS; i++)
            assert_int_equal(page_lookup(ROOT, USER_MAP_BASE + i * USER_MAP_STRIDE) != 0, i < keep);
    }
}

static void only_the_process_s_own_memory_is_written(void **state)
{
    static const uint8_t bytes[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    const struct {
        uint64_t at;
        bool good;
    } to[] = {
        {DATA, true},
        {DATA + 4096 - 16, true},
        {DATA + 4096 - 5, true}, /* across two pages, whose frames may lie anywhere */
        {DATA + 8192 - 16, true},
        {DATA + 8192 - 15, false},
        {DATA - 1, false},
        {TEXT, false},
        {HIDDEN, false},
        {0, false},
        {USER_END, false},
        {USER_END + 8, false},
        {UINT64_MAX - 7, false},
    };

    (void)state;
    /* Not side by side, in this order. */
    table[slot_of(DATA + 4096)].entry =
        virt_to_phys(memory[0]) | PAGE_PRESENT | PAGE_USER | PAGE_WRITE | PAGE_NX;
    table[slot_of(TEXT)].entry = virt_to_phys(memory[2]) | PAGE_PRESENT | PAGE_USER;
    for (unsigned i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
        memset(memory, 0, sizeof(memory));
        assert_int_equal(process_copy_out(to[i].at, bytes, sizeof(bytes)), to[i].good);
        assert_int_equal(process_copy_out(to[i].at, bytes, 0), true);
        for (unsigned byte = 0; to[i].good && byte < sizeof(bytes); byte++) {
            uint64_t va = to[i].at + byte;
            assert_int_equal(memory[va < DATA + 4096 ? 1 : 0][va % 4096], bytes[byte]);
        }
        for (unsigned frame = 2; frame < 5; frame++) {
            for (unsigned at = 0; at < PAGE_SIZE; at++)
                assert_int_equal(memory[frame][at], 0);
        }
    }
}

static void a_text_is_read_up_to_its_end_or_that_of_the_space(void **state)
{
    char text[8];
    uint64_t length;
    enum { FIRST = 2, LAST = 0 };

    (void)state;
    /* Not side by side. */
    table[slot_of(DATA + 4096)].entry = 0;
    table[slot_of(DATA)].entry = 0;
    map_memory(DATA, 2, PAGE_USER);
    map_memory(DATA + 4096, 0, PAGE_USER);
    for (unsigned n = 0; n < 20; n++) {
        /* It ends with the last byte of the process's memory; beyond it is nothing. */
        memset(memory, 0x55, sizeof(memory));
        memset(text, '?', sizeof(text));
        for (unsigned i = 0; i < n; i++)
            memory[LAST][PAGE_SIZE - 1 - n + i] = (uint8_t)('a' + i);
        memory[LAST][PAGE_SIZE - 1] = 0;
        assert_true(process_text_in(text, sizeof(text), DATA + 8192 - 1 - n, &length));
        assert_int_equal(length, n < 7 ? n : 7);
        assert_int_equal(text[length], 0);
        for (unsigned i = 0; i < length; i++)
            assert_int_equal(text[i], 'a' + i);
    }
    memory[LAST][PAGE_SIZE - 1] = 'x';
    assert_false(process_text_in(text, sizeof(text), DATA + 8192 - 3, &length));
    /* Read-only memory is read; that of the kernel is not. */
    assert_true(process_text_in(text, sizeof(text), TEXT, &length));
    assert_false(process_text_in(text, sizeof(text), HIDDEN, &length));
    assert_false(process_text_in(text, sizeof(text), USER_END, &length));
    /* A page's last byte and the next one's first. */
    memory[FIRST][PAGE_SIZE - 1] = 'A';
    memory[LAST][0] = 'B';
    memory[LAST][1] = 0;
    assert_true(process_text_in(text, sizeof(text), DATA + 4095, &length));
    assert_string_equal(text, "AB");
}

/* ---- Two vCPUs at once ------------------------------------------------- */

static struct {
    enum { OPEN, CLOSE, MAP, UNMAP, CALLS } call;
    pthread_t thread;
    bool made, waits, done;
    int64_t result;
} other;

void smp_answer_flush(void)
{
    if (other.made && pthread_equal(pthread_self(), other.thread))
        __atomic_store_n(&other.waits, true, __ATOMIC_RELEASE);
    sched_yield();
}

static void *call_of_the_other(void *argument)
{
    (void)argument;
    other.thread = pthread_self();
    other.made = true;
    other.result = other.call == OPEN    ? pvclock_device_open(DATA, OPEN_READ_ONLY)
                   : other.call == CLOSE ? pvclock_device_close(0)
                   : other.call == MAP   ? map(0, 64, 0)
                                         : pvclock_device_unmap(USER_MAP_BASE, 1);
    __atomic_store_n(&other.done, true, __ATOMIC_RELEASE);
    return NULL;
}

static void start_the_other(void)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, call_of_the_other, NULL), 0);
    while (!__atomic_load_n(&other.waits, __ATOMIC_ACQUIRE) &&
           !__atomic_load_n(&other.done, __ATOMIC_ACQUIRE))
        sched_yield();
    /* It answers flushes as it waits, and is not let in. */
    assert_true(other.waits);
    assert_false(__atomic_load_n(&other.done, __ATOMIC_ACQUIRE));
    other.thread = thread;
}

static void a_call_waits_for_another_vcpu_s_and_answers_flushes(void **state)
{
    const int64_t want[CALLS] = {1, 0, USER_MAP_BASE, -ERROR_INVAL};

    (void)state;
    for (unsigned call = 0; call < CALLS; call++) {
        (void)set_up(state);
        assert_int_equal(open_it(), 0);
        assert_int_equal(map(0, 64, 0), USER_MAP_BASE);
        memset(&other, 0, sizeof(other));
        other.call = call;
        during_flush = start_the_other;
        assert_int_equal(unmap(USER_MAP_BASE, 64), 0);
        during_flush = NULL;
        assert_int_equal(pthread_join(other.thread, NULL), 0);
        assert_int_equal(other.result, want[call]);
        (void)tear_down(state);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_slot_s_tables_are_made_at_the_start),
        TEST(only_the_device_opens_and_only_for_reading),
        TEST(the_lowest_free_descriptor_is_given),
        TEST(a_mapping_ends_with_the_page_of_the_last_structure),
        TEST(only_an_open_descriptor_maps_and_only_for_reading),
        TEST(mappings_have_a_slot_each),
        TEST(only_a_mapping_as_it_was_made_is_unmapped),
        TEST(a_slot_is_free_only_when_every_tlb_was_flushed),
        TEST(all_is_released_but_the_first_mappings),
        TEST(only_the_process_s_own_memory_is_written),
        TEST(a_text_is_read_up_to_its_end_or_that_of_the_space),
        TEST(a_call_waits_for_another_vcpu_s_and_answers_flushes),
        /* The lock stays taken. */
        cmocka_unit_test_setup(a_page_in_a_free_slot_ends_the_kernel, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
