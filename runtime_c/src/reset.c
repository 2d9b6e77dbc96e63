/* Using a store and its only instance again: everything goes back to where it was before data segments and the start
 * function ran. Nothing is trusted that code of the store could have changed: the context is copied back whole, tables
 * too, and memories page by page, as far as they were written to. */
#define _GNU_SOURCE 1

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dirty.h"
#include "errors.h"
#include "exception.h"
#include "fiber.h"
#include "instance.h"
#include "memory.h"
#include "meta.h"
#include "module.h"

/* Longer runs of null elements are had from the system rather than written. */
enum { MANY_ELEMS = 1 << 16 };

struct saved_table {
  uint64_t n; /* elements up to the last that is not null */
  const union w2s_ref *elems;
};

/* What the store held when its instance was marked, to tell if anything was added since. */
struct holdings {
  const void *memories;
  const void *tables;
  const void *shared;
  const void *instances;
  const void *host_memories;
  const void *host_tables;
  const void *host_globals;
  const void *host_tags;
  const void *host_funcs;
  const void *wasi;
};

struct w2si_mark {
  uint64_t keep_resident;
  struct holdings holdings;
  struct w2s_limits limits;
  int64_t fuel;
  int exceptions_stored;
  uint64_t n_slots;           /* result slots that the module's functions can use */
  struct saved_table *tables; /* own ones, in order */
  uint8_t vm[];               /* the context; then the tables, then their elements */
};

static uint64_t aligned(uint64_t bytes) { return (bytes + 15) & ~UINT64_C(15); }

static struct holdings look(const struct w2si_store *store) {
  return (struct holdings){.memories = store->memories, .tables = store->tables, .shared = store->shared,
                           .instances = store->instances, .host_memories = store->host_memories,
                           .host_tables = store->host_tables, .host_globals = store->host_globals,
                           .host_tags = store->host_tags, .host_funcs = store->host_funcs, .wasi = store->wasi};
}

/* ---- noting --------------------------------------------------------------------------------------------------- */

static uint64_t used_elems(const struct w2s_table *table) {
  uint64_t n = table->n_elems;
  while (n && table->elems[n - 1].word == 0) n--;
  return n;
}

/* The most values that a call of one of the module's types passes. */
static uint64_t most_slots(const struct w2s_meta *meta) {
  uint64_t most = 1;
  for (uint32_t i = 0; i < meta->types.n; i++) {
    const struct w2s_meta_type *type = &w2si_meta_types(meta)[i];
    if (type->n_params > most) most = type->n_params;
    if (type->n_results > most) most = type->n_results;
  }
  return most < W2S_MAX_RESULTS ? most : W2S_MAX_RESULTS;
}

static struct w2si_mark *note(const struct w2s_instance *instance) {
  const struct w2s_meta *meta = instance->meta;
  uint64_t vm_bytes = aligned(meta->vm_bytes);
  uint64_t table_bytes = aligned((uint64_t)instance->n_tables * sizeof(struct saved_table));
  uint64_t n_elems = 0;
  for (uint32_t i = 0; i < instance->n_tables; i++) n_elems += used_elems(w2si_table(instance, meta->n_imported_tables + i));
  struct w2si_mark *mark = malloc(sizeof *mark + vm_bytes + table_bytes + n_elems * sizeof(union w2s_ref));
  if (!mark) return NULL;
  memcpy(mark->vm, instance->vm, meta->vm_bytes);
  mark->tables = (struct saved_table *)(mark->vm + vm_bytes);
  union w2s_ref *elems = (union w2s_ref *)(mark->vm + vm_bytes + table_bytes);
  for (uint32_t i = 0; i < instance->n_tables; i++) {
    const struct w2s_table *table = w2si_table(instance, meta->n_imported_tables + i);
    mark->tables[i] = (struct saved_table){.n = used_elems(table), .elems = elems};
    memcpy(elems, table->elems, mark->tables[i].n * sizeof *elems);
    elems += mark->tables[i].n;
  }
  const struct w2si_store *store = instance->store;
  mark->holdings = look(store);
  mark->limits = store->limits;
  mark->fuel = store->pub.fuel;
  mark->exceptions_stored = store->exceptions_stored;
  mark->n_slots = most_slots(meta);
  return mark;
}

/* What of the instance would keep its state over a reset, or NULL. */
static const char *lasting_part(const struct w2s_instance *instance) {
  const struct w2s_meta *meta = instance->meta;
  for (uint32_t i = 0; i < meta->memories.n; i++) {
    const struct w2s_meta_memory *memory = &w2si_meta_memories(meta)[i];
    if (i < meta->n_imported_memories && !memory->shared) return "imports a memory";
    if (i >= meta->n_imported_memories && memory->shared) return "declares a shared memory";
  }
  if (meta->n_imported_tables) return "imports a table";
  for (uint32_t i = 0; i < meta->n_imported_globals; i++) {
    if (w2si_meta_globals(meta)[i].type.mutable_) return "imports a mutable global";
  }
  return instance->wasi_funcs ? "uses a WASI context" : NULL;
}

int32_t w2s_instance_mark(struct w2s_instance *instance, uint64_t keep_resident, struct w2s_error *error) {
  struct w2si_store *store = instance->store;
  w2si_ok(error);
  const char *lasting = lasting_part(instance);
  if (lasting) return w2si_fail(error, W2S_ERR_USAGE, "an instance that %s cannot be used again", lasting);
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) return w2si_fail_usage(error);
  int32_t status = W2S_OK;
  if (instance->state != W2SI_INSTANCE_NEW || store->n_instances != 1 || store->instances != instance) {
    status = w2si_fail(error, W2S_ERR_USAGE, "only a new instance, alone in its store, can be marked");
  } else {
    instance->state = W2SI_INSTANCE_FINISHED; /* if this fails, that is that */
    status = w2si_run_elems(instance, error);
  }
  if (status == W2S_OK) {
    instance->mark = note(instance);
    if (instance->mark) {
      instance->mark->keep_resident = keep_resident;
      instance->state = W2SI_INSTANCE_MARKED;
    } else {
      status = w2si_fail(error, W2S_ERR_RESOURCE, "out of memory for an instance's first state");
    }
  }
  w2si_unclaim(store, claim);
  return status;
}

/* ---- memories --------------------------------------------------------------------------------------------------- */

/* A memory with the image that lies under it. Addresses of the image are host addresses. */
struct lining {
  const struct w2s_memory *memory;
  uint64_t image; /* start and end; equal if there is none */
  uint64_t image_end;
  const uint8_t *source;
};

static struct lining lining_of(const struct w2s_instance *instance, uint32_t index) {
  const struct w2s_meta_memory *meta = &w2si_meta_memories(instance->meta)[index];
  struct lining lining = {.memory = w2si_memory(instance, index)};
  if (!meta->has_image) return lining;
  lining.image = (uint64_t)(uintptr_t)lining.memory->base + meta->image_start;
  lining.image_end = lining.image + meta->image_bytes;
  lining.source = instance->descriptor->image + meta->image_offset;
  return lining;
}

static uint64_t between(uint64_t low, uint64_t at, uint64_t high) { return at < low ? low : at > high ? high : at; }

/* Write what a run of pages held at first: zeros, the image, zeros. */
static void rewrite(const struct lining *lining, uint64_t start, uint64_t end) {
  uint64_t image = between(start, lining->image, end);
  uint64_t image_end = between(image, lining->image_end, end);
  uint8_t *at = lining->memory->base + (start - (uint64_t)(uintptr_t)lining->memory->base);
  memset(at, 0, image - start);
  if (image_end > image) memcpy(at + (image - start), lining->source + (image - lining->image), image_end - image);
  memset(at + (image_end - start), 0, end - image_end);
}

static int give_back(uint64_t start, uint64_t end) {
  return end <= start || madvise((void *)(uintptr_t)start, end - start, MADV_DONTNEED) == 0;
}

/* Bring back the pages of [start, end): written ones are written again as long as `*keep` lasts, and dropped beyond. */
static int clean(const struct lining *lining, uint64_t start, uint64_t end, uint64_t *keep) {
  struct w2si_run runs[W2SI_MAX_RUNS];
  while (start < end) {
    uint64_t next = end;
    int n = w2si_dirty_runs(start, end, runs, &next);
    if (n < 0 || next <= start) return give_back(start, end);
    for (int i = 0; i < n; i++) {
      uint64_t bytes = runs[i].end - runs[i].start;
      if (bytes > *keep) return give_back(runs[i].start, end);
      rewrite(lining, runs[i].start, runs[i].end);
      *keep -= bytes;
    }
    start = next;
  }
  return 1;
}

static int reset_memory(const struct w2s_instance *instance, uint32_t index, uint64_t first_bytes, uint64_t *keep) {
  struct lining lining = lining_of(instance, index);
  struct w2s_memory *memory = w2si_memory(instance, index);
  uint64_t start = (uint64_t)(uintptr_t)memory->base;
  if (!w2si_memory_shrink(memory, first_bytes)) return 0;
  return clean(&lining, start, start + w2si_page_bytes(first_bytes), keep);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

/* Elements as they were; `first` is the table as it was. Much that was added is given back. */
static int reset_table(struct w2s_table *table, const struct w2s_table *first, const struct saved_table *saved) {
  uint64_t n = first->n_elems;
  if (table->capacity > n + MANY_ELEMS || n - saved->n > MANY_ELEMS) {
    union w2s_ref *elems = calloc(n ? n : 1, sizeof *elems);
    if (!elems) return 0;
    free(table->elems);
    table->elems = elems;
    table->capacity = n;
  }
  memcpy(table->elems, saved->elems, saved->n * sizeof *saved->elems);
  memset(table->elems + saved->n, 0, (n - saved->n) * sizeof *table->elems);
  return 1;
}

/* ---- everything --------------------------------------------------------------------------------------------------- */

static int32_t refuse(struct w2s_error *error) {
  return w2si_fail(error, W2S_ERR_RESOURCE, "the system does not let an instance go back to its first state");
}

static int32_t reset(struct w2s_instance *instance, struct w2s_error *error) {
  const struct w2s_meta *meta = instance->meta;
  const struct w2si_mark *mark = instance->mark;
  struct w2si_store *store = instance->store;
  uint64_t keep = mark->keep_resident;
  instance->state = W2SI_INSTANCE_FINISHED; /* until all is done */
  for (uint32_t i = meta->n_imported_memories; i < meta->memories.n; i++) {
    const struct w2s_memory *first = (const void *)(mark->vm + w2si_meta_memories(meta)[i].vm_offset);
    if (!reset_memory(instance, i, first->bytes, &keep)) return refuse(error);
  }
  if (instance->has_copied_image) w2si_map_images(instance);
  for (uint32_t i = 0; i < instance->n_tables; i++) {
    uint32_t index = meta->n_imported_tables + i;
    struct w2s_table *table = w2si_table(instance, index);
    const struct w2s_table *first = (const void *)(mark->vm + w2si_meta_tables(meta)[index].vm_offset);
    if (!reset_table(table, first, &mark->tables[i])) return refuse(error);
  }
  for (uint32_t i = 0; i < instance->n_tables; i++) { /* the elements may lie elsewhere now */
    uint32_t offset = w2si_meta_tables(meta)[meta->n_imported_tables + i].vm_offset;
    struct w2s_table *first = (struct w2s_table *)(instance->mark->vm + offset);
    const struct w2s_table *table = w2si_field(instance, offset);
    first->elems = table->elems;
    first->capacity = table->capacity;
  }
  memcpy(instance->vm, mark->vm, meta->vm_bytes);
  w2si_exceptions_reset(store);
  store->exceptions_stored = mark->exceptions_stored;
  store->limits = mark->limits;
  w2si_interruption_reset(store);
  store->pub.fuel = mark->fuel;
  store->pub.tail = (struct w2s_tail){.run = NULL};
  memset(store->results, 0, mark->n_slots * sizeof *store->results);
  instance->state = W2SI_INSTANCE_MARKED;
  return W2S_OK;
}

int32_t w2s_instance_reset(struct w2s_instance *instance, struct w2s_error *error) {
  struct w2si_store *store = instance->store;
  w2si_ok(error);
  if (!instance->mark) return w2si_fail(error, W2S_ERR_USAGE, "the instance was not marked");
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim != W2SI_CLAIM_OUTER || store->top) {
    w2si_unclaim(store, claim);
    return w2si_fail(error, W2S_ERR_USAGE, "code of the store is running");
  }
  w2si_fibers_end(store); /* calls that wait for something are over */
  struct holdings now = look(store);
  int32_t status = memcmp(&now, &instance->mark->holdings, sizeof now) == 0
                       ? reset(instance, error)
                       : w2si_fail(error, W2S_ERR_USAGE, "something else was made in the store");
  w2si_unclaim(store, claim);
  return status;
}
