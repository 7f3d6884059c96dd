#include "copy.h"

#include <string.h>

enum { PIECE = 1 << 17 };

void copy_run(void *of_job)
{
    copy_job *job = of_job;
    for (int64_t at; (at = (int64_t)PIECE * atomic_fetch_add(&job->next, 1)) < job->size;)
        memcpy(job->to + at, job->from + at, (size_t)(job->size - at < PIECE ? job->size - at : PIECE));
}
