#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Usage: cc.sh COMPILER ARGUMENT...
#
# Make a program of its sources in one go, as COMPILER does, and keep the objects beside it: most
# changes are of one source of several, so only that one is compiled again.
set -euo pipefail

flags=() sources=() libraries=() program=
while (($# > 0)); do
	case $1 in
	-o)
		program=$2
		shift
		;;
	-l*) libraries+=("$1") ;;
	*.c) sources+=("$1") ;;
	*) flags+=("$1") ;;
	esac
	shift
done

objects=()
mkdir -p "$program.objects"
for source in "${sources[@]}"; do
	object=$program.objects/${source//\//+}.o
	objects+=("$object")
	stale=no
	if [[ -e $object ]]; then
		read -r -d '' -a files <"$object.d" || true
		for file in "${files[@]:1}"; do
			[[ $file == \\ || ! $file -nt $object ]] || stale=yes
		done
		[[ $stale == yes ]] || continue
	fi
	rm -f "$object"
	"${flags[@]}" -MMD -MF "$object.d" -c -o "$object" "$source"
done
exec "${flags[@]}" -o "$program" "${objects[@]}" "${libraries[@]}"
