# SPDX-License-Identifier: 0BSD
"""A QEMU process with the guest's shell on COM1, its JSON from COM2, and its monitor.

The command is run-qemu.sh's own, as `--dry-run` prints it, with COM1 on a socket.
"""

import itertools
import os
import re
import shlex
import socket
import subprocess
import sys
import time

from qmp import Qmp, QmpError
from span import HostTime

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "guest"))
import guests  # noqa: E402  pylint: disable=wrong-import-position

PROMPT = "clockpage# "
PASSED = 33  # QEMU's status when no check failed; see run-qemu.sh
FAILED = 35  # and when one did
_numbers = itertools.count(1)


class Wrong(Exception):
    """What was found, against what had to be."""


class Skipped(Exception):
    """Why this machine cannot show it."""


class Answer:
    """What a command printed, and when it was at work, by the host."""

    def __init__(self, lines, when):
        self.lines, self.when = lines, when


class Console:
    """The shell at the other end of COM1."""

    def __init__(self, connection, deadline):
        self._socket, self._deadline = connection, deadline
        self._commands = 0
        self.log = ""

    def until(self, pattern, text=""):
        """Read on until the pattern matches; all the text since then."""
        while True:
            if re.search(pattern, text):
                return text
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise Wrong(f"the console never showed {pattern!r}")
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                data = b""
            if not data:
                raise Wrong(f"the console ended, and never showed {pattern!r}")
            more = data.decode("latin-1").replace("\r", "")
            self.log += more
            text += more

    def send(self, line):
        self._socket.settimeout(10 * guests.PATIENCE)
        self._socket.sendall(line.encode() + b"\n")

    def command(self, line, first=None):
        """Send a line; what it printed, and when it was at work.

        first: the answer's beginning, a pattern; when it is seen, what it tells has been measured.
        """
        # From a pipe the prompt is shown with the next line: a comment marks the answer's end.
        self._commands += 1
        end = f"{PROMPT}# {self._commands}\n"
        with HostTime() as when:
            self.send(f"{line}\n# {self._commands}")
            text = self.until(first or re.escape(end))
        _, found, answer = self.until(re.escape(end), text).partition(f"{PROMPT}{line}\n")
        if not found:
            raise Wrong(f"the shell did not take the line {line!r}: {text!r}")
        return Answer(guests.report.unwrap(answer.removesuffix(end)).splitlines(), when)

    def rest(self):
        """Read to the end."""
        self._socket.settimeout(10 * guests.PATIENCE)
        try:
            while data := self._socket.recv(65536):
                self.log += data.decode("latin-1").replace("\r", "")
        except OSError:
            pass

    def close(self):
        self._socket.close()


class Machine:
    """One QEMU process; ends with `end()`, or is killed."""

    def __init__(self, directory, args=(), append="", qemu=(), limit=90):
        limit *= guests.PATIENCE
        self.name = f"qemu{next(_numbers)}"
        self._directory = directory
        self.json = self._path("json")
        self._stderr = self._path("stderr")
        self._deadline = time.monotonic() + limit
        when = HostTime().__enter__()
        listeners = {name: self._listen(name) for name in ("com1", "qmp")}
        self.command = self._command(args, append, qemu)
        try:
            with open(self._stderr, "wb") as stderr:
                # timeout ends QEMU also when this program is killed before it can.
                self._child = subprocess.Popen(
                    ["timeout", "-k", "5", str(limit + 30), *self.command],
                    stdin=subprocess.DEVNULL,
                    stdout=stderr,
                    stderr=stderr,
                )
            self.console = Console(self._accept(listeners["com1"]), self._deadline)
            self.qmp = Qmp(self._accept(listeners["qmp"]))
            when.__exit__()
        except BaseException:
            self.kill()
            raise
        finally:
            for listener in listeners.values():
                listener.close()
        self.began = when.realtime  # it did in between

    def _path(self, what):
        return os.path.join(self._directory, f"{self.name}.{what}")

    def _listen(self, what):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self._path(what))
        listener.listen(1)
        return listener

    def _accept(self, listener):
        listener.settimeout(1)
        while True:
            try:
                return listener.accept()[0]
            except TimeoutError:
                if self._child.poll() is not None or time.monotonic() > self._deadline:
                    raise Wrong(f"QEMU did not start: {self.complaints()}") from None

    def _command(self, args, append, qemu):
        append = "shell=now" + (f" {append}" if append else "")
        shown = subprocess.run(
            [guests.RUN_QEMU, "--dry-run", "--no-install", "--shell", "--append", append]
            + ["--json", self.json, *args, "--", *qemu],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        words = shlex.split(shown.splitlines()[-1])
        words[words.index("stdio,id=com1")] = f"socket,id=com1,path={self._path('com1')}"
        return words + [
            *("-chardev", f"socket,id=qmp,path={self._path('qmp')}"),
            *("-mon", "chardev=qmp,mode=control"),
        ]

    def wait_for_shell(self):
        """Seconds from QEMU's start to the shell."""
        self.console.until(r"\nshell: ready.*\n")
        return time.time() - self.began.low

    def complaints(self):
        """What QEMU wrote itself, but for the features that the host lacks."""
        with open(self._stderr, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file if "warning: host doesn't support" not in line]
        return "; ".join(lines[-5:])

    def running(self):
        return self.qmp.execute("query-status")["running"]

    def threads(self):
        """The host's thread of each vCPU."""
        return [cpu["thread-id"] for cpu in self.qmp.execute("query-cpus-fast")]

    def prefer_first(self):
        """Of many vCPUs on few CPUs, let the first come first: it is who answers."""
        for thread in self.threads()[1:]:
            os.setpriority(os.PRIO_PROCESS, thread, 19)

    def wait(self):
        """QEMU's status, once it has ended by itself."""
        self.console.rest()
        try:
            return self._child.wait(max(1, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Wrong("QEMU did not end") from None

    def quit(self):
        """End QEMU by its monitor, where the guest has gone elsewhere."""
        try:
            self.qmp.execute("quit")
        except QmpError:
            pass
        status = self.wait()
        if status != 0:
            raise Wrong(f"QEMU ended with status {status} after quit: {self.complaints()}")
        self.kill()

    def kill(self):
        """Whatever it does, it is gone afterwards."""
        for part in ("console", "qmp"):
            if hasattr(self, part):
                getattr(self, part).close()
        if hasattr(self, "_child") and self._child.poll() is None:
            self._child.terminate()
            self._child.wait()
