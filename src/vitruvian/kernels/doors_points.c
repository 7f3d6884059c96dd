/* What networks answer: detections, points, and these over time. */
#include "doors.h"

#include "affine.h"
#include "body.h"
#include "detections.h"
#include "euro.h"

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
    release(in, 4);
    release(out, 3);
    return result;
}

PyMethodDef point_doors[] = {
    {"decode", decode, METH_VARARGS, decode_doc},
    {"merge", merge, METH_VARARGS, merge_doc},
    {"place", place, METH_VARARGS, place_doc},
    {"surround", surround, METH_VARARGS, surround_doc},
    {"read_bodies", read_bodies, METH_VARARGS, read_bodies_doc},
    {"smooth", smooth, METH_VARARGS, smooth_doc},
    {NULL, NULL, 0, NULL},
};
