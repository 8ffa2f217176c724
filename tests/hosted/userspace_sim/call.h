/* SPDX-License-Identifier: 0BSD */
/* In place of userspace_sim/call.h: the kernel that a test plays. */
#ifndef USERSPACE_SIM_CALL_H
#define USERSPACE_SIM_CALL_H

#include <clockpage/abi.h>
#include <stdint.h>

int64_t call(enum system_call number, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

#endif
