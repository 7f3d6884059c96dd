/* The door from Python: arrays in, arrays out, without a lock while they are worked on. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

#include "copy.h"
#include "dense.h"
#include "euro.h"
#include "heatmap.h"
#include "sparse.h"
#include "vectors.h"
#include "warp.h"

enum { OUTPUTS = 8 };

/* Where a network writes its outputs. Returns how many there are, or -1; what was opened before an error is closed. */
static int open_targets(PyObject *targets, Py_buffer *out, float **places)
{
    int count = (int)PyTuple_Size(targets);
    if (count > OUTPUTS) {
        PyErr_SetString(PyExc_ValueError, "too many outputs");
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (PyObject_GetBuffer(PyTuple_GetItem(targets, i), &out[i], PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS)) {
            while (i--)
                PyBuffer_Release(&out[i]);
            return -1;
        }
        places[i] = out[i].buf;
    }
    return count;
}

static void release(Py_buffer *buffers, int count)
{
    while (count-- > 0)
        PyBuffer_Release(&buffers[count]);
}

/* Whether arrays hold the steps of a network and who does them; nothing is done yet, then. */
static int begins(const Py_buffer *steps, size_t step_size, Py_buffer *done)
{
    size_t count = (size_t)steps->len / step_size, size = count * sizeof(progress);
    if ((size_t)steps->len % step_size || (size_t)done->len < size || (uintptr_t)done->buf % _Alignof(progress)) {
        PyErr_SetString(PyExc_ValueError, "steps or progress of another shape");
        return 0;
    }
    memset(done->buf, 0, size);
    return 1;
}

PyDoc_STRVAR(run_sparse_doc,
             "run_sparse(steps, constants, taps, rows, pixels, memory, progress, targets, threads)\n--\n\n"
             "Run a network that `sparse.py` has put together; all arguments but the last two are arrays.");

static PyObject *run_sparse(PyObject *self, PyObject *args)
{
    (void)self;
    enum { BUFFERS = 7 };
    Py_buffer in[BUFFERS], out[OUTPUTS];
    PyObject *targets, *result = NULL;
    int threads, given = 0;
    float *places[OUTPUTS];
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*w*w*O!i:run_sparse", &in[0], &in[1], &in[2], &in[3], &in[4], &in[5],
                          &in[6], &PyTuple_Type, &targets, &threads))
        return NULL;
    if (begins(&in[0], sizeof(step), &in[6]) && (given = open_targets(targets, out, places)) >= 0) {
        network n = {
            .steps = in[0].buf,
            .count = (int)(in[0].len / (Py_ssize_t)sizeof(step)),
            .constants = in[1].buf,
            .taps = in[2].buf,
            .rows = in[3].buf,
            .pixels = in[4].buf,
            .memory = in[5].buf,
            .progress = in[6].buf,
            .targets = places,
        };
        Py_BEGIN_ALLOW_THREADS
        pool_call(sparse_run, &n, threads);
        Py_END_ALLOW_THREADS
        result = Py_NewRef(Py_None);
    }
    release(out, given);
    release(in, BUFFERS);
    return result;
}

PyDoc_STRVAR(run_dense_doc,
             "run_dense(layers, constants, pixels, memory, scratch, progress, targets, threads)\n--\n\n"
             "Run a network that `dense.py` has put together; all arguments but the last two are arrays.");

static PyObject *run_dense(PyObject *self, PyObject *args)
{
    (void)self;
    enum { BUFFERS = 6 };
    Py_buffer in[BUFFERS], out[OUTPUTS];
    PyObject *targets, *result = NULL;
    int threads, given = 0;
    float *places[OUTPUTS];
    if (!PyArg_ParseTuple(args, "y*y*y*w*w*w*O!i:run_dense", &in[0], &in[1], &in[2], &in[3], &in[4], &in[5],
                          &PyTuple_Type, &targets, &threads))
        return NULL;
    if (threads < 1) {
        PyErr_SetString(PyExc_ValueError, "no threads");
    } else if (begins(&in[0], sizeof(layer), &in[5]) && (given = open_targets(targets, out, places)) >= 0) {
        dense_network n = {
            .layers = in[0].buf,
            .count = (int)(in[0].len / (Py_ssize_t)sizeof(layer)),
            .constants = in[1].buf,
            .pixels = in[2].buf,
            .memory = in[3].buf,
            .scratch = in[4].buf,
            .scratch_size = in[4].len / (Py_ssize_t)sizeof(float) / threads / 16 * 16,
            .scratches = threads,
            .progress = in[5].buf,
            .targets = places,
        };
        Py_BEGIN_ALLOW_THREADS
        pool_call(dense_run, &n, threads);
        Py_END_ALLOW_THREADS
        result = Py_NewRef(Py_None);
    }
    release(out, given);
    release(in, BUFFERS);
    return result;
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

PyDoc_STRVAR(refine_doc,
             "refine(points, heatmaps, moved, count, (rows, columns, maps), kernel, threshold)\n--\n\n"
             "Move the points of some items to the centre of mass of their heat maps nearby.");

static PyObject *refine(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer points, heatmaps, moved;
    heatmap_shape s;
    int count;
    if (!PyArg_ParseTuple(args, "y*y*w*i(iii)if:refine", &points, &heatmaps, &moved, &count, &s.rows, &s.columns,
                          &s.maps, &s.kernel, &s.threshold))
        return NULL;
    PyObject *result = NULL;
    Py_ssize_t map = (Py_ssize_t)s.rows * s.columns * s.maps, each = count > 0 ? points.len / count / 2 : 0;
    s.points = (int)(each / (Py_ssize_t)sizeof(float));
    if (count < 0 || s.rows < 1 || s.columns < 1 || s.maps < s.points || s.kernel < 1 || moved.len != points.len
        || heatmaps.len != count * map * (Py_ssize_t)sizeof(float)) {
        PyErr_SetString(PyExc_ValueError, "shapes that do not fit each other");
    } else {
        Py_BEGIN_ALLOW_THREADS
        for (int i = 0; i < count; i++) {
            Py_ssize_t place = (Py_ssize_t)i * s.points * 2;
            heatmap_refine(&s, (const float *)points.buf + place, (const float *)heatmaps.buf + i * map,
                           (float *)moved.buf + place);
        }
        Py_END_ALLOW_THREADS
        result = Py_NewRef(Py_None);
    }
    PyBuffer_Release(&points);
    PyBuffer_Release(&heatmaps);
    PyBuffer_Release(&moved);
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
    {"refine", refine, METH_VARARGS, refine_doc},
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
