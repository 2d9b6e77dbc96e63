/* Checks of a module's metadata blob: after them every index and offset in it can be used without looking. */
#define _GNU_SOURCE 1

#include "meta.h"

#include <string.h>

#include "type.h"

enum {
  MAX_TYPES = 1 << 20,
  MAX_PARTS = 10000, /* fields of a struct; functions have at most W2S_MAX_RESULTS each way */
  MAX_PAGE_LOG2 = 16,
  IMAGE_PAGE = 4096,
  RANGE_ALIGN = 16,
  MAX_CONTEXT = 1 << 30
};

static int range_ok(const struct w2s_meta *meta, struct w2s_range range, uint64_t record) {
  return range.offset % RANGE_ALIGN == 0 && range.offset <= meta->meta_bytes &&
         range.n <= (meta->meta_bytes - range.offset) / record;
}

static int ranges_ok(const struct w2s_meta *m) {
  return range_ok(m, m->strings, 1) && range_ok(m, m->types, sizeof(struct w2s_meta_type)) &&
         range_ok(m, m->valtypes, sizeof(struct w2s_valtype)) &&
         range_ok(m, m->imports, sizeof(struct w2s_meta_import)) &&
         range_ok(m, m->exports, sizeof(struct w2s_meta_export)) &&
         range_ok(m, m->funcs, sizeof(struct w2s_meta_func)) &&
         range_ok(m, m->tables, sizeof(struct w2s_meta_table)) &&
         range_ok(m, m->memories, sizeof(struct w2s_meta_memory)) &&
         range_ok(m, m->globals, sizeof(struct w2s_meta_global)) &&
         range_ok(m, m->tags, sizeof(struct w2s_meta_tag)) &&
         range_ok(m, m->elems, sizeof(struct w2s_meta_elem)) && range_ok(m, m->datas, sizeof(struct w2s_meta_data)) &&
         range_ok(m, m->consts, sizeof(struct w2s_meta_const)) && range_ok(m, m->exprs, sizeof(struct w2s_expr)) &&
         range_ok(m, m->words, sizeof(int32_t)) && range_ok(m, m->escapes, sizeof(uint32_t)) &&
         range_ok(m, m->layout, sizeof(struct w2s_layout_row)) &&
         range_ok(m, m->customs, sizeof(struct w2s_meta_custom)) && range_ok(m, m->producer, 1);
}

static int str_ok(const struct w2s_meta *meta, struct w2s_str str) {
  return str.offset <= meta->strings.n && str.bytes <= meta->strings.n - str.offset;
}

/* Do `bytes` bytes at `offset` lie in the context, behind its head, aligned for `align`? */
static int in_context(const struct w2s_meta *meta, uint64_t offset, uint64_t bytes, uint64_t align) {
  return offset >= sizeof(struct w2s_vm_head) && offset % align == 0 && offset <= meta->vm_bytes &&
         bytes <= meta->vm_bytes - offset;
}

static int valtype_ok(const struct w2s_valtype *type, uint32_t n_types) {
  switch (type->code) {
    case W2S_I32:
    case W2S_I64:
    case W2S_F32:
    case W2S_F64:
    case W2S_V128:
    case W2S_I8:
    case W2S_I16: return 1;
    case W2S_REF:
    case W2S_REF_NULL:
      return type->heap >= 0 ? (uint32_t)type->heap < n_types
                             : type->heap >= W2S_HEAP_EXN && type->heap <= W2S_HEAP_NOEXN;
    default: return 0;
  }
}

static int value_ok(const struct w2s_meta *meta, const struct w2s_valtype *type) {
  return type->code != W2S_I8 && type->code != W2S_I16 && valtype_ok(type, meta->types.n);
}

static int ref_ok(const struct w2s_meta *meta, const struct w2s_valtype *type) {
  return (type->code == W2S_REF || type->code == W2S_REF_NULL) && valtype_ok(type, meta->types.n);
}

/* The type and its place in its recursion group; references reach at most to the group's end. */
static int type_ok(const struct w2s_meta *meta, uint32_t index) {
  const struct w2s_meta_type *types = w2si_meta_types(meta);
  const struct w2s_meta_type *type = &types[index];
  int is_func = type->kind == W2SI_KIND_FUNC;
  if (!is_func && type->kind != W2SI_KIND_STRUCT && type->kind != W2SI_KIND_ARRAY) return 0;
  uint32_t start = type->rec_start;
  if (start > index || type->rec_n == 0 || type->rec_n > meta->types.n - start) return 0;
  if (index - start >= type->rec_n) return 0;
  if (types[start].rec_start != start || types[start].rec_n != type->rec_n) return 0;
  if (index > start ? types[index - 1].rec_start != start
                    : index > 0 && types[index - 1].rec_start + types[index - 1].rec_n != index) {
    return 0;
  }
  if (type->super_ < -1 || type->super_ >= (int32_t)index) return 0;
  if (type->super_ >= 0 && types[type->super_].kind != type->kind) return 0;
  uint32_t max_in = is_func ? W2S_MAX_RESULTS : 0;
  uint32_t max_out = is_func ? W2S_MAX_RESULTS : type->kind == W2SI_KIND_ARRAY ? 1 : MAX_PARTS;
  if (type->n_params > max_in || type->n_results > max_out) return 0;
  uint32_t n = type->n_params + type->n_results;
  if (type->first > meta->valtypes.n || n > meta->valtypes.n - type->first) return 0;
  for (uint32_t i = 0; i < n; i++) {
    const struct w2s_valtype *part = w2si_meta_valtypes(meta) + type->first + i;
    if (!valtype_ok(part, start + type->rec_n)) return 0;
    if (is_func && (part->code == W2S_I8 || part->code == W2S_I16)) return 0;
  }
  return 1;
}

static int types_ok(const struct w2s_meta *meta) {
  if (meta->types.n > MAX_TYPES) return 0;
  for (uint32_t i = 0; i < meta->types.n; i++) {
    if (!type_ok(meta, i)) return 0;
  }
  return 1;
}

/* Imports of each kind come in the order of their index space, and there are as many as the head says. */
static int imports_ok(const struct w2s_meta *meta) {
  const struct w2s_meta_import *imports = w2si_meta_imports(meta);
  uint32_t seen[W2S_EXTERN_TAG + 1] = {0};
  for (uint32_t i = 0; i < meta->imports.n; i++) {
    if (imports[i].kind > W2S_EXTERN_TAG || imports[i].index != seen[imports[i].kind]++) return 0;
    if (!str_ok(meta, imports[i].module) || !str_ok(meta, imports[i].name)) return 0;
  }
  return seen[W2S_EXTERN_FUNC] == meta->n_imported_funcs && seen[W2S_EXTERN_TABLE] == meta->n_imported_tables &&
         seen[W2S_EXTERN_MEMORY] == meta->n_imported_memories && seen[W2S_EXTERN_GLOBAL] == meta->n_imported_globals &&
         seen[W2S_EXTERN_TAG] == meta->n_imported_tags && meta->n_imported_tags <= meta->tags.n &&
         meta->n_imported_funcs <= meta->funcs.n && meta->n_imported_tables <= meta->tables.n &&
         meta->n_imported_memories <= meta->memories.n && meta->n_imported_globals <= meta->globals.n;
}

static int funcs_ok(const struct w2s_meta *meta) {
  const struct w2s_meta_func *funcs = w2si_meta_funcs(meta);
  for (uint32_t i = 0; i < meta->funcs.n; i++) {
    if (funcs[i].type >= meta->types.n || w2si_meta_types(meta)[funcs[i].type].kind != W2SI_KIND_FUNC) return 0;
    int imported = i < meta->n_imported_funcs;
    if (imported && !in_context(meta, funcs[i].vm_offset, sizeof(struct w2s_import_func), 8)) return 0;
    if (funcs[i].ref < -1 || (funcs[i].ref >= 0 && (uint32_t)funcs[i].ref >= meta->escapes.n)) return 0;
  }
  const uint32_t *escapes = w2si_meta_escapes(meta);
  for (uint32_t k = 0; k < meta->escapes.n; k++) {
    if (escapes[k] >= meta->funcs.n || funcs[escapes[k]].ref != (int32_t)k) return 0;
  }
  if (meta->start < -1) return 0;
  if (meta->start >= 0) {
    if (!w2si_meta_func_is_value(meta, (uint64_t)meta->start)) return 0;
    const struct w2s_meta_type *type = &w2si_meta_types(meta)[funcs[meta->start].type];
    if (type->n_params || type->n_results) return 0;
  }
  return 1;
}

static int tables_ok(const struct w2s_meta *meta) {
  const struct w2s_meta_table *tables = w2si_meta_tables(meta);
  for (uint32_t i = 0; i < meta->tables.n; i++) {
    const struct w2s_meta_table *table = &tables[i];
    int imported = i < meta->n_imported_tables;
    uint64_t bytes = imported ? sizeof(void *) : sizeof(struct w2s_table);
    if (table->imported != imported || !in_context(meta, table->vm_offset, bytes, 8)) return 0;
    if (!ref_ok(meta, &table->type) || (table->has_max && table->max_elems < table->min_elems)) return 0;
    if (!imported && table->init.n && !w2si_meta_expr_ok(meta, table->init, &table->type, meta->globals.n)) return 0;
  }
  return 1;
}

/* An image covers whole pages inside the memory's first size, and exists in the image section. */
static int image_ok(const struct w2s_meta *meta, const struct w2s_meta_memory *memory) {
  if (memory->min_pages > UINT64_MAX >> memory->page_log2) return 0;
  uint64_t min_bytes = memory->min_pages << memory->page_log2;
  return memory->image_start % IMAGE_PAGE == 0 && memory->image_bytes % IMAGE_PAGE == 0 &&
         memory->image_offset % IMAGE_PAGE == 0 && memory->image_start <= min_bytes &&
         memory->image_bytes <= min_bytes - memory->image_start && memory->image_offset <= meta->image_bytes &&
         memory->image_bytes <= meta->image_bytes - memory->image_offset;
}

/* The most pages that addresses of the memory's kind can name. */
static uint64_t max_pages(const struct w2s_meta_memory *memory) {
  if (!memory->is64) return (uint64_t)1 << (32 - memory->page_log2);
  return memory->page_log2 == 0 ? UINT64_MAX : (uint64_t)1 << (64 - memory->page_log2);
}

static int memories_ok(const struct w2s_meta *meta) {
  const struct w2s_meta_memory *memories = w2si_meta_memories(meta);
  for (uint32_t i = 0; i < meta->memories.n; i++) {
    const struct w2s_meta_memory *memory = &memories[i];
    int imported = i < meta->n_imported_memories;
    uint64_t bytes = imported || memory->shared ? sizeof(void *) : sizeof(struct w2s_memory);
    if (memory->imported != imported || !in_context(meta, memory->vm_offset, bytes, 8)) return 0;
    if (memory->page_log2 > MAX_PAGE_LOG2 || (memory->shared && !memory->has_max)) return 0;
    if (memory->min_pages > max_pages(memory) || (memory->has_max && memory->max_pages < memory->min_pages)) return 0;
    if (memory->guarded && (memory->is64 || memory->page_log2 != MAX_PAGE_LOG2)) return 0;
    if (memory->has_image && (imported || !image_ok(meta, memory))) return 0;
  }
  return 1;
}

static int globals_ok(const struct w2s_meta *meta) {
  const struct w2s_meta_global *globals = w2si_meta_globals(meta);
  for (uint32_t i = 0; i < meta->globals.n; i++) {
    const struct w2s_meta_global *global = &globals[i];
    uint32_t imported = i < meta->n_imported_globals;
    if (global->imported != imported || !value_ok(meta, &global->type)) return 0;
    uint32_t bytes = imported ? sizeof(void *) : w2si_meta_width(meta, &global->type);
    if (!in_context(meta, global->vm_offset, bytes, bytes)) return 0;
    /* An initialiser reads only globals before its own. */
    if (!imported && !w2si_meta_expr_ok(meta, global->init, &global->type, i)) return 0;
  }
  return 1;
}

static int tags_ok(const struct w2s_meta *meta) {
  const struct w2s_meta_tag *tags = w2si_meta_tags(meta);
  for (uint32_t i = 0; i < meta->tags.n; i++) {
    if (tags[i].type >= meta->types.n) return 0;
    const struct w2s_meta_type *type = &w2si_meta_types(meta)[tags[i].type];
    if (type->kind != W2SI_KIND_FUNC || type->n_results) return 0;
    uint64_t bytes = i < meta->n_imported_tags ? sizeof(void *) : sizeof(struct w2s_tag);
    if (!in_context(meta, tags[i].vm_offset, bytes, 8)) return 0;
  }
  return 1;
}

/* The type of offsets into a table or memory. */
static struct w2s_valtype address_type(uint8_t is64) {
  return (struct w2s_valtype){.code = is64 ? W2S_I64 : W2S_I32};
}

static int elem_items_ok(const struct w2s_meta *meta, const struct w2s_meta_elem *elem) {
  uint32_t n = elem->is_exprs ? meta->exprs.n : meta->words.n;
  if (elem->first > n || elem->n_items > n - elem->first) return 0;
  for (uint32_t k = elem->first; k < elem->first + elem->n_items; k++) {
    if (elem->is_exprs) {
      struct w2s_expr expr = w2si_meta_exprs(meta)[k];
      if (!w2si_meta_expr_ok(meta, expr, &elem->type, meta->globals.n)) return 0;
    } else {
      int32_t func = w2si_meta_words(meta)[k];
      if (func != W2S_NO_FUNC && (func < 0 || !w2si_meta_func_is_value(meta, (uint64_t)func))) return 0;
    }
  }
  return 1;
}

static int elems_ok(const struct w2s_meta *meta) {
  const struct w2s_meta_elem *elems = w2si_meta_elems(meta);
  for (uint32_t i = 0; i < meta->elems.n; i++) {
    const struct w2s_meta_elem *elem = &elems[i];
    if (elem->mode > W2S_SEGMENT_DECLARED || !ref_ok(meta, &elem->type) || !elem_items_ok(meta, elem)) return 0;
    if (!elem->is_exprs && w2si_meta_width(meta, &elem->type) != sizeof(void *)) return 0;
    if (elem->mode != W2S_SEGMENT_ACTIVE) continue;
    if (elem->table >= meta->tables.n) return 0;
    struct w2s_valtype address = address_type(w2si_meta_tables(meta)[elem->table].is64);
    if (!w2si_meta_expr_ok(meta, elem->offset, &address, meta->globals.n)) return 0;
    const struct w2s_valtype *type = &w2si_meta_tables(meta)[elem->table].type;
    if (w2si_meta_width(meta, type) != w2si_meta_width(meta, &elem->type)) return 0;
  }
  return meta->elems.n == 0 || in_context(meta, meta->elem_dropped_offset, meta->elems.n, 1);
}

static int datas_ok(const struct w2s_meta *meta) {
  const struct w2s_meta_data *datas = w2si_meta_datas(meta);
  for (uint32_t i = 0; i < meta->datas.n; i++) {
    const struct w2s_meta_data *data = &datas[i];
    if (data->mode > W2S_SEGMENT_PASSIVE) return 0;
    int in_image = data->in_image != 0;
    if (in_image && data->mode != W2S_SEGMENT_ACTIVE) return 0;
    if (!in_image && (data->blob_offset > meta->data_bytes || data->bytes > meta->data_bytes - data->blob_offset)) {
      return 0;
    }
    if (data->mode != W2S_SEGMENT_ACTIVE) continue;
    if (data->memory >= meta->memories.n || (in_image && !w2si_meta_memories(meta)[data->memory].has_image)) return 0;
    struct w2s_valtype address = address_type(w2si_meta_memories(meta)[data->memory].is64);
    if (!w2si_meta_expr_ok(meta, data->offset, &address, meta->globals.n)) return 0;
  }
  return meta->datas.n == 0 || in_context(meta, meta->data_dropped_offset, meta->datas.n, 1);
}

static int exports_ok(const struct w2s_meta *meta) {
  const struct w2s_meta_export *exports = w2si_meta_exports(meta);
  const uint32_t n[] = {meta->funcs.n, meta->tables.n, meta->memories.n, meta->globals.n, meta->tags.n};
  for (uint32_t i = 0; i < meta->exports.n; i++) {
    if (exports[i].kind > W2S_EXTERN_TAG || exports[i].index >= n[exports[i].kind]) return 0;
    if (!str_ok(meta, exports[i].name)) return 0;
    if (exports[i].kind == W2S_EXTERN_FUNC && !w2si_meta_func_is_value(meta, exports[i].index)) return 0;
  }
  return 1;
}

static int customs_ok(const struct w2s_meta *meta) {
  const struct w2s_meta_custom *customs = w2si_meta_at(meta, meta->customs);
  for (uint32_t i = 0; i < meta->customs.n; i++) {
    if (!str_ok(meta, customs[i].name) || !str_ok(meta, customs[i].contents)) return 0;
  }
  return 1;
}

static int layout_ok(const struct w2s_meta *meta) {
  const struct w2s_layout_row *rows = w2si_meta_at(meta, meta->layout);
  for (uint32_t i = 0; i < meta->layout.n; i++) {
    if (!str_ok(meta, rows[i].name)) return 0;
    if ((uint64_t)rows[i].bytes * rows[i].n > meta->vm_bytes) return 0;
    if (rows[i].offset > meta->vm_bytes - (uint64_t)rows[i].bytes * rows[i].n) return 0;
  }
  return 1;
}

static int context_ok(const struct w2s_meta *meta) {
  uint64_t refs = (uint64_t)meta->escapes.n * sizeof(struct w2s_funcref);
  return meta->vm_bytes >= sizeof(struct w2s_vm_head) && meta->vm_bytes <= MAX_CONTEXT &&
         (refs == 0 || in_context(meta, meta->refs_offset, refs, 8));
}

const char *w2si_meta_check(const struct w2s_meta *meta, uint64_t bytes) {
  if (bytes < sizeof *meta || meta->magic != W2S_MAGIC) return "its metadata has no head";
  if (meta->abi_version != W2S_ABI_VERSION || memcmp(meta->abi_digest, w2s_abi_digest(), 32) != 0) {
    return "it was made for another version of wasm2so; compile it again";
  }
  if (meta->meta_bytes > bytes || meta->meta_bytes < sizeof *meta || !ranges_ok(meta)) {
    return "its metadata is cut short";
  }
  if (!context_ok(meta)) return "bad context layout in its metadata";
  if (!types_ok(meta)) return "bad type in its metadata";
  if (!imports_ok(meta)) return "bad import in its metadata";
  if (!funcs_ok(meta)) return "bad function in its metadata";
  if (!memories_ok(meta)) return "bad memory in its metadata";
  if (!globals_ok(meta)) return "bad global in its metadata";
  if (!tags_ok(meta)) return "bad tag in its metadata";
  if (!tables_ok(meta)) return "bad table in its metadata";
  if (!elems_ok(meta)) return "bad element segment in its metadata";
  if (!datas_ok(meta)) return "bad data segment in its metadata";
  if (!exports_ok(meta)) return "bad export in its metadata";
  if (!customs_ok(meta)) return "bad custom section in its metadata";
  if (!layout_ok(meta)) return "bad layout row in its metadata";
  return NULL;
}
