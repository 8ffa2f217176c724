/* SPDX-License-Identifier: 0BSD */
/*
 * GUEST_STOPPED on two vCPUs, as drivers/kvmclock takes it (kvmclock_look(), kvmclock_settle(),
 * kvmclock_poll(), take_stopped()), while the host pauses the guest and writes again, for SPIN.
 *
 * At an event, a pause or an update alone, no vCPU runs; each runs again once the host has written
 * its structure, which it does vCPU by vCPU, in any order and at any distance, and then keeps
 * a flag that is still set. vCPU 0 does what a pause needs for the date; the other clears its flag
 * only after that. No pause may be lost, counted twice, or cleared before it was handled. Variants:
 *
 *   NO_VERSION    the version is not looked at again after the flag was taken
 *   NOT_SET_AGAIN a flag of another pause is not set again
 *   ANY_PAUSE     the other vCPU clears its flag as vCPU 0 has handled some pause
 *   LATE_QUESTION the question that is answered is loaded after the pause was handled
 *   OLD_ANSWER    an answer to the question about an earlier structure counts
 *   OTHERS_TAKE   vCPU 0 takes the other's flag too, while the host may be writing it
 */
#define EVENTS 3

byte event = 0;        /* the host's events so far */
byte paused = 0;       /* the last of them that was a pause */
byte handled = 0;      /* the event up to which vCPU 0 has handled everything */
bool runs[2] = true;

/* The structures. `stamp` is the TSC and the time in it, which no two events have in common. */
byte version[2] = 2;
byte stamp[2] = 0;
bool flag[2] = false;
byte pause_in[2] = 0;  /* the last pause that the flag was set for, */
byte counted[2] = 0;   /* and that the driver has counted */
bool taking[2] = false;

/* The driver's. */
byte settled = 0;
byte asked = 0;
byte answered = 0;

/* A step of vCPU `n`, which has to run. */
#define ON(n) runs[n] ->

inline take_stopped(n, its_version, was)
{
	atomic { ON(n) was = flag[n]; flag[n] = false; taking[n] = true };
	if
	:: was ->
		atomic {
			ON(n)
			if
#ifndef NO_VERSION
			:: version[n] != its_version ->
#ifndef NOT_SET_AGAIN
				flag[n] = true
#else
				skip
#endif
#endif
			:: else ->
				assert(counted[n] < pause_in[n]); /* not twice */
				assert(handled >= pause_in[n]);   /* not before */
				counted[n] = pause_in[n]
			fi;
			taking[n] = false
		}
	:: else -> taking[n] = false
	fi
}

active proctype first()
{
	byte question, seen_version, seen_stamp;
	bool stopped, was;

end:	do
	:: atomic {
		runs[0] && (flag[0] || asked != answered) ->
		question = asked
	   }
	   /* kvmclock_look() */
	   atomic {
		ON(0)
		seen_version = version[0];
		seen_stamp = stamp[0];
		stopped = flag[0]
	   };
	   /* The kernel asks for the date. */
	   atomic { ON(0) handled = event };
#ifdef LATE_QUESTION
	   atomic { ON(0) question = asked };
#endif
	   /* kvmclock_settle() */
	   atomic { ON(0) answered = question };
	   if
	   :: stopped ->
		atomic { ON(0) settled = seen_stamp };
		take_stopped(0, seen_version, was)
	   :: else
	   fi;
#ifdef OTHERS_TAKE
	   atomic { ON(0) was = flag[1]; flag[1] = false };
	   if
	   :: was ->
		atomic {
			assert(counted[1] < pause_in[1]);
			counted[1] = pause_in[1]
		}
	   :: else
	   fi;
#endif
	   question = 0; seen_version = 0; seen_stamp = 0; stopped = false; was = false
	od
}

active proctype other()
{
	byte seen_version, seen_stamp, answer, about, mine;
	bool was, may;

end:	do
	:: atomic {
		runs[1] && flag[1] ->
		seen_version = version[1];
		seen_stamp = stamp[1]
	   }
	   /* is_settled() */
	   atomic { ON(1) answer = answered };
	   atomic {
		ON(1)
		if
#ifdef ANY_PAUSE
		:: settled != 0 -> may = true
#endif
		:: settled == seen_stamp -> may = true
#ifdef OLD_ANSWER
		:: settled != seen_stamp && about == 0 ->
#else
		:: settled != seen_stamp && about != seen_version ->
#endif
			about = seen_version;
			asked++;
			mine = asked;
			may = false
		:: else -> may = (answer >= mine)
		fi
	   };
	   if
	   :: may -> take_stopped(1, seen_version, was)
	   :: else
	   fi;
	   seen_version = 0; seen_stamp = 0; answer = 0; was = false; may = false
	od
}

/* The host enters a vCPU: it keeps the flag, and sets it for a pause since it last did. */
inline enter(n, keep)
{
	keep = flag[n];
	atomic {
		version[n] = version[n] + 2;
		stamp[n] = event;
		if
		:: paused > pause_in[n] -> flag[n] = true; pause_in[n] = paused
		:: else -> flag[n] = keep
		fi;
		runs[n] = true
	}
}

active proctype host()
{
	bool keep;

	do
	:: event < EVENTS ->
		atomic {
			event++;
			if
			:: paused = event
			:: skip
			fi;
			runs[0] = false;
			runs[1] = false
		}
		do
		:: !runs[0] -> enter(0, keep)
		:: !runs[1] -> enter(1, keep)
		/* The next event may come before a vCPU has run. */
		:: event < EVENTS && (runs[0] || runs[1]) -> break
		:: runs[0] && runs[1] -> break
		od
	:: event == EVENTS && (!runs[0] || !runs[1]) ->
		if
		:: !runs[0] -> enter(0, keep)
		:: !runs[1] -> enter(1, keep)
		fi
	:: event == EVENTS && runs[0] && runs[1] -> break
	od
	/* At the end all flags go, and each pause has been counted. */
	(!flag[0] && !flag[1] && !taking[0] && !taking[1]);
	assert(counted[0] == pause_in[0] && counted[1] == pause_in[1])
}
