/* SPDX-License-Identifier: 0BSD */
/* The TSC's frequency in the sysctl tree, with FreeBSD's names. */
#include "drivers/tsc/tsc.h"
#include <clockpage/sysctl.h>

static void get_frequency(void *context, uint32_t index, struct sysctl_text *to)
{
    (void)index;
    sysctl_put(to, "%lu", ((const struct tsc *)context)->hz);
}

static void get_source(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct tsc *t = context;

    (void)index;
    sysctl_put(to, "%s", t->sources[t->chosen].name);
}

static const struct sysctl machdep_nodes[] = {
    SYSCTL_SHOWN("tsc_freq", SYSCTL_U64, get_frequency, "cycles of the TSC a second"),
    SYSCTL_SHOWN("tsc_freq_source", SYSCTL_STRING, get_source, "what tells machdep.tsc_freq"),
};

static struct sysctl_branch machdep = SYSCTL_BRANCH("machdep", machdep_nodes);

void tsc_sysctl_register(struct tsc *t)
{
    machdep.context = t;
    sysctl_register(&machdep);
}
