/* SPDX-License-Identifier: 0BSD */
/* Dates, and the texts of dates. */
#include "base/calendar.h"
#include "tests/check.h"
#include <inttypes.h>
#include <string.h>
#include <time.h>

static uint64_t random_state = 1;

/* Against the host's C library. */
static void dates_are_those_of_the_c_library(void **unused)
{
    const uint64_t count = test_count();

    (void)unused;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t seconds = i < 2932896 ? i * 86400 + i % 86400
                                       : next_random(&random_state) % 253402300800,
                 back = 0;
        time_t t = (time_t)seconds;
        struct tm tm;
        char ours[DATE_SIZE], theirs[DATE_SIZE];
        gmtime_r(&t, &tm);
        struct calendar_date d = calendar_from_seconds((int64_t)seconds);
        format_ctime(ours, seconds, "UTC");
        strftime(theirs, sizeof(theirs), "%a %b %e %H:%M:%S UTC %Y", &tm);
        assert_that(!strcmp(ours, theirs), "%s, not %s", ours, theirs);
        format_date(ours, seconds);
        strftime(theirs, sizeof(theirs), "%Y-%m-%d %H:%M:%S", &tm);
        assert_that(!strcmp(ours, theirs), "%s, not %s", ours, theirs);
        assert_that(date_seconds(&d, &back) && back == seconds,
                    "%" PRIu64 " comes back as %" PRIu64, seconds, back);
    }
}

static void only_the_forms_of_a_date_are_read(void **unused)
{
    static const struct {
        const char *text, *date; /* NULL: not a date's form; "": no such date */
    } cases[] = {
        {"202612241201.30", "2026-12-24 12:01:30"},
        {"2612241201", "2026-12-24 12:01:00"},
        {"7002010000", "1970-02-01 00:00:00"},
        {"6802010000", "2068-02-01 00:00:00"},
        {"12241201", "2026-12-24 12:01:00"},
        {"241201", "2026-11-24 12:01:00"},
        {"1201.59", "2026-11-22 12:01:59"},
        {"05", "2026-11-22 18:05:00"},
        {"2026-02-28", "2026-02-28 00:00:00"},
        {"2024-02-29 23:59", "2024-02-29 23:59:00"},
        {"2024-02-29 23:59:58", "2024-02-29 23:59:58"},
        {"202402290000", "2024-02-29 00:00:00"},
        {"202302290000", ""},
        {"210002290000", ""},
        {"202613010000", ""},
        {"202600010000", ""},
        {"202611310000", ""},
        {"202611222400", ""},
        {"202611221260", ""},
        {"1201.60", ""},
        {"196912312359", ""},
        {"1969-12-31", ""},
        {"", NULL},
        {"1", NULL},
        {"123", NULL},
        {"12012", NULL},
        {"20261224120130", NULL},
        {"1201.5", NULL},
        {"1201.500", NULL},
        {"1201x", NULL},
        {"tomorrow", NULL},
        {"2026-12", NULL},
        {"2026-12-24T12:01", NULL},
        {"2026-12-24 12", NULL},
        {"2026-12-24 12:01:3", NULL},
        {"-1", NULL},
    };
    const struct calendar_date now = calendar_from_seconds(1795371301); /* 2026-11-22 18:15:01 */

    (void)unused;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct calendar_date d;
        uint64_t seconds = 0;
        char text[DATE_SIZE] = "";
        bool read = date_read(cases[i].text, &now, &d);
        assert_that(read == (cases[i].date != NULL), "'%s'", cases[i].text);
        if (!read || !cases[i].date)
            continue;
        if (date_seconds(&d, &seconds))
            format_date(text, seconds);
        assert_that(!strcmp(text, cases[i].date), "'%s' is '%s', not '%s'", cases[i].text, text,
                    cases[i].date);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_those_of_the_c_library),
        cmocka_unit_test(only_the_forms_of_a_date_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
