/* SPDX-License-Identifier: 0BSD */
/* The sysctl tree, with branches that the test makes. */
#include "base/sysctl.h"
#include "tests/check.h"
#include <string.h>

static int number = 3;
static uint64_t u64;
static bool on;
static char text[8] = "start";
static const char *const choices[] = {"a", "bb", NULL};
static const char *choice = "a";

static void get_index(void *context, uint32_t index, struct sysctl_text *to)
{
    sysctl_put(to, "%s %u", (const char *)context, index);
}

static const char *set_even(void *context, uint32_t index, const union sysctl_value *value)
{
    (void)context, (void)index;
    if (value->number % 2)
        return "odd";
    number = value->number;
    return NULL;
}

static const struct sysctl nodes[] = {
    {.name = "int", .type = SYSCTL_INT, .flags = SYSCTL_RW, .value = &number},
    {.name = "limited",
     .type = SYSCTL_INT,
     .flags = SYSCTL_RW,
     .value = &number,
     .min = -2,
     .max = 5},
    {.name = "even", .type = SYSCTL_INT, .flags = SYSCTL_RW, .value = &number, .set = set_even},
    {.name = "u64", .type = SYSCTL_U64, .flags = SYSCTL_RW, .value = &u64},
    {.name = "on", .type = SYSCTL_BOOL, .flags = SYSCTL_RW, .value = &on},
    {.name = "text", .type = SYSCTL_STRING, .flags = SYSCTL_RW, .value = text, .max = sizeof(text)},
    {.name = "choice",
     .type = SYSCTL_STRING,
     .flags = SYSCTL_RW,
     .value = &choice,
     .choices = choices},
    {.name = "opaque", .type = SYSCTL_OPAQUE, .flags = SYSCTL_RD, .get = get_index},
};
static const struct sysctl numbered_nodes[] = {
    {.name = "", .type = SYSCTL_OPAQUE, .flags = SYSCTL_RD, .get = get_index},
    {.name = "x", .type = SYSCTL_OPAQUE, .flags = SYSCTL_RD, .get = get_index},
};
static const uint32_t twelve = 12;
static struct sysctl_branch branches[] = {
    {.parent = "z.y", .nodes = nodes, .count = 8, .context = "c"},
    {.parent = "b",
     .word = "w",
     .numbers = &twelve,
     .nodes = numbered_nodes,
     .count = 2,
     .context = "n"},
    {.parent = "a", .nodes = nodes, .count = 1},
    {.parent = "", .nodes = nodes, .count = 1},
};

static void every_name_is_found(void **unused)
{
    static const char *const known[] = {"int",        "a.int", "z.y.int",
                                        "z.y.opaque", "b.w.0", "b.w.11.x"};
    static const char *const unknown[] = {
        "",         "z",        "z.y",    "z.y.",   "z.y.in",
        "z.y.intt", "z.y.int.", "b.w",    "b.w.12", "b.w.00",
        "b.w.01.x", "b.w.1.y",  "b.w.1x", "b.w..x", "b.w.99999999999",
        "a.int.x",  ".int",     "b.w.-1"};
    struct sysctl_at at = {0};
    char name[SYSCTL_NAME_SIZE], value[SYSCTL_VALUE_SIZE], before[SYSCTL_NAME_SIZE] = "";
    unsigned n = 0;

    (void)unused;
    for (unsigned i = 0; i < 4; i++)
        sysctl_register(&branches[i]);
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        assert_that(sysctl_find(known[i], &at), "%s", known[i]);
        sysctl_name(&at, name);
        assert_that(!strcmp(name, known[i]), "%s is called %s", known[i], name);
    }
    for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_that(!sysctl_find(unknown[i], &at), "'%s'", unknown[i]);
    at = (struct sysctl_at){0};
    while (sysctl_next(&at)) {
        struct sysctl_at found;
        sysctl_name(&at, name);
        assert_that(n++ == 0 || name[0] >= before[0] || before[1] != '.', "%s after %s", name,
                    before);
        assert_that(sysctl_find(name, &found) && found.branch == at.branch &&
                        found.index == at.index && found.node == at.node,
                    "%s", name);
        strcpy(before, name);
    }
    assert_that(n == 8 + 24 + 1 + 1, "%u nodes", n);
    assert_that(sysctl_find("b.w.7.x", &at), "b.w.7.x");
    sysctl_get(&at, value);
    assert_that(!strcmp(value, "n 7"), "'%s'", value);
}

static void values_are_checked_before_they_are_set(void **unused)
{
    static const struct {
        const char *name, *value;
        enum sysctl_error error;
        const char *after;
    } cases[] = {
        {"z.y.int", "-2147483648", SYSCTL_OK, "-2147483648"},
        {"z.y.int", "2147483648", SYSCTL_OUT_OF_RANGE, "-2147483648"},
        {"z.y.int", "0x10", SYSCTL_OK, "16"},
        {"z.y.int", "", SYSCTL_EMPTY, "16"},
        {"z.y.int", "abc", SYSCTL_NOT_A_NUMBER, "16"},
        {"z.y.int", "18446744073709551616", SYSCTL_NOT_A_NUMBER, "16"},
        {"z.y.int", "18446744073709551615", SYSCTL_OUT_OF_RANGE, "16"},
        {"z.y.limited", "6", SYSCTL_OUT_OF_RANGE, "16"},
        {"z.y.limited", "-3", SYSCTL_OUT_OF_RANGE, "16"},
        {"z.y.limited", "-2", SYSCTL_OK, "-2"},
        {"z.y.even", "3", SYSCTL_REFUSED, "-2"},
        {"z.y.even", "4", SYSCTL_OK, "4"},
        {"z.y.u64", "18446744073709551615", SYSCTL_OK, "18446744073709551615"},
        {"z.y.u64", "-1", SYSCTL_OUT_OF_RANGE, "18446744073709551615"},
        {"z.y.on", "2", SYSCTL_OUT_OF_RANGE, "0"},
        {"z.y.on", "-1", SYSCTL_OUT_OF_RANGE, "0"},
        {"z.y.on", "yes", SYSCTL_NOT_A_NUMBER, "0"},
        {"z.y.on", "1", SYSCTL_OK, "1"},
        {"z.y.text", "1234567", SYSCTL_OK, "1234567"},
        {"z.y.text", "12345678", SYSCTL_TOO_LONG, "1234567"},
        {"z.y.text", "", SYSCTL_EMPTY, "1234567"},
        {"z.y.choice", "b", SYSCTL_NO_CHOICE, "a"},
        {"z.y.choice", "bb", SYSCTL_OK, "bb"},
        {"z.y.opaque", "1", SYSCTL_CANNOT, "c 0"},
    };

    (void)unused;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sysctl_at at;
        char value[SYSCTL_VALUE_SIZE];
        const char *why = NULL;
        assert_that(sysctl_find(cases[i].name, &at), "%s", cases[i].name);
        enum sysctl_error error = sysctl_set(&at, cases[i].value, &why);
        sysctl_get(&at, value);
        assert_that(error == cases[i].error && why, "%s=%s: error %d", cases[i].name,
                    cases[i].value, error);
        assert_that(!strcmp(value, cases[i].after), "%s=%s: now %s", cases[i].name, cases[i].value,
                    value);
    }
}

/* What is too long for its buffer is cut, and nothing else is touched. */
static void long_text_is_cut(void **unused)
{
    char small[8 + 1];
    struct sysctl_text to = {small, 8, 0};

    (void)unused;
    small[8] = '!';
    for (unsigned i = 0; i < 5; i++)
        sysctl_put(&to, "%s", "abc");
    assert_that(!strcmp(small, "abcabca") && to.length == 7 && small[8] == '!', "'%s'", small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_found),
        cmocka_unit_test(values_are_checked_before_they_are_set),
        cmocka_unit_test(long_text_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
