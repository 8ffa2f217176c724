/* SPDX-License-Identifier: 0BSD */
/*
 * The report: what is found is said twice, for people on COM1 and as JSON on COM2, one object a
 * line (docs/report.md has the schema).
 *
 * A check is one fact that must hold: PASS, FAIL, or SKIP with the reason why it could not be
 * asked.
 */
#ifndef CLOCKPAGE_REPORT_H
#define CLOCKPAGE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

enum result { PASS, FAIL, SKIP };

/* COM2 is used when it is there. */
void report_init(void);

/* A line, or part of one, for people, and its length; see base/format.h for the formats. */
unsigned print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * One check, in both forms: as JSON at once, for people at the end, below the tables, where
 * verdicts are looked for.
 */
void check(enum result result, const char *name, const char *figures, ...)
    __attribute__((format(printf, 3, 4)));
static inline enum result pass_if(bool ok)
{
    return ok ? PASS : FAIL;
}

/* One JSON object: begin, its members, end. */
void record_begin(const char *kind);
void record_u64(const char *name, uint64_t value);
void record_i64(const char *name, int64_t value);
/* A number given in thousandths. */
void record_milli(const char *name, uint64_t value);
void record_bool(const char *name, bool value);
void record_text(const char *name, const char *value);
/* A list of texts as one member. */
void record_list_begin(const char *name);
void record_list_text(const char *value);
void record_list_end(void);
void record_end(void);

/* The checks' lines for people that have not been printed yet; true when none of them failed. */
bool report_new_verdicts(void);
/* All of them once more, and the count so far. */
void report_all_verdicts(void);

/* What is said from here on is for people only: a repetition.  Until report_repeat(false). */
void report_repeat(bool on);

/* The checks' lines for people, and the count of all, in both forms; true when none failed. */
bool report_end(void);

#endif
