/* Compilers and machines: the only header with #if, attributes and macros. Everything else is plain C11. */
#ifndef WASM2SO_PORT_H
#define WASM2SO_PORT_H

#define W2S_LIKELY(x) __builtin_expect(!!(x), 1)
#define W2S_UNLIKELY(x) __builtin_expect(!!(x), 0)
/* Helpers of generated code. Without optimisation they are called: inlined ones would each keep their variables in the
 * frame, which would outgrow what w2s_check_stack_for allows for. */
#if defined(__OPTIMIZE__)
#define W2S_INLINE static inline __attribute__((always_inline, unused))
#else
#define W2S_INLINE static inline __attribute__((unused))
#endif
#define W2S_OUTLINE static __attribute__((noinline, unused))
#define W2S_COLD __attribute__((cold, noinline, noreturn, unused))
/* A function with a stack frame of its own, in one piece. */
#if defined(__clang__)
#define W2S_OWN_FRAME __attribute__((noinline))
#else
#define W2S_OWN_FRAME __attribute__((noipa))
#endif
#define W2S_EXPORT __attribute__((visibility("default")))

/* The register class for floating point. */
#if defined(__x86_64__) || defined(__i386__)
#define W2S_FREG "x"
#elif defined(__aarch64__)
#define W2S_FREG "w"
#else
#define W2S_FREG "m"
#endif

/* Keep the computation of an integer: a load whose value is never used must still be able to trap. */
#define W2S_KEEP_INT(v) __asm__ volatile("" : : "r"(v))
/* Likewise for a float; it also hides the value, see W2S_HIDE_FLOAT. */
#define W2S_KEEP_FLOAT(v) __asm__ volatile("" : "+" W2S_FREG(v))
/* Cut a value off from where it was read: a compiler must not read it from there again. */
#define W2S_HIDE_INT(v) __asm__ volatile("" : "+r"(v))
/* Hide a float's value from constant folding: compilers fold x*1.0 and (float)(double)x without quieting NaNs. */
#define W2S_HIDE_FLOAT(v) __asm__("" : "+" W2S_FREG(v))
/* Likewise for vectors. */
#define W2S_KEEP_VECTOR(v) __asm__ volatile("" : "+" W2S_FREG(v))
#define W2S_HIDE_VECTOR(v) __asm__("" : "+" W2S_FREG(v))

/* Does rounding (ceil, floor, trunc, rint) quiet signalling NaNs? Instructions do, gcc's inline sequences do not. */
#if defined(__SSE4_1__) || defined(__aarch64__)
#define W2S_ROUNDING_QUIETS 1
#else
#define W2S_ROUNDING_QUIETS 0
#endif

/* A vector of 16 bytes, and an alignment other than the type's own. */
#define W2S_VECTOR __attribute__((vector_size(16)))
#define W2S_ALIGNED(n) __attribute__((aligned(n)))
/* The part of simd.h that is written for this machine. */
#if defined(__SSE4_1__)
#define W2S_SIMD_PART "simd_sse41.h"
#else
#define W2S_SIMD_PART "simd_plain.h"
#endif
/* Lanes of two vectors, chosen by constants: n + k is lane k of the second. */
#if defined(__clang__) || __GNUC__ >= 12
#define W2S_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define W2S_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (__typeof__(a)){__VA_ARGS__})
#endif
/* i8x16.shuffle, and shuffles of bytes that are shuffles of wider lanes. */
#define W2S_SHUFFLE8(a, b, ...) ((w2s_v128)W2S_SHUFFLE((w2s_u8x16)(a), (w2s_u8x16)(b), __VA_ARGS__))
#define W2S_SHUFFLE16(a, b, ...) ((w2s_v128)W2S_SHUFFLE((w2s_u16x8)(a), (w2s_u16x8)(b), __VA_ARGS__))
#define W2S_SHUFFLE32(a, b, ...) ((w2s_v128)W2S_SHUFFLE((w2s_u32x4)(a), (w2s_u32x4)(b), __VA_ARGS__))
#define W2S_SHUFFLE64(a, b, ...) W2S_SHUFFLE((w2s_v128)(a), (w2s_v128)(b), __VA_ARGS__)

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "wasm2so supports little-endian machines only"
#endif

#endif
