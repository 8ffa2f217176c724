#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The test programs of the host's compiler: tests/tests.mk builds them, and runs several at once.
#
# Usage: programs.sh [NAME...]	of a program (kernel/clock/wall), or of a folder (kernel/clock); default: all
#
# Takes about 75 s.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
build=${O:-build}/tests
mapfile -t programs < <(make -s list-programs)
(($# > 0)) || set -- "${programs[@]}"
wanted=()
for name in "$@"; do
	found=no
	for program in "${programs[@]}"; do
		[[ $program == "$name" || $program == "$name"/* ]] || continue
		wanted+=("$build/$program.run")
		found=yes
	done
	if [[ $found == no ]]; then
		echo "programs.sh: there is no test program $name" >&2
		exit 2
	fi
done
exec make -s -k -j"$(nproc)" -Otarget SAY=@: O="${O:-build}" "${wanted[@]}"
