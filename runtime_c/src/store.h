/* A store's private part: limits, ownership, and lists of everything that lives in it. */
#ifndef W2SI_STORE_H
#define W2SI_STORE_H

#include <stdatomic.h>

#include "../include/wasm2so/runtime.h"
#include "backtrace.h"
#include "interrupt.h"
#include "thread.h"

struct w2si_activation;
struct w2s_fiber;
struct w2s_instance;
struct w2s_wasi;

/* Objects made by the embedder; those of instances lie in the instances' contexts. */
struct w2si_host_memory {
  struct w2s_memory memory;
  struct w2si_host_memory *next;
};
struct w2si_host_table {
  struct w2s_table table;
  struct w2si_host_table *next;
};
struct w2si_host_global {
  struct w2s_global global;
  struct w2si_host_global *next;
};
struct w2si_host_tag {
  struct w2s_tag tag;
  struct w2si_host_tag *next;
};
/* An exception that has a handle. `frame` is the address of the C frame that the handle belongs to. */
struct w2si_kept {
  struct w2s_exception *exception;
  uintptr_t frame;
};
struct w2si_kept_list {
  struct w2si_kept *entries;
  uint32_t n;
  uint32_t room;
};
struct w2si_bridge;
struct w2si_bridges {
  struct w2si_bridge **buckets; /* a power of two of them, or none */
  size_t n_buckets;
  size_t n;
};
/* A module that is kept loaded because a host function of the store uses its stub. */
struct w2si_module_ref {
  struct w2s_module *module;
  struct w2si_module_ref *next;
};

/* A shared memory that `n_uses` memories of the store's instances are. */
struct w2si_shared_use {
  struct w2s_memory *memory;
  uint64_t n_uses;
  struct w2si_shared_use *next;
};

struct w2si_store {
  struct w2s_store pub; /* first: generated code has a pointer to it */
  _Atomic(struct w2si_thread *) owner; /* the thread that is working in the store, or NULL */
  struct w2si_activation *top;         /* innermost activation */
  struct w2s_fiber *fiber;             /* whose stack the innermost activation is on; NULL: the thread's */
  struct w2s_fiber *caller;            /* that asked for the host function that is running, or NULL (fiber.c) */
  struct w2s_fiber *fibers;            /* all that have not ended */
  uint64_t n_fibers;
  _Atomic(struct w2s_fiber *) doomed;  /* deleted while another thread was working in the store */
  uint64_t n_guarded;                  /* guarded memories: faults can become traps */
  struct w2s_limits limits;
  uint64_t memory_bytes; /* of all memories that are not shared */
  uint64_t n_memories;
  uint64_t n_tables;
  uint64_t n_instances;
  struct w2s_memory *memories;
  struct w2si_shared_use *shared; /* each shared memory once */
  struct w2s_table *tables;
  struct w2s_instance *instances;
  struct w2si_host_memory *host_memories;
  struct w2si_host_table *host_tables;
  struct w2si_host_global *host_globals;
  struct w2si_host_tag *host_tags;
  struct w2s_host_func *host_funcs;
  uint64_t n_unresolved; /* host functions that no loaded module has a stub for */
  struct w2si_module_ref *stub_modules;
  int32_t (*limiter)(struct w2s_store *store, uint32_t kind, const struct w2s_growth *growth); /* or NULL */
  int32_t (*poll)(struct w2s_store *store); /* or NULL; called while code of the store waits */
  struct w2si_interruption interruption;
  struct w2s_wasi *wasi; /* all WASI contexts of the store */
  uint64_t exception_bytes; /* of all exceptions, and of the lists of handles */
  struct w2si_kept_list kept;    /* handles of frames */
  struct w2si_kept_list lasting; /* all others */
  struct w2s_exception *uncaught; /* the last one that left the outermost frame */
  int exceptions_stored; /* some global or table can hold handles */
  struct w2si_bridges bridges;
  struct w2si_trace trace; /* of the last trap or uncaught exception, until somebody has taken it */
  void *data;
  union w2s_value results[W2S_MAX_RESULTS];
};

static inline struct w2si_store *w2si_store(struct w2s_store *store) { return (struct w2si_store *)store; }
static inline const struct w2si_store *w2si_const_store(const struct w2s_store *store) {
  return (const struct w2si_store *)store;
}

/* A claim on a store for the calling thread. */
enum w2si_claim { W2SI_CLAIM_NONE, W2SI_CLAIM_OUTER, W2SI_CLAIM_NESTED };

/* Take the store for the calling thread; W2SI_CLAIM_NONE if another thread is working in it. */
static inline enum w2si_claim w2si_claim(struct w2si_store *store, struct w2si_thread *thread) {
  struct w2si_thread *owner = atomic_load_explicit(&store->owner, memory_order_relaxed);
  if (owner == thread) return W2SI_CLAIM_NESTED;
  owner = NULL;
  if (atomic_compare_exchange_strong_explicit(&store->owner, &owner, thread, memory_order_acquire,
                                              memory_order_relaxed)) {
    return W2SI_CLAIM_OUTER;
  }
  thread->usage = W2SI_USAGE_BUSY;
  return W2SI_CLAIM_NONE;
}

static inline void w2si_unclaim(struct w2si_store *store, enum w2si_claim claim) {
  if (claim == W2SI_CLAIM_OUTER) atomic_store_explicit(&store->owner, NULL, memory_order_release);
}

/* Fill `error` for W2S_ERR_USAGE as noted in the thread. */
int32_t w2si_fail_usage(struct w2s_error *error);

#endif
