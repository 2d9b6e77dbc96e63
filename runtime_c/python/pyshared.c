/* Shared memories: of no store, used by several threads at once. They have no buffer of their own, because what works on
 * buffers takes it that their bytes hold still; `buffer` hands one out by name. */
#include "pyruntime.h"

/* What a buffer over a shared memory belongs to. */
struct bytes_of {
  PyObject_HEAD
  PyObject *memory;
};

static struct w2s_memory *memory_of(PyObject *self) { return ((struct w2s_py_shared *)self)->memory; }

PyObject *w2s_py_shared_wrap(PyTypeObject *type, struct w2s_memory *memory) {
  struct w2s_py_shared *self = (struct w2s_py_shared *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  w2s_shared_memory_retain(memory);
  self->memory = memory;
  return (PyObject *)self;
}

/* SharedMemoryBase(min, max, is64, page_log2, guarded) */
static PyObject *shared_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  unsigned long long min, max;
  int is64, guarded;
  unsigned int page_log2;
  if (w2s_py_no_keywords(kwargs) < 0) return NULL;
  if (!PyArg_ParseTuple(args, "KKpIp", &min, &max, &is64, &page_log2, &guarded)) return NULL;
  struct w2s_error error;
  struct w2s_memory *memory = w2s_shared_memory_new(min, max, is64, page_log2, guarded, &error);
  if (memory == NULL) return w2s_py_raise(NULL, &error);
  PyObject *self = w2s_py_shared_wrap(type, memory);
  w2s_shared_memory_release(memory); /* the object has its own reference */
  return self;
}

static void shared_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  w2s_shared_memory_release(memory_of(self));
  type->tp_free(self);
  Py_DECREF(type);
}

/* Equal: the same memory. */
static PyObject *shared_compare(PyObject *a, PyObject *b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !PyObject_TypeCheck(b, w2s_py.shared)) Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong((memory_of(a) == memory_of(b)) == (op == Py_EQ));
}

static Py_hash_t shared_hash(PyObject *self) {
  const Py_hash_t hash = (Py_hash_t)((uintptr_t)memory_of(self) >> 4);
  return hash == -1 ? -2 : hash;
}

static PyObject *shared_address(PyObject *self, void *unused) {
  (void)unused;
  return PyLong_FromVoidPtr(memory_of(self));
}

static PyObject *shared_bytes(PyObject *self, void *unused) {
  (void)unused;
  return PyLong_FromUnsignedLongLong(w2s_memory_bytes(memory_of(self)));
}

/* _grow(pages) -> old size in pages, or None where it cannot grow */
static PyObject *shared_grow(PyObject *self, PyObject *pages) {
  const unsigned long long delta = PyLong_AsUnsignedLongLong(pages);
  if (delta == (unsigned long long)-1 && PyErr_Occurred()) return NULL;
  const uint64_t old = w2s_memory_grow(memory_of(self), delta);
  if (old == UINT64_MAX) Py_RETURN_NONE;
  return PyLong_FromUnsignedLongLong(old);
}

/* Raise what is wrong with an address that cannot be waited at. */
static PyObject *wrong_address(int64_t result, unsigned long long address) {
  if (result == W2S_WAIT_UNALIGNED) {
    return PyErr_Format(PyExc_ValueError, "address %llu is not a multiple of the value's size", address);
  }
  return PyErr_Format(PyExc_IndexError, "address %llu is outside of the memory", address);
}

/* _wait(address, expected, size of the value, timeout in ns, or negative) -> enum w2s_wait_result */
static PyObject *shared_wait(PyObject *self, PyObject *args) {
  unsigned long long address, expected;
  unsigned int n_bytes;
  long long timeout;
  if (!PyArg_ParseTuple(args, "KKIL", &address, &expected, &n_bytes, &timeout)) return NULL;
  PyThreadState *thread = PyEval_SaveThread();
  const int32_t result =
      w2s_memory_wait(memory_of(self), address, expected, n_bytes, timeout, w2s_py_poll_thread, thread);
  PyEval_RestoreThread(thread);
  if (result == W2S_WAIT_CANCELLED) return NULL;
  return result < 0 ? wrong_address(result, address) : PyLong_FromLong(result);
}

/* _notify(address, count) -> number of threads woken */
static PyObject *shared_notify(PyObject *self, PyObject *args) {
  unsigned long long address;
  unsigned int count;
  if (!PyArg_ParseTuple(args, "KI", &address, &count)) return NULL;
  const int64_t woken = w2s_memory_notify(memory_of(self), address, count);
  return woken < 0 ? wrong_address(woken, address) : PyLong_FromLongLong(woken);
}

/* ---- buffers ---- */

static int bytes_getbuffer(PyObject *self, Py_buffer *view, int flags) {
  const struct w2s_memory *memory = memory_of(((struct bytes_of *)self)->memory);
  return PyBuffer_FillInfo(view, self, memory->base, (Py_ssize_t)w2s_memory_bytes(memory), 0, flags);
}

static void bytes_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  Py_DECREF(((struct bytes_of *)self)->memory);
  type->tp_free(self);
  Py_DECREF(type);
}

/* _view() -> memoryview over all bytes */
static PyObject *shared_view(PyObject *self, PyObject *unused) {
  (void)unused;
  struct bytes_of *bytes = (struct bytes_of *)w2s_py.shared_bytes->tp_alloc(w2s_py.shared_bytes, 0);
  if (bytes == NULL) return NULL;
  bytes->memory = Py_NewRef(self);
  PyObject *view = PyMemoryView_FromObject((PyObject *)bytes);
  Py_DECREF((PyObject *)bytes);
  return view;
}

static PyType_Slot bytes_slots[] = {
    {Py_tp_dealloc, bytes_dealloc},
    {Py_bf_getbuffer, bytes_getbuffer},
    {0, NULL},
};

PyType_Spec w2s_py_shared_bytes_spec = {
    .name = "aot._runtime.SharedBytes",
    .basicsize = sizeof(struct bytes_of),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = bytes_slots,
};

/* ---- the type ---- */

static PyMethodDef shared_methods[] = {
    {"_grow", shared_grow, METH_O, NULL},
    {"_wait", shared_wait, METH_VARARGS, NULL},
    {"_notify", shared_notify, METH_VARARGS, NULL},
    {"_view", shared_view, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef shared_getset[] = {
    {"_address", shared_address, NULL, NULL, NULL},
    {"_n_bytes", shared_bytes, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot shared_slots[] = {
    {Py_tp_new, shared_new},
    {Py_tp_dealloc, shared_dealloc},
    {Py_tp_richcompare, shared_compare},
    {Py_tp_hash, shared_hash},
    {Py_tp_methods, shared_methods},
    {Py_tp_getset, shared_getset},
    {0, NULL},
};

PyType_Spec w2s_py_shared_spec = {
    .name = "aot._runtime.SharedMemoryBase",
    .basicsize = sizeof(struct w2s_py_shared),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = shared_slots,
};
