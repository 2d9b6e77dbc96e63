/* Calls from Python into wasm: the type of bound functions. */
#include "pyruntime.h"

#include <stddef.h>
#include <structmember.h>

#include "pycompat.h"

static const char NO_NAME[] = "wasm function";

static PyObject *wrong_count(const struct w2s_py_func *self, Py_ssize_t given) {
  PyObject *name = self->name != NULL ? Py_NewRef(self->name) : PyUnicode_FromString(NO_NAME);
  if (name == NULL) return NULL;
  const Py_ssize_t n = self->signature.n_params;
  PyErr_Format(w2s_py.UsageError, "%U() takes %zd argument%s (%zd given)", name, n, n == 1 ? "" : "s", given);
  Py_DECREF(name);
  return NULL;
}

/* May the first argument be the store, as in wasmtime's `func(store, ...)`? -1 with an exception if another's. */
static int leading_store(const struct w2s_py_func *self, PyObject *first) {
  if (!PyObject_TypeCheck(first, w2s_py.store)) return 0;
  if (first == (PyObject *)self->item.store) return 1;
  PyErr_SetString(w2s_py.UsageError, "the function belongs to another store");
  return -1;
}

int w2s_py_convert_arguments(const struct w2s_py_func *self, PyObject *const *args, union w2s_value *values) {
  const struct w2s_valtype *params = self->signature.params;
  const Py_ssize_t n = self->signature.n_params;
  for (Py_ssize_t i = 0; i < n; i++) {
    if (w2s_py_to_value_quickly(&params[i], args[i], &values[i])) continue;
    const struct w2s_py_place place = {self->name, "argument", i + 1};
    if (w2s_py_to_value(self->item.store, &params[i], args[i], &values[i], &place) < 0) return -1;
  }
  return 0;
}

PyObject *w2s_py_convert_results(const struct w2s_py_func *self, const union w2s_value *values) {
  const struct w2s_valtype *results = self->signature.results;
  const Py_ssize_t n = self->signature.n_results;
  if (n == 0) Py_RETURN_NONE;
  if (n == 1) return w2s_py_from_value(self->item.store, &results[0], &values[0]);
  PyObject *tuple = PyTuple_New(n);
  if (tuple == NULL) return NULL;
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *value = w2s_py_from_value(self->item.store, &results[i], &values[i]);
    if (value == NULL) {
      Py_DECREF(tuple);
      return NULL;
    }
    PyTuple_SET_ITEM(tuple, i, value);
  }
  return tuple;
}

/* Enter wasm. Whoever is over within nanoseconds need not give the GIL away meanwhile. */
static PyObject *enter(struct w2s_py_func *self, union w2s_value *values) {
  struct w2s_py_store *store = self->item.store;
  struct w2s_error error;
  struct w2s_py_frame frame;
  w2s_py_begin(store, self->func, &frame);
  int32_t status;
  if (self->traits & W2S_FUNC_SHORT) {
    status = w2s_call_prepared(store->store, self->func, self->trampoline, values, NULL);
  } else {
    PyEval_SaveThread();
    if (self->trampoline != NULL) {
      status = w2s_call_prepared(store->store, self->func, self->trampoline, values, NULL);
    } else {
      status = w2s_call(store->store, self->func, values, &error); /* a host function, called by the host */
    }
    PyEval_RestoreThread(frame.thread);
  }
  if (status != W2S_OK && self->trampoline != NULL) w2s_call_error(status, &error);
  PyObject *result = status == W2S_OK ? w2s_py_convert_results(self, values) : w2s_py_raise(store, &error);
  w2s_py_end(store, &frame);
  return result;
}

/* Convert, call, convert. `values` may hold handles from the first conversion to the last. */
static PyObject *call_with(struct w2s_py_func *self, PyObject *const *args, union w2s_value *values) {
  struct w2s_py_store *store = self->item.store;
  PyObject *result = NULL;
  store->n_holders++;
  /* a conversion can run Python code, which can close the store: look after it, not before */
  if (w2s_py_convert_arguments(self, args, values) == 0 && w2s_py_store_use(store) != NULL) {
    if (self->traits & W2S_FUNC_TOTAL) {
      w2s_call_total(self->func, self->trampoline, values);
      result = w2s_py_convert_results(self, values);
    } else {
      result = enter(self, values);
    }
  }
  store->n_holders--;
  w2s_py_externs_settle(store);
  return result;
}

PyObject *const *w2s_py_check_arguments(const struct w2s_py_func *self, PyObject *const *args, Py_ssize_t n) {
  const Py_ssize_t n_params = self->signature.n_params;
  if (n == n_params) return args;
  const int skip = n == n_params + 1 ? leading_store(self, args[0]) : 0;
  if (skip > 0) return args + 1;
  if (skip == 0) wrong_count(self, n);
  return NULL;
}

static PyObject *func_call(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
  struct w2s_py_func *self = (struct w2s_py_func *)callable;
  const Py_ssize_t n_params = self->signature.n_params;
  const Py_ssize_t n_args = PyVectorcall_NARGS(nargsf);
  if (kwnames != NULL && PyTuple_GET_SIZE(kwnames) > 0) {
    PyErr_SetString(w2s_py.UsageError, "wasm functions take no keyword arguments");
    return NULL;
  }
  if (n_args != n_params) {
    const int skip = n_args == n_params + 1 ? leading_store(self, args[0]) : 0;
    if (skip < 0) return NULL;
    if (skip == 0) return wrong_count(self, n_args);
    args++;
  }
  const Py_ssize_t n_results = self->signature.n_results;
  const Py_ssize_t n_slots = n_params > n_results ? n_params : n_results;
  if (n_slots <= W2S_PY_INLINE_SLOTS) {
    union w2s_value values[W2S_PY_INLINE_SLOTS];
    return call_with(self, args, values);
  }
  union w2s_value *values = PyMem_Calloc((size_t)n_slots, sizeof *values);
  if (values == NULL) return PyErr_NoMemory();
  PyObject *result = call_with(self, args, values);
  PyMem_Free(values);
  return result;
}

/* ---- the type ---- */

PyObject *w2s_py_func_wrap(PyTypeObject *type, struct w2s_py_store *store, struct w2s_funcref *func,
                           PyObject *name) {
  struct w2s_py_signature signature;
  if (w2s_py_signature_of(func->type, &signature) < 0) return NULL;
  /* A function may have several funcrefs (every instance that imports it can make one): context and code tell. A host
   * function has a context of its own, and its code is found only once a module of that type is loaded. */
  const union {
    void (*code)(void);
    const void *address;
  } code = {((const struct w2s_vm_head *)func->vm)->instance != NULL ? func->code : NULL};
  const w2s_trampoline trampoline = w2s_func_trampoline(func);
  PyObject *self = w2s_py_item_new(type, store, func->vm, code.address);
  if (self == NULL) return NULL;
  struct w2s_py_func *bound = (struct w2s_py_func *)self;
  bound->vectorcall = func_call;
  bound->func = func;
  bound->trampoline = trampoline;
  bound->traits = trampoline != NULL ? w2s_func_traits(func) : 0;
  bound->signature = signature;
  bound->name = Py_XNewRef(name);
  return self;
}

/* BoundFunc(store, address of a w2s_funcref, name) */
static PyObject *func_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *owner, *address, *name;
  if (w2s_py_no_keywords(kwargs) < 0) return NULL;
  if (!PyArg_ParseTuple(args, "O!O!U", w2s_py.store, &owner, &PyLong_Type, &address, &name)) return NULL;
  struct w2s_py_store *store = (struct w2s_py_store *)owner;
  if (w2s_py_store_use(store) == NULL) return NULL;
  struct w2s_funcref *func = PyLong_AsVoidPtr(address);
  if (func == NULL && !PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "null address");
  return func != NULL ? w2s_py_func_wrap(type, store, func, name) : NULL;
}

static void func_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  struct w2s_py_func *bound = (struct w2s_py_func *)self;
  Py_CLEAR(bound->name);
  Py_CLEAR(bound->item.store);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *func_name(PyObject *self, void *unused) {
  (void)unused;
  const struct w2s_py_func *bound = (const struct w2s_py_func *)self;
  return bound->name != NULL ? Py_NewRef(bound->name) : Py_NewRef(Py_None);
}

static PyObject *func_type_id(PyObject *self, void *unused) {
  (void)unused;
  return PyLong_FromUnsignedLong(((const struct w2s_py_func *)self)->signature.id);
}

static PyObject *func_address(PyObject *self, void *unused) {
  (void)unused;
  return PyLong_FromVoidPtr(((const struct w2s_py_func *)self)->func);
}

/* _for_importer() -> a Func of its own for one importing instance, or None if the function needs none. A host
 * function that takes a caller must know which instance calls it, and wasm calls do not say. */
static PyObject *func_for_importer(PyObject *self, PyObject *unused) {
  (void)unused;
  const struct w2s_py_func *bound = (const struct w2s_py_func *)self;
  struct w2s_py_store *store = bound->item.store;
  if (w2s_py_store_use(store) == NULL) return NULL;
  struct w2s_py_host *host = w2s_py_host_of(bound->func);
  if (host == NULL || host->make_caller == NULL || host->callable == NULL) Py_RETURN_NONE;
  Py_INCREF((PyObject *)host);
  struct w2s_funcref *own =
      w2s_py_host_new(store, host->signature.id, host->callable, host->name, host->make_caller);
  Py_DECREF((PyObject *)host);
  return own != NULL ? w2s_py_func_wrap(Py_TYPE(self), store, own, bound->name) : NULL;
}

/* _set_importer(instance address): whose exports the caller object shows */
static PyObject *func_set_importer(PyObject *self, PyObject *address) {
  const struct w2s_py_func *bound = (const struct w2s_py_func *)self;
  if (w2s_py_store_use(bound->item.store) == NULL) return NULL;
  struct w2s_instance *instance = PyLong_AsVoidPtr(address);
  if (instance == NULL && PyErr_Occurred()) return NULL;
  struct w2s_py_host *host = w2s_py_host_of(bound->func);
  if (host != NULL) host->instance = instance;
  Py_RETURN_NONE;
}

static PyMethodDef func_methods[] = {
    {"_for_importer", func_for_importer, METH_NOARGS, NULL},
    {"_set_importer", func_set_importer, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef func_getset[] = {
    {"name", func_name, NULL, "The name it was exported or made under, or None.", NULL},
    {"_type_id", func_type_id, NULL, NULL, NULL},
    {"_address", func_address, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef func_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(struct w2s_py_func, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot func_slots[] = {
    {Py_tp_new, func_new},
    {Py_tp_dealloc, func_dealloc},
    {Py_tp_traverse, w2s_py_item_traverse},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_methods, func_methods},
    {Py_tp_getset, func_getset},
    {Py_tp_members, func_members},
    {0, NULL},
};

PyType_Spec w2s_py_func_spec = {
    .name = "aot._runtime.BoundFunc",
    .basicsize = sizeof(struct w2s_py_func),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_VECTORCALL |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = func_slots,
};
