# SPDX-License-Identifier: 0BSD
"""Numbers that are known to lie between two bounds, and the host's clocks as such."""

import time


class Span:
    """A number between low and high, in seconds."""

    def __init__(self, low, high=None):
        self.low, self.high = low, low if high is None else high

    def __add__(self, other):
        return Span(self.low + other.low, self.high + other.high)

    def __sub__(self, other):
        return Span(self.low - other.high, self.high - other.low)

    def times(self, factor):
        return Span(self.low * factor, self.high * factor)

    def widened(self, by):
        return Span(self.low - by, self.high + by)

    def error_of(self, value):
        """How far a value lies outside: negative below, positive above, 0 inside."""
        return min(0.0, value - self.low) + max(0.0, value - self.high)

    def __str__(self):
        return f"{self.low:.3f} .. {self.high:.3f} s"


class HostTime:
    """When something happened, by the host: monotonic at the TSC's own rate, and the date.

    Taken before and after the act; the act lies between.
    """

    def __init__(self):
        self.monotonic = self.realtime = Span(0.0)

    def __enter__(self):
        self.monotonic = Span(_raw())
        self.realtime = Span(time.time())
        return self

    def __exit__(self, *_):
        self.monotonic = Span(self.monotonic.low, _raw())
        self.realtime = Span(self.realtime.low, time.time())
        return False


def _raw():
    # KVM's clock goes at the rate of the TSC; CLOCK_MONOTONIC is slewed by whoever sets the date.
    return time.clock_gettime(time.CLOCK_MONOTONIC_RAW)
