/* The map from a crop to its picture, to the last bit as OpenCV solves it: pose specification, section 5. */
#ifndef VITRUVIAN_HOMOGRAPHY_H
#define VITRUVIAN_HOMOGRAPHY_H

typedef struct {
    float x, y, width, height, rotation; /* in the picture; radians, clockwise on the screen */
    int columns, rows;                   /* of what is cut out */
} crop_rectangle;

/* Write the (3, 3) map to the picture, and return the farthest coordinate of the corners there, its sign aside; or
 * return -1, where the corners determine no map. */
double homography_solve(const crop_rectangle *crop, double *to_image);

#endif
