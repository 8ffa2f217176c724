# shellcheck shell=bash
# SPDX-License-Identifier: 0BSD
#
# Sourced by run-qemu.sh and the tests.

# kvm_works: can a virtual machine with a vCPU be created?  /dev/kvm alone says little: it may be
# forbidden to open, or belong to a module without the hardware for it.  If not, print why and
# return 1.  Takes about a tenth of a second.
kvm_works() {
	local why
	if [[ ! -e /dev/kvm ]]; then
		echo "there is no /dev/kvm"
		return 1
	fi
	if [[ ! -r /dev/kvm || ! -w /dev/kvm ]]; then
		echo "/dev/kvm may not be opened: is this user in the group kvm?"
		return 1
	fi
	why=$(timeout 10 "${QEMU:-qemu-system-x86_64}" -accel kvm -machine microvm -m 16 -nodefaults \
		-display none -S -monitor stdio <<<quit 2>&1 >/dev/null) && return 0
	why=${why%%$'\n'*}
	why=${why#*qemu-system-x86_64: }
	echo "${why:-QEMU created no virtual machine}"
	return 1
}
