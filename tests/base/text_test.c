/* SPDX-License-Identifier: 0BSD */
/* Numbers that a person types. */
#include "base/text.h"
#include "tests/check.h"
#include <inttypes.h>

static void numbers_have_64_bits(void **unused)
{
    static const struct {
        const char *text;
        bool good, negative;
        uint64_t magnitude;
    } cases[] = {
        {"0", true, false, 0},
        {"18446744073709551615", true, false, UINT64_MAX},
        {"18446744073709551616", false, false, 0},
        {"99999999999999999999999", false, false, 0},
        {"0xffffffffffffffff", true, false, UINT64_MAX},
        {"0x10000000000000000", false, false, 0},
        {"0Xa", true, false, 10},
        {"-5", true, true, 5},
        {"", false, false, 0},
        {"-", false, false, 0},
        {"0x", false, false, 0},
        {"1a", false, false, 0},
        {"1 ", false, false, 0},
        {"+1", false, false, 0},
    };

    (void)unused;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool negative;
        uint64_t magnitude = 0;
        bool good = text_number(cases[i].text, &negative, &magnitude);
        assert_that(good == cases[i].good, "'%s'", cases[i].text);
        assert_that(!good || (negative == cases[i].negative && magnitude == cases[i].magnitude),
                    "'%s': %" PRIu64, cases[i].text, magnitude);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_64_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
