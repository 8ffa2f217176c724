/* SPDX-License-Identifier: 0BSD */
/*
 * The serial shell on COM1: the sysctl tree and the clock, looked at and set while they run.
 *
 * The boot vCPU sleeps between its timer interrupts and looks for input at each; on a host that
 * emulates ring 0 anything else would eat a CPU.
 */
#ifndef KERNEL_SHELL_SHELL_H
#define KERNEL_SHELL_SHELL_H

#include <stdbool.h>
#include <stddef.h>

/* What the shell asks of the rest of the kernel; main registers it. */
struct shell_hooks {
    void (*look)(void);   /* before each command: what the host has done since the last tick */
    void (*report)(void); /* the tables, once more */
    int (*bench)(void);   /* measure ring 3's reads again and print what came of it; 0: all well */
    void (*clocks)(void); /* what all clocks say */
    int (*readers)(bool on); /* the readers that run all the time: start, or stop and judge them */
    int (*readers_state)(void);
    int (*suspend)(void);       /* the driver, on all vCPUs, */
    int (*resume)(void);        /* and again; the status */
    void (*idle)(bool briefly); /* until there is input, or also until a tick */
    int (*online)(void);        /* start the vCPUs that do not run yet; 0: no check failed */
};

/* Hang the settings shell and shell.edit into the tree; before the command line is read. */
void shell_register(void);

/* Whether the setting `shell` asks for it; and then at once, without the measurements. */
bool shell_wanted(void);
bool shell_wanted_now(void);

/* Run commands until `halt` or the end of input. */
void shell_run(const struct shell_hooks *hooks);

/* The commands with files of their own: arguments as main() has them; the status. */
int sysctl_command(int argc, char **argv);
int date_command(int argc, char **argv);

/* The completion of a name in the tree; see struct line. */
bool sysctl_complete(const char *word, size_t length, char *more);

#endif
