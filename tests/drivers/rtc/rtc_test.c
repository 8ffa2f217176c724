/* SPDX-License-Identifier: 0BSD */
/* drivers/rtc/rtc.c asks the clock at ports 0x70 and 0x71; tests/lib/tsc has the rest. */
#include "arch/x86/io.h"
#include "drivers/rtc/rtc.h"
#include "tests/check.h"

static uint8_t index_register;
static bool absent;

void outb(uint16_t port, uint8_t value)
{
    assert_int_equal(port, 0x70);
    index_register = value;
}

/* 2026-11-22 18:15:01, in BCD and 24 hours. */
uint8_t inb(uint16_t port)
{
    static const uint8_t registers[] = {0x01, 0, 0x15, 0, 0x18, 0, 7, 0x22, 0x11, 0x26, 0x26, 2};

    assert_int_equal(port, 0x71);
    if (absent)
        return 0xff;
    if (index_register == 0x32)
        return 0x20;
    assert_in_range(index_register, 0, sizeof(registers) - 1);
    return registers[index_register];
}

static void rtc_is_read_at_its_ports(void **state)
{
    uint64_t seconds = 42;

    (void)state;
    assert_true(rtc_read(0x32, &seconds));
    assert_int_equal(seconds, 1795371301);
    assert_true(rtc_read(0, &seconds));
    assert_int_equal(seconds, 1795371301);
    absent = true;
    seconds = 42;
    assert_false(rtc_read(0x32, &seconds));
    assert_int_equal(seconds, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rtc_is_read_at_its_ports)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
