/* Instantiation: whole, in two steps, with imports checked once, and stores whose instance is used again. All are methods of
 * the store; instances are addresses here, and their Python objects are made in Python. */
#include "pyinstance.h"

#include <string.h>

/* The pointer that a Python int holds, or NULL with an exception. */
static void *address_of(PyObject *number) {
  void *at = PyLong_AsVoidPtr(number);
  if (at == NULL && !PyErr_Occurred()) PyErr_SetString(w2s_py.UsageError, "a null address");
  return at;
}

/* Describe one import for the runtime. */
static int extern_from_item(struct w2s_py_store *self, PyObject *object, struct w2s_extern *out) {
  memset(out, 0, sizeof *out);
  if (PyObject_TypeCheck(object, w2s_py.shared)) {
    out->kind = W2S_EXTERN_MEMORY;
    out->memory = ((struct w2s_py_shared *)object)->memory;
    return 0;
  }
  if (!PyObject_TypeCheck(object, w2s_py.item)) {
    PyErr_Format(PyExc_TypeError, "an import must be a Func, Memory, SharedMemory, Table, Global or Tag, not %.100s",
                 Py_TYPE(object)->tp_name);
    return -1;
  }
  if (((struct w2s_py_item *)object)->store != self) {
    PyErr_SetString(w2s_py.UsageError, "an import belongs to another store");
    return -1;
  }
  if (PyObject_TypeCheck(object, w2s_py.func)) {
    out->kind = W2S_EXTERN_FUNC;
    out->func = ((struct w2s_py_func *)object)->func;
  } else if (PyObject_TypeCheck(object, w2s_py.memory)) {
    out->kind = W2S_EXTERN_MEMORY;
    out->memory = ((struct w2s_py_memory *)object)->memory;
  } else if (PyObject_TypeCheck(object, w2s_py.table)) {
    out->kind = W2S_EXTERN_TABLE;
    out->table = ((struct w2s_py_table *)object)->table;
  } else if (PyObject_TypeCheck(object, w2s_py.tag)) {
    out->kind = W2S_EXTERN_TAG;
    out->tag = ((struct w2s_py_tag *)object)->tag;
  } else {
    out->kind = W2S_EXTERN_GLOBAL;
    out->global = ((struct w2s_py_global *)object)->global;
  }
  return 0;
}

/* ---- with imports ------------------------------------------------------------------------------------------------- */

/* What makes something of a module and its imports, by the runtime. */
typedef int32_t (*maker)(struct w2s_store *, struct w2s_module *, const struct w2s_extern *, size_t, void **,
                         struct w2s_error *);

static int32_t make_instance(struct w2s_store *store, struct w2s_module *module, const struct w2s_extern *imports,
                             size_t n, void **out, struct w2s_error *error) {
  return w2s_instantiate(store, module, imports, n, (struct w2s_instance **)out, error);
}

static int32_t make_unfinished(struct w2s_store *store, struct w2s_module *module, const struct w2s_extern *imports,
                               size_t n, void **out, struct w2s_error *error) {
  return w2s_instance_new(store, module, imports, n, (struct w2s_instance **)out, error);
}

static int32_t make_pre(struct w2s_store *store, struct w2s_module *module, const struct w2s_extern *imports, size_t n,
                        void **out, struct w2s_error *error) {
  return w2s_pre_new(store, module, imports, n, (struct w2s_instance_pre **)out, error);
}

/* (module address, tuple of imports) -> address of what was made */
static PyObject *make_with(struct w2s_py_store *self, PyObject *args, maker make) {
  PyObject *address, *imports;
  if (!PyArg_ParseTuple(args, "O!O!", &PyLong_Type, &address, &PyTuple_Type, &imports)) return NULL;
  struct w2s_module *module = address_of(address);
  struct w2s_store *store = module != NULL ? w2s_py_store_use(self) : NULL;
  if (store == NULL) return NULL;
  const Py_ssize_t n = PyTuple_GET_SIZE(imports);
  struct w2s_extern *externs = PyMem_Calloc(n > 0 ? (size_t)n : 1, sizeof *externs);
  if (externs == NULL) return PyErr_NoMemory();
  for (Py_ssize_t i = 0; i < n; i++) {
    if (extern_from_item(self, PyTuple_GET_ITEM(imports, i), &externs[i]) < 0) {
      PyMem_Free(externs);
      return NULL;
    }
  }
  void *made = NULL;
  struct w2s_error error = {0};
  struct w2s_py_frame frame;
  w2s_py_begin(self, NULL, &frame);
  PyEval_SaveThread();
  const int32_t status = make(store, module, externs, (size_t)n, &made, &error);
  PyEval_RestoreThread(frame.thread);
  PyMem_Free(externs);
  PyObject *result = status == W2S_OK ? PyLong_FromVoidPtr(made) : w2s_py_raise(self, &error);
  w2s_py_end(self, &frame);
  w2s_py_externs_settle(self);
  return result;
}

PyObject *w2s_py_instantiate(PyObject *self, PyObject *args) {
  return make_with((struct w2s_py_store *)self, args, make_instance);
}

PyObject *w2s_py_instance_new(PyObject *self, PyObject *args) {
  return make_with((struct w2s_py_store *)self, args, make_unfinished);
}

PyObject *w2s_py_pre_new(PyObject *self, PyObject *args) {
  return make_with((struct w2s_py_store *)self, args, make_pre);
}

/* ---- of something that was made ------------------------------------------------------------------------------------ */

typedef int32_t (*runner)(void *made, struct w2s_instance **out, struct w2s_error *error);

static int32_t run_pre(void *pre, struct w2s_instance **out, struct w2s_error *error) {
  return w2s_pre_instantiate(pre, out, error);
}

static int32_t run_finish(void *instance, struct w2s_instance **out, struct w2s_error *error) {
  *out = instance;
  return w2s_instance_finish(instance, error);
}

static PyObject *run_on(PyObject *object, PyObject *number, runner run) {
  struct w2s_py_store *self = (struct w2s_py_store *)object;
  void *made = address_of(number);
  if (made == NULL || w2s_py_store_use(self) == NULL) return NULL;
  struct w2s_instance *instance = NULL;
  struct w2s_error error = {0};
  struct w2s_py_frame frame;
  w2s_py_begin(self, NULL, &frame);
  PyEval_SaveThread();
  const int32_t status = run(made, &instance, &error);
  PyEval_RestoreThread(frame.thread);
  PyObject *result = status == W2S_OK ? PyLong_FromVoidPtr(instance) : w2s_py_raise(self, &error);
  w2s_py_end(self, &frame);
  w2s_py_externs_settle(self);
  return result;
}

PyObject *w2s_py_pre_instantiate(PyObject *self, PyObject *pre) { return run_on(self, pre, run_pre); }

PyObject *w2s_py_instance_finish(PyObject *self, PyObject *instance) { return run_on(self, instance, run_finish); }

PyObject *w2s_py_instance_finish_but_start(PyObject *object, PyObject *number) {
  struct w2s_py_store *self = (struct w2s_py_store *)object;
  struct w2s_instance *instance = address_of(number);
  if (instance == NULL || w2s_py_store_use(self) == NULL) return NULL;
  struct w2s_error error = {0};
  struct w2s_funcref *start;
  if (w2s_instance_finish_but_start(instance, &start, &error) != W2S_OK) return w2s_py_raise(self, &error);
  return start != NULL ? w2s_py_func_of(self, start, NULL) : Py_NewRef(Py_None);
}

/* ---- using a store again -------------------------------------------------------------------------------------------- */

PyObject *w2s_py_instance_mark(PyObject *object, PyObject *args) {
  struct w2s_py_store *self = (struct w2s_py_store *)object;
  PyObject *number;
  unsigned long long keep;
  if (!PyArg_ParseTuple(args, "O!K", &PyLong_Type, &number, &keep)) return NULL;
  struct w2s_instance *instance = address_of(number);
  if (instance == NULL || w2s_py_store_use(self) == NULL) return NULL;
  struct w2s_error error = {0};
  if (w2s_instance_mark(instance, keep, &error) != W2S_OK) return w2s_py_raise(self, &error);
  Py_RETURN_NONE;
}

/* Give the C store and the host functions, all of which were made before the mark, to `heir`. */
static void hand_over(struct w2s_py_store *self, struct w2s_py_store *heir) {
  heir->store = self->store;
  self->store = NULL;
  Py_CLEAR(heir->hosts);
  heir->hosts = self->hosts;
  self->hosts = NULL;
  w2s_store_set_data(heir->store, heir);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(heir->hosts); i++) {
    ((struct w2s_py_host *)PyList_GET_ITEM(heir->hosts, i))->store = heir;
  }
}

/* _recycle(instance address, store) -> whether the argument, a store that is closed, has got the C store, as good as new.
 * Then this one counts as closed, and what refers to it is of no use any more. It is left alone if views of its memories
 * are alive, or if it cannot be brought back. */
PyObject *w2s_py_recycle(PyObject *object, PyObject *args) {
  struct w2s_py_store *self = (struct w2s_py_store *)object;
  PyObject *number, *other;
  if (!PyArg_ParseTuple(args, "O!O!", &PyLong_Type, &number, w2s_py.store, &other)) return NULL;
  struct w2s_py_store *heir = (struct w2s_py_store *)other;
  struct w2s_instance *instance = address_of(number);
  if (instance == NULL) return NULL;
  if (self->store == NULL || self->active != NULL || heir->store != NULL) Py_RETURN_FALSE;
  if (self->n_views > 0 || self->n_holders > 0) Py_RETURN_FALSE;
  struct w2s_error error = {0};
  struct w2s_py_frame frame;
  w2s_py_begin(self, NULL, &frame);
  PyEval_SaveThread();
  const int32_t status = w2s_instance_reset(instance, &error);
  PyEval_RestoreThread(frame.thread);
  w2s_py_end(self, &frame);
  if (status != W2S_OK) Py_RETURN_FALSE;
  hand_over(self, heir);
  w2s_py_store_forget(self);
  Py_RETURN_TRUE;
}

/* _rebind(tuple of callables): what the store's first host functions call from now on, in the order they were made */
PyObject *w2s_py_rebind(PyObject *object, PyObject *callables) {
  struct w2s_py_store *self = (struct w2s_py_store *)object;
  if (w2s_py_store_use(self) == NULL) return NULL;
  if (!PyTuple_Check(callables) || PyTuple_GET_SIZE(callables) > PyList_GET_SIZE(self->hosts)) {
    PyErr_SetString(PyExc_TypeError, "expected callables, no more than there are host functions");
    return NULL;
  }
  const Py_ssize_t n = PyTuple_GET_SIZE(callables);
  for (Py_ssize_t i = 0; i < n; i++) {
    struct w2s_py_host *host = (struct w2s_py_host *)PyList_GET_ITEM(self->hosts, i);
    PyObject *old = host->callable;
    host->callable = Py_NewRef(PyTuple_GET_ITEM(callables, i));
    Py_XDECREF(old);
    if (self->hosts == NULL || PyList_GET_SIZE(self->hosts) < n) break; /* a finalizer closed the store */
  }
  Py_RETURN_NONE;
}
