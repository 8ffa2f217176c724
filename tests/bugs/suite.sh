#!/bin/sh
# SPDX-License-Identifier: 0BSD
#
# Every bug still fits its source, and docs/known-bugs.md says what they are.  `make mutants` runs them.
#
# Takes about 1 s.

exec "$(dirname "$0")/run.sh" --check
