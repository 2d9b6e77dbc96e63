/* Calls from modules that test for exceptions into code that does not.
 *
 * Most modules know nothing of exceptions, and their code never looks whether a call returned with one: an exception
 * that reaches it unwinds the stack, as a trap does, up to a catch point. Catch points are set here. A catching module
 * calls a function of a plain one through a bridge: a host function as far as the compiled code can see, whose stub
 * turns the call into an array call, and which makes that call with a catch point around it. Bridges to real host
 * functions need none: these return. */
#define _GNU_SOURCE 1

#include "bridge.h"

#include <stdlib.h>

#include "builtins.h"
#include "enter.h"
#include "module.h"
#include "trap.h"

enum { FIRST_BUCKETS = 64 };

struct w2si_bridge {
  struct w2s_host_func host; /* first: it is what compiled code calls */
  struct w2s_funcref target;
  struct w2si_bridge *next; /* in its bucket */
};

static void call_bridge(struct w2s_host_func *func, union w2s_value *values) {
  struct w2si_bridge *bridge = (struct w2si_bridge *)func;
  struct w2si_store *store = w2si_store(func->head.store);
  /* Functions that only make tail calls do not look, and bridges can be all that is between them. */
  if (w2si_frame() < store->pub.stack_limit) {
    w2si_trap(store, W2S_TRAP_STACK_OVERFLOW, (uintptr_t)__builtin_return_address(0), 0);
  }
  w2s_trampoline trampoline = w2s_func_trampoline(&bridge->target);
  if (trampoline) {
    w2si_call_catching(store, &bridge->target, trampoline, values);
  } else {
    w2si_call_host((struct w2s_host_func *)bridge->target.vm, values, (uintptr_t)__builtin_return_address(0));
  }
}

/* Of bridges' heads only: the host stub reaches nothing but call_host. */
static const struct w2s_builtins bridge_builtins = {.n_entries = 2, .trap = w2si_builtin_trap, .call_host = call_bridge};

static size_t bucket_of(const struct w2si_bridges *bridges, const struct w2s_funcref *target) {
  uint64_t mixed = (uint64_t)(uintptr_t)target->code * 0x9e3779b97f4a7c15u ^ (uint64_t)(uintptr_t)target->vm;
  return (size_t)((mixed * 0x9e3779b97f4a7c15u) >> 32) & (bridges->n_buckets - 1);
}

/* Keep the buckets at least as many as the bridges. Returns 0 without memory. */
static int reserve(struct w2si_bridges *bridges) {
  if (bridges->n < bridges->n_buckets) return 1;
  struct w2si_bridges larger = {.n = bridges->n, .n_buckets = bridges->n_buckets ? bridges->n_buckets * 2 : FIRST_BUCKETS};
  larger.buckets = calloc(larger.n_buckets, sizeof *larger.buckets);
  if (!larger.buckets) return 0;
  for (size_t i = 0; i < bridges->n_buckets; i++) {
    while (bridges->buckets[i]) {
      struct w2si_bridge *bridge = bridges->buckets[i];
      bridges->buckets[i] = bridge->next;
      struct w2si_bridge **bucket = &larger.buckets[bucket_of(&larger, &bridge->target)];
      bridge->next = *bucket;
      *bucket = bridge;
    }
  }
  free(bridges->buckets);
  *bridges = larger;
  return 1;
}

struct w2s_funcref *w2si_bridge_of(struct w2si_store *store, const struct w2s_funcref *target) {
  struct w2si_bridges *bridges = &store->bridges;
  if (bridges->n_buckets) {
    struct w2si_bridge *bridge = bridges->buckets[bucket_of(bridges, target)];
    for (; bridge; bridge = bridge->next) {
      if (bridge->target.code == target->code && bridge->target.vm == target->vm) return &bridge->host.funcref;
    }
  }
  void (*stub)(void) = w2si_module_host_stub(store, target->type);
  struct w2si_bridge *bridge = stub && reserve(bridges) ? calloc(1, sizeof *bridge) : NULL;
  if (!bridge) return NULL;
  bridge->host.head = (struct w2s_vm_head){.magic = W2S_MAGIC, .abi_version = W2S_ABI_VERSION, .store = &store->pub,
                                           .builtins = &bridge_builtins};
  bridge->host.type = target->type;
  bridge->host.funcref = (struct w2s_funcref){.code = stub, .vm = (struct w2s_vm *)bridge, .type = target->type,
                                              .flags = W2SI_FUNC_HOST, .raw = stub};
  bridge->target = *target;
  struct w2si_bridge **bucket = &bridges->buckets[bucket_of(bridges, target)];
  bridge->next = *bucket;
  *bucket = bridge;
  bridges->n++;
  return &bridge->host.funcref;
}

void w2si_free_bridges(struct w2si_store *store) {
  struct w2si_bridges *bridges = &store->bridges;
  for (size_t i = 0; i < bridges->n_buckets; i++) {
    while (bridges->buckets[i]) {
      struct w2si_bridge *bridge = bridges->buckets[i];
      bridges->buckets[i] = bridge->next;
      free(bridge);
    }
  }
  free(bridges->buckets);
}
