/* SPDX-License-Identifier: 0BSD */
/* base/report.c and base/record.c: what people and programs get of one description. */
#include "base/console.h"
#include "tests/check.h"
#include "tests/serial.h"
#include <clockpage/report.h>
#include <clockpage/sysctl.h>
#include <string.h>

/* The linker's name for the report's table of settings. */
extern struct sysctl_branch *const __start_sysctl_tables[];
static bool *verbose;

static int start(void **state)
{
    (void)state;
    serial_forget();
    (void)console_init();
    report_init();
    assert_string_equal(__start_sysctl_tables[0]->nodes[0].name, "bootverbose");
    verbose = __start_sysctl_tables[0]->nodes[0].value;
    *verbose = false;
    report_repeat(false);
    report_detail(false);
    return 0;
}

static void expect(const char *text, const char *json)
{
    assert_string_equal(people, text);
    assert_string_equal(programs, json);
    serial_forget();
}

/* ---- One description ------------------------------------------------------ */

static void each_value_stands_in_the_text_and_in_the_json(void **state)
{
    static const char *const list[] = {"a", "b\"c", NULL};

    (void)state;
    REPORT("row", "{u} {i} {m} {b} {t} {l}\n", U64("u", 7), I64("i", -8), MILLIS("m", 1234567),
           BOOL("b", true), TEXT("t", "x\\\t\xff"), LIST("l", list));
    expect("7 -8 1234.567 yes x\\\t\xff a b\"c\n",
           "{\"record\":\"row\",\"u\":7,\"i\":-8,\"m\":1234.567,\"b\":true,"
           "\"t\":\"x\\\\\\u0009\\u00ff\",\"l\":[\"a\",\"b\\\"c\"]}\n");
}

static void a_form_gives_width_sign_and_unit(void **state)
{
    (void)state;
    REPORT(NULL, "[{n:8}][{n:-8}][{n/1000}][{n/1000.1}][{n/1000000.6:+12}]\n", U64("n", 1234567));
    expect("[ 1234567][1234567 ][1234][1234.5][   +1.234567]\n", "");
    REPORT(NULL, "[{n:+}][{n:+8}][{n/1000.3:+}][{z:+}]\n", I64("n", -1005), I64("z", 0));
    expect("[-1005][   -1005][-1.005][+0]\n", "");
    REPORT(NULL, "[{n}][{u}][{t:5}][{t:-5}][{b:4}]\n", I64("n", INT64_MIN), U64("u", UINT64_MAX),
           TEXT("t", "ab"), BOOL("b", false));
    expect("[-9223372036854775808][18446744073709551615][   ab][ab   ][  no]\n", "");
}

static void a_name_that_begins_with_an_underscore_is_for_people_only(void **state)
{
    (void)state;
    REPORT("row", "{_a}{a}\n", TEXT("_a", "see "), U64("a", 1));
    expect("see 1\n", "{\"record\":\"row\",\"a\":1}\n");
}

static void a_name_without_a_value_is_shown(void **state)
{
    (void)state;
    REPORT("row", "{b} {aa} {a\n", U64("a", 1));
    expect("{b} {aa} {a\n", "{\"record\":\"row\",\"a\":1}\n");
}

static void an_empty_last_column_leaves_no_blanks(void **state)
{
    (void)state;
    REPORT(NULL, "a  {t}\nb {t:5}\n", TEXT("t", ""));
    expect("a\nb\n", "");
}

static void what_repeats_is_not_recorded_again(void **state)
{
    (void)state;
    report_repeat(true);
    REPORT("row", "{a}\n", U64("a", 1));
    expect("1\n", "");
}

static void detail_is_for_programs_and_for_who_asks(void **state)
{
    (void)state;
    report_detail(true);
    REPORT("row", "{a}\n", U64("a", 1));
    print("more\n");
    report_detail(false);
    expect("", "{\"record\":\"row\",\"a\":1}\n");
    *verbose = true;
    report_detail(true);
    REPORT("row", "{a}\n", U64("a", 1));
    print("more\n");
    expect("1\nmore\n", "{\"record\":\"row\",\"a\":1}\n");
}

/* ---- Lines of 80 columns ---------------------------------------------------- */

static void no_line_is_longer_than_the_console_and_no_word_is_lost(void **state)
{
    (void)state;
    srand(1);
    for (unsigned i = 0; i < 20000; i++) {
        char text[600] = "", joined[600] = "";
        size_t n = 0;
        unsigned words = 1 + (unsigned)rand() % 60;
        for (unsigned w = 0; w < words; w++) {
            unsigned length = 1 + (unsigned)rand() % 9;
            for (unsigned c = 0; c < length; c++)
                text[n++] = (char)('a' + rand() % 26);
            text[n++] = w + 1 == words ? '\n' : ' ';
        }
        console_write_wrapped(text, n, (size_t)(rand() % 13));
        for (char *line = strtok(people, "\n"); line; line = strtok(NULL, "\n")) {
            assert_true(strlen(line) <= CONSOLE_COLUMNS);
            while (*line == ' ')
                line++;
            strcat(joined, *joined ? " " : "");
            strcat(joined, line);
        }
        text[n - 1] = 0;
        assert_string_equal(joined, text);
        memset(people, 0, sizeof(people));
    }
}

static void a_word_longer_than_a_line_is_left_whole(void **state)
{
    char text[101];

    (void)state;
    memset(text, 'x', 99);
    strcpy(text + 99, "\n");
    console_write_wrapped(text, 100, 5);
    expect(text, "");
}

static void stages_share_a_line_that_anything_else_ends(void **state)
{
    (void)state;
    report_stage("one");
    report_stage("two");
    print("WARNING\n");
    report_stage("three");
    report_stage(NULL);
    report_stage(NULL);
    expect("testing     one, two\nWARNING\ntesting     three\n", "");
    for (unsigned i = 0; i < 20; i++)
        report_stage("a stage");
    report_stage(NULL);
    for (char *line = strtok(people, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) < CONSOLE_COLUMNS);
    memset(people, 0, sizeof(people));
}

/* ---- Checks; these go on from one another, as the counts do ------------------ */

static void passed_checks_of_a_group_share_a_line_and_the_others_stand_whole(void **state)
{
    (void)state;
    check(PASS, "kvmclock.msrs", "a");
    check(PASS, "settings", "%u set", 1);
    check(FAIL, "kvmclock.alive", "b %s",
          "and so long a reason that it does not fit in one line of the console, but it is whole");
    check(PASS, "clock.date", "c");
    check(PASS, "kvmclock.wall", "d");
    check(SKIP, "tsc.offset", "e");
    check(PASS, "kernel.map", "f");
    memset(programs, 0, sizeof(programs));
    assert_false(report_new_verdicts(false));
    expect("PASS kvmclock: 2 of 3: msrs wall\n"
           "PASS machine: 2 of 2: settings kernel.map\n"
           "PASS clock.date: c\n"
           "FAIL kvmclock.alive: b and so long a reason that it does not fit in one line of\n"
           "     the console, but it is whole\n"
           "SKIP tsc.offset: e\n",
           "");
    assert_true(report_new_verdicts(false));
    expect("", "");
    assert_string_equal(report_failure(0), "kvmclock.alive");
    assert_null(report_failure(1));
}

static void the_report_ends_with_the_verdict(void **state)
{
    (void)state;
    check(PASS, "settings", "x");
    memset(programs, 0, sizeof(programs));
    assert_false(report_end("bad", "It stands still."));
    expect("\nPASS settings: x\n\n6 passed, 1 failed, 1 skipped\n\nClock: bad. It stands still.\n",
           "{\"record\":\"verdict\",\"state\":\"bad\",\"text\":\"It stands still.\"}\n"
           "{\"record\":\"end\",\"passed\":6,\"failed\":1,\"skipped\":1}\n");
}

static void no_check_is_lost_however_many_there_are(void **state)
{
    unsigned whole = 0, counted = 0;

    (void)state;
    *verbose = true;
    for (unsigned i = 0; i < 300; i++)
        check(i % 3 ? PASS : SKIP, "ring3.some", "number %u is here", i);
    (void)report_new_verdicts(false);
    for (char *line = strtok(people, "\n"); line; line = strtok(NULL, "\n"), counted++) {
        char name[40];
        unsigned number;
        whole +=
            sscanf(line, "%*s %39[^:]: number %u is here", name, &number) == 2 && number == counted;
    }
    assert_int_equal(whole, 300);
    memset(programs, 0, sizeof(programs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_value_stands_in_the_text_and_in_the_json, start),
        cmocka_unit_test_setup(a_form_gives_width_sign_and_unit, start),
        cmocka_unit_test_setup(a_name_that_begins_with_an_underscore_is_for_people_only, start),
        cmocka_unit_test_setup(a_name_without_a_value_is_shown, start),
        cmocka_unit_test_setup(an_empty_last_column_leaves_no_blanks, start),
        cmocka_unit_test_setup(what_repeats_is_not_recorded_again, start),
        cmocka_unit_test_setup(detail_is_for_programs_and_for_who_asks, start),
        cmocka_unit_test_setup(no_line_is_longer_than_the_console_and_no_word_is_lost, start),
        cmocka_unit_test_setup(a_word_longer_than_a_line_is_left_whole, start),
        cmocka_unit_test_setup(stages_share_a_line_that_anything_else_ends, start),
        cmocka_unit_test_setup(passed_checks_of_a_group_share_a_line_and_the_others_stand_whole,
                               start),
        cmocka_unit_test_setup(the_report_ends_with_the_verdict, start),
        cmocka_unit_test_setup(no_check_is_lost_however_many_there_are, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
