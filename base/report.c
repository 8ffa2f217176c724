/* SPDX-License-Identifier: 0BSD */
/*
 * The report, where the flow ends: prints to COM1, keeps and counts the checks, and ends with the
 * verdict.
 */
#include "base/report.h"
#include "base/console.h"
#include "base/format.h"
#include "base/text.h"
#include <clockpage/report.h>
#include <clockpage/sysctl.h>

static const char *const result_names[] = {"PASS", "FAIL", "SKIP"};

/* A verdict that takes a second line goes on below its name; a stage's names below the first. */
enum { VERDICT_INDENT = 5, STAGE_INDENT = 12 };

static bool verbose, muted;
static unsigned counts[3];
static char failures[32][40]; /* names of the first that failed */
/* The checks' text lines, "PASS name: figures\n", kept so that they can be printed again. */
static struct {
    char text[16384];
    size_t length, printed;
} verdicts;
static size_t stage_column; /* where the line of stages has got to; 0: there is none */
static unsigned stages;

static const struct sysctl nodes[] = {
    SYSCTL_VALUE("bootverbose", SYSCTL_BOOL, SYSCTL_RWTUN, &verbose, 0, 0, "0",
                 "1: report every table, reason and check; 0: what a person needs"),
};
SYSCTL_TABLE("debug", nodes);

bool report_is_verbose(void)
{
    return verbose;
}

void report_detail(bool on)
{
    muted = on && !verbose;
}

void report_write(const char *text, size_t length, size_t indent)
{
    if (muted)
        return;
    report_stage(NULL);
    if (indent)
        console_write_wrapped(text, length, indent);
    else
        console_write(text, length);
}

unsigned print(const char *f, ...)
{
    char line[512];
    va_list args;

    va_start(args, f);
    size_t n = format_va(line, sizeof(line), f, args);
    va_end(args);
    report_write(line, n, 0);
    return (unsigned)n;
}

void report_stage(const char *what)
{
    if (!what) {
        if (stage_column)
            console_write("\n", 1);
        stage_column = 0;
        return;
    }
    size_t n = text_length(what);
    stages++;
    if (!stage_column) {
        console_write("testing     ", STAGE_INDENT);
        stage_column = STAGE_INDENT;
    } else if (stage_column + 2 + n >= CONSOLE_COLUMNS) {
        console_write(",\n            ", STAGE_INDENT + 2);
        stage_column = STAGE_INDENT;
    } else {
        console_write(", ", 2);
        stage_column += 2;
    }
    console_write(what, n);
    stage_column += n;
}

unsigned report_stages(void)
{
    return stages;
}

/* ---- Checks ------------------------------------------------------------ */

static const char machine_title[] = "machine";

/* A passed check is counted under the first title that its name fits. */
static const struct {
    const char *start, *title;
} groups[] = {
    {"ring3.clock.", "ring 3 protections"},
    {"ring3.text.", "ring 3 protections"},
    {"ring3.stack.", "ring 3 protections"},
    {"ring3.kernel.", "ring 3 protections"},
    {"ring3.hlt.", "ring 3 protections"},
    {"ring3.border.", "ring 3 protections"},
    {"ring3.", "ring 3"},
    {"readers.", "readers"},
    {"kvmclock.", "kvmclock"},
    {"timecounter.", "timecounters"},
    {"tsc.", "TSC"},
    {"clock.", "date"},
    {"", machine_title},
};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]) };

static const char *title_of(const char *line)
{
    unsigned i = 0;

    while (!text_behind(line + sizeof("PASS"), groups[i].start))
        i++;
    return groups[i].title;
}

static const char *next_line(const char *line)
{
    while (*line++ != '\n')
        ;
    return line;
}

/* Appends the name of a check, without its first part where the title says as much. */
static size_t put_name(char *to, size_t size, const char *line, const char *title)
{
    const char *name = line + sizeof("PASS");
    size_t n = 0;

    for (const char *c = name; *c != ':' && !text_same(title, machine_title); c++) {
        if (*c == '.') {
            name = c + 1;
            break;
        }
    }
    for (; *name != ':' && n + 1 < size; name++)
        to[n++] = *name;
    return n;
}

/* Prints one line for all checks of the title of this passed one, unless an earlier one has. */
static void print_group(const char *from, const char *end, const char *line)
{
    const char *title = title_of(line);
    unsigned passed = 0, all = 0;
    char names[400], text[480];
    size_t n = 0;

    for (const char *l = from; l < end; l = next_line(l)) {
        if (title_of(l) != title)
            continue;
        all++;
        if (*l != 'P')
            continue;
        if (!passed++ && l != line)
            return;
        n += format(names + n, sizeof(names) - n, n ? " " : "");
        n += put_name(names + n, sizeof(names) - n, l, title);
    }
    names[n] = 0;
    if (all == 1) {
        console_write_wrapped(line, (size_t)(next_line(line) - line), VERDICT_INDENT);
        return;
    }
    n = format(text, sizeof(text), "PASS %s: %u of %u: %s\n", title, passed, all, names);
    console_write_wrapped(text, n, VERDICT_INDENT);
}

/*
 * Prints the lines since the last time: `whole`, or one line for each title's passed checks, and
 * whole what is not passed.
 */
static void print_verdicts(bool whole)
{
    const char *from = verdicts.text + verdicts.printed, *end = verdicts.text + verdicts.length;

    report_stage(NULL);
    for (const char *line = from; !whole && line < end; line = next_line(line)) {
        if (*line == 'P')
            print_group(from, end, line);
    }
    for (const char *line = from; line < end; line = next_line(line)) {
        if (whole || *line != 'P')
            console_write_wrapped(line, (size_t)(next_line(line) - line), VERDICT_INDENT);
    }
    verdicts.printed = verdicts.length;
}

bool report_new_verdicts(bool whole)
{
    static unsigned failed;
    bool good = counts[FAIL] == failed;

    print_verdicts(whole || verbose);
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
    print_verdicts(verbose);
    print_counts();
}

void check(enum result result, const char *name, const char *figures, ...)
{
    char detail[400];
    va_list args;

    va_start(args, figures);
    format_va(detail, sizeof(detail), figures, args);
    va_end(args);
    if (result == FAIL && counts[FAIL] < sizeof(failures) / sizeof(failures[0]))
        format(failures[counts[FAIL]], sizeof(failures[0]), "%s", name);
    counts[result]++;
    if (verdicts.length + 500 > sizeof(verdicts.text)) {
        print_verdicts(true);
        verdicts.length = verdicts.printed = 0;
    }
    verdicts.length +=
        format(verdicts.text + verdicts.length, sizeof(verdicts.text) - verdicts.length,
               "%s %s: %s\n", result_names[result], name, detail);
    REPORT("check", NULL, TEXT("name", name), TEXT("result", result_names[result]),
           TEXT("detail", detail));
}

const char *report_failure(unsigned index)
{
    return index < sizeof(failures) / sizeof(failures[0]) && failures[index][0] ? failures[index]
                                                                                : NULL;
}

bool report_end(const char *state, const char *verdict)
{
    print("\n");
    print_verdicts(verbose || !state);
    print_counts();
    if (state)
        REPORT("verdict", "\nClock: {state}. {text}\n", TEXT("state", state),
               TEXT("text", verdict));
    REPORT("end", NULL, U64("passed", counts[PASS]), U64("failed", counts[FAIL]),
           U64("skipped", counts[SKIP]));
    return counts[FAIL] == 0;
}
