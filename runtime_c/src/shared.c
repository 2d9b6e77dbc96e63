/* Shared memories: process-wide, reference counted, used by any number of stores and threads at once. Base and maximum
 * never change; the size only grows, and is written under a lock and read atomically.
 *
 * A store's limits count each shared memory that the store uses with the size it has when they are looked at: growth
 * through one store can use up the room of another, whose memories then cannot grow, but takes nothing from it. */
#define _GNU_SOURCE 1

#include "shared.h"

#include <pthread.h>
#include <stdlib.h>

#include "errors.h"

struct shared {
  struct w2s_memory memory; /* first: what the rest of the runtime knows it by */
  _Atomic(uint64_t) refs;
};

/* Growth is rare and cheap, so one lock does for all. */
static pthread_mutex_t growth = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void lock_growth(void) { pthread_mutex_lock(&growth); }

static void unlock_growth(void) { pthread_mutex_unlock(&growth); }

/* A child process gets the lock as it was at the fork, perhaps held by a thread that it does not have: fork waits. */
static void watch_forks(void) { pthread_atfork(lock_growth, unlock_growth, unlock_growth); }

static struct shared *shared_of(struct w2s_memory *memory) { return (struct shared *)memory; }

/* A shared memory with one reference; NULL with `error` filled. Growth stops at `limit` bytes. */
static struct w2s_memory *make(const struct w2si_memory_type *type, uint64_t limit, struct w2s_error *error) {
  pthread_once(&fork_once, watch_forks);
  struct shared *shared = malloc(sizeof *shared);
  if (!shared) {
    w2si_fail(error, W2S_ERR_RESOURCE, "out of memory");
    return NULL;
  }
  if (w2si_memory_map(&shared->memory, type, limit, error) != W2S_OK) {
    free(shared);
    return NULL;
  }
  shared->memory.shared = 1;
  atomic_init(&shared->refs, 1);
  return &shared->memory;
}

struct w2s_memory *w2s_shared_memory_new(uint64_t min_pages, uint64_t max_pages, int32_t is64, uint32_t page_log2,
                                         int32_t guarded, struct w2s_error *error) {
  w2si_ok(error);
  struct w2si_memory_type type = {.min_pages = min_pages, .max_pages = max_pages, .page_log2 = page_log2, .has_max = 1,
                                  .is64 = is64 != 0, .shared = 1, .guarded = guarded != 0};
  return w2si_memory_type_ok(&type, error) ? make(&type, UINT64_MAX, error) : NULL;
}

void w2s_shared_memory_retain(struct w2s_memory *memory) {
  atomic_fetch_add_explicit(&shared_of(memory)->refs, 1, memory_order_relaxed);
}

void w2s_shared_memory_release(struct w2s_memory *memory) {
  if (atomic_fetch_sub_explicit(&shared_of(memory)->refs, 1, memory_order_acq_rel) > 1) return;
  w2si_memory_unmap(memory);
  free(shared_of(memory));
}

uint64_t w2si_total_memory_bytes(const struct w2si_store *store) {
  uint64_t total = store->memory_bytes;
  for (const struct w2si_shared_use *use = store->shared; use; use = use->next) total += w2si_memory_bytes(use->memory);
  return total;
}

int32_t w2si_shared_attach(struct w2si_store *store, struct w2s_memory *memory, struct w2s_error *error) {
  struct w2si_shared_use *use = store->shared;
  while (use && use->memory != memory) use = use->next;
  if (!use) {
    if (store->n_memories >= store->limits.memories) return w2si_fail_memory_count(store, error);
    use = malloc(sizeof *use);
    if (!use) return w2si_fail(error, W2S_ERR_RESOURCE, "out of memory");
    w2s_shared_memory_retain(memory);
    *use = (struct w2si_shared_use){.memory = memory, .next = store->shared};
    store->shared = use;
    store->n_memories++;
    if (memory->guarded) store->n_guarded++;
  }
  use->n_uses++;
  return W2S_OK;
}

void w2si_shared_detach(struct w2si_store *store, struct w2s_memory *memory) {
  struct w2si_shared_use **at = &store->shared;
  while ((*at)->memory != memory) at = &(*at)->next;
  struct w2si_shared_use *use = *at;
  if (--use->n_uses) return;
  *at = use->next;
  store->n_memories--;
  if (memory->guarded) store->n_guarded--;
  free(use);
  w2s_shared_memory_release(memory);
}

int32_t w2si_shared_make(struct w2si_store *store, const struct w2si_memory_type *type, struct w2s_memory **out,
                         struct w2s_error *error) {
  int32_t status = w2si_memory_check(store, type, error);
  if (status != W2S_OK) return status;
  struct w2s_memory *memory = make(type, store->limits.memory_bytes, error);
  if (!memory) return W2S_ERR_RESOURCE;
  status = w2si_shared_attach(store, memory, error);
  if (status == W2S_OK) *out = memory;
  w2s_shared_memory_release(memory); /* the store has it now, or nobody */
  return status;
}

/* May code of the store make a memory `delta` bytes larger than `bytes`? */
static int is_allowed(const struct w2si_store *store, uint64_t bytes, uint64_t delta) {
  uint64_t total = w2si_total_memory_bytes(store);
  const struct w2s_limits *limits = &store->limits;
  return bytes <= limits->memory_bytes && delta <= limits->memory_bytes - bytes &&
         total <= limits->total_memory_bytes && delta <= limits->total_memory_bytes - total;
}

uint64_t w2si_shared_grow(struct w2si_store *store, struct w2s_memory *memory, uint64_t delta_pages) {
  uint64_t old_pages = UINT64_MAX;
  lock_growth();
  uint64_t bytes = w2si_memory_bytes(memory);
  if (delta_pages <= (memory->max_bytes - bytes) >> memory->page_log2) {
    uint64_t delta = delta_pages << memory->page_log2;
    if ((!delta || !store || is_allowed(store, bytes, delta)) && w2si_memory_commit(memory, bytes, bytes + delta)) {
      __atomic_store_n(&memory->bytes, bytes + delta, __ATOMIC_SEQ_CST);
      old_pages = bytes >> memory->page_log2;
    }
  }
  unlock_growth();
  return old_pages;
}
