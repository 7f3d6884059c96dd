#include "heatmap.h"

#include <math.h>
#include <stddef.h>

static int smaller(int a, int b) { return a < b ? a : b; }
static int larger(int a, int b) { return a > b ? a : b; }

float heatmap_sigmoid(float logit) { return 1.0f / (1.0f + expf(logit < -88.0f ? 88.0f : -logit)); }

void heatmap_refine(const heatmap_shape *s, const float *point, const float *logits, float *moved)
{
    float across = point[0] * (float)s->columns, down = point[1] * (float)s->rows;
    moved[0] = point[0], moved[1] = point[1];
    /* Truncated, so that what is less than a cell to the left or above is inside. Not a number is outside. */
    if (!(across > -1 && across < (float)s->columns && down > -1 && down < (float)s->rows))
        return;
    int column = (int)across, row = (int)down, reach = s->kernel / 2;
    int top = larger(row - reach, 0), bottom = smaller(row + reach, s->rows - 1);
    int left = larger(column - reach, 0), right = smaller(column + reach, s->columns - 1);
    float best = 0, total = 0, total_x = 0, total_y = 0;
    for (int y = top; y <= bottom; y++)
        for (int x = left; x <= right; x++) {
            float mass = heatmap_sigmoid(logits[((ptrdiff_t)y * s->columns + x) * s->maps]);
            best = fmaxf(best, mass);
            total += mass, total_x += mass * (float)(x - column), total_y += mass * (float)(y - row);
        }
    if (best >= s->threshold && !isnan(total)) {
        moved[0] = (float)((column + (double)(total_x / total)) / s->columns);
        moved[1] = (float)((row + (double)(total_y / total)) / s->rows);
    }
}
