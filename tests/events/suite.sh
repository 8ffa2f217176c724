#!/bin/sh
# SPDX-License-Identifier: 0BSD
#
# What hosts do to guests, and that time survives it.  Arguments, if any, are events.py's.
#
# Takes about 215 s.
# Boots guests.

export PYTHONDONTWRITEBYTECODE=1 # leave nothing in the tree
exec python3 "$(dirname "$0")/events.py" "$@"
