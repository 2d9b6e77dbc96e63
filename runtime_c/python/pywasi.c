/* WASI contexts of a store: streams served by Python callables, functions to import.
 *
 * The callables belong to the store's list of hosts, like host functions, so the cycle collector sees them.
 */
#include "pywasi.h"

#include <errno.h>
#include <string.h>

#include "pycompat.h"
#include "wasm2so/wasi.h"

/* How far below zero a result may lie to mean an errno value of the host. */
enum { LARGEST_ERRNO = 4095 };

/* What a callable returned as a number of bytes, at most `n`, or as a negative errno value; W2S_WASI_RAISED with an
 * exception set. */
static int64_t count_of(PyObject *result, size_t n) {
  const long long count = PyLong_AsLongLong(result);
  if (count == -1 && PyErr_Occurred()) return W2S_WASI_RAISED;
  if (count >= -LARGEST_ERRNO && count <= (long long)n) return count;
  PyErr_Format(PyExc_ValueError, "a stream's callable returned %lld for %zu bytes", count, n);
  return W2S_WASI_RAISED;
}

/* A writer is called with the bytes and returns how many it took, None for all. */
static int64_t write_with(PyObject *callable, uint8_t *bytes, size_t n) {
  PyObject *chunk = PyBytes_FromStringAndSize((const char *)bytes, (Py_ssize_t)n);
  PyObject *result = chunk != NULL ? PyObject_CallOneArg(callable, chunk) : NULL;
  int64_t count = W2S_WASI_RAISED;
  if (result != NULL) count = result == Py_None ? (int64_t)n : count_of(result, n);
  Py_XDECREF(result);
  Py_XDECREF(chunk);
  return count;
}

/* A reader is called with a number of bytes and returns at most so many, or a negative errno value. */
static int64_t read_with(PyObject *callable, uint8_t *bytes, size_t n) {
  PyObject *wanted = PyLong_FromSize_t(n);
  PyObject *result = wanted != NULL ? PyObject_CallOneArg(callable, wanted) : NULL;
  int64_t count = W2S_WASI_RAISED;
  Py_buffer view;
  if (result != NULL && PyLong_Check(result)) {
    count = count_of(result, 0);
  } else if (result != NULL && PyObject_GetBuffer(result, &view, PyBUF_SIMPLE) == 0) {
    count = (int64_t)view.len;
    if ((size_t)view.len > n) {
      PyErr_Format(PyExc_ValueError, "a stream's callable returned %zd bytes, at most %zu were asked for", view.len, n);
      count = W2S_WASI_RAISED;
    } else {
      memcpy(bytes, view.buf, (size_t)view.len);
    }
    PyBuffer_Release(&view);
  }
  Py_XDECREF(result);
  Py_XDECREF(wanted);
  return count;
}

typedef int64_t (*served)(PyObject *callable, uint8_t *bytes, size_t n);

/* Call with the GIL; an exception waits with the store for the call that entered wasm. */
static int64_t serve(void *env, uint8_t *bytes, size_t n, served how) {
  const struct w2s_py_host *host = env;
  struct w2s_py_store *store = host->store;
  int64_t count = -EBADF;
  PyEval_RestoreThread(store->active);
  if (host->callable != NULL) {
    PyObject *callable = Py_NewRef(host->callable);
    count = how(callable, bytes, n);
    Py_DECREF(callable);
  }
  if (count == W2S_WASI_RAISED) Py_XSETREF(store->pending, w2s_py_take_exception());
  PyEval_SaveThread();
  return count;
}

static int64_t transfer_out(void *env, uint8_t *bytes, size_t n) { return serve(env, bytes, n, write_with); }

static int64_t transfer_in(void *env, uint8_t *bytes, size_t n) { return serve(env, bytes, n, read_with); }

/* ---- methods of the store; contexts are given by address ---------------------------------------------------- */

static PyObject *raise_errno(int number) {
  errno = number;
  return PyErr_SetFromErrno(PyExc_OSError);
}

PyObject *w2s_py_wasi_new(PyObject *object, PyObject *unused) {
  (void)unused;
  struct w2s_py_store *self = (struct w2s_py_store *)object;
  struct w2s_store *store = w2s_py_store_use(self);
  if (store == NULL) return NULL;
  struct w2s_wasi *wasi = w2s_wasi_new(store);
  if (wasi == NULL) return PyErr_NoMemory();
  return PyLong_FromVoidPtr(wasi);
}

PyObject *w2s_py_wasi_stream(PyObject *object, PyObject *args) {
  struct w2s_py_store *self = (struct w2s_py_store *)object;
  PyObject *address, *callable;
  unsigned int stream;
  if (!PyArg_ParseTuple(args, "O!IO", &PyLong_Type, &address, &stream, &callable)) return NULL;
  struct w2s_wasi *wasi = PyLong_AsVoidPtr(address);
  if (wasi == NULL || w2s_py_store_use(self) == NULL) return NULL;
  struct w2s_py_host *host = (struct w2s_py_host *)w2s_py.host->tp_alloc(w2s_py.host, 0);
  if (host == NULL) return NULL;
  host->store = self;
  host->callable = Py_NewRef(callable);
  int failed = PyList_Append(self->hosts, (PyObject *)host) < 0 ? -1 : 0;
  if (!failed) {
    failed = w2s_wasi_stream_calls(wasi, stream, stream == W2S_WASI_STDIN ? transfer_in : transfer_out, host, NULL);
  }
  Py_DECREF(host); /* the store has it now */
  if (failed < 0) return NULL;
  return failed ? raise_errno(failed) : Py_NewRef(Py_None);
}

PyObject *w2s_py_wasi_function(PyObject *object, PyObject *args) {
  struct w2s_py_store *self = (struct w2s_py_store *)object;
  PyObject *address, *label;
  const char *module, *name;
  Py_ssize_t n_module, n_name;
  if (!PyArg_ParseTuple(args, "O!s#s#U", &PyLong_Type, &address, &module, &n_module, &name, &n_name, &label)) {
    return NULL;
  }
  struct w2s_wasi *wasi = PyLong_AsVoidPtr(address);
  if (wasi == NULL || w2s_py_store_use(self) == NULL) return NULL;
  struct w2s_extern found;
  const int32_t status = w2s_wasi_function(wasi, module, (size_t)n_module, name, (size_t)n_name, &found);
  if (status < 0) return PyErr_NoMemory();
  return status ? w2s_py_extern_of(self, &found, label) : Py_NewRef(Py_None);
}
