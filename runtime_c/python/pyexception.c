/* Exceptions of wasm code in Python, both ways, and tags. */
#include "pyruntime.h"

#include <string.h>

/* ---- out of wasm ---- */

/* One value. A reference to an exception cannot be used in Python, and what it refers to may be gone: it is `...`. */
static PyObject *shown_value(struct w2s_py_store *store, const struct w2s_valtype *type, const union w2s_value *value) {
  const int is_ref = type->code == W2S_REF || type->code == W2S_REF_NULL;
  if (is_ref && type->heap == W2S_HEAP_EXN && value->ref != 0) return Py_NewRef(Py_Ellipsis);
  return w2s_py_from_value(store, type, value);
}

/* The values of an exception as a tuple. They are read before Python code can run, which can throw. */
static PyObject *values_tuple(struct w2s_py_store *store, const struct w2s_py_signature *signature,
                              const union w2s_value *values) {
  const Py_ssize_t n = signature->n_params;
  union w2s_value *copy = PyMem_Calloc(n > 0 ? (size_t)n : 1, sizeof *copy);
  if (copy == NULL) return PyErr_NoMemory();
  if (n > 0) memcpy(copy, values, (size_t)n * sizeof *copy);
  PyObject *tuple = PyTuple_New(n);
  for (Py_ssize_t i = 0; tuple != NULL && i < n; i++) {
    PyObject *value = shown_value(store, &signature->params[i], &copy[i]);
    if (value != NULL) {
      PyTuple_SET_ITEM(tuple, i, value);
    } else {
      Py_CLEAR(tuple);
    }
  }
  PyMem_Free(copy);
  return tuple;
}

PyObject *w2s_py_raise_uncaught(struct w2s_py_store *self) {
  const union w2s_value *values;
  uint64_t origin;
  struct w2s_tag *tag = w2s_uncaught(self->store, &values, &origin);
  if (tag == NULL) {
    PyErr_SetString(w2s_py.UsageError, "unhandled exception");
    return NULL;
  }
  if (origin != 0 && origin == self->thrown_number && self->thrown != NULL) { /* what a host function raised comes back as itself */
    PyObject *thrown = self->thrown;
    self->thrown = NULL;
    w2s_py_attach_trace(self, thrown);
    w2s_py_give_exception(thrown);
    return NULL;
  }
  struct w2s_py_signature signature;
  if (w2s_py_signature_of(tag->type, &signature) < 0) return NULL;
  PyObject *tuple = values_tuple(self, &signature, values);
  PyObject *item = tuple != NULL ? w2s_py_tag_wrap((PyTypeObject *)w2s_py.Tag, self, tag) : NULL;
  PyObject *error = item != NULL ? PyObject_CallFunctionObjArgs(w2s_py.WasmException, item, tuple, NULL) : NULL;
  if (error != NULL) {
    w2s_py_attach_trace(self, error);
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
  }
  Py_XDECREF(error);
  Py_XDECREF(item);
  Py_XDECREF(tuple);
  return NULL;
}

/* ---- into wasm ---- */

/* Convert the values and throw. -1 with an exception. */
static int throw_values(struct w2s_py_store *store, struct w2s_fiber *fiber, struct w2s_tag *tag, PyObject *values,
                        uint64_t origin) {
  static const struct w2s_py_place place = {NULL, "exception value", 0};
  struct w2s_py_signature signature;
  if (w2s_py_signature_of(tag->type, &signature) < 0) return -1;
  const Py_ssize_t n = signature.n_params;
  if (PyTuple_GET_SIZE(values) != n) {
    PyErr_Format(PyExc_TypeError, "the exception's tag takes %zd values, not %zd", n, PyTuple_GET_SIZE(values));
    return -1;
  }
  union w2s_value *slots = PyMem_Calloc(n > 0 ? (size_t)n : 1, sizeof *slots);
  if (slots == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  int status = 0;
  for (Py_ssize_t i = 0; i < n && status == 0; i++) {
    status = w2s_py_to_value(store, &signature.params[i], PyTuple_GET_ITEM(values, i), &slots[i], &place);
  }
  if (status == 0) {
    const int32_t result = fiber != NULL ? w2s_fiber_throw(fiber, tag, slots, origin)
                                         : w2s_host_throw(store->store, tag, slots, origin);
    if (result != W2S_HOST_THREW) {
      PyErr_SetString(w2s_py.ResourceError, "no room for an exception");
      status = -1;
    }
  }
  PyMem_Free(slots);
  return status;
}

/* The tag of a WasmException, a new reference, and its values, if it can be thrown in this store; else NULL, perhaps
 * with an exception set. */
static PyObject *throwable_tag(struct w2s_py_store *store, PyObject *exception, PyObject **values) {
  PyObject *tag = PyObject_GetAttrString(exception, "tag");
  if (tag == NULL) return NULL;
  *values = NULL;
  if (PyObject_TypeCheck(tag, w2s_py.tag) && ((struct w2s_py_tag *)tag)->item.store == store) {
    *values = PyObject_GetAttrString(exception, "values");
    if (*values != NULL && PyTuple_CheckExact(*values)) return tag;
    if (*values != NULL) PyErr_SetString(PyExc_TypeError, "the values of a WasmException must be a tuple");
    Py_CLEAR(*values);
  }
  Py_DECREF(tag);
  return NULL;
}

int w2s_py_throw(struct w2s_py_store *store, struct w2s_fiber *fiber) {
  if (!PyErr_ExceptionMatches(w2s_py.WasmException)) return 0;
  PyObject *exception = w2s_py_take_exception();
  PyObject *values;
  PyObject *tag = throwable_tag(store, exception, &values);
  if (tag != NULL) {
    const int status = throw_values(store, fiber, ((struct w2s_py_tag *)tag)->tag, values, ++store->n_thrown);
    Py_DECREF(values);
    Py_DECREF(tag);
    if (status == 0) {
      store->thrown_number = store->n_thrown;
      Py_XSETREF(store->thrown, exception);
      return 1;
    }
  }
  if (PyErr_Occurred()) {
    Py_DECREF(exception);
  } else {
    w2s_py_give_exception(exception); /* of another store: no wasm code here can know its tag */
  }
  return 0;
}

/* ---- tags ---- */

PyObject *w2s_py_tag_wrap(PyTypeObject *type, struct w2s_py_store *store, struct w2s_tag *tag) {
  PyObject *self = w2s_py_item_new(type, store, tag, NULL);
  if (self != NULL) ((struct w2s_py_tag *)self)->tag = tag;
  return self;
}

/* TagBase(store, canonical id of a function type): a tag made by the host */
static PyObject *tag_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *owner;
  unsigned int type_id;
  if (w2s_py_no_keywords(kwargs) < 0) return NULL;
  if (!PyArg_ParseTuple(args, "O!I", w2s_py.store, &owner, &type_id)) return NULL;
  struct w2s_py_store *store = (struct w2s_py_store *)owner;
  if (w2s_py_store_use(store) == NULL) return NULL;
  struct w2s_error error;
  struct w2s_tag *tag = w2s_tag_new(store->store, type_id, &error);
  return tag != NULL ? w2s_py_tag_wrap(type, store, tag) : w2s_py_raise(store, &error);
}

static PyObject *tag_type_id(PyObject *self, void *unused) {
  (void)unused;
  const struct w2s_py_tag *tag = (const struct w2s_py_tag *)self;
  if (w2s_py_store_use(tag->item.store) == NULL) return NULL;
  return PyLong_FromUnsignedLong(tag->tag->type);
}

static PyGetSetDef tag_getset[] = {
    {"_type_id", tag_type_id, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot tag_slots[] = {
    {Py_tp_new, tag_new},
    {Py_tp_traverse, w2s_py_item_traverse},
    {Py_tp_getset, tag_getset},
    {0, NULL},
};

PyType_Spec w2s_py_tag_spec = {
    .name = "aot._runtime.TagBase",
    .basicsize = sizeof(struct w2s_py_tag),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = tag_slots,
};
