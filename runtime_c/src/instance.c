/* Instantiation (spec: Instantiation) and access to an instance's items. */
#define _GNU_SOURCE 1

#include "instance.h"

#include <stdlib.h>
#include <string.h>

#include "builtins.h"
#include "constexpr.h"
#include "enter.h"
#include "errors.h"
#include "exception.h"
#include "fault.h"
#include "limiter.h"
#include "memory.h"
#include "meta.h"
#include "module.h"
#include "shared.h"
#include "table.h"
#include "wasi_call.h"

enum { CONTEXT_ALIGN = 64 };

struct w2s_funcref *w2si_func(const struct w2s_instance *instance, uint32_t index) {
  const struct w2s_meta *meta = instance->meta;
  if (index < meta->n_imported_funcs) return instance->import_funcs[index];
  int32_t ref = w2si_meta_funcs(meta)[index].ref;
  return ref < 0 ? NULL : (struct w2s_funcref *)w2si_field(instance, meta->refs_offset) + ref;
}

struct w2s_table *w2si_table(const struct w2s_instance *instance, uint32_t index) {
  void *field = w2si_field(instance, w2si_meta_tables(instance->meta)[index].vm_offset);
  return index < instance->meta->n_imported_tables ? *(struct w2s_table **)field : (struct w2s_table *)field;
}

struct w2s_memory *w2si_memory(const struct w2s_instance *instance, uint32_t index) {
  const struct w2s_meta_memory *memory = &w2si_meta_memories(instance->meta)[index];
  void *field = w2si_field(instance, memory->vm_offset);
  return memory->imported || memory->shared ? *(struct w2s_memory **)field : (struct w2s_memory *)field;
}

/* Where the context keeps a pointer to a memory that does not lie in it. */
static struct w2s_memory **memory_slot(const struct w2s_instance *instance, uint32_t index) {
  return w2si_field(instance, w2si_meta_memories(instance->meta)[index].vm_offset);
}

struct w2s_global w2si_global(const struct w2s_instance *instance, uint32_t index) {
  if (index < instance->meta->n_imported_globals) return instance->import_globals[index];
  const struct w2s_meta_global *global = &w2si_meta_globals(instance->meta)[index];
  return (struct w2s_global){.value = w2si_field(instance, global->vm_offset),
                             .type = w2si_canonical(instance, global->type),
                             .is_mutable = global->type.mutable_ != 0,
                             .store = &instance->store->pub};
}

/* Give up own memories that are not shared, and all shared ones that were attached. */
static void free_memories(struct w2s_instance *instance) {
  const struct w2s_meta *meta = instance->meta;
  for (uint32_t i = 0; i < meta->memories.n; i++) {
    if (w2si_meta_memories(meta)[i].shared) {
      struct w2s_memory *memory = *memory_slot(instance, i);
      if (memory) w2si_shared_detach(instance->store, memory);
    } else if (i >= meta->n_imported_memories && i - meta->n_imported_memories < instance->n_memories) {
      w2si_memory_destroy(w2si_memory(instance, i));
    }
  }
}

struct w2s_tag *w2si_tag(const struct w2s_instance *instance, uint32_t index) {
  void *field = w2si_field(instance, w2si_meta_tags(instance->meta)[index].vm_offset);
  return index < instance->meta->n_imported_tags ? *(struct w2s_tag **)field : (struct w2s_tag *)field;
}

void w2si_instance_free(struct w2s_instance *instance) {
  const struct w2s_meta *meta = instance->meta;
  free_memories(instance);
  while (instance->n_tables) {
    w2si_table_destroy(w2si_table(instance, meta->n_imported_tables + --instance->n_tables));
  }
  free(instance->mark);
  free(instance->wasi_funcs);
  w2s_module_release(instance->module);
  free(instance);
}

static size_t round_to(size_t bytes, size_t align) { return (bytes + align - 1) / align * align; }

/* An empty instance with its zeroed context, in one piece: the context comes last, so that what it may overrun by a
 * fault of ours is nobody's. NULL without memory. */
static struct w2s_instance *allocate(struct w2si_store *store, struct w2s_module *module) {
  const struct w2s_meta *meta = module->meta;
  struct w2s_instance *instance;
  size_t funcs = sizeof *instance;
  size_t globals = funcs + (size_t)meta->n_imported_funcs * sizeof *instance->import_funcs;
  size_t vm = round_to(globals + (size_t)meta->n_imported_globals * sizeof *instance->import_globals, CONTEXT_ALIGN);
  size_t bytes = vm + round_to(meta->vm_bytes, CONTEXT_ALIGN);
  instance = aligned_alloc(CONTEXT_ALIGN, bytes);
  if (!instance) return NULL;
  memset(instance, 0, bytes);
  w2s_module_retain(module);
  instance->store = store;
  instance->module = module;
  instance->descriptor = module->descriptor;
  instance->meta = meta;
  instance->import_funcs = (struct w2s_funcref **)((uint8_t *)instance + funcs);
  instance->import_globals = (struct w2s_global *)((uint8_t *)instance + globals);
  instance->vm = (struct w2s_vm *)((uint8_t *)instance + vm);
  *(struct w2s_vm_head *)instance->vm = (struct w2s_vm_head){.magic = W2S_MAGIC, .abi_version = W2S_ABI_VERSION,
                                                             .store = &store->pub, .builtins = &w2si_builtins,
                                                             .instance = instance};
  return instance;
}

static int32_t make_memories(struct w2s_instance *instance, struct w2s_error *error) {
  const struct w2s_meta *meta = instance->meta;
  for (uint32_t i = meta->n_imported_memories; i < meta->memories.n; i++) {
    const struct w2s_meta_memory *memory = &w2si_meta_memories(meta)[i];
    struct w2si_memory_type type = {.min_pages = memory->min_pages, .max_pages = memory->max_pages,
                                    .page_log2 = memory->page_log2, .has_max = memory->has_max, .is64 = memory->is64,
                                    .shared = memory->shared, .guarded = memory->guarded};
    int32_t status = memory->shared ? w2si_shared_make(instance->store, &type, memory_slot(instance, i), error)
                                    : w2si_memory_init(w2si_memory(instance, i), instance->store, &type, error);
    if (status != W2S_OK) return status;
    instance->n_memories++;
  }
  return W2S_OK;
}

/* Keep the shared memories that are imported; the rest of linking cannot fail. */
static int32_t attach_memories(struct w2s_instance *instance, const struct w2s_extern *imports,
                               struct w2s_error *error) {
  const struct w2s_meta *meta = instance->meta;
  for (uint32_t i = 0; i < meta->imports.n; i++) {
    if (imports[i].kind != W2S_EXTERN_MEMORY || !imports[i].memory->shared) continue;
    int32_t status = w2si_shared_attach(instance->store, imports[i].memory, error);
    if (status != W2S_OK) return status;
    *memory_slot(instance, w2si_meta_imports(meta)[i].index) = imports[i].memory;
  }
  return W2S_OK;
}

static int32_t make_tables(struct w2s_instance *instance, struct w2s_error *error) {
  const struct w2s_meta *meta = instance->meta;
  for (uint32_t i = meta->n_imported_tables; i < meta->tables.n; i++) {
    const struct w2s_meta_table *table = &w2si_meta_tables(meta)[i];
    struct w2si_table_type type = {.type = w2si_canonical(instance, table->type), .min_elems = table->min_elems,
                                   .max_elems = table->max_elems, .has_max = table->has_max, .is64 = table->is64};
    int32_t status = w2si_table_init(w2si_table(instance, i), instance->store, &type, error);
    if (status != W2S_OK) return status;
    instance->n_tables++;
  }
  return W2S_OK;
}

/* Evaluate own globals, then the initial values of own tables. Returns 0, or an errno value. */
static int initialise(struct w2s_instance *instance) {
  const struct w2s_meta *meta = instance->meta;
  union w2s_value value;
  for (uint32_t i = meta->n_imported_globals; i < meta->globals.n; i++) {
    int failed = w2si_const_eval(instance, w2si_meta_globals(meta)[i].init, &value);
    if (failed) return failed;
    struct w2s_global global = w2si_global(instance, i);
    w2si_exceptions_stored(instance->store, &global.type);
    w2si_value_write(&global.type, global.value, &value);
  }
  for (uint32_t i = meta->n_imported_tables; i < meta->tables.n; i++) {
    if (w2si_meta_tables(meta)[i].init.n == 0) continue;
    int failed = w2si_const_eval(instance, w2si_meta_tables(meta)[i].init, &value);
    if (failed) return failed;
    struct w2s_table *table = w2si_table(instance, i);
    union w2s_ref ref = {.word = 0};
    if (table->is_func) {
      ref.func = value.func;
    } else {
      ref.word = value.ref;
    }
    for (uint64_t k = 0; k < table->n_elems; k++) table->elems[k] = ref;
  }
  return 0;
}

/* Everything that happens before the first effect others can see, with imports that fit. On failure nothing is left. */
static int32_t make(struct w2si_store *store, struct w2s_module *module, const struct w2s_extern *imports,
                    struct w2s_instance **out, struct w2s_error *error) {
  if (store->n_instances >= store->limits.instances) {
    return w2si_fail(error, W2S_ERR_RESOURCE, "the store's limit of %llu instances is reached",
                     (unsigned long long)store->limits.instances);
  }
  if (!w2si_resolve_host_funcs(store)) return w2si_fail(error, W2S_ERR_RESOURCE, "out of memory for host functions");
  int32_t status = w2si_may_instantiate(store, module->meta, error);
  if (status != W2S_OK) return status;
  struct w2s_instance *instance = allocate(store, module);
  if (!instance) return w2si_fail(error, W2S_ERR_RESOURCE, "out of memory for an instance");
  status = attach_memories(instance, imports, error);
  if (status == W2S_OK) status = make_memories(instance, error);
  if (status == W2S_OK) status = make_tables(instance, error);
  if (status == W2S_OK && instance->meta->flags & W2S_META_EPOCHS) status = w2si_watch_epochs(store, error);
  if (status == W2S_OK) {
    int made = w2si_wasi_bind(instance, imports) && w2si_link(instance, imports);
    if (!made || initialise(instance)) status = w2si_fail(error, W2S_ERR_RESOURCE, "out of memory for an instance");
  }
  if (status != W2S_OK) {
    w2si_instance_free(instance);
    return status;
  }
  if (instance->meta->flags & W2S_META_SEGMENT) {
    ((struct w2s_vm_head *)(void *)instance->vm)->segment = w2si_memory(instance, 0)->base;
    store->pub.segmented = 1;
  }
  instance->next = store->instances;
  store->instances = instance;
  store->n_instances++;
  *out = instance;
  return W2S_OK;
}

/* Segments and the start function. Their effects stay even if a later one traps, and so does the instance: its
 * functions may be in others' tables by then. */
static int32_t finish_but_start(struct w2s_instance *instance, struct w2s_funcref **start, struct w2s_error *error) {
  int32_t status = W2S_OK;
  enum w2si_instance_state before = instance->state;
  instance->state = W2SI_INSTANCE_FINISHED;
  *start = NULL;
  if (before == W2SI_INSTANCE_NEW) status = w2si_run_elems(instance, error);
  if (status == W2S_OK) status = w2si_run_datas(instance, error);
  if (status == W2S_OK && instance->meta->start >= 0) *start = w2si_func(instance, (uint32_t)instance->meta->start);
  return status;
}

static int32_t finish(struct w2s_instance *instance, struct w2s_error *error) {
  union w2s_value none = {.words = {0, 0}};
  struct w2s_funcref *start;
  int32_t status = finish_but_start(instance, &start, error);
  return start ? w2s_call(&instance->store->pub, start, &none, error) : status;
}

int32_t w2s_instance_new(struct w2s_store *pub, struct w2s_module *module, const struct w2s_extern *imports,
                         size_t n_imports, struct w2s_instance **out, struct w2s_error *error) {
  struct w2si_store *store = w2si_store(pub);
  w2si_ok(error);
  *out = NULL;
  w2s_runtime_init();
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) return w2si_fail_usage(error);
  int32_t status = w2si_link_check(store, module, imports, n_imports, error);
  if (status == W2S_OK) status = make(store, module, imports, out, error);
  w2si_unclaim(store, claim);
  return status;
}

/* Without the start function if there is `start` to leave it in. */
static int32_t finish_once(struct w2s_instance *instance, struct w2s_funcref **start, struct w2s_error *error) {
  w2si_ok(error);
  enum w2si_claim claim = w2si_claim(instance->store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) return w2si_fail_usage(error);
  int32_t status = W2S_OK;
  if (instance->state == W2SI_INSTANCE_FINISHED) {
    status = w2si_fail(error, W2S_ERR_USAGE, "the instance was finished already");
  } else {
    status = start ? finish_but_start(instance, start, error) : finish(instance, error);
  }
  w2si_unclaim(instance->store, claim);
  return status;
}

int32_t w2s_instance_finish(struct w2s_instance *instance, struct w2s_error *error) {
  return finish_once(instance, NULL, error);
}

int32_t w2s_instance_finish_but_start(struct w2s_instance *instance, struct w2s_funcref **start,
                                      struct w2s_error *error) {
  *start = NULL;
  return finish_once(instance, start, error);
}

int32_t w2s_instantiate(struct w2s_store *store, struct w2s_module *module, const struct w2s_extern *imports,
                        size_t n_imports, struct w2s_instance **out, struct w2s_error *error) {
  int32_t status = w2s_instance_new(store, module, imports, n_imports, out, error);
  if (status == W2S_OK) status = w2s_instance_finish(*out, error);
  if (status != W2S_OK) *out = NULL;
  return status;
}

/* ---- instantiating again and again ---------------------------------------------------------------------------- */

/* Imports that were found to fit. What they are checked for cannot change: types, and sizes that only grow. */
struct w2s_instance_pre {
  struct w2si_store *store;
  struct w2s_module *module;
  size_t n;
  struct w2s_extern imports[];
};

int32_t w2s_pre_new(struct w2s_store *pub, struct w2s_module *module, const struct w2s_extern *imports,
                    size_t n_imports, struct w2s_instance_pre **out, struct w2s_error *error) {
  struct w2si_store *store = w2si_store(pub);
  w2si_ok(error);
  *out = NULL;
  w2s_runtime_init();
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) return w2si_fail_usage(error);
  int32_t status = w2si_link_check(store, module, imports, n_imports, error);
  if (status == W2S_OK) {
    struct w2s_instance_pre *pre = malloc(sizeof *pre + n_imports * sizeof *imports);
    if (pre) {
      *pre = (struct w2s_instance_pre){.store = store, .module = module, .n = n_imports};
      if (n_imports) memcpy(pre->imports, imports, n_imports * sizeof *imports);
      w2s_module_retain(module);
      *out = pre;
    } else {
      status = w2si_fail(error, W2S_ERR_RESOURCE, "out of memory for imports");
    }
  }
  w2si_unclaim(store, claim);
  return status;
}

int32_t w2s_pre_instantiate(const struct w2s_instance_pre *pre, struct w2s_instance **out, struct w2s_error *error) {
  struct w2si_thread *thread = &w2si_thread;
  w2si_ok(error);
  *out = NULL;
  enum w2si_claim claim = w2si_claim(pre->store, thread);
  if (claim == W2SI_CLAIM_NONE) return w2si_fail_usage(error);
  w2si_fault_recheck(thread);
  int32_t status = make(pre->store, pre->module, pre->imports, out, error);
  if (status == W2S_OK) status = finish(*out, error);
  if (status != W2S_OK) *out = NULL;
  w2si_unclaim(pre->store, claim);
  return status;
}

void w2s_pre_delete(struct w2s_instance_pre *pre) {
  if (!pre) return;
  w2s_module_release(pre->module);
  free(pre);
}

/* ---- items ------------------------------------------------------------------------------------------------------ */

struct w2s_vm *w2s_instance_vm(const struct w2s_instance *instance) { return instance->vm; }

struct w2s_module *w2s_instance_module(const struct w2s_instance *instance) { return instance->module; }

int32_t w2s_instance_item(struct w2s_instance *instance, uint32_t kind, uint32_t index, struct w2s_extern *out) {
  const struct w2s_meta *meta = instance->meta;
  const uint32_t n[] = {meta->funcs.n, meta->tables.n, meta->memories.n, meta->globals.n, meta->tags.n};
  if (kind > W2S_EXTERN_TAG || index >= n[kind]) return W2S_ERR_USAGE;
  *out = (struct w2s_extern){.kind = kind};
  switch (kind) {
    case W2S_EXTERN_FUNC: out->func = w2si_func(instance, index); break;
    case W2S_EXTERN_TABLE: out->table = w2si_table(instance, index); break;
    case W2S_EXTERN_MEMORY: out->memory = w2si_memory(instance, index); break;
    case W2S_EXTERN_TAG: out->tag = w2si_tag(instance, index); break;
    default: out->global = w2si_global(instance, index); break;
  }
  return kind == W2S_EXTERN_FUNC && !out->func ? W2S_ERR_USAGE : W2S_OK;
}

int32_t w2s_instance_export(struct w2s_instance *instance, uint32_t nth, struct w2s_extern *out) {
  if (nth >= instance->meta->exports.n) return W2S_ERR_USAGE;
  const struct w2s_meta_export *export = &w2si_meta_exports(instance->meta)[nth];
  return w2s_instance_item(instance, export->kind, export->index, out);
}
