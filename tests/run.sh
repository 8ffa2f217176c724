#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Install what the tests need, run the suites, and count.
#
# A suite is an executable tests/DIR/suite.sh or tests/DIR/NAME-suite.sh, called DIR or DIR/NAME, or
# tests/programs.sh, which has the test programs of all folders (tests/tests.mk).  It prints lines
#
#	PASS name: figures		FAIL name: why		SKIP name: why
#
# and ends with a status other than 0 if one of them is FAIL.  Its standard input is empty.
#
# $SUITE_STATE is a directory for what it may say of itself: the file `plan` has the names of the
# results to come, a line each, and `now/NAME` is there while that one is being run.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
# shellcheck source=tools/deps.sh
. tools/deps.sh
# shellcheck source=tools/kvm.sh
. tools/kvm.sh

usage() {
	cat <<-'EOF'
		Usage: tests/run.sh [OPTIONS] [SUITE...]

		Installs what is missing (Debian) and runs the suites named, or all of them.  A name is a
		suite's, a folder's of tests/ (lib/pvclock: its programs and suites), or a program's
		(kernel/clock/wall).

		  --list         print the suites' names and about how long they take, and stop
		  --root DIR     run in a Debian system of its own below DIR, which debootstrap makes if DIR
		                 is empty, on a copy of this tree; needs root
		  --stress       keep this machine busy, at a load of 30, and run each suite that
		                 boots no guest 20 times in a row, with another seed each time; a line FAIL
		                 says which time it was
		  --no-install   list what is missing instead of installing it
		  --help         this text

		Each result is a line PASS, FAIL or SKIP; the last line counts them.  Where /dev/kvm
		works, a test that is skipped for want of KVM has failed.

		Environment:
		  TEST_PATIENCE  multiplies every time limit (1 to 100); by default what the machine's load
		                 and number of processors ask for, at most 20
		  SUITE_TIMEOUT  seconds after which a suite is cut off (800, times TEST_PATIENCE)
		  GUEST_LIMIT    seconds after which a guest is ended, if its row in tests/guest/matrix does
		                 not end it before
		  FUZZ_TIME      seconds of the fuzzer (60)
		  TEST_COUNT     random cases of each test program (most: 10^6; the oracles: more)
		  TEST_SEED      makes the random cases others (0: always the same; of --stress the first)
		  STRESS_LOAD    busy processes of --stress (30), at all degrees of nice
		  STRESS_TIMES   how often it runs a suite (20)
		  CC             the C compiler of the test programs (gcc)
		  O              the build directory of the kernels that are booted (build)
		  ROOT_RELEASE   the release that --root makes (trixie, which is Debian 13)

		Exit status: 0 nothing failed, 1 something failed, 2 usage or set-up.
	EOF
}

# Every suite as "name path": first what is quick and about the source, last what boots guests.
find_suites() {
	local path name rank
	for path in tests/*/*suite.sh tests/*/*/*suite.sh tests/programs.sh; do
		name=${path#tests/} name=${name%suite.sh} name=${name%.sh}
		case $name in
		lint/) rank=1 ;;
		kernel/*) rank=3 ;;
		guest/) rank=4 ;;
		events/) rank=5 ;;
		*) rank=2 ;;
		esac
		echo "$rank ${name%[-/]} $path"
	done | sort -k 1,2 | cut -d ' ' -f 2-
}

# Every test program, as tests/programs.sh knows it, but for the variants of some.
find_programs() {
	printf '%s\n' tests/*/*_test.c tests/*/*/*_test.c | sed 's|^tests/||; s|_test.c$||'
}

# choose NAME...: the suites that these names stand for, as find_suites; status 2 if one is unknown.
# The test programs are one suite however many are named, so that several run at once.
choose() {
	local wanted name path programs='' all found chosen=''
	all=$(find_programs)
	for wanted in "$@"; do
		found=no
		while read -r name path; do
			[[ $name == "$wanted" || $name == "$wanted"/* ]] || continue
			chosen+="$name $path"$'\n' found=yes
		done <<<"$suites"
		if grep -qE "^$wanted(/|\$)" <<<"$all"; then
			programs+=" $wanted" found=yes
		fi
		if [[ $found == no ]]; then
			echo "run.sh: there is no suite $wanted (see --list)" >&2
			return 2
		fi
	done
	[[ -z $programs ]] || chosen+="programs tests/programs.sh$programs"
	awk '!seen[$1]++' <<<"${chosen%$'\n'}"
}

# count WORD: how many result lines of that kind.
count() {
	grep -c "^$1 " "$results"
}

# seconds_of PATH ARGUMENTS...: about how long a suite takes on a quiet machine with two processors; it
# says so.
seconds_of() {
	local seconds
	if (($# > 1)); then
		echo 20 # a part of it
		return
	fi
	seconds=$(sed -n 's/^# Takes about \([0-9]*\) s\.$/\1/p' "$1")
	echo "${seconds:-10}"
}

# times_of PATH: how often a suite is run.  Guests take too long for more than once.
times_of() {
	if [[ $stress == no ]] || grep -q '^# Boots guests\.$' "$1"; then
		echo 1
	else
		echo "$stress_times"
	fi
}

# running: what a suite says that it is at, in one line.
running() {
	find "$state/now" -type f -printf '%f\n' 2>/dev/null | paste -sd ' '
}

# watch_suite NAME: say how far a suite is that has printed nothing for a while, and what it is at.
watch_suite() {
	local quiet=0 size=-1 now began=$SECONDS
	while sleep 5; do
		now=$(stat -c %s "$output" 2>/dev/null || echo 0)
		((quiet = now == size ? quiet + 5 : 0, size = now))
		((quiet > 0 && quiet % 30 == 0)) || continue
		printf '   ... %s: %d s so far; running: %s\n' "$1" $((SECONDS - began)) "$(running)"
	done
}

# not_run: what a suite that was cut off had announced in $state/plan and not come to: failed.
not_run() {
	local name
	[[ -f $state/plan ]] || return 0
	while read -r name; do
		grep -qE "^(PASS|FAIL|SKIP) $name:" "$results" && continue
		if [[ -e $state/now/$name ]]; then
			echo "FAIL $name: it was running when its suite was cut off"
		else
			echo "FAIL $name: not run, as its suite was cut off before"
		fi
	done <"$state/plan"
}

# run_suite NAME PATH ARGUMENTS...: all of its times.
run_suite() {
	local name=$1 path=$2 times time seconds first_seed=$TEST_SEED
	times=$(times_of "$path")
	seconds=$(($(seconds_of "${@:2}") * times))
	((suite_number++))
	printf '== %s: suite %d of %d, about %d s; then about %d min more\n' "$name" "$suite_number" \
		"$suite_count" "$seconds" $(((seconds_left -= seconds, seconds_left + 59) / 60))
	for ((time = 1; time <= times; time++)); do
		which=''
		if [[ $stress == yes ]]; then
			TEST_SEED=$((first_seed + time - 1))
			which=" [time $time of $times, TEST_SEED=$TEST_SEED]"
		fi
		# Once is enough to show what passes.
		quiet=$((time > 1))
		run_once "$@"
	done
	TEST_SEED=$first_seed
}

# run_once NAME PATH ARGUMENTS...: show its output, and append its result lines to $results.
run_once() {
	local name=$1 path=$2 status failed_before started=$SECONDS watcher
	shift 2
	failed_before=$(count FAIL)
	rm -rf "$state"
	mkdir -p "$state/now"
	: >"$output"
	watch_suite "$name" &
	watcher=$!
	# timeout makes a process group of the suite, and ends all of it.
	SUITE_STATE=$state timeout -k 10 "$suite_timeout" "$path" "$@" </dev/null >"$pipe" 2>&1 &
	suite_pid=$!
	filter <"$pipe" | mark | tee "$output" | show &
	wait "$suite_pid" 2>/dev/null
	status=$?
	suite_pid=''
	wait $!
	kill "$watcher" 2>/dev/null
	wait "$watcher" 2>/dev/null
	grep -E '^(PASS|FAIL|SKIP) ' "$output" >>"$results"
	{
		if ((status == 124 || status == 137)); then
			echo "FAIL $name: the suite did not end within $suite_timeout s, at $(running)"
			not_run
		elif ((status != 0)) && (($(count FAIL) == failed_before)); then
			echo "FAIL $name: the suite ended with status $status without saying what failed"
			not_run
		elif ! grep -qE '^(PASS|FAIL|SKIP) ' "$output"; then
			echo "FAIL $name: the suite reported nothing"
		fi
	} | mark >"$work/end"
	tee -a "$results" <"$work/end"
	printf '   %s: %d s%s\n' "$name" $((SECONDS - started)) "$which"
}

# What failed says which time it was.
mark() {
	sed -u "s/^FAIL .*/&$which/"
}

show() {
	if ((quiet)); then
		grep --line-buffered -v '^\(PASS\|SKIP\) '
	else
		cat
	fi
}

# Where KVM works, "SKIP name: no KVM ..." is a failure.
filter() {
	if [[ $kvm == yes ]]; then
		sed -u -E "s/^SKIP ([^:]*): no KVM.*/FAIL \1: skipped for want of KVM, but KVM works here/"
	else
		cat
	fi
}

# patience_now: by how much slower than a quiet machine with two processors this one may be.
patience_now() {
	local load cpus patience
	cpus=$(nproc)
	read -r load _ </proc/loadavg
	load=${load%.*}
	[[ $stress == no ]] || ((load += stress_load))
	patience=$((1 + (load + cpus - 1) / cpus))
	((cpus > 1)) || ((patience *= 2))
	echo $((patience < 20 ? patience : 20))
}

busy=()
# keep_busy: from now on, until stop_busy, or until this process is gone, however it ended.
keep_busy() {
	local i
	for ((i = 0; i < stress_load; i++)); do
		# shellcheck disable=SC2016 # for the inner shell
		nice -n $((i * 20 / stress_load)) bash -c '
			while kill -0 "$1" 2>/dev/null; do
				for ((i = 0; i < 50000; i++)); do :; done
			done' busy $$ &
		busy+=($!)
	done
}

stop_busy() {
	((${#busy[@]} == 0)) || kill "${busy[@]}" 2>/dev/null
	busy=()
}

install=yes list=no root='' wanted=() stress=no
while (($# > 0)); do
	case $1 in
	--list) list=yes ;;
	--no-install) install=no ;;
	--stress) stress=yes ;;
	--root)
		if (($# < 2)) || [[ -z $2 ]]; then
			echo "run.sh: --root needs a directory (see --help)" >&2
			exit 2
		fi
		root=$2
		shift
		;;
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
	while read -r name path; do
		printf '%-18s %4d s\n' "$name" "$(seconds_of "$path")"
	done <<<"$suites"
	echo "The suite programs has those of $(find_programs | sed 's|/[^/]*$||' | sort -u | paste -sd ' ')."
	exit 0
fi
for limit in TEST_PATIENCE SUITE_TIMEOUT GUEST_LIMIT FUZZ_TIME STRESS_LOAD STRESS_TIMES; do
	if [[ -n ${!limit-} && ! ${!limit} =~ ^[1-9][0-9]{0,5}$ ]]; then
		echo "run.sh: $limit is a whole number, at least 1, not '${!limit}'" >&2
		exit 2
	fi
done
if [[ ! ${TEST_SEED:-0} =~ ^(0|[1-9][0-9]{0,8})$ ]]; then
	echo "run.sh: TEST_SEED is a whole number below 10^9, not '$TEST_SEED'" >&2
	exit 2
fi
stress_load=${STRESS_LOAD:-30} stress_times=${STRESS_TIMES:-20}
chosen=$suites
if ((${#wanted[@]} > 0)); then
	chosen=$(choose "${wanted[@]}") || exit 2
fi

if [[ -n $root ]]; then
	deps_need "$install" root || exit 2
	[[ $stress == no ]] || wanted=(--stress "${wanted[@]}")
	exec tests/in-root.sh "$root" "${wanted[@]}"
fi
deps_need "$install" build run iso test || exit 2
# The packages of another architecture may be out of reach where all others are not.
deps_need "$install" test32 || echo "Going on: the test programs of 32 bits are skipped."

export TEST_PATIENCE=${TEST_PATIENCE:-$(patience_now)}
# Other random cases each time: these are the ones that nobody has seen yet.
[[ $stress == no ]] || TEST_SEED=${TEST_SEED:-$((RANDOM << 14 | RANDOM))}
export TEST_SEED=${TEST_SEED:-0}
suite_timeout=$((${SUITE_TIMEOUT:-800} * TEST_PATIENCE))
((TEST_PATIENCE == 1)) || echo "This machine is busy or small: all time limits are $TEST_PATIENCE times as long."
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
trap 'stop_busy; rm -rf "$work"' EXIT
trap 'stop 130' INT
trap 'stop 143' TERM HUP
results=$work/results output=$work/output pipe=$work/pipe state=$work/state
: >"$results"
mkfifo "$pipe" || exit 2

suite_count=$(wc -l <<<"$chosen") suite_number=0 seconds_left=0
while read -r name path arguments; do
	# shellcheck disable=SC2086 # names without blanks
	((seconds_left += $(seconds_of "$path" $arguments) * $(times_of "$path")))
done <<<"$chosen"
echo "$suite_count suite$( ((suite_count == 1)) || echo s), about $(((seconds_left + 59) / 60)) minutes on a quiet machine with two processors."
if [[ $stress == yes ]]; then
	echo "The machine is kept busy by $stress_load processes, and is some times slower for it."
	keep_busy
fi
while read -r name path arguments; do
	# shellcheck disable=SC2086 # names without blanks
	run_suite "$name" "$path" $arguments
done <<<"$chosen"

failed=$(count FAIL)
if ((failed > 0)); then
	echo "== failed"
	grep '^FAIL ' "$results"
fi
echo "$(count PASS) passed, $failed failed, $(count SKIP) skipped"
((failed == 0))
