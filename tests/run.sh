#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Install what the tests need, run the suites, and count.
#
# A suite is an executable tests/AREA/suite.sh or tests/AREA/NAME-suite.sh that prints lines
#
#	PASS name: figures		FAIL name: why		SKIP name: why
#
# and ends with a status other than 0 if one of them is FAIL.  Its standard input is empty.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
# shellcheck source=tools/deps.sh
. tools/deps.sh
# shellcheck source=tools/kvm.sh
. tools/kvm.sh

usage() {
	cat <<-'EOF'
		Usage: tests/run.sh [OPTIONS] [SUITE...]

		Installs what is missing (Debian) and runs the suites named, or all of them.

		  --list         print the suites' names and stop
		  --no-install   list what is missing instead of installing it
		  --help         this text

		Each result is a line PASS, FAIL or SKIP; the last line counts them.  Where /dev/kvm
		works, a test that is skipped for want of KVM has failed.

		Exit status: 0 nothing failed, 1 something failed, 2 usage or set-up.
	EOF
}

# Every suite as "name path": first what is quick and about the source, last what boots guests.
find_suites() {
	local path area name rank
	for path in tests/*/*suite.sh; do
		[[ -x $path ]] || continue
		area=${path#tests/} area=${area%%/*}
		name=${path##*/} name=${name%suite.sh}
		case $area in
		lint) rank=1 ;;
		guest) rank=3 ;;
		events) rank=4 ;;
		*) rank=2 ;;
		esac
		echo "$rank $area${name:+/${name%-}} $path"
	done | sort -k 1,2 | cut -d ' ' -f 2-
}

# count WORD: how many result lines of that kind.
count() {
	grep -c "^$1 " "$results"
}

# run_suite NAME PATH: show its output, and append its result lines to $results.
run_suite() {
	local name=$1 path=$2 status failed_before started=$SECONDS
	failed_before=$(count FAIL)
	printf '== %s\n' "$name"
	# timeout makes a process group of the suite, and ends all of it.
	timeout -k 10 "$suite_timeout" "$path" </dev/null >"$pipe" 2>&1 &
	suite_pid=$!
	filter <"$pipe" | tee "$output" &
	wait "$suite_pid" 2>/dev/null
	status=$?
	wait $!
	{
		grep -E '^(PASS|FAIL|SKIP) ' "$output" >>"$results"
		if ((status == 124 || status == 137)); then
			echo "FAIL $name: the suite did not end within $suite_timeout s"
		elif ((status != 0)) && (($(count FAIL) == failed_before)); then
			echo "FAIL $name: the suite ended with status $status without saying what failed"
		elif ! grep -qE '^(PASS|FAIL|SKIP) ' "$output"; then
			echo "FAIL $name: the suite reported nothing"
		fi
	} | tee -a "$results"
	printf '   %s: %d s\n' "$name" $((SECONDS - started))
}

# Where KVM works, "SKIP name: no KVM ..." is a failure.
filter() {
	if [[ $kvm == yes ]]; then
		sed -u -E "s/^SKIP ([^:]*): no KVM.*/FAIL \1: skipped for want of KVM, but KVM works here/"
	else
		cat
	fi
}

install=yes list=no wanted=()
while (($# > 0)); do
	case $1 in
	--list) list=yes ;;
	--no-install) install=no ;;
	--help | -h) usage && exit 0 ;;
	-*)
		echo "run.sh: unknown option $1 (see --help)" >&2
		exit 2
		;;
	*) wanted+=("$1") ;;
	esac
	shift
done

suites=$(find_suites)
if [[ $list == yes ]]; then
	cut -d ' ' -f 1 <<<"$suites"
	exit 0
fi
for name in "${wanted[@]}"; do
	if ! grep -q "^$name\(/[^ ]*\)\? " <<<"$suites"; then
		echo "run.sh: there is no suite $name (see --list)" >&2
		exit 2
	fi
done

deps_need "$install" build run iso test || exit 2

suite_timeout=${SUITE_TIMEOUT:-800}
kvm=yes
why=$(kvm_works) || kvm=no
if [[ $kvm == yes ]]; then
	echo "KVM works here: the tests that need it run."
else
	echo "KVM does not work here ($why): the tests that need it are skipped."
fi

work=$(mktemp -d) || exit 2
suite_pid=''
# stop STATUS: end what is running as well.
stop() {
	[[ -z $suite_pid ]] || kill -TERM "$suite_pid" 2>/dev/null
	exit "$1"
}
trap 'rm -rf "$work"' EXIT
trap 'stop 130' INT
trap 'stop 143' TERM HUP
results=$work/results output=$work/output pipe=$work/pipe
: >"$results"
mkfifo "$pipe" || exit 2

while read -r name path; do
	# An area's name stands for all its suites.
	if ((${#wanted[@]} > 0)) &&
		[[ " ${wanted[*]} " != *" $name "* && " ${wanted[*]} " != *" ${name%%/*} "* ]]; then
		continue
	fi
	run_suite "$name" "$path"
done <<<"$suites"

failed=$(count FAIL)
if ((failed > 0)); then
	echo "== failed"
	grep '^FAIL ' "$results"
fi
echo "$(count PASS) passed, $failed failed, $(count SKIP) skipped"
((failed == 0))
