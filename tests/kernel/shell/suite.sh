#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The serial shell: its parts on the host, then in guests under TCG and, where it works, KVM.
# Arguments, if any, are the names of sessions to run.
#
# Takes about 91 s.

set -uo pipefail
export PYTHONDONTWRITEBYTECODE=1 # leave nothing in the tree

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
out=${O:-build}/tests/shell
mkdir -p "$out" || exit 2
failed=0

if (($# == 0)); then
	if gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined \
		-fno-sanitize-recover=all -I. -Ilib -Iinclude -o "$out/host_test" \
		tests/shell/host_test.c kernel/shell/line.c base/{calendar,sysctl,text,format}.c; then
		"$out/host_test" 1000000 || failed=1
	else
		echo "FAIL shell.host: does not compile"
		failed=1
	fi
fi

if make --no-print-directory -j2 kernel iso >"$out/build.log" 2>&1; then
	python3 tests/shell/sessions.py "$@" || failed=1
else
	cat "$out/build.log"
	echo "FAIL shell.build: make kernel iso failed"
	failed=1
fi
exit $failed
