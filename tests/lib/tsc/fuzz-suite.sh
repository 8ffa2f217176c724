#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# libFuzzer with ASan and UBSan over every public function of lib/tsc.
#
# Usage: fuzz-suite.sh [SECONDS]	default: FUZZ_TIME, or 20
#
# Takes about 24 s.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 2
out=${O:-build}/tests/lib/tsc
seconds=${1:-${FUZZ_TIME:-20}}
# shellcheck source=tests/results.sh
. tests/results.sh

if [[ ! $seconds =~ ^[1-9][0-9]*$ ]]; then
	echo "fuzz-suite.sh: '$seconds' is not a number of seconds" >&2
	exit 2
fi
if ! make -s O="${O:-build}" "$out/fuzz"; then
	fail lib.tsc.fuzz "does not compile"
	exit 1
fi
# Every public function is called: one that is new has to come into the fuzzer.
missing=''
number=0
# shellcheck disable=SC2013 # names have no spaces
for function in $(sed -n 's/^[a-z].*[ *]\(\(tsc\|calendar\)_[a-z0-9_]*\)(.*/\1/p' lib/tsc/{tsc,rtc,calendar,divide}.h); do
	grep -q "$function(" tests/lib/tsc/fuzz.c || missing+=" $function"
	number=$((number + 1))
done
((number > 20)) || missing+=" (only $number functions found)"
verdict lib.tsc.fuzz.calls-every-function "${missing:+not called:$missing}" "$number functions"
mkdir -p "$out/corpus"
cd "$out" || exit 1
printf 'fuzzing for %s s; the log is %s\n' "$seconds" "$out/fuzz.log"
if ./fuzz -max_len=768 -len_control=0 -max_total_time="$seconds" -timeout=10 -seed="${TEST_SEED:-0}" \
	-print_final_stats=1 corpus >fuzz.log 2>&1; then
	pass lib.tsc.fuzz.finds-nothing "$(sed -n 's/^stat::number_of_executed_units: *//p' fuzz.log) inputs in $seconds s, $(sed -n 's/.*cov: \([0-9]*\) .*/\1/p' fuzz.log | tail -1) edges"
else
	fail lib.tsc.fuzz.finds-nothing "$(grep -m1 -e 'ERROR' -e 'runtime error' -e 'fuzz.c:' fuzz.log), input: $(sed -n 's/.*Test unit written to //p' fuzz.log)"
fi
exit "$failed"
