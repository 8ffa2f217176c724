/* SPDX-License-Identifier: 0BSD */
/*
 * STABLE lost and back, as drivers/kvmclock handles it (read_counter(), lose_stable(),
 * kvmclock_watch()), for SPIN.
 *
 * Two vCPUs read without pause, so both may notice a loss at once, and vCPU 0's tick may come
 * between any two steps. The host takes STABLE away, after which the structures disagree, gives it
 * back, and takes it away again. A write is one step here, since no vCPU runs during it and
 * page.pml has the version protocol. Before it takes STABLE away again, the tick has looked once and
 * no reading is left that found it gone the first time: the driver relies on that. A reading that
 * begins after another has ended must not be less. The variants:
 *
 *   NO_BOUND     the guard is not raised when STABLE is found gone
 *   FLOOR_FIRST  the floor is set before the guard is raised
 *   PLAIN_STORE  the guard is stored, not compared and swapped
 *   PLAIN_RAISE  the loss raises the guard by a store, which the other vCPU's may precede
 *   NO_GUARD     a guarded reading does not pass the guard
 *   NO_LOOK      an unguarded reading does not look at the guard
 *   OLD_KEPT     the contents that give the guard up are not kept
 *   EARLY_BOUND  the bound is the kept time itself, not what it would be now
 */
#define VCPUS 2
#define TICKS 2 /* how often time moves on of itself; each write of the host takes some as well */
#define BASE  4 /* what the first structures add to the TSC: a cycle is 1 ns */

byte tsc = 1;
bool stable = true;
byte offset[VCPUS] = BASE;
byte era = 0;    /* the host's writes so far */
byte looked = 0; /* the era of the tick's last look that ended */
byte late = 0;   /* readings under way that found STABLE gone */

/* The driver's. `kept` is what vCPU 0's stable structure adds to the TSC. */
byte kept = BASE;
byte kept_at = 0; /* the TSC when it was kept */
byte floor = 0;
byte guard = 0;

byte told = 0; /* the highest reading that has ended */

/* pvclock_guard_cas(): raises the guard to `value`; `result` is what the guard is then. */
inline raise(value, result)
{
#ifdef PLAIN_STORE
	result = guard;
	if
	:: result < value ->
		guard = value;
		result = value
	:: else
	fi
#else
	d_step {
		guard = (guard < value -> value : guard);
		result = guard
	}
#endif
}

inline set_floor(bound)
{
	atomic {
		if
		:: floor == 0 -> floor = bound
		:: else
		fi
	}
}

inline lose_stable(bound, unused)
{
	atomic {
#ifdef EARLY_BOUND
		bound = kept + kept_at;
#else
		bound = kept + tsc;
#endif
	}
#ifdef FLOOR_FIRST
	set_floor(bound);
#endif
#ifndef NO_BOUND
#ifdef PLAIN_RAISE
	guard = bound;
#else
	raise(bound, unused);
#endif
#endif
	set_floor(bound)
}

proctype reader(byte self)
{
	byte seen, ns, bound, result, unused;
	bool is_stable, unguarded;

end:	do
	:: true ->
		seen = told;
		/* pvclock_read(): one version, and a TSC while it was valid. */
		d_step {
			ns = offset[self] + tsc;
			is_stable = stable;
			late = late + !stable
		}
		d_step {
			bound = floor;
			unguarded = is_stable && bound == 0
		}
		if
		:: unguarded ->
#ifdef NO_LOOK
			result = ns
#else
			result = (ns < guard -> guard : ns)
#endif
		:: else ->
			if
			:: bound == 0 -> lose_stable(bound, unused)
			:: else
			fi;
#ifdef NO_GUARD
			result = ns
#else
			raise(ns, result)
#endif
		fi;
		atomic {
			assert(result >= seen);
			late = late - !is_stable;
			told = (told < result -> result : told);
			seen = 0; ns = 0; bound = 0; result = 0; unused = 0;
			is_stable = false; unguarded = false
		}
	od
}

/* The tick on vCPU 0. */
active proctype watch()
{
	byte add, at, bound, unused, began;
	bool is_stable, past;

end:	do
	:: true ->
		d_step {
			began = (late == 0 -> era : 0);
			add = offset[0];
			at = tsc;
			is_stable = stable
		}
		if
		:: floor == 0 ->
			if
			:: !is_stable -> lose_stable(bound, unused)
			:: else -> atomic { kept = add; kept_at = at }
			fi
		:: else ->
			/* vCPU 0's snapshot, and then the flags of all, as they are by now. */
			is_stable = is_stable && stable;
			if
			:: is_stable ->
				past = add + tsc > guard;
				if
				:: past ->
#ifndef OLD_KEPT
					atomic { kept = add; kept_at = at };
#endif
					floor = 0
				:: else
				fi
			:: else
			fi
		fi;
		atomic {
			looked = (began > looked -> began : looked);
			add = 0; at = 0; bound = 0; unused = 0; is_stable = false; past = false
		}
	od
}

active proctype host()
{
	/* Lost: vCPU 1 is behind vCPU 0, or ahead of it. */
	atomic {
		stable = false;
		era = 1;
		tsc++;
		if
		:: offset[1] = BASE - 2
		:: offset[1] = BASE + 2
		fi
	}
	/* Back, as it was or ahead; the other order is how the driver's guard comes to hold. */
	atomic {
		stable = true;
		era = 2;
		tsc++;
		if
		:: offset[0] = BASE
		:: offset[0] = BASE + 3
		fi;
		offset[1] = offset[0]
	}
end:	atomic {
		looked == 2 && late == 0 ->
		stable = false;
		era = 3;
		tsc++;
		if
		:: offset[1] = offset[0] - 3
		:: offset[1] = offset[0] + 3
		fi
	}
}

active proctype time()
{
	byte i;

	for (i : 1 .. TICKS) {
		tsc++
	}
}

init {
	atomic {
		run reader(0);
		run reader(1)
	}
}
