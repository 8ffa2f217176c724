#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Usage: symbols.sh PREFIX <in >out
#
# Renames the library's symbols, macros, files and folders: pvclock becomes PREFIX, timecounter
# PREFIX_timecounter, and tc_ PREFIX_tc_; macros the same in capitals.  PREFIX pvclock changes nothing.
set -eu
PREFIX=${1:-pvclock}
if [[ ! $PREFIX =~ ^[a-z][a-z0-9_]*$ ]]; then
	echo "symbols.sh: '$PREFIX' is not a prefix: lower-case letters, digits and _, a letter first" >&2
	exit 2
fi
[[ $PREFIX != pvclock ]] || exec cat
CAPITALS=$(tr '[:lower:]' '[:upper:]' <<<"$PREFIX")
exec sed -E -e "s/pvclock/$PREFIX/g; s/PVCLOCK/$CAPITALS/g" \
	-e "s/\b(tc_|timecounter)/${PREFIX}_\1/g; s/\b(TC_|TIMECOUNTER)/${CAPITALS}_\1/g"
