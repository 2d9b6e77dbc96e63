/* What functions, memories, tables and globals have in common: the tie to the store, equality, wrapping. */
#include "pyruntime.h"

static const struct w2s_py_item *as_item(PyObject *self) { return (const struct w2s_py_item *)self; }

PyObject *w2s_py_item_new(PyTypeObject *type, struct w2s_py_store *store, const void *key, const void *key2) {
  struct w2s_py_item *self = (struct w2s_py_item *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  self->store = (struct w2s_py_store *)Py_NewRef((PyObject *)store);
  self->key = key;
  self->key2 = key2;
  return (PyObject *)self;
}

int w2s_py_no_keywords(PyObject *kwargs) {
  if (kwargs == NULL || PyDict_GET_SIZE(kwargs) == 0) return 0;
  PyErr_SetString(PyExc_TypeError, "no keyword arguments expected");
  return -1;
}

int w2s_py_maximum(PyObject *max, uint64_t *out) {
  *out = 0;
  if (max == Py_None) return 0;
  const unsigned long long value = PyLong_AsUnsignedLongLong(max);
  if (value == (unsigned long long)-1 && PyErr_Occurred()) return -1;
  *out = value;
  return 0;
}

/* No item has a clear: an item's only edge leads to its store, and cycles through a store are broken at its host
 * functions and externref objects. So an item is usable for as long as anybody can see it. */
int w2s_py_item_traverse(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as_item(self)->store);
  return 0;
}

static void item_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_CLEAR(((struct w2s_py_item *)self)->store);
  type->tp_free(self);
  Py_DECREF(type);
}

/* Equal: the same wasm object. Kinds cannot meet, since their keys are addresses of different things. */
static PyObject *item_compare(PyObject *a, PyObject *b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !PyObject_TypeCheck(b, w2s_py.item)) Py_RETURN_NOTIMPLEMENTED;
  const struct w2s_py_item *x = as_item(a), *y = as_item(b);
  const int equal = x->store == y->store && x->key == y->key && x->key2 == y->key2;
  return PyBool_FromLong(equal == (op == Py_EQ));
}

static Py_hash_t item_hash(PyObject *self) {
  const uintptr_t mixed = (uintptr_t)as_item(self)->key ^ (uintptr_t)as_item(self)->key2 * 3u;
  const Py_hash_t hash = (Py_hash_t)(mixed >> 4);
  return hash == -1 ? -2 : hash;
}

static PyObject *item_store(PyObject *self, void *unused) {
  (void)unused;
  return Py_NewRef((PyObject *)as_item(self)->store);
}

static PyObject *item_refuse_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  (void)args;
  (void)kwargs;
  return PyErr_Format(PyExc_TypeError, "%.100s cannot be made directly", type->tp_name);
}

static PyGetSetDef item_getset[] = {
    {"store", item_store, NULL, "The store it belongs to.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot item_slots[] = {
    {Py_tp_new, item_refuse_new},
    {Py_tp_dealloc, item_dealloc},
    {Py_tp_traverse, w2s_py_item_traverse},
    {Py_tp_richcompare, item_compare},
    {Py_tp_hash, item_hash},
    {Py_tp_getset, item_getset},
    {0, NULL},
};

PyType_Spec w2s_py_item_spec = {
    .name = "aot._runtime.Item",
    .basicsize = sizeof(struct w2s_py_item),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = item_slots,
};

PyObject *w2s_py_func_of(struct w2s_py_store *store, struct w2s_funcref *func, PyObject *name) {
  return w2s_py_func_wrap((PyTypeObject *)w2s_py.Func, store, func, name);
}

PyObject *w2s_py_extern_of(struct w2s_py_store *store, const struct w2s_extern *item, PyObject *name) {
  switch (item->kind) {
    case W2S_EXTERN_FUNC: return w2s_py_func_of(store, item->func, name);
    case W2S_EXTERN_TABLE: return w2s_py_table_wrap((PyTypeObject *)w2s_py.Table, store, item->table);
    case W2S_EXTERN_MEMORY:
      if (item->memory->shared) return w2s_py_shared_wrap((PyTypeObject *)w2s_py.SharedMemory, item->memory);
      return w2s_py_memory_wrap((PyTypeObject *)w2s_py.Memory, store, item->memory);
    case W2S_EXTERN_GLOBAL: return w2s_py_global_wrap((PyTypeObject *)w2s_py.Global, store, &item->global);
    case W2S_EXTERN_TAG: return w2s_py_tag_wrap((PyTypeObject *)w2s_py.Tag, store, item->tag);
    default: return PyErr_Format(w2s_py.UsageError, "exports of kind %u cannot be used from Python", item->kind);
  }
}
