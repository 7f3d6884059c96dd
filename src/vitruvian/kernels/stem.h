/* The beginning of a network: its pictures are the largest, and have the fewest channels.
 *
 * Six convolutions (3x3 of pixels with a stride of 2, depthwise, 1x1, 1x1, depthwise with a stride of 2, 1x1) are
 * calculated together, some rows at a time, so that what lies between them never leaves the cache. Here a picture is
 * a list of planes, one a channel: vectors of places have no unused lanes, which vectors of 8 or 24 channels have. */
#ifndef VITRUVIAN_STEM_H
#define VITRUVIAN_STEM_H

#include "dense.h"

enum { STEM_WIDEST = 128, STEM_MOST = 64, STEM_FILTERS = 4 };

/* Floats that a thread needs. */
int64_t stem_scratch(void);

/* The next row of each picture that a thread calculates. */
typedef struct {
    int pixels, wide, narrow, halves, last; /* last: -1 at the beginning of a picture */
} stem_rows;

/* Calculate a piece of the first four layers: that of pixels, a 1x1 convolution with a depthwise one in front, a 1x1
 * convolution, and another one with a depthwise one in front. Weights are those of STEM_FILTERS filters, for one input
 * after the other, and the same of the next filters; the last filters may be zeros. */
void stem_run(const dense_network *n, const layer *layers, int piece, float *scratch, stem_rows *next);

#endif
