#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Races between a scripted hypervisor and readers in other processes; then the same with a step of
# the reader taken out, to show that each counter counts.
#
# Usage: suite.sh [READS]	per compiler and way of reading the TSC (default 5 * 10^7)
#
# Takes about 36 s.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
OUT=${OUT:-$ROOT/build/tests/races}
READS=${1:-50000000}
mkdir -p "$OUT"
# shellcheck source=tests/pvclock/build.sh
. "$ROOT/tests/pvclock/build.sh"

if ! grep -q '^flags.* constant_tsc' /proc/cpuinfo; then
	skip races "this machine's TSC is not constant"
	exit 0
fi
if (($(nproc) == 1)); then
	skip races "this process may use one CPU only: nothing happens at the same time"
	exit 0
fi
file=$(mktemp "$OUT/page.XXXXXX")
trap 'rm -f "$file"' EXIT

# build PROGRAM COMPILER FLAGS...: the host is never a variant, only what reads is.
build() {
	local program=$1 compiler=$2
	shift 2
	local flags=(-std=gnu11 -O2 "${WARN[@]}" -Wno-conversion -I"$ROOT" -I"$ROOT/lib")
	"$compiler" "${flags[@]}" -c "$ROOT/tools/hyp/hyp.c" -o "$program.hyp.o" 2>"$program.log" &&
		"$compiler" "${flags[@]}" "$@" '-DPVCLOCK_PORT_HEADER="tests/races/port.h"' \
			"$ROOT/tests/races/races.c" "$program.hyp.o" "$ROOT/lib/pvclock/pvclock.c" \
			-o "$program" 2>"$program.log" && return
	fail "races" "$(basename "$program") does not compile: $(grep -m1 error "$program.log")"
	return 1
}

# run PROGRAM ARGUMENTS...: once more where reads were early or late and nothing else was wrong.  A
# host that runs this machine may move one of its CPUs to where the TSC differs by some cycles: for as
# long, each read there is off.  A reader without its order is off in every run.
run() {
	if "$@" >"$OUT/result"; then
		cat "$OUT/result"
		return
	fi
	if grep -q 'torn 0, .* back 0 .*a write faults: yes$' "$OUT/result"; then
		sed 's/^FAIL /  once more: /' "$OUT/result"
		"$@" && return
	else
		cat "$OUT/result"
	fi
	failed=1
}

orders=(lfence)
if grep -q '^flags.* rdtscp' /proc/cpuinfo; then
	orders+=(rdtscp)
else
	skip races-rdtscp "this CPU has no RDTSCP"
fi
for compiler in gcc clang; do
	command -v "$compiler" >/dev/null || {
		skip "races-$compiler" "no $compiler here"
		continue
	}
	build "$OUT/races-$compiler" "$compiler" || continue
	for order in "${orders[@]}"; do
		run "$OUT/races-$compiler" "races-$compiler-$order" "$file" "$order" "$READS"
	done
done

if build "$OUT/slow-load" gcc -DVARIANT_SLOW_LOAD; then
	run "$OUT/slow-load" races-gcc-slow-load "$file" lfence $((READS / 5))
fi
# Until each counter was seen, for at most this many reads.
if build "$OUT/no-fence" gcc -DVARIANT_SLOW_LOAD -DVARIANT_NO_FENCE; then
	"$OUT/no-fence" races-are-seen-without-the-fence "$file" lfence 1000000000 early back || failed=1
fi
if build "$OUT/no-recheck" gcc -DVARIANT_NO_RECHECK; then
	"$OUT/no-recheck" races-are-seen-without-the-recheck "$file" lfence 1000000000 torn late || failed=1
fi
exit "$failed"
