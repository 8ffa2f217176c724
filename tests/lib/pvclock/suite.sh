#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The library's unit tests: with figures on the host's compiler, then over the matrix of compilers,
# word sizes, optimizations and sanitizers, on the sources and on the amalgamation.
#
# Usage: suite.sh [COUNT]	COUNT random cases for the oracle (default 10^8)
#        suite.sh --quick	what a mutant has to get past: no matrix, UBSan, few cases
#
# Takes about 54 s.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
OUT=${OUT:-$ROOT/build/tests/pvclock}
quick=()
COUNT=100000000
case $#:${1-} in
0:) ;;
1:--quick)
	quick=(-Wno-error -fsanitize=undefined -fno-sanitize-recover=all)
	COUNT=20000
	;;
1:*[!0-9]* | 1:0* | 1:)
	echo "suite.sh: '$1' is not a number of cases" >&2
	exit 2
	;;
1:*) COUNT=$1 ;;
*)
	echo "usage: suite.sh [COUNT | --quick]" >&2
	exit 2
	;;
esac
mkdir -p "$OUT"
# shellcheck source=tests/pvclock/build.sh
. "$ROOT/tests/pvclock/build.sh"

MOCK=('-DPVCLOCK_PORT_HEADER=<pvclock/port/mock.h>')

# build TEST PROGRAM COMPILER FLAGS...: a test with the mock port; cmocka only where it is.
build() {
	local test=$1 program=$2
	shift 2
	local compiler=$1
	shift
	"$compiler" -std=c11 "${WARN[@]}" "${MOCK[@]}" -I"$ROOT/lib" -I"$ROOT/tests/pvclock" \
		"$ROOT/tests/pvclock/${test}_test.c" "$@" -o "$program" 2>"$program.log"
}

# ---- With figures ----
running=()
CC=${CC:-gcc}
cmocka=(-lcmocka)
if ! echo '#include "check.h"' | "$CC" -I"$ROOT/tests/pvclock" -xc -fsyntax-only - 2>/dev/null; then
	cmocka=(-DCHECK_WITHOUT_CMOCKA)
fi
for test in protocol exact; do
	program=$OUT/$test
	if build "$test" "$program" "$CC" -O2 "${quick[@]}" "${LIB_SOURCES[@]}" "${cmocka[@]}"; then
		# The oracle takes a minute on one CPU; the matrix runs beside it.
		TEST_COUNT=$COUNT CMOCKA_MESSAGE_OUTPUT=TAP "$program" >"$program.tap" 2>&1 &
		running+=("$test $!")
	else
		fail "pvclock-$test" "does not compile: $(head -1 "$program.log")"
	fi
done

# ---- The compiled readers are looked at: TSC behind its fence, second version behind the TSC ----
cat >"$OUT/reader.c" <<'READER'
#include <pvclock/read.h>
enum pvclock_status by_lfence(const struct pvclock_vcpu_time_info *page, uint64_t *ns)
{
    return pvclock_ns(page, PVCLOCK_LFENCE, ns);
}
enum pvclock_status by_rdtscp(const struct pvclock_vcpu_time_info *page, uint64_t *ns)
{
    return pvclock_ns(page, PVCLOCK_RDTSCP, ns);
}
READER
looked=0
bad=''
for compiler in gcc clang; do
	command -v "$compiler" >/dev/null || continue
	for optimize in -O0 -O1 -O2 -O3 -Os; do
		"$compiler" "$optimize" -I"$ROOT/lib" -c "$OUT/reader.c" -o "$OUT/reader.o" || bad+=" $compiler"
		for order in lfence rdtscp; do
			code=$(objdump -d --no-show-raw-insn "$OUT/reader.o" | awk -v from="<by_$order>:" '
				index($0, from) { on = 1; next } /^$/ { on = 0 } on { $1 = ""; print }' | tr -s ' \n' ' ')
			tsc=${order/#lfence/lfence rdtsc}
			if [[ ! $code =~ \ $tsc\ .*\ and\ \$0x0,%.*\(%[a-z0-9]+,%[a-z0-9]+,1\) ]]; then
				bad+=" $compiler$optimize-$order"
			fi
			looked=$((looked + 1))
		done
	done
done
if [[ -z $bad ]]; then
	pass pvclock-compiled-order "$looked readers: fence, TSC, a load that depends on it"
else
	fail pvclock-compiled-order "not so in$bad"
fi

if [[ ${#quick[@]} == 0 ]]; then
	# shellcheck source=tests/pvclock/matrix.sh
	. "$ROOT/tests/pvclock/matrix.sh"
fi

for entry in "${running[@]}"; do
	read -r test pid <<<"$entry"
	wait "$pid"
	status=$?
	tap pvclock- "$OUT/$test.tap"
	if ((status > 125)); then
		fail "pvclock-$test" "ended with status $status"
	fi
done
exit "$failed"
