/* Pictures through networks. */
#include "doors.h"

#include <string.h>

#include "dense.h"
#include "pool.h"
#include "sparse.h"
#include "stem.h"

enum { OUTPUTS = 8, PICTURES = 8 };

/* A picture on its way through a network: what it is read from, worked on in and written to. */
typedef struct {
    Py_buffer pixels, memory, done, out[OUTPUTS];
    float *targets[OUTPUTS];
    int outputs;
} picture;

static void close_pictures(picture *pictures, int count)
{
    while (count-- > 0) {
        picture *p = &pictures[count];
        release(p->out, p->outputs);
        PyBuffer_Release(&p->pixels), PyBuffer_Release(&p->memory), PyBuffer_Release(&p->done);
    }
}

/* Where a picture's outputs are to be written; what was opened before an error, `close_pictures` closes. */
static int open_targets(PyObject *targets, picture *p)
{
    if (PyTuple_Size(targets) > OUTPUTS) {
        PyErr_SetString(PyExc_ValueError, "too many outputs");
        return 0;
    }
    for (; p->outputs < PyTuple_Size(targets); p->outputs++) {
        Py_buffer *out = &p->out[p->outputs];
        if (PyObject_GetBuffer(PyTuple_GetItem(targets, p->outputs), out, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS))
            return 0;
        p->targets[p->outputs] = out->buf;
    }
    return 1;
}

/* Whether a picture has room to note who does which of so many steps; nothing is done yet, then. */
static int begins(const picture *p, Py_ssize_t steps)
{
    size_t size = (size_t)steps * sizeof(progress);
    if ((size_t)p->done.len < size || (uintptr_t)p->done.buf % _Alignof(progress)) {
        PyErr_SetString(PyExc_ValueError, "progress of another shape");
        return 0;
    }
    memset(p->done.buf, 0, size);
    return 1;
}

/* Returns how many pictures there are, or -1; what was opened before an error is closed. */
static int open_pictures(PyObject *every, picture *pictures, Py_ssize_t steps)
{
    int count = 0;
    if (PyTuple_Size(every) > PICTURES) {
        PyErr_SetString(PyExc_ValueError, "too many pictures");
        return -1;
    }
    while (count < PyTuple_Size(every)) {
        picture *p = &pictures[count];
        PyObject *targets;
        int there = PyArg_ParseTuple(PyTuple_GetItem(every, count), "y*w*w*O!;a picture", &p->pixels, &p->memory,
                                     &p->done, &PyTuple_Type, &targets);
        count += there, p->outputs = 0;
        if (!there || !begins(p, steps) || !open_targets(targets, p)) {
            close_pictures(pictures, count);
            return -1;
        }
    }
    return count;
}

/* How many steps an array holds, or -1. */
static Py_ssize_t steps_of(const Py_buffer *steps, size_t size)
{
    if ((size_t)steps->len % size == 0)
        return steps->len / (Py_ssize_t)size;
    PyErr_SetString(PyExc_ValueError, "steps of another shape");
    return -1;
}

PyDoc_STRVAR(run_sparse_doc,
             "run_sparse(steps, constants, taps, rows, pictures, threads)\n--\n\n"
             "Run pictures through a network that `sparse.py` has put together: tuples of pixels, memory, progress\n"
             "and targets. A single one is shared by all threads; of several, each is one thread's.");

static PyObject *run_sparse(PyObject *self, PyObject *args)
{
    (void)self;
    enum { BUFFERS = 4 };
    Py_buffer in[BUFFERS];
    PyObject *every;
    picture pictures[PICTURES];
    network networks[PICTURES];
    int threads, count = -1;
    if (!PyArg_ParseTuple(args, "y*y*y*y*O!i:run_sparse", &in[0], &in[1], &in[2], &in[3], &PyTuple_Type, &every,
                          &threads))
        return NULL;
    Py_ssize_t steps = steps_of(&in[0], sizeof(step));
    if (steps >= 0 && (count = open_pictures(every, pictures, steps)) >= 0) {
        for (int i = 0; i < count; i++)
            networks[i] = (network){
                .steps = in[0].buf,
                .count = (int)steps,
                .constants = in[1].buf,
                .taps = in[2].buf,
                .rows = in[3].buf,
                .pixels = pictures[i].pixels.buf,
                .memory = pictures[i].memory.buf,
                .progress = pictures[i].done.buf,
                .targets = pictures[i].targets,
            };
        Py_BEGIN_ALLOW_THREADS
        pool_each(sparse_run, networks, sizeof *networks, count, threads);
        Py_END_ALLOW_THREADS
        close_pictures(pictures, count);
    }
    release(in, BUFFERS);
    return count < 0 ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(run_dense_doc,
             "run_dense(layers, constants, planes, pictures, threads)\n--\n\n"
             "Run pictures through a network that `dense.py` has put together, as `run_sparse` does. Of each\n"
             "picture's memory the first so many floats are for its planes, the others for the threads.");

static PyObject *run_dense(PyObject *self, PyObject *args)
{
    (void)self;
    enum { BUFFERS = 2 };
    Py_buffer in[BUFFERS];
    PyObject *every;
    picture pictures[PICTURES];
    dense_network networks[PICTURES];
    int threads, planes, count = -1;
    if (!PyArg_ParseTuple(args, "y*y*iO!i:run_dense", &in[0], &in[1], &planes, &PyTuple_Type, &every, &threads))
        return NULL;
    Py_ssize_t steps = steps_of(&in[0], sizeof(layer));
    if (threads < 1) {
        PyErr_SetString(PyExc_ValueError, "no threads");
    } else if (steps >= 0 && (count = open_pictures(every, pictures, steps)) >= 0) {
        for (int i = 0; i < count; i++) {
            float *memory = pictures[i].memory.buf;
            int64_t left = pictures[i].memory.len / (Py_ssize_t)sizeof(float) - planes;
            networks[i] = (dense_network){
                .layers = in[0].buf,
                .count = (int)steps,
                .constants = in[1].buf,
                .pixels = pictures[i].pixels.buf,
                .memory = memory,
                .scratch = memory + planes,
                .scratch_size = left / threads / 16 * 16,
                .scratches = count > 1 ? 1 : threads, /* several pictures are one thread's each */
                .progress = pictures[i].done.buf,
                .targets = pictures[i].targets,
            };
        }
        Py_BEGIN_ALLOW_THREADS
        pool_each(dense_run, networks, sizeof *networks, count, threads);
        Py_END_ALLOW_THREADS
        close_pictures(pictures, count);
    }
    release(in, BUFFERS);
    return count < 0 ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(dense_scratch_doc,
             "dense_scratch(channels, width, stem)\n--\n\n"
             "Return the floats that a thread needs for steps of so many channels, for pictures of such a width, and\n"
             "for a stem.");

static PyObject *scratch(PyObject *self, PyObject *args)
{
    (void)self;
    int channels, width, stem;
    if (!PyArg_ParseTuple(args, "iip:dense_scratch", &channels, &width, &stem))
        return NULL;
    int64_t steps = dense_scratch(channels, width), together = stem ? stem_scratch() : 0;
    return PyLong_FromLongLong(steps > together ? steps : together);
}

PyMethodDef network_doors[] = {
    {"run_sparse", run_sparse, METH_VARARGS, run_sparse_doc},
    {"run_dense", run_dense, METH_VARARGS, run_dense_doc},
    {"dense_scratch", scratch, METH_VARARGS, dense_scratch_doc},
    {NULL, NULL, 0, NULL},
};
