/* SPDX-License-Identifier: 0BSD */
/*
 * The command sysctl(8) of the shell: its options, output and errors, as far as they apply to this
 * tree.
 */
#include "base/sysctl.h"
#include "base/format.h"
#include "base/text.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/events.h"
#include "kernel/clock/time_page.h"
#include "kernel/shell/shell.h"
#include <clockpage/report.h>

/*
 * Options, a bit for each letter: a all nodes; d descriptions; e `=` behind names; i no error for
 * unknown names; N names only; n values only; q no message for unknown names; t types; T tunables
 * only; W writable ones only.
 */
static uint64_t option(char letter)
{
    return UINT64_C(1) << (letter - 'A');
}

static bool has(uint64_t options, char letter)
{
    return options & option(letter);
}

static int usage(void)
{
    print("usage: sysctl [-deiNnqtTW] name[=value] ...\n"
          "       sysctl [-deNntTW] -a\n");
    return 1;
}

static bool read_options(const char *letters, uint64_t *options)
{
    for (; *letters; letters++) {
        const char *known = "adeiNnqtTW";
        while (*known && *known != *letters)
            known++;
        if (!*known) {
            print("sysctl: illegal option -- %c\n", *letters);
            return false;
        }
        *options |= option(*letters);
    }
    return !(has(*options, 'n') && has(*options, 'N'));
}

static bool is_wanted(const struct sysctl *node, uint64_t o)
{
    return (!has(o, 'T') || node->flags & SYSCTL_TUN) && (!has(o, 'W') || node->flags & SYSCTL_WR);
}

static void show_name(const char *name, uint64_t o)
{
    if (!has(o, 'n'))
        print("%s%s", name, has(o, 'e') ? "=" : ": ");
}

static void show(const struct sysctl_at *at, uint64_t o)
{
    char name[SYSCTL_NAME_SIZE], value[SYSCTL_VALUE_SIZE];

    sysctl_name(at, name);
    if (has(o, 'N')) {
        print("%s\n", name);
        return;
    }
    show_name(name, o);
    if (has(o, 't') || has(o, 'd'))
        print("%s%s%s\n", has(o, 't') ? sysctl_type_name(at->node->type) : "",
              has(o, 't') && has(o, 'd') ? ": " : "", has(o, 'd') ? at->node->about : "");
    else {
        sysctl_get(at, value);
        print("%s\n", value);
    }
}

/* Shows the nodes below `name` that are wanted, or none (!`shown`); true if there are any nodes. */
static bool show_below(const char *name, uint64_t o, bool shown)
{
    struct sysctl_at at = {0};
    bool found = false;

    while (sysctl_next(&at)) {
        char full[SYSCTL_NAME_SIZE];
        if (!(at.node->flags & SYSCTL_RD))
            continue;
        sysctl_name(&at, full);
        const char *rest = text_behind(full, name);
        if (!rest || (*name && *rest != '.'))
            continue;
        found = true;
        if (shown && is_wanted(at.node, o))
            show(&at, o);
    }
    return found;
}

/* Prints the error in sysctl(8)'s words, then what would have been right. */
static void tell_invalid(const struct sysctl *node, const char *name, const char *value,
                         enum sysctl_error error, const char *why)
{
    char range[200];
    struct sysctl_text takes = {range, sizeof(range), 0};

    print("sysctl: %s=%s: Invalid argument\n", name, value);
    print("sysctl: %s", why);
    if (error != SYSCTL_REFUSED) {
        sysctl_range(node, &takes);
        print("; it takes %s", range);
    }
    print("\n");
}

static bool may_set(const struct sysctl *node, const char *name)
{
    if (node->flags & SYSCTL_WR)
        return true;
    if (node->flags & SYSCTL_TUN)
        print("sysctl: oid '%s' is a read only tunable\n"
              "sysctl: Tunable values are set on the kernel command line\n",
              name);
    else
        print("sysctl: oid '%s' is read only\n", name);
    return false;
}

static int assign(const struct sysctl_at *at, const char *name, const char *value, uint64_t o)
{
    char old[SYSCTL_VALUE_SIZE], new[SYSCTL_VALUE_SIZE];
    const char *why;

    if (!may_set(at->node, name))
        return 1;
    sysctl_get(at, old);
    enum sysctl_error error = sysctl_set(at, value, &why);
    if (error == SYSCTL_EMPTY && at->node->type != SYSCTL_STRING) {
        print("sysctl: empty numeric value\n");
        return 1;
    }
    if (error == SYSCTL_NOT_A_NUMBER) {
        print("sysctl: invalid %s '%s'\n", sysctl_type_name(at->node->type), value);
        return 1;
    }
    show_name(name, o);
    print("%s", old);
    if (error) {
        print("\n");
        tell_invalid(at->node, name, value, error, why);
        return 1;
    }
    /* It is for ring 3 at once. */
    if (keep_choice())
        events_add(EVENT_COUNTER, 0, tc_current(&clock_counters)->name);
    sysctl_get(at, new);
    char text[80];
    format(text, sizeof(text), "%s=%s", name, new);
    events_add(EVENT_SETTING, 0, text);
    print(" -> %s\n", new);
    return 0;
}

/* Handles one argument: name, or name=value.  Returns 1 on an error. */
static int handle(char *word, uint64_t o)
{
    struct sysctl_at at;
    char *value = word;

    while (*value && *value != '=')
        value++;
    bool has_value = *value == '=';
    if (has_value)
        *value++ = 0;
    if (sysctl_find(word, &at) && at.node->flags & SYSCTL_RD) {
        if (has_value && !has(o, 'd'))
            return assign(&at, word, value, o);
        show(&at, o);
        return 0;
    }
    bool found = *word && show_below(word, o, !has_value);
    if (found && !has_value)
        return 0;
    if (found) {
        print("sysctl: oid '%s' isn't a leaf node\n", word);
        return 1;
    }
    if (has(o, 'i'))
        return 0;
    if (!has(o, 'q'))
        print("sysctl: unknown oid '%s'\n", word);
    return 1;
}

int sysctl_command(int argc, char **argv)
{
    uint64_t options = 0;
    int i = 1, failed = 0;

    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!read_options(argv[i] + 1, &options))
            return usage();
    }
    if (i == argc && !has(options, 'a'))
        return usage();
    if (i == argc)
        (void)show_below("", options, true);
    for (; i < argc; i++)
        failed += handle(argv[i], options);
    return failed;
}
