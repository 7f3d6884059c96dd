/* Threads that wait for work, one set for the process. */
#ifndef VITRUVIAN_POOL_H
#define VITRUVIAN_POOL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Call body(context, thread) on this thread, which is 0, and on up to threads - 1 others at once, which are 1, 2 and so
 * on; return when all have returned.
 *
 * The others may come late or not at all: body shares its work out by itself, and does all of it where it is
 * alone. It is alone, too, while another caller has the threads. */
void pool_call(void (*body)(void *context, int thread), void *context, int threads);

/* Call body for each of some contexts, one behind the other in memory. A single one is given to all threads, as by
 * `pool_call`; of several each is one thread's from beginning to end, which is its thread 0. */
void pool_each(void (*body)(void *context, int thread), void *contexts, size_t size, int count, int threads);

/* Who has taken which piece of a step, and how many are done. A cache line each, since all threads write to it. */
typedef struct {
    _Alignas(64) _Atomic int32_t taken;
    _Atomic int32_t front, back; /* taken from the front, and from behind */
    _Atomic int32_t done;
} progress;

/* Take a piece of a step, with other threads that call this at the same time; return its number, -1: there are no more.
 *
 * Threads of odd numbers begin behind, in each step: so most of what a step reads was written by the same thread,
 * and is in the cache of its core. */
int pool_take(progress *p, int pieces, int thread);

/* Do the pieces of a step, with other threads that call this at the same time; return when all are done. */
void pool_share(progress *p, int pieces, int thread, void (*body)(void *context, int piece), void *context);

#endif
