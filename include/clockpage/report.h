/* SPDX-License-Identifier: 0BSD */
/*
 * The report: every result is printed twice, as text on COM1 and as JSON on COM2, one object a
 * line (docs/report.md has the schema).
 *
 * A check is one fact that must hold: PASS, FAIL, or SKIP with the reason why it could not be
 * checked.
 */
#ifndef CLOCKPAGE_REPORT_H
#define CLOCKPAGE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum result { PASS, FAIL, SKIP };

/* Initialises COM2 for the JSON form, if there is one. */
void report_init(void);
/* The setting debug.bootverbose. */
bool report_is_verbose(void);
/* From here to report_detail(false) text is printed only if the report is verbose; JSON always. */
void report_detail(bool on);

/*
 * Prints a line or part of one on COM1, and returns its length; see base/format.h for the
 * formats.
 */
unsigned print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Records a check: its JSON at once; its text line at the end, below the tables, where readers
 * look for verdicts.
 */
void check(enum result result, const char *name, const char *figures, ...)
    __attribute__((format(printf, 3, 4)));
static inline enum result pass_if(bool ok)
{
    return ok ? PASS : FAIL;
}

/* A named value: a member of a JSON object, and what "{name}" in the text stands for. */
struct report_value {
    const char *name; /* one that begins with '_' is for the text only */
    enum { REPORT_U64, REPORT_I64, REPORT_MILLI, REPORT_BOOL, REPORT_TEXT, REPORT_LIST } kind;
    union {
        uint64_t u64;
        int64_t i64;
        const char *text;
        const char *const *list; /* up to NULL */
    };
};

/* REPORT_MILLI: a number in thousandths. */
#define U64(n, v)                                                                                  \
    {                                                                                              \
        .name = (n), .kind = REPORT_U64, .u64 = (v)                                                \
    }
#define I64(n, v)                                                                                  \
    {                                                                                              \
        .name = (n), .kind = REPORT_I64, .i64 = (v)                                                \
    }
#define MILLIS(n, v)                                                                               \
    {                                                                                              \
        .name = (n), .kind = REPORT_MILLI, .u64 = (v)                                              \
    }
#define BOOL(n, v)                                                                                 \
    {                                                                                              \
        .name = (n), .kind = REPORT_BOOL, .u64 = (v)                                               \
    }
#define TEXT(n, v)                                                                                 \
    {                                                                                              \
        .name = (n), .kind = REPORT_TEXT, .text = (v)                                              \
    }
#define LIST(n, v)                                                                                 \
    {                                                                                              \
        .name = (n), .kind = REPORT_LIST, .list = (v)                                              \
    }

/*
 * Reports one set of values twice: as a JSON object {"record": `kind`, ...} on COM2, and on COM1
 * as `text`, in which "{name}" stands for the value of that name.  Either may be NULL.
 *
 * The full form is "{name/divisor.digits:+width}", each part optional: the divisor is a power of
 * ten, with as many digits after the point; '+' shows the sign of a positive number; the value is
 * right-aligned in `width`, left-aligned if that is negative.
 */
#define REPORT(kind, text, ...)                                                                    \
    report((kind), (text), (const struct report_value[]){__VA_ARGS__},                             \
           sizeof((const struct report_value[]){__VA_ARGS__}) / sizeof(struct report_value))
void report(const char *kind, const char *text, const struct report_value *values, unsigned count);

/*
 * Names what is being tested now, in words that follow "testing"; NULL: nothing any more.  Anything
 * that is printed ends the line of stages first.
 */
void report_stage(const char *what);
/* Returns how many stages have been named so far. */
unsigned report_stages(void);

/*
 * Prints the checks' text lines that have not been printed yet; true if none of them failed.
 * Unless `whole`, passed ones of one group share a line.
 */
bool report_new_verdicts(bool whole);
/* Prints all checks' text lines again, and the count so far. */
void report_all_verdicts(void);

/* Returns the name of the check that failed first (0), second (1) ...; NULL: fewer failed. */
const char *report_failure(unsigned index);

/* While on, the report repeats earlier output, so nothing is written as JSON. */
void report_repeat(bool on);

/*
 * Ends the report: prints the checks' remaining text lines and, in both forms, the count of all
 * and the verdict on the clock: `state` is "good", "bad" or "not judged", `verdict` says why; NULL
 * if the run did not get that far.  True if no check failed.
 */
bool report_end(const char *state, const char *verdict);

#endif
