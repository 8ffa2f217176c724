/* SPDX-License-Identifier: 0BSD */
/* Executes one instruction that must fault, and announces it to the kernel first. */
#ifndef USERSPACE_SIM_PROBE_H
#define USERSPACE_SIM_PROBE_H

#include <clockpage/abi.h>

/*
 * Executes one instruction that must fault, with RCX = `address`; 1 if ring 3 went on at the
 * label that it announced, 2 if the instruction succeeded.  The call form is for fetches: its
 * return address is dropped.
 */
#define PROBE(address, instruction)                                                                \
    ({                                                                                             \
        uint64_t came_back, resume = 0, number = SYS_PROBE;                                        \
        __asm__ volatile("lea 1f(%%rip), %%rdi\n"                                                  \
                         "syscall\n"                                                               \
                         "mov %[at], %%rcx\n"                                                      \
                         "mov %%rsp, %%rbx\n" instruction "\n"                                     \
                         "mov $2, %[back]\n"                                                       \
                         "jmp 2f\n"                                                                \
                         "1: mov %%rbx, %%rsp\n"                                                   \
                         "mov $1, %[back]\n"                                                       \
                         "2:"                                                                      \
                         : [back] "=&r"(came_back), "+&a"(number), "+&D"(resume)                   \
                         : [at] "r"((uint64_t)(address))                                           \
                         : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");  \
        came_back;                                                                                 \
    })

#endif
