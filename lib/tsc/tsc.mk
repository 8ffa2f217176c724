# SPDX-License-Identifier: 0BSD
# The sources of lib/tsc, for whoever builds them.
LIB_TSC_SRCS := $(addprefix lib/tsc/,calendar.c cpuid.c divide.c rtc.c vote.c window.c)
