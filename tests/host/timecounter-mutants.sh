#!/bin/bash
# SPDX-License-Identifier: 0BSD
# Put each bug of tests/mutants/timecounter/ into a copy of the library and show which test finds it.
#
#   tests/host/timecounter-mutants.sh [PATCH...]    default: all of them
#
# A line a mutant: PASS and the test that killed it, or FAIL if it lives. O is the build directory.

set -u
cd "$(dirname "$0")/../.." || exit 2
copy="${O:-build}/mutants/timecounter"
failed=0
[ $# -gt 0 ] || set -- tests/mutants/timecounter/*.patch

for mutant; do
	name="$(basename "$mutant" .patch)"
	if [ ! -r "$mutant" ]; then
		echo "$0: $mutant: no such patch" >&2
		exit 2
	fi
	rm -rf "$copy"
	mkdir -p "$copy/lib" "$copy/tests/host" || exit 2
	cp -r lib/timecounter "$copy/lib/"
	cp tests/host/timecounter* "$copy/tests/host/"
	if ! patch -s -p1 -d "$copy" <"$mutant" >"$copy/log" 2>&1; then
		echo "FAIL timecounter-mutant-$name: the patch does not apply any more"
		failed=1
		continue
	fi
	(cd "$copy" && O=build tests/host/timecounter-suite.sh --quick >log 2>&1)
	killer="$(sed -n 's/^FAIL \([^:]*\):.*/\1/p' "$copy/log" | grep -v '^timecounter-build' | head -n 1)"
	if [ -n "$killer" ]; then
		echo "PASS timecounter-mutant-$name: killed by $killer"
	else
		echo "FAIL timecounter-mutant-$name: it lives, or does not compile"
		sed 's/^/  | /' "$copy/log" | grep -v ' PASS' | head -n 10
		failed=1
	fi
done
exit $failed
