/* The differences between CPython versions that the binding meets. */
#ifndef WASM2SO_PYCOMPAT_H
#define WASM2SO_PYCOMPAT_H

#include <Python.h>
#include <stdint.h>

/* Take the exception that is set, normalised and with its traceback attached; a new reference or NULL. */
static inline PyObject *w2s_py_take_exception(void) {
#if PY_VERSION_HEX >= 0x030C0000
  return PyErr_GetRaisedException();
#else
  PyObject *type = NULL, *value = NULL, *traceback = NULL;
  PyErr_Fetch(&type, &value, &traceback);
  if (type == NULL) return NULL;
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback != NULL) PyException_SetTraceback(value, traceback);
  Py_DECREF(type);
  Py_XDECREF(traceback);
  return value;
#endif
}

/* Set `exception` as raised, keeping its traceback; steals the reference. */
static inline void w2s_py_give_exception(PyObject *exception) {
#if PY_VERSION_HEX >= 0x030C0000
  PyErr_SetRaisedException(exception);
#else
  PyObject *type = (PyObject *)Py_TYPE(exception);
  Py_INCREF(type);
  PyErr_Restore(type, exception, PyException_GetTraceback(exception));
#endif
}

/* The value of an int of few digits, which is most of them: 0 if it has more, or is no int. */
static inline int w2s_py_small_int(PyObject *object, int64_t *out) {
  if (!PyLong_CheckExact(object)) return 0;
#if PY_VERSION_HEX >= 0x030C0000
  const PyLongObject *number = (const PyLongObject *)object;
  if (!PyUnstable_Long_IsCompact(number)) return 0;
  *out = PyUnstable_Long_CompactValue(number);
#else
  const Py_ssize_t size = Py_SIZE(object);
  if (size < -1 || size > 1) return 0;
  *out = size == 0 ? 0 : (int64_t)size * (int64_t)((const PyLongObject *)object)->ob_digit[0];
#endif
  return 1;
}

/* Let a Python subclass of a vectorcall type be called as cheaply as the type itself. CPython inherits the flag
 * from 3.12 on; before, only for classes that nobody can give another __call__, which is what this makes of it. */
static inline void w2s_py_inherit_vectorcall(PyTypeObject *type) {
#if PY_VERSION_HEX < 0x030C0000
  type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE;
  PyType_Modified(type);
#else
  (void)type;
#endif
}

#endif
