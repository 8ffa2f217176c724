/* SPDX-License-Identifier: 0BSD */
/*
 * STABLE lost and back, as drivers/kvmclock handles it (read_counter(), lose_stable(),
 * kvmclock_watch()), for SPIN.
 *
 * Two vCPUs read without pause, so both may notice a loss at once, and vCPU 0's tick may come
 * between any two steps. The host takes STABLE away, after which the structures disagree, gives it
 * back, and takes it away again. A write is one step here, since no vCPU runs during it and
 * page.pml has the version protocol. Before the second loss the tick has looked once and no reading
 * is left that found STABLE gone the first time: the driver relies on that.
 *
 * Any reading that ends may be the one that later ones are compared with: a reading that begins
 * after its end must not be less. The variants:
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
#define BASE  4 /* what the first structures add to the TSC: a cycle is 1 ns */
#define FIRST 1 /* the TSC at the beginning */

byte tsc = FIRST;
bool stable = true;
byte offset[2] = BASE;
byte era = 0;        /* the host's writes so far */
bool looked = false; /* whether the tick has looked since STABLE is back */
byte late = 0;       /* readings under way that found STABLE gone */

/* The driver's. `kept` is what vCPU 0's stable structure adds to the TSC. */
byte kept = BASE;
bool floor = false;
byte guard = 0;

byte compared = 0; /* the reading that others are compared with; 0: none yet */

/* pvclock_guard_cas(): raises the guard to `value`, or `value` to the guard. */
inline raise(value)
{
#ifdef PLAIN_STORE
	was = guard;
	if
	:: was < value -> guard = value
	:: else -> value = was
	fi;
	was = 0
#else
	d_step {
		guard = (guard < value -> value : guard);
		value = guard
	}
#endif
}

/* `bound` is 0 before and after. */
inline lose_stable(bound)
{
#ifdef EARLY_BOUND
	bound = kept + FIRST;
#else
	bound = kept + tsc;
#endif
#ifdef FLOOR_FIRST
	floor = true;
#endif
#ifndef NO_BOUND
#ifdef PLAIN_RAISE
	guard = bound;
#else
	raise(bound);
#endif
#endif
	d_step {
		floor = true;
		bound = 0
	}
}

proctype reader(bit self)
{
	byte ns, bound, was;
	bool after, is_stable, guarded;

end:	do
	:: true ->
		after = compared != 0;
		/* pvclock_read(): one version, and a TSC while it was valid. */
		d_step {
			ns = offset[self] + tsc;
			is_stable = stable;
			late = late + !stable
		}
		guarded = floor;
		if
		:: is_stable && !guarded ->
#ifndef NO_LOOK
			ns = (ns < guard -> guard : ns)
#else
			skip
#endif
		:: else ->
			if
			:: !guarded -> lose_stable(bound)
			:: else
			fi;
#ifndef NO_GUARD
			raise(ns)
#endif
		fi;
		atomic {
			assert(!after || ns >= compared);
			late = late - !is_stable;
			if
			:: compared == 0 -> compared = ns
			:: true
			fi;
			ns = 0; after = false; is_stable = false; guarded = false
		}
	od
}

/* The tick on vCPU 0. */
active proctype watch()
{
	byte add, bound, was;
	bool is_stable, past, counts;

end:	do
	:: true ->
		d_step {
			counts = era == 2 && late == 0;
			add = offset[0];
			is_stable = stable
		}
		if
		:: !floor ->
			if
			:: !is_stable -> lose_stable(bound)
			:: else -> kept = add
			fi
		:: else ->
			/* vCPU 0's snapshot, and then the flags of all, as they are by now. */
			is_stable = is_stable && stable;
			past = is_stable && add + tsc > guard;
			if
			:: past ->
#ifndef OLD_KEPT
				kept = add;
#endif
				floor = false
			:: else
			fi
		fi;
		d_step {
			looked = looked || counts;
			add = 0; is_stable = false; past = false; counts = false
		}
	od
}

active proctype host()
{
	/* Time goes on. */
	tsc++;
	/* Lost: vCPU 1 is behind vCPU 0, or ahead of it. */
	atomic {
		stable = false;
		era = 1;
		if
		:: offset[1] = BASE - 2
		:: offset[1] = BASE + 2
		fi
	}
	/* Back, as it was or ahead. */
	atomic {
		tsc++;
		stable = true;
		era = 2;
		if
		:: offset[0] = BASE
		:: offset[0] = BASE + 3
		fi;
		offset[1] = offset[0]
	}
	/* Lost again. */
end:	atomic {
		looked && late == 0 ->
		stable = false;
		era = 3;
		if
		:: offset[1] = offset[0] - 3
		:: offset[1] = offset[0] + 3
		fi
	}
}

init {
	atomic {
		run reader(0);
		run reader(1)
	}
}
