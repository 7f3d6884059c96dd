#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

enum { MOST = 64, PATIENCE = 4096 };

static pthread_mutex_t taken = PTHREAD_MUTEX_INITIALIZER; /* held by the caller who has the threads */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;  /* guards what follows */
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static void (*current)(void *);
static void *current_context;
static unsigned long generation;
static int workers, wanted;
static atomic_int active;

void pool_pause(unsigned turn)
{
    /* Somebody else may need this core to finish what is waited for. */
    if (turn % PATIENCE == PATIENCE - 1)
        sched_yield();
#if defined(__x86_64__)
    else
        __builtin_ia32_pause();
#endif
}

static void *work(void *nothing)
{
    unsigned long seen = 0;
    for (;;) {
        pthread_mutex_lock(&lock);
        while (!current || generation == seen || wanted == 0)
            pthread_cond_wait(&wake, &lock);
        seen = generation;
        wanted--;
        void (*body)(void *) = current;
        void *context = current_context;
        atomic_fetch_add(&active, 1);
        pthread_mutex_unlock(&lock);
        body(context);
        atomic_fetch_sub(&active, 1);
    }
    return nothing;
}

/* The threads do not follow into a forked process: it begins with none. */
static void forget(void)
{
    pthread_mutex_init(&taken, NULL);
    pthread_mutex_init(&lock, NULL);
    pthread_cond_init(&wake, NULL);
    current = NULL;
    workers = 0;
    atomic_store(&active, 0);
}

static void hire(int count)
{
    static int watched;
    if (workers >= count)
        return;
    if (!watched)
        watched = pthread_atfork(NULL, NULL, forget) == 0;
    sigset_t every, before; /* signals are for the threads that Python knows */
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    for (pthread_t thread; watched && workers < count; workers++) {
        if (pthread_create(&thread, NULL, work, NULL))
            break; /* fewer threads, the same result */
        pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void pool_call(void (*body)(void *), void *context, int threads)
{
    if (threads < 2 || pthread_mutex_trylock(&taken)) {
        body(context);
        return;
    }
    pthread_mutex_lock(&lock);
    hire(threads <= MOST ? threads - 1 : MOST - 1);
    current = body, current_context = context, wanted = threads - 1, generation++;
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&lock);

    body(context);

    pthread_mutex_lock(&lock);
    current = NULL; /* who has not come yet stays away */
    pthread_mutex_unlock(&lock);
    for (unsigned turn = 0; atomic_load(&active); turn++)
        pool_pause(turn);
    pthread_mutex_unlock(&taken);
}
