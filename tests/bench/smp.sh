#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# How long it takes to bring vCPUs up, and how that grows with their number.  A figure, not a test.
#
#	all there	from QEMU's start until all vCPUs are there, each with its clock page
#	bring-up	the kernel's part of it: structures, start, registration
#	one by one	the same with debug.smp.one_by_one=1
#	whole run	from QEMU's start to its end, all measurements and the report included
#
# Medians of RUNS runs (default 3).  VCPUS is the list (default 1 2 8 64 65 200).

set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) || exit 2
runs=${RUNS:-3}
vcpus=${VCPUS:-1 2 8 64 65 200}
# shellcheck source=tools/kvm.sh
. "$root/tools/kvm.sh"

if ! [[ $runs =~ ^[1-9][0-9]?$ ]]; then
	echo "smp.sh: RUNS takes a number from 1 to 99, not '$runs'" >&2
	exit 2
fi
for n in $vcpus; do
	if ! [[ $n =~ ^[1-9][0-9]{0,2}$ ]] || ((n > 255)); then
		echo "smp.sh: VCPUS takes numbers from 1 to 255, not '$n'" >&2
		exit 2
	fi
done
if why=$(kvm_works 2>&1); then
	accel=kvm
else
	accel=tcg
	printf 'KVM left out: %s\n' "${why:-it does not work here}"
fi

# now_us: microseconds since 1970.
now_us() {
	local now=$EPOCHREALTIME
	printf '%s' "${now%[.,]*}${now#*[.,]}"
}

# member NAME JSON: a number of it.
member() {
	[[ $2 =~ \"$1\":([0-9]+) ]] && printf '%s' "${BASH_REMATCH[1]}"
}

lines=$(mktemp -u) || exit 2
mkfifo "$lines" || exit 2
trap 'rm -f "$lines"' EXIT

# boot VCPUS SETTINGS: "US-UNTIL-ALL-ARE-THERE US-OF-BRING-UP US-OF-THE-RUN", or nothing.  With
# SETTINGS the run ends when all are there.
boot() {
	local command line begin up='' there='' last='' guest
	command=$("$root/run-qemu.sh" --no-install --dry-run --accel "$accel" --smp "$1" \
		--append "reader.reads=1000000 reader.rounds=31 $2") || exit 2
	command=$(tail -n 1 <<<"$command")
	# The report for people is not wanted; the other one is timed line by line.
	command=${command/-chardev stdio,id=com1/-chardev null,id=com1}
	command=${command/-chardev null,id=com2/-chardev stdio,id=com2}
	begin=$(now_us)
	eval "timeout 300 $command" </dev/null >"$lines" 2>/dev/null &
	guest=$!
	while read -r line; do
		case $line in
		*'"record":"bring_up"'*)
			there=$(now_us)
			up=$(member us "$line")
			if [[ -n $2 ]]; then
				kill "$guest"
				last=$line
			fi
			;;
		*'"record":"end"'*'"failed":0,'*) last=$line ;;
		esac
	done <"$lines"
	wait "$guest" 2>/dev/null
	[[ -n $up && -n $last ]] || return 1
	printf '%s %s %s\n' $((there - begin)) "$up" $(($(now_us) - begin))
}

# median COLUMN: of the lines on the input.
median() {
	cut -d ' ' -f "$1" | sort -n | sed -n "$(((runs + 1) / 2))p"
}

# ms US: as milliseconds.
ms() {
	printf '%d.%02d' $(($1 / 1000)) $(($1 % 1000 / 10))
}

printf 'vCPUs brought up under %s, ms, medians of %s runs\n' "$accel" "$runs"
printf '%5s  %10s  %10s  %10s  %12s  %12s  %10s\n' vCPUs 'all there' bring-up 'us a vCPU' \
	'one by one' 'us a vCPU' 'whole run'
status=0
for n in $vcpus; do
	together='' singly=''
	for ((i = 0; i < runs; i++)); do
		[[ ! -t 2 ]] || printf '%s vCPUs: run %d of %d\r' "$n" $((i + 1)) "$runs" >&2
		a=$(boot "$n" '') || break
		b=$(boot "$n" debug.smp.one_by_one=1) || break
		together+=$a$'\n' singly+=$b$'\n'
	done
	if ((i < runs)); then
		printf '%5s  no figure: the guest gave no good verdict\n' "$n"
		status=1
		continue
	fi
	there=$(printf %s "$together" | median 1)
	up=$(printf %s "$together" | median 2)
	one=$(printf %s "$singly" | median 2)
	others=$((n > 1 ? n - 1 : 1))
	printf '%5s  %10s  %10s  %10s  %12s  %12s  %10s\n' "$n" "$(ms "$there")" "$(ms "$up")" \
		$((up / others)) "$(ms "$one")" $((one / others)) "$(ms "$(printf %s "$together" | median 3)")"
done
exit "$status"
