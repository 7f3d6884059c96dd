#include "windows.h"

#include "heatmap.h"

#include <string.h>

void windows_look(const dense_network *n, const layer *l)
{
    heatmap_shape picture = {.rows = l->in_height, .columns = l->in_width, .kernel = l->kernel};
    const float *points = n->memory + l->in;
    int32_t *list = (int32_t *)(n->memory + l->out);
    int across = l->in_width / STRIP, strips = l->in_height * across, count = 0;
    int32_t *read = list + 1; /* first whether each is read, then which are: the second never overtakes the first */
    memset(read, 0, sizeof *read * (size_t)strips);
    for (int i = 0; i < l->used; i++, points += l->stride) {
        float point[2] = {points[0] / l->scale, points[1] / l->scale};
        heatmap_window w;
        if (!heatmap_look(&picture, point, &w))
            continue;
        for (int row = w.top; row <= w.bottom; row++)
            for (int strip = w.left / STRIP; strip <= w.right / STRIP; strip++)
                read[row * across + strip] = 1;
    }
    for (int strip = 0; strip < strips; strip++)
        if (read[strip])
            read[count++] = strip;
    list[0] = count;
}
