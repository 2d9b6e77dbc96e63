/* Adds the Python types to the cffi extension module. */
#include "pyruntime.h"

#include <stddef.h>
#include <string.h>

#include "pycompat.h"

struct w2s_py_types w2s_py;

/* The Python classes that C makes objects of or raises, by their names in `register`. */
static const struct {
  const char *name;
  size_t offset;
} CLASSES[] = {
    {"Func", offsetof(struct w2s_py_types, Func)},
    {"Memory", offsetof(struct w2s_py_types, Memory)},
    {"SharedMemory", offsetof(struct w2s_py_types, SharedMemory)},
    {"Table", offsetof(struct w2s_py_types, Table)},
    {"Global", offsetof(struct w2s_py_types, Global)},
    {"Tag", offsetof(struct w2s_py_types, Tag)},
    {"WasmException", offsetof(struct w2s_py_types, WasmException)},
    {"Trap", offsetof(struct w2s_py_types, Trap)},
    {"ExitTrap", offsetof(struct w2s_py_types, ExitTrap)},
    {"TimeoutTrap", offsetof(struct w2s_py_types, TimeoutTrap)},
    {"Trace", offsetof(struct w2s_py_types, Trace)},
    {"LinkError", offsetof(struct w2s_py_types, LinkError)},
    {"ResourceError", offsetof(struct w2s_py_types, ResourceError)},
    {"FormatError", offsetof(struct w2s_py_types, FormatError)},
    {"UsageError", offsetof(struct w2s_py_types, UsageError)},
};
enum { N_CLASSES = (int)(sizeof CLASSES / sizeof CLASSES[0]) };

static int check_class(const char *name, PyObject *class) {
  if (class == NULL || !PyType_Check(class)) {
    PyErr_Format(PyExc_TypeError, "register(): a class %s is missing", name);
    return -1;
  }
  const struct {
    const char *name;
    PyTypeObject *base;
  } bases[] = {{"Func", w2s_py.func}, {"Memory", w2s_py.memory}, {"SharedMemory", w2s_py.shared},
               {"Table", w2s_py.table}, {"Global", w2s_py.global}, {"Tag", w2s_py.tag}};
  for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
    if (strcmp(name, bases[i].name) != 0) continue;
    if (PyType_IsSubtype((PyTypeObject *)class, bases[i].base)) continue;
    PyErr_Format(PyExc_TypeError, "register(): %s is not derived from its base", name);
    return -1;
  }
  return 0;
}

/* register(classes): a dict with every name of CLASSES. Called once, when the package is imported. */
static PyObject *register_classes(PyObject *module, PyObject *classes) {
  (void)module;
  if (!PyDict_Check(classes)) {
    PyErr_SetString(PyExc_TypeError, "register(): a dict expected");
    return NULL;
  }
  for (int i = 0; i < N_CLASSES; i++) {
    if (check_class(CLASSES[i].name, PyDict_GetItemString(classes, CLASSES[i].name)) < 0) return NULL;
  }
  for (int i = 0; i < N_CLASSES; i++) {
    PyObject **slot = (PyObject **)((char *)&w2s_py + CLASSES[i].offset);
    Py_XSETREF(*slot, Py_NewRef(PyDict_GetItemString(classes, CLASSES[i].name)));
  }
  w2s_py_inherit_vectorcall((PyTypeObject *)w2s_py.Func);
  Py_RETURN_NONE;
}

static PyMethodDef register_def = {"register", register_classes, METH_O, NULL};

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec, PyTypeObject *base) {
  PyObject *type = PyType_FromSpecWithBases(spec, (PyObject *)base);
  if (type == NULL) return NULL;
  if (PyModule_AddType(module, (PyTypeObject *)type) < 0) {
    Py_DECREF(type);
    return NULL;
  }
  return (PyTypeObject *)type; /* this reference is kept for ever */
}

static int add_types(PyObject *module) {
  w2s_py.store = add_type(module, &w2s_py_store_spec, NULL);
  if (w2s_py.store == NULL) return -1;
  w2s_py.item = add_type(module, &w2s_py_item_spec, NULL);
  if (w2s_py.item == NULL) return -1;
  w2s_py.func = add_type(module, &w2s_py_func_spec, w2s_py.item);
  w2s_py.memory = add_type(module, &w2s_py_memory_spec, w2s_py.item);
  w2s_py.shared = add_type(module, &w2s_py_shared_spec, NULL);
  w2s_py.shared_bytes = add_type(module, &w2s_py_shared_bytes_spec, NULL);
  w2s_py.table = add_type(module, &w2s_py_table_spec, w2s_py.item);
  w2s_py.global = add_type(module, &w2s_py_global_spec, w2s_py.item);
  w2s_py.tag = add_type(module, &w2s_py_tag_spec, w2s_py.item);
  w2s_py.async = add_type(module, &w2s_py_async_spec, NULL);
  w2s_py.host = add_type(module, &w2s_py_host_spec, NULL);
  if (w2s_py_find_main_thread() < 0 || w2s_py.shared == NULL || w2s_py.shared_bytes == NULL) return -1;
  if (w2s_py.func == NULL || w2s_py.memory == NULL || w2s_py.table == NULL || w2s_py.global == NULL ||
      w2s_py.tag == NULL || w2s_py.async == NULL || w2s_py.host == NULL) {
    return -1;
  }
  PyObject *function = PyCFunction_New(&register_def, NULL);
  if (function == NULL) return -1;
  const int status = PyModule_AddObjectRef(module, register_def.ml_name, function);
  Py_DECREF(function);
  return status;
}

int32_t w2s_py_init(void *module) {
  const PyGILState_STATE state = PyGILState_Ensure();
  const int done = w2s_py.host != NULL;
  const int status = done ? 0 : add_types(module);
  if (status < 0) PyErr_WriteUnraisable(module);
  PyGILState_Release(state);
  return status;
}
