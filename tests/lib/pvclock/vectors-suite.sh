#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The vectors are what their program writes; a reader in another language passes them, and one that is
# wrong does not.  (The C library's test of them is vectors_test.c.)
#
# Takes about 3 s.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 2
out=${O:-build}/tests/lib/pvclock/reader
mkdir -p "$out"
# shellcheck source=tests/results.sh
. tests/results.sh
export PYTHONDONTWRITEBYTECODE=1

verdict lib.pvclock.vectors.as-made "$(vectors/make.py --check 2>&1)" "$(cat vectors/*.json | wc -l) lines in $(printf '%s\n' vectors/*.json | wc -l) files"

if figures=$(vectors/reader.py 2>&1); then
	pass lib.pvclock.vectors.python "$figures, $(grep -cvE '^ *($|#|""")' vectors/reader.py) lines"
else
	fail lib.pvclock.vectors.python "$(tail -1 <<<"$figures"): $(head -1 <<<"$figures")"
fi

# What real readers have done wrong.
cp vectors/*.json "$out/"
bad='' count=0
while IFS='@' read -r right wrong; do
	count=$((count + 1))
	awk -v right="$right" -v wrong="$wrong" '
		(at = index($0, right)) { $0 = substr($0, 1, at - 1) wrong substr($0, at + length(right)); found = 1 }
		{ print }
		END { exit !found }' vectors/reader.py >"$out/reader.py" || bad+=" not there: $right;"
	! python3 "$out/reader.py" >/dev/null 2>&1 || bad+=" passes: $wrong;"
done <<-'BUGS'
	version % 2 == 0 and end(@end(
	[0]["version"] == version:@[0]["version"] // 2 == version // 2:
	 * fields["mul"] >> 32)@ * fields["mul"] % 2**64 >> 32)
	delta >> -fields["shift"]@delta / 2**-fields["shift"]
	(tsc - fields["tsc_timestamp"]) % 2**64@(tsc - fields["tsc_timestamp"]) % 2**32
	if delta > 2**63:@if False:
	abs(fields["shift"]) > 31@abs(fields["shift"]) > 63
	if version == 0 and fields["mul"] == 0:@if False:
	if fields["mul"] == 0 or@if
	ns = fields["system_time"] +@ns = fields["system_time"] % 10**12 +
	if ns < 2**64 else@if True else
	def read(begin, middle, end, tries=1000):@def read(begin, middle, end, tries=1):
BUGS
verdict lib.pvclock.vectors.wrong-readers "$bad" "$count wrong readers fail"
exit "$failed"
