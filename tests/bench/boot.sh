#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# How long a direct boot takes, from QEMU's start to its end, the whole report included: minimum,
# median and maximum of RUNS runs (default 5), beside the project's aim.  A figure, not a test.

set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) || exit 2
runs=${RUNS:-5}
# shellcheck source=tools/kvm.sh
. "$root/tools/kvm.sh"

if ! [[ $runs =~ ^[1-9][0-9]{0,2}$ ]]; then
	echo "boot.sh: RUNS takes a number from 1 to 999, not '$runs'" >&2
	exit 2
fi

# bench ACCEL MACHINE VCPUS AIM
bench() {
	local command i begin end status
	local -a ms=()
	command=$("$root/run-qemu.sh" --no-install --dry-run --accel "$1" --machine "$2" --smp "$3") || exit 2
	command=$(tail -n 1 <<<"$command")
	for ((i = 0; i < runs; i++)); do
		[[ ! -t 2 ]] || printf '%s, %s, %s vCPUs: run %d of %d\r' "$1" "$2" "$3" $((i + 1)) "$runs" >&2
		begin=$(date +%s%N)
		# The command is run-qemu.sh's own, quoted for a shell.
		eval "timeout 120 $command" </dev/null >/dev/null 2>&1
		status=$?
		end=$(date +%s%N)
		if ((status != 33)); then
			printf '%-5s %-8s %5s   no figure: QEMU ended with status %s\n' "$1" "$2" "$3" "$status"
			return 1
		fi
		ms+=($(((end - begin) / 1000000)))
	done
	mapfile -t ms < <(printf '%s\n' "${ms[@]}" | sort -n)
	printf '%-5s %-8s %5s  %6s  %6s  %6s  %6s\n' "$1" "$2" "$3" \
		"${ms[0]}" "${ms[runs / 2]}" "${ms[runs - 1]}" "$4"
}

printf 'Direct boot to exit, ms, %s runs; takes about %d s\n' "$runs" $((runs * 26))
printf '%-5s %-8s %5s  %6s  %6s  %6s  %6s\n' accel machine vCPUs min median max aim
failed=0
if why=$(kvm_works 2>&1); then
	bench kvm pc 2 6000 || failed=1
	bench kvm q35 2 6000 || failed=1
	bench kvm microvm 2 3000 || failed=1
	bench kvm microvm 64 30000 || failed=1
else
	printf 'KVM left out: %s\n' "${why:-it does not work here}"
fi
bench tcg pc 2 3000 || failed=1
bench tcg microvm 2 3000 || failed=1
exit "$failed"
