/* SPDX-License-Identifier: 0BSD */
/*
 * The report, where the flow ends: writes every result as text to COM1 and as JSON to COM2, and
 * counts the checks.
 */
#include "arch/x86/serial.h"
#include "base/console.h"
#include "base/format.h"
#include <clockpage/report.h>

static const char *const result_names[] = {"PASS", "FAIL", "SKIP"};

static unsigned counts[3];
/* The checks' text lines, kept so that they can be printed again. */
static struct {
    char text[16384];
    size_t length, printed;
} verdicts;
static bool json_present, json_here;
static struct {
    char text[1024];
    size_t length;
} json;

void report_init(void)
{
    json_present = json_here = serial_init(COM2);
}

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

static void json_put(const char *text)
{
    while (*text && json.length < sizeof(json.text) - 2)
        json.text[json.length++] = *text++;
}

static void json_put_quoted(const char *text)
{
    json_put("\"");
    for (; *text; text++) {
        char escaped[8] = {*text, 0};
        if (*text == '"' || *text == '\\')
            format(escaped, sizeof(escaped), "\\%c", *text);
        else if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
            format(escaped, sizeof(escaped), "\\u%04x", (unsigned char)*text);
        json_put(escaped);
    }
    json_put("\"");
}

static void json_name(const char *name)
{
    json_put(",");
    json_put_quoted(name);
    json_put(":");
}

void record_begin(const char *kind)
{
    json.length = 0;
    json_put("{\"record\":");
    json_put_quoted(kind);
}

void record_u64(const char *name, uint64_t value)
{
    char text[24];

    if (!json_present)
        return;
    json_name(name);
    format(text, sizeof(text), "%lu", value);
    json_put(text);
}

void record_i64(const char *name, int64_t value)
{
    char text[24];

    if (!json_present)
        return;
    json_name(name);
    format(text, sizeof(text), "%ld", value);
    json_put(text);
}

void record_milli(const char *name, uint64_t value)
{
    char text[32];

    if (!json_present)
        return;
    json_name(name);
    format(text, sizeof(text), MILLI_FORMAT, MILLI(value));
    json_put(text);
}

void record_bool(const char *name, bool value)
{
    json_name(name);
    json_put(value ? "true" : "false");
}

void record_text(const char *name, const char *value)
{
    if (!json_present)
        return;
    json_name(name);
    json_put_quoted(value);
}

static bool list_is_empty;

void record_list_begin(const char *name)
{
    json_name(name);
    json_put("[");
    list_is_empty = true;
}

void record_list_text(const char *value)
{
    if (!list_is_empty)
        json_put(",");
    json_put_quoted(value);
    list_is_empty = false;
}

void record_list_end(void)
{
    json_put("]");
}

void record_end(void)
{
    json_put("}");
    json.text[json.length++] = '\n';
    if (json_present)
        serial_write(COM2, json.text, json.length);
    json.length = 0;
}

bool report_new_verdicts(void)
{
    static unsigned failed;
    bool good = counts[FAIL] == failed;

    console_write(verdicts.text + verdicts.printed, verdicts.length - verdicts.printed);
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

void report_repeat(bool on)
{
    json_present = json_here && !on;
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
    record_begin("check");
    record_text("name", name);
    record_text("result", result_names[result]);
    record_text("detail", detail);
    record_end();
}

bool report_end(void)
{
    print("\n");
    (void)report_new_verdicts();
    print_counts();
    record_begin("end");
    record_u64("passed", counts[PASS]);
    record_u64("failed", counts[FAIL]);
    record_u64("skipped", counts[SKIP]);
    record_end();
    return counts[FAIL] == 0;
}
