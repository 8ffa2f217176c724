#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The test programs of the host's compiler: tests/tests.mk builds them, and runs several at once.
#
# Usage: programs.sh [NAME...]	of a program (kernel/clock/wall), or of a folder (kernel/clock); default: all
#
# Takes about 25 s.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
build=${O:-build}/tests
# shellcheck source=tests/results.sh
. tests/results.sh
mapfile -t programs < <(make -s list-programs)
words_32=yes
have gcc -m32 -lcmocka || words_32=no
(($# > 0)) || set -- "${programs[@]}"
wanted=()
for name in "$@"; do
	found=no
	for program in "${programs[@]}"; do
		[[ $program == "$name" || $program == "$name"/* ]] || continue
		found=yes
		if [[ $program == *m32 && $words_32 == no ]]; then
			skip "${program//\//.}" "no 32-bit program with cmocka runs here (libcmocka-dev:i386)"
			continue
		fi
		wanted+=("$build/$program.run")
	done
	if [[ $found == no ]]; then
		echo "programs.sh: there is no test program $name" >&2
		exit 2
	fi
done
((${#wanted[@]} > 0)) || exit 0
exec make -s -k -j"$(nproc)" -Otarget SAY=@: O="${O:-build}" "${wanted[@]}"
