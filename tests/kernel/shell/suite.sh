#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The serial shell, in guests under TCG and, where it works, KVM.
# Arguments, if any, are the names of sessions to run.
#
# Takes about 90 s.
# Boots guests.

set -uo pipefail
export PYTHONDONTWRITEBYTECODE=1 # leave nothing in the tree

cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 2
if ! make --no-print-directory -s -j2 kernel iso >&2; then
	echo "FAIL kernel.shell: make kernel iso failed"
	exit 1
fi
exec python3 tests/kernel/shell/sessions.py "$@"
