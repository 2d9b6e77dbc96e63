/* Constant expressions: a small stack machine (spec: Constant Expressions). Types were checked when the module was
 * opened (metaexpr.c). */
#define _GNU_SOURCE 1

#include "constexpr.h"

#include <errno.h>
#include <stdlib.h>

#include "meta.h"

enum { SMALL_EXPR = 32 };

static union w2s_value leaf(const struct w2s_instance *instance, const struct w2s_meta_const *op) {
  union w2s_value value = {.words = {0, 0}};
  switch (op->op) {
    case W2SI_OP_GLOBAL_GET: {
      struct w2s_global global = w2si_global(instance, op->index);
      w2si_value_read(&global.type, global.value, &value);
      break;
    }
    case W2SI_OP_REF_FUNC: value.func = w2si_func(instance, op->index); break;
    case W2SI_OP_REF_NULL: break;
    case W2SI_OP_I32_CONST:
    case W2SI_OP_F32_CONST: value.i32 = (uint32_t)op->value[0]; break;
    default:
      value.words[0] = op->value[0];
      value.words[1] = op->value[1];
      break;
  }
  return value;
}

/* Apply a binary instruction to `a` in place. Returns 0 if `op` is none. */
static int binary(uint32_t op, union w2s_value *a, const union w2s_value *b) {
  switch (op) {
    case W2SI_OP_I32_ADD: a->i32 += b->i32; return 1;
    case W2SI_OP_I32_SUB: a->i32 -= b->i32; return 1;
    case W2SI_OP_I32_MUL: a->i32 *= b->i32; return 1;
    case W2SI_OP_I64_ADD: a->i64 += b->i64; return 1;
    case W2SI_OP_I64_SUB: a->i64 -= b->i64; return 1;
    case W2SI_OP_I64_MUL: a->i64 *= b->i64; return 1;
    default: return 0;
  }
}

int w2si_const_eval(const struct w2s_instance *instance, struct w2s_expr expr, union w2s_value *out) {
  const struct w2s_meta_const *ops = w2si_meta_consts(instance->meta) + expr.first;
  union w2s_value small[SMALL_EXPR] = {{.words = {0, 0}}};
  union w2s_value *stack = small;
  if (expr.n > SMALL_EXPR) {
    stack = malloc(expr.n * sizeof *stack);
    if (!stack) return ENOMEM;
  }
  uint32_t depth = 0;
  for (uint32_t i = 0; i < expr.n; i++) {
    if (depth >= 2 && binary(ops[i].op, &stack[depth - 2], &stack[depth - 1])) {
      depth--;
    } else {
      stack[depth++] = leaf(instance, &ops[i]);
    }
  }
  *out = stack[0];
  if (stack != small) free(stack);
  return 0;
}
