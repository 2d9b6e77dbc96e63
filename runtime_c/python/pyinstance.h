/* Methods of a store that make and reset instances. */
#ifndef WASM2SO_PYINSTANCE_H
#define WASM2SO_PYINSTANCE_H

#include "pyruntime.h"

/* ---- pyinstance.c ---- */

PyObject *w2s_py_instantiate(PyObject *self, PyObject *args);
PyObject *w2s_py_instance_new(PyObject *self, PyObject *args);
PyObject *w2s_py_instance_finish(PyObject *self, PyObject *instance);
PyObject *w2s_py_instance_finish_but_start(PyObject *self, PyObject *instance);
PyObject *w2s_py_pre_new(PyObject *self, PyObject *args);
PyObject *w2s_py_pre_instantiate(PyObject *self, PyObject *pre);
PyObject *w2s_py_instance_mark(PyObject *self, PyObject *args);
PyObject *w2s_py_recycle(PyObject *self, PyObject *args);
PyObject *w2s_py_rebind(PyObject *self, PyObject *callables);

/* ---- pystore.c ---- */

/* Drop what a store that has lost its C store still holds. */
void w2s_py_store_forget(struct w2s_py_store *self);

#endif
