/* Constant expressions. */
#ifndef W2SI_CONSTEXPR_H
#define W2SI_CONSTEXPR_H

#include "instance.h"

/* Opcodes of constant expressions. */
enum w2si_const_op {
  W2SI_OP_GLOBAL_GET = 0x23,
  W2SI_OP_I32_CONST = 0x41,
  W2SI_OP_I64_CONST = 0x42,
  W2SI_OP_F32_CONST = 0x43,
  W2SI_OP_F64_CONST = 0x44,
  W2SI_OP_I32_ADD = 0x6a,
  W2SI_OP_I32_SUB = 0x6b,
  W2SI_OP_I32_MUL = 0x6c,
  W2SI_OP_I64_ADD = 0x7c,
  W2SI_OP_I64_SUB = 0x7d,
  W2SI_OP_I64_MUL = 0x7e,
  W2SI_OP_REF_NULL = 0xd0,
  W2SI_OP_REF_FUNC = 0xd2,
  W2SI_OP_V128_CONST = 0xfd000c
};

/* Evaluate an expression that w2si_meta_expr_ok accepted. Returns 0, or an errno value (only for long ones). */
int w2si_const_eval(const struct w2s_instance *instance, struct w2s_expr expr, union w2s_value *out);

#endif
