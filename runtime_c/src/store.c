/* Stores. */
#define _GNU_SOURCE 1

#include "store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"
#include "builtins.h"
#include "errors.h"
#include "exception.h"
#include "fiber.h"
#include "instance.h"
#include "memory.h"
#include "module.h"
#include "table.h"
#include "wasi_core.h"

#ifndef W2S_ABI_DIGEST_HEX
#error "define W2S_ABI_DIGEST_HEX: the SHA-256 of abi.h and libcalls.h, as 64 hexadecimal digits in quotes"
#endif

enum { DIGEST_BYTES = 32, MIN_STACK_BYTES = 64 << 10 };

static const struct w2s_limits default_limits = {
    .memory_bytes = (uint64_t)4 << 30,
    .total_memory_bytes = (uint64_t)16 << 30,
    .table_elems = 10000000,
    .instances = 10000,
    .tables = 10000,
    .memories = 10000,
    .stack_bytes = 8 << 20,
    .exception_bytes = 64 << 20,
    .fibers = 2000, /* their stacks together are as large as total_memory_bytes */
};

static uint8_t digit(char hex) { return (uint8_t)(hex <= '9' ? hex - '0' : (hex | 0x20) - 'a' + 10); }

static uint8_t digest[DIGEST_BYTES];
static pthread_once_t digest_once = PTHREAD_ONCE_INIT;

static void read_digest(void) {
  static const char hex[2 * DIGEST_BYTES + 1] = W2S_ABI_DIGEST_HEX;
  for (int i = 0; i < DIGEST_BYTES; i++) digest[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
}

const uint8_t *w2s_abi_digest(void) {
  pthread_once(&digest_once, read_digest);
  return digest;
}

int32_t w2si_fail_usage(struct w2s_error *error) {
  switch (w2si_thread.usage) {
    case W2SI_USAGE_BUSY: return w2si_fail(error, W2S_ERR_USAGE, "the store is in use by another thread");
    case W2SI_USAGE_FOREIGN: return w2si_fail(error, W2S_ERR_USAGE, "the function belongs to another store");
    case W2SI_USAGE_STACK: return w2si_fail(error, W2S_ERR_USAGE, "this thread runs on a stack of unknown bounds");
    default: return w2si_fail(error, W2S_ERR_USAGE, "wrong use of a store");
  }
}

struct w2s_store *w2s_store_new(void) {
  struct w2si_store *store = calloc(1, sizeof *store);
  if (!store) return NULL;
  store->pub.results = store->results;
  store->limits = default_limits;
  w2si_interruption_init(store);
  return &store->pub;
}

static void free_instances(struct w2si_store *store) {
  while (store->instances) {
    struct w2s_instance *instance = store->instances;
    store->instances = instance->next;
    w2si_instance_free(instance);
  }
}

static void free_host_objects(struct w2si_store *store) {
  while (store->host_memories) {
    struct w2si_host_memory *host = store->host_memories;
    store->host_memories = host->next;
    w2si_memory_destroy(&host->memory);
    free(host);
  }
  while (store->host_tables) {
    struct w2si_host_table *host = store->host_tables;
    store->host_tables = host->next;
    w2si_table_destroy(&host->table);
    free(host);
  }
  while (store->host_globals) {
    struct w2si_host_global *host = store->host_globals;
    store->host_globals = host->next;
    free(host);
  }
}

void w2s_store_delete(struct w2s_store *pub) {
  struct w2si_store *store = w2si_store(pub);
  if (!store) return;
  /* A store that is being worked in cannot go: it is left as it is rather than pulled from under its user. */
  if (w2si_claim(store, &w2si_thread) != W2SI_CLAIM_OUTER) return;
  w2si_fibers_end(store);
  w2si_interruption_end(store);
  free_instances(store);
  free_host_objects(store);
  w2si_exceptions_free(store);
  w2si_free_bridges(store);
  w2si_free_host_funcs(store);
  w2si_wasi_free_all(store->wasi);
  while (store->stub_modules) {
    struct w2si_module_ref *ref = store->stub_modules;
    store->stub_modules = ref->next;
    w2s_module_release(ref->module);
    free(ref);
  }
  free(store);
}

void w2s_store_get_limits(const struct w2s_store *store, struct w2s_limits *limits) {
  *limits = w2si_const_store(store)->limits;
}

void w2s_store_set_limits(struct w2s_store *pub, const struct w2s_limits *limits) {
  struct w2si_store *store = w2si_store(pub);
  store->limits = *limits;
  if (store->limits.stack_bytes < MIN_STACK_BYTES) store->limits.stack_bytes = MIN_STACK_BYTES;
}

void w2s_store_set_data(struct w2s_store *store, void *data) { w2si_store(store)->data = data; }

void *w2s_store_data(const struct w2s_store *store) { return w2si_const_store(store)->data; }

void w2s_store_set_poll(struct w2s_store *store, int32_t (*poll)(struct w2s_store *store)) {
  w2si_store(store)->poll = poll;
}
