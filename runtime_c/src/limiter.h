/* Asking the embedder before something grows. */
#ifndef W2SI_LIMITER_H
#define W2SI_LIMITER_H

#include "memory.h"
#include "store.h"

/* May the memory or table grow by so much? 1 yes (or it cannot grow anyway), 0 no, -1 the embedder failed. By the host. */
int32_t w2si_may_grow_memory(struct w2si_store *store, const struct w2s_memory *memory, uint64_t delta_pages);
int32_t w2si_may_grow_table(struct w2si_store *store, const struct w2s_table *table, uint64_t delta);
/* The same for wasm code, which traps at `pc` if the embedder failed. */
int w2si_guest_may_grow_memory(struct w2si_store *store, const struct w2s_memory *memory, uint64_t delta_pages,
                               uintptr_t pc);
int w2si_guest_may_grow_table(struct w2si_store *store, const struct w2s_table *table, uint64_t delta, uintptr_t pc);
/* May a memory, a table, an instance of a module be made? Else `error` says so. Shared memories, which belong to no
 * store, are not asked about. */
int32_t w2si_may_make_memory(struct w2si_store *store, const struct w2si_memory_type *type, struct w2s_error *error);
int32_t w2si_may_make_table(struct w2si_store *store, uint64_t elems, uint64_t max_elems, int has_max,
                            struct w2s_error *error);
int32_t w2si_may_instantiate(struct w2si_store *store, const struct w2s_meta *meta, struct w2s_error *error);

#endif
