/* SPDX-License-Identifier: 0BSD */
/*
 * The wiring: the one place that knows every part.  Data flows one way, and this file reads in its
 * order: host page, driver, timecounter, clock, ring 3, report.
 */
#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/cr.h"
#include "arch/x86/frames.h"
#include "arch/x86/msr.h"
#include "arch/x86/paging.h"
#include "arch/x86/pit.h"
#include "arch/x86/rtc.h"
#include "arch/x86/smp.h"
#include "arch/x86/tsc.h"
#include "boot/bootinfo.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/fault.h"
#include "kernel/format.h"
#include "kernel/panic.h"
#include "kernel/process.h"
#include "kernel/report.h"
#include "kernel/ring3.h"
#include "kernel/settings.h"
#include "kernel/shutdown.h"
#include <pvclock/read.h>

#define VERSION "0.1.0"

enum { CALIBRATION_MS = 12, TEARDOWN_MS = 10, PATIENCE_S = 3 };

extern char image_end_phys[];

static struct kvmclock_slot slots[MAX_CPUS] __attribute__((section(".clock_pages"), aligned(4096)));
/*
 * Where there is no kvmclock, the kernel plays the host: it fills a structure of the same form from
 * the TSC's measured frequency, and ring 3 reads it in the same way.
 */
static struct {
    struct pvclock_vcpu_time_info info;
    uint8_t rest[PAGE_SIZE - sizeof(struct pvclock_vcpu_time_info)];
} time_page __attribute__((aligned(4096)));

static struct bootinfo boot;
static struct firmware_facts firmware;
static struct kvmclock kvmclock;
static struct tsc tsc;
static bool have_kvmclock;
static uint32_t cpu_count; /* online */
static struct cpu early_cpu;
static uint8_t early_stacks[IST_COUNT][2048] __attribute__((aligned(16)));

/* ---- Machine ------------------------------------------------------------------------------- */

static const void *map_firmware(uint64_t pa, uint64_t length)
{
    /* The boot page tables map the low 4 GiB one to one; page 0 is NULL's. */
    if (pa == 0 || length > 1u << 24 || pa > 0xffffffff - length)
        return NULL;
    return (const void *)(uintptr_t)pa;
}

static void on_timer(struct cpu *cpu)
{
    if (cpu->index == 0)
        clock_tick();
}

static void start_traps(void)
{
    static const struct trap_hooks hooks = {on_timer, process_fault, panic_fault,
                                            process_system_call};

    early_cpu.stack_top = (uint64_t)__builtin_frame_address(0) & ~15ull;
    for (unsigned i = 0; i < IST_COUNT; i++)
        early_cpu.tss.ist[i] = (uint64_t)early_stacks[i + 1];
    trap_init(&hooks);
    cpu_load(&early_cpu);
    cpu_table[0] = &early_cpu;
}

static uint64_t memory_end(void)
{
    for (unsigned i = 0; i < boot.range_count; i++) {
        const struct memory_range *r = &boot.ranges[i];
        if (r->start <= KERNEL_PHYS && KERNEL_PHYS < r->start + r->length)
            return r->start + r->length;
    }
    panic("the image is not in memory that the map calls usable");
}

static void check_firmware(void)
{
    if (firmware.bad_reason)
        check(FAIL, "firmware.tables", "table %s refused: %s; vCPUs from: %s", firmware.bad_table,
              firmware.bad_reason, firmware.source);
    else
        check(PASS, "firmware.tables", "vCPUs from: %s", firmware.source);
}

static void check_kernel_map(void)
{
    struct page_census c;

    page_census(kernel_root(), false, &c);
    check(pass_if(c.writable_executable == 0 && c.executable > 0), "kernel.map",
          "%lu pages r-x, %lu r--, %lu rw-, %lu rwx", c.executable, c.read_only, c.writable,
          c.writable_executable);
}

/* ---- kvmclock ------------------------------------------------------------------------------ */

static void enable_clock(struct cpu *cpu)
{
    /* Ring 3 finds its vCPU there, by RDTSCP or RDPID. */
    if (cpuid_has_leaf(0x80000001) && cpuid(0x80000001, 0).edx & CPUID_EXT_EDX_RDTSCP)
        (void)wrmsr_safe(MSR_TSC_AUX, cpu->index);
    if (have_kvmclock)
        (void)kvmclock_enable(&kvmclock, cpu->index);
}

static void disable_clock(struct cpu *cpu, void *arg)
{
    (void)arg;
    kvmclock_poll(&kvmclock, cpu->index);
    (void)kvmclock_disable(&kvmclock, cpu->index);
}

static uint32_t this_index(void)
{
    return this_cpu()->index;
}

static const char *why_no_kvmclock(void)
{
    if (settings.kvmclock_disabled)
        return "hint.kvmclock.0.disabled is set";
    if (!kvmclock.hypervisor[0])
        return "no hypervisor shows itself in CPUID";
    if (!kvmclock.host.base)
        return "the hypervisor is not KVM";
    return "KVM offers none (CPUID features)";
}

static void attach_kvmclock(void)
{
    enum pvclock_status status = kvmclock_attach(&kvmclock, slots, virt_to_phys(slots));

    have_kvmclock = status == PVCLOCK_OK && !settings.kvmclock_disabled;
    enable_clock(this_cpu());
    if (have_kvmclock && kvmclock.vcpus[0].registered) {
        struct pvclock_frequency f;
        struct pvclock_snapshot s;
        if (pvclock_snapshot(&slots[0].info, &s) == PVCLOCK_OK &&
            pvclock_frequency(s.mul, s.shift, &f) == PVCLOCK_OK)
            tsc_set_kvmclock(&tsc, f.hz, f.error_hz);
    }
    tsc_set_hypervisor_leaf(&tsc, kvmclock.host.tsc_khz);
}

static void report_hypervisor(void)
{
    char line[400];
    size_t n = 0;

    line[0] = 0;
    for (unsigned bit = 0; bit < 32; bit++) {
        const char *name = kvmclock_feature_name(bit);
        if (!(kvmclock.host.features >> bit & 1))
            continue;
        n += name ? format(line + n, sizeof(line) - n, " %s", name)
                  : format(line + n, sizeof(line) - n, " bit%u", bit);
    }
    print("hypervisor  %s", kvmclock.hypervisor[0] ? kvmclock.hypervisor : "none");
    if (kvmclock.host.base)
        print(", KVM's leaves at 0x%x:%s", kvmclock.host.base, line);
    print("\n");
    if (have_kvmclock)
        print("kvmclock    MSR 0x%x, the %s pair\n", kvmclock.host.msr_system_time,
              kvmclock_uses_new_msrs(&kvmclock) ? "new" : "old");
    else
        print("kvmclock    none: %s\n            the kernel keeps time by the TSC alone, so nothing "
              "corrects it when this guest is moved or paused\n",
              why_no_kvmclock());

    record_begin("hypervisor");
    record_text("signature", kvmclock.hypervisor);
    record_u64("base", kvmclock.host.base);
    record_u64("features", kvmclock.host.features);
    record_text("feature_names", line[0] ? line + 1 : "");
    record_bool("kvmclock", have_kvmclock);
    record_u64("msr", have_kvmclock ? kvmclock.host.msr_system_time : 0);
    record_text("missing_because", have_kvmclock ? "" : why_no_kvmclock());
    record_end();
}

static void check_kvmclock(void)
{
    static const char *const names[] = {"kvmclock.msrs", "kvmclock.alive", "kvmclock.stable",
                                        "kvmclock.wall", "kvmclock.teardown"};
    unsigned alive = 0, first_bad = 0;

    if (!have_kvmclock) {
        for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            check(SKIP, names[i], "%s", why_no_kvmclock());
        return;
    }
    check(pass_if(kvmclock_uses_new_msrs(&kvmclock) ||
                  !(kvmclock.host.features & PVCLOCK_FEATURE_CLOCK)),
          "kvmclock.msrs", "0x%x and 0x%x, the %s pair", kvmclock.host.msr_system_time,
          kvmclock.host.msr_wall_clock, kvmclock_uses_new_msrs(&kvmclock) ? "new" : "old");
    for (uint32_t i = cpu_count; i-- > 0;) {
        if (kvmclock.vcpus[i].registered)
            alive++;
        else
            first_bad = i;
    }
    if (alive == cpu_count)
        check(PASS, "kvmclock.alive", "%u of %u pages written by the host", alive, cpu_count);
    else
        check(FAIL, "kvmclock.alive", "%u of %u pages written by the host; vCPU %u: %s", alive,
              cpu_count, first_bad, pvclock_status_name(kvmclock.vcpus[first_bad].status));
    check(PASS, "kvmclock.stable", "%s: CPUID says %s, the pages %s",
          kvmclock.stable ? "yes" : "no, each vCPU reads its own page, behind a guard",
          kvmclock.host.features & PVCLOCK_FEATURE_TSC_STABLE ? "yes" : "no",
          slots[0].info.flags & PVCLOCK_FLAG_TSC_STABLE ? "yes" : "no");
}

/* ---- TSC ----------------------------------------------------------------------------------- */

static uint64_t timer_counts_per_s(uint64_t counts, uint64_t cycles)
{
    return cycles ? counts * (tsc.hz / 1000) / (cycles / 1000 + 1) : 0;
}

/* The end of what start_clocks() began: the TSC's frequency, and with it the local APIC timer's. */
static void end_calibration(uint64_t begin)
{
    uint16_t counts;

    while (pit_elapsed(&counts) && counts < PIT_HZ / 1000 * CALIBRATION_MS)
        cpu_pause();
    tsc_end_pit(&tsc);
    tsc_end_pm_timer(&tsc);
    if (!tsc_choose(&tsc))
        panic("no source tells the frequency of the TSC");
    /* Without an i8254 the loop above did not wait. */
    while (rdtsc_ordered() - begin < tsc.hz / 1000 * CALIBRATION_MS)
        cpu_pause();
    uint64_t timer = apic_timer_elapsed(), cycles = rdtsc_ordered() - begin;
    uint64_t per_s = timer_counts_per_s(timer, cycles);
    uint64_t hz = settings.hz ? settings.hz : 100;
    /*
     * A tick can cost 0.2 ms on a host that emulates ring 0, and vCPUs may be many times the host's
     * CPUs: keep all ticks together below a tenth of one of them.
     */
    if (!settings.hz && firmware.cpu_count > 4)
        hz = firmware.cpu_count < 40 ? 400 / firmware.cpu_count : 10;
    process_timer_count = (uint32_t)(per_s / hz);
}

static void report_tsc(void)
{
    uint64_t worst = 0;
    unsigned agree = 0;

    print("\nTSC         %s; frequency by\n", tsc.invariant ? "invariant" : "not said to be invariant");
    for (unsigned i = 0; i < TSC_SOURCES; i++) {
        const struct tsc_source *s = &tsc.sources[i];
        int64_t ppm = s->hz ? tsc_deviation_ppm(&tsc, s) : 0;
        if (!s->hz)
            print("  %-22s          -  %s\n", s->name, s->refused);
        else
            print("  %-22s %10lu Hz  %+ld ppm, +- %lu%s%s\n", s->name, s->hz, ppm, s->error_ppm,
                  s->refused ? ", refused: "
                  : i == tsc.chosen ? ", chosen"
                                    : "",
                  s->refused ? s->refused : "");
        record_begin("tsc_source");
        record_text("name", s->name);
        record_u64("hz", s->hz);
        record_i64("ppm", ppm);
        record_u64("error_ppm", s->error_ppm);
        record_bool("chosen", s->hz && i == tsc.chosen);
        record_text("refused", s->refused ? s->refused : "");
        record_end();
        if (s->refused)
            continue;
        agree++;
        uint64_t distance = (uint64_t)(ppm < 0 ? -ppm : ppm);
        if (distance > worst)
            worst = distance;
    }
    check(pass_if(tsc.hz && agree > 0), "tsc.frequency", "%lu Hz by %s; %u sources, at most %lu ppm off",
          tsc.hz, tsc.sources[tsc.chosen].name, agree, worst);
}

/* ---- vCPUs ---------------------------------------------------------------------------------- */

/* A list that starts with the running vCPU, whatever the firmware's order. */
static void order_cpus(void)
{
    uint32_t own = apic_id();

    if (settings.missing_cpu && firmware.cpu_count < MAX_CPUS)
        firmware.apic_ids[firmware.cpu_count++] = (uint32_t)settings.missing_cpu;
    if (firmware.cpu_count == 0)
        firmware.apic_ids[firmware.cpu_count++] = own;
    for (uint32_t i = 0; i < firmware.cpu_count; i++) {
        if (firmware.apic_ids[i] != own)
            continue;
        for (; i > 0; i--)
            firmware.apic_ids[i] = firmware.apic_ids[i - 1];
        firmware.apic_ids[0] = own;
        return;
    }
    panic("the firmware's table has no entry for the boot vCPU (APIC %u)", own);
}

static void start_cpus(void)
{
    uint32_t prepared = 1;

    while (prepared < firmware.cpu_count && smp_prepare(prepared, firmware.apic_ids[prepared]))
        prepared++;
    apic_timer_periodic(process_timer_count);
    uint64_t begin = rdtsc_ordered();
    uint32_t online = smp_start(prepared, tsc.hz * PATIENCE_S, enable_clock);
    uint64_t ms = (rdtsc_ordered() - begin) / (tsc.hz / 1000);

    uint32_t missing = 0;
    for (uint32_t i = prepared; i-- > 0;)
        missing = cpu_is_online(cpu_table[i]) ? missing : firmware.apic_ids[i];
    if (online == firmware.cpu_count)
        check(PASS, "vcpus.online", "%u of %u, the others in %lu ms", online, firmware.cpu_count, ms);
    else
        check(FAIL, "vcpus.online", "%u of %u after %lu ms; no answer from APIC %u first%s", online,
              firmware.cpu_count, ms, missing, prepared < firmware.cpu_count ? "; no memory for all" : "");
    /* What follows runs on vCPUs 0 to n-1: a gap ends the list. */
    for (cpu_count = 1; cpu_count < prepared && cpu_is_online(cpu_table[cpu_count]);)
        cpu_count++;
}

/* ---- Ring 3 -------------------------------------------------------------------------------- */

static struct clock_source source_of(uint32_t index)
{
    struct clock_source s = {.page = USER_TIME_BASE, .order = PVCLOCK_LFENCE};

    if (have_kvmclock) {
        s.page = USER_CLOCK_BASE + (kvmclock.stable ? 0 : index) * sizeof(struct kvmclock_slot);
        s.guarded = !kvmclock.stable;
    } else {
        s.guarded = tsc.counter.quality < 0;
    }
    return s;
}

static void publish_time_page(void)
{
    struct pvclock_snapshot s = {.tsc_timestamp = rdtsc_ordered(), .system_time = clock_uptime()};

    if (pvclock_scale_from_hz(tsc.hz, &s.mul, &s.shift) != PVCLOCK_OK)
        panic("%lu Hz cannot be expressed in a clock page", tsc.hz);
    s.flags = tsc.counter.quality < 0 ? 0 : PVCLOCK_FLAG_TSC_STABLE;
    pvclock_publish(&time_page.info, &s);
}

static void report_vcpus(const int64_t *offsets, const uint64_t *errors)
{
    print("\nvCPU  APIC  version         mul  shift  flags  paused      TSC Hz   TSC offset to vCPU 0\n");
    for (uint32_t i = 0; i < cpu_count; i++) {
        struct pvclock_snapshot s;
        struct pvclock_frequency f = {0};
        const struct pvclock_vcpu_time_info *info = have_kvmclock ? &slots[i].info : &time_page.info;
        if (pvclock_snapshot(info, &s) == PVCLOCK_OK)
            (void)pvclock_frequency(s.mul, s.shift, &f);
        print("%4u  %4u  %7u  %10u  %5d   %s%s  %6lu  %10lu  ", i, cpu_table[i]->apic_id, s.version,
              s.mul, s.shift, s.flags & PVCLOCK_FLAG_TSC_STABLE ? "S" : "-",
              s.flags & PVCLOCK_FLAG_GUEST_STOPPED ? "P" : "-", kvmclock.vcpus[i].paused, f.hz);
        if (errors[i] == UINT64_MAX)
            print("not measured\n");
        else
            print("%ld +- %lu cycles\n", offsets[i], errors[i]);
        record_begin("vcpu");
        record_u64("id", i);
        record_u64("apic_id", cpu_table[i]->apic_id);
        record_u64("version", s.version);
        record_u64("mul", s.mul);
        record_i64("shift", s.shift);
        record_u64("flags", s.flags);
        record_u64("tsc_hz", f.hz);
        record_u64("paused", kvmclock.vcpus[i].paused);
        record_bool("offset_known", errors[i] != UINT64_MAX);
        record_i64("offset_cycles", errors[i] == UINT64_MAX ? 0 : offsets[i]);
        record_u64("offset_error", errors[i] == UINT64_MAX ? 0 : errors[i]);
        record_end();
    }
    print("\n");
}

/* ---- The date ------------------------------------------------------------------------------- */

static void set_date(void)
{
    uint64_t epoch, rtc;
    bool have_rtc = rtc_read(&rtc), by_host = false;
    char text[20], rtc_text[20];

    if (have_kvmclock) {
        enum pvclock_status status = kvmclock_wall(&kvmclock, &epoch);
        by_host = status == PVCLOCK_OK && clock_set_from_epoch("kvmclock", epoch);
        if (status == PVCLOCK_OK && !by_host) {
            /* Another counter is in use: the page still says what time it is. */
            uint64_t ns = 0;
            if (pvclock_ns(&slots[0].info, PVCLOCK_LFENCE, &ns) == PVCLOCK_OK) {
                clock_set_seconds((epoch + ns) / 1000000000);
                by_host = true;
            }
        }
        check(pass_if(by_host), "kvmclock.wall", "system time began " SECONDS_FORMAT " s after 1970%s%s",
              SECONDS(by_host ? epoch : 0), by_host ? "" : ": ", by_host ? "" : pvclock_status_name(status));
    }
    if (!by_host && have_rtc)
        clock_set_seconds(rtc);
    uint64_t now = clock_date() / 1000000000;
    format_date(text, now);
    format_date(rtc_text, have_rtc ? rtc : 0);
    if (!by_host && !have_rtc) {
        print("date        unknown: neither kvmclock nor an RTC\n");
        check(SKIP, "clock.date", "neither kvmclock nor an RTC");
    } else if (!have_rtc || !by_host) {
        check(SKIP, "clock.date", "%s UTC by %s; there is no %s to compare", text,
              by_host ? "kvmclock" : "the RTC", by_host ? "RTC" : "kvmclock");
    } else {
        int64_t difference = (int64_t)(now - rtc);
        check(pass_if(difference >= -2 && difference <= 2), "clock.date",
              "%s UTC by kvmclock, %s by the RTC: %+ld s", text, rtc_text, difference);
    }
    record_begin("wall");
    record_u64("epoch_ns", by_host ? epoch : 0);
    record_u64("seconds", now);
    record_text("utc", by_host || have_rtc ? text : "");
    record_bool("rtc", have_rtc);
    record_u64("rtc_seconds", have_rtc ? rtc : 0);
    record_end();
}

/* ---- The end -------------------------------------------------------------------------------- */

static void wait_ms(uint64_t ms)
{
    uint64_t begin = rdtsc_ordered();

    while (rdtsc_ordered() - begin < tsc.hz / 1000 * ms) {
        interrupts_on_and_halt();
        interrupts_off();
    }
}

/* After this the host may not write the pages again: fill them and look. */
static void tear_down(void)
{
    uint64_t changed = 0;

    if (!have_kvmclock)
        return;
    bool ended = smp_call_all(disable_clock, NULL, tsc.hz * PATIENCE_S);
    uint32_t *poison = (uint32_t *)slots;
    uint64_t words = cpu_count * sizeof(*slots) / sizeof(*poison);
    for (uint64_t i = 0; i < words; i++)
        poison[i] = 0xa5a5a5a5;
    wait_ms(TEARDOWN_MS);
    for (uint64_t i = 0; i < words; i++)
        changed += ((volatile uint32_t *)poison)[i] != 0xa5a5a5a5;
    check(pass_if(ended && changed == 0), "kvmclock.teardown",
          "stopped on %u vCPUs%s; %lu words changed in %u ms", cpu_count,
          ended ? "" : ", not on all", changed, TEARDOWN_MS);
}

static _Noreturn void end_run(void)
{
    bool good = report_end();

    shutdown(good ? EXIT_PASS : EXIT_FAIL);
}

/* ---- In order ------------------------------------------------------------------------------- */

static void report_start(void)
{
    print("booted by   %s%s%s; %lu MiB for the kernel\n", boot.protocol, boot.loader[0] ? ", " : "",
          boot.loader, (frames_end() - KERNEL_PHYS) >> 20);
    print("vCPUs       %u, from: %s; %s\n", firmware.cpu_count, firmware.source,
          apic_is_x2apic() ? "x2APIC" : "xAPIC");
    record_begin("start");
    record_text("version", VERSION);
    record_text("protocol", boot.protocol);
    record_text("loader", boot.loader);
    record_u64("vcpus", firmware.cpu_count);
    record_text("vcpus_from", firmware.source);
    record_bool("x2apic", apic_is_x2apic());
    record_end();
}

static _Noreturn void main_on_own_stack(void);

/* What needs the boot page tables: the loader's and the firmware's own memory. */
_Noreturn void kernel_entry(uint32_t loader_data, uint32_t protocol);

_Noreturn void kernel_entry(uint32_t loader_data, uint32_t protocol)
{
    start_traps();
    if (!console_init()) {
        shutdown(EXIT_NO_CONSOLE);
    }
    report_init();
    pic_disable();
    print("\nclockpage " VERSION ", time for small kernels on KVM\n\n");
    bootinfo_read(protocol, loader_data, &boot);
    if (boot.error)
        panic("%s", boot.error);
    settings_read(boot.command_line, boot.command_line_cut);
    if (settings.help) {
        settings_help();
        end_run();
    }
    tsc_begin(&tsc);
    fault_damage_table(map_firmware, boot.rsdp);
    firmware_read(map_firmware, boot.rsdp, &firmware);

    frames_init((uint64_t)image_end_phys, memory_end());
    if (!paging_init())
        panic("no memory for the page tables");
    shutdown_init(&firmware);
    if (!apic_init())
        panic("this CPU has no local APIC");
    apic_enable();
    order_cpus();
    struct cpu *cpu = smp_prepare(0, firmware.apic_ids[0]);
    if (!cpu)
        panic("no memory for the boot vCPU");
    cpu_load(cpu);
    __asm__ volatile("mov %0, %%rsp\n"
                     "xor %%ebp, %%ebp\n"
                     "call *%1"
                     :
                     : "r"(cpu->stack_top), "r"(main_on_own_stack)
                     : "memory");
    __builtin_unreachable();
}

static _Noreturn void main_on_own_stack(void)
{
    static int64_t offsets[MAX_CPUS];
    static uint64_t errors[MAX_CPUS];
    uint64_t begin = rdtsc_ordered();

    apic_timer_free_run();
    tsc_begin_pm_timer(&tsc, firmware.pm_timer_port, firmware.pm_timer_32);
    attach_kvmclock();
    report_start();
    report_hypervisor();
    end_calibration(begin);
    print("\n");
    check_firmware();
    start_cpus();

    kvmclock_check(&kvmclock, cpu_count, this_index);
    process_clock = clock_uptime;
    const char *wrong = process_create(virt_to_phys(slots), CLOCK_PAGES, virt_to_phys(&time_page),
                                       cpu_count);
    if (wrong)
        panic("%s", wrong);
    struct ring3_plan plan = {
        .cpus = cpu_count,
        .tsc_hz = tsc.hz,
        .rounds = settings.rounds,
        .reads = settings.reads ? settings.reads : kvmclock.host.base ? 10500000 : 1000000,
        .source = source_of,
    };
    bool synchronised = ring3_offsets(&plan, offsets, errors);
    tsc_make_counter(&tsc, synchronised, have_kvmclock);

    clock_init();
    if (have_kvmclock)
        clock_register(&kvmclock.counter);
    clock_register(&tsc.counter);
    clock_choose(settings.hardware);
    set_date();
    publish_time_page();

    check_kernel_map();
    ring3_check_map();
    check_kvmclock();
    fault_provoke(settings.fault);
    ring3_readers(&plan);
    ring3_probes(&plan);

    clock_try_switching();
    tsc_end_pm_timer(&tsc);
    (void)tsc_choose(&tsc);
    report_tsc();
    report_vcpus(offsets, errors);
    clock_report();
    tear_down();
    end_run();
}
