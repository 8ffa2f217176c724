#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Prints lib/pvclock as one header: declarations and inline readers for everyone who includes it, the
# rest for the one file that defines PVCLOCK_IMPLEMENTATION before.
#
# Usage: amalgamate.sh [PREFIX]	PREFIX replaces "pvclock" in every name (and in capitals)
set -eu
ROOT=$(cd "$(dirname "$0")/.." && pwd)
PREFIX=${1:-pvclock}
if [[ ! $PREFIX =~ ^[a-z][a-z0-9_]*$ ]]; then
	echo "amalgamate.sh: '$PREFIX' is not a prefix: lower-case letters, digits and _, a letter first" >&2
	exit 2
fi
CAPITALS=$(tr '[:lower:]' '[:upper:]' <<<"$PREFIX")

# The library's own includes go, for what they name stands above.
part() {
	echo
	echo "/* ---- $1 ---- */"
	sed -e '/SPDX-License-Identifier/d' -e '/^#include "/d' "$ROOT/lib/pvclock/$1"
}

{
	sed 's/^/ * /; s/ *$//; 1s|^ \*|/*|; $s|$|\n */|' "$ROOT/LICENSE"
	cat <<-TEXT
		/* SPDX-License-Identifier: 0BSD */
		/*
		 * One header for all of pvclock, made by tools/amalgamate.sh.  In one C file:
		 *
		 *     #define PVCLOCK_IMPLEMENTATION
		 *     #include "pvclock_all.h"
		 */
	TEXT
	for file in types.h abi.h scale.h pvclock.h port.h seq.h read.h guard.h host.h; do
		if [[ $file == port.h ]]; then
			# The default port is in here; another one is still a file of the embedder's.
			part port.h | sed -e '/^#else$/r /dev/fd/3' 3< <(part port/gcc_x86.h)
		else
			part "$file"
		fi
	done
	echo
	echo '#ifdef PVCLOCK_IMPLEMENTATION'
	part pvclock.c
	part host.c
	echo
	echo '#endif /* PVCLOCK_IMPLEMENTATION */'
} | sed -e "s/pvclock/$PREFIX/g" -e "s/PVCLOCK/$CAPITALS/g"
