# SPDX-License-Identifier: 0BSD
"""The date: stepped by the host or by hand, without an RTC, and at the ends of 32 bits.

The numbers of known bugs are those of docs/known-bugs.md.
"""

import calendar
import time

from scene import BY_PAGE, KVM, SCRIPTED, TCG, scenario
from span import Span


@scenario(beside=True)
def date_steps(scene):
    """The date steps by -10 s, +1 h and back: CLOCK_MONOTONIC does not notice (bugs 6, 7)."""
    guest = scene.guest()
    for step in (-10, 3600):
        guest.set_date(int(time.time()) + step)
        time.sleep(0.5)
        guest.look()
    # Set by hand, it stays as far from the host's.
    guest.pause(1)
    guest.counted()
    guest.look()
    _follow_host(guest)
    scene.say("date set by -10 s, by +1 h, and given back to the host")
    scene.end(guest)


@scenario(needs="tcg", beside=True)
def epoch_step(scene):
    """The host's date steps by -10 s, +1 h, to the end of 32 bits and back (bugs 6, 7).

    The kernel plays the host, and asks it every second.
    """
    epoch = int(time.time()) * 10**9
    append = f"{SCRIPTED} dev.kvmclock.0.wall_interval=1 debug.kvmclock.epoch={epoch}"
    # It counts from the guest's start, which is not known so well.
    guest = scene.guest((*TCG, "--smp", "2"), append, rtc=epoch // 10**9 + 1, slack=20)
    guest.date_ahead = Span(guest.last.realtime) - guest.last.when.realtime
    to_end = 2**32 - 3 - int(guest.last.realtime)
    at, steps = 0, (-10, 3600, to_end, 0)
    for step in steps:
        guest.set("debug.kvmclock.epoch", epoch + step * 10**9)
        guest.date_ahead += Span(step - at)
        at = step
        time.sleep(3)
        last = guest.look()
        if step == to_end:
            scene.expect(last.realtime > 2**32 - 1, f"the date is {last.realtime:.3f}")
    scene.say("the host's date stepped by -10 s, +1 h, to 2106-02-07, and back")
    scene.end(guest)


@scenario(beside=True)
def no_rtc(scene):
    """A machine without an RTC: the date comes from the host's wall clock (bug 9)."""
    guest = scene.guest((*KVM, "--machine", "microvm"), qemu=["-machine", "rtc=off"])
    scene.expect("RTC: none" in guest.machine.console.log, "the machine has an RTC")
    time.sleep(1)
    guest.look()
    guest.pause(2)
    guest.counted()
    guest.look()
    scene.end(guest)


@scenario(needs="tcg", beside=True)
def year_2038(scene):
    """Over the end of 31-bit seconds, by the RTC."""
    end = 2**31
    begin = time.gmtime(end - 8)
    guest = scene.guest(
        (*TCG, "--smp", "2"),
        BY_PAGE,
        qemu=["-rtc", time.strftime("base=%Y-%m-%dT%H:%M:%S", begin)],
        pages=False,
        rtc=calendar.timegm(begin),
    )
    first = last = guest.last
    scene.expect(first.realtime < end, f"the guest began too late: {first.realtime:.3f}")
    while last.realtime < end + 3:
        time.sleep(1)
        last = guest.look()
    scene.say(f"from {first.realtime - end:+.3f} s to {last.realtime - end:+.3f} s of {end}")
    scene.end(guest)


@scenario(beside=True)
def year_2106(scene):
    """Over the end of 32-bit seconds: first by itself, then in a pause (bug 6).

    By hand, as the RTC of QEMU 7.2 goes wrong before.
    """
    end = 2**32
    guest = scene.guest()
    guest.set_date(end - 3)
    first = guest.look()
    time.sleep(4)
    over = guest.look()
    scene.expect(first.realtime < end < over.realtime, f"{first.realtime} .. {over.realtime}")
    guest.set_date(end - 2)
    guest.pause(3)
    guest.counted()
    last = guest.look()
    scene.expect(last.realtime > end, f"{last.realtime} after the pause")
    _follow_host(guest)
    scene.say(f"from {first.realtime - end:+.3f} s to {over.realtime - end:+.3f} s of {end}")
    scene.end(guest)


def _follow_host(guest):
    """A date that was set by hand is the host's again."""
    guest.set("dev.kvmclock.0.wall_by_hand", 0)
    guest.date_ahead = Span(0.0)
    time.sleep(0.5)
    guest.look()
    # `readers.date` asks about the time since the last pause: no date may have been set since.
    guest.pause(1)
    guest.counted()
    guest.look()
