/* Checks of constant expressions in a metadata blob. */
#define _GNU_SOURCE 1

#include "constexpr.h"
#include "meta.h"
#include "type.h"

/* The letter of a type for the purposes of execution: references to functions are pointers, others handles. */
static uint16_t class_of(const struct w2s_meta *meta, const struct w2s_valtype *type) {
  if (type->code != W2S_REF && type->code != W2S_REF_NULL) return type->code;
  int32_t heap = type->heap;
  int is_func = heap >= 0 ? w2si_meta_types(meta)[heap].kind == W2SI_KIND_FUNC
                          : heap == W2S_HEAP_FUNC || heap == W2S_HEAP_NOFUNC;
  return is_func ? W2S_REF : W2S_REF_NULL;
}

uint32_t w2si_meta_width(const struct w2s_meta *meta, const struct w2s_valtype *type) {
  switch (class_of(meta, type)) {
    case W2S_I64:
    case W2S_F64:
    case W2S_REF: return 8; /* a pointer to a w2s_funcref */
    case W2S_V128: return 16;
    default: return 4;
  }
}

int w2si_meta_func_is_value(const struct w2s_meta *meta, uint64_t index) {
  return index < meta->funcs.n && w2si_meta_funcs(meta)[index].ref >= 0;
}

/* The class of ref.null's operand, 0 if it names no type. */
static uint16_t null_class(const struct w2s_meta *meta, int32_t heap) {
  if (heap >= 0 && (uint32_t)heap >= meta->types.n) return 0;
  struct w2s_valtype type = {.code = W2S_REF_NULL, .heap = heap};
  return class_of(meta, &type);
}

/* The class of value that a leaf instruction pushes; 0 if it is none or names something that is not there. */
static uint16_t push_class(const struct w2s_meta *meta, const struct w2s_meta_const *op, uint32_t n_globals) {
  switch (op->op) {
    case W2SI_OP_I32_CONST: return W2S_I32;
    case W2SI_OP_I64_CONST: return W2S_I64;
    case W2SI_OP_F32_CONST: return W2S_F32;
    case W2SI_OP_F64_CONST: return W2S_F64;
    case W2SI_OP_V128_CONST: return W2S_V128;
    case W2SI_OP_REF_NULL: return null_class(meta, (int32_t)op->index);
    case W2SI_OP_REF_FUNC: return w2si_meta_func_is_value(meta, op->index) ? W2S_REF : 0;
    case W2SI_OP_GLOBAL_GET:
      return op->index < n_globals ? class_of(meta, &w2si_meta_globals(meta)[op->index].type) : 0;
    default: return 0;
  }
}

/* The class of both operands and the result of a binary instruction; 0 if it is none. */
static uint16_t binary_class(uint32_t op) {
  if (op >= W2SI_OP_I32_ADD && op <= W2SI_OP_I32_MUL) return W2S_I32;
  if (op >= W2SI_OP_I64_ADD && op <= W2SI_OP_I64_MUL) return W2S_I64;
  return 0;
}

int w2si_meta_expr_ok(const struct w2s_meta *meta, struct w2s_expr expr, const struct w2s_valtype *type,
                      uint32_t n_globals) {
  if (expr.n == 0 || expr.first > meta->consts.n || expr.n > meta->consts.n - expr.first) return 0;
  const struct w2s_meta_const *ops = w2si_meta_consts(meta) + expr.first;
  uint16_t expected = class_of(meta, type);
  uint32_t depth = 0;
  /* Arithmetic has one operand type, so all values on the stack are of it. */
  for (uint32_t i = 0; i < expr.n; i++) {
    if (binary_class(ops[i].op)) {
      if (binary_class(ops[i].op) != expected || depth < 2) return 0;
      depth--;
    } else {
      if (push_class(meta, &ops[i], n_globals) != expected) return 0;
      depth++;
    }
  }
  return depth == 1;
}
