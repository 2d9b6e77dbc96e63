/* Calls from Python on fibers, for coroutines: one object for each call, which aot.embed.async_ drives. */
#include "pyruntime.h"

#include <structmember.h>

#include "pycompat.h"

/* A call that awaitables can suspend. */
struct w2s_py_async {
  PyObject_HEAD
  struct w2s_py_func *func;
  struct w2s_fiber *fiber;  /* NULL once the call has ended */
  union w2s_value *values;
  PyObject *result;         /* set when the call has returned */
  PyObject *thrown;         /* of the store while the call runs: the last WasmException raised in it, */
  uint64_t thrown_number;   /* and its number */
  int is_running;
  int is_holder;            /* counts in the store's `n_holders`: the arguments are not yet on the fiber's stack */
};

static struct w2s_py_async *as_async(PyObject *self) { return (struct w2s_py_async *)self; }

/* AsyncCallBase(func, tuple of arguments): convert the arguments; nothing runs yet. */
static PyObject *async_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *callable, *arguments;
  if (w2s_py_no_keywords(kwargs) < 0) return NULL;
  if (!PyArg_ParseTuple(args, "O!O!", w2s_py.func, &callable, &PyTuple_Type, &arguments)) return NULL;
  struct w2s_py_func *func = (struct w2s_py_func *)callable;
  struct w2s_py_store *store = func->item.store;
  PyObject *const *items = w2s_py_check_arguments(func, &PyTuple_GET_ITEM(arguments, 0), PyTuple_GET_SIZE(arguments));
  if (items == NULL) return NULL;
  struct w2s_py_async *self = as_async(type->tp_alloc(type, 0));
  if (self == NULL) return NULL;
  self->func = (struct w2s_py_func *)Py_NewRef(callable);
  const Py_ssize_t n_params = func->signature.n_params, n_results = func->signature.n_results;
  const Py_ssize_t n_slots = n_params > n_results ? n_params : n_results;
  self->values = PyMem_Calloc(n_slots > 0 ? (size_t)n_slots : 1, sizeof *self->values);
  struct w2s_error error = {.status = W2S_OK};
  self->is_holder = 1;
  store->n_holders++;
  if (self->values == NULL) {
    PyErr_NoMemory();
  } else if (w2s_py_convert_arguments(func, items, self->values) == 0 && w2s_py_store_use(store) != NULL) {
    self->fiber = w2s_fiber_new(store->store, func->func, self->values, &error);
    if (self->fiber == NULL) w2s_py_raise(store, &error);
  }
  if (self->fiber == NULL) Py_CLEAR(self);
  return (PyObject *)self;
}

/* The store remembers what was thrown last, for each call that is under way. */
static void exchange_thrown(struct w2s_py_store *store, struct w2s_py_async *self) {
  PyObject *thrown = store->thrown;
  const uint64_t number = store->thrown_number;
  store->thrown = self->thrown;
  store->thrown_number = self->thrown_number;
  self->thrown = thrown;
  self->thrown_number = number;
}

/* Hand the host function's result, or the exception that is set, to the call. What w2s_fiber_resume is to be told. */
static int32_t answer(struct w2s_py_async *self, PyObject *value) {
  struct w2s_py_store *store = self->func->item.store;
  union w2s_value *values = NULL;
  const struct w2s_host_func *func = w2s_fiber_host(self->fiber, &values);
  if (func == NULL && value != NULL) return W2S_HOST_OK; /* it begins, or goes on after it has yielded */
  if (func == NULL) {
    Py_XSETREF(store->pending, w2s_py_take_exception());
    return W2S_HOST_FAILED;
  }
  if (value != NULL && w2s_py_host_results(func->env, value, values) == 0) return W2S_HOST_OK;
  return w2s_py_host_failed(store, self->fiber);
}

static void hold_no_more(struct w2s_py_async *self) {
  if (!self->is_holder) return;
  self->is_holder = 0;
  self->func->item.store->n_holders--;
}

/* The call has ended or cannot go on. */
static void finish(struct w2s_py_async *self) {
  struct w2s_fiber *fiber = self->fiber;
  self->fiber = NULL;
  w2s_fiber_delete(fiber);
  hold_no_more(self);
}

/* Run until the call waits, returns or fails: the awaitable, self, or NULL with what it raises. */
static PyObject *run(struct w2s_py_async *self, PyObject *value) {
  struct w2s_py_store *store = self->func->item.store;
  struct w2s_error error;
  struct w2s_py_frame frame;
  PyObject *found = NULL;
  w2s_py_begin(store, self->func->func, &frame);
  self->is_running = 1;
  exchange_thrown(store, self);
  const int32_t host_result = answer(self, value);
  PyEval_SaveThread();
  const int32_t status = w2s_fiber_resume(self->fiber, host_result, &error);
  PyEval_RestoreThread(frame.thread);
  if (status == W2S_SUSPENDED) {
    found = store->awaitable != NULL ? store->awaitable : Py_NewRef(Py_None);
    store->awaitable = NULL;
  } else if (status == W2S_OK) {
    self->result = w2s_py_convert_results(self->func, self->values);
    if (self->result != NULL) found = Py_NewRef((PyObject *)self);
  } else {
    w2s_py_raise(store, &error);
    Py_CLEAR(store->pending); /* if it was refused, nobody took it */
  }
  exchange_thrown(store, self);
  self->is_running = 0;
  if (status != W2S_SUSPENDED) finish(self);
  hold_no_more(self);
  w2s_py_end(store, &frame);
  w2s_py_externs_settle(store);
  return found;
}

static int check_usable(const struct w2s_py_async *self) {
  if (self->fiber != NULL && !self->is_running) return w2s_py_store_use(self->func->item.store) != NULL;
  PyErr_SetString(w2s_py.UsageError, self->is_running ? "the call is running" : "the call has ended");
  return 0;
}

/* send(value): begin (with None), or go on with what was awaited. The next awaitable, None for a call that only lets others
 * have their turn, or self if it has returned. */
static PyObject *async_send(PyObject *object, PyObject *value) {
  return check_usable(as_async(object)) ? run(as_async(object), value) : NULL;
}

/* throw(exception): go on where awaiting raised it */
static PyObject *async_throw(PyObject *object, PyObject *exception) {
  if (!PyExceptionInstance_Check(exception)) {
    PyErr_SetString(PyExc_TypeError, "an exception expected");
    return NULL;
  }
  if (!check_usable(as_async(object))) return NULL;
  w2s_py_give_exception(Py_NewRef(exception));
  if (as_async(object)->is_holder) { /* it has not begun */
    finish(as_async(object));
    return NULL;
  }
  return run(as_async(object), NULL);
}

/* close(): the call ends where it is; nothing of it runs any more */
static PyObject *async_close(PyObject *object, PyObject *unused) {
  (void)unused;
  struct w2s_py_async *self = as_async(object);
  if (self->is_running) {
    PyErr_SetString(w2s_py.UsageError, "the call is running");
    return NULL;
  }
  finish(self);
  Py_RETURN_NONE;
}

static int async_traverse(PyObject *object, visitproc visit, void *arg) {
  const struct w2s_py_async *self = as_async(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->func);
  Py_VISIT(self->result);
  Py_VISIT(self->thrown);
  return 0;
}

static int async_clear(PyObject *object) {
  struct w2s_py_async *self = as_async(object);
  finish(self); /* while the store is still there */
  Py_CLEAR(self->func);
  Py_CLEAR(self->result);
  Py_CLEAR(self->thrown);
  return 0;
}

static void async_dealloc(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  async_clear(object);
  PyMem_Free(as_async(object)->values);
  type->tp_free(object);
  Py_DECREF(type);
}

static PyMethodDef async_methods[] = {
    {"send", async_send, METH_O, NULL},
    {"throw", async_throw, METH_O, NULL},
    {"close", async_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef async_members[] = {
    {"result", T_OBJECT_EX, offsetof(struct w2s_py_async, result), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot async_slots[] = {
    {Py_tp_new, async_new},
    {Py_tp_dealloc, async_dealloc},
    {Py_tp_traverse, async_traverse},
    {Py_tp_clear, async_clear},
    {Py_tp_methods, async_methods},
    {Py_tp_members, async_members},
    {0, NULL},
};

PyType_Spec w2s_py_async_spec = {
    .name = "aot._runtime.AsyncCall",
    .basicsize = sizeof(struct w2s_py_async),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = async_slots,
};

/* ---- host functions that return awaitables --------------------------------------------------------------------- */

/* Made by a function with types.coroutine? */
static int is_generator_coroutine(PyObject *result) {
  if (!PyGen_CheckExact(result)) return 0;
  PyObject *code = PyObject_GetAttrString(result, "gi_code");
  const int is_coroutine = code != NULL && (((PyCodeObject *)code)->co_flags & CO_ITERABLE_COROUTINE) != 0;
  if (code == NULL) PyErr_Clear();
  Py_XDECREF(code);
  return is_coroutine;
}

int w2s_py_is_awaitable(const struct w2s_py_host *host, PyObject *result) {
  const PyAsyncMethods *methods = Py_TYPE(result)->tp_as_async;
  if (methods == NULL || methods->am_await == NULL) return is_generator_coroutine(result);
  if (PyCoro_CheckExact(result) || host->signature.n_results != 1) return 1;
  const struct w2s_valtype *type = &host->signature.results[0]; /* an externref can be any object */
  return (type->code != W2S_REF && type->code != W2S_REF_NULL) || w2s_py_is_func_heap(type->heap);
}

int w2s_py_suspend(const struct w2s_py_host *host, PyObject *awaitable) {
  struct w2s_py_store *store = host->store;
  if (w2s_may_suspend(store->store)) {
    Py_XSETREF(store->awaitable, Py_NewRef(awaitable));
    return 1;
  }
  if (PyCoro_CheckExact(awaitable)) { /* or it would complain that it was never awaited */
    PyObject *closed = PyObject_CallMethod(awaitable, "close", NULL);
    if (closed == NULL) return -1;
    Py_DECREF(closed);
  }
  PyErr_Format(w2s_py.UsageError, "%U() is asynchronous: the function that calls it must be called with call_async()",
               host->name);
  return -1;
}
