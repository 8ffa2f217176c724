/* SPDX-License-Identifier: 0BSD */
/* A question to all vCPUs, answered in an interrupt. */
#include "arch/x86/apic.h"
#include "arch/x86/cr.h"
#include "arch/x86/smp.h"
#include "arch/x86/trap.h"
#include "arch/x86/tsc.h"

/* One at a time, by the boot vCPU; `number` is set last. */
static struct {
    void (*fn)(struct cpu *cpu, void *arg);
    void *arg;
    uint64_t number;
} question;

static bool has_answered(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->answered, __ATOMIC_ACQUIRE) == question.number;
}

void smp_answer_ask(void)
{
    struct cpu *cpu = this_cpu();
    uint64_t number = __atomic_load_n(&question.number, __ATOMIC_ACQUIRE);

    if (cpu->answered == number)
        return;
    question.fn(cpu, question.arg);
    __atomic_store_n(&cpu->answered, number, __ATOMIC_RELEASE);
}

void smp_ask_begin(struct cpu *cpu)
{
    cpu->answered = __atomic_load_n(&question.number, __ATOMIC_ACQUIRE);
}

bool smp_ask_all(void (*fn)(struct cpu *cpu, void *arg), void *arg, uint64_t patience)
{
    uint64_t begin = rdtsc_ordered();

    question.fn = fn;
    question.arg = arg;
    __atomic_store_n(&question.number, question.number + 1, __ATOMIC_RELEASE);
    apic_send_all_others(VECTOR_IPI);
    smp_answer_ask();
    for (uint32_t i = 0; i < MAX_CPUS; i++) {
        struct cpu *cpu = cpu_table[i];
        while (cpu && cpu_is_online(cpu) && !has_answered(cpu)) {
            if (rdtsc_ordered() - begin > patience)
                return false;
            smp_answer_flush(); /* another vCPU may be waiting for this one */
            cpu_pause();
        }
    }
    return true;
}
