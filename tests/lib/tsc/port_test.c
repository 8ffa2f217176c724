/* SPDX-License-Identifier: 0BSD */
/* The x86 port: the TSC is read whole, and between two fences. */
#include "tests/check.h"
#include <string.h>
#include <tsc/port.h>

static __attribute__((noinline)) uint64_t read_tsc(void)
{
    return TSC_PORT_READ();
}

/* Each between two readings of the compiler's own, but where the thread is moved. */
static void the_tsc_is_read_whole(void **state)
{
    enum { TIMES = 1000 };
    unsigned in_order = 0;

    (void)state;
    for (unsigned i = 0; i < TIMES; i++) {
        uint64_t before = __builtin_ia32_rdtsc(), read = read_tsc(), after;

        TSC_PORT_PAUSE();
        after = __builtin_ia32_rdtsc();
        in_order += before <= read && read <= after;
    }
    assert_true(in_order > TIMES / 2);
}

/* Which order a CPU takes cannot be tried, so the code itself is looked at. */
static void the_read_stands_between_fences(void **state)
{
    static const uint8_t code[] = {0x0f, 0xae, 0xe8, 0x0f, 0x31, 0x0f, 0xae, 0xe8};
    uint8_t bytes[96];
    bool found = false;

    (void)state;
    memcpy(bytes, (const void *)(uintptr_t)read_tsc, sizeof(bytes));
    for (unsigned i = 0; i + sizeof(code) <= sizeof(bytes); i++)
        found |= memcmp(bytes + i, code, sizeof(code)) == 0;
    assert_true(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tsc_is_read_whole),
        cmocka_unit_test(the_read_stands_between_fences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
