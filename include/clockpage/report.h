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
#include <stdint.h>

enum result { PASS, FAIL, SKIP };

/* Initialises COM2 for the JSON form, if there is one. */
void report_init(void);

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

/* One JSON object: record_begin(), its members, record_end(). */
void record_begin(const char *kind);
void record_u64(const char *name, uint64_t value);
void record_i64(const char *name, int64_t value);
/* A number in thousandths. */
void record_milli(const char *name, uint64_t value);
void record_bool(const char *name, bool value);
void record_text(const char *name, const char *value);
/* A member that is a list of texts. */
void record_list_begin(const char *name);
void record_list_text(const char *value);
void record_list_end(void);
void record_end(void);

/* Prints the checks' text lines that have not been printed yet; true if none of them failed. */
bool report_new_verdicts(void);
/* Prints all checks' text lines again, and the count so far. */
void report_all_verdicts(void);

/* While on, the report repeats earlier output, so nothing is written as JSON. */
void report_repeat(bool on);

/*
 * Prints the checks' remaining text lines, and the count of all in both forms; true if none
 * failed.
 */
bool report_end(void);

#endif
