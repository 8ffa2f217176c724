/* SPDX-License-Identifier: 0BSD */
/*
 * Connects the driver to the clock and the time page while the guest runs: notices pauses,
 * restores, STABLE lost and regained, another TSC frequency, and reacts.
 */
#include "kernel/clock/host.h"
#include "arch/x86/apic.h"
#include "arch/x86/cr.h"
#include "arch/x86/trap.h"
#include "arch/x86/wait.h"
#include "base/format.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/events.h"
#include "kernel/clock/played_host.h"
#include "kernel/clock/time_page.h"
#include "kernel/clock/wall.h"

/* While tests take STABLE away and give it back, only pauses are recorded. */
static bool quiet;

static void be_quiet(bool on)
{
    struct kvmclock_change unread;

    quiet = on;
    (void)kvmclock_look(&kvmclock, cpu_count, &unread);
}

/* The structures of vCPUs [0, toggling) lose and regain STABLE every few ticks. */
static uint32_t toggling;

static void write_stable(uint32_t vcpus, bool stable)
{
    for (uint32_t i = 0; i < vcpus; i++)
        played_host_set_stable(&clock_slots[i].info, stable);
}

bool stable_is_back(void)
{
    bool back = false;

    for (uint32_t i = 0; i < cpu_count; i++)
        back = back || clock_slots[i].info.flags & PVCLOCK_FLAG_TSC_STABLE;
    return back;
}

void play_unstable(uint32_t vcpus, bool back_and_forth)
{
    if (vcpus)
        be_quiet(true);
    toggling = back_and_forth ? vcpus : 0;
    write_stable(vcpus ? vcpus : cpu_count, !vcpus);
    if (!vcpus)
        be_quiet(false);
}

void toggle_tick(void)
{
    static unsigned ticks;

    if (toggling)
        write_stable(toggling, ticks++ & 4);
}

/* Records an event with what vCPU 0's structure was and is. */
static void note_change(struct event e, const struct kvmclock_change *c, const char *text)
{
    if (quiet && e.kind != EVENT_PAUSED)
        return;
    e.before = c->before;
    e.after = c->after;
    format(e.text, sizeof(e.text), "%s", text);
    events_note(&e);
}

/* Times that the host reported another frequency of the TSC. */
static uint64_t rate_changes;

uint64_t host_disturbances(void)
{
    /* A pause counts from when its flag is set; see_host() clears it when it counts the pause. */
    return kvmclock.vcpus[0].paused + kvmclock_is_stopped(&kvmclock, 0) + rate_changes;
}

static void note_frequency(const struct kvmclock_change *c)
{
    char text[80];

    rate_changes++;
    format(text, sizeof(text), "TSC %lu Hz -> %lu Hz: no timecounter any more", c->hz_before,
           c->hz_after);
    note_change((struct event){.kind = EVENT_FREQUENCY}, c, text);
    lose_tsc_rate(c->hz_after);
}

/* The structures' time when the guest last resumed after a pause that changed the date. */
static uint64_t resumed_at, resumed_boottime;

static uint64_t boottime(void)
{
    struct tc_hands h = {0};

    (void)tc_get_hands(&clock_counters, &h);
    return clock_boottime_ns(&h);
}

uint64_t host_resumed_at(void)
{
    return boottime() == resumed_boottime ? resumed_at : 0;
}

static void note_pause(const struct kvmclock_change *c, const struct wall_answer *answer)
{
    if (answer->step_ns && !answer->advanced_ns) {
        resumed_at = c->after.system_time;
        resumed_boottime = boottime();
    }
    note_change((struct event){.kind = EVENT_PAUSED,
                               .length_ns = answer->away_ns,
                               .step_ns = answer->step_ns},
                c,
                answer->status != PVCLOCK_OK ? "the host gave no date"
                : answer->advanced_ns        ? "uptime advanced with the date"
                                             : "uptime stood still");
}

/*
 * The order matters: ask for the date and publish it to ring 3; then clear the flag on vCPU 0's
 * structure, and then on the others'.  So a reader that sees no flag sees the new date.  While the
 * date may not be asked for yet, the flag stays.  A pause in between is a new version of the
 * structure: then everything is done once more.
 */
void see_host(void)
{
    enum { AGAIN = 4 };
    struct kvmclock_change c;
    bool settled = false;

    for (unsigned i = 0; i < AGAIN; i++) {
        bool news = kvmclock_look(&kvmclock, cpu_count, &c);
        if (c.stopped || c.asked)
            wall_stale();
        const struct wall_answer *answer = kvmclock.suspended ? NULL : wall_tick();
        publish_time_page();
        /* The date was set while the guest ran: until then readers rightly saw the old one. */
        if (answer && answer->step_ns && !answer->paused)
            resumed_at = 0;
        if (!c.stopped && answer && answer->paused && answer->step_ns)
            events_add(EVENT_DATE, answer->step_ns, "by the host, asked some time after a pause");
        if (!news)
            break;
        if (answer && answer->paused) {
            if (kvmclock_settle(&kvmclock, &c)) {
                settled = true;
                note_pause(&c, answer);
            }
            settled = settled || c.asked;
        }
        if (c.stable_lost)
            note_change((struct event){.kind = EVENT_STABLE_LOST}, &c,
                        "each vCPU by its own structure, or by system call");
        if (c.stable_back)
            note_change((struct event){.kind = EVENT_STABLE_BACK}, &c,
                        "one clock for all vCPUs again");
        if (c.hz_after)
            note_frequency(&c);
    }
    if (settled && cpu_count > 1)
        apic_send_all_others(VECTOR_IPI);
}

/* Clears the flag of a vCPU other than 0 once vCPU 0 has handled the pause: the date is right. */
void see_own(struct cpu *cpu)
{
    (void)kvmclock_poll(&kvmclock, cpu->index);
}

void host_ipi(struct cpu *cpu)
{
    if (!cpu_count)
        return;
    if (cpu->index != 0)
        see_own(cpu);
    else if (kvmclock_wants_look(&kvmclock))
        see_host();
}

void before_clock_call(struct cpu *cpu)
{
    enum { PATIENCE_S = 3 };

    if (!cpu_count || !kvmclock_is_stopped(&kvmclock, cpu->index))
        return;
    for (struct wait wait = wait_begin(tsc.hz * PATIENCE_S); !wait_is_over(&wait);) {
        if (cpu->index == 0)
            see_host();
        else if (!kvmclock_poll(&kvmclock, cpu->index))
            apic_send(cpu_table[0]->apic_id, VECTOR_IPI);
        if (!kvmclock_is_stopped(&kvmclock, cpu->index))
            return;
        /*
         * Sleep until an interrupt, a tick or vCPU 0's answer: vCPU 0 may be waiting for a CPU of
         * the host, or the date may not be asked for again yet.
         */
        interrupts_on_and_halt();
        interrupts_off();
    }
}
