/* SPDX-License-Identifier: 0BSD */
/*
 * The serial shell on COM1: shows and sets the sysctl tree and the clock while they run.
 *
 * The boot vCPU sleeps between its timer interrupts and polls for input at each; on a host that
 * emulates ring 0 anything else would consume a CPU.
 */
#ifndef KERNEL_SHELL_SHELL_H
#define KERNEL_SHELL_SHELL_H

#include <stdbool.h>

/* Whether the setting `shell` asks for it; and whether at once, without the measurements. */
bool shell_wanted(void);
bool shell_wanted_now(void);

/*
 * Runs commands until `halt` or the end of input.  `report` prints the tables again; `online`
 * starts the vCPUs that do not run yet, and returns 0 if no check failed.
 */
void shell_run(void (*report)(void), int (*online)(void));

/* Commands with files of their own: arguments as for main(); they return the status. */
int sysctl_command(int argc, char **argv);
int date_command(int argc, char **argv);
int clocks_command(void);

#endif
