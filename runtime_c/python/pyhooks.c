/* What the runtime asks Python: for more fuel, whether to go on in a new epoch, and whether something may grow. */
#include "pyruntime.h"

#include "pycompat.h"

static struct w2s_py_store *owner_of(struct w2s_store *store) { return w2s_store_data(store); }

/* Leave the exception that is set with the store, for the call that entered wasm to raise again. */
static void leave_exception(struct w2s_py_store *self) { Py_XSETREF(self->pending, w2s_py_take_exception()); }

/* What the callback answers: None counts as 0; -1 with an exception. */
static int64_t amount_of(PyObject *answer, const char *what) {
  if (answer == Py_None) return 0;
  int overflow;
  const long long amount = PyLong_AsLongLongAndOverflow(answer, &overflow);
  if (amount == -1 && PyErr_Occurred()) return -1;
  if (overflow > 0) return INT64_MAX;
  if (overflow == 0 && amount >= 0) return amount;
  PyErr_Format(PyExc_ValueError, "%s must not be negative", what);
  return -1;
}

/* Called from wasm, without the GIL. */
static int64_t ask_amount(struct w2s_py_store *self, PyObject *callable, const char *what) {
  PyEval_RestoreThread(self->active);
  Py_INCREF(callable);
  PyObject *answer = PyObject_CallNoArgs(callable);
  Py_DECREF(callable);
  const int64_t amount = answer != NULL ? amount_of(answer, what) : -1;
  Py_XDECREF(answer);
  if (amount < 0) leave_exception(self);
  PyEval_SaveThread();
  return amount;
}

static int64_t fuel_hook(struct w2s_store *store) {
  struct w2s_py_store *self = owner_of(store);
  return ask_amount(self, self->fuel_callback, "the fuel that a callback gives");
}

static int64_t epoch_hook(struct w2s_store *store) {
  struct w2s_py_store *self = owner_of(store);
  return ask_amount(self, self->epoch_callback, "the ticks that a callback gives");
}

/* A callable or None, kept in `*place`: 1 if it is one, 0 if not, -1 with an exception. */
static int keep(PyObject **place, PyObject *callable) {
  if (callable != Py_None && !PyCallable_Check(callable)) {
    PyErr_Format(PyExc_TypeError, "expected a callable or None, not %.100s", Py_TYPE(callable)->tp_name);
    return -1;
  }
  Py_XSETREF(*place, callable == Py_None ? NULL : Py_NewRef(callable));
  return callable != Py_None;
}

PyObject *w2s_py_set_fuel_callback(PyObject *object, PyObject *callable) {
  struct w2s_py_store *self = (struct w2s_py_store *)object;
  if (w2s_py_store_use(self) == NULL) return NULL;
  const int is_one = keep(&self->fuel_callback, callable);
  if (is_one < 0) return NULL;
  w2s_store_set_fuel_hook(self->store, is_one ? fuel_hook : NULL);
  Py_RETURN_NONE;
}

PyObject *w2s_py_set_epoch_callback(PyObject *object, PyObject *callable) {
  struct w2s_py_store *self = (struct w2s_py_store *)object;
  if (w2s_py_store_use(self) == NULL) return NULL;
  const int is_one = keep(&self->epoch_callback, callable);
  if (is_one < 0) return NULL;
  w2s_store_set_epoch_hook(self->store, is_one ? epoch_hook : NULL);
  Py_RETURN_NONE;
}

/* ---- the limiter -------------------------------------------------------------------------------------------- */

/* With the GIL: 1 yes, 0 no, -1 with the exception left with the store. */
static int32_t ask_limiter(struct w2s_py_store *self, uint32_t kind, const struct w2s_growth *growth) {
  PyObject *limiter = self->limiter;
  Py_INCREF(limiter);
  PyObject *maximum = growth->has_maximum ? PyLong_FromUnsignedLongLong(growth->maximum) : Py_NewRef(Py_None);
  PyObject *answer = maximum != NULL ? PyObject_CallFunction(limiter, "IKKO", (unsigned)kind,
                                                             (unsigned long long)growth->current,
                                                             (unsigned long long)growth->desired, maximum)
                                     : NULL;
  const int truth = answer != NULL ? PyObject_IsTrue(answer) : -1;
  Py_XDECREF(maximum);
  Py_XDECREF(answer);
  Py_DECREF(limiter);
  if (truth < 0) leave_exception(self);
  return truth;
}

/* Called from wasm and while instances are made, without the GIL, or by Python's own methods, with it. */
static int32_t limiter_hook(struct w2s_store *store, uint32_t kind, const struct w2s_growth *growth) {
  struct w2s_py_store *self = owner_of(store);
  if (PyGILState_Check()) return ask_limiter(self, kind, growth);
  PyEval_RestoreThread(self->active);
  const int32_t answer = ask_limiter(self, kind, growth);
  PyEval_SaveThread();
  return answer;
}

PyObject *w2s_py_set_limiter(PyObject *object, PyObject *callable) {
  struct w2s_py_store *self = (struct w2s_py_store *)object;
  if (w2s_py_store_use(self) == NULL) return NULL;
  const int is_one = keep(&self->limiter, callable);
  if (is_one < 0) return NULL;
  w2s_store_set_limiter(self->store, is_one ? limiter_hook : NULL);
  Py_RETURN_NONE;
}

int w2s_py_limiter_failed(struct w2s_py_store *self) {
  if (self->limiter == NULL || self->pending == NULL) return 0;
  PyObject *pending = self->pending;
  self->pending = NULL;
  w2s_py_give_exception(pending);
  return 1;
}
