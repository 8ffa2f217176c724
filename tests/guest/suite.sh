#!/bin/sh
# SPDX-License-Identifier: 0BSD
#
# Boot every guest of the matrix; arguments, if any, are the names of those to boot.
#
# Takes about 260 s.
# Boots guests.

export PYTHONDONTWRITEBYTECODE=1 # leave nothing in the tree
exec python3 "$(dirname "$0")/guests.py" "$@"
