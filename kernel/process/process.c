/* SPDX-License-Identifier: 0BSD */
/*
 * Loads and runs the ring-3 process, which reads the clock pages and the time page, and handles
 * its faults.
 */
#include "kernel/process/process.h"
#include "arch/x86/cr.h"
#include "arch/x86/frames.h"
#include "arch/x86/ipi.h"
#include "arch/x86/trap.h"
#include "arch/x86/tsc.h"
#include "arch/x86/user.h"
#include "base/panic.h"
#include "kernel/clock/host.h"
#include "kernel/clock/tick.h"
#include "kernel/process/elf.h"
#include "kernel/process/threads.h"
#include "kernel/process/words.h"
#include <clockpage/report.h>

/* The program's ELF file, page-aligned: reader_blob.S. */
extern const uint8_t reader_elf[], reader_elf_end[];

enum { STACK_PAGES = 2 };

static uint64_t root;
static uint64_t entry;
static struct thread threads[MAX_THREADS];
static unsigned thread_count;
static struct page_census expected;

_Static_assert(MAX_THREADS == MAX_CPUS + 1, "one thread waits while the kernel moves threads");
_Static_assert(THREAD_STRIDE == USER_THREAD_STRIDE, "ring 3 finds the other threads' pages");
_Static_assert(COUNT_SYSTEM_CALL == (int)ENTRY_SYSCALL && COUNT_TIMER == (int)ENTRY_TIMER &&
                   COUNT_IPI == (int)ENTRY_IPI && COUNT_FAULT == (int)ENTRY_FAULT &&
                   COUNTS == (int)ENTRY_KINDS,
               "ring 3 has names of its own for them");

uint64_t process_longest;

/*
 * Maps a read-only segment where it lies in the kernel's image; a writable one gets its own
 * frames, with a copy of the file's part and zeros after it.
 */
static const char *load_segment(const struct elf64_program_header *h)
{
    bool writable = h->flags & ELF_W, executable = h->flags & ELF_X;
    uint64_t flags = PAGE_USER | (writable ? PAGE_WRITE : 0) | (executable ? 0 : PAGE_NX);

    if (writable && executable)
        return "a segment of the program is writable and executable";
    if (h->virtual_address % PAGE_SIZE || h->offset % PAGE_SIZE || h->file_size > h->memory_size ||
        h->offset + h->file_size > (uint64_t)(reader_elf_end - reader_elf) ||
        h->virtual_address < USER_IMAGE_BASE ||
        h->virtual_address + h->memory_size > USER_TIME_BASE)
        return "a segment of the program is not where it may be";
    for (uint64_t at = 0; at < h->memory_size; at += PAGE_SIZE) {
        uint64_t frame = virt_to_phys(reader_elf + h->offset + at);
        if (writable) {
            frame = frame_alloc_zeroed();
            if (!frame)
                return "no memory for the program";
            uint8_t *to = phys_to_virt(frame);
            for (uint64_t i = 0; i < PAGE_SIZE && at + i < h->file_size; i++)
                to[i] = reader_elf[h->offset + at + i];
        }
        if (!page_map(root, h->virtual_address + at, frame, flags))
            return "no memory for the program's page tables";
        *(writable     ? &expected.writable
          : executable ? &expected.executable
                       : &expected.read_only) += 1;
    }
    return NULL;
}

static const char *load_program(void)
{
    const struct elf64_header *elf = (const struct elf64_header *)reader_elf;

    if (reader_elf_end - reader_elf < (long)sizeof(*elf) || elf->ident[0] != 0x7f ||
        elf->ident[1] != 'E' || elf->ident[2] != 'L' || elf->ident[3] != 'F' ||
        elf->type != ELF_EXECUTABLE || elf->machine != ELF_X86_64 ||
        elf->program_header_size != sizeof(struct elf64_program_header))
        return "the ring-3 program is not an x86-64 executable";
    entry = elf->entry;
    for (unsigned i = 0; i < elf->program_header_count; i++) {
        const struct elf64_program_header *h =
            (const struct elf64_program_header *)(reader_elf + elf->program_headers) + i;
        const char *wrong = h->type == ELF_LOAD && h->memory_size ? load_segment(h) : NULL;
        if (wrong)
            return wrong;
    }
    return NULL;
}

static uint64_t thread_stack_top(uint32_t index)
{
    return USER_THREAD_BASE + (uint64_t)index * USER_THREAD_STRIDE + (1 + STACK_PAGES) * PAGE_SIZE;
}

static bool map_thread(uint32_t index)
{
    /* The first page of the slot stays unmapped: the guard below the stack. */
    uint64_t va = USER_THREAD_BASE + (uint64_t)index * USER_THREAD_STRIDE + PAGE_SIZE;

    /* Zero the frames: they may hold another owner's data. */
    if (!page_map_new(root, va, STACK_PAGES + 1, PAGE_USER | PAGE_WRITE | PAGE_NX, true))
        return false;
    expected.writable += STACK_PAGES + 1;
    threads[index].page = phys_to_virt(page_lookup(root, thread_stack_top(index)) & PAGE_ADDRESS);
    threads[index].page->index = index;
    return true;
}

bool process_map_code(uint32_t count)
{
    static uint32_t mapped;

    for (; mapped < count; mapped++) {
        uint64_t page = thread_stack_top(mapped), frame = frame_alloc_zeroed();
        if (!frame ||
            !page_map(root, page + CODE_WRITTEN, frame, PAGE_USER | PAGE_WRITE | PAGE_NX) ||
            !page_map(root, page + CODE_EXECUTED, frame, PAGE_USER) ||
            !page_map_new(root, page + CODE_STACK, 1, PAGE_USER | PAGE_WRITE | PAGE_NX, true))
            return false;
    }
    return true;
}

bool process_add_threads(unsigned count)
{
    /* One more: the thread that waits while the kernel moves threads. */
    for (; thread_count <= count; thread_count++) {
        if (!map_thread(thread_count))
            return false;
    }
    return true;
}

const char *process_create(uint64_t time_physical, unsigned count)
{
    root = address_space_create();
    const char *wrong = root ? load_program() : "no memory for an address space";

    if (wrong)
        return wrong;
    uint64_t of_words = words_create();
    if (!page_map(root, USER_TIME_BASE, time_physical, PAGE_USER | PAGE_NX) || of_words == 0 ||
        !page_map(root, USER_VCPU_BASE, of_words, PAGE_USER | PAGE_NX))
        return "no memory to map the time page";
    expected.read_only += 2;
    return process_add_threads(count) ? NULL : "no memory for a thread";
}

struct thread *process_thread(uint32_t index)
{
    return &threads[index];
}

void process_census(struct page_census *census)
{
    page_census(root, true, census);
}

void process_expected(struct page_census *census)
{
    *census = expected;
}

uint64_t process_root(void)
{
    return root;
}

struct trap_frame process_start_frame(uint32_t index)
{
    uint64_t stack = thread_stack_top(index);

    return (struct trap_frame){
        .rip = entry,
        .cs = SEL_USER_CODE,
        .rflags = RFLAGS_IF | 2,
        /* As if called: the ABI wants RSP 8 below a multiple of 16 at a function's first
           instruction. */
        .rsp = stack - 8,
        .ss = SEL_USER_DATA,
        .rdi = stack,
    };
}

void process_run(struct cpu *cpu, void *arg)
{
    struct thread *thread = &threads[cpu->index];
    struct trap_frame start = process_start_frame(cpu->index);

    (void)arg;
    cpu->counting = false;
    cpu->probe_resume = 0;
    cpu->probe_stays = false;
    cpu->job_ran = 0;
    cpu->job_seen = rdtsc_ordered();
    cpu->thread = cpu->index;
    words_dispatched(cpu);
    thread->crashed = false;
    smp_use_process(true);
    write_cr3(root);
    if (tick_period)
        tick_start(cpu, tick_period);
    user_enter(cpu, start.rip, start.rsp, start.rdi);
    if (tick_period && cpu->index != 0)
        tick_stop(cpu);
    write_cr3(kernel_root());
    smp_use_process(false);
    cpu->counting = false;
}

static _Noreturn void end_thread(struct cpu *cpu)
{
    threads[cpu->thread].crashed = true;
    threads_ended(cpu);
    user_leave(cpu);
}

_Noreturn void process_fault(struct cpu *cpu, const struct trap_frame *frame)
{
    static uint32_t printing;

    /* Print one dump only: several would be mixed. */
    if (!__atomic_exchange_n(&printing, 1, __ATOMIC_ACQ_REL)) {
        print("\nclockpage: the ring-3 program faulted; its thread ends, the kernel goes on\n");
        dump_frame(frame);
    }
    end_thread(cpu);
}

void process_tick(struct cpu *cpu)
{
    /* Load it once: vCPU 0 may clear it at any time. */
    uint64_t longest = __atomic_load_n(&process_longest, __ATOMIC_RELAXED), now = rdtsc_ordered();
    uint64_t gap = now - cpu->job_seen, most = longest / 1024;

    /* A pause, or the time in which the host ran others, is a long gap: not the thread's fault. */
    cpu->job_ran += gap < most ? gap : most;
    cpu->job_seen = now;
    if (longest && cpu->job_ran > longest)
        end_thread(cpu);
}
