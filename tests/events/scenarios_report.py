# SPDX-License-Identifier: 0BSD
"""A report that the host pauses while it is made: its checks and its verdict stay right.

The numbers of known bugs are those of docs/known-bugs.md.
"""

import os
import random
import threading
import time

from machine import PASSED, Machine, Wrong, guests
from qmp import QmpError
from scene import BY_PAGE, KVM, scenario

# As the report announces its stages on the console; before the first, vCPUs start.
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
LIMIT = 240


class Report:
    """A guest that makes its report and ends."""

    def __init__(self, scene, args=KVM):
        self.scene = scene
        self.machine = Machine(scene.directory, args, f"{BY_PAGE} shell=0", limit=LIMIT)
        self.pauses, self.paused_s = 0, 0.0
        # Nobody may keep the guest waiting for its console.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        try:
            self.machine.console.until(r"(?!)")
        except Wrong:
            pass  # it has ended

    def stages(self):
        """How many it has come to."""
        _, found, text = self.machine.console.log.partition("testing ")
        text = " ".join(text.split("\n\n")[0].replace(",", " ").split())
        return sum(stage in text for stage in STAGES) if found else 0

    def pause(self, seconds):
        """False: it has ended."""
        try:
            self.machine.qmp.execute("stop")
            time.sleep(seconds)
            self.machine.qmp.execute("cont")
        except QmpError:
            return False
        self.pauses += 1
        self.paused_s += seconds
        return True

    def wait_for(self, stages, seconds):
        """Until it has reached this many stages, or the time is up."""
        end = time.monotonic() + seconds
        while self.stages() < stages and time.monotonic() < end:
            if not self._reader.is_alive():
                return
            time.sleep(0.005)

    def judge(self, least):
        """No check has failed, the verdict is good, and it saw at least this many pauses."""
        self._reader.join()
        status = self.machine.wait()
        log = guests.report.unwrap(self.machine.console.log)
        failed = [line for line in log.splitlines() if line.startswith("FAIL")]
        self.scene.expect(status == PASSED and not failed, f"status {status}: {failed}")
        with open(self.machine.json, "rb") as file:
            complaints, records = guests.report.parse(file.read())
        self.scene.expect(not complaints, f"JSON: {complaints}")
        (verdict,) = (r for r in records if r["record"] == "verdict")
        self.scene.expect(verdict["state"] == "good", f"{verdict['state']}: {verdict['text']}")
        told = [r for r in records if r["record"] == "event" and r["kind"] == "paused"]
        self.scene.expect(
            least <= len(told) <= self.pauses, f"{len(told)} of {self.pauses} pauses were told"
        )
        self.scene.say(
            f"{self.pauses} pauses, {self.paused_s:.0f} s in all, {len(told)} told: no check failed,"
            " the verdict is good"
        )

    def close(self):
        self.machine.kill()


@scenario(beside=True)
def report_pauses(scene):
    """Pauses of 1 to 4 s in every stage of a report: no check fails (bugs 58, 61).

    TEST_SEED: one that an earlier run printed.
    """
    seed = int(os.environ.get("TEST_SEED", "0")) or random.randrange(1 << 32)
    source = random.Random(seed)
    scene.say(f"seed {seed}")
    report = Report(scene)
    try:
        stages, goes_on = 0, True
        while goes_on:
            # Some time after it has come to another stage, or simply later.
            report.wait_for(stages + 1, source.uniform(0.3, 2))
            stages = report.stages()
            time.sleep(source.uniform(0, 0.2))
            goes_on = report.pause(source.uniform(1, 4))
        report.judge(least=3)
    finally:
        report.close()


@scenario(beside=True)
def report_long_pause(scene):
    """Pauses of 22 s at three places of a report: no check fails (bugs 58, 61)."""
    places = (1, STAGES.index("moved threads") + 1, len(STAGES))
    report = Report(scene)
    try:
        for stage in places:
            report.wait_for(stage, LIMIT)
            time.sleep(0.05)
            report.pause(22)
        report.judge(least=2)
    finally:
        report.close()
