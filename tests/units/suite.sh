#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The parts of the kernel and of the ring-3 program that run off the machine, in programs of the
# host's compiler under AddressSanitizer and UndefinedBehaviorSanitizer.
#
# Usage: suite.sh [PROGRAM...]	default: all of them
#
# TEST_COUNT is the number of random cases (default 10^6), CC the compiler (default gcc).
#
# Takes about 11 s.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
OUT=${OUT:-$ROOT/build/tests/units}
CC=${CC:-gcc}
mkdir -p "$OUT"
cd "$ROOT" || exit 2
# shellcheck source=tests/pvclock/build.sh
. tests/pvclock/build.sh

FLAGS=(-std=gnu11 -O1 -g -Wall -Wextra -Wshadow -Wconversion -Wundef -Werror
	"-fsanitize=address,undefined" -fno-sanitize-recover=all)
INCLUDES=(-I. -Ilib -Iinclude)
# Seconds that a program may take.
PATIENCE=$((120 * ${TEST_PATIENCE:-1}))

# A program is tests/units/NAME_test.c and what it tests.
names=(firmware gettime_race gettime_race_32 kvmclock_race bootinfo format decision gettime kvmclock
	offsets registration rtc tsc)
sources_of() {
	local clock=(lib/timepage/gettime.c lib/pvclock/pvclock.c)
	# With headers of tests/units/hosted in place of those for the instructions that it uses.
	local driver=(-Itests/units/hosted drivers/kvmclock/kvmclock.c drivers/kvmclock/kvmclock_script.c
		lib/pvclock/pvclock.c lib/pvclock/host.c)
	# The host is scripted: between any two steps of a reader it may take one.
	local scripted='-DPVCLOCK_PORT_HEADER=<pvclock/port/mock.h>'
	case $1 in
	firmware) echo arch/x86/acpi.c arch/x86/mptable.c ;;
	bootinfo) echo boot/bootinfo.c ;;
	format) echo base/format.c ;;
	decision | gettime) echo "$scripted" "${clock[@]}" ;;
	gettime_race) echo "${clock[@]}" ;;
	# What a 32-bit process has; there is no cmocka for it.
	gettime_race_32) echo -m32 -DCHECK_WITHOUT_CMOCKA "${clock[@]}" ;;
	kvmclock) echo "$scripted" "${driver[@]}" ;;
	offsets) echo kernel/process/offsets.c ;;
	rtc) echo -Itests/units/hosted drivers/rtc/rtc.c ;;
	kvmclock_race) echo "${driver[@]}" ;;
	registration) echo "$scripted" "${driver[@]}" lib/timecounter/*.c ;;
	tsc) echo -Itests/units/hosted drivers/tsc/tsc.c ;;
	*)
		echo "suite.sh: there is no program '$1'" >&2
		return 1
		;;
	esac
}

# build NAME: the program, or a log of why not.
build() {
	local sources libraries=(-lpthread)
	read -ra sources < <(sources_of "$1")
	[[ $1 == *_32 ]] || libraries+=(-lcmocka)
	"$CC" "${FLAGS[@]}" "tests/units/${1%_32}_test.c" "${sources[@]}" "${INCLUDES[@]}" -o "$OUT/$1" \
		"${libraries[@]}" 2>"$OUT/$1.log"
}

if ! echo '#include "tests/pvclock/check.h"' | "$CC" -I. -xc -fsyntax-only - 2>/dev/null; then
	skip units "there is no cmocka (libcmocka-dev)"
	exit 0
fi
wanted=("$@")
((${#wanted[@]})) || wanted=("${names[@]}")
running=()
for name in "${wanted[@]}"; do
	sources_of "$name" >/dev/null || exit 2
	if [[ $name == *_32 ]] && ! have "$CC" -m32 "-fsanitize=address,undefined"; then
		skip "units-$name" "$CC makes no 32-bit programs with sanitizers here (gcc-multilib)"
		continue
	fi
	if build "$name"; then
		CMOCKA_MESSAGE_OUTPUT=TAP timeout "$PATIENCE" "$OUT/$name" >"$OUT/$name.tap" 2>&1 &
		running+=("$name $!")
	else
		fail "units-$name" "does not compile: $(grep -m 1 error "$OUT/$name.log")"
	fi
done
for entry in "${running[@]}"; do
	read -r name pid <<<"$entry"
	wait "$pid"
	status=$?
	prefix=units-
	[[ $name != *_32 ]] || prefix=units-32-
	tap "$prefix" "$OUT/$name.tap"
	# More than the number of tests that failed: a sanitizer, a signal, or the time.
	if why=$(grep -m 1 -E 'ERROR: [A-Z]|runtime error' "$OUT/$name.tap"); then
		fail "units-$name" "$why"
	elif ((status == 124)); then
		fail "units-$name" "did not end in $PATIENCE s"
	elif ((status > 125)) || ! grep -q '^1\.\.' "$OUT/$name.tap"; then
		fail "units-$name" "ended with status $status"
	fi
done
exit "$failed"
