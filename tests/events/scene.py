# SPDX-License-Identifier: 0BSD
"""What a scenario is, and what it is given."""

import argparse
import os
import shlex
import shutil
import subprocess
import tempfile
from collections import Counter

from guest import Guest
from machine import Wrong, guests

KVM = ("--accel", "kvm")
# QEMU neither saves nor migrates a guest that has the invariant TSC, which run-qemu.sh gives.
MOVABLE = (*KVM, "--cpu", "max,-arch-capabilities")
TCG = ("--accel", "tcg")
# Here and there KVM hides RDTSCP: ring 3 is to read the page all the same, not to ask the kernel.
BY_PAGE = "dev.kvmclock.0.vdso_enable_without_rdtscp=1"
SCRIPTED = f"debug.kvmclock.scripted=1 {BY_PAGE}"

SCENARIOS = {}
PAGE = os.path.join(guests.ROOT, "tools", "page")


def page_file(path):
    """The argument of --html: a file that can be written, emptied of an earlier run's page."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise argparse.ArgumentTypeError(f"'{path}' is no regular file")
    try:
        with open(path, "wb"):
            pass
    except OSError as why:
        raise argparse.ArgumentTypeError(f"cannot write '{path}': {why.strerror}") from why
    return os.path.abspath(path)


def scenario(needs="kvm", beside=False):
    """Make a function that takes a Scene a scenario.

    needs: the accelerator.  beside: it waits, most of the time, and may run beside others.
    """

    def add(function):
        function.needs, function.beside = needs, beside
        SCENARIOS[function.__name__.replace("_", "-")] = function
        return function

    return add


class Scene:
    """A place for files, guests that end with it, and figures to print."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="events-")
        self.guests = []
        self.figures = []

    def guest(self, args=KVM, append=BY_PAGE, **others):
        guest = Guest(self.directory, args, append, **others)
        self.guests.append(guest)
        return guest

    def disk(self):
        """QEMU's arguments for a disk that states can be saved in."""
        path = f"{self.directory}/disk.qcow2"
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", path, "1G"],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        return ["-drive", f"if=none,id=disk,format=qcow2,file={path}"]

    def say(self, figure):
        self.figures.append(figure)

    def expect(self, holds, otherwise):
        if not holds:
            raise Wrong(otherwise)

    def end(self, guest, **events):
        """End it: pages and report have each pause once, the report the events of other kinds."""
        pages = guest.counted() if guest.has_pages else {}
        self.say(guest.end())
        told = Counter(event["kind"].replace("-", "_") for event in guest.records("event"))
        for kind, count in {"paused": guest.pauses, **events}.items():
            self.expect(
                told[kind] == count, f"the report has {told[kind]} events {kind}, not {count}"
            )
        self.say(f"{guest.pauses} pauses, counted on {len(pages)} pages and told")

    def draw(self, path, command, ended=""):
        """The page of the last guest, in all processes that it was in; False: it is not written.

        ended: how the run failed.
        """
        words, data = ["--output", path, "--command", command], b""
        if self.guests:
            words += ["--command", shlex.join(self.guests[-1].machines[0].command)]
            data = self.guests[-1].json()
        words += ["--ended", ended] if ended else []
        return subprocess.run([PAGE, *words], input=data, check=False).returncode == 0

    def transcript(self):
        """The end of what each guest and its QEMU said."""
        lines = []
        for guest in self.guests:
            for machine in guest.machines:
                lines.append(f"{machine.name}: {machine.complaints() or 'QEMU is silent'}")
                lines += [f"  {line}" for line in machine.console.log.splitlines()[-90:]]
        return lines

    def close(self):
        for guest in self.guests:
            guest.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
