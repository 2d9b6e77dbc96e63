/* Shared memories: process-wide, reference counted, used by any number of stores and threads at once. */
#ifndef W2SI_SHARED_H
#define W2SI_SHARED_H

#include "memory.h"

/* Make the shared memory that an instance of the store declares, within the store's limits, and attach it. */
int32_t w2si_shared_make(struct w2si_store *store, const struct w2si_memory_type *type, struct w2s_memory **out,
                         struct w2s_error *error);
/* Code of the store is going to use the memory: keep it, and know its addresses. Attached n times, it must be detached
 * n times. The caller has claimed the store. */
int32_t w2si_shared_attach(struct w2si_store *store, struct w2s_memory *memory, struct w2s_error *error);
void w2si_shared_detach(struct w2si_store *store, struct w2s_memory *memory);
/* Bytes of all memories that code of the store can reach, its own and shared ones. */
uint64_t w2si_total_memory_bytes(const struct w2si_store *store);
/* Grow within the limits of the store that asks; NULL: the host does. */
uint64_t w2si_shared_grow(struct w2si_store *store, struct w2s_memory *memory, uint64_t delta_pages);

#endif
