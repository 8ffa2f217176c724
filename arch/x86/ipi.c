/* SPDX-License-Identifier: 0BSD */
/*
 * Inter-processor calls: one vCPU has others run a function, flush their TLBs, or answer at once.
 * The boot vCPU uses them to start ring-3 jobs and to change clocks on all vCPUs.
 */
#include "arch/x86/ipi.h"
#include "arch/x86/apic.h"
#include "arch/x86/cr.h"
#include "arch/x86/trap.h"
#include "arch/x86/wait.h"

/* ---- Calls ------------------------------------------------------------- */

static bool call_is_pending(const struct cpu *cpu)
{
    /* Pairs with the stores in smp_call(), smp_call_some() and ipi_idle(). */
    return __atomic_load_n(&cpu->call_pending, __ATOMIC_ACQUIRE);
}

void ipi_wake_boot_cpu(void)
{
    apic_send(cpu_table[0]->apic_id, VECTOR_IPI);
}

_Noreturn void ipi_idle(struct cpu *cpu)
{
    for (;;) {
        interrupts_off();
        if (call_is_pending(cpu)) {
            cpu->call(cpu, cpu->call_arg);
            __atomic_store_n(&cpu->call_pending, 0, __ATOMIC_RELEASE);
            ipi_wake_boot_cpu();
        } else {
            interrupts_on_and_halt();
        }
    }
}

void smp_call(struct cpu *cpu, void (*fn)(struct cpu *cpu, void *arg), void *arg)
{
    cpu->call = fn;
    cpu->call_arg = arg;
    __atomic_store_n(&cpu->call_pending, 1, __ATOMIC_RELEASE);
    apic_send(cpu->apic_id, VECTOR_IPI);
}

bool smp_wait_some(uint32_t first, uint32_t end, uint64_t patience)
{
    uint32_t before = MAX_CPUS + 1;
    struct wait wait = wait_begin(patience);

    for (;;) {
        uint32_t pending = 0;
        for (uint32_t i = first; i < end; i++)
            pending += cpu_is_online(cpu_table[i]) && call_is_pending(cpu_table[i]);
        if (pending == 0)
            return true;
        if (pending < before) {
            before = pending;
            wait_again(&wait);
        } else if (wait_is_over(&wait)) {
            break;
        }
        interrupts_on_and_halt();
        interrupts_off();
    }
    for (uint32_t i = first; i < end; i++) {
        if (call_is_pending(cpu_table[i]))
            __atomic_store_n(&cpu_table[i]->online, 0, __ATOMIC_RELEASE);
    }
    return false;
}

bool smp_wait(uint64_t patience)
{
    return smp_wait_some(1, online_count, patience);
}

void smp_call_some(uint32_t first, uint32_t end, void (*fn)(struct cpu *cpu, void *arg), void *arg)
{
    for (uint32_t i = first; i < end; i++) {
        struct cpu *cpu = cpu_table[i];
        if (!cpu_is_online(cpu))
            continue;
        cpu->call = fn;
        cpu->call_arg = arg;
        __atomic_store_n(&cpu->call_pending, 1, __ATOMIC_RELEASE);
    }
    /*
     * One broadcast costs less than one interrupt each; a vCPU without a call resumes what it
     * did.
     */
    apic_send_all_others(VECTOR_IPI);
}

bool smp_call_all(void (*fn)(struct cpu *cpu, void *arg), void *arg, uint64_t patience)
{
    smp_call_some(1, online_count, fn, arg);
    fn(cpu_table[0], arg);
    return smp_wait(patience);
}

/* ---- TLB shootdown ----------------------------------------------------- */

static uint64_t flush_wanted;

void smp_answer_flush(void)
{
    struct cpu *cpu = this_cpu();
    uint64_t wanted = __atomic_load_n(&flush_wanted, __ATOMIC_ACQUIRE);

    if (cpu->flushed == wanted)
        return;
    write_cr3(read_cr3());
    __atomic_store_n(&cpu->flushed, wanted, __ATOMIC_RELEASE);
}

void smp_use_process(bool use)
{
    /*
     * Before CR3 is loaded, which flushes: if smp_flush_tlbs() reads 0, no stale entry can
     * remain.
     */
    __atomic_store_n(&this_cpu()->in_process, use, __ATOMIC_SEQ_CST);
}

bool smp_flush_tlbs(uint64_t patience)
{
    uint64_t wanted = __atomic_add_fetch(&flush_wanted, 1, __ATOMIC_SEQ_CST);
    struct wait wait = wait_begin(patience);

    smp_answer_flush();
    apic_send_all_others(VECTOR_IPI);
    for (uint32_t i = 0; i < online_count; i++) {
        struct cpu *cpu = cpu_table[i];
        while (cpu_is_online(cpu) && __atomic_load_n(&cpu->in_process, __ATOMIC_SEQ_CST) &&
               __atomic_load_n(&cpu->flushed, __ATOMIC_ACQUIRE) < wanted) {
            if (wait_is_over(&wait))
                return false;
            smp_answer_flush(); /* another vCPU may be waiting for this one */
            cpu_pause();
        }
    }
    return true;
}

/* ---- Questions, answered in the interrupt ------------------------------ */

/*
 * One at a time, from the boot vCPU.  `number` is set last; pairs with the load in
 * smp_answer_ask().
 */
static struct {
    void (*fn)(struct cpu *cpu, void *arg);
    void *arg;
    uint64_t number;
} question;

static bool has_answered(const struct cpu *cpu)
{
    /* Pairs with the store in smp_answer_ask(). */
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
    struct wait wait = wait_begin(patience);

    question.fn = fn;
    question.arg = arg;
    __atomic_store_n(&question.number, question.number + 1, __ATOMIC_RELEASE);
    apic_send_all_others(VECTOR_IPI);
    smp_answer_ask();
    for (uint32_t i = 0; i < MAX_CPUS; i++) {
        struct cpu *cpu = cpu_table[i];
        while (cpu && cpu_is_online(cpu) && !has_answered(cpu)) {
            if (wait_is_over(&wait))
                return false;
            smp_answer_flush(); /* another vCPU may be waiting for this one */
            cpu_pause();
        }
    }
    return true;
}
