/* A parallel reduction: threads take blocks of numbers until none is left, and add up what they found. Every thread
 * runs this code in an instance of its own; all that they have in common is the memory. */
#include <stdint.h>
#define EXPORT(name) __attribute__((export_name(name)))

enum { BLOCK = 4096 };

/* Lies in the shared memory, so all threads see the same one. */
static struct {
  uint32_t next;      /* the first number that nobody has taken */
  uint32_t n_numbers;
  uint32_t n_working; /* threads that are not done; somebody may wait for it to become 0 */
  uint32_t unused;
  uint64_t steps;
  uint64_t longest;   /* steps in the high half, the number in the low one */
} job;

extern unsigned char __heap_base[];

/* Where the numbers go. */
EXPORT("numbers") uint32_t *numbers(void) { return (uint32_t *)(((uintptr_t)__heap_base + 15) & ~(uintptr_t)15); }

EXPORT("working") uint32_t *working(void) { return &job.n_working; }
EXPORT("steps") uint64_t steps(void) { return __atomic_load_n(&job.steps, __ATOMIC_SEQ_CST); }
EXPORT("longest") uint64_t longest(void) { return __atomic_load_n(&job.longest, __ATOMIC_SEQ_CST); }

/* A new job, before any thread works on it. */
EXPORT("prepare") void prepare(uint32_t n_numbers, uint32_t n_threads) {
  job.n_numbers = n_numbers;
  job.steps = job.longest = 0;
  job.next = 0;
  __atomic_store_n(&job.n_working, n_threads, __ATOMIC_SEQ_CST);
}

/* Steps of the Collatz sequence from x down to 1. */
static uint32_t collatz(uint64_t x) {
  uint32_t n = 0;
  for (; x > 1; n++) x = x & 1 ? 3 * x + 1 : x / 2;
  return n;
}

static void raise_to(uint64_t *place, uint64_t value) {
  uint64_t found = __atomic_load_n(place, __ATOMIC_SEQ_CST);
  while (found < value &&
         !__atomic_compare_exchange_n(place, &found, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
  }
}

/* What each thread runs. Returns the number of blocks it did. */
EXPORT("work") uint32_t work(void) {
  const uint32_t *all = numbers();
  uint64_t sum = 0;
  uint64_t best = 0;
  uint32_t blocks = 0;
  for (;;) {
    uint32_t first = __atomic_fetch_add(&job.next, BLOCK, __ATOMIC_SEQ_CST);
    if (first >= job.n_numbers) break;
    uint32_t end = job.n_numbers - first > BLOCK ? first + BLOCK : job.n_numbers;
    for (uint32_t i = first; i < end; i++) {
      uint32_t n = collatz(all[i]);
      uint64_t here = (uint64_t)n << 32 | all[i];
      sum += n;
      if (here > best) best = here;
    }
    blocks++;
  }
  __atomic_fetch_add(&job.steps, sum, __ATOMIC_SEQ_CST);
  raise_to(&job.longest, best);
  if (__atomic_sub_fetch(&job.n_working, 1, __ATOMIC_SEQ_CST) == 0) {
    __builtin_wasm_memory_atomic_notify((int *)&job.n_working, 1);
  }
  return blocks;
}
