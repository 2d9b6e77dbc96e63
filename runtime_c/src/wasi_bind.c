/* WASI functions as functions of wasm: their types, the native entries that generated code calls, and their binding to
 * the memory of each importing instance. */
#define _GNU_SOURCE 1

#include <stdlib.h>

#include "arch.h"
#include "builtins.h"
#include "fiber.h"
#include "meta.h"
#include "trap.h"
#include "type.h"
#include "wasi_call.h"

/* ---- types ---- */

struct word {
  const char *text;
  uint8_t param;
  uint8_t n_slots;
  uint16_t type; /* of the first slot; a second is an i32 */
};

static const struct word words[] = {
    {"u32", W2SI_PARAM_U32, 1, W2S_I32},         {"u64", W2SI_PARAM_U64, 1, W2S_I64},
    {"at", W2SI_PARAM_AT, 1, W2S_I32},           {"fd", W2SI_PARAM_FD, 1, W2S_I32},
    {"path", W2SI_PARAM_PATH, 2, W2S_I32},       {"bytes", W2SI_PARAM_BYTES, 2, W2S_I32},
    {"iovecs", W2SI_PARAM_IOVECS, 2, W2S_I32},   {">u16", W2SI_PARAM_OUT16, 1, W2S_I32},
    {">u32", W2SI_PARAM_OUT32, 1, W2S_I32},      {">u64", W2SI_PARAM_OUT64, 1, W2S_I32},
    {">prestat", W2SI_PARAM_PRESTAT, 1, W2S_I32}, {">fdstat", W2SI_PARAM_FDSTAT, 1, W2S_I32},
    {">filestat", W2SI_PARAM_FILESTAT, 1, W2S_I32},
};

/* A row's parameters, taken apart. */
struct signature {
  uint8_t params[W2SI_MAX_PARAMS + 1];
  struct w2s_valtype slots[W2SI_MAX_SLOTS];
  size_t n_slots;
  char shape[W2SI_MAX_SLOTS + 1]; /* a letter for each slot: i, I */
};

static const struct word *find_word(const char *text, size_t n) {
  const struct word *word = words;
  while (strlen(word->text) != n || memcmp(word->text, text, n) != 0) word++;
  return word;
}

static void parse(const struct w2si_row *row, struct signature *out) {
  size_t n = 0;
  memset(out, 0, sizeof *out);
  for (const char *at = row->params; *at;) {
    size_t length = strcspn(at, " ");
    const struct word *word = find_word(at, length);
    out->params[n++] = word->param;
    for (size_t k = 0; k < word->n_slots; k++) {
      out->shape[out->n_slots] = word->type == W2S_I64 ? 'I' : 'i';
      out->slots[out->n_slots++] = (struct w2s_valtype){.code = word->type};
    }
    at += length;
    at += *at == ' ';
  }
}

/* ---- entries ---- */

struct dispatch {
  struct w2si_wasi_func *func;
  const uint64_t *values;
  int result;
};

static void run_dispatch(void *env) {
  struct dispatch *dispatch = env;
  dispatch->result = w2si_wasi_dispatch(dispatch->func, dispatch->values);
}

static W2SI_NOINLINE int dispatch_from_fiber(struct w2si_store *store, struct w2si_wasi_func *func,
                                             const uint64_t *values) {
  struct dispatch dispatch = {.func = func, .values = values};
  w2si_on_host_stack(store, run_dispatch, &dispatch);
  return dispatch.result;
}

/* Leave wasm, run the function, come back; trap if it says so, now that everything is cleaned up. */
static inline __attribute__((always_inline)) uint32_t enter(struct w2s_vm *vm, const uint64_t *values) {
  struct w2si_wasi_func *func = (struct w2si_wasi_func *)vm;
  struct w2si_store *store = w2si_store(func->host.head.store);
  struct w2si_pause pause = w2si_leave_wasm(store);
  int result = store->fiber ? dispatch_from_fiber(store, func, values) : w2si_wasi_dispatch(func, values);
  w2si_return_to_wasm(store, &pause);
  if (result < 0) w2si_trap(store, (uint32_t)(-1 - result), (uintptr_t)__builtin_return_address(0), 0);
  return (uint32_t)result;
}

static uint32_t f(struct w2s_vm *vm) { return enter(vm, NULL); }
static void f_exit(struct w2s_vm *vm, uint32_t a) { enter(vm, (const uint64_t[]){a}); }
static uint32_t f_i(struct w2s_vm *vm, uint32_t a) { return enter(vm, (const uint64_t[]){a}); }
static uint32_t f_ii(struct w2s_vm *vm, uint32_t a, uint32_t b) { return enter(vm, (const uint64_t[]){a, b}); }
static uint32_t f_iii(struct w2s_vm *vm, uint32_t a, uint32_t b, uint32_t c) {
  return enter(vm, (const uint64_t[]){a, b, c});
}
static uint32_t f_iiii(struct w2s_vm *vm, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return enter(vm, (const uint64_t[]){a, b, c, d});
}
static uint32_t f_iiiii(struct w2s_vm *vm, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e) {
  return enter(vm, (const uint64_t[]){a, b, c, d, e});
}
static uint32_t f_iiiiii(struct w2s_vm *vm, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t g) {
  return enter(vm, (const uint64_t[]){a, b, c, d, e, g});
}
static uint32_t f_iiiiiii(struct w2s_vm *vm, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t g,
                          uint32_t h) {
  return enter(vm, (const uint64_t[]){a, b, c, d, e, g, h});
}
static uint32_t f_iI(struct w2s_vm *vm, uint32_t a, uint64_t b) { return enter(vm, (const uint64_t[]){a, b}); }
static uint32_t f_iIi(struct w2s_vm *vm, uint32_t a, uint64_t b, uint32_t c) {
  return enter(vm, (const uint64_t[]){a, b, c});
}
static uint32_t f_iII(struct w2s_vm *vm, uint32_t a, uint64_t b, uint64_t c) {
  return enter(vm, (const uint64_t[]){a, b, c});
}
static uint32_t f_iIii(struct w2s_vm *vm, uint32_t a, uint64_t b, uint32_t c, uint32_t d) {
  return enter(vm, (const uint64_t[]){a, b, c, d});
}
static uint32_t f_iIIi(struct w2s_vm *vm, uint32_t a, uint64_t b, uint64_t c, uint32_t d) {
  return enter(vm, (const uint64_t[]){a, b, c, d});
}
static uint32_t f_iiiIi(struct w2s_vm *vm, uint32_t a, uint32_t b, uint32_t c, uint64_t d, uint32_t e) {
  return enter(vm, (const uint64_t[]){a, b, c, d, e});
}
static uint32_t f_iiiiIIi(struct w2s_vm *vm, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint64_t e, uint64_t g,
                          uint32_t h) {
  return enter(vm, (const uint64_t[]){a, b, c, d, e, g, h});
}
static uint32_t f_iiiiiIIii(struct w2s_vm *vm, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint64_t g,
                            uint64_t h, uint32_t i, uint32_t j) {
  return enter(vm, (const uint64_t[]){a, b, c, d, e, g, h, i, j});
}

struct entry {
  const char *shape;
  void (*code)(void);
};

static const struct entry entries[] = {
    {"", (void (*)(void))f},
    {"i", (void (*)(void))f_i},
    {"ii", (void (*)(void))f_ii},
    {"iii", (void (*)(void))f_iii},
    {"iiii", (void (*)(void))f_iiii},
    {"iiiii", (void (*)(void))f_iiiii},
    {"iiiiii", (void (*)(void))f_iiiiii},
    {"iiiiiii", (void (*)(void))f_iiiiiii},
    {"iI", (void (*)(void))f_iI},
    {"iIi", (void (*)(void))f_iIi},
    {"iII", (void (*)(void))f_iII},
    {"iIii", (void (*)(void))f_iIii},
    {"iIIi", (void (*)(void))f_iIIi},
    {"iiiIi", (void (*)(void))f_iiiIi},
    {"iiiiIIi", (void (*)(void))f_iiiiIIi},
    {"iiiiiIIii", (void (*)(void))f_iiiiiIIii},
};

static void (*entry_for(const struct signature *signature, int no_result))(void) {
  const struct entry *entry = entries;
  if (no_result) return (void (*)(void))f_exit;
  while (strcmp(entry->shape, signature->shape) != 0) entry++;
  return entry->code;
}

/* The array call, for a host that calls the function itself: there is no wasm to unwind, and no memory but of a
 * binding. Negative results go back as they are. */
static int32_t call_array(struct w2s_host_func *host, union w2s_value *values) {
  struct w2si_wasi_func *func = (struct w2si_wasi_func *)host;
  const struct w2s_valtype *params;
  const struct w2s_valtype *results;
  size_t n_params;
  size_t n_results;
  uint64_t raw[W2SI_MAX_SLOTS];
  w2s_type_func(host->type, &params, &n_params, &results, &n_results);
  for (size_t i = 0; i < n_params; i++) raw[i] = params[i].code == W2S_I64 ? values[i].i64 : values[i].i32;
  int result = w2si_wasi_dispatch(func, raw);
  if (result < 0) return result;
  values[0].i32 = (uint32_t)result;
  return 0;
}

/* ---- functions ---- */

static struct w2si_wasi_func *find_func(struct w2s_wasi *wasi, const struct w2si_row *row, uint32_t unstable) {
  struct w2si_wasi_func *func = wasi->funcs;
  while (func && (func->row != row || func->unstable != unstable)) func = func->next;
  return func;
}

static struct w2si_wasi_func *make_func(struct w2s_wasi *wasi, const struct w2si_row *row, uint32_t unstable) {
  struct signature signature;
  const struct w2s_valtype i32 = {.code = W2S_I32};
  parse(row, &signature);
  uint32_t type = w2s_type_intern_func(signature.slots, signature.n_slots, &i32, row->no_result ? 0 : 1);
  struct w2si_wasi_func *func = type ? calloc(1, sizeof *func) : NULL;
  if (!func) return NULL;
  func->host.head = (struct w2s_vm_head){.magic = W2S_MAGIC, .abi_version = W2S_ABI_VERSION, .store = wasi->store,
                                         .builtins = &w2si_builtins};
  func->host.call = call_array;
  func->host.type = type;
  func->host.funcref = (struct w2s_funcref){.code = entry_for(&signature, row->no_result), .vm = (struct w2s_vm *)func,
                                            .type = type, .flags = W2SI_FUNC_WASI};
  func->host.funcref.raw = func->host.funcref.code; /* it throws nothing */
  func->wasi = wasi;
  func->row = row;
  func->unstable = unstable;
  memcpy(func->params, signature.params, sizeof func->params);
  func->next = wasi->funcs;
  wasi->funcs = func;
  return func;
}

static int is_name(const char *text, const char *name, size_t n) { return strlen(text) == n && memcmp(text, name, n) == 0; }

int32_t w2s_wasi_function(struct w2s_wasi *wasi, const char *module, size_t n_module, const char *name, size_t n_name,
                          struct w2s_extern *out) {
  int unstable = is_name("wasi_unstable", module, n_module);
  if (!unstable && !is_name("wasi_snapshot_preview1", module, n_module)) return 0;
  const struct w2si_row *row = w2si_wasi_row(name, n_name, unstable);
  if (!row) return 0;
  struct w2si_wasi_func *func = find_func(wasi, row, (uint32_t)unstable);
  if (!func) func = make_func(wasi, row, (uint32_t)unstable);
  if (!func) return -1;
  *out = (struct w2s_extern){.kind = W2S_EXTERN_FUNC, .func = &func->host.funcref};
  return 1;
}

/* ---- binding ---- */

/* The memory that the instance's pointers mean: its export "memory", else its memory 0, else none. */
static struct w2s_memory *memory_of(const struct w2s_instance *instance) {
  const struct w2s_meta *meta = instance->meta;
  const struct w2s_meta_export *exports = w2si_meta_exports(meta);
  for (uint32_t i = 0; i < meta->exports.n; i++) {
    if (exports[i].kind != W2S_EXTERN_MEMORY) continue;
    if (is_name("memory", (const char *)w2si_meta_str(meta, exports[i].name), exports[i].name.bytes)) {
      return w2si_memory(instance, exports[i].index);
    }
  }
  return meta->memories.n ? w2si_memory(instance, 0) : NULL;
}

static int is_wasi(const struct w2s_funcref *func) { return (func->flags & W2SI_FUNC_KIND) == W2SI_FUNC_WASI; }

int w2si_wasi_bind(struct w2s_instance *instance, const struct w2s_extern *imports) {
  const struct w2s_meta *meta = instance->meta;
  struct w2s_memory *memory = NULL;
  for (uint32_t i = 0; i < meta->imports.n; i++) {
    if (imports[i].kind != W2S_EXTERN_FUNC || !is_wasi(imports[i].func)) continue;
    if (!instance->wasi_funcs) {
      instance->wasi_funcs = calloc(meta->n_imported_funcs, sizeof *instance->wasi_funcs);
      if (!instance->wasi_funcs) return 0;
      memory = memory_of(instance);
    }
    struct w2si_wasi_func *own = &instance->wasi_funcs[w2si_meta_imports(meta)[i].index];
    *own = *(struct w2si_wasi_func *)imports[i].func->vm;
    own->host.funcref.vm = (struct w2s_vm *)own;
    own->memory = memory;
    own->next = NULL;
  }
  return 1;
}

struct w2s_funcref *w2si_wasi_bound(const struct w2s_instance *instance, uint32_t index, struct w2s_funcref *func) {
  return is_wasi(func) ? &instance->wasi_funcs[index].host.funcref : func;
}
