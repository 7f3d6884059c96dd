/* The door from Python: arrays in, arrays out, without a lock while they are worked on. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

#include "euro.h"
#include "heatmap.h"
#include "pool.h"
#include "sparse.h"
#include "vectors.h"
#include "warp.h"

enum { BUFFERS = 7, OUTPUTS = 8 };

PyDoc_STRVAR(run_doc,
             "run(steps, constants, taps, rows, pixels, memory, progress, targets, threads)\n--\n\n"
             "Run a network that `sparse.py` has put together; all arguments but the last two are arrays.");

static PyObject *run(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer in[BUFFERS], out[OUTPUTS];
    PyObject *targets;
    int threads, given = 0;
    float *places[OUTPUTS];
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*w*w*O!i:run", &in[0], &in[1], &in[2], &in[3], &in[4], &in[5], &in[6],
                          &PyTuple_Type, &targets, &threads))
        return NULL;
    PyObject *result = NULL;
    if (PyTuple_Size(targets) > OUTPUTS) {
        PyErr_SetString(PyExc_ValueError, "too many outputs");
        goto release;
    }
    Py_ssize_t count = in[0].len / (Py_ssize_t)sizeof(step);
    if (in[0].len % (Py_ssize_t)sizeof(step) || in[6].len < count * (Py_ssize_t)sizeof(progress)
        || (uintptr_t)in[6].buf % _Alignof(progress)) {
        PyErr_SetString(PyExc_ValueError, "steps or progress of another shape");
        goto release;
    }
    for (; given < PyTuple_Size(targets); given++) {
        if (PyObject_GetBuffer(PyTuple_GetItem(targets, given), &out[given], PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS))
            goto release;
        places[given] = out[given].buf;
    }
    network n = {
        .steps = in[0].buf,
        .count = (int)count,
        .constants = in[1].buf,
        .taps = in[2].buf,
        .rows = in[3].buf,
        .pixels = in[4].buf,
        .memory = in[5].buf,
        .progress = in[6].buf,
        .targets = places,
    };
    memset(n.progress, 0, sizeof(progress) * (size_t)count); /* nothing is done yet */
    Py_BEGIN_ALLOW_THREADS
    pool_call(sparse_run, &n, threads);
    Py_END_ALLOW_THREADS
    result = Py_NewRef(Py_None);
release:
    while (given--)
        PyBuffer_Release(&out[given]);
    for (int i = 0; i < BUFFERS; i++)
        PyBuffer_Release(&in[i]);
    return result;
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
    {"run", run, METH_VARARGS, run_doc},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module)
{
    return PyModule_AddIntConstant(module, "STEP_BYTES", sizeof(step))
           || PyModule_AddIntConstant(module, "PROGRESS_BYTES", sizeof(progress))
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
