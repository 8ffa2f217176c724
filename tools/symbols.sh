#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Usage: symbols.sh PREFIX [LIBRARY] <in >out
#
# Renames the libraries' symbols, macros, files and folders: pvclock becomes PREFIX, timecounter
# PREFIX_timecounter, and tc_ PREFIX_tc_; macros the same in capitals.  In the files of the library tsc,
# whose names elsewhere are those of variables, tsc_ becomes PREFIX_tsc_tsc_ and calendar_ PREFIX_tsc_calendar_,
# since lib/pvclock has names in PREFIX_tsc_.  PREFIX pvclock changes nothing.
set -eu
PREFIX=${1:-pvclock}
if [[ ! $PREFIX =~ ^[a-z][a-z0-9_]*$ ]]; then
	echo "symbols.sh: '$PREFIX' is not a prefix: lower-case letters, digits and _, a letter first" >&2
	exit 2
fi
[[ $PREFIX != pvclock ]] || exec cat
CAPITALS=$(tr '[:lower:]' '[:upper:]' <<<"$PREFIX")
tsc=()
if [[ ${2:-} == tsc ]]; then
	tsc=(-e 's,\b(tsc/|tsc\.h\b|tsc_all\.h),pvclock_\1,g'
		-e 's,\b(tsc_|calendar_),pvclock_tsc_\1,g; s,\b(TSC_|CALENDAR_),PVCLOCK_TSC_\1,g')
fi
exec sed -E "${tsc[@]}" -e 's,\b(tc_|timecounter),pvclock_\1,g; s,\b(TC_|TIMECOUNTER),PVCLOCK_\1,g' \
	-e "s/pvclock/$PREFIX/g; s/PVCLOCK/$CAPITALS/g"
