#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The page protocol (page.pml), STABLE lost and back (floor.pml) and GUEST_STOPPED taken (pause.pml),
# checked by SPIN in every interleaving; and each variant with a step taken out, for which SPIN has to
# find its counter-example.
#
# Takes about 40 s.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
out=$(realpath -m "${O:-build}/tests/model")
# shellcheck source=tests/results.sh
. tests/results.sh

# check MODEL VARIANT: leaves pan's report in MODEL/VARIANT.log.
check() {
	local model=$PWD/tests/model/$1.pml dir=$out/$1/$2
	mkdir -p "$dir"
	(
		cd "$dir" || exit 1
		rm -f ./*.trail
		spin -a -D"$2" "$model" &&
			gcc -O2 -w -DSAFETY -o pan pan.c && ./pan -m100000
	) >"$dir.log" 2>&1
}

# model MODEL NAME CLAIM: the results are model.NAME, and one for each variant that the model lists.
model() {
	local log=$out/$1/CORRECT.log states variant broken
	check "$1" CORRECT
	states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$log")
	if grep -q 'errors: 0$' "$log" && ! grep -q 'max search depth too small' "$log" && [[ -n $states ]]; then
		pass "model.$2" "$states states, $3"
	else
		fail "model.$2" "$(grep -m1 -e '^pan:' -e rror "$log")"
	fi
	# shellcheck disable=SC2013 # names have no spaces
	for variant in $(sed -n 's/^ \*   \([A-Z_]*\) .*/\1/p' "tests/model/$1.pml"); do
		check "$1" "$variant"
		broken=$(sed -n 's/^pan:1: assertion violated \(.*\) (at depth.*/\1/p' "$out/$1/$variant.log")
		if [[ -n $broken && -s $out/$1/$variant/$1.pml.trail ]]; then
			pass "model.needs-$variant" "counter-example: $broken"
		else
			fail "model.needs-$variant" "no counter-example: $(tail -1 "$out/$1/$variant.log")"
		fi
	done
}

model page protocol "no torn, early or late read"
model floor floor "no reading steps back while STABLE goes, comes and goes"
model pause pause "no pause lost, counted twice or cleared before it was handled"
exit "$failed"
