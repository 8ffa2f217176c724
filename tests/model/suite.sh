#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The page protocol, checked by SPIN in every interleaving; and each variant with a step taken out,
# for which SPIN has to find its counter-example.
#
# Takes about 12 s.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
out=$(realpath -m "${O:-build}/tests/model")
model=$PWD/tests/model/page.pml
# shellcheck source=tests/results.sh
. tests/results.sh

# check VARIANT: leaves pan's report in VARIANT.log.
check() {
	local dir=$out/$1
	mkdir -p "$dir"
	(
		cd "$dir" || exit 1
		rm -f ./*.trail
		spin -a ${1:+-D"$1"} "$model" &&
			gcc -O2 -w -DSAFETY -o pan pan.c && ./pan -m100000
	) >"$out/$1.log" 2>&1
}

check CORRECT
states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$out/CORRECT.log")
if grep -q 'errors: 0$' "$out/CORRECT.log" && ! grep -q 'max search depth too small' "$out/CORRECT.log" &&
	[[ -n $states ]]; then
	pass model.protocol "$states states, no torn, early or late read"
else
	fail model.protocol "$(grep -m1 -e '^pan:' -e rror "$out/CORRECT.log")"
fi

# shellcheck disable=SC2013 # names have no spaces
for variant in $(sed -n 's/^ \*   \([A-Z_]*\) .*/\1/p' "$model"); do
	check "$variant"
	broken=$(sed -n 's/^pan:1: assertion violated \(.*\) (at depth.*/\1/p' "$out/$variant.log")
	if [[ -n $broken && -s $out/$variant/page.pml.trail ]]; then
		pass "model.needs-$variant" "counter-example: $broken"
	else
		fail "model.needs-$variant" "no counter-example: $(tail -1 "$out/$variant.log")"
	fi
done
exit "$failed"
