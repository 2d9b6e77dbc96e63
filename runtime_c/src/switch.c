/* Changing from one stack to another: the part in assembly, and what AddressSanitizer has to be told. With arch.h, the
 * only private file with #if.
 *
 * A switch saves what the C calling convention has a function preserve, and the place to return to, on the stack that it
 * leaves. The floating-point mode and the signal mask are the caller's. The assembly is part of a C file, so that the
 * compiler says for it what the linker must know, such as that the stack need not be executable. */
#define _GNU_SOURCE 1

#include "switch.h"

#include <string.h>

#include "arch.h"
#include "fiber.h"

#if defined(__SANITIZE_ADDRESS__)
#define W2SI_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define W2SI_ASAN 1
#endif
#endif

#ifdef W2SI_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

/* Save the registers on this stack and its pointer in *from; go on at `to`, which was saved so. */
void w2si_switch_stacks(void **from, void *to);
/* Where a new stack's first switch returns to. */
void w2si_switch_start(void);

#if defined(__x86_64__)

enum { N_SAVED = 7, SAVED_FIBER = 3, SAVED_PLACE = 6 }; /* r15 r14 r13 r12 rbx rbp, and the place to return to */

__asm__(
    ".text\n"
    ".p2align 4\n"
    ".hidden w2si_switch_stacks\n"
    ".globl w2si_switch_stacks\n"
    ".type w2si_switch_stacks, @function\n"
    "w2si_switch_stacks:\n"
    "  .cfi_startproc\n"
    "  endbr64\n"
    "  pushq %rbp\n"
    "  pushq %rbx\n"
    "  pushq %r12\n"
    "  pushq %r13\n"
    "  pushq %r14\n"
    "  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n"
    "  popq %r14\n"
    "  popq %r13\n"
    "  popq %r12\n"
    "  popq %rbx\n"
    "  popq %rbp\n"
    "  ret\n"
    "  .cfi_endproc\n"
    ".size w2si_switch_stacks, .-w2si_switch_stacks\n"
    ".p2align 4\n"
    ".hidden w2si_switch_start\n"
    ".globl w2si_switch_start\n"
    ".type w2si_switch_start, @function\n"
    "w2si_switch_start:\n"
    "  .cfi_startproc\n"
    "  .cfi_undefined rip\n"
    "  movq %r12, %rdi\n"
    "  call w2si_fiber_main\n"
    "  ud2\n"
    "  .cfi_endproc\n"
    ".size w2si_switch_start, .-w2si_switch_start\n");

int w2si_switch_works(void) {
  uint64_t shadow = 0;
  __asm__ volatile("rdsspq %0" : "+r"(shadow)); /* does nothing where there is none */
  return shadow == 0;
}

#elif defined(__aarch64__)

enum { N_SAVED = 20, SAVED_FIBER = 0, SAVED_PLACE = 11 }; /* x19 to x30, d8 to d15 */

__asm__(
    ".text\n"
    ".p2align 4\n"
    ".hidden w2si_switch_stacks\n"
    ".globl w2si_switch_stacks\n"
    ".type w2si_switch_stacks, %function\n"
    "w2si_switch_stacks:\n"
    "  .cfi_startproc\n"
    "  hint #34\n" /* bti c */
    "  sub sp, sp, #160\n"
    "  stp x19, x20, [sp, #0]\n"
    "  stp x21, x22, [sp, #16]\n"
    "  stp x23, x24, [sp, #32]\n"
    "  stp x25, x26, [sp, #48]\n"
    "  stp x27, x28, [sp, #64]\n"
    "  stp x29, x30, [sp, #80]\n"
    "  stp d8, d9, [sp, #96]\n"
    "  stp d10, d11, [sp, #112]\n"
    "  stp d12, d13, [sp, #128]\n"
    "  stp d14, d15, [sp, #144]\n"
    "  mov x9, sp\n"
    "  str x9, [x0]\n"
    "  mov sp, x1\n"
    "  ldp x19, x20, [sp, #0]\n"
    "  ldp x21, x22, [sp, #16]\n"
    "  ldp x23, x24, [sp, #32]\n"
    "  ldp x25, x26, [sp, #48]\n"
    "  ldp x27, x28, [sp, #64]\n"
    "  ldp x29, x30, [sp, #80]\n"
    "  ldp d8, d9, [sp, #96]\n"
    "  ldp d10, d11, [sp, #112]\n"
    "  ldp d12, d13, [sp, #128]\n"
    "  ldp d14, d15, [sp, #144]\n"
    "  add sp, sp, #160\n"
    "  ret\n"
    "  .cfi_endproc\n"
    ".size w2si_switch_stacks, .-w2si_switch_stacks\n"
    ".p2align 4\n"
    ".hidden w2si_switch_start\n"
    ".globl w2si_switch_start\n"
    ".type w2si_switch_start, %function\n"
    "w2si_switch_start:\n"
    "  .cfi_startproc\n"
    "  .cfi_undefined x30\n"
    "  mov x0, x19\n"
    "  bl w2si_fiber_main\n"
    "  brk #1\n"
    "  .cfi_endproc\n"
    ".size w2si_switch_start, .-w2si_switch_start\n");

int w2si_switch_works(void) {
  register uint64_t asked __asm__("x16") = 1; /* guarded control stack */
  __asm__ volatile("hint #40" : "+r"(asked)); /* chkfeat: clears the bits of what is in force */
  return asked != 0;
}

#endif

void w2si_switch_init(struct w2si_switch *where, uint8_t *low, uint8_t *high, struct w2s_fiber *fiber) {
  const union {
    void (*code)(void);
    void *address;
  } start = {w2si_switch_start};
  void **saved = (void **)(void *)high - 2 - N_SAVED; /* `start` finds the stack aligned to 16 bytes */
  memset(saved, 0, N_SAVED * sizeof *saved);
  saved[SAVED_FIBER] = fiber;
  saved[SAVED_PLACE] = start.address;
  *where = (struct w2si_switch){.fiber_sp = saved, .low = low, .bytes = (size_t)(high - low)};
}

#ifdef W2SI_ASAN

void w2si_switch_to_fiber(struct w2si_switch *where) {
  __sanitizer_start_switch_fiber(&where->host_frames, where->low, where->bytes);
  w2si_switch_stacks(&where->host_sp, where->fiber_sp);
  __sanitizer_finish_switch_fiber(where->host_frames, NULL, NULL);
}

void w2si_switch_to_host(struct w2si_switch *where, int for_good) {
  __sanitizer_start_switch_fiber(for_good ? NULL : &where->fiber_frames, where->host_low, where->host_bytes);
  w2si_switch_stacks(&where->fiber_sp, where->host_sp);
  __sanitizer_finish_switch_fiber(where->fiber_frames, &where->host_low, &where->host_bytes);
}

void w2si_switch_arrived(struct w2si_switch *where) {
  __sanitizer_finish_switch_fiber(NULL, &where->host_low, &where->host_bytes);
}

void w2si_switch_forget(uint8_t *low, size_t bytes) { __asan_unpoison_memory_region(low, bytes); }

#else

void w2si_switch_to_fiber(struct w2si_switch *where) { w2si_switch_stacks(&where->host_sp, where->fiber_sp); }

void w2si_switch_to_host(struct w2si_switch *where, int for_good) {
  (void)for_good;
  w2si_switch_stacks(&where->fiber_sp, where->host_sp);
}

void w2si_switch_arrived(struct w2si_switch *where) { (void)where; }

void w2si_switch_forget(uint8_t *low, size_t bytes) { (void)low, (void)bytes; }

#endif
