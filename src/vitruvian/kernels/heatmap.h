/* Heat maps into points: pose specification, section 7, step 4. */
#ifndef VITRUVIAN_HEATMAP_H
#define VITRUVIAN_HEATMAP_H

typedef struct {
    int rows, columns, maps; /* of all heat maps: rows x columns x maps */
    int kernel; /* side of the window, odd */
    float threshold;
} heatmap_shape;

float heatmap_sigmoid(float logit);

/* Move a point to the centre of mass of its map nearby; x and y are fractions of the map, which begins at `logits`. */
void heatmap_refine(const heatmap_shape *shape, const float *point, const float *logits, float *moved);

#endif
