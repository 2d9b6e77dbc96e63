/* A module in the shape of generated code, written by hand, with variants that fail in different ways. */
#include "guest.h"

enum { T_VOID, T_I_I, T_II_I, N_TYPES };
enum { N_CONSTS = 10, PAGE = 4096 };

struct w2s_vm {
  struct w2s_vm_head head;
  struct w2s_import_func host;
  struct w2s_memory mem0;
  struct w2s_table tab0;
  uint32_t g0;
  uint64_t g1;
  struct w2s_funcref refs[GUEST_N_FUNCS];
  uint8_t data_dropped[3];
  uint8_t elem_dropped[2];
};

#ifdef VARIANT_CHECKED
enum { GUARDED = 0 };
#else
enum { GUARDED = 1 };
#endif

static void trap(struct w2s_vm *vm, uint32_t code) { vm->head.builtins->trap(vm, code); }

static void check_bounds(struct w2s_vm *vm, uint64_t at) {
  if (!GUARDED && at >= vm->mem0.bytes) trap(vm, W2S_TRAP_MEMORY_OUT_OF_BOUNDS);
}

static uint32_t load(struct w2s_vm *vm, uint32_t at) {
  uint64_t where = (uint64_t)at + 0xffffffffu;
  check_bounds(vm, where);
  uint8_t byte = vm->mem0.base[where];
  __asm__ volatile("" ::"r"(byte));
  return byte;
}

static uint32_t store(struct w2s_vm *vm, uint32_t at) {
  check_bounds(vm, at);
  *(volatile uint8_t *)(vm->mem0.base + at) = 0;
  return 7;
}

static uint32_t call_host(struct w2s_vm *vm, uint32_t x) {
  return ((uint32_t(*)(struct w2s_vm *, uint32_t))vm->host.code)(vm->host.vm, x);
}

static __attribute__((noinline)) uint32_t recurse(struct w2s_vm *vm, uint32_t x) {
  volatile uint8_t room[200];
  if ((uint8_t *)__builtin_frame_address(0) < vm->head.store->stack_limit) trap(vm, W2S_TRAP_STACK_OVERFLOW);
  if (x == 0xffffffffu) return 0;
  room[x % 200] = (uint8_t)x;
  return recurse(vm, x + 1) + room[x % 200];
}

static uint32_t trap_with(struct w2s_vm *vm, uint32_t code) {
  trap(vm, code);
  return 0;
}

static uint32_t grow(struct w2s_vm *vm, uint32_t delta) {
  return (uint32_t)vm->head.builtins->memory_grow(vm, &vm->mem0, delta);
}

static uint32_t fill(struct w2s_vm *vm, uint32_t at, uint32_t n) {
  vm->head.builtins->memory_fill(vm, &vm->mem0, at, 0x1aa, n);
  return 0;
}

static uint32_t copy(struct w2s_vm *vm, uint32_t at, uint32_t n) {
  vm->head.builtins->memory_copy(vm, &vm->mem0, 0, &vm->mem0, at, n);
  return 0;
}

static uint32_t init(struct w2s_vm *vm, uint32_t at, uint32_t n) {
  vm->head.builtins->memory_init(vm, &vm->mem0, 1, at, 0, n);
  return 0;
}

static uint32_t indirect(struct w2s_vm *vm, uint32_t at);

static uint32_t table_init(struct w2s_vm *vm, uint32_t at, uint32_t n) {
  vm->head.builtins->table_init(vm, &vm->tab0, 1, at, 0, n);
  return 0;
}

static uint32_t table_grow(struct w2s_vm *vm, uint32_t delta) {
  union w2s_ref ref = {.func = &vm->refs[GUEST_GROW]};
  return (uint32_t)vm->head.builtins->table_grow(vm, &vm->tab0, delta, ref);
}

/* 2^-a divided by 2^b, scaled back by 2^140: 0 where the quotient was flushed to zero. */
static uint32_t divide(struct w2s_vm *vm, uint32_t a, uint32_t b) {
  (void)vm;
  volatile float x = __builtin_ldexpf(1, -(int)a);
  volatile float y = __builtin_ldexpf(1, (int)b);
  volatile float quotient = x / y;
  return quotient > 0 ? 1 : 0;
}

static void start(struct w2s_vm *vm) {
#ifdef VARIANT_START_TRAP
  trap(vm, W2S_TRAP_UNREACHABLE);
#endif
  vm->g0 += 1;
}

static void t_void(struct w2s_funcref *callee, union w2s_value *values) {
  (void)values;
  ((void (*)(struct w2s_vm *))callee->code)(callee->vm);
}
static void t_i_i(struct w2s_funcref *callee, union w2s_value *values) {
  values[0].i32 = ((uint32_t(*)(struct w2s_vm *, uint32_t))callee->code)(callee->vm, values[0].i32);
}
static void t_ii_i(struct w2s_funcref *callee, union w2s_value *values) {
  values[0].i32 = ((uint32_t(*)(struct w2s_vm *, uint32_t, uint32_t))callee->code)(callee->vm, values[0].i32,
                                                                                   values[1].i32);
}
static void s_void(struct w2s_host_func *func) {
  union w2s_value values[1] = {{.i64 = 0}};
  func->head.builtins->call_host(func, values);
}
static uint32_t s_i_i(struct w2s_host_func *func, uint32_t a) {
  union w2s_value values[1] = {{.i32 = a}};
  func->head.builtins->call_host(func, values);
  return values[0].i32;
}
static uint32_t s_ii_i(struct w2s_host_func *func, uint32_t a, uint32_t b) {
  union w2s_value values[2] = {{.i32 = a}, {.i32 = b}};
  func->head.builtins->call_host(func, values);
  return values[0].i32;
}

static const uint8_t data_bytes[] = "passive!active";
static const uint8_t image[PAGE] __attribute__((aligned(4096))) = "image";

struct blob {
  struct w2s_meta meta;
  __attribute__((aligned(16))) char strings[16];
  __attribute__((aligned(16))) struct w2s_meta_type types[N_TYPES];
  __attribute__((aligned(16))) struct w2s_valtype valtypes[5];
  __attribute__((aligned(16))) struct w2s_meta_import imports[1];
  __attribute__((aligned(16))) struct w2s_meta_export exports[GUEST_N_EXPORTS];
  __attribute__((aligned(16))) struct w2s_meta_func funcs[GUEST_N_FUNCS];
  __attribute__((aligned(16))) struct w2s_meta_table tables[1];
  __attribute__((aligned(16))) struct w2s_meta_memory memories[1];
  __attribute__((aligned(16))) struct w2s_meta_global globals[2];
  __attribute__((aligned(16))) struct w2s_meta_elem elems[2];
  __attribute__((aligned(16))) struct w2s_meta_data datas[3];
  __attribute__((aligned(16))) struct w2s_meta_const consts[N_CONSTS];
  __attribute__((aligned(16))) struct w2s_expr exprs[2];
  __attribute__((aligned(16))) int32_t words[3];
  __attribute__((aligned(16))) uint32_t escapes[GUEST_N_FUNCS];
};

#define RANGE(field, count) {.offset = __builtin_offsetof(struct blob, field), .n = (count)}
#define VM(field) __builtin_offsetof(struct w2s_vm, field)
#define FUNC(t, i) {.type = (t), .vm_offset = (i) == GUEST_HOST ? VM(host) : 0, .ref = (i)}
#define EXPORT(k, i) {.name = {7, 4}, .kind = (k), .index = (i)}
#define FUNCREF {.code = W2S_REF_NULL, .heap = W2S_HEAP_FUNC}

static const struct blob blob = {
    .meta = {
        .magic = W2S_MAGIC, .abi_version = W2S_ABI_VERSION, .meta_bytes = sizeof(struct blob),
        .data_bytes = sizeof data_bytes, .image_bytes = PAGE,
#ifdef VARIANT_STALE
        .abi_digest = {1},
#else
        .abi_digest = {W2S_ABI_DIGEST_BYTES},
#endif
        .vm_bytes = sizeof(struct w2s_vm), .start = GUEST_START, .n_imported_funcs = 1,
#ifdef VARIANT_BIG_CPU
        .cpu_level = 9,
#endif
        .refs_offset = VM(refs), .data_dropped_offset = VM(data_dropped), .elem_dropped_offset = VM(elem_dropped),
        .strings = RANGE(strings, 11), .types = RANGE(types, N_TYPES), .valtypes = RANGE(valtypes, 5),
        .imports = RANGE(imports, 1), .exports = RANGE(exports, GUEST_N_EXPORTS), .funcs = RANGE(funcs, GUEST_N_FUNCS),
        .tables = RANGE(tables, 1), .memories = RANGE(memories, 1), .globals = RANGE(globals, 2),
        .elems = RANGE(elems, 2), .datas = RANGE(datas, 3), .consts = RANGE(consts, N_CONSTS),
        .exprs = RANGE(exprs, 2), .words = RANGE(words, 3), .escapes = RANGE(escapes, GUEST_N_FUNCS),
        .layout = RANGE(strings, 0), .producer = RANGE(strings, 0),
    },
    .strings = "envhostname",
    .types = {
        [T_VOID] = {.kind = 0x60, .final_ = 1, .super_ = -1, .rec_start = 0, .rec_n = 1},
        [T_I_I] = {.kind = 0x60, .final_ = 1, .super_ = -1, .rec_start = 1, .rec_n = 1, .first = 0, .n_params = 1, .n_results = 1},
        [T_II_I] = {.kind = 0x60, .final_ = 1, .super_ = -1, .rec_start = 2, .rec_n = 1, .first = 2, .n_params = 2, .n_results = 1},
    },
    .valtypes = {{.code = W2S_I32}, {.code = W2S_I32}, {.code = W2S_I32}, {.code = W2S_I32}, {.code = W2S_I32}},
    .imports = {{.module = {0, 3}, .name = {3, 4}, .kind = W2S_EXTERN_FUNC, .index = 0}},
    .exports = {
        EXPORT(0, 0), EXPORT(0, 1), EXPORT(0, 2), EXPORT(0, 3), EXPORT(0, 4), EXPORT(0, 5), EXPORT(0, 6), EXPORT(0, 7),
        EXPORT(0, 8), EXPORT(0, 9), EXPORT(0, 10), EXPORT(0, 11), EXPORT(0, 12), EXPORT(0, 13), EXPORT(0, 14),
        EXPORT(W2S_EXTERN_MEMORY, 0), EXPORT(W2S_EXTERN_TABLE, 0), EXPORT(W2S_EXTERN_GLOBAL, 0),
        EXPORT(W2S_EXTERN_GLOBAL, 1),
    },
    .funcs = {
        FUNC(T_I_I, 0), FUNC(T_I_I, 1), FUNC(T_I_I, 2), FUNC(T_I_I, 3), FUNC(T_I_I, 4), FUNC(T_I_I, 5), FUNC(T_I_I, 6),
        FUNC(T_II_I, 7), FUNC(T_II_I, 8), FUNC(T_II_I, 9), FUNC(T_I_I, 10), FUNC(T_II_I, 11), FUNC(T_I_I, 12),
        FUNC(T_II_I, 13), FUNC(T_VOID, 14),
    },
    .tables = {{.type = FUNCREF, .min_elems = 6, .max_elems = 10, .has_max = 1, .vm_offset = VM(tab0)}},
    .memories = {{.min_pages = 1, .max_pages = 4, .page_log2 = 16, .vm_offset = VM(mem0), .has_max = 1,
                  .guarded = GUARDED, .has_image = 1, .image_start = PAGE, .image_bytes = PAGE}},
    .globals = {
        {.type = {.code = W2S_I32, .mutable_ = 1}, .vm_offset = VM(g0), .init = {0, 3}},
        {.type = {.code = W2S_REF_NULL, .heap = W2S_HEAP_FUNC}, .vm_offset = VM(g1), .init = {3, 1}},
    },
    .elems = {
        /* active at 0: [load, host, divide] */
        {.type = FUNCREF, .mode = W2S_SEGMENT_ACTIVE, .table = 0, .offset = {4, 1}, .first = 0, .n_items = 3},
        /* passive: [global 1, null] */
        {.type = FUNCREF, .mode = W2S_SEGMENT_PASSIVE, .is_exprs = 1, .first = 0, .n_items = 2},
    },
    .datas = {
        {.mode = W2S_SEGMENT_ACTIVE, .memory = 0, .offset = {7, 1}, .blob_offset = 8, .bytes = 6},
        {.mode = W2S_SEGMENT_PASSIVE, .blob_offset = 0, .bytes = 8},
        {.mode = W2S_SEGMENT_ACTIVE, .memory = 0, .offset = {8, 1}, .bytes = 5, .in_image = 1},
    },
    .consts = {
        {.op = 0x41, .value = {40}}, {.op = 0x41, .value = {2}}, {.op = 0x6a}, /* 40 + 2 */
        {.op = 0xd2, .index = GUEST_TRAP},
#ifdef VARIANT_ELEM_TRAP
        {.op = 0x41, .value = {4}},
#else
        {.op = 0x41, .value = {0}},
#endif
        {.op = 0x23, .index = 1}, {.op = 0xd0, .index = (uint32_t)W2S_HEAP_FUNC},
#ifdef VARIANT_DATA_TRAP
        {.op = 0x41, .value = {65531}},
#else
        {.op = 0x41, .value = {65530}},
#endif
        {.op = 0x41, .value = {PAGE}}, {.op = 0x41},
    },
    .exprs = {{5, 1}, {6, 1}},
    .words = {GUEST_LOAD, GUEST_HOST, GUEST_DIVIDE},
    .escapes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14},
};

#define CODE(f) (void (*)(void))(f)
static void (*const escapes[])(void) = {
    NULL, CODE(load), CODE(store), CODE(call_host), CODE(recurse), CODE(trap_with), CODE(grow), CODE(fill), CODE(copy),
    CODE(init), CODE(indirect), CODE(table_init), CODE(table_grow), CODE(divide), CODE(start),
};
static void (*const trampolines[])(struct w2s_funcref *, union w2s_value *) = {t_void, t_i_i, t_ii_i};
static void (*const host_stubs[])(void) = {CODE(s_void), CODE(s_i_i), CODE(s_ii_i)};
static uint32_t type_ids[N_TYPES];

static uint32_t indirect(struct w2s_vm *vm, uint32_t at) {
  if (at >= vm->tab0.n_elems) trap(vm, W2S_TRAP_UNDEFINED_ELEMENT);
  struct w2s_funcref *func = vm->tab0.elems[at].func;
  if (!func) trap(vm, W2S_TRAP_INDIRECT_CALL_TO_NULL);
  if (func->type != type_ids[T_I_I]) trap(vm, W2S_TRAP_BAD_SIGNATURE);
  return ((uint32_t(*)(struct w2s_vm *, uint32_t))func->code)(func->vm, at);
}

__attribute__((visibility("default"))) const struct w2s_descriptor w2s_module_descriptor = {
#ifdef VARIANT_FOREIGN
    .magic = 0x12345678,
#else
    .magic = W2S_MAGIC,
#endif
    .abi_version = W2S_ABI_VERSION, .meta = &blob.meta, .data = data_bytes, .image = image, .escapes = escapes,
    .trampolines = trampolines, .host_stubs = host_stubs, .type_ids = type_ids,
};
