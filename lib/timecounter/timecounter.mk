# SPDX-License-Identifier: 0BSD
# The sources of lib/timecounter, for whoever builds them.
LIB_TIMECOUNTER_SRCS := $(addprefix lib/timecounter/, \
	clock.c counters.c crosscheck.c guard.c ring.c switch.c windup.c)
