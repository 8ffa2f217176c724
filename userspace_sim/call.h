/* SPDX-License-Identifier: 0BSD */
/* A system call of <clockpage/abi.h>: one instruction. */
#ifndef USERSPACE_SIM_CALL_H
#define USERSPACE_SIM_CALL_H

#include <clockpage/abi.h>
#include <stdint.h>

static inline int64_t call(enum system_call number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t result = number;
    register uint64_t r10 __asm__("r10") = d;

    __asm__ volatile("syscall"
                     : "+a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10)
                     :
                     : "rcx", "r8", "r9", "r11", "memory");
    return (int64_t)result;
}

#endif
