/* Tables: elements by index. */
#include "pyruntime.h"

static struct w2s_py_table *as_table(PyObject *self) { return (struct w2s_py_table *)self; }

/* The table if its store may be used here and now, or NULL with UsageError set. */
static struct w2s_table *use(PyObject *self) {
  return w2s_py_store_use(as_table(self)->item.store) != NULL ? as_table(self)->table : NULL;
}

static int to_element(struct w2s_py_store *store, const struct w2s_valtype *type, PyObject *object,
                      union w2s_ref *out) {
  static const struct w2s_py_place place = {NULL, "table element", 0};
  union w2s_value value = {.words = {0, 0}};
  if (w2s_py_to_value(store, type, object, &value, &place) < 0) return -1;
  if (w2s_py_is_func_heap(type->heap)) {
    out->func = value.func;
  } else {
    out->word = value.ref;
  }
  return 0;
}

static PyObject *from_element(PyObject *self, union w2s_ref element) {
  const struct w2s_table *table = as_table(self)->table;
  union w2s_value value = {.words = {0, 0}};
  if (table->is_func) {
    value.func = element.func;
  } else {
    value.ref = (uint32_t)element.word;
  }
  return w2s_py_from_value(as_table(self)->item.store, &table->type, &value);
}

static Py_ssize_t table_length(PyObject *self) {
  const struct w2s_table *table = use(self);
  return table != NULL ? (Py_ssize_t)table->n_elems : -1;
}

static Py_ssize_t element_index(PyObject *self, PyObject *key) {
  const Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
  if (index == -1 && PyErr_Occurred()) return -1;
  const Py_ssize_t length = table_length(self);
  if (length < 0) return -1;
  const Py_ssize_t at = index < 0 ? index + length : index;
  if (at >= 0 && at < length) return at;
  PyErr_Format(PyExc_IndexError, "element %zd of a table of %zd", index, length);
  return -1;
}

static PyObject *table_subscript(PyObject *self, PyObject *key) {
  const Py_ssize_t at = element_index(self, key);
  if (at < 0) return NULL;
  union w2s_ref element = {.word = 0};
  if (!w2s_table_get(as_table(self)->table, (uint64_t)at, &element)) {
    return PyErr_Format(PyExc_IndexError, "element %zd", at);
  }
  return from_element(self, element);
}

static int table_assign(PyObject *self, PyObject *key, PyObject *value) {
  if (value == NULL) {
    PyErr_SetString(PyExc_TypeError, "elements of a table cannot be deleted");
    return -1;
  }
  const Py_ssize_t at = element_index(self, key);
  if (at < 0) return -1;
  union w2s_ref element = {.word = 0};
  struct w2s_py_store *store = as_table(self)->item.store;
  if (to_element(store, &as_table(self)->table->type, value, &element) < 0) return -1;
  if (w2s_table_set(as_table(self)->table, (uint64_t)at, element)) {
    w2s_py_externs_settle(store);
    return 0;
  }
  PyErr_Format(PyExc_IndexError, "element %zd", at);
  return -1;
}

/* _grow(delta, init) -> old number of elements, or None where it cannot grow */
static PyObject *table_grow(PyObject *self, PyObject *args) {
  PyObject *number, *init;
  if (!PyArg_ParseTuple(args, "O!O", &PyLong_Type, &number, &init)) return NULL;
  const unsigned long long delta = PyLong_AsUnsignedLongLong(number); /* "K" would cut it off */
  if (delta == (unsigned long long)-1 && PyErr_Occurred()) return NULL;
  struct w2s_table *table = use(self);
  if (table == NULL) return NULL;
  union w2s_ref element = {.word = 0};
  if (to_element(as_table(self)->item.store, &table->type, init, &element) < 0) return NULL;
  as_table(self)->item.store->n_holders++;
  const uint64_t old = w2s_table_grow(table, delta, element);
  as_table(self)->item.store->n_holders--;
  if (old == UINT64_MAX && w2s_py_limiter_failed(as_table(self)->item.store)) return NULL;
  if (old == UINT64_MAX) Py_RETURN_NONE;
  return PyLong_FromUnsignedLongLong(old);
}

static PyObject *table_address(PyObject *self, void *unused) {
  (void)unused;
  struct w2s_table *table = use(self);
  return table != NULL ? PyLong_FromVoidPtr(table) : NULL;
}

PyObject *w2s_py_table_wrap(PyTypeObject *type, struct w2s_py_store *store, struct w2s_table *table) {
  PyObject *self = w2s_py_item_new(type, store, table, NULL);
  if (self != NULL) as_table(self)->table = table;
  return self;
}

/* TableBase(store, type code, heap type, min, max or None, is64, init): a table made by the host */
static PyObject *table_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *owner, *max, *init;
  int code, heap, is64;
  unsigned long long min;
  if (w2s_py_no_keywords(kwargs) < 0) return NULL;
  if (!PyArg_ParseTuple(args, "O!iiKOpO", w2s_py.store, &owner, &code, &heap, &min, &max, &is64, &init)) return NULL;
  struct w2s_py_store *store = (struct w2s_py_store *)owner;
  const struct w2s_valtype valtype = {.code = (uint16_t)code, .mutable_ = 0, .heap = heap};
  uint64_t top = 0;
  union w2s_ref element;
  if (w2s_py_maximum(max, &top) < 0 || w2s_py_store_use(store) == NULL) return NULL;
  if (to_element(store, &valtype, init, &element) < 0 || w2s_py_store_use(store) == NULL) return NULL;
  struct w2s_error error;
  store->n_holders++;
  struct w2s_table *table =
      w2s_table_new(store->store, &valtype, min, top, max != Py_None, is64, element, &error);
  store->n_holders--;
  return table != NULL ? w2s_py_table_wrap(type, store, table) : w2s_py_raise(store, &error);
}

static PyMethodDef table_methods[] = {
    {"_grow", table_grow, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef table_getset[] = {
    {"_address", table_address, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot table_slots[] = {
    {Py_tp_new, table_new},
    {Py_tp_traverse, w2s_py_item_traverse},
    {Py_mp_length, table_length},
    {Py_mp_subscript, table_subscript},
    {Py_mp_ass_subscript, table_assign},
    {Py_tp_methods, table_methods},
    {Py_tp_getset, table_getset},
    {0, NULL},
};

PyType_Spec w2s_py_table_spec = {
    .name = "aot._runtime.TableBase",
    .basicsize = sizeof(struct w2s_py_table),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = table_slots,
};
