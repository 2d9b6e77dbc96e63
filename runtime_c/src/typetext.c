/* Types as text, for messages. */
#define _GNU_SOURCE 1

#include "typetext.h"

#include <stdio.h>

void w2si_add(struct w2si_text *text, const char *more) {
  int n = snprintf(text->chars + text->n, sizeof text->chars - text->n, "%s", more);
  if (n > 0) text->n += (size_t)n;
  if (text->n >= sizeof text->chars) text->n = sizeof text->chars - 1;
}

static const char *heap_name(int32_t heap) {
  switch (heap) {
    case W2S_HEAP_NOEXN: return "noexn";
    case W2S_HEAP_NOFUNC: return "nofunc";
    case W2S_HEAP_NOEXTERN: return "noextern";
    case W2S_HEAP_NONE: return "none";
    case W2S_HEAP_FUNC: return "func";
    case W2S_HEAP_EXTERN: return "extern";
    case W2S_HEAP_ANY: return "any";
    case W2S_HEAP_EQ: return "eq";
    case W2S_HEAP_I31: return "i31";
    case W2S_HEAP_STRUCT: return "struct";
    case W2S_HEAP_ARRAY: return "array";
    case W2S_HEAP_EXN: return "exn";
    default: return "type";
  }
}

void w2si_add_type(struct w2si_text *text, const struct w2s_valtype *type) {
  switch (type->code) {
    case W2S_I32: w2si_add(text, "i32"); return;
    case W2S_I64: w2si_add(text, "i64"); return;
    case W2S_F32: w2si_add(text, "f32"); return;
    case W2S_F64: w2si_add(text, "f64"); return;
    case W2S_V128: w2si_add(text, "v128"); return;
    default: break;
  }
  w2si_add(text, type->code == W2S_REF ? "(ref " : "(ref null ");
  w2si_add(text, heap_name(type->heap));
  w2si_add(text, ")");
}

static void add_types(struct w2si_text *text, const struct w2s_valtype *types, size_t n) {
  w2si_add(text, "[");
  for (size_t i = 0; i < n; i++) {
    if (i) w2si_add(text, " ");
    w2si_add_type(text, &types[i]);
  }
  w2si_add(text, "]");
}

struct w2si_text w2si_func_text(uint32_t id) {
  struct w2si_text text = {.n = 0};
  const struct w2s_valtype *params, *results;
  size_t n_params, n_results;
  w2si_add(&text, "function ");
  if (w2s_type_func(id, &params, &n_params, &results, &n_results)) {
    add_types(&text, params, n_params);
    w2si_add(&text, " -> ");
    add_types(&text, results, n_results);
  }
  return text;
}

struct w2si_text w2si_global_text(const struct w2s_valtype *type, uint32_t is_mutable) {
  struct w2si_text text = {.n = 0};
  w2si_add(&text, is_mutable ? "mutable global " : "immutable global ");
  w2si_add_type(&text, type);
  return text;
}

struct w2si_text w2si_limits_text(const char *what, const char *more, uint64_t min, int has_max, uint64_t max) {
  struct w2si_text text = {.n = 0};
  char numbers[64];
  w2si_add(&text, what);
  snprintf(numbers, sizeof numbers, has_max ? " {min %llu, max %llu}" : " {min %llu}", (unsigned long long)min,
           (unsigned long long)max);
  w2si_add(&text, numbers);
  w2si_add(&text, more);
  return text;
}
