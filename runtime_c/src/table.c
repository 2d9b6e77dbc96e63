/* Tables. */
#define _GNU_SOURCE 1

#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "exception.h"
#include "limiter.h"
#include "type.h"

static const uint64_t max_index32 = UINT32_MAX;

static void fill(union w2s_ref *elems, uint64_t from, uint64_t n, union w2s_ref value) {
  for (uint64_t i = 0; i < n; i++) elems[from + i] = value;
}

/* Where growth stops: the declared maximum, what indices can name, and the store's limit. */
static uint64_t max_elems(const struct w2si_table_type *type, const struct w2s_limits *limits) {
  uint64_t top = type->is64 ? UINT64_MAX / sizeof(union w2s_ref) : max_index32;
  if (type->has_max && type->max_elems < top) top = type->max_elems;
  return top < limits->table_elems ? top : limits->table_elems;
}

int32_t w2si_table_init(struct w2s_table *table, struct w2si_store *store, const struct w2si_table_type *type,
                        struct w2s_error *error) {
  uint64_t most = max_elems(type, &store->limits);
  if (store->n_tables >= store->limits.tables) {
    return w2si_fail(error, W2S_ERR_RESOURCE, "the store's limit of %llu tables is reached",
                     (unsigned long long)store->limits.tables);
  }
  if (type->min_elems > most) {
    return w2si_fail(error, W2S_ERR_RESOURCE, "a table of %llu elements exceeds the store's limits",
                     (unsigned long long)type->min_elems);
  }
  union w2s_ref *elems = calloc(type->min_elems ? type->min_elems : 1, sizeof *elems);
  if (!elems) {
    return w2si_fail(error, W2S_ERR_RESOURCE, "out of memory for a table of %llu elements",
                     (unsigned long long)type->min_elems);
  }
  *table = (struct w2s_table){.elems = elems, .n_elems = type->min_elems, .capacity = type->min_elems,
                              .max_elems = most, .has_max = type->has_max,
                              .declared_max_elems = type->has_max ? type->max_elems : 0,
                              .is64 = type->is64, .is_func = (uint8_t)w2si_heap_is_func(type->type.heap),
                              .type = type->type, .store = &store->pub, .next = store->tables};
  w2si_exceptions_stored(store, &type->type);
  store->tables = table;
  store->n_tables++;
  return W2S_OK;
}

void w2si_table_destroy(struct w2s_table *table) {
  struct w2si_store *store = w2si_store(table->store);
  struct w2s_table **at = &store->tables;
  while (*at != table) at = &(*at)->next;
  *at = table->next;
  store->n_tables--;
  free(table->elems);
}

uint64_t w2si_table_grow(struct w2s_table *table, uint64_t delta, union w2s_ref init) {
  uint64_t old = table->n_elems;
  if (delta > table->max_elems - old) return UINT64_MAX;
  uint64_t n = old + delta;
  if (n > table->capacity) {
    uint64_t capacity = n > table->max_elems / 2 ? table->max_elems : n * 2;
    union w2s_ref *elems = realloc(table->elems, capacity * sizeof *elems);
    if (!elems && capacity > n) {
      capacity = n;
      elems = realloc(table->elems, capacity * sizeof *elems);
    }
    if (!elems) return UINT64_MAX;
    table->elems = elems;
    table->capacity = capacity;
  }
  fill(table->elems, old, delta, init);
  table->n_elems = n;
  return old;
}

/* May the embedder put this value into the table: of its type and store? */
static int fits(const struct w2s_table *table, union w2s_ref value) {
  int is_null = table->is_func ? value.func == NULL : value.word == 0;
  if (is_null) return table->type.code == W2S_REF_NULL;
  if (!table->is_func) return value.word <= UINT32_MAX;
  struct w2s_valtype actual = {.code = W2S_REF, .heap = (int32_t)value.func->type};
  return ((struct w2s_vm_head *)value.func->vm)->store == table->store && w2s_valtype_matches(&actual, &table->type);
}

struct w2s_table *w2s_table_new(struct w2s_store *pub, const struct w2s_valtype *type, uint64_t min_elems,
                                uint64_t max_elems_, int32_t has_max, int32_t is64, union w2s_ref init,
                                struct w2s_error *error) {
  struct w2si_store *store = w2si_store(pub);
  w2si_ok(error);
  struct w2si_table_type full = {.type = *type, .min_elems = min_elems, .max_elems = max_elems_,
                                 .has_max = has_max != 0, .is64 = is64 != 0};
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) {
    w2si_fail_usage(error);
    return NULL;
  }
  struct w2si_host_table *host = malloc(sizeof *host);
  if (!host) {
    w2si_fail(error, W2S_ERR_RESOURCE, "out of memory");
  } else if (w2si_may_make_table(store, min_elems, max_elems_, has_max, error) != W2S_OK ||
             w2si_table_init(&host->table, store, &full, error) != W2S_OK) {
    free(host);
    host = NULL;
  } else if (!fits(&host->table, init)) {
    w2si_fail(error, W2S_ERR_USAGE, "the initial value does not fit the table's type or store");
    w2si_table_destroy(&host->table);
    free(host);
    host = NULL;
  } else {
    fill(host->table.elems, 0, min_elems, init);
    host->next = store->host_tables;
    store->host_tables = host;
  }
  w2si_unclaim(store, claim);
  return host ? &host->table : NULL;
}

uint64_t w2s_table_grow(struct w2s_table *table, uint64_t delta, union w2s_ref init) {
  struct w2si_store *store = w2si_store(table->store);
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) return UINT64_MAX;
  int allowed = fits(table, init) && w2si_may_grow_table(store, table, delta) > 0;
  uint64_t old = allowed ? w2si_table_grow(table, delta, init) : UINT64_MAX;
  w2si_unclaim(store, claim);
  return old;
}

int32_t w2s_table_get(const struct w2s_table *table, uint64_t index, union w2s_ref *out) {
  struct w2si_store *store = w2si_store(table->store);
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) return 0;
  int32_t inside = index < table->n_elems;
  if (inside) *out = table->elems[index];
  w2si_unclaim(store, claim);
  return inside;
}

int32_t w2s_table_set(struct w2s_table *table, uint64_t index, union w2s_ref value) {
  struct w2si_store *store = w2si_store(table->store);
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) return 0;
  int32_t good = index < table->n_elems && fits(table, value);
  if (good) table->elems[index] = value;
  w2si_unclaim(store, claim);
  return good;
}
