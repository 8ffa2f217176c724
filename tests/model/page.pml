/* SPDX-License-Identifier: 0BSD */
/*
 * The version protocol of the clock page under x86 memory order, for SPIN.
 *
 * The host's stores go through a store buffer, first in first out, and reach memory at any later
 * moment.  A reader's loads happen in program order.  RDTSC is no load: without a fence it happens
 * at any moment, which is what the variants below play through:
 *
 *   NO_FENCE       the TSC may be read before the first version is
 *   NO_DEPENDENCY  the TSC may be read after the last version is
 *   NO_RECHECK     the version is not read again
 *   NO_ODD_TEST    two equal odd versions are believed
 *   NO_ODD_STORE   the host does not mark the page while it writes
 *   STALE_CONTINUE the loop tests an old version before it goes round
 *   NO_STORE_ORDER the store buffer is not first in first out (not x86: a port would need barriers)
 */
#define UPDATES 3
#define TRIES   3

/* What stands in memory.  Epoch k is the host's k-th update; fields hold the epoch they are from. */
byte version = 2;
byte timestamp = 0;
byte system_time = 0;

/* The TSC, and what only the proof knows: when each epoch began and when all could see it end. */
byte tsc = 1;
byte began[UPDATES + 1];
byte ended[UPDATES + 1] = 255;

/* The store buffer: a place (VERSION, TIMESTAMP, SYSTEM) and a value. */
mtype = { VERSION, TIMESTAMP, SYSTEM };
chan buffer = [8] of { mtype, byte };

/* The version that means epoch k at rest, before it wraps. */
#define AT_REST(k) (2 * (k) + 2)

inline to_memory(place, value)
{
	if
	:: place == VERSION ->
		/* An epoch ends when memory no longer shows its version. */
		if
		:: version % 2 == 0 -> ended[version / 2 - 1] = tsc
		:: else
		fi;
		version = value
	:: place == TIMESTAMP -> timestamp = value
	:: place == SYSTEM -> system_time = value
	fi;
	tsc++
}

active proctype memory()
{
	mtype place;
	byte value;

end:	do
	:: atomic {
#ifdef NO_STORE_ORDER
		buffer ?? VERSION, value -> to_memory(VERSION, value)
	   }
	:: atomic {
		buffer ?? TIMESTAMP, value -> to_memory(TIMESTAMP, value)
	   }
	:: atomic {
		buffer ?? SYSTEM, value -> to_memory(SYSTEM, value)
#else
		buffer ? place, value -> to_memory(place, value)
#endif
	   }
	od
}

active proctype host()
{
	byte k;

	for (k : 1 .. UPDATES) {
#ifndef NO_ODD_STORE
		buffer ! VERSION, AT_REST(k) - 1;
#endif
		atomic {
			tsc++;
			began[k] = tsc
		}
		buffer ! TIMESTAMP, k;
		buffer ! SYSTEM, k;
		buffer ! VERSION, AT_REST(k)
	}
}

#define READ_TSC      \
	atomic {      \
		now = tsc;    \
		have_tsc = true \
	}

active proctype reader()
{
	byte before, after, stamp, time, now, tries;
	bool have_tsc;

	do
	:: tries < TRIES ->
		tries++;
		have_tsc = false;
#ifdef NO_FENCE
		if
		:: READ_TSC
		:: skip
		fi;
#endif
		before = version;
#ifdef STALE_CONTINUE
		/* The first try is tested, the others are not. */
		if
		:: tries == 1 && before % 2 == 1 -> goto again
		:: else
		fi;
#else
#ifndef NO_ODD_TEST
		if
		:: before % 2 == 1 -> goto again
		:: else
		fi;
#endif
#endif
#ifdef NO_DEPENDENCY
		if
		:: READ_TSC
		:: skip
		fi;
#else
		if
		:: !have_tsc -> READ_TSC
		:: else
		fi;
#endif
		stamp = timestamp;
		time = system_time;
#ifdef NO_RECHECK
		after = before;
#else
		after = version;
#endif
		if
		:: !have_tsc -> READ_TSC
		:: else
		fi;
		if
		:: after == before ->
			/* Not torn; not early; not late. */
			assert(stamp == time);
			assert(now >= began[stamp]);
			assert(now <= ended[stamp]);
			break
		:: else
		fi;
again:		skip
	:: else ->
		break /* busy: bounded, and no value */
	od
}
