#include "body.h"

#include "affine.h"

#include <math.h>

/* As NumPy's minimum and maximum: what is not a number stays so. */
static float least(float a, float b) { return isnan(a) || a < b ? a : b; }
static float most(float a, float b) { return isnan(a) || a > b ? a : b; }

static void turn(const body_crop *crop, const float *direction, float *to)
{
    const double *m = crop->turn;
    to[0] = (float)(m[0] * direction[0] + m[1] * direction[1]);
    to[1] = (float)(m[2] * direction[0] + m[3] * direction[1]);
    to[2] = direction[2];
}

void body_read(const body_shape *s, const body_crop *crop, const float *numbers, const float *heatmaps,
               const float *world, const body_columns *to)
{
    float *box = to->box;
    for (int i = 0; i < s->landmarks + s->auxiliary; i++, numbers += BODY_NUMBERS) {
        float point[2] = {numbers[0] / s->side, numbers[1] / s->side}, moved[2];
        heatmap_refine(&s->map, point, heatmaps + i, moved);
        moved[0] *= s->side, moved[1] *= s->side;
        if (i >= s->landmarks) {
            affine_place(crop->to_image, moved, to->auxiliary + 2 * (i - s->landmarks));
            continue;
        }
        float *xy = to->xy + 2 * i;
        affine_place(crop->to_image, moved, xy);
        to->depth[i] = numbers[2] * (float)crop->scale;
        to->score[i] = heatmap_sigmoid(numbers[3]), to->presence[i] = heatmap_sigmoid(numbers[4]);
        turn(crop, world + 3 * i, to->world + 3 * i);
        box[0] = i ? least(box[0], xy[0]) : xy[0], box[1] = i ? least(box[1], xy[1]) : xy[1];
        box[2] = i ? most(box[2], xy[0]) : xy[0], box[3] = i ? most(box[3], xy[1]) : xy[1];
    }
}

/* In float32 and through fractions of the image, since the original stores these. */
void body_surround(const float *points, const float image[2], float enlarged, float *centre, float *size,
                   float *rotation)
{
    const double pi = 3.14159265358979323846;
    float across[2], longer = 0;
    for (int axis = 0; axis < 2; axis++) {
        centre[axis] = points[axis] / image[axis] * image[axis];
        across[axis] = points[2 + axis] / image[axis] * image[axis] - centre[axis];
    }
    float diameter = 2 * sqrtf(across[0] * across[0] + across[1] * across[1]);
    float angle = (float)(pi / 2) - atan2f(-across[1], across[0]);
    *rotation = (float)(angle - 2 * pi * floor((angle + pi) / (2 * pi)));
    for (int axis = 0; axis < 2; axis++) {
        float side = diameter / image[axis] * image[axis];
        longer = axis ? most(longer, side) : side;
    }
    for (int axis = 0; axis < 2; axis++)
        size[axis] = longer / image[axis] * enlarged * image[axis];
}
