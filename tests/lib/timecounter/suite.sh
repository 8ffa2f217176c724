#!/bin/bash
# SPDX-License-Identifier: 0BSD
# The tests of lib/timecounter: a line PASS, FAIL or SKIP each, status 1 if one failed.
#
#   tests/host/timecounter-suite.sh           all of them
#   tests/host/timecounter-suite.sh --quick   those that a mutant has to get past
#
# O is the build directory (default build), CC the C compiler of the test programs (default gcc).
#
# Takes about 23 s.

set -u
cd "$(dirname "$0")/../.." || exit 2
quick=
patience=$((120 * ${TEST_PATIENCE:-1})) # seconds, for a program that ought to end by itself in one
cases=10000000                          # for the oracle
case "$#:${1-}" in
0:) ;;
1:--quick)
	quick=1
	patience=$((20 * ${TEST_PATIENCE:-1}))
	cases=1000000
	;;
*)
	echo "usage: $0 [--quick]" >&2
	exit 2
	;;
esac

build="${O:-build}/tests/timecounter"
cc="${CC:-gcc}"
sources=(lib/timecounter/*.c)
headers=(timecounter/scale.h timecounter/bintime.h timecounter/hands.h timecounter/timecounter.h)
warnings=(-std=c11 -Wall -Wextra -Wpedantic -Wshadow -Werror -I. -Ilib)
sanitize=("-fsanitize=undefined,address" -fno-sanitize-recover=all -g)
failed=0
rm -rf "$build"
mkdir -p "$build" || exit 2

pass() { echo "PASS $1: $2"; }
skip() { echo "SKIP $1: $2"; }
fail() {
	echo "FAIL $1: $2"
	failed=1
	if [ -s "$build/log" ]; then
		sed 's/^/  | /' "$build/log" | head -n 20
	fi
}

has() { command -v "$1" >/dev/null 2>&1; }

# can COMPILER FLAG...: whether it can make a program with these flags.
can() {
	local compiler="$1"
	shift
	has "$compiler" && echo 'int main(void) { return 0; }' |
		"$compiler" "$@" -x c - -o "$build/can" >/dev/null 2>&1
}

# program NAME SOURCE FLAG...: build a test program of all the library.
program() {
	local name="$1" source="$2"
	shift 2
	"$cc" "${warnings[@]}" -O2 "$@" "tests/host/$source" "${sources[@]}" -o "$build/$name" \
		-lpthread >"$build/log" 2>&1 && return 0
	fail "timecounter-build-$name" "it does not compile"
	return 1
}

# run NAME [ARGUMENT...]: a program that prints verdicts of its own.
run() {
	local name="$1"
	shift
	timeout "$patience" "$build/$name" "$@" >"$build/out" 2>"$build/log"
	local status=$?
	cat "$build/out"
	if [ $status -eq 1 ] && grep -q '^FAIL' "$build/out"; then
		failed=1
	elif [ $status -ne 0 ]; then
		fail "timecounter-run-$name" "it ended with status $status"
	fi
}

# cmocka's TAP as verdicts, with the figures that a test printed.
run_cmocka() {
	CMOCKA_MESSAGE_OUTPUT=TAP timeout "$patience" "$build/$1" >"$build/tap" 2>"$build/log"
	local status=$?
	awk '
		/^figures: / { figures = substr($0, 10); next }
		/^(not )?ok [0-9]+ - / {
			good = $1 == "ok"
			name = $NF
			gsub("_", "-", name)
			if (figures == "")
				figures = "as the header says"
			if (good)
				print "PASS timecounter-" name ": " figures
			else
				failing = name
			figures = ""
			next
		}
		/^# .*error: / { at = $2 }
		/^#/ && failing != "" {
			if (at == "") { what = substr($0, 3); next }
			print "FAIL timecounter-" failing ": " what " at " at
			failing = at = what = ""
		}
	' "$build/tap"
	if [ $status -ne 0 ]; then
		failed=1
		grep -q '^not ok' "$build/tap" || fail "timecounter-run-$1" "it ended with status $status"
	fi
}

# check_symbols COMPILER FLAG...: the library needs nobody, and keeps nothing.
check_symbols() {
	local object
	object="$build/$(echo "$*" | tr -c 'a-z0-9A-Z\n' _).o"
	"$@" "${warnings[@]}" -Wconversion -Wno-unused-command-line-argument -ffreestanding \
		-fno-pie -no-pie -nostdlib -r "${sources[@]}" -o "$object" >"$object.log" 2>&1 || return 1
	nm -u "$object" >>"$object.log"
	size -A "$object" | awk '$1 ~ /^\.(data|bss|tdata|tbss)/ && $2 > 0' >>"$object.log"
	[ ! -s "$object.log" ]
}

check_matrix() {
	local compiler bits level built=0 bad=0
	for compiler in gcc clang; do
		for bits in -m64 -m32; do
			if ! has "$compiler"; then
				skip "timecounter-matrix-$compiler$bits" "there is no $compiler"
				continue
			fi
			for level in -O0 -O2 -Os -O3; do
				check_symbols "$compiler" "$bits" "$level" || bad=$((bad + 1))
				built=$((built + 1))
			done
		done
	done
	cat "$build"/*.o.log >"$build/log"
	if [ $bad -eq 0 ] && [ $built -gt 0 ]; then
		pass timecounter-matrix "$built builds, no warning, no symbol needed, no data, no bss"
	else
		fail timecounter-matrix "$bad of $built builds warn, need a symbol, or keep data"
	fi
}

check_headers() {
	local header compiler language number=0
	: >"$build/log"
	for header in "${headers[@]}"; do
		echo "#include <$header>" >"$build/header.c"
		for compiler in gcc clang; do
			has "$compiler" || continue
			for language in "c -std=c11" "c++ -std=c++17"; do
				# shellcheck disable=SC2086 # two words
				"$compiler" -x $language -Wall -Wextra -Wpedantic -Werror -ffreestanding -Ilib \
					-fsyntax-only "$build/header.c" >>"$build/log" 2>&1
				number=$((number + 1))
			done
		done
	done
	if [ -s "$build/log" ]; then
		fail timecounter-headers "a header does not compile alone"
	else
		pass timecounter-headers "$number times a header alone, C11 and C++17"
	fi
	sed -n 's/^#include[ \t]*//p' lib/timecounter/*.[ch] lib/timecounter/port/*.h |
		grep -v -e '^<std\(int\|bool\|def\)\.h>$' -e '^"timecounter/' -e '^TIMECOUNTER_PORT_HEADER$' \
			>"$build/log"
	if [ -s "$build/log" ]; then
		fail timecounter-includes "the library includes what it may not"
	else
		pass timecounter-includes "stdint, stdbool, stddef, itself, one port header"
	fi
}

check_hooks() {
	local hook number=0 bad=""
	while read -r hook; do
		printf '#include <timecounter/port/gcc.h>\n#undef %s\n' "$hook" >"$build/port.h"
		if "$cc" -Ilib "-DTIMECOUNTER_PORT_HEADER=\"$PWD/$build/port.h\"" -fsyntax-only \
			lib/timecounter/ring.c >"$build/log" 2>&1 || ! grep -q "lacks $hook" "$build/log"; then
			bad="$bad $hook"
		fi
		number=$((number + 1))
	done < <(sed -n 's/^#ifndef \(TIMECOUNTER_[A-Z0-9_]*\)$/\1/p' lib/timecounter/port.h |
		grep -v TIMECOUNTER_PORT_H)
	if [ -z "$bad" ] && [ $number -eq 8 ]; then
		: >"$build/log"
		pass timecounter-hooks "$number hooks, each named by the error when it is missing"
	else
		fail timecounter-hooks "of $number hooks, no error names:$bad"
	fi
}

# Every result again, from other builds, in one number.
check_digests() {
	local expected compiler bits name
	program exact timecounter_exact.c || return
	run exact "$cases"
	[ -z "$quick" ] || return
	expected="$("$build/exact" --digest)"
	if program exact-portable timecounter_exact.c -DTIMECOUNTER_NO_INT128; then
		run exact-portable 1000000 | sed 's/:/-portable:/'
		[ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
	fi
	for compiler in gcc clang; do
		for bits in 64 32; do
			name="digest-$compiler-$bits"
			if ! can "$compiler" "-m$bits"; then
				skip "timecounter-$name" "$compiler makes no $bits-bit programs (gcc-multilib)"
			elif cc="$compiler" program "$name" timecounter_exact.c "-m$bits"; then
				if [ "$("$build/$name" --digest)" = "$expected" ]; then
					pass "timecounter-$name" "200000 cases, $expected, as with $cc"
				else
					fail "timecounter-$name" "the results differ from $cc's"
				fi
			fi
		done
	done
}

check_races() {
	local port='-DTIMECOUNTER_PORT_HEADER="tests/host/timecounter_test_port.h"'
	local race='-DTIMECOUNTER_PORT_HEADER="tests/host/timecounter_race_port.h"'
	program interleave timecounter_interleave.c "$port" -g -fsanitize=undefined \
		-fno-sanitize-recover=all && run interleave
	if [ -n "$quick" ]; then
		:
	elif can "$cc" -m32; then
		program interleave-32 timecounter_interleave.c "$port" -m32 &&
			run interleave-32 | sed 's/:/-i386:/'
		[ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
	else
		skip timecounter-interleave-i386 "$cc makes no 32-bit programs (gcc-multilib)"
	fi
	program race timecounter_race.c "$race" -D_DEFAULT_SOURCE && run race
	if [ -z "$quick" ] && can "$cc" -fsanitize=thread; then
		program race-tsan timecounter_race.c -D_DEFAULT_SOURCE -fsanitize=thread -Wno-tsan &&
			run race-tsan 30000 | sed 's/:/-tsan:/'
		[ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
	fi
}

check_units() {
	if ! can "$cc" -lcmocka; then
		skip timecounter-units "there is no cmocka (libcmocka-dev)"
		return
	fi
	"$cc" "${warnings[@]}" -O1 "${sanitize[@]}" tests/host/timecounter_test.c "${sources[@]}" \
		-o "$build/units" -lcmocka >"$build/log" 2>&1
	if [ ! -x "$build/units" ]; then
		fail timecounter-build-units "it does not compile"
		return
	fi
	run_cmocka units
}

# The manual: mandoc finds nothing, and each example compiles; a program also runs.
check_manual() {
	local page=docs/man/timecounter.3 number=0 example
	if has mandoc; then
		mandoc -T lint -W warning "$page" >"$build/log" 2>&1
		if [ -s "$build/log" ]; then
			fail timecounter-manual "mandoc finds fault with it"
		else
			pass timecounter-manual "mandoc -T lint finds nothing"
		fi
	else
		skip timecounter-manual "there is no mandoc"
	fi
	# shellcheck disable=SC2016 # awk's
	awk -v prefix="$build/example" '
		/^\.Bd -literal/ { n++; file = prefix n ".c"; next }
		/^\.Ed/ { file = ""; next }
		file != "" { sub(/^\\&/, ""); gsub(/\\e/, "\\"); print > file }
	' "$page"
	for example in "$build"/example*.c; do
		if ! "$cc" "${warnings[@]}" "$example" "${sources[@]}" -o "${example%.c}" \
			>"$build/log" 2>&1 || ! "${example%.c}" >"$build/out" 2>>"$build/log"; then
			fail timecounter-manual-examples "$(basename "$example") does not compile or run"
			return
		fi
		number=$((number + 1))
	done
	pass timecounter-manual-examples "$number compiled and run"
}

check_units
# A mutant that failed once is dead.
[ "$quick$failed" != 11 ] || exit 1
check_races
check_digests
if [ -z "$quick" ]; then
	check_matrix
	check_headers
	check_hooks
	check_manual
fi
exit $failed
