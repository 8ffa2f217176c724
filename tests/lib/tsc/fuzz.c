/* SPDX-License-Identifier: 0BSD */
/*
 * libFuzzer over every public function of lib/tsc: the input is CPUID's leaves, sources, dates, an
 * RTC's registers, a timer, and a script of what its reads and the TSC give.  Whatever it holds: no
 * undefined behaviour, an end in bounded time, a status that is one, and the values that 128-bit
 * integers give.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tsc/calendar.h>
#include <tsc/port/mock.h>
#include <tsc/rtc.h>
#include <tsc/tsc.h>

#include "lib/tsc/divide.h"

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

__extension__ typedef unsigned __int128 u128;

enum { SOURCES = 5 };

static struct input {
    uint64_t a, b, d;
    int64_t seconds;
    struct calendar_date date;
    struct tsc_source sources[SOURCES];
    uint32_t leaves[8];
    uint8_t registers[16];
    uint64_t tsc, count, mask, hz, counts;
    uint32_t tsc_step, count_step, error_ppm;
    uint8_t number, edges, century, stuck;
} in;

static const uint8_t *script;
static size_t script_left;
static unsigned long long steps;

static uint8_t next(void)
{
    steps++;
    if (script_left == 0)
        return 0;
    script_left--;
    return *script++;
}

/* The TSC goes on; the script can make it jump, either way. */
uint64_t tsc_mock_read(void)
{
    uint8_t what = next();

    in.tsc += in.tsc_step;
    if (what >= 0xc0)
        in.tsc += (uint64_t)1 << (what & 63);
    else if (what >= 0x80)
        in.tsc -= (uint64_t)1 << (what & 63);
    return in.tsc;
}

void tsc_mock_pause(void)
{
}

static bool read_timer(void *context, uint64_t *count)
{
    uint8_t what = next();

    CHECK(context == &in);
    in.count += in.stuck == 0xff ? 0 : in.count_step | 1;
    if (what >= 0x80)
        in.count += what & 1 ? (uint64_t)1 << (what >> 1 & 63) : -((uint64_t)1 << (what >> 1 & 63));
    *count = what == 0x7f ? UINT64_MAX : in.count;
    return what != 0x7e;
}

static uint8_t read_register(void *context, uint8_t index)
{
    uint8_t what = next();

    CHECK(context == &in);
    return what != 0 ? what : in.registers[index % sizeof(in.registers)];
}

static void cpuid(void *context, uint32_t leaf, struct tsc_cpuid *out)
{
    CHECK(context == &in);
    out->eax = in.leaves[leaf % 8];
    out->ebx = in.leaves[(leaf + 1) % 8];
    out->ecx = in.leaves[(leaf + 2) % 8];
    out->edx = in.leaves[(leaf + 3) % 8];
}

static void check_source(enum tsc_status status, const struct tsc_source *s)
{
    CHECK(status == s->status && status <= TSC_BAD_VALUE);
    CHECK(tsc_status_text(status)[0] != '?');
    CHECK(s->error_ppm <= TSC_PPM && !s->confirms);
    CHECK(status == TSC_OK || (s->hz == 0 && s->error_ppm == 0));
}

static void fuzz_arithmetic(void)
{
    uint64_t rest, q = tsc_scale_rest(in.a, in.b, in.d, &rest);
    u128 product = (u128)in.a * in.b;
    bool fits = in.d != 0 && product / in.d <= UINT64_MAX;

    CHECK(q == (fits ? (uint64_t)(product / in.d) : UINT64_MAX));
    CHECK(rest == (fits ? (uint64_t)(product % in.d) : 0));
    CHECK(tsc_scale(in.a, in.b, in.d) == q && tsc_scale_up(in.a, in.b, in.d) == q + (rest != 0));
    CHECK(tsc_add(in.a, in.b) == (in.a + in.b < in.a ? UINT64_MAX : in.a + in.b));
    if (in.b != 0) {
        u128 ppm = (u128)(in.a > in.b ? in.a - in.b : in.b - in.a) * 1000000 / in.b;
        int64_t signed_ppm = (int64_t)(ppm < 1000000 ? ppm : 1000000);
        struct tsc_source s = {.hz = in.a};

        CHECK(tsc_distance_ppm(in.a, in.b) == (uint64_t)signed_ppm);
        CHECK(tsc_deviation(&s, in.b) == (in.a < in.b ? -signed_ppm : signed_ppm));
    }
    q = tsc_hpet_hz((uint32_t)in.a);
    CHECK(q == 0 || (q >= 10000000 && q <= UINT64_C(1000000000000000)));
}

static void fuzz_calendar(void)
{
    struct calendar_date d = calendar_from_seconds(in.seconds);
    int64_t back = 42;

    CHECK(d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= 31 && d.hour >= 0 && d.hour < 24);
    CHECK(d.minute >= 0 && d.minute < 60 && d.second >= 0 && d.second < 60);
    CHECK(d.weekday >= 0 && d.weekday < 7);
    if (calendar_to_seconds(&d, &back))
        CHECK(back == in.seconds && back >= CALENDAR_FIRST && back <= CALENDAR_LAST);
    else
        CHECK(back == 42 && (in.seconds < CALENDAR_FIRST || in.seconds > CALENDAR_LAST));
    if (calendar_to_seconds(&in.date, &back)) {
        d = calendar_from_seconds(back);
        CHECK(d.year == in.date.year && d.month == in.date.month && d.day == in.date.day);
        CHECK(d.hour == in.date.hour && d.minute == in.date.minute && d.second == in.date.second);
    }
}

static void fuzz_sources(void)
{
    const struct tsc_ops ops = {cpuid, &in};
    struct tsc_choice choice, again;
    struct tsc_source s;
    unsigned number = in.number % (SOURCES + 1), usable = 0;

    check_source(tsc_cpuid_crystal(&ops, &s), &s);
    check_source(tsc_cpuid_base(&ops, &s), &s);
    check_source(tsc_cpuid_hypervisor(&ops, &s), &s);
    check_source(tsc_source_hz(&s, in.a, in.b), &s);
    CHECK(s.error_ppm == TSC_PPM || (u128)s.error_ppm * in.a >= (u128)in.b * 1000000);
    check_source(tsc_source_khz(&s, (uint32_t)in.a), &s);
    (void)tsc_cpuid_invariant(&ops);
    (void)tsc_cpuid_guest(&ops);

    for (unsigned i = 0; i < SOURCES; i++) {
        in.sources[i].name = NULL;
        in.sources[i].status =
            (enum tsc_status)((unsigned)in.sources[i].status % (TSC_BAD_VALUE + 2));
        in.sources[i].confirms = false;
    }
    if (tsc_vote(in.sources, number, &choice) == TSC_OK) {
        CHECK(choice.index < number && in.sources[choice.index].status == TSC_OK);
        CHECK(choice.hz == in.sources[choice.index].hz);
        CHECK(choice.hz >= TSC_HZ_MIN && choice.hz <= TSC_HZ_MAX);
        CHECK(in.sources[choice.index].confirms);
        for (unsigned i = 0; i < number; i++)
            usable += in.sources[i].confirms || in.sources[i].status == TSC_OK ||
                      in.sources[i].status == TSC_TOO_FAR;
        CHECK(choice.confirmed + choice.differ <= usable);
        /* The same again: nothing that it left behind changes it. */
        CHECK(tsc_vote(in.sources, number, &again) == TSC_OK);
        CHECK(again.index == choice.index && again.confirmed == choice.confirmed &&
              again.differ == choice.differ);
    } else {
        CHECK(choice.hz == 0 && choice.index == 0 && choice.confirmed == 0 && choice.differ == 0);
        for (unsigned i = 0; i < number; i++)
            CHECK(in.sources[i].status != TSC_OK);
    }
}

static void fuzz_timer(void)
{
    struct tsc_timer timer = {read_timer, &in, in.mask, in.hz, in.error_ppm, in.edges % 2 != 0};
    struct tsc_window window = {.open = false};
    struct tsc_source s;
    enum tsc_status status;

    /* Most masks are of a timer. */
    if (in.number & 0x80)
        timer.mask = in.mask >> 1 >> (in.number & 63) | 1;
    if (in.number & 0x40)
        timer.mask = UINT64_MAX >> (in.mask & 63);
    check_source(tsc_window_close(&window, &timer, &s), &s);
    if (timer.edges && in.stuck == 0xff)
        return; /* 2^22 reads: tests/lib/tsc/tsc_test.c counts them */
    status = tsc_window_open(&window, &timer);
    CHECK(status <= TSC_BAD_VALUE && status != TSC_RAN_OUT);
    if (in.number & 1)
        CHECK(tsc_window_look(&window, &timer) <= TSC_BAD_VALUE);
    check_source(tsc_window_close(&window, &timer, &s), &s);
    check_source(tsc_window_close(&window, &timer, &s), &s);
    if (status != TSC_OK)
        CHECK(s.status == status);
    /* A timer that moves with each read gets there; one that stands is given up after 2^17. */
    in.counts %= timer.edges ? 8 : 2048;
    steps = 0;
    check_source(tsc_measure(&timer, in.counts, &s), &s);
    CHECK(steps < 10 * (UINT64_C(3) << 18));
}

static void fuzz_rtc(void)
{
    const struct tsc_rtc rtc = {read_register, &in};
    struct tsc_rtc_counter counter;
    struct tsc_timer timer;
    uint64_t seconds = 42, count = 0, last = 0;
    enum tsc_status status;

    /* Seldom an update that never ends, which takes all looks. */
    if (in.stuck != 0xfe)
        in.registers[10] &= 0x7f;
    steps = 0;
    status = tsc_rtc_seconds(&rtc, in.century, &seconds);
    CHECK(status == TSC_OK || status == TSC_NONE || status == TSC_BUSY || status == TSC_BAD_DATE);
    CHECK(status == TSC_OK ? seconds <= CALENDAR_LAST + 1 : seconds == 42);
    CHECK(steps < 120000);
    status = tsc_rtc_timer(&counter, &rtc, &timer);
    for (unsigned i = 0; i < 16 && status == TSC_OK; i++) {
        CHECK(timer.read(timer.context, &count));
        CHECK(count >= last && count - last < 60 && counter.last < 60);
        last = count;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t fixed = size < sizeof(in) ? size : sizeof(in);

    memset(&in, 0, sizeof(in));
    memcpy(&in, data, fixed);
    for (unsigned i = 0; i < SOURCES; i++) /* a bool holds no other bits */
        memset(&in.sources[i].confirms, 0, sizeof(in.sources[i].confirms));
    script = data + fixed;
    script_left = size - fixed;
    fuzz_arithmetic();
    fuzz_calendar();
    fuzz_sources();
    fuzz_timer();
    fuzz_rtc();
    return 0;
}
