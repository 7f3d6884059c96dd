/* Points from a crop to its picture. */
#ifndef VITRUVIAN_AFFINE_H
#define VITRUVIAN_AFFINE_H

/* By the two rows of a map, in double precision. */
static inline void affine_place(const double map[6], const float point[2], float *to)
{
    double x = point[0], y = point[1];
    to[0] = (float)(map[0] * x + map[1] * y + map[2]);
    to[1] = (float)(map[3] * x + map[4] * y + map[5]);
}

#endif
