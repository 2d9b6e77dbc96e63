/* Globals and their values. */
#define _GNU_SOURCE 1

#include <stdlib.h>
#include <string.h>

#include "exception.h"
#include "instance.h"
#include "type.h"

/* How a value is stored. */
enum storage { STORE_4, STORE_8, STORE_16, STORE_FUNC };

static enum storage storage_of(const struct w2s_valtype *type) {
  switch (type->code) {
    case W2S_I64:
    case W2S_F64: return STORE_8;
    case W2S_V128: return STORE_16;
    case W2S_REF:
    case W2S_REF_NULL: return w2si_heap_is_func(type->heap) ? STORE_FUNC : STORE_4;
    default: return STORE_4;
  }
}

void w2si_value_read(const struct w2s_valtype *type, const void *from, union w2s_value *out) {
  memset(out, 0, sizeof *out);
  switch (storage_of(type)) {
    case STORE_4: memcpy(&out->i32, from, 4); break;
    case STORE_8: memcpy(&out->i64, from, 8); break;
    case STORE_16: memcpy(out->words, from, 16); break;
    case STORE_FUNC: memcpy(&out->func, from, sizeof out->func); break;
  }
}

void w2si_value_write(const struct w2s_valtype *type, void *to, const union w2s_value *value) {
  switch (storage_of(type)) {
    case STORE_4: memcpy(to, &value->i32, 4); break;
    case STORE_8: memcpy(to, &value->i64, 8); break;
    case STORE_16: memcpy(to, value->words, 16); break;
    case STORE_FUNC: memcpy(to, &value->func, sizeof value->func); break;
  }
}

struct w2s_global *w2s_global_new(struct w2s_store *pub, const struct w2s_valtype *type, int32_t is_mutable,
                                  const union w2s_value *value) {
  struct w2si_store *store = w2si_store(pub);
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) return NULL;
  struct w2si_host_global *host = calloc(1, sizeof *host);
  if (host) {
    struct w2s_global *global = &host->global;
    global->value = &global->own;
    global->type = *type;
    global->is_mutable = is_mutable != 0;
    global->store = pub;
    w2si_exceptions_stored(store, type);
    w2si_value_write(type, global->value, value);
    host->next = store->host_globals;
    store->host_globals = host;
  }
  w2si_unclaim(store, claim);
  return host ? &host->global : NULL;
}

void w2s_global_get(const struct w2s_global *global, union w2s_value *out) {
  w2si_value_read(&global->type, global->value, out);
}

void w2s_global_set(struct w2s_global *global, const union w2s_value *value) {
  if (global->is_mutable) w2si_value_write(&global->type, global->value, value);
}
