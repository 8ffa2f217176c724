#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# The release: unpacked, it builds, its single headers compile, its quickest suite runs.
#
# Takes about 20 s.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/results.sh
. tests/results.sh

# make_in DIRECTORY ARGUMENTS...: with nothing of this environment that a release should not see.
make_in() {
	local directory=$1
	shift
	env -u O -u MAKEFLAGS -u MAKELEVEL make -s -C "$directory" -j2 "$@" </dev/null >"$work/log" 2>&1
}

if ! git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
	skip dist "not a checkout: there is nothing to make a release of"
	exit 0
fi

for copy in one two; do
	if ! make_in . O="$work/$copy" dist; then
		fail dist.made "$(tail -1 "$work/log")"
		exit 1
	fi
	sleep 1.1
done
archive=$(basename "$work"/one/clockpage-*.tar.gz)
name=${archive%.tar.gz}
version=$(sed -n 's/^#define PVCLOCK_VERSION_STRING *"\(.*\)"/\1/p' lib/pvclock/pvclock.h)
tar -xzf "$work/one/$archive" -C "$work"
if [[ $name != "clockpage-$version" ]]; then
	fail dist.made "$archive, and the version is $version"
elif ! cmp -s "$work/one/$archive" "$work/two/$archive"; then
	fail dist.made "two of the same commit differ"
elif missing=$(comm -23 <(git ls-tree -r --name-only HEAD | sort) \
	<(cd "$work/$name" && find . -type f -printf '%P\n' | sort)) && [[ -n $missing ]]; then
	fail dist.made "without $(head -1 <<<"$missing")"
else
	pass dist.made "$archive, $(wc -c <"$work/one/$archive") bytes, the same twice"
fi

# From here on, without git.
export GIT_DIR=/nonexistent
bad='' count=0
for header in "$work/$name"/single/*_all.h; do
	macro=$(basename "$header" _all.h)
	printf '#define %s_IMPLEMENTATION\n#include "%s"\n' "${macro^^}" "$(basename "$header")" >"$work/single.c"
	for compiler in gcc clang; do
		for word in -m64 -m32; do
			count=$((count + 1))
			"$compiler" "$word" -std=c11 "${WARN[@]}" -ffreestanding "-I${header%/*}" -c "$work/single.c" \
				-o "$work/single.o" 2>"$work/log" || bad+=" $macro $compiler$word: $(head -1 "$work/log")"
		done
	done
done
((count >= 8)) || bad+=" $count compilations"
verdict dist.single-headers "$bad" "$count compilations"

if make_in "$work/$name" kernel lib; then
	pass dist.builds "kernel and libraries, without git"
else
	fail dist.builds "$(grep -m1 -i error "$work/log")"
fi
if (cd "$work/$name" && tests/bugs/suite.sh) >"$work/log" 2>&1 && grep -q '^PASS' "$work/log"; then
	pass dist.tests "$(grep -c '^PASS' "$work/log") results of its suite bugs"
else
	fail dist.tests "$(grep -m1 '^FAIL' "$work/log" || tail -1 "$work/log")"
fi
exit "$failed"
