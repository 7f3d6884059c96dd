#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

enum { MOST = 64, PATIENCE = 4096 };

static pthread_mutex_t taken = PTHREAD_MUTEX_INITIALIZER; /* held by the caller who has the threads */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;  /* guards what follows */
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static void (*current)(void *, int);
static void *current_context;
static unsigned long generation;
static int workers, wanted, come;
static atomic_int active;

/* Wait a moment for another thread: in a loop, whose count of turns so far is given. */
static void wait_a_moment(unsigned turn)
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
        int thread = ++come;
        void (*body)(void *, int) = current;
        void *context = current_context;
        atomic_fetch_add(&active, 1);
        pthread_mutex_unlock(&lock);
        body(context, thread);
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

void pool_call(void (*body)(void *, int), void *context, int threads)
{
    if (threads < 2 || pthread_mutex_trylock(&taken)) {
        body(context, 0);
        return;
    }
    pthread_mutex_lock(&lock);
    hire(threads <= MOST ? threads - 1 : MOST - 1);
    current = body, current_context = context, wanted = threads - 1, come = 0, generation++;
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&lock);

    body(context, 0);

    pthread_mutex_lock(&lock);
    current = NULL; /* who has not come yet stays away */
    pthread_mutex_unlock(&lock);
    for (unsigned turn = 0; atomic_load(&active); turn++)
        wait_a_moment(turn);
    pthread_mutex_unlock(&taken);
}

typedef struct {
    void (*body)(void *, int);
    char *contexts;
    size_t size;
    int count;
    atomic_int next;
} row;

static void take_next(void *of_row, int thread)
{
    (void)thread;
    row *r = of_row;
    for (int i; (i = atomic_fetch_add(&r->next, 1)) < r->count;)
        r->body(r->contexts + r->size * (size_t)i, 0);
}

void pool_each(void (*body)(void *, int), void *contexts, size_t size, int count, int threads)
{
    if (count == 1) {
        pool_call(body, contexts, threads);
        return;
    }
    row r = {.body = body, .contexts = contexts, .size = size, .count = count, .next = 0};
    pool_call(take_next, &r, threads < count ? threads : count);
}

int pool_take(progress *p, int pieces, int thread)
{
    if (atomic_fetch_add(&p->taken, 1) >= pieces)
        return -1;
    return thread % 2 ? pieces - 1 - atomic_fetch_add(&p->back, 1) : atomic_fetch_add(&p->front, 1);
}

void pool_share(progress *p, int pieces, int thread, void (*body)(void *context, int piece), void *context)
{
    for (int piece; (piece = pool_take(p, pieces, thread)) >= 0;) {
        body(context, piece);
        atomic_fetch_add(&p->done, 1);
    }
    for (unsigned turn = 0; atomic_load(&p->done) < pieces; turn++)
        wait_a_moment(turn);
}
