/* Fuel, epochs, interruption and timeouts. */
#ifndef W2SI_INTERRUPT_H
#define W2SI_INTERRUPT_H

#include <stdatomic.h>
#include <stdint.h>

struct w2s_store;
struct w2s_vm;
struct w2si_store;
struct w2s_error;

/* What makes code with epochs stop before its epoch deadline, and the store's place among the watched ones. */
struct w2si_interruption {
  _Atomic(uint32_t) is_asked;   /* w2s_store_interrupt */
  _Atomic(uint32_t) is_overdue; /* the timeout is over */
  uint64_t deadline;            /* pub.epoch_deadline is this, or 0 to have code ask at once */
  uint64_t no_epoch;            /* the epoch of a store without an engine's */
  int64_t (*fuel_hook)(struct w2s_store *store);
  int64_t (*epoch_hook)(struct w2s_store *store);
  uint64_t yield_ticks; /* or 0 */
  int is_asking;
  /* under the watch's lock: */
  struct w2si_store *next;
  struct w2si_store *prev;
  uint64_t expires_ns; /* monotonic time; 0: no timeout */
  int is_watched;
  int is_polled; /* its code is to poll the host now and then */
};

void w2si_interruption_init(struct w2si_store *store);
/* As at first: nothing is asked for, and nobody is asked. */
void w2si_interruption_reset(struct w2si_store *store);
/* Before the store is freed. */
void w2si_interruption_end(struct w2si_store *store);
/* The store gets an instance whose code looks at the epoch: see to it that signals reach the host while it runs. */
int32_t w2si_watch_epochs(struct w2si_store *store, struct w2s_error *error);
/* An interruption that was asked for is over, or was for nobody. */
void w2si_forget_interrupt(struct w2si_store *store);
/* Was the store interrupted? For code that waits. Forgets it, unless it is a timeout. */
int w2si_take_interrupt(struct w2si_store *store);

/* w2s_builtins.out_of_fuel and .epoch_reached. */
void w2si_builtin_out_of_fuel(struct w2s_vm *vm);
void w2si_builtin_epoch_reached(struct w2s_vm *vm);

#endif
