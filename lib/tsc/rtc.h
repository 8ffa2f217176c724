/* SPDX-License-Identifier: 0BSD */
/*
 * The PC's real-time clock: the date at boot where no host gives one, and a timer of 1 Hz for
 * tsc.h.
 *
 * The caller gives access to the clock's registers: on a PC, OUTB of the index to port 0x70 and INB
 * from port 0x71. Nothing else may use the two ports during a call.
 *
 * References:
 *  [1] Motorola MC146818A data sheet: registers A and B, the time's formats, update cycle.
 *  [2] ACPI Specification 6.5, 5.2.9: FADT, CENTURY.
 */
#ifndef TSC_RTC_H
#define TSC_RTC_H

#include "tsc.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tsc_rtc {
    uint8_t (*read)(void *context, uint8_t index); /* a register, index 0 to 127 */
    void *context;
};

/* Without a century, the year is in 2020 to 2119. */
enum { TSC_RTC_FIRST_YEAR = 2020 };

/*
 * Returns the date in *seconds, since 1970-01-01 00:00:00 UTC, assuming that the clock runs in UTC.
 * It reads both formats, BCD and binary, and both 12 and 24 hours.
 *
 * `century_register`: the one that the FADT names [2]; 0: it names none. With one, the years 1970
 * to 9999 are covered. Without one, the century is taken from register 0x32, where PCs usually have
 * it, if that holds 20 or 21; otherwise the year is in TSC_RTC_FIRST_YEAR and the 99 that follow.
 *
 * It waits until two reads of all fields agree with no update in progress, for at most 10000 looks:
 * 0.1 s on a PC. *seconds changes only if it returns TSC_OK.
 *
 * TSC_NONE: nothing answers. TSC_BUSY: the clock was never at rest. TSC_BAD_DATE: its fields are
 * not a date, or one before 1970 (second 60, a leap second, is the next minute's 0).
 */
enum tsc_status tsc_rtc_seconds(const struct tsc_rtc *rtc, uint8_t century_register,
                                uint64_t *seconds);

/* ---- As a timer --------------------------------------------------------- */

/* The state of tsc_rtc_timer(): the caller's, for as long as the timer is used. */
struct tsc_rtc_counter {
    const struct tsc_rtc *rtc;
    uint64_t count; /* seconds since the start */
    uint8_t last;   /* the second of the minute */
    bool binary;
};

/*
 * Makes a timer of 1 Hz for tsc_measure() and the windows of tsc.h; readings wait for the next
 * second (`edges`). Two seconds, tsc_measure(&timer, 2, &source), give the TSC to the width of a
 * few port accesses: some ppm. It has to be read once a minute at least.
 *
 * TSC_NONE: nothing answers. TSC_BUSY: the clock was never at rest. TSC_BAD_DATE: its second is
 * none, or a leap second. Then *timer is not changed.
 */
enum tsc_status tsc_rtc_timer(struct tsc_rtc_counter *counter, const struct tsc_rtc *rtc,
                              struct tsc_timer *timer);

#ifdef __cplusplus
}
#endif

#endif
