/* Instantiation, linking, segments, items, host objects. */
#include "guest.h"

static int32_t add_ten(struct w2s_host_func *self, union w2s_value *values) {
  (void)self;
  values[0].i32 += 10;
  return 0;
}

static void finalize(void *env) { ++*(int *)env; }

static void test_plain(struct w2s_module *module) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_instance *instance = guest_instantiate(store, module, add_ten, NULL);
  struct w2s_extern item;
  union w2s_value value;
  CHECK(w2s_instance_module(instance) == module);
  CHECK(w2s_instance_export(instance, GUEST_GLOBAL, &item) == W2S_OK && item.kind == W2S_EXTERN_GLOBAL);
  w2s_global_get(&item.global, &value);
  CHECK(value.i32 == 43); /* 40 + 2, then the start function */
  value.i32 = 5;
  w2s_global_set(&item.global, &value);
  w2s_global_get(&item.global, &value);
  CHECK(value.i32 == 5 && item.global.is_mutable);
  CHECK(w2s_instance_export(instance, GUEST_GLOBAL2, &item) == W2S_OK);
  w2s_global_get(&item.global, &value);
  CHECK(value.func == guest_func(instance, GUEST_TRAP) && !item.global.is_mutable);

  CHECK(w2s_instance_export(instance, GUEST_MEMORY, &item) == W2S_OK);
  CHECK(item.memory->bytes == 65536 && item.memory->max_bytes == 4 * 65536);
  CHECK(memcmp(item.memory->base + 4096, "image", 6) == 0);
  CHECK(memcmp(item.memory->base + 65530, "active", 6) == 0);
  CHECK(item.memory->base[0] == 0);

  CHECK(w2s_instance_export(instance, GUEST_TABLE, &item) == W2S_OK && item.table->is_func);
  union w2s_ref ref;
  CHECK(w2s_table_get(item.table, 0, &ref) && ref.func == guest_func(instance, GUEST_LOAD));
  CHECK(w2s_table_get(item.table, 1, &ref) && ref.func == guest_func(instance, GUEST_HOST));
  CHECK(w2s_table_get(item.table, 3, &ref) && ref.func == NULL);
  CHECK(!w2s_table_get(item.table, 6, &ref));
  CHECK(w2s_instance_export(instance, GUEST_N_EXPORTS, &item) == W2S_ERR_USAGE);
  CHECK(w2s_instance_item(instance, W2S_EXTERN_TAG, 0, &item) == W2S_ERR_USAGE);
  CHECK(w2s_instance_item(instance, W2S_EXTERN_FUNC, GUEST_N_FUNCS, &item) == W2S_ERR_USAGE);
  w2s_store_delete(store);
}

static void test_bulk(struct w2s_module *module) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_instance *i = guest_instantiate(store, module, add_ten, NULL);
  struct w2s_extern item;
  const int64_t memory_trap = -1 - W2S_TRAP_MEMORY_OUT_OF_BOUNDS;
  const int64_t table_trap = -1 - W2S_TRAP_TABLE_OUT_OF_BOUNDS;
  w2s_instance_export(i, GUEST_MEMORY, &item);
  uint8_t *base = item.memory->base;
  CHECK(guest_call(store, i, GUEST_FILL, 10, 3) == 0 && base[9] == 0 && base[10] == 0xaa && base[12] == 0xaa && !base[13]);
  CHECK(guest_call(store, i, GUEST_FILL, 65530, 7) == memory_trap && base[65530] == 'a');
  CHECK(guest_call(store, i, GUEST_FILL, 65536, 0) == 0);
  CHECK(guest_call(store, i, GUEST_FILL, 65537, 0) == memory_trap);
  CHECK(guest_call(store, i, GUEST_FILL, 0xffffffff, 0xffffffff) == memory_trap);
  CHECK(guest_call(store, i, GUEST_COPY, 4096, 5) == 0 && memcmp(base, "image", 5) == 0);
  CHECK(guest_call(store, i, GUEST_COPY, 65535, 2) == memory_trap);
  CHECK(guest_call(store, i, GUEST_INIT, 100, 8) == 0 && memcmp(base + 100, "passive!", 8) == 0);
  CHECK(guest_call(store, i, GUEST_INIT, 100, 9) == memory_trap);
  CHECK(guest_call(store, i, GUEST_INIT, 65530, 8) == memory_trap && base[65530] == 'a');
  CHECK(guest_call(store, i, GUEST_TABLE_INIT, 4, 2) == 0);
  CHECK(guest_call(store, i, GUEST_TABLE_INIT, 5, 2) == table_trap);
  CHECK(guest_call(store, i, GUEST_TABLE_INIT, 0, 3) == table_trap);
  w2s_instance_export(i, GUEST_TABLE, &item);
  CHECK(item.table->elems[4].func == guest_func(i, GUEST_TRAP) && !item.table->elems[5].func);
  CHECK(guest_call(store, i, GUEST_INDIRECT, 1, 0) == 11);
  CHECK(guest_call(store, i, GUEST_INDIRECT, 2, 0) == -1 - W2S_TRAP_BAD_SIGNATURE);
  CHECK(guest_call(store, i, GUEST_INDIRECT, 3, 0) == -1 - W2S_TRAP_INDIRECT_CALL_TO_NULL);
  CHECK(guest_call(store, i, GUEST_INDIRECT, 6, 0) == -1 - W2S_TRAP_UNDEFINED_ELEMENT);
  CHECK(guest_call(store, i, GUEST_TABLE_GROW, 3, 0) == 6 && item.table->n_elems == 9);
  CHECK(item.table->elems[8].func == guest_func(i, GUEST_GROW) && item.table->elems[0].func == guest_func(i, GUEST_LOAD));
  CHECK(guest_call(store, i, GUEST_TABLE_GROW, 2, 0) == 0xffffffff && item.table->n_elems == 9);
  CHECK(guest_call(store, i, GUEST_GROW, 1, 0) == 1 && guest_call(store, i, GUEST_GROW, 0, 0) == 2);
  CHECK(base[65536 * 2 - 1] == 0 && guest_call(store, i, GUEST_GROW, 3, 0) == 0xffffffff);
  w2s_store_delete(store);
}

/* Expect a failed link with this text, and nothing left behind. */
static void expect_link(struct w2s_store *store, struct w2s_module *module, const struct w2s_extern *imports, size_t n,
                        int32_t status, const char *text) {
  struct w2s_error error;
  struct w2s_instance *instance = (struct w2s_instance *)&error;
  CHECK(w2s_instantiate(store, module, imports, n, &instance, &error) == status);
  CHECK(error.status == status && instance == NULL);
  if (!strstr(error.message, text)) fprintf(stderr, "%s\n", error.message);
  CHECK(strstr(error.message, text));
}

static void test_link(struct w2s_module *module) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_store *other = w2s_store_new();
  struct w2s_valtype i32 = guest_i32();
  union w2s_value zero = {.i64 = 0};
  struct w2s_error error;
  int finalized = 0;
  struct w2s_funcref *good = w2s_func_new(store, guest_type1(), add_ten, &finalized, finalize);
  struct w2s_extern two[2] = {guest_func_extern(good), guest_func_extern(good)};
  expect_link(store, module, two, 0, W2S_ERR_LINK, "unknown import: \"env\" \"host\"");
  expect_link(store, module, two, 2, W2S_ERR_USAGE, "expected 1 imports, got 2");
  struct w2s_extern import = guest_func_extern(w2s_func_new(store, w2s_type_intern_func(NULL, 0, &i32, 1), add_ten, NULL, NULL));
  expect_link(store, module, &import, 1, W2S_ERR_LINK,
              "incompatible import type: \"env\" \"host\": expected function [i32] -> [i32], got function [] -> [i32]");
  import = guest_func_extern(w2s_func_new(other, guest_type1(), add_ten, NULL, NULL));
  expect_link(store, module, &import, 1, W2S_ERR_USAGE, "another store");
  import = (struct w2s_extern){.kind = W2S_EXTERN_GLOBAL, .global = *w2s_global_new(store, &i32, 0, &zero)};
  expect_link(store, module, &import, 1, W2S_ERR_LINK, "expected a function, got a global");
  import = (struct w2s_extern){.kind = 77};
  expect_link(store, module, &import, 1, W2S_ERR_LINK, "unknown import");
  struct w2s_limits limits;
  w2s_store_get_limits(store, &limits);
  limits.total_memory_bytes = 65535;
  w2s_store_set_limits(store, &limits);
  expect_link(store, module, two, 1, W2S_ERR_RESOURCE, "exceeds the store's limits");
  limits.total_memory_bytes = 65536 * 2;
  limits.table_elems = 5;
  w2s_store_set_limits(store, &limits);
  expect_link(store, module, two, 1, W2S_ERR_RESOURCE, "a table of 6 elements");
  limits.table_elems = 8;
  limits.instances = 1;
  w2s_store_set_limits(store, &limits);
  struct w2s_instance *i;
  CHECK(w2s_instantiate(store, module, two, 1, &i, &error) == W2S_OK);
  CHECK(guest_call(store, i, GUEST_GROW, 1, 0) == 1); /* the store's total */
  CHECK(guest_call(store, i, GUEST_GROW, 1, 0) == 0xffffffff);
  CHECK(guest_call(store, i, GUEST_TABLE_GROW, 3, 0) == 0xffffffff && guest_call(store, i, GUEST_TABLE_GROW, 2, 0) == 6);
  expect_link(store, module, two, 1, W2S_ERR_RESOURCE, "limit of 1 instances");
  CHECK(guest_func(i, GUEST_HOST) == good);
  w2s_store_delete(store);
  w2s_store_delete(other);
  CHECK(finalized == 1);
}

/* A trap while instantiating leaves the effects of what came before, and the instance, but gives none back. */
static void test_traps(const char *folder) {
  static const struct {
    const char *variant;
    uint32_t trap;
  } cases[] = {{"START_TRAP", W2S_TRAP_UNREACHABLE},
               {"ELEM_TRAP", W2S_TRAP_TABLE_OUT_OF_BOUNDS},
               {"DATA_TRAP", W2S_TRAP_MEMORY_OUT_OF_BOUNDS}};
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    struct w2s_module *module = guest_open(folder, cases[k].variant);
    struct w2s_store *store = w2s_store_new();
    struct w2s_extern import = guest_func_extern(w2s_func_new(store, guest_type1(), add_ten, NULL, NULL));
    struct w2s_instance *instance;
    struct w2s_error error;
    CHECK(w2s_instantiate(store, module, &import, 1, &instance, &error) == W2S_ERR_TRAP);
    CHECK(instance == NULL && error.trap == cases[k].trap);
    CHECK(strcmp(error.message, w2s_trap_message(cases[k].trap)) == 0);
    w2s_module_release(module);
    w2s_store_delete(store);
  }
}

static void test_objects(void) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_store *other = w2s_store_new();
  struct w2s_error error;
  struct w2s_valtype funcref = {.code = W2S_REF_NULL, .heap = W2S_HEAP_FUNC};
  struct w2s_valtype typed = {.code = W2S_REF_NULL, .heap = (int32_t)guest_type1()};
  struct w2s_valtype externref = {.code = W2S_REF_NULL, .heap = W2S_HEAP_EXTERN};
  struct w2s_valtype strict = {.code = W2S_REF, .heap = W2S_HEAP_FUNC};
  union w2s_ref null = {.word = 0};
  union w2s_ref ref;
  struct w2s_funcref *f = w2s_func_new(store, guest_type1(), add_ten, NULL, NULL);
  struct w2s_funcref *g = w2s_func_new(store, w2s_type_intern_func(NULL, 0, NULL, 0), add_ten, NULL, NULL);
  struct w2s_funcref *alien = w2s_func_new(other, guest_type1(), add_ten, NULL, NULL);
  struct w2s_table *table = w2s_table_new(store, &funcref, 2, 3, 1, 0, (union w2s_ref){.func = f}, &error);
  CHECK(table && w2s_table_get(table, 1, &ref) && ref.func == f);
  CHECK(w2s_table_set(table, 0, null) && w2s_table_get(table, 0, &ref) && !ref.func);
  CHECK(!w2s_table_set(table, 2, null) && !w2s_table_set(table, 0, (union w2s_ref){.func = alien}));
  CHECK(w2s_table_grow(table, 1, (union w2s_ref){.func = g}) == 2 && w2s_table_grow(table, 1, null) == UINT64_MAX);
  CHECK(w2s_table_grow(table, UINT64_MAX, null) == UINT64_MAX);
  struct w2s_table *narrow = w2s_table_new(store, &typed, 1, 0, 0, 0, null, &error);
  CHECK(narrow && w2s_table_set(narrow, 0, (union w2s_ref){.func = f}));
  CHECK(!w2s_table_set(narrow, 0, (union w2s_ref){.func = g}));
  struct w2s_table *words = w2s_table_new(store, &externref, 1, 0, 0, 0, (union w2s_ref){.word = 9}, &error);
  CHECK(words && w2s_table_get(words, 0, &ref) && ref.word == 9 && !words->is_func);
  CHECK(!w2s_table_new(store, &strict, 1, 0, 0, 0, null, &error) && error.status == W2S_ERR_USAGE);
  CHECK(!w2s_table_new(store, &funcref, 10000001, 0, 0, 0, null, &error) && error.status == W2S_ERR_RESOURCE);
  CHECK(!w2s_func_new(store, 0, add_ten, NULL, NULL) && !w2s_func_new(store, 0xffffffff, add_ten, NULL, NULL));

  struct w2s_valtype v128 = {.code = W2S_V128};
  union w2s_value in = {.words = {3, 4}};
  union w2s_value out;
  struct w2s_global *global = w2s_global_new(store, &v128, 0, &in);
  w2s_global_set(global, &(union w2s_value){.words = {7, 7}}); /* immutable */
  w2s_global_get(global, &out);
  CHECK(out.words[0] == 3 && out.words[1] == 4);
  w2s_store_delete(store);
  w2s_store_delete(other);
}

/* A host function whose type no module knew gets its entry when one is opened; stubs stay while they are used. */
static void test_stubs(const char *folder) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_funcref *early = w2s_func_new(store, guest_type1(), add_ten, NULL, NULL);
  struct w2s_module *module = guest_open(folder, "PLAIN");
  struct w2s_error error;
  struct w2s_instance *instance;
  struct w2s_extern import = guest_func_extern(early);
  CHECK(w2s_instantiate(store, module, &import, 1, &instance, &error) == W2S_OK);
  CHECK(guest_call(store, instance, GUEST_CALL_HOST, 1, 0) == 11);
  union w2s_value value = {.i32 = 4};
  CHECK(w2s_call(store, early, &value, &error) == W2S_OK && value.i32 == 14);
  struct w2s_store *second = w2s_store_new();
  w2s_func_new(second, guest_type1(), add_ten, NULL, NULL); /* keeps the module that has the stub */
  w2s_module_release(module);
  w2s_store_delete(store);
  module = guest_open(folder, "CHECKED");
  instance = guest_instantiate(second, module, add_ten, NULL);
  CHECK(guest_call(second, instance, GUEST_CALL_HOST, 1, 0) == 11);
  w2s_store_delete(second);
  w2s_module_release(module);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  test_stubs(argv[1]);
  struct w2s_module *module = guest_open(argv[1], "PLAIN");
  struct w2s_module *checked = guest_open(argv[1], "CHECKED");
  test_plain(module);
  test_plain(checked);
  test_bulk(module);
  test_bulk(checked);
  test_link(module);
  test_traps(argv[1]);
  test_objects();
  w2s_module_release(module);
  w2s_module_release(checked);
  return 0;
}
