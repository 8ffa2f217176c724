#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# What the build has to keep: the same bytes from any directory, both compilers, a small ISO.
#
# Takes about 18 s.
# Boots guests.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failures=0

fail() { # NAME WHY [LOG]
	[[ -z ${3-} ]] || sed 's/^/  /' "$3"
	echo "FAIL $1: $2"
	((failures++))
}

# copy_tree DIRECTORY: the tree as a fresh checkout would be, with what is not committed yet.
copy_tree() {
	mkdir -p "$1"
	git ls-files -z --cached --others --exclude-standard |
		while IFS= read -r -d '' file; do
			[[ ! -f $file ]] || printf '%s\0' "$file"
		done | tar -c --null -T - | tar -x -m -C "$1"
}

# make_in DIRECTORY ARGUMENTS...: with nothing of this environment that a build should not see.
make_in() {
	local directory=$1
	shift
	env -u O -u MAKEFLAGS -u MAKELEVEL make -C "$directory" -j2 "$@" \
		</dev/null >"$work/log" 2>&1
}

# Two places, two umasks, two seconds, one after another and several at once, two languages.
copy_tree "$work/one"
copy_tree "$work/a directory/elsewhere, two"
if ! (umask 022 && make_in "$work/one" kernel lib iso); then
	fail build.reproducible "the first build failed" "$work/log"
elif sleep 1.1 && ! (umask 077 && LC_ALL=C TZ=Asia/Tokyo make_in "$work/a directory/elsewhere, two" \
	-j1 kernel lib iso); then
	fail build.reproducible "the second build failed" "$work/log"
else
	different=''
	compared=0
	for file in "$work"/one/build/*.elf "$work"/one/build/*.a "$work"/one/build/*.iso; do
		cmp -s "$file" "$work/a directory/elsewhere, two/build/${file##*/}" ||
			different+=" ${file##*/}"
		((compared++))
	done
	if [[ -n $different ]]; then
		fail build.reproducible "two directories give different bytes:$different"
	else
		echo "PASS build.reproducible: $compared files are the same from two directories"
	fi

	size=$(wc -c <"$work/one/build/clockpage.iso")
	if ((size <= 1048576)); then
		echo "PASS build.iso-size: $size bytes, at most 1 MiB"
	else
		fail build.iso-size "$size bytes, more than 1 MiB"
	fi

	make_in "$work/one" kernel lib iso
	if grep -qvE "make|Nothing to be done|is up to date" "$work/log"; then
		fail build.nothing-twice "a second make builds again" "$work/log"
	else
		echo "PASS build.nothing-twice: a second make has nothing to do"
	fi
fi

for arguments in CC=clang CROSS_COMPILE=x86_64-linux-gnu-; do
	if make_in "$work/one" $arguments O="$work/$arguments" kernel lib; then
		echo "PASS build.${arguments,,}: kernel and library"
	else
		fail "build.${arguments,,}" "the build failed" "$work/log"
	fi
done

# A kernel that Clang compiled has to run as well as GCC's.
if verdict=$(timeout $((60 * ${TEST_PATIENCE:-1})) ./run-qemu.sh --no-install --accel tcg --kernel "$work/CC=clang/clockpage.elf" \
	2>&1 </dev/null | tee "$work/log" | grep ' passed, ') &&
	[[ $verdict == *" 0 failed"* ]]; then
	echo "PASS build.clang-boots: $verdict"
else
	fail build.clang-boots "$verdict" "$work/log"
fi

((failures == 0))
