/* Convolutional networks few of whose weights are zero.
 *
 * A picture is a list of places, row by row, with all channels of a place one behind the other: a whole number of
 * vectors, the last of which may hold unused channels. A depthwise convolution is calculated for a few places at a
 * time, as far as the 1x1 convolution behind it needs them, so that what lies between them never leaves the cache. */
#ifndef VITRUVIAN_DENSE_H
#define VITRUVIAN_DENSE_H

#include "pool.h"

#include <stdint.h>

/* Those of `steps.py`, which has some that only the other kernels know. */
enum dense_kind {
    DENSE_FIRST = 0,
    DENSE_DEPTHWISE = 1,
    DENSE_POINTWISE = 2,
    DENSE_ENLARGE = 3,
    DENSE_WRITE = 5,
    DENSE_POOL = 6,
    DENSE_MEAN = 7,
    DENSE_LOOK = 9,
};

/* One step. Indices count floats, of pictures in the working memory and of all else in the constants; -1: none. The
 * order of fields is that of `dense.py`. */
typedef struct {
    int32_t kind;
    int32_t items;                             /* pieces that threads share */
    int32_t in, out, added;                    /* pictures */
    int32_t in_channels, in_height, in_width;  /* with the unused channels */
    int32_t out_channels, out_height, out_width;
    int32_t added_channels;                    /* which may be fewer: the first ones */
    int32_t kernel, stride, pad;               /* FIRST, DEPTHWISE, and POINTWISE with a depthwise one in front;
                                                * of LOOK they say something else, as others do: `windows.h` */
    int32_t across;                            /* DEPTHWISE: places in a row that are calculated together: a strip */
    int32_t filter, filter_bias;               /* of the depthwise convolution */
    int32_t filter_slopes;
    int32_t weights;
    int32_t used;                              /* channels of what comes in that are no unused ones */
    int32_t groups;                            /* POINTWISE: of filters, which are pieces too */
    int32_t bias, slopes, late_slopes;
    int32_t sigmoid;                           /* POINTWISE of a single place: whether it is the last thing to do */
    int32_t target, target_index;              /* WRITE, or written: which output, and where in it */
    int32_t halves;                            /* whether weights are of 16 bits, two in the place of a float */
    int32_t stem;                              /* FIRST: whether the layers behind it are calculated with it */
    int32_t written;                           /* POINTWISE: channels of which nothing but an output is made; 0: no */
    int32_t listed;                            /* ENLARGE, POINTWISE: which strips are calculated (`windows.h`) */
    float low, high;                           /* bounds of the result before anything is added */
    float late_low, late_high;                 /* and after */
    float filter_low, filter_high;             /* of the depthwise convolution */
    float scale, shift;                        /* FIRST: from a byte to a number */
} layer;

typedef struct {
    const layer *layers;
    int count;
    const float *constants; /* first of all zeros, as many as any place has channels */
    const uint8_t *pixels;
    float *memory;
    float *scratch;       /* for each thread by itself */
    int64_t scratch_size; /* of one */
    int scratches;
    float *const *targets;
    progress *progress; /* one for each step */
} dense_network;

/* Floats that a thread needs for steps of so many channels, and for pictures of such a width. */
int64_t dense_scratch(int channels, int width);

/* Run a network, where there are vectors, with other threads that call this at the same time with the same argument. */
void dense_run(void *of_network, int thread);

#endif
