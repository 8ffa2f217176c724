/* SPDX-License-Identifier: 0BSD */
/* What drivers/tsc tells people and programs of the frequency's sources, and its check. */
#include "base/console.h"
#include "drivers/tsc/tsc.h"
#include "tests/check.h"
#include "tests/serial.h"
#include <clockpage/report.h>
#include <string.h>

static int start_report(void **state)
{
    (void)state;
    (void)console_init();
    report_init();
    return 0;
}

static struct tsc t;

static void start(void)
{
    static const char *const names[TSC_SOURCES] = {"one", "two", "three", "four", "five", "six"};

    memset(&t, 0, sizeof(t));
    for (unsigned i = 0; i < TSC_SOURCES; i++)
        t.sources[i] = (struct tsc_source){.name = names[i], .status = TSC_NONE};
    t.hz = 1000000000;
    t.chosen = (enum tsc_source_id)2;
    t.sources[2] = (struct tsc_source){.name = "three", .hz = t.hz, .confirms = true};
    t.sources[3] =
        (struct tsc_source){.name = "four", .hz = 1000200000, .error_ppm = 7, .confirms = true};
    t.sources[5] = (struct tsc_source){.name = "six", .hz = 999000000, .error_ppm = 1};
    serial_forget();
}

/* Each line of what the last call said. */
static void assert_said(const char *where, const char *const *lines, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_that(strstr(where, lines[i]) != NULL, "%s not in %s", lines[i], where);
}

static unsigned lines_of(const char *text)
{
    unsigned n = 0;

    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

static void all_sources_are_shown(void **state)
{
    static const char *const to_people[] = {
        "(not invariant)\n",
        "  one                  none: there is none\n",
        "  three                1000000000       +0        0   chosen\n",
        "  four                 1000200000     +200        7\n",
        "  five                 none: there is none\n",
        "  six                   999000000    -1000        1   disagrees\n",
    };
    static const char *const to_programs[] = {
        "\"name\":\"one\",\"hz\":0,\"ppm\":0,\"error_ppm\":0,\"chosen\":false,"
        "\"confirms\":false,\"refused\":\"there is none\"",
        "\"name\":\"three\",\"hz\":1000000000,\"ppm\":0,\"error_ppm\":0,"
        "\"chosen\":true,\"confirms\":true,\"refused\":\"\"",
        "\"name\":\"four\",\"hz\":1000200000,\"ppm\":200,\"error_ppm\":7,"
        "\"chosen\":false,\"confirms\":true,\"refused\":\"\"",
        "\"name\":\"six\",\"hz\":999000000,\"ppm\":-1000,\"error_ppm\":1,"
        "\"chosen\":false,\"confirms\":false,\"refused\":\"\"",
    };

    (void)state;
    start();
    tsc_report(&t);
    assert_said(people, to_people, sizeof(to_people) / sizeof(to_people[0]));
    assert_said(programs, to_programs, sizeof(to_programs) / sizeof(to_programs[0]));
    assert_int_equal(lines_of(people), 2 + TSC_SOURCES);
    assert_int_equal(lines_of(programs), TSC_SOURCES);
    /* One that is refused has a value all the same; where none is chosen, none is shown so. */
    start();
    t.invariant = true;
    t.sources[3].status = TSC_TOO_FAR;
    t.sources[2] = t.sources[0];
    tsc_report(&t);
    assert_non_null(strstr(people, "(invariant)\n"));
    assert_non_null(strstr(people, "refused: more than 1 %"));
    assert_null(strstr(people, "chosen\n\n"));
    assert_null(strstr(programs, "\"chosen\":true"));
    /* Nor does it confirm. */
    start();
    t.sources[0].confirms = true;
    tsc_report(&t);
    assert_non_null(strstr(programs, "\"name\":\"one\",\"hz\":0,\"ppm\":0,\"error_ppm\":0,"
                                     "\"chosen\":false,\"confirms\":false"));
}

static void its_check_sums_them_up(void **state)
{
    (void)state;
    start();
    tsc_judge(&t);
    assert_non_null(strstr(
        programs, "\"result\":\"PASS\",\"detail\":\"1000000000 Hz by three; 3 sources, at most "
                  "1000 ppm off, 1 by more than the errors"));
    /* The one that is farthest need not be the last, or below. */
    start();
    t.sources[5].hz = 1000100000;
    t.sources[5].confirms = true;
    tsc_judge(&t);
    assert_non_null(strstr(programs, "3 sources, at most 200 ppm off, 0 by more than the errors"));
    start();
    t.sources[3].hz = t.sources[5].hz = t.hz;
    tsc_judge(&t);
    assert_non_null(strstr(programs, "3 sources, at most 0 ppm off"));
    /* One is enough, and the first is one. */
    start();
    for (unsigned i = 1; i < TSC_SOURCES; i++)
        t.sources[i].status = TSC_NONE;
    t.sources[0].hz = t.hz;
    t.sources[0].status = TSC_OK;
    tsc_judge(&t);
    assert_non_null(strstr(programs, "\"result\":\"PASS\""));
    assert_non_null(strstr(programs, "1 sources, at most 0 ppm off, 1 by"));
    start();
    t.hz = 0;
    for (unsigned i = 0; i < TSC_SOURCES; i++)
        t.sources[i].status = TSC_NONE;
    tsc_judge(&t);
    assert_non_null(strstr(programs, "\"result\":\"FAIL\",\"detail\":\"0 Hz by three; 0 sources"));
    /* A frequency without a source is none. */
    start();
    for (unsigned i = 0; i < TSC_SOURCES; i++)
        t.sources[i].status = TSC_NONE;
    tsc_judge(&t);
    assert_non_null(strstr(programs, "\"result\":\"FAIL\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sources_are_shown),
        cmocka_unit_test(its_check_sums_them_up),
    };

    return cmocka_run_group_tests(tests, start_report, NULL);
}
