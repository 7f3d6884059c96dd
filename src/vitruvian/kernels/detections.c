#include "detections.h"

#include "heatmap.h"

#include <string.h>

int detections_decode(const anchor_answers *a, float *values, float *scores)
{
    int count = 0;
    for (int i = 0; i < a->anchors; i++) {
        if (!(a->logits[i] > a->below))
            continue;
        float score = heatmap_sigmoid(a->logits[i]), *v = values + (int64_t)count * a->width;
        if (!(score >= a->least))
            continue;
        for (int j = 0; j < a->width; j++)
            v[j] = a->raw[(int64_t)i * a->stride + j] / a->side + a->origins[(int64_t)i * a->width + j];
        float across = v[2] / 2, down = v[3] / 2;
        if (!(across >= 0 && down >= 0))
            continue;
        v[2] = v[0] + across, v[3] = v[1] + down;
        v[0] -= across, v[1] -= down;
        scores[count++] = score;
    }
    return count;
}

static float smaller(float a, float b) { return a < b ? a : b; }
static float larger(float a, float b) { return a > b ? a : b; }

/* Intersection over union of two boxes; 0 where both are empty. */
static float overlap(const float *a, const float *b)
{
    float across = larger(smaller(a[2], b[2]) - larger(a[0], b[0]), 0);
    float shared = across * larger(smaller(a[3], b[3]) - larger(a[1], b[1]), 0);
    float whole = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared;
    return whole > 0 ? shared / whole : 0;
}

/* Indices by falling score; of equal ones the first stays first. */
static void sort(const float *scores, int count, int32_t *order)
{
    for (int i = 0, j; i < count; i++) {
        for (j = i; j > 0 && scores[order[j - 1]] < scores[i]; j--)
            order[j] = order[j - 1];
        order[j] = i;
    }
}

int detections_merge(const float *values, const float *scores, int count, int width, float iou, int32_t *order,
                     float *means, float *kept)
{
    int things = 0;
    sort(scores, count, order);
    while (count > 0) {
        const float *best = values + (int64_t)order[0] * width;
        float *mean = means + (int64_t)things * width, total = 0;
        if (!(overlap(best, best) > iou))
            break; /* a degenerate box does not even overlap itself */
        kept[things++] = scores[order[0]];
        memset(mean, 0, sizeof *mean * (size_t)width);
        int left = 0;
        for (int i = 0; i < count; i++) {
            const float *other = values + (int64_t)order[i] * width, score = scores[order[i]];
            if (!(overlap(best, other) > iou)) {
                order[left++] = order[i];
                continue;
            }
            for (int j = 0; j < width; j++)
                mean[j] += other[j] * score;
            total += score;
        }
        for (int j = 0; j < width; j++)
            mean[j] /= total;
        count = left;
    }
    return things;
}
