/* Every unary vector instruction on 32-bit lanes, on all 2^32 inputs, against a scalar model in integer arithmetic.
 *
 *   vector_unary [NAME ...]    run those named, or all; prints a line for each, exits 1 if any differs
 *
 * Four consecutive inputs make a vector. f32x4.demote_f64x2_zero has 64-bit lanes: it is run on each f32 as an f64, and
 * on the numbers half way to the next f32 and closest to that.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <wasm2so/simd.h>

enum { SIGN = (int)0x80000000, EXPONENT = 0x7f800000, MANTISSA = 0x007fffff, QUIET = 0x00400000 };

/* ---- the model: f32 bits in, result bits out; results that are NaNs are checked by rule, not by value ---- */

static int is_nan32(uint32_t x) { return (x & ~(uint32_t)SIGN) > EXPONENT; }
static int is_nan64(uint64_t x) { return (x & 0x7fffffffffffffffu) > 0x7ff0000000000000u; }

static uint32_t model_abs(uint32_t x) { return x & ~(uint32_t)SIGN; }
static uint32_t model_neg(uint32_t x) { return x ^ (uint32_t)SIGN; }

enum direction { UP, DOWN, TO_ZERO, NEAREST };

/* Round to an integer: the exponent says how many bits of the mantissa are a fraction. */
static uint32_t round_bits(uint32_t x, enum direction direction) {
  const int exponent = (int)((x & EXPONENT) >> 23) - 127;
  const uint32_t sign = x & (uint32_t)SIGN;
  if (exponent >= 23 || (x & ~(uint32_t)SIGN) == 0) return x;
  const int away = direction == UP ? !sign : direction == DOWN ? sign != 0 : 0;
  if (exponent < 0) { /* below 1 in magnitude */
    const int up = direction == NEAREST ? (x & ~(uint32_t)SIGN) > 0x3f000000u : away;
    return sign | (up ? 0x3f800000u : 0);
  }
  const uint32_t unit = 1u << (23 - exponent), fraction = x & (unit - 1), whole = x & ~(unit - 1);
  if (fraction == 0) return x;
  int up = away;
  if (direction == NEAREST) {
    const int odd = exponent == 0 ? 1 : (whole & unit) != 0; /* at exponent 0 the unit is the hidden bit */
    up = fraction > unit / 2 || (fraction == unit / 2 && odd);
  }
  return whole + (up ? unit : 0); /* a carry goes into the exponent, as it should */
}
static uint32_t model_ceil(uint32_t x) { return round_bits(x, UP); }
static uint32_t model_floor(uint32_t x) { return round_bits(x, DOWN); }
static uint32_t model_trunc(uint32_t x) { return round_bits(x, TO_ZERO); }
static uint32_t model_nearest(uint32_t x) { return round_bits(x, NEAREST); }

/* The mantissa, hidden bit included, as an integer and the power of two it is multiplied with, of a finite number. */
static uint64_t mantissa_of(uint32_t x, int *power) {
  const uint32_t exponent = (x & EXPONENT) >> 23;
  *power = (int)(exponent ? exponent : 1) - 150;
  return (x & MANTISSA) | (exponent ? 0x800000u : 0);
}

/* Square root: that of the mantissa times a power of four, as an integer of 26 bits. */
static uint32_t model_sqrt(uint32_t x) {
  if ((x & ~(uint32_t)SIGN) == 0) return x;
  if (x & (uint32_t)SIGN) return 0x7fc00000u;
  if (x == EXPONENT) return x;
  int power;
  uint64_t n = mantissa_of(x, &power);
  while (n < (1ull << 50) || power % 2 != 0) n <<= 1, power--;
  /* The FPU's guess, made right: root * root <= n < (root + 1) * (root + 1). */
  uint64_t root = (uint64_t)__builtin_sqrt((double)n);
  while (root * root > n) root--;
  while ((root + 1) * (root + 1) <= n) root++;
  const int rest = root * root != n;
  /* root has 26 bits, of which 24 are kept; the value is root * 2^(power / 2). */
  const uint64_t low = root & 3;
  uint64_t kept = root >> 2;
  if (low > 2 || (low == 2 && (rest || (kept & 1)))) kept++;
  if (kept >> 24) kept >>= 1, power += 2;
  return (uint32_t)(power / 2 + 152) << 23 | (uint32_t)(kept & MANTISSA);
}

/* The integer part of a finite number's magnitude, at most 2^40. */
static uint64_t magnitude(uint32_t x) {
  int power;
  const uint64_t n = mantissa_of(x, &power);
  if (power <= -64) return 0;
  if (power < 0) return n >> -power;
  return power > 16 ? 1ull << 40 : n << power;
}
static uint32_t model_trunc_sat_s(uint32_t x) {
  if (is_nan32(x)) return 0;
  const uint64_t whole = magnitude(x);
  if (x & (uint32_t)SIGN) return whole >= 0x80000000u ? 0x80000000u : (uint32_t) - (int64_t)whole;
  return whole > 0x7fffffffu ? 0x7fffffffu : (uint32_t)whole;
}
static uint32_t model_trunc_sat_u(uint32_t x) {
  if (is_nan32(x) || x & (uint32_t)SIGN) return 0;
  const uint64_t whole = magnitude(x);
  return whole > 0xffffffffu ? 0xffffffffu : (uint32_t)whole;
}

/* An integer as f32, rounded to nearest, ties to even. */
static uint32_t from_integer(uint32_t n, uint32_t sign) {
  if (n == 0) return 0;
  int top = 31;
  while (!(n >> top)) top--;
  uint64_t kept = (uint64_t)n << 23 >> top;
  const uint64_t lost = ((uint64_t)n << 23) - (kept << top), half = top ? 1ull << (top - 1) : 1;
  if (lost > half || (lost == half && (kept & 1))) kept++;
  return sign | (uint32_t)(((uint64_t)(top + 126) << 23) + kept);
}
static uint32_t model_convert_s(uint32_t x) {
  return x & (uint32_t)SIGN ? from_integer(-x, (uint32_t)SIGN) : from_integer(x, 0);
}
static uint32_t model_convert_u(uint32_t x) { return from_integer(x, 0); }

/* An integer below 2^53 times a power of two, as f64. */
static uint64_t f64_of(uint64_t n, int power, uint64_t sign) {
  if (n == 0) return sign;
  while (!(n >> 52)) n <<= 1, power--;
  return sign | (uint64_t)(power + 1075) << 52 | (n & 0xfffffffffffffu);
}
static uint64_t model_promote(uint32_t x) {
  const uint64_t sign = (uint64_t)(x & (uint32_t)SIGN) << 32;
  if ((x & EXPONENT) == EXPONENT) return sign | 0x7ff0000000000000u | (uint64_t)(x & MANTISSA) << 29;
  int power;
  const uint64_t n = mantissa_of(x, &power);
  return f64_of(n, power, sign);
}
static uint64_t model_convert64_s(uint32_t x) {
  return x & (uint32_t)SIGN ? f64_of(-x, 0, 1ull << 63) : f64_of(x, 0, 0);
}
static uint64_t model_convert64_u(uint32_t x) { return f64_of(x, 0, 0); }

/* f64 to f32, rounded to nearest, ties to even; not for NaNs. */
static uint32_t model_demote(uint64_t x) {
  const uint32_t sign = (uint32_t)(x >> 32) & (uint32_t)SIGN;
  const int exponent = (int)(x >> 52 & 0x7ff) - 1023;
  if (exponent > 127) return sign | EXPONENT;
  if (exponent < -150) return sign;
  const uint64_t n = (x & 0xfffffffffffffu) | 1ull << 52;
  const int shift = exponent < -126 ? 29 - 126 - exponent : 29;
  uint64_t kept = n >> shift;
  const uint64_t lost = n & ((1ull << shift) - 1), half = 1ull << (shift - 1);
  if (lost > half || (lost == half && (kept & 1))) kept++;
  const uint32_t biased = exponent < -126 ? 0 : (uint32_t)(exponent + 126); /* the hidden bit adds one */
  return sign | ((biased << 23) + (uint32_t)kept);
}

/* ---- checks ---- */

/* The rule for NaNs: quiet; canonical if the input is a canonical NaN or none. */
static int nan_ok32(uint32_t in_nan, uint32_t in, uint32_t out) {
  const int canonical = !in_nan || (in & MANTISSA) == QUIET;
  return canonical ? (out & ~(uint32_t)SIGN) == (EXPONENT | QUIET) : (out & (EXPONENT | QUIET)) == (EXPONENT | QUIET);
}

/* Like kinds of instructions: 32-bit lanes to 32-bit lanes, exact or with the rule; the low half to 64-bit lanes. */
enum kind { EXACT, ARITHMETIC, TO_F64 };

struct test {
  const char *name;
  enum kind kind;
  w2s_v128 (*run)(w2s_v128 a);
  uint32_t (*model)(uint32_t x);
  uint64_t (*model64)(uint32_t x);
};

static uint64_t report(const char *name, uint64_t in, uint64_t out, uint64_t expected) {
  printf("%s(%#" PRIx64 ") = %#" PRIx64 ", expected %#" PRIx64 "\n", name, in, out, expected);
  return 1;
}

static uint64_t check32(const struct test *test, uint32_t in, uint32_t out) {
  const uint32_t expected = test->model(in);
  if (test->kind == ARITHMETIC && (is_nan32(in) || is_nan32(expected)))
    return nan_ok32((uint32_t)is_nan32(in), in, out) ? 0 : report(test->name, in, out, 0x7fc00000u);
  return out == expected ? 0 : report(test->name, in, out, expected);
}

static uint64_t check64(const struct test *test, uint32_t in, uint64_t out) {
  const uint64_t expected = test->model64(in);
  if (!is_nan64(expected)) return out == expected ? 0 : report(test->name, in, out, expected);
  const uint64_t canonical = 0x7ff8000000000000u;
  const int ok = (in & MANTISSA) == QUIET ? (out & ~(1ull << 63)) == canonical : (out & canonical) == canonical;
  return ok ? 0 : report(test->name, in, out, expected);
}

static uint64_t run(const struct test *test) {
  uint64_t wrong = 0;
  for (uint64_t n = 0; n < 1ull << 32 && wrong < 20; n += 4) {
    const uint32_t x = (uint32_t)n;
    const w2s_u32x4 in = {x, x + 1, x + 2, x + 3};
    const w2s_v128 out = test->run((w2s_v128)in);
    if (test->kind == TO_F64) {
      const w2s_v128 high = test->run((w2s_v128)(w2s_u32x4){x + 2, x + 3, 0, 0});
      wrong += check64(test, x, out[0]) + check64(test, x + 1, out[1]);
      wrong += check64(test, x + 2, high[0]) + check64(test, x + 3, high[1]);
    } else {
      for (int i = 0; i < 4; i++) wrong += check32(test, in[i], ((w2s_u32x4)out)[i]);
    }
  }
  printf("%-28s %s\n", test->name, wrong ? "WRONG" : "ok");
  fflush(stdout);
  return wrong;
}

static uint64_t check_demote(uint64_t a, uint64_t b) {
  const w2s_u32x4 out = (w2s_u32x4)w2s_f32x4_demote_f64x2_zero((w2s_v128){a, b});
  uint64_t wrong = (out[2] | out[3]) ? report("demote: upper lanes", a, out[2], out[3]) : 0;
  for (int i = 0; i < 2; i++) {
    const uint64_t in = i ? b : a;
    const int canonical = (in & 0xfffffffffffffu) == 0x8000000000000u;
    if (is_nan64(in))
      wrong += (canonical ? (out[i] & ~(uint32_t)SIGN) == 0x7fc00000u : (out[i] & 0x7fc00000u) == 0x7fc00000u)
                   ? 0 : report("demote", in, out[i], 0x7fc00000u);
    else if (out[i] != model_demote(in))
      wrong += report("demote", in, out[i], model_demote(in));
  }
  return wrong;
}

static uint64_t run_demote(void) {
  uint64_t wrong = 0;
  for (uint64_t n = 0; n < 1ull << 32 && wrong < 20; n++) {
    const uint64_t x = model_promote((uint32_t)n);
    /* Half way to the next f32 is bit 28 from there on where f32 is normal, and further up where it is not. */
    const int exponent = (int)(n >> 23 & 0xff);
    int half = 28;
    if (exponent == 0 && (n & MANTISSA)) half = 28 + 23 - (31 - __builtin_clz((uint32_t)(n & MANTISSA)));
    const uint64_t middle = (n & ~(uint64_t)(uint32_t)SIGN) == 0 ? x | 0x3690000000000000u : x + (1ull << half);
    wrong += check_demote(x, middle) + check_demote(middle - 1, middle + 1);
  }
  printf("%-28s %s\n", "f32x4.demote_f64x2_zero", wrong ? "WRONG" : "ok");
  return wrong;
}

static const struct test tests[] = {
    {"f32x4.abs", EXACT, w2s_f32x4_abs, model_abs, 0},
    {"f32x4.neg", EXACT, w2s_f32x4_neg, model_neg, 0},
    {"f32x4.ceil", ARITHMETIC, w2s_f32x4_ceil, model_ceil, 0},
    {"f32x4.floor", ARITHMETIC, w2s_f32x4_floor, model_floor, 0},
    {"f32x4.trunc", ARITHMETIC, w2s_f32x4_trunc, model_trunc, 0},
    {"f32x4.nearest", ARITHMETIC, w2s_f32x4_nearest, model_nearest, 0},
    {"f32x4.sqrt", ARITHMETIC, w2s_f32x4_sqrt, model_sqrt, 0},
    {"i32x4.trunc_sat_f32x4_s", EXACT, w2s_i32x4_trunc_sat_f32x4_s, model_trunc_sat_s, 0},
    {"i32x4.trunc_sat_f32x4_u", EXACT, w2s_i32x4_trunc_sat_f32x4_u, model_trunc_sat_u, 0},
    {"f32x4.convert_i32x4_s", EXACT, w2s_f32x4_convert_i32x4_s, model_convert_s, 0},
    {"f32x4.convert_i32x4_u", EXACT, w2s_f32x4_convert_i32x4_u, model_convert_u, 0},
    {"f64x2.promote_low_f32x4", TO_F64, w2s_f64x2_promote_low_f32x4, 0, model_promote},
    {"f64x2.convert_low_i32x4_s", TO_F64, w2s_f64x2_convert_low_i32x4_s, 0, model_convert64_s},
    {"f64x2.convert_low_i32x4_u", TO_F64, w2s_f64x2_convert_low_i32x4_u, 0, model_convert64_u},
};

static int wanted(int argc, char **argv, const char *name) {
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], name) == 0) return 1;
  return argc == 1;
}

int main(int argc, char **argv) {
  uint64_t wrong = 0;
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
    if (wanted(argc, argv, tests[i].name)) wrong += run(&tests[i]);
  if (wanted(argc, argv, "f32x4.demote_f64x2_zero")) wrong += run_demote();
  return wrong != 0;
}
