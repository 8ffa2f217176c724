/* SPDX-License-Identifier: 0BSD */
/* Says in one sentence whether this guest's clock is good: the end of the report. */
#ifndef KERNEL_VERDICT_H
#define KERNEL_VERDICT_H

#include <stdbool.h>

/* Ends the report with the verdict; returns whether no check failed. */
bool verdict_end(void);

#endif
