/* SPDX-License-Identifier: 0BSD */
/*
 * kernel/process/process.c: the program and its threads are mapped as docs/border.md says and in no
 * other way, and a thread that faults or takes too long ends.
 */
#include "arch/x86/cr.h"
#include "arch/x86/frames.h"
#include "arch/x86/ipi.h"
#include "arch/x86/tsc.h"
#include "arch/x86/user.h"
#include "base/panic.h"
#include "kernel/clock/tick.h"
#include "kernel/process/elf.h"
#include "kernel/process/process.h"
#include "kernel/process/threads.h"
#include "kernel/process/words.h"
#include "tests/check.h"
#include <clockpage/report.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- The program's file ------------------------------------------------ */

enum { FILE_SIZE = 5 * PAGE_SIZE, SEGMENTS = 4, ENTRY = USER_IMAGE_BASE + 0x123 };

/* [System V ABI, chapters 4 and 5] */
enum { EXECUTABLE = 2, X86_64 = 62, LOAD = 1, X = 1, W = 2, R = 4 };

uint8_t image[FILE_SIZE] __attribute__((aligned(4096)));
__asm__(".globl reader_elf, reader_elf_end\n"
        ".set reader_elf, image\n"
        ".set reader_elf_end, image + 5 * 4096\n");

static struct elf64_header *const elf = (struct elf64_header *)image;
static struct elf64_program_header *const header = (struct elf64_program_header *)(image + 64);

static void make_image(void)
{
    for (unsigned i = 0; i < FILE_SIZE; i++)
        image[i] = (uint8_t)(i * 7 + i / 256);
    *elf = (struct elf64_header){.ident = {0x7f, 'E', 'L', 'F'},
                                 .type = EXECUTABLE,
                                 .machine = X86_64,
                                 .entry = ENTRY,
                                 .program_headers = 64,
                                 .program_header_size = sizeof(struct elf64_program_header),
                                 .program_header_count = SEGMENTS};
    /* text of two pages, something else, read-only data, data with zeros behind it */
    header[0] = (struct elf64_program_header){.type = LOAD,
                                              .flags = R | X,
                                              .offset = PAGE_SIZE,
                                              .virtual_address = USER_IMAGE_BASE,
                                              .file_size = PAGE_SIZE + 1,
                                              .memory_size = PAGE_SIZE + 1};
    header[1] = (struct elf64_program_header){.type = 6, .memory_size = 1};
    header[2] = (struct elf64_program_header){.type = LOAD,
                                              .flags = R,
                                              .offset = 3 * PAGE_SIZE,
                                              .virtual_address = USER_IMAGE_BASE + 0x10000,
                                              .file_size = PAGE_SIZE,
                                              .memory_size = PAGE_SIZE};
    header[3] = (struct elf64_program_header){.type = LOAD,
                                              .flags = R | W,
                                              .offset = 3 * PAGE_SIZE,
                                              .virtual_address = USER_TIME_BASE - 3 * PAGE_SIZE,
                                              .file_size = PAGE_SIZE + 100,
                                              .memory_size = 3 * PAGE_SIZE};
}

/* ---- The machine ------------------------------------------------------- */

enum { ROOT = 0x7000, KERNEL_ROOT = 0x8000, TIME_PAGE = 0x9000, FRAMES = 64, MAPPED = 128 };

static uint8_t frames[FRAMES][PAGE_SIZE] __attribute__((aligned(4096)));
static unsigned frames_used, frames_there = FRAMES;
static struct {
    uint64_t va, entry;
} table[MAPPED];
static unsigned mapped, map_fails_at = MAPPED;
static bool no_root;

uint64_t address_space_create(void)
{
    return no_root ? 0 : ROOT;
}

uint64_t kernel_root(void)
{
    return KERNEL_ROOT;
}

uint64_t frame_alloc_zeroed(void)
{
    return frames_used < frames_there ? virt_to_phys(frames[frames_used++]) : 0;
}

uint64_t page_lookup(uint64_t root, uint64_t va)
{
    assert_int_equal(root, ROOT);
    for (unsigned i = 0; i < mapped; i++) {
        if (table[i].va == va / PAGE_SIZE * PAGE_SIZE)
            return table[i].entry;
    }
    return 0;
}

bool page_map(uint64_t root, uint64_t va, uint64_t pa, uint64_t flags)
{
    if (mapped == map_fails_at || page_lookup(root, va))
        return false;
    table[mapped].va = va;
    table[mapped++].entry = pa | flags | PAGE_PRESENT;
    return true;
}

bool page_map_new(uint64_t root, uint64_t va, unsigned pages, uint64_t flags, bool zeroed)
{
    assert_true(zeroed);
    for (unsigned i = 0; i < pages; i++) {
        uint64_t frame = frame_alloc_zeroed();
        if (!frame || !page_map(root, va + i * PAGE_SIZE, frame, flags))
            return false;
    }
    return true;
}

void page_census(uint64_t root, bool user, struct page_census *census)
{
    assert_int_equal(root, ROOT);
    assert_true(user);
    *census = (struct page_census){.read_only = 11, .executable = 12, .writable = 13};
}

/* What was done, in order. */
static char trace[200];
static uint64_t tsc;
static jmp_buf away;
static unsigned dumps;
uint32_t tick_period;
static void (*in_ring_3)(struct cpu *cpu);

#define TRACE(...) (void)snprintf(trace + strlen(trace), sizeof(trace) - strlen(trace), __VA_ARGS__)

uint64_t rdtsc_ordered(void)
{
    return tsc;
}

void write_cr3(uint64_t value)
{
    TRACE("cr3=%llx ", (unsigned long long)value);
}

void smp_use_process(bool use)
{
    TRACE("use=%d ", use);
}

void tick_start(struct cpu *cpu, uint32_t count)
{
    TRACE("start(%u,%u) ", cpu->index, count);
}

void tick_stop(struct cpu *cpu)
{
    TRACE("stop(%u) ", cpu->index);
}

void user_enter(struct cpu *cpu, uint64_t rip, uint64_t rsp, uint64_t arg)
{
    TRACE("enter(%u,%llx,%llx,%llx) ", cpu->index, (unsigned long long)rip, (unsigned long long)rsp,
          (unsigned long long)arg);
    if (in_ring_3)
        in_ring_3(cpu);
}

void threads_ended(struct cpu *cpu)
{
    TRACE("ended(%u) ", cpu->index);
}

_Noreturn void user_leave(struct cpu *cpu)
{
    TRACE("leave(%u) ", cpu->index);
    longjmp(away, 1);
}

unsigned print(const char *text, ...)
{
    TRACE("%s", strstr(text, "its thread ends") ? "print " : "? ");
    return 0;
}

void dump_frame(const struct trap_frame *frame)
{
    assert_int_equal(frame->rip, 0x99);
    dumps++;
}

/* ---- The address space ------------------------------------------------- */

/* Whether a case holds, in a process of its own, as the kernel's process is made once. */
static bool holds(bool (*of)(unsigned argument), unsigned argument)
{
    int status;
    (void)fflush(stdout);
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        make_image();
        int failed = !of(argument);
        (void)fflush(stdout);
        _exit(failed);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status == 0;
}

static const uint8_t *content(uint64_t va)
{
    return phys_to_virt(page_lookup(ROOT, va) & PAGE_ADDRESS);
}

static bool has_flags(uint64_t va, uint64_t flags)
{
    return (page_lookup(ROOT, va) & ~PAGE_ADDRESS) == (flags | PAGE_PRESENT | PAGE_USER);
}

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("line %d: %s\n", __LINE__, #condition);                                         \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

enum { STACK = 2 };

static bool is_mapped_as_its_file_says(unsigned threads)
{
    const uint64_t data = header[3].virtual_address;

    EXPECT(!process_create(TIME_PAGE, threads));
    EXPECT(process_root() == ROOT);
    /* What is read only lies in the kernel's image; what is written is a copy. */
    EXPECT(content(USER_IMAGE_BASE) == image + PAGE_SIZE);
    EXPECT(content(USER_IMAGE_BASE + PAGE_SIZE) == image + 2 * PAGE_SIZE);
    EXPECT(content(USER_IMAGE_BASE + 0x10000) == image + 3 * PAGE_SIZE);
    EXPECT(has_flags(USER_IMAGE_BASE, 0) && has_flags(USER_IMAGE_BASE + PAGE_SIZE, 0));
    EXPECT(has_flags(USER_IMAGE_BASE + 0x10000, PAGE_NX));
    for (unsigned i = 0; i < 3 * PAGE_SIZE; i++) {
        uint64_t va = data + i;
        EXPECT(content(va)[va % PAGE_SIZE] == (i < PAGE_SIZE + 100 ? image[3 * PAGE_SIZE + i] : 0));
        EXPECT(has_flags(va, PAGE_WRITE | PAGE_NX));
        EXPECT(content(va) < image || content(va) >= image + FILE_SIZE);
    }
    EXPECT((page_lookup(ROOT, USER_TIME_BASE) & PAGE_ADDRESS) == TIME_PAGE);
    EXPECT(has_flags(USER_TIME_BASE, PAGE_NX) && has_flags(USER_VCPU_BASE, PAGE_NX));
    for (unsigned i = 0; i < MAX_CPUS; i++) {
        EXPECT(words_address(i) == USER_VCPU_BASE + 8 * i);
        EXPECT(((const uint64_t *)(const void *)content(USER_VCPU_BASE))[i] == i);
    }
    unsigned others = 2 + 1 + 3 + 2;
    EXPECT(mapped == others + (STACK + 1) * (threads + 1));
    struct page_census census;
    process_expected(&census);
    EXPECT(census.executable == 2 && census.read_only == 1 + 2);
    EXPECT(census.writable == 3 + (STACK + 1) * (threads + 1) && !census.writable_executable);
    process_census(&census);
    EXPECT(census.read_only == 11 && census.executable == 12 && census.writable == 13);
    return true;
}

static bool has_a_stack_and_a_page(uint32_t index)
{
    uint64_t base = USER_THREAD_BASE + (uint64_t)index * USER_THREAD_STRIDE;
    uint64_t page = base + (1 + STACK) * PAGE_SIZE;

    EXPECT(!page_lookup(ROOT, base) && !page_lookup(ROOT, page + PAGE_SIZE));
    for (uint64_t va = base + PAGE_SIZE; va <= page; va += PAGE_SIZE)
        EXPECT(has_flags(va, PAGE_WRITE | PAGE_NX));
    EXPECT((const uint8_t *)process_thread(index)->page == content(page));
    EXPECT(process_thread(index)->page->index == index);
    struct trap_frame f = process_start_frame(index);
    EXPECT(f.rip == ENTRY && f.cs == SEL_USER_CODE && f.ss == SEL_USER_DATA);
    EXPECT(f.rflags == (RFLAGS_IF | 2) && f.rsp == page - 8 && f.rdi == page);
    EXPECT(!f.rax && !f.rbx && !f.rcx && !f.rdx && !f.rsi && !f.rbp && !f.r8 && !f.r15);
    return true;
}

static bool threads_may_be_added(unsigned argument)
{
    (void)argument;
    EXPECT(!process_create(TIME_PAGE, 2));
    for (uint32_t i = 0; i <= 2; i++)
        EXPECT(has_a_stack_and_a_page(i));
    unsigned before = mapped;
    EXPECT(process_add_threads(2) && mapped == before);
    EXPECT(process_add_threads(4) && mapped == before + 2 * (STACK + 1));
    EXPECT(has_a_stack_and_a_page(3) && has_a_stack_and_a_page(4));
    frames_there = frames_used + 1;
    return !process_add_threads(5);
}

static bool code_is_mapped_twice(unsigned of_four_fails)
{
    struct page_census census, after;

    EXPECT(!process_create(TIME_PAGE, 3));
    process_expected(&census);
    for (unsigned count = 0; count <= 3; count++) {
        unsigned before = mapped;
        EXPECT(process_map_code(count));
        EXPECT(mapped == before + (count ? 3 : 0));
        for (unsigned i = 0; i < count; i++) {
            uint64_t page = (uintptr_t)USER_THREAD_BASE + i * USER_THREAD_STRIDE + 3 * PAGE_SIZE;
            EXPECT(has_flags(page + CODE_WRITTEN, PAGE_WRITE | PAGE_NX));
            EXPECT(has_flags(page + CODE_EXECUTED, 0));
            EXPECT(content(page + CODE_WRITTEN) == content(page + CODE_EXECUTED));
            EXPECT(has_flags(page + CODE_STACK, PAGE_WRITE | PAGE_NX));
            EXPECT(content(page + CODE_STACK) != content(page + CODE_EXECUTED));
        }
    }
    process_expected(&after);
    EXPECT(memcmp(&census, &after, sizeof(after)) == 0);
    if (of_four_fails < 3)
        map_fails_at = mapped + of_four_fails;
    else
        frames_there = frames_used;
    return !process_map_code(4);
}

static void the_program_is_mapped_as_its_file_says(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads < 4; threads++)
        assert_true(holds(is_mapped_as_its_file_says, threads));
}

static void each_thread_has_a_stack_with_a_guard_and_a_page(void **state)
{
    (void)state;
    assert_true(holds(threads_may_be_added, 0));
    for (unsigned fails = 0; fails < 4; fails++)
        assert_true(holds(code_is_mapped_twice, fails));
}

static bool is_refused_without_memory(unsigned pages)
{
    bool by_frames = pages >= 1000;

    if (by_frames)
        frames_there = pages - 1000;
    else
        map_fails_at = pages;
    const char *wrong = process_create(TIME_PAGE, 1);
    EXPECT(wrong && strncmp(wrong, "no memory", 9) == 0);
    return true;
}

static bool is_refused_without_an_address_space(unsigned argument)
{
    (void)argument;
    no_root = true;
    const char *wrong = process_create(TIME_PAGE, 1);
    EXPECT(wrong && strcmp(wrong, "no memory for an address space") == 0 && mapped == 0);
    return true;
}

static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    assert_true(holds(is_refused_without_an_address_space, 0));
    for (unsigned pages = 0; pages < 2 + 1 + 3 + 2 + 2 * (STACK + 1); pages++)
        assert_true(holds(is_refused_without_memory, pages));
    for (unsigned there = 0; there < 3 + 1 + 2 * (STACK + 1); there++)
        assert_true(holds(is_refused_without_memory, 1000 + there));
}

/* What is wrong with the file, or nearly: the number of the last one is returned at the end. */
static bool spoil(unsigned how, bool *bad)
{
    struct elf64_program_header *text = &header[0], *data = &header[3];

    *bad = true;
    switch (how) {
    case 0:
    case 1:
    case 2:
    case 3:
        elf->ident[how] ^= 1;
        break;
    case 4:
        elf->type++;
        break;
    case 5:
        elf->machine--;
        break;
    case 6:
        elf->program_header_size++;
        break;
    case 7:
        text->flags |= W;
        break;
    case 8:
        text->virtual_address += 8;
        break;
    case 9:
        text->offset += 8;
        break;
    case 10:
        data->memory_size = data->file_size - 1;
        break;
    case 11:
        data->memory_size = data->file_size;
        *bad = false;
        break;
    case 12: /* up to the end of the file, and one byte more */
        header[2].file_size = header[2].memory_size = 2 * PAGE_SIZE;
        *bad = false;
        break;
    case 13:
        header[2].file_size = header[2].memory_size = 2 * PAGE_SIZE + 1;
        break;
    case 14:
        text->virtual_address = USER_IMAGE_BASE - PAGE_SIZE;
        break;
    case 15:
        data->memory_size++;
        break;
    case 16: /* two at one address */
        header[2].virtual_address = USER_IMAGE_BASE;
        break;
    case 17: /* what is not loaded, and what is empty, may say anything */
        header[1].virtual_address = header[1].offset = 3;
        text->memory_size = text->file_size = 0;
        text->flags |= W;
        *bad = false;
        break;
    case 18: /* a count that leaves the bad one out */
        data->flags |= X;
        elf->program_header_count--;
        *bad = false;
        break;
    case 19:
        data->flags |= X;
        break;
    default:
        return false;
    }
    return true;
}

static bool is_judged(unsigned how)
{
    bool bad;

    EXPECT(spoil(how, &bad));
    const char *wrong = process_create(TIME_PAGE, 1);
    EXPECT((wrong != NULL) == bad);
    /* Nothing behind the wrong segment is mapped. */
    EXPECT(!bad || how > 9 || mapped == 0);
    return true;
}

static void a_program_that_is_not_as_it_should_be_is_refused(void **state)
{
    unsigned how = 0;
    bool bad;

    (void)state;
    for (make_image(); spoil(how, &bad); how++)
        assert_true(holds(is_judged, how));
    make_image();
    figures("%u files", how);
}

/* ---- A thread's run ---------------------------------------------------- */

static struct cpu cpu;

static int set_up(void **state)
{
    (void)state;
    cpu = (struct cpu){.index = 2,
                       .thread = 9,
                       .counting = true,
                       .probe_resume = 4,
                       .probe_stays = true,
                       .job_ran = 5};
    trace[0] = 0;
    in_ring_3 = NULL;
    tick_period = 0;
    process_longest = 0;
    for (uint32_t i = 0; i < 4; i++)
        process_thread(i)->crashed = true;
    return 0;
}

static void look(struct cpu *running)
{
    assert_false(running->counting);
    assert_int_equal(running->probe_resume, 0);
    assert_false(running->probe_stays);
    assert_int_equal(running->job_ran, 0);
    assert_int_equal(running->job_seen, tsc);
    assert_int_equal(running->thread, running->index);
    assert_false(process_thread(running->index)->crashed);
    running->counting = true;
}

static void a_thread_runs_in_its_space_with_ticks(void **state)
{
    char want[200];

    make_image();
    assert_false(process_create(TIME_PAGE, 4));
    const uint64_t *words = (const uint64_t *)(const void *)content(USER_VCPU_BASE);
    for (unsigned i = 0; i < 6; i++) {
        uint32_t index = i / 2;
        uint64_t page = USER_THREAD_BASE + (uint64_t)index * USER_THREAD_STRIDE + 3 * PAGE_SIZE;
        (void)set_up(state);
        cpu.index = index;
        tick_period = i % 2 ? 500 : 0;
        tsc = 123456;
        in_ring_3 = look;
        process_run(&cpu, NULL);
        char start[40] = "", stop[40] = "";
        if (tick_period)
            (void)snprintf(start, sizeof(start), "start(%u,500) ", index);
        if (tick_period && index)
            (void)snprintf(stop, sizeof(stop), "stop(%u) ", index);
        (void)snprintf(want, sizeof(want),
                       "use=1 cr3=%llx %senter(%u,%llx,%llx,%llx) %scr3=%x use=0 ",
                       (unsigned long long)process_root(), start, index,
                       (unsigned long long)process_start_frame(index).rip,
                       (unsigned long long)page - 8, (unsigned long long)page, stop, KERNEL_ROOT);
        assert_string_equal(trace, want);
        assert_int_equal(words[index], index | (uint64_t)(1 + i % 2) << 32);
        assert_false(cpu.counting);
        for (uint32_t other = 0; other < 4; other++)
            assert_int_equal(process_thread(other)->crashed, other != index);
    }
}

static void a_fault_ends_the_thread_that_runs_and_is_shown_once(void **state)
{
    const struct trap_frame frame = {.rip = 0x99};

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        process_thread(i)->crashed = false;
    cpu.thread = 1; /* not the one that the vCPU began with */
    dumps = 0;
    if (!setjmp(away))
        process_fault(&cpu, &frame);
    assert_string_equal(trace, "print ended(2) leave(2) ");
    assert_true(process_thread(1)->crashed);
    assert_false(process_thread(2)->crashed);
    trace[0] = 0;
    if (!setjmp(away))
        process_fault(&cpu, &frame);
    assert_string_equal(trace, "ended(2) leave(2) ");
    assert_int_equal(dumps, 1);
}

/* Whether a tick this long after the last one ends the thread. */
static bool ends_after(uint64_t cycles)
{
    tsc += cycles;
    if (setjmp(away))
        return true;
    process_tick(&cpu);
    assert_int_equal(cpu.job_seen, tsc);
    return false;
}

static void a_thread_ends_when_it_has_run_too_long(void **state)
{
    (void)state;
    cpu.thread = 1;
    process_thread(1)->crashed = false;
    process_longest = 1024000;
    cpu.job_ran = 0;
    cpu.job_seen = tsc;
    for (unsigned i = 0; i < 1023; i++)
        assert_false(ends_after(1000));
    assert_false(ends_after(999));
    assert_int_equal(cpu.job_ran, 1023999);
    assert_false(ends_after(1));
    assert_string_equal(trace, "");
    assert_true(ends_after(1));
    assert_true(process_thread(1)->crashed);
    assert_string_equal(trace, "ended(2) leave(2) ");
    /* One long gap is a pause by the host: it counts little. */
    cpu.job_ran = 0;
    assert_false(ends_after(10000000));
    assert_int_equal(cpu.job_ran, 1000);
    assert_false(ends_after(1001));
    assert_int_equal(cpu.job_ran, 2000);
    /* 0: as long as it likes. */
    process_longest = 0;
    cpu.job_ran = 1;
    assert_false(ends_after(1000000));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_program_is_mapped_as_its_file_says),
        TEST(each_thread_has_a_stack_with_a_guard_and_a_page),
        TEST(memory_that_runs_out_is_said),
        TEST(a_program_that_is_not_as_it_should_be_is_refused),
        TEST(a_thread_runs_in_its_space_with_ticks),
        TEST(a_fault_ends_the_thread_that_runs_and_is_shown_once),
        TEST(a_thread_ends_when_it_has_run_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
