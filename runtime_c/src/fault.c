/* The fault handler: a fault is a trap only if this thread is in wasm code and the address belongs to a memory of the
 * store it runs in; everything else goes to whoever had the signal before us.
 *
 * Others may take the signal over later (faulthandler.enable()) or take it away (faulthandler.disable() restores what
 * was there before it). The kernel does not tell, and asking costs about 200 ns. A change by the same thread costs
 * itself several such system calls, so it is enough to ask if more than the time of a few of them has gone by since
 * the last time: that is RECHECK_QUERIES, measured when the handler is first installed.
 */
#define _GNU_SOURCE 1

#include "fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "fiber.h"
#include "memory.h"
#include "trap.h"

enum {
  MAX_PREVIOUS = 8,
  /* The same fault so often in a row means that the handler before us does nothing about it. */
  MAX_REPEATS = 64,
  RECHECK_QUERIES = 4,
  CALIBRATION_ROUNDS = 16
};

/* The distinct handlers found when ours was installed. Entries never change once `order` names them, so the handler
 * can read them at any time. `order` holds their numbers (from 1) in nibbles, the newest in the lowest. */
struct previous {
  _Atomic(uint64_t) order;
  unsigned n;
  struct sigaction actions[MAX_PREVIOUS];
};

static const int signals[] = {SIGSEGV, SIGBUS};
enum { N_SIGNALS = 2 };
static struct previous previous[N_SIGNALS];
static pthread_mutex_t install_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(uint64_t) recheck_ticks; /* 0: never installed */

static void on_fault(int sig, siginfo_t *info, void *context);

static int is_ours(const struct sigaction *action) {
  return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_fault;
}

static int same_handler(const struct sigaction *a, const struct sigaction *b) {
  return a->sa_handler == b->sa_handler && ((a->sa_flags ^ b->sa_flags) & SA_SIGINFO) == 0;
}

/* Hand the signal to the default action: death with the right status. A real fault comes again by itself. */
static void die_by_default(int sig, const siginfo_t *info) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  sigaction(sig, &action, NULL);
  if (info->si_code <= 0) raise(sig);
}

/* Call a handler as the kernel would have: with its signals blocked. */
static void call_previous(const struct sigaction *action, int sig, siginfo_t *info, void *context) {
  sigset_t block = action->sa_mask;
  sigset_t before;
  if (!(action->sa_flags & SA_NODEFER)) sigaddset(&block, sig);
  pthread_sigmask(SIG_BLOCK, &block, &before);
  if (action->sa_flags & SA_SIGINFO) {
    action->sa_sigaction(sig, info, context);
  } else {
    action->sa_handler(sig);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Is this fault the same as the last one, again and again, at once? */
static int is_stuck(struct w2si_thread *thread, const siginfo_t *info, const void *context) {
  uintptr_t pc = w2si_context_pc(context);
  uintptr_t address = (uintptr_t)info->si_addr;
  uint64_t now = w2si_ticks();
  uint64_t gap = now - thread->last_ticks;
  int same = pc == thread->last_pc && address == thread->last_address && gap < 4096 * recheck_ticks;
  thread->repeats = same ? thread->repeats + 1 : 0;
  thread->last_pc = pc;
  thread->last_address = address;
  thread->last_ticks = now;
  return thread->repeats >= MAX_REPEATS;
}

/* Not ours: give the signal to the newest handler before us; one that raises it again (faulthandler does, after
 * its report, believing us to be the handler before it) gets the next older one. */
static void chain(struct w2si_thread *thread, int sig, siginfo_t *info, void *context) {
  const struct previous *list = &previous[sig == SIGSEGV ? 0 : 1];
  uint32_t depth = info->si_code > 0 ? 0 : thread->chain_depth;
  unsigned nth = depth < MAX_PREVIOUS ? (atomic_load(&list->order) >> (4 * depth)) & 15 : 0;
  const struct sigaction *action = nth ? &list->actions[nth - 1] : NULL;
  if (info->si_code > 0 && is_stuck(thread, info, context)) action = NULL;
  if (action && action->sa_handler == SIG_IGN && info->si_code <= 0) return;
  if (!action || action->sa_handler == SIG_DFL || action->sa_handler == SIG_IGN) {
    die_by_default(sig, info);
    return;
  }
  uint32_t outer = thread->chain_depth;
  thread->chain_depth = depth + 1;
  call_previous(action, sig, info, context);
  thread->chain_depth = outer;
}

/* A handler that took the signal over without our noticing, and then restored us and raised the signal anew:
 * wasm code itself raises none. Returning makes the fault happen again, now with us in charge. */
static int is_handed_back(const struct w2si_thread *thread, const siginfo_t *info) {
  return thread->in_wasm && thread->chain_depth == 0 && info->si_code == SI_TKILL && info->si_pid == getpid();
}

static void on_fault(int sig, siginfo_t *info, void *context) {
  struct w2si_thread *thread = &w2si_thread;
  struct w2si_store *store = thread->in_wasm;
  if (store && info->si_code > 0 && w2si_memory_at(store, (uintptr_t)info->si_addr)) {
    w2si_trap(store, W2S_TRAP_MEMORY_OUT_OF_BOUNDS, w2si_context_pc(context), (uintptr_t)info->si_addr);
  }
  if (store && info->si_code > 0 && w2si_is_below_fiber(store, (uintptr_t)info->si_addr)) {
    w2si_trap(store, W2S_TRAP_STACK_OVERFLOW, w2si_context_pc(context), (uintptr_t)info->si_addr);
  }
  if (is_handed_back(thread, info)) return;
  int saved = errno;
  chain(thread, sig, info, context);
  errno = saved;
}

/* Remember, as the newest, who had signal number `nth` before us. */
static void remember(unsigned nth, const struct sigaction *action) {
  struct previous *list = &previous[nth];
  unsigned found = 0;
  while (found < list->n && !same_handler(&list->actions[found], action)) found++;
  if (found == MAX_PREVIOUS) return;
  if (found == list->n) list->actions[list->n++] = *action;
  uint64_t order = found + 1;
  unsigned shift = 4;
  for (uint64_t rest = atomic_load(&list->order); rest; rest >>= 4) {
    if ((rest & 15) == found + 1) continue;
    order |= (rest & 15) << shift;
    shift += 4;
  }
  atomic_store(&list->order, order);
}

static void install(unsigned nth) {
  struct sigaction found;
  if (sigaction(signals[nth], NULL, &found) || is_ours(&found)) return;
  remember(nth, &found);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(signals[nth], &action, NULL);
}

/* The time of RECHECK_QUERIES queries, in ticks; at least 1. */
static uint64_t calibrate(void) {
  uint64_t best = UINT64_MAX;
  for (int i = 0; i < CALIBRATION_ROUNDS; i++) {
    struct sigaction found;
    uint64_t start = w2si_ticks();
    sigaction(SIGSEGV, NULL, &found);
    uint64_t took = w2si_ticks() - start;
    if (took < best) best = took;
  }
  return best * RECHECK_QUERIES + 1;
}

int32_t w2s_runtime_init(void) {
  if (pthread_mutex_lock(&install_lock)) return W2S_ERR_RESOURCE;
  for (unsigned i = 0; i < N_SIGNALS; i++) install(i);
  if (!recheck_ticks) recheck_ticks = calibrate();
  pthread_mutex_unlock(&install_lock);
  return W2S_OK;
}

void w2si_fault_recheck(struct w2si_thread *thread) {
  uint64_t now = w2si_ticks();
  if (now - thread->checked_at < recheck_ticks) return;
  struct sigaction found;
  if (sigaction(SIGSEGV, NULL, &found) == 0 && !is_ours(&found)) w2s_runtime_init();
  thread->checked_at = now;
}
