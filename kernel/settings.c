/* SPDX-License-Identifier: 0BSD */
#include "kernel/settings.h"
#include "kernel/format.h"
#include <clockpage/abi.h>
#include <clockpage/report.h>
#include <stddef.h>

struct settings settings = {.fast_gettime = true, .fuzz_seed = 1};

enum type { NUMBER, SWITCH, CHOICE, WORD };

static const char *const faults[] = {"ud", "gp", "pf", "stack", "div", "nmi", "text", "user", NULL};
static const char *const tables[] = {"RSDT", "APIC", "FACP", NULL};

static const struct setting {
    const char *name;
    enum type type;
    void *value;
    uint64_t min, max;
    const char *const *choices;
    const char *about;
} table[] = {
    {"help", SWITCH, &settings.help, 0, 1, NULL, "list the settings and end"},
    {"kern.hz", NUMBER, &settings.hz, 1, 10000, NULL,
     "timer interrupts a second on each vCPU; default 100, less with many vCPUs"},
    {"kern.timecounter.hardware", WORD, &settings.hardware, 0, 0, NULL,
     "the timecounter to use, by name; default the one of the highest quality"},
    {"hint.kvmclock.0.disabled", SWITCH, &settings.kvmclock_disabled, 0, 1, NULL,
     "1: leave kvmclock alone; default 0"},
    {"reader.reads", NUMBER, &settings.reads, 1, UINT64_C(1000000000000), NULL,
     "ring-3 reads of the order test over all vCPUs; default 10,500,000 under KVM, else 1,000,000"},
    {"reader.rounds", NUMBER, &settings.rounds, 31, MAX_ROUNDS, NULL,
     "rounds of the cost measurement; default 41, and 31 with more than 8 vCPUs"},
    {"kern.timecounter.fast_gettime", SWITCH, &settings.fast_gettime, 0, 1, NULL,
     "0: clock_gettime() of ring 3 always asks the kernel; default 1"},
    {"dev.kvmclock.0.vdso_enable_without_rdtscp", SWITCH, &settings.enable_without_rdtscp, 0, 1,
     NULL, "1: clock_gettime() reads the clock page also where CPUID has no RDTSCP; default 0"},
    {"dev.kvmclock.0.vdso_force_unstable", SWITCH, &settings.force_unstable, 0, 1, NULL,
     "1: clock_gettime() does not believe the STABLE flag; default 0"},
    {"debug.kvmclock.scripted", SWITCH, &settings.scripted, 0, 1, NULL,
     "1: the kernel plays the host and fills the clock pages itself; default 0"},
    {"debug.kvmclock.unstable", SWITCH, &settings.scripted_unstable, 0, 1, NULL,
     "1: as a host, it does not set STABLE; default 0"},
    {"debug.kvmclock.skew", NUMBER, &settings.skew, 0, 1000000000, NULL,
     "as a host, it sets vCPU n this many ns * n ahead; default 0"},
    {"debug.fuzz.calls", NUMBER, &settings.fuzz_calls, 1, 1000000000, NULL,
     "random system calls of ring 3; default 1,000 under KVM, else 20,000"},
    {"debug.fuzz.seed", NUMBER, &settings.fuzz_seed, 1, UINT64_MAX, NULL,
     "what they are made from; default 1"},
    {"debug.fault", CHOICE, &settings.fault, 0, 0, faults,
     "break something on purpose, to see how the run ends"},
    {"debug.acpi", CHOICE, &settings.bad_table, 0, 0, tables,
     "damage this ACPI table before it is read"},
    {"debug.smp.missing", NUMBER, &settings.missing_cpu, 1, 2047, NULL,
     "expect a vCPU with this local APIC identity too"},
};

enum { SETTINGS = sizeof(table) / sizeof(table[0]) };

static bool same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static bool parse_number(const char *text, uint64_t *value)
{
    unsigned base = 10;

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        base = 16, text += 2;
    if (!*text)
        return false;
    *value = 0;
    for (; *text; text++) {
        unsigned digit = *text >= '0' && *text <= '9' ? (unsigned)(*text - '0')
                         : (*text | 32) >= 'a' && (*text | 32) <= 'f'
                             ? (unsigned)(*text | 32) - 'a' + 10
                             : 16;
        if (digit >= base || *value > (UINT64_MAX - digit) / base)
            return false;
        *value = *value * base + digit;
    }
    return true;
}

/* What is wrong with the value, or NULL once it is set. */
static const char *set(const struct setting *s, const char *value)
{
    uint64_t number;

    switch (s->type) {
    case NUMBER:
    case SWITCH:
        if (!parse_number(value, &number))
            return "not a number";
        if (number < s->min || number > s->max)
            return "out of range";
        if (s->type == SWITCH)
            *(bool *)s->value = number;
        else
            *(uint64_t *)s->value = number;
        return NULL;
    case CHOICE:
        for (const char *const *c = s->choices; *c; c++) {
            if (same(value, *c)) {
                *(const char **)s->value = *c;
                return NULL;
            }
        }
        return "not one of its values";
    case WORD:
        if (!*value)
            return "empty";
        *(const char **)s->value = value;
        return NULL;
    }
    return "no such type";
}

static void print_range(const struct setting *s)
{
    if (s->type == NUMBER || s->type == SWITCH)
        print("%lu to %lu", s->min, s->max);
    else if (s->type == WORD)
        print("a name");
    else
        for (const char *const *c = s->choices; *c; c++)
            print("%s%s", c == s->choices ? "" : "|", *c);
}

static bool read_word(char *word)
{
    char *value = word;

    while (*value && *value != '=')
        value++;
    bool has_value = *value == '=';
    if (has_value)
        *value++ = 0;
    for (const struct setting *s = table; s < table + SETTINGS; s++) {
        if (!same(word, s->name))
            continue;
        /* A switch may stand alone: `help`. */
        const char *wrong = has_value || s->type == SWITCH ? set(s, has_value ? value : "1")
                                                           : "it needs a value: name=value";
        if (!wrong)
            return true;
        print("settings: %s=%s: %s; it takes ", word, value, wrong);
        print_range(s);
        print("\n");
        return false;
    }
    print("settings: unknown name '%s'; `help` on the command line lists the names\n", word);
    return false;
}

/* QEMU's microvm describes its virtio devices on the command line, to whoever may use them. */
static bool is_not_ours(const char *word)
{
    const char *prefix = "virtio_mmio.device=";

    while (*prefix && *word == *prefix)
        word++, prefix++;
    return !*prefix;
}

void settings_read(char *line, bool cut)
{
    unsigned good = 0, bad = 0;

    while (*line) {
        while (*line == ' ' || *line == '\t' || *line == '\n')
            line++;
        char *word = line;
        while (*line && *line != ' ' && *line != '\t' && *line != '\n')
            line++;
        if (word == line)
            break;
        if (*line)
            *line++ = 0;
        if (is_not_ours(word))
            continue;
        read_word(word) ? good++ : bad++;
    }
    if (cut)
        print(
            "settings: the command line is too long; what is past its first 1023 bytes is lost\n");
    check(pass_if(bad == 0 && !cut), "settings", "%u set, %u refused%s", good, bad,
          cut ? ", the rest of the command line cut off" : "");
}

void settings_help(void)
{
    print("Settings, as name=value on the kernel command line:\n");
    for (const struct setting *s = table; s < table + SETTINGS; s++) {
        print("  %-26s ", s->name);
        print_range(s);
        print("\n  %-26s %s\n", "", s->about);
    }
}
