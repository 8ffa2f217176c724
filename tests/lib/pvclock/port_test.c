/* SPDX-License-Identifier: 0BSD */
/*
 * The x86 port, hook by hook: what each returns and stores.  Orders are not visible here: see
 * races.c and tests/build/compiled-suite.sh.
 */
#include "tests/check.h"
#include <asm/prctl.h>
#include <cpuid.h>
#include <pvclock/port.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of values that differ in each half, and of those that an attempt to load could leave behind. */
static const uint64_t values[] = {
    0, 1, 2, UINT32_MAX, UINT64_C(0x100000000), UINT64_C(0x123456789abcdef0), UINT64_MAX,
};

enum { VALUES = sizeof(values) / sizeof(values[0]) };

static void words_of_64_bits_are_loaded_stored_and_swapped(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VALUES; i++) {
        for (unsigned j = 0; j < VALUES; j++) {
            uint64_t word = values[i], old = values[j];

            assert_true(PVCLOCK_LOAD64(&word) == values[i]);
            assert_true(word == values[i]);
            assert_int_equal(PVCLOCK_CAS64(&word, &old, ~values[j]), i == j);
            assert_true(old == values[i]);
            assert_true(word == (i == j ? ~values[j] : values[i]));
            PVCLOCK_STORE64(&word, values[j]);
            assert_true(word == values[j]);
        }
    }
}

static void words_of_32_bits_are_loaded_and_stored(void **state)
{
    uint32_t word = 7;

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        PVCLOCK_STORE_RELEASE(&word, i * 0x9e3779b1);
        PVCLOCK_STORE_FENCE();
        assert_int_equal(word, i * 0x9e3779b1);
        assert_int_equal(PVCLOCK_LOAD_ACQUIRE(&word), word);
        assert_int_equal(PVCLOCK_LOAD_AFTER(&word, 0), word);
        assert_int_equal(PVCLOCK_LOAD_AFTER(&word, PVCLOCK_TSC_LFENCE().low), word);
        PVCLOCK_PAUSE();
    }
}

static void bits_are_taken_and_the_rest_is_kept(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 256; bits++) {
        uint8_t byte = (uint8_t)bits;

        assert_int_equal(PVCLOCK_TAKE_BITS(&byte, 2), bits);
        assert_int_equal(byte, bits & ~2u);
    }
}

static __attribute__((noinline)) uint64_t read_tsc(unsigned how)
{
    uint32_t aux;
    struct pvclock_tsc tsc = how == 0   ? PVCLOCK_TSC_LFENCE()
                             : how == 1 ? PVCLOCK_TSC_RDTSCP(&aux)
                                        : PVCLOCK_TSC_RELAXED();

    return tsc.low <= UINT32_MAX && tsc.high <= UINT32_MAX ? (tsc.high << 32) + tsc.low : 0;
}

/* Leaves what is no TSC where the next call has its variables. */
static __attribute__((noinline)) void fill_stack(void)
{
    volatile uint32_t words[256];

    for (unsigned i = 0; i < 256; i++)
        words[i] = 0x5a5a5a5a;
    (void)words[0];
}

/* Each of them between two readings of the compiler's own, but where the thread is moved. */
static void the_tsc_is_read_whole(void **state)
{
    enum { TIMES = 1000 };
    unsigned in_order[3] = {0};

    (void)state;
    for (unsigned i = 0; i < 3 * TIMES; i++) {
        uint64_t before, read, after;

        fill_stack();
        before = __builtin_ia32_rdtsc();
        __asm__ volatile("lfence" : : : "memory");
        read = read_tsc(i % 3);
        __asm__ volatile("lfence" : : : "memory");
        after = __builtin_ia32_rdtsc();
        in_order[i % 3] += before <= read && read <= after;
    }
    for (unsigned i = 0; i < 3; i++)
        assert_true(in_order[i] > TIMES / 2);
}

/* Where the CPU has RDPID it gives what RDTSCP does, but where the thread is moved in between. */
static void the_vcpu_is_the_same_by_rdpid_and_rdtscp(void **state)
{
    enum { TIMES = 1000 };
    unsigned eax, ebx, ecx, edx, same = 0;

    (void)state;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || (ecx & 1u << 22) == 0)
        spoilt("this CPU has no RDPID");
    for (unsigned i = 0; i < TIMES; i++) {
        uint32_t by_rdtscp = ~PVCLOCK_RDPID();

        (void)PVCLOCK_TSC_RDTSCP(&by_rdtscp);
        fill_stack();
        same += PVCLOCK_RDPID() == by_rdtscp;
    }
    assert_true(same > TIMES / 2);
}

#ifdef __x86_64__
/* As a kernel has GS, the word behind it is the vCPU's. */
static void the_vcpus_word_is_behind_gs(void **state)
{
    static uint64_t word;

    (void)state;
    assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, &word), 0);
    for (uint64_t i = 1; i < 100; i++) {
        word = i << 32 | (i & 7);
        fill_stack();
        assert_true(PVCLOCK_VCPU_WORD() == word);
    }
    assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, 0), 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_64_bits_are_loaded_stored_and_swapped),
        cmocka_unit_test(words_of_32_bits_are_loaded_and_stored),
        cmocka_unit_test(bits_are_taken_and_the_rest_is_kept),
        cmocka_unit_test(the_tsc_is_read_whole),
        cmocka_unit_test(the_vcpu_is_the_same_by_rdpid_and_rdtscp),
#ifdef __x86_64__
        cmocka_unit_test(the_vcpus_word_is_behind_gs),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
