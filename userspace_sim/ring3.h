/* SPDX-License-Identifier: 0BSD */
/* The system calls of <clockpage/abi.h>, and the jobs of the ring-3 program. */
#ifndef USERSPACE_SIM_RING3_H
#define USERSPACE_SIM_RING3_H

#include <clockpage/abi.h>
#include <stdint.h>

static inline uint64_t system_call(enum system_call number, uint64_t a)
{
    uint64_t result = number;

    __asm__ volatile("syscall"
                     : "+a"(result), "+D"(a)
                     :
                     : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory");
    return result;
}

void measure(struct thread_page *t);
void order(struct thread_page *t);
void offset(struct thread_page *t);
void probes(struct thread_page *t);
void attach(struct thread_page *t);
void rules(struct thread_page *t);
void fuzz(struct thread_page *t);
void clocks(struct thread_page *t);
void moved(struct thread_page *t);
void watch(struct thread_page *t);
void compat(struct thread_page *t);

#endif
