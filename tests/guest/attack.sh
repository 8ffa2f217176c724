#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# attack.sh MINUTES SEED: attack the kernel from ring 3, on 2 and on 8 vCPUs under KVM and TCG, for a
# quarter of the time each.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
# shellcheck source=tools/kvm.sh
. tools/kvm.sh

seconds=$((${1:-1} * 15)) seed=${2:-$RANDOM} failed=0
for accel in kvm tcg; do
	if [[ $accel == kvm ]] && ! why=$(kvm_works); then
		echo "attack: no KVM: $why"
		continue
	fi
	for vcpus in 2 8; do
		echo "attack: $accel, $vcpus vCPUs, seed $seed, $seconds s"
		./run-qemu.sh --accel "$accel" --smp "$vcpus" --timeout $((seconds * 3 + 60)) --verbose \
			--append "debug.attack.seconds=$seconds debug.fuzz.seed=$seed" </dev/null |
			grep -A 1 --line-buffered -E '^attack |ring3\.attack|kernel\.alive|faulted|NO VERDICT|TIMEOUT'
		((PIPESTATUS[0] == 0)) || failed=1
	done
done
exit "$failed"
