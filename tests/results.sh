# shellcheck shell=bash
# SPDX-License-Identifier: 0BSD
#
# What suites share to print their results; sourced.

# shellcheck disable=SC2034 # for the scripts that source this
WARN=(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Werror)
# shellcheck disable=SC2034
failed=0

pass() {
	echo "PASS $1${2:+: $2}"
}

fail() {
	echo "FAIL $1: ${2:-}"
	failed=1
}

skip() {
	echo "SKIP $1: $2"
}

# verdict NAME WRONG FIGURES: FAIL with what is wrong, if that is not empty; else PASS.
verdict() {
	if [[ -n $2 ]]; then
		fail "$1" "$2"
	else
		pass "$1" "${3-}"
	fi
}

# have COMPILER FLAGS...: whether it makes programs that run here.
have() {
	local probe status
	probe=$(mktemp) || return
	echo 'int main(void) { return 0; }' | "$1" -xc -o "$probe" - "${@:2}" 2>/dev/null && "$probe"
	status=$?
	rm -f "$probe"
	return "$status"
}
