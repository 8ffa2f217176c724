#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Usage: program.sh DIRECTORY PROGRAM
#
# Run a test program, DIRECTORY/PROGRAM, and print a line PASS or FAIL for each of its tests.  The
# test `a_gap_loses_nothing` of lib/pvclock/protocol is lib.pvclock.protocol.a-gap-loses-nothing; a
# part that only repeats the one before it is left out.  cmocka's TAP stays in PROGRAM.tap.  TEST_LIMIT is
# after how many seconds it is ended.
#
# Called by tests/tests.mk.
set -u
program=$1/$2
folder=${2%/*} base=${2##*/}
patience=${TEST_LIMIT:-$((120 * ${TEST_PATIENCE:-1}))} # seconds

variant=${base#"${base%%.*}"}
base=${base%%.*}
name=${folder//\//.}
[[ ${folder##*/} == "$base" ]] || name+=.${base//_/-}
name+=$variant

CMOCKA_MESSAGE_OUTPUT=TAP timeout "$patience" "$program" >"$program.tap" 2>&1
status=$?
# What a test printed last before its verdict says why it failed, unless cmocka does behind it.
awk -v name="$name" -v base="${base}_" '
	function test() {
		if (/ GROUP (SETUP|TEARDOWN)$/)
			return name
		sub(/^(not )?ok [0-9]+ - /, "")
		if (index($0, base) == 1)
			$0 = substr($0, length(base) + 1)
		gsub("_", "-")
		return name "." $0
	}
	function failed() {
		if (bad != "")
			print "FAIL " bad ": " (why != "" ? why : "see the log")
		bad = ""
	}
	/^# spoilt: / { spoilt = substr($0, 11); next }
	/^(not )?ok [0-9]+ # SKIP / {
		failed()
		sub(/# SKIP /, "- ")
		print "SKIP " test() ": " (spoilt != "" ? spoilt : "see the log")
		figures = why = spoilt = ""
		next
	}
	/^# figures: / { failed(); figures = substr($0, 12); next }
	/^ok [0-9]+ - / { failed(); print "PASS " test() (figures != "" ? ": " figures : ""); figures = why = ""; next }
	/^not ok [0-9]+ - / { failed(); bad = test(); why = said != "" ? said : figures; figures = said = ""; next }
	/^# (not )?ok - / { next } # of the group
	/^# / && bad != "" { why = why (why != "" ? "; " : "") substr($0, 3); next }
	/^(  |ERROR: )/ { said = substr($0, /^ERROR/ ? 8 : 3) }
	END { failed() }
' "$program.tap"
# More than the number of tests that failed: a sanitizer, a signal, or the time.
if why=$(grep -m 1 -E 'ERROR: [A-Z][A-Za-z]*Sanitizer|WARNING: ThreadSanitizer|runtime error' "$program.tap"); then
	echo "FAIL $name: $why"
elif ((status == 124)); then
	echo "FAIL $name: did not end in $patience s"
elif ((status > 125)) || ! grep -q '^1\.\.' "$program.tap"; then
	echo "FAIL $name: ended with status $status"
elif grep '^not ok' "$program.tap" | grep -qv '# SKIP '; then
	status=1
fi
exit "$status"
