/* Turned rectangles cut out of pictures, to the byte as OpenCV does it: positions in 1/32 pixel. */
#ifndef VITRUVIAN_WARP_H
#define VITRUVIAN_WARP_H

#include "pool.h"

#include <stdint.h>

enum { WARP_MOST_COLUMNS = 1024 };

typedef struct {
    const uint8_t *pixels; /* height x width x 3 */
    int height, width;
    const double *to_image; /* 3 x 3, from places of the result to places of the picture */
    int replicate;          /* what lies beyond the edge: its pixels again, or black */
    uint8_t *out;           /* rows x columns x 3 */
    int rows, columns;
    int top, bottom, left, right; /* rows and bytes of the picture that are read beforehand; none where equal */
    progress fetched, drawn;
} warp_job;

/* Whether this processor has what it takes. */
int warp_supported(void);

/* Cut out, with other threads that call this at the same time with the same argument. */
void warp_run(void *of_job, int thread);

#endif
