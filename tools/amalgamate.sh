#!/usr/bin/env bash
# SPDX-License-Identifier: 0BSD
#
# Prints a library as one header: declarations and inline functions for everyone who includes it, the
# rest for the one file that defines PVCLOCK_IMPLEMENTATION (TIMECOUNTER_..., TSC_...) before.
#
# Usage: amalgamate.sh [PREFIX [LIBRARY]]	PREFIX: see symbols.sh; LIBRARY: pvclock, timecounter or tsc
set -eu
ROOT=$(cd "$(dirname "$0")/.." && pwd)
PREFIX=${1:-pvclock}
LIBRARY=${2:-pvclock}
"$ROOT/tools/symbols.sh" "$PREFIX" </dev/null

# Each header behind those that it includes; sources in any order.
case $LIBRARY in
pvclock)
	headers=(types.h abi.h scale.h pvclock.h port.h seq.h read.h guard.h host.h clock.h)
	sources=(pvclock.c host.c clock.c)
	port=port/gcc_x86.h
	;;
timecounter)
	headers=(types.h scale.h bintime.h hands.h timecounter.h)
	sources=(port.h internal.h clock.c counters.c crosscheck.c guard.c ring.c switch.c windup.c)
	port=port/gcc.h
	;;
tsc)
	headers=(types.h calendar.h tsc.h rtc.h)
	sources=(port.h divide.h internal.h calendar.c cpuid.c divide.c rtc.c vote.c window.c)
	port=port/gcc_x86.h
	;;
*)
	echo "amalgamate.sh: there is no library '$LIBRARY'" >&2
	exit 2
	;;
esac

# The library's own includes go, since what they name stands above.
part() {
	echo
	echo "/* ---- $1 ---- */"
	sed -e '/SPDX-License-Identifier/d' -e '/^#include "/d' "$ROOT/lib/$LIBRARY/$1"
}

parts() {
	local file
	for file in "$@"; do
		case $LIBRARY/$file in
		*/port.h)
			# The default port is in here; another one is still a file of the embedder's.
			part port.h | sed -e '/^#else$/r /dev/fd/3' 3< <(part "$port")
			;;
		pvclock/clock.[ch])
			# A port without the hooks that are optional still has the readers.
			printf '\n#ifdef PVCLOCK_CAS64\n'
			part "$file"
			printf '\n#endif /* PVCLOCK_CAS64 */\n'
			;;
		*)
			part "$file"
			;;
		esac
	done
}

{
	sed 's/^/ * /; s/ *$//; 1s|^ \*|/*|; $s|$|\n */|' "$ROOT/LICENSE"
	cat <<-TEXT
		/* SPDX-License-Identifier: 0BSD */
		/*
		 * One header for all of $LIBRARY, made by tools/amalgamate.sh.  In one C file:
		 *
		 *     #define ${LIBRARY^^}_IMPLEMENTATION
		 *     #include "${LIBRARY}_all.h"
		 */
	TEXT
	parts "${headers[@]}"
	cat <<-TEXT

		#if defined(${LIBRARY^^}_IMPLEMENTATION) && !defined(${LIBRARY^^}_IMPLEMENTED)
		#define ${LIBRARY^^}_IMPLEMENTED
	TEXT
	[[ $LIBRARY != timecounter ]] || echo '#define TC_INTERNAL static'
	parts "${sources[@]}"
	echo
	echo "#endif /* ${LIBRARY^^}_IMPLEMENTATION */"
} | "$ROOT/tools/symbols.sh" "$PREFIX" "$LIBRARY"
