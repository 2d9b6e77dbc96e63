/* The process-wide registry of canonical types. */
#ifndef W2SI_TYPE_H
#define W2SI_TYPE_H

#include "../include/wasm2so/runtime.h"

enum w2si_type_kind { W2SI_KIND_FUNC = 0x60, W2SI_KIND_STRUCT = 0x5f, W2SI_KIND_ARRAY = 0x5e };
enum { W2SI_MAX_SUPERS = 63 }; /* implementation limit of the JS API */

/* A canonical type. Never changes and never goes away, except for `provider`. */
struct w2si_type {
  uint32_t kind;
  uint32_t final_;
  uint32_t super_;     /* canonical id, or 0 */
  uint32_t depth;      /* number of supertypes */
  uint32_t n_params;
  uint32_t n_results;  /* struct and array: number of fields */
  struct w2s_valtype *parts; /* params then results, or fields; canonical heap types */
  uint32_t *display;   /* the ids of the supertypes, outermost first, and its own: depth + 1 entries */
  struct w2s_module *provider; /* a loaded module with stubs for this function type; under the lock */
  uint32_t provider_index;     /* its index for the type */
};

/* The lock of the registry and of the list of loaded modules; also held across fork. */
void w2si_lock(void);
void w2si_unlock(void);

/* The type, or NULL if `id` is none. Needs no lock. */
struct w2si_type *w2si_type(uint32_t id);
/* Is `actual` the same as `expected`, or a subtype of it? */
uint32_t w2si_type_matches(uint32_t actual, uint32_t expected);
int w2si_heap_is_func(int32_t heap);
/* Write the canonical ids of all types of a checked metadata blob to `ids`. Returns 0, or an errno value. With the
 * lock held. */
int w2si_types_intern(const struct w2s_meta *meta, uint32_t *ids);

#endif
