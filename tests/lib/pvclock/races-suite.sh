#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Races between a scripted hypervisor and readers in other processes; then the same with a step of
# the reader taken out, to show that each counter counts.
#
# Usage: races-suite.sh [READS]	per compiler and way of reading the TSC (default 5 * 10^7)
#
# Takes about 36 s.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 2
build=${O:-build}/tests/lib/pvclock
reads=${1:-50000000}
# shellcheck source=tests/results.sh
. tests/results.sh

if ! grep -q '^flags.* constant_tsc' /proc/cpuinfo; then
	skip lib.pvclock.races "this machine's TSC is not constant"
	exit 0
fi
if (($(nproc) == 1)); then
	skip lib.pvclock.races "this process may use one CPU only: nothing happens at the same time"
	exit 0
fi
if ! make -s -j"$(nproc)" O="${O:-build}" "$build"/races.{gcc,clang,slow-load,no-fence,no-recheck}; then
	fail lib.pvclock.races "does not compile"
	exit 1
fi
file=$(mktemp "$build/page.XXXXXX")
result=$file.result
trap 'rm -f "$file" "$result"' EXIT

# run PROGRAM ARGUMENTS...: once more where reads were early or late and nothing else was wrong.  A
# host that runs this machine may move one of its CPUs to where the TSC differs by some cycles: for as
# long, each read there is off.  A reader without its order is off in every run.
run() {
	if "$@" >"$result"; then
		cat "$result"
		return
	fi
	if grep -q 'torn 0, .* back 0 .*a write faults: yes$' "$result"; then
		sed 's/^FAIL /  once more: /' "$result"
		"$@" && return
	else
		cat "$result"
	fi
	failed=1
}

orders=(lfence)
if grep -q '^flags.* rdtscp' /proc/cpuinfo; then
	orders+=(rdtscp)
else
	skip lib.pvclock.races.rdtscp "this CPU has no RDTSCP"
fi
for compiler in gcc clang; do
	for order in "${orders[@]}"; do
		run "$build/races.$compiler" "lib.pvclock.races.$compiler-$order" "$file" "$order" "$reads"
	done
done
# Those that keep a second, with the time moved across seconds: 10^8 reads are `races-suite.sh 1000000000`.
for reader in time timespec gettime; do
	run "$build/races.gcc" "lib.pvclock.races.moved-$reader" "$file" "$reader" $((reads / 10))
done
run "$build/races.slow-load" lib.pvclock.races.slow-load "$file" lfence $((reads / 5))
# Until each counter was seen, for at most this many reads.
"$build/races.no-fence" lib.pvclock.races.are-seen-without-the-fence "$file" lfence 1000000000 early back ||
	failed=1
"$build/races.no-recheck" lib.pvclock.races.are-seen-without-the-recheck "$file" lfence 1000000000 torn late ||
	failed=1
exit "$failed"
