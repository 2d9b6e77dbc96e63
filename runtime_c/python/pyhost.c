/* Calls from wasm into Python: host functions. */
#include "pyruntime.h"

#include "pycompat.h"

static struct w2s_py_host *as_host(PyObject *self) { return (struct w2s_py_host *)self; }

/* The instance whose exports the caller object shows, or NULL. */
static struct w2s_instance *calling_instance(const struct w2s_py_host *host) {
  if (host->instance != NULL) return host->instance;
  const struct w2s_funcref *entered = host->store->entered;
  if (entered != NULL) return ((const struct w2s_vm_head *)entered->vm)->instance;
  return w2si_store(host->store->store)->instances; /* a start function: its instance is the newest */
}

static PyObject *new_caller(const struct w2s_py_host *host) {
  PyObject *address = PyLong_FromVoidPtr(calling_instance(host));
  if (address == NULL) return NULL;
  PyObject *caller = PyObject_CallFunctionObjArgs(host->make_caller, (PyObject *)host->store, address, NULL);
  Py_DECREF(address);
  return caller;
}

static int wrong_result(const struct w2s_py_host *host, PyObject *result, Py_ssize_t given) {
  const Py_ssize_t n = host->signature.n_results;
  if (n == 0) {
    PyErr_Format(PyExc_TypeError, "%U(): expected no result (None), not %.100s", host->name,
                 Py_TYPE(result)->tp_name);
  } else if (given < 0) {
    PyErr_Format(PyExc_TypeError, "%U(): expected a sequence of %zd results, not %.100s", host->name, n,
                 Py_TYPE(result)->tp_name);
  } else {
    PyErr_Format(PyExc_TypeError, "%U(): expected %zd results, not %zd", host->name, n, given);
  }
  return -1;
}

static int store_sequence(const struct w2s_py_host *host, PyObject *result, union w2s_value *values) {
  const Py_ssize_t n = host->signature.n_results;
  if (!PyList_Check(result) && !PyTuple_Check(result)) return wrong_result(host, result, -1);
  PyObject *items = PySequence_Tuple(result); /* a copy: conversions can run code that changes a list */
  if (items == NULL) return -1;
  int status = PyTuple_GET_SIZE(items) == n ? 0 : wrong_result(host, result, PyTuple_GET_SIZE(items));
  for (Py_ssize_t i = 0; i < n && status == 0; i++) {
    const struct w2s_py_place place = {host->name, "result", i + 1};
    status = w2s_py_to_value(host->store, &host->signature.results[i], PyTuple_GET_ITEM(items, i), &values[i],
                             &place);
  }
  Py_DECREF(items);
  return status;
}

int w2s_py_host_results(const struct w2s_py_host *host, PyObject *result, union w2s_value *values) {
  switch (host->signature.n_results) {
    case 0: return result == Py_None ? 0 : wrong_result(host, result, 0);
    case 1: {
      const struct w2s_py_place place = {host->name, "result", 0};
      return w2s_py_to_value(host->store, &host->signature.results[0], result, &values[0], &place);
    }
    default: return store_sequence(host, result, values);
  }
}

/* Call with `args[1..]` as scratch space for the arguments; args[0] is vectorcall's spare slot. 1: the call waits for the
 * awaitable that was left with the store. */
static int call_with(const struct w2s_py_host *host, union w2s_value *values, PyObject **args) {
  PyObject *callable = Py_NewRef(host->callable);
  Py_ssize_t n = 1;
  int status = -1;
  if (host->make_caller != NULL && (args[n++] = new_caller(host)) == NULL) n = -1;
  for (Py_ssize_t i = 0; n > 0 && i < host->signature.n_params; i++) {
    args[n] = w2s_py_from_value(host->store, &host->signature.params[i], &values[i]);
    if (args[n] == NULL) {
      while (--n > 0) Py_DECREF(args[n]);
      n = -1;
    } else {
      n++;
    }
  }
  if (n > 0) {
    PyObject *result =
        PyObject_Vectorcall(callable, args + 1, (size_t)(n - 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    if (result != NULL) {
      const int is_plain = Py_TYPE(result)->tp_as_async == NULL || !w2s_py_is_awaitable(host, result);
      status = is_plain ? w2s_py_host_results(host, result, values) : w2s_py_suspend(host, result);
      Py_DECREF(result);
    }
    while (--n > 0) Py_DECREF(args[n]);
  }
  Py_DECREF(callable);
  return status;
}

static int call_python(const struct w2s_py_host *host, union w2s_value *values) {
  if (host->callable == NULL) {
    PyErr_SetString(w2s_py.UsageError, "the host function was collected together with its store");
    return -1;
  }
  const Py_ssize_t n = host->signature.n_params + 2;
  if (n <= W2S_PY_INLINE_SLOTS) {
    PyObject *args[W2S_PY_INLINE_SLOTS];
    return call_with(host, values, args);
  }
  PyObject **args = PyMem_Calloc((size_t)n, sizeof *args);
  if (args == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  const int status = call_with(host, values, args);
  PyMem_Free(args);
  return status;
}

int32_t w2s_py_host_failed(struct w2s_py_store *store, struct w2s_fiber *fiber) {
  if (w2s_py_throw(store, fiber)) return W2S_HOST_THREW;
  Py_XSETREF(store->pending, w2s_py_take_exception());
  return W2S_HOST_FAILED;
}

/* w2s_host_func.call: called without the GIL, from wasm. A WasmException is thrown in wasm; any other failure leaves
 * its exception with the store, for the call that entered wasm to raise again. */
static int32_t host_call(struct w2s_host_func *func, union w2s_value *values) {
  const struct w2s_py_host *host = func->env;
  struct w2s_py_store *store = host->store;
  PyEval_RestoreThread(store->active);
  const int status = call_python(host, values);
  int32_t result = status > 0 ? (int32_t)W2S_HOST_SUSPENDED : (int32_t)W2S_HOST_OK;
  if (status < 0) result = w2s_py_host_failed(store, NULL);
  PyEval_SaveThread();
  return result;
}

struct w2s_py_host *w2s_py_host_of(const struct w2s_funcref *func) {
  const struct w2s_vm_head *head = (const struct w2s_vm_head *)func->vm;
  if (head == NULL || head->instance != NULL) return NULL;
  const struct w2s_host_func *host = (const struct w2s_host_func *)func->vm;
  return host->call == host_call ? host->env : NULL;
}

/* ---- the type ---- */

/* Give the host object to the store and its function to wasm. */
static struct w2s_funcref *publish(struct w2s_py_host *host) {
  struct w2s_py_store *store = host->store;
  if (w2s_py_store_use(store) == NULL || PyList_Append(store->hosts, (PyObject *)host) < 0) return NULL;
  host->func = w2s_func_new(store->store, host->signature.id, host_call, host, NULL);
  if (host->func != NULL) return host->func;
  const Py_ssize_t n = PyList_GET_SIZE(store->hosts);
  if (PyList_SetSlice(store->hosts, n - 1, n, NULL) == 0) PyErr_NoMemory();
  return NULL;
}

struct w2s_funcref *w2s_py_host_new(struct w2s_py_store *store, uint32_t type_id, PyObject *callable,
                                    PyObject *name, PyObject *make_caller) {
  struct w2s_py_signature signature;
  if (w2s_py_signature_of(type_id, &signature) < 0) return NULL;
  struct w2s_py_host *host = (struct w2s_py_host *)w2s_py.host->tp_alloc(w2s_py.host, 0);
  if (host == NULL) return NULL;
  host->store = store;
  host->callable = Py_NewRef(callable);
  host->make_caller = Py_XNewRef(make_caller);
  host->name = Py_NewRef(name);
  host->signature = signature;
  struct w2s_funcref *func = publish(host);
  Py_DECREF(host); /* the store has it now, or nobody */
  return func;
}

static int host_traverse(PyObject *object, visitproc visit, void *arg) {
  struct w2s_py_host *self = as_host(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->callable);
  Py_VISIT(self->make_caller);
  return 0;
}

static int host_clear(PyObject *object) {
  struct w2s_py_host *self = as_host(object);
  Py_CLEAR(self->callable);
  Py_CLEAR(self->make_caller);
  return 0;
}

static void host_dealloc(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  host_clear(object);
  Py_CLEAR(as_host(object)->name);
  type->tp_free(object);
  Py_DECREF(type);
}

static PyType_Slot host_slots[] = {
    {Py_tp_dealloc, host_dealloc},
    {Py_tp_traverse, host_traverse},
    {Py_tp_clear, host_clear},
    {0, NULL},
};

PyType_Spec w2s_py_host_spec = {
    .name = "aot._runtime.HostFunc",
    .basicsize = sizeof(struct w2s_py_host),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = host_slots,
};
