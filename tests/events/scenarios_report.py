# SPDX-License-Identifier: 0BSD
"""A report that the host pauses while it is made: its checks and its verdict stay right.

The guest asks for each pause, where debug.pause.at says (base/pause.h): no pause is where it is by luck.

The numbers of known bugs are those of docs/known-bugs.md.
"""

import os
import threading
import time
from collections import Counter

from machine import PASSED, Machine, Wrong, guests
from qmp import QmpError
from scene import BY_PAGE, KVM, scenario

# As the report announces its stages on the console; before the first, vCPUs start and register.
STAGES = (
    "reads",
    "ways to read",
    "moved threads",
    "32-bit code",
    "system calls",
    "random calls",
    "protections",
    "switches of counters",
)
BEFORE, AFTER = "before the first stage", "after the events' table"
# Seconds that a pause lasts: more than the error of the date that the report allows, which is 2 s.
# `make pauses` sets it.
PAUSE = float(os.environ.get("PAUSE_SECONDS", "3"))
# What the report shows of lengths and steps of the date is right to this, in seconds, all in all.
ALLOWED = 0.5


class Report:
    """A guest that makes its report, asks for pauses of it, and ends."""

    def __init__(self, scene, at, times, limit):
        self.scene = scene
        append = f"{BY_PAGE} shell=0 debug.pause.at={at} debug.pause.times={times}"
        qemu = ["-device", "pvpanic", "-action", "panic=pause"]
        self.machine = Machine(scene.directory, KVM, append, qemu, limit=limit)
        self.machines = [self.machine]
        scene.guests.append(self)
        self.pauses = Counter()  # by the stage that the report was in
        self.lengths = []  # of all, in order, in seconds
        # Nobody may keep the guest waiting for its console.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        try:
            self.machine.console.until(r"(?!)")
        except Wrong:
            pass  # it has ended

    def stage(self):
        """That it is in: what it was about to print, it has, as it stands still."""
        time.sleep(0.01)
        _, found, text = self.machine.console.log.partition("testing ")
        text = " ".join(text.split("\n\n")[0].replace(",", " ").split())
        reached = [stage for stage in STAGES if stage in text]
        if "\nWhat happened to the clock\n" in self.machine.console.log:
            return AFTER
        return reached[-1] if found and reached else BEFORE

    def run(self, seconds_of):
        """Grant all pauses; seconds_of: how long, by the stage and the pauses in it so far."""
        qmp = self.machine.qmp
        while True:
            try:
                stopped = qmp.event("STOP", seconds=60 * guests.PATIENCE)
            except QmpError:
                self._reader.join(10)
                if self._reader.is_alive():
                    raise
                return
            stage = self.stage()
            seconds = seconds_of(stage, self.pauses[stage])
            self.pauses[stage] += 1
            time.sleep(seconds)
            qmp.execute("cont")
            self.lengths.append(qmp.event("RESUME") - stopped)

    def judge(self, least):
        """No check has failed, each pause is told, and the verdict is good."""
        self._reader.join()
        status = self.machine.wait()
        log = guests.report.unwrap(self.machine.console.log)
        failed = [line for line in log.splitlines() if line.startswith("FAIL")]
        self.scene.expect(status == PASSED and not failed, f"status {status}: {failed}")
        complaints, records = guests.report.parse(self.json())
        self.scene.expect(not complaints, f"JSON: {complaints}")
        (verdict,) = (r for r in records if r["record"] == "verdict")
        self.scene.expect(verdict["state"] == "good", f"{verdict['state']}: {verdict['text']}")
        for stage in (BEFORE, *STAGES):
            self.scene.expect(
                self.pauses[stage] >= least, f"{self.pauses[stage]} pauses in stage {stage}"
            )
        wrong = [r for r in records if r["record"] == "tsc_source" and r["hz"] and r["refused"]]
        self.scene.expect(not wrong, f"refused as frequency of the TSC: {wrong}")
        self.scene.say(", ".join(f"{stage} {count}" for stage, count in self.pauses.items()))
        return [r for r in records if r["record"] == "event" and r["kind"] == "paused"]

    def json(self):
        with open(self.machine.json, "rb") as file:
            return file.read()

    def kill(self):
        self.machine.kill()


@scenario(beside=True)
def report_pauses(scene):
    """A pause at each place of a report that has one, and in each stage (bugs 58, 61).

    Each of 3 s, or PAUSE_SECONDS.
    """
    report = Report(scene, "all", 1, limit=120 + 25 * PAUSE)
    report.run(lambda stage, before: PAUSE)
    told = report.judge(least=1)
    # How long one was is known once the kernel has the host's date: the first is just behind it.
    first = report.pauses[BEFORE] - 1
    last = report.pauses.total() - report.pauses[AFTER]
    away = sum(report.lengths[first:last])
    for what in ("length_ns", "step_ns"):
        total = sum(record[what] for record in told) / 1e9
        scene.expect(
            abs(total - away) < ALLOWED,
            f"{what}: {[r[what] / 1e9 for r in told]}; the pauses were {report.lengths}",
        )
    scene.say(
        f"{len(report.lengths)} pauses of {PAUSE:g} s; {last - first} after the first date, told as"
        f" {len(told)}, whose lengths and steps come to {total - away:+.3f} s of {away:.3f}"
    )


@scenario(beside=True)
def report_pause_storm(scene):
    """A pause of 5 ms at 60 ticks of each stage of a report, the first longer (bugs 58, 61)."""
    report = Report(scene, "tick", 60, limit=240 + 12 * PAUSE)
    report.run(lambda stage, before: 0.005 if before else PAUSE)
    told = report.judge(least=0)
    scene.say(f"{len(report.lengths)} pauses, {len(told)} told")
