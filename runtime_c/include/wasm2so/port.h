/* Compilers and machines: the only header with #if, attributes and macros. Everything else is plain C11. */
#ifndef WASM2SO_PORT_H
#define WASM2SO_PORT_H

#define W2S_LIKELY(x) __builtin_expect(!!(x), 1)
#define W2S_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define W2S_INLINE static inline __attribute__((always_inline, unused))
#define W2S_COLD __attribute__((cold, noinline, noreturn, unused))
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
/* Hide a float's value from constant folding: compilers fold x*1.0 and (float)(double)x without quieting NaNs. */
#define W2S_HIDE_FLOAT(v) __asm__("" : "+" W2S_FREG(v))

/* Does rounding (ceil, floor, trunc, rint) quiet signalling NaNs? Instructions do, gcc's inline sequences do not. */
#if defined(__SSE4_1__) || defined(__aarch64__)
#define W2S_ROUNDING_QUIETS 1
#else
#define W2S_ROUNDING_QUIETS 0
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "wasm2so supports little-endian machines only"
#endif

#endif
