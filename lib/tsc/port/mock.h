/* SPDX-License-Identifier: 0BSD */
/* The hooks of ../port.h for unit tests: the test defines both functions and plays the machine. */
#ifndef TSC_PORT_MOCK_H
#define TSC_PORT_MOCK_H

#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

uint64_t tsc_mock_read(void);
void tsc_mock_pause(void);

#ifdef __cplusplus
}
#endif

#define TSC_PORT_READ()  tsc_mock_read()
#define TSC_PORT_PAUSE() tsc_mock_pause()

#endif
