#!/bin/sh
# SPDX-License-Identifier: 0BSD
#
# The rules change what they say, and nothing else; a change gets the verdict that it has earned; and
# each entry of equivalent.toml still fits a change.  `make mutate` tries the changes themselves.
#
# Takes about 8 s.

export PYTHONDONTWRITEBYTECODE=1 # leave nothing in the tree
exec python3 "$(dirname "$0")/check.py"
