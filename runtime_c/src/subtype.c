/* Subtyping at run time, over canonical types (spec: Matching). */
#define _GNU_SOURCE 1

#include "type.h"

uint32_t w2si_type_matches(uint32_t actual, uint32_t expected) {
  if (actual == expected) return 1;
  const struct w2si_type *a = w2si_type(actual);
  const struct w2si_type *b = w2si_type(expected);
  return a && b && b->depth < a->depth && a->display[b->depth] == expected;
}

int32_t w2s_type_func(uint32_t id, const struct w2s_valtype **params, size_t *n_params,
                      const struct w2s_valtype **results, size_t *n_results) {
  const struct w2si_type *type = w2si_type(id);
  if (!type || type->kind != W2SI_KIND_FUNC) return 0;
  *params = type->parts;
  *n_params = type->n_params;
  *results = type->parts + type->n_params;
  *n_results = type->n_results;
  return 1;
}

/* The kind of a concrete heap type, 0 for others. */
static uint32_t kind_of(int32_t heap) {
  const struct w2si_type *type = heap > 0 ? w2si_type((uint32_t)heap) : 0;
  return type ? type->kind : 0;
}

int w2si_heap_is_func(int32_t heap) {
  return heap == W2S_HEAP_FUNC || heap == W2S_HEAP_NOFUNC || kind_of(heap) == W2SI_KIND_FUNC;
}

/* Is a concrete type of this kind below the abstract heap type? */
static int kind_below(uint32_t kind, int32_t heap) {
  switch (heap) {
    case W2S_HEAP_FUNC: return kind == W2SI_KIND_FUNC;
    case W2S_HEAP_STRUCT: return kind == W2SI_KIND_STRUCT;
    case W2S_HEAP_ARRAY: return kind == W2SI_KIND_ARRAY;
    case W2S_HEAP_EQ:
    case W2S_HEAP_ANY: return kind == W2SI_KIND_STRUCT || kind == W2SI_KIND_ARRAY;
    default: return 0;
  }
}

/* Is the abstract heap type `a` strictly below the heap type `b`? */
static int abstract_below(int32_t a, int32_t b) {
  uint32_t kind = kind_of(b);
  switch (a) {
    case W2S_HEAP_NONE:
      return kind == W2SI_KIND_STRUCT || kind == W2SI_KIND_ARRAY || b == W2S_HEAP_I31 || b == W2S_HEAP_STRUCT ||
             b == W2S_HEAP_ARRAY || b == W2S_HEAP_EQ || b == W2S_HEAP_ANY;
    case W2S_HEAP_I31:
    case W2S_HEAP_STRUCT:
    case W2S_HEAP_ARRAY: return b == W2S_HEAP_EQ || b == W2S_HEAP_ANY;
    case W2S_HEAP_EQ: return b == W2S_HEAP_ANY;
    case W2S_HEAP_NOFUNC: return kind == W2SI_KIND_FUNC || b == W2S_HEAP_FUNC;
    case W2S_HEAP_NOEXTERN: return b == W2S_HEAP_EXTERN;
    case W2S_HEAP_NOEXN: return b == W2S_HEAP_EXN;
    default: return 0;
  }
}

static int heap_matches(int32_t actual, int32_t expected) {
  if (actual == expected) return 1;
  if (actual < 0) return abstract_below(actual, expected);
  if (expected < 0) return kind_below(kind_of(actual), expected);
  return (int)w2si_type_matches((uint32_t)actual, (uint32_t)expected);
}

int32_t w2s_valtype_matches(const struct w2s_valtype *actual, const struct w2s_valtype *expected) {
  int is_ref = actual->code == W2S_REF || actual->code == W2S_REF_NULL;
  if (!is_ref) return actual->code == expected->code;
  if (expected->code != W2S_REF_NULL && (expected->code != W2S_REF || actual->code != W2S_REF)) return 0;
  return heap_matches(actual->heap, expected->heap);
}
