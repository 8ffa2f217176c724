#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Each patch here puts a known bug into a copy of the library.  A test has to notice: the table says
# which one did.  Status 1 if a mutant lives, or if the tests fail without one.
#
# Usage: run.sh [PATCH...]	default: all of them
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
OUT=$ROOT/build/tests/mutants
jobs=$(nproc)

if ! command -v patch >/dev/null; then
	echo "run.sh: patch is not installed" >&2
	exit 2
fi
patches=("$@")
((${#patches[@]})) || patches=("$ROOT"/tests/mutants/pvclock-*.patch)
for file in "${patches[@]}"; do
	if [[ ! -r $file ]]; then
		echo "run.sh: cannot read '$file'" >&2
		exit 2
	fi
done

# one NAME PATCH: prints "NAME<tab>BUG<tab>KILLED BY".  Without a patch: the tests as they are.
one() {
	local name=$1 file=${2-} copy=$OUT/$1 status killer
	rm -rf "$copy"
	mkdir -p "$copy/tests"
	cp -r "$ROOT/lib" "$copy/"
	cp -r "$ROOT/tests/pvclock" "$copy/tests/"
	if [[ -n $file ]] && ! patch -s -p1 -d "$copy" <"$file" >"$copy/log" 2>&1; then
		printf '%s\t%s\t%s\n' "$name" '?' 'DOES NOT APPLY'
		return
	fi
	OUT=$copy/out timeout 60 "$copy/tests/pvclock/suite.sh" --quick >"$copy/log" 2>&1 </dev/null
	status=$?
	killer=$(sed -n 's/^FAIL \([^:]*\):.*/\1/p' "$copy/log" | sed 's/^pvclock-//' | head -3 | tr '\n' ' ')
	if grep -q 'does not compile' "$copy/log"; then
		killer='DOES NOT COMPILE'
	elif ((status == 124)); then
		killer+='(time ran out)'
	elif ((status == 0)) || [[ -z $killer ]]; then
		killer=LIVES
	fi
	printf '%s\t%s\t%s\n' "$name" "$(head -1 "${file:-/dev/null}" | sed 's/^Known bug //; s/\.$//')" "$killer"
	rm -rf "$copy"
}

export ROOT OUT
export -f one
mkdir -p "$OUT"
if [[ $(one unpatched) != *LIVES ]]; then
	echo "run.sh: the tests fail without a mutant" >&2
	exit 1
fi
# shellcheck disable=SC2016 # expanded by the shell that xargs starts
printf '%s\n' "${patches[@]}" |
	xargs -P "$jobs" -I '{}' bash -c 'one "$(basename "{}" .patch)" "{}"' | sort >"$OUT/table"
printf '%-35s %-80s %s\n' MUTANT 'KNOWN BUG' 'KILLED BY'
while IFS=$'\t' read -r name bug killer; do
	printf '%-35s %-80s %s\n' "$name" "$bug" "$killer"
done <"$OUT/table"
alive=$(grep -c -e 'LIVES$' -e 'DOES NOT [A-Z]*$' "$OUT/table")
echo "$(($(wc -l <"$OUT/table") - alive)) killed, $alive alive"
((alive == 0))
