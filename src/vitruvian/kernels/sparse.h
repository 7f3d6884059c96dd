/* Convolutional networks most of whose weights are zero.
 *
 * A picture is a list of planes, one a channel, whose rows lie one behind the other with GAP zeros between
 * them, and as many rows of zeros above and below: what lies beside a place of a plane is found by adding to
 * its index, also beyond the edge. So a convolution that mixes the channels of a place walks over a plane as if
 * it were one row; and it takes time only for weights that are not zero.
 *
 * The lower half of all rows may lie elsewhere, far from the upper one: they are two threads', and what one of them
 * writes, the other's processor would read ahead. */
#ifndef VITRUVIAN_SPARSE_H
#define VITRUVIAN_SPARSE_H

#include "pool.h"

#include <stdint.h>

enum { GAP = 2 };

enum kind { FIRST, DEPTHWISE, POINTWISE, ENLARGE, SPREAD, WRITE };

/* One step. Indices count floats: of planes in the working memory, of weights and biases in the constants.
 * The order of fields is that of `sparse.py`. */
typedef struct {
    int32_t kind;
    int32_t items;                           /* pieces that threads share */
    int32_t in, out;                         /* first place of the first plane */
    int32_t added;                           /* planes that are added to the result; -1: none */
    int32_t in_channels, in_height, in_width;
    int32_t in_plane;                        /* from one plane to the next */
    int32_t in_apart;                        /* from the first row of a plane to that of its lower half; 0: one follows
                                              * the other */
    int32_t out_channels, out_height, out_width;
    int32_t out_plane, out_apart;
    int32_t kernel, stride, pad;
    int32_t weights, bias;
    int32_t rows;                            /* POINTWISE: in `rows`, where the taps of each channel begin */
    int32_t inside;                          /* POINTWISE: in `rows`, which lanes of each vector are no gaps */
    int32_t parts, blocks;                   /* POINTWISE: of the input channels, of the places */
    int32_t target, target_index;            /* WRITE: which output, and where in it */
    float low, high;                         /* bounds of the result before anything is added */
    float late_low, late_high;               /* and after */
    float scale, shift;                      /* FIRST: from a byte to a number */
} step;

typedef struct {
    float weight;
    int32_t offset; /* of its plane from the first one */
} tap;

typedef struct {
    const step *steps;
    int count;
    const float *constants;
    const tap *taps;
    const int32_t *rows;
    const uint8_t *pixels;
    float *memory;
    float *const *targets;
    progress *progress; /* one for each step */
} network;

/* Run a network, where there are vectors, with other threads that call this at the same time with the same argument. */
void sparse_run(void *of_network, int thread);

#endif
