/* The CPython side of the runtime extension: object layouts, conversions, errors.
 *
 * These types sit in the same extension module as the cffi bindings, so that calls in either direction cost a
 * vectorcall and not a foreign call, and so that exceptions cross the boundary as the very objects they are.
 *
 * Ownership: every object that points into a store holds a strong reference to the store's Python object, and
 * the store's Python object owns the host functions and the objects passed as externref. Nothing in the C store
 * owns a Python reference, so the cycle collector sees every edge.
 *
 * All of this runs with the GIL held, except between PyEval_SaveThread and PyEval_RestoreThread. An allocation can run
 * the cycle collector, and that any Python code, such as a finalizer that closes the store: whatever points into a
 * store is read before an allocation, or the store is checked again after it.
 */
#ifndef WASM2SO_PYRUNTIME_H
#define WASM2SO_PYRUNTIME_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#include "enter.h"
#include "pycompat.h"
#include "wasm2so/runtime.h"

/* A call with up to this many slots keeps its values on the C stack. */
enum { W2S_PY_INLINE_SLOTS = 16 };

/* A function type's parts; the pointers stay valid for ever (w2s_type_func). */
struct w2s_py_signature {
  const struct w2s_valtype *params;
  const struct w2s_valtype *results;
  Py_ssize_t n_params;
  Py_ssize_t n_results;
  uint32_t id; /* canonical type id */
};

/* Objects that wasm code has references to, by handle; handle 0 is null. */
struct w2s_py_externs {
  struct w2s_py_extern *entries;
  uint32_t n;     /* entries in use or free; the first one stands for null */
  uint32_t room;
  uint32_t free;  /* first of the free entries, 0 if there is none */
  uint32_t n_new; /* handles given out since the last collection */
  uint32_t due;   /* collect when so many have been */
};

/* A store. */
struct w2s_py_store {
  PyObject_HEAD
  struct w2s_store *store;       /* NULL once closed */
  PyThreadState *active;         /* the thread that is inside wasm; NULL while nobody is */
  struct w2s_funcref *entered;   /* the function that the innermost activation entered, or NULL */
  PyObject *pending;             /* what a host function raised, on its way to the call that entered wasm */
  PyObject *thrown;              /* the last WasmException that a host function raised, or NULL */
  uint64_t thrown_number;        /* its number */
  uint64_t n_thrown;             /* how many there were */
  PyObject *awaitable;           /* what a host function suspends its call for, on its way to the embedder */
  Py_ssize_t n_views;            /* live buffers over memories of the store */
  PyObject *hosts;               /* list of w2s_py_host */
  PyObject *fuel_callback;       /* or NULL, like the next two */
  PyObject *epoch_callback;
  PyObject *limiter;
  struct w2s_py_externs externs;
  Py_ssize_t n_holders;          /* C frames that hold handles outside of wasm code */
};

/* What functions, memories, tables and globals have in common. Two are equal when kind and keys are. */
struct w2s_py_item {
  PyObject_HEAD
  struct w2s_py_store *store;
  const void *key;
  const void *key2;
};

/* A function bound to its store, callable from Python. */
struct w2s_py_func {
  struct w2s_py_item item;
  vectorcallfunc vectorcall;
  struct w2s_funcref *func;
  w2s_trampoline trampoline; /* NULL for a host function */
  uint32_t traits;           /* enum w2s_func_traits */
  struct w2s_py_signature signature;
  PyObject *name; /* str for messages, or NULL */
};

struct w2s_py_memory {
  struct w2s_py_item item;
  struct w2s_memory *memory;
};

/* A shared memory: of no store, so no item. */
struct w2s_py_shared {
  PyObject_HEAD
  struct w2s_memory *memory; /* a reference of its own */
};

struct w2s_py_table {
  struct w2s_py_item item;
  struct w2s_table *table;
};

struct w2s_py_global {
  struct w2s_py_item item;
  struct w2s_global global; /* by value: globals of instances have no object of their own */
};

struct w2s_py_tag {
  struct w2s_py_item item;
  struct w2s_tag *tag;
};

/* A Python callable that wasm can call. Owned by the store's `hosts`, so it outlives every use from wasm. */
struct w2s_py_host {
  PyObject_HEAD
  struct w2s_py_store *store; /* borrowed: the store owns this object */
  PyObject *callable;         /* NULL once the cycle collector cleared it */
  PyObject *make_caller;      /* NULL, or called with (store, instance address) for the first argument */
  struct w2s_instance *instance; /* the importing instance, for make_caller; NULL: the one entered last */
  PyObject *name;             /* str for messages */
  struct w2s_py_signature signature;
  struct w2s_funcref *func;
};

/* The C types, made by w2s_py_init, and the Python classes, given by `register`. Set once per process. */
struct w2s_py_types {
  PyTypeObject *store;
  PyTypeObject *item;
  PyTypeObject *func;
  PyTypeObject *memory;
  PyTypeObject *shared;
  PyTypeObject *shared_bytes;
  PyTypeObject *table;
  PyTypeObject *global;
  PyTypeObject *tag;
  PyTypeObject *host;
  PyTypeObject *async;
  PyObject *Func; /* subclasses that objects made here are instances of */
  PyObject *Memory;
  PyObject *SharedMemory;
  PyObject *Table;
  PyObject *Global;
  PyObject *Tag;
  PyObject *Trap; /* called with (message, code) */
  PyObject *ExitTrap; /* called with (exit status) */
  PyObject *TimeoutTrap; /* called with (message, code) */
  PyObject *Trace; /* called with (error, bytes of addresses, list of modules, are there more?) */
  PyObject *WasmException; /* called with (tag, tuple of values) */
  PyObject *LinkError;
  PyObject *ResourceError;
  PyObject *FormatError;
  PyObject *UsageError;
};
extern struct w2s_py_types w2s_py;

/* Where a value that does not fit came from; for messages only. */
struct w2s_py_place {
  PyObject *function;   /* str or NULL */
  const char *what;     /* "argument", "result", "value" */
  Py_ssize_t position;  /* from 1; 0: not numbered */
};

/* ---- pymodule.c ---- */

/* Add the types to the extension module at `module` (a PyObject *). Returns 0, or -1. Takes the GIL itself. */
int32_t w2s_py_init(void *module);

/* ---- pyvalue.c ---- */

/* Convert, or return -1 / NULL with an exception set. */
int w2s_py_to_value(struct w2s_py_store *store, const struct w2s_valtype *type, PyObject *object,
                    union w2s_value *out, const struct w2s_py_place *place);
/* The common cases of w2s_py_to_value: 0, without an exception, if it is none of them. */
static inline int w2s_py_to_value_quickly(const struct w2s_valtype *type, PyObject *object, union w2s_value *out) {
  int64_t number;
  if (type->code == W2S_I32 || type->code == W2S_I64) {
    if (!w2s_py_small_int(object, &number)) return 0;
    const int fits = type->code == W2S_I64 || (number >= INT32_MIN && number <= (int64_t)UINT32_MAX);
    out->i64 = type->code == W2S_I64 ? (uint64_t)number : (uint32_t)number;
    return fits;
  }
  if (type->code != W2S_F64 || !PyFloat_CheckExact(object)) return 0;
  out->f64 = PyFloat_AS_DOUBLE(object);
  return 1;
}
PyObject *w2s_py_from_value(struct w2s_py_store *store, const struct w2s_valtype *type,
                            const union w2s_value *value);
/* Are references to this heap type function pointers (and not handles)? */
int w2s_py_is_func_heap(int32_t heap);
/* Fill `out` from a canonical type id; -1 with an exception if it is no function type. */
int w2s_py_signature_of(uint32_t type_id, struct w2s_py_signature *out);

/* ---- pystore.c ---- */

/* The C store if it may be used here and now, or NULL with UsageError set: closed, or another thread is inside. */
struct w2s_store *w2s_py_store_use(struct w2s_py_store *self);
/* Raise what `error` says; for W2S_TRAP_HOST the exception that the host function left. Returns NULL. `self` may be NULL
 * if the error is no trap. */
PyObject *w2s_py_raise(struct w2s_py_store *self, const struct w2s_error *error);

/* ---- pyextern.c ---- */

/* A handle for an object (None is 0, null); -1 with an exception. It lasts until a collection finds that nothing in the
 * store holds it. Collections happen between calls only; code that holds handles meanwhile counts in `n_holders`. */
int w2s_py_extern_handle(struct w2s_py_store *self, PyObject *object, uint32_t *out);
/* New reference. */
PyObject *w2s_py_extern_object(struct w2s_py_store *self, uint32_t handle);
/* Release the objects that nothing in the store refers to. Runs finalizers, which may close the store. */
void w2s_py_externs_collect(struct w2s_py_store *self);
static inline void w2s_py_externs_settle(struct w2s_py_store *self) {
  if (self->externs.n_new > self->externs.due && self->active == NULL && self->n_holders == 0) {
    w2s_py_externs_collect(self);
  }
}
int w2s_py_externs_traverse(const struct w2s_py_externs *self, visitproc visit, void *arg);
/* Let go of all objects; handles keep their numbers and read as None. */
void w2s_py_externs_clear(struct w2s_py_externs *self);
void w2s_py_externs_free(struct w2s_py_externs *self);

/* Give an error that comes out of wasm the frames that it came through. */
void w2s_py_attach_trace(struct w2s_py_store *self, PyObject *error);

/* ---- pyexception.c ---- */

/* Raise the exception that no wasm code caught. Returns NULL. */
PyObject *w2s_py_raise_uncaught(struct w2s_py_store *self);
/* A host function failed: throw in wasm what it raised, if that is a WasmException. Returns 1, with no exception set any
 * more; or 0, if it is an ordinary Python exception or cannot be thrown. `fiber` is the call that the function suspended,
 * NULL if it did not. */
int w2s_py_throw(struct w2s_py_store *store, struct w2s_fiber *fiber);
PyObject *w2s_py_tag_wrap(PyTypeObject *type, struct w2s_py_store *store, struct w2s_tag *tag);

/* ---- pyitem.c ---- */

/* New objects of the registered classes. */
PyObject *w2s_py_func_of(struct w2s_py_store *store, struct w2s_funcref *func, PyObject *name);
PyObject *w2s_py_extern_of(struct w2s_py_store *store, const struct w2s_extern *item, PyObject *name);
/* Allocate an item and tie it to its store. */
PyObject *w2s_py_item_new(PyTypeObject *type, struct w2s_py_store *store, const void *key, const void *key2);
/* For constructors: -1 with an exception if there are keyword arguments; the number of a maximum, 0 for None. */
int w2s_py_no_keywords(PyObject *kwargs);
int w2s_py_maximum(PyObject *max, uint64_t *out);
int w2s_py_item_traverse(PyObject *self, visitproc visit, void *arg);

/* ---- the types ---- */

extern PyType_Spec w2s_py_store_spec, w2s_py_item_spec, w2s_py_func_spec, w2s_py_memory_spec, w2s_py_table_spec,
    w2s_py_global_spec, w2s_py_tag_spec, w2s_py_host_spec;
PyObject *w2s_py_func_wrap(PyTypeObject *type, struct w2s_py_store *store, struct w2s_funcref *func,
                           PyObject *name);
PyObject *w2s_py_memory_wrap(PyTypeObject *type, struct w2s_py_store *store, struct w2s_memory *memory);
PyObject *w2s_py_table_wrap(PyTypeObject *type, struct w2s_py_store *store, struct w2s_table *table);
PyObject *w2s_py_global_wrap(PyTypeObject *type, struct w2s_py_store *store, const struct w2s_global *global);

/* ---- pyshared.c ---- */

PyObject *w2s_py_shared_wrap(PyTypeObject *type, struct w2s_memory *memory);
extern PyType_Spec w2s_py_shared_spec, w2s_py_shared_bytes_spec;

/* ---- pywait.c ---- */

/* Learn which thread runs Python's signal handlers. Returns 0, or -1 with an exception. */
int w2s_py_find_main_thread(void);
/* For threads that wait without the GIL: run signal handlers; non-zero if one raised. The exception is left with the
 * store (for w2s_store_set_poll), or set in `env`, the thread's PyThreadState (for w2s_memory_wait). */
int32_t w2s_py_poll_store(struct w2s_store *store);
int32_t w2s_py_poll_thread(void *env);

/* ---- pyhooks.c ---- */

/* Methods of a store: set a callable, or None. */
PyObject *w2s_py_set_fuel_callback(PyObject *store, PyObject *callable);
PyObject *w2s_py_set_epoch_callback(PyObject *store, PyObject *callable);
PyObject *w2s_py_set_limiter(PyObject *store, PyObject *callable);
/* Something that the store's limiter was asked about did not come about: 1, with its exception set, if it raised one. */
int w2s_py_limiter_failed(struct w2s_py_store *store);

/* ---- pyhost.c ---- */

/* Make `callable` callable from wasm as a function of type `type_id`; NULL with an exception. */
struct w2s_funcref *w2s_py_host_new(struct w2s_py_store *store, uint32_t type_id, PyObject *callable,
                                    PyObject *name, PyObject *make_caller);
/* The Python callable behind a function, or NULL if it is wasm code or a host function made in C. */
struct w2s_py_host *w2s_py_host_of(const struct w2s_funcref *func);

/* What the host function returned, as its results; -1 with an exception. */
int w2s_py_host_results(const struct w2s_py_host *host, PyObject *result, union w2s_value *values);
/* It failed with the exception that is set: throw in wasm, or leave it with the store. An enum w2s_host_result. */
int32_t w2s_py_host_failed(struct w2s_py_store *store, struct w2s_fiber *fiber);

/* ---- pycall.c ---- */

/* The first of the wasm function's own arguments: without the store that may lead. NULL with an exception if the number
 * is wrong. */
PyObject *const *w2s_py_check_arguments(const struct w2s_py_func *func, PyObject *const *args, Py_ssize_t n);
int w2s_py_convert_arguments(const struct w2s_py_func *func, PyObject *const *args, union w2s_value *values);
PyObject *w2s_py_convert_results(const struct w2s_py_func *func, const union w2s_value *values);

/* ---- pyasync.c ---- */

extern PyType_Spec w2s_py_async_spec;
/* Is this, which a host function returned, to be awaited rather than the result itself? */
int w2s_py_is_awaitable(const struct w2s_py_host *host, PyObject *result);
/* Leave it with the store, for the call to be suspended: 1; -1 with an exception if the call is a plain one. */
int w2s_py_suspend(const struct w2s_py_host *host, PyObject *awaitable);

/* ---- leaving and taking the GIL ---- */

/* One activation of wasm from Python. Between begin and end the store counts as in use: it cannot be closed, not even
 * by a finalizer that runs while results are converted. */
struct w2s_py_frame {
  PyThreadState *thread;
  PyThreadState *active; /* what begin replaced */
  struct w2s_funcref *entered;
};

static inline void w2s_py_begin(struct w2s_py_store *store, struct w2s_funcref *func, struct w2s_py_frame *frame) {
  frame->active = store->active;
  frame->entered = store->entered;
  frame->thread = PyThreadState_Get();
  store->active = frame->thread;
  store->entered = func;
}

static inline void w2s_py_end(struct w2s_py_store *store, const struct w2s_py_frame *frame) {
  store->active = frame->active;
  store->entered = frame->entered;
  if (store->thrown != NULL && frame->active == NULL) Py_CLEAR(store->thrown);
}

#endif
