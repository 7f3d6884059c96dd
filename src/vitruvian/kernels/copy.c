#include "copy.h"

#include <string.h>

enum { PIECE = 1 << 17 };

void copy_run(void *of_job, int thread)
{
    copy_job *job = of_job;
    int pieces = (int)((job->size + PIECE - 1) / PIECE);
    for (int piece; (piece = pool_take(&job->copied, pieces, thread)) >= 0;) {
        int64_t at = (int64_t)piece * PIECE, left = job->size - at;
        memcpy(job->to + at, job->from + at, (size_t)(left < PIECE ? left : PIECE));
    }
}
