/* The extension: what is in it, and what this processor can do of that. */
#include "doors.h"

#include "dense.h"
#include "sparse.h"
#include "vectors.h"
#include "warp.h"

enum { INTERFACE = 2 }; /* that of `__init__.py`: one more whenever functions take other arguments */

static int fill(PyObject *module)
{
    return PyModule_AddFunctions(module, network_doors) || PyModule_AddFunctions(module, picture_doors)
           || PyModule_AddFunctions(module, point_doors)
           || PyModule_AddIntConstant(module, "INTERFACE", INTERFACE)
           || PyModule_AddIntConstant(module, "STEP_BYTES", sizeof(step))
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
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
