/* Threads that wait at an address of a shared memory: lists of waiters, hashed by host address, which is the same for all
 * stores because a shared memory is mapped once and never moves. */
#define _GNU_SOURCE 1

#include "wait.h"

#include <pthread.h>
#include <stddef.h>
#include <time.h>

#include "memory.h"

enum { N_BUCKETS = 32 };
static const uint64_t second_ns = 1000000000;
static const uint64_t poll_ns = 50000000;

/* A waiting thread; lives on its stack. */
struct waiter {
  const void *cell;
  struct waiter *next;
  struct waiter *prev;
  int is_queued;
  int is_woken;
  pthread_cond_t cond;
};

/* Oldest first. */
struct bucket {
  pthread_mutex_t lock;
  struct waiter *first;
  struct waiter *last;
};

static struct bucket buckets[N_BUCKETS];
static pthread_condattr_t monotonic;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void unlink_waiter(struct bucket *bucket, struct waiter *waiter) {
  *(waiter->prev ? &waiter->prev->next : &bucket->first) = waiter->next;
  *(waiter->next ? &waiter->next->prev : &bucket->last) = waiter->prev;
  waiter->is_queued = 0;
}

static void append_waiter(struct bucket *bucket, struct waiter *waiter) {
  waiter->prev = bucket->last;
  *(bucket->last ? &bucket->last->next : &bucket->first) = waiter;
  bucket->last = waiter;
  waiter->is_queued = 1;
}

static void lock_all(void) {
  for (int i = 0; i < N_BUCKETS; i++) pthread_mutex_lock(&buckets[i].lock);
}

static void unlock_all(void) {
  for (int i = 0; i < N_BUCKETS; i++) pthread_mutex_unlock(&buckets[i].lock);
}

/* A child process has one thread only: nobody waits there, whatever the lists say. */
static void forget_all(void) {
  for (int i = 0; i < N_BUCKETS; i++) {
    while (buckets[i].first) unlink_waiter(&buckets[i], buckets[i].first);
  }
  unlock_all();
}

static void prepare(void) {
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  for (int i = 0; i < N_BUCKETS; i++) pthread_mutex_init(&buckets[i].lock, NULL);
  pthread_atfork(lock_all, unlock_all, forget_all);
}

static struct bucket *bucket_of(const void *cell) {
  pthread_once(&once, prepare);
  uint64_t mixed = (uint64_t)(uintptr_t)cell * UINT64_C(0x9e3779b97f4a7c15);
  return &buckets[mixed >> 32 & (N_BUCKETS - 1)];
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * second_ns + (uint64_t)now.tv_nsec;
}

static uint64_t load(const void *cell, uint32_t n_bytes) {
  return n_bytes == 8 ? __atomic_load_n((const uint64_t *)cell, __ATOMIC_SEQ_CST)
                      : __atomic_load_n((const uint32_t *)cell, __ATOMIC_SEQ_CST);
}

/* Sleep, with the bucket's lock released meanwhile, until woken, or time `until`, or for no reason. */
static void sleep_until(struct bucket *bucket, struct waiter *waiter, uint64_t until) {
  struct timespec time = {.tv_sec = (time_t)(until / second_ns), .tv_nsec = (long)(until % second_ns)};
  pthread_cond_timedwait(&waiter->cond, &bucket->lock, &time);
}

/* With the bucket's lock held, released around sleeping and polling. */
static int32_t wait_queued(struct bucket *bucket, struct waiter *waiter, uint64_t deadline,
                           int32_t (*poll)(void *env), void *env) {
  uint64_t now = now_ns();
  uint64_t next_poll = now + poll_ns;
  while (!waiter->is_woken) {
    if (now >= deadline) return W2S_WAIT_TIMED_OUT;
    sleep_until(bucket, waiter, next_poll < deadline ? next_poll : deadline);
    now = now_ns();
    if (waiter->is_woken || now < next_poll) continue;
    next_poll = now + poll_ns;
    if (!poll) continue;
    pthread_mutex_unlock(&bucket->lock);
    int32_t give_up = poll(env);
    pthread_mutex_lock(&bucket->lock);
    if (give_up) return W2S_WAIT_CANCELLED;
    now = now_ns();
  }
  return W2S_WAIT_WOKEN;
}

int32_t w2si_wait(const void *cell, uint64_t expected, uint32_t n_bytes, int64_t timeout_ns,
                  int32_t (*poll)(void *env), void *env) {
  struct bucket *bucket = bucket_of(cell);
  uint64_t deadline = timeout_ns < 0 ? UINT64_MAX : now_ns() + (uint64_t)timeout_ns;
  int32_t result = W2S_WAIT_NOT_EQUAL;
  pthread_mutex_lock(&bucket->lock);
  /* Who changes the cell and then notifies takes the lock in between, so no wake-up falls between look and sleep. */
  if (load(cell, n_bytes) == expected) {
    struct waiter waiter = {.cell = cell};
    pthread_cond_init(&waiter.cond, &monotonic);
    append_waiter(bucket, &waiter);
    result = wait_queued(bucket, &waiter, deadline, poll, env);
    if (waiter.is_queued) unlink_waiter(bucket, &waiter);
    pthread_cond_destroy(&waiter.cond);
  }
  pthread_mutex_unlock(&bucket->lock);
  return result;
}

uint32_t w2si_notify(const void *cell, uint32_t most) {
  struct bucket *bucket = bucket_of(cell);
  uint32_t n = 0;
  pthread_mutex_lock(&bucket->lock);
  for (struct waiter *waiter = bucket->first, *next; waiter && n < most; waiter = next) {
    next = waiter->next;
    if (waiter->cell != cell) continue;
    unlink_waiter(bucket, waiter);
    waiter->is_woken = 1;
    pthread_cond_signal(&waiter->cond);
    n++;
  }
  pthread_mutex_unlock(&bucket->lock);
  return n;
}

/* The cell at `address` if it can be waited at; else NULL, and why in `*result`. */
static const void *cell_at(const struct w2s_memory *memory, uint64_t address, uint32_t n_bytes, int64_t *result) {
  uint64_t bytes = w2si_memory_bytes(memory);
  *result = address & (n_bytes - 1) ? W2S_WAIT_UNALIGNED : W2S_WAIT_OUT_OF_BOUNDS;
  if (address & (n_bytes - 1) || bytes < n_bytes || address > bytes - n_bytes) return NULL;
  return memory->base + address;
}

int32_t w2s_memory_wait(struct w2s_memory *memory, uint64_t address, uint64_t expected, uint32_t n_bytes,
                        int64_t timeout_ns, int32_t (*poll)(void *env), void *env) {
  int64_t wrong;
  const void *cell = cell_at(memory, address, n_bytes, &wrong);
  return cell ? w2si_wait(cell, expected, n_bytes, timeout_ns, poll, env) : (int32_t)wrong;
}

int64_t w2s_memory_notify(struct w2s_memory *memory, uint64_t address, uint32_t count) {
  int64_t wrong;
  const void *cell = cell_at(memory, address, sizeof(uint32_t), &wrong);
  return cell ? w2si_notify(cell, count) : wrong;
}
