/* Fibers: calls that run on a stack of their own, so that they can be left in the middle of a host function and gone on
 * with later. Host code never runs on such a stack. */
#ifndef W2SI_FIBER_H
#define W2SI_FIBER_H

#include "enter.h"
#include "fiber_stack.h"
#include "switch.h"

/* What of a store belongs to the stack that its code runs on. While a fiber runs, this of the host's is put aside. */
struct w2si_context {
  struct w2s_fiber *fiber;       /* whose stack it is; NULL: the thread's own */
  struct w2si_activation *top;
  uint8_t *stack_limit;
  struct w2s_exception *pending;
  struct w2s_tail tail;
  struct w2si_kept_list kept;    /* in the order of the frames of one stack */
};

enum w2si_fiber_state {
  W2SI_FIBER_NEW,
  W2SI_FIBER_RUNNING,   /* also while a host function runs that it called */
  W2SI_FIBER_SUSPENDED, /* in a host function that has not finished */
  W2SI_FIBER_ENDED      /* or its store is gone: it has no stack */
};

struct w2s_fiber {
  struct w2si_store *store;     /* NULL once it is deleted */
  struct w2si_thread *thread;   /* the one that began it; compiled code may hold addresses of its thread's data */
  enum w2si_fiber_state state;
  struct w2si_fiber_stack stack;
  struct w2si_switch where;     /* both sides' places to go on */
  struct w2si_context context;  /* its own while it does not run, else that of the resumer */
  struct w2si_activation *host_top; /* of the resumer */
  struct w2s_funcref *func;
  w2s_trampoline trampoline;
  union w2s_value *values;
  int32_t status;               /* how the call ended */
  /* what it wants done on the host's stack; `run` is NULL when the call has ended */
  void (*run)(void *env);
  void *env;
  struct w2s_host_func *host;   /* the host function that it is in, which may suspend it; else NULL */
  union w2s_value *host_values;
  int32_t host_result;
  struct w2s_fiber *next;       /* of the store */
  struct w2s_fiber *prev;
  struct w2s_fiber *next_doomed;
};

/* Run `run(env)` on the host's stack: right here unless code of the store runs on a fiber. The thread must have left
 * wasm. */
void w2si_on_host_stack(struct w2si_store *store, void (*run)(void *env), void *env);
/* Likewise, run a host function, which may suspend the fiber. Its result, once it has finished. */
int32_t w2si_fiber_call_host(struct w2si_store *store, struct w2s_host_func *func, union w2s_value *values);
/* Suspend the call in the middle of wasm. What it is resumed with: an enum w2s_host_result. */
int32_t w2si_fiber_yield(struct w2si_store *store);
/* The first function on a fiber's stack (switch.c calls it). Never returns. */
void w2si_fiber_main(struct w2s_fiber *fiber);
/* For the fault handler: is this below the stack of the fiber that runs? */
int w2si_is_below_fiber(const struct w2si_store *store, uintptr_t address);
/* The store is about to be deleted: end all its fibers. */
void w2si_fibers_end(struct w2si_store *store);

#endif
