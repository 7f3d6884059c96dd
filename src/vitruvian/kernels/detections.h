/* What the anchors of a detector see, and each thing that they see once: pose specification, sections 6.3 and 6.4. */
#ifndef VITRUVIAN_DETECTIONS_H
#define VITRUVIAN_DETECTIONS_H

#include <stdint.h>

typedef struct {
    const float *raw, *logits; /* of each anchor: `stride` numbers, and one */
    const float *origins;      /* `width` numbers */
    int anchors, stride, width;
    float side;          /* of the detector's picture: raw numbers are in its pixels */
    float below, least;  /* logit up to which a score is surely too small; least score */
} anchor_answers;

/* Write those whose score is large enough, the corners of their box first, and their scores; return how many. */
int detections_decode(const anchor_answers *answers, float *values, float *scores);

/* Merge what overlaps by more than `iou`; return how many things there are. There is room for as many in `means` and
 * `kept`; order: room for `count` numbers. */
int detections_merge(const float *values, const float *scores, int count, int width, float iou, int32_t *order,
                     float *means, float *kept);

#endif
