/* SPDX-License-Identifier: 0BSD */
#include "base/tunables.h"
#include "arch/x86/layout.h"
#include "base/sysctl.h"
#include "base/text.h"
#include <clockpage/abi.h>
#include <clockpage/report.h>

struct settings settings = {
    .fast_gettime = true, .fuzz_seed = 1, .deviation = 5, .invariant_tsc = TSC_BY_CPUID};

static const char *const faults[] = {"ud", "gp", "pf", "stack", "div", "nmi", "text", "user", NULL};
static const char *const tables[] = {"RSDT", "APIC", "FACP", NULL};

static const struct sysctl top_nodes[] = {
    {
        .name = "help",
        .type = SYSCTL_BOOL,
        .flags = SYSCTL_TUN,
        .value = &settings.help,
        .about = "list the settings and end",
    },
};

static const struct sysctl reader_nodes[] = {
    {
        .name = "reads",
        .type = SYSCTL_U64,
        .flags = SYSCTL_RWTUN,
        .value = &settings.reads,
        .min = 1,
        .max = 1000000000000,
        .about = "ring-3 reads of the order test over all vCPUs",
        .initial = "10,500,000 under KVM, else 1,000,000",
    },
    {
        .name = "rounds",
        .type = SYSCTL_U64,
        .flags = SYSCTL_RWTUN,
        .value = &settings.rounds,
        .min = 31,
        .max = MAX_ROUNDS,
        .about = "rounds of the cost measurement",
        .initial = "41, and 31 with more than 8 vCPUs",
    },
};

static const struct sysctl debug_nodes[] = {
    {
        .name = "acpi",
        .type = SYSCTL_STRING,
        .flags = SYSCTL_RDTUN,
        .value = &settings.bad_table,
        .choices = tables,
        .about = "damage this ACPI table before it is read",
    },
    {
        .name = "fault",
        .type = SYSCTL_STRING,
        .flags = SYSCTL_RDTUN,
        .value = &settings.fault,
        .choices = faults,
        .about = "break something on purpose, to see how the run ends",
    },
    {
        .name = "fuzz.calls",
        .type = SYSCTL_U64,
        .flags = SYSCTL_RDTUN,
        .value = &settings.fuzz_calls,
        .min = 1,
        .max = 1000000000,
        .about = "random system calls of ring 3",
        .initial = "1,000 under KVM, else 20,000",
    },
    {
        .name = "fuzz.seed",
        .type = SYSCTL_U64,
        .flags = SYSCTL_RDTUN,
        .value = &settings.fuzz_seed,
        .min = 1,
        .max = INT64_MAX,
        .about = "what they are made from",
        .initial = "1",
    },
    {
        .name = "kvmclock.scripted",
        .type = SYSCTL_BOOL,
        .flags = SYSCTL_RDTUN,
        .value = &settings.scripted,
        .about = "1: the kernel plays the host and fills the clock pages itself",
        .initial = "0",
    },
    {
        .name = "kvmclock.skew",
        .type = SYSCTL_U64,
        .flags = SYSCTL_RDTUN,
        .value = &settings.skew,
        .max = 1000000000,
        .about = "as a host, it sets vCPU n this many ns * n ahead",
        .initial = "0",
    },
    {
        .name = "kvmclock.unstable",
        .type = SYSCTL_BOOL,
        .flags = SYSCTL_RDTUN,
        .value = &settings.scripted_unstable,
        .about = "1: as a host, it does not set STABLE",
        .initial = "0",
    },
    {
        .name = "windup.stall",
        .type = SYSCTL_U64,
        .flags = SYSCTL_RDTUN,
        .value = &settings.stall_ms,
        .min = 1,
        .max = 10000,
        .about = "keep interrupts off for so many ms, so that a windup comes late",
        .initial = "0",
    },
    {
        .name = "smp.late",
        .type = SYSCTL_U64,
        .flags = SYSCTL_RDTUN,
        .value = &settings.late_cpus,
        .max = MAX_CPUS - 1,
        .about = "hold back so many of the last vCPUs at the start; `online` starts them",
        .initial = "0",
    },
    {
        .name = "smp.one_by_one",
        .type = SYSCTL_BOOL,
        .flags = SYSCTL_RDTUN,
        .value = &settings.one_by_one,
        .about = "1: start the vCPUs one after another, to see what that costs",
        .initial = "0",
    },
    {
        .name = "smp.missing",
        .type = SYSCTL_U64,
        .flags = SYSCTL_RDTUN,
        .value = &settings.missing_cpu,
        .min = 1,
        .max = 2047,
        .about = "expect a vCPU with this local APIC identity too",
    },
};

/* Settings of the driver, which does not know who makes use of them. */
static const struct sysctl kvmclock_nodes[] = {
    {
        .name = "vdso_enable_without_rdtscp",
        .type = SYSCTL_BOOL,
        .flags = SYSCTL_RWTUN,
        .value = &settings.enable_without_rdtscp,
        .about = "1: clock_gettime() reads the clock page also where CPUID has no RDTSCP",
        .initial = "0",
    },
    {
        .name = "vdso_force_unstable",
        .type = SYSCTL_BOOL,
        .flags = SYSCTL_RWTUN,
        .value = &settings.force_unstable,
        .about = "1: clock_gettime() does not believe the STABLE flag",
        .initial = "0",
    },
};

static const struct sysctl hint_nodes[] = {
    {
        .name = "disabled",
        .type = SYSCTL_BOOL,
        .flags = SYSCTL_RDTUN,
        .value = &settings.kvmclock_disabled,
        .about = "1: leave kvmclock alone",
        .initial = "0",
    },
};

static struct sysctl_branch branches[] = {
    SYSCTL_BRANCH("", top_nodes),
    SYSCTL_BRANCH("reader", reader_nodes),
    SYSCTL_BRANCH("debug", debug_nodes),
    SYSCTL_BRANCH("dev.kvmclock.0", kvmclock_nodes),
    SYSCTL_BRANCH("hint.kvmclock.0", hint_nodes),
};

void settings_register(void)
{
    for (unsigned i = 0; i < sizeof(branches) / sizeof(branches[0]); i++)
        sysctl_register(&branches[i]);
}

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
    /* A switch may stand alone: `help`. */
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
        /* QEMU's microvm describes its virtio devices there, to whoever may use them. */
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
