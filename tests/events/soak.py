#!/usr/bin/env python3
# SPDX-License-Identifier: 0BSD
"""Random events to one guest for many minutes, while its readers read; `make soak` runs it.

The seed is printed: the same one gives the same events in the same order.  After each event the
guest's clocks are compared with the host's, and what its pages count with what was done.
"""

import argparse
import os
import random
import sys
import time
from collections import Counter

from machine import Wrong, guests
from qmp import QmpError
from scene import BY_PAGE, MOVABLE, Scene, page_file

PROGRESS = 30  # seconds between two lines


def pause(guest, source):
    """Longer than the error that is allowed."""
    guest.pause(source.uniform(0.1, 3))


def pauses(guest, source):
    for _ in range(source.randrange(2, 6)):
        guest.pause(source.uniform(0.01, 0.2))
        guest.counted()


def migrate(guest, _source):
    guest.migrate()


def migrate_by_file(guest, source):
    guest.migrate(gap=source.uniform(0, 5))


def snapshot(guest, source):
    """Back to a little while ago."""
    saved = guest.save("soak")
    guest.counted()
    time.sleep(source.uniform(0.2, 2))
    guest.look()
    guest.load("soak", saved)


def moves(guest, source):
    cpus = sorted(os.sched_getaffinity(0))
    for _ in range(50):
        os.sched_setaffinity(source.choice(guest.machine.threads()), {source.choice(cpus)})
        time.sleep(0.005)
    for thread in guest.machine.threads():
        os.sched_setaffinity(thread, cpus)


def stable_lost(guest, source):
    """The old pair of MSRs takes STABLE away, also over a pause."""
    guest.set("debug.kvmclock.msr_pair", "old")
    time.sleep(source.uniform(0.1, 1))
    guest.look()
    if source.randrange(2):
        guest.pause(source.uniform(0.1, 1))
        guest.counted()
    guest.set("debug.kvmclock.msr_pair", "new")


def suspend(guest, source):
    """Another timecounter serves for a while."""
    said = guest.shell("suspend")
    time.sleep(source.uniform(0.1, 2))
    guest.look()
    said += guest.shell("resume")
    if not any(line.startswith("PASS kvmclock.suspend") for line in said):
        raise Wrong(f"suspend and resume: {said}")


def counter(guest, source):
    """Another timecounter, and back."""
    name = source.choice(guest.value("kern.timecounter.choice").split()).partition("(")[0]
    if name not in ("kvmclock", "dummy"):
        guest.set("kern.timecounter.hardware", name)
        time.sleep(source.uniform(0.1, 1))
        guest.set("kern.timecounter.hardware", "kvmclock")


def nothing(_guest, source):
    time.sleep(source.uniform(0.2, 5))


EVENTS = (
    *(pause, pauses, migrate, migrate, migrate_by_file, snapshot, moves, stable_lost, suspend),
    *(counter, nothing),
)


def soak(scene, seconds, seed, append):
    """Until the time is over; the figures of the end."""
    source, done = random.Random(seed), Counter()
    guest = scene.guest((*MOVABLE, "--smp", "3"), append, qemu=scene.disk(), limit=seconds + 300)
    began = told = time.monotonic()
    while time.monotonic() - began < seconds:
        event = source.choice(EVENTS)
        done[event.__name__] += 1
        try:
            event(guest, source)
            guest.counted()
            guest.look()
        except (Wrong, QmpError, OSError) as why:
            raise Wrong(f"event {done.total()}, {event.__name__}: {why}") from why
        if time.monotonic() - told > PROGRESS:
            told = time.monotonic()
            readers = guest.readers()
            print(
                f"{told - began:6.0f} s: {done.total()} events, {guest.pauses} pauses,"
                f" {readers.readings} readings, {readers.back} steps back",
                flush=True,
            )
            if readers.back or readers.errors:
                raise Wrong(f"event {done.total()}, {event.__name__}: {readers}")
    scene.say(", ".join(f"{name} {count}" for name, count in sorted(done.items())))
    scene.say(guest.end())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=30)
    parser.add_argument("--seed", type=int, default=None, help="one that an earlier run printed")
    parser.add_argument(
        *("--html",), type=page_file, metavar="FILE", help="draw the guest's report as an HTML page"
    )
    options = parser.parse_args()
    if not 0.1 <= options.minutes <= 60 * 24 * 7:
        parser.error(f"minutes are 0.1 to a week's, not {options.minutes:g}")
    no_kvm = guests.kvm_missing()
    if no_kvm:
        print(f"SKIP events.soak: no KVM: {no_kvm}")
        if options.html:
            Scene().draw(options.html, parser.prog, f"SKIP events.soak: no KVM: {no_kvm}")
        return 0
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    print(f"soak: {options.minutes:g} minutes, SEED={seed}", flush=True)
    scene, ended, drawn = Scene(), "", True
    try:
        # A page shows the whole report, which the guest makes before the shell.
        append = f"{BY_PAGE} shell=1" if options.html else BY_PAGE
        soak(scene, int(options.minutes * 60), seed, append)
    except (Wrong, QmpError, OSError) as why:
        print("".join(f"    {line}\n" for line in scene.transcript()), end="")
        ended = f"FAIL events.soak: SEED={seed}: {why}"
        print(ended)
        return 1
    finally:
        if options.html:
            command = f"tests/events/soak.py {options.minutes:g} --seed {seed}"
            drawn = scene.draw(options.html, command, ended)
        scene.close()
    print(f"PASS events.soak: SEED={seed}: {'; '.join(scene.figures)}")
    return 0 if drawn else 2


if __name__ == "__main__":
    sys.exit(main())
