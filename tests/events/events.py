#!/usr/bin/env python3
# SPDX-License-Identifier: 0BSD
"""Do to guests what hosts do, and see that time survives it.

One line PASS, FAIL or SKIP each; names as arguments choose, `--list` lists them.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
import traceback

import scenarios_host  # noqa: F401
import scenarios_report  # noqa: F401
import scenarios_wall  # noqa: F401
import scenarios_guest  # noqa: F401
from machine import Skipped, Wrong, guests
from qmp import QmpError
from scene import SCENARIOS, Scene, page_file

# How many scenarios run beside the others.
BESIDE = 2


class Runner:
    """Runs scenarios, and prints a line for each."""

    def __init__(self, no_kvm, verbose, html):
        self.no_kvm, self.verbose, self.html = no_kvm, verbose, html
        self.failed = 0
        self._print = threading.Lock()

    def say(self, verdict, name, text, transcript=()):
        with self._print:
            for line in transcript:
                print(f"    {line}")
            print(f"{verdict} events.{name}: {text}", flush=True)
            self.failed += verdict == "FAIL"

    def run(self, name):
        function = SCENARIOS[name]
        scene, started, ended = Scene(), time.monotonic(), ""
        try:
            if function.needs == "kvm" and self.no_kvm:
                raise Skipped(f"no KVM: {self.no_kvm}")
            with guests.now(f"events.{name}"):
                function(scene)
        except Skipped as why:
            ended = f"SKIP events.{name}: {why}"
            self.say("SKIP", name, str(why))
        except (Wrong, QmpError, OSError, subprocess.SubprocessError) as why:
            ended = f"FAIL events.{name}: {why}"
            self.say("FAIL", name, f"{why} ({'; '.join(scene.figures)})", scene.transcript())
        except Exception as why:  # pylint: disable=broad-except
            ended = f"FAIL events.{name}: {why!r}"
            self.say("FAIL", name, repr(why), traceback.format_exc().splitlines())
        else:
            scene.say(f"{time.monotonic() - started:.1f} s")
            self.say("PASS", name, "; ".join(scene.figures), scene.transcript() * self.verbose)
        finally:
            if self.html:
                self.failed += not scene.draw(self.html, f"tests/events/run.sh {name}", ended)
            scene.close()

    def run_all(self, names):
        """Those that mostly wait run beside the others, some at a time, the longest first."""
        waiting = [name for name in names if SCENARIOS[name].beside]
        waiting.sort(key=lambda name: not name.startswith("report"))
        beside = [
            threading.Thread(target=self._run_each, args=(waiting,), daemon=True)
            for _ in range(BESIDE)
        ]
        alone = [name for name in names if name not in waiting]
        for thread in beside:
            thread.start()
        self._run_each(alone)
        for thread in beside:
            thread.join()

    def _run_each(self, names):
        """Take names off the list, which others may do as well, and run them."""
        while names:
            try:
                name = names.pop(0)
            except IndexError:  # another thread took the last one
                return
            self.run(name)


def build():
    """Build the kernel; what make says if it fails."""
    made = subprocess.run(
        ["make", "-C", guests.ROOT, "--no-print-directory", "-j2", "kernel"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return made.stdout if made.returncode else ""


def main():
    parser = argparse.ArgumentParser(prog="tests/events/run.sh", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a scenario (all of them)")
    parser.add_argument("--list", action="store_true", help="list the scenarios and stop")
    parser.add_argument("--verbose", action="store_true", help="show what the guests said")
    parser.add_argument(
        *("--html",),
        type=page_file,
        metavar="FILE",
        help="draw the report of one scenario's guest, the last if it has several, as an HTML page",
    )
    options = parser.parse_args()
    os.chdir(guests.ROOT)
    if options.list:
        for name, function in SCENARIOS.items():
            print(f"{name:16} {function.needs:4} {function.__doc__.splitlines()[0]}")
        return 0
    unknown = [name for name in options.names if name not in SCENARIOS]
    if unknown:
        parser.error(f"there is no scenario {' '.join(unknown)}; --list lists them")
    if options.html and len(options.names) != 1:
        parser.error("--html draws one scenario: name it")
    failure = build()
    if failure:
        print(f"{failure}FAIL events.build: make kernel failed")
        return 1
    # End the guests also when somebody ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    names = options.names or list(SCENARIOS)
    guests.plan(f"events.{name}" for name in names)
    runner = Runner(guests.kvm_missing(), options.verbose, options.html)
    runner.run_all(names)
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
