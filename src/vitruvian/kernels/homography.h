/* The map from a crop to its picture: pose specification, section 5. Of crops whose sides are a pixel or more, it is
 * that of OpenCV to the last bit. */
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
