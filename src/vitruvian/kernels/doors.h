/* The doors from Python: arrays in, arrays out, without a lock where they take long. */
#ifndef VITRUVIAN_DOORS_H
#define VITRUVIAN_DOORS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Functions of the module, by what they work on. */
extern PyMethodDef network_doors[], picture_doors[], point_doors[];

static inline void release(Py_buffer *buffers, int count)
{
    while (count-- > 0)
        PyBuffer_Release(&buffers[count]);
}

#endif
