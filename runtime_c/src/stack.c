/* A thread's stack bounds and its alternate signal stack. */
#define _GNU_SOURCE 1

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "thread.h"

enum {
  /* Below the limit there must be room for the biggest frame that passed the check, host functions that wasm
   * calls (Python callbacks among them), and the C library. */
  RED_ZONE = 256 << 10,
  SMALL_STACK = 1 << 20,
  ALT_STACK_BYTES = 64 << 10
};
/* The main thread's stack can be unlimited; nobody needs more than this. */
static const size_t max_stack_bytes = (size_t)1 << 30;

/* The alternate stack of a thread, as one mapping with a guard page below it. */
struct alt_stack {
  uint8_t *mapping;
  size_t bytes;
};

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int have_key;

/* Runs when a thread ends: give the stack back, unless somebody has put another one in its place and may
 * have remembered ours to restore it. */
static void free_alt_stack(void *data) {
  struct alt_stack *alt = data;
  stack_t now;
  w2si_thread.ready = 0;
  if (sigaltstack(NULL, &now) == 0 && (uint8_t *)now.ss_sp > alt->mapping &&
      (uint8_t *)now.ss_sp < alt->mapping + alt->bytes) {
    stack_t off = {.ss_sp = NULL, .ss_flags = SS_DISABLE, .ss_size = 0};
    if (sigaltstack(&off, NULL) == 0) munmap(alt->mapping, alt->bytes);
  }
  free(alt);
}

static void make_key(void) { have_key = pthread_key_create(&key, free_alt_stack) == 0; }

/* Make sure that the handler has a stack of its own, so that it also runs when the thread's stack is used up.
 * A big enough one that is already there is left alone. Failure is no error: only such a fault would be fatal. */
static void provide_alt_stack(void) {
  stack_t now;
  if (sigaltstack(NULL, &now) || (now.ss_flags & SS_ONSTACK)) return;
  if (!(now.ss_flags & SS_DISABLE) && now.ss_size >= ALT_STACK_BYTES) return;
  pthread_once(&key_once, make_key);
  if (!have_key || pthread_getspecific(key)) return;
  long page = sysconf(_SC_PAGESIZE);
  long smallest = sysconf(_SC_MINSIGSTKSZ);
  if (page <= 0) return;
  size_t guard = (size_t)page;
  size_t bytes = ALT_STACK_BYTES + (smallest > 0 ? ((size_t)smallest + guard - 1) & ~(guard - 1) : 0);
  struct alt_stack *alt = malloc(sizeof *alt);
  if (!alt) return;
  alt->bytes = guard + bytes;
  alt->mapping = mmap(NULL, alt->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (alt->mapping == MAP_FAILED) {
    free(alt);
    return;
  }
  stack_t ours = {.ss_sp = alt->mapping + guard, .ss_flags = 0, .ss_size = bytes};
  if (mprotect(alt->mapping + guard, bytes, PROT_READ | PROT_WRITE) || pthread_setspecific(key, alt) ||
      sigaltstack(&ours, NULL)) {
    pthread_setspecific(key, NULL);
    munmap(alt->mapping, alt->bytes);
    free(alt);
  }
}

int w2si_thread_prepare(struct w2si_thread *thread) {
  pthread_attr_t attr;
  void *low;
  size_t bytes;
  if (pthread_getattr_np(pthread_self(), &attr)) return 0;
  int failed = pthread_attr_getstack(&attr, &low, &bytes);
  pthread_attr_destroy(&attr);
  if (failed || bytes == 0) return 0;
  uint8_t *high = (uint8_t *)low + bytes;
  if (bytes > max_stack_bytes) bytes = max_stack_bytes;
  size_t red = bytes < SMALL_STACK ? bytes / 4 : RED_ZONE;
  thread->stack_high = high;
  thread->stack_low = high - bytes + red;
  if (!thread->ready) provide_alt_stack();
  thread->ready = 1;
  return 1;
}
