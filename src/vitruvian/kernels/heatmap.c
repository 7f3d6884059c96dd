#include "heatmap.h"

#include <math.h>
#include <stddef.h>

static float sigmoid(float logit) { return 1.0f / (1.0f + expf(logit < -88.0f ? 88.0f : -logit)); }

static void refine(const heatmap_shape *s, const float *point, const float *logits, float *moved)
{
    float across = point[0] * (float)s->columns, down = point[1] * (float)s->rows;
    moved[0] = point[0], moved[1] = point[1];
    /* Truncated, so that what is less than a cell to the left or above is inside. Not a number is outside. */
    if (!(across > -1 && across < (float)s->columns && down > -1 && down < (float)s->rows))
        return;
    int column = (int)across, row = (int)down, reach = s->kernel / 2;
    float best = 0, total = 0, total_x = 0, total_y = 0;
    for (int y = row - reach; y <= row + reach; y++)
        for (int x = column - reach; x <= column + reach; x++) {
            if (y < 0 || y >= s->rows || x < 0 || x >= s->columns)
                continue;
            float mass = sigmoid(logits[((ptrdiff_t)y * s->columns + x) * s->maps]);
            best = fmaxf(best, mass);
            total += mass, total_x += mass * (float)(x - column), total_y += mass * (float)(y - row);
        }
    if (best >= s->threshold && !isnan(total)) {
        moved[0] = (float)((column + (double)(total_x / total)) / s->columns);
        moved[1] = (float)((row + (double)(total_y / total)) / s->rows);
    }
}

void heatmap_refine(const heatmap_shape *shape, const float *points, const float *logits, float *moved)
{
    for (int i = 0; i < shape->points; i++)
        refine(shape, points + 2 * i, logits + i, moved + 2 * i);
}
