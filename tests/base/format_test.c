/* SPDX-License-Identifier: 0BSD */
/* base/format.c against the C library's snprintf, where both know a format. */
#include "base/format.h"
#include "tests/check.h"
#include <string.h>

/* The formats are put together at run time, which is the point. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

enum { LONGEST = 96 };

static unsigned long compared;

/*
 * Both into a buffer of exactly `size` bytes, so that a byte too many is seen by AddressSanitizer;
 * snprintf says what it would have written, format() what it did.
 */
#define compare(size, ...)                                                                         \
    do {                                                                                           \
        char *ours = malloc(size), *theirs = malloc(size);                                         \
        int would = snprintf(theirs, size, __VA_ARGS__);                                           \
        size_t did = format(ours, size, __VA_ARGS__);                                              \
        assert_string_equal(ours, theirs);                                                         \
        assert_int_equal(did, strlen(theirs));                                                     \
        assert_true(would >= 0 && did <= (size_t)would);                                           \
        free(ours);                                                                                \
        free(theirs);                                                                              \
        compared++;                                                                                \
    } while (0)

/* Every combination of flags and width, before a conversion. */
static unsigned make_specs(const char *conversion, char specs[][16])
{
    static const char *const flags[] = {"", "-", "0", "+", "-+", "+0", "0+"};
    static const char *const widths[] = {"", "1", "2", "9", "20", "24", "40"};
    unsigned n = 0;

    for (unsigned f = 0; f < 7; f++) {
        for (unsigned w = 0; w < 7; w++)
            (void)sprintf(specs[n++], "%%%s%s%s", flags[f], widths[w], conversion);
    }
    return n;
}

enum { SPECS = 49 };

static const uint64_t ends[] = {
    0,          1,          9,           10,        0x7f,       0xff,       0x7fffffff,
    0x80000000, 0xffffffff, 0x100000000, INT64_MAX, 1ull << 63, UINT64_MAX, UINT64_MAX - 9,
    999999999,  1000000000, 10000000000};

enum { ENDS = sizeof(ends) / sizeof(ends[0]) };

static void format_numbers(void **state)
{
    static const char *const conversions[] = {"d", "u", "x", "ld", "lu", "lx"};
    char specs[SPECS][16];
    uint64_t random = 1;

    (void)state;
    compared = 0;
    for (unsigned c = 0; c < 6; c++) {
        unsigned count = make_specs(conversions[c], specs);
        for (unsigned s = 0; s < count; s++) {
            for (unsigned i = 0; i < ENDS + 400; i++) {
                uint64_t v = i < ENDS ? ends[i] : random_length(&random) * (i & 1 ? 1 : -1ull);
                if (c < 3)
                    compare(LONGEST, specs[s], (unsigned)v);
                else
                    compare(LONGEST, specs[s], (unsigned long)v);
            }
        }
    }
    figures("%lu numbers by %u formats as snprintf has them", compared, 6 * SPECS);
}

static void format_texts(void **state)
{
    static const char *const specs[] = {"%s",   "%1s",  "%5s",  "%-5s",  "%20s",   "%-20s",
                                        "%.0s", "%.1s", "%.3s", "%9.2s", "%-9.2s", "%.20s"};
    static const char *const texts[] = {"", "a", "abc", "abcdefghij", "a longer text than that"};

    (void)state;
    for (unsigned s = 0; s < sizeof(specs) / sizeof(specs[0]); s++) {
        for (unsigned t = 0; t < 5; t++)
            compare(LONGEST, specs[s], texts[t]);
    }
    /* What a precision leaves out need not be there, not even its end. */
    char *cut = malloc(4);
    memcpy(cut, "APIC", 4);
    compare(LONGEST, "<%.4s>", cut);
    compare(LONGEST, "<%.2s>", cut);
    compare(LONGEST, "<%9.4s>", cut);
    free(cut);
    compare(LONGEST, "%c%c|%5c|%-5c|", 'a', '%', 'b', 'c');
    compare(LONGEST, "%*d|%-*u|%*s|%0*lx", 7, -42, 7, 42u, 7, "abc", 7, 42ul);
    compare(LONGEST, "%*d|%*s|", -7, 42, -7, "abc");
    compare(LONGEST, "%%|%d%%|%s", 100, "%d");
    compare(LONGEST, "no conversion");
    compare(LONGEST, "%s", "");
    /* The macros of the header. */
    compare(LONGEST, MILLI_FORMAT " " SECONDS_FORMAT, MILLI(1234567ul), SECONDS(5000000007ul));
}

/* What it does not know it prints as it stands; snprintf has its own ideas. */
static void format_unknown(void **state)
{
    static const char *const unknown[] = {"%q", "100%", "%",   "%5", "%-08q|",
                                          "%l", "a%",   "%.3", "%y%"};
    char text[LONGEST];

    (void)state;
    for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        size_t n = format(text, sizeof(text), unknown[i], 1);
        assert_string_equal(text, unknown[i]);
        assert_int_equal(n, strlen(unknown[i]));
    }
}

static void format_truncates(void **state)
{
    (void)state;
    compared = 0;
    for (size_t size = 1; size < LONGEST; size++) {
        compare(size, "%s",
                "a text that is longer than some of the places it has to go to, by far");
        compare(size, "%-40s|%40s", "left", "right");
        compare(size, "%+d %08x %020lu %-12ld|%c%%", -123456, 0xbeefu, 18446744073709551615ul, -1l,
                'z');
        compare(size, "%09d%9d%-9d", -5, -5, -5);
    }
    figures("%lu texts cut at every size from 1 to %d", compared, LONGEST - 1);
}

/* Random sequences of conversions, at random sizes. */
static void format_random(void **state)
{
    static const char *const conversions[] = {"d", "u", "x", "ld", "lu", "lx", "s", ".7s", "c"};
    uint64_t random = 2;

    (void)state;
    compared = 0;
    for (unsigned long n = 0; n < test_count() / 5; n++) {
        char pieces[3][16];
        unsigned kind[3];
        uint64_t value[3];
        char spec[64];
        size_t size = 1 + next_random(&random) % (LONGEST - 1);

        for (unsigned i = 0; i < 3; i++) {
            uint64_t r = next_random(&random);
            kind[i] = (unsigned)(r % 3) + (unsigned)(r >> 8 & 1) * 3; /* d u x ld lu lx */
            value[i] = random_length(&random) << (r >> 16 & 1);
            (void)sprintf(pieces[i], "%%%s%s%u%s", r >> 20 & 1 ? "-" : "", r >> 21 & 1 ? "0" : "",
                          (unsigned)(r >> 24 & 31) + 1, conversions[kind[i]]);
        }
        (void)snprintf(spec, sizeof(spec), "%s,%%s%s%%%%%s", pieces[0], pieces[1], pieces[2]);
        /* On amd64 an unsigned long serves where an int is asked for: its low half is taken. */
        compare(size, spec, value[0], "text", value[1], value[2]);
    }
    figures("%lu random formats", compared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_numbers), cmocka_unit_test(format_texts),
        cmocka_unit_test(format_unknown), cmocka_unit_test(format_truncates),
        cmocka_unit_test(format_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
