/* Compilers and machines: the only header with #if, attributes and macros. Everything else is plain C11. */
#ifndef WASM2SO_PORT_H
#define WASM2SO_PORT_H

#define W2S_LIKELY(x) __builtin_expect(!!(x), 1)
#define W2S_UNLIKELY(x) __builtin_expect(!!(x), 0)
#if defined(__TINYC__)
#include "tcc.h"
#else
/* Helpers of generated code. Without optimisation they are called: inlined ones would each keep their variables in the
 * frame, which would outgrow what w2s_check_stack_for allows for. */
#if defined(__OPTIMIZE__)
#define W2S_INLINE static inline __attribute__((always_inline, unused))
#else
#define W2S_INLINE static inline __attribute__((unused))
#endif
#define W2S_OUTLINE static __attribute__((noinline, unused))
#if defined(__clang__)
#define W2S_COLD __attribute__((cold, noinline, noreturn, unused, nomerge))
#else
#define W2S_COLD __attribute__((cold, noinline, noreturn, unused))
#endif
/* A function with a stack frame of its own, in one piece. */
#if defined(__clang__)
#define W2S_OWN_FRAME __attribute__((noinline))
#else
#define W2S_OWN_FRAME __attribute__((noipa))
#endif
/* The part of a tail-calling function that jumps go to: in one piece, called as its type says. */
#if defined(__clang__)
#define W2S_JUMP_TARGET __attribute__((noinline, used))
#else
#define W2S_JUMP_TARGET __attribute__((noipa, used))
#endif
#define W2S_USED __attribute__((used))
#define W2S_EXPORT __attribute__((visibility("default")))

/* The register class for floating point. */
#if defined(__x86_64__) || defined(__i386__)
#define W2S_FREG "x"
#elif defined(__aarch64__)
#define W2S_FREG "w"
#else
#define W2S_FREG "m"
#endif

/* A type for values that lie at any address, among bytes of any type. */
#define W2S_ANYWHERE __attribute__((aligned(1), may_alias))

/* Keep the computation of an integer: a load whose value is never used must still be able to trap. Likewise for a float
 * and a vector; these also hide the value, see W2S_HIDE_FLOAT. With relaxed traps, such loads may go. */
#ifdef W2S_RELAXED_TRAPS
#define W2S_KEEP_INT(v) ((void)(v))
#define W2S_KEEP_FLOAT(v) W2S_HIDE_FLOAT(v)
#define W2S_KEEP_VECTOR(v) W2S_HIDE_VECTOR(v)
#else
#define W2S_KEEP_INT(v) __asm__ volatile("" : : "r"(v))
#define W2S_KEEP_FLOAT(v) __asm__ volatile("" : "+" W2S_FREG(v))
#define W2S_KEEP_VECTOR(v) __asm__ volatile("" : "+" W2S_FREG(v))
#endif
/* Nothing in memory is read or written earlier or later than it says. */
#define W2S_BARRIER() __asm__ volatile("" : : : "memory")
/* Cut a value off from where it was read: a compiler must not read it from there again. */
#define W2S_HIDE_INT(v) __asm__ volatile("" : "+r"(v))
/* Hide a float's value from constant folding: compilers fold x*1.0 and (float)(double)x without quieting NaNs. */
#define W2S_HIDE_FLOAT(v) __asm__("" : "+" W2S_FREG(v))
/* Likewise for vectors. */
#define W2S_HIDE_VECTOR(v) __asm__("" : "+" W2S_FREG(v))
/* Before every return that is not to become a jump (tail.h): endless recursion must use up the stack. */
#define W2S_STAY __asm__ volatile("")
/* Conversions between floats and unsigned 64-bit integers, of values in range. */
#define W2S_U64_TO_F32(x) ((float)(x))
#define W2S_U64_TO_F64(x) ((double)(x))
#define W2S_F32_TO_U64(x) ((uint64_t)(x))
#define W2S_F64_TO_U64(x) ((uint64_t)(x))
/* The high half of the product of two uint64_t, taken as signed or unsigned. */
#define W2S_MUL_HIGH_S(x, y) ((uint64_t)(((__int128)(int64_t)(x) * (int64_t)(y)) >> 64))
#define W2S_MUL_HIGH_U(x, y) ((uint64_t)(((unsigned __int128)(x) * (y)) >> 64))
/* What simd.h and atomic.h include first: here nothing more. */
#define W2S_WITH_VECTORS "port.h"
#define W2S_WITH_ATOMICS "port.h"
#endif

/* Segmented modules (W2S_SEGMENTED 1, which x86-64 alone has): the base of the module's only memory is kept in the gs
 * register, which nothing else uses, and the memory is an address space of the compiler's. Other modules take part only
 * by setting the register for segmented ones that they call. */
#if !defined(W2S_SEGMENTED)
#define W2S_SEGMENTED 0
#endif
#if W2S_SEGMENTED
#define W2S_SPACE __seg_gs
#define W2S_IN_SPACE(address) ((void)(address), (w2s_byte *)0)
/* gcc leaves out the segment where it accesses a constant address beyond 2 GiB, which it does with movabs. The assembler
 * puts it back: into every movabs but those that load a number. */
#define W2S_MOVABS(suffix)                                                                                            \
  ".macro movabs" suffix " from:req, to:req\n.byte 0x65\nmovabs \\from, \\to\n.endm\n"
__asm__(W2S_MOVABS("b") W2S_MOVABS("w") W2S_MOVABS("l")
        ".macro movabsq from:req, to:req\n"
        ".set .Lw2s_number, 2\n"
        ".irpc c, \"\\from\"\n"
        ".if .Lw2s_number == 2\n"
        ".ifc \"\\c\", \"$\"\n.set .Lw2s_number, 1\n.else\n.set .Lw2s_number, 0\n.endif\n"
        ".endif\n"
        ".endr\n"
        ".if .Lw2s_number == 0\n.byte 0x65\n.endif\n"
        "movabs \\from, \\to\n"
        ".endm\n");
#else
#define W2S_SPACE
#define W2S_IN_SPACE(address) (address)
#endif
/* rdgsbase and wrgsbase of rax, which not every assembler knows. */
#if defined(__x86_64__)
#define W2S_GET_SEGMENT(base) __asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0xae, 0xc8" : "=a"(base))
#define W2S_SET_SEGMENT(base) __asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0xae, 0xd8" : : "a"(base) : "memory")
#else
#define W2S_GET_SEGMENT(base) ((void)((base) = 0))
#define W2S_SET_SEGMENT(base) ((void)(base))
#endif

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

/* Tail calls as jumps (tail.h): 1 where the build asks for them and checks the object. */
#if !defined(W2S_JUMPS)
#define W2S_JUMPS 0
#endif
/* A call and return that is to become a jump. */
#define W2S_JUMP return
#define W2S_STORE_OFFSET 8
#define W2S_DIRECT_OFFSET 40
#if defined(__x86_64__)
#define W2S_JUMP_CODE "movq 8(%rdi), %rax\njmp *40(%rax)\n"
#define W2S_JUMP_CODE_TO(entry) "leaq " entry "(%rip), %rax\nmovq 8(%rdi), %r10\nmovq %rax, 40(%r10)\njmp " entry "\n"
#elif defined(__aarch64__)
#define W2S_JUMP_CODE "ldr x16, [x0, #8]\nldr x16, [x16, #40]\nbr x16\n"
#define W2S_JUMP_CODE_TO(entry)                                                                                       \
  "adrp x16, " entry "\nadd x16, x16, :lo12:" entry "\nldr x17, [x0, #8]\nstr x16, [x17, #40]\nb " entry "\n"
#endif
/* A function in assembly of which each file may have one, the same in all. */
#define W2S_WEAK_CODE(name, code)                                                                                     \
  ".pushsection .text." name ",\"ax\",%progbits\n.balign 16\n.weak " name "\n.hidden " name "\n.type " name         \
  ",%function\n" name ":\n.cfi_startproc\n" code ".cfi_endproc\n.size " name ", .-" name "\n.popsection\n"
#if W2S_JUMPS
/* With the arguments of any function, go to store->tail.direct. */
#define W2S_JUMP_INDIRECT(jump) W2S_WEAK_CODE(jump, W2S_JUMP_CODE)
/* Jumps to a function of another file, unless that file names the part they go to: through its entry. */
#define W2S_JUMP_FAR(jump, entry) W2S_WEAK_CODE(jump, W2S_JUMP_CODE_TO(entry)) ".hidden " entry "\n"
/* Jumps to a function of this file. */
#define W2S_JUMP_NEAR(jump, part) ".globl " jump "\n.hidden " jump "\n.set " jump ", " part "\n"
#else
#define W2S_JUMP_INDIRECT(jump) ""
#define W2S_JUMP_FAR(jump, entry) ""
#define W2S_JUMP_NEAR(jump, part) ""
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "wasm2so supports little-endian machines only"
#endif

#endif
