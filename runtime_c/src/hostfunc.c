/* Functions made by the host. */
#define _GNU_SOURCE 1

#include <stdlib.h>

#include "builtins.h"
#include "enter.h"
#include "module.h"
#include "trap.h"
#include "type.h"

/* The entry of a host function that no module can call yet, because none knows its type: never reached, and harmless
 * whatever the arguments are. */
static void no_stub(struct w2s_vm *vm) { w2si_builtin_trap(vm, W2S_TRAP_BAD_SIGNATURE); }

static int resolve(struct w2si_store *store, struct w2s_host_func *host) {
  struct w2si_type *type = w2si_type(host->type);
  void (*stub)(void) = w2si_module_host_stub(store, host->type);
  if (stub) host->funcref.code = stub;
  return stub || !type->provider;
}

static int is_resolved(const struct w2s_host_func *host) { return host->funcref.code != (void (*)(void))no_stub; }

int w2si_resolve_host_funcs(struct w2si_store *store) {
  struct w2s_host_func *host = store->n_unresolved ? store->host_funcs : NULL;
  for (; host && store->n_unresolved; host = host->next) {
    if (is_resolved(host)) continue;
    if (!resolve(store, host)) return 0;
    if (is_resolved(host)) store->n_unresolved--;
  }
  return 1;
}

struct w2s_funcref *w2s_func_new(struct w2s_store *pub, uint32_t type,
                                 int32_t (*call)(struct w2s_host_func *self, union w2s_value *values), void *env,
                                 void (*finalize)(void *env)) {
  struct w2si_store *store = w2si_store(pub);
  const struct w2si_type *known = w2si_type(type);
  if (!known || known->kind != W2SI_KIND_FUNC) return NULL;
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) return NULL;
  struct w2s_host_func *host = calloc(1, sizeof *host);
  if (host) {
    host->head = (struct w2s_vm_head){.magic = W2S_MAGIC, .abi_version = W2S_ABI_VERSION, .store = pub,
                                      .builtins = &w2si_builtins};
    host->call = call;
    host->env = env;
    host->finalize = finalize;
    host->type = type;
    host->funcref = (struct w2s_funcref){.code = (void (*)(void))no_stub, .vm = (struct w2s_vm *)host, .type = type,
                                         .flags = W2SI_FUNC_HOST};
    resolve(store, host);
    if (!is_resolved(host)) store->n_unresolved++;
    host->next = store->host_funcs;
    store->host_funcs = host;
  }
  w2si_unclaim(store, claim);
  return host ? &host->funcref : NULL;
}

void w2si_free_host_funcs(struct w2si_store *store) {
  while (store->host_funcs) {
    struct w2s_host_func *host = store->host_funcs;
    store->host_funcs = host->next;
    if (host->finalize) host->finalize(host->env);
    free(host);
  }
}
