/* The builtins table, and host functions' entry. */
#ifndef W2SI_BUILTINS_H
#define W2SI_BUILTINS_H

#include "store.h"

extern const struct w2s_builtins w2si_builtins;

/* Give entries to host functions whose type no module knew when they were made. Returns 0 without memory. */
int w2si_resolve_host_funcs(struct w2si_store *store);
/* Run the finalizers of all host functions and free them. */
void w2si_free_host_funcs(struct w2si_store *store);

#endif
