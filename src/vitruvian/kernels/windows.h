/* Pictures of which only windows around points are read: in strips of some places in a row, which are calculated
 * together or not at all. A list of them lies in the memory as a picture does: how many there are, then which. */
#ifndef VITRUVIAN_WINDOWS_H
#define VITRUVIAN_WINDOWS_H

#include "dense.h"

enum { STRIP = 8 };

/* Write the list. Of the layer: `in` are the points, `used` of them, `stride` numbers from one to the next, in
 * fractions of `scale`; windows have `kernel` places a side; the picture is that of `in_height` and `in_width`. */
void windows_look(const dense_network *n, const layer *l);

/* How many strips a layer calculates, of so many. */
static inline int64_t windows_count(const dense_network *n, const layer *l, int64_t all)
{
    return l->listed < 0 ? all : *(const int32_t *)(n->memory + l->listed);
}

/* Which strip is at a place of the list; the place itself, where there is none. */
static inline int windows_strip(const dense_network *n, const layer *l, int at)
{
    return l->listed < 0 ? at : ((const int32_t *)(n->memory + l->listed))[1 + at];
}

#endif
