/* Calls from modules that test for exceptions into code that does not. */
#ifndef W2SI_BRIDGE_H
#define W2SI_BRIDGE_H

#include "store.h"

/* A function of the same type as `target`, with a `raw` entry, that calls it; one for each function of the store. NULL
 * without memory. */
struct w2s_funcref *w2si_bridge_of(struct w2si_store *store, const struct w2s_funcref *target);
void w2si_free_bridges(struct w2si_store *store);

#endif
