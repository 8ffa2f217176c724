/* SPDX-License-Identifier: 0BSD */
/* What the sources share. */
#ifndef TSC_INTERNAL_H
#define TSC_INTERNAL_H

#include "tsc.h"

/* Fills a source and returns its status. */
static inline enum tsc_status tsc_fill(struct tsc_source *source, enum tsc_status status,
                                       uint64_t hz, uint64_t error_ppm)
{
    source->hz = hz;
    source->error_ppm = error_ppm < TSC_PPM ? error_ppm : TSC_PPM;
    source->status = status;
    source->confirms = 0;
    return status;
}

#endif
