#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# attack.sh MINUTES [SEED]: attack the kernel from ring 3, on 2 and on 8 vCPUs under KVM and TCG, for a
# quarter of the time each.  Exit status: 0 the kernel stands, 1 it does not, 2 usage.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
# shellcheck source=tools/kvm.sh
. tools/kvm.sh

minutes=${1-} seed=${2:-$((RANDOM + 1))}
if [[ ! $minutes =~ ^[1-9][0-9]{0,3}$ || ! $seed =~ ^[1-9][0-9]{0,17}$ ]]; then
	echo "attack: MINUTES is a number from 1 to 9999, and SEED one from 1 to 18 digits: '$minutes', '$seed'" >&2
	exit 2
fi

# Fewer ticks than usual: on a host that emulates ring 0 they would take most of the time.
hz=20
seconds=$((minutes * 15)) failed='' not_tried=''
for accel in kvm tcg; do
	if [[ $accel == kvm ]] && ! why=$(kvm_works); then
		echo "attack: no KVM: $why"
		not_tried=', KVM not tried'
		continue
	fi
	for vcpus in 2 8; do
		echo "attack: $accel, $vcpus vCPUs, seed $seed, $seconds s"
		./run-qemu.sh --accel "$accel" --smp "$vcpus" --timeout $((seconds * 3 + 60)) --verbose \
			--append "debug.attack.seconds=$seconds debug.fuzz.seed=$seed kern.hz=$hz" </dev/null 2>&1 |
			grep -A 1 --no-group-separator --line-buffered -E \
				'^attack |^(PASS|FAIL) ring3\.attack|^FAIL|faulted|NO VERDICT|TIMEOUT|^run-qemu.sh:' |
			grep --line-buffered .
		status=${PIPESTATUS[0]}
		((status == 0)) || failed+="${failed:+, }$accel with $vcpus vCPUs (status $status)"
	done
done
if [[ $failed ]]; then
	echo "attack: FAIL: $failed; seed $seed"
	exit 1
fi
echo "attack: PASS: the kernel stands$not_tried; seed $seed"
