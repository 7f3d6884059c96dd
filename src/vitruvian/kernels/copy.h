/* Copies of pictures: one core alone does not use all that memory can give. */
#ifndef VITRUVIAN_COPY_H
#define VITRUVIAN_COPY_H

#include "pool.h"

#include <stdint.h>

typedef struct {
    const uint8_t *from;
    uint8_t *to;
    int64_t size;
    progress copied;
} copy_job;

/* Copy, with other threads that call this at the same time with the same argument. */
void copy_run(void *of_job, int thread);

#endif
