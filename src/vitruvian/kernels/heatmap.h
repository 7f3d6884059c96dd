/* Heat maps into points: pose specification, section 7, step 4. */
#ifndef VITRUVIAN_HEATMAP_H
#define VITRUVIAN_HEATMAP_H

typedef struct {
    int rows, columns, maps; /* of all heat maps: rows x columns x maps */
    int kernel; /* side of the window, odd */
    float threshold;
} heatmap_shape;

/* Cells around a point that are in the map: the first and the last row and column. */
typedef struct {
    int row, column; /* the point's own */
    int top, bottom, left, right;
} heatmap_window;

float heatmap_sigmoid(float logit);

/* Which cells a point is refined by; returns whether it is in the map at all. x and y are fractions of the map. */
int heatmap_look(const heatmap_shape *shape, const float *point, heatmap_window *window);

/* Move a point to the centre of mass of its map nearby; x and y are fractions of the map, which begins at `logits`. */
void heatmap_refine(const heatmap_shape *shape, const float *point, const float *logits, float *moved);

#endif
