#!/bin/sh
# SPDX-License-Identifier: 0BSD
#
# Put each bug into a copy of the tree and show which test finds it: see bugs.py, and --help.

export PYTHONDONTWRITEBYTECODE=1 # leave nothing in the tree
exec python3 "$(dirname "$0")/bugs.py" "$@"
