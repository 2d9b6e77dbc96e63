/* The store's Python object: ownership, instantiation, closing, errors. */
#include "pyruntime.h"

#include <string.h>

#include "pycompat.h"
#include "pyinstance.h"
#include "pywasi.h"

static struct w2s_py_store *as_store(PyObject *self) { return (struct w2s_py_store *)self; }

struct w2s_store *w2s_py_store_use(struct w2s_py_store *self) {
  if (self->store == NULL) {
    PyErr_SetString(w2s_py.UsageError, "the store is closed");
    return NULL;
  }
  if (self->active != NULL && self->active != PyThreadState_Get()) {
    PyErr_SetString(w2s_py.UsageError, "the store is in use by another thread");
    return NULL;
  }
  return self->store;
}

/* ---- errors ---- */

void w2s_py_attach_trace(struct w2s_py_store *self, PyObject *error) {
  struct w2si_trace *trace = w2s_store_trace(self->store);
  if (trace->n == 0) return;
  PyObject *modules = PyObject_GetAttrString((PyObject *)self, "_modules");
  PyObject *values = modules != NULL ? PyMapping_Values(modules) : NULL;
  PyObject *made = values != NULL ? PyObject_CallFunction(w2s_py.Trace, "Oy#OO", error, (const char *)trace->pcs,
                                                          (Py_ssize_t)(trace->n * sizeof trace->pcs[0]), values,
                                                          trace->is_cut ? Py_True : Py_False)
                                  : NULL;
  trace->n = 0;
  if (made == NULL) PyErr_Clear(); /* no room for calls or objects: the error itself is what matters */
  Py_XDECREF(made);
  Py_XDECREF(values);
  Py_XDECREF(modules);
}

static PyObject *raise_trap(struct w2s_py_store *self, uint32_t code) {
  PyObject *pending = self->pending;
  self->pending = NULL;
  if (pending != NULL && code == W2S_TRAP_HOST) {
    w2s_py_attach_trace(self, pending);
    w2s_py_give_exception(pending);
    return NULL;
  }
  Py_XDECREF(pending);
  const int overdue = code == W2S_TRAP_INTERRUPT && w2s_store_is_overdue(self->store);
  PyObject *class = overdue ? w2s_py.TimeoutTrap : w2s_py.Trap;
  PyObject *trap = code == W2S_TRAP_EXIT
                       ? PyObject_CallFunction(w2s_py.ExitTrap, "I", (unsigned)w2s_last_exit_status())
                       : PyObject_CallFunction(class, "sI", overdue ? "timeout" : w2s_trap_message(code), (unsigned)code);
  if (trap == NULL) return NULL;
  w2s_py_attach_trace(self, trap);
  PyErr_SetObject((PyObject *)Py_TYPE(trap), trap);
  Py_DECREF(trap);
  return NULL;
}

PyObject *w2s_py_raise(struct w2s_py_store *self, const struct w2s_error *error) {
  PyObject *class = w2s_py.UsageError;
  switch (error->status) {
    case W2S_ERR_TRAP: return raise_trap(self, error->trap);
    case W2S_ERR_EXCEPTION: return w2s_py_raise_uncaught(self);
    case W2S_ERR_LINK: class = w2s_py.LinkError; break;
    case W2S_ERR_RESOURCE: class = w2s_py.ResourceError; break;
    case W2S_ERR_FORMAT: class = w2s_py.FormatError; break;
    default: break;
  }
  PyObject *message = PyUnicode_DecodeUTF8(error->message, (Py_ssize_t)strlen(error->message), "replace");
  if (message == NULL) return NULL;
  PyErr_SetObject(class, message);
  Py_DECREF(message);
  return NULL;
}

/* ---- life ---- */

static PyObject *store_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  (void)args;
  (void)kwargs;
  struct w2s_py_store *self = (struct w2s_py_store *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  self->hosts = PyList_New(0);
  if (self->hosts == NULL) {
    Py_DECREF(self);
    return NULL;
  }
  self->store = w2s_store_new();
  if (self->store == NULL) {
    Py_DECREF(self);
    return PyErr_NoMemory();
  }
  w2s_store_set_data(self->store, self);
  w2s_store_set_poll(self->store, w2s_py_poll_store);
  return (PyObject *)self;
}

static int store_traverse(PyObject *object, visitproc visit, void *arg) {
  struct w2s_py_store *self = as_store(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->pending);
  Py_VISIT(self->thrown);
  Py_VISIT(self->awaitable);
  Py_VISIT(self->hosts);
  Py_VISIT(self->fuel_callback);
  Py_VISIT(self->epoch_callback);
  Py_VISIT(self->limiter);
  return w2s_py_externs_traverse(&self->externs, visit, arg);
}

static void clear_callbacks(struct w2s_py_store *self) {
  if (self->store != NULL) {
    w2s_store_set_fuel_hook(self->store, NULL);
    w2s_store_set_epoch_hook(self->store, NULL);
    w2s_store_set_limiter(self->store, NULL);
  }
  Py_CLEAR(self->fuel_callback);
  Py_CLEAR(self->epoch_callback);
  Py_CLEAR(self->limiter);
}

/* Breaks cycles through externref objects. Host functions stay: wasm may still hold pointers to them until the
 * store is deleted; their own clear lets the callables go. Handles keep their numbers and read as None. */
static int store_clear(PyObject *object) {
  struct w2s_py_store *self = as_store(object);
  Py_CLEAR(self->pending);
  Py_CLEAR(self->thrown);
  clear_callbacks(self);
  w2s_py_externs_clear(&self->externs);
  Py_CLEAR(self->awaitable);
  return 0;
}

/* Delete the C store, then what it pointed to. */
static void store_delete(struct w2s_py_store *self) {
  struct w2s_store *store = self->store;
  self->store = NULL;
  if (store != NULL) w2s_store_delete(store);
  w2s_py_store_forget(self);
}

void w2s_py_store_forget(struct w2s_py_store *self) {
  Py_CLEAR(self->pending);
  Py_CLEAR(self->thrown);
  Py_CLEAR(self->awaitable);
  Py_CLEAR(self->fuel_callback);
  Py_CLEAR(self->epoch_callback);
  Py_CLEAR(self->limiter);
  Py_CLEAR(self->hosts);
  w2s_py_externs_free(&self->externs);
}

static void store_dealloc(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  store_delete(as_store(object));
  type->tp_free(object);
  Py_DECREF(type);
}

static PyObject *store_close(PyObject *object, PyObject *unused) {
  (void)unused;
  struct w2s_py_store *self = as_store(object);
  if (self->store == NULL) Py_RETURN_NONE;
  if (self->active != NULL) {
    PyErr_SetString(w2s_py.UsageError, "the store cannot be closed while its code runs");
    return NULL;
  }
  if (self->n_views > 0) {
    return PyErr_Format(PyExc_BufferError, "the store cannot be closed: %zd views of its memories are alive",
                        self->n_views);
  }
  store_delete(self);
  Py_RETURN_NONE;
}

/* From any thread, also while the store is in use: so it must not look at the store but for its being there. */
static PyObject *store_interrupt(PyObject *object, PyObject *unused) {
  (void)unused;
  struct w2s_store *store = as_store(object)->store;
  if (store != NULL) w2s_store_interrupt(store);
  Py_RETURN_NONE;
}

static PyObject *store_gc(PyObject *object, PyObject *unused) {
  (void)unused;
  struct w2s_py_store *self = as_store(object);
  if (w2s_py_store_use(self) == NULL) return NULL;
  if (self->active == NULL && self->n_holders == 0) w2s_py_externs_collect(self);
  Py_RETURN_NONE;
}

static PyObject *store_is_closed(PyObject *object, void *unused) {
  (void)unused;
  return PyBool_FromLong(as_store(object)->store == NULL);
}

static PyObject *store_is_running(PyObject *object, void *unused) {
  (void)unused;
  return PyBool_FromLong(as_store(object)->active != NULL);
}

static PyObject *store_address(PyObject *object, void *unused) {
  (void)unused;
  struct w2s_store *store = w2s_py_store_use(as_store(object));
  return store != NULL ? PyLong_FromVoidPtr(store) : NULL;
}

/* ---- functions and instances ---- */

/* _new_host(type_id, callable, name, make_caller) -> address of the funcref */
static PyObject *store_new_host(PyObject *object, PyObject *args) {
  struct w2s_py_store *self = as_store(object);
  unsigned int type_id;
  PyObject *callable, *name, *make_caller;
  if (!PyArg_ParseTuple(args, "IOUO", &type_id, &callable, &name, &make_caller)) return NULL;
  if (w2s_py_store_use(self) == NULL) return NULL;
  struct w2s_funcref *func =
      w2s_py_host_new(self, type_id, callable, name, make_caller == Py_None ? NULL : make_caller);
  return func != NULL ? PyLong_FromVoidPtr(func) : NULL;
}

/* _export(instance address, nth, name) -> Func, Memory, Table or Global */
static PyObject *store_export(PyObject *object, PyObject *args) {
  struct w2s_py_store *self = as_store(object);
  PyObject *address, *name;
  unsigned int nth;
  if (!PyArg_ParseTuple(args, "O!IU", &PyLong_Type, &address, &nth, &name)) return NULL;
  struct w2s_instance *instance = PyLong_AsVoidPtr(address);
  if (instance == NULL && PyErr_Occurred()) return NULL;
  if (w2s_py_store_use(self) == NULL) return NULL;
  struct w2s_extern item;
  if (w2s_instance_export(instance, nth, &item) != W2S_OK) {
    return PyErr_Format(w2s_py.UsageError, "the instance has no export %u", nth);
  }
  return w2s_py_extern_of(self, &item, name);
}

/* _item(instance address, kind, index) -> any item of an index space; None for a function that is never a value */
static PyObject *store_item(PyObject *object, PyObject *args) {
  struct w2s_py_store *self = as_store(object);
  PyObject *address;
  unsigned int kind, index;
  if (!PyArg_ParseTuple(args, "O!II", &PyLong_Type, &address, &kind, &index)) return NULL;
  struct w2s_instance *instance = PyLong_AsVoidPtr(address);
  if (instance == NULL && PyErr_Occurred()) return NULL;
  if (w2s_py_store_use(self) == NULL) return NULL;
  struct w2s_extern item;
  if (w2s_instance_item(instance, kind, index, &item) != W2S_OK) Py_RETURN_NONE;
  return w2s_py_extern_of(self, &item, NULL);
}

/* _vacant(): a store of this class without a C store, to be the argument of another's _recycle. It is not initialised. */
static PyObject *store_vacant(PyObject *class, PyObject *unused) {
  (void)unused;
  PyTypeObject *type = (PyTypeObject *)class;
  return type->tp_alloc(type, 0);
}

static PyMethodDef store_methods[] = {
    {"_vacant", store_vacant, METH_NOARGS | METH_CLASS, NULL},
    {"close", store_close, METH_NOARGS,
     "close()\n--\n\nFree everything in the store. Its objects raise UsageError from then on.\n\n"
     "Raises BufferError while views of its memories are alive and UsageError while its code runs."},
    {"interrupt", store_interrupt, METH_NOARGS,
     "interrupt()\n--\n\nMake code of the store that runs trap with TrapCode.INTERRUPT.\n\n"
     "May be called by any thread at any time. Code compiled with ``Config.epoch_interruption`` stops at once where it\n"
     "computes. All code stops, within 50 ms, where it waits (``memory.atomic.wait``, a WASI function that blocks), now or\n"
     "when it comes to that, or when it calls a WASI function. If no code of the store runs, nothing happens."},
    {"_set_fuel_callback", w2s_py_set_fuel_callback, METH_O, NULL},
    {"_set_epoch_callback", w2s_py_set_epoch_callback, METH_O, NULL},
    {"_set_limiter", w2s_py_set_limiter, METH_O, NULL},
    {"gc", store_gc, METH_NOARGS,
     "gc()\n--\n\nLet go of the externref objects that nothing in the store refers to any more.\n\n"
     "This happens by itself now and then, between calls. While code of the store runs, nothing is let go."},
    {"_new_host", store_new_host, METH_VARARGS, NULL},
    {"_instantiate", w2s_py_instantiate, METH_VARARGS, NULL},
    {"_instance_new", w2s_py_instance_new, METH_VARARGS, NULL},
    {"_instance_finish", w2s_py_instance_finish, METH_O, NULL},
    {"_instance_finish_but_start", w2s_py_instance_finish_but_start, METH_O, NULL},
    {"_instance_mark", w2s_py_instance_mark, METH_VARARGS, NULL},
    {"_pre_new", w2s_py_pre_new, METH_VARARGS, NULL},
    {"_pre_instantiate", w2s_py_pre_instantiate, METH_O, NULL},
    {"_recycle", w2s_py_recycle, METH_VARARGS, NULL},
    {"_rebind", w2s_py_rebind, METH_O, NULL},
    {"_item", store_item, METH_VARARGS, NULL},
    {"_wasi_new", w2s_py_wasi_new, METH_NOARGS, NULL},
    {"_wasi_stream", w2s_py_wasi_stream, METH_VARARGS, NULL},
    {"_wasi_function", w2s_py_wasi_function, METH_VARARGS, NULL},
    {"_export", store_export, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef store_getset[] = {
    {"closed", store_is_closed, NULL, "Whether the store was closed.", NULL},
    {"_address", store_address, NULL, NULL, NULL},
    {"_running", store_is_running, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot store_slots[] = {
    {Py_tp_new, store_new},
    {Py_tp_dealloc, store_dealloc},
    {Py_tp_traverse, store_traverse},
    {Py_tp_clear, store_clear},
    {Py_tp_methods, store_methods},
    {Py_tp_getset, store_getset},
    {0, NULL},
};

PyType_Spec w2s_py_store_spec = {
    .name = "aot._runtime.StoreBase",
    .basicsize = sizeof(struct w2s_py_store),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = store_slots,
};
