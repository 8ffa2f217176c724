/* SPDX-License-Identifier: 0BSD */
/*
 * Violates each protection on purpose.  Each probe announces to the kernel that a fault is coming
 * and where to go on; the kernel returns what the fault was.
 */
#include "userspace_sim/probe.h"
#include "userspace_sim/process.h"

/* Vectors, and bits of a page fault's error code [Intel SDM vol. 3A, 4.7 and 6.3]. */
enum { GENERAL_PROTECTION = 13, PAGE_FAULT = 14 };
enum { PRESENT = 1, WRITE = 2, USER = 4, FETCH = 16 };

static void judge(const struct thread_page *t, const char *name, uint64_t vector, uint64_t error,
                  struct probe p)
{
    const char *fault = p.vector == PAGE_FAULT           ? "page fault"
                        : p.vector == GENERAL_PROTECTION ? "general protection"
                        : p.vector == NO_FAULT           ? "no fault"
                                                         : "another fault";

    verdict(pass_if(p.vector == vector && p.error == error), name,
            "%s, error code %lu, at 0x%lx, on vCPU %u; the program went on", fault, p.error,
            p.address, t->index);
}

void probes(struct thread_page *t)
{
    uint64_t page = clock_structures ? address_of(clock_structures) : t->time_page;
    uint64_t stack_ret = 0xc3; /* RET, if it is executed after all */

    judge(t, "ring3.clock.read-only", PAGE_FAULT, PRESENT | WRITE | USER,
          PROBE(page, "movq $0, (%%rcx)"));
    judge(t, "ring3.clock.no-execute", PAGE_FAULT, PRESENT | USER | FETCH,
          PROBE(page, "call *%%rcx"));
    judge(t, "ring3.text.read-only", PAGE_FAULT, PRESENT | WRITE | USER,
          PROBE((uintptr_t)probes, "movb $0, (%%rcx)"));
    judge(t, "ring3.stack.no-execute", PAGE_FAULT, PRESENT | USER | FETCH,
          PROBE((uintptr_t)&stack_ret, "call *%%rcx"));
    judge(t, "ring3.kernel.hidden", PAGE_FAULT, PRESENT | USER,
          PROBE(t->kernel_address, "mov (%%rcx), %%rdx"));
    judge(t, "ring3.hlt.refused", GENERAL_PROTECTION, 0, PROBE(0, "hlt"));
}
