/* What stops code that computes: fuel, epochs, interruption by other threads, timeouts.
 *
 * Code with epochs compares the store's deadline with the epoch in each loop. Whoever wants its attention sets the
 * deadline to 0; the code then comes here, where the real deadline is put back and everything else is looked at. Flags
 * are set before the deadline and read after it was put back, so none is missed.
 */
#define _GNU_SOURCE 1

#include "interrupt.h"

#include "fiber.h"
#include "trap.h"
#include "watch.h"

static struct w2si_store *store_of(struct w2s_vm *vm) { return w2si_store(((struct w2s_vm_head *)vm)->store); }

static void set_deadline(struct w2si_store *store, uint64_t deadline) {
  __atomic_store_n(&store->pub.epoch_deadline, deadline, __ATOMIC_SEQ_CST);
}

/* Put the real deadline in force, but for a reason to stop at once. */
static void apply_deadline(struct w2si_store *store) {
  set_deadline(store, store->interruption.deadline);
  if (atomic_load(&store->interruption.is_asked) || atomic_load(&store->interruption.is_overdue)) {
    set_deadline(store, 0);
  }
}

static uint64_t epoch_of(const struct w2si_store *store) {
  return __atomic_load_n(store->pub.epoch, __ATOMIC_RELAXED);
}

static uint64_t add(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

void w2si_interruption_init(struct w2si_store *store) {
  store->pub.epoch = &store->interruption.no_epoch;
  store->interruption.deadline = UINT64_MAX;
  store->pub.epoch_deadline = UINT64_MAX;
}

void w2si_interruption_reset(struct w2si_store *store) {
  if (store->interruption.expires_ns) w2si_watch_timeout(store, -1, NULL);
  store->interruption.fuel_hook = NULL;
  store->interruption.epoch_hook = NULL;
  store->interruption.yield_ticks = 0;
  store->limiter = NULL;
  store->interruption.deadline = UINT64_MAX;
  atomic_store(&store->interruption.is_asked, 0);
  atomic_store(&store->interruption.is_overdue, 0);
  apply_deadline(store);
}

void w2si_interruption_end(struct w2si_store *store) { w2si_watch_forget(store); }

int32_t w2si_watch_epochs(struct w2si_store *store, struct w2s_error *error) {
  return store->poll ? w2si_watch_poll(store, error) : W2S_OK;
}

/* ---- fuel --------------------------------------------------------------------------------------------------- */

void w2s_store_set_fuel(struct w2s_store *store, uint64_t fuel) {
  store->fuel = fuel < INT64_MAX ? (int64_t)fuel : INT64_MAX;
}

uint64_t w2s_store_fuel(const struct w2s_store *store) { return store->fuel > 0 ? (uint64_t)store->fuel : 0; }

void w2s_store_set_fuel_hook(struct w2s_store *store, int64_t (*hook)(struct w2s_store *store)) {
  w2si_store(store)->interruption.fuel_hook = hook;
}

struct question {
  struct w2si_store *store;
  int64_t (*hook)(struct w2s_store *store);
  int64_t answer;
};

static void put(void *env) {
  struct question *question = env;
  question->answer = question->hook(&question->store->pub);
}

/* Ask the embedder; its code may do anything, but is not asked while it is being asked. 0 without a hook. */
static int64_t ask(struct w2si_store *store, int64_t (*hook)(struct w2s_store *store)) {
  if (!hook || store->interruption.is_asking) return 0;
  struct question question = {.store = store, .hook = hook};
  const struct w2si_pause pause = w2si_leave_wasm(store);
  store->interruption.is_asking = 1;
  w2si_on_host_stack(store, put, &question);
  store->interruption.is_asking = 0;
  w2si_return_to_wasm(store, &pause);
  return question.answer;
}

void w2si_builtin_out_of_fuel(struct w2s_vm *vm) {
  struct w2si_store *store = store_of(vm);
  const uintptr_t pc = (uintptr_t)__builtin_return_address(0);
  while (store->pub.fuel < 0) {
    int64_t more = ask(store, store->interruption.fuel_hook);
    if (more < 0) w2si_trap(store, W2S_TRAP_HOST, pc, 0);
    if (more == 0 && store->pub.fuel < 0) w2si_trap(store, W2S_TRAP_OUT_OF_FUEL, pc, 0);
    store->pub.fuel = store->pub.fuel > INT64_MAX - more ? INT64_MAX : store->pub.fuel + more;
  }
}

/* ---- epochs ------------------------------------------------------------------------------------------------- */

void w2s_store_set_epoch(struct w2s_store *pub, const uint64_t *epoch) { pub->epoch = epoch; }

void w2s_epoch_increment(uint64_t *epoch) { __atomic_fetch_add(epoch, 1, __ATOMIC_RELAXED); }

void w2s_store_set_epoch_deadline(struct w2s_store *pub, uint64_t ticks) {
  struct w2si_store *store = w2si_store(pub);
  store->interruption.deadline = add(epoch_of(store), ticks);
  apply_deadline(store);
}

void w2s_store_set_epoch_hook(struct w2s_store *store, int64_t (*hook)(struct w2s_store *store)) {
  w2si_store(store)->interruption.epoch_hook = hook;
}

void w2s_store_set_epoch_yield(struct w2s_store *store, uint64_t ticks) {
  w2si_store(store)->interruption.yield_ticks = ticks;
}

/* Run signal handlers and the like. Non-zero: one failed. */
static int32_t poll_host(struct w2si_store *store) {
  w2si_thread.in_wasm = NULL;
  int32_t failed = w2si_poll_host(store);
  w2si_thread.in_wasm = store;
  return failed;
}

void w2si_builtin_epoch_reached(struct w2s_vm *vm) {
  struct w2si_store *store = store_of(vm);
  struct w2si_interruption *interruption = &store->interruption;
  const uintptr_t pc = (uintptr_t)__builtin_return_address(0);
  set_deadline(store, interruption->deadline);
  if (w2si_take_interrupt(store)) w2si_trap(store, W2S_TRAP_INTERRUPT, pc, 0);
  if (poll_host(store)) w2si_trap(store, W2S_TRAP_HOST, pc, 0);
  if (epoch_of(store) < interruption->deadline) return;
  if (store->fiber && interruption->yield_ticks) {
    if (w2si_fiber_yield(store) != W2S_HOST_OK) w2si_trap(store, W2S_TRAP_HOST, pc, 0);
    w2s_store_set_epoch_deadline(&store->pub, interruption->yield_ticks);
    return;
  }
  int64_t ticks = ask(store, interruption->epoch_hook);
  if (ticks < 0) w2si_trap(store, W2S_TRAP_HOST, pc, 0);
  if (ticks > 0) w2s_store_set_epoch_deadline(&store->pub, (uint64_t)ticks);
  if (epoch_of(store) >= interruption->deadline) w2si_trap(store, W2S_TRAP_INTERRUPT, pc, 0);
}

/* ---- interruption and timeouts ------------------------------------------------------------------------------ */

void w2s_store_interrupt(struct w2s_store *pub) {
  struct w2si_store *store = w2si_store(pub);
  atomic_store(&store->interruption.is_asked, 1);
  set_deadline(store, 0);
}

void w2si_forget_interrupt(struct w2si_store *store) {
  atomic_store(&store->interruption.is_asked, 0);
  apply_deadline(store);
}

int w2si_take_interrupt(struct w2si_store *store) {
  int asked = atomic_load(&store->interruption.is_asked) && atomic_exchange(&store->interruption.is_asked, 0);
  if (!atomic_load(&store->interruption.is_overdue)) return asked;
  set_deadline(store, 0); /* until the timeout is lifted */
  return 1;
}

int32_t w2s_store_set_timeout(struct w2s_store *pub, int64_t timeout_ns, struct w2s_error *error) {
  struct w2si_store *store = w2si_store(pub);
  int32_t status = w2si_watch_timeout(store, timeout_ns, error);
  apply_deadline(store);
  return status;
}

int32_t w2s_store_is_overdue(const struct w2s_store *store) {
  return atomic_load(&w2si_const_store(store)->interruption.is_overdue) != 0;
}
