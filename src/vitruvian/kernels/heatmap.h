/* Heat maps into points: pose specification, section 7, step 4. */
#ifndef VITRUVIAN_HEATMAP_H
#define VITRUVIAN_HEATMAP_H

typedef struct {
    int rows, columns, maps; /* of the heat maps: rows x columns x maps, of which the first are the points' */
    int points;
    int kernel; /* side of the window, odd */
    float threshold;
} heatmap_shape;

/* Move points to the centre of mass nearby. x and y of both are fractions of the map. */
void heatmap_refine(const heatmap_shape *shape, const float *points, const float *logits, float *moved);

#endif
