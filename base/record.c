/* SPDX-License-Identifier: 0BSD */
/*
 * Reports a set of values as text on COM1 and as a JSON object on COM2, from one description.
 */
#include "arch/x86/serial.h"
#include "base/format.h"
#include "base/report.h"
#include "base/text.h"
#include <clockpage/report.h>

/* What goes on in a second line stands below the values, not below the names. */
enum { INDENT = 12 };

static bool json_present, json_wanted = true;
static struct {
    char text[1024];
    size_t length;
} json;

void report_init(void)
{
    json_present = serial_init(COM2);
}

void report_repeat(bool on)
{
    json_wanted = !on;
}

/* ---- As JSON ----------------------------------------------------------- */

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

static void json_put_value(const struct report_value *v)
{
    char number[32] = "";

    switch (v->kind) {
    case REPORT_U64:
        format(number, sizeof(number), "%lu", v->u64);
        break;
    case REPORT_I64:
        format(number, sizeof(number), "%ld", v->i64);
        break;
    case REPORT_MILLI:
        format(number, sizeof(number), MILLI_FORMAT, MILLI(v->u64));
        break;
    case REPORT_BOOL:
        json_put(v->u64 ? "true" : "false");
        break;
    case REPORT_TEXT:
        json_put_quoted(v->text);
        break;
    case REPORT_LIST:
        json_put("[");
        for (const char *const *item = v->list; *item; item++) {
            json_put(item == v->list ? "" : ",");
            json_put_quoted(*item);
        }
        json_put("]");
        break;
    }
    json_put(number);
}

static void write_json(const char *kind, const struct report_value *values, unsigned count)
{
    json.length = 0;
    json_put("{\"record\":");
    json_put_quoted(kind);
    for (unsigned i = 0; i < count; i++) {
        if (values[i].name[0] == '_')
            continue;
        json_put(",");
        json_put_quoted(values[i].name);
        json_put(":");
        json_put_value(&values[i]);
    }
    json_put("}");
    json.text[json.length++] = '\n';
    serial_write(COM2, json.text, json.length);
}

/* ---- As text ----------------------------------------------------------- */

/* What follows the name in "{name/divisor.digits:+width}". */
struct form {
    uint64_t divisor;
    unsigned digits;
    int width; /* negative: left-aligned */
    bool plus;
};

static uint64_t read_number(const char **at)
{
    uint64_t n = 0;

    for (; **at >= '0' && **at <= '9'; ++*at)
        n = n * 10 + (uint64_t)(**at - '0');
    return n;
}

static bool read_character(const char **at, char c)
{
    bool here = **at == c;

    *at += here;
    return here;
}

static struct form read_form(const char **at)
{
    struct form f = {.divisor = 1};

    if (read_character(at, '/')) {
        f.divisor = read_number(at);
        if (read_character(at, '.'))
            f.digits = (unsigned)read_number(at);
    }
    if (read_character(at, ':')) {
        f.plus = read_character(at, '+');
        bool left = read_character(at, '-');
        f.width = (int)read_number(at);
        f.width = left ? -f.width : f.width;
    }
    return f;
}

static size_t put_number(char *to, size_t size, uint64_t value, bool negative, struct form f)
{
    const char *sign = negative ? "-" : f.plus ? "+" : "";
    uint64_t whole = value / f.divisor, unit = f.divisor;
    char number[48];

    for (unsigned i = 0; i < f.digits; i++)
        unit /= 10;
    if (f.digits)
        format(number, sizeof(number), "%s%lu.%0*lu", sign, whole, (int)f.digits,
               value % f.divisor / unit);
    else
        format(number, sizeof(number), "%s%lu", sign, whole);
    return format(to, size, "%*s", f.width, number);
}

static size_t put_value(char *to, size_t size, const struct report_value *v, struct form f)
{
    size_t n = 0;

    switch (v->kind) {
    case REPORT_MILLI:
        f.divisor = 1000;
        f.digits = 3;
        return put_number(to, size, v->u64, false, f);
    case REPORT_U64:
        return put_number(to, size, v->u64, false, f);
    case REPORT_I64:
        return put_number(to, size, v->i64 < 0 ? -v->u64 : v->u64, v->i64 < 0, f);
    case REPORT_BOOL:
        return format(to, size, "%*s", f.width, v->u64 ? "yes" : "no");
    case REPORT_TEXT:
        return format(to, size, "%*s", f.width, v->text);
    case REPORT_LIST:
        for (const char *const *item = v->list; *item; item++)
            n += format(to + n, size - n, "%s%s", item == v->list ? "" : " ", *item);
        break;
    }
    return n;
}

/* Puts the value that a form "{name...}" asks for; returns what follows the form. */
static const char *put_form(char *line, size_t size, size_t *length, const char *text,
                            const struct report_value *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const char *at = text_behind(text + 1, values[i].name);
        if (!at || !(*at == '/' || *at == ':' || *at == '}'))
            continue;
        struct form f = read_form(&at);
        *length += put_value(line + *length, size - *length, &values[i], f);
        return at + (*at == '}');
    }
    /* No value has this name: show the mistake. */
    line[(*length)++] = *text;
    return text + 1;
}

static void write_text(const char *text, const struct report_value *values, unsigned count)
{
    char lines[1024];
    size_t n = 0;

    while (*text && n < sizeof(lines) - 1) {
        if (*text == '{')
            text = put_form(lines, sizeof(lines), &n, text, values, count);
        else {
            /* A last column may be empty. */
            while (*text == '\n' && n && lines[n - 1] == ' ')
                n--;
            lines[n++] = *text++;
        }
    }
    report_write(lines, n, INDENT);
}

void report(const char *kind, const char *text, const struct report_value *values, unsigned count)
{
    if (text)
        write_text(text, values, count);
    if (kind && json_present && json_wanted)
        write_json(kind, values, count);
}
