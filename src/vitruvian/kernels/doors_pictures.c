/* Pictures: crops and copies. */
#include "doors.h"

#include "copy.h"
#include "homography.h"
#include "pool.h"
#include "warp.h"

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

PyDoc_STRVAR(warp_doc,
             "warp(pixels, to_image, out, width, columns, replicate, fetch, threads)\n--\n\n"
             "Cut out a crop; fetch: top, bottom, left and right of what to read beforehand, in rows and bytes.");

static PyObject *warp(PyObject *self, PyObject *args)
{
    (void)self;
    Py_buffer pixels, matrix, out;
    warp_job job = {.pixels = NULL};
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
        copy_job job = {.from = from.buf, .to = to.buf, .size = from.len};
        Py_BEGIN_ALLOW_THREADS
        pool_call(copy_run, &job, threads);
        Py_END_ALLOW_THREADS
        result = Py_NewRef(Py_None);
    }
    PyBuffer_Release(&from);
    PyBuffer_Release(&to);
    return result;
}

PyMethodDef picture_doors[] = {
    {"homography", homography, METH_VARARGS, homography_doc},
    {"warp", warp, METH_VARARGS, warp_doc},
    {"copy", copy, METH_VARARGS, copy_doc},
    {NULL, NULL, 0, NULL},
};
