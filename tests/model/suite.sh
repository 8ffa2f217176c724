#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The page protocol, checked by SPIN in every interleaving; and each variant with a step taken out,
# for which SPIN has to find its counter-example.
#
# Takes about 12 s.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
OUT=${OUT:-$ROOT/build/tests/model}
mkdir -p "$OUT"
# shellcheck source=tests/pvclock/build.sh
. "$ROOT/tests/pvclock/build.sh"

if ! command -v spin >/dev/null; then
	skip model "no spin here"
	exit 0
fi

# check VARIANT: leaves pan's report in $OUT/VARIANT.log.
check() {
	local dir=$OUT/$1
	mkdir -p "$dir"
	(
		cd "$dir" || exit 1
		rm -f ./*.trail
		spin -a ${1:+-D"$1"} "$ROOT/tests/model/page.pml" &&
			gcc -O2 -w -DSAFETY -o pan pan.c && ./pan -m100000
	) >"$OUT/$1.log" 2>&1
}

check CORRECT
states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$OUT/CORRECT.log")
if grep -q 'errors: 0$' "$OUT/CORRECT.log" && ! grep -q 'max search depth too small' "$OUT/CORRECT.log" &&
	[[ -n $states ]]; then
	pass model-protocol "$states states, no torn, early or late read"
else
	fail model-protocol "$(grep -m1 -e '^pan:' -e rror "$OUT/CORRECT.log")"
fi

# shellcheck disable=SC2013 # names have no spaces
for variant in $(sed -n 's/^ \*   \([A-Z_]*\) .*/\1/p' "$ROOT/tests/model/page.pml"); do
	check "$variant"
	broken=$(sed -n 's/^pan:1: assertion violated \(.*\) (at depth.*/\1/p' "$OUT/$variant.log")
	if [[ -n $broken && -s $OUT/$variant/page.pml.trail ]]; then
		pass "model-needs-$variant" "counter-example: $broken"
	else
		fail "model-needs-$variant" "no counter-example: $(tail -1 "$OUT/$variant.log")"
	fi
done
exit "$failed"
