/* SPDX-License-Identifier: 0BSD */
/*
 * Reads the host's clock page out of line: bounded retries, validation, snapshots, frequency,
 * wall clock.  The inline readers (read.h, guard.h) fall back on it, and drivers/kvmclock builds
 * on it.
 */
#include "pvclock.h"

#include "port.h"
#include "scale.h"
#include "seq.h"

const char *pvclock_status_name(enum pvclock_status status)
{
    /* One string: a table of pointers would be data that needs relocation. */
    static const char names[] = "ok\0clamped\0not ready\0busy\0bad scale\0overflow\0bad value\0?";
    const char *name = names;

    for (unsigned i = 0; i < (unsigned)status && *name != '?'; i++) {
        while (*name++ != '\0')
            ;
    }
    return name;
}

PVCLOCK_COLD static enum pvclock_status pvclock_check_scale(uint32_t mul, int shift)
{
    if (PVCLOCK_UNLIKELY(mul == 0) ||
        PVCLOCK_UNLIKELY(shift < -PVCLOCK_SHIFT_MAX || shift > PVCLOCK_SHIFT_MAX))
        return PVCLOCK_BAD_SCALE;
    return PVCLOCK_OK;
}

/* In addition to the values of enum pvclock_order: the caller has already read the TSC. */
enum { PVCLOCK_TSC_GIVEN = -1 };

/* When and where a page was read. */
struct pvclock_moment {
    uint64_t tsc;
    uint32_t aux; /* of the vCPU, if by RDTSCP */
};

/* Makes one try of the version protocol that abi.h describes. */
static enum pvclock_status
pvclock_try_once(const volatile struct pvclock_vcpu_time_info *clock_page, int order,
                 struct pvclock_moment *moment, struct pvclock_snapshot *out)
{
    uint32_t version = PVCLOCK_LOAD_ACQUIRE(pvclock_version_of(clock_page));

    out->version = version;
    if ((version & 1) != 0)
        return PVCLOCK_BUSY;
    if (order != PVCLOCK_TSC_GIVEN) {
        /* The slow path is in order even with PVCLOCK_RELAXED. */
        struct pvclock_tsc halves =
            order == PVCLOCK_RDTSCP ? PVCLOCK_TSC_RDTSCP(&moment->aux) : PVCLOCK_TSC_LFENCE();

        moment->tsc = (halves.high << 32) + halves.low;
    }
    out->tsc_timestamp = clock_page->tsc_timestamp;
    out->system_time = clock_page->system_time;
    out->mul = clock_page->tsc_to_system_mul;
    out->shift = clock_page->tsc_shift;
    out->flags = clock_page->flags;
    if (PVCLOCK_LOAD_AFTER(pvclock_version_of(clock_page), moment->tsc) != version)
        return PVCLOCK_BUSY;
    if ((version | out->mul) == 0)
        return PVCLOCK_NOT_READY;
    return pvclock_check_scale(out->mul, out->shift);
}

PVCLOCK_COLD static enum pvclock_status
pvclock_try_often(const volatile struct pvclock_vcpu_time_info *clock_page, int order,
                  struct pvclock_moment *moment, struct pvclock_snapshot *out)
{
    enum pvclock_status status = PVCLOCK_BUSY;

    for (unsigned tries = 0; tries < PVCLOCK_TRIES && status == PVCLOCK_BUSY; tries++) {
        status = pvclock_try_once(clock_page, order, moment, out);
        if (status == PVCLOCK_BUSY)
            PVCLOCK_PAUSE();
    }
    return status;
}

enum pvclock_status pvclock_take_snapshot(const volatile struct pvclock_vcpu_time_info *clock_page,
                                          struct pvclock_snapshot *out)
{
    struct pvclock_moment moment;

    moment.tsc = 0;
    return pvclock_try_often(clock_page, PVCLOCK_TSC_GIVEN, &moment, out);
}

enum pvclock_status pvclock_extrapolate(const struct pvclock_snapshot *snapshot, uint64_t tsc,
                                        uint64_t *ns)
{
    uint64_t delta = tsc - snapshot->tsc_timestamp;
    int shift = snapshot->shift;
    struct pvclock_u128 product;
    uint64_t scaled;
    enum pvclock_status status = pvclock_check_scale(snapshot->mul, shift);

    *ns = PVCLOCK_NO_TIME;
    if (status != PVCLOCK_OK)
        return status;
    if (delta > PVCLOCK_DELTA_MAX) {
        *ns = snapshot->system_time;
        return PVCLOCK_CLAMPED;
    }

    if (shift < 0)
        delta >>= -shift;
    product = pvclock_multiply(delta, snapshot->mul);
    /* A positive shift leaves 1 to 32 bits of the division by 2^32. */
    shift = shift > 0 ? 32 - shift : 32;
    if (product.high >> shift != 0)
        return PVCLOCK_OVERFLOW;
    scaled = product.high << (64 - shift) | product.low >> shift;
    scaled += snapshot->system_time;
    if (scaled < snapshot->system_time)
        return PVCLOCK_OVERFLOW;
    *ns = scaled;
    return PVCLOCK_OK;
}

/* Turns the result of a try into a time, if it has one. */
PVCLOCK_COLD static enum pvclock_status pvclock_finish(enum pvclock_status status,
                                                       const struct pvclock_snapshot *snapshot,
                                                       uint64_t tsc, uint64_t *ns)
{
    *ns = PVCLOCK_NO_TIME;
    return status == PVCLOCK_OK ? pvclock_extrapolate(snapshot, tsc, ns) : status;
}

PVCLOCK_COLD static enum pvclock_status
pvclock_sample_page(const volatile struct pvclock_vcpu_time_info *clock_page, int order,
                    uint64_t tsc, struct pvclock_sample *out)
{
    struct pvclock_snapshot snapshot;
    struct pvclock_moment moment;
    enum pvclock_status status;

    moment.tsc = tsc;
    status = pvclock_try_often(clock_page, order, &moment, &snapshot);
    status = pvclock_finish(status, &snapshot, moment.tsc, &out->ns);
    out->version = snapshot.version;
    out->flags = pvclock_has_time(status) ? snapshot.flags : 0;
    return status;
}

enum pvclock_status pvclock_sample_at(const volatile struct pvclock_vcpu_time_info *clock_page,
                                      uint64_t tsc, struct pvclock_sample *out)
{
    return pvclock_sample_page(clock_page, PVCLOCK_TSC_GIVEN, tsc, out);
}

enum pvclock_status pvclock_read(const volatile struct pvclock_vcpu_time_info *clock_page,
                                 enum pvclock_order order, struct pvclock_sample *out)
{
    return pvclock_sample_page(clock_page, (int)order, 0, out);
}

struct pvclock_time pvclock_read_time(const volatile struct pvclock_vcpu_time_info *clock_page,
                                      enum pvclock_order order, uint64_t base_ns)
{
    struct pvclock_sample now;
    struct pvclock_time time;
    enum pvclock_status status = pvclock_read(clock_page, order, &now);

    if (pvclock_has_time(status) && now.ns + base_ns < base_ns)
        status = PVCLOCK_OVERFLOW;
    time = pvclock_time_from_ns(now.ns + base_ns);
    if (!pvclock_has_time(status)) {
        time.sec = UINT64_MAX;
        time.nsec = 0;
    }
    time.status = (uint32_t)status;
    return time;
}

struct pvclock_time pvclock_read_time_near(const volatile struct pvclock_vcpu_time_info *clock_page,
                                           enum pvclock_order order, uint64_t base_ns,
                                           struct pvclock_second *second)
{
    struct pvclock_time time = pvclock_read_time(clock_page, order, base_ns);

    /* Not the last second before 2^64 ns, nor UINT64_MAX, which is no time. */
    if (time.sec < UINT64_MAX / PVCLOCK_NSEC_PER_SEC) {
        second->sec = time.sec;
        second->ns = time.sec * PVCLOCK_NSEC_PER_SEC;
    }
    return time;
}

enum pvclock_status
pvclock_read_timespec_near(const volatile struct pvclock_vcpu_time_info *clock_page,
                           enum pvclock_order order, uint64_t base_ns,
                           struct pvclock_second *second, struct pvclock_timespec *out)
{
    struct pvclock_time time = pvclock_read_time_near(clock_page, order, base_ns, second);

    if (time.sec != UINT64_MAX)
        pvclock_store_timespec(out, time.sec, time.nsec);
    return (enum pvclock_status)time.status;
}

enum pvclock_status pvclock_vcpu_read(const struct pvclock_vcpus *vcpus, uint32_t *hint,
                                      uint64_t *ns)
{
    enum pvclock_status status = PVCLOCK_BUSY;
    struct pvclock_snapshot snapshot;
    struct pvclock_moment moment;

    moment.tsc = 0;
    for (unsigned tries = 0; tries < PVCLOCK_TRIES && status == PVCLOCK_BUSY; tries++) {
        /* An invalid hint: try vCPU 0; RDTSCP returns the right number. */
        uint32_t cpu = *hint < vcpus->count ? *hint : 0;

        moment.aux = cpu;
        status = pvclock_try_once(pvclock_page_of(vcpus, cpu), PVCLOCK_RDTSCP, &moment, &snapshot);
        *hint = moment.aux & vcpus->aux_mask;
        if (*hint >= vcpus->count)
            status = PVCLOCK_BAD_VALUE;
        else if (*hint != cpu)
            status = PVCLOCK_BUSY;
        if (status == PVCLOCK_BUSY)
            PVCLOCK_PAUSE();
    }
    return pvclock_finish(status, &snapshot, moment.tsc, ns);
}

/*
 * (value << up) / divisor for 0 <= up < 64; if that has more than 64 bits, the remainder is
 * NO_FIT.  Bit by bit: it is cold, and nothing else avoids a run-time helper on i386.
 */
struct pvclock_division {
    uint64_t quotient, remainder;
};

#define PVCLOCK_NO_FIT UINT64_MAX

PVCLOCK_COLD static struct pvclock_division pvclock_divide(uint64_t value, int up, uint32_t divisor)
{
    struct pvclock_division r = {value << up, value >> 1 >> (63 - up)};

    if (r.remainder >= divisor) {
        r.remainder = PVCLOCK_NO_FIT;
        return r;
    }
    for (int bits = 64; bits != 0; bits--) {
        r.remainder = r.remainder << 1 | r.quotient >> 63;
        r.quotient <<= 1;
        if (r.remainder >= divisor) {
            r.remainder -= divisor;
            r.quotient++;
        }
    }
    return r;
}

enum pvclock_status pvclock_deadline(const struct pvclock_snapshot *snapshot, uint64_t ns,
                                     uint64_t *tsc)
{
    int shift = snapshot->shift;
    /* The inverse of the scale, rounded up: delta = ceil(ns * 2^(32 - shift) / mul). */
    int down = shift < 0 ? -shift : 0;
    struct pvclock_division delta;
    enum pvclock_status status = pvclock_check_scale(snapshot->mul, shift);

    *tsc = UINT64_MAX;
    if (status != PVCLOCK_OK)
        return status;
    if (ns < snapshot->system_time) {
        *tsc = snapshot->tsc_timestamp;
        return PVCLOCK_CLAMPED;
    }
    delta = pvclock_divide(ns - snapshot->system_time, 32 - shift - down, snapshot->mul);
    if (delta.remainder == PVCLOCK_NO_FIT)
        return PVCLOCK_OVERFLOW;
    if (delta.remainder != 0 && ++delta.quotient == 0)
        return PVCLOCK_OVERFLOW;
    if (delta.quotient > PVCLOCK_DELTA_MAX >> down)
        return PVCLOCK_OVERFLOW;
    *tsc = snapshot->tsc_timestamp + (delta.quotient << down);
    return PVCLOCK_OK;
}

enum pvclock_status pvclock_frequency_of(uint32_t mul, int8_t shift, struct pvclock_frequency *out)
{
    enum pvclock_status status = pvclock_check_scale(mul, shift);
    struct pvclock_division hz;

    out->hz = 0;
    out->error_hz = 0;
    if (status != PVCLOCK_OK)
        return status;
    hz = pvclock_divide(PVCLOCK_NSEC_PER_SEC, 32 - shift, mul);
    if (hz.remainder == PVCLOCK_NO_FIT || (hz.remainder > (mul - 1) / 2 && ++hz.quotient == 0))
        return PVCLOCK_OVERFLOW;
    out->hz = hz.quotient;
    /*
     * Up to hz / mul for a multiplier rounded down, and the bits of hz that a shift drops: one
     * more if halving went past 10^9 and was undone, which gives a multiplier of 2^31.
     */
    out->error_hz = pvclock_divide(hz.quotient, 0, mul).quotient +
                    ((UINT64_C(1) + (mul == UINT32_C(1) << 31)) << (shift < 0 ? -shift : 0));
    return PVCLOCK_OK;
}

enum pvclock_status pvclock_scale_from_hz(uint64_t hz, uint32_t *mul, int8_t *shift)
{
    int n = 0;

    *mul = 0;
    *shift = 0;
    if (hz - 1 >= UINT64_C(4000000000000000000)) /* more would need a shift below -31 */
        return PVCLOCK_BAD_VALUE;
    /* Scale to 10^9 < hz <= 2 * 10^9, so that 10^9 * 2^32 / hz has 32 bits. */
    for (; hz > 2 * (uint64_t)PVCLOCK_NSEC_PER_SEC; n--)
        hz >>= 1;
    for (; hz <= PVCLOCK_NSEC_PER_SEC; n++)
        hz <<= 1;
    *mul = (uint32_t)pvclock_divide(PVCLOCK_NSEC_PER_SEC, 32, (uint32_t)hz).quotient;
    *shift = (int8_t)n;
    return PVCLOCK_OK;
}

enum pvclock_status pvclock_wall(const volatile struct pvclock_wall_clock *wall, uint64_t *epoch_ns)
{

    *epoch_ns = PVCLOCK_NO_TIME;
    for (unsigned tries = 0; tries < PVCLOCK_TRIES; tries++) {
        uint32_t version = pvclock_seq_begin(pvclock_version_of(wall));
        uint32_t sec = wall->sec;
        uint32_t nsec = wall->nsec;

        if (!pvclock_seq_retry(pvclock_version_of(wall), version)) {
            if ((version | sec | nsec) == 0)
                return PVCLOCK_NOT_READY;
            if (nsec >= PVCLOCK_NSEC_PER_SEC)
                return PVCLOCK_BAD_VALUE;
            *epoch_ns = (uint64_t)sec * PVCLOCK_NSEC_PER_SEC + nsec;
            return PVCLOCK_OK;
        }
        PVCLOCK_PAUSE();
    }
    return PVCLOCK_BUSY;
}

bool pvclock_take_stopped(volatile struct pvclock_vcpu_time_info *clock_page)
{

    if ((clock_page->flags & PVCLOCK_FLAG_GUEST_STOPPED) == 0)
        return 0;
    return (PVCLOCK_TAKE_BITS(&clock_page->flags, PVCLOCK_FLAG_GUEST_STOPPED) &
            PVCLOCK_FLAG_GUEST_STOPPED) != 0;
}

void pvclock_publish(volatile struct pvclock_vcpu_time_info *clock_page,
                     const struct pvclock_snapshot *values)
{
    volatile uint32_t *version = (volatile uint32_t *)(uintptr_t)pvclock_version_of(clock_page);

    /* Its readers are pvclock_try_once() and those of read.h. */
    pvclock_seq_write_begin(version);
    clock_page->tsc_timestamp = values->tsc_timestamp;
    clock_page->system_time = values->system_time;
    clock_page->tsc_to_system_mul = values->mul;
    clock_page->tsc_shift = values->shift;
    clock_page->flags = values->flags;
    pvclock_seq_write_end(version);
}
