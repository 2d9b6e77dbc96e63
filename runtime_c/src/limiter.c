/* The embedder's own limits, beside those of w2s_limits. It is asked only about what those allow. */
#define _GNU_SOURCE 1

#include "limiter.h"

#include "errors.h"
#include "fiber.h"
#include "meta.h"
#include "trap.h"

void w2s_store_set_limiter(struct w2s_store *store,
                           int32_t (*limiter)(struct w2s_store *store, uint32_t kind,
                                              const struct w2s_growth *growth)) {
  w2si_store(store)->limiter = limiter;
}

static int32_t ask(struct w2si_store *store, uint32_t kind, uint64_t current, uint64_t desired, uint64_t maximum,
                   int has_maximum) {
  const struct w2s_growth growth = {.current = current, .desired = desired, .maximum = has_maximum ? maximum : 0,
                                    .has_maximum = has_maximum};
  return store->limiter(&store->pub, kind, &growth);
}

static uint64_t bytes_of(uint64_t pages, uint32_t page_log2) {
  return pages <= UINT64_MAX >> page_log2 ? pages << page_log2 : UINT64_MAX;
}

/* ---- growth ------------------------------------------------------------------------------------------------- */

int32_t w2si_may_grow_memory(struct w2si_store *store, const struct w2s_memory *memory, uint64_t delta_pages) {
  int32_t answer = 1;
  if (!store->limiter) return 1;
  uint64_t before;
  do { /* what is asked may itself grow the memory */
    before = w2s_memory_bytes(memory);
    if (delta_pages > (memory->max_bytes - before) >> memory->page_log2) return 1;
    answer = ask(store, W2S_GROWS_MEMORY, before, before + (delta_pages << memory->page_log2),
                 bytes_of(memory->declared_max_pages, memory->page_log2), memory->has_max);
  } while (answer > 0 && w2s_memory_bytes(memory) != before);
  return answer;
}

int32_t w2si_may_grow_table(struct w2si_store *store, const struct w2s_table *table, uint64_t delta) {
  int32_t answer = 1;
  if (!store->limiter) return 1;
  uint64_t before;
  do {
    before = table->n_elems;
    if (delta > table->max_elems - before) return 1;
    answer = ask(store, W2S_GROWS_TABLE, before, before + delta, table->declared_max_elems, table->has_max);
  } while (answer > 0 && table->n_elems != before);
  return answer;
}

/* A question of wasm code. */
struct question {
  struct w2si_store *store;
  const struct w2s_memory *memory;
  const struct w2s_table *table; /* if it is not about a memory */
  uint64_t delta;
  int32_t answer;
};

static void put(void *env) {
  struct question *question = env;
  question->answer = question->memory ? w2si_may_grow_memory(question->store, question->memory, question->delta)
                                      : w2si_may_grow_table(question->store, question->table, question->delta);
}

static int ask_for_guest(struct question *question, uintptr_t pc) {
  struct w2si_store *store = question->store;
  if (!store->limiter) return 1;
  const struct w2si_pause pause = w2si_leave_wasm(store);
  w2si_on_host_stack(store, put, question);
  w2si_return_to_wasm(store, &pause);
  if (question->answer < 0) w2si_trap(store, W2S_TRAP_HOST, pc, 0);
  return question->answer > 0;
}

int w2si_guest_may_grow_memory(struct w2si_store *store, const struct w2s_memory *memory, uint64_t delta_pages,
                               uintptr_t pc) {
  return ask_for_guest(&(struct question){.store = store, .memory = memory, .delta = delta_pages}, pc);
}

int w2si_guest_may_grow_table(struct w2si_store *store, const struct w2s_table *table, uint64_t delta, uintptr_t pc) {
  return ask_for_guest(&(struct question){.store = store, .table = table, .delta = delta}, pc);
}

/* ---- creation ----------------------------------------------------------------------------------------------- */

/* The embedder's answer as a status. */
static int32_t judge(int32_t answer, struct w2s_error *error, const char *what, uint64_t n, const char *unit) {
  if (answer > 0) return W2S_OK;
  if (answer < 0) return w2si_fail_trap(error, W2S_TRAP_HOST);
  return w2si_fail(error, W2S_ERR_RESOURCE, "the store's limiter refuses %s of %llu %s", what, (unsigned long long)n,
                   unit);
}

static int32_t may_make_memory(struct w2si_store *store, uint64_t bytes, uint64_t max_bytes, int has_max,
                               struct w2s_error *error) {
  return judge(ask(store, W2S_GROWS_MEMORY, 0, bytes, max_bytes, has_max), error, "a memory", bytes, "bytes");
}

int32_t w2si_may_make_table(struct w2si_store *store, uint64_t elems, uint64_t max_elems, int has_max,
                            struct w2s_error *error) {
  if (!store->limiter) return W2S_OK;
  return judge(ask(store, W2S_GROWS_TABLE, 0, elems, max_elems, has_max), error, "a table", elems, "elements");
}

int32_t w2si_may_make_memory(struct w2si_store *store, const struct w2si_memory_type *type, struct w2s_error *error) {
  if (!store->limiter) return W2S_OK;
  return may_make_memory(store, bytes_of(type->min_pages, type->page_log2), bytes_of(type->max_pages, type->page_log2),
                         type->has_max, error);
}

int32_t w2si_may_instantiate(struct w2si_store *store, const struct w2s_meta *meta, struct w2s_error *error) {
  int32_t status = W2S_OK;
  if (!store->limiter) return W2S_OK;
  uint64_t n = store->n_instances;
  int32_t answer = ask(store, W2S_GROWS_INSTANCES, n, n + 1, store->limits.instances, 1);
  if (answer == 0) return w2si_fail(error, W2S_ERR_RESOURCE, "the store's limiter refuses another instance");
  status = judge(answer, error, "an instance", 0, "");
  for (uint32_t i = meta->n_imported_memories; i < meta->memories.n && status == W2S_OK; i++) {
    const struct w2s_meta_memory *memory = &w2si_meta_memories(meta)[i];
    if (memory->shared) continue;
    status = may_make_memory(store, bytes_of(memory->min_pages, memory->page_log2),
                             bytes_of(memory->max_pages, memory->page_log2), memory->has_max, error);
  }
  for (uint32_t i = meta->n_imported_tables; i < meta->tables.n && status == W2S_OK; i++) {
    const struct w2s_meta_table *table = &w2si_meta_tables(meta)[i];
    status = w2si_may_make_table(store, table->min_elems, table->max_elems, table->has_max, error);
  }
  return status;
}
