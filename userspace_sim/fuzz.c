/* SPDX-License-Identifier: 0BSD */
/*
 * Makes random system calls with random arguments: any number, any pointer.  Half of the
 * arguments come from values that are likely to pass the first check.  JOB_ATTACK executes random
 * instructions as well.
 */
#include "userspace_sim/attempt.h"
#include "userspace_sim/clock.h"
#include "userspace_sim/process.h"

static uint64_t next(uint64_t *state)
{
    /* xorshift64* [Vigna 2016] */
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static uint64_t argument(struct thread_page *t, uint64_t *state)
{
    static const char device[] = "/dev/pvclock";
    static uint64_t scratch[8]; /* for what the kernel writes */
    uint64_t r = next(state);
    const uint64_t likely[] = {
        0,
        1,
        2,
        4096,
        64,
        address_of(device),
        address_of(scratch),
        address_of(t) - 12288 - 8, /* the guard below the stack */
        t->kernel_address,
        t->time_page,
        address_of(clock_structures),
        address_of(clock_structures) + 0x10000,
        UINT64_MAX,
        UINT64_C(1) << 47,
        UINT64_C(0x7fffffffffff),
        address_of(device) | 0xff8,
    };

    switch (r >> 62) {
    case 0:
        return next(state);
    case 1:
        return next(state) & 15;
    default:
        return likely[r & 15];
    }
}

/* The structures must stay mapped for the other jobs. */
static bool would_unmap_ours(uint64_t number, uint64_t a)
{
    return number == SYS_MUNMAP && a == address_of(clock_structures);
}

static uint64_t seeded(const struct thread_page *t)
{
    return (t->seed * UINT64_C(0x9e3779b97f4a7c15) + t->index) | 1;
}

/* Returns whether it was made, and its result; all: even those that end the job. */
static bool random_call(struct thread_page *t, uint64_t *state, bool all, int64_t *result)
{
    uint64_t number = next(state) % (SYS_CALLS + 4);
    uint64_t a = argument(t, state), b = argument(t, state), c = argument(t, state),
             d = argument(t, state);

    if (number >= SYS_CALLS)
        number = next(state);
    /* Ending the job, and a probe without a fault, are tested elsewhere. */
    if (!all && (number == SYS_EXIT || number == SYS_PROBE || would_unmap_ours(number, a)))
        return false;
    *result = call((enum system_call)number, a, b, c, d);
    /* Free mappings, so that later calls can succeed. */
    if (number == SYS_MMAP && *result > 0 && next(state) & 1)
        (void)call(SYS_MUNMAP, (uint64_t)*result, b, 0, 0);
    return true;
}

void fuzz(struct thread_page *t)
{
    static uint64_t all_made, all_failed;
    uint64_t state = seeded(t), made = 0, failed = 0;

    while (made < (t->amount + t->count - 1) / t->count) {
        int64_t result;
        if (!random_call(t, &state, false, &result))
            continue;
        made++;
        failed += result < 0;
    }
    (void)call(SYS_COUNT, 0, 0, 0, 0);
    __atomic_add_fetch(&all_made, made, __ATOMIC_RELAXED);
    __atomic_add_fetch(&all_failed, failed, __ATOMIC_RELAXED);
    /* The kernel adds what only it can see: whether memory leaked. */
    if (last_out(t))
        verdict(pass_if(all_made >= t->amount), "ring3.fuzz",
                "%lu random system calls on %u vCPUs (seed %lu), %lu refused", all_made, t->count,
                t->seed, all_failed);
}

/* ---- Random instructions ----------------------------------------------- */

/*
 * Writes random bytes, with privileged instructions and system calls in between.  Without IRET
 * under TCG: in QEMU 7.2 one of 32 bits takes VM from the stack, and IOPL with it (docs/border.md).
 */
static void write_stream(const struct thread_page *t, uint64_t *state)
{
    enum { STREAM = 64, IRET = 0xcf, NOP = 0x90 };
    uint8_t *code = code_of(t);
    uint64_t r15 = next(state);
    unsigned i = 0;

    /* movabs $r15, %r15: it would lead to the program's own state. */
    code[i++] = 0x49;
    code[i++] = 0xbf;
    for (; r15; r15 >>= 8)
        code[i++] = (uint8_t)r15;
    while (i < 10)
        code[i++] = 0;
    while (i < STREAM) {
        uint64_t r = next(state);
        switch (r >> 60) {
        case 0: {
            const struct instruction *in = &privileged[(r & 0xffff) % privileged_count];
            for (unsigned byte = 0; byte < in->length; byte++)
                code[i++] = (uint8_t)in->bytes[byte];
            break;
        }
        case 1:
            code[i++] = 0x0f;
            code[i++] = r & 7 ? 0x05 : 0x34;
            break;
        default:
            code[i++] = (uint8_t)r;
        }
    }
    for (i = 0; t->facts & FACT_IN_TURN && i < STREAM; i++)
        code[i] = code[i] == IRET ? NOP : code[i];
}

/* The next stream of JOB_ATTACK, after some system calls. */
static bool next_stream(struct attempt *a)
{
    enum { CALLS = 5 };
    static const uint64_t flags_of_ring_3 = 0x244cd5; /* but TF, which would end it here */
    struct thread_page *t = a->thread;
    uint64_t *registers = &a->rax, stack = address_of(code_of(t)) + CODE_STACK;

    if (clock_tsc() >= a->until)
        return false;
    for (unsigned i = 0; i < CALLS; i++) {
        int64_t result;
        (void)random_call(t, &a->random, true, &result);
        t->calls++;
    }
    write_stream(t, &a->random);
    for (uint64_t *r = registers; r < &a->flags; r++)
        *r = argument(t, &a->random);
    if (next(&a->random) & 3)
        a->rsp = stack;
    a->flags = (next(&a->random) & flags_of_ring_3) | 0x202;
    a->rip = code_address(t);
    t->streams++;
    return true;
}

void attack(struct thread_page *t)
{
    struct attempt a;

    attempt_begin(&a, t);
    a.random = seeded(t);
    a.until = clock_tsc() + t->tsc_hz / 1000 * t->amount;
    t->calls = t->streams = 0;
    attempts(&a, next_stream);
    (void)call(SYS_COUNT, 0, 0, 0, 0);
}
