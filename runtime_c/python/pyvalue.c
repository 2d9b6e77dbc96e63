/* Values between wasm and Python.
 *
 * i32, i64 <-> int: both the signed and the unsigned range go in, signed comes out. f32, f64 <-> float. v128 <-> 16
 * bytes. funcref <-> Func or None. externref <-> any object, None being null. */
#include "pyruntime.h"

#include <math.h>
#include <string.h>

/* "f(): argument 1" or less, as a new str; NULL with an exception. */
static PyObject *place_text(const struct w2s_py_place *place) {
  const char *open = place->function != NULL ? "(): " : "";
  PyObject *function = place->function != NULL ? Py_NewRef(place->function) : PyUnicode_FromString("");
  if (function == NULL) return NULL;
  PyObject *text = place->position > 0
                       ? PyUnicode_FromFormat("%U%s%s %zd", function, open, place->what, place->position)
                       : PyUnicode_FromFormat("%U%s%s", function, open, place->what);
  Py_DECREF(function);
  return text;
}

static const char *type_name(const struct w2s_valtype *type) {
  switch (type->code) {
    case W2S_I32: return "i32";
    case W2S_I64: return "i64";
    case W2S_F32: return "f32";
    case W2S_F64: return "f64";
    case W2S_V128: return "v128";
    default: break;
  }
  switch (type->heap) {
    case W2S_HEAP_FUNC: return type->code == W2S_REF_NULL ? "funcref" : "(ref func)";
    case W2S_HEAP_EXTERN: return type->code == W2S_REF_NULL ? "externref" : "(ref extern)";
    default: return type->heap >= 0 ? "a typed function reference" : "this reference type";
  }
}

static int refuse(const struct w2s_py_place *place, const struct w2s_valtype *type, const char *expected,
                  PyObject *object) {
  PyObject *where = place_text(place);
  if (where == NULL) return -1;
  PyErr_Format(PyExc_TypeError, "%U (%s): expected %s, not %.100s", where, type_name(type), expected,
               Py_TYPE(object)->tp_name);
  Py_DECREF(where);
  return -1;
}

static int out_of_range(const struct w2s_py_place *place, const struct w2s_valtype *type, PyObject *object) {
  PyObject *where = place_text(place);
  if (where == NULL) return -1;
  PyErr_Format(PyExc_OverflowError, "%U (%s): %R is out of range", where, type_name(type), object);
  Py_DECREF(where);
  return -1;
}

/* `number` is an int. */
static int int_to_value(const struct w2s_valtype *type, PyObject *number, union w2s_value *out,
                        const struct w2s_py_place *place) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (value == -1 && overflow == 0 && PyErr_Occurred()) return -1;
  if (type->code == W2S_I32) {
    if (overflow != 0 || value < INT32_MIN || value > (long long)UINT32_MAX) {
      return out_of_range(place, type, number);
    }
    out->i32 = (uint32_t)value;
    return 0;
  }
  if (overflow == 0) {
    out->i64 = (uint64_t)value;
    return 0;
  }
  if (overflow < 0) return out_of_range(place, type, number);
  const unsigned long long large = PyLong_AsUnsignedLongLong(number);
  if (large == (unsigned long long)-1 && PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return -1;
    PyErr_Clear();
    return out_of_range(place, type, number);
  }
  out->i64 = large;
  return 0;
}

static int integer_to_value(const struct w2s_valtype *type, PyObject *object, union w2s_value *out,
                            const struct w2s_py_place *place) {
  if (PyLong_Check(object)) return int_to_value(type, object, out, place);
  if (!PyIndex_Check(object)) return refuse(place, type, "an int", object);
  PyObject *number = PyNumber_Index(object);
  if (number == NULL) return -1;
  const int status = int_to_value(type, number, out, place);
  Py_DECREF(number);
  return status;
}

/* f64 -> f32. A NaN keeps its sign, its quiet bit and the upper bits of its payload: a C conversion would make a
 * signalling NaN quiet, and wasm may tell the two apart. */
static float narrow(double wide) {
  if (!isnan(wide)) return (float)wide;
  uint64_t bits;
  memcpy(&bits, &wide, sizeof bits);
  uint32_t payload = (uint32_t)(bits >> 29) & 0x7fffffu;
  if (payload == 0) payload = 0x400000u;
  const uint32_t single = (uint32_t)(bits >> 32 & 0x80000000u) | 0x7f800000u | payload;
  float out;
  memcpy(&out, &single, sizeof out);
  return out;
}

/* f32 -> f64, exactly, NaNs included. `bits` are the f32's. */
static double widen(uint32_t bits) {
  const int is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
  double out;
  if (is_nan) {
    const uint64_t wide =
        (uint64_t)(bits & 0x80000000u) << 32 | 0x7ff0000000000000u | (uint64_t)(bits & 0x7fffffu) << 29;
    memcpy(&out, &wide, sizeof out);
    return out;
  }
  float single;
  memcpy(&single, &bits, sizeof single);
  return (double)single;
}

static int float_to_value(const struct w2s_valtype *type, PyObject *object, union w2s_value *out,
                          const struct w2s_py_place *place) {
  double value;
  if (PyFloat_Check(object)) {
    value = PyFloat_AS_DOUBLE(object);
  } else {
    const PyNumberMethods *number = Py_TYPE(object)->tp_as_number;
    if (number == NULL || (number->nb_float == NULL && number->nb_index == NULL)) {
      return refuse(place, type, "a float", object);
    }
    value = PyFloat_AsDouble(object);
    if (value == -1.0 && PyErr_Occurred()) return -1;
  }
  if (type->code == W2S_F32) {
    out->f32 = narrow(value);
  } else {
    out->f64 = value;
  }
  return 0;
}

static int vector_to_value(const struct w2s_valtype *type, PyObject *object, union w2s_value *out,
                           const struct w2s_py_place *place) {
  if (!PyObject_CheckBuffer(object)) return refuse(place, type, "16 bytes", object);
  Py_buffer view;
  if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0) return -1;
  const int fits = view.len == 16;
  if (fits) memcpy(out->words, view.buf, 16);
  PyBuffer_Release(&view);
  return fits ? 0 : refuse(place, type, "16 bytes", object);
}

static int func_to_value(struct w2s_py_store *store, const struct w2s_valtype *type, PyObject *object,
                         union w2s_value *out, const struct w2s_py_place *place) {
  if (!PyObject_TypeCheck(object, w2s_py.func)) return refuse(place, type, "a Func or None", object);
  const struct w2s_py_func *func = (const struct w2s_py_func *)object;
  if (func->item.store != store) {
    PyErr_SetString(w2s_py.UsageError, "a function of another store");
    return -1;
  }
  const struct w2s_valtype actual = {.code = W2S_REF, .mutable_ = 0, .heap = (int32_t)func->func->type};
  if (type->heap != W2S_HEAP_FUNC && !w2s_valtype_matches(&actual, type)) {
    return refuse(place, type, "a Func of that type", object);
  }
  out->func = func->func;
  return 0;
}

int w2s_py_is_func_heap(int32_t heap) {
  return heap == W2S_HEAP_FUNC || heap == W2S_HEAP_NOFUNC || heap >= 0;
}

static int reference_to_value(struct w2s_py_store *store, const struct w2s_valtype *type, PyObject *object,
                              union w2s_value *out, const struct w2s_py_place *place) {
  if (object == Py_None) {
    if (type->code != W2S_REF_NULL) return refuse(place, type, "a reference that is not null", object);
    memset(out, 0, sizeof *out);
    return 0;
  }
  if (w2s_py_is_func_heap(type->heap)) return func_to_value(store, type, object, out, place);
  if (type->heap != W2S_HEAP_EXTERN) return refuse(place, type, "None", object);
  memset(out, 0, sizeof *out);
  return w2s_py_extern_handle(store, object, &out->ref);
}

int w2s_py_to_value(struct w2s_py_store *store, const struct w2s_valtype *type, PyObject *object,
                    union w2s_value *out, const struct w2s_py_place *place) {
  switch (type->code) {
    case W2S_I32:
    case W2S_I64: return integer_to_value(type, object, out, place);
    case W2S_F32:
    case W2S_F64: return float_to_value(type, object, out, place);
    case W2S_V128: return vector_to_value(type, object, out, place);
    default: return reference_to_value(store, type, object, out, place);
  }
}

PyObject *w2s_py_from_value(struct w2s_py_store *store, const struct w2s_valtype *type,
                            const union w2s_value *value) {
  switch (type->code) {
    case W2S_I32: return PyLong_FromLong((int32_t)value->i32);
    case W2S_I64: return PyLong_FromLongLong((int64_t)value->i64);
    case W2S_F32: return PyFloat_FromDouble(widen(value->i32));
    case W2S_F64: return PyFloat_FromDouble(value->f64);
    case W2S_V128: return PyBytes_FromStringAndSize((const char *)value->words, 16);
    default: break;
  }
  if (type->heap == W2S_HEAP_EXN || type->heap == W2S_HEAP_NOEXN) {
    if (value->ref == 0) Py_RETURN_NONE;
    PyErr_SetString(PyExc_TypeError, "an exnref cannot be used in Python");
    return NULL;
  }
  if (!w2s_py_is_func_heap(type->heap)) return w2s_py_extern_object(store, value->ref);
  return value->func != NULL ? w2s_py_func_of(store, value->func, NULL) : Py_NewRef(Py_None);
}

int w2s_py_signature_of(uint32_t type_id, struct w2s_py_signature *out) {
  size_t n_params = 0, n_results = 0;
  if (!w2s_type_func(type_id, &out->params, &n_params, &out->results, &n_results)) {
    PyErr_Format(w2s_py.UsageError, "type %u is not a function type", (unsigned)type_id);
    return -1;
  }
  out->n_params = (Py_ssize_t)n_params;
  out->n_results = (Py_ssize_t)n_results;
  out->id = type_id;
  return 0;
}
