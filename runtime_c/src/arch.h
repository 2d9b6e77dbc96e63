/* What depends on the machine or the compiler. The only private header with #if. */
#ifndef W2SI_ARCH_H
#define W2SI_ARCH_H

#include <stdint.h>
#include <time.h>
#include <ucontext.h>

/* Thread-local data is read in a signal handler, where a lazily allocated block would be malloc'ed: the
 * initial-exec model places it when the library is loaded, and costs no call. */
#define W2SI_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#define W2SI_NOINLINE __attribute__((noinline))
/* For functions that read all of a stack. */
#define W2SI_NO_SANITIZER __attribute__((no_sanitize("address"), noinline))
#define W2SI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* The address of the current frame; stack limits are compared with it. */
static inline __attribute__((always_inline)) uint8_t *w2si_frame(void) {
  return (uint8_t *)__builtin_frame_address(0);
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <sys/auxv.h>

enum { W2SI_ELF_MACHINE = 62, W2SI_FP_DEFAULT = 0x1f80 };

/* MXCSR without its status flags: rounding, exception masks, flush to zero, denormals are zero. */
static inline uint32_t w2si_fp_control(void) {
  uint32_t value;
  __asm__ volatile("stmxcsr %0" : "=m"(value));
  return value & 0xffc0u;
}

static inline void w2si_set_fp_control(uint32_t value) { __asm__ volatile("ldmxcsr %0" : : "m"(value)); }

/* The base of the gs segment, which neither the C library nor the system uses in 64-bit processes. Only where
 * w2si_has_segment. */
static inline uint8_t *w2si_segment(void) {
  uint8_t *base;
  __asm__ volatile("rdgsbase %0" : "=r"(base));
  return base;
}

static inline void w2si_set_segment(const uint8_t *base) { __asm__ volatile("wrgsbase %0" : : "r"(base) : "memory"); }

/* May programs set the base themselves (FSGSBASE)? The system must allow it, and says so. */
static inline int w2si_has_segment(void) { return (getauxval(AT_HWCAP2) & 2) != 0; }

static inline uint64_t w2si_ticks(void) { return __builtin_ia32_rdtsc(); }

static inline uintptr_t w2si_context_pc(const void *context) {
  return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
}

/* The x86-64 level (psABI) of this processor under this system: 1 to 4. */
static inline uint32_t w2si_cpu_level(void) {
  const uint32_t v2_c = 1u << 0 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23;
  const uint32_t v3_c = 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29; /* FMA MOVBE OSXSAVE AVX F16C */
  const uint32_t v3_b = 1u << 3 | 1u << 5 | 1u << 8;                          /* BMI1 AVX2 BMI2 */
  const uint32_t v4_b = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31; /* AVX-512 F DQ CD BW VL */
  uint32_t a, b, c, d, c1, ext_c = 0;
  if (!__get_cpuid(1, &a, &b, &c1, &d) || (c1 & v2_c) != v2_c) return 1;
  if (!__get_cpuid(0x80000001, &a, &b, &ext_c, &d) || !(ext_c & 1)) return 1; /* LAHF */
  if ((c1 & v3_c) != v3_c || !(ext_c & 1u << 5)) return 2;                    /* LZCNT */
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & v3_b) != v3_b) return 2;
  uint32_t saved, saved_high;
  __asm__ volatile("xgetbv" : "=a"(saved), "=d"(saved_high) : "c"(0));
  if ((saved & 6) != 6) return 2;
  return (b & v4_b) == v4_b && (saved & 0xe6) == 0xe6 ? 4 : 3;
}

#elif defined(__aarch64__)

enum { W2SI_ELF_MACHINE = 183, W2SI_FP_DEFAULT = 0 };

/* FPCR: rounding, flush to zero, default NaN, exception traps. */
static inline uint32_t w2si_fp_control(void) {
  uint64_t value;
  __asm__ volatile("mrs %0, fpcr" : "=r"(value));
  return (uint32_t)value;
}

static inline void w2si_set_fp_control(uint32_t value) {
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)value));
}

static inline uint8_t *w2si_segment(void) { return 0; }
static inline void w2si_set_segment(const uint8_t *base) { (void)base; }
static inline int w2si_has_segment(void) { return 0; }

static inline uint64_t w2si_ticks(void) {
  uint64_t value;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
}

static inline uintptr_t w2si_context_pc(const void *context) {
  return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.pc;
}

static inline uint32_t w2si_cpu_level(void) { return 0; }

#else
#error "wasm2so's runtime runs on x86-64 and aarch64 Linux"
#endif

#endif
