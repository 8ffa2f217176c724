#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The page of a report: what it holds, what it makes of bad records, and how a browser shows it.
# Needs Debian's chromium for the last, 120 MB that no other test needs: `suite.sh --browser` installs it.
#
# Takes about 45 s.

set -uo pipefail
export PYTHONDONTWRITEBYTECODE=1 # leave nothing in the tree

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
if [[ ${1-} == --browser ]]; then
	# shellcheck source=tools/deps.sh
	. tools/deps.sh
	deps_need yes browser || exit 2
	shift
fi
out=${O:-build}/tests/page
mkdir -p "$out" || exit 2
if ! make --no-print-directory -j2 kernel >"$out/build.log" 2>&1; then
	cat "$out/build.log"
	echo "FAIL page.build: make kernel failed"
	exit 1
fi
exec python3 tests/page/pages.py "$out" "$@"
