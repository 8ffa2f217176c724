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

enum { LIKELY = 16 };

/* Where random numbers come from, and those that are likely to pass a first check. */
struct chance {
    struct thread_page *thread;
    uint64_t state, likely[LIKELY];
};

static struct chance chance_begin(struct thread_page *t)
{
    static const char device[] = "/dev/pvclock";
    static uint64_t scratch[8]; /* for what the kernel writes */

    return (struct chance){
        .thread = t,
        .state = (t->seed * UINT64_C(0x9e3779b97f4a7c15) + t->index) | 1,
        .likely =
            {
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
            },
    };
}

static uint64_t argument(struct chance *c)
{
    uint64_t r = next(&c->state);

    switch (r >> 62) {
    case 0:
        return next(&c->state);
    case 1:
        return r & 15;
    default:
        return c->likely[r % LIKELY];
    }
}

/* The structures must stay mapped for the other jobs. */
static bool would_unmap_ours(uint64_t number, uint64_t a)
{
    return number == SYS_MUNMAP && a == address_of(clock_structures);
}

enum outcome { NOT_MADE, DONE, REFUSED, LEFT_SOMETHING };

/*
 * Makes a random system call, and reads all registers after it; all: even those that end the job.
 */
static enum outcome random_call(struct chance *c, bool all)
{
    uint64_t number = next(&c->state) % (SYS_CALLS + 4), registers[REGISTERS];

    if (number >= SYS_CALLS)
        number = next(&c->state);
    for (unsigned i = 0; i < REGISTERS; i++)
        registers[i] = c->state;
    registers[RAX] = number;
    registers[RDI] = argument(c);
    registers[RSI] = argument(c);
    registers[RDX] = argument(c);
    registers[R10] = argument(c);
    uint64_t address = registers[RDI], length = registers[RSI];
    /* Ending the job, and a probe without a fault, are tested elsewhere. */
    if (!all && (number == SYS_EXIT || number == SYS_PROBE || would_unmap_ours(number, address)))
        return NOT_MADE;
    if (!call_leaves_nothing(registers))
        return LEFT_SOMETHING;
    int64_t result = (int64_t)registers[RAX];
    /* Free mappings, so that later calls can succeed. */
    if (number == SYS_MMAP && result > 0 && next(&c->state) & 1)
        (void)call(SYS_MUNMAP, (uint64_t)result, length, 0, 0);
    return result < 0 ? REFUSED : DONE;
}

void fuzz(struct thread_page *t)
{
    static uint64_t all[LEFT_SOMETHING + 1];
    struct chance c = chance_begin(t);
    uint64_t outcomes[LEFT_SOMETHING + 1] = {0};

    for (uint64_t made = 0; made < (t->amount + t->count - 1) / t->count;) {
        enum outcome outcome = random_call(&c, false);
        outcomes[outcome]++;
        made += outcome != NOT_MADE;
    }
    (void)call(SYS_COUNT, 0, 0, 0, 0);
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        __atomic_add_fetch(&all[i], outcomes[i], __ATOMIC_RELAXED);
    /* The kernel adds what only it can see: whether memory leaked. */
    if (last_out(t))
        verdict(pass_if(!all[LEFT_SOMETHING] && all[DONE] + all[REFUSED] >= t->amount),
                "ring3.fuzz",
                "%lu random system calls on %u vCPUs (seed %lu), %lu refused, %lu left something "
                "in a register",
                all[DONE] + all[REFUSED] + all[LEFT_SOMETHING], t->count, t->seed, all[REFUSED],
                all[LEFT_SOMETHING]);
}

/* ---- Random instructions ----------------------------------------------- */

/* The state of JOB_ATTACK.  It is on the stack, where random code may write. */
struct attack {
    struct attempt attempt; /* first: attempts() gives its address */
    struct chance chance;
    uint64_t until;          /* by the TSC */
    uint64_t streams, leaks; /* sealed() */
    bool no_far_calls;
};

/* A number that a stray write does not leave valid; one store, because a tick may end all else. */
static uint64_t sealed(uint32_t n)
{
    return (uint64_t)~n << 32 | n;
}

static bool is_sealed(uint64_t word)
{
    return word == sealed((uint32_t)word);
}

/* Parts of streams, besides privileged instructions and random bytes. */
static const struct instruction parts[] = {
    CODE("SYSCALL", "\x0f\x05"),
    CODE("SYSCALL", "\x0f\x05"),
    CODE("SYSCALL", "\x0f\x05"),
    CODE("SYSENTER", "\x0f\x34"),
    CODE("MOV to DS", "\x8e\xd8"),
    CODE("MOV to SS", "\x8e\xd0"),
    CODE("MOV to GS", "\x8e\xe8"),
    CODE("POPF", "\x50\x9d"),
    CODE("far return", "\x50\x53\x48\xcb"),
    CODE("IRETQ", "\x6a\x2b\x54\x50\x6a\x33\x53\x48\xcf"),
    CODE("IRETQ to RAX", "\x50\x54\x51\x50\x53\x48\xcf"),
    CODE("LAR", "\x0f\x02\xc8"),
    CODE("INT", "\xcd\x80"),
    CODE("WRGSBASE", "\xf3\x48\x0f\xae\xd8"),
};

/*
 * A stream is the end of the page, behind which there is none, so that one that runs on comes to no
 * bytes that nobody filtered.  It cannot write there, and no register leads to where it was
 * written.
 */
enum { STREAM = 64, STREAM_AT = PAGE - STREAM, STREAM_STACK = 2048 };

static unsigned put(uint8_t *to, unsigned at, const struct instruction *in)
{
    for (unsigned i = 0; i < in->length && at < STREAM; i++)
        to[at++] = (uint8_t)in->bytes[i];
    return at;
}

/* Wherever in it an instruction may begin. */
static void leave_out_far_calls(uint8_t stream[STREAM])
{
    enum { GROUP_5 = 0xff, REG = 0x38, FAR_CALL_OF_MEMORY = 0x18, FAR_CALL = 0x9a, NOP = 0x90 };

    for (unsigned i = 0; i < STREAM; i++) {
        bool ends = i + 1 == STREAM;
        if (stream[i] == FAR_CALL ||
            (stream[i] == GROUP_5 && !ends && (stream[i + 1] & REG) == FAR_CALL_OF_MEMORY))
            stream[i] = NOP;
    }
}

/*
 * Writes random bytes, with privileged instructions and system calls in between.
 *
 * By words: each write to code that has run costs TCG as much as a hundred instructions.
 */
static void write_stream(const struct thread_page *t, struct chance *c, bool no_far_calls)
{
    /* mov %rdi, %r15: it would lead to the program's own state. */
    static const struct instruction r15 = CODE("MOV to R15", "\x49\x89\xff");
    /* push $0x23; lea 3(%rip), %rcx; push %rcx; lretq: 32-bit code follows. */
    static const struct instruction in_32_bits =
        CODE("far return", "\x6a\x23\x48\x8d\x0d\x03\x00\x00\x00\x51\x48\xcb");
    volatile uint64_t *code = (volatile uint64_t *)((uintptr_t)code_of(t) + STREAM_AT);
    union {
        uint8_t bytes[STREAM];
        uint64_t words[STREAM / 8];
    } stream;
    unsigned at = put(stream.bytes, 0, &r15);

    if (next(&c->state) >> 61 == 0)
        at = put(stream.bytes, at, &in_32_bits);
    while (at < STREAM) {
        uint64_t r = next(&c->state);
        if (r >> 60 == 0)
            at = put(stream.bytes, at, &privileged[(r & 0xffff) % privileged_count]);
        else if (r >> 60 <= 2)
            at = put(stream.bytes, at, &parts[(r & 0xffff) % (sizeof(parts) / sizeof(parts[0]))]);
        else
            stream.bytes[at++] = (uint8_t)r;
    }
    if (no_far_calls)
        leave_out_far_calls(stream.bytes);
    for (unsigned i = 0; i < STREAM / 8; i++)
        code[i] = stream.words[i];
}

enum { CALLS_A_STREAM = 10 };

/* The next stream of JOB_ATTACK, after some system calls. */
static bool next_stream(struct attempt *a)
{
    static const uint64_t flags_of_ring_3 = 0x244cd5; /* but TF, which would end it here */
    struct attack *k = (struct attack *)a;
    struct chance *c = &k->chance;
    struct thread_page *t = c->thread;

    if (clock_tsc() >= k->until)
        return false;
    for (unsigned i = 0; i < CALLS_A_STREAM; i++) {
        if (random_call(c, true) == LEFT_SOMETHING)
            k->leaks = sealed((uint32_t)k->leaks + 1);
    }
    write_stream(t, c, k->no_far_calls);
    for (uint64_t *r = &a->rax; r < &a->flags; r++)
        *r = argument(c);
    if (next(&c->state) & 3)
        a->rsp = address_of(stack_of(t)) + STREAM_STACK;
    a->flags = (next(&c->state) & flags_of_ring_3) | 0x202;
    a->rip = code_address(t) + STREAM_AT;
    k->streams = sealed((uint32_t)k->streams + 1);
    return true;
}

void attack(struct thread_page *t)
{
    struct attack k = {.chance = chance_begin(t),
                       .until = clock_tsc() + t->tsc_hz / 1000 * t->amount,
                       .streams = sealed(0),
                       .leaks = sealed(0)};

    t->calls = t->streams = t->leaks = 0;
    attempt_begin(&k.attempt, t);
    k.no_far_calls = far_call_is_ring_0_s(&k.attempt);
    attempts(&k.attempt, next_stream);
    if (is_sealed(k.streams) && is_sealed(k.leaks)) {
        t->streams = (uint32_t)k.streams;
        t->calls = t->streams * CALLS_A_STREAM;
        t->leaks = (uint32_t)k.leaks;
    }
    (void)call(SYS_COUNT, 0, 0, 0, 0);
}
