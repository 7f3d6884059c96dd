/* Rows of 8-bit pixels as numbers, for convolutions with a stride of 2. */
#ifndef VITRUVIAN_PIXELS_H
#define VITRUVIAN_PIXELS_H

#include "vectors.h"

#ifdef VECTORS

enum { PIXELS_WIDEST = 256 };

/* One row of a picture: of each colour what windows of three columns see with a stride of 2, in the first of their
 * columns, the second and the third. Places begin at LANES. */
typedef float colours[3][3][PIXELS_WIDEST / 2 + 2 * LANES];

VECTORS_BEGIN

/* Windows begin `pad` columns before the picture, 0 or 1, where zeros are already. */
INLINE void take_apart(const uint8_t *pixels, int width, int pad, float scale, float shift, colours line)
{
    for (int x = 0; x < width / 2; x += LANES, pixels += 6 * LANES) {
        vec number[6];
        UNROLL for (int i = 0; i < 6; i++) number[i] = madd(numbers_of(pixels + i * LANES), all(scale), all(shift));
        UNROLL for (int kind = 0; kind < 6; kind++) {
            /* Of these 96 numbers each sixth, out of one vector after the other. */
            ivec sixths = _mm512_mullo_epi32(lane_numbers(), _mm512_set1_epi32(6));
            ivec at = _mm512_add_epi32(sixths, _mm512_set1_epi32(kind));
            vec v = _mm512_permutexvar_ps(at, number[0]);
            UNROLL for (int i = 1; i < 6; i++) {
                __mmask16 here = _mm512_cmpeq_epi32_mask(_mm512_srli_epi32(at, 4), _mm512_set1_epi32(i));
                v = _mm512_mask_permutexvar_ps(v, here, at, number[i]);
            }
            /* Of the first column and the third one, each sees what the other one sees a place before or behind. */
            float(*of_colour)[PIXELS_WIDEST / 2 + 2 * LANES] = line[kind % 3];
            if (kind / 3 != pad) {
                store(&of_colour[1][LANES + x], v);
            } else {
                store(&of_colour[0][LANES + x + pad], v);
                store(&of_colour[2][LANES + x + pad - 1], v);
            }
        }
    }
}

VECTORS_END

#endif
#endif
