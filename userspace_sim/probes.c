/* SPDX-License-Identifier: 0BSD */
/*
 * Violates each protection on purpose.  Each probe announces to the kernel that a fault is coming
 * and where to go on; the kernel records the fault.
 */
#include "userspace_sim/probe.h"
#include "userspace_sim/ring3.h"

void probes(struct thread_page *t)
{
    uint64_t stack_ret = 0xc3; /* RET, if it is executed after all */

    t->probes[PROBE_WRITE_CLOCK_PAGE].came_back = PROBE(t->clock.page, "movq $0, (%%rcx)");
    t->probes[PROBE_EXECUTE_CLOCK_PAGE].came_back = PROBE(t->clock.page, "call *%%rcx");
    t->probes[PROBE_WRITE_TEXT].came_back = PROBE((uintptr_t)probes, "movb $0, (%%rcx)");
    t->probes[PROBE_EXECUTE_STACK].came_back = PROBE((uintptr_t)&stack_ret, "call *%%rcx");
    t->probes[PROBE_READ_KERNEL].came_back = PROBE(t->kernel_address, "mov (%%rcx), %%rdx");
    t->probes[PROBE_HALT].came_back = PROBE(0, "hlt");
}
