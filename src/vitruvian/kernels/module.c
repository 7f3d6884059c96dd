/* The door from Python: arrays in, arrays out, without a lock while they are worked on. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

#include "affine.h"
#include "body.h"
#include "copy.h"
#include "dense.h"
#include "detections.h"
#include "euro.h"
#include "homography.h"
#include "sparse.h"
#include "vectors.h"
#include "warp.h"

enum { OUTPUTS = 8, PICTURES = 8 };

/* A picture on its way through a network: what it is read from, worked on in and written to. */
typedef struct {
    Py_buffer pixels, memory, done, out[OUTPUTS];
    float *targets[OUTPUTS];
    int outputs;
} picture;

static void release(Py_buffer *buffers, int count)
{
    while (count-- > 0)
        PyBuffer_Release(&buffers[count]);
}

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
                .scratches = threads,
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
             "dense_scratch(channels, width)\n--\n\n"
             "Return the floats that a thread needs for steps of so many channels, and for pictures of such a width.");

static PyObject *scratch(PyObject *self, PyObject *args)
{
    (void)self;
    int channels, width;
    if (!PyArg_ParseTuple(args, "ii:dense_scratch", &channels, &width))
        return NULL;
    return PyLong_FromLongLong(dense_scratch(channels, width));
}

PyDoc_STRVAR(warp_doc,
             "warp(pixels, to_image, out, width, columns, replicate, fetch, threads)\n--\n\n"
             "Cut out a crop; fetch: top, bottom, left and right of what to read beforehand, in rows and bytes.");

static PyObject *warp(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer pixels, matrix, out;
    warp_job job = {.next = 0, .fetched = 0};
    int threads;
    if (!PyArg_ParseTuple(args, "y*y*w*iip(iiii)i:warp", &pixels, &matrix, &out, &job.width, &job.columns,
                          &job.replicate, &job.top, &job.bottom, &job.left, &job.right, &threads))
        return NULL;
    PyObject *result = NULL;
    job.pixels = pixels.buf, job.to_image = matrix.buf, job.out = out.buf;
    job.height = job.width > 0 ? (int)(pixels.len / (3 * (Py_ssize_t)job.width)) : 0;
    job.rows = job.columns > 0 ? (int)(out.len / (3 * (Py_ssize_t)job.columns)) : 0;
    if (job.width < 2 || job.height < 2 || job.rows < 1 || job.columns > WARP_MOST_COLUMNS || pixels.len > INT32_MAX
        || matrix.len != 9 * sizeof(double) || job.top < 0 || job.left < 0 || job.bottom > job.height
        || job.right > 3 * job.width) {
        PyErr_SetString(PyExc_ValueError, "shapes that do not fit each other, or are too large");
    } else {
        Py_BEGIN_ALLOW_THREADS
        pool_call(warp_run, &job, threads);
        Py_END_ALLOW_THREADS
        result = Py_NewRef(Py_None);
    }
    PyBuffer_Release(&pixels);
    PyBuffer_Release(&matrix);
    PyBuffer_Release(&out);
    return result;
}

PyDoc_STRVAR(copy_doc,
             "copy(source, out, threads)\n--\n\n"
             "Copy an array into another one of as many bytes.");

static PyObject *copy(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer from, to;
    int threads;
    if (!PyArg_ParseTuple(args, "y*w*i:copy", &from, &to, &threads))
        return NULL;
    PyObject *result = NULL;
    if (from.len != to.len) {
        PyErr_SetString(PyExc_ValueError, "shapes that do not fit each other");
    } else {
        copy_job job = {.from = from.buf, .to = to.buf, .size = from.len, .next = 0};
        Py_BEGIN_ALLOW_THREADS
        pool_call(copy_run, &job, threads);
        Py_END_ALLOW_THREADS
        result = Py_NewRef(Py_None);
    }
    PyBuffer_Release(&from);
    PyBuffer_Release(&to);
    return result;
}

PyDoc_STRVAR(read_bodies_doc,
             "read_bodies(numbers, heatmaps, world, crops, columns, count, (points, landmarks, auxiliary), "
             "(rows, columns, maps), kernel, threshold, side)\n--\n\n"
             "Find the landmarks of some bodies; columns: xy, score, presence, depth, world, auxiliary and box.");

static PyObject *read_bodies(PyObject *self, PyObject *args)
{
    (void)self;
    enum { IN = 4, OUT = 7 };
    Py_buffer in[IN], out[OUT];
    body_shape s;
    int count;
    if (!PyArg_ParseTuple(args, "y*y*y*y*(w*w*w*w*w*w*w*)i(iii)(iii)iff:read_bodies", &in[0], &in[1], &in[2], &in[3],
                          &out[0], &out[1], &out[2], &out[3], &out[4], &out[5], &out[6], &count, &s.points,
                          &s.landmarks, &s.auxiliary, &s.map.rows, &s.map.columns, &s.map.maps, &s.map.kernel,
                          &s.map.threshold, &s.side))
        return NULL;
    int used = s.landmarks + s.auxiliary, wrong = count < 0 || s.landmarks < 1 || s.auxiliary < 0 || used > s.points
                                                  || used > s.map.maps || s.map.rows < 1 || s.map.columns < 1
                                                  || s.map.kernel < 1;
    /* Floats of each body. */
    Py_ssize_t k = s.landmarks, from[IN], to[OUT] = {2 * k, k, k, k, 3 * k, 2 * (Py_ssize_t)s.auxiliary, 4};
    from[0] = (Py_ssize_t)s.points * BODY_NUMBERS, from[1] = (Py_ssize_t)s.map.rows * s.map.columns * s.map.maps;
    from[2] = (Py_ssize_t)s.points * 3, from[3] = sizeof(body_crop) / sizeof(float);
    for (int i = 0; i < IN; i++)
        wrong |= in[i].len != count * from[i] * (Py_ssize_t)sizeof(float);
    for (int i = 0; i < OUT; i++)
        wrong |= out[i].len != count * to[i] * (Py_ssize_t)sizeof(float);
    if (wrong) {
        PyErr_SetString(PyExc_ValueError, "shapes that do not fit each other");
    } else {
        Py_BEGIN_ALLOW_THREADS
        for (int i = 0; i < count; i++) {
            const float *read[IN];
            float *made[OUT];
            for (int j = 0; j < IN; j++)
                read[j] = (const float *)in[j].buf + i * from[j];
            for (int j = 0; j < OUT; j++)
                made[j] = (float *)out[j].buf + i * to[j];
            body_columns columns = {made[0], made[1], made[2], made[3], made[4], made[5], made[6]};
            body_read(&s, (const body_crop *)in[3].buf + i, read[0], read[1], read[2], &columns);
        }
        Py_END_ALLOW_THREADS
    }
    release(in, IN);
    release(out, OUT);
    return wrong ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(decode_doc,
             "decode(raw, logits, origins, stride, width, side, below, least, values, scores)\n--\n\n"
             "Write what anchors see whose score is large enough; return how many.");

static PyObject *decode(PyObject *self, PyObject *args)
{
    (void)self;
    enum { BUFFERS = 5 };
    Py_buffer b[BUFFERS];
    anchor_answers a;
    if (!PyArg_ParseTuple(args, "y*y*y*iifffw*w*:decode", &b[0], &b[1], &b[2], &a.stride, &a.width, &a.side, &a.below,
                          &a.least, &b[3], &b[4]))
        return NULL;
    PyObject *result = NULL;
    Py_ssize_t one = sizeof(float), count = b[1].len / one;
    if (a.width < 4 || a.stride < a.width || b[0].len != count * a.stride * one || b[2].len != count * a.width * one
        || b[3].len != b[2].len || b[4].len != b[1].len || count > INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "shapes that do not fit each other");
    } else {
        a.raw = b[0].buf, a.logits = b[1].buf, a.origins = b[2].buf, a.anchors = (int)count;
        result = PyLong_FromLong(detections_decode(&a, b[3].buf, b[4].buf));
    }
    release(b, BUFFERS);
    return result;
}

PyDoc_STRVAR(merge_doc,
             "merge(values, scores, width, iou, room, means, kept)\n--\n\n"
             "Merge detections that overlap; return how many there are then.");

static PyObject *merge(PyObject *self, PyObject *args)
{
    (void)self;
    enum { BUFFERS = 5 };
    Py_buffer b[BUFFERS];
    int width;
    float iou;
    if (!PyArg_ParseTuple(args, "y*y*ifw*w*w*:merge", &b[0], &b[1], &width, &iou, &b[2], &b[3], &b[4]))
        return NULL;
    PyObject *result = NULL;
    Py_ssize_t one = sizeof(float), count = b[1].len / one;
    if (width < 4 || b[0].len != count * width * one || b[2].len != b[1].len || b[3].len != b[0].len
        || b[4].len != b[1].len || count > INT32_MAX)
        PyErr_SetString(PyExc_ValueError, "shapes that do not fit each other");
    else
        result = PyLong_FromLong(
            detections_merge(b[0].buf, b[1].buf, (int)count, width, iou, b[2].buf, b[3].buf, b[4].buf));
    release(b, BUFFERS);
    return result;
}

PyDoc_STRVAR(place_doc,
             "place(points, (a, b, x, c, d, y), out)\n--\n\n"
             "Carry points over by an affine map.");

static PyObject *place(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer points, out;
    double map[6];
    if (!PyArg_ParseTuple(args, "y*(dddddd)w*:place", &points, &map[0], &map[1], &map[2], &map[3], &map[4], &map[5],
                          &out))
        return NULL;
    int wrong = points.len != out.len || points.len % (2 * sizeof(float));
    if (wrong)
        PyErr_SetString(PyExc_ValueError, "shapes that do not fit each other");
    else
        for (Py_ssize_t i = 0; i < points.len / (Py_ssize_t)sizeof(float); i += 2)
            affine_place(map, (const float *)points.buf + i, (float *)out.buf + i);
    PyBuffer_Release(&points);
    PyBuffer_Release(&out);
    return wrong ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(surround_doc,
             "surround(points, (width, height), enlarged, centre, size, rotation)\n--\n\n"
             "Find the squares around some bodies; points: two of each.");

static PyObject *surround(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer points, out[3];
    float image[2], enlarged;
    if (!PyArg_ParseTuple(args, "y*(ff)fw*w*w*:surround", &points, &image[0], &image[1], &enlarged, &out[0], &out[1],
                          &out[2]))
        return NULL;
    Py_ssize_t one = sizeof(float), count = points.len / (4 * one);
    int wrong = points.len != count * 4 * one || out[0].len != count * 2 * one || out[1].len != count * 2 * one
                || out[2].len != count * one;
    if (wrong)
        PyErr_SetString(PyExc_ValueError, "shapes that do not fit each other");
    else
        for (Py_ssize_t i = 0; i < count; i++)
            body_surround((const float *)points.buf + 4 * i, image, enlarged, (float *)out[0].buf + 2 * i,
                          (float *)out[1].buf + 2 * i, (float *)out[2].buf + i);
    PyBuffer_Release(&points);
    release(out, 3);
    return wrong ? NULL : Py_NewRef(Py_None);
}

PyDoc_STRVAR(homography_doc,
             "homography(x, y, width, height, rotation, columns, rows, to_image)\n--\n\n"
             "Write the (3, 3) map from a crop to its picture; return the farthest coordinate of its corners.");

static PyObject *homography(PyObject *self, PyObject *args)
{
    (void)self;
    crop_rectangle r;
    Py_buffer matrix;
    if (!PyArg_ParseTuple(args, "fffffiiw*:homography", &r.x, &r.y, &r.width, &r.height, &r.rotation, &r.columns,
                          &r.rows, &matrix))
        return NULL;
    PyObject *result = NULL;
    if (matrix.len == 9 * sizeof(double))
        result = PyFloat_FromDouble(homography_solve(&r, matrix.buf));
    else
        PyErr_SetString(PyExc_ValueError, "a matrix of another shape");
    PyBuffer_Release(&matrix);
    return result;
}

PyDoc_STRVAR(smooth_doc,
             "smooth(numbers, state, new, first, rate, frequency, min_cutoff, beta, speed_share)\n--\n\n"
             "Filter numbers by One Euro filters; state and new: three arrays each, which may be the same if first.");

static PyObject *smooth(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer in[4], out[3];
    int first;
    euro_settings s;
    if (!PyArg_ParseTuple(args, "y*(y*y*y*)(w*w*w*)pddddf:smooth", &in[0], &in[1], &in[2], &in[3], &out[0], &out[1],
                          &out[2], &first, &s.rate, &s.frequency, &s.min_cutoff, &s.beta, &s.speed_share))
        return NULL;
    PyObject *result = NULL;
    Py_ssize_t length = in[0].len;
    if (in[1].len != 2 * length || in[2].len != length || in[3].len != length || out[0].len != 2 * length
        || out[1].len != length || out[2].len != length) {
        PyErr_SetString(PyExc_ValueError, "shapes that do not fit each other");
    } else {
        euro_filter(&s, (int)(length / (Py_ssize_t)sizeof(float)), in[0].buf, first ? NULL : in[1].buf,
                    first ? NULL : in[2].buf, first ? NULL : in[3].buf, out[0].buf, out[1].buf, out[2].buf);
        result = Py_NewRef(Py_None);
    }
    for (int i = 0; i < 4; i++)
        PyBuffer_Release(&in[i]);
    for (int i = 0; i < 3; i++)
        PyBuffer_Release(&out[i]);
    return result;
}

static PyMethodDef methods[] = {
    {"smooth", smooth, METH_VARARGS, smooth_doc},
    {"read_bodies", read_bodies, METH_VARARGS, read_bodies_doc},
    {"decode", decode, METH_VARARGS, decode_doc},
    {"merge", merge, METH_VARARGS, merge_doc},
    {"place", place, METH_VARARGS, place_doc},
    {"surround", surround, METH_VARARGS, surround_doc},
    {"homography", homography, METH_VARARGS, homography_doc},
    {"warp", warp, METH_VARARGS, warp_doc},
    {"copy", copy, METH_VARARGS, copy_doc},
    {"run_sparse", run_sparse, METH_VARARGS, run_sparse_doc},
    {"run_dense", run_dense, METH_VARARGS, run_dense_doc},
    {"dense_scratch", scratch, METH_VARARGS, dense_scratch_doc},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module)
{
    return PyModule_AddIntConstant(module, "STEP_BYTES", sizeof(step))
           || PyModule_AddIntConstant(module, "PROGRESS_BYTES", sizeof(progress))
           || PyModule_AddIntConstant(module, "LAYER_BYTES", sizeof(layer))
           || PyModule_AddIntConstant(module, "VECTORS_SUPPORTED", vectors_supported())
           || PyModule_AddIntConstant(module, "WARP_SUPPORTED", warp_supported())
           || PyModule_AddIntConstant(module, "WARP_MOST_COLUMNS", WARP_MOST_COLUMNS);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "vitruvian.kernels._native",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
