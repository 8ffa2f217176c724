/* SPDX-License-Identifier: 0BSD */
/* The report, where the flow ends: prints to COM1, and keeps and counts the checks. */
#include "base/console.h"
#include "base/format.h"
#include <clockpage/report.h>

static const char *const result_names[] = {"PASS", "FAIL", "SKIP"};

/* A verdict that takes a second line goes on below its name. */
enum { VERDICT_INDENT = 5 };

static unsigned counts[3];
/* The checks' text lines, kept so that they can be printed again. */
static struct {
    char text[16384];
    size_t length, printed;
} verdicts;

unsigned print(const char *f, ...)
{
    char line[512];
    va_list args;

    va_start(args, f);
    size_t n = format_va(line, sizeof(line), f, args);
    va_end(args);
    console_write(line, n);
    return (unsigned)n;
}

bool report_new_verdicts(void)
{
    static unsigned failed;
    bool good = counts[FAIL] == failed;

    console_write_wrapped(verdicts.text + verdicts.printed, verdicts.length - verdicts.printed,
                          VERDICT_INDENT);
    verdicts.printed = verdicts.length;
    failed = counts[FAIL];
    return good;
}

static void print_counts(void)
{
    print("\n%u passed, %u failed, %u skipped\n", counts[PASS], counts[FAIL], counts[SKIP]);
}

void report_all_verdicts(void)
{
    print("\n");
    verdicts.printed = 0;
    (void)report_new_verdicts();
    print_counts();
}

void check(enum result result, const char *name, const char *figures, ...)
{
    char detail[400];
    va_list args;

    va_start(args, figures);
    format_va(detail, sizeof(detail), figures, args);
    va_end(args);
    counts[result]++;
    if (verdicts.length + 500 > sizeof(verdicts.text)) {
        (void)report_new_verdicts();
        verdicts.length = verdicts.printed = 0;
    }
    verdicts.length +=
        format(verdicts.text + verdicts.length, sizeof(verdicts.text) - verdicts.length,
               "%s %s: %s\n", result_names[result], name, detail);
    REPORT("check", NULL, TEXT("name", name), TEXT("result", result_names[result]),
           TEXT("detail", detail));
}

bool report_end(void)
{
    print("\n");
    (void)report_new_verdicts();
    print_counts();
    REPORT("end", NULL, U64("passed", counts[PASS]), U64("failed", counts[FAIL]),
           U64("skipped", counts[SKIP]));
    return counts[FAIL] == 0;
}
