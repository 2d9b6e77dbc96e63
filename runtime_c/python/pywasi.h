/* WASI contexts as methods of the store's Python object (pywasi.c). */
#ifndef WASM2SO_PYWASI_H
#define WASM2SO_PYWASI_H

#include "pyruntime.h"

/* _wasi_new() -> address of a context */
PyObject *w2s_py_wasi_new(PyObject *store, PyObject *unused);
/* _wasi_stream(context address, stream, callable): the stream is served by the callable */
PyObject *w2s_py_wasi_stream(PyObject *store, PyObject *args);
/* _wasi_function(context address, module, name, label) -> Func, or None if WASI has no such function */
PyObject *w2s_py_wasi_function(PyObject *store, PyObject *args);

#endif
