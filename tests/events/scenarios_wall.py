# SPDX-License-Identifier: 0BSD
"""The date: stepped by the host, without an RTC, and at the ends of 32 bits."""
