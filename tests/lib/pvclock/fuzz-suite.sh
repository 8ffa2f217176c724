#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# libFuzzer with ASan and UBSan over every public function of the library.
#
# Usage: fuzz-suite.sh [SECONDS]	default: FUZZ_TIME, or 60
#
# Takes about 62 s.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 2
out=${O:-build}/tests/lib/pvclock
seconds=${1:-${FUZZ_TIME:-60}}
# shellcheck source=tests/results.sh
. tests/results.sh

if [[ ! $seconds =~ ^[1-9][0-9]*$ ]]; then
	echo "fuzz-suite.sh: '$seconds' is not a number of seconds" >&2
	exit 2
fi
if ! make -s O="${O:-build}" "$out/fuzz"; then
	fail lib.pvclock.fuzz "does not compile"
	exit 1
fi
# Every public function is called: one that is new has to come into the fuzzer.
missing=''
# shellcheck disable=SC2013 # names have no spaces
for function in $(sed -n 's/^[a-z].*[ *]\(pvclock_[a-z0-9_]*\)(.*/\1/p' lib/pvclock/{pvclock,host,guard,clock}.h) \
	pvclock_ns pvclock_relaxed_ns pvclock_time_now pvclock_timespec_now; do
	case $function in
	pvclock_page_of | pvclock_read_time | pvclock_store_timespec) ;; # inside pvclock_vcpu_ns() and pvclock_time_now()
	*) grep -q "$function(" tests/lib/pvclock/fuzz.c || missing+=" $function" ;;
	esac
done
verdict lib.pvclock.fuzz.calls-every-function "${missing:+not called:$missing}"
mkdir -p "$out/corpus"
cd "$out" || exit 1
printf 'fuzzing for %s s; the log is %s\n' "$seconds" "$out/fuzz.log"
if ./fuzz -max_len=512 -max_total_time="$seconds" -timeout=10 -seed="${TEST_SEED:-0}" -print_final_stats=1 corpus >fuzz.log 2>&1; then
	pass lib.pvclock.fuzz.finds-nothing "$(sed -n 's/^stat::number_of_executed_units: *//p' fuzz.log) inputs in $seconds s, $(sed -n 's/.*cov: \([0-9]*\) .*/\1/p' fuzz.log | tail -1) edges"
else
	fail lib.pvclock.fuzz.finds-nothing "$(grep -m1 -e 'ERROR' -e 'runtime error' -e 'fuzz.c:' fuzz.log), input: $(sed -n 's/.*Test unit written to //p' fuzz.log)"
fi
exit "$failed"
