/* Linear memories: the buffer protocol and slices. A memory never moves, so views stay valid while it grows. */
#include "pyruntime.h"

#include <string.h>

static struct w2s_py_memory *as_memory(PyObject *self) { return (struct w2s_py_memory *)self; }

/* The memory if its store may be used here and now, or NULL with UsageError set. */
static struct w2s_memory *use(PyObject *self) {
  return w2s_py_store_use(as_memory(self)->item.store) != NULL ? as_memory(self)->memory : NULL;
}

static int memory_getbuffer(PyObject *self, Py_buffer *view, int flags) {
  const struct w2s_memory *memory = use(self);
  if (memory == NULL) {
    view->obj = NULL;
    return -1;
  }
  if (PyBuffer_FillInfo(view, self, memory->base, (Py_ssize_t)memory->bytes, 0, flags) < 0) return -1;
  as_memory(self)->item.store->n_views++;
  return 0;
}

static void memory_releasebuffer(PyObject *self, Py_buffer *view) {
  (void)view;
  as_memory(self)->item.store->n_views--;
}

static Py_ssize_t memory_length(PyObject *self) {
  const struct w2s_memory *memory = use(self);
  return memory != NULL ? (Py_ssize_t)memory->bytes : -1;
}

/* The byte index that `key` means, or -1 with an exception. */
static Py_ssize_t byte_index(PyObject *key, Py_ssize_t length) {
  const Py_ssize_t index = PyNumber_AsSsize_t(key, PyExc_IndexError);
  if (index == -1 && PyErr_Occurred()) return -1;
  const Py_ssize_t at = index < 0 ? index + length : index;
  if (at >= 0 && at < length) return at;
  PyErr_Format(PyExc_IndexError, "byte %zd of a memory of %zd", index, length);
  return -1;
}

static PyObject *read_slice(const uint8_t *base, Py_ssize_t start, Py_ssize_t step, Py_ssize_t n) {
  if (step == 1) return PyBytes_FromStringAndSize((const char *)base + start, n);
  PyObject *bytes = PyBytes_FromStringAndSize(NULL, n);
  if (bytes == NULL) return NULL;
  char *out = PyBytes_AS_STRING(bytes);
  for (Py_ssize_t i = 0; i < n; i++) out[i] = (char)base[start + i * step];
  return bytes;
}

/* memory[i] -> int, memory[a:b] -> bytes (a copy; memoryview(memory)[a:b] does not copy) */
static PyObject *memory_subscript(PyObject *self, PyObject *key) {
  if (PySlice_Check(key)) {
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(key, &start, &stop, &step) < 0) return NULL;
    const struct w2s_memory *memory = use(self);
    if (memory == NULL) return NULL;
    const Py_ssize_t n = PySlice_AdjustIndices((Py_ssize_t)memory->bytes, &start, &stop, step);
    return read_slice(memory->base, start, step, n);
  }
  const Py_ssize_t length = memory_length(self);
  if (length < 0) return NULL;
  const Py_ssize_t at = byte_index(key, length);
  if (at < 0) return NULL;
  const struct w2s_memory *memory = use(self); /* the key's __index__ may have closed the store */
  return memory != NULL ? PyLong_FromLong(memory->base[at]) : NULL;
}

static int write_slice(PyObject *self, PyObject *key, PyObject *value) {
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(key, &start, &stop, &step) < 0) return -1;
  Py_buffer source;
  if (PyObject_GetBuffer(value, &source, PyBUF_SIMPLE) < 0) return -1;
  const struct w2s_memory *memory = use(self);
  int status = -1;
  if (memory != NULL) {
    const Py_ssize_t n = PySlice_AdjustIndices((Py_ssize_t)memory->bytes, &start, &stop, step);
    if (n != source.len) {
      PyErr_Format(PyExc_ValueError, "%zd bytes assigned to a slice of %zd", source.len, n);
    } else if (step == 1) {
      memmove(memory->base + start, source.buf, (size_t)n);
      status = 0;
    } else {
      for (Py_ssize_t i = 0; i < n; i++) memory->base[start + i * step] = ((const uint8_t *)source.buf)[i];
      status = 0;
    }
  }
  PyBuffer_Release(&source);
  return status;
}

static int memory_assign(PyObject *self, PyObject *key, PyObject *value) {
  if (value == NULL) {
    PyErr_SetString(PyExc_TypeError, "bytes of a memory cannot be deleted");
    return -1;
  }
  if (PySlice_Check(key)) return write_slice(self, key, value);
  const Py_ssize_t byte = PyNumber_AsSsize_t(value, PyExc_ValueError);
  if (byte == -1 && PyErr_Occurred()) return -1;
  if (byte < 0 || byte > 255) {
    PyErr_SetString(PyExc_ValueError, "a byte must be in range(0, 256)");
    return -1;
  }
  const Py_ssize_t length = memory_length(self);
  if (length < 0) return -1;
  const Py_ssize_t at = byte_index(key, length);
  if (at < 0) return -1;
  const struct w2s_memory *memory = use(self);
  if (memory == NULL) return -1;
  memory->base[at] = (uint8_t)byte;
  return 0;
}

/* ---- read and write, with the optional leading store of wasmtime-py's shapes ---- */

/* 1 if `object` is the memory's store or stands for it, 0 if it is something else; -1 with an exception. */
static int is_own_store(PyObject *self, PyObject *object) {
  if (object == Py_None || PyLong_Check(object) || PyBytes_Check(object)) return 0;
  PyObject *store = NULL;
  if (PyObject_TypeCheck(object, w2s_py.store)) {
    store = Py_NewRef(object);
  } else if (PyObject_HasAttrString((PyObject *)Py_TYPE(object), "is_storelike")) {
    store = PyObject_GetAttrString(object, "store");
    if (store == NULL) return -1;
  } else {
    return 0;
  }
  const int own = store == (PyObject *)as_memory(self)->item.store;
  Py_DECREF(store);
  if (own) return 1;
  PyErr_SetString(w2s_py.UsageError, "the memory belongs to another store");
  return -1;
}

/* A bound of a slice; `missing` stands for None. -1 with an exception. */
static int bound(PyObject *object, Py_ssize_t missing, Py_ssize_t *out) {
  *out = object != Py_None ? PyNumber_AsSsize_t(object, NULL) : missing;
  return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

static PyObject *memory_read(PyObject *self, PyObject *const *args, Py_ssize_t n) {
  const int skip = n > 0 ? is_own_store(self, args[0]) : 0;
  if (skip < 0) return NULL;
  args += skip;
  n -= skip;
  if (n > 2) return PyErr_Format(PyExc_TypeError, "read() takes start and stop (%zd arguments given)", n);
  Py_ssize_t start = 0, stop = PY_SSIZE_T_MAX;
  if (n > 0 && bound(args[0], start, &start) < 0) return NULL;
  if (n > 1 && bound(args[1], stop, &stop) < 0) return NULL;
  const struct w2s_memory *memory = use(self);
  if (memory == NULL) return NULL;
  const Py_ssize_t length = PySlice_AdjustIndices((Py_ssize_t)memory->bytes, &start, &stop, 1);
  const char *from = (const char *)memory->base + start; /* memories do not move, whatever an allocation may run */
  PyObject *bytes = PyByteArray_FromStringAndSize(NULL, length);
  if (bytes == NULL) return NULL;
  if (use(self) == NULL) {
    Py_DECREF(bytes);
    return NULL;
  }
  memcpy(PyByteArray_AS_STRING(bytes), from, (size_t)length);
  return bytes;
}

static PyObject *write_at(PyObject *self, const Py_buffer *source, Py_ssize_t start) {
  const struct w2s_memory *memory = use(self);
  if (memory == NULL) return NULL;
  const Py_ssize_t size = (Py_ssize_t)memory->bytes;
  if (start < 0) start += size;
  if (start < 0) start = 0;
  if (start >= size || source->len > size - start) {
    return PyErr_Format(PyExc_IndexError, "%zd bytes at %zd do not fit in a memory of %zd", source->len, start, size);
  }
  memmove(memory->base + start, source->buf, (size_t)source->len);
  return PyLong_FromSsize_t(source->len);
}

static PyObject *memory_write(PyObject *self, PyObject *const *args, Py_ssize_t n) {
  const int skip = n > 0 ? is_own_store(self, args[0]) : 0;
  if (skip < 0) return NULL;
  args += skip;
  n -= skip;
  if (n < 1 || n > 2) return PyErr_Format(PyExc_TypeError, "write() takes bytes and start (%zd arguments given)", n);
  Py_ssize_t start = 0;
  if (n > 1 && bound(args[1], 0, &start) < 0) return NULL;
  Py_buffer source;
  if (PyObject_GetBuffer(args[0], &source, PyBUF_SIMPLE) < 0) return NULL;
  PyObject *result = write_at(self, &source, start);
  PyBuffer_Release(&source);
  return result;
}

/* _grow(pages) -> old size in pages, or None where it cannot grow */
static PyObject *memory_grow(PyObject *self, PyObject *pages) {
  const unsigned long long delta = PyLong_AsUnsignedLongLong(pages);
  if (delta == (unsigned long long)-1 && PyErr_Occurred()) return NULL;
  struct w2s_memory *memory = use(self);
  if (memory == NULL) return NULL;
  const uint64_t old = w2s_memory_grow(memory, delta);
  if (old == UINT64_MAX && w2s_py_limiter_failed(as_memory(self)->item.store)) return NULL;
  if (old == UINT64_MAX) Py_RETURN_NONE;
  return PyLong_FromUnsignedLongLong(old);
}

static PyObject *memory_address(PyObject *self, void *unused) {
  (void)unused;
  struct w2s_memory *memory = use(self);
  return memory != NULL ? PyLong_FromVoidPtr(memory) : NULL;
}

PyObject *w2s_py_memory_wrap(PyTypeObject *type, struct w2s_py_store *store, struct w2s_memory *memory) {
  PyObject *self = w2s_py_item_new(type, store, memory, NULL);
  if (self != NULL) as_memory(self)->memory = memory;
  return self;
}

/* MemoryBase(store, min, max or None, is64, shared, page_log2, guarded): a memory made by the host */
static PyObject *memory_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *owner, *max;
  unsigned long long min;
  int is64, shared, guarded;
  unsigned int page_log2;
  if (w2s_py_no_keywords(kwargs) < 0) return NULL;
  if (!PyArg_ParseTuple(args, "O!KOppIp", w2s_py.store, &owner, &min, &max, &is64, &shared, &page_log2, &guarded)) {
    return NULL;
  }
  struct w2s_py_store *store = (struct w2s_py_store *)owner;
  uint64_t top = 0;
  if (w2s_py_maximum(max, &top) < 0 || w2s_py_store_use(store) == NULL) return NULL;
  struct w2s_error error;
  struct w2s_memory *memory =
      w2s_memory_new(store->store, min, top, max != Py_None, is64, shared, page_log2, guarded, &error);
  return memory != NULL ? w2s_py_memory_wrap(type, store, memory) : w2s_py_raise(store, &error);
}

static PyMethodDef memory_methods[] = {
    {"read", (PyCFunction)(void (*)(void))memory_read, METH_FASTCALL,
     "read([store], start=0, stop=None)\n--\n\nA copy of the bytes from start to stop, as a bytearray, with the "
     "meaning they have for slices of lists."},
    {"write", (PyCFunction)(void (*)(void))memory_write, METH_FASTCALL,
     "write([store], value, start=0)\n--\n\nWrite bytes at start (negative: counted from the end) and return their "
     "number.\n\nRaises IndexError if they do not fit; then nothing is written."},
    {"_grow", memory_grow, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef memory_getset[] = {
    {"_address", memory_address, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot memory_slots[] = {
    {Py_tp_new, memory_new},
    {Py_tp_traverse, w2s_py_item_traverse},
    {Py_bf_getbuffer, memory_getbuffer},
    {Py_bf_releasebuffer, memory_releasebuffer},
    {Py_mp_length, memory_length},
    {Py_mp_subscript, memory_subscript},
    {Py_mp_ass_subscript, memory_assign},
    {Py_tp_methods, memory_methods},
    {Py_tp_getset, memory_getset},
    {0, NULL},
};

PyType_Spec w2s_py_memory_spec = {
    .name = "aot._runtime.MemoryBase",
    .basicsize = sizeof(struct w2s_py_memory),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = memory_slots,
};
