/* Ctrl-C for threads that wait inside wasm or at a shared memory: Python runs its signal handlers in the main thread only,
 * and only where it is asked to. Other threads do not take the GIL for that. */
#include "pyruntime.h"

#include <pthread.h>
#include <stdatomic.h>

static _Atomic(unsigned long) main_thread;

/* The thread that forked is the child's main thread. */
static void after_fork(void) { atomic_store(&main_thread, PyThread_get_thread_ident()); }

int w2s_py_find_main_thread(void) {
  PyObject *threading = PyImport_ImportModule("threading");
  PyObject *thread = threading != NULL ? PyObject_CallMethod(threading, "main_thread", NULL) : NULL;
  PyObject *ident = thread != NULL ? PyObject_GetAttrString(thread, "ident") : NULL;
  const unsigned long found = ident != NULL ? PyLong_AsUnsignedLong(ident) : 0;
  Py_XDECREF(ident);
  Py_XDECREF(thread);
  Py_XDECREF(threading);
  if (PyErr_Occurred()) return -1;
  atomic_store(&main_thread, found);
  pthread_atfork(NULL, NULL, after_fork);
  return 0;
}

/* Run pending signal handlers; -1 with an exception set in `thread` if one raised. */
static int check_signals(PyThreadState *thread) {
  if (PyThread_get_thread_ident() != atomic_load(&main_thread)) return 0;
  PyEval_RestoreThread(thread);
  const int status = PyErr_CheckSignals();
  PyEval_SaveThread();
  return status;
}

int32_t w2s_py_poll_store(struct w2s_store *store) {
  struct w2s_py_store *self = w2s_store_data(store);
  PyThreadState *thread = self->active;
  if (check_signals(thread) == 0) return 0;
  PyEval_RestoreThread(thread);
  Py_XSETREF(self->pending, w2s_py_take_exception());
  PyEval_SaveThread();
  return 1;
}

int32_t w2s_py_poll_thread(void *env) { return check_signals(env) < 0; }
