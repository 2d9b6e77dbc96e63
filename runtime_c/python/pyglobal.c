/* Globals. */
#include "pyruntime.h"

static struct w2s_py_global *as_global(PyObject *self) { return (struct w2s_py_global *)self; }

static PyObject *global_get(PyObject *self, void *unused) {
  (void)unused;
  struct w2s_py_global *item = as_global(self);
  if (w2s_py_store_use(item->item.store) == NULL) return NULL;
  union w2s_value value = {.words = {0, 0}};
  w2s_global_get(&item->global, &value);
  return w2s_py_from_value(item->item.store, &item->global.type, &value);
}

static int global_set(PyObject *self, PyObject *object, void *unused) {
  static const struct w2s_py_place place = {NULL, "global", 0};
  (void)unused;
  struct w2s_py_global *item = as_global(self);
  if (object == NULL) {
    PyErr_SetString(PyExc_TypeError, "the value of a global cannot be deleted");
    return -1;
  }
  if (!item->global.is_mutable) {
    PyErr_SetString(w2s_py.UsageError, "the global is immutable");
    return -1;
  }
  union w2s_value value = {.words = {0, 0}};
  if (w2s_py_to_value(item->item.store, &item->global.type, object, &value, &place) < 0) return -1;
  if (w2s_py_store_use(item->item.store) == NULL) return -1;
  w2s_global_set(&item->global, &value);
  w2s_py_externs_settle(item->item.store);
  return 0;
}

static PyObject *global_mutable(PyObject *self, void *unused) {
  (void)unused;
  return PyBool_FromLong((long)as_global(self)->global.is_mutable);
}

/* (code, heap) of the canonical type */
static PyObject *global_type(PyObject *self, void *unused) {
  (void)unused;
  const struct w2s_valtype *type = &as_global(self)->global.type;
  return Py_BuildValue("ii", (int)type->code, (int)type->heap);
}

PyObject *w2s_py_global_wrap(PyTypeObject *type, struct w2s_py_store *store, const struct w2s_global *global) {
  PyObject *self = w2s_py_item_new(type, store, global->value, NULL);
  if (self != NULL) as_global(self)->global = *global;
  return self;
}

/* GlobalBase(store, type code, heap type, mutable, value): a global made by the host */
static PyObject *global_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  static const struct w2s_py_place place = {NULL, "global", 0};
  PyObject *owner, *object;
  int code, heap, is_mutable;
  if (w2s_py_no_keywords(kwargs) < 0) return NULL;
  if (!PyArg_ParseTuple(args, "O!iipO", w2s_py.store, &owner, &code, &heap, &is_mutable, &object)) return NULL;
  struct w2s_py_store *store = (struct w2s_py_store *)owner;
  if (w2s_py_store_use(store) == NULL) return NULL;
  const struct w2s_valtype valtype = {.code = (uint16_t)code, .mutable_ = 0, .heap = heap};
  union w2s_value value = {.words = {0, 0}};
  if (w2s_py_to_value(store, &valtype, object, &value, &place) < 0) return NULL;
  if (w2s_py_store_use(store) == NULL) return NULL;
  struct w2s_global *global = w2s_global_new(store->store, &valtype, is_mutable, &value);
  return global != NULL ? w2s_py_global_wrap(type, store, global) : PyErr_NoMemory();
}

static PyGetSetDef global_getset[] = {
    {"value", global_get, global_set, "The current value; settable if the global is mutable.", NULL},
    {"mutable", global_mutable, NULL, "Whether the value can be set.", NULL},
    {"_type", global_type, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot global_slots[] = {
    {Py_tp_new, global_new},
    {Py_tp_traverse, w2s_py_item_traverse},
    {Py_tp_getset, global_getset},
    {0, NULL},
};

PyType_Spec w2s_py_global_spec = {
    .name = "aot._runtime.GlobalBase",
    .basicsize = sizeof(struct w2s_py_global),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = global_slots,
};
