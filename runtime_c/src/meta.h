/* A module's metadata blob: access and checks. */
#ifndef W2SI_META_H
#define W2SI_META_H

#include "../include/wasm2so/runtime.h"

static inline const void *w2si_meta_at(const struct w2s_meta *meta, struct w2s_range range) {
  return (const uint8_t *)meta + range.offset;
}
static inline const uint8_t *w2si_meta_str(const struct w2s_meta *meta, struct w2s_str str) {
  return (const uint8_t *)w2si_meta_at(meta, meta->strings) + str.offset;
}
static inline const struct w2s_meta_type *w2si_meta_types(const struct w2s_meta *meta) {
  return w2si_meta_at(meta, meta->types);
}
static inline const struct w2s_valtype *w2si_meta_valtypes(const struct w2s_meta *meta) {
  return w2si_meta_at(meta, meta->valtypes);
}
static inline const struct w2s_meta_import *w2si_meta_imports(const struct w2s_meta *meta) {
  return w2si_meta_at(meta, meta->imports);
}
static inline const struct w2s_meta_export *w2si_meta_exports(const struct w2s_meta *meta) {
  return w2si_meta_at(meta, meta->exports);
}
static inline const struct w2s_meta_func *w2si_meta_funcs(const struct w2s_meta *meta) {
  return w2si_meta_at(meta, meta->funcs);
}
static inline const struct w2s_meta_table *w2si_meta_tables(const struct w2s_meta *meta) {
  return w2si_meta_at(meta, meta->tables);
}
static inline const struct w2s_meta_memory *w2si_meta_memories(const struct w2s_meta *meta) {
  return w2si_meta_at(meta, meta->memories);
}
static inline const struct w2s_meta_global *w2si_meta_globals(const struct w2s_meta *meta) {
  return w2si_meta_at(meta, meta->globals);
}
static inline const struct w2s_meta_tag *w2si_meta_tags(const struct w2s_meta *meta) {
  return w2si_meta_at(meta, meta->tags);
}
static inline const struct w2s_meta_elem *w2si_meta_elems(const struct w2s_meta *meta) {
  return w2si_meta_at(meta, meta->elems);
}
static inline const struct w2s_meta_data *w2si_meta_datas(const struct w2s_meta *meta) {
  return w2si_meta_at(meta, meta->datas);
}
static inline const struct w2s_meta_const *w2si_meta_consts(const struct w2s_meta *meta) {
  return w2si_meta_at(meta, meta->consts);
}
static inline const struct w2s_expr *w2si_meta_exprs(const struct w2s_meta *meta) {
  return w2si_meta_at(meta, meta->exprs);
}
static inline const int32_t *w2si_meta_words(const struct w2s_meta *meta) { return w2si_meta_at(meta, meta->words); }
static inline const uint32_t *w2si_meta_escapes(const struct w2s_meta *meta) {
  return w2si_meta_at(meta, meta->escapes);
}

/* Check a blob of which `bytes` bytes can be read: its head, ranges, and every index and offset in it. Returns
 * NULL, or what is wrong with it. */
const char *w2si_meta_check(const struct w2s_meta *meta, uint64_t bytes);
/* The same for constant expressions (metaexpr.c): is `expr` in bounds, and does it leave one value of `type`? */
int w2si_meta_expr_ok(const struct w2s_meta *meta, struct w2s_expr expr, const struct w2s_valtype *type,
                      uint32_t n_globals);
/* Can function `index` be used as a value: does it exist and have a funcref slot? */
int w2si_meta_func_is_value(const struct w2s_meta *meta, uint64_t index);
/* Bytes of a value of this type in a context. */
uint32_t w2si_meta_width(const struct w2s_meta *meta, const struct w2s_valtype *type);

#endif
