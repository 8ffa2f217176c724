/* SPDX-License-Identifier: 0BSD */
/*
 * What the library needs from the machine. The embedder names a header with
 * -DTSC_PORT_HEADER='"my/port.h"'; the default is port/gcc_x86.h. If a header lacks a hook, the
 * build stops with a message that names it. Only window.c uses them.
 */
#ifndef TSC_PORT_H
#define TSC_PORT_H

#ifdef TSC_PORT_HEADER
#include TSC_PORT_HEADER
#else
#include "port/gcc_x86.h"
#endif

/*
 * TSC_PORT_READ(): uint64_t: the TSC, read after every earlier load and port access is done, and
 * before any later one starts. (On x86: LFENCE; RDTSC; LFENCE.)
 */
#ifndef TSC_PORT_READ
#error "tsc: the port header lacks TSC_PORT_READ()"
#endif

/* TSC_PORT_PAUSE(): the hint for a loop that waits. (On x86: PAUSE.) */
#ifndef TSC_PORT_PAUSE
#error "tsc: the port header lacks TSC_PORT_PAUSE()"
#endif

#endif
