/* Linking: imports are checked one to one (spec: Instantiation, external typing), then written to the context. */
#define _GNU_SOURCE 1

#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "enter.h"
#include "errors.h"
#include "instance.h"
#include "memory.h"
#include "meta.h"
#include "module.h"
#include "type.h"
#include "typetext.h"
#include "wasi_call.h"

/* One import being checked. */
struct site {
  struct w2si_store *store;
  const struct w2s_module *module;
  const struct w2s_meta_import *import;
  uint32_t nth;
  struct w2s_error *error;
};

static int32_t fail(const struct site *site, int32_t status, const char *what, const char *more) {
  const struct w2s_meta *meta = site->module->meta;
  struct w2si_name module = w2si_name(w2si_meta_str(meta, site->import->module), site->import->module.bytes);
  struct w2si_name name = w2si_name(w2si_meta_str(meta, site->import->name), site->import->name.bytes);
  w2si_fail(site->error, status, "%s: %s %s%s", what, module.text, name.text, more);
  if (site->error) site->error->index = (int32_t)site->nth;
  return status;
}

static int32_t incompatible(const struct site *site, const struct w2si_text *expected, const struct w2si_text *actual) {
  char more[400];
  snprintf(more, sizeof more, ": expected %s, got %s", expected->chars, actual->chars);
  return fail(site, W2S_ERR_LINK, "incompatible import type", more);
}

static int32_t foreign(const struct site *site) {
  return fail(site, W2S_ERR_USAGE, "wrong store", ": the import belongs to another store");
}

static struct w2s_valtype canonical(const struct w2s_module *module, struct w2s_valtype type) {
  if (type.code == W2S_REF || type.code == W2S_REF_NULL) {
    if (type.heap >= 0) type.heap = (int32_t)module->descriptor->type_ids[type.heap];
  } else {
    type.heap = 0;
  }
  return type;
}

struct w2s_valtype w2si_canonical(const struct w2s_instance *instance, struct w2s_valtype type) {
  return canonical(instance->module, type);
}

static int same_type(const struct w2s_valtype *a, const struct w2s_valtype *b) {
  return w2s_valtype_matches(a, b) && w2s_valtype_matches(b, a);
}

static int32_t check_func(const struct site *site, const struct w2s_extern *given) {
  const struct w2s_meta_func *want = &w2si_meta_funcs(site->module->meta)[site->import->index];
  uint32_t expected = site->module->descriptor->type_ids[want->type];
  if (!given->func) return fail(site, W2S_ERR_LINK, "unknown import", "");
  if (((struct w2s_vm_head *)given->func->vm)->store != &site->store->pub) return foreign(site);
  if (w2si_type_matches(given->func->type, expected)) return W2S_OK;
  struct w2si_text a = w2si_func_text(expected);
  struct w2si_text b = w2si_func_text(given->func->type);
  return incompatible(site, &a, &b);
}

/* limits: the actual size is enough, and a declared maximum is kept. */
static int limits_match(uint64_t size, int has_max, uint64_t max, uint64_t want_min, int want_has_max,
                        uint64_t want_max) {
  return size >= want_min && (!want_has_max || (has_max && max <= want_max));
}

static int32_t check_table(const struct site *site, const struct w2s_extern *given) {
  const struct w2s_meta_table *want = &w2si_meta_tables(site->module->meta)[site->import->index];
  const struct w2s_table *table = given->table;
  struct w2s_valtype type = canonical(site->module, want->type);
  if (!table) return fail(site, W2S_ERR_LINK, "unknown import", "");
  if (table->store != &site->store->pub) return foreign(site);
  if (same_type(&table->type, &type) && table->is64 == want->is64 &&
      limits_match(table->n_elems, table->has_max, table->declared_max_elems, want->min_elems, want->has_max,
                   want->max_elems)) {
    return W2S_OK;
  }
  struct w2si_text a = w2si_limits_text(want->is64 ? "table i64" : "table", " of ", want->min_elems, want->has_max,
                                        want->max_elems);
  struct w2si_text b = w2si_limits_text(table->is64 ? "table i64" : "table", " of ", table->n_elems, table->has_max,
                                        table->declared_max_elems);
  w2si_add_type(&a, &type);
  w2si_add_type(&b, &table->type);
  return incompatible(site, &a, &b);
}

static int32_t check_memory(const struct site *site, const struct w2s_extern *given) {
  const struct w2s_meta_memory *want = &w2si_meta_memories(site->module->meta)[site->import->index];
  const struct w2s_memory *memory = given->memory;
  if (!memory) return fail(site, W2S_ERR_LINK, "unknown import", "");
  if (!memory->shared && memory->store != &site->store->pub) return foreign(site);
  uint64_t pages = w2si_memory_bytes(memory) >> memory->page_log2;
  if (memory->is64 != want->is64 || memory->shared != want->shared || memory->page_log2 != want->page_log2 ||
      !limits_match(pages, memory->has_max, memory->declared_max_pages, want->min_pages, want->has_max,
                    want->max_pages)) {
    struct w2si_text a = w2si_limits_text(want->is64 ? "memory i64" : "memory", want->shared ? " shared" : "",
                                          want->min_pages, want->has_max, want->max_pages);
    struct w2si_text b = w2si_limits_text(memory->is64 ? "memory i64" : "memory", memory->shared ? " shared" : "",
                                          pages, memory->has_max, memory->declared_max_pages);
    return incompatible(site, &a, &b);
  }
  if (want->guarded && !memory->guarded) {
    return fail(site, W2S_ERR_LINK, "incompatible import type",
                ": the module was compiled for memories with guard regions, and this memory has none");
  }
  return W2S_OK;
}

static int32_t check_global(const struct site *site, const struct w2s_extern *given) {
  const struct w2s_meta_global *want = &w2si_meta_globals(site->module->meta)[site->import->index];
  const struct w2s_global *global = &given->global;
  struct w2s_valtype type = canonical(site->module, want->type);
  uint32_t is_mutable = want->type.mutable_ != 0;
  if (!global->value) return fail(site, W2S_ERR_LINK, "unknown import", "");
  if (global->store != &site->store->pub) return foreign(site);
  int match = is_mutable ? same_type(&global->type, &type) : w2s_valtype_matches(&global->type, &type);
  if (match && (global->is_mutable != 0) == is_mutable) return W2S_OK;
  struct w2si_text a = w2si_global_text(&type, is_mutable);
  struct w2si_text b = w2si_global_text(&global->type, global->is_mutable);
  return incompatible(site, &a, &b);
}

static int32_t check_tag(const struct site *site, const struct w2s_extern *given) {
  const struct w2s_meta_tag *want = &w2si_meta_tags(site->module->meta)[site->import->index];
  uint32_t expected = site->module->descriptor->type_ids[want->type];
  if (!given->tag) return fail(site, W2S_ERR_LINK, "unknown import", "");
  if (given->tag->store != &site->store->pub) return foreign(site);
  if (given->tag->type == expected) return W2S_OK;
  struct w2si_text a = w2si_func_text(expected);
  struct w2si_text b = w2si_func_text(given->tag->type);
  return incompatible(site, &a, &b);
}

static int32_t check_one(const struct site *site, const struct w2s_extern *given) {
  static const char *const kinds[] = {"a function", "a table", "a memory", "a global", "a tag"};
  if (given->kind > W2S_EXTERN_TAG) return fail(site, W2S_ERR_LINK, "unknown import", "");
  if (given->kind != site->import->kind) {
    struct w2si_text a = {.n = 0};
    struct w2si_text b = {.n = 0};
    w2si_add(&a, kinds[site->import->kind]);
    w2si_add(&b, kinds[given->kind]);
    return incompatible(site, &a, &b);
  }
  switch (given->kind) {
    case W2S_EXTERN_FUNC: return check_func(site, given);
    case W2S_EXTERN_TABLE: return check_table(site, given);
    case W2S_EXTERN_MEMORY: return check_memory(site, given);
    case W2S_EXTERN_TAG: return check_tag(site, given);
    default: return check_global(site, given);
  }
}

int32_t w2si_link_check(struct w2si_store *store, const struct w2s_module *module, const struct w2s_extern *imports,
                        size_t n_imports, struct w2s_error *error) {
  struct site site = {.store = store, .module = module, .error = error};
  for (uint32_t i = 0; i < module->meta->imports.n; i++) {
    site.import = &w2si_meta_imports(module->meta)[i];
    site.nth = i;
    if (i >= n_imports) return fail(&site, W2S_ERR_LINK, "unknown import", "");
    int32_t status = check_one(&site, &imports[i]);
    if (status != W2S_OK) return status;
  }
  if (n_imports == module->meta->imports.n) return W2S_OK;
  return w2si_fail(error, W2S_ERR_USAGE, "expected %u imports, got %zu", module->meta->imports.n, n_imports);
}

/* A catching module calls the entry that returns with exceptions pending, through a bridge if the function has none.
 * Returns 0 without memory. */
static int link_func(struct w2s_instance *instance, uint32_t index, struct w2s_funcref *func) {
  func = w2si_wasi_bound(instance, index, func);
  instance->import_funcs[index] = func;
  struct w2s_import_func *slot = w2si_field(instance, w2si_meta_funcs(instance->meta)[index].vm_offset);
  *slot = (struct w2s_import_func){.code = func->code, .vm = func->vm};
  if (!instance->descriptor->raws) return 1;
  const struct w2s_funcref *callee = func->raw ? func : w2si_bridge_of(instance->store, func);
  if (callee) *slot = (struct w2s_import_func){.code = callee->raw, .vm = callee->vm};
  return callee != NULL;
}

/* One funcref for each function that is used as a value. */
static void fill_refs(struct w2s_instance *instance) {
  const struct w2s_meta *meta = instance->meta;
  const uint32_t *escapes = w2si_meta_escapes(meta);
  struct w2s_funcref *refs = w2si_field(instance, meta->refs_offset);
  for (uint32_t k = 0; k < meta->escapes.n; k++) {
    uint32_t type = w2si_meta_funcs(meta)[escapes[k]].type;
    uint32_t traits = w2si_meta_funcs(meta)[escapes[k]].traits & W2SI_FUNC_TRAITS;
    if (escapes[k] < meta->n_imported_funcs) {
      refs[k] = *instance->import_funcs[escapes[k]];
    } else {
      const struct w2s_descriptor *descriptor = instance->descriptor;
      refs[k] = (struct w2s_funcref){.code = descriptor->escapes[k], .vm = instance->vm,
                                     .type = descriptor->type_ids[type],
                                     .flags = W2SI_FUNC_WASM | traits << W2SI_FUNC_TRAITS_SHIFT |
                                              type << W2SI_FUNC_TYPE_SHIFT,
                                     .raw = descriptor->raws ? descriptor->raws[k] : NULL};
    }
  }
}

/* Own tags lie in the context. */
static void make_tags(struct w2s_instance *instance) {
  const struct w2s_meta *meta = instance->meta;
  for (uint32_t i = meta->n_imported_tags; i < meta->tags.n; i++) {
    uint32_t type = w2si_meta_tags(meta)[i].type;
    *w2si_tag(instance, i) = (struct w2s_tag){.type = instance->descriptor->type_ids[type],
                                              .n_values = w2si_meta_types(meta)[type].n_params,
                                              .store = &instance->store->pub};
  }
}

int w2si_link(struct w2s_instance *instance, const struct w2s_extern *imports) {
  const struct w2s_meta *meta = instance->meta;
  for (uint32_t i = 0; i < meta->imports.n; i++) {
    uint32_t index = w2si_meta_imports(meta)[i].index;
    switch (imports[i].kind) {
      case W2S_EXTERN_FUNC:
        if (!link_func(instance, index, imports[i].func)) return 0;
        break;
      case W2S_EXTERN_TAG:
        *(struct w2s_tag **)w2si_field(instance, w2si_meta_tags(meta)[index].vm_offset) = imports[i].tag;
        break;
      case W2S_EXTERN_TABLE:
        *(struct w2s_table **)w2si_field(instance, w2si_meta_tables(meta)[index].vm_offset) = imports[i].table;
        break;
      case W2S_EXTERN_MEMORY:
        *(struct w2s_memory **)w2si_field(instance, w2si_meta_memories(meta)[index].vm_offset) = imports[i].memory;
        break;
      default:
        instance->import_globals[index] = imports[i].global;
        *(void **)w2si_field(instance, w2si_meta_globals(meta)[index].vm_offset) = imports[i].global.value;
        break;
    }
  }
  fill_refs(instance);
  make_tags(instance);
  return 1;
}
