# SPDX-License-Identifier: 0BSD
"""A host that is played: this program writes the clock pages in a guest's memory.

For what the real host cannot be made to do, and where there is no KVM.  The guest's kernel fills
the pages once (debug.kvmclock.scripted); its memory is a file, in which they are found by what the
guest says they hold.
"""

import mmap
import os
import struct

from machine import Wrong

STABLE, STOPPED = 1, 2
_LAYOUT = struct.Struct("<I4xQQIbB2x")  # struct pvclock_vcpu_time_info; see lib/pvclock/abi.h


def memory(path):
    """QEMU's arguments for a guest whose memory is this file."""
    backend = f"memory-backend-file,id=ram,size=128M,share=on,mem-path={path}"
    return ["-object", backend, "-machine", "memory-backend=ram"]


class PlayedHost:
    """Writes the pages of a guest that runs."""

    def __init__(self, path, guest):
        with open(path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), os.path.getsize(path))
        self._at = []
        for _, page in sorted(guest.pages().items()):
            self._at.append(self._find(page))

    def _find(self, page):
        names = ("version", "tsc_timestamp", "system_time", "mul", "shift", "flags")
        data = _LAYOUT.pack(*(page[name] for name in names))
        at = self._memory.find(data)
        while at >= 0 and (at % 4 or at in self._at):
            at = self._memory.find(data, at + 1)
        if at < 0:
            raise Wrong(f"no such structure in the guest's memory: {page}")
        return at

    def write(self, change):
        """On each page: `change` of tsc_timestamp, system_time, mul, shift and flags."""
        for at in self._at:
            version, *fields = _LAYOUT.unpack_from(self._memory, at)
            fields = change(*fields)
            self._put_version(at, version + 1)
            self._memory[at + 8 : at + 30] = _LAYOUT.pack(version + 1, *fields)[8:30]
            self._put_version(at, version + 2)

    def _put_version(self, at, version):
        struct.pack_into("<I", self._memory, at, version & 0xFFFFFFFF)

    def set_stable(self, on):
        self.write(lambda t, s, m, h, flags: (t, s, m, h, flags & ~STABLE | (STABLE if on else 0)))

    def set_stopped(self):
        self.write(lambda t, s, m, h, flags: (t, s, m, h, flags | STOPPED))

    def speed_up(self, tsc, ratio):
        """A little after this TSC time goes faster or slower: as if the TSC had another frequency.

        Until then it stands still: the TSC is less than `tsc_timestamp`, which may not lead back.
        """

        def change(timestamp, system_time, mul, shift, flags):
            hz = (10**9 << 32) / (mul * 2.0**shift)
            then = tsc + int(hz / 10)
            delta = then - timestamp
            delta = delta << shift if shift >= 0 else delta >> -shift
            return then, system_time + (delta * mul >> 32), int(mul * ratio), shift, flags

        self.write(change)

    def close(self):
        self._memory.close()
