# SPDX-License-Identifier: 0BSD
"""A guest that is watched through what happens to it, whichever QEMU process it is in.

Ring-3 readers read on all its vCPUs.  `look()` compares its clocks with the host's; `end()` judges
what came of it all.
"""

import re
import time
from collections import namedtuple

from machine import PASSED, Machine, Wrong, guests
from span import HostTime, Span

# The guest's clock may be this far outside of what the host's clocks leave open, which is the time
# that the shell takes to answer.  Every wait in the scenarios is longer.
ALLOWED = 0.05
# KVM's clock goes at the rate that the kernel took for the TSC's; the host's at the true one.
ALLOWED_PPM = 500
# QEMU's own stamps of STOP and RESUME are this near to the moments when the clock does.
ALLOWED_STAMP = 0.05
# By then a tick has come on every vCPU, however busy the host.
SHORTLY = 0.3

Clocks = namedtuple("Clocks", "uptime monotonic realtime tsc when")
Readers = namedtuple(
    "Readers",
    "state vcpus readings back worst_ns errors by_one_page by_own_page by_call gap_ns least",
)
Snapshot = namedtuple("Snapshot", "last stood pauses moment")

CLOCKS = r"clocks: uptime (\S+) monotonic (\S+) realtime (\S+) tsc (\S+)"
READERS = (
    r"readers: (on|off), (\d+) vCPUs; (\d+) readings, (\d+) steps back, worst (\d+) ns; "
    r"(\d+) without a value; (\d+) by one page, (\d+) by own vCPU's, (\d+) by system call; "
    r"longest gap (\d+) ns; least reading vCPU: (\d+) readings"
)


def _seconds(text):
    """Uptime and the date have more digits than a float: the error is below a microsecond."""
    whole, _, fraction = text.partition(".")
    return int(whole) + int(fraction.ljust(9, "0")) / 1e9


class Guest:
    """Boots at once; `end()` ends it."""

    def __init__(self, directory, args=(), append="", qemu=(), limit=90, **others):
        """Boot it, for at most `limit` seconds.

        readers=False: none.  prefer=True: its first vCPU's thread comes first.  pages=False: no
        host writes any.  rtc: who tells its date, and what it began with; None: the host's date;
        it may be `slack` seconds behind.
        """
        self.readers_on, self.has_pages = others.get("readers", True), others.get("pages", True)
        self._boot = {"directory": directory, "args": args, "append": append, "limit": limit}
        self._qemu = list(qemu)
        self._files = []  # of JSON, of each QEMU process that the guest was in
        self.machine = None
        self.machines = []
        self._enter([])
        self.boot_seconds = self.machine.wait_for_shell()
        self.pauses = 0  # that every vCPU is to have counted
        self.advances = False  # uptime goes on while the host pauses the guest
        self.worst = {"monotonic": 0.0, "realtime": 0.0}
        self.rate = 1  # of its time against the host's
        self.looks = 0
        self.widest = 0.0
        self.date_ahead = Span(0.0)  # of the host's
        if "rtc" in others:
            self.date_ahead = Span(0.0)
            if others["rtc"] is not None:
                self.date_ahead = Span(others["rtc"]) - self.machine.began
            # Whole seconds, read a while before they are believed.
            self.date_ahead.low -= others.get("slack", 2)
        self.settings = self.settable()
        if others.get("prefer"):
            self.machine.prefer_first()
        if self.readers_on:
            self.shell("readers on")
        self.last = self.clocks()
        self.stood = Span(0.0)  # so long its clock stood still since `last`
        self._compare_realtime(self.last)

    def _enter(self, qemu):
        """Start another QEMU process for it; the last one goes on."""
        self.machine = Machine(qemu=[*self._qemu, *qemu], **self._boot)
        self.machines.append(self.machine)
        self._files.append(self.machine.json)
        return self.machine

    def kill(self):
        for machine in self.machines:
            machine.kill()

    # ---- Questions ----

    def shell(self, line):
        """The lines that a command prints."""
        return self.machine.console.command(line).lines

    def value(self, name):
        return self.shell(f"sysctl -n {name}")[0]

    def set(self, name, value):
        said = self.shell(f"sysctl {name}={value}")
        if len(said) != 1 or not said[0].endswith(f"-> {value}"):
            raise Wrong(f"setting {name}={value}: {said}")

    def settable(self):
        return self.shell("sysctl -aWe")

    def clocks(self):
        answer = self.machine.console.command("clocks", CLOCKS + "\n")
        found = re.fullmatch(CLOCKS, "\n".join(answer.lines))
        if not found:
            raise Wrong(f"clocks: {answer.lines}")
        uptime, monotonic, realtime, tsc = found.groups()
        return Clocks(
            _seconds(uptime), _seconds(monotonic), _seconds(realtime), int(tsc), answer.when
        )

    def pages(self):
        """What each vCPU's page says, as numbers, by vCPU."""
        pages = {}
        for line in self.shell("sysctl -e dev.kvmclock.0.vcpu"):
            name, _, value = line.partition("=")
            pages[int(name.rpartition(".")[2])] = {
                key: int(number, 0) for key, number in re.findall(r"(\w+) = (-?\w+)", value)
            }
        return pages

    def readers(self, word=""):
        """What came of the readers so far; `off` ends and judges them."""
        lines = self.shell(f"readers {word}".strip())
        found = re.match(READERS, lines[0]) if lines else None
        bad = [line for line in lines if line.startswith("FAIL ")]
        if not found or bad:
            raise Wrong(bad[0] if bad else f"readers {word}: {lines}")
        state, *numbers = found.groups()
        return Readers(state, *map(int, numbers))

    # ---- What happens to it ----

    def pause(self, seconds):
        """The host stops it for so long."""
        with HostTime() as stop:
            self.machine.qmp.execute("stop")
        time.sleep(seconds)
        with HostTime() as cont:
            self.machine.qmp.execute("cont")
        self._stands(cont.monotonic - stop.monotonic)

    def _stands(self, span):
        if not self.advances:
            self.stood += span
        self.pauses += 1

    def save(self, name):
        """Save its state in its disk, and go on."""
        with HostTime() as when:
            self.machine.qmp.human(f"savevm {name}")
        snapshot = Snapshot(self.last, self.stood, self.pauses, when.monotonic)
        self._stands(Span(0.0, when.monotonic.high - when.monotonic.low))
        return snapshot

    def load(self, name, snapshot):
        """Go back to a state that was saved, and on from there."""
        qmp = self.machine.qmp
        qmp.execute("stop")
        qmp.human(f"loadvm {name}")
        self._go_on_from(snapshot)

    def reload(self, name, snapshot):
        """The same in another QEMU process; the last one has ended."""
        self._enter(["-S", "-loadvm", name])
        self._go_on_from(snapshot)

    def _go_on_from(self, snapshot):
        with HostTime() as when:
            self.machine.qmp.execute("cont")
        self.last, self.stood, self.pauses = snapshot.last, snapshot.stood, snapshot.pauses
        self._stands(when.monotonic - snapshot.moment)

    def migrate(self, gap=None, qemu=()):
        """To another QEMU process: live, or through a file that lies there for `gap` seconds.

        The time that QEMU says it stood still for.
        """
        old = self.machine
        path = f"{self._boot['directory']}/{old.name}.state"
        old.qmp.forget_events()
        if gap is None:
            new = self._enter(["-incoming", f"unix:{path}", *qemu])
            send(old, f"unix:{path}")
        else:
            send(old, f"exec:cat >{path}")
            time.sleep(gap)
            new = self._enter(["-incoming", f"exec:cat {path}", *qemu])
        stood = new.qmp.event("RESUME") - old.qmp.event("STOP")
        old.quit()
        self._stands(Span(stood).widened(ALLOWED_STAMP))
        return stood

    def set_date(self, seconds):
        """Set its date by hand, to whole seconds since 1970."""
        answer = self.machine.console.command(
            time.strftime("date '%Y-%m-%d %H:%M:%S'", time.gmtime(seconds))
        )
        self.date_ahead = Span(seconds) - answer.when.realtime

    # ---- Verdicts ----

    def look(self):
        """Its clocks against the host's since the last look."""
        now = self.clocks()
        elapsed = (now.when.monotonic - self.last.when.monotonic - self.stood).times(self.rate)
        if self.rate != 1:
            self.date_ahead += elapsed.times(1 - 1 / self.rate)
        self._compare("monotonic", elapsed, now.monotonic - self.last.monotonic)
        self._compare("monotonic", elapsed, now.uptime - self.last.uptime)
        self._compare_realtime(now)
        self.widest = max(self.widest, elapsed.high - elapsed.low)
        self.looks += 1
        self.last, self.stood = now, Span(0.0)
        return now

    def _compare_realtime(self, now):
        self._compare("realtime", now.when.realtime + self.date_ahead, now.realtime)

    def _compare(self, clock, span, value):
        error = span.error_of(value)
        self.worst[clock] = max(self.worst[clock], error, key=abs)
        if abs(error) > ALLOWED + (span.high * ALLOWED_PPM / 1e6 if clock != "realtime" else 0):
            raise Wrong(f"{clock} is {value:.6f} s, by the host {span}: off by {error:+.6f} s")

    def counted(self):
        """Every vCPU's page has counted every pause once, and told that it was seen."""
        time.sleep(SHORTLY)
        end = time.monotonic() + 10 * guests.PATIENCE
        while True:
            pages = self.pages()
            said = {n: (p["paused"], p["flags"] & 2) for n, p in pages.items() if p["registered"]}
            if all(page == (self.pauses, 0) for page in said.values()):
                return pages
            # The boot vCPU takes its tick when it has nothing to say.
            time.sleep(SHORTLY)
            if time.monotonic() > end:
                raise Wrong(f"(pauses, GUEST_STOPPED) by vCPU: {said}; there were {self.pauses}")

    def end(self):
        """Readers off, settings as they were, `halt`; the figures."""
        vcpus = int(self.value("hw.ncpu"))
        figures = [
            f"{self.looks} looks: clocks {self.worst['monotonic'] * 1e3:+.1f} ms outside of the"
            f" host's brackets of at most {self.widest * 1e3:.0f} ms,"
            f" date {self.worst['realtime'] * 1e3:+.1f}"
        ]
        if self.readers_on:
            readers = self.readers("off")
            if readers.back or readers.errors or readers.least == 0:
                raise Wrong(f"readers: {readers}")
            if readers.vcpus != vcpus:
                raise Wrong(f"{readers.vcpus} readers on {vcpus} vCPUs")
            figures.append(
                f"{readers.readings} readings on {readers.vcpus} vCPUs, {readers.back} steps back, "
                f"longest gap {readers.gap_ns / 1e6:.1f} ms"
            )
        settings = self.settable()
        if settings != self.settings:
            changed = set(settings) ^ set(self.settings)
            raise Wrong(f"settings changed: {sorted(changed)}")
        self.machine.console.send("halt")
        status = self.machine.wait()
        if status != PASSED:
            failed = re.findall(r"^FAIL .*", self.machine.console.log, re.MULTILINE)
            raise Wrong(f"QEMU's status {status}, not {PASSED}: {failed}")
        return "; ".join(figures)

    def json(self):
        """What COM2 has given, over all processes."""
        data = b""
        for name in self._files:
            with open(name, "rb") as file:
                data += file.read()
        return data

    def records(self, kind):
        """COM2's records of a kind, once all processes have ended."""
        complaints, records = guests.report.parse(self.json())
        if complaints:
            raise Wrong(f"JSON: {complaints[0]}")
        return [record for record in records if record["record"] == kind]


def send(machine, uri):
    """Migrate a machine's state to where the URI says, to the end."""
    machine.qmp.execute("migrate", uri=uri)
    while True:
        state = machine.qmp.execute("query-migrate")
        if state["status"] == "completed":
            return
        if state["status"] in ("failed", "cancelled"):
            raise Wrong(f"migration {state['status']}: {state.get('error-desc')}")
        time.sleep(0.02)
