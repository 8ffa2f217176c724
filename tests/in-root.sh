#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Usage: in-root.sh DIR [SUITE...]
#
# Run tests/run.sh in a Debian system of its own, as on a fresh machine: debootstrap makes it below
# DIR if there is none yet, and a copy of this tree goes into it.  It sees this machine's kernel,
# /dev and processes; what is mounted for that is gone at the end.  Called by tests/run.sh --root.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly release=${ROOT_RELEASE:-trixie}

die() {
	echo "in-root.sh: $*" >&2
	exit 2
}

# Where apt gets this machine's packages from; what else could be asked may be out of reach.
mirror() {
	local uri
	# shellcheck disable=SC2016 # apt expands it
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		grep -m 1 '/debian/$') || true
	echo "${uri:-http://deb.debian.org/debian/}"
}

((EUID == 0)) || die "a system of its own needs root"
mkdir -p "$1"
root=$(realpath "$1")
shift
[[ $root != / ]] || die "/ is this system itself"
if [[ ! -e $root/etc/debian_version ]]; then
	[[ -z $(ls -A "$root") ]] || die "$root is not empty, and no Debian"
	echo "Making a Debian $release below $root: some minutes ..."
	log=$root.log
	if ! debootstrap --variant=minbase "$release" "$root" "$(mirror)" >"$log" 2>&1; then
		tail -n 5 "$log" >&2
		die "debootstrap failed; $log has all that it said"
	fi
	rm -f "$log"
	# How this machine reaches its packages: proxies, passwords, and no more.
	cp -r /etc/apt/auth.conf.d "$root/etc/apt/" 2>/dev/null || true
	grep -lE '^ *Acquire' /etc/apt/apt.conf.d/* 2>/dev/null |
		while read -r file; do cp "$file" "$root/etc/apt/apt.conf.d/"; done || true
fi
cp -L /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
rm -rf "$root/clockpage"
mkdir "$root/clockpage"
tar --exclude=./build -cf - . | tar -C "$root/clockpage" --no-same-owner -xf -

echo "Debian $(cat "$root/etc/debian_version") below $root:"
names='TEST_PATIENCE SUITE_TIMEOUT GUEST_LIMIT FUZZ_TIME TEST_COUNT TEST_SEED STRESS_LOAD STRESS_TIMES CC'
settings=()
for name in $names; do
	[[ -z ${!name-} ]] || settings+=("$name=${!name}")
done
# shellcheck disable=SC2016 # for the inner shell
exec unshare --mount --propagation private sh -c '
	root=$1
	shift
	mount --rbind /proc "$root/proc" && mount --rbind /dev "$root/dev" && mount --rbind /sys "$root/sys" &&
		exec chroot "$root" env -i HOME=/root "TERM=${TERM:-dumb}" \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
' sh "$root" "${settings[@]}" /clockpage/tests/run.sh "$@"
