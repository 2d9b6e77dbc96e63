/* Numeric instructions (spec: Execution, Numerics) where C's own operator is undefined, differs or is missing. */
#ifndef WASM2SO_NUM_H
#define WASM2SO_NUM_H

#include "abi.h"
#include "libcalls.h"
#include "port.h"

typedef struct w2s_vm w2s_vm;

/* Leave wasm with a trap; cold, so that checks cost one predicted branch. */
W2S_COLD static void w2s_trap(w2s_vm *vm, uint32_t code) {
  ((struct w2s_vm_head *)(void *)vm)->builtins->trap(vm, code);
  __builtin_trap();
}

/* ---- bits ---- */

/* f32.reinterpret_i32; a compile-time constant is hidden so that x*1.0 stays an operation (it quiets NaNs). */
W2S_INLINE float w2s_f32_bits(uint32_t bits) {
  float f;
  __builtin_memcpy(&f, &bits, 4);
  if (__builtin_constant_p(bits)) W2S_HIDE_FLOAT(f);
  return f;
}

/* f64.reinterpret_i64, likewise. */
W2S_INLINE double w2s_f64_bits(uint64_t bits) {
  double f;
  __builtin_memcpy(&f, &bits, 8);
  if (__builtin_constant_p(bits)) W2S_HIDE_FLOAT(f);
  return f;
}

/* i32.reinterpret_f32: memcpy, not a union or cast, keeps every NaN bit. */
W2S_INLINE uint32_t w2s_i32_bits(float f) {
  uint32_t bits;
  __builtin_memcpy(&bits, &f, 4);
  return bits;
}

/* i64.reinterpret_f64. */
W2S_INLINE uint64_t w2s_i64_bits(double f) {
  uint64_t bits;
  __builtin_memcpy(&bits, &f, 8);
  return bits;
}

/* ---- integers ---- */

/* i32.clz: __builtin_clz(0) is undefined. */
W2S_INLINE uint32_t w2s_i32_clz(uint32_t x) { return x ? (uint32_t)__builtin_clz(x) : 32; }
/* i32.ctz: __builtin_ctz(0) is undefined. */
W2S_INLINE uint32_t w2s_i32_ctz(uint32_t x) { return x ? (uint32_t)__builtin_ctz(x) : 32; }
/* i32.popcnt. */
W2S_INLINE uint32_t w2s_i32_popcnt(uint32_t x) { return (uint32_t)__builtin_popcount(x); }
/* i64.clz. */
W2S_INLINE uint64_t w2s_i64_clz(uint64_t x) { return x ? (uint64_t)__builtin_clzll(x) : 64; }
/* i64.ctz. */
W2S_INLINE uint64_t w2s_i64_ctz(uint64_t x) { return x ? (uint64_t)__builtin_ctzll(x) : 64; }
/* i64.popcnt. */
W2S_INLINE uint64_t w2s_i64_popcnt(uint64_t x) { return (uint64_t)__builtin_popcountll(x); }

/* i32.rotl: a shift by the full width is undefined, hence the masks. */
W2S_INLINE uint32_t w2s_i32_rotl(uint32_t x, uint32_t n) { return (x << (n & 31)) | (x >> (-n & 31)); }
/* i32.rotr. */
W2S_INLINE uint32_t w2s_i32_rotr(uint32_t x, uint32_t n) { return (x >> (n & 31)) | (x << (-n & 31)); }
/* i64.rotl. */
W2S_INLINE uint64_t w2s_i64_rotl(uint64_t x, uint64_t n) { return (x << (n & 63)) | (x >> (-n & 63)); }
/* i64.rotr. */
W2S_INLINE uint64_t w2s_i64_rotr(uint64_t x, uint64_t n) { return (x >> (n & 63)) | (x << (-n & 63)); }

/* i32.div_s: C leaves x/0 and INT32_MIN/-1 undefined; both trap. */
W2S_INLINE uint32_t w2s_i32_div_s(w2s_vm *vm, uint32_t x, uint32_t y) {
  if (W2S_UNLIKELY(y == 0)) w2s_trap(vm, W2S_TRAP_INTEGER_DIVISION_BY_ZERO);
  if (W2S_UNLIKELY(x == 0x80000000u && y == 0xffffffffu)) w2s_trap(vm, W2S_TRAP_INTEGER_OVERFLOW);
  return (uint32_t)((int32_t)x / (int32_t)y);
}

/* i32.div_u: x/0 traps. */
W2S_INLINE uint32_t w2s_i32_div_u(w2s_vm *vm, uint32_t x, uint32_t y) {
  if (W2S_UNLIKELY(y == 0)) w2s_trap(vm, W2S_TRAP_INTEGER_DIVISION_BY_ZERO);
  return x / y;
}

/* i32.rem_s: x%0 traps; INT32_MIN%-1 is undefined in C and 0 in wasm. */
W2S_INLINE uint32_t w2s_i32_rem_s(w2s_vm *vm, uint32_t x, uint32_t y) {
  if (W2S_UNLIKELY(y == 0)) w2s_trap(vm, W2S_TRAP_INTEGER_DIVISION_BY_ZERO);
  return y == 0xffffffffu ? 0 : (uint32_t)((int32_t)x % (int32_t)y);
}

/* i32.rem_u: x%0 traps. */
W2S_INLINE uint32_t w2s_i32_rem_u(w2s_vm *vm, uint32_t x, uint32_t y) {
  if (W2S_UNLIKELY(y == 0)) w2s_trap(vm, W2S_TRAP_INTEGER_DIVISION_BY_ZERO);
  return x % y;
}

/* i64.div_s: as i32.div_s. */
W2S_INLINE uint64_t w2s_i64_div_s(w2s_vm *vm, uint64_t x, uint64_t y) {
  if (W2S_UNLIKELY(y == 0)) w2s_trap(vm, W2S_TRAP_INTEGER_DIVISION_BY_ZERO);
  if (W2S_UNLIKELY(x == 0x8000000000000000ull && y == 0xffffffffffffffffull))
    w2s_trap(vm, W2S_TRAP_INTEGER_OVERFLOW);
  return (uint64_t)((int64_t)x / (int64_t)y);
}

/* i64.div_u. */
W2S_INLINE uint64_t w2s_i64_div_u(w2s_vm *vm, uint64_t x, uint64_t y) {
  if (W2S_UNLIKELY(y == 0)) w2s_trap(vm, W2S_TRAP_INTEGER_DIVISION_BY_ZERO);
  return x / y;
}

/* i64.rem_s: as i32.rem_s. */
W2S_INLINE uint64_t w2s_i64_rem_s(w2s_vm *vm, uint64_t x, uint64_t y) {
  if (W2S_UNLIKELY(y == 0)) w2s_trap(vm, W2S_TRAP_INTEGER_DIVISION_BY_ZERO);
  return y == 0xffffffffffffffffull ? 0 : (uint64_t)((int64_t)x % (int64_t)y);
}

/* i64.rem_u. */
W2S_INLINE uint64_t w2s_i64_rem_u(w2s_vm *vm, uint64_t x, uint64_t y) {
  if (W2S_UNLIKELY(y == 0)) w2s_trap(vm, W2S_TRAP_INTEGER_DIVISION_BY_ZERO);
  return x % y;
}

/* i64.mul_wide_s and _u: the high half of the 128-bit product. */
W2S_INLINE uint64_t w2s_i64_mul_high_s(uint64_t x, uint64_t y) {
  return W2S_MUL_HIGH_S(x, y);
}
W2S_INLINE uint64_t w2s_i64_mul_high_u(uint64_t x, uint64_t y) {
  return W2S_MUL_HIGH_U(x, y);
}

/* ---- floats ---- */

/* f32.abs, neg, copysign work on the sign bit alone, NaNs included. */
W2S_INLINE float w2s_f32_abs(float x) { return w2s_f32_bits(w2s_i32_bits(x) & 0x7fffffffu); }
W2S_INLINE float w2s_f32_neg(float x) { return w2s_f32_bits(w2s_i32_bits(x) ^ 0x80000000u); }
W2S_INLINE float w2s_f32_copysign(float x, float y) {
  return w2s_f32_bits((w2s_i32_bits(x) & 0x7fffffffu) | (w2s_i32_bits(y) & 0x80000000u));
}
/* f64.abs, neg, copysign, likewise. */
W2S_INLINE double w2s_f64_abs(double x) { return w2s_f64_bits(w2s_i64_bits(x) & 0x7fffffffffffffffull); }
W2S_INLINE double w2s_f64_neg(double x) { return w2s_f64_bits(w2s_i64_bits(x) ^ 0x8000000000000000ull); }
W2S_INLINE double w2s_f64_copysign(double x, double y) {
  return w2s_f64_bits((w2s_i64_bits(x) & 0x7fffffffffffffffull) | (w2s_i64_bits(y) & 0x8000000000000000ull));
}

/* A NaN's quiet form where rounding would pass it through: x + x is never folded away for a hidden x. */
W2S_INLINE float w2s_f32_quiet(float x) {
  W2S_HIDE_FLOAT(x);
  return x + x;
}
W2S_INLINE double w2s_f64_quiet(double x) {
  W2S_HIDE_FLOAT(x);
  return x + x;
}

/* f32.ceil, floor, trunc, nearest (ties to even: the default rounding mode, which entry to wasm guarantees). */
W2S_INLINE float w2s_f32_ceil(float x) {
  return !W2S_ROUNDING_QUIETS && x != x ? w2s_f32_quiet(x) : __builtin_ceilf(x);
}
W2S_INLINE float w2s_f32_floor(float x) {
  return !W2S_ROUNDING_QUIETS && x != x ? w2s_f32_quiet(x) : __builtin_floorf(x);
}
W2S_INLINE float w2s_f32_trunc(float x) {
  return !W2S_ROUNDING_QUIETS && x != x ? w2s_f32_quiet(x) : __builtin_truncf(x);
}
W2S_INLINE float w2s_f32_nearest(float x) {
  return !W2S_ROUNDING_QUIETS && x != x ? w2s_f32_quiet(x) : __builtin_rintf(x);
}
/* f64.ceil, floor, trunc, nearest. */
W2S_INLINE double w2s_f64_ceil(double x) {
  return !W2S_ROUNDING_QUIETS && x != x ? w2s_f64_quiet(x) : __builtin_ceil(x);
}
W2S_INLINE double w2s_f64_floor(double x) {
  return !W2S_ROUNDING_QUIETS && x != x ? w2s_f64_quiet(x) : __builtin_floor(x);
}
W2S_INLINE double w2s_f64_trunc(double x) {
  return !W2S_ROUNDING_QUIETS && x != x ? w2s_f64_quiet(x) : __builtin_trunc(x);
}
W2S_INLINE double w2s_f64_nearest(double x) {
  return !W2S_ROUNDING_QUIETS && x != x ? w2s_f64_quiet(x) : __builtin_rint(x);
}

/* f32.min: a NaN operand gives a quiet NaN, and -0 < +0, neither of which C's comparison does. */
W2S_INLINE float w2s_f32_min(float x, float y) {
  if (W2S_UNLIKELY(x != x || y != y)) return x + y;
  if (x == y) return w2s_f32_bits(w2s_i32_bits(x) | w2s_i32_bits(y));
  return x < y ? x : y;
}
/* f32.max: likewise. */
W2S_INLINE float w2s_f32_max(float x, float y) {
  if (W2S_UNLIKELY(x != x || y != y)) return x + y;
  if (x == y) return w2s_f32_bits(w2s_i32_bits(x) & w2s_i32_bits(y));
  return x > y ? x : y;
}
/* f64.min: likewise. */
W2S_INLINE double w2s_f64_min(double x, double y) {
  if (W2S_UNLIKELY(x != x || y != y)) return x + y;
  if (x == y) return w2s_f64_bits(w2s_i64_bits(x) | w2s_i64_bits(y));
  return x < y ? x : y;
}
/* f64.max: likewise. */
W2S_INLINE double w2s_f64_max(double x, double y) {
  if (W2S_UNLIKELY(x != x || y != y)) return x + y;
  if (x == y) return w2s_f64_bits(w2s_i64_bits(x) & w2s_i64_bits(y));
  return x > y ? x : y;
}

/* f32.demote_f64 and f64.promote_f32: the round trip is folded without quieting unless the result is hidden. */
W2S_INLINE float w2s_f32_demote(double x) {
  float f = (float)x;
  W2S_HIDE_FLOAT(f);
  return f;
}
W2S_INLINE double w2s_f64_promote(float x) {
  double f = (double)x;
  W2S_HIDE_FLOAT(f);
  return f;
}

/* f32.convert_*, f64.convert_*: constants are hidden for the reason given at w2s_f32_bits. */
W2S_INLINE float w2s_f32_convert_i32_s(uint32_t x) {
  float f = (float)(int32_t)x;
  if (__builtin_constant_p(x)) W2S_HIDE_FLOAT(f);
  return f;
}
W2S_INLINE float w2s_f32_convert_i32_u(uint32_t x) {
  float f = (float)x;
  if (__builtin_constant_p(x)) W2S_HIDE_FLOAT(f);
  return f;
}
W2S_INLINE float w2s_f32_convert_i64_s(uint64_t x) {
  float f = (float)(int64_t)x;
  if (__builtin_constant_p(x)) W2S_HIDE_FLOAT(f);
  return f;
}
W2S_INLINE float w2s_f32_convert_i64_u(uint64_t x) {
  float f = W2S_U64_TO_F32(x);
  if (__builtin_constant_p(x)) W2S_HIDE_FLOAT(f);
  return f;
}
W2S_INLINE double w2s_f64_convert_i32_s(uint32_t x) {
  double f = (double)(int32_t)x;
  if (__builtin_constant_p(x)) W2S_HIDE_FLOAT(f);
  return f;
}
W2S_INLINE double w2s_f64_convert_i32_u(uint32_t x) {
  double f = (double)x;
  if (__builtin_constant_p(x)) W2S_HIDE_FLOAT(f);
  return f;
}
W2S_INLINE double w2s_f64_convert_i64_s(uint64_t x) {
  double f = (double)(int64_t)x;
  if (__builtin_constant_p(x)) W2S_HIDE_FLOAT(f);
  return f;
}
W2S_INLINE double w2s_f64_convert_i64_u(uint64_t x) {
  double f = W2S_U64_TO_F64(x);
  if (__builtin_constant_p(x)) W2S_HIDE_FLOAT(f);
  return f;
}

/* The two ways a float-to-integer conversion traps. */
W2S_COLD static void w2s_bad_trunc(w2s_vm *vm, int is_nan) {
  w2s_trap(vm, is_nan ? W2S_TRAP_BAD_CONVERSION_TO_INTEGER : W2S_TRAP_INTEGER_OVERFLOW);
}

/* i32.trunc_f32_s and its kin: an out-of-range cast is undefined in C, so the range is tested first. */
W2S_INLINE uint32_t w2s_i32_trunc_f32_s(w2s_vm *vm, float x) {
  if (W2S_UNLIKELY(!(x >= -2147483648.0f && x < 2147483648.0f))) w2s_bad_trunc(vm, x != x);
  return (uint32_t)(int32_t)x;
}
W2S_INLINE uint32_t w2s_i32_trunc_f32_u(w2s_vm *vm, float x) {
  if (W2S_UNLIKELY(!(x > -1.0f && x < 4294967296.0f))) w2s_bad_trunc(vm, x != x);
  return (uint32_t)x;
}
W2S_INLINE uint32_t w2s_i32_trunc_f64_s(w2s_vm *vm, double x) {
  if (W2S_UNLIKELY(!(x > -2147483649.0 && x < 2147483648.0))) w2s_bad_trunc(vm, x != x);
  return (uint32_t)(int32_t)x;
}
W2S_INLINE uint32_t w2s_i32_trunc_f64_u(w2s_vm *vm, double x) {
  if (W2S_UNLIKELY(!(x > -1.0 && x < 4294967296.0))) w2s_bad_trunc(vm, x != x);
  return (uint32_t)x;
}
W2S_INLINE uint64_t w2s_i64_trunc_f32_s(w2s_vm *vm, float x) {
  if (W2S_UNLIKELY(!(x >= -9223372036854775808.0f && x < 9223372036854775808.0f))) w2s_bad_trunc(vm, x != x);
  return (uint64_t)(int64_t)x;
}
W2S_INLINE uint64_t w2s_i64_trunc_f32_u(w2s_vm *vm, float x) {
  if (W2S_UNLIKELY(!(x > -1.0f && x < 18446744073709551616.0f))) w2s_bad_trunc(vm, x != x);
  return W2S_F32_TO_U64(x);
}
W2S_INLINE uint64_t w2s_i64_trunc_f64_s(w2s_vm *vm, double x) {
  if (W2S_UNLIKELY(!(x >= -9223372036854775808.0 && x < 9223372036854775808.0))) w2s_bad_trunc(vm, x != x);
  return (uint64_t)(int64_t)x;
}
W2S_INLINE uint64_t w2s_i64_trunc_f64_u(w2s_vm *vm, double x) {
  if (W2S_UNLIKELY(!(x > -1.0 && x < 18446744073709551616.0))) w2s_bad_trunc(vm, x != x);
  return W2S_F64_TO_U64(x);
}

/* i32.trunc_sat_f32_s and its kin: NaN gives 0, the rest is clamped. */
W2S_INLINE uint32_t w2s_i32_trunc_sat_f32_s(float x) {
  if (x != x) return 0;
  if (x < -2147483648.0f) return 0x80000000u;
  return x >= 2147483648.0f ? 0x7fffffffu : (uint32_t)(int32_t)x;
}
W2S_INLINE uint32_t w2s_i32_trunc_sat_f32_u(float x) {
  if (!(x > -1.0f)) return 0;
  return x >= 4294967296.0f ? 0xffffffffu : (uint32_t)x;
}
W2S_INLINE uint32_t w2s_i32_trunc_sat_f64_s(double x) {
  if (x != x) return 0;
  if (x <= -2147483649.0) return 0x80000000u;
  return x >= 2147483648.0 ? 0x7fffffffu : (uint32_t)(int32_t)x;
}
W2S_INLINE uint32_t w2s_i32_trunc_sat_f64_u(double x) {
  if (!(x > -1.0)) return 0;
  return x >= 4294967296.0 ? 0xffffffffu : (uint32_t)x;
}
W2S_INLINE uint64_t w2s_i64_trunc_sat_f32_s(float x) {
  if (x != x) return 0;
  if (x < -9223372036854775808.0f) return 0x8000000000000000ull;
  return x >= 9223372036854775808.0f ? 0x7fffffffffffffffull : (uint64_t)(int64_t)x;
}
W2S_INLINE uint64_t w2s_i64_trunc_sat_f32_u(float x) {
  if (!(x > -1.0f)) return 0;
  return x >= 18446744073709551616.0f ? 0xffffffffffffffffull : W2S_F32_TO_U64(x);
}
W2S_INLINE uint64_t w2s_i64_trunc_sat_f64_s(double x) {
  if (x != x) return 0;
  if (x < -9223372036854775808.0) return 0x8000000000000000ull;
  return x >= 9223372036854775808.0 ? 0x7fffffffffffffffull : (uint64_t)(int64_t)x;
}
W2S_INLINE uint64_t w2s_i64_trunc_sat_f64_u(double x) {
  if (!(x > -1.0)) return 0;
  return x >= 18446744073709551616.0 ? 0xffffffffffffffffull : W2S_F64_TO_U64(x);
}

#endif
