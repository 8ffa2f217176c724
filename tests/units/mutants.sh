#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Put each bug of the list below into a copy of the tree, and show which test of tests/units finds
# it.  Status 1 if one lives, or no longer fits the source.
#
# Usage: mutants.sh [PATTERN]	default: all of them
set -u
cd "$(dirname "$0")/../.." || exit 2
pattern=${1-}
copy=${O:-build}/tests/mutants/units
failed=0

# PROGRAM<tab>FILE<tab>the bug<tab>a sed -zE expression that puts it in
mutants() {
	sed -E 's/\t+/\t/g' "$(dirname "${BASH_SOURCE[0]}")/mutants.tsv" | grep -v '^#'
}

number=0
while IFS=$'\t' read -r program file bug expression; do
	[[ "$program $file $bug" == *"$pattern"* ]] || continue
	rm -rf "$copy"
	mkdir -p "$copy/tests"
	cp -r arch boot docs drivers include kernel lib userspace_sim "$copy/"
	cp -r tests/pvclock tests/units "$copy/tests/"
	sed -i -zE "$expression" "$copy/$file"
	number=$((number + 1))
	if cmp -s "$file" "$copy/$file"; then
		echo "FAIL $program: $bug: it does not fit $file any more"
		failed=1
		continue
	fi
	OUT=$PWD/$copy/out PATIENCE=30 "$copy/tests/units/suite.sh" "$program" >"$copy/log" 2>&1 </dev/null
	killer=$(sed -n 's/^FAIL units-\([^:]*\):.*/\1/p' "$copy/log" | sort -u | tr '\n' ' ')
	if grep -q 'does not compile' "$copy/log"; then
		echo "FAIL $program: $bug: it does not compile"
		failed=1
	elif [[ -z $killer ]]; then
		echo "FAIL $program: $bug: it lives"
		failed=1
	else
		echo "PASS $program: $bug: found by $killer"
	fi
done < <(mutants)
echo "$number bugs put in"
exit "$failed"
