/* Exceptions: the pool, handles, tags, and those that nobody caught. */
#ifndef W2SI_EXCEPTION_H
#define W2SI_EXCEPTION_H

#include "store.h"

/* A new exception of `tag`, its values not set; NULL where the store's limit or memory does not allow it. */
struct w2s_exception *w2si_exception_new(struct w2si_store *store, struct w2s_tag *tag);
void w2si_exception_release(struct w2si_store *store, struct w2s_exception *exception);
/* The pending exception, pending no longer, as a handle that belongs to `frame`; 0 without memory (builtins:
 * exception_keep). */
uint32_t w2si_exception_keep(struct w2si_store *store, const void *frame, const uint32_t *live, uint32_t n_live);
/* The exception of a handle, NULL if it is none. */
struct w2s_exception *w2si_exception_of(const struct w2si_store *store, uint32_t handle);
/* Forget the pending exception, if there is one. */
void w2si_exception_drop_pending(struct w2si_store *store);
/* The pending exception left the call that entered wasm: hold it for w2s_uncaught. */
void w2si_exception_note_uncaught(struct w2si_store *store);
/* The outermost call of the thread's stack has ended: no frame there is left to use a handle. */
void w2si_exceptions_end(struct w2si_store *store);
/* Free a list of handles whose frames are gone. */
void w2si_kept_free(struct w2si_store *store, struct w2si_kept_list *list);
/* A global or table of the store can hold exception handles if `type` says so. */
void w2si_exceptions_stored(struct w2si_store *store, const struct w2s_valtype *type);
/* Forget all exceptions: no handle of one is left. */
void w2si_exceptions_reset(struct w2si_store *store);
/* Free all that the store still holds. */
void w2si_exceptions_free(struct w2si_store *store);

#endif
