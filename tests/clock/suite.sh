#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The kernel's clock, and a driver of a timecounter, on machines that the tests make.
#
# Usage: suite.sh [PROGRAM...]	default: all of them
#
# Takes about 8 s.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
build=${O:-build}/tests/clock
mkdir -p "$build" || exit 2
flags=(-std=gnu11 -O2 -g -Wall -Wextra -Werror -I. -Ilib -Iinclude
	-fsanitize=undefined -fno-sanitize-recover=all)
failed=0
wanted=("$@")

# program NAME SOURCE...: build and run, if it is wanted; it prints verdicts of its own.
program() {
	local name=$1 status
	shift
	((${#wanted[@]} == 0)) || [[ " ${wanted[*]} " == *" $name "* ]] || return 0
	if ! "${CC:-gcc}" "${flags[@]}" "$@" -o "$build/$name" -lpthread 2>"$build/log"; then
		sed 's/^/  /' "$build/log"
		echo "FAIL $name-build: see above"
		failed=1
		return
	fi
	timeout $((300 * ${TEST_PATIENCE:-1})) "$build/$name"
	status=$?
	((status == 0)) && return
	failed=1
	((status == 1)) || echo "FAIL $name: it ended with status $status"
}

base=(base/calendar.c base/format.c base/sysctl.c base/text.c)
program i8254 tests/clock/i8254_test.c drivers/i8254/i8254.c
program clock tests/clock/clock_test.c tests/clock/machine.c \
	kernel/clock/clock.c kernel/selftest/continuity.c kernel/selftest/deviation.c "${base[@]}" lib/timecounter/*.c
program wall tests/clock/wall_test.c tests/clock/machine.c kernel/clock/wall.c \
	kernel/clock/clock.c "${base[@]}" lib/timecounter/*.c lib/pvclock/pvclock.c
exit "$failed"
