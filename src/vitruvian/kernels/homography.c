#include "homography.h"

#include <float.h>
#include <math.h>

enum { CORNERS = 4, UNKNOWNS = 2 * CORNERS };

/* Bottom left, top left, top right, bottom right. The order of operations in float32 decides their last bits. */
static void corners_of(const crop_rectangle *c, float corners[CORNERS][2])
{
    const double pi = 3.14159265358979323846;
    /* Through degrees and back, as the original's rectangle type does. */
    float degrees = (float)((double)(c->rotation * 180.0f) / pi);
    double angle = (double)degrees * pi / 180;
    float cosine = (float)cos(angle) * 0.5f, sine = (float)sin(angle) * 0.5f;
    corners[0][0] = c->x - sine * c->height - cosine * c->width;
    corners[0][1] = c->y + cosine * c->height - sine * c->width;
    corners[1][0] = c->x + sine * c->height - cosine * c->width;
    corners[1][1] = c->y - cosine * c->height - sine * c->width;
    for (int axis = 0; axis < 2; axis++) {
        float centre = axis ? c->y : c->x;
        corners[2][axis] = 2.0f * centre - corners[0][axis], corners[3][axis] = 2.0f * centre - corners[1][axis];
    }
}

/* Gaussian elimination with the largest pivot of each column. Returns whether there is a solution, which is in b. */
static int solve(double a[UNKNOWNS][UNKNOWNS], double b[UNKNOWNS])
{
    for (int i = 0; i < UNKNOWNS; i++) {
        int pivot = i;
        for (int j = i + 1; j < UNKNOWNS; j++)
            if (fabs(a[j][i]) > fabs(a[pivot][i]))
                pivot = j;
        if (!(fabs(a[pivot][i]) >= DBL_EPSILON * 100))
            return 0;
        for (int k = i; pivot != i && k <= UNKNOWNS; k++) {
            double *one = k < UNKNOWNS ? &a[i][k] : &b[i], *other = k < UNKNOWNS ? &a[pivot][k] : &b[pivot];
            double kept = *one;
            *one = *other, *other = kept;
        }
        double negative = -1 / a[i][i];
        for (int j = i + 1; j < UNKNOWNS; j++) {
            double factor = a[j][i] * negative;
            for (int k = i + 1; k < UNKNOWNS; k++)
                a[j][k] += factor * a[i][k];
            b[j] += factor * b[i];
        }
    }
    for (int i = UNKNOWNS - 1; i >= 0; i--) {
        for (int k = i + 1; k < UNKNOWNS; k++)
            b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
    return 1;
}

/* By cofactors. */
static void invert(const double m[9], double *inverse)
{
    double of_first[3] = {m[4] * m[8] - m[5] * m[7], m[3] * m[8] - m[5] * m[6], m[3] * m[7] - m[4] * m[6]};
    double determinant = m[0] * of_first[0] - m[1] * of_first[1] + m[2] * of_first[2], scale = 1 / determinant;
    inverse[0] = of_first[0] * scale;
    inverse[1] = (m[2] * m[7] - m[1] * m[8]) * scale;
    inverse[2] = (m[1] * m[5] - m[2] * m[4]) * scale;
    inverse[3] = (m[5] * m[6] - m[3] * m[8]) * scale;
    inverse[4] = (m[0] * m[8] - m[2] * m[6]) * scale;
    inverse[5] = (m[2] * m[3] - m[0] * m[5]) * scale;
    inverse[6] = of_first[2] * scale;
    inverse[7] = (m[1] * m[6] - m[0] * m[7]) * scale;
    inverse[8] = (m[0] * m[4] - m[1] * m[3]) * scale;
}

double homography_solve(const crop_rectangle *crop, double *to_image)
{
    float corners[CORNERS][2], right = (float)crop->columns, bottom = (float)crop->rows;
    const float seen[CORNERS][2] = {{0, bottom}, {0, 0}, {right, 0}, {right, bottom}};
    double a[UNKNOWNS][UNKNOWNS] = {{0}}, b[UNKNOWNS], farthest = 0;
    corners_of(crop, corners);
    for (int i = 0; i < CORNERS; i++)
        for (int axis = 0; axis < 2; axis++) {
            double *row = a[i + axis * CORNERS];
            row[3 * axis] = corners[i][0], row[3 * axis + 1] = corners[i][1], row[3 * axis + 2] = 1;
            row[6] = -corners[i][0] * seen[i][axis], row[7] = -corners[i][1] * seen[i][axis]; /* in float32 */
            b[i + axis * CORNERS] = seen[i][axis];
            farthest = fmax(farthest, fabs((double)corners[i][axis]));
        }
    if (!solve(a, b))
        return -1;
    const double to_crop[9] = {b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], 1};
    invert(to_crop, to_image);
    return farthest;
}
