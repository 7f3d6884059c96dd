#include "heatmap.h"

#include <math.h>
#include <stddef.h>

static int smaller(int a, int b) { return a < b ? a : b; }
static int larger(int a, int b) { return a > b ? a : b; }

float heatmap_sigmoid(float logit) { return 1.0f / (1.0f + expf(logit < -88.0f ? 88.0f : -logit)); }

int heatmap_look(const heatmap_shape *s, const float *point, heatmap_window *w)
{
    float across = point[0] * (float)s->columns, down = point[1] * (float)s->rows;
    /* Truncated, so that what is less than a cell to the left or above is inside. Not a number is outside. */
    if (!(across > -1 && across < (float)s->columns && down > -1 && down < (float)s->rows))
        return 0;
    int reach = s->kernel / 2;
    w->column = (int)across, w->row = (int)down;
    w->top = larger(w->row - reach, 0), w->bottom = smaller(w->row + reach, s->rows - 1);
    w->left = larger(w->column - reach, 0), w->right = smaller(w->column + reach, s->columns - 1);
    return 1;
}

void heatmap_refine(const heatmap_shape *s, const float *point, const float *logits, float *moved)
{
    heatmap_window w;
    moved[0] = point[0], moved[1] = point[1];
    if (!heatmap_look(s, point, &w))
        return;
    float best = 0, total = 0, total_x = 0, total_y = 0;
    for (int y = w.top; y <= w.bottom; y++)
        for (int x = w.left; x <= w.right; x++) {
            float mass = heatmap_sigmoid(logits[((ptrdiff_t)y * s->columns + x) * s->maps]);
            best = fmaxf(best, mass);
            total += mass, total_x += mass * (float)(x - w.column), total_y += mass * (float)(y - w.row);
        }
    if (best >= s->threshold && !isnan(total)) {
        moved[0] = (float)((w.column + (double)(total_x / total)) / s->columns);
        moved[1] = (float)((w.row + (double)(total_y / total)) / s->rows);
    }
}
