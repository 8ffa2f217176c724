# SPDX-License-Identifier: 0BSD
"""QEMU's monitor, QMP, over a UNIX socket [QEMU Machine Protocol Specification]."""

import json
import time


class QmpError(Exception):
    """The monitor refused a command, or is gone."""


class Qmp:
    """Commands one after another, and the events that came in between, in order."""

    def __init__(self, connection):
        self._socket = connection
        self._rest = b""
        self._events = []
        if "QMP" not in self._message(30):
            raise QmpError("no greeting")
        self.execute("qmp_capabilities")

    def _message(self, seconds):
        """The next message; None if none came in time."""
        end = time.monotonic() + seconds
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0:
                return None
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                return None
            except OSError as why:
                raise QmpError(str(why)) from why
            if not data:
                raise QmpError("QEMU is gone")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def execute(self, command, seconds=60, **arguments):
        """What the command returns; `_` in an argument's name stands for `-`."""
        request = {"execute": command}
        if arguments:
            request["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
        self._socket.settimeout(seconds)
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError as why:
            raise QmpError(f"{command}: {why}") from why
        end = time.monotonic() + seconds
        while True:
            message = self._message(end - time.monotonic())
            if message is None:
                raise QmpError(f"{command}: no answer in {seconds} s")
            if "event" in message:
                self._events.append(message)
            elif "error" in message:
                raise QmpError(f"{command}: {message['error'].get('desc')}")
            else:
                return message["return"]

    def human(self, line, seconds=60):
        """A command that only the monitor for people has; what it says is an error."""
        said = self.execute("human-monitor-command", seconds, command_line=line)
        if said.strip():
            raise QmpError(f"{line}: {said.strip()}")

    def event(self, name, seconds=30):
        """Wait for an event, and take it: its time, by the host's date."""
        end = time.monotonic() + seconds
        while True:
            for i, message in enumerate(self._events):
                if message["event"] == name:
                    stamp = self._events.pop(i)["timestamp"]
                    return stamp["seconds"] + stamp["microseconds"] / 1e6
            message = self._message(end - time.monotonic())
            if message is None:
                raise QmpError(f"no event {name} in {seconds} s")
            self._events.append(message)

    def forget_events(self):
        self._events.clear()

    def close(self):
        self._socket.close()
