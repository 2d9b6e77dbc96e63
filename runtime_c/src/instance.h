/* Instances. */
#ifndef W2SI_INSTANCE_H
#define W2SI_INSTANCE_H

#include "store.h"

struct w2si_wasi_func;
struct w2si_mark;

/* How far instantiation has come. MARKED: element segments have run, and reset.c can bring it back here. */
enum w2si_instance_state { W2SI_INSTANCE_NEW, W2SI_INSTANCE_MARKED, W2SI_INSTANCE_FINISHED };

struct w2s_instance {
  struct w2si_store *store;
  struct w2s_module *module;
  const struct w2s_descriptor *descriptor;
  const struct w2s_meta *meta;
  struct w2s_vm *vm; /* meta->vm_bytes bytes, aligned to 64 */
  struct w2s_funcref **import_funcs;  /* the originals, so that their identity is kept */
  struct w2s_global *import_globals;  /* likewise */
  struct w2si_wasi_func *wasi_funcs;  /* its own versions of imported WASI functions, by index; or NULL */
  struct w2si_mark *mark; /* what a reset goes back to; or NULL */
  enum w2si_instance_state state;
  uint8_t has_copied_image; /* the system could not map it */
  uint32_t n_memories; /* own memories and tables made so far */
  uint32_t n_tables;
  struct w2s_instance *next;
};

/* Map the images of own memories (again, over what is there). */
void w2si_map_images(struct w2s_instance *instance);

/* Release everything an instance owns. It is in no list. */
void w2si_instance_free(struct w2s_instance *instance);

static inline void *w2si_field(const struct w2s_instance *instance, uint64_t offset) {
  return (uint8_t *)instance->vm + offset;
}

/* A module's value type with its canonical heap type. */
struct w2s_valtype w2si_canonical(const struct w2s_instance *instance, struct w2s_valtype type);
/* Items by index. `w2si_func` is NULL for own functions that are never used as a value. */
struct w2s_funcref *w2si_func(const struct w2s_instance *instance, uint32_t index);
struct w2s_table *w2si_table(const struct w2s_instance *instance, uint32_t index);
struct w2s_memory *w2si_memory(const struct w2s_instance *instance, uint32_t index);
struct w2s_global w2si_global(const struct w2s_instance *instance, uint32_t index);
struct w2s_tag *w2si_tag(const struct w2s_instance *instance, uint32_t index);

/* A global's value at its natural width, as in contexts: functions are pointers, other references 32-bit handles. */
void w2si_value_read(const struct w2s_valtype *type, const void *from, union w2s_value *out);
void w2si_value_write(const struct w2s_valtype *type, void *to, const union w2s_value *value);

/* Check all imports against what the module wants, one to one (link.c). */
int32_t w2si_link_check(struct w2si_store *store, const struct w2s_module *module, const struct w2s_extern *imports,
                        size_t n_imports, struct w2s_error *error);
/* Fill the context from checked imports: imported items, then the funcref slots and own tags. Returns 0 without memory. */
int w2si_link(struct w2s_instance *instance, const struct w2s_extern *imports);

/* Segments (segment.c). The copying ones return 0, or the trap code of an access out of bounds, before which nothing
 * was written. */
uint32_t w2si_table_init_from(struct w2s_instance *instance, struct w2s_table *table, uint32_t elem, uint64_t to,
                              uint64_t from, uint64_t n);
uint32_t w2si_memory_init_from(struct w2s_instance *instance, struct w2s_memory *memory, uint32_t data, uint64_t to,
                               uint64_t from, uint64_t n);
void w2si_elem_drop(struct w2s_instance *instance, uint32_t elem);
void w2si_data_drop(struct w2s_instance *instance, uint32_t data);
/* Run the active element segments in order; map images and run the active data segments. Return W2S_OK, or W2S_ERR_TRAP
 * or W2S_ERR_RESOURCE with `error` filled. */
int32_t w2si_run_elems(struct w2s_instance *instance, struct w2s_error *error);
int32_t w2si_run_datas(struct w2s_instance *instance, struct w2s_error *error);

#endif
