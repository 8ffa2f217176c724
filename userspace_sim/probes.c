/* SPDX-License-Identifier: 0BSD */
/*
 * Each protection broken on purpose.  The kernel is told that a fault is coming and where to go on;
 * it notes what the fault was.
 */
#include "userspace_sim/clock.h"
#include "userspace_sim/ring3.h"

/*
 * One instruction that has to fault, with RCX = `address`; 1 when ring 3 went on at the label it
 * announced, 2 when the instruction went through.  The call form is for fetches: its return address
 * is dropped.
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

void probes(struct thread_page *t)
{
    uint64_t stack_ret = 0xc3; /* RET, should it be executed after all */

    t->probes[PROBE_WRITE_CLOCK_PAGE].came_back = PROBE(t->clock.page, "movq $0, (%%rcx)");
    t->probes[PROBE_EXECUTE_CLOCK_PAGE].came_back = PROBE(t->clock.page, "call *%%rcx");
    t->probes[PROBE_WRITE_TEXT].came_back = PROBE((uintptr_t)probes, "movb $0, (%%rcx)");
    t->probes[PROBE_EXECUTE_STACK].came_back = PROBE((uintptr_t)&stack_ret, "call *%%rcx");
    t->probes[PROBE_READ_KERNEL].came_back = PROBE(t->kernel_address, "mov (%%rcx), %%rdx");
    t->probes[PROBE_HALT].came_back = PROBE(0, "hlt");
}
