/* The watch: a thread of the process that has the code of stores look up when time has passed. */
#ifndef W2SI_WATCH_H
#define W2SI_WATCH_H

#include "store.h"

/* Have the store's code poll the host several times a second while it runs. */
int32_t w2si_watch_poll(struct w2si_store *store, struct w2s_error *error);
/* Mark the store overdue after `timeout_ns`; not positive: not any more. Whether it is overdue already is not changed. */
int32_t w2si_watch_timeout(struct w2si_store *store, int64_t timeout_ns, struct w2s_error *error);
/* The store goes. */
void w2si_watch_forget(struct w2si_store *store);

#endif
