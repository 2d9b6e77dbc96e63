/* A module in the shape of generated code that imports every function of WASI, exports them, and has for each a function
 * that calls it as generated code does. */
#include <stddef.h>
#include <stdint.h>

#include "../include/wasm2so/abi.h"
#include "../include/wasm2so/libcalls.h"
#include "wasi_list.h"

/* wasi_unstable has no sock_accept, which is the last one. */
#ifdef VARIANT_UNSTABLE
#define MODULE "wasi_unstable"
enum { N = WASI_N_FUNCS - 1 };
#else
#define MODULE "wasi_snapshot_preview1"
enum { N = WASI_N_FUNCS };
#endif

struct w2s_vm {
  struct w2s_vm_head head;
  struct w2s_import_func imports[N];
  struct w2s_memory memory;
  struct w2s_funcref refs[2 * N];
};

#define LENGTH(name) (sizeof #name - 1)
struct names {
  char module[sizeof MODULE - 1];
  char memory[6];
#define MEMBER(name, shape) char name[LENGTH(name)];
  WASI_FUNCS(MEMBER)
};

/* Parameters of all shapes one behind the other, and one result. */
struct types {
#define SLOTS(shape, text, n) struct w2s_valtype shape[n + 1];
  WASI_SHAPES(SLOTS)
};

struct blob {
  struct w2s_meta meta;
  __attribute__((aligned(16))) struct names strings;
  __attribute__((aligned(16))) struct w2s_meta_type types[WASI_N_SHAPES];
  __attribute__((aligned(16))) struct types valtypes;
  __attribute__((aligned(16))) struct w2s_meta_import imports[N];
  __attribute__((aligned(16))) struct w2s_meta_export exports[2 * N + 1];
  __attribute__((aligned(16))) struct w2s_meta_func funcs[2 * N];
  __attribute__((aligned(16))) struct w2s_meta_memory memories[1];
  __attribute__((aligned(16))) uint32_t escapes[2 * N];
};

/* The blob is filled before main, as tables by name are clumsy to write down as constants. */
static struct blob blob __attribute__((aligned(4096)));

#define NAME_AT(name) {offsetof(struct names, name), sizeof(((struct names *)0)->name)}
static const struct w2s_str func_names[] = {
#define FUNC_NAME(name, shape) NAME_AT(name),
    WASI_FUNCS(FUNC_NAME)};
static const uint32_t func_shapes[] = {
#define FUNC_SHAPE(name, shape) WASI_SHAPE_##shape,
    WASI_FUNCS(FUNC_SHAPE)};
static const struct names names = {MODULE, "memory",
#define NAME_TEXT(name, shape) #name,
                                   WASI_FUNCS(NAME_TEXT)};
static const char *const shape_texts[] = {
#define SHAPE_TEXT(shape, text, n) text,
    WASI_SHAPES(SHAPE_TEXT)};

static void fill_types(void) {
  struct w2s_valtype *slot = (struct w2s_valtype *)&blob.valtypes;
  for (uint32_t t = 0; t < WASI_N_SHAPES; t++) {
    uint32_t first = (uint32_t)(slot - (struct w2s_valtype *)&blob.valtypes);
    uint32_t n = 0;
    for (; shape_texts[t][n]; n++) (slot++)->code = shape_texts[t][n] == 'I' ? W2S_I64 : W2S_I32;
    (slot++)->code = W2S_I32;
    blob.types[t] = (struct w2s_meta_type){.kind = 0x60, .final_ = 1, .super_ = -1, .rec_start = t, .rec_n = 1,
                                           .first = first, .n_params = n, .n_results = t != WASI_SHAPE_exit};
  }
}

static void fill_funcs(void) {
  for (uint32_t k = 0; k < N; k++) {
    blob.imports[k] = (struct w2s_meta_import){.module = NAME_AT(module), .name = func_names[k], .index = k};
    blob.funcs[k] = (struct w2s_meta_func){.type = func_shapes[k],
                                           .vm_offset = (uint32_t)(offsetof(struct w2s_vm, imports) +
                                                                   k * sizeof(struct w2s_import_func)),
                                           .ref = (int32_t)k};
    blob.funcs[N + k] = (struct w2s_meta_func){.type = func_shapes[k], .ref = (int32_t)(N + k)};
    blob.escapes[k] = k;
    blob.escapes[N + k] = N + k;
    blob.exports[k] = (struct w2s_meta_export){.name = func_names[k], .index = k};
    blob.exports[N + k] = (struct w2s_meta_export){.name = NAME_AT(module), .index = N + k};
  }
  /* "memory" is looked up by its name, so another name hides it */
  blob.exports[2 * N] = (struct w2s_meta_export){.name = NAME_AT(memory), .kind = W2S_EXTERN_MEMORY};
}

#define RANGE(field, count) (struct w2s_range){.offset = offsetof(struct blob, field), .n = (count)}
static __attribute__((constructor)) void fill(void) {
  blob.strings = names;
  fill_types();
  fill_funcs();
  blob.memories[0] = (struct w2s_meta_memory){.min_pages = 2, .page_log2 = 16, .guarded = 1,
                                              .vm_offset = offsetof(struct w2s_vm, memory)};
  blob.meta = (struct w2s_meta){
      .magic = W2S_MAGIC, .abi_version = W2S_ABI_VERSION, .meta_bytes = sizeof blob,
      .abi_digest = {W2S_ABI_DIGEST_BYTES}, .vm_bytes = sizeof(struct w2s_vm), .start = -1, .n_imported_funcs = N,
      .refs_offset = offsetof(struct w2s_vm, refs), .data_dropped_offset = sizeof(struct w2s_vm),
      .elem_dropped_offset = sizeof(struct w2s_vm), .strings = RANGE(strings, sizeof names),
      .types = RANGE(types, WASI_N_SHAPES), .valtypes = RANGE(valtypes, sizeof blob.valtypes / sizeof(struct w2s_valtype)),
      .imports = RANGE(imports, N), .exports = RANGE(exports, 2 * N + 1), .funcs = RANGE(funcs, 2 * N),
      .tables = RANGE(strings, 0), .memories = RANGE(memories, 1), .globals = RANGE(strings, 0),
      .elems = RANGE(strings, 0), .datas = RANGE(strings, 0), .consts = RANGE(strings, 0), .exprs = RANGE(strings, 0),
      .words = RANGE(strings, 0), .escapes = RANGE(escapes, 2 * N), .layout = RANGE(strings, 0),
      .producer = RANGE(strings, 0)};
}

/* An array call of an own function: the native call of the import that it stands for. */
static struct w2s_import_func *target(struct w2s_funcref *callee) {
  return &callee->vm->imports[callee - callee->vm->refs - N];
}

typedef struct w2s_vm *V;
typedef uint32_t i;
typedef uint64_t I;
#define RETURN(type, ...) values[0].i32 = ((i(*) type)f->code)(f->vm, ##__VA_ARGS__)
#define A(k) values[k].i32
#define B(k) values[k].i64
static void run(uint32_t shape, struct w2s_import_func *f, union w2s_value *values) {
  switch (shape) {
    case WASI_SHAPE_none: RETURN((V)); break;
    case WASI_SHAPE_i: RETURN((V, i), A(0)); break;
    case WASI_SHAPE_ii: RETURN((V, i, i), A(0), A(1)); break;
    case WASI_SHAPE_iii: RETURN((V, i, i, i), A(0), A(1), A(2)); break;
    case WASI_SHAPE_iiii: RETURN((V, i, i, i, i), A(0), A(1), A(2), A(3)); break;
    case WASI_SHAPE_iiiii: RETURN((V, i, i, i, i, i), A(0), A(1), A(2), A(3), A(4)); break;
    case WASI_SHAPE_iiiiii: RETURN((V, i, i, i, i, i, i), A(0), A(1), A(2), A(3), A(4), A(5)); break;
    case WASI_SHAPE_iiiiiii: RETURN((V, i, i, i, i, i, i, i), A(0), A(1), A(2), A(3), A(4), A(5), A(6)); break;
    case WASI_SHAPE_iI: RETURN((V, i, I), A(0), B(1)); break;
    case WASI_SHAPE_iIi: RETURN((V, i, I, i), A(0), B(1), A(2)); break;
    case WASI_SHAPE_iII: RETURN((V, i, I, I), A(0), B(1), B(2)); break;
    case WASI_SHAPE_iIii: RETURN((V, i, I, i, i), A(0), B(1), A(2), A(3)); break;
    case WASI_SHAPE_iIIi: RETURN((V, i, I, I, i), A(0), B(1), B(2), A(3)); break;
    case WASI_SHAPE_iiiIi: RETURN((V, i, i, i, I, i), A(0), A(1), A(2), B(3), A(4)); break;
    case WASI_SHAPE_iiiiIIi: RETURN((V, i, i, i, i, I, I, i), A(0), A(1), A(2), A(3), B(4), B(5), A(6)); break;
    case WASI_SHAPE_iiiiiIIii:
      RETURN((V, i, i, i, i, i, I, I, i, i), A(0), A(1), A(2), A(3), A(4), B(5), B(6), A(7), A(8));
      break;
    default: ((void (*)(V, i))f->code)(f->vm, A(0)); break;
  }
}

#define TRAMPOLINE(shape, text, n) \
  static void t_##shape(struct w2s_funcref *callee, union w2s_value *values) { \
    run(WASI_SHAPE_##shape, target(callee), values);                           \
  }
WASI_SHAPES(TRAMPOLINE)
#define TRAMPOLINE_NAME(shape, text, n) t_##shape,
static void (*const trampolines[])(struct w2s_funcref *, union w2s_value *) = {WASI_SHAPES(TRAMPOLINE_NAME)};
static void nothing(void) {}
#define NOTHING(name, shape) nothing,
static void (*const escapes[2 * WASI_N_FUNCS])(void) = {WASI_FUNCS(NOTHING) WASI_FUNCS(NOTHING)};
#define STUB(shape, text, n) nothing,
static void (*const host_stubs[])(void) = {WASI_SHAPES(STUB)};
static uint32_t type_ids[WASI_N_SHAPES];
static const uint8_t none[1];

__attribute__((visibility("default"))) const struct w2s_descriptor w2s_module_descriptor = {
    .magic = W2S_MAGIC, .abi_version = W2S_ABI_VERSION, .meta = &blob.meta, .data = none, .image = none,
    .escapes = escapes, .trampolines = trampolines, .host_stubs = host_stubs, .type_ids = type_ids,
};
