#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# libFuzzer with ASan and UBSan over every public function of the library.
#
# Usage: suite.sh [SECONDS]	default: FUZZ_TIME, or 60
#
# Takes about 62 s.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
OUT=${OUT:-$ROOT/build/tests/fuzz}
TIME=${1:-${FUZZ_TIME:-60}}
mkdir -p "$OUT/corpus"
# shellcheck source=tests/pvclock/build.sh
. "$ROOT/tests/pvclock/build.sh"

if [[ ! $TIME =~ ^[1-9][0-9]*$ ]]; then
	echo "suite.sh: '$TIME' is not a number of seconds" >&2
	exit 2
fi
if ! command -v clang >/dev/null; then
	skip fuzz-pvclock "no clang here"
	exit 0
fi
# PVCLOCK_TRIES is small: a busy page is found as well in 16 tries as in 4096.
if ! clang -g -O1 -std=c11 -Wall -Wextra -I"$ROOT/lib" '-DPVCLOCK_PORT_HEADER=<pvclock/port/mock.h>' \
	-DPVCLOCK_TRIES=16 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	"$ROOT/tests/fuzz/fuzz.c" "${LIB_SOURCES[@]}" -o "$OUT/fuzz" 2>"$OUT/build.log"; then
	if grep -q 'libclang_rt' "$OUT/build.log"; then
		skip fuzz-pvclock "clang has no fuzzer run-time library here (libclang-rt-dev)"
		exit 0
	fi
	fail fuzz-pvclock "does not compile: $(grep -m1 error "$OUT/build.log")"
	exit 1
fi
# Every public function is called: one that is new has to come into the fuzzer.
missing=''
# shellcheck disable=SC2013 # names have no spaces
for function in $(sed -n 's/^[a-z].*[ *]\(pvclock_[a-z0-9_]*\)(.*/\1/p' "$ROOT"/lib/pvclock/{pvclock,host,guard}.h) \
	pvclock_ns pvclock_relaxed_ns pvclock_time pvclock_timespec; do
	case $function in
	pvclock_page_of | pvclock_read_time) ;; # inside pvclock_vcpu_ns() and pvclock_time()
	*) grep -q "$function(" "$ROOT/tests/fuzz/fuzz.c" || missing+=" $function" ;;
	esac
done
if [[ -z $missing ]]; then
	pass fuzz-calls-every-function
else
	fail fuzz-calls-every-function "not called:$missing"
fi
cd "$OUT" || exit 1
if ./fuzz -max_len=512 -max_total_time="$TIME" -timeout=10 -print_final_stats=1 corpus >fuzz.log 2>&1; then
	pass fuzz-pvclock "$(sed -n 's/^stat::number_of_executed_units: *//p' fuzz.log) inputs in $TIME s, $(sed -n 's/.*cov: \([0-9]*\) .*/\1/p' fuzz.log | tail -1) edges"
else
	fail fuzz-pvclock "$(grep -m1 -e 'ERROR' -e 'runtime error' -e 'fuzz.c:' fuzz.log), input: $(sed -n 's/.*Test unit written to //p' fuzz.log)"
fi
exit "$failed"
