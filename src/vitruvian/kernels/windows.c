#include "windows.h"

#include <string.h>

static int smaller(int a, int b) { return a < b ? a : b; }
static int larger(int a, int b) { return a > b ? a : b; }

/* The same places as `heatmap.c` reads. */
void windows_look(const dense_network *n, const layer *l)
{
    const float *points = n->memory + l->in;
    int32_t *list = (int32_t *)(n->memory + l->out);
    int across = l->in_width / STRIP, strips = l->in_height * across, reach = l->kernel / 2, count = 0;
    int32_t *read = list + 1; /* first whether each is read, then which are: the second never overtakes the first */
    memset(read, 0, sizeof *read * (size_t)strips);
    for (int i = 0; i < l->used; i++, points += l->stride) {
        float x = points[0] / l->scale * (float)l->in_width, y = points[1] / l->scale * (float)l->in_height;
        if (!(x > -1 && x < (float)l->in_width && y > -1 && y < (float)l->in_height))
            continue;
        int top = larger((int)y - reach, 0), bottom = smaller((int)y + reach, l->in_height - 1);
        int left = larger((int)x - reach, 0) / STRIP, right = smaller((int)x + reach, l->in_width - 1) / STRIP;
        for (int row = top; row <= bottom; row++)
            for (int strip = left; strip <= right; strip++)
                read[row * across + strip] = 1;
    }
    for (int strip = 0; strip < strips; strip++)
        if (read[strip])
            read[count++] = strip;
    list[0] = count;
}
