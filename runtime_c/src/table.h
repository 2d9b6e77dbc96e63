/* Tables. */
#ifndef W2SI_TABLE_H
#define W2SI_TABLE_H

#include "store.h"

/* What a table is made from; `type` has a canonical heap type. */
struct w2si_table_type {
  struct w2s_valtype type;
  uint64_t min_elems;
  uint64_t max_elems; /* meaningful if has_max */
  uint8_t has_max;
  uint8_t is64;
};

/* Allocate the elements, all null, and register the table with the store, which the caller has claimed. On failure
 * nothing is left. */
int32_t w2si_table_init(struct w2s_table *table, struct w2si_store *store, const struct w2si_table_type *type,
                        struct w2s_error *error);
void w2si_table_destroy(struct w2s_table *table);
/* w2s_table_grow for a store that the caller works in. */
uint64_t w2si_table_grow(struct w2s_table *table, uint64_t delta, union w2s_ref init);

#endif
