/* Entering and leaving wasm.
 *
 * For bindings that want the shortest way in:
 *   - at look-up, once:  t = w2s_func_trampoline(func)   (NULL for a host function: call that directly)
 *   - at each call:      status = w2s_call_prepared(store, func, t, values, cookie)
 * W2S_OK: results are in `values`. W2S_ERR_TRAP and W2S_ERR_USAGE: w2s_call_error(status, &error) gives the details, as
 * long as the thread has made no other call. `cookie` is the binding's own word for the activation (say, the saved
 * thread state): a host function finds it with w2s_store_cookie(store), which also serves to replace it.
 * The caller must make sure that `func` belongs to `store` (w2s_call checks it).
 */
#ifndef W2SI_ENTER_H
#define W2SI_ENTER_H

#include <setjmp.h>

#include "store.h"

typedef void (*w2s_trampoline)(struct w2s_funcref *callee, union w2s_value *values);

/* A place in the middle of wasm frames where a pending exception can go; lives in a C frame. */
struct w2si_catch_point {
  sigjmp_buf buf;
  struct w2si_catch_point *prev;
  uint8_t *segment; /* what the segment register held, if it matters */
};

/* One entry into wasm; lives in the C frame of w2s_call_prepared. */
struct w2si_activation {
  sigjmp_buf buf;               /* where a trap goes, and an exception for which there is no catch point */
  struct w2si_catch_point *catch_point; /* innermost */
  struct w2s_exception *pending; /* of the host function that is running: it has thrown, but not yet returned */
  struct w2si_activation *prev; /* the store's next outer activation */
  struct w2si_store *outer;     /* what w2si_thread.in_wasm was */
  void *cookie;                 /* the embedder's */
  uint32_t fp_control;          /* the host's */
};

/* What `flags` of a w2s_funcref holds: the kind, an enum w2s_func_traits, and the type's index in its module. */
enum {
  W2SI_FUNC_WASM = 1,
  W2SI_FUNC_HOST = 2,
  W2SI_FUNC_WASI = 3,
  W2SI_FUNC_KIND = 0xf,
  W2SI_FUNC_TRAITS_SHIFT = 4,
  W2SI_FUNC_TRAITS = 0xf,
  W2SI_FUNC_TYPE_SHIFT = 8
};

/* Array call -> native code of `func`, or NULL if it is a host function. Valid as long as the function. */
w2s_trampoline w2s_func_trampoline(const struct w2s_funcref *func);
/* An enum w2s_func_traits: what need not be done for a call. */
uint32_t w2s_func_traits(const struct w2s_funcref *func);
/* The shortest way in, for a function that is total, while no other thread is in its store: it cannot fail. */
void w2s_call_total(struct w2s_funcref *func, w2s_trampoline trampoline, union w2s_value *values);
int32_t w2s_call_prepared(struct w2s_store *store, struct w2s_funcref *func, w2s_trampoline trampoline,
                          union w2s_value *values, void *cookie);
/* Details of the failure that w2s_call_prepared just returned to this thread. Returns `status`. */
int32_t w2s_call_error(int32_t status, struct w2s_error *error);
/* The cookie of the innermost activation, or NULL if none runs: inside a host function, of its caller. */
void **w2s_store_cookie(struct w2s_store *store);
/* The innermost activation, or NULL. */
struct w2si_activation *w2si_current_activation(struct w2s_store *store);
/* Where the store's last trap or uncaught exception left wasm: of the innermost activation only. To be read before the
 * next call; whoever does sets `n` to 0. */
struct w2si_trace *w2s_store_trace(struct w2s_store *store);
/* enum w2s_trap_code of this thread's last trap, and an address in the code where it happened. */
uint32_t w2s_last_trap(void);
/* What the program gave to proc_exit, if that trap was W2S_TRAP_EXIT. */
uint32_t w2s_last_exit_status(void);
uintptr_t w2s_last_trap_pc(void);

#endif
