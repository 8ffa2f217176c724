/* SPDX-License-Identifier: 0BSD */
/*
 * The settings: declares those that belong to no other part, and sets tunables from the kernel
 * command line before anything starts.
 */
#include "base/tunables.h"
#include "arch/x86/layout.h"
#include "base/sysctl.h"
#include "base/text.h"
#include <clockpage/abi.h>
#include <clockpage/report.h>

struct settings settings = {.fuzz_seed = 1, .deviation = 5};

static const char *const faults[] = {"ud", "gp", "pf", "stack", "div", "nmi", "text", "user", NULL};
static const char *const tables[] = {"RSDT", "APIC", "FACP", NULL};

static const struct sysctl top_nodes[] = {
    SYSCTL_VALUE("help", SYSCTL_BOOL, SYSCTL_TUN, &settings.help, 0, 0, NULL,
                 "list the settings and end"),
};

static const struct sysctl reader_nodes[] = {
    SYSCTL_VALUE("reads", SYSCTL_U64, SYSCTL_RWTUN, &settings.reads, 1, 1000000000000,
                 "10,500,000 under KVM, else 1,000,000",
                 "ring-3 reads of the order test over all vCPUs"),
    SYSCTL_VALUE("rounds", SYSCTL_U64, SYSCTL_RWTUN, &settings.rounds, 31, MAX_ROUNDS,
                 "41, and 31 with more than 8 vCPUs", "rounds of the cost measurement"),
};

static const struct sysctl debug_nodes[] = {
    SYSCTL_CHOICE("acpi", SYSCTL_RDTUN, &settings.bad_table, tables, NULL,
                  "damage this ACPI table before it is read"),
    SYSCTL_VALUE("attack.seconds", SYSCTL_U64, SYSCTL_RDTUN, &settings.attack_s, 0, 1000000, "0",
                 "instead of testing, make random system calls and execute random code in ring 3"),
    SYSCTL_CHOICE("fault", SYSCTL_RDTUN, &settings.fault, faults, NULL,
                  "break something on purpose, to see how the run ends"),
    SYSCTL_VALUE("fuzz.calls", SYSCTL_U64, SYSCTL_RDTUN, &settings.fuzz_calls, 1, 1000000000,
                 "1,000 under KVM, else 20,000", "random system calls of ring 3"),
    SYSCTL_VALUE("fuzz.seed", SYSCTL_U64, SYSCTL_RDTUN, &settings.fuzz_seed, 1, INT64_MAX, "1",
                 "what they are made from"),
    SYSCTL_VALUE("windup.stall", SYSCTL_U64, SYSCTL_RDTUN, &settings.stall_ms, 1, 10000, "0",
                 "keep interrupts off for this many ms, so that a windup comes late"),
    SYSCTL_VALUE("smp.late", SYSCTL_U64, SYSCTL_RDTUN, &settings.late_cpus, 0, MAX_CPUS - 1, "0",
                 "number of vCPUs, counted from the last, not started at boot; `online` does"),
    SYSCTL_VALUE("smp.one_by_one", SYSCTL_BOOL, SYSCTL_RDTUN, &settings.one_by_one, 0, 0, "0",
                 "1: start the vCPUs one after another, to see what that costs"),
    SYSCTL_VALUE("smp.missing", SYSCTL_U64, SYSCTL_RDTUN, &settings.missing_cpu, 1, 2047, NULL,
                 "expect a vCPU with this local APIC identity too"),
};

static const struct sysctl timecounter_nodes[] = {
    SYSCTL_VALUE("alloweddeviation", SYSCTL_INT, SYSCTL_RWTUN, &settings.deviation, 0, 100, "5",
                 "how far counters may differ before it is warned of, in per cent"),
};

SYSCTL_TABLE("", top_nodes);
SYSCTL_TABLE("reader", reader_nodes);
SYSCTL_TABLE("debug", debug_nodes);
SYSCTL_TABLE("kern.timecounter", timecounter_nodes);

static bool read_word(char *word)
{
    struct sysctl_at at;
    const char *wrong = NULL;
    char *value = word;

    while (*value && *value != '=')
        value++;
    bool has_value = *value == '=';
    if (has_value)
        *value++ = 0;
    if (!sysctl_find(word, &at)) {
        print("settings: unknown name '%s'; `help` on the command line lists the names\n", word);
        return false;
    }
    if (!(at.node->flags & SYSCTL_TUN)) {
        print("settings: %s%s%s: not a tunable; it is %s\n", word, has_value ? "=" : "", value,
              at.node->flags & SYSCTL_WR ? "set at run time, in the shell" : "read only");
        return false;
    }
    /* A boolean may have no value: `help`. */
    if (!has_value && at.node->type != SYSCTL_BOOL)
        wrong = "it needs a value: name=value";
    else if (sysctl_set(&at, has_value ? value : "1", &wrong) == SYSCTL_OK)
        return true;
    char range[100];
    struct sysctl_text takes = {range, sizeof(range), 0};
    sysctl_range(at.node, &takes);
    print("settings: %s=%s: %s; it takes %s\n", word, value, wrong, range);
    return false;
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
        /* QEMU's microvm lists its virtio devices there, for kernels that use them. */
        if (text_behind(word, "virtio_mmio.device="))
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
    struct sysctl_at at = {0};
    char name[SYSCTL_NAME_SIZE];

    print("Settings, as name=value on the kernel command line:\n");
    while (sysctl_next(&at)) {
        char range[100];
        struct sysctl_text takes = {range, sizeof(range), 0};
        if (!(at.node->flags & SYSCTL_TUN))
            continue;
        sysctl_name(&at, name);
        sysctl_range(at.node, &takes);
        print("  %s=%s\n      %s%s%s\n", name, range, at.node->about,
              at.node->initial ? "; default " : "", at.node->initial ? at.node->initial : "");
    }
}
