#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Usage: symbols.sh PREFIX [LIBRARY] <in >out
#
# Renames the libraries' symbols, macros, files and folders: pvclock becomes PREFIX, timecounter
# PREFIX_timecounter, and tc_ PREFIX_tc_; macros the same in capitals.  In the files of the library tsc,
# whose names elsewhere are those of variables, also tsc_ and calendar_.  PREFIX pvclock changes nothing.
set -eu
PREFIX=${1:-pvclock}
if [[ ! $PREFIX =~ ^[a-z][a-z0-9_]*$ ]]; then
	echo "symbols.sh: '$PREFIX' is not a prefix: lower-case letters, digits and _, a letter first" >&2
	exit 2
fi
[[ $PREFIX != pvclock ]] || exec cat
CAPITALS=$(tr '[:lower:]' '[:upper:]' <<<"$PREFIX")
names='tc_|timecounter' macros='TC_|TIMECOUNTER'
if [[ ${2:-} == tsc ]]; then
	names+='|tsc_|tsc/|tsc\.h\b|calendar_' macros+='|TSC_|CALENDAR_'
fi
exec sed -E -e "s,\b($names),pvclock_\1,g; s,\b($macros),PVCLOCK_\1,g" \
	-e "s/pvclock/$PREFIX/g; s/PVCLOCK/$CAPITALS/g"
