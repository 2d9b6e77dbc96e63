/* Shared memories: growth, waiting and waking from several threads, the stores that use one. */
#define _GNU_SOURCE 1

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "../src/shared.h"

enum { N_THREADS = 4, N_PAGES = 200, N_ROUNDS = 2000 };

static struct w2s_memory *make(uint64_t min, uint64_t max, int guarded) {
  struct w2s_error error;
  struct w2s_memory *memory = w2s_shared_memory_new(min, max, 0, 16, guarded, &error);
  CHECK(memory && memory->shared && !memory->store && error.status == W2S_OK);
  return memory;
}

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint32_t *cell(struct w2s_memory *memory, uint64_t at) { return (uint32_t *)(void *)(memory->base + at); }

/* ---- growth ---- */

struct grower {
  struct w2s_memory *memory;
  uint8_t *seen; /* by old size in pages */
  uint64_t n;
};

/* Grow by one page until that fails, writing to each page. */
static void *grow(void *arg) {
  struct grower *self = arg;
  uint64_t last = 0;
  for (;;) {
    uint64_t old = w2s_memory_grow(self->memory, 1);
    if (old == UINT64_MAX) return NULL;
    CHECK(old > last || (old == last && !self->n));
    last = old;
    CHECK(w2s_memory_bytes(self->memory) >= (old + 1) << 16);
    self->memory->base[old << 16] = 1;
    CHECK(__atomic_exchange_n(&self->seen[old], 1, __ATOMIC_RELAXED) == 0);
    self->n++;
  }
}

static void test_growth(int guarded) {
  struct w2s_memory *memory = make(1, N_PAGES, guarded);
  uint8_t seen[N_PAGES] = {0};
  struct grower growers[N_THREADS];
  pthread_t threads[N_THREADS];
  uint64_t n = 0;
  for (int i = 0; i < N_THREADS; i++) {
    growers[i] = (struct grower){.memory = memory, .seen = seen};
    CHECK(pthread_create(&threads[i], NULL, grow, &growers[i]) == 0);
  }
  for (int i = 0; i < N_THREADS; i++) {
    pthread_join(threads[i], NULL);
    n += growers[i].n;
  }
  CHECK(n == N_PAGES - 1 && !seen[0] && memchr(seen + 1, 0, N_PAGES - 1) == NULL);
  CHECK(w2s_memory_bytes(memory) == (uint64_t)N_PAGES << 16);
  CHECK(w2s_memory_grow(memory, 0) == N_PAGES && w2s_memory_grow(memory, UINT64_MAX) == UINT64_MAX);
  w2s_shared_memory_release(memory);
}

/* ---- waiting ---- */

static int32_t count_polls(void *env) {
  uint32_t *n = env;
  return ++*n == 3;
}

static void test_wait_alone(void) {
  struct w2s_memory *memory = make(1, 1, 1);
  *cell(memory, 8) = 5;
  CHECK(w2s_memory_wait(memory, 8, 4, 4, -1, NULL, NULL) == W2S_WAIT_NOT_EQUAL);
  CHECK(w2s_memory_wait(memory, 8, UINT64_C(1) << 32 | 5, 8, -1, NULL, NULL) == W2S_WAIT_NOT_EQUAL);
  uint64_t start = now_ms();
  CHECK(w2s_memory_wait(memory, 8, 5, 4, 0, NULL, NULL) == W2S_WAIT_TIMED_OUT);
  CHECK(w2s_memory_wait(memory, 8, 5, 8, 120000000, NULL, NULL) == W2S_WAIT_TIMED_OUT);
  CHECK(now_ms() - start >= 119);
  uint32_t n = 0;
  start = now_ms();
  CHECK(w2s_memory_wait(memory, 8, 5, 4, INT64_MAX, count_polls, &n) == W2S_WAIT_CANCELLED && n == 3);
  CHECK(now_ms() - start >= 149);
  CHECK(w2s_memory_wait(memory, 65536, 0, 4, 0, NULL, NULL) == W2S_WAIT_OUT_OF_BOUNDS);
  CHECK(w2s_memory_wait(memory, UINT64_MAX - 3, 0, 4, 0, NULL, NULL) == W2S_WAIT_OUT_OF_BOUNDS);
  CHECK(w2s_memory_wait(memory, 65532, 0, 8, 0, NULL, NULL) == W2S_WAIT_UNALIGNED);
  CHECK(w2s_memory_wait(memory, 65532, 0, 4, 0, NULL, NULL) == W2S_WAIT_TIMED_OUT);
  CHECK(w2s_memory_notify(memory, 65533, 1) == W2S_WAIT_UNALIGNED);
  CHECK(w2s_memory_notify(memory, 65536, 1) == W2S_WAIT_OUT_OF_BOUNDS);
  CHECK(w2s_memory_notify(memory, 8, UINT32_MAX) == 0); /* those that gave up are gone */
  w2s_shared_memory_release(memory);
}

struct sleeper {
  struct w2s_memory *memory;
  uint64_t at;
  int32_t result;
};

static void *sleep_at(void *arg) {
  struct sleeper *self = arg;
  self->result = w2s_memory_wait(self->memory, self->at, 0, 4, -1, NULL, NULL);
  return NULL;
}

/* A notification wakes as many as it says, and nobody at another address, not even of the same bucket. */
static void test_notify(void) {
  struct w2s_memory *memory = make(1, 1, 0);
  struct sleeper sleepers[N_THREADS];
  pthread_t threads[N_THREADS];
  for (int i = 0; i < N_THREADS; i++) {
    sleepers[i] = (struct sleeper){.memory = memory, .at = i == 0 ? 4 : 64, .result = -1};
    CHECK(pthread_create(&threads[i], NULL, sleep_at, &sleepers[i]) == 0);
  }
  CHECK(w2s_memory_notify(memory, 64, 0) == 0);
  int64_t woken = 0;
  while (woken < 2) woken += w2s_memory_notify(memory, 64, 1);
  while (woken < N_THREADS - 1) woken += w2s_memory_notify(memory, 64, UINT32_MAX);
  CHECK(woken == N_THREADS - 1);
  for (uint64_t at = 8; at < 65536; at += 4) CHECK(w2s_memory_notify(memory, at, UINT32_MAX) == 0);
  while (w2s_memory_notify(memory, 4, UINT32_MAX) == 0) sched_yield();
  for (int i = 0; i < N_THREADS; i++) {
    pthread_join(threads[i], NULL);
    CHECK(sleepers[i].result == W2S_WAIT_WOKEN);
  }
  w2s_shared_memory_release(memory);
}

/* A lock made of wait and notify: 0 free, 1 taken, 2 taken and somebody may wait. */
static void *count_under_lock(void *arg) {
  struct w2s_memory *memory = arg;
  uint32_t *lock = cell(memory, 0);
  uint32_t *counter = cell(memory, 4);
  for (int i = 0; i < N_ROUNDS; i++) {
    uint32_t found = 0;
    if (!__atomic_compare_exchange_n(lock, &found, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
      while (__atomic_exchange_n(lock, 2, __ATOMIC_SEQ_CST) != 0) w2s_memory_wait(memory, 0, 2, 4, -1, NULL, NULL);
    }
    ++*counter;
    if (__atomic_exchange_n(lock, 0, __ATOMIC_SEQ_CST) == 2) w2s_memory_notify(memory, 0, 1);
  }
  return NULL;
}

static void test_lock(void) {
  struct w2s_memory *memory = make(1, 1, 0);
  pthread_t threads[N_THREADS];
  for (int i = 0; i < N_THREADS; i++) CHECK(pthread_create(&threads[i], NULL, count_under_lock, memory) == 0);
  for (int i = 0; i < N_THREADS; i++) pthread_join(threads[i], NULL);
  CHECK(*cell(memory, 4) == N_THREADS * N_ROUNDS);
  w2s_shared_memory_release(memory);
}

/* A child process has none of the waiters, and can wait, wake and grow itself. */
static void test_fork(void) {
  struct w2s_memory *memory = make(1, 2, 0);
  struct sleeper sleeper = {.memory = memory, .at = 0};
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, sleep_at, &sleeper) == 0);
  usleep(50000);
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    int good = w2s_memory_notify(memory, 0, 1) == 0 && w2s_memory_grow(memory, 1) == 1 &&
               w2s_memory_wait(memory, 0, 0, 4, 1000000, NULL, NULL) == W2S_WAIT_TIMED_OUT;
    _exit(good ? 0 : 1);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  while (w2s_memory_notify(memory, 0, 1) == 0) sched_yield();
  pthread_join(thread, NULL);
  w2s_shared_memory_release(memory);
}

/* ---- stores ---- */

static void test_stores(void) {
  struct w2s_error error;
  struct w2s_memory *memory = make(2, 100, 1);
  struct w2si_store *a = w2si_store(w2s_store_new());
  struct w2si_store *b = w2si_store(w2s_store_new());
  uintptr_t at = (uintptr_t)memory->base;
  CHECK(!w2si_memory_at(a, at));
  CHECK(w2si_shared_attach(a, memory, &error) == W2S_OK && w2si_shared_attach(a, memory, &error) == W2S_OK);
  CHECK(w2si_shared_attach(b, memory, &error) == W2S_OK);
  CHECK(a->n_memories == 1 && a->n_guarded == 1 && w2si_total_memory_bytes(a) == 2 << 16);
  CHECK(w2si_memory_at(a, at) == memory && w2si_memory_at(b, at + memory->reserved - 1) == memory);
  w2s_shared_memory_release(memory); /* the stores keep it */
  /* limits are those of the store that asks */
  struct w2s_limits limits;
  w2s_store_get_limits(&a->pub, &limits);
  limits.memory_bytes = 4 << 16;
  limits.memories = 1;
  w2s_store_set_limits(&a->pub, &limits);
  CHECK(w2si_shared_grow(a, memory, 2) == 2 && w2si_shared_grow(a, memory, 1) == UINT64_MAX);
  CHECK(w2si_shared_grow(b, memory, 2) == 4 && w2s_memory_grow(memory, 1) == 6);
  CHECK(w2si_shared_grow(a, memory, 0) == 7);
  limits.memory_bytes = UINT64_C(1) << 30;
  limits.total_memory_bytes = 8 << 16;
  w2s_store_set_limits(&a->pub, &limits);
  CHECK(w2si_shared_grow(a, memory, 2) == UINT64_MAX && w2si_shared_grow(a, memory, 1) == 7);
  CHECK(!w2s_memory_new(&a->pub, 0, 0, 0, 0, 0, 16, 1, &error) && error.status == W2S_ERR_RESOURCE);
  struct w2s_memory *other = make(1, 1, 0);
  CHECK(w2si_shared_attach(a, other, &error) == W2S_ERR_RESOURCE && strstr(error.message, "1 memories"));
  w2s_shared_memory_release(other);
  struct w2si_memory_type type = {.min_pages = 9, .max_pages = 10, .page_log2 = 16, .has_max = 1, .shared = 1};
  struct w2s_memory *none = NULL;
  limits.memories = 10;
  w2s_store_set_limits(&a->pub, &limits);
  CHECK(w2si_shared_make(a, &type, &none, &error) == W2S_ERR_RESOURCE && !none);
  w2si_shared_detach(a, memory);
  CHECK(w2si_memory_at(a, at) == memory);
  w2si_shared_detach(a, memory);
  CHECK(!w2si_memory_at(a, at) && a->n_memories == 0 && a->n_guarded == 0);
  w2si_shared_detach(b, memory); /* that was the last */
  w2s_store_delete(&a->pub);
  w2s_store_delete(&b->pub);
}

static void test_refused(void) {
  struct w2s_error error;
  CHECK(!w2s_shared_memory_new(1, 1, 1, 16, 1, &error) && error.status == W2S_ERR_USAGE);
  CHECK(!w2s_shared_memory_new(1, 1, 0, 17, 0, &error) && error.status == W2S_ERR_USAGE);
  CHECK(!w2s_shared_memory_new(UINT64_C(1) << 40, UINT64_C(1) << 40, 1, 16, 0, &error));
  CHECK(error.status == W2S_ERR_RESOURCE);
  CHECK(!w2s_shared_memory_new(2, 1, 0, 16, 0, &error) && error.status == W2S_ERR_RESOURCE);
}

int main(int argc, char **argv) {
  CHECK(argc == 2 && argv[1]);
  test_growth(1);
  test_growth(0);
  test_wait_alone();
  test_notify();
  test_lock();
  test_fork();
  test_stores();
  test_refused();
  return 0;
}
