/* What the network of bodies answers, as landmarks in the picture: pose specification, section 7. */
#ifndef VITRUVIAN_BODY_H
#define VITRUVIAN_BODY_H

#include "heatmap.h"

enum { BODY_NUMBERS = 5 }; /* of a point: x, y and z in pixels of the crop, and the logits of two scores */

/* How a crop lies in its picture. The order of fields is that of `blazepose.py`. */
typedef struct {
    double to_image[6]; /* affine map of points, two rows */
    double turn[4];     /* of directions, two rows */
    double scale;       /* of depths */
} body_crop;

typedef struct {
    heatmap_shape map;
    int points;    /* that the network gives; first the landmarks, then the auxiliary ones, each has a map */
    int landmarks, auxiliary;
    float side;    /* of the crop in pixels */
} body_shape;

/* What comes out, of each landmark, of each auxiliary point, and of the body. */
typedef struct {
    float *xy, *score, *presence, *depth, *world;
    float *auxiliary;
    float *box;
} body_columns;

/* numbers: of the points, BODY_NUMBERS each; world: three of each point. */
void body_read(const body_shape *shape, const body_crop *crop, const float *numbers, const float *heatmaps,
               const float *world, const body_columns *to);

/* The square around a body, of its centre and a point on the circle around it, in pixels: section 6.6.
 *
 * image: its width and height; enlarged: what the square's side is in diameters. */
void body_surround(const float *points, const float image[2], float enlarged, float *centre, float *size,
                   float *rotation);

#endif
