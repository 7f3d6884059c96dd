/* Threads that wait for work, one set for the process. */
#ifndef VITRUVIAN_POOL_H
#define VITRUVIAN_POOL_H

/* Call body(context) on this thread and on up to threads - 1 others at once; return when all have returned.
 *
 * The others may come late or not at all: body shares its work out by itself, and does all of it where it is
 * alone. It is alone, too, while another caller has the threads. */
void pool_call(void (*body)(void *), void *context, int threads);

/* Wait a moment for another thread: in a loop, whose count of turns so far is given. */
void pool_pause(unsigned turn);

#endif
