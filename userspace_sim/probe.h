/* SPDX-License-Identifier: 0BSD */
/* Executes one instruction that must fault, and announces it to the kernel first. */
#ifndef USERSPACE_SIM_PROBE_H
#define USERSPACE_SIM_PROBE_H

#include <clockpage/abi.h>

/* What the kernel says of a fault; NO_FAULT: the instruction succeeded. */
struct probe {
    uint64_t vector, error, address;
};

#define NO_FAULT UINT64_MAX

/*
 * Executes one instruction that must fault, with RCX = `address`; the program goes on at the label
 * that it announced.  The call form is for fetches: its return address is dropped.
 */
#define PROBE(at_address, instruction)                                                             \
    ({                                                                                             \
        struct probe probe = {.vector = SYS_PROBE};                                                \
        __asm__ volatile("lea 1f(%%rip), %%rdi\n"                                                  \
                         "mov %%rsp, %%rsi\n"                                                      \
                         "xor %%edx, %%edx\n"                                                      \
                         "syscall\n"                                                               \
                         "mov %[at], %%rcx\n" instruction "\n"                                     \
                         "mov $-1, %%rax\n"                                                        \
                         "1:\n"                                                                    \
                         : "+&a"(probe.vector), "=&d"(probe.error), "=&S"(probe.address)           \
                         : [at] "r"((uint64_t)(at_address))                                        \
                         : "rcx", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");                \
        probe;                                                                                     \
    })

#endif
