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
#include <stddef.h>

/* What the shell needs from the rest of the kernel; trials.c passes it. */
struct shell_hooks {
    void (*look)(void);   /* before each command: handle what the host did since the last tick */
    void (*report)(void); /* print the tables again */
    int (*bench)(void);   /* measure ring 3's reads again, print the results; 0: no check failed */
    void (*clocks)(void); /* print all clocks */
    int (*readers)(bool on); /* start the readers that run all the time, or stop and judge them */
    int (*readers_state)(void);
    int (*suspend)(void);       /* stop the driver on all vCPUs; the status */
    int (*resume)(void);        /* start it again; the status */
    void (*idle)(bool briefly); /* wait for input or, if `briefly`, for a tick */
    int (*online)(void);        /* start the vCPUs that do not run yet; 0: no check failed */
};

/* Registers the settings shell and shell.edit; call before the command line is read. */
void shell_register(void);

/* Whether the setting `shell` asks for it; and whether at once, without the measurements. */
bool shell_wanted(void);
bool shell_wanted_now(void);

/* Runs commands until `halt` or the end of input. */
void shell_run(const struct shell_hooks *hooks);

/* Commands with files of their own: arguments as for main(); they return the status. */
int sysctl_command(int argc, char **argv);
int date_command(int argc, char **argv);

/* Completes the name of a node in the tree; see struct line. */
bool sysctl_complete(const char *word, size_t length, char *more);

#endif
